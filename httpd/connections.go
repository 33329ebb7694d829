package httpd

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	mostConnections    = 256
	mostOfAddress      = 32       // of them, from one address of another machine
	mostOfNetwork      = 128      // of them, from one /64 of IPv6: the panels of a floor may share it
	sendBuffer         = 32 << 10 // bytes that the kernel holds for a connection; it doubles them (socket(7))
	refuseTimeout      = 100 * time.Millisecond
	tellRefusalsAtMost = time.Hour // one line of the log in this time
	refusedConnection  = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 30\r\n" +
		"Connection: close\r\n\r\ntoo many connections are open; close some\n"
)

// connections counts the open connections of a server.
type connections struct {
	log *slog.Logger

	mu    sync.Mutex
	total int
	of    map[netip.Prefix]int // by address and by network of another machine
	told  time.Time            // when refusals were last logged
}

func newConnections(log *slog.Logger) *connections {
	return &connections{log: log, of: map[netip.Prefix]int{}}
}

// enter counts a connection from an address. It refuses one that is too many.
func (c *connections) enter(address string) (leave func(), ok bool) {
	var counts []netip.Prefix
	peer, known := parseAddress(address)
	if known && !peer.IsLoopback() {
		counts = append(counts, whole(peer))
		if peer.Is6() {
			counts = append(counts, network(peer))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= mostConnections || slices.ContainsFunc(counts, c.isFull) {
		c.tell(address)
		return nil, false
	}
	c.add(counts, 1)
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.add(counts, -1)
	}), true
}

// isFull reports whether an address or a network has all connections that it may have;
// called with mu held.
func (c *connections) isFull(p netip.Prefix) bool {
	if p.IsSingleIP() {
		return c.of[p] >= mostOfAddress
	}
	return c.of[p] >= mostOfNetwork
}

// add is called with mu held.
func (c *connections) add(counts []netip.Prefix, n int) {
	c.total += n
	for _, p := range counts {
		if c.of[p] += n; c.of[p] == 0 {
			delete(c.of, p)
		}
	}
}

// tell logs that connections are refused, the first time and then once an hour;
// called with mu held.
func (c *connections) tell(address string) {
	if now := time.Now(); c.told.IsZero() || now.Sub(c.told) >= tellRefusalsAtMost {
		c.told = now
		c.log.Warn("connections are refused because too many are open; find out what opens them", "from", address,
			"open", c.total, "most", mostConnections, "most_from_one_address", mostOfAddress)
	}
}

// limited is a listener that refuses connections beyond the limits.
type limited struct {
	net.Listener
	connections *connections
}

// Accept implements net.Listener.
func (l limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, ok := l.connections.enter(c.RemoteAddr().String())
		if !ok {
			refuse(c)
			continue
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer) // with the kernel's own size it works as well
		}
		return &counted{c, leave}, nil
	}
}

// refuse answers and closes a new connection. Its send buffer is empty, so the
// answer does not wait for the client.
func refuse(c net.Conn) {
	_ = c.SetWriteDeadline(time.Now().Add(refuseTimeout)) // if this fails, so does the connection
	_, _ = c.Write([]byte(refusedConnection))             // the client may be gone
	c.Close()
}

// counted is a connection that is uncounted when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
