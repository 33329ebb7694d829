package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWeek finds a room's own days and dates over those of the site, in order.
func TestWeek(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", `[site.schedule]
mon = ["13:00-24:00", "00:00-12:00", "12:00-13:00"]
tue = ["07:00-18:30"]
sat = ["09:00-13:00"]
[site.schedule.exceptions]
"2026-12-25" = []
2026-12-26 = ["10:00-12:00"]
[defaults.room]
fail_safe = "schedule"
[mqtt]`, 1)+`mailbox = "boardroom@contoso.example"
[room.schedule]
tue = ["10:00-11:00"]
sat = []
[room.schedule.exceptions]
"2026-12-26" = []
"2027-01-01" = ["23:59-24:00"]
[[room]]
id = "attic"
mailbox = "attic@contoso.example"
[[room]]
id = "cellar"
mailbox = "cellar@contoso.example"
fail_safe = "hold"
`, nil)
	site := Week{
		Days: [7][]HoursRange{
			time.Monday:   {{0, 12 * 60}, {12 * 60, 13 * 60}, {13 * 60, 24 * 60}},
			time.Tuesday:  {{7 * 60, 18*60 + 30}},
			time.Saturday: {{9 * 60, 13 * 60}},
		},
		Exceptions: map[string][]HoursRange{"2026-12-25": {}, "2026-12-26": {{600, 720}}},
	}
	own := site
	own.Days[time.Tuesday] = []HoursRange{{600, 660}}
	own.Days[time.Saturday] = []HoursRange{}
	own.Exceptions = map[string][]HoursRange{"2026-12-25": {}, "2026-12-26": {}, "2027-01-01": {{1439, 1440}}}
	for i, want := range []Week{own, site, site} {
		if got := c.Rooms[i].Week; !reflect.DeepEqual(got, want) {
			t.Errorf("room %s: %v, want %v", c.Rooms[i].ID, got, want)
		}
	}

	out := printed(t, c)
	for _, lines := range []string{
		"[site.schedule]\nmon = [\"00:00-12:00\", \"12:00-13:00\", \"13:00-24:00\"]\ntue = [\"07:00-18:30\"]\nsat = [\"09:00-13:00\"]\n" +
			"\n[site.schedule.exceptions]\n\"2026-12-25\" = []\n\"2026-12-26\" = [\"10:00-12:00\"]\n",
		"[room.schedule]\ntue = [\"10:00-11:00\"]\nsat = []\n\n[room.schedule.exceptions]\n\"2026-12-26\" = []\n\"2027-01-01\" = [\"23:59-24:00\"]\n",
	} {
		if !strings.Contains(out, lines) {
			t.Errorf("print lacks\n%s:\n%s", lines, out)
		}
	}
	if again := mustParse(t, out, nil); !reflect.DeepEqual(again.Rooms, c.Rooms) || printed(t, again) != out {
		t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again.Rooms, c.Rooms)
	}
}

// TestWeekOfRoomAlone has a week where the site has none.
func TestWeekOfRoomAlone(t *testing.T) {
	c := mustParse(t, minimal+"fail_safe = \"schedule\"\n[room.schedule.exceptions]\n\"2026-12-24\" = [\"08:00-12:00\"]\n", nil)
	if got, want := c.Rooms[0].Week, (Week{Exceptions: map[string][]HoursRange{"2026-12-24": {{480, 720}}}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWeekdays compares the keys of a schedule with the names of the days.
func TestWeekdays(t *testing.T) {
	for day, key := range weekdays {
		if name := time.Weekday(day).String(); strings.ToLower(name[:3]) != key {
			t.Errorf("%s is the key of %s", key, name)
		}
	}
}

// TestShippedWeek finds the hours of the shipped configuration as they are written.
func TestShippedWeek(t *testing.T) {
	full := strings.Replace(commented.ReplaceAllString(string(readTest(t, reference)), "$1"), `fail_safe = "hold"`, `fail_safe = "schedule"`, 1)
	r := mustParse(t, full, nil).Rooms[0]
	if got, want := r.Week.Days[time.Friday], []HoursRange{{420, 720}, {780, 1020}}; !slices.Equal(got, want) {
		t.Errorf("friday %v, want %v", got, want)
	}
	if got, want := r.Week.Days[time.Saturday], []HoursRange{{540, 780}}; !slices.Equal(got, want) {
		t.Errorf("saturday %v, want %v", got, want)
	}
	if got := slices.Sorted(maps.Keys(r.Week.Exceptions)); !slices.Equal(got, []string{"2026-12-25"}) {
		t.Errorf("exceptions %v", got)
	}
	if want := []Rule{{"deep cleaning", true}, {"cleaning", false}}; !slices.Equal(r.Rules, want) {
		t.Errorf("rules %v, want %v", r.Rules, want)
	}
}
