package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// window is how long nothing may happen around a reload that changes nothing.
const window = 6 * time.Second

// A reload that changes nothing is invisible: for some seconds around it the
// broker gets no message but the heartbeat and who publishes, and the calendar service no request.
// After that a reload that changes a room's name is seen, so that the test would
// have seen the first.
func TestInvisibleReload(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	h := newHouse(t)
	h.poll, h.stale = "@every 1h", "2h"
	sim := newSimulator(t)
	h.sim = sim.url
	h.open()
	t.Cleanup(func() { h.keep(sim.seen()) })
	h.mosquitto(h.broker)
	h.signIn("rooms")
	h.clear("boardroom")
	h.clear("library")
	gateway := h.daemon()
	e := h.listen(h.broker)
	h.await("good rooms", func() bool {
		return e.last("gateway/rooms_good").payload == "2" && e.last("accounts/rooms/polls").payload == "1"
	})

	h.awaitQuiet(e)
	begun := time.Now()
	sim.ResetRequests()
	if err := gateway.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	h.await("the reload", func() bool { return strings.Contains(h.said(), "the configuration was read again") })
	<-time.After(window - time.Since(begun))
	if got := e.since(begun); len(got) > 0 {
		t.Errorf("the broker got %q", got)
	}
	if sent := sim.Requests(); len(sent) > 0 {
		t.Errorf("the service got %d requests, the first %v", len(sent), sent[0])
	}

	text, err := os.ReadFile(h.config())
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), `name = "Library"`, `name = "Reading room"`, 1))
	if err := os.WriteFile(h.config(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := gateway.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	h.await("the new name", func() bool { return strings.Contains(e.last("rooms/library/meta").payload, "Reading room") })
	if got := e.last("gateway/status").payload; got != "online" || e.count("gateway/status") != 1 {
		t.Errorf("the status is %s after %d messages, want one, online", got, e.count("gateway/status"))
	}
	if n := e.count("gateway/started"); n != 1 {
		t.Errorf("%d messages of gateway/started, want the one of the start", n)
	}
}

// awaitQuiet waits until no full minute, at which some points change, comes within
// the window, and until nothing was published for a second.
func (h *house) awaitQuiet(e *ear) {
	h.t.Helper()
	h.await("a quiet broker", func() bool {
		second := time.Now().Second()
		return second >= 2 && second < 60-int(window.Seconds()) && len(e.since(time.Now().Add(-time.Second))) == 0
	})
}

// since returns the topics of the messages that came after an instant, but for the
// heartbeat and the notices of who publishes.
func (e *ear) since(at time.Time) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var topics []string
	for topic, all := range e.messages {
		for _, m := range all {
			if m.at.After(at) && topic != "roomgate/hq/gateway/heartbeat" && topic != "roomgate/hq/gateway/instance" {
				topics = append(topics, topic+" "+m.payload)
			}
		}
	}
	return topics
}

// count returns how many messages of a topic below roomgate/hq came.
func (e *ear) count(topic string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.messages["roomgate/hq/"+topic])
}
