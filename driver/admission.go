package driver

import (
	"slices"
	"strings"
	"time"
)

// Admit makes the room's bookings out of the events of the calendar it is found
// in: those that are the room's, occupy it and overlap [from, to), sorted, each
// once, in UTC, with no more of an event than the room's privacy allows.
//
// rooms are the rooms that may be found in the same calendar, this one and
// rooms of other calendars among them or not. refused holds the reasons why
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

// booking is an event of the room as a booking. The room's rules read the
// subject before privacy removes it.
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

// ownsCalendar reports whether every event of the calendar is this room's. Where
// rooms share a calendar, its owner's answer is none of the room's.
func (r *Room) ownsCalendar() bool { return r.Mailbox != "" || len(r.Match) == 0 }

// Matches reports whether an event of the calendar that the room is found in is
// this room's and was not declined by it. rooms are as for [Room.Admit].
func (r Room) Matches(e Event, rooms []Room) bool { return r.isFor(&e, rooms) }

// isFor is Matches without copies: it is asked for every event and room.
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

// isMeant reports whether an address, or else one of the names that stand in a
// name, is the room's. Most events are no room's of these names, so that the
// other rooms are looked at last.
func (r *Room) isMeant(e *Event, address, name string, rooms []Room) bool {
	if r.goesBy(address) {
		return true
	}
	for part := range strings.SplitSeq(name, ";") { // calendars join the names of several rooms
		if r.goesBy(part) && !r.anotherIsMeant(e, address, part, rooms) {
			return true
		}
	}
	return false
}

// anotherIsMeant reports whether an address settles that a name stands for another
// room of the calendar: the address beside the name, or one elsewhere in the
// event of a room with the same name.
func (r *Room) anotherIsMeant(e *Event, address, name string, rooms []Room) bool {
	for i := range rooms {
		o := &rooms[i]
		if o.ID == r.ID || o.Mailbox != "" || o.Calendar != r.Calendar {
			continue
		}
		if o.goesBy(address) || o.goesBy(name) && o.isAddressed(e) {
			return true
		}
	}
	return false
}

// isAddressed reports whether the event holds an address of the room.
func (r *Room) isAddressed(e *Event) bool {
	return slices.ContainsFunc(e.Attendees, func(a Attendee) bool { return r.goesBy(a.Address) }) ||
		slices.ContainsFunc(e.Places, func(p Place) bool { return r.goesBy(p.Address) })
}

// goesBy reports whether a name or an address is among the room's Match.
func (r *Room) goesBy(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && slices.ContainsFunc(r.Match, func(m string) bool { return strings.EqualFold(strings.TrimSpace(m), text) })
}
