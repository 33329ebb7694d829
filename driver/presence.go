package driver

import "time"

// Presence is a report of a presence sensor. If it is not Known, the sensor reports
// neither presence nor absence.
type Presence struct {
	Known bool `json:"known,omitempty"`
	On    bool `json:"on,omitempty"`
}

// Sensor is the state of a room's presence sensor.
type Sensor uint8

const (
	SensorNone   Sensor = iota // the room has none
	SensorGood                 // it reported recently
	SensorSilent               // it never reported, or not recently, or neither presence nor absence
)

var sensorWords = enum[Sensor]{"none", "good", "silent"}

// String returns the word that is published.
func (s Sensor) String() string { return sensorWords.word(s) }

// WithReport returns the past with a report of the sensor at now, the instant up to
// which Derive has brought it. The next Derive continues from there.
func (p Past) WithReport(report Presence, now time.Time) Past {
	p.Report, p.ReportedAt = report, now
	return p
}

// replaceSensor drops what another sensor than the room's reported.
func (f *evaluator) replaceSensor() {
	if id := f.t.plan.room.SensorID; f.p.SensorID != id {
		f.p.Report, f.p.ReportedAt, f.p.SensorID = Presence{}, time.Time{}, id
	}
}

// sensor returns the state of the sensor.
func (f *evaluator) sensor() Sensor {
	switch {
	case !f.t.plan.room.hasSensor():
		return SensorNone
	case f.p.Trusted:
		return SensorGood
	}
	return SensorSilent
}

// sensorExpires is the instant at which the sensor will have been silent for too
// long; zero: never.
func (f *evaluator) sensorExpires() time.Time {
	if timeout := f.t.plan.room.PresenceTimeout; timeout > 0 {
		return f.p.ReportedAt.Add(timeout)
	}
	return time.Time{}
}

// updateSensor computes whether the sensor is trusted and whether somebody is
// there. A period of presence continues across absences shorter than the hold. The
// start of one that is reported as soon as the sensor becomes trusted, at
// LastUntrusted, is not known.
func (f *evaluator) updateSensor() {
	p, expires := &f.p, f.sensorExpires()
	p.Trusted = f.t.plan.room.hasSensor() && p.Report.Known && (expires.IsZero() || p.At.Before(expires))
	if !p.Trusted {
		p.LastUntrusted = p.At
	}
	was := p.Present
	p.Present = p.Trusted && p.Report.On
	if !p.Present || was {
		return
	}
	if continued := p.At.Before(p.LastPresent.Add(f.t.plan.room.PresenceHold)) && !p.LastUntrusted.After(p.LastPresent); !continued {
		p.PresentSince = p.At
		if p.PresentSince.After(p.LastUntrusted) && f.walkIn() {
			p.Day.WalkIns++
		}
	}
}

// presentUnbooked reports whether somebody is there, or left less than the hold ago,
// without a booking or after one has ended. While the fail-safe replaces the
// bookings, they are disregarded here too.
func (f *evaluator) presentUnbooked() bool {
	held := f.p.At.Before(f.p.LastPresent.Add(f.t.plan.room.PresenceHold)) && (f.p.LastPresent.After(f.p.LastBooked) || f.failSafeDecides())
	return f.p.Trusted && (f.p.Present || held)
}
