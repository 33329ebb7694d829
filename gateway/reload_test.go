package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/graph/graphsim"
)

// whole is a building whose gateway runs as the program runs it, with everything
// but a broker and sockets.
type whole struct {
	*building
	path string // of the database
	text string // of the configuration in use
	st   *store.Store
}

// newWhole builds and starts it with the settings of the account.
func newWhole(t *testing.T, settings string) *whole {
	t.Helper()
	begin := time.Date(2026, 6, 8, 9, 0, 0, 0, time.UTC)
	w := &whole{building: emptyBuilding(t, 7, begin, 2, settings+staleLater)}
	for _, r := range graphsim.OfficeRooms()[:2] {
		w.sim.AddRoom(r)
		for minutes := 40; minutes < 400; minutes += 40 { // twenty minutes each
			from := begin.Add(time.Duration(minutes) * time.Minute)
			e := graphsim.Event{Start: from, End: from.Add(20 * time.Minute), Response: "accepted"}
			if _, err := w.sim.Book(graphsim.ServiceAccount, []string{r.Address}, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.path = filepath.Join(t.TempDir(), "state", "roomgate.db")
	w.text = dayConfig(w.path, 2, settings+staleLater)
	w.cfg = w.parse(w.text)
	w.sim.Set(func(s *graphsim.Behaviour) { s.StrictRotation, s.Latency = true, latency })
	w.open(noBroker)
	w.run()
	return w
}

// open builds the gateway of the configuration in use.
func (w *whole) open(dial func(context.Context, *url.URL) (net.Conn, error)) {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(secretless{w.t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.st, err = store.Open(w.path, store.Options{Now: w.own.Now, Log: log}); err != nil {
		w.t.Fatal(err)
	}
	if w.g, err = New(w.parse(w.text), w.st, Dependencies{Clock: w.own, Transport: w.way, Version: "test", Log: log, Listen: listenNowhere, Dial: dial}); err != nil {
		w.t.Fatal(err)
	}
}

// run runs the gateway until stop is called.
func (w *whole) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.g.Run(ctx) })
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := w.st.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(w.stop)
	synctest.Wait()
}

// staleLater are settings for polls that are far apart.
const staleLater = "\n[defaults.room]\nstale_after = \"1h\""

// latency is how long every answer of the service takes.
const latency = 200 * time.Millisecond

func (w *whole) parse(text string) *config.Config {
	w.t.Helper()
	cfg, err := config.Parse("roomgate.toml", []byte(text), config.Env{ReadFile: readPrivate})
	if err != nil {
		w.t.Fatal(err)
	}
	return cfg
}

// readPrivate reads a file that only its owner can read.
func readPrivate(name string) ([]byte, fs.FileMode, error) {
	text, err := os.ReadFile(name)
	return text, 0o600, err
}

// reloadWith takes over the configuration with a text replaced.
func (w *whole) reloadWith(old, replacement string) {
	text := strings.Replace(w.text, old, replacement, 1)
	if text == w.text && old != replacement {
		w.t.Fatalf("the configuration does not hold %q", old)
	}
	w.text = text
	if err := w.g.Reload(w.parse(text)); err != nil {
		w.t.Error(err)
	}
}

// listenNowhere is a listener to which nobody connects.
func listenNowhere(network, address string) (net.Listener, error) {
	if network == "unix" {
		if err := os.WriteFile(address, nil, 0o600); err != nil {
			return nil, err
		}
	}
	return &silentListener{closed: make(chan struct{})}, nil
}

type silentListener struct {
	once   sync.Once
	closed chan struct{}
}

func (l *silentListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

func (l *silentListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *silentListener) Addr() net.Addr { return &net.UnixAddr{Name: "nowhere", Net: "unix"} }

func noBroker(context.Context, *url.URL) (net.Conn, error) {
	return nil, errors.New("there is no broker here")
}

// changes are what a reload may change, from nothing to everything of the sign-in.
var changes = []struct{ name, old, replacement string }{
	{"nothing", "", ""},
	{"the poll", `poll = "@every 15m"`, `poll = "@every 20m"`},
	{"a room's name", "[[room]]\n", "[[room]]\nname = \"Renamed\"\n"},
	{"the refresh schedule", `refresh = "*/30 * * * *"`, `refresh = "*/20 * * * *"`},
}

// signInSettings are those of the account in these tests.
const signInSettings = "poll = \"@every 15m\"\nrefresh = \"*/30 * * * *\""

// A sign-in by browser completes at every moment around a reload, first and once
// more: its tokens are kept, no refresh token that was replaced is ever sent, and
// the next refresh works.
func TestSignInAroundReload(t *testing.T) {
	for _, change := range changes {
		for _, again := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, again %t", change.name, again), func(t *testing.T) {
				for offset := -latency; offset <= 2*latency; offset += latency / 5 {
					synctest.Test(t, func(t *testing.T) {
						w := newWhole(t, signInSettings)
						if again {
							w.signIn()
							w.pass(time.Minute)
						}
						w.race(offset, func() { w.reloadWith(change.old, change.replacement) }, w.signIn)
						w.mustWork(offset)
					})
				}
			})
		}
	}
}

// race does both, the first so much later than the second.
func (w *whole) race(offset time.Duration, reload, signIn func()) {
	var both sync.WaitGroup
	both.Go(func() { time.Sleep(2*latency + offset); reload() })
	both.Go(func() { time.Sleep(2 * latency); signIn() })
	both.Wait()
	synctest.Wait()
}

// mustWork checks that the account is signed in, now and after refreshes, and
// that calendars are read.
func (w *whole) mustWork(offset time.Duration) {
	w.t.Helper()
	w.pass(time.Minute)
	for _, after := range []time.Duration{0, 45 * time.Minute, 35 * time.Minute} {
		w.pass(after)
		if s := w.g.accountStatuses()[0]; s.State != driver.SignedIn {
			w.t.Errorf("reload at %s, %s later: the sign-in is %s: %s", offset, after, s.State, s.Reason)
		}
		w.sameAsCalendar(fmt.Sprintf("reload at %s, %s later", offset, after))
	}
}

// A reload comes at every moment around the poll that brings the tokens of a
// device code.
func TestDeviceCodeAroundReload(t *testing.T) {
	for _, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			for offset := -latency; offset <= 2*latency; offset += latency / 5 {
				synctest.Test(t, func(t *testing.T) {
					w := newWhole(t, signInSettings+"\nsign_in = \"device\"")
					d, err := w.g.Client().StartDevice(t.Context(), "rooms")
					if err != nil {
						t.Fatal(err)
					}
					if err := w.sim.ApproveDevice(d.UserCode, graphsim.ServiceAccount); err != nil {
						t.Fatal(err)
					}
					w.pass(devicePoll + offset)
					w.reloadWith(change.old, change.replacement)
					w.pass(2 * devicePoll)
					w.mustWork(offset)
				})
			}
		})
	}
}

// devicePoll is the interval at which the service wants device codes polled for.
const devicePoll = 5 * time.Second

// A refresh is under way at every moment around a reload that builds a new
// sign-in: because the access token was rejected, or because it has expired, so
// that whoever needs it next refreshes at once.
func TestRefreshAroundReload(t *testing.T) {
	for _, change := range changes {
		for cause, begin := range map[string]func(*whole){"rejected": (*whole).rejectTokens, "expired": (*whole).expireTokens} {
			t.Run(change.name+", "+cause, func(t *testing.T) {
				refreshAroundReload(t, change.old, change.replacement, begin)
			})
		}
	}
}

func refreshAroundReload(t *testing.T, old, replacement string, begin func(*whole)) {
	for offset := -latency; offset <= 2*latency; offset += latency / 5 {
		synctest.Test(t, func(t *testing.T) {
			w := newWhole(t, signInSettings)
			w.signIn()
			w.pass(time.Minute)
			w.race(offset, func() { w.reloadWith(old, replacement) }, func() { begin(w) })
			w.mustWork(offset)
		})
	}
}

// rejectTokens makes the calendar service refuse the access token in use, so that
// the next poll refreshes the sign-in.
func (w *whole) rejectTokens() {
	w.sim.Fail(func(r *http.Request) bool { return r.Header.Get("Authorization") != "" }, graphsim.Fault{Status: 401}, 1)
	if err := w.g.Client().Poll(w.t.Context(), ""); err != nil {
		w.t.Error(err)
	}
}

// expireTokens sets the gateway's clock so that the access token has expired.
func (w *whole) expireTokens() {
	w.own.set(2 * time.Hour)
	if err := w.g.Client().Poll(w.t.Context(), ""); err != nil {
		w.t.Error(err)
	}
}
