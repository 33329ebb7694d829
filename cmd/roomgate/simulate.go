package main

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"roomgate/gateway"
	"roomgate/graph/graphsim"
	"roomgate/httpd"
	"roomgate/replay"
)

// simulateFlags are the flags of the command.
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
		Short: "Run a simulator of a calendar service, to try tools against",
		Long: "Simulate serves a simulated office with a dozen rooms as " + graphsim.Service + " would, on\n" +
			"this machine only. It fails at random now and then, as the real service does;\n" +
			"--polite turns that off.\n\n" +
			"--rooms makes that many rooms instead of the office, each with --bookings on every\n" +
			"day of the week that begins today, in the rooms' own calendars only, to test a\n" +
			"gateway at that size; --latency delays every answer as a network does.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.simulate(cmd) },
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8365", "loopback `ADDRESS` to serve on")
	c.Flags().BoolVar(&f.polite, "polite", false, "no random faults")
	c.Flags().Float64Var(&f.speed, "speed", 1, "how fast the simulator's clock runs")
	c.Flags().StringVar(&f.zone, "timezone", "Europe/London", "time `ZONE` of the office")
	c.Flags().IntVar(&f.rooms, "rooms", 0, "`NUMBER` of rooms instead of the small office")
	c.Flags().IntVar(&f.bookings, "bookings", 8, "`NUMBER` of bookings of each room on each day, with --rooms")
	c.Flags().DurationVar(&f.latency, "latency", 0, "delay of every answer, a `DURATION` such as 40ms")
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
	clock := replay.NewClock(time.Now(), f.speed)
	clock.Start()
	base := "http://" + l.Addr().String()
	fmt.Fprintf(cmd.OutOrStdout(), `This is a simulator of %s. Nothing here is real.

Control page       %s/
%sservice account    %s, %s

Stop with Ctrl-C.
`, graphsim.Service, base, graphsim.Settings(base), graphsim.ServiceAccount, f.description())
	sim := f.simulator(clock.Now, zone, base)
	if err := httpd.Serve(cmd.Context(), l, sim, gateway.NewLog(cmd.ErrOrStderr(), slog.LevelInfo)); cmd.Context().Err() == nil {
		return err
	}
	return nil
}

func (f *simulateFlags) check() error {
	switch {
	case !speedBetween(1, f.speed):
		return usageError{fmt.Errorf("--speed %v: use 1 to %d", f.speed, maxSpeed)}
	case f.rooms < 0 || f.rooms > 9999:
		return usageError{fmt.Errorf("--rooms %d: use 0 to 9999", f.rooms)}
	case f.bookings < 0 || f.bookings > 60:
		return usageError{fmt.Errorf("--bookings %d: use 0 to 60", f.bookings)}
	case f.latency < 0:
		return usageError{fmt.Errorf("--latency %s: use 0 or more", f.latency)}
	}
	return nil
}

// simulator is the simulator that the flags ask for.
func (f *simulateFlags) simulator(now func() time.Time, zone *time.Location, base string) *graphsim.Sim {
	o := graphsim.Options{Now: now, Polite: f.polite, BaseURL: base, Seed: 1}
	var sim *graphsim.Sim
	if f.rooms == 0 {
		sim = graphsim.NewOffice(o, zone)
	} else {
		sim = graphsim.New(o)
		graphsim.LargeOffice(sim, zone, now(), f.rooms, f.bookings)
	}
	sim.Set(func(w *graphsim.Behaviour) { w.Latency = f.latency })
	return sim
}

// description says what the service account is for.
func (f *simulateFlags) description() string {
	if f.rooms == 0 {
		return "whose calendar holds the meetings of all rooms"
	}
	return fmt.Sprintf("which may read %d rooms, room-0001@%s and on", f.rooms, graphsim.TenantDomain)
}

// loopbackOnly refuses an address that other machines could reach: what is served
// there is invented, or not protected.
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
