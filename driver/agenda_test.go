package driver

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestPollsUntilRead(t *testing.T) {
	for _, c := range []struct {
		interval time.Duration
		want     []int // after 1, 2, 3, … failures in a row
	}{
		{10 * time.Second, []int{1, 2, 4, 8, 16, 32, 64, 90, 90}}, // 90 polls are 15 minutes
		{time.Minute, []int{1, 2, 4, 8, 15, 15}},
		{66 * time.Second, []int{1, 2, 4, 8, 13, 13}}, // 13 polls are 14m18s
		{5 * time.Minute, []int{1, 2, 3, 3}},
		{7*time.Minute + 30*time.Second, []int{1, 2, 2}},
		{8 * time.Minute, []int{1, 1, 1}},
		{24 * time.Hour, []int{1, 1, 1}},
	} {
		for i, want := range c.want {
			if got := pollsUntilRead(i+1, c.interval); got != want {
				t.Errorf("every %s, %d failures: read at the %d. poll, want the %d.", c.interval, i+1, got, want)
			}
		}
	}
	if got := pollsUntilRead(math.MaxInt, time.Second); got != 900 {
		t.Errorf("failing for ever: read at the %d. poll, want the 900.", got)
	}
}

func TestAgendaNext(t *testing.T) {
	const now = 3 * time.Hour
	in := func(d time.Duration) time.Duration { return now + d }
	for name, c := range map[string]struct {
		poll, sweep time.Duration
		requested   []time.Duration
		task        task
		left        time.Duration
		last        task
	}{
		"the poll, without sweeps":            {in(minute), notDue, nil, pollTask, minute, pollTask},
		"the poll is sooner":                  {in(minute), in(2 * minute), nil, pollTask, minute, pollTask},
		"the sweep is sooner":                 {in(minute), in(second), nil, sweepTask, second, pollTask},
		"the request is sooner":               {in(minute), in(4 * second), []time.Duration{in(5 * second), in(3 * second)}, answerTask, 3 * second, pollTask},
		"of what is due the poll first":       {in(0), in(-minute), []time.Duration{in(-time.Hour)}, pollTask, 0, pollTask},
		"then the request":                    {in(minute), in(-minute), []time.Duration{in(2 * second), in(0)}, answerTask, 0, pollTask},
		"but not twice before a sweep":        {in(minute), in(-minute), []time.Duration{in(0)}, sweepTask, 0, answerTask},
		"twice where there is none":           {in(minute), in(second), []time.Duration{in(0)}, answerTask, 0, answerTask},
		"the sweep last":                      {in(minute), in(-minute), []time.Duration{in(2 * second)}, sweepTask, 0, pollTask},
		"a poll that was due hours ago":       {in(-2 * time.Hour), notDue, nil, pollTask, 0, pollTask},
		"a sweep due now, a poll a bit later": {in(1), in(0), nil, sweepTask, 0, pollTask},
	} {
		g := newAgenda()
		g.poll, g.sweep, g.last = c.poll, c.sweep, c.last
		for i, at := range c.requested {
			g.requested[fmt.Sprint(i)] = at
		}
		if task, left := g.next(now); task != c.task || left != c.left {
			t.Errorf("%s: task %d in %s, want %d in %s", name, task, left, c.task, c.left)
		}
	}
}

// Only refusals that follow each other count: an outage in between restarts the count.
func TestFailuresInARow(t *testing.T) {
	g := newAgenda()
	room := []Room{{ID: "boardroom"}}
	for i, c := range []struct {
		err  error
		skip int
	}{
		{errDenied, 0}, {errTimeout, 0}, {errDenied, 0}, {errDenied, 1}, {errDenied, 3}, {nil, 0}, {errDenied, 0}, {errDenied, 1},
		{errors.Join(errTimeout, errDenied), 3}, {errTimeout, 0}, {errDenied, 0},
	} {
		g.note(Reading{Room: "boardroom", Err: c.err}, minute)
		for range c.skip {
			if got := g.roomsToPoll(room, time.Hour); len(got) != 0 {
				t.Fatalf("step %d: read too soon", i)
			}
		}
		if got := g.roomsToPoll(room, time.Hour); len(got) != 1 {
			t.Fatalf("step %d: is left out too long", i)
		}
	}
}

func TestRequestsInOne(t *testing.T) {
	room := func(id string) request { return request{rooms: map[string]bool{id: true}} }
	all, urgent := request{all: true}, request{urgent: true}
	for name, c := range map[string]struct {
		a, b        request
		rooms       string
		all, urgent bool
	}{
		"two rooms":                 {room("boardroom"), room("huddle"), "map[boardroom:true huddle:true]", false, false},
		"one room twice":            {room("boardroom"), room("boardroom"), "map[boardroom:true]", false, false},
		"a room, then all":          {room("boardroom"), all, "map[boardroom:true]", true, false},
		"all, then a room":          {all, room("boardroom"), "map[boardroom:true]", true, false},
		"urgently all, then a room": {urgent, room("boardroom"), "map[boardroom:true]", false, true},
		"a room, then urgently all": {room("boardroom"), urgent, "map[boardroom:true]", false, true},
		"all, then urgently all":    {all, urgent, "map[]", true, true},
	} {
		got := c.a.with(c.b)
		if fmt.Sprint(got.rooms) != c.rooms || got.all != c.all || got.urgent != c.urgent {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A poll that is requested never comes later than the schedule has it.
func TestRequestForAllDoesNotPutOffThePoll(t *testing.T) {
	const now = time.Hour
	g := newAgenda()
	g.poll = now + 2*second
	g.served["boardroom"] = now
	g.take(request{all: true}, now)
	if task, left := g.next(now); task != pollTask || left != 2*second {
		t.Errorf("task %d in %s, want the poll in 2s", task, left)
	}
	g.poll = now + minute
	g.take(request{all: true}, now)
	if task, left := g.next(now); task != pollTask || left != requestPause {
		t.Errorf("task %d in %s, want the poll in 5s", task, left)
	}
}

// A request that waits is not put off by the next one.
func TestRequestAgainDoesNotPutOffTheFirst(t *testing.T) {
	const now = time.Hour
	g := newAgenda()
	g.poll = notDue
	g.take(request{rooms: map[string]bool{"boardroom": true}}, now)
	g.take(request{rooms: map[string]bool{"boardroom": true}}, now+second)
	if task, left := g.next(now); task != answerTask || left != 0 {
		t.Errorf("task %d in %s, want the answer now", task, left)
	}
}
