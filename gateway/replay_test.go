package gateway

import (
	"testing"
	"time"

	"roomgate/config"
)

// A day that is played lasts from midnight to midnight, also when the clocks change.
func TestReplayedDayLastsFromMidnightToMidnight(t *testing.T) {
	zone := london(t)
	for _, tt := range []struct {
		first, start string
		length       time.Duration
		from, to     string
	}{
		{"2026-01-15T09:00", "", 0, "2026-01-15T00:00", "2026-01-16T00:00"},
		{"2026-03-29T09:00", "", 0, "2026-03-29T00:00", "2026-03-30T00:00"}, // 23 hours
		{"2026-10-25T09:00", "", 0, "2026-10-25T00:00", "2026-10-26T00:00"}, // 25 hours
		{"2026-01-15T09:00", "2026-02-01T08:30", 0, "2026-02-01T08:30", "2026-02-02T00:00"},
		{"2026-01-15T09:00", "2026-02-01T08:30", 90 * time.Minute, "2026-02-01T08:30", "2026-02-01T10:00"},
	} {
		o := ReplayOptions{Length: tt.length}
		if tt.start != "" {
			o.Start = instantIn(t, tt.start, zone)
		}
		from, to := o.stretch(instantIn(t, tt.first, zone), zone)
		if !from.Equal(instantIn(t, tt.from, zone)) || !to.Equal(instantIn(t, tt.to, zone)) {
			t.Errorf("%+v: from %v to %v", tt, from, to)
		}
	}
}

// Nothing is published under the real prefix, nor under the gateway's client id,
// and no real sensor is listened to.
func TestReplayUsesTopicsOfItsOwn(t *testing.T) {
	cfg := &config.Config{MQTT: config.MQTT{Prefix: "building/rooms", ClientID: "gw"}, Rooms: []config.Room{{ID: "a", PresenceTopic: "pir/a"}}}
	own := ReplayOptions{}.tree(cfg)
	if own.MQTT.Prefix != "building/rooms-replay" || own.MQTT.ClientID != "gw-replay" || own.Rooms[0].PresenceTopic != "" {
		t.Errorf("the tree is %+v of %+v", own.MQTT, own.Rooms)
	}
	if cfg.MQTT.Prefix != "building/rooms" || cfg.Rooms[0].PresenceTopic != "pir/a" {
		t.Error("the configuration itself was changed")
	}
	if live := (ReplayOptions{Live: true}).tree(cfg); live.MQTT.Prefix != "building/rooms" || live.MQTT.ClientID != "gw-replay" {
		t.Errorf("the live tree is %+v", live.MQTT)
	}
}

// instantIn is what the clocks of a zone show, as in 2026-01-15T09:00.
func instantIn(t *testing.T, text string, zone *time.Location) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02T15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
