package httpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without sockets, so that time can be virtual. A pipe holds
// nothing: a write waits until the other side reads.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// from is a connection from an address.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr { return &net.UnixAddr{Name: f.address} }

// dial connects from an address of another machine, or this one.
func (p *pipes) dial(address string) net.Conn {
	client, server := net.Pipe()
	p.conns <- from{server, address}
	return client
}

// server is a running server in a bubble.
type server struct {
	*pipes
	t      *testing.T
	cancel context.CancelFunc
	done   chan error
	log    bytes.Buffer
}

// run serves h; at the end of the test it ends.
func run(t *testing.T, h http.Handler) *server {
	ctx, cancel := context.WithCancel(t.Context())
	s := &server{pipes: newPipes(), t: t, cancel: cancel, done: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	go func() { s.done <- Serve(ctx, s.pipes, h, log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-s.done; !errors.Is(err, context.Canceled) {
			t.Errorf("the server ended with %v, want that its context ended", err)
		}
	})
	return s
}

// send sends the text of a request over a connection of its own from this machine.
func (s *server) send(request string) net.Conn {
	s.t.Helper()
	c := s.dial("127.0.0.1:1000")
	if _, err := io.WriteString(c, request); err != nil {
		s.t.Fatal(err)
	}
	return c
}

const getRequest = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

// closedAfter returns how long the server keeps a connection on which nothing is read
// or sent any more.
func closedAfter(t *testing.T, c net.Conn, most time.Duration) time.Duration {
	t.Helper()
	start := time.Now()
	if err := c.SetReadDeadline(start.Add(most)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, c)
	if err != nil {
		t.Fatalf("the connection is open after %v: %v", most, err)
	}
	return time.Since(start)
}

func TestServeReturnsAfterOpenRequestsHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		s := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			time.Sleep(500 * time.Millisecond)
			ended = true
		}))
		c := s.send(getRequest)
		defer c.Close()
		go io.Copy(io.Discard, c)
		synctest.Wait()
		start := time.Now()
		s.cancel()
		err := <-s.done
		s.done <- err // for the end of the test
		if took := time.Since(start); !ended || took < 500*time.Millisecond || took > time.Second {
			t.Errorf("Serve returned after %v; the request had ended: %v", took, ended)
		}
	})
}

func TestServerGoesOnWithAnotherListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		proceed := make(chan struct{})
		s := New(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-proceed
			fmt.Fprint(w, "done")
		}), slog.New(slog.DiscardHandler))
		first, second := newPipes(), newPipes()
		done := make(chan error)
		go func() { done <- s.Serve(first) }()
		c := first.dial("127.0.0.1:1000")
		defer c.Close()
		if _, err := io.WriteString(c, getRequest); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		first.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v, want the listener's error", err)
		}
		go func() { done <- s.Serve(second) }()
		other := second.dial("127.0.0.1:1000")
		if _, err := io.WriteString(other, getRequest); err != nil {
			t.Fatal(err)
		}
		close(proceed)
		for _, conn := range []net.Conn{c, other} {
			r, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r.Body); err != nil || string(text) != "done" {
				t.Errorf("a request answered %q, %v", text, err)
			}
		}
		other.Close()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Serve returned %v, want that its context ended", err)
		}
		s.Close()
	})
}

// A client that sends slowly, or nothing, is disconnected.
func TestRequestsHaveADeadline(t *testing.T) {
	for _, c := range []struct {
		name, request string
		want          time.Duration
	}{
		{"nothing", "", 10 * time.Second},
		{"half a header", "GET / HTTP/1.1\r\nHost: loc", 10 * time.Second},
		{"half a body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345", 30 * time.Second},
		{"no second request", getRequest, 2 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
				conn := s.send(c.request)
				defer conn.Close()
				// net/http closes half a second after an answer to an incomplete request.
				if got := closedAfter(t, conn, time.Hour); got < c.want || got > c.want+time.Second {
					t.Errorf("closed after %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestLargeHeaderIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
		c := s.dial("127.0.0.1:1000")
		defer c.Close()
		go io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: "+strings.Repeat("x", 64<<10))
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %s, want 431", r.Status)
		}
	})
}

// Every piece of an answer has its own deadline: a client that receives nothing is
// disconnected, at whatever place of the answer.
func TestClientThatDoesNotReadIsDisconnected(t *testing.T) {
	for _, c := range []struct {
		name string
		read int64 // bytes, before it reads no more
	}{{"from the start", 0}, {"half way", 50_000}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failed time.Duration
				s := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					start := time.Now()
					_, err := w.Write(make([]byte, 100_000))
					if failed = time.Since(start); err == nil {
						t.Error("the answer was written to a client that does not read")
					}
				}))
				conn := s.send(getRequest)
				defer conn.Close()
				if _, err := io.CopyN(io.Discard, conn, c.read); err != nil {
					t.Fatal(err)
				}
				time.Sleep(WriteTimeout + time.Second)
				synctest.Wait()
				if failed != WriteTimeout {
					t.Errorf("the write ended after %v, want %v", failed, WriteTimeout)
				}
			})
		})
	}
}

// A client at 1 kB/s receives an answer that takes minutes.
func TestSlowClientReceivesALongAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Repeat("0123456789", 30_000)
		s := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) }))
		c := s.send(getRequest)
		defer c.Close()
		r, err := http.ReadResponse(bufio.NewReaderSize(slowly{c}, 1000), nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != text {
			t.Errorf("%d bytes of %d came: %v", len(got), len(text), err)
		}
		if took := time.Since(start); took < 4*time.Minute {
			t.Errorf("it took %v: the client was not slow", took)
		}
	})
}

// slowly reads 1,000 bytes a second.
type slowly struct{ net.Conn }

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.Conn.Read(p[:min(len(p), 1000)])
}

// A stream that is silent for longer than any deadline goes on, and so does a request
// whose work takes long: a command waits for a device code for a quarter of an hour.
func TestLongRequestsAreNotCut(t *testing.T) {
	for _, c := range []struct{ name, request string }{
		{"without a body", getRequest},
		{"with a body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nnull"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					control := http.NewResponseController(w)
					for range 4 {
						fmt.Fprint(w, "line\n")
						if err := control.Flush(); err != nil {
							t.Errorf("flushing: %v", err)
						}
						select {
						case <-r.Context().Done():
							t.Error("the request was cut")
							return
						case <-time.After(15 * time.Minute):
						}
					}
				}))
				conn := s.send(c.request)
				defer conn.Close()
				r, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				if text, err := io.ReadAll(r.Body); err != nil || string(text) != strings.Repeat("line\n", 4) {
					t.Errorf("got %q, %v", text, err)
				}
			})
		})
	}
}

// An answer without a body is written after the handler, also long after the request.
func TestEmptyAnswerAfterALongTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Minute) }))
		c := s.send(getRequest)
		defer c.Close()
		if r, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || r.StatusCode != http.StatusOK {
			t.Errorf("got %v, %v", r, err)
		}
	})
}

// opened opens connections from addresses and returns those that the server accepted.
func (s *server) opened(n int, address func(int) string) (accepted []net.Conn, refused int) {
	s.t.Helper()
	conns, answers := make([]net.Conn, n), make([]string, n)
	for i := range conns {
		conns[i] = s.dial(address(i))
		go func() {
			text, _ := io.ReadAll(conns[i]) // until it is closed
			answers[i] = string(text)
		}()
	}
	synctest.Wait()
	for i, c := range conns {
		switch head, _, _ := strings.Cut(answers[i], "\r\n"); head {
		case "": // the server waits for a request
			accepted = append(accepted, c)
		case "HTTP/1.1 503 Service Unavailable":
			refused++
		default:
			s.t.Fatalf("connection %d was answered %q", i, answers[i])
		}
	}
	return accepted, refused
}

// A handler that panics costs its request, and is logged.
func TestPanicIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("index out of range") }))
		c := s.send("GET /rooms HTTP/1.1\r\nHost: gateway\r\n\r\n")
		if answer, _ := io.ReadAll(c); len(answer) > 0 {
			t.Errorf("answered %q", answer)
		}
		for _, part := range []string{"level=ERROR", "index out of range", "path=/rooms", "httpd_test.go"} {
			if !strings.Contains(s.log.String(), part) {
				t.Errorf("the log has no %q: %s", part, s.log.String())
			}
		}
	})
}

func TestConnectionsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, http.NotFoundHandler())
		for _, c := range []struct {
			name              string
			n                 int
			address           func(int) string
			accepted, refused int
		}{
			{"one caller", 40, func(i int) string { return fmt.Sprintf("192.0.2.7:%d", 1000+i) }, 32, 8},
			{"one IPv6 address", 40, func(i int) string { return fmt.Sprintf("[2001:db8:0:1::7]:%d", 1000+i) }, 32, 8},
			{"the panels of a floor", 100, func(i int) string { return fmt.Sprintf("[fe80::%x%%eth0]:1000", i+1) }, 100, 0},
			{"one IPv6 network", 140, func(i int) string { return fmt.Sprintf("[2001:db8:0:1::%x]:1000", i+1) }, 128, 12},
			{"many callers", 300, func(i int) string { return fmt.Sprintf("[2001:db8:1:%x::1]:1000", i+1) }, 256, 44},
			{"this machine", 300, func(i int) string { return "127.0.0.1:1000" }, 256, 44},
		} {
			accepted, refused := s.opened(c.n, c.address)
			if len(accepted) != c.accepted || refused != c.refused {
				t.Errorf("%s: %d connections accepted and %d refused, want %d and %d", c.name, len(accepted), refused, c.accepted, c.refused)
			}
			for _, conn := range accepted {
				conn.Close()
			}
			synctest.Wait()
		}
		if n := strings.Count(s.log.String(), "connections are refused"); n != 1 {
			t.Errorf("the log has %d lines on refused connections, want 1:\n%s", n, s.log.String())
		}
		time.Sleep(time.Hour)
		if accepted, _ := s.opened(40, func(int) string { return "192.0.2.7:1000" }); len(accepted) != 32 {
			t.Errorf("a caller whose connections were closed has %d accepted, want 32", len(accepted))
		}
		if n := strings.Count(s.log.String(), "connections are refused"); n != 2 {
			t.Errorf("an hour later the log has %d lines on refused connections, want 2:\n%s", n, s.log.String())
		}
	})
}
