package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// TestBrokerIsChecked runs the gateway of forty rooms at a broker with default settings,
// to which others publish too: it finds what a subscriber misses, sets right what a
// replaced controller leaves, and does not fight with a second gateway of its client id.
func TestBrokerIsChecked(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	h := newHouse(t)
	h.rooms = nil
	for i := range 40 {
		h.rooms = append(h.rooms, siteRoom{fmt.Sprint("r", i), fmt.Sprint("Room ", i), "rooms", ""})
	}
	h.open()
	h.copyConfig(h.config(), "[mqtt]", "[mqtt]\nclient_id = \"gateway\"")
	h.simulate()
	h.mosquitto(h.broker)
	h.signIn("rooms")
	bms := h.listen(h.broker)
	h.daemon()
	good := func() bool { return h.retained("rooms_good") == "40" && h.retained("status") == "online" }
	h.await("points", good)

	out, code := h.roomgate("check")
	if code != exitFailed || !strings.Contains(out, "a client that subscribes to roomgate/hq/# with QoS 1 gets 1020 of the ") {
		t.Errorf("check ended with %d, and did not find what a subscriber misses:\n%s", code, out)
	}

	h.say("roomgate/hq/gateway/status", "offline", true)
	h.await("the status set right", func() bool { return h.retained("status") == "online" })

	second := filepath.Join(h.dir, "second.toml")
	h.copyConfig(second, h.database(), filepath.Join(h.dir, "second", "roomgate.db"), h.web, freeAddr())
	began := time.Now()
	twin := h.launch(h.command("roomgate", "run", "--config", second))
	h.await("the other gateway named", func() bool {
		out, _ := h.roomgate("check")
		return strings.Contains(out, "part mqtt: another gateway for site hq is connected to the broker at "+h.broker)
	})
	h.await("a minute of both", func() bool { return time.Since(began) > time.Minute })
	if n, points := len(bms.since(began)), 41*len(h.rooms); n > 3*points {
		t.Errorf("%d messages in the first minute of two gateways with %d points", n, points)
	}
	if n := strings.Count(h.said(), `msg="no broker"`); n > 2 {
		t.Errorf("%d lines about the broker logged:\n%s", n, tail(h.said()))
	}
	end(twin)
	h.await("the first gateway to take over", good)
}

// copyConfig writes a copy of the configuration with texts replaced, in pairs.
func (h *house) copyConfig(path string, pairs ...string) {
	h.t.Helper()
	text, err := os.ReadFile(h.config())
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// retained returns what the broker retains of a point of the gateway; empty: nothing.
func (h *house) retained(point string) string {
	h.t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + h.broker).SetAutoReconnect(false))
	defer c.Disconnect(0)
	value := make(chan string, 10)
	for _, next := range []func() paho.Token{c.Connect, func() paho.Token {
		return c.Subscribe("roomgate/hq/gateway/"+point, 1, func(_ paho.Client, m paho.Message) { value <- string(m.Payload()) })
	}} {
		if token := next(); !token.WaitTimeout(patience) || token.Error() != nil {
			h.t.Fatalf("reading %s: %v", point, token.Error())
		}
	}
	select {
	case v := <-value:
		return v
	case <-time.After(time.Second): // it is sent with the answer to the subscription
		return ""
	}
}
