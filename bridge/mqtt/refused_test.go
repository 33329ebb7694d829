package mqtt

import (
	"strings"
	"testing"

	"roomgate/bridge"
	"roomgate/driver"
)

// Settings of a broker by which it refuses what the gateway publishes, as the doctor finds
// them.
func TestProbeFindsLimits(t *testing.T) {
	for setting, want := range map[string]string{
		"max_packet_size 10000":    "the broker at BROKER closes the connection on a message of 17408 bytes on roomgate/hq/gateway/check, as a full schedule of a room may have, and takes a small one; raise the broker's limit above that (mosquitto: max_packet_size)",
		"message_size_limit 10000": "the broker at BROKER acknowledges and drops a message of 17408 bytes on roomgate/hq/gateway/check, as a full schedule of a room may have, and takes a small one; raise the broker's limit above that (mosquitto: message_size_limit or max_packet_size)",
		"retain_available false":   "the broker at BROKER closes the connection on retained messages; every point is one, and so is the last will on roomgate/hq/gateway/status; allow retained messages in the broker's configuration (mosquitto: retain_available true)",
		"max_packet_size 65536":    "",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			broker := startMosquitto(t, anybody+"\n"+setting)
			s, err := New(options(t, "mqtt://"+broker.addr, bridge.New()))
			if err != nil {
				t.Fatal(err)
			}
			words := ""
			if err := s.Probe(t.Context()); err != nil {
				words, _ = driver.Explain(err)
			}
			if want := strings.ReplaceAll(want, "BROKER", broker.addr); words != want {
				t.Errorf("found:\n got %s\nwant %s", words, want)
			}
			retained := subscribe(t, "tcp://"+broker.addr)
			plant(t, broker)("roomgate/end", "", false)
			expect(t, retained, `roomgate/end="" qos1`) // and nothing is retained
		})
	}
}

// A broker without retained messages refuses the login already, because of the last will.
func TestRetainNotAvailable(t *testing.T) {
	broker := startMosquitto(t, anybody+"\nretain_available false")
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	start(t, options(t, "mqtt://"+broker.addr, board))
	want := strings.ReplaceAll("the broker at BROKER closes the connection on retained messages; every point is one, and so is the last will on roomgate/hq/gateway/status; allow retained messages in the broker's configuration (mosquitto: retain_available true)", "BROKER", broker.addr)
	if got := healthWords(t, board, false, "connecting to the broker at "+broker.addr); got != want {
		t.Errorf("health:\n got %s\nwant %s", got, want)
	}
}

// A broker that drops large messages in silence is noticed while running.
func TestMessageSizeLimit(t *testing.T) {
	broker := startMosquitto(t, anybody+"\nmessage_size_limit 4000")
	board := bigBoard(3, func(i int) int { return 100 + 2500*i })
	run(t, listening(t, options(t, "mqtt://"+broker.addr, board), "edge-1"))
	reports(t, board, strings.ReplaceAll("the broker at BROKER acknowledges what a client without a user name publishes on some topics, such as roomgate/hq/rooms/r002/schedule, and does not keep it; if these are large messages, raise the broker's limit (mosquitto: message_size_limit); otherwise let the user publish and read under roomgate/hq/# in the broker's access rules (mosquitto: topic readwrite roomgate/hq/#)", "BROKER", broker.addr))
}
