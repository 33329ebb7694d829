package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// heard is a message as a subscriber received it.
type heard struct {
	payload  string
	retained bool
	at       time.Time
}

// ear is a subscriber of everything, as a building management system is.
type ear struct {
	mu       sync.Mutex
	messages map[string][]heard // by topic, oldest first
}

// listen subscribes at a broker; what it hears is evidence.
func (h *house) listen(broker string) *ear {
	h.t.Helper()
	e := &ear{messages: map[string][]heard{}}
	o := paho.NewClientOptions().AddBroker("tcp://" + broker).SetAutoReconnect(false)
	c := paho.NewClient(o)
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		h.t.Fatalf("subscribing at %s: %v", broker, token.Error())
	}
	h.t.Cleanup(func() { c.Disconnect(0) })
	token := c.Subscribe("#", 1, func(_ paho.Client, m paho.Message) {
		now := time.Now()
		fmt.Fprintf(h, "%s %s\n", m.Topic(), m.Payload())
		e.mu.Lock()
		defer e.mu.Unlock()
		e.messages[m.Topic()] = append(e.messages[m.Topic()], heard{string(m.Payload()), m.Retained(), now})
	})
	if !token.WaitTimeout(patience) || token.Error() != nil {
		h.t.Fatalf("subscribing at %s: %v", broker, token.Error())
	}
	return e
}

// last returns the newest message of a topic below roomgate/hq.
func (e *ear) last(topic string) heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.messages["roomgate/hq/"+topic]
	if len(m) == 0 {
		return heard{}
	}
	return m[len(m)-1]
}

// oldest returns the first message of a topic below roomgate/hq.
func (e *ear) oldest(topic string) heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.messages["roomgate/hq/"+topic]; len(m) > 0 {
		return m[0]
	}
	return heard{}
}

// first returns the oldest message of a topic with a payload since an instant.
func (e *ear) first(topic, payload string, since time.Time) (heard, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.messages["roomgate/hq/"+topic] {
		if m.payload == payload && m.at.After(since) {
			return m, true
		}
	}
	return heard{}, false
}

// What an integrator wires against.
var (
	roomTopics = strings.Fields(`booked comfort occupied mode next_mode minutes_to_next_mode current_subject current_organizer current_start current_end
		current_attendees minutes_remaining next_subject next_organizer next_start next_end minutes_until_next
		free_until no_show walk_in sensor bookings_today booked_minutes_today utilisation_today
		no_shows_today walk_ins_today early_leaves_today overruns_today quality fault age availability schedule state meta`)
	accountTopics = strings.Fields(`state reason access_expires refresh_days_left secret_days_left last_refresh last_poll polls throttled`)
	gatewayTopics = strings.Fields(`status instance state version started rooms_total rooms_good clock_offset`)
)

// retainedTopics are all topics of a site with two rooms and an account.
func retainedTopics() []string {
	var all []string
	for _, p := range roomTopics {
		all = append(all, "rooms/boardroom/"+p, "rooms/library/"+p)
	}
	for _, p := range accountTopics {
		all = append(all, "accounts/rooms/"+p)
	}
	for _, p := range gatewayTopics {
		all = append(all, "gateway/"+p)
	}
	return all
}

// TestThreeProcesses runs the product as installed: a simulator, a real broker
// and the gateway, each a process of its own, with polls an hour apart.
func TestThreeProcesses(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	h := newHouse(t)
	h.poll, h.stale = "@every 1h", "2h"
	h.open()
	h.simulate()
	h.mosquitto(h.broker)
	h.signIn("rooms")
	h.clear("boardroom")
	h.daemon()

	early := h.listen(h.broker)
	h.await("the gateway's status", func() bool { return early.last("gateway/status").payload == "online" })
	h.await("good rooms", func() bool {
		return early.last("gateway/rooms_good").payload == "2" && early.last("accounts/rooms/polls").payload == "1"
	})
	for _, topic := range retainedTopics() { // the last of them are sent after rooms_good
		h.await("the first "+topic, func() bool { return early.last(topic).payload != "" })
	}
	late := h.listen(h.broker)
	for _, topic := range retainedTopics() {
		h.await(topic, func() bool { return late.oldest(topic) != heard{} })
		m := late.oldest(topic) // later ones are live, if the value happens to change now
		if !m.retained || m.payload == "" {
			t.Errorf("%s: got %q, retained %v; want something, retained", topic, m.payload, m.retained)
		}
	}
	if got, want := late.topics(), len(retainedTopics()); got != want {
		t.Errorf("%d topics are retained, want the %d of the catalogue", got, want)
	}

	booked := h.book("boardroom", time.Hour, 30*time.Minute)
	h.must("rooms", "poll")
	h.await("the new booking after one poll", func() bool {
		return late.last("rooms/boardroom/next_start").payload == booked.Start.UTC().Format(time.RFC3339) &&
			late.last("accounts/rooms/polls").payload == "2"
	})
	h.boundaries(late)
}

// topics counts the topics that were heard.
func (e *ear) topics() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.messages)
}

// boundaries has a short booking begin and end after the third poll, with no poll
// in between, and wants both on the wire within a second.
func (h *house) boundaries(e *ear) {
	h.t.Helper()
	begun := time.Now()
	b := h.book("boardroom", 15*time.Second, 3*time.Second)
	h.must("rooms", "poll")
	h.await("the poll", func() bool { // which is counted after its points are out
		return e.last("rooms/boardroom/next_start").payload == b.Start.UTC().Format(time.RFC3339) &&
			e.last("accounts/rooms/polls").payload == "3"
	})
	for _, edge := range []struct {
		payload string
		in      time.Duration
	}{{"true", b.in}, {"false", b.in + b.length}} {
		var m heard
		h.await("booked = "+edge.payload, func() (ok bool) {
			m, ok = e.first("rooms/boardroom/booked", edge.payload, begun)
			return ok
		})
		if from, to := b.asked.Add(edge.in), b.confirmed.Add(edge.in+time.Second); m.at.Before(from) || m.at.After(to) {
			h.t.Errorf("booked = %s came at %v, want from %v to %v", edge.payload, m.at, from, to)
		}
	}
	if now := e.last("accounts/rooms/polls").payload; now != "3" {
		h.t.Errorf("%s polls at the end, want the three so far: the clock alone was to drive the points", now)
	}
}

// simulate starts the simulator as a process. What it prints is no evidence: its
// client secret is among it, for people to copy.
func (h *house) simulate() {
	h.t.Helper()
	address := strings.TrimPrefix(h.sim, "http://")
	c := h.command("roomgate", "simulate", "--polite", "--listen", address)
	c.Stdout = nil
	h.launch(c)
	h.await("the simulator", func() bool { return accepts(address) })
}

// booking is a booking that begins some time after it was asked for and before
// it was confirmed; the simulator itself tells the whole second only.
type booking struct {
	Start            time.Time // to the second
	asked, confirmed time.Time
	in, length       time.Duration
}

// book books a room at the simulator, from now on for some time.
func (h *house) book(room string, in, length time.Duration) booking {
	h.t.Helper()
	b := booking{in: in, length: length, asked: time.Now()}
	status, body := h.request(http.MethodPost, fmt.Sprintf("%s/sim/book?room=%s&in=%s&for=%s&json=1", h.sim, room, in, length))
	b.confirmed = time.Now()
	if err := json.Unmarshal([]byte(body), &b); err != nil || status != http.StatusOK {
		h.t.Fatalf("booking %s: %d %s", room, status, body)
	}
	return b
}

// clear cancels what the made-up office has in a room within a week, so that a
// test does not depend on the day it runs.
func (h *house) clear(room string) {
	h.t.Helper()
	for range 200 {
		if status, _ := h.request(http.MethodPost, h.sim+"/sim/cancel?json=1&room="+room); status != http.StatusOK {
			return
		}
	}
	h.t.Fatalf("%s has no end of bookings", room)
}
