package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

func runCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the gateway",
		Long: "Run reads the calendars, derives the points and publishes them, until it is told\n" +
			"to stop (SIGTERM). SIGHUP has it read its configuration again; a configuration\n" +
			"that is wrong leaves the old one running.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, w, err := g.load(cmd)
			if err != nil {
				return err
			}
			st, err := openStore(cfg.Store.Path, daemonPatience, w)
			if err != nil {
				return err
			}
			go saveMemory(cmd.Context())
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			err = keepRunning(cmd.Context(), cfg, st, w, hup, func() (*config.Config, error) { return config.Load(g.config) })
			return errors.Join(err, st.Close())
		},
	}
}

// saveMemory has garbage collected sooner than Go would, and every 20 seconds gives
// what a poll has left behind back to the machine: on a small controller memory
// is scarcer than the little time it costs. GOGC in the environment wins.
func saveMemory(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(30)
	every := time.NewTicker(20 * time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			debug.FreeOSMemory()
		}
	}
}

// load reads the configuration and makes the log.
func (g *globals) load(cmd *cobra.Command) (*config.Config, world, error) {
	log, err := newLog(cmd.ErrOrStderr(), g.logLevel)
	if err != nil {
		return nil, world{}, err
	}
	cfg, err := config.Load(g.config)
	if err != nil {
		return nil, world{}, badConfig{err}
	}
	return cfg, world{clock: driver.WallClock{}, log: log}, nil
}

// badConfig is a configuration with mistakes in it.
type badConfig struct{ error }

func (e badConfig) Unwrap() error { return usageError(e) }

// Error tells all mistakes, one a line.
func (e badConfig) Error() string {
	return "the configuration cannot be used:\n" + strings.TrimRight(e.error.Error(), "\n")
}

// keepRunning runs the gateway until ctx ends, with a new one of the
// configuration read again whenever hup says so.
func keepRunning(ctx context.Context, cfg *config.Config, st *store.Store, w world, hup <-chan os.Signal, load func() (*config.Config, error)) error {
	g, err := build(cfg, st, w)
	if err != nil {
		return err
	}
	w.log.Info("starting", "version", version(), "site", cfg.Site.ID, "rooms", len(cfg.Rooms), "accounts", len(cfg.Accounts), "store", cfg.Store.Path)
	var current atomic.Pointer[gateway]
	current.Store(g)
	go w.watch(ctx, current.Load)
	for {
		running, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { g.run(running); close(ended) }()
		next := awaitReload(ctx, g, st, hup, load)
		stop()
		<-ended
		if next == nil {
			w.log.Info("stopped")
			return nil
		}
		g = next
		current.Store(g)
	}
}

// awaitReload waits for a configuration that can take over; nil means that ctx
// has ended.
func awaitReload(ctx context.Context, g *gateway, st *store.Store, hup <-chan os.Signal, load func() (*config.Config, error)) *gateway {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
		}
		notify(daemon.SdNotifyReloading)
		next, err := successor(g, st, load)
		notify(daemon.SdNotifyReady)
		if err == nil {
			g.reloading.Store(sameTopics(g.cfg, next.cfg))
			g.w.log.Info("the configuration was read again", "rooms", len(next.cfg.Rooms))
			return next
		}
		g.w.log.Error("the configuration was not taken over; the old one goes on", "reason", err)
		g.board.Report("configuration", false, "the file was changed but cannot be used: "+err.Error(), g.w.clock.Now())
	}
}

// successor builds the gateway of the configuration as it is now.
func successor(g *gateway, st *store.Store, load func() (*config.Config, error)) (*gateway, error) {
	cfg, err := load()
	if err != nil {
		return nil, err
	}
	if cfg.Store.Path != g.cfg.Store.Path {
		return nil, fmt.Errorf("store.path was changed from %s to %s: restart the gateway for that", g.cfg.Store.Path, cfg.Store.Path)
	}
	return build(cfg, st, g.w)
}

// sameTopics tells whether both configurations publish under the same topics at
// the same broker, so that "offline" between the two would be a false alarm.
func sameTopics(a, b *config.Config) bool {
	return a.MQTT.Broker == b.MQTT.Broker && a.MQTT.Prefix == b.MQTT.Prefix && a.Site.ID == b.Site.ID
}

// watch tells systemd that the gateway is ready, how it is doing, and, as long
// as its loops turn, that it lives. What happens upstream has no say in that: a
// restart would mend nothing there.
func (w world) watch(ctx context.Context, current func() *gateway) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		w.log.Warn("the watchdog settings are not understood", "reason", err)
	}
	period := 20 * time.Second
	if every > 0 {
		period = min(period, every/3)
	}
	ready := false
	for {
		health := current().board.Health()
		if _, turning := health["driver"]; turning && !ready {
			ready = true
			notify(daemon.SdNotifyReady)
		}
		stuck := current().board.Stuck(stuckAfter)
		if len(stuck) == 0 && every > 0 {
			notify(daemon.SdNotifyWatchdog)
		} else if len(stuck) > 0 {
			w.log.Log(ctx, slog.LevelError, "loops stand still", "parts", stuck)
		}
		notify("STATUS=" + current().summary())
		wait := period
		if !ready {
			wait = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			notify(daemon.SdNotifyStopping)
			return
		case <-time.After(wait):
		}
	}
}

// notify tells systemd something; without systemd it does nothing.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// summary is the gateway in one line, for systemctl status.
func (g *gateway) summary() string {
	words := []string{fmt.Sprintf("%d rooms", len(g.cfg.Rooms))}
	for _, a := range g.accountViews() {
		words = append(words, "account "+a.Name+": "+a.State)
	}
	for part, h := range g.board.Health() {
		if !h.OK {
			words = append(words, part+": "+h.Words)
		}
	}
	return strings.Join(strings.Fields(strings.Join(words, "; ")), " ")
}
