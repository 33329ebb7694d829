package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/demo"
	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/gateway"
)

// demoFlags are the flags of the command.
type demoFlags struct {
	speed     float64
	length    time.Duration
	mqtt, web string
	level     *string
}

func demoCommand(g *globals) *cobra.Command {
	f := &demoFlags{level: &g.logLevel}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole product on this machine, without an account or a broker",
		Long: "Demo runs a simulated calendar service with a small office, an MQTT broker and\n" +
			"the real gateway between them, all on loopback. It signs in as a user would.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.demo(cmd) },
	}
	c.Flags().Float64Var(&f.speed, "speed", 60, "how fast the office's clock runs; 1 is real time")
	c.Flags().DurationVar(&f.length, "for", 0, "end after this `DURATION`; 0: at Ctrl-C")
	c.Flags().StringVar(&f.mqtt, "mqtt", "127.0.0.1:1883", "loopback `ADDRESS` of the broker")
	c.Flags().StringVar(&f.web, "web", "127.0.0.1:8080", "loopback `ADDRESS` of the page")
	return c
}

func (f *demoFlags) demo(cmd *cobra.Command) error {
	if !speedBetween(1, f.speed) {
		return usageError{fmt.Errorf("--speed %v: use 1 to %d", f.speed, maxSpeed)}
	}
	for _, address := range []string{f.mqtt, f.web} {
		if err := loopbackOnly(address); err != nil {
			return err
		}
	}
	ctx := cmd.Context()
	if f.length > 0 {
		limited, cancel := context.WithTimeout(ctx, f.length)
		defer cancel()
		ctx = limited
	}
	level := *f.level
	if !cmd.Flags().Changed("log-level") {
		level = "error" // the command prints what changes
	}
	log, err := newLog(cmd.ErrOrStderr(), level)
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{Speed: f.speed, MQTT: f.mqtt, Web: f.web, Program: program(), Out: cmd.OutOrStdout(),
		Open: func(path string, clock driver.Clock) (demo.Gateway, error) {
			return openDemoGateway(path, clock, demo.Banner(f.speed), log)
		}})
}

// program is how this program is called from a terminal.
func program() string {
	if self, err := os.Executable(); err == nil && strings.Contains(self, "go-build") {
		return "go run ./cmd/roomgate"
	}
	return os.Args[0]
}

// demoGateway is the gateway as the demonstration uses it.
type demoGateway struct {
	*gateway.Gateway
	*gateway.Client
	store *store.Store
}

// Close implements demo.Gateway.
func (g demoGateway) Close() error { return g.store.Close() }

func openDemoGateway(path string, clock driver.Clock, banner string, log *slog.Logger) (demo.Gateway, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, badConfig{err}
	}
	d := gateway.Dependencies{Clock: clock, Version: version(), Banner: banner, Log: log}
	st, err := openStore(cfg.Store.Path, daemonPatience, d)
	if err != nil {
		return nil, err
	}
	g, err := gateway.New(cfg, st, d)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return demoGateway{g, g.Client(), st}, nil
}
