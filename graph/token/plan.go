package token

import (
	"time"
)

const (
	margin      = 5 * time.Minute     // a refresh comes this long before the access token expires
	slack       = 30 * time.Second    // an access token this close to its end is not handed out
	daily       = 24 * time.Hour      // the longest time between two refreshes, and the longest life believed
	lapse       = 90 * 24 * time.Hour // a refresh token unused for so long is dead (learn.microsoft.com/entra/identity-platform/refresh-tokens)
	step        = 5 * time.Minute     // a clock that went back further than this was set
	minGap      = 10 * time.Second    // between two planned refreshes
	personEvery = time.Hour           // between two tries while a person is needed
	waitAtLeast = 5 * time.Minute     // after an error that asks for time
	waitAtMost  = time.Hour           // an error that asks for time longer than this is an alarm
	backoffTop  = 5 * time.Minute     // the longest pause between two tries that may well work
	rejectEvery = 5 * time.Minute     // between two refreshes because Graph refused the token
	lookEvery   = time.Minute         // how often the wall clock is read again, for it may be set
)

// usable reports whether the access token of r may be handed out.
func (r record) usable(now time.Time) bool {
	spare := min(slack, r.AccessExpires.Sub(r.LastRefresh)/10)
	return r.AccessToken != "" && now.Add(spare).Before(r.AccessExpires) && !r.fromFuture(now)
}

// fromFuture reports that the clock was set back since the last refresh, so
// that nothing is known about the age of the access token.
func (r record) fromFuture(now time.Time) bool {
	return r.LastRefresh.After(now.Add(step))
}

// refreshAt returns the instant of the next refresh of r: by the schedule,
// before the access token expires, and at least daily. It is in the past when
// the refresh is overdue. A zero scheduled means never.
func (r record) refreshAt(scheduled, now time.Time) time.Time {
	if r.fromFuture(now) || r.AccessToken == "" {
		return now
	}
	life := r.AccessExpires.Sub(r.LastRefresh)
	at := earliest(r.LastRefresh.Add(daily), r.AccessExpires.Add(-min(margin, life/2)))
	if !scheduled.IsZero() {
		at = earliest(at, scheduled)
	}
	if floor := r.LastRefresh.Add(minGap); at.Before(floor) {
		return floor
	}
	return at
}

// jittered returns the first run of a schedule after an instant, moved by at
// most a tenth of the interval, so that a thousand gateways do not ask in the
// same second. Zero: the schedule never runs.
func jittered(s Schedule, after time.Time, jitter func(time.Duration) time.Duration) time.Time {
	if s == nil {
		return time.Time{}
	}
	first := s.Next(after)
	if first.IsZero() {
		return first
	}
	if second := s.Next(first); second.After(first) {
		first = first.Add(jitter(second.Sub(first) / 10))
	}
	return first.UTC()
}

// pause returns how long to wait after the tries-th failure in a row.
func pause(e *Error, tries int, jitter func(time.Duration) time.Duration) time.Duration {
	switch e.Class {
	case Person:
		return personEvery
	case Wait:
		return max(waitAtLeast, e.RetryAfter)
	}
	base := backoffTop
	if tries < 9 { // 2 s, 4 s, … 256 s
		base = min(backoffTop, time.Second<<tries)
	}
	return max(time.Second, base-jitter(base/2), e.RetryAfter)
}

// stillWaiting reports whether a pause is on. One that has not begun yet is the
// work of a clock set back.
func stillWaiting(from, until, now time.Time) bool {
	return !now.Before(from) && now.Before(until)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
