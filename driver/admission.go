package driver

import (
	"slices"
	"strings"
	"time"
)

// Refusal is an event of a room whose time could not be read.
type Refusal struct {
	ID       string    // of the event; may be empty
	From, To time.Time // within which it lies; zero: not known
	Reason   string
}

// Admit returns the room's bookings from the events of its calendar: the events
// that are for the room, occupy it and overlap [from, to), sorted, without
// duplicates, in UTC, with no more of an event than the room's privacy allows. Of
// several events with one id the last counts: the event was changed while the calendar
// was read.
//
// rooms contains at least the other rooms of the same calendar; it may contain
// this room and rooms of other calendars. refused holds the events of the room that
// could not be read and may overlap [from, to).
func (r Room) Admit(events []Event, rooms []Room, from, to time.Time) (bookings []Booking, refused []Refusal) {
	last := lastOfEachID(events)
	var taken []*Event
	for i := range events {
		e := &events[i]
		switch {
		case e.ID != "" && last[e.ID] != i:
		case e.Cancelled || e.ShowAs == Free || e.Declined && r.ownsCalendar() || !r.isFor(e, rooms):
		case e.Err == nil:
			taken = append(taken, e)
		case e.Start.IsZero() || e.End.IsZero():
			refused = append(refused, Refusal{ID: e.ID, Reason: e.Err.Error()})
		case e.Start.Before(to) && e.End.After(from):
			refused = append(refused, Refusal{e.ID, e.Start.UTC(), e.End.UTC(), e.Err.Error()})
		}
	}
	known := r.roomsInvited(taken, rooms)
	for _, e := range taken {
		bookings = append(bookings, r.booking(e, known))
	}
	return Overlapping(bookings, from, to), refused
}

// lastOfEachID returns the index of the last event of each id.
func lastOfEachID(events []Event) map[string]int {
	last := make(map[string]int, len(events))
	for i := range events {
		last[events[i].ID] = i
	}
	return last
}

// booking converts an event of the room. The room's rules read the subject before
// privacy removes it.
func (r Room) booking(e *Event, known invited) Booking {
	start, end := e.Start.UTC(), e.End.UTC()
	if e.AllDay {
		first, last := e.dates(r.Zone)
		start, end = AllDay(first, last, r.Zone)
	}
	b := Booking{ID: e.ID, Start: start, End: end, ShowAs: e.ShowAs, Private: e.Private,
		Subject: Shorten(Line(e.Subject), longestName), Organizer: Shorten(Line(e.Organizer), longestName), NoComfort: !r.Comfort(e.Subject)}
	for i := range e.Attendees {
		if a := &e.Attendees[i]; !a.Resource && !known[a.key()] {
			b.Attendees++
		}
	}
	return r.Privacy.Redact(b)
}

// invited says of attendees that were invited like people, by their key, whether they
// are rooms.
type invited map[string]bool

// roomsInvited finds the rooms among the attendees of the events that are not invited
// as resources: a room that was added to a meeting by its address alone.
func (r *Room) roomsInvited(events []*Event, rooms []Room) invited {
	found, byName := invited{}, false
	for _, e := range events {
		for i := range e.Attendees {
			if a := &e.Attendees[i]; !a.Resource && a.key() != "" {
				found[a.key()] = false
				byName = byName || !a.hasEmail()
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	found.mark(r, byName)
	for i := range rooms {
		found.mark(&rooms[i], byName)
	}
	return found
}

// mark marks the attendees that are the room: by its addresses, and also by its names.
func (f invited) mark(r *Room, byName bool) {
	is := func(text string) {
		if !byName && !strings.Contains(text, "@") {
			return
		}
		if key := foldText(text); key != "" {
			if _, here := f[key]; here {
				f[key] = true
			}
		}
	}
	is(r.Mailbox)
	is(r.Name)
	for _, text := range r.Match {
		is(text)
	}
}

// key identifies an attendee: by its e-mail address, or else by its name, because a
// person may have the name of a room.
func (a *Attendee) key() string {
	if a.hasEmail() {
		return foldText(a.Address)
	}
	return foldText(a.Name)
}

func (a *Attendee) hasEmail() bool { return strings.Contains(a.Address, "@") }

func foldText(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

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
	if a := r.latestAnswer(e, rooms); a != nil {
		return !a.Declined
	}
	return slices.ContainsFunc(e.Places, func(p Place) bool { return r.isMeant(e, p.Address, p.Name, rooms) })
}

// latestAnswer returns the attendee that is the room; nil: it was not invited. Where it
// is listed several times the latest answer counts, and of several at one time the one
// that does not decline.
func (r *Room) latestAnswer(e *Event, rooms []Room) *Attendee {
	var latest *Attendee
	for i := range e.Attendees {
		a := &e.Attendees[i]
		if !r.isInvited(e, a, rooms) {
			continue
		}
		if latest == nil || a.Answered.After(latest.Answered) || a.Answered.Equal(latest.Answered) && latest.Declined {
			latest = a
		}
	}
	return latest
}

// isInvited reports whether an attendee is the room. A resource is identified by its
// address or its name, what was invited like a person by its name only where it has no
// e-mail address: a person may have the name of a room.
func (r *Room) isInvited(e *Event, a *Attendee, rooms []Room) bool {
	if a.Resource || !a.hasEmail() {
		return r.isMeant(e, a.Address, a.Name, rooms)
	}
	return r.inMatch(a.Address)
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
// the calendar: the address beside the name, here or elsewhere in the event, or anywhere
// in the event the address of a room with the same name.
func (r *Room) anotherIsMeant(e *Event, address, name string, rooms []Room) bool {
	beside := append(e.addressesBeside(name), address)
	for i := range rooms {
		o := &rooms[i]
		if o.ID == r.ID || o.Mailbox != "" || o.Calendar != r.Calendar {
			continue
		}
		if slices.ContainsFunc(beside, o.inMatch) || o.inMatch(name) && o.isAddressed(e) {
			return true
		}
	}
	return false
}

// addressesBeside returns the addresses of the places and attendees of a name.
func (e *Event) addressesBeside(name string) []string {
	name = strings.TrimSpace(name)
	var addresses []string
	for i := range e.Places {
		if p := &e.Places[i]; p.Address != "" && strings.EqualFold(strings.TrimSpace(p.Name), name) {
			addresses = append(addresses, p.Address)
		}
	}
	for i := range e.Attendees {
		if a := &e.Attendees[i]; a.Address != "" && strings.EqualFold(strings.TrimSpace(a.Name), name) {
			addresses = append(addresses, a.Address)
		}
	}
	return addresses
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
