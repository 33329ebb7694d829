package driver

import (
	"maps"
	"math"
	"time"
)

// task is one kind of work of a poller. Of the tasks that are due, the first of
// this order runs first: a poll answers all requests, and a sweep can wait. A sweep
// does not wait for two answers in a row, so that requests cannot starve it.
type task int

const (
	pollTask task = iota
	answerTask
	sweepTask
)

// agenda is what a poller has to do, and when. Its times are durations by the
// driver's stopwatch, so that setting the clock neither delays nor advances
// anything.
type agenda struct {
	poll      time.Duration            // the next poll
	pollAll   bool                     // it was requested: it reads every room
	sweep     time.Duration            // the next sweep; notDue: there are none
	requested map[string]time.Duration // rooms to be read on request, by the earliest time for it
	atOnce    bool                     // a person is waiting for what was requested
	served    map[string]time.Duration // when rooms were last read on request
	failing   map[string]failing       // rooms whose last reading failed and that need user action
	last      task                     // what was done last
}

// notDue means that nothing is planned.
const notDue time.Duration = math.MaxInt64

// failing is a room that needs user action to be readable.
type failing struct {
	times int // in a row
	skip  int // polls that still leave it out
}

// request is what a poller is to read besides its schedules.
type request struct {
	rooms  map[string]bool
	all    bool // every room
	urgent bool // every room, however recently it was read on request
	atOnce bool // a person is waiting
}

// with returns both in one.
func (r request) with(o request) request {
	rooms := maps.Clone(o.rooms)
	if rooms == nil {
		rooms = map[string]bool{}
	}
	maps.Copy(rooms, r.rooms)
	return request{rooms, r.all || o.all, r.urgent || o.urgent, r.atOnce || o.atOnce}
}

// requestPause is the minimum time between two readings of a room on request: by
// then all servers of the service return a new change, and requests do not use up
// the service's limits.
const requestPause = 5 * time.Second

// longestSkip is the maximum time for which polls leave out a failing room.
const longestSkip = 15 * time.Minute

func newAgenda() agenda {
	return agenda{sweep: notDue, requested: map[string]time.Duration{}, served: map[string]time.Duration{}, failing: map[string]failing{}}
}

// next returns the next task and the time until it; 0: it is due.
func (g *agenda) next(now time.Duration) (task, time.Duration) {
	times := [...]time.Duration{pollTask: g.poll, answerTask: notDue, sweepTask: g.sweep}
	for _, at := range g.requested {
		times[answerTask] = min(times[answerTask], at)
	}
	first := pollTask
	for t := range times {
		times[t] = max(times[t], now) // what is due is equally due
		if times[t] < times[first] {
			first = task(t)
		}
	}
	if first == answerTask && g.last == answerTask && times[sweepTask] == now {
		first = sweepTask
	}
	return first, times[first] - now
}

// take adds a request of now. A poll of all rooms that is still to come answers
// requests for single rooms, too.
func (g *agenda) take(r request, now time.Duration) {
	g.atOnce = g.atOnce || r.atOnce
	if r.all || r.urgent {
		g.takeAll(r.urgent, now)
	}
	if g.pollAll {
		return
	}
	for room := range r.rooms {
		at := g.notBefore(room, now)
		if waiting, ok := g.requested[room]; ok {
			at = min(at, waiting)
		}
		g.requested[room] = at
	}
}

// notBefore is when a room may next be read on request.
func (g *agenda) notBefore(room string, now time.Duration) time.Duration {
	if served, ok := g.served[room]; ok {
		return max(now, served+requestPause)
	}
	return now
}

// takeAll brings the next poll forward; it never delays it.
func (g *agenda) takeAll(urgent bool, now time.Duration) {
	at := now
	if !urgent {
		for room := range g.served {
			at = max(at, g.notBefore(room, now))
		}
	}
	g.poll = min(g.poll, at)
	g.pollAll = true
}

// roomsToPoll returns the rooms that a poll at now reads, and counts the skip of
// those that are left out.
func (g *agenda) roomsToPoll(rooms []Room, now time.Duration) []Room {
	var out []Room
	for _, room := range rooms {
		f := g.failing[room.ID]
		if f.skip > 0 && !g.pollAll {
			f.skip--
			g.failing[room.ID] = f
			continue
		}
		if g.pollAll {
			g.served[room.ID] = now
		}
		out = append(out, room)
	}
	g.pollAll = false
	return out
}

// roomsToAnswer returns the rooms that are read at now on request.
func (g *agenda) roomsToAnswer(rooms []Room, now time.Duration) []Room {
	var out []Room
	for _, room := range rooms {
		if at, ok := g.requested[room.ID]; ok && at <= now {
			g.served[room.ID] = now
			out = append(out, room)
		}
	}
	return out
}

// note records the outcome of a reading of a room; interval is the poll's.
func (g *agenda) note(r Reading, interval time.Duration) {
	person := false
	if r.Err != nil {
		_, person = Explain(r.Err)
	}
	if !person {
		delete(g.failing, r.Room)
		return
	}
	times := g.failing[r.Room].times + 1
	g.failing[r.Room] = failing{times, pollsUntilRead(times, interval) - 1}
}

// pollsUntilRead returns after how many polls a room is read again that has failed
// so many times in a row: the next one at first; from refusalsToFault on the 2nd, the
// 4th, the 8th; but none that is later than longestSkip.
func pollsUntilRead(failures int, interval time.Duration) int {
	const enough = 16 // doublings, for any interval
	doublings := min(max(0, failures-refusalsToFault+1), enough)
	return max(1, min(1<<doublings, int(longestSkip/interval)))
}
