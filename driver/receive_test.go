package driver

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a Provider that answers its Fetches in turn, the last answer again
// and again, and records the digests that Last returned.
type scripted struct {
	feed
	answers []func(last Digest) Reading
	lasts   []Digest
}

func (s *scripted) Fetch(_ context.Context, rooms []Room, _, _ time.Time, r Receiver) Tally {
	last := r.Last(rooms[0].ID)
	rd := s.answers[min(len(s.lasts), len(s.answers)-1)](last)
	s.lasts = append(s.lasts, last)
	rd.Room = rooms[0].ID
	r.Deliver(rd)
	return Tally{}
}

// read answers with events and the digest that stands for them.
func read(n int, bookings ...Booking) func(Digest) Reading {
	return func(Digest) Reading { return Reading{Events: eventsOf(bookings), Digest: Digest{Length: n, Sum: 1}} }
}

func unchanged(last Digest) Reading { return Reading{Digest: last, Unchanged: true} }

func (s *scripted) wantLasts(t *testing.T, want ...int) {
	t.Helper()
	var got []int
	for _, d := range s.lasts {
		got = append(got, d.Length)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the digests before the readings were %v, want %v", got, want)
	}
}

// An unchanged reading is a good one: it keeps the bookings and is as fresh as
// any other.
func TestUnchangedReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 5*minute)
		s := &scripted{answers: []func(Digest) Reading{read(7, since(12*minute, 20*minute)), unchanged}}
		w.Accounts[0].Provider = s
		w.run(t)
		pass(31*minute + second) // three times what makes a reading stale
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 12m0s true, 20m0s false")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good")
		s.wantLasts(t, 0, 7, 7, 7, 7, 7, 7)
	})
}

// Events that were reported as refused stay so while the reading is unchanged.
func TestUnchangedReadingKeepsWhatWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		bad := func(Digest) Reading {
			return Reading{Events: []Event{{ShowAs: Busy, Err: errTimeout}}, Digest: Digest{Length: 7, Sum: 1}}
		}
		w.Accounts[0].Provider = &scripted{answers: []func(Digest) Reading{bad, unchanged, bad}}
		w.run(t)
		pass(3*minute + second)
		if n := w.log.count("could not be understood"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

// A digest is forgotten with a failure, with a reading that has none, and when
// the window moves.
func TestLastDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		s := &scripted{answers: []func(Digest) Reading{
			read(1), read(2), func(Digest) Reading { return Reading{Err: errTimeout, Digest: Digest{Length: 9, Sum: 1}} },
			read(3), read(0), read(4), func(Digest) Reading { return Reading{} }, read(5), unchanged,
		}}
		w.Accounts[0].Provider = s
		w.run(t)
		pass(25*time.Hour + second)
		// 0 has a length of zero and is a digest all the same.
		want := []int{0, 1, 2, 0, 3, 0, 4, 0}
		for len(want) < 24 {
			want = append(want, 5)
		}
		s.wantLasts(t, append(want, 0, 0)...)
	})
}

// A calendar that reports an unchanged reading without being right to is not
// believed: the room is at fault, and is read in full the next time.
func TestUnchangedSinceAnotherReading(t *testing.T) {
	for name, wrong := range map[string]func(Digest) Reading{
		"no digest":      func(Digest) Reading { return Reading{Unchanged: true} },
		"another digest": func(Digest) Reading { return Reading{Digest: Digest{Length: 8, Sum: 1}, Unchanged: true} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, time.Minute)
				b := since(0, time.Hour)
				s := &scripted{answers: []func(Digest) Reading{read(7, b), wrong, read(7, b), unchanged}}
				w.Accounts[0].Provider = s
				w.run(t)
				pass(3*minute + second)
				w.expect(t, boardroom, Booked, "0s ?, 0s true")
				s.wantLasts(t, 0, 7, 0, 7)
				if n := w.log.count("reported as unchanged"); n != 1 {
					t.Errorf("logged %d times, want once", n)
				}
			})
		})
	}
}
