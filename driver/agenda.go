package driver

import (
	"maps"
	"math"
	"time"
)

// due is an instant that is waited for.
type due struct {
	at    time.Time     // zero: it never comes
	ahead time.Duration // how far off it was when it was set
}

// left returns how long it is from now until the instant, 0 when it has come.
// One that is much further off than it ever was has come, too: the clock was set
// back, and nothing is to be put off for years.
func (d due) left(now time.Time) time.Duration {
	left := d.at.Sub(now)
	switch {
	case d.at.IsZero():
		return math.MaxInt64
	case left > 2*d.ahead+longestSleep:
		return 0
	}
	return max(left, 0)
}

// task is what a poller can have to do. Of those that are due, the first is done
// first: a poll answers everybody who asks, and a sweep can wait. But it does not
// wait for two answers on end, or many who ask would keep it from being done.
type task int

const (
	pollTask task = iota
	answerTask
	sweepTask
)

// agenda is what a poller has before it.
type agenda struct {
	poll    due
	whole   bool // the poll was asked for: it reads every room
	sweep   due
	asked   map[string]due       // rooms that were asked for
	served  map[string]time.Time // when rooms were last read because they were asked for
	failing map[string]failing   // rooms whose last reading needs a person
	last    task                 // what was done last
}

// failing is how a room stands that cannot be read until a person acts.
type failing struct {
	times int // in a row
	rest  int // polls that still leave it out
}

// asks is what a poller is asked for besides its schedules.
type asks struct {
	rooms  map[string]bool
	all    bool // every room
	urgent bool // every room, however short ago it was asked for
}

// with returns both in one.
func (a asks) with(b asks) asks {
	rooms := maps.Clone(b.rooms)
	if rooms == nil {
		rooms = map[string]bool{}
	}
	maps.Copy(rooms, a.rooms)
	return asks{rooms, a.all || b.all, a.urgent || b.urgent}
}

// askPause is the least time between two readings of a room that are asked for:
// as long as a fresh change needs to be readable everywhere, and so long that
// nobody spends the service's limits by asking.
const askPause = 5 * time.Second

// longestRest is how long a failing room is left alone at most.
const longestRest = 15 * time.Minute

func newAgenda() agenda {
	return agenda{asked: map[string]due{}, served: map[string]time.Time{}, failing: map[string]failing{}}
}

// next returns what comes next, and how long it is until then; 0: it is due.
func (g *agenda) next(now time.Time) (task, time.Duration) {
	left := [...]time.Duration{pollTask: g.poll.left(now), answerTask: math.MaxInt64, sweepTask: g.sweep.left(now)}
	for _, d := range g.asked {
		left[answerTask] = min(left[answerTask], d.left(now))
	}
	first := pollTask
	for t := range left {
		if left[t] < left[first] {
			first = task(t)
		}
	}
	if first == answerTask && g.last == answerTask && left[sweepTask] == 0 {
		first = sweepTask
	}
	return first, left[first]
}

// take adds what is asked for at now. A poll of all that is still to come
// answers whoever asks for a single room before it.
func (g *agenda) take(a asks, now time.Time) {
	if a.all || a.urgent {
		g.takeAll(a.urgent, now)
	}
	if g.whole {
		return
	}
	for room := range a.rooms {
		g.asked[room] = due{g.served[room].Add(askPause), askPause}
	}
}

func (g *agenda) takeAll(urgent bool, now time.Time) {
	at := due{at: now}
	if !urgent {
		var last time.Time
		for _, t := range g.served {
			last = later(last, t)
		}
		at = due{last.Add(askPause), askPause}
	}
	if at.left(now) < g.poll.left(now) {
		g.poll = at
	}
	g.whole = true
}

// roomsToPoll picks the rooms that a poll at now reads. Those that rest come a poll
// nearer to their turn.
func (g *agenda) roomsToPoll(rooms []Room, now time.Time) []Room {
	var out []Room
	for _, room := range rooms {
		f := g.failing[room.ID]
		if f.rest > 0 && !g.whole {
			f.rest--
			g.failing[room.ID] = f
			continue
		}
		if g.whole {
			g.served[room.ID] = now
		}
		out = append(out, room)
	}
	g.whole = false
	return out
}

// roomsToAnswer picks the rooms that are read at now because they were asked for.
func (g *agenda) roomsToAnswer(rooms []Room, now time.Time) []Room {
	var out []Room
	for _, room := range rooms {
		if d, ok := g.asked[room.ID]; ok && d.left(now) == 0 {
			g.served[room.ID] = now
			out = append(out, room)
		}
	}
	return out
}

// note takes over how a reading of a room ended; interval is the poll's.
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

// pollsUntilRead returns how many polls on a room is read again that has failed
// so many times in a row: the next one at first, then, once that is confirmed,
// the 2nd, the 4th, the 8th, but none that is later than longestRest.
func pollsUntilRead(failures int, interval time.Duration) int {
	const enough = 16 // doublings, for any interval
	doublings := min(max(0, failures-confirmed+1), enough)
	return max(1, min(1<<doublings, int(longestRest/interval)))
}
