package driver

import "time"

// wanted tells whether comfort is asked for at p.At; ok is false when nothing is
// known of it.
func (f *follower) requested() (on, ok bool) {
	if f.overridden() {
		return f.safe(), true
	}
	if f.i < 0 {
		return false, false
	}
	return f.t.plan.pieces[f.i].demand, true
}

// mayChange is the instant from which the comfort command may change: when it
// has stood for its minimum time.
func (f *follower) mayChange() time.Time {
	if f.p.Comfort {
		return f.p.ComfortSince.Add(f.t.plan.room.MinOn)
	}
	return f.p.ComfortSince.Add(f.t.plan.room.MinOff)
}

// command changes the comfort command to what is wanted, no faster than its
// minimum times allow, whatever changes the mind of the calendar. A room that is
// derived for the first time has been off for long.
func (f *follower) command() {
	on, ok := f.requested()
	if ok && on != f.p.Comfort && !f.p.At.Before(f.mayChange()) {
		f.p.Comfort, f.p.ComfortSince = on, f.p.At
	}
}

// commandDue adds the instant at which a change that waits may be made.
func (f *follower) commandDue(w *wake) {
	if on, ok := f.requested(); ok && on != f.p.Comfort {
		w.by(f.mayChange())
	}
}

// commanded tells whether there is a comfort command at all: the calendar is
// known, or the fail-safe says something.
func (f *follower) commanded() bool {
	if f.i >= 0 {
		return true
	}
	return f.overridden() || f.failing && f.p.Mode != ModeUnknown
}
