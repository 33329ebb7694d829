package gateway

import (
	"bytes"
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
		boardroom.Week.Days = [7][]config.HoursRange{
			time.Saturday: {{From: 7 * 60, To: 12 * 60}}, time.Sunday: {{From: 0, To: 24 * 60}},
			time.Monday: {{From: 7 * 60, To: 18*60 + 30}}, time.Tuesday: {{From: 7 * 60, To: 18*60 + 30}}}
		boardroom.Week.Exceptions = map[string][]config.HoursRange{"2026-03-31": {{From: 8 * 60, To: 13 * 60}, {From: 13 * 60, To: 18 * 60}}}

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
	date := func(s string) time.Time {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			b.t.Fatal(err)
		}
		return t
	}
	p, err := driver.NewPeriod(date(from), date(to), b.now())
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := b.g.Client().Report(b.t.Context(), b.cfg, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func wantCSV(t *testing.T, r driver.Report, want string) {
	t.Helper()
	var got bytes.Buffer
	if err := r.WriteCSV(&got); err != nil || got.String() != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Errorf("csv (%v):\n%s\nwant\n%s", err, &got, want)
	}
}

// wantText compares a text without regard to how wide its columns are.
func wantText(t *testing.T, r driver.Report, want string) {
	t.Helper()
	var got bytes.Buffer
	if err := r.WriteText(&got); err != nil {
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

// A date whose value is damaged in the database is named and left out. A room that
// is no longer configured is in the report of its days.
func TestReportOfDamagedDays(t *testing.T) {
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
		if len(r.Rooms) != 3 {
			t.Errorf("%d rooms, want the two of the configuration and the attic", len(r.Rooms))
		}
	})
}
