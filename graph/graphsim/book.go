package graphsim

import (
	"fmt"
	"maps"
	"slices"
)

// Book makes a booking as Outlook and calendar processing do: one copy in the owner's calendar, with the rooms as
// location and resource attendees, and one in each room's calendar, processed with the room's options. The owner is
// the organizer unless e.Organizer names somebody else (a booking that was copied to the owner).
// It returns the id in the owner's calendar.
func (s *Sim) Book(owner string, rooms []string, e Event) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book(owner, rooms, e)
}

func (s *Sim) book(owner string, rooms []string, e Event) (string, error) {
	m, err := s.needMailbox(owner)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return "", fmt.Errorf("book: %w", err)
	}
	boxes, err := s.roomBoxes(rooms)
	if err != nil {
		return "", fmt.Errorf("book: %w", err)
	}
	e.Attendees = slices.Clone(e.Attendees)
	for i, b := range boxes {
		if i == 0 && e.Location == "" {
			e.Location, e.LocationAddress = b.name, b.address
		}
		e.Attendees = append(e.Attendees, Attendee{Person{b.name, b.address}, "resource", b.room.response()})
	}
	id := s.store(m, e)
	it := m.items[id]
	link := &meeting{owner: fold(m.address), ids: map[string]string{fold(m.address): id}}
	s.directory.meetings[it.ICalUID] = link
	for _, b := range boxes {
		copied := roomCopy(it.Event, b.room)
		copied.ID = ""
		link.ids[fold(b.address)] = s.store(b, copied)
	}
	return id, nil
}

func (s *Sim) roomBoxes(addresses []string) ([]*mailbox, error) {
	var list []*mailbox
	for _, a := range addresses {
		b := s.mailbox(a)
		if b == nil || b.room == nil {
			return nil, fmt.Errorf("there is no room %q in the simulator", a)
		}
		list = append(list, b)
	}
	return list, nil
}

func (r *Room) response() string {
	if r.NeedsApproval {
		return "tentativelyAccepted"
	}
	return "accepted"
}

// roomCopy is the event after calendar processing (learn.microsoft.com, Set-CalendarProcessing).
func roomCopy(e Event, r *Room) Event {
	if !r.KeepSubject {
		e.Subject = ""
	}
	if !r.NoOrganizerSubject {
		e.Subject = joined(e.Organizer.Name, e.Subject)
	}
	if !r.KeepComments {
		e.Body = ""
	}
	if !r.KeepPrivate && e.Sensitivity == "private" {
		e.Sensitivity = "normal"
	}
	if r.NeedsApproval && !e.Cancelled {
		e.ShowAs = "tentative"
	}
	e.Response = r.response()
	return e
}

func joined(organizer, subject string) string {
	if subject == "" {
		return organizer
	}
	return organizer + " " + subject
}

// owns reports whether the mailbox has the owner's copy of a booking with copies.
func (s *Sim) owns(m *mailbox, id string) bool {
	it, _ := m.find(id)
	if it == nil {
		return false
	}
	link := s.directory.meetings[it.ICalUID]
	return link != nil && link.owner == fold(m.address)
}

// updateRoomCopies applies a change or the deletion of the owner's copy to the rooms' copies.
func (s *Sim) updateRoomCopies(from *item, gone bool) {
	link := s.directory.meetings[from.ICalUID]
	for _, address := range slices.Sorted(maps.Keys(link.ids)) { // in sorted order, because each draws a random changeKey
		m, id := s.directory.mailboxes[address], link.ids[address]
		to := m.items[id]
		if to == nil || address == link.owner {
			continue
		}
		switch {
		case gone && m.room.RemoveCancelled:
			m.removeItem(id)
		case gone:
			to.Cancelled = true
			s.markModified(to, "")
		default:
			s.reprocessCopy(to, from, m.room)
		}
	}
	if gone {
		delete(s.directory.meetings, from.ICalUID)
	}
}

// reprocessCopy processes the owner's copy again for the room; the id and creation time of the room's copy stay.
func (s *Sim) reprocessCopy(to, from *item, r *Room) {
	old := to.Event
	to.Event = roomCopy(from.Event, r)
	to.ID, to.Created = old.ID, old.Created
	s.markModified(to, "")
	clear(to.exceptions)
	for day, x := range from.exceptions {
		if x.event != nil {
			e := roomCopy(*x.event, r)
			e.ID, e.SeriesMasterID = occurrenceID(to.ID, day), to.ID
			x.event = &e
		}
		to.exceptions[day] = x
	}
}

// CancelBooking cancels the booking with an id in a room's calendar, and the owner's copy. Of a series it cancels the
// one occurrence.
func (s *Sim) CancelBooking(room, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cancelBooking(room, id)
}

func (s *Sim) cancelBooking(room, id string) error {
	address, ownID := room, id
	if m := s.mailbox(room); m != nil {
		if it, day := m.find(id); it != nil {
			if link := s.directory.meetings[it.ICalUID]; link != nil {
				address, ownID = link.owner, link.ids[link.owner]
				if day != "" {
					ownID = occurrenceID(ownID, day)
				}
			}
		}
	}
	return s.cancel(address, ownID)
}
