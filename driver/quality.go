package driver

import (
	"errors"
	"strings"
	"time"
)

// Quality says how far the points of a room can be trusted.
type Quality uint8

const (
	QualityUnknown Quality = iota // nothing was ever read
	QualityGood                   // read lately
	QualityStale                  // read, but too long ago
	QualityFault                  // wrong until somebody acts
	QualityTest                   // good, but the bookings are made up
)

var qualityWords = enum[Quality]{"unknown", "good", "stale", "fault", "test"}

// String returns the word that is published.
func (q Quality) String() string { return qualityWords.word(q) }

// ParseQuality reads the word that is published.
func ParseQuality(word string) (Quality, error) { return qualityWords.parse(word) }

// Available tells whether the points can still be acted upon.
func (q Quality) Available() bool { return q == QualityGood || q == QualityStale || q == QualityTest }

// Actionable is what an error implements that is meant for people.
type Actionable interface {
	error
	Action() string    // the next step, in words; empty: there is none
	NeedsPerson() bool // it does not heal by itself
}

// Explain puts an error in words for a point: what happened and what to do.
// person is true when it does not heal by itself.
func Explain(err error) (words string, person bool) {
	words = strings.Join(strings.Fields(err.Error()), " ")
	var a Actionable
	if !errors.As(err, &a) {
		return words, false
	}
	if act := a.Action(); act != "" {
		words += "; " + act
	}
	return words, a.NeedsPerson()
}

// confirmed is how many attempts in a row must be refused before a room that
// was readable counts as faulty: a single refusal is often a passing mood of
// the service.
const confirmed = 2

// verdict is what there is to say about a snapshot's age and its failures.
type verdict uint8

const (
	good      verdict = iota
	neverRead         // nothing was ever read
	barred            // nor will it be until somebody acts
	refused           // read once, but not again until somebody acts
	lapsed            // the known bookings have ended
	tooEarly          // the known bookings have not begun: the clock was set back
	fromLater         // the last read lies in the future: the clock was set back
	old               // read too long ago
)

// quality is the quality that goes with the verdict.
func (v verdict) quality() Quality {
	return [...]Quality{good: QualityGood, neverRead: QualityUnknown, barred: QualityFault, refused: QualityFault,
		lapsed: QualityFault, tooEarly: QualityFault, fromLater: QualityStale, old: QualityStale}[v]
}

// judge returns the verdict on what was read at now, and the instant at which it
// changes by itself (zero: it does not).
func (t *Timeline) judge(now time.Time) (v verdict, next time.Time) {
	s := &t.snap
	stale := s.ReadAt.Add(t.plan.room.StaleAfter)
	switch {
	case s.ReadAt.IsZero() && t.person:
		return barred, time.Time{}
	case s.ReadAt.IsZero():
		return neverRead, time.Time{}
	case t.person && s.Failures >= confirmed:
		return refused, s.To
	case !now.Before(s.To):
		return lapsed, time.Time{}
	case now.Before(s.From):
		return tooEarly, s.From
	case s.ReadAt.Sub(now) > clockSlack:
		return fromLater, s.ReadAt.Add(-clockSlack)
	case !now.Before(stale):
		return old, s.To
	}
	return good, stale
}

// words explain a verdict; none explain that all is good.
func (t *Timeline) words(v verdict) string {
	if v == good {
		return ""
	}
	s, reason := &t.snap, t.reason
	switch {
	case reason != "":
	case s.ReadAt.IsZero():
		reason = "no read has succeeded yet"
	default:
		reason = "no poll since"
	}
	switch v {
	case lapsed:
		return "the known bookings ended at " + rfc3339(s.To) + ", last read " + rfc3339(s.ReadAt) + ": " + reason
	case tooEarly:
		return "the known bookings begin at " + rfc3339(s.From) + ", which is in the future: the gateway's clock was set back"
	case fromLater:
		return "last read at " + rfc3339(s.ReadAt) + ", which is in the future: the gateway's clock was set back"
	case old:
		return "last read " + rfc3339(s.ReadAt) + ": " + reason
	}
	return reason
}

// clockSlack is how far a read may lie in the future before the clock is doubted.
const clockSlack = 2 * time.Minute

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
