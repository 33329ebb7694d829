package gateway

import (
	"testing"
	"time"
)

// What a room shows in a fault is marked as the last that was known.
func TestRoomNow(t *testing.T) {
	for quality, want := range map[string]string{"good": "booked until Mon 11:00", "stale": "booked until Mon 11:00", "fault": "last known: booked until Mon 11:00"} {
		rooms, err := ReadRooms([]byte(`{"rooms":[{"quality":"` + quality + `","points":{"booked":true,"current_end":"2026-11-23T11:00:00Z"}}]}`))
		if err != nil || rooms[0].Now(time.UTC) != want {
			t.Errorf("%s: %q, %v, want %q", quality, rooms[0].Now(time.UTC), err, want)
		}
	}
	rooms, err := ReadRooms([]byte(`{"rooms":[{"quality":"fault","points":{"booked":null}}]}`))
	if err != nil || rooms[0].Now(time.UTC) != "not known" {
		t.Errorf("%q, %v", rooms[0].Now(time.UTC), err)
	}
}
