package driver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// unreadable answers with bookings, and with an event of the id that cannot be read and
// is over until the end at the latest.
func unreadable(id string, end time.Duration, bookings ...Booking) func(Digest) Reading {
	return func(Digest) Reading {
		bad := Event{ID: id, ShowAs: Busy, Start: dawn, End: dawn.Add(end), Err: errors.New(`time zone "X" is not known`)}
		return Reading{Events: append(eventsOf(bookings), bad), Digest: Digest{Length: 7, Sum: 1}}
	}
}

// While an event cannot be understood the quality is not good, and what was known of it
// is kept, also while the reading is unchanged. Once it is understood all is good.
func TestUnreadEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*minute)
		b, other := since(12*minute, 20*minute), since(30*minute, 40*minute)
		s := &scripted{answers: []func(Digest) Reading{read(7, b, other), unreadable(b.ID, time.Hour, other), unchanged, unchanged, unchanged, read(8, other), unchanged}}
		w.Accounts[0].Provider = s
		w.run(t)
		pass(41*minute + second)
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 12m0s true, 20m0s false, 30m0s true, 40m0s false")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good, 5m0s stale, 25m0s good")
		w.expect(t, gateway, RoomsGood, "0s 0, 0s 1, 5m0s 0, 25m0s 1")
		w.expect(t, boardroom, Fault, fmt.Sprintf("0s no read has succeeded yet, 0s nothing, 5m0s an event before %s could not be understood, "+
			`and the room may be shown as free at its time: time zone "X" is not known; correct its time in the calendar, 25m0s nothing`, rfc3339(dawn.Add(time.Hour))))
		w.expectLogged(t, "events could not be understood", 1)
		w.expectLogged(t, "can be understood again", 1)
	})
}

// An event that cannot be understood matters until it is over, whatever its time is.
func TestUnreadEventThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*minute)
		w.Accounts[0].Provider = &scripted{answers: []func(Digest) Reading{unreadable("x", 17*minute), unchanged}}
		w.run(t)
		pass(30*minute + second)
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s stale, 17m0s good")
	})
}

// What is known of unread events survives a restart, so that the room is not good until
// the next reading.
func TestUnreadEventAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*minute)
		b := since(0, time.Hour)
		w.Accounts[0].Provider = &scripted{answers: []func(Digest) Reading{read(7, b), unreadable(b.ID, 2*time.Hour)}}
		_, stop := w.run(t)
		pass(6 * minute)
		stop()
		again := newWorld(t, 5*minute)
		again.Memory = w.Memory
		again.Accounts[0].Provider = mute{}
		again.run(t)
		pass(second)
		again.expect(t, boardroom, QualityPoint, "6m0s stale")
		again.expect(t, boardroom, Booked, "6m0s true")
	})
}

// The quality is explained, and the forecasts assume that the calendar is still read.
func TestWhyUnreadEvent(t *testing.T) {
	room, b := plain(t), booked("09:00-10:00")
	snap := readAt(at("08:30"), room.Zone, b)
	snap.Unread = Unread{Events: 2, Until: at("12:00"), Reason: "no zone"}
	whys := map[string]Why{}
	for _, w := range NewTimeline(room, snap).Why(Past{}, at("08:30")) {
		whys[w.Point] = w
	}
	want := "stale: last read at 08:30, but 2 events before 12:00 could not be understood, and the room may be shown as free at their time; " +
		"the first: no zone; correct its time in the calendar"
	if got := whys[QualityPoint].Value.word() + ": " + whys[QualityPoint].Because; got != want {
		t.Errorf("quality is %s\nwant %s", got, want)
	}
	if w := whys[Booked]; !w.Until.Equal(at("09:00")) || !w.Then.Bool() {
		t.Errorf("booked becomes %s at %v, want true at 09:00", w.Then.word(), w.Until)
	}
}

// mute is a Provider that answers nothing until its context ends.
type mute struct{ feed }

func (mute) Fetch(ctx context.Context, _ []Room, _, _ time.Time, _ Receiver) Tally {
	<-ctx.Done()
	return Tally{}
}

// Which known bookings are kept for an event that can no longer be read.
func TestKnownBookingsAreKept(t *testing.T) {
	booking := func(id string, start, end int) Booking {
		return Booking{ID: id, Start: dawn.Add(time.Duration(start) * time.Hour), End: dawn.Add(time.Duration(end) * time.Hour), ShowAs: Busy}
	}
	refusal := func(id string, from, to int) Refusal {
		b := booking(id, from, to)
		return Refusal{ID: id, From: b.Start, To: b.End}
	}
	for name, tt := range map[string]struct {
		known   []Booking
		read    []Booking
		refused []Refusal
		want    int
	}{
		"nothing refused":                 {[]Booking{booking("1", 1, 2)}, nil, nil, 0},
		"the same id":                     {[]Booking{booking("1", 1, 2), booking("2", 1, 2)}, nil, []Refusal{refusal("1", 1, 2)}, 1},
		"the same id, moved":              {[]Booking{booking("1", 1, 2)}, nil, []Refusal{refusal("1", 5, 6)}, 1},
		"no id, at its time":              {[]Booking{booking("", 1, 2), booking("", 5, 6)}, nil, []Refusal{refusal("", 0, 3)}, 1},
		"no id, and no time":              {[]Booking{booking("", 1, 2), booking("", 5, 6)}, nil, []Refusal{{}}, 2},
		"no id, and the booking was read": {[]Booking{booking("", 1, 2)}, []Booking{booking("", 1, 2)}, []Refusal{{}}, 1},
		"no id, of bookings that have":    {[]Booking{booking("1", 1, 2)}, nil, []Refusal{{}}, 0},
		"out of the window":               {[]Booking{booking("1", -5, -4)}, nil, []Refusal{refusal("1", 1, 2)}, 0},
	} {
		s := Snapshot{Bookings: tt.read, From: dawn, To: dawn.Add(24 * time.Hour)}
		s.keep(tt.known, tt.refused)
		if len(s.Bookings) != tt.want {
			t.Errorf("%s: kept %q, want %d", name, admitted(s.Bookings), tt.want)
		}
	}
}
