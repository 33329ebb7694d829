package driver

import (
	"slices"
	"strings"
	"time"
)

// ShowAs is the free/busy status of a booking.
type ShowAs uint8

const (
	Unknown ShowAs = iota
	Free
	Tentative
	Busy
	OutOfOffice
	WorkingElsewhere
)

var showAsWords = enum[ShowAs]{"unknown", "free", "tentative", "busy", "oof", "workingElsewhere"}

// String returns the word used in configuration.
func (s ShowAs) String() string { return showAsWords.word(s) }

// ParseShowAs reads a status. With an error it returns Unknown.
func ParseShowAs(word string) (ShowAs, error) { return showAsWords.parse(word) }

// Counting is a set of ShowAs values: the bookings that make a room booked.
type Counting uint8

// CountingOf returns the set of the given values.
func CountingOf(values ...ShowAs) Counting {
	var c Counting
	for _, v := range values {
		c |= 1 << v
	}
	return c
}

// Has reports whether bookings shown as s count.
func (c Counting) Has(s ShowAs) bool { return c&(1<<s) != 0 }

// Booking is a period for which a room is booked. [Room.Admit] creates it from an
// Event; cancelled, declined and free events never become a Booking.
type Booking struct {
	ID        string    `json:"id"`                  // the provider's, opaque, unique among the bookings of a calendar
	Start     time.Time `json:"start"`               // UTC
	End       time.Time `json:"end"`                 // UTC, exclusive
	ShowAs    ShowAs    `json:"show_as"`             //
	Private   bool      `json:"private,omitempty"`   // marked private, personal or confidential
	Subject   string    `json:"subject,omitempty"`   // empty where the room's Privacy does not allow it
	Organizer string    `json:"organizer,omitempty"` // likewise
	Attendees int       `json:"attendees,omitempty"` // invited people, rooms not counted

	NoComfort bool `json:"no_comfort,omitempty"` // a rule of the room says that it needs no comfort
}

// Compare orders bookings by start, end and then their other fields, so that the
// order of the same bookings is always the same.
func (b Booking) Compare(o Booking) int {
	if c := b.Start.Compare(o.Start); c != 0 {
		return c
	}
	if c := b.End.Compare(o.End); c != 0 {
		return c
	}
	if c := strings.Compare(b.ID, o.ID); c != 0 {
		return c
	}
	if c := int(b.ShowAs) - int(o.ShowAs); c != 0 {
		return c
	}
	if c := strings.Compare(b.Subject+"\x00"+b.Organizer, o.Subject+"\x00"+o.Organizer); c != 0 {
		return c
	}
	if c := compareBools(b.Private, o.Private); c != 0 {
		return c
	}
	if c := compareBools(b.NoComfort, o.NoComfort); c != 0 {
		return c
	}
	return b.Attendees - o.Attendees
}

// compareBools orders false before true.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Snapshot is what is known of one room's calendar.
type Snapshot struct {
	Bookings []Booking // of the window, in any order
	Unread   Unread    // the events that could not be read
	Complete []Booking // those without an id of the last reading in which all events could be read
	From, To time.Time // the window that was read, UTC; To exclusive
	ReadAt   time.Time // the last good read, UTC; zero: never
	Failure  error     // why reading fails, as [Trouble] shows it; nil: the last attempt succeeded
	Refusals int       // attempts since the last good read whose failure required user action
}

// Unread sums up the events of a room that could not be read. It is comparable.
type Unread struct {
	Events int       `json:"events"` // how many; 0: all were read
	Until  time.Time `json:"until"`  // when all of them are over, UTC
	Reason string    `json:"reason"` // why the first could not be read
}

// sumUp returns the sum of the events that could not be read in a window that ends at
// to.
func sumUp(refused []Refusal, to time.Time) Unread {
	u := Unread{Events: len(refused)}
	for i, f := range refused {
		if i == 0 {
			u.Reason = f.Reason
		}
		if f.To.IsZero() {
			f.To = to
		}
		u.Until = later(u.Until, f.To).UTC()
	}
	return u
}

func (u Unread) equal(o Unread) bool {
	return u.Events == o.Events && u.Until.Equal(o.Until) && u.Reason == o.Reason
}

// keep adds the bookings that were known before of the events that can no longer be
// read. An event without an id may be any booking without one at its time. Those are
// taken from the last complete reading alone: nothing tells that a booking without an id
// was moved, so from one incomplete reading to the next they would pile up.
func (s *Snapshot) keep(before Snapshot, refused []Refusal) {
	if len(refused) == 0 {
		s.Complete = withoutID(s.Bookings)
		return
	}
	s.Complete = before.Complete
	all := slices.Clone(s.Bookings)
	add := func(b Booking) {
		if slices.ContainsFunc(refused, func(f Refusal) bool { return f.mayBe(b) }) {
			all = append(all, b)
		}
	}
	for _, b := range before.Bookings {
		if b.ID != "" {
			add(b)
		}
	}
	for _, b := range before.Complete {
		add(b)
	}
	s.Bookings = Overlapping(all, s.From, s.To)
}

// withoutID returns the bookings that have no id.
func withoutID(all []Booking) []Booking {
	var out []Booking
	for _, b := range all {
		if b.ID == "" {
			out = append(out, b)
		}
	}
	return out
}

func (f Refusal) mayBe(b Booking) bool {
	return f.ID == b.ID && (f.ID != "" || f.From.IsZero() || b.overlaps(f.From, f.To))
}

// Window is the period that is read at now: from midnight in the site's zone,
// because the figures of the day need all of it, less back, because comfort may
// last that long after a booking of the day before; to midnight four days later, to
// bridge a weekend without internet. It moves once a day.
func Window(now time.Time, zone *time.Location, back time.Duration) (from, to time.Time) {
	return midnight(now, zone, 0).Add(-back).UTC(), midnight(now, zone, horizonDays).UTC()
}

const horizonDays = 4

// midnight is the start of the day that is the given number of days after that of
// now in the zone. Days may have 23 or 25 hours.
func midnight(now time.Time, zone *time.Location, days int) time.Time {
	y, m, d := now.In(zone).Date()
	return startOfDay(y, m, d+days, zone)
}

// startOfDay is the first instant of a date in the zone. Where a clock change skips
// midnight the day starts at 01:00: time.Date would return an instant of the day
// before.
func startOfDay(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if want := time.Date(y, m, d, 12, 0, 0, 0, zone).Day(); t.Day() != want {
		return time.Date(y, m, d, 1, 0, 0, 0, zone)
	}
	return t
}

// AllDay returns the instants, in UTC, at which an all-day booking from the first
// date to the last (exclusive) starts and ends in the zone. Only the dates of the
// arguments are used, each in the argument's own zone.
func AllDay(first, last time.Time, zone *time.Location) (start, end time.Time) {
	y, m, d := first.Date()
	start = startOfDay(y, m, d, zone).UTC()
	y, m, d = last.Date()
	return start, startOfDay(y, m, d, zone).UTC()
}

// Overlapping returns the bookings that overlap [from, to), sorted and without
// duplicates. A booking that ends at from does not overlap, nor does one without
// length. If nothing changes, the given slice is returned.
func Overlapping(bookings []Booking, from, to time.Time) []Booking {
	good := true
	for i, b := range bookings {
		good = good && b.overlaps(from, to) && (i == 0 || bookings[i-1].Compare(b) < 0)
	}
	if good {
		return bookings
	}
	var out []Booking
	for _, b := range bookings {
		if b.overlaps(from, to) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, Booking.Compare)
	return slices.CompactFunc(out, func(a, b Booking) bool { return a.Compare(b) == 0 })
}

func (b Booking) overlaps(from, to time.Time) bool {
	return b.Start.Before(b.End) && b.Start.Before(to) && b.End.After(from)
}
