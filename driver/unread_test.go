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
		s.keep(Snapshot{Bookings: tt.known, Complete: withoutID(tt.known)}, tt.refused)
		if len(s.Bookings) != tt.want {
			t.Errorf("%s: kept %q, want %d", name, admitted(s.Bookings), tt.want)
		}
	}
}

// Bookings without ids, as free/busy times have them, that are moved and cancelled while
// another item cannot be read: what is kept is at most what the last complete reading
// had.
func TestKeptBookingsDoNotPileUp(t *testing.T) {
	hour := func(h int) Booking {
		b := since(time.Duration(h)*time.Hour, time.Duration(h+1)*time.Hour)
		b.ID = ""
		return b
	}
	w := newWorld(t, minute)
	from, to := dawn, dawn.Add(96*time.Hour)
	anyTime, morning := Refusal{Reason: "no time"}, Refusal{From: dawn.Add(8 * time.Hour), To: dawn.Add(12 * time.Hour), Reason: "no zone"}
	type step struct {
		read    []Booking
		refused []Refusal
		want    []Booking
	}
	for name, steps := range map[string][]step{
		"moved and cancelled": {
			{[]Booking{hour(9), hour(20)}, nil, []Booking{hour(9), hour(20)}},
			{[]Booking{hour(10), hour(20)}, []Refusal{anyTime}, []Booking{hour(9), hour(10), hour(20)}},
			{[]Booking{hour(11)}, []Refusal{anyTime}, []Booking{hour(9), hour(11), hour(20)}},
			{nil, []Refusal{anyTime}, []Booking{hour(9), hour(20)}},
			{[]Booking{hour(12)}, []Refusal{anyTime}, []Booking{hour(9), hour(12), hour(20)}},
			{[]Booking{hour(13)}, nil, []Booking{hour(13)}},
			{nil, []Refusal{anyTime}, []Booking{hour(13)}},
		},
		"never read completely": {
			{[]Booking{hour(9), hour(20)}, []Refusal{anyTime}, []Booking{hour(9), hour(20)}},
			{[]Booking{hour(10)}, []Refusal{anyTime}, []Booking{hour(10)}},
			{nil, []Refusal{anyTime}, nil},
		},
		"elsewhere": {
			{[]Booking{hour(9), hour(20)}, nil, []Booking{hour(9), hour(20)}},
			{[]Booking{hour(10)}, []Refusal{morning}, []Booking{hour(9), hour(10)}},
			{[]Booking{hour(11)}, []Refusal{morning, morning}, []Booking{hour(9), hour(11)}},
		},
	} {
		d := New(w.Options)
		for i, s := range steps {
			at := dawn.Add(time.Duration(i) * minute)
			d.apply(roomReading{room: "boardroom", bookings: s.read, refused: s.refused}, from, to, at)
			d.apply(roomReading{room: "boardroom", unchanged: true}, from, to, at)
			if got := d.byID["boardroom"].timeline.Snapshot().Bookings; admitted(got) != admitted(s.want) {
				t.Errorf("%s, reading %d: %s, want %s", name, i, admitted(got), admitted(s.want))
			}
		}
	}
}

// A restart keeps what is known, and one restart after the other no more than that.
func TestKeptBookingsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*minute)
		nameless := func(b Booking) Booking { b.ID = ""; return b }
		noTime := func(all ...Booking) func(Digest) Reading {
			return func(Digest) Reading {
				return Reading{Events: append(eventsOf(all), Event{ShowAs: Busy, Err: errors.New("no time")}), Digest: Digest{Length: 7, Sum: 1}}
			}
		}
		long, short := nameless(since(0, 2*time.Hour)), nameless(since(0, time.Hour))
		w.Accounts[0].Provider = &scripted{answers: []func(Digest) Reading{read(7, long), noTime()}}
		_, stop := w.run(t)
		pass(6 * minute)
		stop()
		for range 2 {
			again := newWorld(t, 5*minute)
			again.Memory = w.Memory
			again.Accounts[0].Provider = &scripted{answers: []func(Digest) Reading{noTime(short)}}
			d, stop := again.run(t)
			pass(second)
			stop()
			if got := d.byID["boardroom"].timeline.Snapshot().Bookings; admitted(got) != admitted([]Booking{short, long}) {
				t.Errorf("after a restart %s", admitted(got))
			}
		}
	})
}

// What is kept of a booking obeys the room's privacy as it is now.
func TestKeptBookingsAreRedacted(t *testing.T) {
	w := newWorld(t, minute)
	w.Rooms[0].Privacy = PrivacySubject
	d := New(w.Options)
	b := since(time.Hour, 2*time.Hour)
	b.ID, b.Subject = "", "Budget"
	d.apply(roomReading{room: "boardroom", bookings: []Booking{b}}, dawn, dawn.Add(96*time.Hour), dawn)
	strict := w.Rooms[0]
	strict.Privacy = PrivacyBusy
	elsewhere := Refusal{From: dawn.Add(20 * time.Hour), To: dawn.Add(21 * time.Hour), Reason: "no zone"}
	d.apply(roomReading{room: "boardroom", refused: []Refusal{elsewhere}}, dawn, dawn.Add(96*time.Hour), dawn)
	d.changeRoom(d.byID["boardroom"], strict)
	d.apply(roomReading{room: "boardroom", refused: []Refusal{{Reason: "no time"}}}, dawn, dawn.Add(96*time.Hour), dawn.Add(minute))
	if got := d.byID["boardroom"].timeline.Snapshot().Bookings; len(got) != 1 || got[0].Subject != "" {
		t.Errorf("kept %+v", got)
	}
}
