package mqtt

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"roomgate/driver"
)

// largeMessages are the topics on which a message was too large to be received.
type largeMessages struct {
	mu     sync.Mutex
	logged map[string]bool // topics

	avoided map[string]time.Time // topics whose messages end the connection, by when they last did; of the goroutine of Run
}

const (
	// loggedTopics bounds the topics of large messages that are logged, and so remembered.
	loggedTopics = 100
	// avoidFor is how long a topic is not subscribed to after a message on it has ended
	// the connection. The broker may retain the message, and would send it each time.
	avoidFor = 24 * time.Hour
)

// tooLarge logs a message that is too large, once for every topic.
func (s *Sink) tooLarge(topic string, size int) {
	s.large.mu.Lock()
	known := s.large.logged[topic] || len(s.large.logged) >= loggedTopics
	if !known {
		if s.large.logged == nil {
			s.large.logged = map[string]bool{}
		}
		s.large.logged[topic] = true
	}
	s.large.mu.Unlock()
	if !known {
		s.o.logTooLarge(topic, size)
	}
}

func (o Options) logTooLarge(topic string, size int) {
	o.Log.Warn("a message from the broker is too large and is ignored: find out who publishes it; if it is retained, delete it at the broker",
		"topic", shown(topic), "bytes", size, "limit", largestPayload)
}

// shown is a topic of another client, for display.
func shown(topic string) string { return driver.Shorten(driver.Line(topic), longestText) }

// avoid records that a message ended the connection.
func (s *Sink) avoid(e *messageTooLarge) {
	if s.large.avoided == nil {
		s.large.avoided = map[string]time.Time{}
	}
	if len(s.large.avoided) < loggedTopics {
		s.large.avoided[e.topic] = time.Now()
	}
}

// avoids reports whether messages that match a filter, of which the last level may be +,
// end the connection.
func (s *Sink) avoids(filter string) bool {
	above, wild := strings.CutSuffix(filter, "+")
	for topic, at := range s.large.avoided {
		if (topic == filter || wild && strings.HasPrefix(topic, above)) && time.Since(at) < avoidFor {
			return true
		}
	}
	return false
}

// receiptTooSlow is the error of a connection on which a message that is too large did
// not arrive in time.
func (o Options) receiptTooSlow(e *messageTooLarge) error {
	return &failure{
		words: fmt.Sprintf("a message of %d bytes on %s kept the connection to the broker at %s busy for more than %v; the gateway does not subscribe to that topic for %v",
			e.size, shown(e.topic), o.Broker.Host, drainTimeout, avoidFor),
		action: fmt.Sprintf("find out who publishes it; if it is retained, delete it at the broker (mosquitto_pub -r -n -t '%s')", shown(e.topic)),
		person: true,
		cause:  e,
	}
}
