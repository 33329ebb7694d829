package main

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// deafProxy stands between the gateway and its broker. Once muted it passes only
// the answer to a login: the gateway is let in, and nothing is acknowledged.
type deafProxy struct {
	listener net.Listener
	broker   string // behind
	muted    atomic.Bool
	mu       sync.Mutex
	conns    []net.Conn
}

// connackSize is the length of a CONNACK (MQTT 3.1.1 §3.2).
const connackSize = 4

// newDeafProxy listens where the house's configuration will look for the broker.
func newDeafProxy(t *testing.T, h *house) *deafProxy {
	t.Helper()
	l, err := net.Listen("tcp", h.broker)
	if err != nil {
		t.Fatal(err)
	}
	p := &deafProxy{listener: l, broker: freeAddr()}
	t.Cleanup(func() { l.Close(); p.cut() })
	go p.serve()
	return p
}

func (p *deafProxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		broker, err := net.Dial("tcp", p.broker)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, broker)
		p.mu.Unlock()
		go p.pass(broker, client, false)
		go p.pass(client, broker, p.muted.Load())
	}
}

// pass copies from one side to the other until either ends.
func (p *deafProxy) pass(to, from net.Conn, deaf bool) {
	defer to.Close()
	defer from.Close()
	if !deaf {
		_, _ = io.Copy(to, from) // the end of either is the end of both
		return
	}
	if _, err := io.CopyN(to, from, connackSize); err == nil {
		_, _ = io.Copy(io.Discard, from)
	}
}

// mute has the gateway connect again, to a broker that acknowledges nothing.
func (p *deafProxy) mute() { p.muted.Store(true); p.cut() }

// listen has the gateway connect again, to a broker in good health.
func (p *deafProxy) listen() { p.muted.Store(false); p.cut() }

// cut ends all connections.
func (p *deafProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}
