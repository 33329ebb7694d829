package driver

import "time"

// Mode is how a room is used, in the terms of building automation (LonMark's
// SNVT_occupancy).
type Mode uint8

const (
	ModeUnknown    Mode = iota
	ModeOccupied        // booked, and somebody is there or there is no trusted sensor
	ModeStandby         // comfort before or after a booking, or booked and empty
	ModeUnoccupied      // neither booked, nor comfort, nor presence
	ModeBypass          // somebody is there without a booking
)

var modeWords = enum[Mode]{"unknown", "occupied", "standby", "unoccupied", "bypass"}

// String returns the word that is published.
func (m Mode) String() string { return modeWords.word(m) }

// mode computes the mode at p.At.
func (f *evaluator) mode() Mode {
	switch {
	case f.failSafeDecides():
		if f.failSafeOn() {
			return ModeOccupied
		}
	case f.i >= 0:
		if b := f.current(); b != nil {
			return f.bookedMode(b)
		}
	case !f.failSafeActive:
		return ModeUnknown
	case f.p.Mode != ModeBypass && (f.p.Mode == ModeOccupied || !f.presentUnbooked()):
		return f.p.Mode // held; bypass is decided by the sensor alone
	}
	switch {
	case f.presentUnbooked():
		return ModeBypass
	case f.p.Comfort:
		return ModeStandby
	}
	return ModeUnoccupied
}

// bookedMode is the mode while b is the current booking. If no running booking
// needs comfort, only presence makes the room occupied.
func (f *evaluator) bookedMode(b *Booking) Mode {
	needed := f.t.plan.segments[f.i].needsComfort
	switch {
	case f.p.Present:
		return ModeOccupied
	case needed && !f.p.Trusted:
		return ModeOccupied
	case needed && f.p.At.Before(f.absentSince(b).Add(f.t.plan.room.Grace)):
		return ModeOccupied
	}
	return ModeStandby
}

// modeDue adds the instants at which the mode may change because of absence.
func (f *evaluator) modeDue(w *earliest) {
	if !f.p.Trusted || f.p.Present {
		return
	}
	w.add(f.p.LastPresent.Add(f.t.plan.room.PresenceHold))
	if b := f.current(); b != nil {
		w.add(f.absentSince(b).Add(f.t.plan.room.Grace))
	}
}

// nextMode returns the next mode and when it begins, if presence does not change,
// nothing is read, and the fail-safe does not change. The instant is zero when no
// change is foreseen.
func (f evaluator) nextMode() (Mode, time.Time) {
	mode := f.mode()
	if mode == ModeUnknown {
		return ModeUnknown, time.Time{}
	}
	end := f.t.snap.To
	if f.i < 0 {
		end = never
	}
	for {
		w := earliest{now: f.p.At}
		if !f.failSafeDecides() {
			f.planDue(&w)
		}
		f.commandDue(&w)
		f.failSafeOnDue(&w)
		f.modeDue(&w)
		if w.at.IsZero() || !w.at.Before(end) {
			return ModeUnknown, time.Time{}
		}
		f.moveTo(w.at)
		f.updateComfort()
		if next := f.mode(); next != mode {
			return next, f.p.At
		}
	}
}
