package main

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// Days of two rooms, one with a sensor and a weekly schedule, through a restart,
// the change of the clocks, and days for which the gateway was off.
func TestReportOfKnownDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := london(t)
		b := newBuilding(t, 20260327, time.Date(2026, 3, 1, 0, 0, 0, 0, zone), 2, `poll = "@every 5m"`)
		at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, zone) }
		boardroom := &b.cfg.Rooms[0]
		boardroom.PresenceTopic, boardroom.PresenceTimeout = "bms/boardroom", 0
		for i, lead := range []time.Duration{30 * time.Minute, 10 * time.Minute} {
			b.cfg.Rooms[i].Lead, b.cfg.Rooms[i].Lag, b.cfg.Rooms[i].Gap = lead, 0, 0
		}
		boardroom.Week.Days = [7][]config.Stretch{
			time.Saturday: {{From: 7 * 60, To: 12 * 60}}, time.Sunday: {{From: 0, To: 24 * 60}},
			time.Monday: {{From: 7 * 60, To: 18*60 + 30}}, time.Tuesday: {{From: 7 * 60, To: 18*60 + 30}}}
		boardroom.Week.Exceptions = map[string][]config.Stretch{"2026-03-31": {{From: 8 * 60, To: 13 * 60}, {From: 13 * 60, To: 18 * 60}}}

		b.until(at(27, 22, 0)) // of the office, only what is booked every week is left: 09:00 to 09:30, here on Monday, there on Tuesday
		for _, booked := range [][2]time.Time{
			{at(28, 9, 0), at(28, 10, 0)},
			{at(28, 11, 0), at(28, 12, 0)},
			{at(29, 0, 30), at(29, 2, 30)}, // an hour: the clocks skip the one from 01:00
			{at(30, 16, 0), at(30, 17, 0)},
		} {
			if _, err := b.sim.Book(graphsim.ServiceAccount, []string{address("boardroom")}, graphsim.Event{Subject: "Talk with Ann", Start: booked[0], End: booked[1]}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(b.taken("boardroom", at(28, 0, 0), at(31, 0, 0))); n != 5 {
			t.Fatalf("the calendar has %d bookings, want 5", n)
		}
		b.polite(true)
		b.start()
		b.signIn()
		sensor := func(when time.Time, on bool) {
			b.until(when)
			b.g.driver.Presence("boardroom", driver.Presence{Known: true, On: on})
			synctest.Wait()
		}
		sensor(at(27, 22, 5), false)
		sensor(at(28, 9, 5), true)
		b.until(at(28, 9, 20))
		b.restart()
		sensor(at(28, 9, 40), false) // 20 minutes early
		sensor(at(29, 14, 0), true)  // without a booking
		sensor(at(29, 14, 25), false)
		sensor(at(30, 15, 58), true)
		sensor(at(30, 17, 20), false) // 20 minutes late
		sensor(at(31, 11, 50), true)
		sensor(at(31, 11, 56), false)
		b.until(at(31, 12, 0))
		b.stop()
		b.until(time.Date(2026, 4, 3, 12, 0, 0, 0, zone))
		b.start()
		b.pass(time.Minute)

		r := b.report("2026-03-28", "2026-04-02")
		wantCSV(t, r, `room,date,booked_minutes,comfort_minutes,sensor_minutes,used_minutes,no_shows,walk_ins,early_leaves,overruns,baseline_minutes,avoided_conditioned_minutes
boardroom,2026-03-28,120,180,1440,35,1,0,1,0,300,120
boardroom,2026-03-29,60,90,1380,25,1,1,0,0,1380,1290
boardroom,2026-03-30,90,150,1440,82,1,0,0,1,690,540
boardroom,2026-03-31,0,0,720,6,0,1,0,0,600,600
library,2026-03-28,0,0,,,,,,,,
library,2026-03-29,0,0,,,,,,,,
library,2026-03-30,0,0,,,,,,,,
library,2026-03-31,30,40,,,,,,,,
`)
		wantText(t, r, `hq, 2026-03-28 to 2026-04-02. Days that are not known are left out.
ROOM DAYS KNOWN BOOKED UTILISATION USED NO-SHOWS WALK-INS EARLY LEAVES OVERRUNS COMFORT BASELINE AVOIDED
boardroom 4 of 6 4.5 h 5 % 2.5 h 3 2 1 1 7.0 h 49.5 h 42.5 h, 86 %
library 4 of 6 0.5 h 1 % - - - - - 0.7 h - -
all 8 of 12 5.0 h 3 % 2.5 h 3 2 1 1 7.7 h 49.5 h 42.5 h, 86 %
`)
	})
}

// report asks the gateway as the command does.
func (b *building) report(from, to string) driver.Report {
	b.t.Helper()
	p, err := periodOf(from, to, b.now())
	if err != nil {
		b.t.Fatal(err)
	}
	commands := &gatewayClient{http: &http.Client{Transport: inProcess{b.g.control}}}
	r, err := commands.report(b.t.Context(), b.cfg, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func wantCSV(t *testing.T, r driver.Report, want string) {
	t.Helper()
	var got bytes.Buffer
	if err := csvReport(&got, r); err != nil || got.String() != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Errorf("csv (%v):\n%s\nwant\n%s", err, &got, want)
	}
}

// wantText compares a text without regard to how wide its columns are.
func wantText(t *testing.T, r driver.Report, want string) {
	t.Helper()
	var got bytes.Buffer
	if err := textReport(&got, r); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(got.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " ")+"\n")
	}
	if text := strings.Join(lines, ""); text != want {
		t.Errorf("text:\n%s\nwant\n%s", text, want)
	}
}

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

// A date whose value is damaged in the database is named and left out; a room
// that neither is configured nor has days is a mistake of usage.
func TestReportOfDamageAndUnknownRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilding(t, 1, time.Date(2026, 3, 1, 0, 0, 0, 0, london(t)), 2, "")
		b.start()
		day := func(room, date string) driver.Day { return driver.Day{Room: room, Date: date, BookedMinutes: 5} }
		if err := b.g.history().Append([]driver.Day{day("attic", "2026-01-14"), day("library", "2026-01-14"), day("library", "2026-01-15")}); err != nil {
			t.Fatal(err)
		}
		if err := b.g.store.Bucket("history").Put(map[string][]byte{"2026-01-15": []byte("rubbish")}); err != nil {
			t.Fatal(err)
		}
		r := b.report("2026-01-14", "2026-01-15")
		if !slices.Equal(r.Damaged, []string{"2026-01-15"}) || r.Rooms[1].DaysKnown != 1 || r.Rooms[1].Booked != 5 {
			t.Errorf("damaged %v, library %+v", r.Damaged, r.Rooms[1])
		}
		if err := keepRooms(&r, nil); err != nil || len(r.Rooms) != 3 {
			t.Errorf("all rooms: %d, %v", len(r.Rooms), err)
		}
		if err := keepRooms(&r, []string{"attic", "libary"}); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "libary") {
			t.Errorf("a room that never was: %v", err)
		}
	})
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
