package driver

import "time"

// Presence is what a presence sensor said. One that is not Known says that the
// sensor cannot tell.
type Presence struct {
	Known bool `json:"known,omitempty"`
	On    bool `json:"on,omitempty"`
}

// Sensor says how far a room's presence sensor can be trusted.
type Sensor uint8

const (
	SensorNone   Sensor = iota // the room has none
	SensorGood                 // it was heard lately
	SensorSilent               // it was never heard, not heard for long, or cannot tell
)

var sensorWords = enum[Sensor]{"none", "good", "silent"}

// String returns the word that is published.
func (s Sensor) String() string { return sensorWords.word(s) }

// ParseSensor reads the word that is published.
func ParseSensor(word string) (Sensor, error) { return sensorWords.parse(word) }

// Hear returns the past with what a sensor says at now, to which Derive has
// brought it; the next Derive goes on from there.
func (p Past) Hear(said Presence, now time.Time) Past {
	p.Said, p.Heard = said, now
	return p
}

// sensor tells how far the sensor is trusted.
func (f *follower) sensor() Sensor {
	switch {
	case !f.t.plan.room.Sensor:
		return SensorNone
	case f.p.Trusted:
		return SensorGood
	}
	return SensorSilent
}

// falls is the instant at which the sensor will have been silent for too long;
// zero: never.
func (f *follower) falls() time.Time {
	if timeout := f.t.plan.room.PresenceTimeout; timeout > 0 {
		return f.p.Heard.Add(timeout)
	}
	return time.Time{}
}

// sense works out whether the sensor is trusted and whether somebody is there. A
// stretch of presence goes on over pauses shorter than the hold; one that begins
// with the trust, at Doubt, began nobody knows when.
func (f *follower) sense() {
	p, falls := &f.p, f.falls()
	p.Trusted = f.t.plan.room.Sensor && p.Said.Known && (falls.IsZero() || p.At.Before(falls))
	if !p.Trusted {
		p.Doubt = p.At
	}
	was := p.Present
	p.Present = p.Trusted && p.Said.On
	if !p.Present || was {
		return
	}
	if goesOn := p.At.Before(p.Left.Add(f.t.plan.room.PresenceHold)) && !p.Doubt.After(p.Left); !goesOn {
		p.Began = p.At
		if p.Began.After(p.Doubt) && f.walkIn() {
			p.Day.WalkIns++
		}
	}
}

// visited tells whether somebody is there or was until less than the hold ago,
// without a booking or beyond one. Where the fail-safe speaks for the bookings, they
// say nothing here either.
func (f *follower) visited() bool {
	held := f.p.At.Before(f.p.Left.Add(f.t.plan.room.PresenceHold)) && (f.p.Left.After(f.p.Booked) || f.overridden())
	return f.p.Trusted && (f.p.Present || held)
}
