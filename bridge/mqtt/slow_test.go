package mqtt

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// A site of 200 kB needs more than two minutes on a link of 1.5 kB/s, and most messages in
// flight are acknowledged only after the time that the broker has for one. The gateway
// comes online on its first connection, and a change is not held up for long.
func TestSlowLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newChoosy(func(string, int) bool { return false })
		board := bigBoard(20, func(i int) int { return 4000 + 12000*(i%2) })
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = throttled(f.dial, 1500)
		stop := start(t, o)
		time.Sleep(time.Hour)
		synctest.Wait()
		if h := board.Health()[Part]; !h.OK {
			t.Errorf("after an hour: %+v", h)
		}
		if got := f.missing(board); len(got) != 0 {
			t.Errorf("missing: %s", few(got))
		}
		all := f.connections()
		if len(all) != 1 {
			t.Errorf("%d connections, want one", len(all))
		}
		end(stop)
	})
}

// A link on which nothing moves any more is given up, whether something is in flight or
// not, and so is a login that does not go on.
func TestLinkThatStops(t *testing.T) {
	for _, c := range []struct {
		name  string
		after int // packets
		want  string
	}{
		{"at the login", 0, "the broker at broker.example:1883 gave no answer within 15s; check mqtt.broker, and that firewalls let the connection through"},
		{"while publishing", 20, "the broker at broker.example:1883 has acknowledged nothing for 30s; see the broker's log; it may be overloaded or out of disk space"},
		{"later", 33, "the broker at broker.example:1883 has sent nothing for 45s, not even the answer to a ping; check the network between this machine and the broker"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				f := &fake{answer: func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
					if n.Add(1) > int32(c.after) {
						return nil, true
					}
					return good(p), true
				}}
				board := bigBoard(10, func(int) int { return 1000 })
				o := options(t, "mqtt://broker.example:1883", board)
				o.Dial = throttled(f.dial, 1500)
				stop := start(t, o)
				told := map[string]bool{}
				for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					told[board.Health()[Part].Words] = true
				}
				if !told[c.want] {
					t.Errorf("told %v, want %q", told, c.want)
				}
				end(stop)
			})
		})
	}
}

// A TLS handshake may take longer than the broker has for an answer.
func TestSlowHandshake(t *testing.T) {
	a := newAuthority(t)
	a.issue("broker", time.Now().Add(time.Hour))
	pair, err := tls.LoadX509KeyPair(a.path("broker.pem"), a.path("broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	trust := a.trust()
	synctest.Test(t, func(t *testing.T) {
		trust.Time = func() time.Time { return a.cert.NotBefore.Add(time.Minute) } // virtual time began long ago
		near, far := net.Pipe()
		slow, _ := throttled(func(context.Context, *url.URL) (net.Conn, error) { return near, nil }, 40)(t.Context(), nil)
		broker := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{pair}})
		go func() { _ = broker.Handshake() }()
		began := time.Now()
		conn, err := handshake(t.Context(), slow, trust, "127.0.0.1")
		if err != nil {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if took := time.Since(began); took < 2*connectTimeout {
			t.Errorf("the handshake took %v only: the link is not slow enough for this test", took)
		}
		conn.Close()
		near.Close()

		near, silent := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, silent) }()
		if _, err := handshake(t.Context(), near, trust, "127.0.0.1"); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("without an answer: %v", err)
		}
	})
}

type dialFunc = func(context.Context, *url.URL) (net.Conn, error)

// throttled returns a dial function whose connections carry so many bytes a second in
// each direction. It holds little that is on its way, as a slow link does.
func throttled(dial dialFunc, rate int) dialFunc {
	return func(ctx context.Context, broker *url.URL) (net.Conn, error) {
		conn, err := dial(ctx, broker)
		if err != nil {
			return nil, err
		}
		near, far := net.Pipe()
		go carry(near, conn, rate)
		go carry(conn, near, rate)
		return far, nil
	}
}

// carry copies at a rate until either side ends.
func carry(to, from net.Conn, rate int) {
	defer to.Close()
	defer from.Close()
	for piece := make([]byte, 256); ; {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}
