package driver

import "time"

// The fail-safe acts when the quality is not good and the last good read, or
// without one the first derivation, is FailAfter ago. It acts upon mode and
// comfort alone: what is booked stays what the known bookings say.

// overridden tells whether the fail-safe speaks for the bookings.
func (f *follower) overridden() bool { return f.failing && f.t.plan.room.FailSafe != FailHold }

// failFrom is the instant from which the fail-safe may act.
func (f *follower) failFrom() time.Time {
	last := f.t.snap.ReadAt
	if last.IsZero() {
		last = f.p.First
	}
	return last.Add(f.t.plan.room.FailAfter)
}

// failDue adds the instant at which the fail-safe begins or ends by itself.
func (f *follower) failDue(w *wake) {
	w.by(f.failFrom())
	if !f.p.At.Before(f.failFrom()) {
		_, next := f.t.judge(f.p.At)
		w.by(next)
	}
}

// fail finds out whether the fail-safe acts, and since when.
func (f *follower) fail() {
	f.failing = false
	if !f.p.At.Before(f.failFrom()) {
		v, _ := f.t.judge(f.p.At)
		f.failing = v != good
	}
	switch {
	case !f.failing:
		f.p.FailSafe = time.Time{}
	case f.p.FailSafe.IsZero():
		f.p.FailSafe = f.p.At
	}
}

// safe tells whether the fail-safe, other than FailHold, has the room in use.
func (f *follower) safe() bool {
	room := &f.t.plan.room
	return room.FailSafe == FailOccupied || room.FailSafe == FailBySchedule && f.hours().used
}

// hours is what the room's week says from one instant to before another. It is
// looked up again only when it ends.
type hours struct {
	span
	used bool
}

func (f *follower) hours() hours {
	if room := &f.t.plan.room; !f.week.has(f.p.At) {
		used, until := room.Weekly.Hours(f.p.At, room.Zone)
		f.week = hours{span{f.p.At, orNever(until)}, used}
	}
	return f.week
}

// safeDue adds the instant at which safe changes.
func (f *follower) safeDue(w *wake) {
	if f.failing && f.t.plan.room.FailSafe == FailBySchedule {
		if end := f.hours().end; end.Before(never) {
			w.by(end)
		}
	}
}

// failingWords says, for the fault, that the fail-safe acts.
func (f *follower) failingWords() string {
	if !f.failing {
		return ""
	}
	return "; fail-safe since " + rfc3339(f.p.FailSafe) + ": " + f.t.plan.room.FailSafe.String()
}
