package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that was set back must leave nothing waiting for an instant far off.
func TestPastAfterTheClockWasSetBack(t *testing.T) {
	room := plain(t)
	room.SensorID, room.Grace, room.PresenceHold, room.MinOff = "pir", 10*time.Minute, 15*time.Minute, 30*time.Minute
	future := at("2030-01-14T10:00:00Z")
	past := Past{First: future, At: future, Report: Presence{true, false}, ReportedAt: future, Trusted: true, PresentSince: future, LastPresent: future,
		LastUntrusted: future, LastBooked: future, OverrunCounted: future, ComfortSince: future, Mode: ModeOccupied, Day: newFigures(future, room.Zone)}
	timeline := NewTimeline(room, readAt(at("09:00"), room.Zone, bookings("09:00-12:00")...))
	f, past, _ := timeline.Derive(past, at("09:00"))
	if past.At != at("09:00") || past.Day.From != at("00:00") {
		t.Errorf("told up to %v, of the day from %v", past.At, past.Day.From)
	}
	if f.Comfort {
		t.Error("comfort is on at once")
	}
	f, past, _ = timeline.Derive(past, at("09:30"))
	if !f.Comfort || past.ComfortSince != at("09:30") {
		t.Errorf("after its minimum time comfort is %t since %v", f.Comfort, past.ComfortSince)
	}
}

// After more than a day the day that ran is closed as it stood, and nothing is
// made up.
func TestPastAfterALongGap(t *testing.T) {
	room := plain(t)
	room.SensorID, room.Grace = "pir", 10*time.Minute
	timeline := NewTimeline(room, readAt(at("12:00"), room.Zone, bookings("2026-01-15T09:00:00Z/2026-01-15T10:00:00Z")...))
	_, past, _ := timeline.Derive(Past{}, at("12:00"))
	_, past, _ = timeline.Derive(past.WithReport(Presence{true, true}, at("12:00")), at("13:00"))
	f, past, _ := timeline.Derive(past, at("2026-01-16T13:00:01Z"))
	if past.Ended.From != at("00:00") || past.Ended.Used != time.Hour || past.Day.From != at("2026-01-16T00:00:00Z") || past.Day.Used != 0 {
		t.Errorf("ended %+v, running %+v", past.Ended, past.Day)
	}
	if f.NoShowsToday+f.EarlyLeavesToday+f.OverrunsToday+f.WalkInsToday != 0 {
		t.Errorf("made up: %+v", f)
	}
}

// However often it is written and read, a Past is the same.
func TestPastKept(t *testing.T) {
	room := plain(t)
	room.SensorID, room.Grace = "pir", 10*time.Minute
	timeline := NewTimeline(room, readAt(at("08:00"), room.Zone, bookings("09:00-10:00")...))
	_, past, _ := timeline.Derive(Past{}, at("08:00"))
	_, past, _ = timeline.Derive(past.WithReport(Presence{true, false}, at("08:00")), at("09:30:00"))
	text, err := json.Marshal(past)
	var again Past
	if err != nil || json.Unmarshal(text, &again) != nil || !reflect.DeepEqual(past, again) {
		t.Errorf("%s, %v:\n%+v\n%+v", text, err, past, again)
	}
	if len(past.Day.NoShows) != 1 {
		t.Errorf("no-shows %v", past.Day.NoShows)
	}
}

// diary is a History that keeps days as text.
type diary struct {
	mu    sync.Mutex
	days  []string
	err   error
	takes time.Duration // an Append takes so long
}

func (d *diary) Append(days []Day) error {
	time.Sleep(d.takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	for _, day := range days {
		d.days = append(d.days, fmt.Sprintf("%+v", day))
	}
	return nil
}

func (d *diary) fails(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// sensed is a world whose boardroom has a sensor and a day of its own: nobody at
// 09:00, a walk-in from 11:00 to 11:30, one who leaves early at 13:30.
func sensed(t *testing.T) (w *world, play func(d *Driver)) {
	w = newWorld(t, minute)
	w.Rooms[0].SensorID, w.Rooms[0].Grace, w.Rooms[0].PresenceHold = "pir", 10*minute, 15*minute
	w.calendar.set("boardroom", since(9*time.Hour, 10*time.Hour), since(13*time.Hour, 14*time.Hour))
	return w, func(d *Driver) {
		d.Presence("boardroom", Presence{true, false})
		d.Presence("attic", Presence{true, true}) // no such room
		for _, change := range []time.Duration{11 * time.Hour, 11*time.Hour + 30*minute, 13 * time.Hour, 13*time.Hour + 30*minute} {
			pass(change - time.Since(dawn))
			d.Presence("boardroom", Presence{true, change%time.Hour == 0})
			synctest.Wait()
		}
		pass(24*time.Hour + second - time.Since(dawn))
	}
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, play := sensed(t)
		history := &diary{}
		w.History = history
		d, stop := w.run(t)
		play(d)
		w.expect(t, boardroom, Occupied, "0s ?, 0s false, 11h0m0s true, 11h30m0s false, 13h0m0s true, 13h30m0s false")
		w.expect(t, boardroom, ModePoint, "0s ?, 0s unoccupied, 9h0m0s occupied, 9h10m0s standby, 10h0m0s unoccupied, 11h0m0s bypass, 11h45m0s unoccupied, "+
			"13h0m0s occupied, 13h40m0s standby, 14h0m0s unoccupied")
		w.expect(t, boardroom, NoShowsToday, "0s ?, 0s 0, 9h10m0s 1, 24h0m0s 0")
		w.expect(t, boardroom, EarlyLeavesToday, "0s ?, 0s 0, 14h0m0s 1, 24h0m0s 0")
		w.expect(t, boardroom, WalkIn, "0s ?, 0s false, 11h0m0s true, 11h45m0s false")
		w.expect(t, boardroom, SensorPoint, "0s silent, 0s good")
		if want := "[{Room:boardroom Date:2000-01-01 BookedMinutes:120 UsedMinutes:60 NoShows:1 WalkIns:1 EarlyLeaves:1 Overruns:0 ComfortMinutes:120 SensorMinutes:1440}]"; fmt.Sprint(history.days) != want {
			t.Errorf("history\n got %s\nwant %s", history.days, want)
		}
		stop()
		d.Presence("boardroom", Presence{true, true}) // returns although nobody listens
	})
}

// A restart in the afternoon, and one that follows a power cut.
func TestPresenceAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := sensed(t)
		d, stop := w.run(t)
		d.Presence("boardroom", Presence{true, false})
		pass(9*time.Hour + 31*minute)
		if text := string(w.shelf.values["past/boardroom"]); !strings.Contains(text, "no_shows") {
			t.Errorf("a no-show of 09:10 is not kept at 09:31: %s", text)
		}
		stop()
		w.published.changes[boardroom], w.published.latest = nil, map[Subject][]Value{}
		_, stop = w.run(t)
		pass(minute)
		w.expect(t, boardroom, NoShowsToday, "9h31m0s 1")
		w.expect(t, boardroom, SensorPoint, "9h31m0s good")
		stop()
		w.Rooms[0].ID = "huddle"
		_, stop = w.run(t)
		stop()
		if text := w.shelf.values["past/boardroom"]; text != nil {
			t.Errorf("the past of a room that is no more is kept: %s", text)
		}
	})
}

func TestSensorThatFallsSilentIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := sensed(t)
		w.Rooms[0].PresenceTimeout = time.Hour
		d, _ := w.run(t)
		pass(30 * minute)
		w.expectLogged(t, "sensor", 0)
		d.Presence("boardroom", Presence{true, false})
		pass(3 * time.Hour)
		w.expectLogged(t, "the presence sensor is not trusted", 1)
		w.expect(t, boardroom, SensorPoint, "0s silent, 30m0s good, 1h30m0s silent")
		d.Presence("boardroom", Presence{true, false})
		pass(minute)
		w.expectLogged(t, "the presence sensor is trusted", 2)
	})
}

// A history that fails is tried again every minute, and at the end, and loses nothing.
// The failure is logged once.
func TestHistoryThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		history := &diary{err: errors.New("no space left on device")}
		w.History = history
		_, stop := w.run(t)
		pass(24*time.Hour + 45*time.Minute)
		w.expectLogged(t, "no space left on device", 1)
		history.fails(nil)
		pass(minute)
		if len(history.days) != 1 || !strings.Contains(history.days[0], "2000-01-01") {
			t.Errorf("kept: %v", history.days)
		}
		history.fails(errors.New("no space left on device"))
		pass(23*time.Hour + 19*time.Minute)
		history.fails(nil)
		stop()
		if len(history.days) != 2 || !strings.Contains(history.days[1], "2000-01-02") {
			t.Errorf("kept at the end: %v", history.days)
		}
	})
}
