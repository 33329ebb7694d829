package driver

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Quality says how far the points of a room can be trusted.
type Quality uint8

const (
	QualityUnknown Quality = iota // nothing was ever read
	QualityGood                   // read recently
	QualityStale                  // read, but too long ago, or not completely
	QualityFault                  // user action required, or the known bookings have ended
	QualityTest                   // good, but the bookings are test data
)

var qualityWords = enum[Quality]{"unknown", "good", "stale", "fault", "test"}

// String returns the word that is published.
func (q Quality) String() string { return qualityWords.word(q) }

// Available reports whether plant may be controlled from the points.
func (q Quality) Available() bool { return q == QualityGood || q == QualityStale || q == QualityTest }

// Actionable is an error with instructions for the user.
type Actionable interface {
	error
	Action() string    // the next step, for display; empty: there is none
	NeedsPerson() bool // user action required
}

// Traceable is an error with identifiers by which the support of a service finds what
// failed. They differ at every attempt: they are for the log, and in no text that is
// shown.
type Traceable interface {
	error
	References() string // such as "trace id 5b0c"; empty: there are none
}

// referencesOf returns the identifiers of a Traceable error; empty for others.
func referencesOf(err error) string {
	var t Traceable
	if !errors.As(err, &t) {
		return ""
	}
	return t.References()
}

// Explain returns the text of an error for a point: what happened and what to do.
// person is true when user action is required.
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

// refusalsToFault is how many attempts must be refused before a room that was readable
// counts as faulty: a single refusal is often a transient service error. Attempts that
// fail in another way in between do not count, and do not reset the count.
const refusalsToFault = 2

// verdict is the judgement on a snapshot's age and failures.
type verdict uint8

const (
	good          verdict = iota
	neverRead             // nothing was ever read
	neverReadable         // nothing was ever read, and user action is required
	refused               // read before, but user action is required now
	bookingsEnded         // the known bookings have ended
	bookingsAhead         // the known bookings have not begun: the clock was set back
	readInFuture          // the last read is in the future: the clock was set back
	old                   // read too long ago
	incomplete            // read recently, but an event could not be understood
	clockFault            // the gateway's clock is wrong
)

// quality is the quality that follows from the verdict.
func (v verdict) quality() Quality {
	return [...]Quality{good: QualityGood, neverRead: QualityUnknown, neverReadable: QualityFault, refused: QualityFault,
		bookingsEnded: QualityFault, bookingsAhead: QualityFault, readInFuture: QualityStale, old: QualityStale,
		incomplete: QualityStale, clockFault: QualityFault}[v]
}

// readRecently reports whether the last read can be followed.
func (v verdict) readRecently() bool { return v == good || v == incomplete }

// judge returns the verdict at now, and the instant at which it changes without a
// read; zero: it does not.
func (t *Timeline) judge(now time.Time) (v verdict, next time.Time) {
	s := &t.snap
	stale := s.ReadAt.Add(t.plan.room.StaleAfter)
	switch {
	case t.clock != "":
		return clockFault, time.Time{}
	case s.ReadAt.IsZero() && t.person:
		return neverReadable, time.Time{}
	case s.ReadAt.IsZero():
		return neverRead, time.Time{}
	case t.person && s.Refusals >= refusalsToFault:
		return refused, s.To
	case !now.Before(s.To):
		return bookingsEnded, time.Time{}
	case now.Before(s.From):
		return bookingsAhead, s.From
	case s.ReadAt.Sub(now) > clockSlack:
		return readInFuture, s.ReadAt.Add(-clockSlack)
	case !now.Before(stale):
		return old, s.To
	case now.Before(s.Unread.Until):
		return incomplete, earlier(stale, s.Unread.Until)
	}
	return good, stale
}

// words explain a verdict for the point fault; empty for a good one.
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
	case bookingsEnded:
		return "the known bookings ended at " + rfc3339(s.To) + ", last read " + rfc3339(s.ReadAt) + ": " + reason
	case bookingsAhead:
		return "the known bookings begin at " + rfc3339(s.From) + ", which is in the future: the gateway's clock was set back"
	case readInFuture:
		return "last read at " + rfc3339(s.ReadAt) + ", which is in the future: the gateway's clock was set back"
	case old:
		return "last read " + rfc3339(s.ReadAt) + ": " + reason
	case incomplete:
		return s.Unread.words(rfc3339(s.Unread.Until))
	case clockFault:
		return t.clock
	}
	return reason
}

// words say what is not known, and until when.
func (u Unread) words(until string) string {
	const action = "correct its time in the calendar"
	if u.Events == 1 {
		return "an event before " + until + " could not be understood, and the room may be shown as free at its time: " + u.Reason + "; " + action
	}
	return strconv.Itoa(u.Events) + " events before " + until + " could not be understood, and the room may be shown as free at their time; the first: " + u.Reason + "; " + action
}

// clockSlack is how far a read may be in the future before the clock counts as set
// back.
const clockSlack = 2 * time.Minute

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
