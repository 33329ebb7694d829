package mqtt

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"roomgate/driver"
)

// connection is one connection to the broker, from login to its end. What is
// not a channel belongs to the goroutine that runs [connection.use].
type connection struct {
	s      *Sink
	client paho.Client
	conn   *incoming  // what client runs on
	lost   chan error // why the connection was lost

	table     table
	changed   <-chan struct{} // closed when the board has something new
	seq       uint64          // up to which the board was read
	clear     []string        // topics whose retained value is still to be deleted
	version   int             // of clear
	clearing  int             // deletions that are not acknowledged yet, those set aside included
	notClear  []string        // topics whose deletion is set aside
	announced bool            // gateway/status was sent
	online    bool            // gateway/status was acknowledged
	since     time.Time       // when it was

	unacked  []delivery   // sent and not acknowledged, oldest first
	bytes    int          // of these, in all
	progress time.Time    // of these: when the last was acknowledged, or when the first was sent
	held     *row         // to be sent alone, once nothing is in flight; nil: none
	largest  int          // size of the largest message that was acknowledged; 0: none was
	outbox   chan message // to transmit
	outcomes chan outcome // from transmit, one for each message of unacked

	subscriptions
	own listener
}

// message is a message to the broker, or a subscription.
type message struct {
	topic, payload string
	qos            byte
	retained       bool
	subscribe      bool // to the topic, with qos; nothing else counts
	clears         bool // it deletes the retained value of the topic
}

// outcome is the result of a message.
type outcome struct {
	err     error // it was not acknowledged
	refused bool  // it was a subscription that the broker does not allow
}

// retainedMessage returns a message that the broker retains.
func retainedMessage(topic, payload string) message {
	return message{topic: topic, payload: payload, qos: 1, retained: true}
}

// delivery is a message that was sent.
type delivery struct {
	message
	row *row // whose payload it is; nil: not a point's
}

// inFlight is how many messages may be unacknowledged: enough to keep a broker busy.
// With 16, a change of a thousand rooms at once took 50 % longer; 64 was not faster
// (docs/performance.md).
const inFlight = 32

// bytesInFlight bounds the messages in flight by their size: one more is sent only while
// they have fewer bytes. Behind them a change waits ten seconds on a link of 1.5 kB/s.
const bytesInFlight = 16 << 10

// size is the length of the packet that carries the message, in bytes, without its
// fixed header of up to five.
func (m message) size() int { return 2 + len(m.topic) + 2 + len(m.payload) }

// statusTopic is the topic of the state of the connection.
func (o Options) statusTopic() string {
	return Topic(o.Prefix, o.Site, driver.Subject{Scope: driver.OfGateway}, "status")
}

func (o Options) status(word string) message { return retainedMessage(o.statusTopic(), word) }

const (
	statusOnline  = "online"
	statusOffline = "offline"
)

// newConnection prepares a connection; opening bounds the time to open it.
func newConnection(s *Sink, opening context.Context) *connection {
	c := &connection{s: s, lost: make(chan error, 1),
		outbox: make(chan message, inFlight+1), outcomes: make(chan outcome, inFlight+1)} // one more: "offline"
	c.clear, c.version = s.topicsToClear()

	p := s.o.clientOptions(func(broker *url.URL) (net.Conn, error) {
		conn, err := s.o.open(opening, broker)
		if err != nil {
			return nil, err
		}
		c.conn = newIncoming(conn, s.tooLarge)
		return c.conn, nil
	})
	p.SetWill(s.o.statusTopic(), statusOffline, 1, true)
	p.SetConnectionLostHandler(func(_ paho.Client, err error) { c.lost <- err })
	if s.o.Instance != (Instance{}) {
		c.own.echo = newEcho(s.o)
	}
	p.SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { c.received(m) })
	c.client = paho.NewClient(p)
	return c
}

// received takes a message that came in.
func (c *connection) received(m paho.Message) {
	if c.own.echo == nil || !c.own.echo.take(m.Topic(), m.Payload(), m.Retained()) {
		c.s.inbox.put(m.Topic(), m.Payload())
	}
}

// clientOptions are those of every client. A paho client is used for one
// connection only and reconnects nothing: its own reconnect reports undelivered
// messages as delivered, and reorders them. The protocol
// version is set, because otherwise paho repeats a refused login with MQTT 3.1, which
// may lock the account. Messages are handled in order, so
// that the newest is known: handlers must not block.
func (o Options) clientOptions(open func(broker *url.URL) (net.Conn, error)) *paho.ClientOptions {
	p := paho.NewClientOptions()
	p.Servers = []*url.URL{o.Broker}
	p.SetClientID(o.ClientID).SetUsername(o.Username).SetPassword(o.current.Load().password)
	p.SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(true)
	p.SetOrderMatters(true).SetProtocolVersion(4)
	p.SetKeepAlive(keepAlive).SetPingTimeout(answerTimeout) // an answer may be behind much else: see incoming
	p.SetConnectTimeout(openTimeout).SetWriteTimeout(writeTimeout)
	p.SetCustomOpenConnectionFn(func(broker *url.URL, _ paho.ClientOptions) (net.Conn, error) { return open(broker) })
	return p
}

// open opens the network connection.
func (o Options) open(ctx context.Context, broker *url.URL) (net.Conn, error) {
	if o.Dial != nil {
		return o.Dial(ctx, broker)
	}
	return o.dial(ctx, broker)
}

// use publishes the board until the connection or ctx ends, and returns how it ended.
func (c *connection) use(ctx context.Context) ending {
	err := c.publish(ctx)
	e := ending{err: err, proven: c.own.returned > 0, listening: c.own.ended}
	if c.online {
		e.online = time.Since(c.since)
	}
	return e
}

// publish publishes the board until the connection or ctx ends.
func (c *connection) publish(ctx context.Context) error {
	go c.transmit()
	defer close(c.outbox)
	tick := time.NewTicker(c.s.tick)
	defer tick.Stop()
	c.read(false)
	for {
		c.publishDue()
		select {
		case <-ctx.Done():
			c.stop()
			return ctx.Err()
		case err := <-c.lost:
			return c.ended(err)
		case o := <-c.outcomes:
			if o.err != nil {
				defer c.drop()
				return c.ended(c.reason(o.err))
			}
			c.acknowledged(o.refused)
		case <-c.heard():
			c.heardBack()
		case <-c.changed:
			c.read(true)
		case <-c.s.clearChanged:
			c.replaceClear()
		case <-tick.C:
			c.s.beat()
			c.subscribeAgain()
			c.listenTick()
			c.tryAside()
			if c.stalled() {
				c.drop()
				return c.ended(c.s.o.noAcknowledgement())
			}
		}
	}
}

// stalled reports whether the broker acknowledges nothing any more. On a slow link a
// message takes long, and acknowledgements wait behind the messages of others.
func (c *connection) stalled() bool {
	if len(c.unacked) == 0 {
		return false
	}
	since := time.Since(c.progress)
	return since >= answerTimeout || min(since, c.conn.sinceMessage()) >= ackTimeout
}

// transmit passes the messages of the outbox to the client, waits for the broker to
// acknowledge them and sends the outcome of each, all in the same order, which is
// also that of the acknowledgements (MQTT 3.1.1 §4.6). It runs on its own goroutine
// because Publish can block for the write timeout when the connection is lost.
func (c *connection) transmit() {
	tokens := make(chan paho.Token, inFlight+1)
	go func() {
		defer close(tokens)
		for m := range c.outbox {
			if m.subscribe {
				tokens <- c.client.Subscribe(m.topic, m.qos, nil)
			} else {
				tokens <- c.client.Publish(m.topic, m.qos, m.retained, m.payload)
			}
		}
	}()
	for token := range tokens {
		token.Wait()
		c.outcomes <- outcome{token.Error(), refusedBy(token)}
	}
}

// refusedBy reports whether the broker refused a subscription. It answers each with
// a code (MQTT 3.1.1 §3.9.3).
func refusedBy(token paho.Token) bool {
	asked, ok := token.(*paho.SubscribeToken)
	if !ok {
		return false
	}
	for _, code := range asked.Result() {
		if code == subscribeRefused {
			return true
		}
	}
	return false
}

const subscribeRefused = 0x80

// read copies the changes of the board. On a new connection transient points are left
// out, because their values are outdated.
func (c *connection) read(transient bool) {
	c.changed = c.s.o.Board.Changed()
	entries, seq := c.s.o.Board.Since(c.seq)
	c.seq = seq
	subjects := map[driver.Subject]bool{}
	for _, e := range entries {
		if e.Point().Transient && !transient {
			continue
		}
		if text, ok := c.s.o.Format.Payload(e); ok {
			c.table.put(e.Subject, e.Index, text)
			subjects[e.Subject] = true
		}
	}
	c.keep(maps.Keys(subjects))
}

// keep takes the topics of subjects out of those that are still to be cleared: a
// room that was removed may have come back since.
func (c *connection) keep(subjects iter.Seq[driver.Subject]) {
	if len(c.clear) == 0 {
		return
	}
	published := map[string]bool{}
	for s := range subjects {
		for _, point := range driver.Catalogue(s.Scope) {
			published[Topic(c.s.o.Prefix, c.s.o.Site, s, point.Name)] = true
		}
	}
	c.clear = slices.DeleteFunc(slices.Clone(c.clear), func(topic string) bool { return published[topic] })
	c.synced()
}

// publishDue sends due messages, up to inFlight unacknowledged ones.
func (c *connection) publishDue() {
	for len(c.unacked) < inFlight && c.bytes < bytesInFlight && !c.isolated() {
		if !c.sendNext() {
			return
		}
	}
}

// sendNext sends the next message; false: there is none.
func (c *connection) sendNext() bool {
	switch {
	case c.online && len(c.wanted) > 0:
		c.send(nil, message{topic: c.wanted[0], qos: 1, subscribe: true})
		c.wanted, c.unanswered = c.wanted[1:], c.unanswered+1
		return true
	case c.table.complete() && len(c.clear) > 0:
		return c.sendClear()
	case c.table.complete() && !c.announced:
		c.announced = true
		c.send(nil, c.s.o.status(statusOnline))
		return true
	case c.sendOwn():
		return true
	}
	return c.sendRow()
}

// sendClear sends the next deletion; false: it has to wait.
func (c *connection) sendClear() bool {
	m := retainedMessage(c.clear[0], "")
	m.clears = true
	v := c.s.quarantine.judge(m, c.largest)
	if v == alone && len(c.unacked) > 0 {
		return false
	}
	c.clear, c.clearing = c.clear[1:], c.clearing+1
	if v == notSent {
		c.notClear = append(c.notClear, m.topic)
		c.s.reportAside()
		return true
	}
	c.send(nil, m)
	return true
}

// sendRow sends the next row; false: there is none, or it has to wait.
func (c *connection) sendRow() bool {
	for {
		r := c.held
		if c.held = nil; r == nil || r.removed {
			r = c.table.next()
		}
		if r == nil {
			return false
		}
		m := c.s.o.message(r)
		switch v := c.s.quarantine.judge(m, c.largest); {
		case v == notSent:
			c.table.setAside(r)
			c.s.reportAside()
			continue
		case v == alone && len(c.unacked) > 0:
			c.held = r
			return false
		}
		c.send(r, m)
		return true
	}
}

// message is the message that publishes a row.
func (o Options) message(r *row) message {
	point := r.point()
	m := retainedMessage(Topic(o.Prefix, o.Site, r.subject, point.Name), r.want)
	if point.Transient {
		m.qos, m.retained = 0, false
	}
	return m
}

// isolated reports whether the message in flight must be alone there.
func (c *connection) isolated() bool {
	return len(c.unacked) == 1 && c.s.quarantine.isSuspect(c.unacked[0].topic)
}

// tryAside sends what was set aside again, when it is time.
func (c *connection) tryAside() {
	q := &c.s.quarantine
	for c.online {
		topic := q.tryAgain()
		if topic == "" || c.requeue(topic) {
			return
		}
		q.forget(topic) // the broker has its value, or it is no longer published
		c.s.reportAside()
	}
}

// requeue makes the message of a topic that was set aside due; false: there is none.
func (c *connection) requeue(topic string) bool {
	if i := slices.Index(c.notClear, topic); i >= 0 {
		c.notClear = slices.Delete(c.notClear, i, i+1)
		c.clear, c.clearing = append(slices.Clone(c.clear), topic), c.clearing-1
		return true
	}
	for _, rows := range c.table.rows {
		for i := range rows {
			if r := &rows[i]; r.want != "" && c.s.o.message(r).topic == topic {
				c.table.queue(r)
				return r.busy
			}
		}
	}
	return false
}

func (c *connection) send(r *row, m message) {
	if len(c.unacked) == 0 {
		c.progress = time.Now()
	}
	c.unacked = append(c.unacked, delivery{m, r})
	c.bytes += m.size()
	c.outbox <- m
}

// replaceClear applies new topics to clear. Subjects that were removed from the board
// are not published again.
func (c *connection) replaceClear() {
	c.clear, c.version = c.s.topicsToClear()
	c.clearing, c.notClear = c.clearing-len(c.notClear), nil
	for s := range c.table.rows {
		if c.s.o.Board.Subject(s) == nil {
			c.table.remove(s)
		}
	}
	c.keep(maps.Keys(c.table.rows))
	c.synced()
}

// synced reports that the broker holds the whole board and nothing else, once it
// does.
func (c *connection) synced() {
	if c.online && len(c.clear) == 0 && c.clearing == 0 {
		c.s.synced(c.version)
	}
}

// acknowledged handles the acknowledgement of the oldest message. refused means that
// it was a subscription, which the broker refused.
func (c *connection) acknowledged(refused bool) {
	d := c.unacked[0]
	c.unacked = slices.Delete(c.unacked, 0, 1)
	c.bytes -= d.size()
	c.progress = time.Now()
	if d.qos > 0 || d.subscribe { // the broker does not acknowledge others
		c.largest = max(c.largest, d.size())
		c.s.quarantine.acknowledged(d.message)
		c.s.reportAside()
	}
	c.acknowledgedOwn(d)
	switch {
	case d.row != nil:
		c.table.acknowledged(d.row, d.payload)
	case d.subscribe && c.own.asking != nil && d.topic == c.own.filter:
		c.listening(refused)
	case d.subscribe:
		c.answered(d.topic, refused)
	case d.clears:
		c.clearing--
		c.synced()
	case d.payload == statusOnline && !c.online:
		c.online, c.since = true, time.Now()
		c.s.online()
		c.synced()
		c.subscribe()
		c.listenTick()
	}
	c.tryAside()
}

// lostWith records the loss of the connection, and returns the message that it is due to,
// as far as can be said; nil: none.
func (c *connection) lostWith(cause error) *message {
	if !hungUp(cause) {
		c.s.quarantine.disturbed()
		return nil
	}
	m := c.s.quarantine.hungUp(c.unacked, c.largest, time.Since(c.progress))
	c.s.reportAside()
	return m
}

// ended returns the error for a connection that was lost, which may be the broker's
// response to a forbidden subscription.
func (c *connection) ended(cause error) error {
	var large *messageTooLarge
	if errors.As(cause, &large) {
		c.s.quarantine.disturbed()
		c.s.avoid(large)
		return c.s.o.receiptTooSlow(large)
	}
	if m := c.lostWith(cause); m != nil {
		return c.s.o.refusedByHangingUp(*m, cause)
	}
	if err := c.endedListening(cause); err != nil {
		return err
	}
	if errors.Is(cause, errStalled) {
		return cause
	}
	if c.unanswered > 0 {
		c.s.disconnects++
	}
	return c.s.o.connectionLost(cause, c.unanswered > 0)
}

// reason is why a message failed. Its outcome reports only that the connection has
// ended; the reason arrives shortly afterwards.
func (c *connection) reason(outcome error) error {
	select {
	case why := <-c.lost:
		return why
	case <-time.After(time.Second):
		return outcome
	}
}

// drop ends the connection as a failure, without DISCONNECT, so that the broker
// publishes the last will.
func (c *connection) drop() {
	c.conn.Close()
	c.client.Disconnect(0)
}

// stop ends the connection with DISCONNECT, which discards the last will.
func (c *connection) stop() {
	if keep := c.s.o.KeepStatus; keep == nil || !keep() {
		c.send(nil, c.s.o.status(statusOffline))
		c.drain(time.After(offlineTimeout))
	}
	c.client.Disconnect(250)
}

// drain waits until everything that was sent is acknowledged, or the time is up.
func (c *connection) drain(timeUp <-chan time.Time) {
	for range c.unacked {
		select {
		case <-c.outcomes:
		case <-timeUp:
			return
		}
	}
}
