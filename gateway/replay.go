package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"roomgate/bridge"
	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/replay"
)

// ReplayOptions is which part of a file is played, and where.
type ReplayOptions struct {
	Path   string        // of the file
	Room   string        // id of the room that everything in the file is for; empty: the file names rooms
	Start  time.Time     // zero: the first midnight of the file
	Length time.Duration // of the building's clock; 0: to the next midnight
	Speed  float64       // of the building's clock; 1: real time
	Live   bool          // to the topics of the real gateway
	Force  bool          // with Live: even if a gateway may be publishing to them
}

// Replay plays a file to the broker of a configuration. Unless it is live, it
// uses separate topics.
type Replay struct {
	File       string // base name
	Root       string // what its topics begin with
	Start, End time.Time

	o      ReplayOptions
	real   *config.Config // of the gateway
	topics []string
	player *replay.Player
	board  *bridge.Board
	sink   *mqtt.Sink
}

// NewReplay reads the file and builds the parts that play it.
func NewReplay(cfg *config.Config, d Dependencies, o ReplayOptions) (*Replay, error) {
	file, err := replay.Read(o.Path, cfg.Site.Timezone)
	if err != nil {
		return nil, err
	}
	own := o.tree(cfg)
	r := &Replay{File: file.Name, Root: own.MQTT.Prefix + "/" + own.Site.ID, o: o, real: cfg, topics: topicsOf(own), board: bridge.New()}
	r.Start, r.End = o.stretch(file.First(), cfg.Site.Timezone)
	var accounts []string
	for _, a := range cfg.Accounts {
		accounts = append(accounts, a.Name)
	}
	r.player, err = replay.New(file, replay.Options{Site: siteOf(cfg), Rooms: Rooms(cfg), Accounts: accounts, Only: o.Room,
		Start: r.Start, End: r.End, Speed: o.Speed, Publisher: r.board, Version: d.Version, Log: d.Log.With("part", "driver")})
	if errors.Is(err, replay.ErrNoRoom) {
		return nil, refusal{Words: err.Error(), Next: "the same with --room ID, which says whose bookings they are"}
	}
	if err != nil {
		return nil, err
	}
	secured, _, err := brokerTLS(own.MQTT)
	if err != nil {
		return nil, err
	}
	r.sink, err = sinkOptions{Config: own, Instance: mqtt.NewInstance(), TLS: secured, Board: r.board, Clock: r.player.Clock(), Dial: d.Dial, Log: d.Log}.build()
	return r, err
}

// stretch is what is played of a file that begins at first.
func (o ReplayOptions) stretch(first time.Time, zone *time.Location) (start, end time.Time) {
	start = o.Start
	if start.IsZero() {
		start, _ = driver.AllDay(first.In(zone), first.In(zone), zone)
	}
	if o.Length > 0 {
		return start, start.Add(o.Length)
	}
	day := start.In(zone)
	_, end = driver.AllDay(day, day.AddDate(0, 0, 1), zone)
	return start, end
}

// tree is the configuration of what is published, under a client id of its own and
// without the real sensors.
func (o ReplayOptions) tree(cfg *config.Config) *config.Config {
	own := *cfg
	own.MQTT.ClientID = clientID(cfg) + "-replay"
	if !o.Live {
		own.MQTT.Prefix += "-replay"
	}
	own.Rooms = slices.Clone(cfg.Rooms)
	for i := range own.Rooms {
		own.Rooms[i].PresenceTopic = ""
	}
	return &own
}

// Prepare checks that the broker keeps what is published to the tree, and deletes what
// an earlier replay left there. A live replay makes sure instead that no gateway
// publishes to its topics. unproven is why that could not be verified; empty: it was.
func (r *Replay) Prepare(ctx context.Context) (unproven string, err error) {
	if err := r.sink.Probe(ctx); errors.Is(err, mqtt.ErrUnproven) {
		unproven, _ = driver.Explain(err)
	} else if err != nil {
		return "", atTheBroker(err)
	}
	if r.o.Live {
		return unproven, r.checkNoGateway(ctx)
	}
	return unproven, r.Delete(ctx)
}

// atTheBroker is an error of the broker. Nobody at a calendar service can fix it.
func atTheBroker(err error) error {
	if a := driver.Actionable(nil); errors.As(err, &a) {
		return refusal{Words: err.Error(), Next: a.Action()}
	}
	return err
}

// checkNoGateway checks that no gateway publishes to the real topics, unless
// it is forced. A broker that shows no status may hide it, because its access list
// does not allow it to be read.
func (r *Replay) checkNoGateway(ctx context.Context) error {
	status, err := r.sink.Status(ctx)
	if err != nil && !errors.Is(err, mqtt.ErrUnproven) {
		return atTheBroker(err) // there is no broker to play to
	}
	running, unreachable := ReachRunning(r.real)
	reason := ""
	switch {
	case r.o.Force:
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
	return refusal{Words: "the real topics are not overwritten: " + reason, Next: "the same without --live, or with --force"}
}

// Play plays the file until its end, or until ctx ends. When the broker holds all
// points it starts the clock and calls watch, which returns once it has received
// from ended: nil at the end of the file. The result tells whether it came to that.
func (r *Replay) Play(ctx context.Context, watch func(ended <-chan error)) bool {
	ctx, stop := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	connected, ended := make(chan struct{}), make(chan error, 1)
	connect := func(ctx context.Context) error {
		parts.Go(func() { _ = r.sink.Run(ctx) })
		if err := r.waitForBroker(ctx); err != nil {
			return err
		}
		close(connected)
		return nil
	}
	parts.Go(func() { ended <- r.player.Run(ctx, connect) })
	select {
	case <-connected:
		watch(ended)
		return true
	case <-ended:
		return false
	}
}

// waitForBroker waits until the broker holds all points.
func (r *Replay) waitForBroker(ctx context.Context) error {
	for {
		changed := r.board.Changed()
		if r.board.Health()[mqtt.Part].OK {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Now is the time of the building's clock.
func (r *Replay) Now() time.Time { return r.player.Clock().Now() }

// Ahead is how many bookings are yet to start.
func (r *Replay) Ahead() int { return r.player.Ahead() }

// LeftOut lists the entries of the file that are for none of the rooms by what
// they name, with counts; empty: there are none.
func (r *Replay) LeftOut() string { return r.player.LeftOut() }

// Trouble is why the broker is not connected; empty: it is.
func (r *Replay) Trouble() string {
	if h := r.board.Health()[mqtt.Part]; !h.OK {
		return h.Words
	}
	return ""
}

// Delete deletes the topics at the broker.
func (r *Replay) Delete(ctx context.Context) error {
	return atTheBroker(r.sink.Clear(ctx, r.topics))
}
