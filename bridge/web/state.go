package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// State is the state shared by consecutive Handlers: the browsers that may sign in,
// the sign-ins they started, limits and counters. Pass the same State to every
// Handler of a gateway, so that a pending sign-in survives a new configuration.
type State struct {
	streams chan struct{}          // holds one token for each open stream
	refused *prometheus.CounterVec // counts refused requests by reason
	reads   limiter                // of rooms that are read at once
	calls   *callerLimiter         // of the connect API, with the right key or a wrong one

	guesses  *callerLimiter  // of the set-up code
	browsers memory[bool]    // that may sign in, by the value of their cookie
	started  memory[string]  // account, by the state of a sign-in that was started here
	outcomes memory[outcome] // of the last attempt, by account
}

// NewState returns the State of a gateway that starts.
func NewState() *State {
	return &State{
		streams:  make(chan struct{}, maxStreams),
		refused:  newRefused(),
		reads:    limiter{most: 30, span: time.Minute},
		calls:    newCallerLimiter(30, time.Minute),
		guesses:  newCallerLimiter(5, 15*time.Minute),
		browsers: memory[bool]{most: 16, span: 8 * time.Hour},
		started:  memory[string]{most: 64, span: time.Hour},
		outcomes: memory[outcome]{most: 64, span: 10 * time.Minute},
	}
}
