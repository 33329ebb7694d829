package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"roomgate/driver"
	"roomgate/ical"
)

// Options configures a Player. All fields are required unless said otherwise.
type Options struct {
	Site       driver.Site
	Rooms      []driver.Room
	Accounts   []string // names of the rooms' accounts, which read the file instead
	Only       string   // id of the room that everything in the file is for; empty: the file names rooms
	Start, End time.Time
	Speed      float64 // of the replay's clock; 1: real time
	Publisher  driver.Publisher
	Version    string
	Log        *slog.Logger
}

// Player plays a file through the driver.
type Player struct {
	file     *File
	o        Options
	clock    *Clock
	rooms    []driver.Room
	events   map[string][]ical.Event // of the file, by id of the room that they are for
	presence []presence              // of the configured rooms, by id, by time
	starts   []time.Time             // of the bookings that are played, sorted
	leftOut  map[string]int          // entries that are for none of the rooms, by what they name
	loaded   *allLoaded
	driver   *driver.Driver
}

// ErrNoRoom is matched by the error for a file that names none of the rooms.
var ErrNoRoom = errors.New("it names no configured room")

// New returns a Player. The file must hold something for the rooms.
func New(f *File, o Options) (*Player, error) {
	p := &Player{file: f, o: o, clock: NewClock(o.Start, o.Speed), rooms: testRooms(o.Rooms, o.Only),
		events: map[string][]ical.Event{}, leftOut: map[string]int{}}
	if p.assign() == 0 {
		if len(p.leftOut) == 0 {
			return nil, fmt.Errorf("%s contains no booking that occupies a room", f.Name)
		}
		return nil, fmt.Errorf("%s cannot be played: %w, but %s", f.Name, ErrNoRoom, p.LeftOut())
	}
	if err := p.schedule(); err != nil {
		return nil, err
	}
	for i, r := range p.rooms {
		p.rooms[i].SensorID = ""
		if slices.ContainsFunc(p.presence, func(s presence) bool { return s.room == r.ID }) {
			p.rooms[i].SensorID = f.Name
		}
	}
	p.loaded = newAllLoaded(o.Publisher, p.rooms)
	var accounts []driver.Account
	for _, name := range o.Accounts {
		accounts = append(accounts, driver.Account{Name: name, Provider: provider{f, p.events}, Poll: hourly{}})
	}
	p.driver = driver.New(driver.Options{Site: o.Site, Rooms: p.rooms, Accounts: accounts, Publisher: p.loaded, Memory: noMemory{},
		Clock: p.clock, Jitter: func(time.Duration) time.Duration { return 0 }, Version: o.Version, Log: o.Log})
	return p, nil
}

// hourly is the schedule on which the file is read, because the driver's window moves.
type hourly struct{}

// Next implements driver.Schedule.
func (hourly) Next(t time.Time) time.Time { return t.Truncate(time.Hour).Add(time.Hour) }

// noMemory is the driver.Memory of a replay, which stores nothing.
type noMemory struct{}

// Get implements driver.Memory.
func (noMemory) Get(string) ([]byte, error) { return nil, fs.ErrNotExist }

// Put implements driver.Memory.
func (noMemory) Put(map[string][]byte) error { return nil }

// Delete implements driver.Memory.
func (noMemory) Delete(...string) error { return nil }

// assign finds the rooms of the file's entries, and returns how many entries have
// one.
func (p *Player) assign() (assigned int) {
	for _, e := range p.file.events {
		if e.First.Cancelled || e.First.ShowAs == driver.Free {
			continue
		}
		ids := p.roomsOf(e.First)
		if len(ids) == 0 {
			p.leftOut[placesOf(e.First)]++
			continue
		}
		assigned++
		for _, id := range ids {
			p.events[id] = append(p.events[id], e)
		}
	}
	for _, s := range p.file.presence {
		named := driver.Event{Places: []driver.Place{{Name: s.room}}}
		ids := p.roomsOf(named)
		if len(ids) == 0 {
			p.leftOut[placesOf(named)]++
			continue
		}
		assigned++
		for _, id := range ids {
			p.presence = append(p.presence, presence{id, s.at, s.state})
		}
	}
	return assigned
}

// roomsOf returns the ids of the rooms that an event is for.
func (p *Player) roomsOf(e driver.Event) []string {
	if p.o.Only != "" {
		return []string{p.o.Only}
	}
	var ids []string
	for _, r := range p.rooms {
		if r.Matches(e, p.rooms) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// placesOf are the places of an event, in words.
func placesOf(e driver.Event) string {
	var names []string
	for _, place := range e.Places {
		names = append(names, strings.TrimSpace(place.Name))
	}
	return cmp.Or(strings.Join(names, "; "), "no room")
}

// schedule collects when the bookings start that are played.
func (p *Player) schedule() error {
	for _, r := range p.rooms {
		events, err := p.file.occurrences(p.events[r.ID], p.o.Start, p.o.End)
		if err != nil {
			return err
		}
		bookings, _ := r.Admit(events, p.rooms, p.o.Start, p.o.End)
		for _, b := range bookings {
			p.starts = append(p.starts, b.Start)
		}
	}
	slices.SortFunc(p.starts, time.Time.Compare)
	return nil
}

// Clock is the replay's clock.
func (p *Player) Clock() *Clock { return p.clock }

// Ahead is how many bookings are yet to start.
func (p *Player) Ahead() int {
	started, _ := slices.BinarySearchFunc(p.starts, p.clock.Now().Add(1), time.Time.Compare)
	return len(p.starts) - started
}

// LeftOut lists the entries that are for none of the rooms by what they name,
// with counts; empty: there are none.
func (p *Player) LeftOut() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(p.leftOut)) {
		words = append(words, fmt.Sprintf("%s (%d)", shorten(name), p.leftOut[name]))
	}
	return strings.Join(words, ", ")
}

// Run plays the file until its end; it returns ctx's error when that ends before.
// The clock is stopped until the points of all rooms were published and connect, which
// is called then, has returned.
func (p *Player) Run(ctx context.Context, connect func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	parts.Go(func() { _ = p.driver.Run(ctx) })
	ahead := p.presenceAtStart()
	select {
	case <-p.loaded.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := connect(ctx); err != nil {
		return err
	}
	p.clock.Start()
	parts.Go(func() { p.playPresence(ctx, ahead) })
	select {
	case <-p.clock.After(p.o.End.Sub(p.o.Start)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// presenceAtStart passes on what each sensor last reported up to the start, and
// returns what they report later.
func (p *Player) presenceAtStart() (later []presence) {
	last := map[string]driver.Presence{}
	n := 0
	for ; n < len(p.presence) && !p.presence[n].at.After(p.o.Start); n++ {
		last[p.presence[n].room] = p.presence[n].state
	}
	for room, state := range last {
		p.driver.Presence(room, state)
	}
	return p.presence[n:]
}

// playPresence passes on what the sensors report, at its time.
func (p *Player) playPresence(ctx context.Context, ahead []presence) {
	for _, s := range ahead {
		select {
		case <-ctx.Done():
			return
		case <-p.clock.After(s.at.Sub(p.clock.Now())):
			p.driver.Presence(s.room, s.state)
		}
	}
}

// allLoaded is a driver.Publisher that passes everything on, and reports when the
// bookings of all rooms are known.
type allLoaded struct {
	next driver.Publisher
	done chan struct{} // closed then

	mu      sync.Mutex
	missing map[string]bool // rooms whose bookings are not known
}

func newAllLoaded(next driver.Publisher, rooms []driver.Room) *allLoaded {
	a := &allLoaded{next: next, done: make(chan struct{}), missing: map[string]bool{}}
	for _, r := range rooms {
		a.missing[r.ID] = true
	}
	return a
}

// Publish implements driver.Publisher.
func (a *allLoaded) Publish(updates []driver.Update) {
	a.next.Publish(updates)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.missing) == 0 {
		return
	}
	booked := driver.OfRoom.Index(driver.Booked)
	for _, u := range updates {
		if u.Subject.Scope == driver.OfRoom && u.Values[booked].Known() {
			delete(a.missing, u.Subject.ID)
		}
	}
	if len(a.missing) == 0 {
		close(a.done)
	}
}

// Remove implements driver.Publisher.
func (a *allLoaded) Remove(subjects []driver.Subject) { a.next.Remove(subjects) }
