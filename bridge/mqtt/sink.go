package mqtt

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// Options are what a Sink is built from. All are needed unless said otherwise.
type Options struct {
	Site   string // topic segment
	Prefix string // of all topics, without a slash at the end

	Broker             *url.URL    // scheme mqtt, mqtts, ws or wss; a user in it is not used
	Username, Password string      // may be empty
	ClientID           string      // empty: roomgate-<site>
	TLS                *tls.Config // for mqtts and wss; nil: the system's authorities

	Format Format
	Retire []string // topics whose retained value is deleted, once
	Shown  func()   // called once, when the broker shows the whole board and Retire is done; may be nil

	Sensors []Sensor // presence sensors to listen to

	Board *bridge.Board
	Now   func() time.Time // for health reports
	Log   *slog.Logger
	// Jitter returns a random duration in [0, max); it spreads reconnects.
	Jitter func(max time.Duration) time.Duration
	// KeepStatus is asked at a stop: true leaves gateway/status as it is,
	// because another Sink follows at once. nil: offline is published.
	KeepStatus func() bool
	// Dial opens the connection; nil: by the scheme of Broker.
	Dial func(ctx context.Context, broker *url.URL) (net.Conn, error)
}

// Sink publishes the board to a broker, and listens there to presence sensors.
type Sink struct {
	o              Options
	first, longest time.Duration // waits between attempts to connect
	told           string        // why there is no connection, as last logged
	retired        bool          // o.Retire is done with

	inbox  *inbox
	hungUp int    // connections in a row that ended while the broker was asked for topics
	deaf   string // why presence is not heard, as last logged
}

// Part is the name under which the Sink reports its health to the board.
const Part = "mqtt"

const (
	connectTimeout = 15 * time.Second // to open a connection and log in
	ackTimeout     = 30 * time.Second // for a message to be acknowledged
	goodbye        = 2 * time.Second  // for "offline" to be acknowledged at a stop
	beatEvery      = 10 * time.Second // signs of life, with or without a broker
)

// New builds a Sink. It reports options that cannot work.
func New(o Options) (*Sink, error) {
	if o.Broker == nil || !dialable(o.Broker) {
		return nil, fmt.Errorf("mqtt broker %q: need mqtt, mqtts, ws or wss and a host, as in mqtts://broker.example:8883", redacted(o.Broker))
	}
	if o.Site == "" || o.Prefix == "" {
		return nil, errors.New("mqtt topics need a prefix and a site")
	}
	if err := o.Format.check(); err != nil {
		return nil, fmt.Errorf("mqtt payloads: %w", err)
	}
	for _, s := range o.Sensors {
		if s.Topic == "" || strings.ContainsAny(s.Topic, "+#") {
			return nil, fmt.Errorf("presence topic %q: need one topic, without the wildcards + and #", s.Topic)
		}
	}
	broker := *o.Broker
	broker.User = nil // would otherwise override Username and Password
	o.Broker = &broker
	// A connection that hangs half open is ended by the broker when a client of
	// the same id comes: its last will must not arrive after the new "online".
	o.ClientID = cmp.Or(o.ClientID, "roomgate-"+o.Site)
	return &Sink{o: o, first: time.Second, longest: time.Minute, inbox: newInbox()}, nil
}

func redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Run keeps the broker up to date until ctx ends, and returns ctx's error. A
// broker that cannot be used is tried again, with waits from one second to one
// minute, for as long as it takes; what is the matter stands on the board.
func (s *Sink) Run(ctx context.Context) error {
	s.o.Board.Report(Part, false, "connecting to the broker at "+s.o.Broker.Host, s.o.Now())
	var ears sync.WaitGroup
	ears.Go(func() { s.hear(ctx) })
	defer ears.Wait()
	wait := s.first
	for {
		online, err := s.connect(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.failed(err)
		if online {
			wait = s.first
		}
		if !await(ctx, s, time.After(wait/2+s.o.Jitter(wait/2))) {
			return ctx.Err()
		}
		wait = min(2*wait, s.longest)
	}
}

// connect makes one connection and uses it until it ends. online tells whether
// the broker came to show the whole board.
func (s *Sink) connect(ctx context.Context) (online bool, err error) {
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	c := newConnection(s, opening)
	opened := c.client.Connect()
	if !await(ctx, s, opened.Done()) {
		c.client.Disconnect(0)
		return false, ctx.Err()
	}
	if err := opened.Error(); err != nil {
		return false, s.o.connectTrouble(err)
	}
	return c.use(ctx)
}

// await waits for something or the end of ctx, and gives signs of life
// meanwhile. It reports whether the thing came.
func await[T any](ctx context.Context, s *Sink, thing <-chan T) bool {
	for {
		s.beat()
		select {
		case <-ctx.Done():
			return false
		case <-thing:
			return true
		case <-time.After(beatEvery):
		}
	}
}

func (s *Sink) beat() { s.o.Board.Beat(Part, s.o.Now()) }

// failed tells that there is no connection, and why.
func (s *Sink) failed(err error) {
	words, person := driver.Explain(err)
	s.o.Board.Report(Part, false, words, s.o.Now())
	if words == s.told {
		return
	}
	s.told = words
	level := slog.LevelWarn
	if person {
		level = slog.LevelError
	}
	s.o.Log.Log(context.Background(), level, "no broker", "reason", words)
}

// online tells that the broker shows the whole board.
func (s *Sink) online() {
	if !s.retired && s.o.Shown != nil {
		s.o.Shown()
	}
	s.told, s.retired = "", true
	s.connected()
	s.o.Log.Info("the broker shows all points", "broker", s.o.Broker.Host)
}

func (s *Sink) connected() {
	s.o.Board.Report(Part, true, "connected to the broker at "+s.o.Broker.Host, s.o.Now())
}
