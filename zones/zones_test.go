package zones

import (
	"maps"
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

// TestLoadWhatClientsWrite: padded names and captions.
func TestLoadWhatClientsWrite(t *testing.T) {
	for name, want := range map[string]string{
		"W. Europe Standard Time\x00\x00":               "Europe/Berlin",
		"\t Asia/Tokyo \r\n":                            "Asia/Tokyo",
		"UTC\x00":                                       "UTC",
		"(UTC) Coordinated Universal Time":              "Etc/UTC",
		"(UTC+00:00) Dublin, Edinburgh, Lisbon, London": "Europe/London",
		"(GMT-08:00) Pacific Time (US & Canada)":        "America/Los_Angeles",
		"(UTC+05:45) Kathmandu\x00":                     "Asia/Katmandu",
	} {
		if z, err := Load(name); err != nil || z.String() != want {
			t.Errorf("%q is %v, %v; want %s", name, z, err, want)
		}
	}
	for _, name := range []string{"\x00", " ", "(UTC+01:00) ", "(UTC+01:00) Amsterdam", "(UTC+01:00) Amsterdam, Berlijn, Bern, Rome, Stockholm, Wenen",
		"Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "W. Europe\x00 Standard Time"} {
		if z, err := Load(name); err == nil {
			t.Errorf("%q is %v, want an error", name, z)
		}
	}
}

// TestCaptions: every Windows zone has a caption, and no other has one.
func TestCaptions(t *testing.T) {
	missing := maps.Clone(windowsZones)
	for caption, name := range captions {
		if windowsZones[name] == "" || caption == "" || strings.HasPrefix(caption, "(") {
			t.Errorf("%q is the caption of %q", caption, name)
		}
		delete(missing, name)
	}
	if len(missing) > 0 {
		t.Errorf("without a caption: %v", missing)
	}
}

// TestWindows: the name of the zone, or else of one whose clocks show the same.
func TestWindows(t *testing.T) {
	week := func(day string) (from, to time.Time) {
		from, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return from, from.AddDate(0, 0, 7)
	}
	for _, tt := range []struct{ zone, week, want string }{
		{"UTC", "2026-11-01", "UTC"},
		{"Europe/Berlin", "2026-11-01", "W. Europe Standard Time"},
		{"Asia/Singapore", "2026-11-01", "Singapore Standard Time"},
		{"Pacific/Auckland", "2026-11-01", "New Zealand Standard Time"},
		{"Asia/Kolkata", "2026-11-01", "India Standard Time"},
		{"Asia/Kathmandu", "2026-11-01", "Nepal Standard Time"},
		{"America/Troll", "2026-11-01", ""},
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			zone = time.FixedZone(tt.zone, 17*60) // of no place
		}
		from, to := week(tt.week)
		if got := Windows(zone, from, to); got != tt.want {
			t.Errorf("%s is %q, want %q", tt.zone, got, tt.want)
		}
	}
	// Every other zone must show the same before and after a change of the clocks.
	for _, name := range []string{"Europe/Amsterdam", "Europe/Dublin", "America/Detroit", "Australia/Melbourne", "Africa/Lagos"} {
		for _, day := range []string{"2026-03-05", "2026-03-26", "2026-07-01", "2026-10-01", "2026-10-22", "2026-10-29"} {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			from, to := week(day)
			other, err := Load(Windows(zone, from, to))
			if err != nil {
				t.Errorf("%s in the week of %s: %v", name, day, err)
				continue
			}
			for at := from; at.Before(to); at = at.Add(30 * time.Minute) {
				if a, b := at.In(zone).Format(time.DateTime), at.In(other).Format(time.DateTime); a != b {
					t.Fatalf("%s shows %s when %s shows %s", name, a, other, b)
				}
			}
		}
	}
}
