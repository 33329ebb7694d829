package driver

import "time"

// Event is one entry of a calendar as a provider read it, whole: before it is
// decided whose room it is, whether it counts, and what of it may be known.
type Event struct {
	ID         string // the provider's, opaque; tells events apart, nothing more
	Start, End time.Time
	AllDay     bool // Start and End are dates, as they are written in their own zones; End is the day after the last
	ShowAs     ShowAs
	Private    bool // marked private, personal or confidential
	Cancelled  bool
	Declined   bool   // the owner of the calendar declined it
	Subject    string // empty where it was not asked for
	Organizer  string // name; empty where it was not asked for
	Places     []Place
	Attendees  []Attendee
}

// Place is where an event takes place.
type Place struct{ Name, Address string }

// Attendee is somebody, or a room, that was invited to an event.
type Attendee struct {
	Name, Address string
	Resource      bool // invited as a room or equipment
	Declined      bool
	AnsweredAt    time.Time // zero: not known
}
