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

func TestDueLeft(t *testing.T) {
	now := at("12:00")
	for name, c := range map[string]struct {
		due  due
		want time.Duration
	}{
		"never":                  {due{}, math.MaxInt64},
		"ahead":                  {due{at("12:10"), 10 * time.Minute}, 10 * time.Minute},
		"now":                    {due{now, time.Hour}, 0},
		"passed":                 {due{at("11:00"), time.Hour}, 0},
		"clock a little back":    {due{at("12:21"), 10 * time.Minute}, 21 * time.Minute},
		"clock set back":         {due{at("12:21:01"), 10 * time.Minute}, 0},
		"clock set back by much": {due{now.AddDate(56, 0, 0), 10 * time.Minute}, 0},
	} {
		if got := c.due.left(now); got != c.want {
			t.Errorf("%s: %s left, want %s", name, got, c.want)
		}
	}
}

func TestAgendaNext(t *testing.T) {
	const hour = time.Hour
	now := at("12:00")
	in := func(d time.Duration) due { return due{now.Add(d), hour} }
	for name, c := range map[string]struct {
		poll, sweep due
		asked       []due
		task        task
		left        time.Duration
		last        task
	}{
		"the poll, without sweeps":        {in(minute), due{}, nil, pollTask, minute, pollTask},
		"the poll is sooner":              {in(minute), in(2 * minute), nil, pollTask, minute, pollTask},
		"the sweep is sooner":             {in(minute), in(second), nil, sweepTask, second, pollTask},
		"the room asked for is sooner":    {in(minute), in(4 * second), []due{in(5 * second), in(3 * second)}, answerTask, 3 * second, pollTask},
		"of what is due the poll first":   {in(0), in(-minute), []due{in(-hour)}, pollTask, 0, pollTask},
		"then who asks":                   {in(minute), in(-minute), []due{in(2 * second), in(0)}, answerTask, 0, pollTask},
		"but not twice before a sweep":    {in(minute), in(-minute), []due{in(0)}, sweepTask, 0, answerTask},
		"twice where there is none":       {in(minute), in(second), []due{in(0)}, answerTask, 0, answerTask},
		"the sweep last":                  {in(minute), in(-minute), []due{in(2 * second)}, sweepTask, 0, pollTask},
		"a clock set back puts off none":  {in(4 * hour), in(hour), nil, pollTask, 0, pollTask},
		"a clock set back, and the sweep": {in(hour), in(9 * hour), nil, sweepTask, 0, pollTask},
	} {
		g := newAgenda()
		g.poll, g.sweep, g.last = c.poll, c.sweep, c.last
		for i, d := range c.asked {
			g.asked[fmt.Sprint(i)] = d
		}
		if task, left := g.next(now); task != c.task || left != c.left {
			t.Errorf("%s: task %d in %s, want %d in %s", name, task, left, c.task, c.left)
		}
	}
}

// Only refusals that follow each other count: an outage in between begins anew.
func TestFailuresInARow(t *testing.T) {
	g := newAgenda()
	room := []Room{{ID: "boardroom"}}
	for i, c := range []struct {
		err  error
		rest int
	}{
		{errDenied, 0}, {errTimeout, 0}, {errDenied, 0}, {errDenied, 1}, {errDenied, 3}, {nil, 0}, {errDenied, 0}, {errDenied, 1},
		{errors.Join(errTimeout, errDenied), 3}, {errTimeout, 0}, {errDenied, 0},
	} {
		g.note(Reading{Room: "boardroom", Err: c.err}, minute)
		for range c.rest {
			if got := g.roomsToPoll(room, at("12:00")); len(got) != 0 {
				t.Fatalf("step %d: read too soon", i)
			}
		}
		if got := g.roomsToPoll(room, at("12:00")); len(got) != 1 {
			t.Fatalf("step %d: rests too long", i)
		}
	}
}

func TestAsksInOne(t *testing.T) {
	room := func(id string) asks { return asks{rooms: map[string]bool{id: true}} }
	all, urgent := asks{all: true}, asks{urgent: true}
	for name, c := range map[string]struct {
		a, b        asks
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

// A poll that is asked for never comes later than the schedule has it.
func TestAskForAllDoesNotPutOffThePoll(t *testing.T) {
	now := at("12:00")
	g := newAgenda()
	g.poll = due{now.Add(2 * second), minute}
	g.served["boardroom"] = now
	g.take(asks{all: true}, now)
	if task, left := g.next(now); task != pollTask || left != 2*second {
		t.Errorf("task %d in %s, want the poll in 2s", task, left)
	}
	g.poll = due{now.Add(minute), minute}
	g.take(asks{all: true}, now)
	if task, left := g.next(now); task != pollTask || left != askPause {
		t.Errorf("task %d in %s, want the poll in 5s", task, left)
	}
}
