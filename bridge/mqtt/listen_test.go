package mqtt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
	mochi "github.com/mochi-mqtt/server/v2"
	mochipackets "github.com/mochi-mqtt/server/v2/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// lines returns the number of lines that contain the words.
func (j *journal) lines(words string) int {
	n := 0
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// listening is a Sink that listens to its own topics, with intervals that are short
// enough to be waited for.
func listening(t *testing.T, o Options, host string) *Sink {
	t.Helper()
	o.Instance = Instance{ID: "run of " + host, Host: host}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.tick, s.trust.noticeEvery, s.trust.lookEvery = 20*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond
	s.trust.silentAfter = 2 * time.Second
	s.back.first, s.back.longest = 10*time.Millisecond, time.Minute
	return s
}

// comes waits for a message; others before it do not matter.
func comes(t *testing.T, messages <-chan received, want string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case got := <-messages:
			if got.String() == want {
				return
			}
		case <-timeout:
			t.Fatalf("this did not come: %s", want)
		}
	}
}

// noticed waits until a notice of the host has come with at least the count.
func noticed(t *testing.T, messages <-chan received, host string, count uint64) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case got := <-messages:
			var n notice
			if got.topic == "roomgate/hq/gateway/instance" && json.Unmarshal([]byte(got.payload), &n) == nil && n.Host == host && n.Count >= count {
				return
			}
		case <-timeout:
			t.Fatalf("no notice %d of %s came", count, host)
		}
	}
}

// reports waits until the board has these words for a connection that is not good.
func reports(t *testing.T, b *bridge.Board, want string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		changed := b.Changed()
		h := b.Health()[Part]
		if !h.OK && h.Words == want {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("health: %s,\nwant %s", h.Words, want)
		}
	}
}

// replaced is a controller with the status as its last will, which loses its
// connection without a word.
func replaced(t *testing.T, broker *mosquitto) {
	t.Helper()
	var conn net.Conn
	p := paho.NewClientOptions().AddBroker("tcp://"+broker.addr).SetAutoReconnect(false).SetProtocolVersion(4).SetWill("roomgate/hq/gateway/status", "offline", 1, true)
	p.SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
		var err error
		conn, err = net.Dial("tcp", broker.addr)
		return conn, err
	})
	finish(t, paho.NewClient(p).Connect())
	conn.Close()
}

// A late last will, a value that somebody else wrote and one that somebody deleted are
// seen and set right, also of a room that was added later. That is logged once, and is
// no fault while it does not go on.
func TestOwnTopicsAreSetRight(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	var log journal
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	put(o.Board, roomA, driver.BoolValue(true), driver.BoolValue(false))
	put(o.Board, gateway, driver.IntValue(7), driver.JSONValue(`{}`))
	s := listening(t, o, "edge-1")
	run(t, s)
	noticed(t, messages, "edge-1", 2) // sent when it listens to all
	say := plant(t, broker)

	replaced(t, broker)
	comes(t, messages, `roomgate/hq/gateway/status="offline" qos1`)
	comes(t, messages, `roomgate/hq/gateway/status="online" qos1`)
	say("roomgate/hq/rooms/a/booked", "false", true)
	comes(t, messages, `roomgate/hq/rooms/a/booked="false" qos1`)
	comes(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`)
	say("roomgate/hq/rooms/a/comfort", "", true)
	comes(t, messages, `roomgate/hq/rooms/a/comfort="" qos1`)
	comes(t, messages, `roomgate/hq/rooms/a/comfort="false" qos1`)
	say("roomgate/hq/gateway/heartbeat", "1", false) // which is never retained
	say("roomgate/hq/rooms/a/other", "x", false)
	say("roomgate/hq/rooms/a/booked/below", "x", false)

	put(o.Board, roomB, driver.BoolValue(true))
	comes(t, messages, `roomgate/hq/rooms/b/booked="true" qos1`)
	noticed(t, messages, "edge-1", 0)
	say("roomgate/hq/rooms/b/booked", "", true)
	comes(t, messages, `roomgate/hq/rooms/b/booked="true" qos1`)
	if h := o.Board.Health()[Part]; !h.OK {
		t.Errorf("health: %s", h.Words)
	}
	if n := log.lines("values at the broker were not the gateway's"); n != 1 {
		t.Errorf("%d lines say that values were set right, want 1:\n%s", n, log.String())
	}
}

// Notices that somebody else has written with the id of this instance do not keep it from
// setting its topics right.
func TestForgedNotice(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true), driver.BoolValue(false))
	run(t, listening(t, o, "edge-1"))
	noticed(t, messages, "edge-1", 2)
	var forged notice // with everything that anybody can read
	for forged.Connection == "" {
		if m := <-messages; m.topic == "roomgate/hq/gateway/instance" {
			if err := json.Unmarshal([]byte(m.payload), &forged); err != nil {
				t.Fatal(err)
			}
		}
	}
	say := plant(t, broker)
	for _, connection := range []string{forged.Connection, "another"} {
		forged.Connection, forged.Count = connection, 1<<62
		text, err := json.Marshal(forged)
		if err != nil {
			t.Fatal(err)
		}
		say("roomgate/hq/gateway/instance", string(text), false)
		say("roomgate/hq/rooms/a/booked", "false", true)
		comes(t, messages, `roomgate/hq/rooms/a/booked="false" qos1`)
		comes(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`)
	}
}

// Another client that writes whenever the gateway does is reported, and the gateway
// writes less and less often. When it has stopped the value is right, and the report
// ends.
func TestAWriterThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := newInProcess(t, make(chan received, 100_000))
		if err := broker.server.Serve(); err != nil {
			t.Fatal(err)
		}
		defer func() { broker.server.Close(); synctest.Wait() }()
		const topic = "roomgate/hq/rooms/a/booked"
		var mu sync.Mutex
		fights, corrections, retained := true, 0, ""
		err := broker.server.Subscribe(topic, 2, func(_ *mochi.Client, _ mochipackets.Subscription, p mochipackets.Packet) {
			mu.Lock()
			defer mu.Unlock()
			if retained = string(p.Payload); retained == "true" {
				corrections++
				if fights {
					// This broker sends messages of different publishers in any order, also
					// another than that in which it retains them. The pause of virtual time
					// ends when everybody has received the gateway's message.
					time.AfterFunc(time.Millisecond, func() {
						synctest.Wait() // which the race detector understands, and a pause not
						broker.server.Publish(topic, []byte("false"), true, 1)
					})
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		o := options(t, "mqtt://broker.example", bridge.New())
		o.Dial, o.Instance = broker.dial, Instance{ID: "1", Host: "edge-1"}
		var log journal
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		put(o.Board, roomA, driver.BoolValue(true))
		stop := start(t, o)
		defer end(stop)
		pass(3 * time.Minute)
		const want = "another client at the broker at broker.example changes or deletes values of this gateway, such as roomgate/hq/rooms/a/booked, again and again; " +
			"find the client in the broker's log, and let only the gateway's user write roomgate/hq/# in the broker's access rules"
		if h := o.Board.Health()[Part]; h.OK || h.Words != want {
			t.Errorf("health %+v,\nwant %s", h, want)
		}
		pass(3*time.Hour - 3*time.Minute)
		mu.Lock()
		// Once at the start, and about 0, 1, 3, 7, 15, 31, 61, 91, 121, 151 minutes later.
		if corrections < 10 || corrections > 12 {
			t.Errorf("published %d times in three hours, want 11", corrections)
		}
		fights = false
		mu.Unlock()
		pass(31 * time.Minute)
		mu.Lock()
		if retained != "true" {
			t.Errorf("half an hour after the other writer has stopped the broker has %q", retained)
		}
		mu.Unlock()
		pass(time.Hour)
		if h := o.Board.Health()[Part]; !h.OK {
			t.Errorf("health after the other writer has stopped: %s", h.Words)
		}
		if n := strings.Count(log.String(), "\n"); n > 4 {
			t.Errorf("%d lines logged, want one each for online, the correction, the report and its end:\n%s", n, log.String())
		}
	})
}

// Two gateways of one site name each other, and both stay connected.
func TestAnotherGateway(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	var boards []*bridge.Board
	for _, host := range []string{"edge-1", "edge-2"} {
		o := options(t, "mqtt://"+broker.addr, bridge.New())
		o.ClientID = "gateway-on-" + host
		put(o.Board, roomA, driver.BoolValue(host == "edge-1"))
		boards = append(boards, o.Board)
		run(t, listening(t, o, host))
		noticed(t, messages, host, 2)
	}
	for i, other := range []string{"edge-2", "edge-1"} {
		reports(t, boards[i], fmt.Sprintf("another gateway for site hq is connected to the broker at %s: host %q, client id %q; stop one of the two, or give one another site.id", broker.addr, other, "gateway-on-"+other))
	}
}

// A heartbeat is not retained, so that it cannot be compared.
func TestHeartbeatsAreNotCompared(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	var log journal
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	gateway := driver.Subject{Scope: driver.OfGateway}
	values := make([]driver.Value, len(driver.Catalogue(driver.OfGateway)))
	beat := func(at int) {
		values[driver.OfGateway.Index(driver.Heartbeat)] = driver.IntValue(at)
		put(o.Board, gateway, slices.Clone(values)...)
	}
	beat(1)
	run(t, listening(t, o, "edge-1"))
	for count := range uint64(12) {
		beat(2 + int(count))
		noticed(t, messages, "edge-1", count)
	}
	if h := o.Board.Health()[Part]; !h.OK || log.lines("not the gateway's") > 0 {
		t.Errorf("reported: %s\n%s", h.Words, log.String())
	}
}

// A gateway that is disconnected does not leave the broker to one of another client id:
// they do not disconnect each other.
func TestAnotherGatewayIsNotWaitedFor(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	for _, host := range []string{"edge-1", "edge-2"} {
		o := options(t, "mqtt://"+broker.addr, bridge.New())
		o.ClientID = "gateway-on-" + host
		put(o.Board, roomA, driver.BoolValue(true))
		s := listening(t, o, host)
		s.back.first = 2 * time.Second // the other one has published online again by then
		run(t, s)
		noticed(t, messages, host, 2)
	}
	tool := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + broker.addr).SetClientID("gateway-on-edge-1").SetAutoReconnect(false))
	finish(t, tool.Connect())
	tool.Disconnect(0)
	comes(t, messages, `roomgate/hq/gateway/status="offline" qos1`)
	comes(t, messages, `roomgate/hq/gateway/status="online" qos1`)
	noticed(t, messages, "edge-1", 2)
}

// Of two gateways with one client id the one that is disconnected leaves the broker to
// the other, says so, and takes over when the other has gone.
func TestOneClientIDTwice(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	var logs [2]journal
	var boards [2]*bridge.Board
	var stops [2]func()
	for i, host := range []string{"edge-1", "edge-2"} {
		o := options(t, "mqtt://"+broker.addr, bridge.New())
		o.Log = slog.New(slog.NewTextHandler(&logs[i], nil))
		put(o.Board, roomA, driver.BoolValue(i == 0))
		boards[i] = o.Board
		stops[i] = run(t, listening(t, o, host))
		noticed(t, messages, host, 2)
	}
	want := "another gateway for site hq is connected to the broker at " + broker.addr + `: host "edge-2", client id "roomgate-hq", which is also the client id of this one; ` +
		"stop one of the two, or give one another site.id; a test needs its own mqtt.client_id and mqtt.prefix"
	reports(t, boards[0], want)
	for range 20 { // notices of the second one, while the first looks on
		noticed(t, messages, "edge-2", 0)
	}
	for len(messages) > 0 {
		if m := <-messages; m.payload == statusOffline || strings.Contains(m.payload, "edge-1") {
			t.Errorf("the first one took over: %v", m)
		}
	}
	if h := boards[1].Health()[Part]; !h.OK || strings.Count(logs[0].String(), "\n") > 3 {
		t.Errorf("the second one: %s; the first one logged:\n%s", h.Words, logs[0].String())
	}
	stops[1]()
	comes(t, messages, `roomgate/hq/gateway/status="offline" qos1`)
	comes(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`)
	comes(t, messages, `roomgate/hq/gateway/status="online" qos1`)
}

// Two gateways of one client id that cannot see each other wait longer and longer, and
// log few lines: being online for a moment changes neither.
func TestDisconnectedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		f.answer = func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			m, ok := p.(*packets.PublishPacket)
			return good(p), !(ok && string(m.Payload) == statusOnline)
		}
		o := options(t, "mqtt://broker.example", threeHundred())
		var log journal
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Dial = f.dial
		stop := start(t, o)
		defer end(stop)
		pass(time.Hour)
		if n := len(f.connections()); n < 60 || n > 130 {
			t.Errorf("%d connections in an hour, want about two a minute", n)
		}
		if n := strings.Count(log.String(), "\n"); n > 3 {
			t.Errorf("%d lines logged:\n%s", n, log.String())
		}
	})
}

// An hour of failures that change costs at most ten lines.
func TestFailuresThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		s := told{to: slog.New(slog.NewTextHandler(&log, nil))}
		for i := range 3600 {
			s.log(slog.LevelWarn, fmt.Sprintf("the broker at [fe80::%x]:%d refused connection %08x", i, 1024+i, i*7), "no broker")
			time.Sleep(time.Second)
		}
		if n := log.lines("no broker"); n != 1 {
			t.Errorf("%d lines for one trouble with other ports and addresses, want 1", n)
		}
		for i := range 3600 {
			s.log(slog.LevelWarn, "trouble "+strings.Repeat("x", i%100), "no broker")
			time.Sleep(time.Second)
		}
		if n := log.lines("no broker"); n != 11 {
			t.Errorf("%d lines in the second hour, want 10", n-1)
		}
		time.Sleep(tellAgainIn)
		s.log(slog.LevelWarn, "trouble ", "no broker")
		if n := log.lines("no broker"); n != 12 {
			t.Error("what still goes on after a day was not told again")
		}
	})
}

// A broker whose access list begins to drop what the gateway publishes is noticed, and
// gets everything once it keeps messages again.
func TestMessagesDroppedWhileRunning(t *testing.T) {
	acl := filepath.Join(t.TempDir(), "acl")
	rules := func(line string) {
		t.Helper()
		if err := os.WriteFile(acl, []byte("topic read bms/#\n"+line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules("topic readwrite roomgate/hq/#\n")
	broker := startMosquitto(t, anybody+"\nuser root\nacl_file "+acl) // where this is root, only root can reach the folder
	messages := subscribe(t, "tcp://"+broker.addr)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(false), driver.BoolValue(false))
	run(t, listening(t, o, "edge-1"))
	noticed(t, messages, "edge-1", 2)
	rules("topic read roomgate/hq/#\n")
	reload := func() {
		t.Helper()
		if err := broker.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	reload()
	want := "the broker at " + broker.addr + ` acknowledged a retained message on roomgate/hq/gateway/instance but did not return it: ` +
		"it silently drops messages from a client without a user name, or hides them from their sender; let the user publish and read under roomgate/hq/# in the broker's access rules (mosquitto: topic readwrite roomgate/hq/#)"
	reports(t, o.Board, want)                                            // Mosquitto also disconnects its clients when it reads its rules again
	put(o.Board, roomA, driver.BoolValue(true), driver.BoolValue(false)) // is acknowledged and dropped
	rules("topic readwrite roomgate/hq/#\n")
	reload()
	comes(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`)
	healthWords(t, o.Board, true, "")
}

// A broker that does not let the gateway read its own topics is reported once, and costs
// neither points nor health.
func TestOwnTopicsCannotBeRead(t *testing.T) {
	for name, hangUp := range map[string]bool{"refused": false, "the connection is closed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, f := &gate{closed: map[string]bool{"roomgate/hq/gateway/+": true}, hangUp: hangUp}, &fake{}
				f.answer = g.answer
				var log journal
				o := options(t, "mqtt://broker.example", bridge.New())
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				o.Dial, o.Instance = f.dial, Instance{ID: "1", Host: "edge-1"}
				put(o.Board, roomA, driver.BoolValue(true))
				stop := start(t, o)
				defer end(stop)
				pass(3 * time.Hour)
				if h := o.Board.Health()[Part]; !h.OK {
					t.Errorf("health: %s", h.Words)
				}
				most := 1
				if hangUp {
					most = 3
				}
				if len(f.connections()) != most {
					t.Errorf("%d connections, want %d", len(f.connections()), most)
				}
				if n := log.lines("what others change at the broker is not seen"); n != 1 {
					t.Errorf("told %d times:\n%s", n, log.String())
				}
				if text := log.String(); !strings.Contains(text, "mosquitto: topic read roomgate/hq/#") {
					t.Errorf("the log does not say what to allow:\n%s", text)
				}
			})
		})
	}
}

// On a path that loses the large packets which follow a subscription to own topics, the
// gateway gives up listening, says so once, and goes on publishing.
func TestPathThatLosesLargePackets(t *testing.T) {
	for name, answered := range map[string]bool{"with the answer": false, "after the answer": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, lost, n := &fake{}, map[int]bool{}, map[int]int{}
				f.answer = func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
					asked, ok := p.(*packets.SubscribePacket)
					switch {
					case lost[visit]:
						return nil, true // nothing arrives behind the packet that is lost
					case !ok:
						return good(p), true
					}
					ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
					ack.MessageID, ack.ReturnCodes = asked.MessageID, []byte{0}
					n[visit]++
					if lost[visit] = n[visit] == 3; lost[visit] && !answered { // of the gateway and two rooms
						return nil, true
					}
					return []packets.ControlPacket{ack}, true
				}
				var log journal
				o := options(t, "mqtt://broker.example:1883", bigBoard(2, func(int) int { return 2000 }))
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				o.Dial, o.Instance = f.dial, Instance{ID: "1", Host: "edge-1"}
				stop := start(t, o)
				defer end(stop)
				pass(6 * time.Hour)
				if n := len(f.connections()); n != 3 {
					t.Errorf("%d connections in six hours, want 3", n)
				}
				if h := o.Board.Health()[Part]; !h.OK {
					t.Errorf("health: %s", h.Words)
				}
				if n := log.lines("what others change at the broker is not seen"); n != 1 || !strings.Contains(log.String(), "carries large packets") {
					t.Errorf("told %d times:\n%s", n, log.String())
				}
				put(o.Board, roomA, driver.BoolValue(true))
				pass(time.Minute)
				if last := f.connections()[2]; !slices.Contains(last, `PUBLISH roomgate/hq/rooms/a/booked="true" qos1 retained`) {
					t.Error("a change was not published")
				}
			})
		})
	}
}

// A broker that returns values late, older ones after newer ones were acknowledged,
// is not another writer.
func TestOwnValuesThatComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, before := &fake{}, ""
		f.answer = func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			switch p := p.(type) {
			case *packets.SubscribePacket:
				ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
				ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{0}
				return []packets.ControlPacket{ack}, true
			case *packets.PublishPacket:
				back := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
				back.TopicName, back.Payload = p.TopicName, slices.Clone(p.Payload)
				if strings.HasSuffix(p.TopicName, "/minutes_remaining") {
					back.Payload, before = []byte(before), string(p.Payload)
				}
				return append(good(p), back), true
			}
			return good(p), true
		}
		o := options(t, "mqtt://broker.example", bridge.New())
		var log journal
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Dial, o.Instance = f.dial, Instance{ID: "1", Host: "edge-1"}
		values := make([]driver.Value, driver.OfRoom.Index(driver.MinutesRemaining)+1)
		stop := start(t, o)
		defer end(stop)
		for minute := range 120 {
			values[len(values)-1] = driver.IntValue(minute)
			put(o.Board, roomA, values...)
			pass(time.Minute)
			if h := o.Board.Health()[Part]; minute > 0 && !h.OK {
				t.Fatalf("minute %d: %s", minute, h.Words)
			}
		}
		if n := log.lines("ERROR"); n != 0 {
			t.Errorf("%d errors logged:\n%s", n, log.String())
		}
	})
}

// A slow link never has the retained values of more than one subject to carry: the next
// subject is subscribed to when the broker has answered for the one before.
func TestSubscribesToOneSubjectAtATime(t *testing.T) {
	o := options(t, "mqtt://broker.example", bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	put(o.Board, roomB, driver.BoolValue(true))
	c := newConnection(listening(t, o, "edge-1"), t.Context())
	c.read(false)
	if !c.sendOwn() || (<-c.outbox).topic != "roomgate/hq/gateway/instance" || c.sendOwn() {
		t.Fatal("the first message is not the notice, or something else is sent before the connection is online")
	}
	c.online = true
	c.listenTick()
	var filters []string
	for c.sendOwn() {
		m := <-c.outbox
		if !m.subscribe || m.qos != 0 || c.sendOwn() {
			t.Fatalf("%+v, or another message before it was answered", m)
		}
		filters = append(filters, m.topic)
		c.listening(false)
	}
	slices.Sort(filters[1:]) // the gateway's is the first, as it shows whether anything can be read
	if want := []string{"roomgate/hq/gateway/+", "roomgate/hq/rooms/a/+", "roomgate/hq/rooms/b/+"}; !slices.Equal(filters, want) {
		t.Errorf("subscribed to %q, want %q", filters, want)
	}
}
