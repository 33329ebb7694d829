package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A broker that ends the connection on the largest points of the rooms costs these points
// and no others, and the gateway names them in its log, on its page and in its state.
func TestBrokerLimitsPackets(t *testing.T) {
	t.Parallel()
	program := needProgram(t, "mosquitto")
	h := newHouse(t)
	h.open()
	path := filepath.Join(h.dir, "mosquitto.conf")
	if err := os.WriteFile(path, append(mosquittoConf(h.broker), "\nmax_packet_size 2000\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	h.launch(h.command(program, "-c", path))
	h.await("the broker", func() bool { return accepts(h.broker) })
	h.daemon()
	e := h.listen(h.broker)
	h.await("the gateway to be online", func() bool { return e.last("gateway/status").payload == "online" })
	for _, where := range []struct {
		name string
		text func() string
	}{
		{"gateway/state", func() string { return e.last("gateway/state").payload }},
		{"the page", func() string { _, page := h.get("http://" + h.web + "/"); return page }},
		{"the log", h.said},
	} {
		h.await(where.name+" to name the topics", func() bool {
			text := where.text()
			return strings.Contains(text, "roomgate/hq/rooms/boardroom/meta, roomgate/hq/rooms/library/meta") && strings.Contains(text, "max_packet_size")
		})
	}
	for _, topic := range []string{"rooms/boardroom/meta", "rooms/library/meta"} {
		if m := e.last(topic); m.payload != "" {
			t.Errorf("%s is %.100q", topic, m.payload)
		}
	}
	for _, topic := range []string{"rooms/boardroom/quality", "rooms/library/quality", "accounts/rooms/state", "gateway/version"} {
		if e.last(topic).payload == "" {
			t.Errorf("%s was not published", topic)
		}
	}
}
