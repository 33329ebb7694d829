package driver

import (
	"context"
	"slices"
	"time"
)

// fetchLimit bounds one call of the Calendar: a service that hangs must not end
// polling.
const fetchLimit = 10 * time.Minute

// sweepDays is how many days a sweep looks at, today among them: what changes
// later than that can wait for the next poll.
const sweepDays = 2

// refusedPause is when a sweep that was refused is tried again by itself.
const refusedPause = time.Hour

// poller reads the calendars of one account, one call at a time. Its goroutine
// owns it; what it finds it hands to the driver's loop as functions.
type poller struct {
	d       *Driver
	a       *accountState // only what New has set
	sweeper Sweeper
	agenda
	again   []string // rooms that the last sweep named: to be read once more
	refusal string   // why there are no sweeps; empty: there are, if configured
}

// newPoller has the account's rooms read at once. Where all are known and good,
// after a restart, the first poll is spread: many gateways may have come back
// with the same power.
func (d *Driver) newPoller(a *accountState) *poller {
	now := d.o.Clock.Now()
	p := &poller{d: d, a: a, agenda: newAgenda()}
	p.poll = due{at: now}
	if d.allGood(a.rooms, now) {
		p.poll = p.spread(now, 0, interval(a.Poll, now))
	}
	if p.sweeper, a.work.sweepProblem = a.sweeper(); p.sweeper != nil {
		p.sweep = p.poll // right after the poll, so that what changes next is seen
	}
	return p
}

// allGood tells whether every room is known and its points can be trusted.
func (d *Driver) allGood(rooms []Room, now time.Time) bool {
	return !slices.ContainsFunc(rooms, func(room Room) bool {
		v, _ := d.byID[room.ID].timeline.judge(now)
		return v != good
	})
}

// interval is the time between two runs of a schedule.
func interval(s Schedule, now time.Time) time.Duration {
	next := s.Next(now)
	return s.Next(next).Sub(next)
}

// planned is the next run of a schedule, jittered. It goes by when the last one
// began, so that slow answers do not make runs rarer; but a tenth of the interval
// is left for others, and for a service that has become slow because it is busy.
func (p *poller) planned(s Schedule, began time.Time) due {
	now := p.d.o.Clock.Now()
	wait := s.Next(began).Sub(began)
	next := p.spread(began, wait, wait)
	if began.After(now) || next.at.Before(now.Add(wait/10)) { // the clock was set back, or the run was long
		return p.spread(now, wait/10, wait)
	}
	return next
}

// spread is an instant that lies wait from now and a random part of a tenth of
// the interval.
func (p *poller) spread(now time.Time, wait, interval time.Duration) due {
	return due{now.Add(wait + p.d.o.Jitter(interval/10)), wait + interval/10}
}

// run does what is due until ctx ends. No wait is longer than longestSleep, after
// which the wall clock is read again: a clock that was stepped must neither put
// anything off for years nor make up for years of it.
func (p *poller) run(ctx context.Context) {
	if len(p.a.rooms) == 0 {
		return
	}
	tasks := [...]func(context.Context){pollTask: p.pollAll, answerTask: p.answer, sweepTask: p.sweepAll}
	for ctx.Err() == nil {
		now := p.d.o.Clock.Now()
		select {
		case a := <-p.a.asked: // while a task ran
			p.hear(a, now)
		default:
		}
		what, left := p.next(now)
		if left == 0 {
			tasks[what](ctx)
			p.last = what
			continue
		}
		select {
		case <-ctx.Done():
		case a := <-p.a.asked:
			p.hear(a, p.d.o.Clock.Now())
		case <-p.d.o.Clock.After(min(left, longestSleep)):
		}
	}
}

// hear takes over what is asked for. Who asks for all rooms has refused sweeps
// tried again, too.
func (p *poller) hear(a asks, now time.Time) {
	p.take(a, now)
	if p.whole && p.refusal != "" {
		p.sweep = p.poll
	}
}

// pollAll reads the account's rooms but for those that rest.
func (p *poller) pollAll(ctx context.Context) {
	began := p.d.o.Clock.Now()
	p.read(ctx, p.roomsToPoll(p.a.rooms, began), true)
	p.poll = p.planned(p.a.Poll, began)
}

// answer reads the rooms that were asked for.
func (p *poller) answer(ctx context.Context) {
	p.read(ctx, p.roomsToAnswer(p.a.rooms, p.d.o.Clock.Now()), false)
}

// sweepAll asks which rooms have changed and reads these at once, and those that
// the sweep before named once more: a fresh change is not at once readable
// everywhere.
func (p *poller) sweepAll(ctx context.Context) {
	began := p.d.o.Clock.Now()
	from, _ := p.window()
	to := midnight(began, p.d.o.Site.Zone, sweepDays).UTC()
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	changed, tally, err := p.sweeper.Sweep(limited, p.a.rooms, from, to)
	if ctx.Err() != nil {
		return // a stop is no refusal
	}
	refused := p.judgeSweep(err)
	var problem string
	if p.refusal != "" {
		problem = "changes are seen only at the next poll, because the sweep was refused: " + p.refusal
	}
	p.d.do(ctx, func() {
		p.a.work.sweepProblem = problem
		p.a.count(tally)
		p.d.o.Log.Debug("swept", "account", p.a.Name, "rooms", len(p.a.rooms), "changed", len(changed), "cost", tally, "error", err)
	})
	p.read(ctx, p.named(slices.Concat(changed, p.again)), false)
	p.again = changed
	p.sweep = p.planned(p.a.Sweep, began)
	if refused {
		p.sweep = p.spread(p.d.o.Clock.Now(), refusedPause, refusedPause)
	}
}

// judgeSweep tells whether the sweep was refused, and logs it when that, or its
// end, is news. A sweep that failed otherwise says nothing about it.
func (p *poller) judgeSweep(err error) (refused bool) {
	words := ""
	if err != nil {
		if words, refused = Explain(err); !refused {
			return false
		}
	}
	switch {
	case words == p.refusal:
	case refused:
		p.d.o.Log.Warn("changes are seen only at the next poll, because the sweep was refused", "account", p.a.Name, "reason", words)
	default:
		p.d.o.Log.Info("the account is swept again", "account", p.a.Name)
	}
	p.refusal = words
	return refused
}

// named picks the account's rooms with the given ids, each once.
func (p *poller) named(ids []string) []Room {
	var out []Room
	for _, room := range p.a.rooms {
		if slices.Contains(ids, room.ID) {
			out = append(out, room)
		}
	}
	return out
}

// window is the stretch that the account's rooms are read for.
func (p *poller) window() (from, to time.Time) {
	return Window(p.d.o.Clock.Now(), p.d.o.Site.Zone, p.a.back)
}

// read reads the rooms, where there are any, and hands every reading to the loop;
// poll tells whether that counts as a poll.
func (p *poller) read(ctx context.Context, rooms []Room, poll bool) {
	if len(rooms) == 0 {
		return
	}
	for _, room := range rooms {
		delete(p.asked, room.ID)
	}
	from, to := p.window()
	between := interval(p.a.Poll, p.d.o.Clock.Now())
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	tally := p.a.Provider.Fetch(limited, rooms, from, to, func(r Reading) {
		if ctx.Err() != nil {
			return // a stop is no failure of the room
		}
		p.note(r, between)
		at := p.d.o.Clock.Now()
		p.d.do(ctx, func() { p.d.apply(r, from, to, at) })
	})
	at := p.d.o.Clock.Now()
	p.d.do(ctx, func() {
		p.a.count(tally)
		if poll {
			p.a.work.polls++
			p.a.work.lastPoll = at
		}
		p.d.logFailures(p.a)
		p.d.memory.pollDone(p.d.known, at)
		p.d.o.Log.Debug("read", "account", p.a.Name, "rooms", len(rooms), "cost", tally)
	})
}

// do has the loop do something, unless it has ended.
func (d *Driver) do(ctx context.Context, what func()) {
	select {
	case d.events <- what:
	case <-ctx.Done():
	}
}
