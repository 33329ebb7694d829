package driver

import (
	"slices"
	"strconv"
	"time"
)

// Why explains the value of a point at an instant, and its next change.
type Why struct {
	Point   string // name in the catalogue
	Value   Value
	Because string    // why it has the value
	Until   time.Time // when it changes, UTC; zero: no change is foreseen
	Then    Value     // the value from Until on
	Reason  string    // why it has that value then
	Unless  string    // what the presence sensor would change at once; empty: nothing
}

// Why explains the points that [Timeline.Derive] makes of past and now. Times in the
// texts are in the room's zone, with the weekday unless they are of the day of now.
// The texts contain only what is in a Booking.
//
// Until is the instant at which the point changes if nothing unexpected happens: a
// readable calendar keeps its bookings, an unreadable one stays unreadable, and a
// trusted sensor keeps reporting the same. For quality and sensor it is the
// instant at which they change if no read succeeds and the sensor does not report.
func (t *Timeline) Why(past Past, now time.Time) []Why { return roomRows.explain(t, past, now) }

// explain is [Timeline.Why] for the explained points of a catalogue.
func (c roomCatalogue) explain(t *Timeline, past Past, now time.Time) []Why {
	c = slices.DeleteFunc(slices.Clone(c), func(r roomRow) bool { return r.because == nil })
	first := t.evaluate(past, now)
	n := narrator{rows: c, f: &first, zone: t.plan.room.Zone, now: now}
	values := n.derive()
	whys := make([]Why, len(c))
	for i := range c {
		whys[i] = Why{Point: c[i].Name, Value: values[i], Because: n.because(&c[i])}
	}
	c.unless(whys, first)
	c.forecast(whys, first, now, true)
	c.forecast(whys, first, now, false)
	return whys
}

// derive computes the values of the rows at the evaluator's instant.
func (n *narrator) derive() []Value {
	n.facts, _, _ = n.f.t.Derive(n.f.p, n.f.p.At)
	values := make([]Value, len(n.rows))
	n.rows.fill(&n.facts, values)
	return values
}

// because says why the value of a row is what it is.
func (n *narrator) because(row *roomRow) string {
	if row.calendar && !n.facts.Known {
		return n.unknown()
	}
	return row.because(n)
}

// unless computes what the points would be if the sensor now reported the opposite.
func (c roomCatalogue) unless(whys []Why, f evaluator) {
	if !f.p.Trusted {
		return
	}
	sees := "somebody"
	if f.p.Present {
		sees = "nobody"
	}
	facts, _, _ := f.t.Derive(f.p.WithReport(Presence{Known: true, On: !f.p.Present}, f.p.At), f.p.At)
	others := make([]Value, len(c))
	c.fill(&facts, others)
	for i := range c {
		if !c[i].forecast && others[i] != whys[i].Value {
			whys[i].Unless = others[i].word() + " as soon as the presence sensor detects " + sees
		}
	}
}

// forecast advances the room from one instant at which something may change to the
// next, and records at which of them each point first changes. It is for the points
// that assume no further read and no report of the sensor (unread), or for the
// others, which assume that the calendar is still read and the sensor keeps reporting
// the same.
func (c roomCatalogue) forecast(whys []Why, f evaluator, now time.Time, unread bool) {
	n := narrator{rows: c, f: &f, zone: f.t.plan.room.Zone, now: now}
	n.derive()
	v, _ := f.t.judge(now)
	reading := !unread && v.readRecently()
	end := f.forecastEnd(reading)
	for {
		to := f.nextChange()
		if to.IsZero() || !to.Before(end) {
			return
		}
		if reading {
			snap := f.t.snap
			snap.ReadAt = to
			f.t = f.t.With(snap)
		}
		if !unread && f.p.Trusted {
			f.p.ReportedAt = to
		}
		f.advance(to)
		values, open := n.derive(), false
		for i := range c {
			w := &whys[i]
			if c[i].unread != unread || !w.Until.IsZero() {
				continue
			}
			if values[i] == w.Value {
				open = true
				continue
			}
			w.Until, w.Then, w.Reason = to.UTC(), values[i], n.because(&c[i])
		}
		if !open {
			return
		}
	}
}

// nextChange is the first instant after p.At at which an explained point may change
// without an event; zero: none.
func (f *evaluator) nextChange() time.Time {
	w := earliest{now: f.p.At}
	w.add(f.due().at)
	_, next := f.t.judge(f.p.At)
	w.add(next)
	return w.at
}

// forecastEnd is the end of the forecast. While the
// calendar is read, that is the end of the known bookings, which every read moves.
// Otherwise a week beyond that end shows what the schedule of the fail-safe does.
func (f *evaluator) forecastEnd(reading bool) time.Time {
	if reading {
		return f.t.snap.To
	}
	return later(f.p.At, f.t.snap.To).AddDate(0, 0, 8)
}

// word formats a value of the explained points as it is published.
func (v Value) word() string {
	switch {
	case !v.Known():
		return "not known"
	case v.Nothing():
		return "nothing"
	case v.kind == Bool && v.Bool():
		return "true"
	case v.kind == Bool:
		return "false"
	case v.kind == Int:
		return strconv.Itoa(v.Int())
	}
	return v.Text()
}
