package demo

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"roomgate/graph/graphsim"
)

// The people of the office come to most meetings, a few minutes late; some leave
// early, some stay longer, and some use a free room. Presence sensors report them
// to the broker.

// manualRoom has a sensor but no people: the user publishes its presence by hand.
const manualRoom = "focus"

// presenceTopic is the topic of a room's presence sensor.
func presenceTopic(room string) string { return "building/" + room + "/presence" }

// roll is a number from 0 to below n, always the same for the same meeting.
func roll(n uint32, room string, start time.Time) int {
	h := fnv.New32a()
	h.Write([]byte(room + strconv.FormatInt(start.Unix(), 10) + "/" + strconv.Itoa(int(n))))
	return int(h.Sum32() % n)
}

// attendance is when people are at a meeting; false: nobody comes.
func attendance(room string, start, end time.Time) (from, to time.Time, ok bool) {
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

// walkIn reports whether people use a room at t without a meeting: for twenty
// minutes of some hours.
func walkIn(room string, t time.Time) bool {
	hour := t.Truncate(time.Hour)
	return roll(9, room, hour) == 0 && t.Minute() >= 20 && t.Minute() < 40
}

// present reports whether somebody is in a room at t.
func present(sim *graphsim.Sim, room graphsim.Room, t time.Time) bool {
	id := roomID(room)
	taken := false
	for _, e := range sim.View(room.Address, t.Add(-time.Hour), t.Add(time.Hour)) {
		if e.Cancelled || e.AllDay || e.ShowAs == "free" {
			continue
		}
		if from, to, ok := attendance(id, e.Start, e.End); ok && !t.Before(from) && t.Before(to) {
			return true
		}
		taken = taken || !t.Before(e.Start) && t.Before(e.End)
	}
	return !taken && walkIn(id, t)
}

// roomID is the id of a room in the configuration: its address without the domain.
func roomID(room graphsim.Room) string {
	id, _, _ := strings.Cut(room.Address, "@")
	return id
}

// runSensors publishes the presence of all rooms until ctx ends: at every change,
// and every ten minutes of the office's clock, because the broker may have been
// restarted.
func (d *demonstration) runSensors(ctx context.Context) {
	const check, repeat = 30 * time.Second, 10 * time.Minute // of the office's clock
	tick := time.NewTicker(max(20*time.Millisecond, time.Duration(float64(check)/d.o.Speed)))
	defer tick.Stop()
	last, sentAt := map[string]string{}, map[string]time.Time{}
	d.broker.publish(presenceTopic(manualRoom), "off")
	for {
		now := d.clock.Now()
		for _, room := range graphsim.OfficeRooms() {
			id := roomID(room)
			payload := "off"
			if present(d.sim, room, now) {
				payload = "on"
			}
			if id != manualRoom && (payload != last[id] || now.Sub(sentAt[id]) >= repeat) {
				last[id], sentAt[id] = payload, now
				d.broker.publish(presenceTopic(id), payload)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
