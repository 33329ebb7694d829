package driver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Site is the building that the gateway serves.
type Site struct {
	ID   string // topic segment
	Name string
	Zone *time.Location
}

// Publisher publishes the points of subjects; it keeps the newest and never blocks.
type Publisher interface {
	Publish(updates []Update)
	Remove(subjects []Subject) // that are removed from the configuration
}

// Update is all points of one subject at one instant.
type Update struct {
	Subject Subject
	At      time.Time // UTC
	Quality Quality
	Values  []Value // in the order of the subject's catalogue; the publisher copies them
}

// Options are the parts a Driver is built from. All are needed unless said otherwise.
type Options struct {
	Site      Site
	Rooms     []Room
	Accounts  []Account
	Publisher Publisher
	Memory    Memory  // last good bookings and the pasts of the rooms, across restarts
	History   History // the past days; nil: they are not kept
	Clock     Clock
	Jitter    func(max time.Duration) time.Duration // a random duration in [0, max); spreads polls
	Version   string                                // of the program, for the gateway's points
	Beat      func()                                // called on every iteration of the loop, at least once a minute; for the watchdog
	Log       *slog.Logger

	// ClockFault is called on the loop when what is wrong with the gateway's clock has
	// changed, in words for display; empty: nothing is known to be wrong. May be nil.
	ClockFault func(words string)
}

// Driver polls the calendars and publishes the points. One goroutine, that of
// Run, owns all its state; one more per account waits for the service, and one
// for the disk. Its methods may be called from several goroutines at once.
type Driver struct {
	starting sync.Mutex      // held while Run begins
	ctx      context.Context // of Run; nil: it has not started
	pollers  sync.WaitGroup

	o        Options // except Site, Rooms and Accounts, which Reconfigure replaces
	site     Site
	rooms    []*roomState
	byID     map[string]*roomState
	accounts []*accountState
	ending   []*poller // that were stopped, and may not have ended
	gateway  gatewayState
	clock    clockWatch
	memory   *memory
	complete bool                 // everything has been published once
	elapsed  func() time.Duration // since New, however the clock is set

	events      chan func()        // run on the loop
	signIns     chan *accountState // accounts whose sign-in has changed
	serverTimes chan ServerTime    // for the loop
	ended       chan struct{}      // closed when the loop has ended
}

// roomState is the loop's state of one room.
type roomState struct {
	room     Room
	timeline *Timeline
	past     Past
	facts    Facts
	body     string    // the point state without its timestamp, to detect a change
	next     time.Time // when the points next change without an event; zero: derive them now
	values   []Value
	trouble  Trouble // why it cannot be read
}

// accountState is the loop's state of one account.
type accountState struct {
	assignment
	poller    *poller            // nil: the driver does not run, or the account was removed
	unwatch   context.CancelFunc // ends the wait for changes of the sign-in
	work      accountWork
	lastState *SessionState // of the sign-in, other than Refreshing; nil: not yet known
	told      Told          // that rooms cannot be read
	next      time.Time
	values    []Value
}

// New builds a Driver; it does no I/O.
func New(o Options) *Driver {
	d := &Driver{o: o, events: make(chan func(), 64), signIns: make(chan *accountState), serverTimes: make(chan ServerTime, 64), ended: make(chan struct{})}
	d.elapsed = o.Clock.Stopwatch()
	d.memory = newMemory(o.Memory, o.History, o.Log)
	d.takeOver(o.Site, o.Rooms, o.Accounts)
	return d
}

func (d *Driver) newRoomState(room Room) *roomState {
	r := &roomState{room: room, values: make([]Value, len(roomPoints)), timeline: d.newTimeline(room, Snapshot{})}
	r.values[metaIndex] = room.Meta()
	return r
}

// newTimeline is NewTimeline under the gateway's clock.
func (d *Driver) newTimeline(room Room, snap Snapshot) *Timeline {
	return NewTimeline(room, snap).withClockFault(d.clock.fault)
}

// restore loads the last known bookings and the pasts of the rooms. What is damaged
// is logged and left out.
func (d *Driver) restore() {
	rooms := make([]Room, len(d.rooms))
	for i, r := range d.rooms {
		rooms[i] = r.room
	}
	snaps, pasts := d.memory.load(rooms)
	for i, r := range d.rooms {
		r.timeline, r.past = d.newTimeline(r.room, snaps[i]), pasts[i]
	}
}

// Run starts with the last known bookings, polls and publishes until ctx ends. It
// then writes the current state to the memory, after a write that is still running,
// and returns ctx's error.
func (d *Driver) Run(ctx context.Context) error {
	d.starting.Lock()
	d.ctx = ctx
	d.starting.Unlock()
	d.restore()
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

// PollNow requests a reading of the room at once, or of all rooms of all accounts
// when room is empty, even where the service has asked for a pause (see AtOnce). A
// second request before the room was read has no effect, and a room is read on
// request every 5 s at most. The error is ErrNoRoom or
// ErrStopped.
func (d *Driver) PollNow(ctx context.Context, room string) error {
	err := ErrNoRoom
	if !d.onLoop(ctx, func() {
		if room == "" || d.byID[room] != nil {
			d.request(room)
			err = nil
		}
	}) {
		return ErrStopped
	}
	return err
}

var (
	// ErrNoRoom is the error for a room that is not configured.
	ErrNoRoom = errors.New("there is no such room")
	// ErrStopped is the error of a driver that has stopped, or of a context that has.
	ErrStopped = errors.New("the gateway is stopping")
)

// Presence applies a report of the presence sensor of a room; it is ignored for a
// room without a sensor or one that is not configured. It returns when the loop has
// accepted the report, or has ended.
func (d *Driver) Presence(room string, p Presence) {
	heard := func() {
		r := d.byID[room]
		if r == nil || !r.room.hasSensor() {
			return
		}
		now := d.o.Clock.Now()
		_, past, _ := r.timeline.Derive(r.past, now)
		past = past.WithReport(p, now)
		d.note(r, past, r.facts.Sensor) // the next derivation reports the sensor
		r.past, r.next = past, time.Time{}
	}
	select {
	case d.events <- heard:
	case <-d.ended:
	}
}

// StoreAgain stores everything that is known of the rooms: what the Memory had is lost.
// It returns at once when the loop has accepted that, or has ended.
func (d *Driver) StoreAgain() {
	all := func() {
		for _, r := range d.rooms {
			d.memory.replace(r.room.ID)
		}
	}
	select {
	case d.events <- all:
	case <-d.ended:
	}
}

// known returns the record to store of every room.
func (d *Driver) known() map[string]record {
	all := make(map[string]record, len(d.rooms))
	for _, r := range d.rooms {
		all[r.room.ID] = record{r.timeline.Snapshot(), r.past, r.room}
	}
	return all
}

// Show publishes the state restored from the memory, without polling. It is for a
// driver that does not run.
func (d *Driver) Show() {
	d.restore()
	d.publishDue(d.o.Clock.Now())
}
