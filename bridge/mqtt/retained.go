package mqtt

import (
	"context"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// retainedTimeout is how long a broker may take to send retained messages, which it
// does right after it has accepted a subscription.
const retainedTimeout = 2 * time.Second

// Status returns the retained gateway/status of the Sink's topics; empty: there is
// none. The error matches ErrUnproven where the broker forbids reading it.
func (s *Sink) Status(ctx context.Context) (string, error) {
	reader, err := s.o.dialShort(ctx, "-status")
	if err != nil {
		return "", err
	}
	defer reader.client.Disconnect(100)
	topic, found := s.o.statusTopic(), make(chan string, 1)
	asked := reader.client.Subscribe(topic, 1, func(_ paho.Client, m paho.Message) {
		select {
		case found <- string(m.Payload()):
		default: // only the first is the retained one
		}
	})
	if err := reader.await(ctx, asked); err != nil || refusedBy(asked) {
		return "", s.o.readRefused(topic)
	}
	select {
	case status := <-found:
		return status, nil
	case <-time.After(retainedTimeout):
		return "", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Clear deletes the retained values of topics.
func (s *Sink) Clear(ctx context.Context, topics []string) error {
	writer, err := s.o.dialShort(ctx, "-clear")
	if err != nil {
		return err
	}
	defer writer.client.Disconnect(250)
	sent := make([]paho.Token, len(topics))
	for i, topic := range topics {
		if i >= inFlight {
			if err := writer.await(ctx, sent[i-inFlight]); err != nil {
				return s.o.publishFailure(topics[i-inFlight], err)
			}
		}
		sent[i] = writer.client.Publish(topic, 1, true, "")
	}
	for i := max(0, len(topics)-inFlight); i < len(topics); i++ {
		if err := writer.await(ctx, sent[i]); err != nil {
			return s.o.publishFailure(topics[i], err)
		}
	}
	return nil
}
