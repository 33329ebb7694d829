package mqtt

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// firstBoard is what the transcripts begin with: two rooms, an account and the
// gateway, with the first points of each.
func firstBoard() *bridge.Board {
	b := bridge.New()
	put(b, roomB, driver.BoolValue(false), driver.BoolValue(true))
	put(b, roomA, driver.BoolValue(true), driver.Value{}, driver.BoolValue(true))
	put(b, account, driver.EnumValue("ok"), driver.TextValue(""))
	put(b, gateway, driver.IntValue(1763629200), driver.JSONValue(`{"site":"hq"}`))
	return b
}

// What plant is driven from comes first, and "online" when the rest is there.
var firstPass = []string{
	`roomgate/hq/rooms/b/booked="false" qos1`,
	`roomgate/hq/rooms/a/booked="true" qos1`,
	`roomgate/hq/accounts/main/state="ok" qos1`,
	`roomgate/hq/rooms/b/comfort="true" qos1`,
	`roomgate/hq/accounts/main/reason=" " qos1`,
	`roomgate/hq/gateway/state="{\"site\":\"hq\"}" qos1`,
	`roomgate/hq/rooms/a/occupied="true" qos1`,
	`roomgate/hq/gateway/status="online" qos1`,
}

func TestTranscript(t *testing.T) {
	broker := startMosquitto(t, anybody)
	wire := record(t, broker.addr)
	messages := subscribe(t, "tcp://"+broker.addr)
	board := firstBoard()
	o := options(t, "mqtt://"+wire.addr, board)
	o.Username, o.Password = "roomgate", "not in any log"
	stop := start(t, o)
	expect(t, messages, firstPass...)

	put(board, roomA, driver.BoolValue(false), driver.Value{}, driver.BoolValue(true))
	expect(t, messages, `roomgate/hq/rooms/a/booked="false" qos1`)

	// Another quality, and another time, of the same value say nothing new.
	board.Publish([]driver.Update{{Subject: roomB, At: nine.Add(time.Hour), Quality: driver.QualityStale,
		Values: []driver.Value{driver.BoolValue(false), driver.BoolValue(true)}}})
	put(board, gateway, driver.IntValue(1763629260))
	expect(t, messages, `roomgate/hq/gateway/heartbeat="1763629260" qos0`)

	stop()
	expect(t, messages, `roomgate/hq/gateway/status="offline" qos1`)

	<-wire.ended
	wantWire := []string{`CONNECT MQTT4 id=roomgate-hq user=roomgate clean=true keepalive=30 will roomgate/hq/gateway/status="offline" qos1 retained`}
	for _, line := range firstPass {
		wantWire = append(wantWire, "PUBLISH "+line+" retained")
	}
	wantWire = append(wantWire,
		`PUBLISH roomgate/hq/rooms/a/booked="false" qos1 retained`,
		`PUBLISH roomgate/hq/gateway/heartbeat="1763629260" qos0`,
		`PUBLISH roomgate/hq/gateway/status="offline" qos1 retained`,
		"DISCONNECT")
	if got := wire.transcript(); !slices.Equal(got, wantWire) {
		t.Errorf("on the wire:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(wantWire, "\n     "))
	}
	if got, want := retained(t, broker), map[string]string{
		"roomgate/hq/rooms/b/booked":       "false",
		"roomgate/hq/rooms/a/booked":       "false",
		"roomgate/hq/accounts/main/state":  "ok",
		"roomgate/hq/rooms/b/comfort":      "true",
		"roomgate/hq/accounts/main/reason": " ",
		"roomgate/hq/gateway/state":        `{"site":"hq"}`,
		"roomgate/hq/rooms/a/occupied":     "true",
		"roomgate/hq/gateway/status":       "offline",
	}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("retained:\n got %v\nwant %v", got, want)
	}
}

// retained returns what a newcomer is told by a broker to which nothing is
// published meanwhile. Its own message marks the end: a broker sends what is
// retained before what comes later.
func retained(t *testing.T, broker *mosquitto) map[string]string {
	t.Helper()
	messages := subscribe(t, "tcp://"+broker.addr)
	const mark = "roomgate/test/end"
	publish(t, "tcp://"+broker.addr, mark)
	all := map[string]string{}
	for {
		select {
		case m := <-messages:
			if m.topic == mark {
				return all
			}
			if !m.retained {
				t.Errorf("%v is not retained", m)
			}
			all[m.topic] = m.payload
		case <-time.After(patience):
			t.Fatal("the end mark did not come back")
		}
	}
}

// In vtq a change of quality is a change of the payload, and unknown is null.
func TestTranscriptVTQ(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true), driver.Value{})
	o := options(t, "mqtt://"+broker.addr, board)
	o.Format.VTQ = true
	start(t, o)
	expect(t, messages,
		`roomgate/hq/rooms/a/booked="{\"value\":true,\"timestamp\":1795165200000,\"quality\":\"good\"}" qos1`,
		`roomgate/hq/rooms/a/comfort="{\"value\":null,\"timestamp\":1795165200000,\"quality\":\"good\"}" qos1`,
		`roomgate/hq/gateway/status="online" qos1`)
	board.Publish([]driver.Update{{Subject: roomA, At: nine.Add(time.Second), Quality: driver.QualityStale, Values: []driver.Value{driver.BoolValue(true)}}})
	expect(t, messages,
		`roomgate/hq/rooms/a/booked="{\"value\":true,\"timestamp\":1795165201000,\"quality\":\"stale\"}" qos1`)
}

// A room that is no longer configured leaves nothing behind at the broker.
func TestClearTopics(t *testing.T) {
	broker := startMosquitto(t, anybody)
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	put(board, roomB, driver.BoolValue(true))
	messages := subscribe(t, "tcp://"+broker.addr)
	stop := start(t, options(t, "mqtt://"+broker.addr, board))
	expect(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`, `roomgate/hq/rooms/b/booked="true" qos1`,
		`roomgate/hq/gateway/status="online" qos1`)
	stop()
	expect(t, messages, `roomgate/hq/gateway/status="offline" qos1`)

	board = bridge.New()
	put(board, roomA, driver.BoolValue(true))
	o := options(t, "mqtt://"+broker.addr, board)
	o.ClearTopics = []string{"roomgate/hq/rooms/b/booked"}
	stop = start(t, o)
	expect(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`, `roomgate/hq/rooms/b/booked="" qos1`,
		`roomgate/hq/gateway/status="online" qos1`)
	stop()
	got, want := retained(t, broker), map[string]string{"roomgate/hq/rooms/a/booked": "true", "roomgate/hq/gateway/status": "offline"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("retained %v, want %v", got, want)
	}
}

// A room that is removed while the Sink runs is cleared on the same connection,
// and a room of the same id that comes back is published again.
func TestReplaceClear(t *testing.T) {
	broker := startMosquitto(t, anybody)
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	put(board, roomB, driver.BoolValue(true))
	messages := subscribe(t, "tcp://"+broker.addr)
	s, err := New(options(t, "mqtt://"+broker.addr, board))
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, s)
	expect(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`, `roomgate/hq/rooms/b/booked="true" qos1`,
		`roomgate/hq/gateway/status="online" qos1`)

	synced := make(chan struct{})
	board.Remove([]driver.Subject{roomB})
	s.ReplaceClear([]string{"roomgate/hq/rooms/b/booked"}, func() { close(synced) })
	expect(t, messages, `roomgate/hq/rooms/b/booked="" qos1`)
	<-synced

	put(board, roomB, driver.BoolValue(false))
	s.ReplaceClear(nil, nil)
	expect(t, messages, `roomgate/hq/rooms/b/booked="false" qos1`)
	stop()
	expect(t, messages, `roomgate/hq/gateway/status="offline" qos1`)
}

// A reload ends one Sink and starts another: the status must not flicker.
func TestKeepStatus(t *testing.T) {
	broker := startMosquitto(t, anybody)
	messages := subscribe(t, "tcp://"+broker.addr)
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	o := options(t, "mqtt://"+broker.addr, board)
	o.KeepStatus = func() bool { return true }
	stop := start(t, o)
	expect(t, messages, `roomgate/hq/rooms/a/booked="true" qos1`, `roomgate/hq/gateway/status="online" qos1`)
	stop()
	if got := retained(t, broker)["roomgate/hq/gateway/status"]; got != "online" {
		t.Errorf("status after a stop that keeps it is %q, want online", got)
	}
}

// Twenty times the broker dies without persistence, while values change all the
// time. Whatever was lost, in the end it shows the newest value of every point.
func TestBrokerKilled(t *testing.T) {
	broker := startMosquitto(t, anybody)
	board := bridge.New()
	stopLoad := load(board)
	s, err := New(options(t, "mqtt://"+broker.addr, board))
	if err != nil {
		t.Fatal(err)
	}
	s.back.first, s.back.longest = 10*time.Millisecond, 40*time.Millisecond
	stop := run(t, s)
	var words string
	for range 20 {
		healthWords(t, board, true, "")
		broker.kill()
		words = healthWords(t, board, false, "connecting to the broker at "+broker.addr)
		broker.start()
	}
	if words == "" {
		t.Error("the loss of the broker is not put into words")
	}
	stopLoad()
	healthWords(t, board, true, "")

	want := map[string]string{}
	entries, _ := board.Since(0)
	for _, e := range entries {
		want[Topic("roomgate", "hq", e.Subject, e.Point().Name)], _ = Format{}.Payload(e)
	}
	waitFor(t, broker, want)
	stop()
	want["roomgate/hq/gateway/status"] = "offline"
	if got := retained(t, broker); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("retained:\n got %v\nwant %v", got, want)
	}
}

// load changes the counters of thirty rooms until the returned function is called.
func load(b *bridge.Board) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond): // sets the pace of the load; nothing waits for it
			}
			room := driver.Subject{Scope: driver.OfRoom, ID: fmt.Sprint("r", rand.IntN(30))}
			values := make([]driver.Value, driver.OfRoom.Index(driver.Age)+1)
			for i := range values {
				values[i] = driver.IntValue(rand.IntN(1000))
			}
			b.Publish([]driver.Update{{Subject: room, At: nine, Quality: driver.QualityGood, Values: values}})
		}
	}()
	return func() { close(quit); <-ended }
}

// waitFor returns once the broker has shown every wanted value.
func waitFor(t *testing.T, broker *mosquitto, want map[string]string) {
	t.Helper()
	missing := map[string]bool{}
	for topic := range want {
		missing[topic] = true
	}
	messages := subscribe(t, "tcp://"+broker.addr)
	timeout := time.After(patience)
	for len(missing) > 0 {
		select {
		case m := <-messages:
			delete(missing, m.topic)
			if w, ok := want[m.topic]; ok && w != m.payload {
				missing[m.topic] = true
			}
		case <-timeout:
			t.Fatalf("the broker never showed the newest value of %d of %d points", len(missing), len(want))
		}
	}
}
