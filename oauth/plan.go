package oauth

import (
	"time"

	"roomgate/driver"
)

const (
	margin          = 5 * time.Minute  // a refresh comes this long before the access token expires
	slack           = 30 * time.Second // an access token this close to its end is not returned
	daily           = 24 * time.Hour   // the longest time between two refreshes
	step            = 5 * time.Minute  // a clock that is back by more than this was set
	minGap          = 10 * time.Second // between two planned refreshes
	userActionRetry = time.Hour        // between two attempts while user action is required
	waitAtLeast     = 5 * time.Minute  // after an error of class Wait
	waitAtMost      = time.Hour        // errors of class Wait for longer than this require user action
	maxBackoff      = 5 * time.Minute  // the longest pause after errors of class Retry
	rejectEvery     = 5 * time.Minute  // between two refreshes because an access token was rejected
	maxSleep        = time.Minute      // how often the wall clock is read, because it may be set

	maxAccessTokenLifetime  = 24 * time.Hour            // of an access token; longer ones are cut
	maxRefreshTokenLifetime = 10 * 365 * 24 * time.Hour // likewise of a refresh token
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

// refreshTokenExpires returns when the refresh token of r expires unless it is used:
// lifetime after its last use, or at the end that the service gave, whichever is
// sooner, UTC. Zero: not known.
func (r record) refreshTokenExpires(lifetime time.Duration) time.Time {
	if r.RefreshToken == "" {
		return time.Time{}
	}
	at := r.RefreshExpires
	if lifetime > 0 && (at.IsZero() || r.LastRefresh.Add(lifetime).Before(at)) {
		at = r.LastRefresh.Add(lifetime)
	}
	return at
}

// endIsFixed reports that a refresh does not extend the life of the refresh token:
// the service gave an end, and the last refresh brought no other token.
func (r record) endIsFixed() bool {
	return !r.RefreshExpires.IsZero() && r.RefreshSince.Before(r.LastRefresh)
}

// jittered returns the first run of a schedule after an instant, moved by at
// most a tenth of the interval, so that many gateways do not send requests in
// the same second. Zero: the schedule never runs.
func jittered(s driver.Schedule, after time.Time, jitter func(time.Duration) time.Duration) time.Time {
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

// pause returns how long to wait after the given number of failures in a row.
func pause(e *Error, failures int, jitter func(time.Duration) time.Duration) time.Duration {
	switch e.Class {
	case Person:
		return userActionRetry
	case Wait:
		return max(waitAtLeast, e.RetryAfter)
	}
	base := maxBackoff
	if failures < 9 { // 2 s, 4 s, … 256 s
		base = min(maxBackoff, time.Second<<failures)
	}
	return max(time.Second, base-jitter(base/2), e.RetryAfter)
}

// stillWaiting reports whether a pause lasts. One that starts in the future
// results from a clock that was set back.
func stillWaiting(from, until, now time.Time) bool {
	return !now.Before(from) && now.Before(until)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
