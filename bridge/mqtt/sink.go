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
	"sync/atomic"
	"time"

	"roomgate/bridge"
)

// Options configures a Sink. All fields are required unless said otherwise.
type Options struct {
	Site   string // topic segment
	Prefix string // of all topics, without a slash at the end

	Broker             *url.URL    // scheme mqtt, mqtts, ws or wss; a user in it is not used
	Username, Password string      // may be empty
	ClientID           string      // empty: roomgate-<site>
	TLS                *tls.Config // for mqtts and wss; nil: the system's authorities
	// Reread reads the password and the certificates again, before each connection. With an
	// error the previous ones are used. nil: they do not change.
	Reread func() (password string, config *tls.Config, err error)

	Format      Format
	ClearTopics []string // topics whose retained value is deleted
	OnSynced    func()   // called once the broker holds the whole board and ClearTopics are deleted; may be nil

	Sensors []Sensor // presence sensors to subscribe to

	// Instance is who publishes. The zero Instance: nobody is told, and the Sink does not
	// listen to its own topics.
	Instance Instance

	// Concerns is called with everything that is wrong although the broker is connected,
	// in words, whenever that changes. It may be nil.
	Concerns func(words []string)

	Board *bridge.Board
	Now   func() time.Time // for health reports
	Log   *slog.Logger
	// Jitter returns a random duration in [0, max); it spreads reconnects in time.
	Jitter func(max time.Duration) time.Duration
	// KeepStatus is called at a stop. true leaves gateway/status as it is, because
	// another Sink follows at once. nil: offline is published.
	KeepStatus func() bool
	// Dial opens the connection; nil: by the scheme of Broker.
	Dial func(ctx context.Context, broker *url.URL) (net.Conn, error)

	// current are the credentials as they were last read, for all copies of the options
	// that a Sink makes: the rest does not change once it is built.
	current *atomic.Pointer[credentials]
}

// credentials are what a connection to the broker needs, which may be renewed.
type credentials struct {
	password string
	tls      *tls.Config
}

// Sink publishes the board to a broker, and subscribes there to presence sensors. Its
// methods may be called while it runs.
type Sink struct {
	o     Options
	back  backOff
	told  told
	trust trust
	tick  time.Duration // between heartbeats, with or without a broker
	quiet bool          // what was logged last is that all points are published
	yield time.Duration // how long another gateway of the same client id was left alone last

	mu           sync.Mutex
	clear        []string      // topics to delete, until that is acknowledged
	clearVersion int           // counts replacements of clear
	onSynced     func()        // nil: was called
	clearChanged chan struct{} // holds one when clear was replaced

	inbox       *inbox
	large       largeMessages
	quarantine  quarantine
	disconnects int // connections in a row that ended while subscriptions were unanswered
}

// Part is the name under which the Sink reports its health to the board.
const Part = "mqtt"

const (
	connectTimeout = 15 * time.Second // to open a connection, and without anything arriving until the login is answered
	openTimeout    = 2 * time.Minute  // for all of that
	ackTimeout     = 30 * time.Second // without a message being acknowledged or one of another client arriving
	answerTimeout  = 10 * time.Minute // without a message being acknowledged
	writeTimeout   = 30 * time.Second // for the network to accept a message
	offlineTimeout = 2 * time.Second  // for "offline" to be acknowledged at a stop
	beatEvery      = 10 * time.Second // heartbeats of the loop, with or without a broker
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
	// The broker ends a half-open connection when a client with the same id
	// connects, so its last will does not arrive after the new "online".
	o.ClientID = cmp.Or(o.ClientID, "roomgate-"+o.Site)
	o.current = &atomic.Pointer[credentials]{}
	o.current.Store(&credentials{o.Password, o.TLS})
	return &Sink{o: o, inbox: newInbox(), quarantine: newQuarantine(), told: told{to: o.Log},
		tick: beatEvery, back: backOff{first: time.Second, longest: time.Minute},
		trust: trust{contests: map[contested]*contest{}, noticeEvery: noticeEvery, silentAfter: silentAfter, lookEvery: lookEvery},
		clear: o.ClearTopics, onSynced: o.OnSynced, clearChanged: make(chan struct{}, 1)}, nil
}

func redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Run keeps the broker up to date until ctx ends, and returns ctx's error. It
// retries without limit, with pauses from one second to one minute; the reason is the
// health of the part on the board.
func (s *Sink) Run(ctx context.Context) error {
	s.o.Board.Report(Part, false, "connecting to the broker at "+s.o.Broker.Host, s.o.Now())
	s.tellConcerns() // those of a Sink before it are over
	var receiver sync.WaitGroup
	receiver.Go(func() { s.receive(ctx) })
	defer receiver.Wait()
	for {
		ended := s.connect(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.failed(ended)
		if !s.pause(ctx, ended) {
			return ctx.Err()
		}
	}
}

// connect makes one connection and uses it until it ends.
func (s *Sink) connect(ctx context.Context) ending {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s.reread()
	c := newConnection(s, opening)
	opened := c.client.Connect()
	if !await(ctx, s, opened.Done()) {
		c.client.Disconnect(0)
		return ending{err: ctx.Err()}
	}
	if err := opened.Error(); err != nil {
		if hungUp(err) && s.o.refusesRetained(ctx) {
			return ending{err: s.o.retainRefused(err)}
		}
		return ending{err: s.o.connectFailure(err)}
	}
	return c.use(ctx)
}

// reread reads the password and the certificates again: they may have been renewed.
func (s *Sink) reread() {
	if s.o.Reread == nil {
		return
	}
	password, config, err := s.o.Reread()
	if err != nil {
		words := err.Error()
		s.told.log(slog.LevelWarn, words, "the files of the broker connection cannot be used, and what they contained before is", "reason", words)
		return
	}
	s.o.current.Store(&credentials{password, config})
}

// await waits for a value or the end of ctx, and sends heartbeats. It reports whether
// the value came.
func await[T any](ctx context.Context, s *Sink, thing <-chan T) bool {
	for {
		s.beat()
		select {
		case <-ctx.Done():
			return false
		case <-thing:
			return true
		case <-time.After(s.tick):
		}
	}
}

func (s *Sink) beat() { s.o.Board.Beat(Part, s.o.Now()) }

// ReplaceClear replaces the topics whose retained values are deleted, while the Sink
// runs or when it next connects, and then calls onSynced. A subject that was removed
// from the board is not published again.
func (s *Sink) ReplaceClear(topics []string, onSynced func()) {
	s.mu.Lock()
	s.clear, s.onSynced = topics, onSynced
	s.clearVersion++
	s.mu.Unlock()
	select {
	case s.clearChanged <- struct{}{}:
	default:
	}
}

// topicsToClear returns the topics to clear, and their version.
func (s *Sink) topicsToClear() (topics []string, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clear, s.clearVersion
}

// synced records that the topics to clear of a version are cleared. They may have been
// replaced by others, which are still to be cleared.
func (s *Sink) synced(version int) {
	s.mu.Lock()
	if s.clearVersion != version {
		s.mu.Unlock()
		return
	}
	call := s.onSynced
	s.clear, s.onSynced = nil, nil
	s.mu.Unlock()
	if call != nil {
		call()
	}
}
