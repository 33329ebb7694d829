package driver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Site is the building the gateway stands in.
type Site struct {
	ID   string // topic segment
	Name string
	Zone *time.Location
}

// Publisher takes the points of subjects; it keeps the newest and never blocks.
type Publisher interface {
	Publish(updates []Update)
	Remove(subjects []Subject) // that are not published any longer
}

// Update is all points of one subject at one instant.
type Update struct {
	Subject Subject
	At      time.Time // UTC
	Quality Quality
	Values  []Value // in the order of the subject's catalogue; the publisher copies them
}

// Clock tells the time and waits. [WallClock] is the usual one; a demonstration
// or a replay brings a faster one.
//
// Now is for instants: it follows a clock that is set. Durations are measured
// with Stopwatch, which does not.
type Clock interface {
	Now() time.Time
	// Stopwatch returns a function that says how long ago Stopwatch was called.
	// What it says never decreases, and setting the clock does not change it.
	Stopwatch() func() time.Duration
	After(d time.Duration) <-chan time.Time
}

// WallClock is the machine's clock.
type WallClock struct{}

// Now returns the current time, without Go's monotonic reading: with it, the
// differences between instants would hide that the clock was set.
func (WallClock) Now() time.Time { return time.Now().UTC().Round(0) }

// Stopwatch measures with the machine's monotonic clock.
func (WallClock) Stopwatch() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// After sends on the returned channel once d has passed.
func (WallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Options are the parts a Driver is built from. All are needed unless said otherwise.
type Options struct {
	Site      Site
	Rooms     []Room
	Accounts  []Account
	Publisher Publisher
	Memory    Memory  // last good bookings and what else must be remembered, kept across restarts
	History   History // the days that are over; nil: they are not kept
	Clock     Clock
	Jitter    func(max time.Duration) time.Duration // a random duration in [0, max); spreads polls
	Version   string                                // of the program, for the gateway's points
	Beat      func()                                // called whenever the loop turns, at least once a minute; for the watchdog
	Log       *slog.Logger
}

// Driver polls the calendars and publishes the points. One goroutine, that of
// Run, owns all its state; one more per account waits for the service, and one
// for the disk. Its methods may be called from several goroutines at once.
type Driver struct {
	starting sync.Mutex      // held while Run begins
	ctx      context.Context // of Run; nil: it has not begun
	pollers  sync.WaitGroup

	o        Options // but for Site, Rooms and Accounts, which Reconfigure replaces
	site     Site
	rooms    []*roomState
	byID     map[string]*roomState
	accounts []*accountState
	gateway  gatewayState
	memory   *memory
	complete bool                 // everything was published once
	elapsed  func() time.Duration // since New, however the clock is set

	events  chan func()        // run on the loop
	signIns chan *accountState // whose sign-in has changed
	ended   chan struct{}      // closed when the loop has ended
}

// roomState is what the loop knows of one room.
type roomState struct {
	room     Room
	timeline *Timeline
	past     Past
	facts    Facts
	body     string    // the state without its timestamp, to tell a change
	next     time.Time // when Derive has something new to say; zero: not by itself
	values   []Value
	refused  string // rows that could not be understood, as last logged
}

// accountState is what the loop knows of one account.
type accountState struct {
	assignment
	poller  *poller            // nil: the driver does not run, or the account was removed
	unwatch context.CancelFunc // ends the wait for changes of the sign-in
	work    accountWork
	settled *SessionState       // of the sign-in, when last it was not being refreshed; nil: not yet known
	failed  map[string][]string // rooms by why they could not be read, as last logged
	next    time.Time
	values  []Value
}

// longestSleep bounds every wait: the wall clock is read again at least this
// often, so that a stepped clock is noticed.
const longestSleep = time.Minute

// clockStep is how far the wall clock may run from the time that has passed
// before it counts as stepped.
const clockStep = 30 * time.Second

// New builds a Driver; it touches nothing yet.
func New(o Options) *Driver {
	d := &Driver{o: o, events: make(chan func(), 64), signIns: make(chan *accountState), ended: make(chan struct{})}
	d.elapsed = o.Clock.Stopwatch()
	d.memory = newMemory(o.Memory, o.History, o.Log)
	d.takeOver(o.Site, o.Rooms, o.Accounts)
	return d
}

func newRoomState(room Room) *roomState {
	r := &roomState{room: room, values: make([]Value, len(roomPoints)), timeline: NewTimeline(room, Snapshot{})}
	r.values[metaIndex] = room.Meta()
	return r
}

// recall takes over the last known bookings, and what else is remembered, from
// the memory; what is damaged there is logged and done without.
func (d *Driver) recall() {
	rooms := make([]Room, len(d.rooms))
	for i, r := range d.rooms {
		rooms[i] = r.room
	}
	snaps, pasts := d.memory.load(rooms)
	for i, r := range d.rooms {
		r.timeline, r.past = NewTimeline(r.room, snaps[i]), pasts[i]
	}
}

// Run goes on from the last known bookings, polls and publishes until ctx ends.
// It then writes what it knows to the memory, after the write that may still run,
// and returns ctx's error.
func (d *Driver) Run(ctx context.Context) error {
	d.starting.Lock()
	d.ctx = ctx
	d.starting.Unlock()
	d.recall()
	for _, a := range d.accounts {
		d.watch(a)
		d.startPoller(a, d.firstPoll(a))
	}
	d.gateway.started = d.o.Clock.Now()
	d.loop(ctx)
	close(d.ended)
	d.pollers.Wait()
	d.memory.close(d.known(), d.elapsed())
	return ctx.Err()
}

// onLoop runs f on the loop and waits for it. It reports false when ctx or the
// loop has ended before; f is then not run.
func (d *Driver) onLoop(ctx context.Context, f func()) bool {
	var decided atomic.Bool // whether f is run
	done := make(chan struct{})
	run := func() {
		if decided.CompareAndSwap(false, true) {
			f()
			close(done)
		}
	}
	select {
	case d.events <- run:
	case <-d.ended:
		return false
	case <-ctx.Done():
		return false
	}
	select {
	case <-done:
		return true
	case <-d.ended:
	case <-ctx.Done():
	}
	if decided.CompareAndSwap(false, true) {
		return false
	}
	<-done
	return true
}

// PollNow asks for a reading of the room at once; an empty room asks for all
// rooms of all accounts. Asking again before the room was read changes nothing,
// and a room is read on request every 5 s at most. It reports false when there is
// no such room, or the driver has stopped.
func (d *Driver) PollNow(ctx context.Context, room string) bool {
	exists := false
	return d.onLoop(ctx, func() {
		if exists = room == "" || d.byID[room] != nil; exists {
			d.request(room)
		}
	}) && exists
}

// Presence takes over what the presence sensor of a room says; a room without a
// sensor, or one that is not configured, ignores it. It returns when the loop will
// take it over, or has ended.
func (d *Driver) Presence(room string, p Presence) {
	heard := func() {
		r := d.byID[room]
		if r == nil || !r.room.Sensor {
			return
		}
		now := d.o.Clock.Now()
		_, past, _ := r.timeline.Derive(r.past, now)
		past = past.Hear(p, now)
		d.note(r, past, r.facts.Sensor) // the next derivation tells of the sensor
		r.past, r.next = past, time.Time{}
	}
	select {
	case d.events <- heard:
	case <-d.ended:
	}
}

// loop owns the state. It turns whenever something was read or written, a sign-in
// changed, or the next instant has come. Nothing in it waits for a service, a
// disk or a poller.
func (d *Driver) loop(ctx context.Context) {
	lastNow, lastElapsed := d.o.Clock.Now(), d.elapsed()
	for {
		now, elapsed := d.o.Clock.Now(), d.elapsed()
		if step := now.Round(0).Sub(lastNow.Round(0)) - (elapsed - lastElapsed); step.Abs() > clockStep {
			d.stepped(step, now)
		}
		lastNow, lastElapsed = now, elapsed
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
		case <-d.o.Clock.After(min(next.Sub(d.o.Clock.Now()), longestSleep)): // publishing takes time, too
		}
	}
}

// drain runs what else is waiting, so that a thousand readings are not a thousand
// turns of the loop.
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

// watch has the loop derive the account whenever its sign-in changes.
func (d *Driver) watch(a *accountState) {
	session := a.session()
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

// request asks the poller of the room's account to read it, and all pollers to
// read all rooms when room is empty.
func (d *Driver) request(room string) {
	for _, a := range d.accounts {
		switch {
		case room == "":
			a.poller.request(request{all: true})
		case d.byID[room].room.Account == a.Name:
			a.poller.request(request{rooms: map[string]bool{room: true}})
		}
	}
}

// stepped handles a wall clock that was set: everything is derived and read again.
func (d *Driver) stepped(by time.Duration, now time.Time) {
	d.o.Log.Warn("the clock was stepped: all rooms are read again", "by", by.Round(time.Second), "now", now.UTC())
	for _, r := range d.rooms {
		r.next = time.Time{}
	}
	for _, a := range d.accounts {
		a.next = time.Time{}
		a.poller.request(request{urgent: true})
	}
	d.gateway.nextBeat = 0
}

// atOnce is how many rooms are derived before they are published: when a thousand
// begin a booking at the same instant, the first are on their way early.
const atOnce = 100

// publishDue derives and publishes every subject whose instant has come, and
// returns the next such instant. The first time that is everything at once, so
// that whoever has some of it has all of it.
func (d *Driver) publishDue(now time.Time) time.Time {
	next := now.Add(longestSleep)
	var updates []Update
	for _, r := range d.rooms {
		if !r.next.After(now) {
			updates = append(updates, d.deriveRoom(r, now))
		}
		next = earlier(next, r.next)
		if len(updates) == atOnce && d.complete {
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
	if updates != nil || d.elapsed() >= d.gateway.nextBeat {
		updates = append(updates, d.deriveGateway(now))
		d.o.Publisher.Publish(updates)
		d.complete = true
	}
	return earlier(next, now.Add(d.gateway.nextBeat-d.elapsed()))
}

// never stands for an instant that does not come.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func orNever(t time.Time) time.Time {
	if t.IsZero() {
		return never
	}
	return t
}

// deriveRoom works out the room's points at now. The JSON points are rendered
// only when a fact they hold has changed.
func (d *Driver) deriveRoom(r *roomState, now time.Time) Update {
	facts, past, next := r.timeline.Derive(r.past, now)
	d.note(r, past, facts.Sensor)
	old := r.facts
	r.facts, r.past, r.next = facts, past, orNever(next)
	r.facts.Fill(r.values)
	if facts.Fixed != old.Fixed {
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

// note tells the memory, the history and the log what the past of a room brings
// that is new. It says nothing of a sensor that has not yet been heard.
func (d *Driver) note(r *roomState, past Past, sensor Sensor) {
	if past.turned(r.past) {
		d.memory.pastChanged(r.room.ID, past.counted(r.past))
	}
	if past.Ended.From.After(r.past.Ended.From) {
		d.memory.dayEnded(past.Ended.of(r.room))
	}
	switch was := r.facts.Sensor; {
	case sensor == SensorSilent && was == SensorGood:
		d.o.Log.Warn("the presence sensor is not trusted: it was not heard for too long, or cannot tell", "room", r.room.ID, "last", past.Heard)
	case sensor == SensorGood && was == SensorSilent:
		d.o.Log.Info("the presence sensor is trusted", "room", r.room.ID)
	}
}

// derive works out the account's points at now, and asks for all rooms when they
// can be read from now on.
func (a *accountState) derive(now time.Time) Update {
	s := a.status()
	if s.State == SignedIn && a.settled != nil && *a.settled != SignedIn {
		a.poller.request(request{urgent: true})
	}
	if s.State != Refreshing { // it was able before, or the end of the refresh will tell
		a.settled = &s.State
	}
	facts := accountFacts{status: s, work: a.work, wake: wake{now: now}}
	a.next = orNever(facts.fill(a.values))
	return Update{Subject: Subject{OfAccount, a.Name}, At: now.UTC(), Quality: QualityGood, Values: a.values}
}

// apply takes over what was read of a room.
func (d *Driver) apply(rd roomReading, from, to, now time.Time) {
	r := d.byID[rd.room]
	if r == nil {
		return
	}
	r.next = time.Time{}
	snap := r.timeline.Snapshot()
	if rd.err != nil {
		snap.Failure = rd.err
		snap.Failures++
		r.timeline = r.timeline.With(snap)
		return
	}
	fresh := Snapshot{Bookings: rd.bookings, From: from, To: to, ReadAt: now.UTC()}
	if !rd.unchanged {
		d.logRefused(r, rd.refused)
	}
	if rd.unchanged || sameBookings(snap, fresh) {
		fresh.Bookings = snap.Bookings
		r.timeline = r.timeline.With(fresh)
		d.memory.wasRead(r.room.ID, false)
		return
	}
	r.timeline = NewTimeline(r.room, fresh)
	d.memory.wasRead(r.room.ID, true)
}

// sameBookings tells whether b brings nothing new over a, which may have been
// kept from an earlier run.
func sameBookings(a, b Snapshot) bool {
	same := func(x, y Booking) bool { return x.Compare(y) == 0 }
	return a.From.Equal(b.From) && a.To.Equal(b.To) && slices.EqualFunc(a.Bookings, b.Bookings, same)
}

// logFailures tells which rooms of an account could not be read, when that is
// news: a failure that lasts is told by the points, and one that all rooms
// share is told once.
func (d *Driver) logFailures(a *accountState) {
	failed := map[string][]string{}
	for _, room := range a.rooms {
		if err := d.byID[room.ID].timeline.Snapshot().Failure; err != nil {
			words, person := Explain(err)
			failed[words] = append(failed[words], room.ID)
			if len(failed[words]) == 1 && a.failed[words] == nil {
				d.o.Log.Log(context.Background(), levelOf(person), "rooms cannot be read", "account", a.Name, "first", room.ID, "reason", words)
			}
		}
	}
	if len(a.failed) > 0 && len(failed) == 0 {
		d.o.Log.Info("all rooms are read again", "account", a.Name)
	}
	a.failed = failed
}

func levelOf(person bool) slog.Level {
	if person {
		return slog.LevelError
	}
	return slog.LevelWarn
}

func (d *Driver) logRefused(r *roomState, refused []string) {
	words := fmt.Sprint(refused)
	if len(refused) > 0 && words != r.refused {
		d.o.Log.Warn("bookings left out: their rows could not be understood", "room", r.room.ID, "rows", refused)
	}
	r.refused = words
}

// known is what is to be kept of every room.
func (d *Driver) known() map[string]record {
	all := make(map[string]record, len(d.rooms))
	for _, r := range d.rooms {
		all[r.room.ID] = record{r.timeline.Snapshot(), r.past}
	}
	return all
}

// Show publishes what is known without polling, for a look at it while the
// driver does not run.
func (d *Driver) Show() {
	d.recall()
	d.publishDue(d.o.Clock.Now())
}
