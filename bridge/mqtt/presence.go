package mqtt

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"roomgate/driver"
)

// Sensor is a presence sensor that tells on a topic whether somebody is there.
type Sensor struct {
	Topic   string // one topic, without wildcards; several sensors may share it
	Reading Reading
	// Tell takes what the sensor says, again with every message. Of messages that
	// come faster than they are taken, only the newest of a topic is told.
	Tell func(driver.Presence)
}

// topics are those of the sensors, each once.
func (o Options) topics() []string {
	var all []string
	for _, s := range o.Sensors {
		all = append(all, s.Topic)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// inbox keeps the newest message of every topic until it is taken, so that the
// network waits for nobody and nothing piles up.
type inbox struct {
	filled chan struct{} // holds one when there is something to take

	mu     sync.Mutex
	newest map[string][]byte
}

func newInbox() *inbox {
	return &inbox{filled: make(chan struct{}, 1), newest: map[string][]byte{}}
}

func (b *inbox) put(topic string, payload []byte) {
	if len(payload) > longest {
		payload = bytes.Clone(payload[:longest+1]) // enough to see that it is too long
	}
	b.mu.Lock()
	b.newest[topic] = payload
	b.mu.Unlock()
	select {
	case b.filled <- struct{}{}:
	default:
	}
}

func (b *inbox) take() map[string][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.newest
	b.newest = map[string][]byte{}
	return taken
}

// hearEvery is the pause after messages were told: a sensor gone wild must not
// keep those who are told from everything else.
const hearEvery = 100 * time.Millisecond

// hear tells what the sensors say until ctx ends.
func (s *Sink) hear(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inbox.filled:
		}
		messages := s.inbox.take()
		for _, sensor := range s.o.Sensors {
			if payload, ok := messages[sensor.Topic]; ok {
				sensor.Tell(sensor.Reading.Presence(payload))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(hearEvery):
		}
	}
}

// listening is how far a connection has come with the topics of the sensors. It
// begins once the board is shown: a broker that hangs up on who asks for too much
// has shown it by then.
type listening struct {
	due     []string  // topics to subscribe to
	open    int       // asked for and not yet answered
	refused []string  // by the broker
	again   time.Time // when they are asked for again; zero: not
}

const (
	askAgain  = 10 * time.Minute // after which access rules may have been mended
	hangUpsOK = 2                // connections in a row that may end while the broker is asked
)

// listen begins to subscribe. After hang-ups that were no accident it waits: the
// points come first.
func (c *connection) listen() {
	c.due = c.s.o.topics()
	if c.s.hungUp >= hangUpsOK {
		c.refused, c.due = c.due, nil
		c.listens()
	}
}

// listenAgain asks for what was refused, when it is time.
func (c *connection) listenAgain() {
	if !c.again.IsZero() && !time.Now().Before(c.again) {
		c.due, c.refused, c.again = c.refused, nil, time.Time{}
	}
}

// answered takes the broker's answer to a subscription.
func (c *connection) answered(topic string, refused bool) {
	c.open--
	if refused {
		c.refused = append(c.refused, topic)
	}
	if c.open == 0 && len(c.due) == 0 {
		c.s.hungUp = 0
		c.listens()
	}
}

// listens tells how the listening stands.
func (c *connection) listens() {
	if len(c.refused) > 0 {
		c.again = time.Now().Add(askAgain)
	}
	c.s.listens(c.refused)
}

// listens tells people which topics are not heard, once the broker has said so.
func (s *Sink) listens(refused []string) {
	if len(refused) == 0 {
		if s.deaf != "" {
			s.deaf = ""
			s.connected()
			s.o.Log.Info("all presence topics are heard", "broker", s.o.Broker.Host)
		}
		return
	}
	words, _ := driver.Explain(s.o.unheardTrouble(refused))
	s.o.Board.Report(Part, false, words, s.o.Now())
	if words != s.deaf {
		s.o.Log.Error("presence is not heard", "reason", words)
	}
	s.deaf = words
}

// tryListening subscribes to the topics of the sensors, and ends the visit where
// the broker hangs up on that.
func (v *visitor) tryListening(ctx context.Context, o Options) error {
	var refused []string
	for _, topic := range o.topics() {
		asked := v.client.Subscribe(topic, 1, nil)
		if err := v.await(ctx, asked); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return o.unheardTrouble([]string{topic})
		}
		if refusedBy(asked) {
			refused = append(refused, topic)
		}
	}
	if len(refused) > 0 {
		return o.unheardTrouble(refused)
	}
	return nil
}
