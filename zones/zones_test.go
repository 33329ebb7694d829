package zones

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEveryWindowsNameLoads(t *testing.T) {
	if len(windowsZones) < 130 {
		t.Errorf("only %d names in the table", len(windowsZones))
	}
	for name, iana := range windowsZones {
		z, err := Load(name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
		} else if z.String() != iana && z != time.UTC {
			t.Errorf("%q is %s, want %s", name, z, iana)
		}
	}
}

// TestZoneTableIsComplete compares the table with CLDR's file: each name has the
// zone of its row for the whole world, and the table has no other name.
func TestZoneTableIsComplete(t *testing.T) {
	text, err := os.ReadFile("testdata/windowsZones.json")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`"_other":"([^"]+)","_type":"([^" ]+)[^"]*","_territory":"(\w+)"`).FindAllStringSubmatch(string(text), -1)
	names, defaults := map[string]bool{}, 0
	for _, r := range rows {
		names[r[1]] = true
		if r[3] != "001" {
			continue
		}
		defaults++
		if windowsZones[r[1]] != r[2] {
			t.Errorf("%q is %q, want %q", r[1], windowsZones[r[1]], r[2])
		}
	}
	if len(rows) < 400 || defaults != len(names) || defaults != len(windowsZones) {
		t.Errorf("%d rows, %d names, %d of them for the world, %d in the table; want a table of all names", len(rows), len(names), defaults, len(windowsZones))
	}
	for name, iana := range newWindowsZones {
		if windowsZones[name] != "" {
			t.Errorf("CLDR has %q now: remove it from newWindowsZones", name)
		}
		if z, err := Load(name); err != nil || z.String() != iana {
			t.Errorf("%q is %v, %v, want %s", name, z, err, iana)
		}
	}
}

// TestZoneOffsets compares what clocks show at noon UTC in January and in July.
func TestZoneOffsets(t *testing.T) {
	for _, tt := range []struct{ name, january, july string }{
		{"UTC", "12:00", "12:00"},
		{"utc", "12:00", "12:00"},
		{"Pacific Standard Time", "04:00", "05:00"},
		{"Eastern Standard Time", "07:00", "08:00"},
		{"W. Europe Standard Time", "13:00", "14:00"},
		{"Romance Standard Time", "13:00", "14:00"},
		{"GMT Standard Time", "12:00", "13:00"},
		{"Greenwich Standard Time", "12:00", "12:00"},
		{"Central European Standard Time", "13:00", "14:00"},
		{"India Standard Time", "17:30", "17:30"},
		{"Argentina Standard Time", "09:00", "09:00"},
		{"Central Asia Standard Time", "18:00", "18:00"},
		{"New Zealand Standard Time", "01:00", "00:00"},
		{"Europe/Berlin", "13:00", "14:00"},
		{"Asia/Katmandu", "17:45", "17:45"},
		{"America/Los_Angeles", "04:00", "05:00"},
	} {
		z, err := Load(tt.name)
		if err != nil {
			t.Errorf("%q: %v", tt.name, err)
			continue
		}
		january := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC).In(z).Format("15:04")
		july := time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC).In(z).Format("15:04")
		if january != tt.january || july != tt.july {
			t.Errorf("%q shows %s and %s, want %s and %s", tt.name, january, july, tt.january, tt.july)
		}
	}
}

func TestOfWindows(t *testing.T) {
	for name, want := range map[string]string{"GMT Standard Time": "Europe/London", "w. europe standard time": "Europe/Berlin", "UTC": "Etc/UTC",
		"Europe/London": "", "GMT": "", "": ""} {
		if got, ok := OfWindows(name); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", name, got, ok, want)
		}
	}
}

// TestUnknownZones includes Local, which would be the gateway's own zone.
func TestUnknownZones(t *testing.T) {
	for _, name := range []string{
		"", "Local", "local", "LOCAL", "tzone://Microsoft/Custom", "Customized Time Zone", "Mars Standard Time", "../../etc/passwd", "/etc/localtime", "Europe/", " ",
	} {
		z, err := Load(name)
		if err == nil || !strings.Contains(err.Error(), "is not known") || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: zone %v, error %v; want an error that names it", name, z, err)
		}
	}
	if _, err := Load(strings.Repeat("x", 1000)); err == nil || len(err.Error()) > 100 {
		t.Errorf("a long name is not cut: %v", err)
	}
}
