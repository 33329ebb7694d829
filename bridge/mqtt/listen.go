package mqtt

import (
	"errors"
	"time"

	"roomgate/driver"
)

// A broker retains what the last writer has written, which may be another client: the
// last will of a replaced controller, a tool, a second gateway. So a connection listens
// to its own topics, and publishes again what was changed there.
//
// Once it is online it subscribes to the subjects one after the other, so that a slow
// link never has more than one subject's retained values to carry at a time, and no
// queue of the broker overflows. The messages come with QoS 0, in the order in which the
// broker has received them. A value is judged only when a notice that was sent after it
// has come back: everything that was on its way before has then arrived.

// listener is what a connection needs to listen to its own topics. It belongs to the
// goroutine that runs [connection.use].
type listener struct {
	echo *echo // nil: this connection does not listen

	ask     []driver.Subject // to subscribe to
	asked   map[driver.Subject]bool
	asking  *driver.Subject // the broker has not answered yet; nil: nothing was asked
	filter  string          // of asking
	answer  time.Time       // when the broker last answered one, until all that it sends then has arrived
	refused bool            // the broker does not let own topics be read
	ended   bool            // the connection, because of a subscription

	count    uint64    // of the newest notice that was sent
	returned uint64    // of the newest notice that has come back
	due      time.Time // of the next notice
	wanted   bool      // a notice is due
	waiting  time.Time // since when an acknowledged notice has not come back; zero: all have
	suspects []suspect // when the newest notice was sent
	again    bool      // gateway/status is to be sent again
}

const (
	noticeEvery   = time.Minute      // between two notices
	silentAfter   = 45 * time.Second // without anything coming back
	hangUpsLimit  = 2                // connections in a row that may end because of subscriptions to own topics
	otherGoneFor  = 5 * time.Minute  // without a notice of another instance, it has gone
	answerOtherIn = 10 * time.Second // with a notice, so that it learns of this instance
)

// listens reports whether the connection can listen now.
func (c *connection) listens() bool {
	return c.own.echo != nil && c.online && !c.own.refused && c.s.trust.hangUps < hangUpsLimit
}

// heard receives when a notice has come back.
func (c *connection) heard() <-chan struct{} {
	if c.own.echo == nil {
		return nil
	}
	return c.own.echo.back
}

// sendOwn sends the next message that listening needs; false: there is none.
func (c *connection) sendOwn() bool {
	l := &c.own
	switch {
	case l.echo == nil:
		return false
	case l.count == 0 || l.wanted && c.listens():
		l.wanted = false
		l.count = l.echo.next()
		l.due = time.Now().Add(c.s.trust.noticeEvery)
		l.suspects = l.echo.suspects(c.settled)
		c.send(nil, c.s.o.notice(l.echo.conn, l.count))
	case !c.listens():
		return false
	case l.again:
		l.again = false
		c.send(nil, c.s.o.status(statusOnline))
	case l.asking == nil && len(l.ask) > 0 && len(c.wanted) == 0 && c.unanswered == 0:
		next := l.ask[0]
		l.asking, l.ask = &next, l.ask[1:]
		l.filter = Topic(c.s.o.Prefix, c.s.o.Site, *l.asking, "+")
		c.send(nil, message{topic: l.filter, subscribe: true})
	default:
		return false
	}
	return true
}

// settled reports whether nothing of a point is due or on its way.
func (c *connection) settled(s driver.Subject, index int) bool {
	if index == statusIndex {
		return c.online && !c.own.again
	}
	rows := c.table.rows[s]
	return len(rows) > index && !rows[index].busy && rows[index].want == rows[index].have
}

// listenTick does what is due every few seconds.
func (c *connection) listenTick() {
	l := &c.own
	if !c.listens() {
		return
	}
	now := time.Now()
	c.s.otherMayHaveGone(now)
	if l.asked == nil {
		l.asked = map[driver.Subject]bool{}
		c.askFor(driver.Subject{Scope: driver.OfGateway}) // first, as its topics show whether anything can be read
	}
	for s := range c.table.rows {
		c.askFor(s)
	}
	if l.asking != nil || len(l.ask) > 0 {
		return
	}
	if since := latest(l.waiting, l.echo.lastProgress()); !l.waiting.IsZero() && now.Sub(since) >= c.s.trust.silentAfter {
		c.s.concern(writesDropped, c.s.o.messageDropped(c.s.o.instanceTopic()))
	}
	if l.echo.strange() && len(c.s.trust.due(l.echo.suspects(c.settled), now)) > 0 {
		l.due = now
	}
	l.wanted = !now.Before(l.due)
}

func (c *connection) askFor(s driver.Subject) {
	if l := &c.own; !l.asked[s] {
		l.asked[s] = true
		if c.s.avoids(Topic(c.s.o.Prefix, c.s.o.Site, s, "+")) {
			l.echo.refuse(s)
			return
		}
		l.ask = append(l.ask, s)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// listening handles the broker's answer to a subscription to own topics. A broker that
// does not allow the first one to be read does not allow the others either.
func (c *connection) listening(refused bool) {
	l := &c.own
	s := *l.asking
	l.asking, l.answer = nil, time.Now()
	if refused {
		l.echo.refuse(s)
		c.s.notListening(c.s.o.ownTopicsHidden())
		if s.Scope == driver.OfGateway {
			l.refused, c.s.trust.hangUps = true, 0
			c.s.concern(writesDropped, nil) // it can no longer be seen
		}
	}
	if len(l.ask) == 0 {
		l.due = time.Now()
	}
}

// heardBack handles what the echo of the notices has brought.
func (c *connection) heardBack() {
	l := &c.own
	count, other, came := l.echo.notices()
	if came && c.s.otherIsConnected(other) {
		l.due = earliest(l.due, time.Now().Add(answerOtherIn))
	}
	if count <= l.returned {
		return
	}
	if l.returned = count; count < l.count {
		return
	}
	l.waiting = time.Time{}
	if l.asking == nil && len(l.ask) == 0 {
		l.answer, c.s.trust.hangUps = time.Time{}, 0
	}
	if c.s.trust.concerns[writesDropped] != "" {
		c.s.concern(writesDropped, nil)
		l.again = true
		for _, rows := range c.table.rows { // what was dropped cannot always be seen
			for i := range rows {
				c.table.again(&rows[i])
			}
		}
		return
	}
	c.judge(l.echo.still(l.suspects, c.settled))
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// judge publishes again what is wrong at the broker.
func (c *connection) judge(wrong []suspect) {
	l := &c.own
	l.suspects = nil
	if !l.echo.readable() {
		if len(wrong) > 0 {
			c.s.notListening(c.s.o.ownTopicsHidden())
		}
		return
	}
	now := time.Now()
	due := c.s.trust.due(wrong, now)
	c.s.contest(wrong, due, now)
	c.publishAgain(due)
}

// publishAgain publishes what the broker should have.
func (c *connection) publishAgain(wrong []suspect) {
	for _, w := range wrong {
		if w.index == statusIndex {
			c.own.again = true
		} else if rows := c.table.rows[w.subject]; len(rows) > w.index {
			c.table.again(&rows[w.index])
		}
	}
}

// again makes a row due whose payload the broker has acknowledged.
func (t *table) again(r *row) {
	if r.busy || r.removed || r.have == "" || r.point().Transient {
		return
	}
	r.busy = true
	t.changes.push(r)
}

// acknowledgedOwn records what the broker has acknowledged.
func (c *connection) acknowledgedOwn(d delivery) {
	l := &c.own
	switch {
	case l.echo == nil:
	case d.row != nil && d.row.point().Transient: // not retained, so that it cannot be compared
	case d.row != nil:
		l.echo.published(d.row.subject, d.row.index, d.payload)
	case d.topic == c.s.o.statusTopic():
		l.echo.published(driver.Subject{Scope: driver.OfGateway}, statusIndex, d.payload)
	case d.topic == c.s.o.instanceTopic() && l.returned < l.count && c.listens() && l.waiting.IsZero():
		l.waiting = time.Now()
	}
}

// endedListening counts connections that ended because of a subscription to own topics,
// and returns the error for that; nil: it was not so. The broker closes the connection
// instead of answering, or nothing arrives any more because the network does not carry the
// large packets that it sends then.
func (c *connection) endedListening(cause error) error {
	l, t := &c.own, &c.s.trust
	var silence silenceError
	var err error
	switch {
	case hungUp(cause) && l.asking != nil:
		err = c.s.o.hungUpOnListening(l.filter)
	case (errors.As(cause, &silence) || errors.Is(cause, errStalled)) && (l.asking != nil || time.Since(l.answer) < usedSilence+ackTimeout):
		err = c.s.o.silentOnListening(l.filter, cause)
	default:
		return nil
	}
	l.ended = true
	if t.hangUps++; t.hangUps >= hangUpsLimit {
		c.s.notListening(err)
	}
	return err
}
