package driver

import (
	"context"
	"reflect"
	"slices"
	"time"
)

// fetchLimit bounds one call of the Calendar: a service that hangs must not end
// polling.
const fetchLimit = 10 * time.Minute

// sweepDays is how many days a sweep looks at, today among them: what changes
// later than that can wait for the next poll.
const sweepDays = 2

// refusedPause is how long after a sweep was refused the next one is tried.
const refusedPause = time.Hour

// assignment is what the poller of an account reads, and how. It is never changed.
type assignment struct {
	Account
	rooms []Room
	zone  *time.Location // the site's
	back  time.Duration  // how long comfort of a room can outlast a booking
}

func newAssignment(a Account, rooms []Room, zone *time.Location) assignment {
	out := assignment{Account: a, zone: zone}
	for _, room := range rooms {
		if room.Account == a.Name {
			out.rooms = append(out.rooms, room)
			out.back = max(out.back, room.Lag+room.Gap)
		}
	}
	return out
}

// equal reports whether there is nothing to do differently.
func (a assignment) equal(b assignment) bool {
	return a.Name == b.Name && a.sameProvider(b.Account) && reflect.DeepEqual(a.Poll, b.Poll) && reflect.DeepEqual(a.Sweep, b.Sweep) &&
		sameZone(a.zone, b.zone) && slices.EqualFunc(a.rooms, b.rooms, Room.equal)
}

// poller reads the calendars of one account, one call at a time. Its goroutine
// owns it; what it finds it hands to the driver's loop as functions.
type poller struct {
	d *Driver
	a *accountState // the loop's: only what runs there may use it
	assignment
	agenda
	digests  digests
	sweeper  Sweeper            // nil: there are no sweeps
	named    []string           // rooms that the last sweep named: to be read once more
	refusal  string             // why sweeps are refused; empty: they are not
	requests chan request       // that it has not yet taken; only the loop sends
	cancel   context.CancelFunc // stops it
	done     chan struct{}      // closed when it and those it replaced have ended
}

// startPoller gives the account a poller that does what it is assigned, and polls
// first at the given time. The poller it replaces is stopped; nothing waits for
// its end but the new one, which does not use the provider at the same time.
func (d *Driver) startPoller(a *accountState, first time.Duration) {
	p := &poller{d: d, a: a, assignment: a.assignment, agenda: newAgenda(), requests: make(chan request, 1), done: make(chan struct{})}
	p.poll = first
	if p.sweeper, a.work.sweepProblem = a.sweeper(); p.sweeper != nil {
		p.sweep = first // right after the poll, so that what changes next is found
	}
	ctx, cancel := context.WithCancel(d.ctx)
	p.cancel = cancel
	var replaced <-chan struct{}
	shared := false
	if old := a.poller; old != nil {
		old.cancel()
		replaced, shared = old.done, p.sameProvider(old.Account)
	}
	a.poller = p
	d.pollers.Go(func() {
		defer close(p.done)
		if shared {
			<-replaced
		}
		p.run(ctx)
		if replaced != nil {
			<-replaced
		}
	})
}

// request adds to what the poller has not yet taken. It does not block, as only
// the loop sends.
func (p *poller) request(r request) {
	select {
	case waiting := <-p.requests:
		r = r.with(waiting)
	default:
	}
	p.requests <- r
}

// firstPoll is when the account is first polled after the start: at once. Where
// all its rooms are known and good the first poll is spread: many gateways may
// have come back with the same power.
func (d *Driver) firstPoll(a *accountState) time.Duration {
	if now := d.o.Clock.Now(); d.allGood(a.rooms, now) {
		return d.spread(d.elapsed(), interval(a.Poll, now))
	}
	return d.elapsed()
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

// moment is an instant by both clocks.
type moment struct {
	now     time.Time     // by the clock
	elapsed time.Duration // by the driver's stopwatch
}

func (d *Driver) moment() moment { return moment{d.o.Clock.Now(), d.elapsed()} }

// planned is the next run of a schedule, jittered. It counts from the start of
// the last one, so that slow answers do not make runs rarer; but a tenth of the
// interval is left for other work, and for a service that is slow because it is
// busy.
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

// accept takes over a request. One for all rooms has refused sweeps tried again,
// too.
func (p *poller) accept(r request) {
	p.take(r, p.d.elapsed())
	if p.pollAll && p.refusal != "" {
		p.sweep = p.poll
	}
}

// pollRooms reads the account's rooms but for those that are left out.
func (p *poller) pollRooms(ctx context.Context) {
	began := p.d.moment()
	p.read(ctx, p.roomsToPoll(p.rooms, began.elapsed), true)
	p.poll = p.planned(p.Poll, began)
}

// answer reads the rooms that were requested.
func (p *poller) answer(ctx context.Context) {
	p.read(ctx, p.roomsToAnswer(p.rooms, p.d.elapsed()), false)
}

// sweepRooms asks which rooms have changed and reads these at once, and once more
// those that the sweep before named: a fresh change is not at once readable
// everywhere.
func (p *poller) sweepRooms(ctx context.Context) {
	began := p.d.moment()
	from, _ := p.window()
	to := midnight(began.now, p.zone, sweepDays).UTC()
	limited, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	changed, tally, err := p.sweeper.Sweep(limited, p.rooms, from, to)
	if ctx.Err() != nil {
		return // a stop is no refusal
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

// window is the stretch that the account's rooms are read for.
func (p *poller) window() (from, to time.Time) {
	return Window(p.d.o.Clock.Now(), p.zone, p.back)
}

// read reads the rooms, where there are any, and hands every reading to the loop;
// poll tells whether that counts as a poll.
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
		p.d.memory.pollDone(p.d.known, p.d.elapsed())
		p.d.o.Log.Debug("read", "account", p.Name, "rooms", len(rooms), "cost", tally)
	})
}

// do runs what on the loop, unless ctx ends or the poller is replaced before:
// nothing that it has read may come after what its successor reads.
func (p *poller) do(ctx context.Context, what func()) {
	current := func() {
		if p.a.poller == p {
			what()
		}
	}
	select {
	case p.d.events <- current:
	case <-ctx.Done():
	}
}
