package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"roomgate/bridge"
	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
	"roomgate/replay"
)

// replayFlags are the flags of the command.
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
		RunE: func(cmd *cobra.Command, args []string) error { return f.replay(cmd, g, args[0]) },
	}
	c.Flags().Float64Var(&f.speed, "speed", 60, "how fast the building's clock runs; 1 is real time")
	c.Flags().StringVar(&f.start, "start", "", "`TIME` of the site to begin at, as in 2026-01-15T08:30 (default: the first day of the file)")
	c.Flags().DurationVar(&f.length, "for", 0, "end after this `DURATION` of the building's clock; 0: at midnight")
	c.Flags().StringVar(&f.room, "room", "", "`ID` of the room that everything in the file is for")
	c.Flags().BoolVar(&f.live, "live", false, "play to the topics of the real gateway, which must not run")
	c.Flags().BoolVar(&f.force, "force", false, "with --live: even if a gateway may be running there")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave the topics at the broker")
	return c
}

func (f *replayFlags) check() error {
	switch {
	case !(f.speed >= 0.01 && f.speed <= 100_000): // not for NaN either
		return usageError{fmt.Errorf("--speed %v: use 0.01 to 100000", f.speed)}
	case f.length < 0:
		return usageError{fmt.Errorf("--for %v: use a duration, as in 8h", f.length)}
	case f.force && !f.live:
		return usageError{errors.New("--force does nothing without --live")}
	}
	return nil
}

// replay builds the parts and plays the file.
func (f *replayFlags) replay(cmd *cobra.Command, g *globals, path string) error {
	if err := f.check(); err != nil {
		return err
	}
	if !cmd.Flags().Changed("log-level") {
		*f.level = "error" // the command prints how far it has come
	}
	cfg, d, err := g.load(cmd)
	if err != nil {
		return err
	}
	board := bridge.New()
	o, file, err := f.options(cfg, path)
	if err != nil {
		return err
	}
	o.Publisher, o.Version, o.Log = board, version(), d.Log.With("part", "driver")
	player, err := replay.New(file, o)
	if errors.Is(err, replay.ErrNoRoom) {
		return hinted{err, "the same with --room ID, which says whose bookings they are"}
	}
	if err != nil {
		return err
	}
	d.Clock = player.Clock()
	dir, err := os.MkdirTemp("", "roomgate-replay-")
	if err != nil {
		return fmt.Errorf("making a folder for the replay: %w", err)
	}
	defer os.RemoveAll(dir)
	st, err := openStore(filepath.Join(dir, "roomgate.db"), daemonPatience, d)
	if err != nil {
		return err
	}
	defer st.Close()
	own := f.tree(cfg)
	sink, err := gateway.NewSink(gateway.SinkOptions{Config: own, Store: st, Board: board, Clock: d.Clock, Log: d.Log})
	if err != nil {
		return err
	}
	p := &performance{flags: f, cfg: own, file: file.Name, o: o, player: player, board: board, sink: sink, out: cmd.ErrOrStderr()}
	return p.perform(cmd.Context(), cfg)
}

// options reads the file and returns what of it is played.
func (f *replayFlags) options(cfg *config.Config, path string) (o replay.Options, file *replay.File, err error) {
	o = replay.Options{Site: driver.Site{ID: cfg.Site.ID, Name: cfg.Site.Name, Zone: cfg.Site.Timezone}, Rooms: gateway.Rooms(cfg),
		Only: f.room, Speed: f.speed}
	if f.room != "" && !slices.ContainsFunc(o.Rooms, func(r driver.Room) bool { return r.ID == f.room }) {
		return o, nil, usageError{fmt.Errorf("--room %q: there is no such room in the configuration", f.room)}
	}
	for _, a := range cfg.Accounts {
		o.Accounts = append(o.Accounts, a.Name)
	}
	if file, err = replay.Read(path, o.Site.Zone); err != nil {
		return o, nil, err
	}
	o.Start, o.End, err = f.stretch(file.First(), o.Site.Zone)
	return o, file, err
}

// stretch is what is played: from the given start, or the first midnight of the
// file, to the next midnight, or for as long as asked.
func (f *replayFlags) stretch(first time.Time, zone *time.Location) (start, end time.Time, err error) {
	start, _ = driver.AllDay(first.In(zone), first.In(zone), zone)
	if f.start != "" {
		if start, err = replay.ParseInstant(f.start, zone); err != nil {
			return start, end, usageError{fmt.Errorf("--start: %w", err)}
		}
	}
	day := start.In(zone)
	if _, end = driver.AllDay(day, day.AddDate(0, 0, 1), zone); f.length > 0 {
		end = start.Add(f.length)
	}
	return start, end, nil
}

// tree is the configuration of what is published: the test tree, under a client id
// of its own, and without the real sensors.
func (f *replayFlags) tree(cfg *config.Config) *config.Config {
	own := *cfg
	own.MQTT.ClientID = gateway.ClientID(cfg) + "-replay"
	if !f.live {
		own.MQTT.Prefix += "-replay"
	}
	own.Rooms = slices.Clone(cfg.Rooms)
	for i := range own.Rooms {
		own.Rooms[i].PresenceTopic = ""
	}
	return &own
}

// performance is a file that is played to a broker.
type performance struct {
	flags  *replayFlags
	cfg    *config.Config // of the tree that is published
	file   string         // base name
	o      replay.Options
	player *replay.Player
	board  *bridge.Board
	sink   *mqtt.Sink
	out    io.Writer
}

// perform plays to a tree that no gateway publishes to, and deletes it.
func (p *performance) perform(ctx context.Context, real *config.Config) error {
	topics := gateway.Topics(p.cfg)
	root := p.cfg.MQTT.Prefix + "/" + p.cfg.Site.ID
	if p.flags.live {
		if err := p.checkNoGateway(ctx, real); err != nil {
			return err
		}
	} else if err := p.sink.Clear(ctx, topics); err != nil { // left by a replay that was killed
		return err
	}
	fmt.Fprintf(p.out, "Playing %s to %s/# at %g times real time, from %s to %s.\n", p.file, root, p.o.Speed, p.stamp(p.o.Start), p.stamp(p.o.End))
	p.run(ctx)
	if left := p.player.LeftOut(); left != "" {
		fmt.Fprintf(p.out, "Left out, because no configured room has the name, address or match: %s.\n", left)
	}
	switch {
	case p.flags.live:
		fmt.Fprintf(p.out, "%s/# holds the test's values, with gateway/status offline, until the gateway publishes its own.\n", root)
		return nil
	case p.flags.keep:
		fmt.Fprintf(p.out, "The test's values stay under %s/#; the next replay deletes them.\n", root)
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := p.sink.Clear(ending, topics); err != nil {
		return fmt.Errorf("deleting the test's values under %s/#: %w", root, err)
	}
	return nil
}

// checkNoGateway makes sure that no gateway publishes to the real topics, unless
// --force is given. A broker that shows no status may hide it, because its access
// list does not allow it to be read.
func (p *performance) checkNoGateway(ctx context.Context, real *config.Config) error {
	status, err := p.sink.Status(ctx)
	if err != nil && !errors.Is(err, mqtt.ErrUnproven) {
		return err // there is no broker to play to
	}
	running, unreachable := gateway.ReachRunning(real)
	reason := ""
	switch {
	case p.flags.force:
		return nil
	case running != nil || unreachable != nil:
		reason = "the gateway is running on this machine"
	case err != nil:
		reason = err.Error()
	case status == "":
		reason = "the broker shows no gateway/status, so that a gateway may be publishing to them"
	case status != "offline":
		reason = fmt.Sprintf("gateway/status is %.40q, so a gateway is publishing to them", status)
	default:
		return nil
	}
	return hinted{fmt.Errorf("the real topics are not overwritten: %s", reason), "the same without --live, or with --force"}
}

// run plays the file until its end, or until ctx ends, and prints how far it has
// come.
func (p *performance) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	connected, ended := make(chan struct{}), make(chan error, 1)
	connect := func(ctx context.Context) error {
		parts.Go(func() { _ = p.sink.Run(ctx) })
		if err := p.waitForBroker(ctx); err != nil {
			return err
		}
		close(connected)
		return nil
	}
	parts.Go(func() { ended <- p.player.Run(ctx, connect) })
	select {
	case <-connected:
		p.watch(ended)
	case <-ended:
		fmt.Fprintln(p.out, p.stopped())
	}
}

// waitForBroker waits until the broker holds all points.
func (p *performance) waitForBroker(ctx context.Context) error {
	for {
		changed := p.board.Changed()
		if p.board.Health()[mqtt.Part].OK {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// watch prints how far the replay has come until it ends: in place on a terminal,
// otherwise every ten seconds.
func (p *performance) watch(ended <-chan error) {
	every, form := 10*time.Second, "%s\n"
	if isTerminal(p.out) {
		every, form = 200*time.Millisecond, "\r%s\x1b[K" // and clear the rest of the line (ECMA-48 §8.3.41)
		defer fmt.Fprintln(p.out)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		fmt.Fprintf(p.out, form, p.progress())
		select {
		case err := <-ended:
			if err != nil {
				fmt.Fprintf(p.out, form, p.stopped())
			} else {
				fmt.Fprintf(p.out, form, "Ended at "+p.stamp(p.o.End)+".")
			}
			return
		case <-tick.C:
		}
	}
}

func (p *performance) stopped() string { return "Stopped at " + p.stamp(p.player.Clock().Now()) + "." }

// progress is how far the replay has come, in one line.
func (p *performance) progress() string {
	line := fmt.Sprintf("%s  %g×  bookings to come: %d", p.stamp(p.player.Clock().Now()), p.o.Speed, p.player.Ahead())
	if h := p.board.Health()[mqtt.Part]; !h.OK {
		line += "  " + h.Words
	}
	return line
}

func (p *performance) stamp(t time.Time) string {
	return t.In(p.o.Site.Zone).Format("Mon 2006-01-02 15:04")
}
