// Package replay plays a file of bookings and presence through the driver: it is
// a provider out of a file, and the clock that plays it.
package replay

import "time"

// Clock is a driver.Clock that stands at a chosen instant until it is started,
// and then runs at a chosen speed. A demonstration and a simulator run by it too.
type Clock struct {
	start   time.Time
	speed   float64
	running chan struct{} // closed by Start
	began   time.Time     // when the clock was started, on the machine's clock
}

// NewClock returns a clock that stands at start. Speed 1 is real time.
func NewClock(start time.Time, speed float64) *Clock {
	return &Clock{start: start.Round(0), speed: speed, running: make(chan struct{})}
}

// Start starts the clock. It is called once.
func (c *Clock) Start() {
	c.began = time.Now()
	close(c.running)
}

// Now implements driver.Clock.
func (c *Clock) Now() time.Time {
	select {
	case <-c.running:
		return c.start.Add(time.Duration(float64(time.Since(c.began)) * c.speed))
	default:
		return c.start
	}
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
	wait := time.Duration(float64(d) / c.speed)
	select {
	case <-c.running:
		return time.After(wait)
	default:
	}
	passed := make(chan time.Time, 1)
	go func() {
		<-c.running
		passed <- <-time.After(wait)
	}()
	return passed
}
