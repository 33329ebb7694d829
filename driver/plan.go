package driver

import (
	"iter"
	"slices"
	"sort"
	"time"
)

// Timeline is a snapshot of one room prepared for [Timeline.Derive]: the bookings
// that count are selected, sorted and merged once, not at every instant. It is
// immutable.
type Timeline struct {
	plan   *plan
	snap   Snapshot
	reason string // of the last failure, as text; empty: none
	person bool   // user action is required to resolve the failure
	clock  string // what is wrong with the gateway's clock; empty: nothing
}

// plan is computed from the bookings alone. Equal facts of the same plan are rendered
// equally.
type plan struct {
	room     Room
	bookings []Booking // that count, sorted, without duplicates
	segments []segment // of the window, contiguous
	days     []load    // the site's days that the window touches
}

// segment is a period in which nothing about the bookings changes. It ends where the
// next begins.
type segment struct {
	start        time.Time
	current      int32 // the running booking that began last; -1: none is running
	next         int32 // the next booking to start
	ended        int32 // how many bookings are over
	needsComfort bool  // one of the running bookings needs comfort
	demand       bool  // comfort is requested: with lead, lag, gap and release applied
}

// load is how a day is booked.
type load struct {
	span
	bookings int // that overlap it
	booked   time.Duration
}

// span is a period of time, its end exclusive.
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
	n := len(p.bookings)
	busy := make([]span, 0, n)
	needed, demand := make([]span, 0, n), make([]span, 0, n)
	for _, b := range p.bookings {
		busy = append(busy, span{b.Start, b.End})
		if !b.NoComfort {
			needed = append(needed, span{b.Start, b.End})
			demand = append(demand, room.demand(b))
		}
	}
	p.load(snap, merge(busy, 0))
	p.cut(snap, merge(needed, 0), merge(demand, room.Gap))
	return newTimeline(p, snap)
}

// With returns the timeline of the same bookings with the age and the failure of
// another snapshot.
func (t *Timeline) With(snap Snapshot) *Timeline {
	return newTimeline(t.plan, snap).withClockFault(t.clock)
}

// withClockFault returns the timeline under a gateway's clock that is wrong, with the
// words for the point fault; empty: it is not.
func (t *Timeline) withClockFault(words string) *Timeline {
	c := *t
	c.clock = words
	return &c
}

func newTimeline(p *plan, snap Snapshot) *Timeline {
	t := &Timeline{plan: p, snap: snap}
	if snap.Failure != nil {
		t.reason, t.person = Explain(snap.Failure)
	}
	return t
}

// Snapshot returns the snapshot that the timeline was made from.
func (t *Timeline) Snapshot() Snapshot { return t.snap }

// demand is the span in which a booking requests comfort.
func (r Room) demand(b Booking) span {
	end := b.End
	if r.Release == ReleaseAtStart {
		end = b.Start
	}
	return span{b.Start.Add(-r.Lead), end.Add(r.Lag)}
}

// merge sorts the spans and joins, in place, those that overlap, touch, or are at
// most gap apart.
func merge(spans []span, gap time.Duration) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start.Compare(b.start) })
	out := spans[:0]
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

// within reports whether t lies in one of the merged spans.
func within(spans []span, t time.Time) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].end.After(t) })
	return i < len(spans) && !t.Before(spans[i].start)
}

// load computes how the days of the window are booked; busy is the union of the
// bookings.
func (p *plan) load(snap Snapshot, busy []span) {
	if !snap.From.Before(snap.To) {
		return
	}
	for at := midnight(snap.From, p.room.Zone, 0); at.Before(snap.To); at = midnight(at, p.room.Zone, 1) {
		day := load{span: span{at, midnight(at, p.room.Zone, 1)}}
		for _, b := range p.bookings {
			if b.Start.Before(day.end) && b.End.After(day.start) {
				day.bookings++
			}
		}
		for _, s := range busy {
			if from, to := later(s.start, day.start), earlier(s.end, day.end); from.Before(to) {
				day.booked += to.Sub(from)
			}
		}
		p.days = append(p.days, day)
	}
}

// cut divides the window into segments: at the starts and ends of the bookings and of
// the demand and, with a presence sensor, at the ends of the graces.
func (p *plan) cut(snap Snapshot, needed, demand []span) {
	edges, ends := make([]time.Time, 0, 1+3*len(p.bookings)+2*len(demand)), make([]time.Time, 0, len(p.bookings))
	edges = append(edges, snap.From)
	for _, b := range p.bookings {
		edges, ends = append(edges, b.Start, b.End), append(ends, b.End)
		if p.room.hasSensor() {
			edges = append(edges, b.Start.Add(p.room.Grace))
		}
	}
	for _, s := range demand {
		edges = append(edges, s.start, s.end)
	}
	slices.SortFunc(edges, time.Time.Compare)
	slices.SortFunc(ends, time.Time.Compare)
	edges = slices.CompactFunc(edges, time.Time.Equal)
	p.segments = make([]segment, 0, len(edges))
	next, ended := 0, 0
	for _, at := range edges {
		if at.Before(snap.From) || !at.Before(snap.To) {
			continue
		}
		for next < len(p.bookings) && !p.bookings[next].Start.After(at) {
			next++
		}
		for ended < len(ends) && !ends[ended].After(at) {
			ended++
		}
		current := next - 1
		for current >= 0 && !p.bookings[current].End.After(at) {
			current--
		}
		p.segments = append(p.segments, segment{at, int32(current), int32(next), int32(ended), within(needed, at), within(demand, at)})
	}
}

// locate finds the segment at p.At.
func (f *evaluator) locate() {
	segments, at, was := f.t.plan.segments, f.p.At, f.i
	f.i = -1
	if f.t.snap.ReadAt.IsZero() || at.Before(f.t.snap.From) || !at.Before(f.t.snap.To) {
		return
	}
	for i := max(0, was); i < len(segments) && i <= was+1; i++ { // mostly the same or the next
		if !at.Before(segments[i].start) && (i+1 == len(segments) || at.Before(segments[i+1].start)) {
			f.i = i
			return
		}
	}
	f.i = sort.Search(len(segments), func(i int) bool { return segments[i].start.After(at) }) - 1
}

// planDue adds the start of the next segment, and the start and the end of the window.
func (f *evaluator) planDue(w *earliest) {
	if f.t.snap.ReadAt.IsZero() {
		return
	}
	w.add(f.t.snap.From)
	w.add(f.t.snap.To)
	if next := f.i + 1; f.i >= 0 && next < len(f.t.plan.segments) {
		w.add(f.t.plan.segments[next].start)
	}
}

// current is the running booking that began last, because people notice the meeting
// within an all-day booking; nil: none is known to be running.
func (f *evaluator) current() *Booking {
	if f.i < 0 || f.t.plan.segments[f.i].current < 0 {
		return nil
	}
	return &f.t.plan.bookings[f.t.plan.segments[f.i].current]
}

// next is the next booking to start; nil: none is known.
func (f *evaluator) next() *Booking {
	if f.i < 0 || int(f.t.plan.segments[f.i].next) == len(f.t.plan.bookings) {
		return nil
	}
	return &f.t.plan.bookings[f.t.plan.segments[f.i].next]
}

// running yields the running bookings.
func (f *evaluator) running() iter.Seq[*Booking] {
	return func(yield func(*Booking) bool) {
		if f.current() == nil {
			return
		}
		for i := range f.t.plan.segments[f.i].current + 1 {
			if b := &f.t.plan.bookings[i]; b.End.After(f.p.At) && !yield(b) {
				return
			}
		}
	}
}
