package driver

import (
	"slices"
	"strings"
	"time"
)

// Admit returns the room's bookings from the events of its calendar: the events
// that are for the room, occupy it and overlap [from, to), sorted, without
// duplicates, in UTC, with no more of an event than the room's privacy allows.
//
// rooms contains at least the other rooms of the same calendar; it may contain
// this room and rooms of other calendars. refused holds the reasons why
// events of the room could not be read; these are left out.
func (r Room) Admit(events []Event, rooms []Room, from, to time.Time) (bookings []Booking, refused []string) {
	for i := range events {
		e := &events[i]
		switch {
		case e.Cancelled || e.ShowAs == Free || e.Declined && r.ownsCalendar() || !r.isFor(e, rooms):
		case e.Err != nil:
			refused = append(refused, e.Err.Error())
		default:
			bookings = append(bookings, r.booking(e))
		}
	}
	return Overlapping(bookings, from, to), refused
}

// booking converts an event of the room. The room's rules read the subject before
// privacy removes it.
func (r Room) booking(e *Event) Booking {
	start, end := e.Start.UTC(), e.End.UTC()
	if e.AllDay {
		first, last := e.dates(r.Zone)
		start, end = AllDay(first, last, r.Zone)
	}
	b := Booking{ID: e.ID, Start: start, End: end, ShowAs: e.ShowAs, Private: e.Private,
		Subject: e.Subject, Organizer: e.Organizer, NoComfort: !r.Comfort(e.Subject)}
	for _, a := range e.Attendees {
		if !a.Resource {
			b.Attendees++
		}
	}
	return r.Privacy.Redact(b)
}

// ownsCalendar reports whether every event of the calendar is this room's. In a
// shared calendar the response of its owner does not apply to the room.
func (r *Room) ownsCalendar() bool { return r.Mailbox != "" || len(r.Match) == 0 }

// Matches reports whether an event of the calendar that the room is found in is
// this room's and was not declined by it. rooms are as for [Room.Admit].
func (r Room) Matches(e Event, rooms []Room) bool { return r.isFor(&e, rooms) }

// isFor is Matches without copies: it is called for every event and room.
func (r *Room) isFor(e *Event, rooms []Room) bool {
	if r.ownsCalendar() {
		return true
	}
	for _, a := range e.Attendees {
		if a.Resource && r.isMeant(e, a.Address, a.Name, rooms) {
			return !a.Declined
		}
	}
	return slices.ContainsFunc(e.Places, func(p Place) bool { return r.isMeant(e, p.Address, p.Name, rooms) })
}

// isMeant reports whether an address, or else one of the names in a list separated
// by semicolons, is the room's. Most names match no room, so the other rooms are
// compared last.
func (r *Room) isMeant(e *Event, address, name string, rooms []Room) bool {
	if r.inMatch(address) {
		return true
	}
	for part := range strings.SplitSeq(name, ";") { // calendars join the names of several rooms
		if r.inMatch(part) && !r.anotherIsMeant(e, address, part, rooms) {
			return true
		}
	}
	return false
}

// anotherIsMeant reports whether an address identifies a name as another room of
// the calendar: the address beside the name, or elsewhere in the event the address
// of a room with the same name.
func (r *Room) anotherIsMeant(e *Event, address, name string, rooms []Room) bool {
	for i := range rooms {
		o := &rooms[i]
		if o.ID == r.ID || o.Mailbox != "" || o.Calendar != r.Calendar {
			continue
		}
		if o.inMatch(address) || o.inMatch(name) && o.isAddressed(e) {
			return true
		}
	}
	return false
}

// isAddressed reports whether the event holds an address of the room.
func (r *Room) isAddressed(e *Event) bool {
	return slices.ContainsFunc(e.Attendees, func(a Attendee) bool { return r.inMatch(a.Address) }) ||
		slices.ContainsFunc(e.Places, func(p Place) bool { return r.inMatch(p.Address) })
}

// inMatch reports whether a name or an address is in the room's Match.
func (r *Room) inMatch(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && slices.ContainsFunc(r.Match, func(m string) bool { return strings.EqualFold(strings.TrimSpace(m), text) })
}
