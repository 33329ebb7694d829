package driver

import (
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// fortyBookings are half an hour each, every two hours from midnight of day.
func fortyBookings() []Booking {
	all := make([]Booking, 40)
	for i := range all {
		start := at("00:00").Add(time.Duration(i) * 2 * time.Hour)
		all[i] = Booking{ID: fmt.Sprint(i), Start: start, End: start.Add(30 * time.Minute), ShowAs: Busy}
	}
	return all
}

func BenchmarkNewTimeline(b *testing.B) {
	room := plain(b)
	room.Lead, room.Gap = 20*time.Minute, 15*time.Minute
	snap := readAt(at("00:00"), room.Zone, fortyBookings()...)
	b.ReportAllocs()
	for b.Loop() {
		NewTimeline(room, snap)
	}
}

func BenchmarkDerive(b *testing.B) {
	room := plain(b)
	room.Lead, room.Gap = 20*time.Minute, 15*time.Minute
	timeline := NewTimeline(room, readAt(at("00:00"), room.Zone, fortyBookings()...))
	now := at("12:10:20")
	b.ReportAllocs()
	for b.Loop() {
		fresh(timeline, now)
	}
}

// nowhere takes points and drops them.
type nowhere struct{}

func (nowhere) Publish([]Update) {}
func (nowhere) Remove([]Subject) {}

// One turn of the loop in which every one of a thousand rooms has something new
// to say, as once a minute when their ages move.
func BenchmarkPass1000Rooms(b *testing.B) { pass1000(b, func(*Room, *Snapshot) {}) }

// The same with sensors that say that somebody is there all day.
func BenchmarkPass1000RoomsSensed(b *testing.B) {
	pass1000(b, func(r *Room, _ *Snapshot) {
		r.SensorID, r.Grace, r.PresenceHold = "pir", 10*time.Minute, 15*time.Minute
	})
}

// The same in an outage that has the fail-safe act by the week.
func BenchmarkPass1000RoomsFailing(b *testing.B) {
	pass1000(b, func(r *Room, s *Snapshot) {
		r.FailSafe, r.FailAfter, s.ReadAt, s.Failure = FailBySchedule, time.Hour, s.ReadAt.Add(-4*time.Hour), errTimeout
		for day := range r.Weekly.Days {
			r.Weekly.Days[day] = []HoursRange{{7 * 60, 18 * 60}}
		}
	})
}

func pass1000(b *testing.B, change func(*Room, *Snapshot)) {
	w := Options{Publisher: nowhere{}, Memory: &shelf{}, Clock: WallClock{}, Log: slog.New(slog.DiscardHandler)}
	for i := range 1000 {
		room := plain(b)
		room.ID, room.Lead = fmt.Sprint("room-", i), 20*time.Minute
		w.Rooms = append(w.Rooms, room)
	}
	d := New(w)
	for _, r := range d.rooms {
		snap := readAt(at("00:00"), r.room.Zone, fortyBookings()...)
		change(&r.room, &snap)
		r.timeline = NewTimeline(r.room, snap)
		r.past = r.past.WithReport(Presence{Known: true, On: true}, at("00:00"))
	}
	b.ReportAllocs()
	var turn int
	for b.Loop() {
		now := at("00:00").Add(time.Duration(turn%1440) * time.Minute)
		turn++
		for _, r := range d.rooms {
			r.next = time.Time{}
		}
		d.publishDue(now)
	}
}
