package graph

import (
	"strings"
	"testing"
	"time"
)

func TestLoadZone(t *testing.T) {
	for _, tt := range []struct{ name, july string }{
		{"", "12:00"},
		{"UTC", "12:00"},
		{"tzone://Microsoft/Utc", "12:00"},
		{"tzone://microsoft/utc", "12:00"},
		{"Romance Standard Time", "14:00"},
		{"Asia/Katmandu", "17:45"},
	} {
		zone, err := loadZone(tt.name)
		if err != nil {
			t.Errorf("%q: %v", tt.name, err)
			continue
		}
		if got := time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC).In(zone).Format("15:04"); got != tt.july {
			t.Errorf("%q shows %s at noon UTC in July, want %s", tt.name, got, tt.july)
		}
	}
	for _, name := range []string{"tzone://Microsoft/Custom", "Customized Time Zone", "Local"} {
		if zone, err := loadZone(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: zone %v, error %v; want an error that names it", name, zone, err)
		}
	}
}
