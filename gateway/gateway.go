package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"

	"roomgate/bridge"
	"roomgate/bridge/mqtt"
	"roomgate/bridge/web"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// Dependencies are what a gateway needs besides its configuration.
type Dependencies struct {
	Clock     driver.Clock
	Transport http.RoundTripper // to the calendar services; nil: the network, through the proxy of the environment
	Providers []Kind            // what accounts may name; nil: [Providers]
	Version   string            // of the program
	Banner    string            // shown on the page; empty: none
	Log       *slog.Logger

	Listen func(network, address string) (net.Listener, error)          // for the page and the commands; nil: net.Listen
	Dial   func(ctx context.Context, broker *url.URL) (net.Conn, error) // to the broker; nil: by its scheme
}

// kinds are what accounts may name.
func (d Dependencies) kinds() []Kind {
	if d.Providers == nil {
		return Providers()
	}
	return d.Providers
}

// transport is the way of one account to its service.
func (d Dependencies) transport() http.RoundTripper {
	if d.Transport == nil {
		return newTransport()
	}
	return d.Transport
}

func (d Dependencies) userAgent() string { return "roomgate/" + d.Version }

// Gateway is the daemon: the parts of a configuration, and what is kept when the
// configuration changes.
type Gateway struct {
	d         Dependencies
	store     *store.Store
	instance  mqtt.Instance
	board     *bridge.Board
	driver    *driver.Driver
	setUp     SetUpCode // opens the set-up page
	connector *Connector
	pageState *web.State
	control   http.Handler // for the commands, on a socket

	current   atomic.Pointer[parts]
	published *publications
	begun     chan struct{} // closed when Run begins
	reload    sync.Mutex    // held while the parts are replaced
	running   *running      // nil: not running; guarded by reload
}

// running are the tasks of a gateway that runs.
type running struct {
	ctx      context.Context
	sessions map[driver.Session]*task
	sinks    map[*sink]*task
	page     *task // nil: no page
}

// New builds the gateway of a configuration. It opens nothing and runs nothing.
func New(cfg *config.Config, st *store.Store, d Dependencies) (*Gateway, error) {
	g := &Gateway{d: d, store: st, instance: mqtt.NewInstance(), board: bridge.New(), pageState: web.NewState(), begun: make(chan struct{}),
		published: &publications{bucket: st.Bucket("published"), log: d.Log}}
	g.connector = NewConnector(func() string { return g.parts().cfg.Site.ID }, g.webAccounts)
	g.reportStore()
	p, err := g.build(cfg, &parts{})
	if err != nil {
		return nil, err
	}
	g.current.Store(p)
	g.driver = driver.New(driver.Options{
		Site: siteOf(cfg), Rooms: p.rooms, Accounts: p.driverAccounts(), Publisher: g.board, Memory: st.Bucket("bookings"),
		History: g.history(), Clock: d.Clock, Jitter: driver.RandomJitter, Version: d.Version, Log: d.Log.With("part", "driver"),
		Beat:       func() { g.board.Beat("driver", d.Clock.Now()) },
		ClockFault: g.reportClock,
	})
	g.control = g.controlHandler()
	return g, nil
}

// reportClock reports what is wrong with the clock; empty: nothing is known to be.
func (g *Gateway) reportClock(words string) {
	if words == "" {
		g.board.Forget("clock")
		return
	}
	g.board.Report("clock", false, words, g.d.Clock.Now())
}

// Board returns the board with the points and the health of the parts.
func (g *Gateway) Board() *bridge.Board { return g.board }

// parts are those of the configuration in use.
func (g *Gateway) parts() *parts { return g.current.Load() }

// Run runs the gateway until ctx ends. Every part handles its own failures; none
// ends before ctx does.
func (g *Gateway) Run(ctx context.Context) {
	g.reload.Lock()
	g.running = &running{ctx: ctx, sessions: map[driver.Session]*task{}, sinks: map[*sink]*task{}}
	close(g.begun)
	cfg := g.parts().cfg
	g.d.Log.Info("starting", "version", g.d.Version, "site", cfg.Site.ID, "rooms", len(cfg.Rooms), "accounts", len(cfg.Accounts), "store", cfg.Store.Path)
	g.logDoubts(cfg)
	var whole sync.WaitGroup
	whole.Go(func() { g.watch(ctx) })
	whole.Go(func() { g.tendStore(ctx) })
	whole.Go(func() { _ = g.driver.Run(ctx) })
	whole.Go(func() {
		g.listen(ctx, "control", func() (net.Listener, error) { return g.d.openControl(cfg) }, g.control)
	})
	g.published.add(topicsOf(cfg))
	g.startParts(g.parts())
	g.reload.Unlock()
	<-ctx.Done()
	g.reload.Lock() // a reload under way has ended
	g.stopParts()
	g.reload.Unlock()
	whole.Wait()
	g.d.Log.Info("stopped")
}

// logDoubts logs what of a configuration is probably a mistake.
func (g *Gateway) logDoubts(cfg *config.Config) {
	for _, w := range cfg.Warnings {
		g.d.Log.Warn("the configuration is probably not as meant", "reason", w.String())
	}
}

// hasBegun reports whether Run has begun.
func (g *Gateway) hasBegun() bool {
	select {
	case <-g.begun:
		return true
	default:
		return false
	}
}

// RunReloading is [Gateway.Run] with the configuration read again by load
// at every signal of again, also at one that came before the start. One that
// cannot be used leaves the old one running.
func (g *Gateway) RunReloading(ctx context.Context, again <-chan os.Signal, load func() (*config.Config, error)) {
	var reloads sync.WaitGroup
	defer reloads.Wait()
	reloads.Go(func() {
		<-g.begun
		for {
			select {
			case <-ctx.Done():
				return
			case <-again:
				g.readAgain(ctx, load)
			}
		}
	})
	g.Run(ctx)
}

// startParts starts what is not running of the parts; called with reload held.
func (g *Gateway) startParts(p *parts) {
	r := g.running
	for _, a := range p.accounts {
		if s := a.session(); s != nil && r.sessions[s] == nil {
			r.sessions[s] = start(r.ctx, func(ctx context.Context) { _ = s.Run(ctx) })
		}
	}
	for _, s := range p.sinks {
		if r.sinks[s] == nil {
			r.sinks[s] = start(r.ctx, func(ctx context.Context) { _ = s.Run(ctx) })
		}
	}
	if address := p.cfg.Web.Listen; address != "" && r.page == nil {
		r.page = start(r.ctx, func(ctx context.Context) {
			g.listen(ctx, "web", func() (net.Listener, error) { return g.d.open("tcp", address) }, g)
		})
	}
}

// stopParts waits for the end of all parts, whose context has ended; called with
// reload held.
func (g *Gateway) stopParts() {
	r := g.running
	for _, t := range r.sessions {
		t.stop()
	}
	for _, t := range r.sinks {
		t.stop()
	}
	if r.page != nil {
		r.page.stop()
	}
	g.running = nil
}

// readNow reads a room's calendar soon.
func (g *Gateway) readNow(ctx context.Context, room string) error {
	return g.aboutRoom(g.driver.PollNow(ctx, room), room)
}

// aboutRoom adds the room, and the next step, to an error of the driver.
func (g *Gateway) aboutRoom(err error, room string) error {
	if errors.Is(err, driver.ErrNoRoom) {
		return refusal{Words: fmt.Sprintf("there is no room %q", room), Next: g.parts().cfg.Program + " rooms", Unknown: true}
	}
	return err
}
