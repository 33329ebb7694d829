package driver

import (
	"encoding/json"
	"time"
)

// Fixed are the facts that change only at a booking's edge, a read or a failure.
type Fixed struct {
	Quality Quality
	Fault   string // why quality is not good, and what to do
	Known   bool   // the calendar is known at this instant; otherwise what follows says nothing

	Booked    bool
	Comfort   bool
	Current   *Booking  // the running booking
	Next      *Booking  // the next one to start
	FreeUntil time.Time // end of the free stretch; zero when booked

	BookingsToday      int
	BookedMinutesToday int
	UtilisationToday   int // percent

	plan *plan
}

// Facts are all that is true of a room at one instant. They are comparable.
type Facts struct {
	Fixed
	MinutesRemaining int // of the running booking
	MinutesUntilNext int // meaningless without a next booking
	Age              int // seconds; -1: never read
	ValidUntil       time.Time

	ended int // bookings that are over: when neither it nor ValidUntil changes, the schedule does not
}

// Fill writes the points that follow from f into values, which is in the order
// of the room catalogue. The JSON points are left to [Facts.Schedule],
// [Fixed.State] and [Room.Meta], which are worth rendering only after a change.
func (f Facts) Fill(values []Value) {
	values[QualityPoint] = EnumValue(f.Quality.String())
	values[Availability] = EnumValue(availability(f.Quality))
	values[Fault] = TextValue(f.Fault)
	values[Age] = Value{}
	if f.Age >= 0 {
		values[Age] = IntValue(f.Age)
	}
	if !f.Known {
		clear(values[CurrentSubject : FreeUntil+1])
		clear(values[BookingsToday : UtilisationToday+1])
		values[Booked], values[Comfort] = Value{}, Value{}
		return
	}
	values[Booked] = BoolValue(f.Booked)
	values[Comfort] = BoolValue(f.Comfort)
	f.Current.fill(values[CurrentSubject : CurrentEnd+1])
	values[CurrentAttendees] = NoInt(0)
	values[MinutesRemaining] = NoInt(0)
	if f.Current != nil {
		values[CurrentAttendees] = IntValue(f.Current.Attendees)
		values[MinutesRemaining] = IntValue(f.MinutesRemaining)
	}
	f.Next.fill(values[NextSubject : NextEnd+1])
	values[MinutesUntilNext] = NoInt(NotInSight)
	if f.Next != nil {
		values[MinutesUntilNext] = IntValue(f.MinutesUntilNext)
	}
	values[FreeUntil] = TimeValue(f.FreeUntil)
	values[BookingsToday] = IntValue(f.BookingsToday)
	values[BookedMinutesToday] = IntValue(f.BookedMinutesToday)
	values[UtilisationToday] = IntValue(f.UtilisationToday)
}

// fill writes subject, organizer, start and end of b, which may be nil.
func (b *Booking) fill(values []Value) {
	if b == nil {
		b = &Booking{}
	}
	values[0] = TextValue(b.Subject)
	values[1] = TextValue(b.Organizer)
	values[2] = TimeValue(b.Start)
	values[3] = TimeValue(b.End)
}

func availability(q Quality) string {
	if q.Available() {
		return "online"
	}
	return "offline"
}

// slot is a booking as it stands in the JSON points.
type slot struct {
	Start     string `json:"start"`
	End       string `json:"end"`
	Subject   string `json:"subject,omitempty"`
	Organizer string `json:"organizer,omitempty"`
	Attendees *int   `json:"attendees,omitempty"`
}

func slotOf(b *Booking) *slot {
	if b == nil {
		return nil
	}
	return &slot{Start: rfc3339(b.Start), End: rfc3339(b.End), Subject: b.Subject, Organizer: b.Organizer, Attendees: &b.Attendees}
}

// Schedule renders the bookings from now to ValidUntil, the running ones
// included; an unknown value when the calendar is not known. Facts that are
// equal render equally at every instant at which they hold.
func (f Facts) Schedule(now time.Time) Value {
	if !f.Known {
		return Value{}
	}
	doc := struct {
		ValidUntil string `json:"valid_until"`
		Bookings   []slot `json:"bookings"`
	}{rfc3339(f.ValidUntil), []slot{}}
	for i := range f.plan.bookings {
		b := &f.plan.bookings[i]
		if b.End.After(now) && b.Start.Before(f.ValidUntil) {
			doc.Bookings = append(doc.Bookings, slot{Start: rfc3339(b.Start), End: rfc3339(b.End), Subject: b.Subject, Organizer: b.Organizer})
		}
	}
	return JSONValue(mustJSON(doc))
}

// State renders every fact in one message. since is the instant from which the
// facts have held; only with it does the text change when no fact does.
func (f Fixed) State(since time.Time) Value {
	type facts struct {
		Timestamp    string  `json:"timestamp"`
		Quality      string  `json:"quality"`
		Availability string  `json:"availability"`
		Fault        *string `json:"fault"`
		Booked       *bool   `json:"booked"`
		Comfort      *bool   `json:"comfort"`
		Current      *slot   `json:"current"`
		Next         *slot   `json:"next"`
		FreeUntil    *string `json:"free_until"`
		Bookings     *int    `json:"bookings_today"`
		Minutes      *int    `json:"booked_minutes_today"`
		Utilisation  *int    `json:"utilisation_today"`
	}
	doc := facts{Timestamp: rfc3339(since), Quality: f.Quality.String(), Availability: availability(f.Quality)}
	if f.Fault != "" {
		doc.Fault = &f.Fault
	}
	if f.Known {
		doc.Booked, doc.Comfort = &f.Booked, &f.Comfort
		doc.Current, doc.Next = slotOf(f.Current), slotOf(f.Next)
		doc.Bookings, doc.Minutes, doc.Utilisation = &f.BookingsToday, &f.BookedMinutesToday, &f.UtilisationToday
		if !f.FreeUntil.IsZero() {
			t := rfc3339(f.FreeUntil)
			doc.FreeUntil = &t
		}
	}
	return JSONValue(mustJSON(doc))
}

// Meta renders what the room is and which points it has.
func (r Room) Meta() Value {
	type row struct {
		Name   string   `json:"name"`
		Type   string   `json:"type"`
		Unit   string   `json:"unit,omitempty"`
		Values []string `json:"values,omitempty"`
		Tags   []string `json:"tags,omitempty"`
		Brick  string   `json:"brick,omitempty"`
	}
	doc := struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Building string `json:"building,omitempty"`
		Floor    string `json:"floor,omitempty"`
		Capacity int    `json:"capacity,omitempty"`
		Points   []row  `json:"points"`
	}{ID: r.ID, Name: r.Name, Building: r.Building, Floor: r.Floor, Capacity: r.Capacity}
	for _, p := range roomPoints {
		doc.Points = append(doc.Points, row{p.Name, p.Kind.String(), p.Unit, p.Values, p.Tags, p.Brick})
	}
	return JSONValue(mustJSON(doc))
}

// mustJSON marshals a document of ours, which cannot fail: it holds only
// strings, numbers and lists of them.
func mustJSON(doc any) string {
	text, err := json.Marshal(doc)
	if err != nil {
		panic("driver: rendering a point: " + err.Error())
	}
	return string(text)
}
