package driver

import (
	"slices"
	"time"
)

// Whether people came to a booking follows from three instants that are
// remembered: LastPresent, LastUntrusted and LastBooked.

// nobodyCame reports whether nobody came to a running booking, or one that ends now,
// while the sensor was trusted all the time.
func (f *evaluator) nobodyCame(b *Booking) bool {
	return f.p.Trusted && !f.p.Present && !f.p.LastPresent.After(b.Start) && !f.p.LastUntrusted.After(b.Start)
}

// noShow reports whether nobody came to the current booking within the grace. Of
// several running bookings the one that began last is the current one; people who
// came to it came to all of them.
func (f *evaluator) noShow() bool {
	b := f.current()
	return b != nil && f.nobodyCame(b) && !f.p.At.Before(b.Start.Add(f.t.plan.room.Grace))
}

// walkIn reports whether the people who are there, or left less than the hold ago,
// came without a booking: neither to one that ended while they were there, nor
// less than the grace before one.
func (f *evaluator) walkIn() bool {
	if f.i < 0 || f.current() != nil || !f.presentUnbooked() || f.p.PresentSince.Before(f.p.LastBooked) {
		return false
	}
	next := f.next()
	return next == nil || f.p.PresentSince.Before(next.Start.Add(-f.t.plan.room.Grace))
}

// countNoShows updates the list of the day's no-shows. A booking counts on the day
// on which its grace ends. It is removed when somebody comes, or the sensor fails,
// while it is running.
func (f *evaluator) countNoShows() {
	p, grace := &f.p, f.t.plan.room.Grace
	for b := range f.running() {
		reached := b.Start.Add(grace)
		listed := slices.ContainsFunc(p.Day.NoShows, b.Start.Equal)
		switch {
		case listed && !f.nobodyCame(b):
			p.Day.NoShows = slices.DeleteFunc(slices.Clone(p.Day.NoShows), b.Start.Equal)
		case !listed && f.nobodyCame(b) && !p.At.Before(reached) && reached.After(p.Day.From):
			p.Day.NoShows = append(slices.Clip(p.Day.NoShows), b.Start)
		}
	}
}

// countEndings counts at the end of a booking a no-show of one shorter than the
// grace, and people who left early.
func (f *evaluator) countEndings() {
	p, grace := &f.p, f.t.plan.room.Grace
	for i := range f.t.plan.bookings {
		b := &f.t.plan.bookings[i]
		if !b.End.Equal(p.At) || !b.Start.Before(p.At) {
			continue
		}
		if f.nobodyCame(b) && b.End.Before(b.Start.Add(grace)) && !slices.ContainsFunc(p.Day.NoShows, b.Start.Equal) {
			p.Day.NoShows = append(slices.Clip(p.Day.NoShows), b.Start)
		}
		if came := p.LastPresent.After(b.Start); came && !p.LastUntrusted.After(b.Start) && !p.LastPresent.After(b.End.Add(-grace)) {
			p.Day.EarlyLeaves++
		}
	}
}

// countOverrun counts, once, people who are still there when the grace after the
// end of a booking has passed and no other has started.
func (f *evaluator) countOverrun() {
	p := &f.p
	if f.i < 0 || f.current() != nil || !p.Present || !p.PresentSince.Before(p.LastBooked) || p.OverrunCounted.Equal(p.LastBooked) {
		return
	}
	if !p.At.Before(p.LastBooked.Add(f.t.plan.room.Grace)) {
		p.OverrunCounted = p.LastBooked
		p.Day.Overruns++
	}
}

// absentSince is the instant since which a trusted sensor has detected nobody in the
// running booking.
func (f *evaluator) absentSince(b *Booking) time.Time {
	return later(b.Start, later(f.p.LastPresent, f.p.LastUntrusted))
}
