package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"roomgate/bridge"
	"roomgate/config"
	"roomgate/demo"
	"roomgate/driver"
	"roomgate/driver/store"
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
		Short: "Show the whole product on this machine, with no account and no broker",
		Long: "Demo runs a simulated calendar service with a small office, an MQTT broker and\n" +
			"the real gateway between them, all on loopback. It signs in as a person would.",
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
	if f.speed < 1 {
		return usageError{fmt.Errorf("--speed %v: use 1 or more", f.speed)}
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
		Open: func(path string, clock driver.Clock) (demo.Gateway, error) { return openDemoGateway(path, clock, log) }})
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
	*gateway
	store *store.Store
}

func openDemoGateway(path string, clock driver.Clock, log *slog.Logger) (*demoGateway, error) {
	cfg, err := config.Load(path)
	if err != nil {
		return nil, badConfig{err}
	}
	w := world{clock: clock, log: log, banner: demo.Banner}
	st, err := openStore(cfg.Store.Path, daemonPatience, w)
	if err != nil {
		return nil, err
	}
	g, err := build(cfg, st, w)
	if err != nil {
		st.Close()
		return nil, err
	}
	return &demoGateway{g, st}, nil
}

// Run implements demo.Gateway.
func (g *demoGateway) Run(ctx context.Context) { g.run(ctx) }

// Board implements demo.Gateway.
func (g *demoGateway) Board() *bridge.Board { return g.board }

// Close implements demo.Gateway.
func (g *demoGateway) Close() error { return g.store.Close() }

// BeginSignIn implements demo.Gateway.
func (g *demoGateway) BeginSignIn(ctx context.Context, account string) (string, error) {
	var begun struct{ URL string }
	err := g.client().call(ctx, http.MethodPost, "/control/login/begin", signInRequest{Account: account}, &begun)
	return begun.URL, err
}

// CompleteSignIn implements demo.Gateway.
func (g *demoGateway) CompleteSignIn(ctx context.Context, account, redirected string) error {
	return g.client().call(ctx, http.MethodPost, "/control/login/complete", signInRequest{Account: account, Pasted: redirected}, nil)
}

func (g *demoGateway) client() *gatewayClient {
	return &gatewayClient{http: &http.Client{Transport: inProcess{g.control}}}
}
