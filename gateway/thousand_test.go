//go:build !race

package gateway

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// The race detector makes this test ten times as slow; CI runs it without.

// TestThousandRooms is an hour of a thousand rooms with eight bookings a day: a
// hundredth of all answers throttled, a hundredth unavailable, a fiftieth slow.
// Every booking's edge is shown at its second, every change that somebody makes
// within the sweep's promise, and no mailbox is asked for more than it takes.
func TestThousandRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.start()
		c.signIn()
		c.pass(2 * time.Minute) // the first poll, through the same troubles
		c.sim.ResetRequests()
		polls := c.account(driver.Polls).Int()
		begin := c.now()
		for n := range 177 { // somebody changes something every twenty seconds, until a little before the end
			c.until(begin.Add(time.Duration(n)*20*time.Second + 7*time.Second))
			c.change(n)
		}
		end := begin.Add(time.Hour)
		c.until(end)
		c.report(c.account(driver.Polls).Int() - polls)
		c.judgeEdges(begin, end)
		c.judgeChanges()
		c.judgeLimits()
	})
}

// crowd is a building of a thousand rooms.
type crowd struct {
	*building
	changed map[string]change // by room
}

// change is a booking that somebody added to a free room or took from a booked
// one, so that its state flips as soon as the gateway knows.
type change struct {
	at     time.Time
	booked bool
}

func newCrowd(t *testing.T) *crowd {
	zone := london(t)
	first := time.Date(2026, 6, 16, 0, 0, 0, 0, zone)
	c := &crowd{newBuilding(t, 20260616, first.Add(9*time.Hour+30*time.Minute), 0, ""), map[string]change{}}
	graphsim.LargeOffice(c.sim, zone, first, 1000, 8)
	c.sim.Set(func(w *graphsim.Behaviour) {
		w.Polite = false
		w.Faults = graphsim.FaultRates{Throttle: 0.01, Unavailable: 0.01, Slow: 0.02}
	})
	c.way.trusted = true
	text := dayConfig(filepath.Join(t.TempDir(), "state", "roomgate.db"), 0, `sweep = "@every 10s"`)
	for _, r := range c.sim.Rooms()[len(graphsim.OfficeRooms()):] {
		text += fmt.Sprintf("[[room]]\nid = %q\nmailbox = %q\n", dayID(r), r.Address)
	}
	var err error
	if c.cfg, err = config.Parse("roomgate.toml", []byte(text), config.Env{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// change books a room that is free for the next hour, or cancels the running
// booking of one that is taken.
func (c *crowd) change(n int) {
	room := fmt.Sprintf("room-%04d", 1+n*5%1000)
	now := c.now()
	taken := c.taken(room, now, now.Add(time.Hour))
	switch {
	case len(taken) == 0:
		e := graphsim.Event{Start: now.Add(-time.Minute), End: now.Add(50 * time.Minute), Response: "accepted"}
		if _, err := c.sim.AddEvent(address(room), e); err != nil {
			c.t.Fatal(err)
		}
		c.changed[room] = change{now, true}
	case !taken[0].from.After(now) && taken[0].to.Sub(now) > 2*time.Minute:
		for _, e := range c.sim.View(address(room), now, now.Add(time.Second)) {
			if !e.Cancelled {
				if err := c.sim.DeleteEvent(address(room), e.ID); err != nil {
					c.t.Fatal(err)
				}
			}
		}
		if !c.truth(room, now) {
			c.changed[room] = change{now, false}
		}
	}
}

// report prints what the hour cost.
func (c *crowd) report(polls int) {
	requests, parts, bytes := c.sim.Totals()
	c.t.Logf("%d polls and %d sweeps: %d requests with %d questions, %d MB; per poll, sweeps included, %d requests and %d kB",
		polls, 3600/10, requests, parts, bytes>>20, requests/polls, bytes>>10/int64(polls))
	counts := c.sim.Counts()
	c.t.Logf("of these %d view and %d getSchedule; throttled %d", counts["calendarView"], counts["getSchedule"], c.account(driver.Throttled).Int())
}

// judgeEdges: every edge of a booking that nobody touched was shown at its second.
func (c *crowd) judgeEdges(begin, end time.Time) {
	edges, missed := 0, 0
	for _, r := range c.cfg.Rooms {
		if _, touched := c.changed[r.ID]; touched {
			continue
		}
		taken := c.taken(r.ID, begin.Add(-time.Hour), end.Add(time.Hour))
		var want []time.Time
		for _, s := range taken {
			for _, at := range []time.Time{s.from, s.to} {
				if at.After(begin) && at.Before(end) && takenAt(taken, at) != takenAt(taken, at.Add(-time.Second)) {
					want = append(want, at)
				}
			}
		}
		for _, at := range want {
			edges++
			shown := slices.ContainsFunc(c.seen.booked[r.ID], func(f flip) bool { return !f.at.Before(at) && f.at.Before(at.Add(time.Second)) })
			if !shown {
				if missed++; missed < 5 {
					c.t.Errorf("%s: the edge at %s was not shown at its second: %v", r.ID, at.Format(time.TimeOnly), c.seen.booked[r.ID])
				}
			}
		}
	}
	c.t.Logf("%d edges, %d of them not at their second", edges, missed)
	if edges < 500 {
		c.t.Errorf("only %d edges in the hour: that shows nothing", edges)
	}
}

// sweepPromise is how late a change is shown at most: a sweep's interval with
// its jitter, an answer that is five seconds slow to the sweep and another to the
// reading, and a throttled question on either way, with its seven seconds.
const sweepPromise = 11*time.Second + 2*5*time.Second + 2*8*time.Second

func (c *crowd) judgeChanges() {
	var delays []time.Duration
	for room, ch := range c.changed {
		late := time.Hour
		for _, f := range c.seen.booked[room] {
			if f.value == fmt.Sprint(ch.booked) && !f.at.Before(ch.at) {
				late = min(late, f.at.Sub(ch.at))
			}
		}
		delays = append(delays, late)
		if late > sweepPromise {
			c.t.Errorf("%s: a change at %s was shown after %v: %v", room, ch.at.Format(time.TimeOnly), late, c.seen.booked[room])
		}
	}
	if len(delays) < 60 {
		c.t.Fatalf("only %d changes: that shows nothing", len(delays))
	}
	slices.SortFunc(delays, cmp.Compare)
	var sum time.Duration
	for _, d := range delays {
		sum += d
	}
	mean := sum / time.Duration(len(delays))
	c.t.Logf("%d changes shown after %v on average, half of them within %v, the last after %v", len(delays), mean.Round(time.Millisecond), delays[len(delays)/2], delays[len(delays)-1])
	if mean > 8*time.Second {
		c.t.Errorf("changes are shown after %v on average, want 8s", mean)
	}
}

func (c *crowd) judgeLimits() {
	mailbox, most := c.sim.Busiest(10 * time.Minute)
	c.t.Logf("busiest mailbox: %s with %d questions in ten minutes", mailbox, most)
	if most > 10000 {
		c.t.Errorf("%s was asked %d times in ten minutes, more than Microsoft's 10,000", mailbox, most)
	}
	for _, r := range c.cfg.Rooms {
		if n := c.sim.MaxConcurrent(address(r.ID)); n > 4 {
			c.t.Errorf("%s was asked %d questions at once, more than four", r.ID, n)
		}
	}
	if n := c.sim.MaxConcurrent(graphsim.ServiceAccount); n > 4 {
		c.t.Errorf("%d questions at once, more than four", n)
	}
	for _, r := range c.cfg.Rooms {
		if q := c.room(r.ID, driver.QualityPoint).Text(); q != "good" {
			c.t.Errorf("quality of %s is %s: %s", r.ID, q, strings.TrimSpace(c.room(r.ID, driver.Fault).Text()))
		}
	}
}
