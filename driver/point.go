package driver

import "slices"

// Point is one row of the catalogue: what is published, and how other systems
// are to understand it. Everything that lists points derives from these rows.
type Point struct {
	Name        string
	Kind        Kind
	Unit        string   // unit of an Int: min, s, %, d; empty: a plain number
	Values      []string // words of an Enum
	Description string
	Tags        []string // Project Haystack 4 markers
	Brick       string   // Brick 1.4 class
	HA          string   // Home Assistant component
	BACnet      string   // suggested BACnet object type
	Transient   bool     // a sign of life: QoS 0, never retained
}

// Scope is what a point speaks of.
type Scope uint8

const (
	OfRoom Scope = iota
	OfAccount
	OfGateway
)

// Subject is one thing that has points: a room, an account or the gateway.
type Subject struct {
	Scope Scope
	ID    string // room id or account name; empty for the gateway
}

// Catalogue returns the points of a scope. The order is that in which they are
// published when many change at once: what plant is driven from comes first.
// The slice is shared and must not be changed.
func Catalogue(s Scope) []Point {
	switch s {
	case OfRoom:
		return roomPoints
	case OfAccount:
		return accountPoints
	}
	return gatewayPoints
}

// Indexes of a room's points in its catalogue.
const (
	Booked = iota
	Comfort
	Occupied
	ModePoint
	NextMode
	MinutesToNextMode
	QualityPoint
	Availability
	CurrentSubject
	CurrentOrganizer
	CurrentStart
	CurrentEnd
	CurrentAttendees
	MinutesRemaining
	NextSubject
	NextOrganizer
	NextStart
	NextEnd
	MinutesUntilNext
	FreeUntil
	NoShow
	WalkIn
	SensorPoint
	BookingsToday
	BookedMinutesToday
	UtilisationToday
	NoShowsToday
	WalkInsToday
	EarlyLeavesToday
	OverrunsToday
	Fault
	Age
	StatePoint
	Schedule48h
	Meta
	roomPointCount
)

// NotInSight is published for minutes and days to something that is not in
// sight: the largest value of the building world's 16-bit counters (the
// time-to-next-state field of LonMark's SNVT_tod_event).
const NotInSight = 65535

var roomPoints = []Point{
	Booked: {Name: "booked", Kind: Bool, Description: "a booking that counts is running now",
		Tags: []string{"occupied", "sp", "point"}, Brick: "Occupancy_Command", HA: "binary_sensor", BACnet: "binary-value"},
	Comfort: {Name: "comfort", Kind: Bool, Description: "the HVAC command: booked, or soon to be, with lead, lag, gap and release applied",
		Tags: []string{"occupied", "cmd", "point"}, Brick: "Occupancy_Command", HA: "binary_sensor", BACnet: "binary-value"},
	Occupied: {Name: "occupied", Kind: Bool, Description: "somebody is there, as the presence sensor says; without one that can be trusted, booked",
		Tags: []string{"occupied", "sensor", "point"}, Brick: "Occupancy_Status", HA: "binary_sensor", BACnet: "binary-value"},
	ModePoint: {Name: "mode", Kind: Enum, Values: modeWords[ModeOccupied:], Description: "how the room is used: standby is comfort before or after a booking, or a booking without people; bypass is people without a booking",
		Tags: []string{"occupied", "cmd", "point"}, Brick: "Occupied_Mode_Status", HA: "sensor", BACnet: "multi-state-value"},
	NextMode: {Name: "next_mode", Kind: Enum, Values: modeWords[ModeOccupied:], Description: "what the mode becomes by itself, if presence stays as it is; empty when no change is in sight",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "multi-state-value"},
	MinutesToNextMode: {Name: "minutes_to_next_mode", Kind: Int, Unit: "min", Description: "minutes to next_mode; 65535 when no change is in sight",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	QualityPoint: {Name: "quality", Kind: Enum, Values: qualityWords, Description: "how far the other points can be trusted",
		Tags: []string{"point", "curStatus"}, Brick: "Status", HA: "sensor", BACnet: "multi-state-value"},
	Availability: {Name: "availability", Kind: Enum, Values: []string{"online", "offline"}, Description: "offline when quality is fault or unknown",
		Tags: []string{"point", "curStatus"}, Brick: "Status", HA: "binary_sensor", BACnet: "binary-value"},
	CurrentSubject: {Name: "current_subject", Kind: Text, Description: "subject of the running booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	CurrentOrganizer: {Name: "current_organizer", Kind: Text, Description: "organizer of the running booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	CurrentStart: {Name: "current_start", Kind: Time, Description: "start of the running booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	CurrentEnd: {Name: "current_end", Kind: Time, Description: "end of the running booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	CurrentAttendees: {Name: "current_attendees", Kind: Int, Description: "people invited to the running booking",
		Tags: []string{"occupancy", "sp", "point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	MinutesRemaining: {Name: "minutes_remaining", Kind: Int, Unit: "min", Description: "minutes to the end of the running booking; 0 when none",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	NextSubject: {Name: "next_subject", Kind: Text, Description: "subject of the next booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	NextOrganizer: {Name: "next_organizer", Kind: Text, Description: "organizer of the next booking, as far as privacy allows",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	NextStart: {Name: "next_start", Kind: Time, Description: "start of the next booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	NextEnd: {Name: "next_end", Kind: Time, Description: "end of the next booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	MinutesUntilNext: {Name: "minutes_until_next", Kind: Int, Unit: "min", Description: "minutes to the start of the next booking; 65535 when none is in sight",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	FreeUntil: {Name: "free_until", Kind: Time, Description: "end of the free stretch, or of what is known; empty when booked",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	NoShow: {Name: "no_show", Kind: Bool, Description: "nobody came to the running booking within the grace",
		Tags: []string{"point"}, Brick: "Point", HA: "binary_sensor", BACnet: "binary-value"},
	WalkIn: {Name: "walk_in", Kind: Bool, Description: "somebody is there without a booking, neither early for one nor left over from one",
		Tags: []string{"point"}, Brick: "Point", HA: "binary_sensor", BACnet: "binary-value"},
	SensorPoint: {Name: "sensor", Kind: Enum, Values: sensorWords, Description: "how far the presence sensor can be trusted; none where there is none",
		Tags: []string{"point", "curStatus"}, Brick: "Status", HA: "sensor", BACnet: "multi-state-value"},
	BookingsToday: {Name: "bookings_today", Kind: Int, Description: "bookings that touch today, past and to come",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	BookedMinutesToday: {Name: "booked_minutes_today", Kind: Int, Unit: "min", Description: "booked minutes of today, past and to come, overlaps counted once",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	UtilisationToday: {Name: "utilisation_today", Kind: Int, Unit: "%", Description: "booked minutes as a share of the whole day",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "analog-value"},
	NoShowsToday: {Name: "no_shows_today", Kind: Int, Description: "bookings of today to which nobody came within the grace, nor later",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	WalkInsToday: {Name: "walk_ins_today", Kind: Int, Description: "times today that people came without a booking",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	EarlyLeavesToday: {Name: "early_leaves_today", Kind: Int, Description: "bookings of today whose people left at least the grace before the end",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	OverrunsToday: {Name: "overruns_today", Kind: Int, Description: "bookings of today whose people stayed at least the grace beyond the end",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	Fault: {Name: "fault", Kind: Text, Description: "why quality is not good, and what to do; empty when good",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	Age: {Name: "age", Kind: Int, Unit: "s", Description: "time since the last good read, taken at each full minute",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	StatePoint: {Name: "state", Kind: JSON, Description: "every fact in one message",
		Tags: []string{"point"}, Brick: "Point"},
	Schedule48h: {Name: "schedule", Kind: JSON, Description: "the bookings of the next 48 hours",
		Tags: []string{"point", "schedule"}, Brick: "Point", BACnet: "schedule"},
	Meta: {Name: "meta", Kind: JSON, Description: "what the room is and which points it has"},
}

// Indexes of an account's points in its catalogue.
const (
	AccountState = iota
	AccountReason
	AccessExpires
	RefreshDaysLeft
	SecretDaysLeft
	LastRefresh
	LastPoll
	Polls
	Throttled
	accountPointCount
)

var accountPoints = []Point{
	AccountState: {Name: "state", Kind: Enum, Values: slices.Concat(sessionWords[SignedIn:], sessionWords[:SignedIn]),
		Description: "state of the sign-in", Tags: []string{"point"}, Brick: "Status", HA: "sensor", BACnet: "multi-state-value"},
	AccountReason: {Name: "reason", Kind: Text, Description: "why the sign-in is not ok, and the command to run; or why changes are not swept for",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	AccessExpires: {Name: "access_expires", Kind: Time, Description: "end of the access token in use",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	RefreshDaysLeft: {Name: "refresh_days_left", Kind: Int, Unit: "d", Description: "whole days until the refresh token would lapse unused",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	SecretDaysLeft: {Name: "secret_days_left", Kind: Int, Unit: "d", Description: "whole days until the client secret expires; 65535 when its date is not configured",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	LastRefresh: {Name: "last_refresh", Kind: Time, Description: "last refresh of the tokens",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	LastPoll: {Name: "last_poll", Kind: Time, Description: "end of the last poll of the calendars",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	Polls: {Name: "polls", Kind: Int, Description: "polls since the start of the gateway",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	Throttled: {Name: "throttled", Kind: Int, Description: "requests that Microsoft put off, since the start of the gateway",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
}

// Indexes of the gateway's points in its catalogue. The gateway's status point
// is not among them: it tells whether the connection that carries the points is
// up, so the connection itself publishes it.
const (
	Heartbeat = iota
	GatewayState
	GatewayVersion
	Started
	RoomsTotal
	RoomsGood
	gatewayPointCount
)

var gatewayPoints = []Point{
	Heartbeat: {Name: "heartbeat", Kind: Int, Unit: "s", Description: "epoch seconds, every 60 s: for the watchdog of the building management system",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value", Transient: true},
	GatewayState: {Name: "state", Kind: JSON, Description: "the gateway, its accounts and rooms in one message"},
	GatewayVersion: {Name: "version", Kind: Text, Description: "version of the program",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
	Started: {Name: "started", Kind: Time, Description: "start of the program",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
	RoomsTotal: {Name: "rooms_total", Kind: Int, Description: "rooms configured",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
	RoomsGood: {Name: "rooms_good", Kind: Int, Description: "rooms whose quality is good",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
}
