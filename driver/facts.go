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

	Commanded  bool // there is a comfort command: the calendar is known, or the fail-safe acts
	Comfort    bool
	Occupancy  bool // it is known whether the room is occupied
	Occupied   bool
	Mode       Mode
	NextMode   Mode      // what the mode becomes by itself
	NextModeAt time.Time // zero: no change is in sight
	Sensor     Sensor

	Booked    bool
	Current   *Booking  // the running booking
	Next      *Booking  // the next one to start
	FreeUntil time.Time // end of the free stretch; zero when booked

	BookingsToday      int
	BookedMinutesToday int
	UtilisationToday   int // percent

	NoShow           bool // nobody came to the current booking
	WalkIn           bool // somebody is there who has booked nothing
	NoShowsToday     int
	WalkInsToday     int
	EarlyLeavesToday int
	OverrunsToday    int

	plan *plan
}

// Facts are all that is true of a room at one instant. They are comparable.
type Facts struct {
	Fixed
	MinutesRemaining  int // of the running booking
	MinutesUntilNext  int // meaningless without a next booking
	MinutesToNextMode int // meaningless without a next mode
	Age               int // seconds; -1: never read
	ValidUntil        time.Time

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
	f.fillControl(values)
	if !f.Known {
		clear(values[CurrentSubject : WalkIn+1])
		clear(values[BookingsToday : OverrunsToday+1])
		values[Booked] = Value{}
		return
	}
	values[Booked] = BoolValue(f.Booked)
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
	values[NoShow], values[WalkIn] = BoolValue(f.NoShow), BoolValue(f.WalkIn)
	values[NoShowsToday], values[WalkInsToday] = IntValue(f.NoShowsToday), IntValue(f.WalkInsToday)
	values[EarlyLeavesToday], values[OverrunsToday] = IntValue(f.EarlyLeavesToday), IntValue(f.OverrunsToday)
}

// fillControl writes the points that plant is driven from, which can be known
// where the calendar is not.
func (f Facts) fillControl(values []Value) {
	values[SensorPoint] = EnumValue(f.Sensor.String())
	clear(values[Comfort : MinutesToNextMode+1])
	if f.Commanded {
		values[Comfort] = BoolValue(f.Comfort)
	}
	if f.Occupancy {
		values[Occupied] = BoolValue(f.Occupied)
	}
	if f.Mode == ModeUnknown {
		return
	}
	values[ModePoint] = EnumValue(f.Mode.String())
	values[NextMode], values[MinutesToNextMode] = NoEnum(), NoInt(NotInSight)
	if !f.NextModeAt.IsZero() {
		values[NextMode], values[MinutesToNextMode] = EnumValue(f.NextMode.String()), IntValue(f.MinutesToNextMode)
	}
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
		Occupied     *bool   `json:"occupied"`
		Mode         *string `json:"mode"`
		NextMode     *string `json:"next_mode"`
		NextModeAt   *string `json:"next_mode_at"`
		Current      *slot   `json:"current"`
		Next         *slot   `json:"next"`
		FreeUntil    *string `json:"free_until"`
		NoShow       *bool   `json:"no_show"`
		WalkIn       *bool   `json:"walk_in"`
		Sensor       string  `json:"sensor"`
		Bookings     *int    `json:"bookings_today"`
		Minutes      *int    `json:"booked_minutes_today"`
		Utilisation  *int    `json:"utilisation_today"`
		NoShows      *int    `json:"no_shows_today"`
		WalkIns      *int    `json:"walk_ins_today"`
		EarlyLeaves  *int    `json:"early_leaves_today"`
		Overruns     *int    `json:"overruns_today"`
	}
	doc := facts{Timestamp: rfc3339(since), Quality: f.Quality.String(), Availability: availability(f.Quality), Sensor: f.Sensor.String()}
	doc.Fault = sayIf(f.Fault, f.Fault != "")
	doc.Comfort = sayIf(f.Comfort, f.Commanded)
	doc.Occupied = sayIf(f.Occupied, f.Occupancy)
	doc.Mode = sayIf(f.Mode.String(), f.Mode != ModeUnknown)
	doc.NextMode = sayIf(f.NextMode.String(), !f.NextModeAt.IsZero())
	doc.NextModeAt = sayIf(rfc3339(f.NextModeAt), !f.NextModeAt.IsZero())
	if f.Known {
		doc.Booked, doc.Current, doc.Next = &f.Booked, slotOf(f.Current), slotOf(f.Next)
		doc.FreeUntil = sayIf(rfc3339(f.FreeUntil), !f.FreeUntil.IsZero())
		doc.NoShow, doc.WalkIn = &f.NoShow, &f.WalkIn
		doc.Bookings, doc.Minutes, doc.Utilisation = &f.BookingsToday, &f.BookedMinutesToday, &f.UtilisationToday
		doc.NoShows, doc.WalkIns, doc.EarlyLeaves, doc.Overruns = &f.NoShowsToday, &f.WalkInsToday, &f.EarlyLeavesToday, &f.OverrunsToday
	}
	return JSONValue(mustJSON(doc))
}

// sayIf is v, or null in JSON where there is nothing to say.
func sayIf[T any](v T, ok bool) *T {
	if !ok {
		return nil
	}
	return &v
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
		Test     bool   `json:"test,omitempty"`
		Points   []row  `json:"points"`
	}{ID: r.ID, Name: r.Name, Building: r.Building, Floor: r.Floor, Capacity: r.Capacity, Test: r.Test}
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
