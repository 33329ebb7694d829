package main

import (
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// simulateFlags say how the simulator behaves.
type simulateFlags struct {
	listen string
	polite bool
	speed  float64
	zone   string

	rooms    int // 0: the small office
	bookings int // of a room and day
	latency  time.Duration
}

func simulateCommand() *cobra.Command {
	f := &simulateFlags{}
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulator of Microsoft 365 to try tools against",
		Long: "Simulate serves a made-up office with a dozen rooms as Microsoft's sign-in and\n" +
			"Graph would, on this machine only. It misbehaves now and then, as the real one\n" +
			"does; --polite turns that off.\n\n" +
			"--rooms makes as many rooms instead of the office, each with --bookings on every\n" +
			"day of the week that begins today, in the rooms' own calendars only: to see how\n" +
			"a gateway does at that size, with --latency on every answer as over a network.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.simulate(cmd) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8365", "loopback `ADDRESS` to serve on")
	c.Flags().BoolVar(&f.polite, "polite", false, "no faults at random")
	c.Flags().Float64Var(&f.speed, "speed", 1, "how fast the simulator's clock runs")
	c.Flags().StringVar(&f.zone, "timezone", "Europe/London", "time `ZONE` of the office")
	c.Flags().IntVar(&f.rooms, "rooms", 0, "`NUMBER` of rooms instead of the small office")
	c.Flags().IntVar(&f.bookings, "bookings", 8, "`NUMBER` of bookings of each room on each day, with --rooms")
	c.Flags().DurationVar(&f.latency, "latency", 0, "`TIME` every answer takes longer, such as 40ms")
	return c
}

func (f *simulateFlags) simulate(cmd *cobra.Command) error {
	zone, err := time.LoadLocation(f.zone)
	if err != nil {
		return usageError{fmt.Errorf("--timezone: %w", err)}
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := loopbackOnly(f.listen); err != nil {
		return err
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listening for the simulator: %w", err)
	}
	clock := newFastClock(time.Now(), f.speed)
	base := "http://" + l.Addr().String()
	sim := f.world(clock, zone, base)
	id, secret, redirect := graphsim.DefaultClient()
	fmt.Fprintf(cmd.OutOrStdout(), `This is a simulator. Nothing here is Microsoft's.

Control page       %s/
login_url          %s
graph_url          %s
tenant             %s
client_id          %s
client_secret      %s
redirect_uri       %s
service account    %s, %s

Stop with Ctrl-C.
`, base, base, base, graphsim.TenantID, id, secret, redirect, graphsim.ServiceAccount, f.described())
	if err := serveHTTP(cmd.Context(), l, sim); cmd.Context().Err() == nil {
		return err
	}
	return nil
}

func (f *simulateFlags) check() error {
	switch {
	case f.speed < 1:
		return usageError{fmt.Errorf("--speed %v: use 1 or more", f.speed)}
	case f.rooms < 0 || f.rooms > 9999:
		return usageError{fmt.Errorf("--rooms %d: use 0 to 9999", f.rooms)}
	case f.bookings < 0 || f.bookings > 60:
		return usageError{fmt.Errorf("--bookings %d: use 0 to 60", f.bookings)}
	case f.latency < 0:
		return usageError{fmt.Errorf("--latency %s: use 0 or more", f.latency)}
	}
	return nil
}

// world is the simulator with what the flags ask for.
func (f *simulateFlags) world(clock driver.Clock, zone *time.Location, base string) *graphsim.Sim {
	var sim *graphsim.Sim
	if f.rooms == 0 {
		sim = office(clock, zone, base, f.polite)
	} else {
		sim = graphsim.New(graphsim.Options{Now: clock.Now, Polite: f.polite, BaseURL: base, Seed: 1})
		graphsim.Crowd(sim, zone, clock.Now(), f.rooms, f.bookings)
	}
	sim.Set(func(w *graphsim.Switches) { w.Latency = f.latency })
	return sim
}

// described says what the service account is for.
func (f *simulateFlags) described() string {
	if f.rooms == 0 {
		return "whose calendar holds the meetings of all rooms"
	}
	return fmt.Sprintf("which may read %d rooms, room-0001@%s and on", f.rooms, graphsim.TenantDomain)
}

// office is the simulator with its small office of the day.
func office(clock driver.Clock, zone *time.Location, base string, polite bool) *graphsim.Sim {
	sim := graphsim.New(graphsim.Options{Now: clock.Now, Polite: polite, BaseURL: base, Seed: 1})
	graphsim.Office(sim, zone, clock.Now())
	return sim
}

// loopbackOnly refuses an address that others could reach: what is served there
// is made up, or not protected.
func loopbackOnly(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return usageError{fmt.Errorf("address %q: %w", address, err)}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usageError{fmt.Errorf("address %q: only loopback is served, such as 127.0.0.1:8080", address)}
	}
	return nil
}
