package driver

import (
	"context"
	"slices"
	"time"
)

// fetchLimit bounds one call of the Calendar: a service that does not respond must
// not stop polling.
const fetchLimit = 10 * time.Minute

// sweepDays is how many days a sweep covers, including today: changes of later days
// are found by the next poll.
const sweepDays = 2

// refusedPause is the time after a refused sweep until the next attempt.
const refusedPause = time.Hour

// interval is the time between two runs of a schedule.
func interval(s Schedule, now time.Time) time.Duration {
	next := s.Next(now)
	return s.Next(next).Sub(next)
}

// moment is an instant by both clocks.
type moment struct {
	now     time.Time     // by the clock
	elapsed time.Duration // by the driver's stopwatch
}

func (d *Driver) moment() moment { return moment{d.o.Clock.Now(), d.elapsed()} }

// planned is the next run of a schedule, jittered. It counts from the start of
// the last one, so that slow responses do not make runs less frequent; but a tenth of
// the interval is left for other work, and for a service that is slow under load.
func (p *poller) planned(s Schedule, last moment) time.Duration {
	wait := s.Next(last.now).Sub(last.now)
	return max(p.d.spread(last.elapsed+wait, wait), p.d.elapsed()+wait/10)
}

// spread adds a random part of a tenth of the interval.
func (d *Driver) spread(at, interval time.Duration) time.Duration {
	return at + d.o.Jitter(interval/10)
}

// run does what is due until ctx ends.
func (p *poller) run(ctx context.Context) {
	if len(p.rooms) == 0 {
		return
	}
	tasks := [...]func(context.Context){pollTask: p.pollRooms, answerTask: p.answer, sweepTask: p.sweepRooms}
	for ctx.Err() == nil {
		select {
		case r := <-p.requests: // while a task ran
			p.accept(r)
		default:
		}
		what, left := p.next(p.d.elapsed())
		if left == 0 {
			tasks[what](ctx)
			p.last = what
			continue
		}
		select {
		case <-ctx.Done():
		case r := <-p.requests:
			p.accept(r)
		case <-p.d.o.Clock.After(left):
		}
	}
}

// accept adds a request. One for all rooms also retries a refused sweep.
func (p *poller) accept(r request) {
	p.take(r, p.d.elapsed())
	if p.pollAll && p.refusal != "" {
		p.sweep = p.poll
	}
}

// pollRooms reads the account's rooms, except those that are left out.
func (p *poller) pollRooms(ctx context.Context) {
	began := p.d.moment()
	p.read(p.requestContext(ctx), p.roomsToPoll(p.rooms, began.elapsed), true)
	p.poll = p.planned(p.Poll, began)
}

// answer reads the rooms that were requested.
func (p *poller) answer(ctx context.Context) {
	p.read(p.requestContext(ctx), p.roomsToAnswer(p.rooms, p.d.elapsed()), false)
}

// requestContext is the context of a reading, once AtOnce after a person's request.
func (p *poller) requestContext(ctx context.Context) context.Context {
	if p.atOnce {
		ctx = AtOnce(ctx)
	}
	p.atOnce = false
	return ctx
}

// sweepRooms finds which rooms have changed and reads these at once, and again those
// found by the previous sweep: the service may return a new change with a delay.
func (p *poller) sweepRooms(ctx context.Context) {
	began := p.d.moment()
	from, _ := p.window()
	to := midnight(began.now, p.zone, sweepDays).UTC()
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	changed, tally, err := p.sweeper.Sweep(limited, p.rooms, from, to)
	if ctx.Err() != nil {
		return // a stop is not a refusal
	}
	refused := p.judgeSweep(err)
	var problem string
	if p.refusal != "" {
		problem = "changes are seen only at the next poll, because the sweep was refused: " + p.refusal
	}
	p.do(ctx, func() {
		p.a.work.sweepProblem = problem
		p.a.count(tally)
		p.d.o.Log.Debug("swept", "account", p.Name, "rooms", len(p.rooms), "changed", len(changed), "cost", tally, "error", err)
	})
	p.read(ctx, p.pick(slices.Concat(changed, p.named)), false)
	p.named = changed
	p.sweep = p.planned(p.Sweep, began)
	if refused {
		p.sweep = p.d.spread(p.d.elapsed()+refusedPause, refusedPause)
	}
}

// judgeSweep reports whether the sweep was refused, and logs a change. A sweep that
// failed for another reason changes nothing.
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
		p.d.o.Log.Warn("changes are seen only at the next poll, because the sweep was refused", "account", p.Name, "reason", words)
	default:
		p.d.o.Log.Info("the account is swept again", "account", p.Name)
	}
	p.refusal = words
	return refused
}

// pick returns the account's rooms with the given ids, each once.
func (p *poller) pick(ids []string) []Room {
	var out []Room
	for _, room := range p.rooms {
		if slices.Contains(ids, room.ID) {
			out = append(out, room)
		}
	}
	return out
}

// window is the time for which the account's rooms are read.
func (p *poller) window() (from, to time.Time) {
	return Window(p.d.o.Clock.Now(), p.zone, p.back)
}

// read reads the rooms, where there are any, and hands every reading to the loop;
// poll is whether that counts as a poll.
func (p *poller) read(ctx context.Context, rooms []Room, poll bool) {
	if len(rooms) == 0 {
		return
	}
	for _, room := range rooms {
		delete(p.requested, room.ID)
	}
	from, to := p.window()
	between := interval(p.Poll, p.d.o.Clock.Now())
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	tally := p.Provider.Fetch(limited, rooms, from, to, p.receiver(ctx, rooms, from, to, between))
	at := p.d.o.Clock.Now()
	p.do(ctx, func() {
		p.a.count(tally)
		if poll {
			p.a.work.polls++
			p.a.work.lastPoll = at
		}
		p.d.logFailures(p.a)
		p.d.memory.pollDone()
		p.d.o.Log.Debug("read", "account", p.Name, "rooms", len(rooms), "cost", tally)
	})
}
