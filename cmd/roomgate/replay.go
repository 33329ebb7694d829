package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"roomgate/bridge"
	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/replay"
)

// replayFlags choose what is played, how fast, and where.
type replayFlags struct {
	speed             float64
	start             string
	length            time.Duration
	room              string
	live, force, keep bool
	level             *string
}

func replayCommand(g *globals) *cobra.Command {
	f := &replayFlags{level: &g.logLevel}
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Play a file of bookings to the broker, to commission a building",
		Long: "Replay plays the bookings of a file, iCalendar or JSON, for the rooms of the\n" +
			"configuration, at any speed: through the real rules to the configured broker,\n" +
			"with no account. The points go to a tree of their own, <prefix>-replay, are\n" +
			"marked as a test, and are deleted at the end.",
		Example: "  roomgate replay week.ics --speed 60\n  roomgate replay day.json --start 2026-01-15T08:30 --for 4h --room boardroom",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("which file? Give one of bookings, iCalendar or JSON")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.play(cmd, g, args[0]) },
	}
	c.Flags().Float64Var(&f.speed, "speed", 60, "how fast the building's clock runs; 1 is real time")
	c.Flags().StringVar(&f.start, "start", "", "`TIME` of the site to begin at, as in 2026-01-15T08:30 (default: the first day of the file)")
	c.Flags().DurationVar(&f.length, "for", 0, "end after this `DURATION` of the building's clock; 0: at midnight")
	c.Flags().StringVar(&f.room, "room", "", "`ID` of the room that everything in the file is for")
	c.Flags().BoolVar(&f.live, "live", false, "play onto the topics of the real gateway, which must not run")
	c.Flags().BoolVar(&f.force, "force", false, "with --live: even if a gateway may be running there")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave the topics at the broker")
	return c
}

// play puts the parts together and plays.
func (f *replayFlags) play(cmd *cobra.Command, g *globals, path string) error {
	switch {
	case !(f.speed >= 0.01 && f.speed <= 100_000): // not for NaN either
		return usageError{fmt.Errorf("--speed %v: use 0.01 to 100000", f.speed)}
	case f.length < 0:
		return usageError{fmt.Errorf("--for %v: use a length of time, as in 8h", f.length)}
	case f.force && !f.live:
		return usageError{errors.New("--force does nothing without --live")}
	}
	if !cmd.Flags().Changed("log-level") {
		*f.level = "error" // the points are the show
	}
	cfg, w, err := g.load(cmd)
	if err != nil {
		return err
	}
	p, err := f.player(cfg, path)
	if err != nil {
		return err
	}
	p.out, w.clock = cmd.ErrOrStderr(), p.clock
	dir, err := os.MkdirTemp("", "roomgate-replay-")
	if err != nil {
		return fmt.Errorf("making a folder for the replay: %w", err)
	}
	defer os.RemoveAll(dir)
	st, err := openStore(filepath.Join(dir, "roomgate.db"), daemonPatience, w) // nothing of a replay is remembered
	if err != nil {
		return err
	}
	defer st.Close()
	p.gateway = &gateway{cfg: f.tree(cfg), w: w, store: st, board: bridge.New()}
	if p.gateway.sink, err = p.gateway.newSink(&publications{st.Bucket("published"), w.log}); err != nil {
		return err
	}
	p.driver = p.newDriver()
	return f.perform(cmd.Context(), cfg, p)
}

// tree is the configuration of what is published: the test tree, under a client id
// of its own, and no sensors but those of the file.
func (f *replayFlags) tree(cfg *config.Config) *config.Config {
	own := *cfg
	own.MQTT.ClientID = clientID(cfg) + "-replay"
	if !f.live {
		own.MQTT.Prefix += "-replay"
	}
	own.Rooms = slices.Clone(cfg.Rooms)
	for i := range own.Rooms {
		own.Rooms[i].PresenceTopic = ""
	}
	return &own
}

// perform plays onto a tree that is nobody else's, and tidies up.
func (f *replayFlags) perform(ctx context.Context, cfg *config.Config, p *player) error {
	sink, topics := p.gateway.sink, topicsOf(p.gateway.cfg)
	root := p.gateway.cfg.MQTT.Prefix + "/" + cfg.Site.ID
	if f.live {
		if err := f.nobodyThere(ctx, cfg, sink); err != nil {
			return err
		}
	} else if err := sink.Clear(ctx, topics); err != nil { // left by a replay that was killed
		return err
	}
	fmt.Fprintf(p.out, "Playing %s to %s at %g times the speed, from %s to %s.\n", p.what, root+"/#", p.speed,
		p.stamp(p.start), p.stamp(p.end))
	p.play(ctx)
	p.tellLeftOut()
	switch {
	case f.live:
		fmt.Fprintf(p.out, "%s/# holds the test's values, with gateway/status offline, until the gateway publishes its own.\n", root)
		return nil
	case f.keep:
		fmt.Fprintf(p.out, "The test's values stay under %s/#; the next replay deletes them.\n", root)
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := sink.Clear(ending, topics); err != nil {
		return fmt.Errorf("deleting the test's values under %s/#: %w", root, err)
	}
	return nil
}

// nobodyThere makes sure that no gateway publishes to the real topics, unless the
// user is sure. Where a broker shows no status, there may be one all the same: it
// hides what may not be read.
func (f *replayFlags) nobodyThere(ctx context.Context, cfg *config.Config, sink *mqtt.Sink) error {
	status, err := sink.Status(ctx)
	if err != nil && !errors.Is(err, mqtt.ErrUnproven) {
		return err // there is no broker to play to
	}
	d, unreachable := reachRunning(cfg)
	words := ""
	switch {
	case f.force:
		return nil
	case d != nil || unreachable != nil:
		words = "the gateway is running on this machine"
	case err != nil:
		words = err.Error()
	case status == "":
		words = "whether a gateway looks after them cannot be told, because the broker shows no gateway/status"
	case status != "offline":
		words = fmt.Sprintf("a gateway looks after them, gateway/status is %q", cut(status))
	default:
		return nil
	}
	return hinted{fmt.Errorf("the real topics are not overwritten: %s", words), "the same without --live, or with --force"}
}

// player plays a file through the driver.
type player struct {
	what     string // is played
	zone     *time.Location
	clock    *replay.Clock
	start    time.Time
	speed    float64
	end      time.Time
	rooms    []driver.Room
	bookings map[string][]driver.Booking // by room
	presence []replayPresence            // by time; the rooms are ids
	leftOut  map[string]int              // what is for no room, by what it is called
	out      io.Writer

	gateway *gateway // but for its driver, its accounts and its pages
	driver  *driver.Driver
}

// player reads the file and finds its rooms.
func (f *replayFlags) player(cfg *config.Config, path string) (*player, error) {
	rooms := roomsOf(cfg)
	if f.room != "" && !slices.ContainsFunc(rooms, func(r driver.Room) bool { return r.ID == f.room }) {
		return nil, usageError{fmt.Errorf("--room %q: there is no such room in the configuration", f.room)}
	}
	zone := cfg.Site.Timezone
	file, err := readReplayFile(path, zone)
	if err != nil {
		return nil, err
	}
	start, end, err := f.stretch(file.first(), zone)
	if err != nil {
		return nil, err
	}
	p := &player{what: filepath.Base(path), zone: zone, clock: replay.NewClock(start, f.speed), start: start, speed: f.speed, end: end, rooms: rooms,
		bookings: map[string][]driver.Booking{}, leftOut: map[string]int{}}
	if err := p.cast(file, f.room); err != nil {
		return nil, err
	}
	return p, nil
}

// stretch is what is played: from the start, or the first midnight of the file,
// to the next midnight, or for as long as asked.
func (f *replayFlags) stretch(first time.Time, zone *time.Location) (start, end time.Time, err error) {
	start, _ = driver.AllDay(first.In(zone), first.In(zone), zone)
	if f.start != "" {
		if start, err = parseInstant(f.start, zone); err != nil {
			return start, end, usageError{fmt.Errorf("--start: %w", err)}
		}
	}
	day := start.In(zone)
	if _, end = driver.AllDay(day, day.AddDate(0, 0, 1), zone); f.length > 0 {
		end = start.Add(f.length)
	}
	return start, end, nil
}

// beyond is how far before and after what is played the driver may look.
const beyond = 6 * 24 * time.Hour

// cast gives every booking and every word of a sensor to its rooms.
func (p *player) cast(file *replayFile, only string) error {
	names, from, to := namesOf(p.rooms), p.start.Add(-beyond), p.end.Add(beyond)
	find := func(called []string) []string {
		if only != "" {
			return []string{only}
		}
		return names.find(called)
	}
	given := 0
	for _, e := range file.events {
		ids := find(e.rooms)
		if len(ids) == 0 {
			p.leftOut[cmp.Or(strings.Join(e.called, "; "), "no room")]++
			continue
		}
		all, err := e.bookings(from, to)
		if err != nil {
			return err
		}
		given++
		for _, room := range p.rooms {
			if slices.Contains(ids, room.ID) {
				p.bookings[room.ID] = append(p.bookings[room.ID], all...)
			}
		}
	}
	for _, said := range file.presence {
		ids := find([]string{said.room})
		if len(ids) == 0 {
			p.leftOut[cmp.Or(said.room, "no room")]++
			continue
		}
		given++
		for _, id := range ids {
			p.presence = append(p.presence, replayPresence{id, said.at, said.said})
		}
	}
	if given == 0 {
		return fmt.Errorf("%s holds nothing for a room of the configuration, but for %s: name the room with --room", p.what, p.others())
	}
	return nil
}

// newDriver builds the real driver on what the file brings. A file does not grow
// old, and a sensor in it speaks only of changes.
func (p *player) newDriver() *driver.Driver {
	rooms := slices.Clone(p.rooms)
	for i := range rooms {
		rooms[i].StaleAfter, rooms[i].PresenceTimeout, rooms[i].Test = 24*time.Hour, 0, true
		rooms[i].Match = nil // the file's calendar holds each room's events by themselves
		rooms[i].Sensor = slices.ContainsFunc(p.presence, func(s replayPresence) bool { return s.room == rooms[i].ID })
	}
	g := p.gateway
	var accounts []driver.Account
	for _, a := range g.cfg.Accounts {
		accounts = append(accounts, driver.Account{Name: a.Name, Provider: fileCalendar(p.bookings), Poll: hourly{}})
	}
	return driver.New(driver.Options{
		Site:  driver.Site{ID: g.cfg.Site.ID, Name: g.cfg.Site.Name, Zone: p.zone},
		Rooms: rooms, Accounts: accounts, Publisher: g.board, Memory: g.store.Bucket("bookings"),
		Clock: p.clock, Jitter: func(time.Duration) time.Duration { return 0 }, Version: version(), Log: g.w.log.With("part", "driver"),
	})
}

// fileCalendar is a driver.Provider of bookings by room.
type fileCalendar map[string][]driver.Booking

// Service implements driver.Provider.
func (fileCalendar) Service() string { return "a file" }

// Fetch implements driver.Calendar.
func (c fileCalendar) Fetch(_ context.Context, rooms []driver.Room, from, to time.Time, r driver.Receiver) driver.Tally {
	for _, room := range rooms {
		r.Deliver(driver.Reading{Room: room.ID, Events: eventsOf(driver.Overlapping(c[room.ID], from, to))})
	}
	return driver.Tally{}
}

// eventsOf are the events that bookings of a file stand for.
func eventsOf(bookings []driver.Booking) []driver.Event {
	var out []driver.Event
	for _, b := range bookings {
		out = append(out, driver.Event{ID: b.ID, Start: b.Start, End: b.End, ShowAs: b.ShowAs, Private: b.Private,
			Subject: b.Subject, Organizer: b.Organizer, Attendees: make([]driver.Attendee, b.Attendees)})
	}
	return out
}

// hourly has the file looked at again: what the driver knows ends some days on.
type hourly struct{}

// Next implements driver.Schedule.
func (hourly) Next(t time.Time) time.Time { return t.Truncate(time.Hour).Add(time.Hour) }

// play runs the driver and the sink until the end, or until ctx ends. The clock
// starts once the broker shows all points.
func (p *player) play(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	parts.Go(func() { _ = p.driver.Run(ctx) })
	ahead := p.senseBefore()
	board := p.gateway.board
	if !seen(ctx, board, p.allRead) {
		fmt.Fprintln(p.out, p.stopped())
		return
	}
	parts.Go(func() { _ = p.gateway.sink.Run(ctx) })
	if !seen(ctx, board, func() bool { return board.Health()[mqtt.Part].OK }) {
		fmt.Fprintln(p.out, p.stopped())
		return
	}
	p.clock.Start()
	parts.Go(func() { p.sense(ctx, ahead) })
	p.watch(ctx)
}

// seen waits for something to be so on the board.
func seen(ctx context.Context, board *bridge.Board, so func() bool) bool {
	for {
		changed := board.Changed()
		if so() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// allRead tells whether the points of all rooms are known.
func (p *player) allRead() bool {
	return !slices.ContainsFunc(p.rooms, func(r driver.Room) bool {
		entries := p.gateway.board.Subject(driver.Subject{Scope: driver.OfRoom, ID: r.ID})
		return entries == nil || !entries[driver.OfRoom.Index(driver.Booked)].Value.Known()
	})
}

// senseBefore tells the driver what the sensors last said up to the start, and
// returns what they say from then on.
func (p *player) senseBefore() (ahead []replayPresence) {
	last := map[string]driver.Presence{}
	n := 0
	for ; n < len(p.presence) && !p.presence[n].at.After(p.start); n++ {
		last[p.presence[n].room] = p.presence[n].said
	}
	for room, said := range last {
		p.driver.Presence(room, said)
	}
	return p.presence[n:]
}

// sense tells the driver what the sensors say, each when it says it.
func (p *player) sense(ctx context.Context, ahead []replayPresence) {
	for _, s := range ahead {
		select {
		case <-ctx.Done():
			return
		case <-p.clock.After(s.at.Sub(p.clock.Now())):
			p.driver.Presence(s.room, s.said)
		}
	}
}

// watch shows how far the replay has come, until its end: in place on a terminal,
// elsewhere now and then.
func (p *player) watch(ctx context.Context) {
	every, form := 10*time.Second, "%s\n"
	if isTerminal(p.out) {
		every, form = 200*time.Millisecond, "\r%s\x1b[K" // and clear the rest of the line (ECMA-48 §8.3.41)
		defer fmt.Fprintln(p.out)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	over := p.clock.After(p.end.Sub(p.start))
	for {
		fmt.Fprintf(p.out, form, p.progress())
		select {
		case <-ctx.Done():
			fmt.Fprintf(p.out, form, p.stopped())
			return
		case <-over:
			fmt.Fprintf(p.out, form, "Ended at "+p.stamp(p.end)+".")
			return
		case <-tick.C:
		}
	}
}

func (p *player) stopped() string { return "Stopped at " + p.stamp(p.clock.Now()) + "." }

// progress is how far the replay has come, in one line.
func (p *player) progress() string {
	now, ahead := p.clock.Now(), 0
	for _, all := range p.bookings {
		for _, b := range all {
			if b.Start.After(now) && b.Start.Before(p.end) {
				ahead++
			}
		}
	}
	line := fmt.Sprintf("%s  %g×  bookings to come: %d", p.stamp(now), p.speed, ahead)
	if h := p.gateway.board.Health()[mqtt.Part]; !h.OK {
		line += "  " + h.Words
	}
	return line
}

func (p *player) stamp(t time.Time) string { return t.In(p.zone).Format("Mon 2006-01-02 15:04") }

// tellLeftOut says what no room of the configuration goes by.
func (p *player) tellLeftOut() {
	if len(p.leftOut) > 0 {
		fmt.Fprintf(p.out, "Left out, because no room of the configuration has the name, address or match: %s.\n", p.others())
	}
}

// others lists what was left out, with counts.
func (p *player) others() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(p.leftOut)) {
		words = append(words, fmt.Sprintf("%s (%d)", cut(name), p.leftOut[name]))
	}
	return strings.Join(words, ", ")
}
