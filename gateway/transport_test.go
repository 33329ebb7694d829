package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/graph"
	"roomgate/oauth/oauthtest"
)

// network is the way from the gateway to a server: connections in memory, through a
// proxy that can swallow what passes on them. Swallowed connections stay open, and
// neither side is told.
type network struct {
	accepted chan net.Conn
	closed   chan struct{}
	end      func() // closes closed, once

	mu    sync.Mutex
	lines []*line
	down  bool // new connections are not established either
}

// line is one connection through the proxy.
type line struct {
	near, far net.Conn // the proxy's ends

	mu        sync.Mutex
	swallowed bool
}

func newNetwork() *network {
	closed := make(chan struct{})
	return &network{accepted: make(chan net.Conn), closed: closed, end: sync.OnceFunc(func() { close(closed) })}
}

// Accept implements net.Listener.
func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.accepted:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (n *network) Close() error {
	n.end()
	return nil
}

// Addr implements net.Listener.
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

// dial connects to the server.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("network is unreachable")}
	}
	client, near := net.Pipe()
	far, server := net.Pipe()
	l := &line{near: near, far: far}
	n.lines = append(n.lines, l)
	go l.pass(near, far)
	go l.pass(far, near)
	select {
	case n.accepted <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pass copies what comes from one side to the other until one of them ends.
func (l *line) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		swallowed := l.swallowed
		l.mu.Unlock()
		if err == nil && swallowed {
			continue
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			from.Close()
			if !swallowed {
				to.Close()
			}
			return
		}
	}
}

// swallow makes every connection that is open silent, in both directions.
func (n *network) swallow() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.lines {
		l.mu.Lock()
		l.swallowed = true
		l.mu.Unlock()
	}
}

// hangUp ends all connections.
func (n *network) hangUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.lines {
		l.near.Close()
		l.far.Close()
	}
}

// set takes the network down or brings it up for new connections.
func (n *network) set(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// dialled is how many connections there have been.
func (n *network) dialled() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.lines)
}

// calendarServer is a calendar service with its token endpoint, and a network to it.
type calendarServer struct {
	*network
	*httptest.Server
	proto string // of the last request
}

func newCalendarServer(http2 bool) *calendarServer {
	s := &calendarServer{network: newNetwork()}
	s.Server = &httptest.Server{Listener: s.network, EnableHTTP2: http2, Config: &http.Server{
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.proto = r.Proto
			w.Header().Set("Content-Type", "application/json")
			if strings.HasSuffix(r.URL.Path, "/token") {
				fmt.Fprint(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"a"}`)
				return
			}
			fmt.Fprint(w, `{"value":[]}`)
		})}}
	s.StartTLS()
	return s
}

// client is the client that an account gets, on the network.
func (s *calendarServer) client() *http.Client {
	t := newTransport()
	build := t.build
	t.build = func() *http.Transport {
		inner := build()
		inner.Proxy, inner.DialContext, inner.TLSClientConfig = nil, s.dial, &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
		return inner
	}
	t.current = t.build()
	return newHTTPClient(t)
}

// provider reads a calendar of the server as an application.
func (s *calendarServer) provider(t *testing.T) (provider *graph.Provider, session driver.Session) {
	t.Helper()
	client, log := s.client(), slog.New(slog.DiscardHandler)
	keeper, err := graph.NewKeeper(graph.SignInOptions{Account: "rooms", SignIn: "app", LoginURL: s.URL, GraphURL: s.URL, Tenant: "contoso.example",
		ClientID: "c", ClientSecret: "s3cr3t~value", Store: oauthtest.NewStore(), Pending: oauthtest.NewStore(), HTTP: client, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	provider, err = graph.New(graph.Options{Account: "rooms", GraphURL: s.URL, SignIn: "app", Read: graph.ByView, Session: keeper.Session(), Tokens: keeper,
		HTTP: client, Clock: driver.WallClock{}, Jitter: driver.RandomJitter, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return provider, keeper.Session()
}

// A connection that falls silent, alone or because the uplink changed, is given up
// within two polls of a minute, at the calendar and at the token endpoint, whichever
// version of HTTP is spoken.
func TestConnectionsThatDieInSilence(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		for name, die := range map[string]func(s *calendarServer){
			"a proxy swallows one connection": func(s *calendarServer) { s.swallow() },
			"the uplink changes": func(s *calendarServer) {
				s.set(true)
				s.swallow()
				time.AfterFunc(20*time.Second, func() { s.set(false) })
			},
		} {
			t.Run(fmt.Sprint(name, ", HTTP/2 ", http2), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newCalendarServer(http2)
					defer s.Server.Close()
					defer s.hangUp()
					provider, session := s.provider(t)
					rooms := []driver.Room{{ID: "a", Mailbox: "a@contoso.example", Zone: time.UTC}, {ID: "b", Mailbox: "b@contoso.example", Zone: time.UTC}}
					read := func() error {
						for _, rd := range driver.ReadOnce(t.Context(), provider, rooms, time.Now(), time.Now().Add(time.Hour)) {
							if rd.Err != nil {
								return rd.Err
							}
						}
						return nil
					}
					refresh := func() error { return session.Verify(t.Context()) }
					for what, ask := range map[string]func() error{"the calendar": read, "the token endpoint": refresh} {
						next := time.Now()
						poll := func() error {
							time.Sleep(time.Until(next))
							next = next.Add(time.Minute)
							return ask()
						}
						if err := poll(); err != nil {
							t.Fatalf("%s: %v", what, err)
						}
						if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[http2]; s.proto != want {
							t.Fatalf("%s: %s is spoken, want %s", what, s.proto, want)
						}
						before := s.dialled()
						die(s)
						first, late := poll(), time.Since(next.Add(-time.Minute))
						if http2 && (first != nil || late != 0) {
							t.Errorf("%s: the first poll after it, %v late: %v; want the connection to be found dead by then", what, late, first)
						}
						if second := poll(); second != nil || s.dialled() == before {
							t.Errorf("%s: the first poll after it: %v, the second: %v, with %d new connections", what, first, second, s.dialled()-before)
						}
					}
				})
			})
		}
	}
}

// What a caller cancelled says nothing about the connection, and a response that stops
// half-way does.
func TestConnectionsAreKeptAndReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCalendarServer(true)
		defer s.Server.Close()
		defer s.hangUp()
		stop := make(chan struct{})
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "half of it")
			if r.URL.Path != "/good" {
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-stop:
				}
			}
		})
		defer close(stop)
		client := s.client()
		get := func(ctx context.Context, path string) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			return err
		}
		if err := get(t.Context(), "/good"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := get(ctx, "/half"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if err := get(t.Context(), "/good"); err != nil || s.dialled() != 1 {
			t.Errorf("after a cancelled request: %v, %d connections; want the one", err, s.dialled())
		}
		if err := get(t.Context(), "/half"); err == nil {
			t.Error("half a response was taken for a whole one")
		}
		if err := get(t.Context(), "/good"); err != nil || s.dialled() != 2 {
			t.Errorf("after half a response: %v, %d connections; want another", err, s.dialled())
		}
		client.CloseIdleConnections()
		if err := get(t.Context(), "/good"); err != nil || s.dialled() != 3 {
			t.Errorf("after CloseIdleConnections: %v, %d connections; want a third", err, s.dialled())
		}
	})
}
