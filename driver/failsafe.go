package driver

import "time"

// The fail-safe is active while the quality is not good and the last successful
// read, or without one the first derivation, was at least FailAfter ago. It applies
// to mode and comfort only: booked still follows from the known bookings.

// failSafeDecides reports whether the fail-safe replaces the bookings.
func (f *evaluator) failSafeDecides() bool {
	return f.failSafeActive && f.t.plan.room.FailSafe != FailHold
}

// failSafeFrom is the instant from which the fail-safe may be active.
func (f *evaluator) failSafeFrom() time.Time {
	last := f.t.snap.ReadAt
	if last.IsZero() {
		last = f.p.First
	}
	return last.Add(f.t.plan.room.FailAfter)
}

// failSafeDue adds the instant at which the fail-safe next becomes active or
// inactive without a read.
func (f *evaluator) failSafeDue(w *earliest) {
	w.add(f.failSafeFrom())
	if !f.p.At.Before(f.failSafeFrom()) {
		_, next := f.t.judge(f.p.At)
		w.add(next)
	}
}

// updateFailSafe computes whether the fail-safe is active, and since when.
func (f *evaluator) updateFailSafe() {
	f.failSafeActive = false
	if !f.p.At.Before(f.failSafeFrom()) {
		v, _ := f.t.judge(f.p.At)
		f.failSafeActive = !v.readRecently()
	}
	switch {
	case !f.failSafeActive:
		f.p.FailSafe = time.Time{}
	case f.p.FailSafe.IsZero():
		f.p.FailSafe = f.p.At
	}
}

// failSafeOn reports whether the fail-safe, other than FailHold, treats the room as in
// use.
func (f *evaluator) failSafeOn() bool {
	room := &f.t.plan.room
	return room.FailSafe == FailOccupied || room.FailSafe == FailBySchedule && f.hours().used
}

// hours reports whether a span lies in the weekly hours of use. It is computed again
// only when the span ends.
type hours struct {
	span
	used bool
}

func (f *evaluator) hours() hours {
	if room := &f.t.plan.room; !f.week.has(f.p.At) {
		used, until := room.Weekly.Hours(f.p.At, room.Zone)
		f.week = hours{span{f.p.At, orNever(until)}, used}
	}
	return f.week
}

// failSafeOnDue adds the instant at which failSafeOn changes.
func (f *evaluator) failSafeOnDue(w *earliest) {
	if f.failSafeActive && f.t.plan.room.FailSafe == FailBySchedule {
		if end := f.hours().end; end.Before(never) {
			w.add(end)
		}
	}
}

// failSafeWords says, for the point fault, that the fail-safe is active.
func (f *evaluator) failSafeWords() string {
	if !f.failSafeActive {
		return ""
	}
	return "; fail-safe since " + rfc3339(f.p.FailSafe) + ": " + f.t.plan.room.FailSafe.String()
}
