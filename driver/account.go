package driver

import (
	"reflect"
	"time"
)

// Schedule returns when something is next due; the schedules of robfig/cron
// implement it. Two are the same if the method Equal(any) bool of the first says so;
// without that method, if they are deeply equal.
type Schedule interface {
	Next(time.Time) time.Time
}

func sameSchedule(a, b Schedule) bool {
	if a, ok := a.(interface{ Equal(any) bool }); ok {
		return a.Equal(b)
	}
	return reflect.DeepEqual(a, b)
}

// Account is a configured account: its provider, and when its calendars are read.
type Account struct {
	Name     string // topic segment
	Provider Provider
	Poll     Schedule
	Sweep    Schedule // nil: no sweeps
}

// sweeper returns the provider's Sweeper; nil: no sweeps are configured, or the
// provider does not support them. problem reports the latter, as displayed.
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
