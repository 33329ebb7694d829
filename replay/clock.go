// Package replay plays a file of bookings and presence through the driver. It has a
// provider that reads the file, and the clock that it is played by.
package replay

import (
	"sync"
	"time"
)

// Clock is a driver.Clock that is stopped at a given instant until it is started, and
// then runs at a given speed. The demonstration and the simulator use it too.
type Clock struct {
	start time.Time
	speed float64

	mu      sync.Mutex
	began   time.Time // when the clock was started, on the machine's clock; zero: it is stopped
	waiting []wait    // that begin when the clock is started
}

// wait is a wait of a stopped clock.
type wait struct {
	length time.Duration // of real time
	passed chan time.Time
}

// NewClock returns a clock that is stopped at start. Speed 1 is real time.
func NewClock(start time.Time, speed float64) *Clock {
	return &Clock{start: start.Round(0), speed: speed}
}

// Start starts the clock. It is called once.
func (c *Clock) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = time.Now()
	for _, w := range c.waiting {
		time.AfterFunc(w.length, func() { w.passed <- time.Now() })
	}
	c.waiting = nil
}

// Now implements driver.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.began.IsZero() {
		return c.start
	}
	return c.start.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
}

// Stopwatch implements driver.Clock. It measures by this clock, which is never
// set.
func (c *Clock) Stopwatch() func() time.Duration {
	began := c.Now()
	return func() time.Duration { return c.Now().Sub(began) }
}

// After implements driver.Clock. The duration is one of this clock; none of it
// passes before the clock is started.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	length := time.Duration(float64(d) / c.speed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.began.IsZero() {
		return time.After(length)
	}
	passed := make(chan time.Time, 1)
	c.waiting = append(c.waiting, wait{length, passed})
	return passed
}
