package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// The three forms of a small report, letter by letter.
func TestReportFormats(t *testing.T) {
	known := driver.Usage{Minutes: 1440, Booked: 90, Comfort: 130, Presence: &driver.PresenceUsage{Sensor: 1440, Used: 61, NoShows: 1, WalkIns: 2, EarlyLeaves: 3, Overruns: 4},
		Baseline: &driver.Baseline{Minutes: 690, Avoided: 560}}
	r := driver.Report{Site: "hq", From: "2026-01-14", To: "2026-01-15", Days: 2, Damaged: []string{"2026-01-15"}, Rooms: []driver.RoomReport{
		{Room: "boardroom", DaysKnown: 1, Usage: known, Days: []driver.DayReport{{Date: "2026-01-14", Usage: known}}},
		{Room: "attic", Days: []driver.DayReport{}}}}
	for format, want := range map[string]string{
		"text": `hq, 2026-01-14 to 2026-01-15. Days that are not known are left out.
ROOM       DAYS KNOWN  BOOKED  UTILISATION  USED   NO-SHOWS  WALK-INS  EARLY LEAVES  OVERRUNS  COMFORT  BASELINE  AVOIDED
boardroom  1 of 2      1.5 h   6 %          1.0 h  1         2         3             4         2.2 h    11.5 h    9.3 h, 81 %
attic      0 of 2      -       -            -      -         -         -             -         -        -         -
all        1 of 4      1.5 h   6 %          1.0 h  1         2         3             4         2.2 h    11.5 h    9.3 h, 81 %
`,
		"csv": "room,date,booked_minutes,comfort_minutes,sensor_minutes,used_minutes,no_shows,walk_ins,early_leaves,overruns," +
			"baseline_minutes,avoided_conditioned_minutes\r\nboardroom,2026-01-14,90,130,1440,61,1,2,3,4,690,560\r\n",
		"json": `{
  "site": "hq",
  "from": "2026-01-14",
  "to": "2026-01-15",
  "days_asked": 2,
  "damaged": [
    "2026-01-15"
  ],
  "rooms": [
    {
      "room": "boardroom",
      "days_known": 1,
      "booked_minutes": 90,
      "comfort_minutes": 130,
      "presence": {
        "sensor_minutes": 1440,
        "used_minutes": 61,
        "no_shows": 1,
        "walk_ins": 2,
        "early_leaves": 3,
        "overruns": 4
      },
      "baseline": {
        "minutes": 690,
        "avoided_conditioned_minutes": 560
      },
      "days": [
        {
          "date": "2026-01-14",
          "booked_minutes": 90,
          "comfort_minutes": 130,
          "presence": {
            "sensor_minutes": 1440,
            "used_minutes": 61,
            "no_shows": 1,
            "walk_ins": 2,
            "early_leaves": 3,
            "overruns": 4
          },
          "baseline": {
            "minutes": 690,
            "avoided_conditioned_minutes": 560
          }
        }
      ]
    },
    {
      "room": "attic",
      "days_known": 0,
      "booked_minutes": 0,
      "comfort_minutes": 0,
      "presence": null,
      "baseline": null,
      "days": []
    }
  ]
}
`} {
		var got bytes.Buffer
		if err := reportFormats[format](&got, r); err != nil || got.String() != want {
			t.Errorf("%s (%v):\n%s\nwant\n%s", format, err, &got, want)
		}
	}
}

// A room that neither is configured nor has days is a mistake of usage.
func TestReportOfUnknownRooms(t *testing.T) {
	r := driver.Report{Rooms: []driver.RoomReport{{Room: "attic"}, {Room: "boardroom"}, {Room: "library"}}}
	if err := (&globals{}).keepRooms(&r, nil); err != nil || len(r.Rooms) != 3 {
		t.Errorf("all rooms: %d, %v", len(r.Rooms), err)
	}
	if err := (&globals{}).keepRooms(&r, []string{"attic", "libary"}); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "libary") {
		t.Errorf("a room that never was: %v", err)
	}
}

func TestPeriodOf(t *testing.T) {
	now := time.Date(2026, 6, 16, 0, 30, 0, 0, london(t))
	p, err := periodOf("2026-06-01", "", now)
	if first, last := p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly); err != nil || first != "2026-06-01" || last != "2026-06-15" {
		t.Errorf("%s to %s, %v", first, last, err)
	}
	for _, c := range [][2]string{{"2026-02-30", ""}, {"", "yesterday"}, {"2026-06-16", ""}, {"2026-02-02", "2026-02-01"}, {"2025-05-11", ""}} {
		var u usageError
		if _, err := periodOf(c[0], c[1], now); !errors.As(err, &u) {
			t.Errorf("%q to %q: %v, want a usage error", c[0], c[1], err)
		}
	}
}

func london(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
