package mqtt

import (
	"strings"
	"testing"

	"roomgate/bridge"
	"roomgate/driver"
)

// What a calendar says reaches the subscribers of a broker as one line of bounded
// length.
func TestHostileTextOnTheWire(t *testing.T) {
	broker := startMosquitto(t, anybody)
	hostile := "Bud\x00get\r\n\u202e" + strings.Repeat("ä", 100_000) + "\xff"
	for _, vtq := range []bool{false, true} {
		board := bridge.New()
		put(board, account, driver.EnumValue("ok"), driver.TextValue(hostile))
		o := options(t, "mqtt://"+broker.addr, board)
		o.Format.VTQ = vtq
		stop := start(t, o)
		healthWords(t, board, true, "")
		stop()
		messages := subscribe(t, "tcp://"+broker.addr)
		want := "Budget " + strings.Repeat("ä", 255-8) + "…"
		if vtq {
			want = `{"value":"` + want + `","timestamp":1795165200000,"quality":"good"}`
		}
		for {
			m := <-messages
			if m.topic != "roomgate/hq/accounts/main/reason" {
				continue
			}
			if m.payload != want {
				t.Errorf("vtq %t: the payload of %d bytes is %.100q", vtq, len(m.payload), m.payload)
			}
			break
		}
	}
}
