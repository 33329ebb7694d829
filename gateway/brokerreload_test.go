package gateway

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"roomgate/graph/graphsim"
)

// brokerWithPassword is a broker that notes what it is sent.
type brokerWithPassword struct {
	broker.HookBase
	*pipeBroker

	mu       sync.Mutex
	password string
	statuses []string // of the gateway
	retained map[string]string
}

func newBrokerWithPassword(t *testing.T, now func() time.Time) *brokerWithPassword {
	b := &brokerWithPassword{pipeBroker: &pipeBroker{server: broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)}), now: now, told: map[string][]flip{}}, retained: map[string]string{}}
	if err := b.server.AddHook(b, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.server.Close() })
	if err := b.server.Subscribe("#", 1, b.hear); err != nil {
		t.Fatal(err)
	}
	return b
}

// ID implements broker.Hook.
func (b *brokerWithPassword) ID() string { return "password" }

// Provides implements broker.Hook.
func (b *brokerWithPassword) Provides(event byte) bool {
	return event == broker.OnConnectAuthenticate || event == broker.OnACLCheck
}

// OnConnectAuthenticate implements broker.Hook.
func (b *brokerWithPassword) OnConnectAuthenticate(_ *broker.Client, p packets.Packet) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(p.Connect.Password) == b.password
}

// OnACLCheck implements broker.Hook.
func (b *brokerWithPassword) OnACLCheck(*broker.Client, string, bool) bool { return true }

func (b *brokerWithPassword) hear(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasSuffix(p.TopicName, "/gateway/status") {
		b.statuses = append(b.statuses, p.TopicName+" "+string(p.Payload))
	}
	if b.retained[p.TopicName] = string(p.Payload); len(p.Payload) == 0 {
		delete(b.retained, p.TopicName)
	}
}

// expectStatuses compares the statuses since the last call.
func (b *brokerWithPassword) expectStatuses(t *testing.T, when string, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.statuses, want) {
		t.Errorf("%s: statuses %q, want %q", when, b.statuses, want)
	}
	b.statuses = nil
}

// expectOnly checks that nothing is retained but the topics of the configuration.
func (b *brokerWithPassword) expectOnly(t *testing.T, when string, topics []string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, topic := range slices.Sorted(maps.Keys(b.retained)) {
		if !slices.Contains(topics, topic) && !strings.HasSuffix(topic, "/heartbeat") {
			t.Errorf("%s: %s is retained", when, topic)
		}
	}
	for _, topic := range topics {
		if b.retained[topic] == "" {
			t.Errorf("%s: %s is not retained", when, topic)
		}
	}
}

// newBrokered is a building whose gateway is connected to a broker.
func newBrokered(t *testing.T) (*whole, *brokerWithPassword) {
	w := newWhole(t, signInSettings)
	w.stop()
	b := newBrokerWithPassword(t, w.now)
	w.open(b.dial)
	w.run()
	w.signIn()
	w.pass(time.Minute)
	b.expectStatuses(t, "at first", "roomgate/hq/gateway/status online")
	b.expectOnly(t, "at first", topicsOf(w.parse(w.text)))
	return w, b
}

const (
	brokerLine = "broker = \"mqtt://127.0.0.1\"\n"
	cameOn     = "roomgate/hq/gateway/status online"
	wentOff    = "roomgate/hq/gateway/status offline"
)

// A gateway whose new password is refused is offline; the status must not stay
// online until somebody notices.
func TestReloadOfTheBrokersPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newBrokered(t)
		w.reloadWith(brokerLine, brokerLine+"username = \"roomgate\"\npassword = \"wrong\"\ninsecure_plaintext = true\n")
		w.pass(2 * time.Minute)
		b.expectStatuses(t, "with the wrong password", wentOff)
		b.mu.Lock()
		b.password = "right"
		b.mu.Unlock()
		w.reloadWith("\"wrong\"", "\"right\"")
		w.pass(2 * time.Minute)
		b.expectStatuses(t, "with the right password", cameOn)
	})
}

// Other payloads make another connection, of which nobody is alarmed.
func TestReloadOfThePayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newBrokered(t)
		w.reloadWith(brokerLine, brokerLine+"bool = \"1/0\"\n")
		w.pass(time.Minute)
		b.expectStatuses(t, "with other payloads", cameOn)
		b.expectOnly(t, "with other payloads", topicsOf(w.parse(w.text)))
	})
}

// Another prefix leaves nothing under the old one, also when it is changed back
// at once, before the broker has everything.
func TestReloadOfThePrefix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, b := newBrokered(t)
		w.reloadWith(brokerLine, brokerLine+"prefix = \"other\"\n")
		w.pass(time.Minute)
		b.expectOnly(t, "with another prefix", topicsOf(w.parse(w.text)))
		b.expectStatuses(t, "with another prefix", wentOff, "roomgate/hq/gateway/status ", "other/hq/gateway/status online")

		w.sim.Set(func(s *graphsim.Behaviour) { s.Latency = 0 })
		for _, wait := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond, time.Second} {
			w.reloadWith("prefix = \"other\"", "prefix = \"third\"")
			time.Sleep(wait)
			w.reloadWith("prefix = \"third\"", "prefix = \"other\"")
			w.pass(time.Minute)
			b.expectOnly(t, "back after "+wait.String(), topicsOf(w.parse(w.text)))
		}
	})
}

// A room that is removed and comes back is retained as before, whether the broker
// is there or away meanwhile; one that stays away is gone.
func TestRoomRemovedAndBack(t *testing.T) {
	for _, away := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, b := newBrokered(t)
			room := w.text[strings.LastIndex(w.text, "[[room]]"):]
			if away {
				b.mu.Lock()
				b.password = "nobody knows"
				b.mu.Unlock()
				b.drop()
				w.pass(time.Second)
			}
			for _, wait := range []time.Duration{0, time.Microsecond, time.Millisecond, time.Second} {
				w.reloadWith(room, "# no room\n")
				time.Sleep(wait)
				w.reloadWith("# no room\n", room)
				w.pass(wait)
			}
			b.mu.Lock()
			b.password = ""
			b.mu.Unlock()
			w.pass(5 * time.Minute)
			b.expectOnly(t, "back", topicsOf(w.parse(w.text)))
			w.sameAsCalendar("back")
			w.reloadWith(room, "# no room\n")
			w.pass(5 * time.Minute)
			b.expectOnly(t, "removed", topicsOf(w.parse(w.text)))
		})
	}
}

// A password that was renewed in its file is used at the next connection, without a
// reload. While the file cannot be read, the one before is used.
func TestRenewedPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "password")
		write := func(password string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("first")
		w, b := newBrokered(t)
		expect := func(password string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.password = password
		}
		expect("first")
		w.reloadWith(brokerLine, brokerLine+"username = \"roomgate\"\npassword_file = "+TOMLString(file)+"\ninsecure_plaintext = true\n")
		w.pass(2 * time.Minute)
		b.expectStatuses(t, "with the password of the file", wentOff, cameOn)

		write("second")
		expect("second")
		b.drop()
		w.pass(2 * time.Minute)
		b.expectStatuses(t, "with the renewed password", wentOff, cameOn)

		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		b.drop()
		w.pass(2 * time.Minute)
		b.expectStatuses(t, "without the file", wentOff, cameOn)
	})
}
