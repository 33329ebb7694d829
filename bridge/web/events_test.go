package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/httpd"
)

// pipes is a listener without sockets, so that time can be virtual.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bubble is a server in a synctest bubble.
type bubble struct {
	*pipes
	stop context.CancelFunc // ends the base context
}

// serve starts a server of the options; their time is the bubble's.
func serve(t *testing.T, o *Options) *bubble {
	o.Now = time.Now
	ctx, cancel := context.WithCancel(t.Context())
	b := &bubble{&pipes{make(chan net.Conn), make(chan struct{})}, cancel}
	done := make(chan error)
	go func() { done <- httpd.Serve(ctx, b.pipes, Handler(*o), o.Log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the server ended with %v", err)
		}
	})
	return b
}

// connect asks for a path over a connection of its own.
func (b *bubble) connect(t *testing.T, path string) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	b.conns <- server
	if _, err := fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	return client
}

// event is one server-sent event, or a comment.
type event struct {
	At      time.Duration // since the reader began
	Comment bool
	Retry   string
	ID      string `json:"id"`
	HTML    string `json:"html"`
}

// listen reads events from r until it ends. A field that is not in the standard
// fails the test.
func listen(t *testing.T, lines *bufio.Scanner, each func(event)) {
	start := time.Now()
	lines.Buffer(nil, 1<<20)
	var e event
	kind := ""
	for lines.Scan() {
		line := lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			e.At = time.Since(start)
			each(e)
			e, kind = event{}, ""
		case name == "":
			e.Comment = true
		case name == "retry":
			e.Retry = value
		case name == "event":
			kind = value
		case name == "data" && kind == "fragment" && e.ID == "":
			if err := json.Unmarshal([]byte(value), &e); err != nil {
				t.Errorf("data %.200q: %v", value, err)
			}
		default:
			t.Errorf("unexpected line %.200q", line)
		}
	}
}

// stream follows /events in a goroutine of the bubble. The returned function
// waits until all is quiet and takes what has come.
func (b *bubble) stream(t *testing.T) (take func() []event, end func()) {
	t.Helper()
	conn := b.connect(t, "/events")
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the stream began with %s %v", r.Status, r.Header)
	}
	events := make(chan event, 10000) // a day of them
	ended := make(chan struct{})
	go func() {
		listen(t, bufio.NewScanner(r.Body), func(e event) { events <- e })
		close(ended)
	}()
	take = func() (out []event) {
		synctest.Wait()
		for len(events) > 0 {
			out = append(out, <-events)
		}
		return out
	}
	return take, func() { conn.Close(); <-ended }
}

func ids(events []event) (out []string) {
	for _, e := range events {
		switch {
		case e.Comment:
			out = append(out, fmt.Sprint("comment at ", e.At))
		case e.Retry != "":
			out = append(out, "retry "+e.Retry)
		default:
			out = append(out, fmt.Sprintf("%s at %v", e.ID, e.At))
		}
	}
	return out
}

func wantIDs(t *testing.T, when string, got []event, want ...string) {
	t.Helper()
	if !slices.Equal(ids(got), want) {
		t.Errorf("%s: %q, want %q", when, ids(got), want)
	}
}

func TestStreamSendsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		b := serve(t, &o)
		take, end := b.stream(t)
		wantIDs(t, "first", take(), "retry 3000", "overview at 0s", "problems at 0s", "items at 0s", "room-boardroom at 0s", "room-attic at 0s")

		time.Sleep(time.Second)
		publish(o, driver.OfRoom, "attic", booked("Budget"))
		changed := take()
		wantIDs(t, "a change is sent at once", changed, "overview at 1s", "room-attic at 1s")
		if got := words(changed[1].HTML); !strings.HasPrefix(got, "Attic Booked") || !strings.Contains(got, "Budget") {
			t.Errorf("the room reads %q", got)
		}

		for range 20 {
			publish(o, driver.OfRoom, "attic", free())
			publish(o, driver.OfRoom, "boardroom", booked("x"))
			publish(o, driver.OfRoom, "attic", booked("y"))
			time.Sleep(10 * time.Millisecond)
		}
		wantIDs(t, "changes within the pause wait", take())
		time.Sleep(300 * time.Millisecond)
		wantIDs(t, "and come once", take(), "overview at 1.5s", "room-boardroom at 1.5s", "room-attic at 1.5s")

		p := booked("y")
		p[driver.Age], p[driver.MinutesRemaining] = driver.IntValue(60), driver.IntValue(12)
		time.Sleep(time.Second)
		publish(o, driver.OfRoom, "attic", p)
		wantIDs(t, "counters do not stand on the page", take(), "comment at 2.5s")

		o.Board.Report("mqtt", false, "the broker is away", time.Now())
		time.Sleep(time.Second)
		wantIDs(t, "health", take(), "problems at 3s", "items at 3s")
		time.Sleep(16 * time.Second)
		wantIDs(t, "quiet", take(), "comment at 18.5s")
		end()
	})
}

func TestStreamTellsTheTimeAndTheNewDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight, Saturday, 1 January 2000
		o := options(t)
		b := serve(t, &o)
		at := time.Now().Add(33 * time.Hour)
		publish(o, driver.OfRoom, "attic", with(points{driver.FreeUntil: driver.TimeValue(at), driver.NextStart: driver.TimeValue(at), driver.NextEnd: driver.TimeValue(at.Add(time.Hour))}))
		take, end := b.stream(t)
		last := func() map[string]string {
			got := map[string]string{}
			for _, e := range take() {
				got[e.ID] = words(e.HTML)
			}
			return got
		}
		if got := last()["room-attic"]; !strings.HasPrefix(got, "Attic Free until Sun 2 Jan 09:00 ") {
			t.Errorf("the day before: %q", got)
		}
		time.Sleep(75 * time.Second)
		if got := last(); !strings.Contains(got["overview"], "As of 00:01,") || got["room-attic"] != "" {
			t.Errorf("a minute later: %q", got)
		}
		time.Sleep(24 * time.Hour)
		if got := last()["room-attic"]; !strings.HasPrefix(got, "Attic Free until 09:00 ") {
			t.Errorf("on the day: %q", got)
		}
		end()
	})
}

func TestHostileSubjectInTheStream(t *testing.T) {
	for name, subject := range hostile {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options(t)
				b := serve(t, &o)
				publish(o, driver.OfRoom, "attic", booked(subject))
				take, end := b.stream(t)
				got := take()
				wantIDs(t, "first", got, "retry 3000", "overview at 0s", "problems at 0s", "items at 0s", "room-boardroom at 0s", "room-attic at 0s")
				if n := strings.Count(got[len(got)-1].HTML, "<"); n != strings.Count(got[len(got)-1].HTML, ">") || n != 20 {
					t.Errorf("%d tags, want 20: %s", n, got[len(got)-1].HTML)
				}
				end()
			})
		})
	}
}

func TestClientThatDoesNotReadIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		b := serve(t, &o)
		slow := b.connect(t, "/events") // a pipe holds nothing: the first write waits for a reader
		take, end := b.stream(t)
		take()
		publish(o, driver.OfRoom, "attic", booked("Budget"))
		time.Sleep(pause)
		wantIDs(t, "the other reader", take(), "overview at 500ms", "room-attic at 500ms")
		time.Sleep(httpd.WriteTimeout)
		synctest.Wait()
		if n, err := slow.Read(make([]byte, 1)); err == nil {
			t.Errorf("after %v the slow reader still got %d byte", httpd.WriteTimeout, n)
		}
		end()
	})
}

func TestStreamEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		b := serve(t, &o)
		_, end := b.stream(t)
		b.stop()
		end()
		start := time.Now()
		synctest.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("the stream lasted %v longer", took)
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		b := serve(t, &o)
		var ends []func()
		for range 64 {
			_, end := b.stream(t)
			ends = append(ends, end)
		}
		conn := b.connect(t, "/events")
		r, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "30" {
			t.Errorf("the 65th stream: %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
		}
		conn.Close()
		ends[0]()
		synctest.Wait()
		_, end := b.stream(t) // takes the place that has become free
		ends[0] = end
		for _, end := range ends {
			end()
		}
	})
}

func TestStreamOverTCP(t *testing.T) {
	o := options(t)
	h := Handler(o)
	ended := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		close(ended)
	}))
	defer srv.Close()
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	seen := 0
	listen(t, bufio.NewScanner(resp.Body), func(e event) {
		switch {
		case e.ID == "room-attic" && seen == 0:
			seen++
			publish(o, driver.OfRoom, "attic", booked("Budget"))
		case e.ID == "room-attic":
			seen++
			if !strings.Contains(words(e.HTML), "Booked until 12:45 Budget") {
				t.Errorf("the change reads %q", words(e.HTML))
			}
			leave()
		}
	})
	if seen != 2 {
		t.Fatalf("the room came %d times, want 2", seen)
	}
	<-ended
}
