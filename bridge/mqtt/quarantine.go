package mqtt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// quarantine finds the messages on which the broker ends the connection, and sets their
// topics aside, so that one message does not keep all others from the broker. MQTT 3.1.1
// has no way to refuse a message: a broker that limits packets, or forbids a topic, may
// end the connection instead.
//
// Whatever was in flight when a connection was lost is suspect, and sent alone on the next
// one. What is then in flight alone when that is lost, too, is set aside. It outlives
// connections and belongs to the goroutine of [Sink.Run].
type quarantine struct {
	proven  bool           // the broker has acknowledged something
	suspect map[string]int // topics: how many connections in a row were lost with a message in flight
	aside   map[string]int // topics that are set aside, by the size of the smallest message that was refused
	again   time.Time      // when one of them may be tried again
	trial   string         // the topic that is tried again
	changed bool           // aside, since it was reported
}

// lossesToAside is at how many lost connections in a row a message is set aside.
const lossesToAside = 2

// triedAgain is after what time a topic that was set aside is tried again, at the cost
// of a connection. It is tried after a loss for another reason, too: the broker may have
// been started with other settings.
const triedAgain = 24 * time.Hour

// verdict is whether a message may be sent.
type verdict int

const (
	sendable verdict = iota
	alone            // only while no other is in flight
	notSent          // it is set aside
)

// judge decides on a message. largest is the size of the largest that the broker has
// acknowledged on this connection.
func (q *quarantine) judge(m message, largest int) verdict {
	smallest, ok := q.aside[m.topic]
	switch {
	case ok && m.size() >= smallest:
		return notSent
	case m.topic != q.trial && q.limited(m.size(), largest):
		q.aside[m.topic], q.changed = m.size(), true
		return notSent
	case q.suspect[m.topic] > 0:
		return alone
	}
	return sendable
}

// limited reports whether a message of a size is refused, because the broker seems to limit
// the size: all that it refused are larger than those that it took. What is as large need
// not be tried, at the cost of a connection each.
func (q *quarantine) limited(size, largest int) bool {
	if len(q.aside) == 0 {
		return false
	}
	least := slices.Min(slices.Collect(maps.Values(q.aside)))
	return leastLimit <= least && largest < least && least <= size
}

// leastLimit is the least size, in bytes, to which a broker can be expected to limit
// packets.
const leastLimit = 1 << 10

// acknowledged records that the broker took a message, and reports whether it had refused
// that before: then the others may be tried again, too.
func (q *quarantine) acknowledged(m message) (again bool) {
	q.proven = true
	delete(q.suspect, m.topic)
	if _, was := q.aside[m.topic]; was {
		delete(q.aside, m.topic)
		q.changed = true
	}
	if m.topic != q.trial {
		return false
	}
	q.trial = ""
	return true
}

// lost records that a connection was lost, and returns the message that was set aside, or
// that was in flight alone and will be; nil: none.
func (q *quarantine) lost(unacked []delivery) *message {
	var suspects []message
	for _, d := range unacked {
		if d.row != nil && d.retained || d.clears {
			suspects = append(suspects, d.message)
		}
	}
	switch {
	case !q.proven: // it refuses everything, or is no broker
		return nil
	case len(unacked) == 1 && len(suspects) == 1 && q.suspect[suspects[0].topic] > 0:
		return q.setAside(&suspects[0])
	}
	q.again = time.Time{}
	before := q.suspect
	q.suspect = map[string]int{}
	for _, m := range suspects {
		q.suspect[m.topic] = before[m.topic] + 1
	}
	if len(unacked) == 1 && len(suspects) == 1 {
		return &suspects[0]
	}
	return nil
}

// setAside counts a loss of a message that was in flight alone.
func (q *quarantine) setAside(m *message) *message {
	if q.suspect[m.topic]++; q.suspect[m.topic] < lossesToAside {
		return m
	}
	delete(q.suspect, m.topic)
	q.aside[m.topic], q.changed = m.size(), true
	q.again = time.Now().Add(triedAgain)
	return m
}

// tryAgain returns the topic that is set aside with the smallest message, once it may be
// tried again; empty: there is none. The topic becomes suspect.
func (q *quarantine) tryAgain() string {
	if len(q.aside) == 0 || time.Now().Before(q.again) {
		return ""
	}
	topic := slices.MinFunc(slices.Collect(maps.Keys(q.aside)), func(a, b string) int {
		return cmp.Or(q.aside[a]-q.aside[b], cmp.Compare(a, b))
	})
	delete(q.aside, topic)
	q.suspect[topic] = lossesToAside - 1
	q.again = time.Now().Add(triedAgain)
	q.trial = topic
	return topic
}

// release returns all topics that are set aside, and makes them suspect instead.
func (q *quarantine) release() (topics []string) {
	topics = slices.Sorted(maps.Keys(q.aside))
	for _, topic := range topics {
		q.suspect[topic] = lossesToAside - 1
	}
	clear(q.aside)
	q.changed = true
	return topics
}

// newQuarantine returns one in which nothing is suspect.
func newQuarantine() quarantine {
	return quarantine{suspect: map[string]int{}, aside: map[string]int{}}
}

// reportAside reports which topics are set aside.
func (s *Sink) reportAside() {
	q := &s.quarantine
	if !q.changed {
		return
	}
	if q.changed = false; len(q.aside) == 0 {
		s.concern(setAside, nil)
		return
	}
	s.concern(setAside, s.o.topicsSetAside(q.aside))
}

// refusedByHangingUp is the error for a broker that ended the connection when a message was
// in flight alone.
func (o Options) refusedByHangingUp(m message, cause error) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s closed the connection after a message of %d bytes on %s", o.Broker.Host, m.size(), m.topic),
		action: fmt.Sprintf("if the broker limits packets, raise the limit above that (mosquitto: max_packet_size); otherwise let %s publish there in its access rules", o.who()),
		cause:  cause,
	}
}

// topicsSetAside is the error for topics that are set aside, with the sizes of their
// messages.
func (o Options) topicsSetAside(sizes map[string]int) error {
	topics := slices.Sorted(maps.Keys(sizes))
	largest := slices.Max(slices.Collect(maps.Values(sizes)))
	return &failure{
		words: fmt.Sprintf("the connection to the broker at %s was lost twice in a row with the same message; such messages are set aside, and their topics are not up to date: %s; the largest message has %d bytes",
			o.Broker.Host, few(topics), largest),
		action: fmt.Sprintf("raise the broker's limit of packets above that (mosquitto: max_packet_size), or let %s publish there in its access rules; they are tried again after the next reconnect, and once a day", o.who()),
		person: true,
	}
}
