package mqtt

import (
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// sensor is one that is heard by a channel.
func sensor(topic string) (Sensor, <-chan driver.Presence) {
	told := make(chan driver.Presence, 100)
	return Sensor{Topic: topic, Reading: Reading{On: usualOn, Off: usualOff}, Receive: func(p driver.Presence) { told <- p }}, told
}

// tells asserts what is told next.
func tells(t *testing.T, told <-chan driver.Presence, want driver.Presence) {
	t.Helper()
	select {
	case got := <-told:
		if got != want {
			t.Fatalf("told %+v, want %+v", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("nothing was told, want %+v", want)
	}
}

// plant is a client that publishes as the building's sensors do.
func plant(t *testing.T, broker *mosquitto) (say func(topic, payload string, retain bool)) {
	t.Helper()
	client := publisher(t, broker)
	return func(topic, payload string, retain bool) {
		t.Helper()
		finish(t, client.Publish(topic, 1, retain, payload))
	}
}

func publisher(t *testing.T, broker *mosquitto) paho.Client {
	t.Helper()
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + broker.addr).SetAutoReconnect(false).SetProtocolVersion(4))
	finish(t, client.Connect())
	t.Cleanup(func() { client.Disconnect(0) })
	return client
}

// A retained message is what the sensor says now; after it every message counts,
// the same again included, whatever it holds.
func TestPresenceIsHeard(t *testing.T) {
	broker := startMosquitto(t, anybody)
	say := plant(t, broker)
	say("bms/a", "on", true)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	one, told := sensor("bms/a")
	other, both := sensor("bms/a") // shares the topic and reads it otherwise
	limit := 3.0
	other.Reading = Reading{Above: &limit}
	o.Sensors = []Sensor{one, other}
	start(t, o)
	tells(t, told, present)
	tells(t, both, cannotTell)
	for _, m := range []struct {
		payload    string
		want, also driver.Presence
	}{
		{"off", absent, cannotTell},
		{"off", absent, cannotTell},
		{"ON", present, cannotTell},
		{"1", present, absent},
		{"", cannotTell, cannotTell},
		{"\x00\xff\x1b[2J", cannotTell, cannotTell},
		{strings.Repeat("on ", 1<<20), cannotTell, cannotTell},
		{"4", cannotTell, present},
	} {
		say("bms/a", m.payload, false)
		tells(t, told, m.want)
		tells(t, both, m.also)
	}
}

// A broker that comes back without any memory is subscribed to again.
func TestPresenceAfterABrokerRestart(t *testing.T) {
	broker := startMosquitto(t, anybody)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	s, told := sensor("bms/a")
	o.Sensors = []Sensor{s}
	sink, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	sink.back.first, sink.back.longest = 10*time.Millisecond, 40*time.Millisecond
	run(t, sink)
	for range 3 {
		healthWords(t, o.Board, true, "")
		plant(t, broker)("bms/a", "on", true) // retained: heard whenever the subscription comes
		tells(t, told, present)
		broker.kill()
		healthWords(t, o.Board, false, "connecting to the broker at "+broker.addr)
		broker.start()
	}
}

// A sensor gone wild, and somebody who is slow to listen to it, keep no point
// from the broker; and what it said last is what stays.
func TestStormOfPresence(t *testing.T) {
	broker := startMosquitto(t, anybody)
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	messages := subscribe(t, "tcp://"+broker.addr)
	var mu sync.Mutex
	var all []driver.Presence
	listening, stopped := make(chan struct{}), make(chan struct{})
	settled := make(chan driver.Presence, 10_000)
	begin := sync.OnceFunc(func() { close(listening) })
	o.Sensors = []Sensor{{Topic: "bms/a", Reading: Reading{On: usualOn, Off: usualOff}, Receive: func(p driver.Presence) {
		begin()
		<-stopped
		mu.Lock()
		defer mu.Unlock()
		all = append(all, p)
		settled <- p
	}}}
	start(t, o)
	expect(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`, `roomgate/hq/gateway/status="online" qos1`)
	wild := publisher(t, broker)
	for i := range 10_000 {
		finish(t, wild.Publish("bms/a", 0, false, usualOff[i%2]))
	}
	<-listening // and held up from here on
	put(o.Board, roomA, driver.BoolValue(false))
	expect(t, messages, `roomgate/hq/rooms/a/booked="false" qos1`)
	finish(t, wild.Publish("bms/a", 1, false, "on"))
	close(stopped)
	for p := range settled {
		if p == present {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(all) > 1000 {
		t.Errorf("%d of 10,001 messages were told, want few: the newest are enough", len(all))
	}
}

// Mosquitto's access list of a file grants every subscription and then hands out
// nothing; its dynamic security says no. That is told, and costs no point.
func TestSubscriptionRefused(t *testing.T) {
	plugins, _ := filepath.Glob("/usr/lib/*/mosquitto_dynamic_security.so")
	if len(plugins) == 0 {
		if os.Getenv("ROOMGATE_REAL") != "" {
			t.Fatal("mosquitto's dynamic security is not installed: apt-get install mosquitto")
		}
		t.Skip("mosquitto's dynamic security is not installed")
	}
	rules := filepath.Join(t.TempDir(), "rules.json")
	salt := []byte("twelve bytes") // which the plugin wants it to be
	sum, err := pbkdf2.Key(sha512.New, "secret", salt, 1000, 64)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"defaultACLAccess": {"publishClientSend": true, "publishClientReceive": true, "subscribe": false, "unsubscribe": true},
		"clients": [{"username": "gateway", "password": %q, "salt": %q, "iterations": 1000}]}`,
		base64.StdEncoding.EncodeToString(sum), base64.StdEncoding.EncodeToString(salt))
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	broker := startMosquitto(t, "allow_anonymous false\nplugin "+plugins[0]+"\nplugin_opt_config_file "+rules+"\nuser root") // stays root, where it is, to read the rules
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	o.Username, o.Password = "gateway", "secret"
	s, _ := sensor("bms/a")
	o.Sensors = []Sensor{s}
	sink, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	const want = ` does not let user "gateway" subscribe to presence topics (bms/a); let the user read bms/a in the broker's access rules (mosquitto: topic read bms/a)`
	words, person := driver.Explain(sink.Probe(t.Context()))
	if words != "the broker at "+broker.addr+want || !person {
		t.Errorf("the probe found %q, %t", words, person)
	}
	run(t, sink)
	if words := healthWords(t, o.Board, false, "connecting to the broker at "+broker.addr); words != "the broker at "+broker.addr+want {
		t.Errorf("health: %s", words)
	}
}

// gate is a broker that lets topics be heard or not.
type gate struct {
	mu     sync.Mutex
	closed map[string]bool
	hangUp bool // on who asks for a closed one
	asked  []time.Time
}

func (g *gate) answer(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
	asked, ok := p.(*packets.SubscribePacket)
	if !ok {
		return good(p), true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, time.Now())
	ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
	ack.MessageID, ack.ReturnCodes = asked.MessageID, []byte{asked.Qoss[0]}
	if g.closed[asked.Topics[0]] {
		ack.ReturnCodes[0] = 0x80
		if g.hangUp {
			return nil, false
		}
	}
	m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	m.TopicName, m.Payload, m.Retain = asked.Topics[0], []byte("on"), true
	if ack.ReturnCodes[0] == 0x80 {
		return []packets.ControlPacket{ack}, true
	}
	return []packets.ControlPacket{ack, m}, true
}

// subscriptions returns how many subscriptions were received.
func (g *gate) subscriptions() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.asked)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = nil
}

// pass lets time go by in the bubble, and everything that is due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// gated runs a Sink with four sensors against a gate, and returns what is told of
// the second one.
func gated(t *testing.T, g *gate, f *fake) (b *bridge.Board, told <-chan driver.Presence) {
	f.answer = g.answer
	o := options(t, "mqtt://broker.example", bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	o.Dial = f.dial
	for _, topic := range []string{"bms/d", "bms/b", "bms/c", "bms/a"} {
		s, heard := sensor(topic)
		if topic == "bms/b" {
			told = heard
		}
		o.Sensors = append(o.Sensors, s)
	}
	stop := start(t, o)
	t.Cleanup(func() { end(stop) })
	pass(5 * time.Second)
	return o.Board, told
}

// What is refused is asked for again every ten minutes, on the same connection,
// and what is not refused is heard meanwhile.
func TestRefusedTopicsAreAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, f := &gate{closed: map[string]bool{"bms/a": true}}, &fake{}
		board, told := gated(t, g, f)
		tells(t, told, present)
		const want = "the broker at broker.example does not let a client without a user name subscribe to presence topics (bms/a); " +
			"let the user read bms/a in the broker's access rules (mosquitto: topic read bms/a)"
		if h := board.Health()[Part]; h.OK || h.Words != want {
			t.Errorf("health %+v, want %s", h, want)
		}
		pass(25 * time.Minute)
		if g.subscriptions() != 4+2 {
			t.Errorf("%d subscriptions in 25 minutes, want four, and twice the one that is refused", g.subscriptions())
		}
		g.open()
		pass(10 * time.Minute)
		if h := board.Health()[Part]; !h.OK || h.Words != "connected to the broker at broker.example" {
			t.Errorf("health once the rules are corrected: %+v", h)
		}
		pass(time.Hour)
		if g.subscriptions() != 4+3 || len(f.connections()) != 1 {
			t.Errorf("%d subscriptions on %d connections, want 7 on one", g.subscriptions(), len(f.connections()))
		}
	})
}

// A broker that hangs up on who asks too much shows the points all the same.
func TestHangsUpOnSubscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, f := &gate{closed: map[string]bool{"bms/a": true}, hangUp: true}, &fake{}
		board, told := gated(t, g, f)
		pass(9 * time.Minute)
		if len(f.connections()) != 3 {
			t.Errorf("%d connections in nine minutes, want two that asked, and one that lasts", len(f.connections()))
		}
		for i, lines := range f.connections() {
			if !slices.Contains(lines, `PUBLISH roomgate/hq/gateway/status="online" qos1 retained`) {
				t.Errorf("connection %d did not show the points: %q", i, lines)
			}
		}
		const want = "the broker at broker.example does not let a client without a user name subscribe to presence topics (bms/a, bms/b, bms/c and 1 more); " +
			"let the user read bms/a, bms/b, bms/c and 1 more in the broker's access rules (mosquitto: topic read bms/a)"
		if h := board.Health()[Part]; h.OK || h.Words != want {
			t.Errorf("health %+v, want %s", h, want)
		}
		g.open()
		pass(5 * time.Minute)
		tells(t, told, present)
		if h := board.Health()[Part]; !h.OK || len(f.connections()) != 3 {
			t.Errorf("after %d connections health is %+v once the rules are corrected", len(f.connections()), h)
		}
	})
}

// What a broker's hang-up says while it is asked for topics.
func TestLostWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, f := &gate{closed: map[string]bool{"bms/d": true}, hangUp: true}, &fake{}
		f.answer = func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			if visit > 0 {
				return nil, true
			}
			return g.answer(visit, p)
		}
		o := options(t, "mqtt://broker.example", bridge.New())
		put(o.Board, roomA, driver.BoolValue(true))
		o.Dial = f.dial
		s, _ := sensor("bms/d")
		o.Sensors = []Sensor{s}
		stop := start(t, o)
		defer end(stop)
		pass(time.Second)
		const want = "the broker at broker.example closed the connection after a subscription to presence topics; if this happens again, " +
			"let the user read bms/d in the broker's access rules (mosquitto: topic read bms/d)"
		if h := o.Board.Health()[Part]; h.Words != want {
			t.Errorf("health %q,\nwant %q", h.Words, want)
		}
	})
}

// A broker that never answers a subscription is as silent as any.
func TestSubscriptionNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) { return good(p), true }}
		o := options(t, "mqtt://broker.example", bridge.New())
		put(o.Board, roomA, driver.BoolValue(true))
		o.Dial = f.dial
		s, _ := sensor("bms/a")
		o.Sensors = []Sensor{s}
		stop := start(t, o)
		defer end(stop)
		pass(29 * time.Second)
		if len(f.connections()) != 1 || !o.Board.Health()[Part].OK {
			t.Errorf("%d connections after 29 s, health %+v", len(f.connections()), o.Board.Health()[Part])
		}
		pass(10 * time.Second)
		if len(f.connections()) != 2 {
			t.Errorf("%d connections after 39 s, want a second one", len(f.connections()))
		}
	})
}

// The check asks for the topics of the sensors, when what it published is gone.
func TestProbeAsksForPresence(t *testing.T) {
	for _, c := range []struct {
		name   string
		hangUp bool
		closed string
		words  string
	}{
		{"all is well", false, "", ""},
		{"one is refused", false, "bms/b", "subscribe to presence topics (bms/b)"},
		{"a hang-up", true, "bms/b", "subscribe to presence topics (bms/b)"},
		{"the probe itself is not read back either", false, "roomgate/hq/gateway/check", "does not let it subscribe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := map[string][]byte{}
				g := &gate{closed: map[string]bool{c.closed: true}, hangUp: c.hangUp}
				f := &fake{answer: func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
					if m, ok := p.(*packets.PublishPacket); ok {
						kept[m.TopicName] = slices.Clone(m.Payload)
					}
					replies, ok := g.answer(visit, p)
					if m, is := p.(*packets.SubscribePacket); is && len(replies) == 2 {
						replies[1].(*packets.PublishPacket).Payload = kept[m.Topics[0]]
					}
					return replies, ok
				}}
				sink := prober(t, f)
				for _, topic := range []string{"bms/a", "bms/b"} {
					s, _ := sensor(topic)
					sink.o.Sensors = append(sink.o.Sensors, s)
				}
				err := sink.Probe(t.Context())
				pass(time.Minute) // the client library's goroutines run out
				synctest.Wait()
				if got := fmt.Sprint(err); (err == nil) != (c.words == "") || !strings.Contains(got, c.words) {
					t.Errorf("found %s, want words like %q", got, c.words)
				}
				if value := kept["roomgate/hq/gateway/check"]; len(value) != 0 {
					t.Errorf("the test value %q stays with the broker", value)
				}
			})
		})
	}
}

func TestNewRefusesWildcards(t *testing.T) {
	for _, topic := range []string{"", "bms/+/presence", "bms/#"} {
		o := options(t, "mqtt://broker.example", bridge.New())
		o.Log = slog.New(slog.DiscardHandler)
		o.Sensors = []Sensor{{Topic: topic}}
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "without the wildcards") {
			t.Errorf("topic %q: %v", topic, err)
		}
	}
}
