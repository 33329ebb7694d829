package driver

import (
	"context"
	"time"
)

// Calendar brings the bookings of rooms.
type Calendar interface {
	// Fetch reads the bookings that overlap [from, to) of every room and hands
	// over one Reading a room, each as soon as it is there. It returns when all
	// are delivered. deliver is never called concurrently. A failure stands in
	// the Reading of the room it concerns; where a person can mend it, it is an
	// Actionable.
	Fetch(ctx context.Context, rooms []Room, from, to time.Time, deliver func(Reading)) Tally
}

// Sweeper is a Calendar that can tell at little cost which rooms have changed.
type Sweeper interface {
	// Sweep asks for the busy times of the rooms in [from, to) and returns the
	// ids of those whose busy times are not what the Sweep before found; one
	// that it asks about for the first time is none of them. Rooms whose busy
	// times cannot be had are left out. The error tells that the question as a
	// whole was not answered; where a person can mend that, it is an
	// Actionable. Sweep is never called while a Fetch or another Sweep runs.
	Sweep(ctx context.Context, rooms []Room, from, to time.Time) (changed []string, t Tally, err error)
}

// Reading is what one attempt to read a room's calendar brought.
type Reading struct {
	Room     string // room id
	Bookings []Booking
	Refused  []string // rows that could not be understood, each with the reason; they are left out
	Err      error    // the room could not be read; Bookings says nothing
}

// Tally is the cost of a Fetch or a Sweep.
type Tally struct {
	Requests  int   // HTTP requests sent
	Throttled int   // requests put off by the service
	Bytes     int64 // received, uncompressed
}

// SignIn tells how an account's sign-in stands.
type SignIn interface {
	Status() SignInStatus
	// Changed returns a channel that is closed at the next change of Status.
	Changed() <-chan struct{}
}

// SignInStatus is how a sign-in stands. Times that are not known are zero.
type SignInStatus struct {
	State         string // one of the words of the account's state point
	Reason        string // why it is not ok, and what to do; empty when ok
	AccessExpires time.Time
	LastRefresh   time.Time
	RefreshLapses time.Time // when the refresh token would lapse if it were not used again
	SecretExpires time.Time
}

// signedIn is the state in which calendars can be read.
const signedIn = "ok"

// refreshing is the state of every sign-in now and then, whether calendars can
// be read or not.
const refreshing = "refreshing"

// Schedule says when something is due; robfig/cron's schedules are Schedules.
type Schedule interface {
	Next(time.Time) time.Time
}

// Account is one sign-in and the calendars that are read with it.
type Account struct {
	Name     string // topic segment
	Calendar Calendar
	SignIn   SignIn
	Poll     Schedule
	Sweep    Schedule // nil: no sweeps; else the Calendar is a Sweeper
}

// accountWork is what an account has done since the start.
type accountWork struct {
	polls     int
	throttled int
	lastPoll  time.Time
	refusal   string // why there are no sweeps, and what to do; empty: they are not refused
}

// count adds the cost of a Fetch or a Sweep.
func (a *accountState) count(t Tally) {
	a.work.throttled += t.Throttled
	a.next = time.Time{}
}

// reason puts in words what is wrong with the account: the sign-in before all.
func reason(s SignInStatus, work accountWork) string {
	if s.Reason == "" && work.refusal != "" {
		return "changes are seen only at the next poll, because the sweep was refused: " + work.refusal
	}
	return s.Reason
}

// fillAccount writes an account's points into values and returns the instant at
// which they next change by themselves; zero: they do not.
func fillAccount(values []Value, s SignInStatus, work accountWork, now time.Time) time.Time {
	w := wake{now: now}
	values[AccountState] = EnumValue(s.State)
	values[AccountReason] = TextValue(reason(s, work))
	values[AccessExpires] = TimeValue(s.AccessExpires)
	values[RefreshDaysLeft] = daysTo(s.RefreshLapses, &w)
	values[SecretDaysLeft] = daysTo(s.SecretExpires, &w)
	values[LastRefresh] = TimeValue(s.LastRefresh)
	values[LastPoll] = TimeValue(work.lastPoll)
	values[Polls] = IntValue(work.polls)
	values[Throttled] = IntValue(work.throttled)
	return w.at
}

// daysTo counts the whole days of 24 hours until t, 0 once it has passed.
func daysTo(t time.Time, w *wake) Value {
	if t.IsZero() {
		return NoInt(NotInSight)
	}
	left := t.Sub(w.now)
	if left < 0 {
		return IntValue(0)
	}
	days := int(left / (24 * time.Hour))
	w.by(t.Add(-time.Duration(days)*24*time.Hour + time.Nanosecond))
	return IntValue(days)
}
