package driver

import "time"

// requested reports whether comfort is requested at p.At; known is false when neither
// the bookings nor the fail-safe decide it.
func (f *evaluator) requested() (on, known bool) {
	if f.failSafeDecides() {
		return f.failSafeOn(), true
	}
	if f.i < 0 {
		return false, false
	}
	return f.t.plan.segments[f.i].demand, true
}

// comfortMayChange is the instant from which the comfort command may change: the
// end of its minimum time.
func (f *evaluator) comfortMayChange() time.Time {
	if f.p.Comfort {
		return f.p.ComfortSince.Add(f.t.plan.room.MinOn)
	}
	return f.p.ComfortSince.Add(f.t.plan.room.MinOff)
}

// updateComfort changes the comfort command to what is requested, no faster than its
// minimum times allow, however often the bookings change. A room that is derived for
// the first time counts as off for a long time.
func (f *evaluator) updateComfort() {
	on, ok := f.requested()
	if ok && on != f.p.Comfort && !f.p.At.Before(f.comfortMayChange()) {
		f.p.Comfort, f.p.ComfortSince = on, f.p.At
	}
}

// commandDue adds the instant at which a delayed change may be made.
func (f *evaluator) commandDue(w *earliest) {
	if on, ok := f.requested(); ok && on != f.p.Comfort {
		w.add(f.comfortMayChange())
	}
}

// comfortKnown reports whether there is a comfort command: the calendar is known, or
// the fail-safe gives one.
func (f *evaluator) comfortKnown() bool {
	if f.i >= 0 {
		return true
	}
	return f.failSafeDecides() || f.failSafeActive && f.p.Mode != ModeUnknown
}
