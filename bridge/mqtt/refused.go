package mqtt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"roomgate/driver"
)

// Messages that a broker refuses by its settings. MQTT 3.1.1 lets it say nothing: it ends
// the connection, or acknowledges the message and drops it.

// largestPublished is the size of the largest payload that the gateway publishes of a
// room, in bytes: a full schedule, with room for the frame of a payload with timestamp
// and quality.
const largestPublished = 17 << 10

// checkTopic is the topic of test messages.
func (o Options) checkTopic() string {
	return Topic(o.Prefix, o.Site, driver.Subject{Scope: driver.OfGateway}, "check")
}

// tryLarge publishes a retained test value as large as the largest payload of a room and
// reads it back.
func (v *shortConn) tryLarge(ctx context.Context, o Options, value string) error {
	topic := o.checkTopic()
	large := value + strings.Repeat(".", largestPublished-len(value))
	if err := v.await(ctx, v.client.Publish(topic, 1, true, large)); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return o.tooLargeForBroker(topic, "closes the connection on", "max_packet_size", err)
	}
	err := o.readBack(ctx, topic, large)
	if dropped, ok := errors.AsType[*failure](err); ok && dropped.cause == nil {
		return o.tooLargeForBroker(topic, "acknowledges and drops", "message_size_limit or max_packet_size", nil)
	}
	return err
}

// refusesRetained reports whether the broker takes a message that is not retained, and
// ends the connection on one that is.
func (o Options) refusesRetained(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	v, err := o.dialShort(ctx, "-check")
	if err != nil {
		return false
	}
	defer v.client.Disconnect(100)
	if v.await(ctx, v.client.Publish(o.checkTopic(), 1, false, "retained?")) != nil {
		return false
	}
	return v.await(ctx, v.client.Publish(o.checkTopic(), 1, true, "")) != nil && ctx.Err() == nil
}

// retainRefused is the error for a broker that does not take retained messages.
func (o Options) retainRefused(cause error) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s closes the connection on retained messages; every point is one, and so is the last will on %s", o.Broker.Host, o.statusTopic()),
		action: "allow retained messages in the broker's configuration (mosquitto: retain_available true)",
		person: true,
		cause:  cause,
	}
}

// tooLargeForBroker is the error for a broker that limits the size of messages.
func (o Options) tooLargeForBroker(topic, does, setting string, cause error) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s %s a message of %d bytes on %s, as a full schedule of a room may have, and takes a small one", o.Broker.Host, does, largestPublished, topic),
		action: fmt.Sprintf("raise the broker's limit above that (mosquitto: %s)", setting),
		person: true,
		cause:  cause,
	}
}

// topicNotKept is the error for a broker that acknowledges messages on a topic and does not
// keep them, as it does on others.
func (o Options) topicNotKept(topic string) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s acknowledges what %s publishes on some topics, such as %s, and does not keep it", o.Broker.Host, o.who(), topic),
		action: fmt.Sprintf("if these are large messages, raise the broker's limit (mosquitto: message_size_limit); otherwise let the user publish and read under %[1]s/%[2]s/# in the broker's access rules (mosquitto: topic readwrite %[1]s/%[2]s/#)", o.Prefix, o.Site),
		person: true,
	}
}
