package driver

import (
	"slices"
	"time"
)

// Past is the history of a room that is needed to derive its facts. It is passed to
// [Timeline.Derive], which returns it updated to the instant derived. The zero
// Past is that of a room that was never derived. Instants are UTC.
type Past struct {
	First time.Time `json:"first,omitzero"` // when the room was derived for the first time
	At    time.Time `json:"at,omitzero"`    // instant for which everything below holds

	Report        Presence  `json:"report,omitzero"`         // the last of the presence sensor
	ReportedAt    time.Time `json:"reported_at,omitzero"`    // zero: never
	SensorID      string    `json:"sensor_id,omitempty"`     // of the sensor that reported
	Trusted       bool      `json:"trusted,omitempty"`       // the sensor is trusted
	Present       bool      `json:"present,omitempty"`       // the sensor is trusted and reports presence
	PresentSince  time.Time `json:"present_since,omitzero"`  // start of the current or last period of presence
	LastPresent   time.Time `json:"last_present,omitzero"`   // last instant of presence
	LastUntrusted time.Time `json:"last_untrusted,omitzero"` // last instant at which the sensor was not trusted

	LastBooked     time.Time `json:"last_booked,omitzero"`     // last instant at which the room was booked
	OverrunCounted time.Time `json:"overrun_counted,omitzero"` // end of the booking whose overrun was counted last

	Comfort      bool      `json:"comfort,omitempty"` // the command
	ComfortSince time.Time `json:"comfort_since,omitzero"`
	Mode         Mode      `json:"mode,omitempty"`     // the last derived from known bookings
	FailSafe     time.Time `json:"fail_safe,omitzero"` // since when the fail-safe has been active; zero: it is not

	Day   Figures `json:"day,omitzero"`   // the current day
	Ended Figures `json:"ended,omitzero"` // the day before it
}

// Figures are the counters of a day in the site's zone.
type Figures struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"` // exclusive

	NoShows     []time.Time `json:"no_shows,omitempty"` // starts of the bookings to which nobody came
	WalkIns     int         `json:"walk_ins,omitempty"`
	EarlyLeaves int         `json:"early_leaves,omitempty"`
	Overruns    int         `json:"overruns,omitempty"`

	Booked  time.Duration `json:"booked,omitempty"`  // how long a booking that counts was running
	Used    time.Duration `json:"used,omitempty"`    // how long somebody was there
	Comfort time.Duration `json:"comfort,omitempty"` // how long comfort was commanded
	Sensor  time.Duration `json:"sensor,omitempty"`  // how long the sensor was trusted
}

// longestGap is the longest outage of the gateway that is filled in as if no report
// and no read had come.
const longestGap = 24 * time.Hour

// evaluator advances the Past of a room along its timeline.
type evaluator struct {
	t *Timeline
	p Past
	i int // index of the segment of the plan at p.At; -1: the calendar is not known then

	failSafeActive bool
	week           hours
}

// evaluate advances the past to now, from one instant at which something may change
// to the next.
func (t *Timeline) evaluate(past Past, now time.Time) evaluator {
	f := evaluator{t: t, p: past.resume(now, t.plan.room.Zone)}
	f.replaceSensor()
	f.locate()
	f.updateFailSafe()
	f.updateSensor() // the sensor may have reported since
	for f.p.At.Before(now) {
		to := f.due().at
		if to.IsZero() || to.After(now) {
			to = now
		}
		f.advance(to)
	}
	f.update()
	return f
}

// resume prepares the past to continue at now. After a long gap the day that was
// current is closed unchanged; after the clock was set back nothing may wait for an
// instant in the far future.
func (p Past) resume(now time.Time, zone *time.Location) Past {
	switch {
	case p.At.IsZero():
		p.First, p.At, p.LastUntrusted, p.Day = now, now, now, newFigures(now, zone)
	case now.Sub(p.At) > longestGap:
		p.Ended, p.Day = p.Day, newFigures(now, zone)
		p.At, p.LastUntrusted, p.Trusted, p.Present = now, now, false, false
	case now.Before(p.At):
		for _, t := range []*time.Time{&p.First, &p.At, &p.ReportedAt, &p.PresentSince, &p.LastPresent, &p.LastUntrusted, &p.LastBooked, &p.OverrunCounted, &p.ComfortSince, &p.FailSafe} {
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

// due is the first instant after p.At at which the Past or a fact may change without
// a read or a report.
func (f *evaluator) due() earliest {
	w := earliest{now: f.p.At}
	f.planDue(&w)
	f.commandDue(&w)
	f.failSafeOnDue(&w)
	f.modeDue(&w)
	w.add(f.sensorExpires())
	w.add(f.p.LastBooked.Add(f.t.plan.room.Grace))
	f.failSafeDue(&w)
	w.add(f.p.Day.To)
	return w
}

// advance moves to an instant before which nothing changes, adds the time until
// then to the figures of the day, and updates what changes there.
func (f *evaluator) advance(to time.Time) {
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
	f.moveTo(to)
	if f.t.plan.room.hasSensor() {
		f.countEndings()
	}
	f.update()
	if !to.Before(day.To) {
		f.p.Ended, f.p.Day = f.p.Day, newFigures(to, f.t.plan.room.Zone)
	}
}

// moveTo moves to an instant before which nothing changes.
func (f *evaluator) moveTo(to time.Time) {
	if f.p.Present {
		f.p.LastPresent = to
	}
	if f.current() != nil {
		f.p.LastBooked = to
	}
	f.p.At = to
	f.locate()
}

// update updates everything to p.At. A second call changes nothing.
func (f *evaluator) update() {
	f.updateFailSafe()
	f.updateSensor()
	if f.t.plan.room.hasSensor() {
		f.countNoShows()
		f.countOverrun()
	}
	f.updateComfort()
	if f.i >= 0 {
		f.p.Mode = f.mode()
	}
}

// changed reports whether p differs from old in more than the passage of time, and
// has to be stored soon.
func (p Past) changed(old Past) bool {
	return p.Report != old.Report || p.Trusted != old.Trusted || p.Comfort != old.Comfort || p.Mode != old.Mode || p.FailSafe != old.FailSafe || p.countersChanged(old)
}

// countersChanged reports whether one of the day's counters differs from old.
func (p Past) countersChanged(old Past) bool {
	a, b := &p.Day, &old.Day
	return !old.At.IsZero() && (!a.From.Equal(b.From) || a.WalkIns != b.WalkIns || a.EarlyLeaves != b.EarlyLeaves || a.Overruns != b.Overruns ||
		!slices.EqualFunc(a.NoShows, b.NoShows, time.Time.Equal))
}
