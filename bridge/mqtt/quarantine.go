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
// Whatever was in flight when the broker ended a connection is suspect, and sent alone on
// the next one. If the broker ends that, too, promptly after the message and after it has
// acknowledged another, the topic is set aside. A connection that is lost in any other way
// says nothing about messages: a network that fails loses whatever is on its way.
//
// It outlives connections and belongs to the goroutine of [Sink.Run].
type quarantine struct {
	proven  bool               // the broker has acknowledged something
	suspect map[string]bool    // topics of messages that were in flight when the broker ended a connection
	aside   map[string]refusal // topics that are set aside
	trial   string             // the topic of these that is being tried again; empty: none
	changed bool               // aside, since it was reported
}

// refusal is why a topic is set aside.
type refusal struct {
	size  int       // of the smallest message that was refused, in bytes
	times int       // how often one was refused; 0: it was not tried, because of its size
	again time.Time // when it is tried again
}

// A topic that was set aside is tried again after firstTrial, at the cost of a connection
// if it is refused, and then after twice as long each time, up to longestTrial. It is also
// tried after a connection that was lost for another reason: the broker may have other
// settings since, or have refused nothing at all. The times of small messages, which control
// plant, then start again from the shortest.
const (
	firstTrial   = time.Minute
	longestTrial = 24 * time.Hour
)

// A broker that refuses a message ends the connection promptly: as soon as the message has
// arrived. slowestLink is how fast it arrives at least, in bytes per second.
const (
	prompt      = 5 * time.Second
	slowestLink = 1000
)

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
	r, aside := q.aside[m.topic]
	switch {
	case aside && m.topic == q.trial:
		return alone
	case aside && m.size() >= r.size:
		return notSent
	case q.limited(m.size(), largest):
		r.size = m.size()
		for _, other := range q.aside {
			if other.goesWith(r) {
				r.again = latest(r.again, other.again)
			}
		}
		q.aside[m.topic], q.changed = r, true
		return notSent
	case q.isSuspect(m.topic):
		return alone
	}
	return sendable
}

// isSuspect reports whether a message on the topic may only be in flight alone.
func (q *quarantine) isSuspect(topic string) bool {
	_, aside := q.aside[topic]
	return aside || q.suspect[topic]
}

// limited reports whether a message of a size is refused, because the broker seems to limit
// the size: it has refused large messages of several topics, and all are larger than those
// that it took. What is as large need not be tried, at the cost of a connection each.
func (q *quarantine) limited(size, largest int) bool {
	least, tried := 0, 0
	for _, r := range q.aside {
		if r.large() && r.times > 0 {
			tried++
			if least == 0 || r.size < least {
				least = r.size
			}
		}
	}
	return tried >= triedToLimit && largest < least && least <= size
}

const (
	// triedToLimit is of how many topics large messages must have been refused for a limit
	// to be assumed.
	triedToLimit = 2
	// leastLimit is the least size, in bytes, to which a broker can be expected to limit
	// packets.
	leastLimit = 1 << 10
)

// large reports whether the message may be refused because of its size.
func (r refusal) large() bool { return r.size >= leastLimit }

// goesWith reports whether a topic that is refused, or taken, shows that the other one will
// be, too: there both may be too large, or both have been refused before when tried again.
// So those of a kind cost one connection each time, and not one each.
func (r refusal) goesWith(other refusal) bool {
	if r.large() || other.large() {
		return r.large() && other.large() && other.size >= r.size
	}
	return r.times > 1 && other.times > 1
}

// acknowledged records that the broker took a message.
func (q *quarantine) acknowledged(m message) {
	q.proven = true
	delete(q.suspect, m.topic)
	r, was := q.aside[m.topic]
	if was {
		q.forget(m.topic)
	}
	for topic, other := range q.aside {
		if was && r.goesWith(other) || other.times == 0 && other.size <= m.size() {
			other.again = time.Now()
			q.aside[topic] = other
		}
	}
}

// forget ends that a topic is set aside.
func (q *quarantine) forget(topic string) {
	delete(q.aside, topic)
	q.changed = true
	if q.trial == topic {
		q.trial = ""
	}
}

// hungUp records that the broker ended a connection, and returns the message that it ended
// it for, as far as can be said; nil: none. largest is the size of the largest message that
// it had acknowledged on that connection, 0 if none, and after is for how long the only
// message was in flight.
func (q *quarantine) hungUp(unacked []delivery, largest int, after time.Duration) *message {
	suspects := map[string]bool{}
	for _, d := range unacked {
		if d.row != nil && d.retained || d.clears {
			suspects[d.topic] = true
		}
	}
	if !q.proven { // it refuses everything, or is no broker
		return nil
	}
	if len(unacked) != 1 || len(suspects) != 1 {
		q.suspect = suspects
		q.disturbed()
		return nil
	}
	m := unacked[0].message
	switch {
	case largest == 0 || after > prompt+time.Duration(m.size())*time.Second/slowestLink:
		q.disturbed()
		return nil
	case q.isSuspect(m.topic):
		q.refused(m, largest)
	default:
		q.suspect = suspects
		q.disturbed()
	}
	return &m
}

// refused sets the topic of a message aside. largest is the size of the largest that the
// broker has acknowledged on the connection: if that is as large, it is not the size.
func (q *quarantine) refused(m message, largest int) {
	r := q.aside[m.topic]
	r.size = m.size()
	r.again = time.Now().Add(min(firstTrial<<min(r.times, 12), longestTrial))
	r.times++
	for topic, other := range q.aside {
		if r.goesWith(other) && (!r.large() || largest < r.size) {
			other.again = latest(other.again, r.again)
			q.aside[topic] = other
		}
	}
	q.aside[m.topic], q.changed, q.trial = r, true, ""
	delete(q.suspect, m.topic)
}

// disturbed records that a connection was lost for a reason that is no message's.
func (q *quarantine) disturbed() {
	q.trial = ""
	soon := time.Now().Add(firstTrial)
	for topic, r := range q.aside {
		r.again = earliest(r.again, soon)
		if !r.large() {
			r.times = min(r.times, 1)
		}
		q.aside[topic] = r
	}
}

// tryAgain returns the topic that is to be tried again now; empty: there is none. What was
// refused least often comes first, and of large messages the smallest.
func (q *quarantine) tryAgain() string {
	if q.trial != "" {
		return ""
	}
	now := time.Now()
	for topic, r := range q.aside {
		if !now.Before(r.again) && (q.trial == "" || cmp.Or(r.before(q.aside[q.trial]), cmp.Compare(topic, q.trial)) < 0) {
			q.trial = topic
		}
	}
	return q.trial
}

// before compares two refusals by which is tried first.
func (r refusal) before(other refusal) int {
	if r.large() || other.large() {
		return r.size - other.size
	}
	return r.times - other.times
}

// newQuarantine returns one in which nothing is suspect.
func newQuarantine() quarantine {
	return quarantine{suspect: map[string]bool{}, aside: map[string]refusal{}}
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

// topicsSetAside is the error for topics that are set aside.
func (o Options) topicsSetAside(aside map[string]refusal) error {
	topics, largest := slices.Sorted(maps.Keys(aside)), 0
	for _, r := range aside {
		largest = max(largest, r.size)
	}
	return &failure{
		words: fmt.Sprintf("the broker at %s closed the connection twice in a row after the same message; such messages are set aside, and their topics are not up to date: %s; the largest message has %d bytes",
			o.Broker.Host, few(topics), largest),
		action: fmt.Sprintf("raise the broker's limit of packets above that (mosquitto: max_packet_size), or let %s publish there in its access rules; they are tried again after the next reconnect, when they are smaller, and after 1, 2, 4 … minutes up to a day", o.who()),
		person: true,
	}
}
