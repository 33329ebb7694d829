package driver

import (
	"slices"
	"time"
)

// Timeline is a snapshot of one room made ready for [Timeline.Derive]: what
// counts is picked out, sorted and merged once, not at every instant.
// A Timeline is never changed.
type Timeline struct {
	plan *plan
	snap Snapshot
}

// plan is what follows from the bookings alone. Facts of one plan that are
// equal are rendered equally.
type plan struct {
	room     Room
	bookings []Booking // that count, sorted, each once
	busy     []span    // their union
	demand   []span    // comfort: with lead, lag, gap and release applied
}

// span is a stretch of time, its end exclusive.
type span struct{ start, end time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.start) && t.Before(s.end) }

// NewTimeline prepares a snapshot of the room.
func NewTimeline(room Room, snap Snapshot) *Timeline {
	p := &plan{room: room}
	for _, b := range Overlapping(snap.Bookings, snap.From, snap.To) {
		if room.Count.Has(b.ShowAs) {
			p.bookings = append(p.bookings, b)
		}
	}
	for _, b := range p.bookings {
		p.busy = append(p.busy, span{b.Start, b.End})
		p.demand = append(p.demand, room.demand(b))
	}
	p.busy = merge(p.busy, 0)
	p.demand = merge(p.demand, room.Gap)
	return &Timeline{plan: p, snap: snap}
}

// With returns the timeline of the same bookings with another reading of them:
// a new age, or a failure.
func (t *Timeline) With(snap Snapshot) *Timeline { return &Timeline{plan: t.plan, snap: snap} }

// Snapshot returns what the timeline was made of.
func (t *Timeline) Snapshot() Snapshot { return t.snap }

// demand is the stretch for which a booking asks for comfort.
func (r Room) demand(b Booking) span {
	end := b.End
	if r.Release == ReleaseAtStart {
		end = b.Start
	}
	return span{b.Start.Add(-r.Lead), end.Add(r.Lag)}
}

// merge joins spans that overlap, touch, or lie no further apart than gap.
func merge(spans []span, gap time.Duration) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start.Compare(b.start) })
	var out []span
	for _, s := range spans {
		if !s.start.Before(s.end) {
			continue // release at the start, with neither lead nor lag
		}
		if n := len(out); n > 0 && s.start.Sub(out[n-1].end) <= gap {
			if s.end.After(out[n-1].end) {
				out[n-1].end = s.end
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// wake collects instants and keeps the soonest that lies after now.
type wake struct{ now, at time.Time }

func (w *wake) by(t time.Time) {
	if t.After(w.now) && (w.at.IsZero() || t.Before(w.at)) {
		w.at = t
	}
}

// Derive returns the facts that hold at now and the instant, after now, until
// which they hold if nothing new is read. The instant is zero when nothing
// changes by itself.
func (t *Timeline) Derive(now time.Time) (Facts, time.Time) {
	w := wake{now: now}
	f := Facts{Fixed: Fixed{plan: t.plan}, Age: -1}
	var judged time.Time
	f.Quality, f.Fault, judged = t.snap.judge(now, t.plan.room.StaleAfter)
	w.by(judged)
	if t.snap.ReadAt.IsZero() {
		return f, w.at
	}
	f.Age = t.age(&w)
	w.by(t.snap.From)
	w.by(t.snap.To)
	if f.Known = !now.Before(t.snap.From) && now.Before(t.snap.To); f.Known {
		t.now(&f, &w)
		t.plan.today(&f, &w)
		t.ahead(&f, &w)
	}
	return f, w.at
}

// age is the time since the last good read, in seconds, at the last full minute.
func (t *Timeline) age(w *wake) int {
	minute := w.now.Truncate(time.Minute)
	w.by(minute.Add(time.Minute))
	return max(0, int(minute.Sub(t.snap.ReadAt)/time.Second))
}

// now finds what is booked and what comes next. Of several running bookings the
// one that began last is the current one: a meeting inside an all-day block is
// what people see in the room.
func (t *Timeline) now(f *Facts, w *wake) {
	for i := range t.plan.bookings {
		b := &t.plan.bookings[i]
		w.by(b.Start)
		w.by(b.End)
		switch {
		case !b.End.After(w.now):
			f.ended++
		case !b.Start.After(w.now):
			f.Current = b
		case f.Next == nil:
			f.Next = b
		}
	}
	f.Booked = f.Current != nil
	if f.Booked {
		f.MinutesRemaining = minutesTo(f.Current.End, w)
	} else {
		f.FreeUntil = t.snap.To
	}
	if f.Next != nil {
		f.MinutesUntilNext = minutesTo(f.Next.Start, w)
		if !f.Booked {
			f.FreeUntil = f.Next.Start
		}
	}
	for _, d := range t.plan.demand {
		w.by(d.start)
		w.by(d.end)
		f.Comfort = f.Comfort || d.has(w.now)
	}
}

// minutesTo counts the minutes until t, begun ones as whole.
func minutesTo(t time.Time, w *wake) int {
	n := int((t.Sub(w.now) + time.Minute - 1) / time.Minute)
	w.by(t.Add(-time.Duration(n-1) * time.Minute))
	return n
}

// today works out the figures of the day that now falls on in the site's zone.
func (p *plan) today(f *Facts, w *wake) {
	day := span{midnight(w.now, p.room.Zone, 0), midnight(w.now, p.room.Zone, 1)}
	w.by(day.end)
	for _, b := range p.bookings {
		if b.Start.Before(day.end) && b.End.After(day.start) {
			f.BookingsToday++
		}
	}
	var booked time.Duration
	for _, s := range p.busy {
		from, to := later(s.start, day.start), earlier(s.end, day.end)
		if from.Before(to) {
			booked += to.Sub(from)
		}
	}
	length := day.end.Sub(day.start)
	f.BookedMinutesToday = int(booked / time.Minute)
	f.UtilisationToday = int((100*booked + length/2) / length)
}

// ahead says how far the schedule reaches: 48 hours, rounded down to the hour
// so that it is published no more than hourly, and never past what was read.
func (t *Timeline) ahead(f *Facts, w *wake) {
	hour := w.now.Truncate(time.Hour)
	w.by(hour.Add(time.Hour))
	f.ValidUntil = earlier(hour.Add(scheduleReach), t.snap.To)
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
