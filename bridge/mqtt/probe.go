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
)

// ErrUnproven is matched by the error of a probe that could log in and publish,
// but was not allowed to read back what it published.
var ErrUnproven = errors.New("publishing could not be verified")

// echoTimeout is how long a broker may take to return a message.
const echoTimeout = 5 * time.Second

// Probe logs in to the broker with separate client ids, publishes a retained test
// value as gateway/check, reads it back and deletes it. Reading back is the only way
// to detect a broker that silently forbids publishing: it acknowledges the message
// and drops it (MQTT 3.1.1 §3.3.5). The error is an Actionable; it matches
// ErrUnproven if the broker forbids reading. Probe also subscribes briefly to the
// topics of the sensors, and finds out whether the broker takes messages as large as
// those of a room can be. It leaves nothing on the broker, not even a last will.
func (s *Sink) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 4*connectTimeout, errTooSlow)
	defer cancel()
	writer, err := s.o.dialShort(ctx, "-check")
	if err != nil {
		return err
	}
	defer writer.client.Disconnect(100)
	topic := s.o.checkTopic()
	value := s.o.Now().UTC().Format(time.RFC3339Nano)
	if err := writer.await(ctx, writer.client.Publish(topic, 1, true, value)); err != nil {
		if s.o.refusesRetained(ctx) {
			return s.o.retainRefused(err)
		}
		return s.o.publishFailure(topic, err)
	}
	found := s.o.readBack(ctx, topic, value)
	if found == nil {
		found = writer.tryLarge(ctx, s.o, value)
	}
	if found != nil && !writer.client.IsConnectionOpen() {
		return errors.Join(found, s.Clear(ctx, []string{topic}))
	}
	if err := writer.await(ctx, writer.client.Publish(topic, 1, true, "")); err != nil {
		return errors.Join(found, s.o.publishFailure(topic, err))
	}
	if found != nil && !errors.Is(found, ErrUnproven) {
		return found
	}
	return cmp.Or(writer.trySubscribing(ctx, s.o), found)
}

var errTooSlow = errors.New("it took too long")

// shortConn is a short connection to the broker.
type shortConn struct {
	client paho.Client
	lost   chan error // why the connection was lost
}

// dialShort logs in with a client id that ends in ending: a second connection with
// the gateway's client id would disconnect the gateway.
func (o Options) dialShort(ctx context.Context, ending string) (*shortConn, error) {
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	o.ClientID += ending
	v := &shortConn{lost: make(chan error, 1)}
	p := o.clientOptions(func(broker *url.URL) (net.Conn, error) {
		conn, err := o.open(opening, broker)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() }) // a broker that says nothing would hold the connection for ever
		return newIncoming(conn, o.logTooLarge), nil
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
func (v *shortConn) await(ctx context.Context, token paho.Token) error {
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
	reader, err := o.dialShort(ctx, "-check-read")
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

// publishFailure is the error for a broker that closes the connection on a message.
func (o Options) publishFailure(topic string, cause error) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s did not accept a message on %s from %s: %v", o.Broker.Host, topic, o.who(), cause),
		action: fmt.Sprintf("let the user publish under %s/%s/# in the broker's access rules", o.Prefix, o.Site),
		person: true,
		cause:  cause,
	}
}

// messageDropped is the error for a broker that acknowledges a message and drops it.
func (o Options) messageDropped(topic string) error {
	return &failure{
		words: fmt.Sprintf("the broker at %s acknowledged a retained message on %s but did not return it: it silently drops messages from %s, or hides them from their sender",
			o.Broker.Host, topic, o.who()),
		action: fmt.Sprintf("let the user publish and read under %[1]s/%[2]s/# in the broker's access rules (mosquitto: topic readwrite %[1]s/%[2]s/#)", o.Prefix, o.Site),
		person: true,
	}
}

// readRefused is the error for a broker that allows publishing but not subscribing.
func (o Options) readRefused(topic string) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s accepts messages from %s but does not let it subscribe to %s, so their delivery cannot be verified", o.Broker.Host, o.who(), topic),
		action: fmt.Sprintf("watch %s/%s/# with another user, or let this one read there too", o.Prefix, o.Site),
		cause:  ErrUnproven,
	}
}
