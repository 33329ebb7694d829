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
	// the Reading of the room it concerns; where a person can fix it, it is an
	// Actionable.
	Fetch(ctx context.Context, rooms []Room, from, to time.Time, deliver func(Reading)) Tally
}

// Sweeper is a Calendar that can tell at little cost which rooms have changed.
type Sweeper interface {
	// Sweep asks for the busy times of the rooms in [from, to) and returns the
	// ids of those whose busy times are not what the Sweep before found; one
	// that it asks about for the first time is none of them. Rooms whose busy
	// times cannot be had are left out. The error tells that the question as a
	// whole was not answered; where a person can fix that, it is an
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

// Schedule says when something is due; robfig/cron's schedules are Schedules.
type Schedule interface {
	Next(time.Time) time.Time
}

// Account is a provider's calendars as they are read for one configured account.
type Account struct {
	Name     string // topic segment
	Provider Provider
	Poll     Schedule
	Sweep    Schedule // nil: no sweeps
}

// session is the account's sign-in; nil: it has none.
func (a Account) session() Session {
	if p, ok := a.Provider.(HasSession); ok {
		return p.Session()
	}
	return nil
}

// status is the status of the account's sign-in. An account without one can
// always be read.
func (a Account) status() SessionStatus {
	if s := a.session(); s != nil {
		return s.Status()
	}
	return SessionStatus{State: SignedIn}
}

// changed is closed when the status of the account's sign-in changes; nil: it
// never does.
func (a Account) changed() <-chan struct{} {
	if s := a.session(); s != nil {
		return s.Changed()
	}
	return nil
}

// sweeper finds the rooms of the account that have changed; nil: no sweeps are
// configured, or the provider has none to offer. The problem says the latter, in
// words for people.
func (a Account) sweeper() (s Sweeper, problem string) {
	if a.Sweep == nil {
		return nil, ""
	}
	if s, ok := a.Provider.(Sweeper); ok {
		return s, ""
	}
	return nil, "sweep is configured, but " + a.Provider.Service() + " cannot be swept; changes are seen at the next poll: remove sweep from this account"
}

// accountWork is what an account has done since the start.
type accountWork struct {
	polls        int
	throttled    int
	lastPoll     time.Time
	sweepProblem string // why there are no sweeps, in words; empty: nothing is wrong with them
}

// count adds the cost of a Fetch or a Sweep.
func (a *accountState) count(t Tally) {
	a.work.throttled += t.Throttled
	a.next = time.Time{}
}
