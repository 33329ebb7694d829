package driver

import (
	"slices"
	"time"
)

// gatewayState is the loop's state of the gateway itself.
type gatewayState struct {
	started  time.Time
	beat     time.Time     // the last heartbeat
	nextBeat time.Duration // by the driver's stopwatch; once it has passed, the gateway is derived
	values   []Value
	problems map[string][]string // by part
	changed  bool                // problems, since the points were derived
}

// heartbeatEvery is the interval that the watchdog of the building management system
// relies on.
const heartbeatEvery = time.Minute

// SetProblems replaces what is wrong with a part of the gateway, in words, as the point
// state of the gateway reports it. It returns when the loop has accepted that, or has
// ended.
func (d *Driver) SetProblems(part string, words []string) {
	set := func() {
		g := &d.gateway
		if g.changed = g.changed || !slices.Equal(g.problems[part], words); len(words) == 0 {
			delete(g.problems, part)
			return
		}
		if g.problems == nil {
			g.problems = map[string][]string{}
		}
		g.problems[part] = words
	}
	select {
	case d.events <- set:
	case <-d.ended:
	}
}

// deriveGateway computes the gateway's points at now.
func (d *Driver) deriveGateway(now time.Time) Update {
	g := &d.gateway
	if g.values == nil {
		g.values = make([]Value, len(gatewayPoints))
	}
	if elapsed := d.elapsed(); elapsed >= g.nextBeat {
		g.beat, g.nextBeat = now, elapsed+heartbeatEvery
	}
	g.changed = false
	facts := gatewayFacts{site: d.site, version: d.o.Version, started: g.started, beat: g.beat, rooms: len(d.rooms), clock: d.clock.state, accounts: map[string]Value{}, problems: g.problems}
	for _, r := range d.rooms {
		if r.facts.Quality == QualityGood {
			facts.good++
		}
	}
	for _, a := range d.accounts {
		facts.accounts[a.Name] = summary(a.values)
	}
	facts.fill(g.values)
	return Update{Subject: Subject{Scope: OfGateway}, At: now.UTC(), Quality: QualityGood, Values: g.values}
}
