package driver

import (
	"strconv"
	"time"
)

// Why says why a point is what it is at an instant, and what it becomes by itself.
type Why struct {
	Point   string // its name in the catalogue
	Value   Value
	Because string
	Until   time.Time // when it changes, UTC; zero: no change is in sight
	Then    Value     // what it is then
	Reason  string    // why it is that then
	Unless  string    // what the presence sensor would change at once; empty: nothing
}

// whyPoints are the points that are explained. The others say which booking it is,
// how long it is until the instants named here, or all of it in one message.
var whyPoints = [...]int{Booked, Comfort, Occupied, ModePoint, NextMode, QualityPoint, NoShow, WalkIn, SensorPoint,
	BookingsToday, BookedMinutesToday, UtilisationToday, NoShowsToday, WalkInsToday, EarlyLeavesToday, OverrunsToday}

// pointValues are a room's points that follow from its facts.
type pointValues [roomPointCount]Value

// Why says why the points of the room are what [Timeline.Derive] makes them of
// past and now. Its times are those of the room's zone, with the weekday where
// they are not of the day of now. Of a booking it says no more than the Booking
// holds.
//
// Until is the instant at which the point changes if all goes on as it does: the
// calendar goes on being read and has the same bookings, or, where the quality is
// not good, goes on failing; a sensor that is trusted goes on saying the same. For
// quality and sensor it is the instant at which they change if no read succeeds
// and nothing is heard.
func (t *Timeline) Why(past Past, now time.Time) []Why {
	first := t.follow(past, now)
	today := teller{f: &first, zone: t.plan.room.Zone, now: now}
	values := today.look()
	whys := make([]Why, len(whyPoints))
	for i, point := range whyPoints {
		whys[i] = Why{Point: roomPoints[point].Name, Value: values[point], Because: today.because(point)}
	}
	unless(whys, first, values)
	calls := func(point int) bool { return point == QualityPoint || point == SensorPoint }
	first.await(whys, now, false, calls)
	first.await(whys, now, true, func(point int) bool { return !calls(point) })
	return whys
}

// look derives the room where the follower stands.
func (w *teller) look() (values pointValues) {
	w.facts, _, _ = w.f.t.Derive(w.f.p, w.f.p.At)
	w.facts.Fill(values[:])
	return values
}

// unless finds out what the points would be if the sensor now said the opposite.
func unless(whys []Why, f follower, values pointValues) {
	if !f.p.Trusted {
		return
	}
	sees := "somebody"
	if f.p.Present {
		sees = "nobody"
	}
	facts, _, _ := f.t.Derive(f.p.Hear(Presence{Known: true, On: !f.p.Present}, f.p.At), f.p.At)
	var others pointValues
	facts.Fill(others[:])
	for i, point := range whyPoints {
		if point != NextMode && others[point] != values[point] {
			whys[i].Unless = others[point].word() + " as soon as the presence sensor sees " + sees
		}
	}
}

// await follows the room from one instant at which something may change to the
// next, and notes at which of them each wanted point first does. onward has the
// calendar read and the sensor heard all the time, as they were.
func (f follower) await(whys []Why, now time.Time, onward bool, wanted func(point int) bool) {
	then := teller{f: &f, zone: f.t.plan.room.Zone, now: now}
	then.look()
	reading := onward && then.facts.Quality == QualityGood
	end := f.sight(reading)
	for {
		to := f.stir()
		if to.IsZero() || !to.Before(end) {
			return
		}
		if reading {
			snap := f.t.snap
			snap.ReadAt = to
			f.t = f.t.With(snap)
		}
		if onward && f.p.Trusted {
			f.p.Heard = to
		}
		f.pass(to)
		values, open := then.look(), false
		for i, point := range whyPoints {
			w := &whys[i]
			if !wanted(point) || !w.Until.IsZero() {
				continue
			}
			if values[point] == w.Value {
				open = true
				continue
			}
			w.Until, w.Then, w.Reason = to.UTC(), values[point], then.because(point)
		}
		if !open {
			return
		}
	}
}

// stir is the first instant after p.At at which a point that is explained may
// change by itself; zero: none.
func (f *follower) stir() time.Time {
	w := wake{now: f.p.At}
	w.by(f.due().at)
	_, next := f.t.judge(f.p.At)
	w.by(next)
	return w.at
}

// sight is the instant before which changes are looked for. The end of what is
// known is none while the calendar is read: reads move it. Otherwise a week
// beyond that end shows what the fail-safe's schedule does.
func (f *follower) sight(reading bool) time.Time {
	if reading {
		return f.t.snap.To
	}
	return later(f.p.At, f.t.snap.To).AddDate(0, 0, 8)
}

// word is a value of the points that are explained, as it is published.
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
