package graphsim

import (
	"fmt"
	"slices"
	"time"
)

// Person is a name with a mail address.
type Person struct{ Name, Address string }

// Attendee is a person or a room that was invited.
type Attendee struct {
	Person
	Type     string // required, optional, resource
	Response string // none, accepted, tentativelyAccepted, declined, notResponded
}

// Event is one booking: a single one, or a series when Recurrence is set.
// The last group of fields is set by the simulator and ignored on input.
type Event struct {
	ID              string // generated when empty
	ICalUID         string // generated when empty
	Subject         string
	Body            string
	Start, End      time.Time // of a series: of its first occurrence. All-day: midnights in Zone
	Zone            string    // IANA zone the booking was made in, in which a series recurs; "": UTC
	AllDay          bool
	Cancelled       bool
	ShowAs          string // "": busy
	Sensitivity     string // "": normal
	Organizer       Person // zero: the mailbox itself
	Attendees       []Attendee
	Response        string // the mailbox's own response; "": organizer or none
	Location        string
	LocationAddress string // mail address of the room, when picked from the directory
	JoinURL         string // of an online meeting
	Categories      []string
	Recurrence      *Recurrence

	Type              string // singleInstance, seriesMaster, occurrence, exception
	SeriesMasterID    string
	OriginalStart     time.Time // of an occurrence: its time by the pattern
	ChangeKey         string
	Created, Modified time.Time

	loc *time.Location // of Zone, cached because loading one reads a file
}

// AddEvent stores an event in one calendar and returns its id.
func (s *Sim) AddEvent(address string, e Event) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.needMailbox(address)
	if err != nil {
		return "", fmt.Errorf("add event: %w", err)
	}
	if err := e.check(); err != nil {
		return "", fmt.Errorf("add event: %w", err)
	}
	return s.store(m, e), nil
}

func (e *Event) check() error {
	var err error
	if e.loc, err = location(e.Zone); err != nil {
		return fmt.Errorf("zone %q is not an IANA time zone: %w", e.Zone, err)
	}
	if e.End.Before(e.Start) {
		return fmt.Errorf("the end %s is before the start %s", e.End, e.Start)
	}
	if e.Recurrence != nil {
		return e.Recurrence.check()
	}
	return nil
}

// baseType is the type of an event that is not an occurrence.
func (e *Event) baseType() string {
	if e.Recurrence != nil {
		return "seriesMaster"
	}
	return "singleInstance"
}

// replace stores a changed event under the same id.
func (it *item) replace(e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	e.ID, e.ICalUID, e.Type = it.ID, it.ICalUID, e.baseType()
	it.Event = e
	return nil
}

// store stores an event with defaults for missing fields and returns its id.
func (s *Sim) store(m *mailbox, e Event) string {
	now := s.now().UTC()
	if e.ID == "" {
		e.ID = s.eventID()
	}
	if e.ICalUID == "" {
		e.ICalUID = s.globalID()
	}
	if e.Organizer == (Person{}) {
		e.Organizer = Person{m.name, m.address}
	}
	e.Type = e.baseType()
	e.Created, e.Modified, e.ChangeKey = now, now, s.changeKey()
	if m.items[e.ID] == nil {
		m.order = append(m.order, e.ID)
	}
	m.items[e.ID] = &item{Event: e, exceptions: map[string]exception{}}
	return e.ID
}

// UpdateEvent changes an event, a whole series (id of the master) or one occurrence (id of the occurrence).
// A change to the owner's copy of a [Sim.Book] booking is applied to the rooms' copies; other changes affect one mailbox only.
// The function must not call the Sim.
func (s *Sim) UpdateEvent(address, id string, change func(*Event)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edit(address, id, "update", func(_ *mailbox, it *item, day string) error {
		if day == "" {
			e := it.Event
			change(&e)
			return it.replace(e)
		}
		e := *it.occurrence(day)
		id := e.ID
		change(&e)
		if err := e.check(); err != nil {
			return err
		}
		e.ID, e.ICalUID, e.Type = id, it.ICalUID, "exception"
		it.exceptions[day] = exception{&e}
		return nil
	})
}

// MoveOccurrence moves the occurrence of a series whose pattern starts on the day of original, in the series' zone.
func (s *Sim) MoveOccurrence(address, master string, original, start, end time.Time) error {
	id, err := s.OccurrenceID(address, master, original)
	if err != nil {
		return fmt.Errorf("move occurrence: %w", err)
	}
	return s.UpdateEvent(address, id, func(e *Event) { e.Start, e.End = start, end })
}

// OccurrenceID returns the id of the occurrence of a series whose pattern starts on the day of original, in the
// series' zone, for [Sim.UpdateEvent], [Sim.DeleteEvent] and [Sim.CancelEvent].
func (s *Sim) OccurrenceID(address, master string, original time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.needMailbox(address)
	if err != nil {
		return "", err
	}
	it, _ := m.find(master)
	if it == nil || it.Recurrence == nil {
		return "", fmt.Errorf("there is no series %q in %q", master, address)
	}
	return occurrenceID(it.ID, original.In(it.location()).Format(dayLayout)), nil
}

// DeleteEvent removes an event, series or occurrence. Removing the owner's copy of a booking cancels it in the rooms.
func (s *Sim) DeleteEvent(address, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(address, id)
}

func (s *Sim) remove(address, id string) error {
	return s.edit(address, id, "delete", func(m *mailbox, it *item, day string) error {
		if day != "" {
			it.exceptions[day] = exception{}
			return nil
		}
		m.removeItem(it.ID)
		return nil
	})
}

// CancelEvent cancels as the organizer does: the owner's copy is deleted, a room's copy stays with isCancelled. On
// another copy, or an event without copies, it only sets isCancelled. An occurrence is deleted.
func (s *Sim) CancelEvent(address, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cancel(address, id)
}

func (s *Sim) cancel(address, id string) error {
	if m := s.mailbox(address); m != nil && s.owns(m, id) {
		return s.remove(address, id)
	}
	return s.edit(address, id, "cancel", func(_ *mailbox, it *item, day string) error {
		if day != "" {
			it.exceptions[day] = exception{}
			return nil
		}
		it.Cancelled = true
		return nil
	})
}

// edit applies a change, marks the item as modified and updates the copies of the booking.
// The master's changeKey changes with each of its occurrences.
func (s *Sim) edit(address, id, verb string, change func(*mailbox, *item, string) error) error {
	m, err := s.needMailbox(address)
	if err != nil {
		return fmt.Errorf("%s event: %w", verb, err)
	}
	it, day := m.find(id)
	if it == nil || day != "" && it.occurrence(day) == nil {
		return fmt.Errorf("%s event: no event %q in %q", verb, id, address)
	}
	owner := s.owns(m, it.ID)
	if err := change(m, it, day); err != nil {
		return fmt.Errorf("%s event: %w", verb, err)
	}
	s.markModified(it, day)
	if owner {
		s.updateRoomCopies(it, m.items[it.ID] == nil)
	}
	return nil
}

func (s *Sim) markModified(it *item, day string) {
	it.ChangeKey, it.Modified = s.changeKey(), s.now().UTC()
	if x := it.exceptions[day]; x.event != nil {
		x.event.ChangeKey, x.event.Modified = s.changeKey(), it.Modified
	}
}

func (m *mailbox) removeItem(id string) {
	delete(m.items, id)
	m.order = slices.DeleteFunc(m.order, func(x string) bool { return x == id })
}

// Events returns the single events and series masters of a calendar in order of creation, as /events does.
func (s *Sim) Events(address string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Event
	if m := s.mailbox(address); m != nil {
		for _, id := range m.order {
			list = append(list, m.items[id].Event)
		}
	}
	return list
}

// View returns the single events, occurrences and exceptions that overlap a window, by start, as
// /calendarView does: an event that ends exactly at from is included.
func (s *Sim) View(address string, from, to time.Time) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mailbox(address)
	if m == nil {
		return nil
	}
	var list []Event
	for _, e := range m.view(from, to) {
		list = append(list, *e)
	}
	slices.SortStableFunc(list, func(a, b Event) int { return a.Start.Compare(b.Start) })
	return list
}
