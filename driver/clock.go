package driver

import (
	"math/rand/v2"
	"time"
)

// Clock returns the time and waits. [WallClock] is the usual one; a demonstration
// or a replay has a faster one.
//
// Now is for instants: it follows changes of the clock. Durations are measured
// with Stopwatch, which does not.
type Clock interface {
	Now() time.Time
	// Stopwatch returns a function that returns the time since the call of
	// Stopwatch. It never decreases, and setting the clock does not change it.
	Stopwatch() func() time.Duration
	After(d time.Duration) <-chan time.Time
}

// WallClock is the machine's clock.
type WallClock struct{}

// Now returns the current time, without Go's monotonic reading: with it, the
// differences between instants would hide that the clock was set.
func (WallClock) Now() time.Time { return time.Now().UTC().Round(0) }

// Stopwatch measures with the machine's monotonic clock.
func (WallClock) Stopwatch() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// After sends on the returned channel once d has passed.
func (WallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// RandomJitter returns a random duration in [0, limit); 0 where limit is not positive.
func RandomJitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
