package graph

import (
	"fmt"
	"net/url"
	"strings"
)

// startNamed starts reading a source that names one of the account's calendars.
// The list of calendars is read once, and again when a calendar is not in it or
// was not found.
func (f *fetching) startNamed(s source) {
	r := f.sourceRead(s)
	id, err := f.calendarID(s.calendar)
	if err != nil {
		r.fail(err)
		return
	}
	r.path += "/calendars/" + url.PathEscape(id)
	r.start()
}

// calendarID finds the id of one of the account's calendars.
func (f *fetching) calendarID(name string) (string, error) {
	if id, err := f.client.findCalendar(f.calendars, name); err == nil {
		return id, nil
	}
	if !f.listed {
		list, err := f.client.calendars(f.ctx, f.queue.cost)
		if err != nil {
			return "", err
		}
		f.listed, f.calendars = true, list
	}
	return f.client.findCalendar(f.calendars, name)
}

// findCalendar returns the id of the calendar with the id or with the name, which
// must be the only one of that name. The error does not list other calendars: it
// reaches topics and logs.
func (c *Client) findCalendar(list []CalendarEntry, name string) (string, error) {
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
			"share the room's calendar with the account and accept it there, or correct the room's calendar setting; to list them, run: " + c.o.Discover}
	}
	return "", &roomError{fmt.Sprintf("%d calendars of the signed-in account are called %q", len(ids), name),
		"give the id of the right one as the room's calendar setting; to see it, run: " + c.o.Discover}
}

// roomError is a room that cannot be read with its configuration.
type roomError struct{ words, action string }

// Error returns what is wrong.
func (e *roomError) Error() string { return e.words }

// Action returns what to correct.
func (e *roomError) Action() string { return e.action }

// NeedsPerson returns true: the configuration has to be corrected.
func (e *roomError) NeedsPerson() bool { return true }
