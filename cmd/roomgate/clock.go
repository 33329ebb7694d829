package main

import (
	"math/rand/v2"
	"time"
)

// fastClock is a clock that starts at a chosen instant and runs faster than the
// wall clock; the demonstration and the simulator live by it.
type fastClock struct {
	start, began time.Time
	speed        float64
}

func newFastClock(start time.Time, speed float64) *fastClock {
	return &fastClock{start: start, began: time.Now(), speed: speed}
}

// Now returns the clock's time.
func (c *fastClock) Now() time.Time {
	return c.start.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// Stopwatch measures by this clock, which nobody sets.
func (c *fastClock) Stopwatch() func() time.Duration {
	began := c.Now()
	return func() time.Duration { return c.Now().Sub(began) }
}

// After sends once d has passed on this clock.
func (c *fastClock) After(d time.Duration) <-chan time.Time {
	return time.After(time.Duration(float64(d) / c.speed))
}

// jitter returns a random duration in [0, limit).
func jitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
