package mqtt

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/gorilla/websocket"

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
		connections int // at most: two that are lost for each message that is found, and trials after 1, 3, 7 and 15 minutes
		words       string
	}{
		{"one large message", limit, func(i int) int { return 100 + 4000*(i/99) }, 1, 7,
			"set aside, and their topics are not up to date: roomgate/hq/rooms/r099/schedule; the largest message has 4137 bytes; raise the broker's limit"},
		{"every room has one", limit, func(i int) int { return 4100 + (37*i)%100 }, 100, 15,
			"set aside, and their topics are not up to date: roomgate/hq/rooms/r000/schedule, roomgate/hq/rooms/r001/schedule, roomgate/hq/rooms/r002/schedule and 97 more; the largest message has 4236 bytes; raise the broker's limit"},
		{"one topic", one, func(int) int { return 100 }, 1, 7,
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

// What is set aside is published once the broker takes it: when it is tried again, soon
// after a reconnect, which may mean other settings, or when it has become smaller.
func TestSetAsideIsTriedAgain(t *testing.T) {
	for name, mend := range map[string]func(f *choosy, board *bridge.Board){
		"other settings without a reconnect": func(f *choosy, _ *bridge.Board) {
			f.set(func() { f.hates = func(string, int) bool { return false } })
		},
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

// A broker that does not change is tried with one message after longer and longer times:
// after 1, 3, 7, 15 … minutes, and after a year only once a day. A reconnect costs one more
// connection.
func TestSetAsideStaysAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newChoosy(func(_ string, size int) bool { return size > 4000 })
		board := bigBoard(10, func(i int) int { return 4100 + i })
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = f.dial
		stop := start(t, o)
		pass(50 * time.Second)
		before := len(f.connections())
		if before > 8 { // two messages are refused; how many others are in flight with them varies
			t.Errorf("%d connections in 50 seconds, want at most 8", before)
		}
		for _, c := range []struct {
			while       time.Duration
			connections int // further ones, or one more or less
		}{
			{40*time.Minute - 50*time.Second, 5}, // trials after 1, 3, 7, 15, 31 minutes
			{24*time.Hour - 40*time.Minute, 5},   // and after 63, 127, 255, 511, 1023
			{10 * 24 * time.Hour, 10},
		} {
			pass(c.while)
			after := len(f.connections())
			if n := after - before; n < c.connections-1 || n > c.connections+1 {
				t.Errorf("%d further connections %v later, want %d", n, c.while, c.connections)
			}
			before = after
		}
		f.set(func() { f.hangUp = true })
		pass(10 * time.Minute)
		if n := len(f.connections()) - before; n != 2 {
			t.Errorf("%d further connections after a reconnect, want two", n)
		}
		if got := f.missing(board); len(got) != 10 {
			t.Errorf("%d topics are missing, want 10", len(got))
		}
		end(stop)
	})
}

// A network that fails at any moment, with the connection reset each time, sets nothing
// aside for long.
func TestFailingNetworkSetsNothingAside(t *testing.T) {
	for _, every := range []int{10, 30, 70, 200} {
		for _, size := range []int{100, 2000} {
			t.Run(fmt.Sprintf("every %d messages, %d bytes", every, size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					random, bad := rand.New(rand.NewPCG(1, uint64(every))), true
					f := newChoosy(func(string, int) bool { return bad && random.IntN(every) == 0 })
					board := bigBoard(30, func(int) int { return size })
					o := options(t, "mqtt://broker.example:1883", board)
					o.Dial = f.dial
					stop := start(t, o)
					for minute := range 121 { // at the end no meeting goes on
						for _, s := range board.Subjects(driver.OfRoom) {
							put(board, s, driver.BoolValue(minute%2 == 1), driver.BoolValue(true))
						}
						time.Sleep(time.Minute)
					}
					f.set(func() { bad = false })
					pass(3 * time.Minute)
					f.set(func() {
						for _, s := range board.Subjects(driver.OfRoom) {
							if got := f.has["roomgate/hq/rooms/"+s.ID+"/booked"]; got != "false" {
								t.Errorf("the broker has %q in room %s three minutes later, want false", got, s.ID)
							}
						}
					})
					pass(10 * time.Minute)
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
}

// A network without a word, and a broker that hangs, say nothing about the messages that
// are on their way: nothing is set aside, and everything is published once they work.
func TestSilenceSetsNothingAside(t *testing.T) {
	for _, c := range []struct {
		name   string
		during time.Duration
		from   int  // messages of each connection that are acknowledged meanwhile
		reset  bool // the connection is reset half a minute after the last message
	}{
		{"two connections are lost", 70 * time.Second, 1, false},
		{"an hour without acknowledgements", time.Hour, 0, false},
		{"an hour of lost connections", time.Hour, 20, false},
		{"the network resets the connection late", time.Hour, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, bad, sent := newChoosy(func(string, int) bool { return false }), false, map[int]int{}
				answer := f.answer
				f.answer = func(visit int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
					var silent bool
					f.set(func() {
						if _, ok := p.(*packets.PublishPacket); ok && bad {
							sent[visit]++
						}
						silent = sent[visit] > c.from
					})
					if !silent {
						return answer(visit, p)
					}
					if c.reset {
						time.Sleep(25 * time.Second)
					}
					return nil, !c.reset
				}
				board := bigBoard(30, func(int) int { return 2000 })
				o := options(t, "mqtt://broker.example:1883", board)
				o.Dial, o.Instance = f.dial, Instance{ID: "1", Host: "edge-1"}
				concerned := false
				o.Concerns = func(words []string) { concerned = concerned || len(words) > 0 }
				stop := start(t, o)
				time.Sleep(time.Hour)
				f.set(func() { bad = true })
				const changed = "roomgate/hq/rooms/r000/booked"
				put(board, driver.Subject{Scope: driver.OfRoom, ID: "r000"}, driver.BoolValue(false), driver.BoolValue(true)) // the meeting ends
				time.Sleep(c.during)
				f.set(func() { bad = false; clear(sent) })
				pass(2 * time.Minute)
				f.set(func() {
					if got := f.has[changed]; got != "false" {
						t.Errorf("two minutes later the broker has %q, want false", got)
					}
				})
				if got := f.missing(board); len(got) != 0 || concerned {
					t.Errorf("missing: %s; something was set aside: %t", few(got), concerned)
				}
				end(stop)
			})
		})
	}
}

// One large message is no limit: others that are as large are published.
func TestOneRefusalIsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newChoosy(func(topic string, _ int) bool { return topic == "roomgate/hq/rooms/r000/schedule" })
		board := bigBoard(30, func(int) int { return 2000 })
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = f.dial
		stop := start(t, o)
		pass(20 * time.Second)
		if got := f.missing(board); !slices.Equal(got, []string{"roomgate/hq/rooms/r000/schedule"}) {
			t.Errorf("missing: %s", few(got))
		}
		end(stop)
	})
}

// A point that was set aside does not wait for others that are really refused.
func TestTrialsDoNotWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := true
		f := newChoosy(func(topic string, _ int) bool {
			return topic == "roomgate/hq/rooms/r000/comfort" || refused && strings.HasSuffix(topic, "r005/booked")
		})
		board := bigBoard(10, func(int) int { return 100 })
		o := options(t, "mqtt://broker.example:1883", board)
		o.Dial = f.dial
		stop := start(t, o)
		time.Sleep(5 * time.Hour)
		f.set(func() { refused = false; f.hangUp = true }) // the broker was started again
		pass(3 * time.Minute)
		got := f.missing(board)
		if !slices.Equal(got, []string{"roomgate/hq/rooms/r000/comfort"}) {
			t.Errorf("missing: %q", got)
		}
		end(stop)
	})
}

// The retained value of a topic whose deletion the broker refuses is deleted once it no
// longer does.
func TestDeletionSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const old = "roomgate/hq/rooms/old/booked"
		refused := true
		f := newChoosy(func(topic string, _ int) bool { return refused && topic == old })
		f.has[old] = "true"
		o := options(t, "mqtt://broker.example:1883", bigBoard(3, func(int) int { return 100 }))
		o.Dial, o.Instance = f.dial, Instance{ID: "1", Host: "edge-1"}
		o.ClearTopics = []string{old}
		synced := false
		o.OnSynced = func() { synced = true }
		stop := start(t, o)
		pass(5 * time.Minute)
		if synced || !strings.Contains(o.Board.Health()[Part].Words, old) {
			t.Errorf("synced: %t; health %+v", synced, o.Board.Health()[Part])
		}
		f.set(func() { refused = false })
		pass(5 * time.Minute)
		f.set(func() {
			if h := o.Board.Health()[Part]; !synced || f.has[old] != "" || !h.OK {
				t.Errorf("synced: %t; the broker has %q; health %+v", synced, f.has[old], h)
			}
		})
		end(stop)
	})
}

// How a broker ends a websocket says as much as how it ends a connection without one.
func TestHungUp(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{io.EOF, true},
		{io.ErrUnexpectedEOF, true},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		{&websocket.CloseError{Code: websocket.CloseMessageTooBig}, true},
		{&websocket.CloseError{Code: websocket.CloseAbnormalClosure}, true},
		{silenceError(usedSilence), false},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ETIMEDOUT)}, false},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.EHOSTUNREACH)}, false},
		{net.ErrClosed, false},
	} {
		if got := hungUp(c.err); got != c.want {
			t.Errorf("%v: %t, want %t", c.err, got, c.want)
		}
	}
}

// A real broker with a limit below the largest point.
func TestMaxPacketSize(t *testing.T) {
	broker := startMosquitto(t, anybody+"\nmax_packet_size 4000")
	board := bigBoard(20, func(i int) int { return 100 + 5000*(i/19) })
	o := options(t, "mqtt://"+broker.addr, board)
	var log lockedBuffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	start(t, o)
	want := "the broker at " + broker.addr + " closed the connection twice in a row after the same message; such messages are set aside, and their topics are not up to date: roomgate/hq/rooms/r019/schedule; the largest message has 5137 bytes; raise the broker's limit of packets above that (mosquitto: max_packet_size), or let a client without a user name publish there in its access rules; they are tried again after the next reconnect, when they are smaller, and after 1, 2, 4 … minutes up to a day"
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
