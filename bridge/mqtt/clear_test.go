package mqtt

import (
	"slices"
	"testing"

	"roomgate/bridge"
	"roomgate/driver"
)

// A room that comes back while its topics are still to be cleared is not cleared:
// what it publishes would be deleted right after.
func TestARoomThatComesBackIsNotCleared(t *testing.T) {
	for name, beforeTheSinkKnows := range map[string]bool{"after the removal is known": false, "before the removal is known": true} {
		t.Run(name, func(t *testing.T) {
			board := bridge.New()
			put(board, roomA, driver.BoolValue(true))
			put(board, roomB, driver.BoolValue(true))
			s, err := New(options(t, "mqtt://broker.example", board))
			if err != nil {
				t.Fatal(err)
			}
			c := newConnection(s, t.Context())
			c.read(false)

			board.Remove([]driver.Subject{roomB})
			s.ReplaceClear([]string{"roomgate/hq/rooms/b/booked", "roomgate/hq/rooms/c/booked"}, nil)
			if beforeTheSinkKnows {
				put(board, roomB, driver.BoolValue(false))
				c.replaceClear()
			} else {
				c.replaceClear()
				put(board, roomB, driver.BoolValue(false))
			}
			c.read(true)
			if want := []string{"roomgate/hq/rooms/c/booked"}; !slices.Equal(c.clear, want) {
				t.Errorf("to be cleared: %q, want %q", c.clear, want)
			}
			if row := c.table.rows[roomB][0]; row.want != "false" || row.removed {
				t.Errorf("the room's row is %+v", row)
			}
		})
	}
}
