package driver

import (
	"slices"
	"time"
)

// Past is what must be remembered of a room to tell what is true of it: it is
// passed to [Timeline.Derive] and comes back brought to the instant derived. The
// zero Past is that of a room never seen before. Instants are UTC.
type Past struct {
	First time.Time `json:"first,omitzero"` // the room was derived for the first time
	At    time.Time `json:"at,omitzero"`    // the instant up to which all this is told

	Said    Presence  `json:"said,omitzero"`     // what the sensor said last
	Heard   time.Time `json:"heard,omitzero"`    // and when; zero: never
	Trusted bool      `json:"trusted,omitempty"` // the sensor is trusted
	Present bool      `json:"present,omitempty"` // and says that somebody is there
	Began   time.Time `json:"began,omitzero"`    // the stretch of presence that goes on or was last
	Left    time.Time `json:"left,omitzero"`     // the last instant of presence
	Doubt   time.Time `json:"doubt,omitzero"`    // the last instant at which the sensor was not trusted

	Booked  time.Time `json:"booked,omitzero"`  // the last instant at which the room was booked
	Overrun time.Time `json:"overrun,omitzero"` // the end of the bookings whose overrun was counted last

	Comfort      bool      `json:"comfort,omitempty"` // the command
	ComfortSince time.Time `json:"comfort_since,omitzero"`
	Mode         Mode      `json:"mode,omitempty"`     // the last that bookings known gave
	FailSafe     time.Time `json:"fail_safe,omitzero"` // since when it acts; zero: it does not

	Day   Figures `json:"day,omitzero"`   // that runs
	Ended Figures `json:"ended,omitzero"` // the day before it
}

// Figures are what is counted of a day in the site's zone.
type Figures struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"` // exclusive

	NoShows     []time.Time `json:"no_shows,omitempty"` // starts of the bookings to which nobody came
	WalkIns     int         `json:"walk_ins,omitempty"`
	EarlyLeaves int         `json:"early_leaves,omitempty"`
	Overruns    int         `json:"overruns,omitempty"`

	Booked  time.Duration `json:"booked,omitempty"`  // how long a booking that counts ran
	Used    time.Duration `json:"used,omitempty"`    // how long somebody was there
	Comfort time.Duration `json:"comfort,omitempty"` // how long comfort was commanded
	Sensor  time.Duration `json:"sensor,omitempty"`  // how long the sensor was trusted
}

// longestGap is how long a gateway may have been off so that what happened
// meanwhile is made up for: as if nothing had changed but by itself.
const longestGap = 24 * time.Hour

// follower carries what is remembered of a room along its bookings.
type follower struct {
	t       *Timeline
	p       Past
	i       int  // the piece of the plan at p.At; -1: the calendar is not known then
	failing bool // the fail-safe acts
	week    hours
}

// follow brings the past to now, from one instant at which something may change
// to the next.
func (t *Timeline) follow(past Past, now time.Time) follower {
	f := follower{t: t, p: past.resume(now, t.plan.room.Zone)}
	f.locate()
	f.fail()
	f.sense() // what was heard since
	for f.p.At.Before(now) {
		to := f.due().at
		if to.IsZero() || to.After(now) {
			to = now
		}
		f.pass(to)
	}
	f.settle()
	return f
}

// resume readies the past for going on at now. After a long gap the day that ran
// is closed as it stood; a clock that was set back must not have anything wait
// for an instant that is far off.
func (p Past) resume(now time.Time, zone *time.Location) Past {
	switch {
	case p.At.IsZero():
		p.First, p.At, p.Doubt, p.Day = now, now, now, newFigures(now, zone)
	case now.Sub(p.At) > longestGap:
		p.Ended, p.Day = p.Day, newFigures(now, zone)
		p.At, p.Doubt, p.Trusted, p.Present = now, now, false, false
	case now.Before(p.At):
		for _, t := range []*time.Time{&p.First, &p.At, &p.Heard, &p.Began, &p.Left, &p.Doubt, &p.Booked, &p.Overrun, &p.ComfortSince, &p.FailSafe} {
			*t = earlier(*t, now)
		}
		if now.Before(p.Day.From) {
			p.Day = newFigures(now, zone)
		}
	}
	return p
}

func newFigures(now time.Time, zone *time.Location) Figures {
	return Figures{From: midnight(now, zone, 0).UTC(), To: midnight(now, zone, 1).UTC()}
}

// due is the first instant after p.At at which anything that is remembered, or
// follows from it, may change by itself.
func (f *follower) due() wake {
	w := wake{now: f.p.At}
	f.planDue(&w)
	f.commandDue(&w)
	f.safeDue(&w)
	f.modeDue(&w)
	w.by(f.falls())
	w.by(f.p.Booked.Add(f.t.plan.room.Grace))
	f.failDue(&w)
	w.by(f.p.Day.To)
	return w
}

// pass goes on to an instant until which nothing changes, and settles there what
// does.
func (f *follower) pass(to time.Time) {
	d, day := to.Sub(f.p.At), &f.p.Day
	if f.p.Present {
		day.Used += d
	}
	if f.p.Trusted {
		day.Sensor += d
	}
	if f.p.Comfort {
		day.Comfort += d
	}
	if f.current() != nil {
		day.Booked += d
	}
	f.move(to)
	if f.t.plan.room.Sensor {
		f.countEndings()
	}
	f.settle()
	if !to.Before(day.To) {
		f.p.Ended, f.p.Day = f.p.Day, newFigures(to, f.t.plan.room.Zone)
	}
}

// move goes on to an instant until which nothing changes.
func (f *follower) move(to time.Time) {
	if f.p.Present {
		f.p.Left = to
	}
	if f.current() != nil {
		f.p.Booked = to
	}
	f.p.At = to
	f.locate()
}

// settle works out what is so at p.At. Doing so again changes nothing.
func (f *follower) settle() {
	f.fail()
	f.sense()
	if f.t.plan.room.Sensor {
		f.countNoShows()
		f.countOverrun()
	}
	f.command()
	if f.i >= 0 {
		f.p.Mode = f.mode()
	}
}

// turned tells whether p holds something over old that is worth writing before
// long: not merely that time has passed.
func (p Past) turned(old Past) bool {
	return p.Said != old.Said || p.Trusted != old.Trusted || p.Comfort != old.Comfort || p.Mode != old.Mode || p.FailSafe != old.FailSafe || p.counted(old)
}

// counted tells whether one of the day's counters is another than in old.
func (p Past) counted(old Past) bool {
	a, b := &p.Day, &old.Day
	return !old.At.IsZero() && (!a.From.Equal(b.From) || a.WalkIns != b.WalkIns || a.EarlyLeaves != b.EarlyLeaves || a.Overruns != b.Overruns ||
		!slices.EqualFunc(a.NoShows, b.NoShows, time.Time.Equal))
}
