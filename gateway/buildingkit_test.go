package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/bridge"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/graph/graphsim"
)

// building is the whole of it on virtual time: Microsoft, the way there, and
// the gateway, which can be stopped and started again. It lives in a bubble.
type building struct {
	t    *testing.T
	sim  *graphsim.Sim
	now  func() time.Time // the true time, that of Microsoft and of the building's people
	own  *ownClock        // the gateway's
	way  *wayOut
	cfg  *config.Config
	seen *boardWitness

	g    *Gateway
	stop func()
}

// ownClock is the gateway's clock. It can be set wrong.
type ownClock struct {
	right func() time.Time
	wrong atomic.Int64 // by how much it is, in ns
}

func (c *ownClock) Now() time.Time                         { return c.right().Add(time.Duration(c.wrong.Load())) }
func (c *ownClock) Stopwatch() func() time.Duration        { return driver.WallClock{}.Stopwatch() }
func (c *ownClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// set steps the clock so that it is off by the given time from now on.
func (c *ownClock) set(wrong time.Duration) { c.wrong.Store(int64(wrong)) }

// newBuilding is an office with bookings for fourteen days from the first, and a
// gateway, not yet started, that reads the rooms with the given settings of the
// account. Every second room is found in the account's own calendar.
func newBuilding(t *testing.T, seed uint64, first time.Time, rooms int, settings string) *building {
	b := emptyBuilding(t, seed, first, rooms, settings)
	graphsim.Office(b.sim, london(t), first)
	return b
}

// emptyBuilding is a building without rooms and bookings at the service.
func emptyBuilding(t *testing.T, seed uint64, first time.Time, rooms int, settings string) *building {
	ahead := first.Sub(time.Now().Round(0))
	b := &building{t: t, now: func() time.Time { return time.Now().Round(0).Add(ahead).UTC() }, seen: &boardWitness{}}
	b.own = &ownClock{right: b.now}
	b.sim = graphsim.New(graphsim.Options{Now: b.now, Seed: seed, Polite: true, Sleep: time.Sleep})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed of the simulator: %d", seed)
		}
	})
	b.way = &wayOut{t: t, sim: b.sim.Transport(), clock: b.own, spent: map[string]bool{}}
	text := dayConfig(filepath.Join(t.TempDir(), "state", "roomgate.db"), rooms, settings)
	var err error
	if b.cfg, err = config.Parse("roomgate.toml", []byte(text), config.Env{}); err != nil {
		t.Fatal(err)
	}
	return b
}

func london(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func dayConfig(path string, rooms int, settings string) string {
	id, secret, redirect := graphsim.DefaultClient()
	if !strings.Contains(settings, "sign_in") { // by browser; a client that takes device codes is public
		settings = fmt.Sprintf("client_secret = %q\nredirect_uri = %q\n", secret, redirect) + settings
	}
	var text strings.Builder
	fmt.Fprintf(&text, `[site]
id = "hq"
timezone = "Europe/London"
[mqtt]
broker = "mqtt://127.0.0.1"
[store]
path = %q
[[account]]
name = "rooms"
tenant = %q
client_id = %q
%s
`, path, graphsim.TenantID, id, settings)
	for i, r := range graphsim.OfficeRooms()[:rooms] {
		fmt.Fprintf(&text, "[[room]]\nid = %q\n", dayID(r))
		if i%2 == 0 {
			fmt.Fprintf(&text, "mailbox = %q\n", r.Address)
		} else {
			fmt.Fprintf(&text, "match = [%q, %q]\n", r.Name, r.Address)
		}
	}
	return text.String()
}

// dayID is a room's id in the configuration: its address without the domain.
func dayID(r graphsim.Room) string {
	id, _, _ := strings.Cut(r.Address, "@")
	return id
}

func address(room string) string { return room + "@" + graphsim.TenantDomain }

// start opens the database and runs the gateway's parts, all but its sockets.
func (b *building) start(more ...func(context.Context, *Gateway)) {
	b.t.Helper()
	log := slog.New(slog.NewTextHandler(secretless{b.t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st, err := store.Open(b.cfg.Store.Path, store.Options{Now: b.own.Now, Log: log})
	if err != nil {
		b.t.Fatal(err)
	}
	if b.g, err = New(b.cfg, st, Dependencies{Clock: b.own, Transport: b.way, Version: "test", Log: log}); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for _, a := range b.g.parts().accounts {
		parts.Go(func() { _ = a.session().Run(ctx) })
	}
	parts.Go(func() { _ = b.g.driver.Run(ctx) })
	parts.Go(func() { b.seen.watch(ctx, b.g.board, b.now) })
	for _, part := range more {
		parts.Go(func() { part(ctx, b.g) })
	}
	b.stop = sync.OnceFunc(func() {
		cancel()
		parts.Wait()
		if err := st.Close(); err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(b.stop)
}

// restart is a reboot that takes no time.
func (b *building) restart() {
	b.stop()
	b.start()
	synctest.Wait()
}

// pass lets time go by, and everything that is due happen.
func (b *building) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// until lets time go by to an instant of the true time.
func (b *building) until(at time.Time) { b.pass(at.Sub(b.now())) }

// signIn is a person at a browser: begins, presses Accept, and pastes the
// address the browser ended up at. It goes through the handler of the commands.
func (b *building) signIn() {
	b.t.Helper()
	c := b.g.Client()
	address, err := c.Begin(b.t.Context(), "rooms", driver.AuthorizationRequest{})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := c.Complete(b.t.Context(), "rooms", b.accept(address)); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// accept presses Accept on the sign-in page and returns where the browser goes.
func (b *building) accept(page string) string {
	b.t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		b.t.Fatal(err)
	}
	form := u.Query()
	form.Set("action", "accept")
	form.Set("user", graphsim.ServiceAccount)
	u.RawQuery = ""
	browser := &http.Client{Transport: b.sim.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.PostForm(u.String(), form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusFound {
		b.t.Fatalf("the sign-in page answered %s", resp.Status)
	}
	return resp.Header.Get("Location")
}

func (b *building) polite(yes bool) { b.sim.Set(func(w *graphsim.Behaviour) { w.Polite = yes }) }

// point is a point as it stands on the board; unknown where nothing does.
func (b *building) point(s driver.Subject, point string) driver.Value {
	if entries := b.g.board.Subject(s); entries != nil {
		return entries[s.Scope.Index(point)].Value
	}
	return driver.Value{}
}

func (b *building) room(id, point string) driver.Value {
	return b.point(driver.Subject{Scope: driver.OfRoom, ID: id}, point)
}

func (b *building) account(point string) driver.Value {
	return b.point(driver.Subject{Scope: driver.OfAccount, ID: "rooms"}, point)
}

// stretch is a time for which a room is taken, its end exclusive.
type stretch struct{ from, to time.Time }

// taken is what Microsoft's calendar of a room says, read without the gateway:
// the times of what is not cancelled and shown as busy, tentative or away.
func (b *building) taken(room string, from, to time.Time) []stretch {
	var all []stretch
	for _, e := range b.sim.View(address(room), from, to) {
		if !e.Cancelled && slices.Contains([]string{"", "busy", "tentative", "oof"}, e.ShowAs) {
			all = append(all, stretch{e.Start.UTC(), e.End.UTC()})
		}
	}
	return all
}

func takenAt(all []stretch, at time.Time) bool {
	return slices.ContainsFunc(all, func(s stretch) bool { return !at.Before(s.from) && at.Before(s.to) })
}

// truth is whether Microsoft's calendar says that a room is taken at an instant.
func (b *building) truth(room string, at time.Time) bool {
	return takenAt(b.taken(room, at.Add(-time.Second), at.Add(time.Second)), at)
}

// sameAsCalendar checks that every room is shown, with good quality, as
// Microsoft's calendar has it at the time of the gateway's clock.
func (b *building) sameAsCalendar(when string) {
	b.t.Helper()
	for _, r := range b.cfg.Rooms {
		want, got := b.truth(r.ID, b.own.Now()), b.room(r.ID, driver.Booked)
		if !got.Known() || got.Bool() != want {
			b.t.Errorf("%s: %s shows booked %+v, the calendar says %t", when, r.ID, got, want)
		}
		b.rightQuality(r.ID, when)
	}
}

// rightQuality checks that the quality of a room is good, or says that the clock is
// wrong if it is.
func (b *building) rightQuality(room, when string) {
	b.t.Helper()
	want, words := "good", ""
	if time.Duration(b.own.wrong.Load()).Abs() > 10*time.Minute {
		want, words = "fault", "the gateway's clock is "
	}
	q, fault := b.room(room, driver.QualityPoint).Text(), b.room(room, driver.Fault).Text()
	if q != want || !strings.HasPrefix(fault, words) {
		b.t.Errorf("%s: quality of %s is %q (%s), want %s %q", when, room, q, fault, want, words)
	}
}

// flip is a change of a value.
type flip struct {
	at    time.Time // true time
	value string
}

func (f flip) String() string { return f.at.Format(time.TimeOnly) + " " + f.value }

// boardWitness notes what changes on the board, and when.
type boardWitness struct {
	mu      sync.Mutex
	booked  map[string][]flip // by room
	quality map[string][]flip // by room
	states  []flip            // of the sign-in
}

func (w *boardWitness) watch(ctx context.Context, board *bridge.Board, now func() time.Time) {
	var seq uint64
	for {
		changed := board.Changed()
		var entries []bridge.Entry
		entries, seq = board.Since(seq)
		for _, e := range entries {
			w.note(e, now())
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (w *boardWitness) note(e bridge.Entry, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.booked == nil {
		w.booked, w.quality = map[string][]flip{}, map[string][]flip{}
	}
	id := e.Subject.ID
	switch {
	case e.Is(driver.OfRoom, driver.Booked) && e.Value.Known():
		w.booked[id] = noted(w.booked[id], at, fmt.Sprint(e.Value.Bool()))
	case e.Is(driver.OfRoom, driver.QualityPoint):
		w.quality[id] = noted(w.quality[id], at, e.Value.Text())
	case e.Is(driver.OfAccount, driver.AccountState):
		w.states = noted(w.states, at, e.Value.Text())
	}
}

func noted(all []flip, at time.Time, value string) []flip {
	if n := len(all); n > 0 && all[n-1].value == value {
		return all
	}
	return append(all, flip{at, value})
}

// wayOut is the network between the gateway and Microsoft. It can be down, and
// certificates are valid from 2026-01-01 to 2027-01-01 on the gateway's clock.
type wayOut struct {
	t     *testing.T
	sim   http.RoundTripper
	clock *ownClock

	mu      sync.Mutex
	down    bool
	trusted bool            // certificates are not looked at
	tries   int             // refreshes that were tried
	spent   map[string]bool // refresh tokens that were answered with a new one
	last    string          // the refresh token sent last
}

func (w *wayOut) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// count returns how many refreshes were tried since the last count.
func (w *wayOut) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.tries
	w.tries = 0
	return n
}

func (w *wayOut) lastSent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// RoundTrip implements http.RoundTripper.
func (w *wayOut) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := w.leave(r)
	if err != nil {
		return nil, err
	}
	resp, err := w.sim.RoundTrip(r)
	if err == nil && sent != "" && resp.StatusCode == http.StatusOK {
		w.mu.Lock()
		w.spent[sent] = true
		w.mu.Unlock()
	}
	return resp, err
}

// leave looks at a request on its way out and returns its refresh token.
func (w *wayOut) leave(r *http.Request) (refresh string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/token") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "", err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		refresh = form.Get("refresh_token")
	}
	if refresh != "" {
		w.tries++
		w.last = refresh
		if w.spent[refresh] {
			w.t.Error("a refresh token was sent that had been replaced by a newer one")
		}
	}
	now := w.clock.Now()
	switch {
	case w.down:
		return "", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
	case !w.trusted && now.Year() != 2026:
		return "", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time " + now.Format(time.RFC3339) + " is not in 2026"}}
	}
	return refresh, nil
}

// secretless is a log that holds no secret, and whose lines about a sign-in name
// the account once.
type secretless struct{ t *testing.T }

// Write implements io.Writer.
func (s secretless) Write(line []byte) (int, error) {
	_, secret, _ := graphsim.DefaultClient()
	for _, part := range []string{"eyJ0eXAi", "1.AXkA", secret} { // how the simulator's tokens and codes begin
		if bytes.Contains(line, []byte(part)) {
			s.t.Errorf("the log holds a secret: %s", line)
		}
	}
	named := bytes.Count(line, []byte(" account="))
	if named > 1 || named == 0 && bytes.Contains(line, []byte("sign-in works")) {
		s.t.Errorf("the account is named %d times: %s", named, line)
	}
	return len(line), nil
}
