package driver

import (
	"context"
	"time"
)

// fetchLimit bounds one poll: a service that hangs must not end polling.
const fetchLimit = 10 * time.Minute

// poll reads the account's rooms at once, and then whenever its schedule says so
// or somebody asks.
func (d *Driver) poll(ctx context.Context, a *accountState) {
	for {
		d.fetch(ctx, a)
		if !d.waitForPoll(ctx, a) {
			return
		}
	}
}

// fetch reads the account's rooms and hands every reading to the loop.
func (d *Driver) fetch(ctx context.Context, a *accountState) {
	from, to := Window(d.o.Clock.Now(), d.o.Site.Zone, a.back)
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	tally := a.Calendar.Fetch(limited, a.rooms, from, to, func(r Reading) {
		if ctx.Err() != nil {
			return // a stop is no failure of the room
		}
		at := d.o.Clock.Now()
		d.do(ctx, func() { d.apply(r, from, to, at) })
	})
	at := d.o.Clock.Now()
	d.do(ctx, func() {
		a.work.polls++
		a.work.throttled += tally.Throttled
		a.work.lastPoll = at
		a.next = time.Time{}
		d.logFailures(a)
		d.memory.pollDone(d.snapshots, at)
		d.o.Log.Debug("polled", "account", a.Name, "rooms", len(a.rooms), "requests", tally.Requests, "throttled", tally.Throttled, "bytes", tally.Bytes)
	})
}

// do has the loop do something, unless it has ended.
func (d *Driver) do(ctx context.Context, what func()) {
	select {
	case d.events <- what:
	case <-ctx.Done():
	}
}

// waitForPoll waits until the next poll is due or asked for. It reads the wall
// clock at least once a minute, so that a clock that was stepped neither puts
// polls off for years nor makes up for years of them. It reports false when ctx
// ended.
func (d *Driver) waitForPoll(ctx context.Context, a *accountState) bool {
	now := d.o.Clock.Now()
	due := a.Poll.Next(now)
	interval := due.Sub(now)
	due = due.Add(d.o.Jitter(interval / 10))
	for {
		now = d.o.Clock.Now()
		left := due.Sub(now)
		if left <= 0 || left > 2*interval+longestSleep {
			return true // due, or the clock was set back
		}
		select {
		case <-ctx.Done():
			return false
		case <-a.poke:
			return true
		case <-d.o.Clock.After(min(left, longestSleep)):
		}
	}
}
