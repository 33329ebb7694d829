package mqtt

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

const (
	// largestPayload is how much of the payload of a message is received, in bytes: far
	// more than a sensor sends or the gateway publishes.
	largestPayload = 64 << 10
	// largestAnswer is how many bytes a packet may announce that is not a message.
	largestAnswer = 1 << 10
	// largestLength is how many bytes a packet can announce (MQTT 3.1.1 §2.2.3).
	largestLength = 1<<28 - 1
)

// drainTimeout is how long a message that is too large may take to arrive: everything
// else that the broker sends waits behind it.
const drainTimeout = 30 * time.Second

// Silences that end a connection: until the broker answers the login, and after that,
// when paho sends a ping once nothing has arrived for keepAlive. It looks every 5 s, and
// the answer may take 10 s.
const (
	loginSilence = connectTimeout
	keepAlive    = 30 * time.Second
	usedSilence  = keepAlive + 15*time.Second
)

// incoming is a connection on which every packet of the broker is bounded before it is
// held: paho allocates what a packet announces, which is up to 256 MB. A message that
// is too large is passed on with the beginning of its payload, one byte more than is
// allowed. So it is recognised, and acknowledged: a broker sends a message that was not
// acknowledged once more. The rest is read and discarded.
//
// Its read deadlines are its own: it ends when nothing arrives for some time, and not
// while something arrives, however slowly.
type incoming struct {
	net.Conn
	r        *bufio.Reader // paho reads single bytes
	tooLarge func(topic string, size int)

	ready    []byte           // to be returned first
	pass     int              // bytes to be read and returned after that
	discard  int              // bytes to be discarded after that
	large    *messageTooLarge // whose rest is discarded
	until    time.Time        // when all of it must have arrived
	loggedIn bool             // something has arrived
	begun    time.Time        //
	message  atomic.Int64     // when a part of a message last arrived, as the time since begun
	inside   bool             // of a message
}

// newIncoming returns conn with bounded packets. tooLarge is called by the reading
// goroutine for every message whose payload, of size bytes, is too large.
func newIncoming(conn net.Conn, tooLarge func(topic string, size int)) *incoming {
	c := &incoming{Conn: conn, tooLarge: tooLarge, begun: time.Now()}
	c.r = bufio.NewReader(arrivals{c})
	return c
}

// arrivals is what arrives on a connection, until nothing does for too long.
type arrivals struct{ c *incoming }

// Read implements io.Reader.
func (a arrivals) Read(p []byte) (int, error) {
	silence := loginSilence
	if a.c.loggedIn {
		silence = usedSilence
	}
	deadline, late := time.Now().Add(silence), error(silenceError(silence))
	if a.c.discard > 0 && a.c.until.Before(deadline) {
		deadline, late = a.c.until, a.c.large
	}
	_ = a.c.Conn.SetReadDeadline(deadline) // fails when the connection is closed, which Read reports
	n, err := a.c.Conn.Read(p)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = late
	}
	if a.c.inside && n > 0 {
		a.c.message.Store(int64(time.Since(a.c.begun)))
	}
	return n, err
}

// silenceError is the error of a connection on which nothing has arrived for so long. It
// is a timeout as in package net.
type silenceError time.Duration

func (e silenceError) Error() string {
	return fmt.Sprintf("nothing has arrived for %v", time.Duration(e))
}
func (e silenceError) Timeout() bool   { return true }
func (e silenceError) Temporary() bool { return false }

// sinceMessage is how long no part of a message has arrived.
func (c *incoming) sinceMessage() time.Duration {
	return time.Since(c.begun) - time.Duration(c.message.Load())
}

// SetReadDeadline implements net.Conn. It has no effect.
func (c *incoming) SetReadDeadline(time.Time) error { return nil }

// SetDeadline implements net.Conn. It has no effect on reading.
func (c *incoming) SetDeadline(t time.Time) error { return c.SetWriteDeadline(t) }

// Read implements net.Conn.
func (c *incoming) Read(p []byte) (int, error) {
	for len(c.ready) == 0 && c.pass == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.ready) > 0 {
		n := copy(p, c.ready)
		c.ready = c.ready[n:]
		return n, nil
	}
	n, err := c.r.Read(p[:min(len(p), c.pass)])
	c.pass -= n
	return n, err
}

// next reads the beginning of the next packet.
func (c *incoming) next() error {
	if err := c.drain(); err != nil {
		return err
	}
	c.inside = false
	first, err := c.r.ReadByte()
	if err != nil {
		return err
	}
	length, err := binary.ReadUvarint(c.r) // the encoding of MQTT 3.1.1 §2.2.3
	if err != nil {
		return noEOF(err)
	}
	c.loggedIn = true
	kind := first >> 4
	switch {
	case length > largestLength, kind != packets.Publish && length > largestAnswer:
		return fmt.Errorf("the broker sent a packet of type %d and %d bytes, which is no answer of MQTT 3.1.1", kind, length)
	case kind == packets.Publish:
		return c.nextMessage(first, int(length))
	}
	c.ready, c.pass = head(first, int(length)), int(length)
	return nil
}

// nextMessage reads the beginning of a message (MQTT 3.1.1 §3.3).
func (c *incoming) nextMessage(first byte, length int) error {
	c.inside = true
	qos := first >> 1 & 0b11
	if qos > 1 { // nothing is subscribed to with QoS 2, of which the client library would hold every message
		return fmt.Errorf("the broker sent a message with QoS %d, which the gateway has not subscribed to", qos)
	}
	prefix, err := c.r.Peek(2)
	if err != nil {
		return noEOF(err)
	}
	before := 2 + int(binary.BigEndian.Uint16(prefix)) // the payload: the topic
	topicEnd := before
	if qos > 0 {
		before += 2 // the packet identifier
	}
	payload := length - before
	if payload < 0 {
		return errors.New("the broker sent a message that is shorter than its topic")
	}
	if payload <= largestPayload {
		c.ready, c.pass = head(first, length), length
		return nil
	}
	topic := make([]byte, topicEnd)
	if _, err := io.ReadFull(c.r, topic); err != nil {
		return noEOF(err)
	}
	const kept = largestPayload + 1
	c.ready = append(head(first, before+kept), topic...)
	c.pass, c.discard = before-topicEnd+kept, payload-kept
	c.large, c.until = &messageTooLarge{string(topic[2:]), payload}, time.Now().Add(drainTimeout)
	c.tooLarge(c.large.topic, c.large.size)
	return nil
}

// head is the fixed header of a packet (MQTT 3.1.1 §2.2).
func head(first byte, length int) []byte {
	return binary.AppendUvarint([]byte{first}, uint64(length))
}

// drain discards the rest of a message.
func (c *incoming) drain() error {
	for c.discard > 0 {
		n, err := c.r.Discard(min(c.discard, c.r.Size()))
		if c.discard -= n; err != nil {
			return noEOF(err)
		}
	}
	return nil
}

// noEOF is the error of a packet that was not complete.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// messageTooLarge is the error of a connection on which a message did not arrive in
// time.
type messageTooLarge struct {
	topic string
	size  int // of the payload, in bytes
}

func (e *messageTooLarge) Error() string {
	return fmt.Sprintf("a message of %d bytes on %s did not arrive within %v", e.size, e.topic, drainTimeout)
}
