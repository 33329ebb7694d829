package mqtt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"roomgate/bridge"
	"roomgate/driver"
)

// A visitor sees the status that a Sink has left, and what it deletes is gone.
func TestVisitStatusAndClear(t *testing.T) {
	m := startMosquitto(t, anybody)
	o := options(t, "mqtt://"+m.addr, bridge.New())
	visitor, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, visitor, "")
	put(o.Board, roomA, driver.BoolValue(true))
	stop := start(t, o)
	healthWords(t, o.Board, true, "")
	wantStatus(t, visitor, "online")
	stop()
	wantStatus(t, visitor, "offline")

	topics := []string{o.statusTopic(), "roomgate/hq/rooms/a/booked"}
	for i := range 3 * inFlight {
		topics = append(topics, fmt.Sprintf("roomgate/hq/rooms/a/%d", i))
	}
	left := retain(t, m.addr, topics)
	if got := left(); got != len(topics) {
		t.Fatalf("%d topics are retained before, want %d", got, len(topics))
	}
	if err := visitor.Clear(t.Context(), topics); err != nil {
		t.Fatal(err)
	}
	if got := left(); got != 0 {
		t.Errorf("%d topics are retained after, want none", got)
	}
}

func wantStatus(t *testing.T, s *Sink, want string) {
	t.Helper()
	if got, err := s.Status(t.Context()); got != want || err != nil {
		t.Errorf("status %q, error %v; want %q", got, err, want)
	}
}

// retain has the broker retain a value on the topics, and returns a count of how many
// it retains. Messages come in the order in which they were sent (MQTT 3.1.1 §4.6),
// so that one of the counter's own tells that the retained ones are all there.
func retain(t *testing.T, addr string, topics []string) (left func() int) {
	t.Helper()
	client := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr))
	done := func(token paho.Token) {
		t.Helper()
		if !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatalf("the broker did not do it: %v", token.Error())
		}
	}
	done(client.Connect())
	t.Cleanup(func() { client.Disconnect(0) })
	for _, topic := range topics {
		done(client.Publish(topic, 1, true, "value"))
	}
	return func() int {
		t.Helper()
		n, last := 0, make(chan struct{})
		done(client.Subscribe("#", 1, func(_ paho.Client, m paho.Message) {
			if m.Topic() == "end" {
				close(last)
			} else if m.Retained() {
				n++
			}
		}))
		done(client.Publish("end", 1, false, "."))
		select {
		case <-last:
		case <-time.After(patience):
			t.Fatal("the broker does not hand messages over")
		}
		done(client.Unsubscribe("#"))
		return n
	}
}

// Without a broker that says so; where the broker hides the status, it looks as if
// there were none.
func TestVisitTroubles(t *testing.T) {
	nobody, err := New(options(t, "mqtt://"+freeAddress(t), bridge.New()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nobody.Status(t.Context()); err == nil || errors.Is(err, ErrUnproven) {
		t.Errorf("status of no broker: %v", err)
	}
	if err := nobody.Clear(t.Context(), []string{"a"}); err == nil {
		t.Error("topics were cleared without a broker")
	}

	acl := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(acl, []byte("topic write roomgate/hq/#\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := startMosquitto(t, anybody+"\nuser root\nacl_file "+acl) // where this is root, only root can reach the folder
	o := options(t, "mqtt://"+m.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	start(t, o)
	healthWords(t, o.Board, true, "")
	visitor, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := visitor.Status(t.Context()); got != "" || err != nil && !errors.Is(err, ErrUnproven) {
		t.Errorf("status %q, error %v; want none, or that it cannot be read", got, err)
	}
}
