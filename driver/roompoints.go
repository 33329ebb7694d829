package driver

import (
	"cmp"
	"time"
)

// roomRow is one point of a room: what is published, how its value follows from
// the facts, how it appears in the point state, and how it is explained. A row
// without a value is rendered after a change: see [Driver.deriveRoom].
type roomRow struct {
	Point
	stable   func(*StableFacts) Value // its value, if only bookings, reads, presence and failures change it
	timed    func(*Facts) Value       // its value, if the passage of time alone changes it
	calendar bool                     // its value is not known while the calendar is not

	// A stable value is a member of the point state, a timed one is not: state is
	// published only when a fact changes.
	first      bool                     // it precedes the members of the other rows
	notInState bool                     // it is part of another row's member
	stateName  string                   // in place of the point's name
	stateValue func(*StableFacts) Value // in place of the point's value

	because  func(*narrator) string // why the value is what it is; nil: the point is not explained
	unread   bool                   // its next change is the one that occurs if no read succeeds and no sensor reports
	forecast bool                   // it is a forecast, so it has no explanation of what a sensor would change
}

// roomRows are in the order in which they are published.
var roomRows = roomCatalogue{
	{Point: Point{Name: Booked, Kind: Bool, Description: "a booking that counts is running now",
		Tags: []string{"occupied", "sp", "point"}, Brick: "Occupancy_Command", HA: "binary_sensor", BACnet: "binary-value",
		Metric: Metric{Name: "booked", Help: "1 while a booking that counts is running."}},
		calendar: true, stable: func(f *StableFacts) Value { return BoolValue(f.Booked) },
		because: (*narrator).booked},
	{Point: Point{Name: Comfort, Kind: Bool, Description: "the HVAC command: booked, or soon to be, with lead, lag, gap and release applied",
		Tags: []string{"occupied", "cmd", "point"}, Brick: "Occupancy_Command", HA: "binary_sensor", BACnet: "binary-value",
		Metric: Metric{Name: "comfort", Help: "1 while the room is to be heated, cooled and ventilated for people."}},
		stable:  func(f *StableFacts) Value { return onlyIf(f.Commanded, BoolValue(f.Comfort)) },
		because: (*narrator).comfort},
	{Point: Point{Name: Occupied, Kind: Bool, Description: "people are present according to the presence sensor; without a trusted sensor, booked",
		Tags: []string{"occupied", "sensor", "point"}, Brick: "Occupancy_Status", HA: "binary_sensor", BACnet: "binary-value",
		Metric: Metric{Name: "occupied", Help: "1 while people are present according to the presence sensor; without a trusted sensor, while booked."}},
		stable:  func(f *StableFacts) Value { return onlyIf(f.Occupancy, BoolValue(f.Occupied)) },
		because: (*narrator).occupied},
	{Point: Point{Name: ModePoint, Kind: Enum, Values: modeWords[ModeOccupied:], Description: "how the room is used: standby is comfort before or after a booking, or a booking without people; bypass is people without a booking",
		Tags: []string{"occupied", "cmd", "point"}, Brick: "Occupied_Mode_Status", HA: "sensor", BACnet: "multi-state-value",
		Metric: Metric{Name: "mode", Help: "1 for the mode of the room."}},
		stable:  func(f *StableFacts) Value { return onlyIf(f.Mode != ModeUnknown, EnumValue(f.Mode.String())) },
		because: (*narrator).mode},
	{Point: Point{Name: NextMode, Kind: Enum, Values: modeWords[ModeOccupied:], Description: "the next mode, if presence does not change; empty when no change is foreseen",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "multi-state-value"},
		stable:  (*StableFacts).nextMode,
		because: (*narrator).nextMode, forecast: true},
	{Point: Point{Name: MinutesToNextMode, Kind: Int, Unit: "min", Description: "minutes to next_mode; 65535 when no change is foreseen",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		timed:     (*Facts).minutesToNextMode,
		stateName: "next_mode_at", stateValue: func(f *StableFacts) Value { return TimeValue(f.NextModeAt) }},
	{Point: Point{Name: QualityPoint, Kind: Enum, Values: qualityWords, Description: "how far the other points can be trusted",
		Tags: []string{"point", "curStatus"}, Brick: "Status", HA: "sensor", BACnet: "multi-state-value",
		Metric: Metric{Name: "quality", Help: "1 for the quality of the room's points."}},
		first: true, stable: func(f *StableFacts) Value { return EnumValue(f.Quality.String()) },
		because: (*narrator).quality, unread: true},
	{Point: Point{Name: Availability, Kind: Enum, Values: []string{"online", "offline"}, Description: "offline when quality is fault or unknown",
		Tags: []string{"point", "curStatus"}, Brick: "Status", HA: "binary_sensor", BACnet: "binary-value"},
		first: true, stable: func(f *StableFacts) Value { return EnumValue(availability(f.Quality)) }},
	{Point: Point{Name: CurrentSubject, Kind: Text, Description: "subject of the running booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Current.subject() },
		stateName: "current", stateValue: func(f *StableFacts) Value { return f.Current.object() }},
	{Point: Point{Name: CurrentOrganizer, Kind: Text, Description: "organizer of the running booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Current.organizer() }, notInState: true},
	{Point: Point{Name: CurrentStart, Kind: Time, Description: "start of the running booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Current.start() }, notInState: true},
	{Point: Point{Name: CurrentEnd, Kind: Time, Description: "end of the running booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Current.end() }, notInState: true},
	{Point: Point{Name: CurrentAttendees, Kind: Int, Description: "people invited to the running booking",
		Tags: []string{"occupancy", "sp", "point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Current.attendees() }, notInState: true},
	{Point: Point{Name: MinutesRemaining, Kind: Int, Unit: "min", Description: "minutes to the end of the running booking; 0 when none",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, timed: (*Facts).minutesRemaining},
	{Point: Point{Name: NextSubject, Kind: Text, Description: "subject of the next booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Next.subject() },
		stateName: "next", stateValue: func(f *StableFacts) Value { return f.Next.object() }},
	{Point: Point{Name: NextOrganizer, Kind: Text, Description: "organizer of the next booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Next.organizer() }, notInState: true},
	{Point: Point{Name: NextStart, Kind: Time, Description: "start of the next booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Next.start() }, notInState: true},
	{Point: Point{Name: NextEnd, Kind: Time, Description: "end of the next booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
		calendar: true, stable: func(f *StableFacts) Value { return f.Next.end() }, notInState: true},
	{Point: Point{Name: MinutesUntilNext, Kind: Int, Unit: "min", Description: "minutes to the start of the next booking; 65535 when none is known",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, timed: (*Facts).minutesUntilNext},
	{Point: Point{Name: FreeUntil, Kind: Time, Description: "end of the free time, or of the known bookings; empty when booked",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
		calendar: true, stable: func(f *StableFacts) Value { return TimeValue(f.FreeUntil) }},
	{Point: Point{Name: NoShow, Kind: Bool, Description: "nobody came to the running booking within grace",
		Tags: []string{"point"}, Brick: "Point", HA: "binary_sensor", BACnet: "binary-value"},
		calendar: true, stable: func(f *StableFacts) Value { return BoolValue(f.NoShow) },
		because: (*narrator).noShow},
	{Point: Point{Name: WalkIn, Kind: Bool, Description: "people are present without a booking, neither early for the next nor remaining from the last",
		Tags: []string{"point"}, Brick: "Point", HA: "binary_sensor", BACnet: "binary-value"},
		calendar: true, stable: func(f *StableFacts) Value { return BoolValue(f.WalkIn) },
		because: (*narrator).walkIn},
	{Point: Point{Name: SensorPoint, Kind: Enum, Values: sensorWords, Description: "how far the presence sensor can be trusted; none where there is none",
		Tags: []string{"point", "curStatus"}, Brick: "Status", HA: "sensor", BACnet: "multi-state-value",
		Metric: Metric{Name: "sensor", Help: "1 for the state of the room's presence sensor."}},
		stable:  func(f *StableFacts) Value { return EnumValue(f.Sensor.String()) },
		because: (*narrator).sensor, unread: true},
	{Point: Point{Name: BookingsToday, Kind: Int, Description: "bookings that touch today, past and to come",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.BookingsToday) },
		because: (*narrator).bookingsToday},
	{Point: Point{Name: BookedMinutesToday, Kind: Int, Unit: "min", Description: "booked minutes of today, past and to come, overlaps counted once",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.BookedMinutesToday) },
		because: (*narrator).bookedMinutes},
	{Point: Point{Name: UtilisationToday, Kind: Int, Unit: "%", Description: "booked minutes as a share of the whole day",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "analog-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.UtilisationToday) },
		because: (*narrator).utilisation},
	{Point: Point{Name: NoShowsToday, Kind: Int, Description: "bookings of today to which nobody came, within grace or later",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.NoShowsToday) },
		because: (*narrator).noShows},
	{Point: Point{Name: WalkInsToday, Kind: Int, Description: "how often people came without a booking today",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.WalkInsToday) },
		because: (*narrator).counted},
	{Point: Point{Name: EarlyLeavesToday, Kind: Int, Description: "bookings of today whose people left at least grace before the end",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.EarlyLeavesToday) },
		because: (*narrator).counted},
	{Point: Point{Name: OverrunsToday, Kind: Int, Description: "bookings of today whose people stayed at least grace after the end",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		calendar: true, stable: func(f *StableFacts) Value { return IntValue(f.OverrunsToday) },
		because: (*narrator).counted},
	{Point: Point{Name: Fault, Kind: Text, Description: "why quality is not good, and what to do; empty when good",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		first: true, stable: func(f *StableFacts) Value { return TextValue(f.Fault) }},
	{Point: Point{Name: Age, Kind: Int, Unit: "s", Description: "time since the last successful read, updated at each full minute",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value",
		Metric: Metric{Name: "last_good_read_age_seconds", Help: "Time since the room's calendar was last read, updated at each full minute."}},
		timed: func(f *Facts) Value { return onlyIf(f.Age >= 0, IntValue(f.Age)) }},
	{Point: Point{Name: StatePoint, Kind: JSON, Description: "every fact in one message",
		Tags: []string{"point"}, Brick: "Point"}},
	{Point: Point{Name: Schedule48h, Kind: JSON, Description: "the bookings of the next 48 hours",
		Tags: []string{"point", "schedule"}, Brick: "Point", BACnet: "schedule"}},
	{Point: Point{Name: Meta, Kind: JSON, Description: "what the room is and which points it has"}},
}

var roomPoints = pointsOf(roomRows)

// Indexes of the points that are rendered after a change.
var (
	stateIndex    = OfRoom.Index(StatePoint)
	scheduleIndex = OfRoom.Index(Schedule48h)
	metaIndex     = OfRoom.Index(Meta)
)

// roomCatalogue lists the points of a room. Everything that enumerates points is
// generated from it.
type roomCatalogue []roomRow

// fill writes the values that follow from f, in the order of the catalogue.
func (c roomCatalogue) fill(f *Facts, values []Value) {
	for i := range c {
		row := &c[i]
		switch {
		case row.stable == nil && row.timed == nil:
		case row.calendar && !f.Known:
			values[i] = Value{}
		case row.stable != nil:
			values[i] = row.stable(&f.StableFacts)
		default:
			values[i] = row.timed(f)
		}
	}
}

// state renders the point state: the facts that have held since an instant.
func (c roomCatalogue) state(f *StableFacts, since time.Time) Value {
	doc := newObject(1024).add("timestamp", TimeValue(since))
	for _, first := range []bool{true, false} {
		for i := range c {
			row := &c[i]
			name, value := row.member()
			switch {
			case row.first != first || value == nil:
			case row.calendar && !f.Known:
				doc.add(name, Value{})
			default:
				doc.add(name, value(f))
			}
		}
	}
	return doc.value()
}

// member is the row's member of the point state; a nil value: it has none.
func (r *roomRow) member() (name string, value func(*StableFacts) Value) {
	switch {
	case r.stateValue != nil:
		return cmp.Or(r.stateName, r.Name), r.stateValue
	case r.notInState:
		return "", nil
	}
	return r.Name, r.stable
}

// meta renders the point meta: what the room is and which points it has.
func (c roomCatalogue) meta(r Room) Value {
	type point struct {
		Name   string   `json:"name"`
		Type   string   `json:"type"`
		Unit   string   `json:"unit,omitempty"`
		Values []string `json:"values,omitempty"`
		Tags   []string `json:"tags,omitempty"`
		Brick  string   `json:"brick,omitempty"`
	}
	doc := struct {
		ID       string  `json:"id"`
		Name     string  `json:"name"`
		Building string  `json:"building,omitempty"`
		Floor    string  `json:"floor,omitempty"`
		Capacity int     `json:"capacity,omitempty"`
		Test     bool    `json:"test,omitempty"`
		Points   []point `json:"points"`
	}{ID: r.ID, Name: Line(r.Name), Building: Line(r.Building), Floor: Line(r.Floor), Capacity: r.Capacity, Test: r.Test}
	for _, p := range c {
		doc.Points = append(doc.Points, point{p.Name, p.Kind.String(), p.Unit, p.Values, p.Tags, p.Brick})
	}
	return JSONValue(mustJSON(doc))
}
