package gateway

import (
	"roomgate/driver"
	"roomgate/graph/graphsim"
	"testing"
	"testing/synctest"
	"time"
)

// An empty booking turns to standby when its grace is over, somebody who comes
// turns it back, and a sensor that falls silent leaves the room to its bookings.
func TestBookingToWhichNobodyComes(t *testing.T) {
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
