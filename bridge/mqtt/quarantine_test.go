package mqtt

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// choosy is a broker that hangs up on some messages.
type choosy struct {
	fake
	lock   sync.Mutex
	hates  func(topic string, size int) bool
	has    map[string]string // what it retains
	hangUp bool              // on the next packet, once
}

func newChoosy(hates func(topic string, size int) bool) *choosy {
	c := &choosy{hates: hates, has: map[string]string{}}
	c.answer = func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
		c.lock.Lock()
		defer c.lock.Unlock()
		if c.hangUp {
			c.hangUp = false
			return nil, false
		}
		if m, ok := p.(*packets.PublishPacket); ok {
			if c.hates(m.TopicName, len(m.Payload)) {
				return nil, false
			}
			c.has[m.TopicName] = string(m.Payload)
		}
		return good(p), true
	}
	return c
}

func (c *choosy) set(f func()) {
	c.lock.Lock()
	defer c.lock.Unlock()
	f()
}

// missing are the topics of a board of rooms that the broker does not have.
func (c *choosy) missing(board *bridge.Board) []string {
	c.lock.Lock()
	defer c.lock.Unlock()
	var out []string
	for _, s := range board.Subjects(driver.OfRoom) {
		for _, e := range board.Subject(s) {
			topic := Topic("roomgate", "hq", s, e.Point().Name)
			if _, ok := (Format{}).Payload(e); ok && c.has[topic] == "" {
				out = append(out, topic)
			}
		}
	}
	return out
}

// bigBoard is a board of rooms with a large point each.
func bigBoard(rooms int, large func(i int) int) *bridge.Board {
	b := bridge.New()
	for i := range rooms {
		values := make([]driver.Value, len(driver.Catalogue(driver.OfRoom)))
		values[0], values[1] = driver.BoolValue(true), driver.BoolValue(false)
		values[len(values)-2] = driver.JSONValue(`"` + strings.Repeat("x", large(i)) + `"`)
		put(b, driver.Subject{Scope: driver.OfRoom, ID: fmt.Sprintf("r%03d", i)}, values...)
	}
	return b
}

const online = `PUBLISH roomgate/hq/gateway/status="online" qos1 retained`

// Among the points of a hundred rooms are some on which the broker hangs up. They are
// named, and everything else is published.
func TestMessagesSetAside(t *testing.T) {
	limit := func(_ string, size int) bool { return size > 4000 }
	one := func(topic string, _ int) bool { return topic == "roomgate/hq/rooms/r007/booked" }
	for _, c := range []struct {
		name        string
		hates       func(string, int) bool
		large       func(i int) int
		missing     int
		connections int // at most
		words       string
	}{
		{"one large message", limit, func(i int) int { return 100 + 4000*(i/99) }, 1, 3,
			"set aside, and their topics are not up to date: roomgate/hq/rooms/r099/schedule; the largest message has 4137 bytes; raise the broker's limit"},
		{"every room has one", limit, func(i int) int { return 4100 + (37*i)%100 }, 100, 15,
			"set aside, and their topics are not up to date: roomgate/hq/rooms/r000/schedule, roomgate/hq/rooms/r001/schedule, roomgate/hq/rooms/r002/schedule and 97 more; the largest message has 4236 bytes; raise the broker's limit"},
		{"one topic", one, func(int) int { return 100 }, 1, 3,
			"set aside, and their topics are not up to date: roomgate/hq/rooms/r007/booked; the largest message has 37 bytes; raise the broker's limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newChoosy(c.hates)
				board := bigBoard(100, c.large)
				o := options(t, "mqtt://broker.example:1883", board)
				o.Dial = f.dial
				var log lockedBuffer
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				var concerns []string
				o.Concerns = func(words []string) { concerns = words }
				stop := start(t, o)
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				if got := f.missing(board); len(got) != c.missing {
					t.Errorf("%d topics are missing, want %d: %s", len(got), c.missing, few(got))
				}
				all := f.connections()
				if n := len(all); n > c.connections || n < 3 {
					t.Errorf("%d connections, want 3 to %d", n, c.connections)
				}
				if !slices.Contains(all[len(all)-1], online) {
					t.Error("the gateway is not online")
				}
				words := board.Health()[Part].Words
				if !strings.Contains(words, c.words) {
					t.Errorf("health:\n got %s\nwant %s", words, c.words)
				}
				if fmt.Sprint(concerns) != "["+words+"]" {
					t.Errorf("concerns: %s", concerns)
				}
				if !strings.Contains(log.String(), "points are set aside") {
					t.Errorf("log:\n%s", log.String())
				}
				end(stop)
			})
		})
	}
}

// What is set aside is published once the broker takes it: after a reconnect, which may
// mean other settings, or when it has become smaller.
func TestSetAsideIsTriedAgain(t *testing.T) {
	for name, mend := range map[string]func(f *choosy, board *bridge.Board){
		"other settings": func(f *choosy, _ *bridge.Board) {
			f.set(func() { f.hates, f.hangUp = func(string, int) bool { return false }, true })
		},
		"smaller payloads": func(_ *choosy, board *bridge.Board) {
			for i, s := range board.Subjects(driver.OfRoom) {
				values := make([]driver.Value, len(driver.Catalogue(driver.OfRoom)))
				values[0], values[1] = driver.BoolValue(true), driver.BoolValue(false)
				values[len(values)-2] = driver.JSONValue(fmt.Sprint(i))
				put(board, s, values...)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newChoosy(func(_ string, size int) bool { return size > 4000 })
				board := bigBoard(10, func(i int) int { return 4100 + i })
				o := options(t, "mqtt://broker.example:1883", board)
				o.Dial = f.dial
				stop := start(t, o)
				time.Sleep(10 * time.Minute)
				if got := f.missing(board); len(got) != 10 {
					t.Fatalf("%d topics are missing, want 10", len(got))
				}
				mend(f, board)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if got := f.missing(board); len(got) != 0 {
					t.Errorf("missing: %s", few(got))
				}
				if h := board.Health()[Part]; !h.OK {
					t.Errorf("health %+v", h)
				}
				end(stop)
			})
		})
	}
}

// A reconnect with a broker that has not changed costs one more connection, and none
// after that.
func TestSetAsideStaysAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newChoosy(func(_ string, size int) bool { return size > 4000 })
		board := bigBoard(10, func(i int) int { return 4100 + i })
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = f.dial
		stop := start(t, o)
		time.Sleep(10 * time.Minute)
		before := len(f.connections())
		f.set(func() { f.hangUp = true })
		time.Sleep(10 * time.Hour)
		synctest.Wait()
		if n := len(f.connections()) - before; n != 2 {
			t.Errorf("%d further connections, want two", n)
		}
		if got := f.missing(board); len(got) != 10 {
			t.Errorf("%d topics are missing, want 10", len(got))
		}
		end(stop)
	})
}

// A network that fails at any moment sets nothing aside for long.
func TestFailingNetworkSetsNothingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		f := newChoosy(func(string, int) bool { n++; return n%70 == 0 && n < 2000 })
		board := bigBoard(30, func(int) int { return 100 })
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = f.dial
		stop := start(t, o)
		time.Sleep(2 * time.Hour)
		f.set(func() { f.hangUp = true })
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := f.missing(board); len(got) != 0 {
			t.Errorf("missing: %s", few(got))
		}
		if h := board.Health()[Part]; !h.OK {
			t.Errorf("health %+v", h)
		}
		end(stop)
	})
}

// A real broker with a limit below the largest point.
func TestMaxPacketSize(t *testing.T) {
	broker := startMosquitto(t, anybody+"\nmax_packet_size 4000")
	board := bigBoard(20, func(i int) int { return 100 + 5000*(i/19) })
	o := options(t, "mqtt://"+broker.addr, board)
	var log lockedBuffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	start(t, o)
	want := "the connection to the broker at " + broker.addr + " was lost twice in a row with the same message; such messages are set aside, and their topics are not up to date: roomgate/hq/rooms/r019/schedule; the largest message has 5137 bytes; raise the broker's limit of packets above that (mosquitto: max_packet_size), or let a client without a user name publish there in its access rules; they are tried again after the next reconnect, and once a day"
	for words := ""; words != want; words = healthWords(t, board, false, words) {
	}
	messages := subscribe(t, "tcp://"+broker.addr)
	have := map[string]bool{}
	for m := range messages {
		have[m.topic] = true
		if m.topic == "roomgate/hq/gateway/status" && m.payload == "online" {
			break
		}
	}
	for i := range 20 {
		topic := fmt.Sprintf("roomgate/hq/rooms/r%03d/schedule", i)
		if have[topic] != (i < 19) {
			t.Errorf("%s arrived: %t", topic, have[topic])
		}
	}
}
