package driver

import (
	"slices"
	"time"
)

// Whether people came to a booking follows from three instants that are
// remembered: when somebody was last there (Left), when the sensor was last not
// trusted (Doubt), and when the room was last booked (Booked).

// missed tells whether nobody came to a running booking, or one that ends now,
// although the sensor was trusted all the time.
func (f *follower) missed(b *Booking) bool {
	return f.p.Trusted && !f.p.Present && !f.p.Left.After(b.Start) && !f.p.Doubt.After(b.Start)
}

// noShow tells whether nobody came to the current booking within the grace. One
// that began last is the current one: who came to it came to all that run.
func (f *follower) noShow() bool {
	b := f.current()
	return b != nil && f.missed(b) && !f.p.At.Before(b.Start.Add(f.t.plan.room.Grace))
}

// walkIn tells whether the people who are there, or were until less than the
// hold ago, came without a booking: neither to one that ended while they were
// there, nor within the grace before one.
func (f *follower) walkIn() bool {
	if f.i < 0 || f.current() != nil || !f.visited() || f.p.Began.Before(f.p.Booked) {
		return false
	}
	next := f.next()
	return next == nil || f.p.Began.Before(next.Start.Add(-f.t.plan.room.Grace))
}

// countNoShows holds the list of the day's no-shows to what is so now. A booking
// counts on the day on which its grace ends. It is taken back when somebody
// comes, or the sensor fails, while it runs.
func (f *follower) countNoShows() {
	p, grace := &f.p, f.t.plan.room.Grace
	for b := range f.running() {
		reached := b.Start.Add(grace)
		listed := slices.ContainsFunc(p.Day.NoShows, b.Start.Equal)
		switch {
		case listed && !f.missed(b):
			p.Day.NoShows = slices.DeleteFunc(slices.Clone(p.Day.NoShows), b.Start.Equal)
		case !listed && f.missed(b) && !p.At.Before(reached) && reached.After(p.Day.From):
			p.Day.NoShows = append(slices.Clip(p.Day.NoShows), b.Start)
		}
	}
}

// countEndings counts what is settled when a booking ends: that nobody came to
// one that was shorter than the grace, and that all left early.
func (f *follower) countEndings() {
	p, grace := &f.p, f.t.plan.room.Grace
	for i := range f.t.plan.bookings {
		b := &f.t.plan.bookings[i]
		if !b.End.Equal(p.At) || !b.Start.Before(p.At) {
			continue
		}
		if f.missed(b) && b.End.Before(b.Start.Add(grace)) && !slices.ContainsFunc(p.Day.NoShows, b.Start.Equal) {
			p.Day.NoShows = append(slices.Clip(p.Day.NoShows), b.Start)
		}
		if came := p.Left.After(b.Start); came && !p.Doubt.After(b.Start) && !p.Left.After(b.End.Add(-grace)) {
			p.Day.EarlyLeaves++
		}
	}
}

// countOverrun counts, once, people who are still there when the grace after the
// end of a booking is over and no other has begun.
func (f *follower) countOverrun() {
	p := &f.p
	if f.i < 0 || f.current() != nil || !p.Present || !p.Began.Before(p.Booked) || p.Overrun.Equal(p.Booked) {
		return
	}
	if !p.At.Before(p.Booked.Add(f.t.plan.room.Grace)) {
		p.Overrun = p.Booked
		p.Day.Overruns++
	}
}

// absentSince is the instant since which nobody has been seen in the running
// booking, where the sensor was trusted.
func (f *follower) absentSince(b *Booking) time.Time {
	return later(b.Start, later(f.p.Left, f.p.Doubt))
}
