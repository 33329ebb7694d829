package driver

import (
	"context"
	"errors"
	"time"
)

// roomReading is a Reading after admission.
type roomReading struct {
	room      string
	bookings  []Booking
	refused   []Refusal // events of the room that could not be read
	unchanged bool      // the bookings are those of the last good reading
	err       error     // the room could not be read
}

// digests are those of the last good readings of an account's rooms in one window.
// They are valid only for the settings of the rooms at that reading: a poller with
// other settings starts without any.
type digests struct {
	from, to time.Time
	byRoom   map[string]Digest
}

// begin drops the digests when the window has moved: equal events then result in
// other bookings.
func (d *digests) begin(from, to time.Time) {
	if d.byRoom == nil || !d.from.Equal(from) || !d.to.Equal(to) {
		*d = digests{from: from, to: to, byRoom: map[string]Digest{}}
	}
}

// receiver is the Receiver of one Fetch. It admits the events and passes the
// bookings to the driver's loop.
type receiver struct {
	*poller
	ctx      context.Context
	rooms    map[string]Room // that are read, by id
	from, to time.Time
	interval time.Duration // of the polls
}

func (p *poller) receiver(ctx context.Context, rooms []Room, from, to time.Time, interval time.Duration) *receiver {
	p.digests.begin(from, to)
	byID := make(map[string]Room, len(rooms))
	for _, room := range rooms {
		byID[room.ID] = room
	}
	return &receiver{p, ctx, byID, from, to, interval}
}

// Last implements Receiver.
func (r *receiver) Last(room string) Digest { return r.digests.byRoom[room] }

// Deliver implements Receiver.
func (r *receiver) Deliver(rd Reading) {
	if r.ctx.Err() != nil || errors.Is(rd.Err, ErrSessionEnded) {
		return // the poller was stopped, or is about to be replaced; that is not a failure of the room
	}
	room, ok := r.rooms[rd.Room]
	if !ok {
		r.d.o.Log.Error("a calendar delivered a room that was not requested", "account", r.Name, "room", rd.Room)
		return
	}
	if rd.Err == nil && rd.Unchanged && (rd.Digest == Digest{} || rd.Digest != r.Last(rd.Room)) {
		rd.Err = errNotTheLast
	}
	r.note(rd, r.interval)
	result := roomReading{room: rd.Room, unchanged: rd.Unchanged, err: rd.Err}
	if rd.Err != nil || rd.Digest == (Digest{}) {
		delete(r.digests.byRoom, rd.Room)
	} else {
		r.digests.byRoom[rd.Room] = rd.Digest
	}
	if rd.Err == nil && !rd.Unchanged {
		r.tellUnmatched(room, rd.Events)
		result.bookings, result.refused = room.Admit(rd.Events, r.poller.rooms, r.from, r.to)
	}
	at := r.d.o.Clock.Now()
	r.do(r.ctx, func() { r.d.apply(result, r.from, r.to, at) })
}

// tellUnmatched logs once that none of the events of the room's calendar is the room's,
// which then looks free: its match may be misspelt.
func (r *receiver) tellUnmatched(room Room, events []Event) {
	names, never := room.Unmatched(events, r.poller.rooms)
	if never && !r.told[room.ID] {
		r.told[room.ID] = true
		r.d.o.Log.Warn("no event of the calendar is for the room: if it has bookings, its match is wrong", "room", room.ID, "events", len(events), "seen_instead", names)
	}
}

// errNotTheLast is a bug of a provider: it compared with a reading other than the last.
var errNotTheLast = errors.New("the calendar was reported as unchanged since a reading that was not the last; it is read in full at the next poll")
