package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/gateway"
	"roomgate/replay"
)

// replayFlags are the flags of the command.
type replayFlags struct {
	gateway.ReplayOptions
	start string
	keep  bool
}

func replayCommand(g *globals) *cobra.Command {
	f := &replayFlags{}
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Play a file of bookings to the broker, to commission a building",
		Long: "Replay plays the bookings of a file, iCalendar or JSON, for the rooms of the\n" +
			"configuration, at any speed: through the real rules to the configured broker,\n" +
			"without a sign-in or a database; the [[account]] must be there and is not used.\n" +
			"The points go to separate topics, <prefix>-replay, are marked as a test, and are\n" +
			"deleted at the end.",
		Example: "  roomgate replay week.ics --speed 60\n  roomgate replay day.json --start 2026-01-15T08:30 --for 4h --room boardroom",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("which file? Give one of bookings, iCalendar or JSON")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Path = args[0]
			return f.replay(cmd, g)
		},
	}
	c.Flags().Float64Var(&f.Speed, "speed", 60, "how fast the building's clock runs; 1 is real time")
	c.Flags().StringVar(&f.start, "start", "", "`TIME` of the site to begin at, as in 2026-01-15T08:30 (default: the first day of the file)")
	c.Flags().DurationVar(&f.Length, "for", 0, "end after this `DURATION` of the building's clock; 0: at midnight")
	c.Flags().StringVar(&f.Room, "room", "", "`ID` of the room that everything in the file is for")
	c.Flags().BoolVar(&f.Live, "live", false, "play to the topics of the real gateway, which must not run")
	c.Flags().BoolVar(&f.Force, "force", false, "with --live: even if a gateway may be running there")
	c.Flags().BoolVar(&f.keep, "keep", false, "leave the topics at the broker")
	return c
}

// maxSpeed is how fast a clock may run.
const maxSpeed = 100_000

// speedBetween reports whether a speed is from least to maxSpeed, which NaN is not.
func speedBetween(least, speed float64) bool { return speed >= least && speed <= maxSpeed }

func (f *replayFlags) check() error {
	switch {
	case !speedBetween(0.01, f.Speed):
		return usageError{fmt.Errorf("--speed %v: use 0.01 to %d", f.Speed, maxSpeed)}
	case f.Length < 0:
		return usageError{fmt.Errorf("--for %v: use a duration, as in 8h", f.Length)}
	case f.Force && !f.Live:
		return usageError{errors.New("--force does nothing without --live")}
	}
	return nil
}

// complete reads the flags whose meaning depends on the configuration.
func (f *replayFlags) complete(cfg *config.Config) (err error) {
	if f.Room != "" && !slices.ContainsFunc(cfg.Rooms, func(r config.Room) bool { return r.ID == f.Room }) {
		return usageError{fmt.Errorf("--room %q: there is no such room in the configuration", f.Room)}
	}
	if f.start == "" {
		return nil
	}
	if f.Start, err = replay.ParseInstant(f.start, cfg.Site.Timezone); err != nil {
		return usageError{fmt.Errorf("--start: %w", err)}
	}
	return nil
}

// replay plays the file, and prints what happens.
func (f *replayFlags) replay(cmd *cobra.Command, g *globals) error {
	if err := f.check(); err != nil {
		return err
	}
	if !cmd.Flags().Changed("log-level") {
		g.logLevel = "error" // the command prints how far it has come
	}
	cfg, d, err := g.load(cmd)
	if err != nil {
		return err
	}
	if err := f.complete(cfg); err != nil {
		return err
	}
	r, err := gateway.NewReplay(cfg, d, f.ReplayOptions)
	if err != nil {
		return named(err)
	}
	unproven, err := r.Prepare(cmd.Context())
	if err != nil {
		return err
	}
	if unproven != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "Not verified: %s.\n", unproven)
	}
	p := &replayPrinter{Replay: r, speed: f.Speed, zone: cfg.Site.Timezone, out: cmd.ErrOrStderr()}
	fmt.Fprintf(p.out, "Playing %s to %s/# at %g times real time, from %s to %s.\n", gateway.OneLine(r.File), r.Root, f.Speed, p.stamp(r.Start), p.stamp(r.End))
	if !r.Play(cmd.Context(), p.watch) {
		fmt.Fprintln(p.out, p.stopped())
	}
	if left := r.LeftOut(); left != "" {
		fmt.Fprintf(p.out, "Left out, because no configured room has the name, address or match: %s.\n", gateway.OneLine(left))
	}
	trouble := r.Trouble()
	if err := f.end(cmd, r); err != nil || trouble == "" || cmd.Context().Err() != nil {
		return err
	}
	return fmt.Errorf("the points did not all reach the broker: %s", trouble)
}

// end deletes the test's values, or says where they stay.
func (f *replayFlags) end(cmd *cobra.Command, r *gateway.Replay) error {
	switch {
	case f.Live:
		fmt.Fprintf(cmd.ErrOrStderr(), "%s/# holds the test's values, with gateway/status offline, until the gateway publishes its own.\n", r.Root)
		return nil
	case f.keep:
		fmt.Fprintf(cmd.ErrOrStderr(), "The test's values stay under %s/#; the next replay deletes them.\n", r.Root)
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), time.Minute)
	defer cancel()
	if err := r.Delete(ending); err != nil {
		return fmt.Errorf("deleting the test's values under %s/#: %w", r.Root, err)
	}
	return nil
}

// replayPrinter prints how far a replay has come.
type replayPrinter struct {
	*gateway.Replay
	speed float64
	zone  *time.Location
	out   io.Writer
}

// watch prints how far the replay has come until it ends: in place on a terminal,
// otherwise every ten seconds.
func (p *replayPrinter) watch(ended <-chan error) {
	every, show := 10*time.Second, func(line string) { fmt.Fprintln(p.out, line) }
	if gateway.IsTerminal(p.out) {
		every, show = 200*time.Millisecond, p.showInPlace
		defer fmt.Fprintln(p.out)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		show(p.progress())
		select {
		case err := <-ended:
			if err != nil {
				show(p.stopped())
			} else {
				show("Ended at " + p.stamp(p.End) + ".")
			}
			return
		case <-tick.C:
		}
	}
}

// showInPlace replaces the line on the terminal. Nothing can be done if that fails.
func (p *replayPrinter) showInPlace(line string) {
	_ = gateway.Control(p.out, "\r")
	fmt.Fprint(p.out, line)
	_ = gateway.Control(p.out, "\x1b[K") // clear the rest of the line (ECMA-48 §8.3.41)
}

func (p *replayPrinter) stopped() string { return "Stopped at " + p.stamp(p.Now()) + "." }

// progress is how far the replay has come, in one line.
func (p *replayPrinter) progress() string {
	line := fmt.Sprintf("%s  %g×  bookings to come: %d", p.stamp(p.Now()), p.speed, p.Ahead())
	if trouble := p.Trouble(); trouble != "" {
		line += "  " + gateway.OneLine(trouble)
	}
	return line
}

func (p *replayPrinter) stamp(t time.Time) string { return t.In(p.zone).Format("Mon 2006-01-02 15:04") }
