package graph

import (
	"fmt"
	"net/url"
	"strings"

	"roomgate/driver"
)

// named reads the sources that are told by the name or id of one of the
// account's calendars. The list of them is asked for once, and again when a
// calendar is not in it or is gone.
func (f *fetching) named(sources []source) {
	for _, s := range sources {
		r := f.sourceRead(s)
		id, err := f.calendarID(s.calendar)
		if err != nil {
			r.finish(err)
			continue
		}
		r.path += "/calendars/" + url.PathEscape(id)
		r.read()
	}
}

// calendarID finds the id of one of the account's calendars.
func (f *fetching) calendarID(name string) (string, error) {
	if id, err := find(f.calendars, name); err == nil {
		return id, nil
	}
	if !f.listed {
		list, err := f.client.Calendars(f.ctx)
		if err != nil {
			return "", err
		}
		f.listed, f.calendars = true, list
	}
	return find(f.calendars, name)
}

// find returns the id of a calendar, which is told by its id or by a name that
// no other has. Whose calendars there are else is not told: the words reach
// topics and logs.
func find(list []CalendarEntry, name string) (string, error) {
	var ids []string
	for _, e := range list {
		if e.ID == name {
			return e.ID, nil
		}
		if strings.EqualFold(strings.TrimSpace(e.Name), strings.TrimSpace(name)) {
			ids = append(ids, e.ID)
		}
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return "", &roomError{fmt.Sprintf("none of the %d calendars of the signed-in account is called %q", len(list), name),
			"share the room's calendar with the account and accept it there, or correct the room's calendar setting; roomgate rooms discover lists them"}
	}
	return "", &roomError{fmt.Sprintf("%d calendars of the signed-in account are called %q", len(ids), name),
		"give the id of the right one as the room's calendar setting; roomgate rooms discover shows it"}
}

// roomError is a room that cannot be read as it is configured.
type roomError struct{ words, action string }

// Error says what is wrong.
func (e *roomError) Error() string { return e.words }

// Action says what to correct.
func (e *roomError) Action() string { return e.action }

// NeedsPerson reports true: it stays until somebody corrects it.
func (e *roomError) NeedsPerson() bool { return true }

// unaddressed delivers the rooms whose busy times nobody can be asked for.
func (f *fetching) unaddressed(rooms []driver.Room) {
	for _, r := range rooms {
		if r.Mailbox == "" {
			f.deliver(driver.Reading{Room: r.ID, Err: &roomError{"busy times are asked for by address, and the room has none", "give the room's mailbox"}})
		}
	}
}
