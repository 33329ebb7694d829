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
	// Err is why the time of the event could not be read. Start and End are then the
	// earliest start and the latest end that it may have; zero: not known.
	Err error
}

// Place is where an event takes place. A name may hold several, separated by
// semicolons.
type Place struct{ Name, Address string }

// Attendee is a person or a resource that was invited to an event. A service may list
// one attendee several times. An Address without @ is not an e-mail address.
type Attendee struct {
	Name, Address string
	Resource      bool // invited as a room or as equipment
	Declined      bool
	Answered      time.Time // when it accepted or declined; zero: not known, or not yet
}

// dates returns the first date of an all-day event and the date after its last, as
// midnights in UTC. A time that is midnight in its own zone means its date. Any other
// time is a midnight that the service converted to another zone: it means the date of
// the nearest midnight of the site. Some calendars end such an event in the last minute
// of its last day, and some when it starts: it lasts that day then.
func (e *Event) dates(site *time.Location) (first, last time.Time) {
	end := e.End
	if end.Hour() == 23 && end.Minute() == 59 {
		end = end.Add(time.Minute)
	}
	first, last = dateOf(e.Start, site), dateOf(end, site)
	if !last.After(first) {
		last = first.AddDate(0, 0, 1)
	}
	return first, last
}

func dateOf(t time.Time, site *time.Location) time.Time {
	if t.Hour() != 0 || t.Minute() != 0 {
		t = t.In(site).Add(12 * time.Hour)
	}
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
