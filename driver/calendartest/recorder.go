package calendartest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"roomgate/driver"
)

// recorder is a driver.Receiver that admits what it takes and checks the rules
// that a Calendar keeps towards it: one Reading for each room, one call at a
// time, none after Fetch has returned, and Unchanged only as Last allows.
type recorder struct {
	t        *testing.T
	rooms    []driver.Room
	from, to time.Time
	called   atomic.Bool // a method is being called
	open     bool        // a Fetch is in progress
	digests  map[string]driver.Digest
	last     map[string][]driver.Booking // of each room's last good reading
	readings map[string]result           // of the Fetch in progress
}

// result is a Reading and what admission makes of it.
type result struct {
	driver.Reading
	bookings []driver.Booking
	refused  []driver.Refusal
}

func newRecorder(t *testing.T, from, to time.Time, rooms ...driver.Room) *recorder {
	return &recorder{t: t, rooms: rooms, from: from, to: to, digests: map[string]driver.Digest{}, last: map[string][]driver.Booking{}}
}

// fetch reads the rooms and returns the results by room.
func (r *recorder) fetch(ctx context.Context, c driver.Calendar) (map[string]result, driver.Tally) {
	r.t.Helper()
	r.open, r.readings = true, map[string]result{}
	tally := c.Fetch(ctx, r.rooms, r.from, r.to, r)
	r.open = false
	for _, room := range r.rooms {
		if _, ok := r.readings[room.ID]; !ok {
			r.t.Errorf("room %q was not delivered", room.ID)
		}
	}
	return r.readings, tally
}

// forget makes Last return nothing for the room.
func (r *recorder) forget(room string) { delete(r.digests, room) }

// enter begins a call of a method; the function it returns ends it.
func (r *recorder) enter(method string) (leave func()) {
	if !r.called.CompareAndSwap(false, true) {
		r.t.Errorf("%s was called while another method was running", method)
		return func() {}
	}
	if !r.open {
		r.t.Errorf("%s was called after Fetch had returned", method)
	}
	return func() { r.called.Store(false) }
}

// Last implements driver.Receiver.
func (r *recorder) Last(room string) driver.Digest {
	defer r.enter("Last")()
	return r.digests[room]
}

// Deliver implements driver.Receiver.
func (r *recorder) Deliver(rd driver.Reading) {
	defer r.enter("Deliver")()
	if _, twice := r.readings[rd.Room]; twice {
		r.t.Errorf("room %q was delivered twice", rd.Room)
	}
	out := result{Reading: rd}
	switch {
	case rd.Err != nil:
		delete(r.digests, rd.Room)
	case rd.Unchanged:
		if (rd.Digest == driver.Digest{}) || rd.Digest != r.digests[rd.Room] || rd.Events != nil {
			r.t.Errorf("room %q was delivered as unchanged with digest %v and %d events, want the last digest, %v, and none",
				rd.Room, rd.Digest, len(rd.Events), r.digests[rd.Room])
		}
		out.bookings = r.last[rd.Room]
	default:
		out.bookings, out.refused = r.room(rd.Room).Admit(rd.Events, r.rooms, r.from, r.to)
		r.digests[rd.Room], r.last[rd.Room] = rd.Digest, out.bookings
	}
	r.readings[rd.Room] = out
}

// room returns the room with the id, which must be one of those that are read.
func (r *recorder) room(id string) driver.Room {
	for _, room := range r.rooms {
		if room.ID == id {
			return room
		}
	}
	r.t.Errorf("room %q was delivered and not asked for", id)
	return driver.Room{ID: id, Zone: time.UTC}
}
