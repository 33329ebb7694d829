package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/spf13/cobra"

	"roomgate/bridge"
	"roomgate/config"
	"roomgate/driver"
	gw "roomgate/gateway"
	"roomgate/graph/graphsim"
)

// demoFlags choose the demonstration's pace and listeners.
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
		Long: "Demo runs a simulator of Microsoft 365 with a small office, an MQTT broker and the\n" +
			"real gateway between them, all on loopback. It signs in through the real flow.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.demo(cmd) },
	}
	c.Flags().Float64Var(&f.speed, "speed", 60, "how fast the office's clock runs; 1 is real time")
	c.Flags().DurationVar(&f.length, "for", 0, "end after this `DURATION`; 0: at Ctrl-C")
	c.Flags().StringVar(&f.mqtt, "mqtt", "127.0.0.1:1883", "loopback `ADDRESS` of the broker")
	c.Flags().StringVar(&f.web, "web", "127.0.0.1:8080", "loopback `ADDRESS` of the page")
	return c
}

// demo puts the parts together and runs them.
func (f *demoFlags) demo(cmd *cobra.Command) error {
	if f.speed < 1 {
		return usageError{fmt.Errorf("--speed %v: use 1 or more", f.speed)}
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	if f.length > 0 {
		ctx, cancel = context.WithTimeout(ctx, f.length)
		defer cancel()
	}
	level := *f.level
	if !cmd.Flags().Changed("log-level") {
		level = "error" // the points are the show
	}
	log, err := newLog(cmd.ErrOrStderr(), level)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "roomgate-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demonstration: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &stage{flags: f, dir: dir, out: cmd.OutOrStdout(), zone: time.UTC}
	if err := s.set(ctx); err != nil {
		return err
	}
	defer s.broker.close()
	return s.play(ctx, world{clock: s.clock, log: log,
		banner: "Demonstration: the office and its bookings are simulated, and its clock runs fast."})
}

// stage is what the demonstration is played on.
type stage struct {
	flags  *demoFlags
	dir    string
	out    io.Writer
	zone   *time.Location
	clock  *fastClock
	sim    *graphsim.Sim
	simURL string
	broker *demoBroker
	web    string
	config string
}

// set opens the listeners and writes the configuration.
func (s *stage) set(ctx context.Context) error {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		return err
	}
	s.zone = zone
	start := time.Now()
	if s.flags.speed > 1 { // a working day from its beginning
		y, m, d := nextWeekday(start.In(zone)).Date()
		start = time.Date(y, m, d, 8, 50, 0, 0, zone)
	}
	s.clock = newFastClock(start, s.flags.speed)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening for the simulator: %w", err)
	}
	s.simURL = "http://" + l.Addr().String()
	s.sim = office(s.clock, zone, s.simURL, false)
	if s.broker, err = newDemoBroker(s.out, s.flags.mqtt); err != nil {
		return errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.sim)
	mux.HandleFunc("POST /demo/cut-broker", s.cutBroker)
	go serveHTTP(ctx, l, mux)
	if s.web, err = freeAddress(s.out, "page", s.flags.web); err != nil {
		return err
	}
	return s.writeConfig()
}

// nextWeekday is t, or the Monday after the weekend t falls on.
func nextWeekday(t time.Time) time.Time {
	for t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		t = t.AddDate(0, 0, 1)
	}
	return t
}

// freeAddress returns the address, or one with a free port if it is in use.
func freeAddress(out io.Writer, what, address string) (string, error) {
	if err := loopbackOnly(address); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		host, _, _ := net.SplitHostPort(address)
		if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return "", fmt.Errorf("finding a free port for the %s: %w", what, err)
		}
		fmt.Fprintf(out, "%s is in use; the %s takes %s instead.\n", address, what, l.Addr())
	}
	return l.Addr().String(), l.Close()
}

// writeConfig writes a configuration like any site's, so that the other
// commands work on the demonstration too.
func (s *stage) writeConfig() error {
	_, secret, _ := graphsim.DefaultClient()
	secretFile := filepath.Join(s.dir, "client-secret")
	s.config = filepath.Join(s.dir, "roomgate.toml")
	return errors.Join(
		os.WriteFile(secretFile, []byte(secret), 0o600),
		os.WriteFile(s.config, []byte(s.configText(secretFile)), 0o600))
}

// configText is the demonstration's configuration in TOML.
func (s *stage) configText(secretFile string) string {
	id, _, redirect := graphsim.DefaultClient()
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by 'roomgate demo'; gone when it ends.
[site]
id = "demo"
name = "Demonstration office"
timezone = %s

[[account]]
name = "rooms"
tenant = %s
client_id = %s
client_secret_file = %s
redirect_uri = %s
login_url = %s
graph_url = %s

[defaults.room]
lead = "15m"
privacy = "subject"
presence_timeout = "0s"

[mqtt]
broker = %s

[web]
listen = %s

[store]
path = %s
`, gw.TOMLString(s.zone.String()), gw.TOMLString(graphsim.TenantID), gw.TOMLString(id), gw.TOMLString(secretFile), gw.TOMLString(redirect),
		gw.TOMLString(s.simURL), gw.TOMLString(s.simURL), gw.TOMLString("mqtt://"+s.broker.address), gw.TOMLString(s.web),
		gw.TOMLString(filepath.Join(s.dir, "state", "roomgate.db")))
	for _, r := range graphsim.OfficeRooms() {
		name, _, _ := strings.Cut(r.Address, "@")
		fmt.Fprintf(&b, `
[[room]]
id = %s
name = %s
match = [%s, %s]
building = %s
floor = %s
capacity = %d
presence_topic = %s
`, gw.TOMLString(name), gw.TOMLString(r.Name), gw.TOMLString(r.Name), gw.TOMLString(r.Address), gw.TOMLString(r.Building), gw.TOMLString(r.FloorLabel), r.Capacity, gw.TOMLString(presenceTopic(name)))
	}
	return b.String()
}

// play runs the real gateway, has a person sign in, and shows what happens.
func (s *stage) play(ctx context.Context, w world) error {
	cfg, err := config.Load(s.config)
	if err != nil {
		return badConfig{err}
	}
	st, err := openStore(cfg.Store.Path, daemonPatience, w)
	if err != nil {
		return err
	}
	defer st.Close()
	g, err := build(cfg, st, w)
	if err != nil {
		return err
	}
	if err := s.signIn(ctx, g); err != nil {
		return fmt.Errorf("signing in to the simulator: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() { g.run(ctx) })
	running.Go(func() { s.sensors(ctx) })
	defer running.Wait()
	s.explain()
	s.narrate(ctx, g.board)
	return nil
}

// signIn does what a person with a browser does: open the address, press
// Accept, and paste where the browser ended up.
func (s *stage) signIn(ctx context.Context, g *gateway) error {
	d := &gatewayClient{http: &http.Client{Transport: inProcess{g.control}}}
	var err error
	for range 5 { // the simulator misbehaves now and then; a person would try again
		if err = signInOnce(ctx, d); err == nil {
			fmt.Fprintln(s.out, "Signed in to the simulator as "+graphsim.ServiceAccount+", with code, state and PKCE.")
			return nil
		}
	}
	return err
}

func signInOnce(ctx context.Context, d *gatewayClient) error {
	in := signInRequest{Account: "rooms"}
	var begun struct{ URL string }
	if err := d.call(ctx, http.MethodPost, "/control/login/begin", in, &begun); err != nil {
		return err
	}
	var err error
	if in.Pasted, err = acceptSignIn(ctx, begun.URL); err != nil {
		return err
	}
	return d.call(ctx, http.MethodPost, "/control/login/complete", in, nil)
}

// acceptSignIn presses Accept on the simulator's sign-in page and returns the
// address the browser would be sent to.
func acceptSignIn(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	form := u.Query()
	form.Set("action", "accept")
	form.Set("user", graphsim.ServiceAccount)
	u.RawQuery = ""
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		return "", fmt.Errorf("the sign-in page answered %s", resp.Status)
	}
	return resp.Header.Get("Location"), nil
}

// explain tells what runs where, and what to try.
func (s *stage) explain() {
	host, port, _ := net.SplitHostPort(s.broker.address)
	self := program() + " --config " + s.config
	fmt.Fprintf(s.out, `
The page           http://%s/
The broker         mqtt://%s
Watch every point  mosquitto_sub -h %s -p %s -t 'roomgate/#' -v
The simulator      %s/
The office's clock runs %g times as fast as yours.

Try, in another terminal:
  what the rooms show     %s rooms
  ... and why             %s rooms explain boardroom
  how the sign-in stands  %s accounts
  walk into a room        mosquitto_pub -h %s -p %s -r -t %s -m on
  cancel a meeting        curl -X POST '%s/sim/cancel?room=boardroom&json=1'
  book a room             curl -X POST '%s/sim/book?room=boardroom&in=5m&for=30m&subject=Ad+hoc&json=1'
  revoke the sign-in      curl -X POST '%s/sim/revoke?json=1'
  ... and sign in again   %s login
  cut the broker          curl -X POST '%s/demo/cut-broker?for=10s'
Stop with Ctrl-C.

`, s.web, s.broker.address, host, port, s.simURL, s.flags.speed, self, self, self, host, port, presenceTopic(emptyRoom), s.simURL, s.simURL, s.simURL, self, s.simURL)
}

// program is how this program is called from a terminal.
func program() string {
	if self, err := os.Executable(); err == nil && strings.Contains(self, "go-build") {
		return "go run ./cmd/roomgate"
	}
	return os.Args[0]
}

// narrate prints what changes on the board until ctx ends.
func (s *stage) narrate(ctx context.Context, board *bridge.Board) {
	var seq uint64
	booked := map[string]bool{}
	told := map[string]string{}
	for {
		changed := board.Changed()
		var entries []bridge.Entry
		entries, seq = board.Since(seq)
		for _, e := range entries {
			if line := tell(e, booked, told); line != "" {
				fmt.Fprintf(s.out, "%s  %s\n", e.At.In(s.zone).Format("Mon 15:04"), line)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// tell puts a change worth telling into a line; empty: it is not.
func tell(e bridge.Entry, booked map[string]bool, told map[string]string) string {
	id := e.Subject.ID
	switch {
	case e.Is(driver.OfRoom, driver.Booked) && e.Value.Known():
		was, seen := booked[id]
		booked[id] = e.Value.Bool()
		switch {
		case seen && was == booked[id]:
			return ""
		case booked[id]:
			return "■ " + id + " is booked"
		case seen:
			return "□ " + id + " is free"
		}
	case e.Is(driver.OfRoom, driver.NoShow), e.Is(driver.OfRoom, driver.WalkIn):
		point := e.Point().Name
		words, key := map[string]string{driver.NoShow: "… nobody has come to ", driver.WalkIn: "+ somebody without a booking is in "}[point], id+" "+point
		was := told[key]
		if told[key] = fmt.Sprint(e.Value.Bool()); e.Value.Bool() && was != told[key] {
			return words + id
		}
	case e.Is(driver.OfAccount, driver.AccountState), e.Is(driver.OfAccount, driver.AccountReason):
		words, key := e.Value.Text(), id+" "+e.Point().Name
		if told[key] == words || words == "" || words == "refreshing" {
			return ""
		}
		told[key] = words
		return "  account " + id + ": " + words
	}
	return ""
}

// cutBroker takes the broker away for a while.
func (s *stage) cutBroker(w http.ResponseWriter, r *http.Request) {
	length, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err != nil || length <= 0 || length > time.Minute {
		http.Error(w, "say for how long, up to a minute: ?for=10s", http.StatusBadRequest)
		return
	}
	s.broker.close()
	fmt.Fprintf(w, "The broker is gone for %s. It comes back empty; every point is published again.\n", length)
	time.AfterFunc(length, func() {
		if err := s.broker.open(); err != nil {
			fmt.Fprintln(s.out, "the broker cannot be opened again:", err)
		}
	})
}

// demoBroker is the broker of the demonstration: in this process, on loopback,
// open to all, and without memory.
type demoBroker struct {
	address string
	mu      sync.Mutex
	server  *broker.Server
}

func newDemoBroker(out io.Writer, address string) (*demoBroker, error) {
	free, err := freeAddress(out, "broker", address)
	if err != nil {
		return nil, err
	}
	b := &demoBroker{address: free}
	return b, b.open()
}

func (b *demoBroker) open() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	server := broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(letAllIn), nil); err != nil {
		return fmt.Errorf("opening the broker: %w", err)
	}
	if err := server.AddListener(listeners.NewTCP(listeners.Config{ID: "demo", Address: b.address})); err != nil {
		return fmt.Errorf("opening the broker: %w", err)
	}
	if err := server.Serve(); err != nil {
		return fmt.Errorf("opening the broker: %w", err)
	}
	b.server = server
	return nil
}

func (b *demoBroker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		_ = b.server.Close() // nothing to save
		b.server = nil
	}
}

// letAllIn lets every client of this machine do everything.
type letAllIn struct{ broker.HookBase }

// ID implements broker.Hook.
func (*letAllIn) ID() string { return "let-all-in" }

// Provides implements broker.Hook.
func (*letAllIn) Provides(b byte) bool {
	return b == broker.OnConnectAuthenticate || b == broker.OnACLCheck
}

// OnConnectAuthenticate implements broker.Hook.
func (*letAllIn) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }

// OnACLCheck implements broker.Hook.
func (*letAllIn) OnACLCheck(*broker.Client, string, bool) bool { return true }
