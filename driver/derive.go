package driver

import "time"

// earliest collects instants and keeps the earliest that is after now.
type earliest struct{ now, at time.Time }

func (w *earliest) add(t time.Time) {
	if t.After(w.now) && (w.at.IsZero() || t.Before(w.at)) {
		w.at = t
	}
}

// Derive returns the facts at now, the Past to pass to the next Derive, and the
// instant, after now, until which the facts hold if nothing is read and no sensor
// reports. The instant is zero when nothing changes through time alone.
//
// past is what an earlier Derive of the room returned, of this timeline or
// another, or the zero Past. Between its instant and now, only the passage of time is
// assumed to have happened.
func (t *Timeline) Derive(past Past, now time.Time) (Facts, Past, time.Time) {
	f := t.evaluate(past, now)
	w := f.due()
	facts := Facts{StableFacts: StableFacts{plan: t.plan, Known: f.i >= 0}, Age: -1}
	f.trust(&facts, &w)
	f.control(&facts, &w)
	if !t.snap.ReadAt.IsZero() {
		facts.Age = t.age(&w)
	}
	if facts.Known {
		f.calendar(&facts, &w)
		f.people(&facts)
		f.today(&facts)
		t.ahead(&facts, &w)
	}
	return facts, f.p, w.at
}

// trust fills in the quality, the fault and the state of the sensor.
func (f *evaluator) trust(facts *Facts, w *earliest) {
	v, next := f.t.judge(f.p.At)
	w.add(next)
	facts.Quality, facts.Fault = v.quality(), f.t.words(v)+f.failSafeWords()
	if facts.Quality == QualityGood && f.t.plan.room.Test {
		facts.Quality = QualityTest
	}
	facts.Sensor = f.sensor()
}

// control fills in the facts that plant is controlled from.
func (f *evaluator) control(facts *Facts, w *earliest) {
	facts.Commanded, facts.Comfort = f.comfortKnown(), f.comfortKnown() && f.p.Comfort
	facts.Mode = f.mode()
	if facts.NextMode, facts.NextModeAt = f.nextMode(); !facts.NextModeAt.IsZero() {
		facts.MinutesToNextMode = minutesTo(facts.NextModeAt, w)
	}
	facts.Occupancy = f.p.Trusted || f.i >= 0
	facts.Occupied = f.p.Present || !f.p.Trusted && f.current() != nil
}

// age is the time from the last successful read to the last full minute, in seconds.
func (t *Timeline) age(w *earliest) int {
	minute := w.now.Truncate(time.Minute)
	w.add(minute.Add(time.Minute))
	return max(0, int(minute.Sub(t.snap.ReadAt)/time.Second))
}

// calendar fills in the current and the next booking.
func (f *evaluator) calendar(facts *Facts, w *earliest) {
	facts.ended = int(f.t.plan.segments[f.i].ended)
	facts.Current, facts.Next = f.current(), f.next()
	if facts.Booked = facts.Current != nil; facts.Booked {
		facts.MinutesRemaining = minutesTo(facts.Current.End, w)
	} else {
		facts.FreeUntil = f.t.snap.To
	}
	if facts.Next != nil {
		facts.MinutesUntilNext = minutesTo(facts.Next.Start, w)
		if !facts.Booked {
			facts.FreeUntil = facts.Next.Start
		}
	}
}

// people fills in whether people came with and without a booking.
func (f *evaluator) people(facts *Facts) {
	day := &f.p.Day
	facts.NoShow, facts.WalkIn = f.noShow(), f.walkIn()
	facts.NoShowsToday, facts.WalkInsToday = len(day.NoShows), day.WalkIns
	facts.EarlyLeavesToday, facts.OverrunsToday = day.EarlyLeaves, day.Overruns
}

// minutesTo is the number of minutes until t, rounded up.
func minutesTo(t time.Time, w *earliest) int {
	n := int((t.Sub(w.now) + time.Minute - 1) / time.Minute)
	w.add(t.Add(-time.Duration(n-1) * time.Minute))
	return n
}

// today fills in how the current day of the site's zone is booked, according to the
// known bookings.
func (f *evaluator) today(facts *Facts) {
	for _, day := range f.t.plan.days {
		if day.has(f.p.At) {
			length := day.end.Sub(day.start)
			facts.BookingsToday = day.bookings
			facts.BookedMinutesToday = int(day.booked / time.Minute)
			facts.UtilisationToday = int((100*day.booked + length/2) / length)
			return
		}
	}
}

// ahead fills in the end of the schedule: 48 hours ahead, rounded down to the hour so
// that the schedule is published at most hourly, and within the window that was read.
func (t *Timeline) ahead(facts *Facts, w *earliest) {
	hour := w.now.Truncate(time.Hour)
	w.add(hour.Add(time.Hour))
	facts.ValidUntil = earlier(hour.Add(scheduleReach), t.snap.To)
}

const scheduleReach = 48 * time.Hour

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
