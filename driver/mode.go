package driver

import "time"

// Mode is how a room is used, in the words of the building world (LonMark's
// SNVT_occupancy).
type Mode uint8

const (
	ModeUnknown    Mode = iota
	ModeOccupied        // booked, and somebody is there as far as can be known
	ModeStandby         // about to be used, or booked and empty
	ModeUnoccupied      // nothing
	ModeBypass          // somebody is there without a booking
)

var modeWords = enum[Mode]{"unknown", "occupied", "standby", "unoccupied", "bypass"}

// String returns the word that is published.
func (m Mode) String() string { return modeWords.word(m) }

// ParseMode reads the word that is published.
func ParseMode(word string) (Mode, error) { return modeWords.parse(word) }

// mode works out how the room is used at p.At.
func (f *follower) mode() Mode {
	switch {
	case f.overridden():
		if f.safe() {
			return ModeOccupied
		}
	case f.i >= 0:
		if b := f.current(); b != nil {
			return f.bookedMode(b)
		}
	case !f.failing:
		return ModeUnknown
	case f.p.Mode != ModeBypass && (f.p.Mode == ModeOccupied || !f.visited()):
		return f.p.Mode // held; bypass is for the sensor to say
	}
	switch {
	case f.visited():
		return ModeBypass
	case f.p.Comfort:
		return ModeStandby
	}
	return ModeUnoccupied
}

// bookedMode is the mode while b is the current booking. Where none of those that
// run asks for comfort, only presence makes the room occupied.
func (f *follower) bookedMode(b *Booking) Mode {
	warm := f.t.plan.pieces[f.i].warm
	switch {
	case f.p.Present:
		return ModeOccupied
	case warm && !f.p.Trusted:
		return ModeOccupied
	case warm && f.p.At.Before(f.absentSince(b).Add(f.t.plan.room.Grace)):
		return ModeOccupied
	}
	return ModeStandby
}

// modeDue adds the instants at which the mode, as far as the sensor and the
// clock decide it, may change.
func (f *follower) modeDue(w *wake) {
	if !f.p.Trusted || f.p.Present {
		return
	}
	w.by(f.p.Left.Add(f.t.plan.room.PresenceHold))
	if b := f.current(); b != nil {
		w.by(f.absentSince(b).Add(f.t.plan.room.Grace))
	}
}

// nextMode returns what the mode becomes by itself, and when, if presence stays
// as it is, nothing new is read, and the fail-safe neither begins nor ends. The
// instant is zero when no change is in sight.
func (f follower) nextMode() (Mode, time.Time) {
	mode := f.mode()
	if mode == ModeUnknown {
		return ModeUnknown, time.Time{}
	}
	end := f.t.snap.To
	if f.i < 0 {
		end = never
	}
	for {
		w := wake{now: f.p.At}
		if !f.overridden() {
			f.planDue(&w)
		}
		f.commandDue(&w)
		f.safeDue(&w)
		f.modeDue(&w)
		if w.at.IsZero() || !w.at.Before(end) {
			return ModeUnknown, time.Time{}
		}
		f.move(w.at)
		f.command()
		if next := f.mode(); next != mode {
			return next, f.p.At
		}
	}
}
