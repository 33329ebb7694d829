package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errFull = errors.New("no space left on device")

// The promise of the second holds while a write takes 25 s: the first one, and
// the one after half an hour, each with the days that are over before it.
func TestSlowWritesDelayNoBoundary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.shelf.slow(25 * second)
		w.History = &diary{takes: 25 * second}
		const day = 24 * time.Hour
		w.calendar.set("boardroom", since(10*second, 20*second), since(30*minute+10*second, 30*minute+20*second), since(day+10*second, day+20*second))
		_, stop := w.run(t)
		pass(day + minute)
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 10s true, 20s false, 30m10s true, 30m20s false, 24h0m10s true, 24h0m20s false")
		stop()
		if w.shelf.both {
			t.Error("two writes ran at once")
		}
	})
}

// A stop during a write waits for it and then writes what has changed since.
func TestStopDuringAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.shelf.slow(25 * second)
		w.calendar.set("boardroom", since(time.Hour, 2*time.Hour))
		d, stop := w.run(t)
		pass(10 * second)
		w.calendar.set("boardroom", since(3*time.Hour, 4*time.Hour))
		d.PollNow(t.Context(), "boardroom")
		pass(second)
		stop()
		if took := time.Since(dawn); took != 50*second {
			t.Errorf("stopped after %s, want 50s: the write that ran, and the last one", took)
		}
		w.shelf.expect(t, "25s boardroom past/boardroom read-at/rooms", "50s boardroom read-at/rooms")
		if text := w.shelf.text("boardroom"); !strings.Contains(text, "03:00:00Z") || strings.Contains(text, "01:00:00Z") {
			t.Errorf("stored: %s", text)
		}
		if w.shelf.both {
			t.Error("two writes ran at once")
		}
	})
}

// Whatever changes during a write is written by the next one, once, as it is then.
func TestChangesDuringAWriteWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*second)
		w.add("huddle")
		w.calendar.fail("huddle", errTimeout)
		w.shelf.slow(25 * second)
		_, stop := w.run(t)
		pass(second)
		w.calendar.fail("huddle", nil) // is known for the first time at 5s, which is written at once
		for i := range 4 {
			w.calendar.set("huddle", since(time.Duration(i+1)*time.Hour, 9*time.Hour))
			pass(5 * second)
		}
		w.shelf.slow(0)
		pass(10 * second)
		w.shelf.expect(t, "25s boardroom past/boardroom read-at/rooms", "25s huddle past/huddle read-at/rooms")
		if text := w.shelf.text("huddle"); !strings.Contains(text, "04:00:00Z") {
			t.Errorf("stored: %s", text)
		}
		stop()
	})
}

func TestFailedSlowWriteIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.shelf.slow(25 * second)
		w.shelf.fail(errFull)
		w.calendar.set("boardroom", since(30*second, time.Hour))
		_, stop := w.run(t)
		pass(10 * second)
		w.calendar.set("boardroom", since(30*second, 2*time.Hour))
		pass(80 * second) // 1m30s
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 30s true")
		w.shelf.fail(nil)
		pass(minute) // 2m30s
		w.expectLogged(t, "no space left on device", 1)
		if text := w.shelf.text("boardroom"); !strings.Contains(text, "02:00:00Z") {
			t.Errorf("stored: %s", text)
		}
		stop()
	})
}

// dayOfPast is the day that runs in the stored past of a room.
func (s *shelf) dayOfPast(t *testing.T, room string) string {
	t.Helper()
	var kept storedPast
	if err := json.Unmarshal([]byte(s.text(pastKey(room))), &kept); err != nil {
		t.Fatal(err)
	}
	return kept.Past.Day.From.Format(time.DateOnly)
}

// While the history fails, no stored past says that the day is over; the rest is
// written. After a power cut the day is derived and appended again.
func TestHistoryThatFailsKeepsThePastBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(9*time.Hour, 10*time.Hour))
		history := &diary{err: errFull}
		w.History = history
		_, stop := w.run(t)
		pass(24*time.Hour + 10*minute)
		w.calendar.set("boardroom", since(9*time.Hour, 10*time.Hour), since(33*time.Hour, 34*time.Hour))
		pass(time.Hour)
		if day := w.shelf.dayOfPast(t, "boardroom"); day != "2000-01-01" {
			t.Errorf("the stored past is in %s, and the history has no day", day)
		}
		if text := w.shelf.text("boardroom"); !strings.Contains(text, "2000-01-02T09:00:00Z") {
			t.Errorf("bookings were not stored: %s", text)
		}
		left := w.shelf.copy()
		history.fails(nil)
		pass(time.Hour)
		if day := w.shelf.dayOfPast(t, "boardroom"); day != "2000-01-02" || len(history.days) != 1 {
			t.Errorf("with the history back, the stored past is in %s, and kept is %v", day, history.days)
		}
		stop()

		after := newWorld(t, minute)
		after.Memory, after.History = left, &diary{}
		_, stop = after.run(t)
		stop()
		if kept := after.History.(*diary).days; len(kept) != 1 || !strings.Contains(kept[0], "Date:2000-01-01 BookedMinutes:60") {
			t.Errorf("after a power cut, kept is %v", kept)
		}
	})
}

// A history that fails at the very end leaves the day to the next run.
func TestHistoryThatFailsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		history := &diary{err: errFull}
		w.History = history
		_, stop := w.run(t)
		pass(24*time.Hour + minute)
		stop()
		if day := w.shelf.dayOfPast(t, "boardroom"); day != "2000-01-01" {
			t.Errorf("the stored past is in %s, and the history has no day", day)
		}
		history.fails(nil)
		_, stop = w.run(t)
		stop()
		if len(history.days) != 1 || !strings.Contains(history.days[0], "2000-01-01") {
			t.Errorf("kept: %v", history.days)
		}
	})
}

func TestBacklogOfDaysIsBounded(t *testing.T) {
	var all []Day
	for date := range 5 {
		for _, room := range []string{"boardroom", "huddle"} {
			if room == "huddle" && date > 1 {
				continue
			}
			all = append(all, Day{Room: room, Date: fmt.Sprint(date)})
		}
	}
	var got []string
	for _, d := range newestDays(all, 3) {
		got = append(got, d.Room+" "+d.Date)
	}
	if want := "huddle 0, huddle 1, boardroom 2, boardroom 3, boardroom 4"; strings.Join(got, ", ") != want {
		t.Errorf("left: %s; want %s", strings.Join(got, ", "), want)
	}
}

// Setting the clock by less than what counts as a step neither delays nor hastens
// polls, sweeps, requests and heartbeats.
func TestClockSetByALittle(t *testing.T) {
	for _, by := range []time.Duration{25 * second, -25 * second} {
		synctest.Test(t, func(t *testing.T) {
			w, s := newSweptWorld(t, 2*minute, 40*second)
			d, _ := w.run(t)
			pass(30 * second)
			d.PollNow(t.Context(), "boardroom")
			pass(second) // 31s
			w.clock.step(by)
			d.PollNow(t.Context(), "boardroom")
			pass(4*minute + 29*second) // 5m0s
			w.expectReads(t, "boardroom", "0s 30s 35s 2m0s 4m0s")
			s.expectSweeps(t, "0s 40s 1m20s 2m0s 2m40s 3m20s 4m0s 4m40s")
			w.expectLogged(t, "stepped", 0)
			for i, want := range []time.Duration{minute + by, 2*minute + by, 3*minute + by} {
				beats := w.published.changes[gateway][OfGateway.Index(Heartbeat)]
				if got := fmt.Sprintf("%s %d", want, dawn.Add(want).Unix()); beats[i+1] != got {
					t.Errorf("heartbeat %d: %s, want %s", i+1, beats[i+1], got)
				}
			}
		})
	}
}

// A step of half a minute is noticed in either direction, whenever the loop turns.
func TestClockStepIsNoticed(t *testing.T) {
	for _, by := range []time.Duration{31 * second, -31 * second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, time.Hour)
			w.run(t)
			pass(10 * second)
			w.clock.step(by)
			pass(minute)
			w.expectLogged(t, "the clock was stepped", 1)
			w.expectLogged(t, fmt.Sprintf("by=%s", by), 1)
			w.expectPolls(t, "0s 1m0s")
		})
	}
}

func TestStopwatchOfTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := WallClock{}.Stopwatch()
		pass(minute)
		second := WallClock{}.Stopwatch()
		pass(time.Hour)
		if first() != time.Hour+minute || second() != time.Hour {
			t.Errorf("%s and %s", first(), second())
		}
	})
}
