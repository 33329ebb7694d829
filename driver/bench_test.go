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
		timeline.Derive(now)
	}
}

// nowhere takes points and drops them.
type nowhere struct{}

func (nowhere) Publish([]Update) {}

// One turn of the loop in which every one of a thousand rooms has something new
// to say, as once a minute when their ages move.
func BenchmarkPass1000Rooms(b *testing.B) {
	w := Options{Publisher: nowhere{}, Memory: &shelf{}, Clock: WallClock{}, Log: slog.New(slog.DiscardHandler)}
	for i := range 1000 {
		room := plain(b)
		room.ID, room.Lead = fmt.Sprint("room-", i), 20*time.Minute
		w.Rooms = append(w.Rooms, room)
	}
	d := New(w)
	for _, r := range d.rooms {
		r.timeline = NewTimeline(r.room, readAt(at("00:00"), r.room.Zone, fortyBookings()...))
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
