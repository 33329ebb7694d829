package gateway

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Equal states are equal lines: the parts are in a fixed order.
func TestSummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilding(t, 1, time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), 1, "")
		b.start()
		for i := range 9 {
			b.g.board.Report(fmt.Sprintf("part%d", i), false, "out of order", b.now())
		}
		want := "1 rooms; account rooms: never_signed_in"
		for i := range 9 {
			want += fmt.Sprintf("; part%d: out of order", i)
		}
		for range 20 {
			if got := b.g.summary(); got != want {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
		}
	})
}
