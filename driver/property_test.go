package driver

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// seeded gives a random source and prints its seed; put a printed seed here to
// see a failure again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// steps are coarse and fine, so that edges often coincide and sometimes nearly do.
var steps = []time.Duration{15 * time.Minute, time.Minute, time.Second, time.Nanosecond}

// drawn draws a duration in [0, most], a multiple of one of the steps.
func drawn(r *rand.Rand, most time.Duration) time.Duration {
	step := steps[r.IntN(len(steps))]
	return time.Duration(r.Int64N(int64(most/step)+1)) * step
}

func drawnRoom(r *rand.Rand, z *time.Location) Room {
	return Room{ID: "room", Zone: z, Count: Counting(r.UintN(64)) | CountingOf(Busy), Release: Release(r.UintN(2)),
		Lead: drawn(r, time.Hour), Lag: drawn(r, time.Hour), Gap: drawn(r, time.Hour), StaleAfter: drawn(r, time.Hour),
		MinOn: drawn(r, time.Hour) * time.Duration(r.IntN(2)), MinOff: drawn(r, time.Hour) * time.Duration(r.IntN(2)),
		FailSafe: FailSafe(r.UintN(4)), FailAfter: drawn(r, 12*time.Hour), Weekly: drawnWeek(r),
		SensorID: drawnSensor(r, 2), Grace: drawn(r, time.Hour), PresenceHold: drawn(r, time.Hour), PresenceTimeout: drawn(r, 3*time.Hour) * time.Duration(r.IntN(2))}
}

// drawnSensor is a sensor in all but one of n draws.
func drawnSensor(r *rand.Rand, n int) string {
	if r.IntN(n) == 0 {
		return ""
	}
	return "pir"
}

func drawnWeek(r *rand.Rand) Weekly {
	var w Weekly
	for day := range w.Days {
		from := r.IntN(dayMinutes)
		w.Days[day] = []HoursRange{{from, from + 1 + r.IntN(dayMinutes-from)}}
	}
	return w
}

func drawnBookings(r *rand.Rand, from time.Time) []Booking {
	all := make([]Booking, r.IntN(12))
	for i := range all {
		start := from.Add(drawn(r, 5*24*time.Hour) - 12*time.Hour)
		all[i] = Booking{ID: string('a' + rune(r.IntN(3))), Start: start, End: start.Add(drawn(r, 3*time.Hour)),
			ShowAs: ShowAs(r.UintN(6)), Subject: string('m' + rune(r.IntN(3))), Attendees: r.IntN(3), NoComfort: r.IntN(4) == 0}
	}
	return all
}

// drawnSnapshot is one that could have been read at some time of 2026, of days
// that include changes of the clocks.
func drawnSnapshot(r *rand.Rand, z *time.Location) Snapshot {
	read := at("2026-01-01T00:00:00Z").Add(drawn(r, 365*24*time.Hour))
	s := readAt(read, z)
	s.Bookings = drawnBookings(r, s.From)
	switch r.IntN(6) {
	case 0:
		s.Failure, s.Refusals = errTimeout, r.IntN(3)
	case 1:
		s.Failure, s.Refusals = errDenied, 1+r.IntN(3)
	case 2:
		return Snapshot{Failure: errors.New("never read")}
	}
	return s
}

var drawnZones = []string{"Europe/London", "Africa/Cairo", "America/Santiago", "America/Havana", "Asia/Kathmandu", "UTC"}

// points are all points that follow from the facts.
func points(f Facts, now time.Time) []Value {
	values := make([]Value, len(roomPoints))
	f.Fill(values)
	values[stateIndex] = f.State(time.Time{})
	values[scheduleIndex] = f.Schedule(now)
	return values
}

// checkDerive holds Derive to what it promises about one instant, and returns
// what it remembers.
func checkDerive(t *testing.T, timeline *Timeline, past Past, now time.Time) Past {
	t.Helper()
	facts, past, next := timeline.Derive(past, now)
	later := []time.Time{now, now.Add(time.Nanosecond), now.AddDate(1, 0, 0)}
	if !next.IsZero() {
		if !next.After(now) {
			t.Fatalf("at %v next is %v", now, next)
		}
		later = []time.Time{now, now.Add(min(time.Nanosecond, next.Sub(now)-1)), now.Add(next.Sub(now) / 2), next.Add(-time.Nanosecond)}
	}
	for _, then := range later {
		if again, _, _ := timeline.Derive(past, then); again != facts || !slices.Equal(points(again, then), points(facts, now)) {
			t.Fatalf("between %v and %v, at %v, the facts are not the same:\n%+v\n%+v", now, next, then, facts, again)
		}
	}
	room := timeline.plan.room
	bare := room.Release == ReleaseAtStart || room.MinOff > 0 || facts.Current != nil && facts.Current.NoComfort || !past.FailSafe.IsZero()
	if facts.Booked && !facts.Comfort && !bare {
		t.Fatalf("at %v booked without comfort", now)
	}
	if facts.Quality.Available() && !facts.Known {
		t.Fatalf("at %v quality is %v and nothing is known", now, facts.Quality)
	}
	if (facts.Quality == QualityGood) != (facts.Fault == "") {
		t.Fatalf("at %v quality is %v and the fault %q", now, facts.Quality, facts.Fault)
	}
	if facts.Known && (facts.Mode == ModeUnknown || !facts.Commanded || !facts.Occupancy) {
		t.Fatalf("at %v the calendar is known, and mode, comfort or occupied is not", now)
	}
	if min(facts.NoShowsToday, facts.WalkInsToday, facts.EarlyLeavesToday, facts.OverrunsToday) < 0 || facts.NoShow && facts.WalkIn {
		t.Fatalf("at %v: %+v", now, facts)
	}
	return past
}

// instants are those worth looking at: near every edge, and anywhere.
func instants(r *rand.Rand, s Snapshot) []time.Time {
	if s.ReadAt.IsZero() {
		return []time.Time{at("12:00"), at("23:59:59").Add(time.Second - 1)}
	}
	all := []time.Time{s.From, s.To, s.ReadAt, s.From.Add(drawn(r, 4*24*time.Hour)), s.From.Add(-drawn(r, 24*time.Hour)), s.To.Add(drawn(r, 24*time.Hour))}
	for _, b := range s.Bookings {
		all = append(all, b.Start, b.End)
	}
	for _, t := range all[:len(all):len(all)] {
		all = append(all, t.Add(-time.Nanosecond), t.Add(time.Nanosecond))
	}
	return all
}

func TestDeriveProperties(t *testing.T) {
	r := seeded(t)
	for range 500 {
		z := zone(t, drawnZones[r.IntN(len(drawnZones))])
		room, snap := drawnRoom(r, z), drawnSnapshot(r, z)
		timeline := NewTimeline(room, snap)
		for _, now := range instants(r, snap) {
			checkDerive(t, timeline, Past{}, now)
		}
	}
}

// A room's life: time passes, calendars change, reads fail, the sensor speaks,
// the gateway stops for a while, the clock is set. What is promised of Derive
// holds throughout; comfort changes no faster than its minimum times; a change of
// the mode comes when it was foretold.
func TestDeriveLife(t *testing.T) {
	r := seeded(t)
	for range 200 {
		z := zone(t, drawnZones[r.IntN(len(drawnZones))])
		room, snap := drawnRoom(r, z), drawnSnapshot(r, z)
		l := life{r: r, room: room, timeline: NewTimeline(room, snap), now: snap.From.Add(drawn(r, 48*time.Hour))}
		if snap.ReadAt.IsZero() {
			l.now = at("12:00")
		}
		for range 300 {
			l.turn(t)
		}
	}
}

type life struct {
	r        *rand.Rand
	room     Room
	timeline *Timeline
	past     Past
	now      time.Time
	on       bool
	changed  time.Time // when comfort did
	mode     Mode      // foretold for modeAt
	modeAt   time.Time
}

func (l *life) turn(t *testing.T) {
	r := l.r
	facts, past, next := l.timeline.Derive(l.past, l.now)
	l.past = past
	switch r.IntN(12) {
	case 0:
		snap := l.timeline.Snapshot()
		snap.Failure, snap.Refusals = []error{errTimeout, errDenied}[r.IntN(2)], snap.Refusals+1
		l.timeline, l.modeAt = l.timeline.With(snap), time.Time{}
	case 1:
		snap := readAt(l.now, l.room.Zone)
		snap.Bookings = drawnBookings(r, snap.From)
		l.timeline, l.modeAt = NewTimeline(l.room, snap), time.Time{}
	case 2, 3, 4:
		l.past, l.modeAt = l.past.WithReport(Presence{Known: r.IntN(8) > 0, On: r.IntN(2) == 0}, l.now), time.Time{}
	case 5:
		l.now = l.now.Add(drawn(r, 6*time.Hour))
		next = time.Time{}
		l.modeAt = time.Time{}
	case 6:
		if r.IntN(10) == 0 {
			l.now, l.changed = l.now.Add(-drawn(r, 48*time.Hour)), time.Time{}
			next, l.modeAt = time.Time{}, time.Time{}
		}
	}
	if next.After(l.now) {
		l.now = next
	}
	l.past = checkDerive(t, l.timeline, l.past, l.now)
	trusted, failing := facts.Sensor, facts.Mode != ModeUnknown && !past.FailSafe.IsZero()
	facts, _, _ = l.timeline.Derive(l.past, l.now)
	if l.past.Comfort != l.on {
		least := l.room.MinOff
		if l.on {
			least = l.room.MinOn
		}
		if changed := l.past.ComfortSince; !l.changed.IsZero() && changed.Sub(l.changed) < least {
			t.Fatalf("comfort changed at %v and at %v", l.changed, changed)
		}
		l.on, l.changed = l.past.Comfort, l.past.ComfortSince
	}
	same := facts.Sensor == trusted && failing == (facts.Mode != ModeUnknown && !l.past.FailSafe.IsZero()) && facts.Known
	if same && !l.modeAt.IsZero() {
		if l.now.Before(l.modeAt) && (facts.NextModeAt != l.modeAt || facts.NextMode != l.mode) || l.now.Equal(l.modeAt) && facts.Mode != l.mode {
			t.Fatalf("at %v: %v foretold for %v, now %v and %v for %v", l.now, l.mode, l.modeAt, facts.Mode, facts.NextMode, facts.NextModeAt)
		}
	}
	l.mode, l.modeAt = facts.NextMode, facts.NextModeAt
	if !facts.Known {
		l.modeAt = time.Time{}
	}
}

// The order in which bookings arrive, and how often, is no fact.
func TestDeriveOrder(t *testing.T) {
	r := seeded(t)
	for range 500 {
		z := zone(t, drawnZones[r.IntN(len(drawnZones))])
		room, snap := drawnRoom(r, z), drawnSnapshot(r, z)
		other := snap
		other.Bookings = append([]Booking{}, snap.Bookings...)
		for _, b := range snap.Bookings {
			if r.IntN(2) == 0 {
				other.Bookings = append(other.Bookings, b)
			}
		}
		r.Shuffle(len(other.Bookings), func(i, j int) {
			other.Bookings[i], other.Bookings[j] = other.Bookings[j], other.Bookings[i]
		})
		a, b := NewTimeline(room, snap), NewTimeline(room, other)
		for _, now := range instants(r, snap) {
			f, next := fresh(a, now)
			g, then := fresh(b, now)
			if !slices.Equal(points(f, now), points(g, now)) || next != then {
				t.Fatalf("at %v:\n%v until %v\n%v until %v", now, points(f, now), next, points(g, now), then)
			}
		}
	}
}

// FuzzDerive draws rooms and calendars from the bytes it is given.
func FuzzDerive(f *testing.F) {
	f.Add(uint64(1), uint64(2), int64(0))
	f.Add(uint64(3), uint64(4), int64(90*time.Minute))
	f.Add(uint64(5), uint64(6), int64(-400*24*time.Hour))
	f.Fuzz(func(t *testing.T, a, b uint64, offset int64) {
		r := rand.New(rand.NewPCG(a, b))
		z := zone(t, drawnZones[r.IntN(len(drawnZones))])
		room, snap := drawnRoom(r, z), drawnSnapshot(r, z)
		timeline := NewTimeline(room, snap)
		past := checkDerive(t, timeline, Past{}, at("12:00").Add(time.Duration(offset)))
		past = past.WithReport(Presence{Known: a%8 > 0, On: b%2 == 0}, past.At)
		from := snap.From
		if from.IsZero() {
			from = at("00:00")
		}
		past = checkDerive(t, timeline, past, from.Add(time.Duration(offset)%(5*24*time.Hour)))
		checkDerive(t, timeline, past, past.At.Add(drawn(r, 6*time.Hour)))
	})
}
