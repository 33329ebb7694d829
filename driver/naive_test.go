package driver

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// naive derives a room the slow and obvious way: it marks every minute of the
// window and a day on either side, and counts marks. All its times are whole
// minutes.
type naive struct {
	room     Room
	first    time.Time // the minute of index 0
	from, to int       // the window
	bookings []Booking // that count and touch the window
	busy     []bool
	comfort  []bool
	dates    []string // of every minute, in the site's zone
}

const naiveMargin = 24 * 60 // minutes

func newNaive(room Room, s Snapshot) *naive {
	n := &naive{room: room, first: s.From.Add(-naiveMargin * time.Minute), from: naiveMargin}
	n.to = n.index(s.To)
	n.busy, n.comfort = make([]bool, n.to+naiveMargin), make([]bool, n.to+naiveMargin)
	for m := range n.busy {
		n.dates = append(n.dates, n.first.Add(time.Duration(m)*time.Minute).In(room.Zone).Format(time.DateOnly))
	}
	for _, b := range s.Bookings {
		if start, end := n.index(b.Start), n.index(b.End); room.Count.Has(b.ShowAs) && start < end && start < n.to && end > n.from {
			n.bookings = append(n.bookings, b)
			mark(n.busy, start, end)
			if room.Release == ReleaseAtStart {
				end = start
			}
			mark(n.comfort, start-minutes(room.Lead), end+minutes(room.Lag))
		}
	}
	bridge(n.comfort, minutes(room.Gap))
	return n
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

func (n *naive) index(t time.Time) int { return minutes(t.Sub(n.first)) }

func mark(marks []bool, from, to int) {
	for m := from; m < to; m++ {
		marks[m] = true
	}
}

// bridge fills the pauses of at most gap minutes.
func bridge(marks []bool, gap int) {
	last := -1
	for m, on := range marks {
		if on && last >= 0 && m-last-1 <= gap {
			mark(marks, last, m)
		}
		if on {
			last = m
		}
	}
}

// told writes what is booked at a minute as the function told does.
func (n *naive) told(now int) string {
	f := Facts{StableFacts: StableFacts{Known: true, Booked: n.busy[now], Comfort: n.comfort[now]}}
	for i := range n.bookings {
		b := &n.bookings[i]
		start, end := n.index(b.Start), n.index(b.End)
		if start <= now && now < end && (f.Current == nil || b.Start.After(f.Current.Start) || b.Start.Equal(f.Current.Start) && b.End.After(f.Current.End)) {
			f.Current, f.MinutesRemaining = b, end-now
		}
		if start > now && (f.Next == nil || b.Start.Before(f.Next.Start) || b.Start.Equal(f.Next.Start) && b.End.Before(f.Next.End)) {
			f.Next, f.MinutesUntilNext = b, start-now
		}
	}
	free := now
	for free < n.to && !n.busy[free] {
		free++
	}
	if free > now {
		f.FreeUntil = n.first.Add(time.Duration(free) * time.Minute)
	}
	n.day(&f, now)
	return told(f)
}

// day counts the minutes that bear today's date.
func (n *naive) day(f *Facts, now int) {
	first, last := now, now
	for n.dates[first-1] == n.dates[now] {
		first--
	}
	for n.dates[last+1] == n.dates[now] {
		last++
	}
	for m := first; m <= last; m++ {
		if n.busy[m] {
			f.BookedMinutesToday++
		}
	}
	for _, b := range n.bookings {
		if n.index(b.Start) <= last && n.index(b.End) > first {
			f.BookingsToday++
		}
	}
	length := last - first + 1
	f.UtilisationToday = (200*f.BookedMinutesToday + length) / (2 * length)
}

// drawnMinutes are bookings of whole minutes, each with an id of its own length
// and start, so that none is the same as another.
func drawnMinutes(r *rand.Rand, from time.Time) []Booking {
	var all []Booking
	taken := map[string]bool{}
	for range 4 + r.IntN(24) {
		start := from.Add(time.Duration(r.IntN(108*12)*5)*time.Minute - 10*time.Hour)
		length := time.Duration(r.IntN(30)*5) * time.Minute
		id := fmt.Sprint(clockOf(start), "+", length)
		if !taken[id] {
			taken[id] = true
			all = append(all, Booking{ID: id, Start: start, End: start.Add(length), ShowAs: ShowAs(r.UintN(6))})
		}
	}
	return all
}

func TestDeriveAgreesWithNaive(t *testing.T) {
	r := seeded(t)
	for _, c := range []struct{ zone, day string }{
		{"Europe/London", "2026-01-14T12:00:00Z"}, {"Europe/London", "2026-03-27T12:00:00Z"}, {"Europe/London", "2026-10-24T12:00:00Z"},
		{"Africa/Cairo", "2026-04-23T12:00:00Z"}, {"Africa/Cairo", "2026-10-28T12:00:00Z"},
		{"America/Santiago", "2026-09-05T12:00:00Z"}, {"America/Havana", "2026-10-31T12:00:00Z"}, {"Asia/Kathmandu", "2026-06-01T12:00:00Z"},
	} {
		room := plain(t)
		room.Zone = zone(t, c.zone)
		room.Release = Release(r.UintN(2))
		room.Lead, room.Lag, room.Gap = time.Duration(r.IntN(60))*time.Minute, time.Duration(r.IntN(30))*time.Minute, time.Duration(r.IntN(60))*time.Minute
		snap := readAt(at(c.day), room.Zone)
		snap.Bookings = drawnMinutes(r, snap.From)
		timeline, slow := NewTimeline(room, snap), newNaive(room, snap)
		for m := slow.from; m < slow.to; m++ {
			now := slow.first.Add(time.Duration(m) * time.Minute)
			f, _ := fresh(timeline, now)
			if got, want := told(f), slow.told(m); got != want {
				t.Fatalf("%s, lead %s, lag %s, gap %s, release %d, at %v:\n got %s\nwant %s", c.zone, room.Lead, room.Lag, room.Gap, room.Release, now, got, want)
			}
		}
	}
}
