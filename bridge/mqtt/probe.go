package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"roomgate/driver"
)

// ErrUnproven is matched by the error of a probe that could log in and publish,
// but was not allowed to read back what it published.
var ErrUnproven = errors.New("that publishing works cannot be proven")

// echoTimeout is how long a broker may take to hand a message back.
const echoTimeout = 5 * time.Second

// Probe logs in to the broker under client ids of its own, publishes a retained
// test value as gateway/check, reads it back and deletes it. Reading back is the
// only way to find a broker that forbids publishing without saying so: it
// acknowledges the message and drops it (MQTT 3.1.1 §3.3.5). The error is in
// words for people and says what to do; it matches ErrUnproven where the broker
// forbids reading. The topics of the sensors are subscribed to as well, for a
// moment. Nothing is left behind, not even a last will.
func (s *Sink) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 4*connectTimeout, errTooSlow)
	defer cancel()
	writer, err := s.o.visit(ctx, "-check")
	if err != nil {
		return err
	}
	defer writer.client.Disconnect(100)
	topic := Topic(s.o.Prefix, s.o.Site, driver.Subject{Scope: driver.OfGateway}, "check")
	value := s.o.Now().UTC().Format(time.RFC3339Nano)
	if err := writer.await(ctx, writer.client.Publish(topic, 1, true, value)); err != nil {
		return s.o.publishFailure(topic, err)
	}
	found := s.o.readBack(ctx, topic, value)
	if err := writer.await(ctx, writer.client.Publish(topic, 1, true, "")); err != nil {
		return errors.Join(found, s.o.publishFailure(topic, err))
	}
	if found != nil && !errors.Is(found, ErrUnproven) {
		return found
	}
	return cmp.Or(writer.trySubscribing(ctx, s.o), found)
}

var errTooSlow = errors.New("it took too long")

// visitor is a short connection to the broker.
type visitor struct {
	client paho.Client
	lost   chan error // why the broker hung up
}

// visit logs in; the ending tells the client id from the gateway's own, which
// the broker would throw out.
func (o Options) visit(ctx context.Context, ending string) (*visitor, error) {
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	o.ClientID += ending
	v := &visitor{lost: make(chan error, 1)}
	p := o.clientOptions(func(broker *url.URL) (net.Conn, error) {
		conn, err := o.open(opening, broker)
		if err == nil { // a broker that says nothing would hold the connection for ever
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	})
	v.client = paho.NewClient(p.SetConnectionLostHandler(func(_ paho.Client, err error) { v.lost <- err }))
	err := v.await(opening, v.client.Connect())
	if err == nil {
		return v, nil
	}
	v.client.Disconnect(100)
	if e := ctx.Err(); e != nil {
		return nil, e
	}
	return nil, o.connectFailure(err)
}

// await waits for the broker's answer to a request.
func (v *visitor) await(ctx context.Context, token paho.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case err := <-v.lost:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readBack waits for the retained value of a topic.
func (o Options) readBack(ctx context.Context, topic, value string) error {
	reader, err := o.visit(ctx, "-check-read")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnproven, err)
	}
	defer reader.client.Disconnect(100)
	echo := make(chan struct{}, 1)
	asked := reader.client.Subscribe(topic, 1, func(_ paho.Client, m paho.Message) {
		if string(m.Payload()) == value {
			select {
			case echo <- struct{}{}:
			default:
			}
		}
	})
	if err := reader.await(ctx, asked); err != nil || refusedBy(asked) {
		return o.readRefused(topic)
	}
	select {
	case <-echo:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(echoTimeout):
		return o.messageDropped(topic)
	}
}

// publishFailure is a broker that hangs up on a message.
func (o Options) publishFailure(topic string, cause error) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s did not take a message on %s from %s: %v", o.Broker.Host, topic, o.who(), cause),
		action: fmt.Sprintf("let the user publish under %s/%s/# in the broker's access rules", o.Prefix, o.Site),
		person: true,
		cause:  cause,
	}
}

// messageDropped is a broker that acknowledges a message and loses it.
func (o Options) messageDropped(topic string) error {
	return &failure{
		words: fmt.Sprintf("the broker at %s acknowledged a retained message on %s and did not hand it back: it drops what %s publishes silently, or hides it from its own sender",
			o.Broker.Host, topic, o.who()),
		action: fmt.Sprintf("let the user publish and read under %[1]s/%[2]s/# in the broker's access rules (mosquitto: topic readwrite %[1]s/%[2]s/#)", o.Prefix, o.Site),
		person: true,
	}
}

// readRefused is a broker that allows the gateway to publish but not to subscribe.
func (o Options) readRefused(topic string) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s takes messages from %s but does not let it subscribe to %s, so whether they arrive is not known", o.Broker.Host, o.who(), topic),
		action: fmt.Sprintf("watch %s/%s/# with another user, or let this one read there too", o.Prefix, o.Site),
		cause:  ErrUnproven,
	}
}
