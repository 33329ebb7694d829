package main

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"roomgate/graph/graphsim"
)

// The people of the demonstration: they come to most meetings, a little late, some
// leave early, some stay, and some take a free room. Each room's presence sensor
// tells the broker of them, as a building's would.

// emptyRoom has a sensor and no people: whoever watches may play them.
const emptyRoom = "focus"

// presenceTopic is where the sensor of a room speaks.
func presenceTopic(room string) string { return "building/" + room + "/presence" }

// roll is a number from 0 to below n that is always the same for the same meeting.
func roll(n uint32, room string, start time.Time) int {
	h := fnv.New32a()
	h.Write([]byte(room + strconv.FormatInt(start.Unix(), 10) + "/" + strconv.Itoa(int(n))))
	return int(h.Sum32() % n)
}

// attend tells from when to when people are at a meeting; nobody comes to some.
func attend(room string, start, end time.Time) (from, to time.Time, ok bool) {
	if roll(7, room, start) == 0 {
		return from, to, false
	}
	from, to = start.Add(time.Duration(roll(6, room, start))*time.Minute), end
	switch roll(5, room, start) {
	case 0:
		to = end.Add(-20 * time.Minute)
	case 1:
		to = end.Add(13 * time.Minute)
	}
	return from, to, from.Before(to)
}

// wander tells whether people use a room at t without a meeting: for twenty
// minutes of some hours.
func wander(room string, t time.Time) bool {
	hour := t.Truncate(time.Hour)
	return roll(9, room, hour) == 0 && t.Minute() >= 20 && t.Minute() < 40
}

// present tells whether somebody is in a room at t.
func present(sim *graphsim.Sim, room graphsim.Room, t time.Time) bool {
	id, _, _ := strings.Cut(room.Address, "@")
	taken := false
	for _, e := range sim.View(room.Address, t.Add(-time.Hour), t.Add(time.Hour)) {
		if e.Cancelled || e.AllDay || e.ShowAs == "free" {
			continue
		}
		if from, to, ok := attend(id, e.Start, e.End); ok && !t.Before(from) && t.Before(to) {
			return true
		}
		taken = taken || !t.Before(e.Start) && t.Before(e.End)
	}
	return !taken && wander(id, t)
}

// sensors have the rooms' sensors speak until ctx ends: when something changes,
// and otherwise now and then, because a broker that was away has forgotten.
func (s *stage) sensors(ctx context.Context) {
	const look, repeat = 30 * time.Second, 10 * time.Minute // of the office's clock
	tick := time.NewTicker(max(20*time.Millisecond, time.Duration(float64(look)/s.flags.speed)))
	defer tick.Stop()
	said, at := map[string]string{}, map[string]time.Time{}
	s.broker.publish(presenceTopic(emptyRoom), "off")
	for {
		now := s.clock.Now()
		for _, room := range graphsim.OfficeRooms() {
			id, _, _ := strings.Cut(room.Address, "@")
			word := "off"
			if present(s.sim, room, now) {
				word = "on"
			}
			if id != emptyRoom && (word != said[id] || now.Sub(at[id]) >= repeat) {
				said[id], at[id] = word, now
				s.broker.publish(presenceTopic(id), word)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// publish has the broker keep a message.
func (b *demoBroker) publish(topic, payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		_ = b.server.Publish(topic, []byte(payload), true, 1) // one that is away is told again later
	}
}
