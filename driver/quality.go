package driver

import (
	"errors"
	"fmt"
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
)

var qualityNames = [...]string{"unknown", "good", "stale", "fault"}

// String returns the word that is published.
func (q Quality) String() string { return qualityNames[q] }

// Available tells whether the points can still be acted upon.
func (q Quality) Available() bool { return q == QualityGood || q == QualityStale }

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
	if errors.As(err, &a) {
		if act := a.Action(); act != "" {
			words += "; " + act
		}
		return words, a.NeedsPerson()
	}
	return words, false
}

// confirmed is how many attempts in a row must be refused before a room that
// was readable counts as faulty: a single refusal is often a passing mood of
// the service.
const confirmed = 2

// judge derives the quality of a snapshot at now, the words that explain it,
// and the instant at which the verdict changes by itself (zero: it does not).
func (s Snapshot) judge(now time.Time, staleAfter time.Duration) (q Quality, fault string, next time.Time) {
	reason, person := "no poll since", false
	if s.ReadAt.IsZero() {
		reason = "no read has succeeded yet"
	}
	if s.Failure != nil {
		reason, person = Explain(s.Failure)
	}
	stale := s.ReadAt.Add(staleAfter)
	switch {
	case s.ReadAt.IsZero() && person:
		return QualityFault, reason, time.Time{}
	case s.ReadAt.IsZero():
		return QualityUnknown, reason, time.Time{}
	case person && s.Failures >= confirmed:
		return QualityFault, reason, s.To
	case !now.Before(s.To):
		return QualityFault, "the bookings known ended at " + rfc3339(s.To) + ", last read " + rfc3339(s.ReadAt) + ": " + reason, time.Time{}
	case now.Before(s.From):
		return QualityFault, "the bookings known begin at " + rfc3339(s.From) + ", which is in the future: the gateway's clock was set back", s.From
	case s.ReadAt.Sub(now) > clockSlack:
		return QualityStale, fmt.Sprintf("last read at %s, which is in the future: the gateway's clock was set back", rfc3339(s.ReadAt)), s.ReadAt.Add(-clockSlack)
	case !now.Before(stale):
		return QualityStale, "last read " + rfc3339(s.ReadAt) + ": " + reason, s.To
	}
	return QualityGood, "", stale
}

// clockSlack is how far a read may lie in the future before the clock is doubted.
const clockSlack = 2 * time.Minute

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
