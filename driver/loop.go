package driver

import (
	"context"
	"strings"
	"time"
)

// longestSleep bounds every wait: the wall clock is read at least this often, to
// detect a step.
const longestSleep = time.Minute

// clockStep is how far the wall clock may deviate from the elapsed time before it
// counts as stepped.
const clockStep = 30 * time.Second

// loop owns the state. It iterates whenever something was read or written, a sign-in
// has changed, or the next instant has come. It never waits for a service, a disk or
// a poller.
func (d *Driver) loop(ctx context.Context) {
	lastNow, lastElapsed := d.o.Clock.Now(), d.elapsed()
	for {
		now, elapsed := d.o.Clock.Now(), d.elapsed()
		if step := now.Round(0).Sub(lastNow.Round(0)) - (elapsed - lastElapsed); step.Abs() > clockStep {
			d.stepped(step, now, lastElapsed)
		}
		lastNow, lastElapsed = now, elapsed
		d.judgeClock(now, elapsed)
		next := d.publishDue(now)
		d.memory.writeIfDue(d.known, elapsed)
		if d.o.Beat != nil {
			d.o.Beat()
		}
		select {
		case <-ctx.Done():
			return
		case do := <-d.events:
			do()
			d.drain()
		case o := <-d.memory.written:
			d.memory.finish(o, d.elapsed())
		case a := <-d.signIns:
			a.next = time.Time{}
		case t := <-d.serverTimes:
			d.clock.answers = addServerTime(d.clock.answers, t)
		case <-d.o.Clock.After(min(next.Sub(d.o.Clock.Now()), longestSleep)): // after publishing, which takes time
		}
	}
}

// drain runs all waiting functions, so that a thousand readings need few iterations
// of the loop.
func (d *Driver) drain() {
	for {
		select {
		case do := <-d.events:
			do()
		default:
			return
		}
	}
}

// watch wakes the loop whenever the sign-in of the account changes.
func (d *Driver) watch(a *accountState) {
	session := SessionOf(a.Provider)
	if session == nil {
		return
	}
	ctx, cancel := context.WithCancel(d.ctx)
	a.unwatch = cancel
	changed := session.Changed()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
			changed = session.Changed()
			select {
			case <-ctx.Done():
				return
			case d.signIns <- a:
			}
		}
	}()
}

// request asks the poller of the room's account to read it for a person, and all
// pollers to read all rooms when room is empty.
func (d *Driver) request(room string) {
	for _, a := range d.accounts {
		switch {
		case room == "":
			a.poller.request(request{all: true, atOnce: true})
		case d.byID[room].room.Account == a.Name:
			a.poller.request(request{rooms: map[string]bool{room: true}, atOnce: true})
		}
	}
}

// stepped handles a wall clock that was set since an instant of the stopwatch:
// everything is derived and read again.
func (d *Driver) stepped(by time.Duration, now time.Time, since time.Duration) {
	d.o.Log.Warn("the clock was stepped: all rooms are read again", "by", by.Round(time.Second), "now", now.UTC())
	for _, r := range d.rooms {
		r.next = time.Time{}
	}
	for _, a := range d.accounts {
		a.next = time.Time{}
		a.poller.request(request{urgent: true})
	}
	d.gateway.nextBeat = 0
	d.clock.stepped(now, d.elapsed(), since)
}

// publishBatch is how many rooms are derived before they are published: when a
// thousand bookings begin at the same instant, the first rooms are published early.
const publishBatch = 100

// publishDue derives and publishes every subject whose next change is due, and
// returns the instant of the next change. The first time it publishes everything in
// one call, so that subscribers never see only some of the rooms.
func (d *Driver) publishDue(now time.Time) time.Time {
	next := now.Add(longestSleep)
	var updates []Update
	for _, r := range d.rooms {
		if !r.next.After(now) {
			updates = append(updates, d.deriveRoom(r, now))
		}
		next = earlier(next, r.next)
		if len(updates) == publishBatch && d.complete {
			d.o.Publisher.Publish(updates)
			updates = updates[:0]
		}
	}
	for _, a := range d.accounts {
		if !a.next.After(now) {
			updates = append(updates, a.derive(now))
		}
		next = earlier(next, a.next)
	}
	if updates != nil || d.gateway.changed || d.elapsed() >= d.gateway.nextBeat {
		updates = append(updates, d.deriveGateway(now))
		d.o.Publisher.Publish(updates)
		d.complete = true
	}
	return earlier(next, now.Add(d.gateway.nextBeat-d.elapsed()))
}

// never is later than any instant.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func orNever(t time.Time) time.Time {
	if t.IsZero() {
		return never
	}
	return t
}

// deriveRoom computes the room's points at now. The JSON points are rendered only
// when a fact they hold has changed.
func (d *Driver) deriveRoom(r *roomState, now time.Time) Update {
	facts, past, next := r.timeline.Derive(r.past, now)
	d.note(r, past, facts.Sensor)
	old := r.facts
	r.facts, r.past, r.next = facts, past, orNever(next)
	r.facts.Fill(r.values)
	if facts.StableFacts != old.StableFacts {
		state := r.facts.State(now)
		if _, body, _ := strings.Cut(state.Text(), ","); body != r.body { // all but the timestamp, which comes first
			r.body, r.values[stateIndex] = body, state
		}
	}
	if facts.plan != old.plan || facts.ended != old.ended || facts.ValidUntil != old.ValidUntil || facts.Known != old.Known {
		r.values[scheduleIndex] = facts.Schedule(now)
	}
	return Update{Subject: Subject{OfRoom, r.room.ID}, At: now.UTC(), Quality: facts.Quality, Values: r.values}
}

// note records changes of the past of a room in the memory and the log. A sensor
// that never reported is not logged.
func (d *Driver) note(r *roomState, past Past, sensor Sensor) {
	if past.changed(r.past) {
		d.memory.pastChanged(r.room.ID, past.countersChanged(r.past))
	}
	if past.Ended.From.After(r.past.Ended.From) {
		d.memory.dayEnded(past.Ended.of(r.room))
	}
	switch was := r.facts.Sensor; {
	case sensor == SensorSilent && was == SensorGood:
		d.o.Log.Warn("the presence sensor is not trusted: it has been silent for too long, or reports neither presence nor absence", "room", r.room.ID, "last", past.ReportedAt)
	case sensor == SensorGood && was == SensorSilent:
		d.o.Log.Info("the presence sensor is trusted", "room", r.room.ID)
	}
}

// derive computes the account's points at now, and requests all rooms when the
// sign-in works again.
func (a *accountState) derive(now time.Time) Update {
	s := StatusOf(a.Provider)
	if s.State == SignedIn && a.lastState != nil && *a.lastState != SignedIn {
		a.poller.request(request{urgent: true})
	}
	if s.State != Refreshing { // the end of the refresh decides
		a.lastState = &s.State
	}
	facts := accountFacts{status: s, work: a.work, next: earliest{now: now}}
	a.next = orNever(facts.fill(a.values))
	return Update{Subject: Subject{OfAccount, a.Name}, At: now.UTC(), Quality: QualityGood, Values: a.values}
}
