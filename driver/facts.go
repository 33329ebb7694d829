package driver

import (
	"encoding/json"
	"time"
)

// StableFacts are the facts that change only at the start or end of a booking, or with
// a read, a report of the sensor or a failure.
type StableFacts struct {
	Quality Quality
	Fault   string // why quality is not good, and what to do
	Known   bool   // the calendar is known at this instant; otherwise the facts about bookings are meaningless

	Commanded  bool // there is a comfort command: the calendar is known, or the fail-safe gives one
	Comfort    bool
	Occupancy  bool // it is known whether the room is occupied
	Occupied   bool
	Mode       Mode
	NextMode   Mode      // if presence does not change
	NextModeAt time.Time // zero: no change is foreseen
	Sensor     Sensor

	Booked    bool
	Current   *Booking  // the running booking
	Next      *Booking  // the next one to start
	FreeUntil time.Time // end of the free time; zero when booked

	BookingsToday      int
	BookedMinutesToday int
	UtilisationToday   int // percent

	NoShow           bool // nobody came to the current booking
	WalkIn           bool // somebody is there without a booking
	NoShowsToday     int
	WalkInsToday     int
	EarlyLeavesToday int
	OverrunsToday    int

	plan *plan
}

// Facts is everything derived for a room at one instant. It is comparable.
type Facts struct {
	StableFacts
	MinutesRemaining  int // of the running booking
	MinutesUntilNext  int // meaningless without a next booking
	MinutesToNextMode int // meaningless without a next mode
	Age               int // seconds; -1: never read
	ValidUntil        time.Time

	ended int // number of bookings that are over; the schedule changes only with it and ValidUntil
}

// Fill writes the points that follow from f into values, which is in the order
// of the room catalogue. The JSON points are left to [Facts.Schedule],
// [StableFacts.State] and [Room.Meta], which are worth rendering only after a change.
func (f *Facts) Fill(values []Value) { roomRows.fill(f, values) }

// State renders every fact in one message. since is the instant from which the
// facts have held; for equal facts the text differs only in since.
func (f *StableFacts) State(since time.Time) Value { return roomRows.state(f, since) }

// Meta renders the description of the room and of its points.
func (r Room) Meta() Value { return roomRows.meta(r) }

func (f *StableFacts) nextMode() Value {
	switch {
	case f.Mode == ModeUnknown:
		return Value{}
	case f.NextModeAt.IsZero():
		return NoEnum()
	}
	return EnumValue(f.NextMode.String())
}

func (f *Facts) minutesToNextMode() Value {
	switch {
	case f.Mode == ModeUnknown:
		return Value{}
	case f.NextModeAt.IsZero():
		return NoInt(NotForeseen)
	}
	return IntValue(f.MinutesToNextMode)
}

func (f *Facts) minutesRemaining() Value {
	if f.Current == nil {
		return NoInt(0)
	}
	return IntValue(f.MinutesRemaining)
}

func (f *Facts) minutesUntilNext() Value {
	if f.Next == nil {
		return NoInt(NotForeseen)
	}
	return IntValue(f.MinutesUntilNext)
}

// onlyIf returns v, or a value that is not known.
func onlyIf(known bool, v Value) Value {
	if !known {
		return Value{}
	}
	return v
}

// The values of a booking, which may be nil.

func (b *Booking) subject() Value {
	if b == nil {
		return TextValue("")
	}
	return TextValue(b.Subject)
}

func (b *Booking) organizer() Value {
	if b == nil {
		return TextValue("")
	}
	return TextValue(b.Organizer)
}

func (b *Booking) start() Value {
	if b == nil {
		return TimeValue(time.Time{})
	}
	return TimeValue(b.Start)
}

func (b *Booking) end() Value {
	if b == nil {
		return TimeValue(time.Time{})
	}
	return TimeValue(b.End)
}

func (b *Booking) attendees() Value {
	if b == nil {
		return NoInt(0)
	}
	return IntValue(b.Attendees)
}

// object renders the booking as a member of the point state.
func (b *Booking) object() Value {
	if b == nil {
		return Value{}
	}
	s := b.slot()
	s.Attendees = &b.Attendees
	return JSONValue(mustJSON(s))
}

func availability(q Quality) string {
	if q.Available() {
		return "online"
	}
	return "offline"
}

// slot is a booking in the JSON points.
type slot struct {
	Start     string `json:"start"`
	End       string `json:"end"`
	Subject   string `json:"subject,omitempty"`
	Organizer string `json:"organizer,omitempty"`
	Attendees *int   `json:"attendees,omitempty"`
}

func (b *Booking) slot() slot {
	return slot{Start: rfc3339(b.Start), End: rfc3339(b.End), Subject: b.subject().Text(), Organizer: b.organizer().Text()}
}

// longestSchedule bounds the point schedule, in bytes: brokers and controllers refuse
// large messages.
const longestSchedule = 16 << 10

// Schedule renders the bookings from now to ValidUntil, running ones included; an
// unknown value when the calendar is not known. Equal facts are rendered equally at
// every instant at which they hold. A schedule that would be too long has only the
// first bookings, says so, and is valid until the first that it leaves out.
func (f Facts) Schedule(now time.Time) Value {
	if !f.Known {
		return Value{}
	}
	doc := struct {
		ValidUntil string            `json:"valid_until"`
		Truncated  bool              `json:"truncated,omitempty"`
		Bookings   []json.RawMessage `json:"bookings"`
	}{ValidUntil: rfc3339(f.ValidUntil), Bookings: []json.RawMessage{}}
	size := len(`{"valid_until":"2006-01-02T15:04:05Z","truncated":true,"bookings":[]}`)
	for i := range f.plan.bookings {
		b := &f.plan.bookings[i]
		if !b.End.After(now) || !b.Start.Before(f.ValidUntil) {
			continue
		}
		text := mustJSON(b.slot())
		if size += len(text) + len(","); size > longestSchedule {
			doc.ValidUntil, doc.Truncated = rfc3339(b.Start), true
			break
		}
		doc.Bookings = append(doc.Bookings, json.RawMessage(text))
	}
	return JSONValue(mustJSON(doc))
}
