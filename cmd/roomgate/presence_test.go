package main

import (
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// say publishes as a sensor of the building does.
func (h *house) say(topic, payload string, retain bool) {
	h.t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + h.broker).SetAutoReconnect(false))
	for _, next := range []func() paho.Token{c.Connect, func() paho.Token { return c.Publish(topic, 1, retain, payload) }} {
		if token := next(); !token.WaitTimeout(patience) || token.Error() != nil {
			h.t.Fatalf("a sensor at %s: %v", h.broker, token.Error())
		}
	}
	c.Disconnect(100)
}

// The building's sensors, a real broker and the gateway, each a process of its
// own: what a sensor says is what is shown, whether it spoke before the gateway
// came or speaks now.
func TestPresenceProcesses(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	h := newHouse(t)
	h.poll, h.stale = "@every 1h", "2h"
	h.more = map[string]string{
		"boardroom": `presence_topic = "bms/boardroom/pir"` + "\nhold = \"0s\"",
		"library":   `presence_topic = "bms/library"` + "\npresence_path = \"people[0].count\"\npresence_above = 0\nhold = \"0s\"",
	}
	h.open()
	h.simulate()
	h.mosquitto(h.broker)
	h.signIn("rooms")
	h.clear("boardroom")
	h.clear("library")
	h.say("bms/boardroom/pir", "ON", true)
	h.daemon()
	bms := h.listen(h.broker)
	shows := func(room string, want map[string]string) {
		t.Helper()
		for point, value := range want {
			h.await(room+"/"+point+" = "+value, func() bool { return bms.last("rooms/"+room+"/"+point).payload == value })
		}
	}
	shows("boardroom", map[string]string{"sensor": "good", "occupied": "true", "mode": "bypass", "walk_in": "true", "booked": "false"})
	shows("library", map[string]string{"sensor": "silent", "occupied": "false", "mode": "unoccupied"})

	h.say("bms/library", `{"people":[{"count":2}]}`, false)
	shows("library", map[string]string{"sensor": "good", "occupied": "true", "mode": "bypass", "walk_in": "true"})
	h.say("bms/boardroom/pir", "off", true)
	shows("boardroom", map[string]string{"occupied": "false", "mode": "unoccupied", "walk_in": "false"})

	h.book("boardroom", 0, time.Hour)
	h.must("rooms", "poll")
	shows("boardroom", map[string]string{"booked": "true", "occupied": "false", "mode": "occupied"}) // within the grace
	h.say("bms/boardroom/pir", "on", true)
	shows("boardroom", map[string]string{"occupied": "true", "mode": "occupied"})
	h.say("bms/library", `{"people":[]}`, false)
	shows("library", map[string]string{"sensor": "silent", "occupied": "false"})
}
