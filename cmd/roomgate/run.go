package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/gateway"
)

func runCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the gateway",
		Long: "Run reads the calendars, derives the points and publishes them until it is\n" +
			"stopped (SIGTERM). On SIGHUP it reads its configuration again and replaces what\n" +
			"has changed; unchanged sign-ins, counters and connections are kept. A\n" +
			"configuration with mistakes is reported, and the previous one stays in use.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, d, err := g.load(cmd)
			if err != nil {
				return err
			}
			st, err := openStore(cfg.Store.Path, daemonPatience, d)
			if err != nil {
				return err
			}
			gw, err := gateway.New(cfg, st, d)
			if err != nil {
				return errors.Join(err, st.Close())
			}
			gateway.LimitMemory(d.Log)
			go saveMemory(cmd.Context())
			hup := make(chan os.Signal, 1)
			signal.Notify(hup, syscall.SIGHUP)
			defer signal.Stop(hup)
			gw.RunReloading(cmd.Context(), hup, func() (*config.Config, error) { return config.Load(g.config) })
			return st.Close()
		},
	}
}

// saveMemory lowers the target of the garbage collector and returns what a poll
// leaves behind to the operating system every 20 seconds: on a small controller
// memory is scarcer than the CPU time this costs. GOGC in the environment wins.
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

// badConfig is a configuration with mistakes in it.
type badConfig struct{ error }

// Unwrap makes it a mistake of usage.
func (e badConfig) Unwrap() error { return usageError(e) }

// Error lists all mistakes, one a line.
func (e badConfig) Error() string {
	return "the configuration cannot be used:\n" + strings.TrimRight(e.error.Error(), "\n")
}
