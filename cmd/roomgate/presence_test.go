package main

import (
	"testing"
	"testing/synctest"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"roomgate/driver"
	"roomgate/graph/graphsim"
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

// An empty booking turns to standby when its grace is over, somebody who comes
// turns it back, and a sensor that falls silent leaves the room to its bookings.
func TestPresenceDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDay(t)
		room := d.cfg.Rooms[0].ID
		d.cfg.Rooms[0].PresenceTopic = "bms/" + room // grace 10m, hold 15m, presence_timeout 1h
		begin := d.begin.Add(21 * time.Hour)
		d.book(room, graphsim.Event{Start: begin, End: begin.Add(3 * time.Hour)})
		d.broker = newPipeBroker(t, d.now)
		d.time(-20 * time.Minute)
		d.start(d.broker.serve)
		d.signIn()
		for _, step := range []struct {
			at       time.Duration // after the booking's start
			says     string        // the sensor; empty: nothing
			mode     string
			occupied bool
			noShow   bool
			sensor   string
		}{
			{-5 * time.Minute, "off", "standby", false, false, "good"}, // the lead
			{0, "", "occupied", false, false, "good"},
			{10*time.Minute - time.Second, "", "occupied", false, false, "good"},
			{10 * time.Minute, "", "standby", false, true, "good"},
			{12 * time.Minute, "on", "occupied", true, false, "good"},
			{30 * time.Minute, "off", "occupied", false, false, "good"},
			{40 * time.Minute, "", "standby", false, false, "good"},
			{90*time.Minute - time.Second, "", "standby", false, false, "good"},
			{90 * time.Minute, "", "occupied", true, false, "silent"}, // an hour after the last word
			{100 * time.Minute, "on", "occupied", true, false, "good"},
			{101 * time.Minute, "unavailable", "occupied", true, false, "silent"},
			{180 * time.Minute, "", "unoccupied", false, false, "silent"},
		} {
			d.until(begin.Add(step.at))
			if step.says != "" {
				if err := d.broker.server.Publish("bms/"+room, []byte(step.says), true, 1); err != nil {
					t.Fatal(err)
				}
				d.pass(time.Second)
			}
			for point, want := range map[string]string{driver.ModePoint: step.mode, driver.SensorPoint: step.sensor} {
				if got := d.room(room, point).Text(); got != want {
					t.Errorf("%v: %q, want %q", step.at, got, want)
				}
			}
			for point, want := range map[string]bool{driver.Occupied: step.occupied, driver.NoShow: step.noShow} {
				if got := d.room(room, point); !got.Known() || got.Bool() != want {
					t.Errorf("%v: %s is %+v, want %t", step.at, point, got, want)
				}
			}
		}
	})
}
