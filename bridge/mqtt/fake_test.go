package mqtt

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// fake is a broker that misbehaves. It lives on pipes, so that time can be
// virtual, and each connection is one visit.
type fake struct {
	mu      sync.Mutex
	visits  [][]string // what each client sent, a line a packet
	instant []time.Time
	// answer returns the packets to send back, and false to hang up.
	answer func(visit int, p packets.ControlPacket) (replies []packets.ControlPacket, ok bool)
}

func (f *fake) dial(context.Context, *url.URL) (net.Conn, error) {
	client, server := net.Pipe()
	f.mu.Lock()
	defer f.mu.Unlock()
	visit := len(f.visits)
	f.visits = append(f.visits, nil)
	f.instant = append(f.instant, time.Now())
	go f.serve(visit, server)
	return likeTCP{client}, nil
}

// likeTCP is a pipe on which writing fails as on a TCP connection that the broker has
// closed.
type likeTCP struct{ net.Conn }

func (c likeTCP) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, io.ErrClosedPipe) {
		err = syscall.EPIPE
	}
	return n, err
}

func (f *fake) serve(visit int, conn net.Conn) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			f.note(visit, "gone")
			return
		}
		f.note(visit, line(p))
		replies, ok := f.answer(visit, p)
		for _, r := range replies {
			if r.Write(conn) != nil {
				f.note(visit, "gone")
				return
			}
		}
		if !ok {
			return
		}
	}
}

func (f *fake) note(visit int, line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.visits[visit] = append(f.visits[visit], line)
}

// connections returns what was received on each connection so far.
func (f *fake) connections() [][]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([][]string, len(f.visits))
	for i, lines := range f.visits {
		list[i] = slices.Clone(lines)
	}
	return list
}

// good is what an ordinary broker answers.
func good(p packets.ControlPacket) []packets.ControlPacket {
	switch p := p.(type) {
	case *packets.ConnectPacket:
		return []packets.ControlPacket{packets.NewControlPacket(packets.Connack)}
	case *packets.PublishPacket:
		if p.Qos > 0 {
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = p.MessageID
			return []packets.ControlPacket{ack}
		}
	case *packets.PingreqPacket:
		return []packets.ControlPacket{packets.NewControlPacket(packets.Pingresp)}
	}
	return nil
}

func refuse(code byte) func(int, packets.ControlPacket) ([]packets.ControlPacket, bool) {
	return func(int, packets.ControlPacket) ([]packets.ControlPacket, bool) {
		ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		ack.ReturnCode = code
		return []packets.ControlPacket{ack}, false
	}
}

// threeHundred is a board of 300 points.
func threeHundred() *bridge.Board {
	b := bridge.New()
	for i := range 100 {
		room := driver.Subject{Scope: driver.OfRoom, ID: string(rune('a'+i/26)) + string(rune('a'+i%26))}
		put(b, room, driver.BoolValue(true), driver.BoolValue(false), driver.EnumValue("good"))
	}
	return b
}

// against runs a Sink with a fake broker for a while of virtual time.
func against(t *testing.T, f *fake, board *bridge.Board, while time.Duration, log *slog.Logger) {
	o := options(t, "mqtt://broker.example:1883", board)
	o.Username, o.Password = "roomgate", "hunter2"
	o.Dial = f.dial
	o.Log = log
	stop := start(t, o)
	time.Sleep(while)
	synctest.Wait()
	if h := board.Health()[Part]; h.OK {
		t.Errorf("health is %+v with a broker that misbehaves", h)
	}
	end(stop)
}

// end stops a Sink in a bubble and lets the goroutines of the client library
// run out, some of which wait for the write timeout.
func end(stop func()) {
	stop()
	time.Sleep(time.Minute)
	synctest.Wait()
}

func TestLoginRefused(t *testing.T) {
	for _, c := range []struct {
		code byte
		want string
	}{
		{packets.ErrRefusedBadUsernameOrPassword, `the broker at broker.example:1883 refused the login of user "roomgate"; check mqtt.username and mqtt.password_file, and that the broker knows this user`},
		{packets.ErrRefusedNotAuthorised, `the broker at broker.example:1883 refused the login of user "roomgate"; check mqtt.username and mqtt.password_file, and that the broker knows this user`},
		{packets.ErrRefusedIDRejected, `the broker at broker.example:1883 refused the client id "roomgate-hq"; set mqtt.client_id to one that the broker allows`},
		{packets.ErrRefusedBadProtocolVersion, `the broker at broker.example:1883 does not speak MQTT 3.1.1; switch MQTT 3.1.1 on at the broker`},
		{packets.ErrRefusedServerUnavailable, `the broker at broker.example:1883 reports that it is not available; see the broker's log`},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			f := &fake{answer: refuse(c.code)}
			board := threeHundred()
			against(t, f, board, 10*time.Second, slog.New(slog.NewTextHandler(&log, nil)))
			if got := board.Health()[Part].Words; got != c.want {
				t.Errorf("code %d:\n got %s\nwant %s", c.code, got, c.want)
			}
			// Waits of half of 1, 2, 4, 8 s: the jitter of the test is nothing.
			var at []time.Duration
			for _, i := range f.instant {
				at = append(at, i.Sub(f.instant[0]))
			}
			want := []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond}
			if !slices.Equal(at, want) {
				t.Errorf("attempts at %v, want %v", at, want)
			}
			for i, lines := range f.connections() {
				if len(lines) != 1 || !strings.HasPrefix(lines[0], "CONNECT MQTT4 ") {
					t.Errorf("attempt %d sent %q, want one CONNECT of MQTT 3.1.1", i, lines)
				}
			}
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Errorf("%d lines logged, want one for a reason that stays the same:\n%s", n, log.String())
			}
			if strings.Contains(log.String(), "hunter2") {
				t.Error("the password is in the log")
			}
		})
	}
}

func TestBrokerNeverAcknowledges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.answer = func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			if _, ok := p.(*packets.PublishPacket); ok {
				return nil, true
			}
			return good(p), true
		}
		board := threeHundred()
		against(t, f, board, time.Hour, slog.New(slog.DiscardHandler))
		want := "the broker at broker.example:1883 has acknowledged nothing for 30s; see the broker's log; it may be overloaded or out of disk space"
		if got := board.Health()[Part].Words; got != want {
			t.Errorf("health %q, want %q", got, want)
		}
		if len(f.connections()) < 20 {
			t.Fatalf("%d connections in an hour, want one after the other", len(f.connections()))
		}
		for i, lines := range f.connections()[:len(f.connections())-1] {
			published := 0
			for _, l := range lines {
				if strings.HasPrefix(l, "PUBLISH ") {
					published++
				}
			}
			if published != 32 || lines[len(lines)-1] != "gone" {
				t.Errorf("connection %d had %d messages in flight, want 32, and ended with %q", i, published, lines[len(lines)-1])
			}
			if slices.Contains(lines, "DISCONNECT") {
				t.Errorf("connection %d ended with a good-bye, which keeps the broker from publishing the last will", i)
			}
		}
	})
}

// A broker that hangs up in the middle of the first pass is told everything
// again, from the start.
func TestBrokerHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, packet := &fake{}, 0
		f.answer = func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			packet++
			return good(p), visit > 0 || packet < 50
		}
		board := threeHundred()
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = f.dial
		stop := start(t, o)
		time.Sleep(time.Second)
		synctest.Wait()
		if h := board.Health()[Part]; !h.OK || h.Words != "connected to the broker at broker.example:1883" {
			t.Errorf("health %+v after the second connection", h)
		}
		end(stop)
		if len(f.connections()) != 2 {
			t.Fatalf("%d connections, want 2", len(f.connections()))
		}
		second := f.connections()[1]
		if len(second) != 305 { // CONNECT, 300 points, online, offline, DISCONNECT, gone
			t.Fatalf("%d packets on the second connection, want 305", len(second))
		}
		for i, want := range map[int]string{
			1:   `PUBLISH roomgate/hq/rooms/aa/booked="true" qos1 retained`,
			100: `PUBLISH roomgate/hq/rooms/dv/booked="true" qos1 retained`,
			101: `PUBLISH roomgate/hq/rooms/aa/comfort="false" qos1 retained`,
			301: `PUBLISH roomgate/hq/gateway/status="online" qos1 retained`,
			302: `PUBLISH roomgate/hq/gateway/status="offline" qos1 retained`,
			303: `DISCONNECT`,
		} {
			if second[i] != want {
				t.Errorf("packet %d is %s, want %s", i, second[i], want)
			}
		}
	})
}

// A connection that is half open is noticed by its silence.
func TestHalfOpen(t *testing.T) {
	for _, c := range []struct {
		name   string
		silent func(p packets.ControlPacket) bool // what the broker no longer answers
		want   string
	}{
		{"no answer to the login", func(packets.ControlPacket) bool { return true },
			"the broker at broker.example:1883 gave no answer within 15s; check mqtt.broker, and that firewalls let the connection through"},
		{"no answer to pings", func(p packets.ControlPacket) bool { _, ping := p.(*packets.PingreqPacket); return ping },
			"the broker at broker.example:1883 has sent nothing for 45s, not even the answer to a ping; check the network between this machine and the broker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				f.answer = func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
					if c.silent(p) {
						return nil, true
					}
					return good(p), true
				}
				board := threeHundred()
				o := options(t, "mqtt://broker.example:1883", board)
				o.Dial = f.dial
				stop := start(t, o)
				defer end(stop)
				told := map[string]bool{}
				for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					if h := board.Health()[Part]; !h.OK {
						told[h.Words] = true
					}
				}
				if !told[c.want] {
					t.Errorf("told %v, want %q", told, c.want)
				}
			})
		})
	}
}

// The watchdog must never depend on the broker.
func TestBeats(t *testing.T) {
	for name, dial := range map[string]func(ctx context.Context, _ *url.URL) (net.Conn, error){
		"refused": func(context.Context, *url.URL) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
		},
		"no answer": func(ctx context.Context, _ *url.URL) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"good": (&fake{answer: func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) { return good(p), true }}).dial,
		"silent": (&fake{answer: func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			if _, ok := p.(*packets.ConnectPacket); ok {
				return good(p), true
			}
			return nil, true
		}}).dial,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				board := threeHundred()
				o := options(t, "mqtt://broker.example:1883", board)
				o.Dial = dial
				stop := start(t, o)
				defer end(stop)
				synctest.Wait()
				for range 3600 {
					time.Sleep(time.Second)
					if stuck := board.Stuck(30 * time.Second); stuck != nil {
						t.Fatalf("no sign of life for 30 s: %v", stuck)
					}
				}
				if board.Health()[Part].Beat.IsZero() {
					t.Error("no sign of life ever")
				}
			})
		})
	}
}

// A stop must not wait for a broker that does not answer.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.answer = func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			if _, ok := p.(*packets.ConnectPacket); ok {
				return good(p), true
			}
			return nil, true
		}
		o := options(t, "mqtt://broker.example:1883", threeHundred())
		o.Dial = f.dial
		stop := start(t, o)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the stop took %v of virtual time, want at most 3 s", took)
		}
		end(stop)
		if lines := f.connections()[0]; !slices.Contains(lines, `PUBLISH roomgate/hq/gateway/status="offline" qos1 retained`) {
			t.Errorf("offline was not published: %q", lines)
		}
	})
}

// A value that changes while its message is on the way is sent once that is
// acknowledged, and not before.
func TestChangeWhileInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := bridge.New()
		put(board, roomA, driver.BoolValue(true))
		f, first := &fake{}, true
		f.answer = func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			if _, ok := p.(*packets.PublishPacket); ok && first {
				first = false
				put(board, roomA, driver.BoolValue(false))
				time.Sleep(time.Second)
				f.note(0, "first answer")
			}
			return good(p), true
		}
		o := options(t, "mqtt://broker.example", board)
		o.Dial = f.dial
		stop := start(t, o)
		time.Sleep(5 * time.Second)
		end(stop)
		want := []string{
			`PUBLISH roomgate/hq/rooms/a/booked="true" qos1 retained`,
			`first answer`,
			`PUBLISH roomgate/hq/rooms/a/booked="false" qos1 retained`,
			`PUBLISH roomgate/hq/gateway/status="online" qos1 retained`,
			`PUBLISH roomgate/hq/gateway/status="offline" qos1 retained`,
			`DISCONNECT`, `gone`,
		}
		slices.Sort(want[2:4]) // both may go once the first is acknowledged
		got := f.connections()[0][1:]
		if len(got) == len(want) {
			slices.Sort(got[2:4])
		}
		if !slices.Equal(got, want) {
			t.Errorf("sent:\n got %q\nwant %q", got, want)
		}
	})
}

// After a connection that lasted the waits start again from the shortest, and after one
// that did not they go on. What was retired is not retired again.
func TestAfterAGoodConnection(t *testing.T) {
	for _, c := range []struct {
		pings int           // after which the broker hangs up; they are due after 30 s and looked for every 5 s
		gap   time.Duration // to the next attempt
	}{
		{1, 30*time.Second + 8*time.Second},         // after waits of half of 1, 2, 4, 8 s, half of 16 s
		{5, 150*time.Second + 500*time.Millisecond}, // half of 1 s
	} {
		synctest.Test(t, func(t *testing.T) {
			const goodVisit = 4
			f, pings := &fake{}, 0
			f.answer = func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
				if visit < goodVisit {
					return refuse(packets.ErrRefusedServerUnavailable)(visit, p)
				}
				if _, ping := p.(*packets.PingreqPacket); ping && visit == goodVisit {
					pings++
				}
				return good(p), visit > goodVisit || pings < c.pings
			}
			o := options(t, "mqtt://broker.example", threeHundred())
			o.Dial = f.dial
			o.ClearTopics = []string{"roomgate/hq/rooms/old/booked"}
			stop := start(t, o)
			time.Sleep(5 * time.Minute)
			end(stop)
			if len(f.connections()) != goodVisit+2 {
				t.Fatalf("%d connections, want %d", len(f.connections()), goodVisit+2)
			}
			if gap := f.instant[goodVisit+1].Sub(f.instant[goodVisit]); gap != c.gap {
				t.Errorf("tried again %v after the good connection began, want %v", gap, c.gap)
			}
			const retire = `PUBLISH roomgate/hq/rooms/old/booked="" qos1 retained`
			if first, second := f.connections()[goodVisit], f.connections()[goodVisit+1]; !slices.Contains(first, retire) || slices.Contains(second, retire) {
				t.Error("the retired topic was not deleted once on the first connection only")
			}
		})
	}
}

func TestUserInURLIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: refuse(packets.ErrRefusedNotAuthorised)}
		o := options(t, "mqtt://other:secret@broker.example", threeHundred())
		o.Username, o.Dial = "roomgate", f.dial
		stop := start(t, o)
		synctest.Wait()
		words := o.Board.Health()[Part].Words
		end(stop)
		if !strings.Contains(f.connections()[0][0], " user=roomgate ") || strings.Contains(words, "secret") {
			t.Errorf("sent %q, told %q", f.connections()[0][0], words)
		}
	})
}

func TestConnectTrouble(t *testing.T) {
	o := options(t, "mqtts://broker.example:8883", nil)
	for _, c := range []struct {
		cause  error
		words  string
		person bool
	}{
		{&net.DNSError{Err: "no such host", Name: "broker.example", IsNotFound: true},
			`the broker's host name "broker.example" is not known; check mqtt.broker, and the name servers of this machine`, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
			"nothing listens at broker.example:8883; start the broker, or correct the port in mqtt.broker", false},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET},
			"the broker at broker.example:8883 closed the connection without an answer; see the broker's log: it may want a client certificate (mqtt.cert_file and mqtt.key_file), or not speak TLS on this port", false},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
			"the broker at broker.example:8883 does not speak TLS on this port; correct the port in mqtt.broker, which is usually 8883", true},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")},
			"the broker at broker.example:8883 refused the TLS connection: tls: certificate required; check mqtt.cert_file and mqtt.key_file", true},
		{errors.New("something else"),
			"connecting to the broker at broker.example:8883: something else; check mqtt.broker, and the broker's log", false},
		{packets.ErrorRefusedNotAuthorised,
			"the broker at broker.example:8883 refused the login of a client without a user name; check mqtt.username and mqtt.password_file, and that the broker knows this user", true},
	} {
		err := o.connectFailure(c.cause)
		if words, person := driver.Explain(err); words != c.words || person != c.person {
			t.Errorf("%v:\n got %s, %t\nwant %s, %t", c.cause, words, person, c.words, c.person)
		}
		if !errors.Is(err, c.cause) {
			t.Errorf("%v is not wrapped", c.cause)
		}
	}
}

// The words for a lost connection are the same at every connection: they do not name the
// port of this side.
func TestLostConnection(t *testing.T) {
	o := options(t, "mqtt://broker.example", nil)
	cause := &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 40001}, Addr: &net.TCPAddr{Port: 1883}, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	const want = "the connection to the broker at broker.example was lost: read: connection reset by peer"
	if words, _ := driver.Explain(o.connectionLost(cause, false)); words != want {
		t.Errorf("%s, want %s", words, want)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Broker = nil }, `mqtt broker "": need mqtt, mqtts, ws or wss and a host, as in mqtts://broker.example:8883`},
		{func(o *Options) { o.Broker = parse(t, "http://u:secret@h") }, `mqtt broker "http://h": need mqtt, mqtts, ws or wss and a host, as in mqtts://broker.example:8883`},
		{func(o *Options) { o.Broker = parse(t, "mqtt://:1883") }, `mqtt broker "mqtt://:1883": need mqtt, mqtts, ws or wss and a host, as in mqtts://broker.example:8883`},
		{func(o *Options) { o.Site = "" }, "mqtt topics need a prefix and a site"},
		{func(o *Options) { o.Format.Bool = "yes/no" }, `mqtt payloads: bool words "yes/no" are not known; use "true/false", "1/0" or "ON/OFF"`},
		{func(o *Options) { o.Format.Time = "unix" }, `mqtt payloads: time style "unix" is not known; use "rfc3339", "rfc3339_local", "epoch_s" or "epoch_ms"`},
	} {
		o := options(t, "mqtt://broker.example", bridge.New())
		c.change(&o)
		if _, err := New(o); err == nil || err.Error() != c.want {
			t.Errorf("New = %v, want %s", err, c.want)
		}
	}
}
