package mqtt

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"roomgate/bridge"
	"roomgate/driver"
)

// hundredRooms publishes every point of a hundred rooms, and returns the rooms and how
// many values the broker then retains.
func hundredRooms(b *bridge.Board) (rooms []driver.Subject, retained int) {
	points := len(driver.Catalogue(driver.OfRoom))
	values := make([]driver.Value, points)
	for i := range values {
		values[i] = driver.IntValue(i)
	}
	for i := range 100 {
		rooms = append(rooms, driver.Subject{Scope: driver.OfRoom, ID: fmt.Sprint("room-", i)})
		put(b, rooms[i], values...)
	}
	return rooms, 100*points + len(OwnTopics("roomgate", "hq"))
}

// With Mosquitto's default a subscriber to everything misses most values of a hundred
// rooms, which the gateway finds, running or not. It gets all with the setting in the
// documents.
func TestSubscriberGetsEverything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, lost string }{
		{anybody + "\nmax_queued_messages 1000", "gets 1020 of the %d values that the broker at %s retains; the broker drops the others, without telling anybody; " +
			"set max_queued_messages 100000 in the configuration of mosquitto (not 0), or the same limit of another broker, and restart it"},
		{anybody, ""},
	} {
		broker := startMosquitto(t, c.lines)
		o := options(t, "mqtt://"+broker.addr, bridge.New())
		rooms, retained := hundredRooms(o.Board)
		subjects := append(rooms, gateway)
		s := listening(t, o, "edge-1")
		stop := run(t, s)
		healthWords(t, o.Board, true, "")
		for _, running := range []bool{true, false} {
			if !running {
				stop()
				o.Board = bridge.New()
				s = listening(t, o, "edge-1")
			}
			came, err := s.Subscriber(t.Context(), subjects)
			if c.lost == "" {
				if came != retained || err != nil {
					t.Errorf("running %t: %d came of %d, %v", running, came, retained, err)
				}
				continue
			}
			want := "a client that subscribes to roomgate/hq/# with QoS 1 " + fmt.Sprintf(c.lost, retained, broker.addr)
			if err == nil {
				t.Errorf("running %t: nothing was found", running)
			} else if words, person := driver.Explain(err); words != want || !person {
				t.Errorf("running %t: %s\nwant %s", running, words, want)
			}
		}
	}
}

// A broker that hides the points from the gateway's user proves nothing.
func TestSubscriberThatMayNotRead(t *testing.T) {
	t.Parallel()
	acl := filepath.Join(t.TempDir(), "acl")
	if err := os.WriteFile(acl, []byte("topic write roomgate/hq/#\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broker := startMosquitto(t, anybody+"\nuser root\nacl_file "+acl) // where this is root, only root can reach the folder
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	put(o.Board, roomA, driver.BoolValue(true))
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if came, err := s.Subscriber(t.Context(), []driver.Subject{roomA}); came != 0 || err != nil {
		t.Errorf("nothing is published: %d came, %v", came, err)
	}
	run(t, s)
	healthWords(t, o.Board, true, "")
	if came, err := s.Subscriber(t.Context(), []driver.Subject{roomA}); came != 0 || !errors.Is(err, ErrUnproven) {
		t.Errorf("%d came, %v", came, err)
	}
}

// The shipped files make a broker with which the gateway is content, and from which a
// building management system gets everything.
func TestShippedBroker(t *testing.T) {
	t.Parallel()
	conf, err := os.ReadFile("../../packaging/mosquitto.conf")
	if err != nil {
		t.Fatal(err)
	}
	passwords := filepath.Join(t.TempDir(), "passwd")
	for i, user := range []string{"roomgate", "bms"} {
		args := []string{"-b", passwords, user, "secret"}
		if i == 0 {
			args = append([]string{"-c"}, args...)
		}
		if out, err := exec.Command("mosquitto_passwd", args...).CombinedOutput(); err != nil {
			if os.Getenv("ROOMGATE_REAL") != "" {
				t.Fatalf("mosquitto_passwd: %v: %s", err, out)
			}
			t.Skip("mosquitto is not installed")
		}
	}
	acl, err := filepath.Abs("../../packaging/mosquitto.acl")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^(listener|certfile|keyfile|persistence) .*$`).ReplaceAllString(string(conf), "")
	lines = strings.NewReplacer("/etc/mosquitto/roomgate.passwd", passwords, "/etc/mosquitto/roomgate.acl", acl).Replace(lines)
	broker := startMosquitto(t, "user root\n"+lines) // where this is root, only root can reach the folder
	o := options(t, "mqtt://"+broker.addr, bridge.New())
	o.Username, o.Password = "roomgate", "secret"
	presence, _ := sensor("bms/room-1/presence")
	o.Sensors = []Sensor{presence}
	rooms, retained := hundredRooms(o.Board)
	s := listening(t, o, "edge-1")
	run(t, s)
	healthWords(t, o.Board, true, "")
	if err := s.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	bms := o
	bms.Username = "bms"
	reader, err := New(bms)
	if err != nil {
		t.Fatal(err)
	}
	if came, err := reader.Subscriber(t.Context(), append(rooms, gateway)); came != retained || err != nil {
		t.Errorf("the building management system gets %d of %d, %v", came, retained, err)
	}
}

// The broker can be examined while the Sink reads new credentials for another connection.
func TestExaminedWhileCredentialsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(_ int, p packets.ControlPacket) ([]packets.ControlPacket, bool) {
			_, login := p.(*packets.ConnectPacket)
			return good(p), login
		}}
		o := options(t, "mqtt://broker.example", threeHundred())
		o.Dial = f.dial
		o.Reread = func() (string, *tls.Config, error) { return time.Now().String(), &tls.Config{}, nil }
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, s)
		defer end(stop)
		for range 20 {
			_, _ = s.Subscriber(t.Context(), []driver.Subject{roomA})
			_ = s.Probe(t.Context())
			s.tooLarge("a/b", largestPayload+1)
			pass(time.Second)
		}
		if n := len(f.connections()); n < 40 {
			t.Errorf("%d connections, want those of the Sink and of the examinations", n)
		}
	})
}
