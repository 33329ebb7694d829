package driver

import "time"

// Event is one entry of a calendar as a provider read it, before admission
// decides which room it is for, whether it counts and what may be kept of it. A
// series is delivered as its occurrences, never as its master.
type Event struct {
	ID         string    // the provider's, opaque, unique in its calendar
	Start, End time.Time // in any zone; of an all-day event see AllDay
	AllDay     bool      // Start and End are dates, read by [Event.dates]; End is the day after the last
	ShowAs     ShowAs
	Private    bool // marked private, personal or confidential
	Cancelled  bool // by the organizer
	Declined   bool // by the owner of the calendar
	Subject    string
	Organizer  string // name
	Places     []Place
	Attendees  []Attendee
	Err        error // why Start and End could not be read; they are meaningless then
}

// Place is where an event takes place. A name may hold several, separated by
// semicolons.
type Place struct{ Name, Address string }

// Attendee is a person or a resource that was invited to an event.
type Attendee struct {
	Name, Address string
	Resource      bool // invited as a room or as equipment
	Declined      bool
}

// dates returns the first date of an all-day event and the date after its last, as
// midnights, each in its own zone. A time that is midnight in its own zone means its
// date. Any other time is a midnight that the service converted to another zone: it
// means the date of the nearest midnight of the site.
func (e *Event) dates(site *time.Location) (first, last time.Time) {
	return dateOf(e.Start, site), dateOf(e.End, site)
}

func dateOf(t time.Time, site *time.Location) time.Time {
	if t.Hour() == 0 && t.Minute() == 0 {
		return t
	}
	return t.In(site).Add(12 * time.Hour)
}
