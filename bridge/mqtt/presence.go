package mqtt

import (
	"context"
	"slices"
	"sync"
	"time"

	"roomgate/driver"
)

// Sensor is a presence sensor that publishes on a topic whether somebody is there.
type Sensor struct {
	Topic   string // one topic, without wildcards; several sensors may share it
	Reading Reading
	// Receive is called with the report of every message. Of messages that arrive
	// faster than they are handled, only the newest of a topic counts.
	Receive func(driver.Presence)
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
// network never waits and no queue can grow.
type inbox struct {
	filled chan struct{} // holds one when there is something to take

	mu     sync.Mutex
	newest map[string][]byte
}

func newInbox() *inbox {
	return &inbox{filled: make(chan struct{}, 1), newest: map[string][]byte{}}
}

func (b *inbox) put(topic string, payload []byte) {
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

// receiveEvery is the pause after messages were handled: a sensor that floods its
// topic must not use all of the receiver's time.
const receiveEvery = 100 * time.Millisecond

// receive passes on the reports of the sensors until ctx ends.
func (s *Sink) receive(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.inbox.filled:
		}
		messages := s.inbox.take()
		for _, sensor := range s.o.Sensors {
			if payload, ok := messages[sensor.Topic]; ok {
				sensor.Receive(sensor.Reading.Presence(payload))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(receiveEvery):
		}
	}
}

// subscriptions are those of a connection to the topics of the sensors. They are
// made once the broker has the board: by then a broker that disconnects a client for
// a forbidden topic has the points.
type subscriptions struct {
	wanted     []string  // topics to subscribe to
	unanswered int       // subscriptions that were sent and not answered
	refused    []string  // by the broker
	retry      time.Time // when refused topics are tried again; zero: never
}

const (
	subscribeEvery   = 10 * time.Minute // between two attempts; access rules may have changed
	disconnectsLimit = 2                // connections in a row that may end while a subscription is unanswered
)

// subscribe starts the subscriptions. After repeated disconnects it waits, because
// publishing points has priority.
func (c *connection) subscribe() {
	c.wanted = slices.DeleteFunc(c.s.o.topics(), c.s.avoids)
	if c.s.disconnects >= disconnectsLimit {
		c.refused, c.wanted = c.wanted, nil
		c.subscribed()
	}
}

// subscribeAgain tries refused topics again, when it is time.
func (c *connection) subscribeAgain() {
	if !c.retry.IsZero() && !time.Now().Before(c.retry) {
		c.wanted, c.refused, c.retry = c.refused, nil, time.Time{}
	}
}

// answered handles the broker's answer to a subscription.
func (c *connection) answered(topic string, refused bool) {
	c.unanswered--
	if refused {
		c.refused = append(c.refused, topic)
	}
	if c.unanswered == 0 && len(c.wanted) == 0 {
		c.s.disconnects = 0
		c.subscribed()
	}
}

// subscribed reports which topics were refused once all are answered.
func (c *connection) subscribed() {
	if len(c.refused) > 0 {
		c.retry = time.Now().Add(subscribeEvery)
	}
	c.s.subscribed(c.refused)
}

// subscribed reports which topics are not received, once the broker has answered.
func (s *Sink) subscribed(refused []string) {
	if len(refused) == 0 {
		s.concern(presenceRefused, nil)
	} else {
		s.concern(presenceRefused, s.o.subscriptionRefused(refused))
	}
}

// trySubscribing subscribes to the topics of the sensors. It fails if the broker
// refuses one or disconnects the client.
func (v *shortConn) trySubscribing(ctx context.Context, o Options) error {
	var refused []string
	for _, topic := range o.topics() {
		asked := v.client.Subscribe(topic, 1, nil)
		if err := v.await(ctx, asked); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return o.subscriptionRefused([]string{topic})
		}
		if refusedBy(asked) {
			refused = append(refused, topic)
		}
	}
	if len(refused) > 0 {
		return o.subscriptionRefused(refused)
	}
	return nil
}
