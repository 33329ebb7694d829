package mqtt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// publishPacket is a message as a broker sends it.
func publishPacket(topic string, qos byte, payload int) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(topic)))
	body = append(body, topic...)
	if qos > 0 {
		body = append(body, 0x12, 0x34)
	}
	length := len(body) + payload
	p := binary.AppendUvarint([]byte{0x30 | qos<<1 | 1}, uint64(length)) // retained
	return append(append(p, body...), bytes.Repeat([]byte("x"), payload)...)
}

// stream is a connection on which the broker has sent everything already.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error)    { return s.Reader.Read(p) }
func (stream) SetReadDeadline(time.Time) error { return nil }

func TestIncoming(t *testing.T) {
	const most = 64 << 10
	sent := bytes.Join([][]byte{
		{0x20, 2, 0, 0}, // CONNACK
		publishPacket("a/small", 1, 3),
		publishPacket("a/most", 0, most),
		publishPacket("a/large", 1, most+1),
		publishPacket("a/huge", 0, 3_000_000),
		publishPacket("a/huge/too", 1, 5_000_000),
		publishPacket("a/empty", 1, 0),
		{0x40, 2, 0, 7}, // PUBACK
		{0xd0, 0},       // PINGRESP
	}, nil)
	want := []string{"CONNACK", "a/small 3 qos1 4660", "a/most 65536 qos0 0", "a/large 65537 qos1 4660", "a/huge 65537 qos0 0", "a/huge/too 65537 qos1 4660", "a/empty 0 qos1 4660", "PUBACK 7", "PINGRESP"}
	for name, r := range map[string]io.Reader{"at once": bytes.NewReader(sent), "in pieces": iotest.HalfReader(bytes.NewReader(sent))} {
		var large []string
		c := newIncoming(stream{Reader: r}, func(topic string, size int) { large = append(large, fmt.Sprint(topic, " ", size)) })
		for i, w := range want {
			p, err := packets.ReadPacket(c)
			if err != nil {
				t.Fatalf("%s: packet %d: %v", name, i, err)
			}
			got := "PINGRESP"
			switch p := p.(type) {
			case *packets.ConnackPacket:
				got = "CONNACK"
			case *packets.PublishPacket:
				got = fmt.Sprintf("%s %d qos%d %d", p.TopicName, len(p.Payload), p.Qos, p.MessageID)
			case *packets.PubackPacket:
				got = fmt.Sprint("PUBACK ", p.MessageID)
			}
			if got != w {
				t.Errorf("%s: packet %d is %s, want %s", name, i, got, w)
			}
		}
		if _, err := packets.ReadPacket(c); err != io.EOF {
			t.Errorf("%s: the end is %v, want EOF", name, err)
		}
		if got := strings.Join(large, ", "); got != "a/large 65537, a/huge 3000000, a/huge/too 5000000" {
			t.Errorf("%s: too large: %s", name, got)
		}
	}
}

func TestIncomingRefuses(t *testing.T) {
	for sent, want := range map[string]string{
		"\x20\xff\xff\xff\x7f":       "the broker sent a packet of type 2 and 268435455 bytes, which is no answer of MQTT 3.1.1",
		"\x30\xff\xff\xff\xff\x7f":   "the broker sent a packet of type 3 and 34359738367 bytes, which is no answer of MQTT 3.1.1",
		"\x32\x05\x00\x02ab\x00":     "the broker sent a message that is shorter than its topic",
		"\x34\x06\x00\x01a\x00\x01b": "the broker sent a message with QoS 2, which the gateway has not subscribed to",
		"\x36\x06\x00\x01a\x00\x01b": "the broker sent a message with QoS 3, which the gateway has not subscribed to",
		"\x30\x80\x80\x10\x00\x05ab": "unexpected EOF",
		"\x30":                       "unexpected EOF",
		"":                           "EOF",
	} {
		c := newIncoming(stream{Reader: strings.NewReader(sent)}, func(string, int) {})
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{c}); err == nil && want != "EOF" || err != nil && err.Error() != want {
			t.Errorf("%q: %v, want %s", sent, err, want)
		}
	}
}

// A message that is too large ends the connection after half a minute, and is named,
// however slowly its rest arrives.
func TestLargeMessageThatDoesNotArrive(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 20 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			near, broker := net.Pipe()
			go func() {
				_, err := broker.Write(publishPacket("a/b", 0, 1<<20)[:6+3+largestPayload+1])
				for ; err == nil; _, err = broker.Write([]byte{0}) {
					time.Sleep(every)
				}
			}()
			began := time.Now()
			_, err := io.Copy(io.Discard, struct{ io.Reader }{newIncoming(near, func(string, int) {})})
			large, ok := errors.AsType[*messageTooLarge](err)
			if took := time.Since(began); !ok || large.topic != "a/b" || took != drainTimeout {
				t.Errorf("a byte every %v: after %v: %v, want the message after 30s", every, took, err)
			}
			near.Close()
			pass(every) // the broker notices
		})
	}
}

// Whatever a broker sends, no packet is passed on that is larger than is allowed.
func FuzzIncoming(f *testing.F) {
	f.Add(publishPacket("a", 1, 70_000))
	f.Add([]byte("\x20\x02\x00\x00\x32\x05\x00\x02ab\x00"))
	f.Add([]byte("\x30\xff\xff\xff\x7f\x00\x01a"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		c := newIncoming(stream{Reader: bytes.NewReader(sent)}, func(string, int) {})
		for {
			p, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			if m, ok := p.(*packets.PublishPacket); ok && len(m.Payload) > largestPayload+1 {
				t.Fatalf("a payload of %d bytes", len(m.Payload))
			}
		}
	})
}

// A retained message of 64 MB on the topic of a sensor costs that sensor's room its
// presence and nothing else.
func TestLargeRetainedMessage(t *testing.T) {
	broker := startMosquitto(t, anybody)
	const size = 64 << 20
	publishLarge(t, broker.addr, "bms/large", size)
	plant(t, broker)("bms/other", "on", true)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	o := options(t, "mqtt://"+broker.addr, board)
	large, ofLarge := sensor("bms/large")
	other, ofOther := sensor("bms/other")
	o.Sensors = []Sensor{large, other}
	var log lockedBuffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	stop := start(t, o)
	tells(t, ofLarge, cannotTell)
	tells(t, ofOther, present)
	put(board, roomA, driver.BoolValue(false)) // the connection is in use still
	messages := subscribe(t, "tcp://"+broker.addr)
	for m := range messages {
		if m.topic == "roomgate/hq/rooms/a/booked" && m.payload == "false" {
			break
		}
	}
	stop()
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 16 {
		t.Errorf("%d MB were allocated", used)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "topic=bms/large bytes=67108864 limit=65536") {
		t.Errorf("log:\n%s", log.String())
	}
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// publishLarge publishes a retained message of many bytes without holding them.
func publishLarge(t *testing.T, broker, topic string, size int) {
	t.Helper()
	conn, err := net.Dial("tcp", broker)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	connect := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	connect.ProtocolName, connect.ProtocolVersion, connect.CleanSession, connect.ClientIdentifier = "MQTT", 4, true, "large"
	if err := connect.Write(conn); err != nil {
		t.Fatal(err)
	}
	head := publishPacket(topic, 1, 0)
	head = append(binary.AppendUvarint([]byte{head[0]}, uint64(len(head)-2+size)), head[2:]...)
	if _, err := io.Copy(conn, io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, int64(size)))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // CONNACK, PUBACK
		if _, err := packets.ReadPacket(conn); err != nil {
			t.Fatal(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A link so slow that a large message keeps it busy: the topic is given up, and the
// points are published.
func TestLargeMessageOnASlowLink(t *testing.T) {
	t.Run("of a sensor", func(t *testing.T) { largeMessageOnASlowLink(t, "bms/large", "bms/large") })
	t.Run("below the gateway's topics", func(t *testing.T) {
		largeMessageOnASlowLink(t, "roomgate/hq/rooms/aa/+", "roomgate/hq/rooms/aa/large")
	})
}

func largeMessageOnASlowLink(t *testing.T, filter, topic string) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		subscriptions := map[string]int{}
		f := &fake{answer: func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			asked, ok := p.(*packets.SubscribePacket)
			if !ok {
				return good(p), true
			}
			mu.Lock()
			defer mu.Unlock()
			subscriptions[asked.Topics[0]]++
			ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			ack.MessageID, ack.ReturnCodes = asked.MessageID, []byte{0}
			replies := []packets.ControlPacket{ack}
			if asked.Topics[0] == filter {
				large := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
				large.TopicName, large.Payload = topic, make([]byte, 1<<20)
				replies = append(replies, large)
			}
			return replies, true
		}}
		board := threeHundred()
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = throttled(f.dial, 1500)
		o.Instance = Instance{ID: "this"}
		o.Sensors = []Sensor{{Topic: "bms/large", Receive: func(driver.Presence) {}}, {Topic: "bms/other", Receive: func(driver.Presence) {}}}
		stop := start(t, o)
		told := map[string]bool{}
		for end := time.Now().Add(20 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
			if h := board.Health()[Part]; !h.OK {
				told[h.Words] = true
			}
		}
		end(stop)
		if n := len(f.connections()); n != 2 {
			t.Errorf("%d connections in twenty minutes, want two", n)
		}
		if subscriptions[filter] != 1 || subscriptions["bms/other"] < 1 {
			t.Errorf("subscriptions: %v", subscriptions)
		}
		want := strings.ReplaceAll("a message of 1048576 bytes on TOPIC kept the connection to the broker at broker.example:1883 busy for more than 30s; the gateway does not subscribe to that topic for 24h0m0s; find out who publishes it; if it is retained, delete it at the broker (mosquitto_pub -r -n -t 'TOPIC')", "TOPIC", topic)
		if !told[want] {
			t.Errorf("told %v", told)
		}
	})
}
