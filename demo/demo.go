// Package demo runs the whole product on one machine: an office that is
// simulated, its calendar service and its people, an MQTT broker, and the real
// gateway between them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
	"roomgate/graph/graphsim"
	"roomgate/replay"
)

// Banner is what the page shows on top, at a speed of the office's clock.
func Banner(speed float64) string {
	if speed > 1 {
		return "Demonstration: the office and its bookings are simulated, and its clock runs fast."
	}
	return "Demonstration: the office and its bookings are simulated."
}

// Options configures a demonstration. All fields are required.
type Options struct {
	Speed   float64 // of the office's clock; 1: real time
	MQTT    string  // loopback address of the broker; another port is used where it is taken
	Web     string  // likewise, of the page
	Program string  // how the commands are called from a terminal
	Out     io.Writer
	// Open builds the gateway of a configuration file, to run by the clock.
	Open func(config string, clock driver.Clock) (Gateway, error)
}

// Gateway is the gateway of the demonstration.
type Gateway interface {
	Run(ctx context.Context)
	Board() *bridge.Board
	// Begin returns the address that a person opens to sign in.
	Begin(ctx context.Context, account string, r driver.AuthorizationRequest) (address string, err error)
	// Complete takes the address that the browser was sent to.
	Complete(ctx context.Context, account, authorizationResponse string) error
	Close() error
}

// account is the name of the one account.
const account = "rooms"

// Run runs the demonstration until ctx ends.
func Run(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "roomgate-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demonstration: %w", err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d, err := open(ctx, o, dir)
	if err != nil {
		return err
	}
	defer d.broker.close()
	g, err := o.Open(d.config, d.clock)
	if err != nil {
		return err
	}
	if err := d.run(ctx, g); err != nil {
		return errors.Join(err, g.Close())
	}
	return g.Close()
}

// demonstration is an office with everything in it but the gateway.
type demonstration struct {
	o      Options
	zone   *time.Location
	clock  *replay.Clock
	sim    *graphsim.Sim
	simURL string
	broker *demoBroker
	web    string // address of the page
	config string // path of the configuration
}

// open opens the listeners and writes the configuration. The simulator ends with
// ctx.
func open(ctx context.Context, o Options, dir string) (*demonstration, error) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		return nil, err
	}
	d := &demonstration{o: o, zone: zone, config: filepath.Join(dir, "roomgate.toml")}
	d.clock = replay.NewClock(startOf(time.Now(), o.Speed, zone), o.Speed)
	d.clock.Start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the simulator: %w", err)
	}
	d.simURL = "http://" + l.Addr().String()
	d.sim = graphsim.NewOffice(graphsim.Options{Now: d.clock.Now, BaseURL: d.simURL, Seed: 1}, zone)
	d.serve(ctx, l)
	if d.web, err = freeAddress(o.Out, "page", o.Web); err != nil {
		return nil, err
	}
	address, err := freeAddress(o.Out, "broker", o.MQTT)
	if err != nil {
		return nil, err
	}
	if d.broker, err = newDemoBroker(address); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.config, []byte(d.configuration(dir)), 0o600); err != nil {
		d.broker.close()
		return nil, fmt.Errorf("writing the configuration of the demonstration: %w", err)
	}
	return d, nil
}

// startOf is when the office's clock starts: now where it runs in real time,
// otherwise ten minutes before a working day begins.
func startOf(now time.Time, speed float64, zone *time.Location) time.Time {
	if speed <= 1 {
		return now
	}
	day := now.In(zone)
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	y, m, d := day.Date()
	return time.Date(y, m, d, 8, 50, 0, 0, zone)
}

// freeAddress returns the address, or one with a free port where it is taken.
func freeAddress(out io.Writer, what, address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		host, _, _ := net.SplitHostPort(address)
		if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return "", fmt.Errorf("finding a free port for the %s: %w", what, err)
		}
		fmt.Fprintf(out, "%s is in use; the %s uses %s instead.\n", address, what, l.Addr())
	}
	return l.Addr().String(), l.Close()
}

// serve serves the simulator and the switch of the broker until ctx ends.
func (d *demonstration) serve(ctx context.Context, l net.Listener) {
	mux := http.NewServeMux()
	mux.Handle("/", d.sim)
	mux.HandleFunc("POST /demo/cut-broker", func(w http.ResponseWriter, r *http.Request) { d.cutBroker(ctx, w, r) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	go func() { _ = server.Serve(l) }() // ends when it is closed
}

// run signs in, runs the gateway, and shows what happens until ctx ends.
func (d *demonstration) run(ctx context.Context, g Gateway) error {
	if err := d.signIn(ctx, g); err != nil {
		return fmt.Errorf("signing in to the simulator: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() { g.Run(ctx) })
	running.Go(func() { d.runSensors(ctx) })
	defer running.Wait()
	d.introduce()
	d.showChanges(ctx, g.Board())
	return nil
}

// signIn does what a user with a browser does.
func (d *demonstration) signIn(ctx context.Context, g Gateway) error {
	var err error
	for range 5 { // the simulator fails at random; a user would try again
		if err = d.signInOnce(ctx, g); err == nil {
			fmt.Fprintln(d.o.Out, "Signed in to the simulator as "+graphsim.ServiceAccount+", with code, state and PKCE.")
			return nil
		}
	}
	return err
}

func (d *demonstration) signInOnce(ctx context.Context, g Gateway) error {
	address, err := g.Begin(ctx, account, driver.AuthorizationRequest{})
	if err != nil {
		return err
	}
	redirected, err := graphsim.Accept(ctx, http.DefaultTransport, address)
	if err != nil {
		return err
	}
	return g.Complete(ctx, account, redirected)
}

// cutBroker stops the broker for a while, unless ctx ends before.
func (d *demonstration) cutBroker(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	length, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil || length <= 0 || length > time.Minute {
		http.Error(w, "write for how long, up to a minute: ?for=10s", http.StatusBadRequest)
		return
	}
	if !d.broker.close() {
		http.Error(w, "the broker is already stopped", http.StatusConflict)
		return
	}
	fmt.Fprintf(w, "The broker is stopped for %s. It starts again empty; every point is published again.\n", length)
	time.AfterFunc(length, func() { d.startBroker(ctx) })
}

// startBroker starts the broker again, unless ctx has ended.
func (d *demonstration) startBroker(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	if err := d.broker.open(); err != nil {
		fmt.Fprintln(d.o.Out, "the broker cannot be started again:", err)
	}
	if ctx.Err() != nil { // it may have ended, with the broker closed, before it was open
		d.broker.close()
	}
}
