package driver

import (
	"errors"
	"math/rand/v2"
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
		Lead: drawn(r, time.Hour), Lag: drawn(r, time.Hour), Gap: drawn(r, time.Hour), StaleAfter: drawn(r, time.Hour)}
}

func drawnBookings(r *rand.Rand, from time.Time) []Booking {
	all := make([]Booking, r.IntN(12))
	for i := range all {
		start := from.Add(drawn(r, 5*24*time.Hour) - 12*time.Hour)
		all[i] = Booking{ID: string('a' + rune(r.IntN(3))), Start: start, End: start.Add(drawn(r, 3*time.Hour)),
			ShowAs: ShowAs(r.UintN(6)), Subject: string('m' + rune(r.IntN(3))), Attendees: r.IntN(3)}
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
		s.Failure, s.Failures = errTimeout, 1+r.IntN(3)
	case 1:
		s.Failure, s.Failures = errDenied, 1+r.IntN(3)
	case 2:
		return Snapshot{Failure: errors.New("never read"), Failures: 1}
	}
	return s
}

var drawnZones = []string{"Europe/London", "Africa/Cairo", "America/Santiago", "America/Havana", "Asia/Kathmandu", "UTC"}

// points are all points that follow from the facts.
func points(f Facts, now time.Time) (values [roomPointCount]Value) {
	f.Fill(values[:])
	values[StatePoint] = f.State(time.Time{})
	values[Schedule48h] = f.Schedule(now)
	return values
}

// checkDerive holds Derive to what it promises about one instant.
func checkDerive(t *testing.T, timeline *Timeline, now time.Time) {
	t.Helper()
	facts, next := timeline.Derive(now)
	later := []time.Time{now.Add(time.Nanosecond), now.AddDate(1, 0, 0)}
	if !next.IsZero() {
		if !next.After(now) {
			t.Fatalf("at %v next is %v", now, next)
		}
		later = []time.Time{now.Add(min(time.Nanosecond, next.Sub(now)-1)), now.Add(next.Sub(now) / 2), next.Add(-time.Nanosecond)}
	}
	for _, then := range later {
		if again, _ := timeline.Derive(then); again != facts || points(again, then) != points(facts, now) {
			t.Fatalf("between %v and %v, at %v, the facts are not the same:\n%+v\n%+v", now, next, then, facts, again)
		}
	}
	if room := timeline.plan.room; facts.Booked && !facts.Comfort && room.Release == ReleaseAtEnd {
		t.Fatalf("at %v booked without comfort", now)
	}
	if facts.Quality.Available() && !facts.Known {
		t.Fatalf("at %v quality is %v and nothing is known", now, facts.Quality)
	}
	if (facts.Quality == QualityGood) != (facts.Fault == "") {
		t.Fatalf("at %v quality is %v and the fault %q", now, facts.Quality, facts.Fault)
	}
}

// instants are those worth looking at: near every edge, and anywhere.
func instants(r *rand.Rand, s Snapshot) []time.Time {
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
			checkDerive(t, timeline, now)
		}
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
			f, next := a.Derive(now)
			g, then := b.Derive(now)
			if points(f, now) != points(g, now) || next != then {
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
		checkDerive(t, timeline, at("12:00").Add(time.Duration(offset)))
		checkDerive(t, timeline, snap.From.Add(time.Duration(offset)%(5*24*time.Hour)))
	})
}
