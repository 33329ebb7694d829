package mqtt

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"roomgate/driver"
)

// subscriberTimeout bounds [Sink.Subscriber].
const subscriberTimeout = 2 * time.Minute

// Subscriber subscribes as a building management system does, to everything of the
// site with QoS 1, and compares what comes with what the broker retains and with what
// this Sink has on its board. It returns how many retained values came. subjects are
// those whose points may be retained. The error is an Actionable; it matches ErrUnproven
// if the broker does not let this user read the points.
func (s *Sink) Subscriber(ctx context.Context, subjects []driver.Subject) (came int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, subscriberTimeout, errTooSlow)
	defer cancel()
	all, err := s.o.gather(ctx, "-check-all", []string{s.o.everything()}, 1)
	if err != nil {
		return 0, err
	}
	var filters []string // one subject at a time, which no queue of a broker is too short for
	for _, subject := range subjects {
		filters = append(filters, Topic(s.o.Prefix, s.o.Site, subject, "+"))
	}
	each, err := s.o.gather(ctx, "-check-each", filters, 0)
	if err != nil {
		return 0, err
	}
	retained := len(each)
	for topic := range all {
		if !each[topic] {
			retained++ // published since, or of a subject that is not configured
		}
	}
	published := s.published()
	absent := 0
	for _, topic := range published {
		if !all[topic] && !each[topic] {
			absent++
		}
	}
	switch {
	case len(published) > 0 && retained == 0:
		return 0, s.o.readRefused(s.o.everything())
	case retained > len(all):
		return len(all), s.o.subscriberMisses(len(all), retained)
	case absent > 0:
		return len(all), s.o.notRetained(absent, len(published))
	}
	return len(all), nil
}

// everything is the filter of all topics of the site.
func (o Options) everything() string { return o.Prefix + "/" + o.Site + "/#" }

// published are the topics of the board whose values a broker that is connected has
// acknowledged.
func (s *Sink) published() []string {
	if !s.o.Board.Health()[Part].OK {
		return nil
	}
	entries, _ := s.o.Board.Since(0)
	var topics []string
	for _, e := range entries {
		if _, ok := s.o.Format.Payload(e); ok && !e.Point().Transient {
			topics = append(topics, Topic(s.o.Prefix, s.o.Site, e.Subject, e.Point().Name))
		}
	}
	return topics
}

// gather subscribes to the filters, one after the other, and returns the topics of the
// site's retained values that come until none has come for a while.
func (o Options) gather(ctx context.Context, ending string, filters []string, qos byte) (map[string]bool, error) {
	reader, err := o.dialShort(ctx, ending)
	if err != nil {
		return nil, err
	}
	defer reader.client.Disconnect(100)
	var mu sync.Mutex
	topics, root := map[string]bool{}, strings.TrimSuffix(o.everything(), "#")
	some := make(chan struct{}, 1)
	take := func(_ paho.Client, m paho.Message) {
		if !m.Retained() || !strings.HasPrefix(m.Topic(), root) {
			return
		}
		mu.Lock()
		if len(topics) < mostTopics {
			topics[m.Topic()] = true
		}
		mu.Unlock()
		select {
		case some <- struct{}{}:
		default:
		}
	}
	for _, filter := range filters {
		asked := reader.client.Subscribe(filter, qos, take)
		if err := reader.await(ctx, asked); err != nil || refusedBy(asked) {
			return nil, o.readRefused(filter)
		}
	}
	for {
		select {
		case <-some:
		case err := <-reader.lost:
			return nil, o.connectionLost(err, false)
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnproven, context.Cause(ctx))
		case <-time.After(retainedTimeout):
			mu.Lock()
			defer mu.Unlock()
			return topics, nil
		}
	}
}

// mostTopics bounds the topics that are counted.
const mostTopics = 1_000_000

// subscriberMisses is the error for a broker that hands a subscriber only some of the
// values it retains.
func (o Options) subscriberMisses(came, retained int) error {
	return &failure{
		words: fmt.Sprintf("a client that subscribes to %s with QoS 1 gets %d of the %d values that the broker at %s retains; the broker drops the others, without telling anybody",
			o.everything(), came, retained, o.Broker.Host),
		action: "set max_queued_messages 100000 in the configuration of mosquitto (not 0), or the same limit of another broker, and restart it",
		person: true,
	}
}

// notRetained is the error for a broker that does not retain what was published.
func (o Options) notRetained(absent, published int) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s does not retain %d of the %d values that were published under %s", o.Broker.Host, absent, published, o.everything()),
		action: fmt.Sprintf("let the user publish and read %[1]s in the broker's access rules (mosquitto: topic readwrite %[1]s), and see that the broker allows as many retained messages", o.everything()),
		person: true,
	}
}
