package driver

import (
	"context"
	"slices"
	"time"
)

// assignment is what the poller of an account reads, and how. It is never changed.
type assignment struct {
	Account
	rooms []Room
	zone  *time.Location // the site's
	back  time.Duration  // how long comfort of a room can continue after a booking
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

// equal reports whether both are the same work.
func (a assignment) equal(b assignment) bool {
	return a.Name == b.Name && a.sameProvider(b.Account) && sameSchedule(a.Poll, b.Poll) && sameSchedule(a.Sweep, b.Sweep) &&
		sameZone(a.zone, b.zone) && slices.EqualFunc(a.rooms, b.rooms, Room.equal)
}

// poller reads the calendars of one account, one call at a time. Its goroutine
// owns it; it passes results to the driver's loop as functions.
type poller struct {
	d *Driver
	a *accountState // owned by the loop: used only on the loop
	assignment
	agenda
	digests  digests
	told     map[string]bool    // rooms of which it was logged that no event is theirs
	sweeper  Sweeper            // nil: there are no sweeps
	named    []string           // rooms that the last sweep found: to be read once more
	refusal  string             // why sweeps are refused; empty: they are not
	requests chan request       // that it has not yet taken; only the loop sends
	cancel   context.CancelFunc // stops it
	done     chan struct{}      // closed when it has ended
}

// startPoller starts a poller for the account's assignment, with the first poll at
// the given time. The poller that it replaces is stopped. The new one waits for the
// end of those that have the same provider, because a provider takes one call at a
// time.
func (d *Driver) startPoller(a *accountState, first time.Duration) {
	p := &poller{d: d, a: a, assignment: a.assignment, agenda: newAgenda(), told: map[string]bool{}, requests: make(chan request, 1), done: make(chan struct{})}
	p.poll = first
	if p.sweeper, a.work.sweepProblem = a.sweeper(); p.sweeper != nil {
		p.sweep = first // right after the poll, so that what changes next is found
	}
	ctx, cancel := context.WithCancel(d.ctx)
	p.cancel = cancel
	d.stopPoller(a)
	var before []*poller
	for _, old := range d.ending {
		if p.sameProvider(old.Account) {
			before = append(before, old)
		}
	}
	a.poller = p
	d.pollers.Go(func() {
		defer close(p.done)
		for _, old := range before {
			<-old.done
		}
		p.run(ctx)
	})
}

// stopPoller stops the poller of the account, if there is one, and does not wait
// for its end.
func (d *Driver) stopPoller(a *accountState) {
	d.ending = slices.DeleteFunc(d.ending, (*poller).hasEnded)
	if a.poller != nil {
		a.poller.cancel()
		d.ending = append(d.ending, a.poller)
		a.poller = nil
	}
}

func (p *poller) hasEnded() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// request adds to the requests that the poller has not yet taken. It does not block,
// because only the loop sends.
func (p *poller) request(r request) {
	select {
	case waiting := <-p.requests:
		r = r.with(waiting)
	default:
	}
	p.requests <- r
}

// firstPoll returns when the account is first polled after the start: at once, or
// spread if all its rooms are known and good, because many gateways may start
// together after a power failure.
func (d *Driver) firstPoll(a *accountState) time.Duration {
	if now := d.o.Clock.Now(); d.allGood(a.rooms, now) {
		return d.spread(d.elapsed(), interval(a.Poll, now))
	}
	return d.elapsed()
}

// allGood reports whether every room is known and its points can be trusted.
func (d *Driver) allGood(rooms []Room, now time.Time) bool {
	return !slices.ContainsFunc(rooms, func(room Room) bool {
		v, _ := d.byID[room.ID].timeline.judge(now)
		return v != good
	})
}

// do runs what on the loop, unless ctx ends or the poller is replaced before: its
// results must not replace those of its successor.
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
