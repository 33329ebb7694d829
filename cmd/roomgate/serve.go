package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"roomgate/bridge"
	"roomgate/bridge/mqtt"
	"roomgate/bridge/web"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
	gw "roomgate/gateway"
	"roomgate/graph"
	"roomgate/oauth"
)

// world is what the gateway takes from outside its configuration; tests and the
// demonstration bring their own.
type world struct {
	clock     driver.Clock
	transport http.RoundTripper // to Microsoft; nil: the network, through the proxy of the environment
	banner    string            // shown on the page; empty: none
	log       *slog.Logger
}

// stuckAfter is how long a loop may be without a heartbeat, in real time. Every
// loop has one at least once a minute.
const stuckAfter = 150 * time.Second

// gateway is the daemon: its parts, built from a configuration.
type gateway struct {
	cfg       *config.Config
	w         world
	store     *store.Store
	board     *bridge.Board
	keepers   map[string]*oauth.Keeper
	providers map[string]*graph.Provider
	accounts  []driver.Account
	driver    *driver.Driver
	sink      *mqtt.Sink
	page      http.Handler // for people, on loopback
	control   http.Handler // for the commands, on a socket
	code      gw.SetUpCode // opens the set-up page

	reloading atomic.Bool // another gateway follows at once
}

// build makes the parts from top to bottom. It opens nothing and runs nothing,
// so that a configuration that cannot work is refused before the old one stops.
func build(cfg *config.Config, st *store.Store, w world) (*gateway, error) {
	g := &gateway{cfg: cfg, w: w, store: st, board: bridge.New(), keepers: map[string]*oauth.Keeper{}, providers: map[string]*graph.Provider{}}
	if words := st.Damaged(); words != "" {
		g.board.Report("store", false, words, w.clock.Now())
	}
	rooms := roomsOf(cfg)
	for _, a := range cfg.Accounts {
		account, err := g.account(a, st)
		if err != nil {
			return nil, err
		}
		g.accounts = append(g.accounts, account)
	}
	site := driver.Site{ID: cfg.Site.ID, Name: cfg.Site.Name, Zone: cfg.Site.Timezone}
	g.driver = driver.New(driver.Options{
		Site: site, Rooms: rooms, Accounts: g.accounts, Publisher: g.board, Memory: st.Bucket("bookings"),
		History: g.history(), Clock: w.clock, Jitter: jitter, Version: version(), Log: w.log.With("part", "driver"),
		Beat: func() { g.board.Beat("driver", w.clock.Now()) },
	})
	var err error
	if g.sink, err = g.newSink(&publications{st.Bucket("published"), w.log}); err != nil {
		return nil, err
	}
	g.page = web.Handler(web.Options{Site: site, Rooms: rooms, Board: g.board, Version: version(), Banner: w.banner,
		Now: w.clock.Now, StuckAfter: stuckAfter, Log: w.log.With("part", "web"),
		Accounts: g.webAccounts, SetUpCode: g.code.Use, Connector: gw.NewConnector(func() string { return cfg.Site.ID }, g.webAccounts), Read: g.readNow, APIKey: cfg.Web.APIKey.Reveal()})
	g.control = g.controlHandler()
	return g, nil
}

// account builds the sign-in and the provider of one account.
func (g *gateway) account(a config.Account, st *store.Store) (driver.Account, error) {
	certificate, err := certificateOf(a)
	if err != nil {
		return driver.Account{}, err
	}
	m := microsoft(a)
	keeper, err := graph.NewKeeper(graph.SignInOptions{
		Account: a.Name, SignIn: m.SignIn, LoginURL: m.LoginURL, GraphURL: m.GraphURL, Tenant: m.Tenant,
		ClientID: m.ClientID, ClientSecret: m.ClientSecret.Reveal(), SecretExpires: m.ClientSecretExpires, Certificate: certificate,
		RedirectURI: m.RedirectURI, Scopes: m.Scopes, Store: st.Sealed("tokens", g.cfg.Store.Key), Pending: st.Bucket("sign-ins"),
		HTTP: g.w.httpClient(), Refresh: m.Refresh, Jitter: jitter, Clock: g.w.clock, Log: g.w.log,
	})
	if err != nil {
		return driver.Account{}, err
	}
	g.keepers[a.Name] = keeper
	p, err := newProvider(a, keeper, g.w)
	if err != nil {
		return driver.Account{}, err
	}
	g.providers[a.Name] = p
	return driver.Account{Name: a.Name, Provider: p, Poll: a.Poll, Sweep: scheduleOf(a.Sweep)}, nil
}

// newProvider builds the provider of an account; without a keeper it reads
// nothing.
func newProvider(a config.Account, keeper *oauth.Keeper, w world) (*graph.Provider, error) {
	m := microsoft(a)
	o := graph.Options{
		Account: a.Name, Cloud: m.Cloud, LoginURL: m.LoginURL, GraphURL: m.GraphURL, Tenant: m.Tenant, ClientID: m.ClientID,
		SignIn: m.SignIn, RedirectURI: m.RedirectURI, Scopes: m.Scopes, Read: graph.Way(m.Read),
		Secret: m.ClientSecret.Reveal() != "", Certificate: m.ClientCertificate,
		HTTP: w.httpClient(), UserAgent: userAgent(), Clock: w.clock, Jitter: jitter, Log: w.log.With("account", a.Name),
	}
	if keeper != nil {
		o.Session, o.Tokens = keeper.Session(), keeper
	}
	return graph.New(o)
}

// httpClient is a client for one account's service.
func (w world) httpClient() *http.Client {
	client := &http.Client{Transport: w.transport, Timeout: time.Minute}
	if w.transport == nil {
		client.Transport = newTransport()
	}
	return client
}

// readNow has a room's calendar read at once.
func (g *gateway) readNow(ctx context.Context, room string) error {
	if !g.driver.PollNow(ctx, room) {
		return errors.New("the gateway is stopping")
	}
	return nil
}

// scheduleOf is a schedule that may be none.
func scheduleOf(s config.Schedule) driver.Schedule {
	if s == nil {
		return nil
	}
	return s
}

// microsoft returns the settings of an account at Microsoft 365.
func microsoft(a config.Account) *config.Microsoft { return a.Settings.(*config.Microsoft) }

// certificateOf reads the certificate of an account; nil: it has none.
func certificateOf(a config.Account) (*oauth.Certificate, error) {
	if microsoft(a).ClientCertificate == nil {
		return nil, nil
	}
	c, err := oauth.ParseCertificate(microsoft(a).ClientCertificate, []byte(microsoft(a).ClientKey.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("the certificate of account %s: %w", a.Name, err)
	}
	return c, nil
}

// newTransport is Go's own with limits for a way to Microsoft that hangs.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 30 * time.Second
	t.MaxIdleConnsPerHost = 4
	return t
}

func roomsOf(cfg *config.Config) []driver.Room {
	rooms := make([]driver.Room, len(cfg.Rooms))
	for i, r := range cfg.Rooms {
		var count []driver.ShowAs
		for _, name := range r.Count {
			count = append(count, checked(driver.ParseShowAs(name)))
		}
		rooms[i] = driver.Room{ID: r.ID, Name: r.Name, Account: r.Account, Mailbox: r.Mailbox, Calendar: r.Calendar, Match: r.Match,
			Building: r.Building, Floor: r.Floor, Capacity: r.Capacity, Zone: cfg.Site.Timezone,
			Lead: r.Lead, Lag: r.Lag, Gap: r.Gap, Release: checked(driver.ParseRelease(r.Release)),
			MinOn: r.MinOn, MinOff: r.MinOff,
			Count: driver.CountingOf(count...), Rules: rulesOf(r.Rules), Privacy: checked(driver.ParsePrivacy(r.Privacy)), StaleAfter: r.StaleAfter,
			FailSafe: checked(driver.ParseFailSafe(r.FailSafe)), FailAfter: r.FailAfter, Weekly: weeklyOf(r.Week),
			Sensor: r.PresenceTopic != "", Grace: r.Grace, PresenceHold: r.Hold, PresenceTimeout: r.PresenceTimeout}
	}
	return rooms
}

// checked returns the value of a word that config has checked. That every word
// which config allows has a value is tested.
func checked[T any](value T, err error) T {
	if err != nil {
		panic("a checked configuration: " + err.Error())
	}
	return value
}

func rulesOf(rules []config.Rule) []driver.Rule {
	var out []driver.Rule
	for _, r := range rules {
		out = append(out, driver.Rule{Words: r.Subject, Comfort: r.Comfort})
	}
	return out
}

func weeklyOf(w config.Week) driver.Weekly {
	day := func(stretches []config.Stretch) []driver.Stretch {
		var out []driver.Stretch
		for _, s := range stretches {
			out = append(out, driver.Stretch(s))
		}
		return out
	}
	out := driver.Weekly{Exceptions: map[string][]driver.Stretch{}}
	for i, stretches := range w.Days {
		out.Days[i] = day(stretches)
	}
	for date, stretches := range w.Exceptions {
		out.Exceptions[date] = day(stretches)
	}
	return out
}

// sensors are the presence sensors of the rooms. What they say goes to the driver.
func (g *gateway) sensors() []mqtt.Sensor {
	var all []mqtt.Sensor
	for _, r := range g.cfg.Rooms {
		if r.PresenceTopic == "" {
			continue
		}
		all = append(all, mqtt.Sensor{Topic: r.PresenceTopic,
			Reading: mqtt.Reading{Path: r.PresencePath, Above: r.PresenceAbove, On: r.PresenceOn, Off: r.PresenceOff},
			Receive: func(p driver.Presence) { g.driver.Presence(r.ID, p) }})
	}
	return all
}

func (g *gateway) newSink(p *publications) (*mqtt.Sink, error) {
	m := g.cfg.MQTT
	topics := topicsOf(g.cfg)
	broker, err := url.Parse(m.Broker)
	if err != nil {
		return nil, fmt.Errorf("mqtt.broker: %w", err)
	}
	tlsConfig, err := brokerTLS(m)
	if err != nil {
		return nil, err
	}
	return mqtt.New(mqtt.Options{
		Site: g.cfg.Site.ID, Prefix: m.Prefix, Broker: broker, Username: m.Username, Password: m.Password.Reveal(),
		ClientID: clientID(g.cfg), TLS: tlsConfig,
		Format:      mqtt.Format{VTQ: m.Payload == "vtq", Bool: mqtt.BoolWords(m.Bool), Time: mqtt.TimeStyle(m.Time), Zone: g.cfg.Site.Timezone},
		ClearTopics: p.without(topics), OnSynced: func() { p.are(topics) }, Sensors: g.sensors(),
		Board: g.board, Now: g.w.clock.Now, Jitter: jitter, KeepStatus: g.reloading.Load, Log: g.w.log.With("part", "mqtt"),
	})
}

// brokerTLS reads the files that the connection to the broker needs.
func brokerTLS(m config.MQTT) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		text, err := os.ReadFile(m.CAFile)
		if err != nil {
			return nil, fmt.Errorf("mqtt.ca_file: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("mqtt.ca_file: %s holds no PEM certificate", m.CAFile)
		}
	}
	if m.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(m.CertFile, m.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("mqtt.cert_file and mqtt.key_file: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// clientID tells this gateway from every other one at the broker: two clients
// of one id would throw each other out for ever.
func clientID(cfg *config.Config) string {
	if cfg.MQTT.ClientID != "" {
		return cfg.MQTT.ClientID
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		name, _ := os.Hostname()
		machine = []byte(name)
	}
	sum := sha256.Sum256([]byte("roomgate\x00" + cfg.Site.ID + "\x00" + string(machine)))
	return "roomgate-" + cfg.Site.ID + "-" + hex.EncodeToString(sum[:4])
}

// run runs the parts until ctx ends. Every part looks after its own troubles;
// none ends before ctx does.
func (g *gateway) run(ctx context.Context) {
	var parts sync.WaitGroup
	for _, k := range g.keepers {
		parts.Go(func() { _ = k.Run(ctx) })
	}
	parts.Go(func() { _ = g.driver.Run(ctx) })
	parts.Go(func() { _ = g.sink.Run(ctx) })
	parts.Go(func() { g.listen(ctx, "control", g.controlListener, g.control) })
	if g.cfg.Web.Listen != "" {
		parts.Go(func() { g.listen(ctx, "web", g.webListener, g.page) })
	}
	parts.Wait()
}

func (g *gateway) webListener() (net.Listener, error) { return net.Listen("tcp", g.cfg.Web.Listen) }

// listen serves HTTP until ctx ends. An address that cannot be had is tried
// again every half minute: the building's points do not depend on a page.
func (g *gateway) listen(ctx context.Context, part string, open func() (net.Listener, error), h http.Handler) {
	for {
		l, err := open()
		if err == nil {
			g.board.Report(part, true, "listening on "+l.Addr().String(), g.w.clock.Now())
			err = serveHTTP(ctx, l, h)
		}
		if ctx.Err() != nil {
			return
		}
		g.board.Report(part, false, err.Error(), g.w.clock.Now())
		g.w.log.Error("cannot serve; trying again in half a minute", "part", part, "reason", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(30 * time.Second):
		}
	}
}

// serveHTTP serves until ctx ends; open requests then get a second to end.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := s.Shutdown(ending); err != nil {
			s.Close()
		}
	})
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}
