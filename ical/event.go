package ical

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"roomgate/driver"
)

// event turns a component into an event.
func (r reader) event(c component) (Event, error) {
	e := Event{uid: c.text("UID"), zone: r.zone}
	if err := r.times(c, &e); err != nil {
		return e, err
	}
	e.First.ID = cmp.Or(e.uid, "line "+strconv.Itoa(c.line))
	if err := r.recurrenceID(c, &e); err != nil {
		return e, err
	}
	e.First.ShowAs = c.showAs()
	e.First.Cancelled = strings.EqualFold(c.text("STATUS"), "CANCELLED")
	class := c.text("CLASS")
	e.First.Private = strings.EqualFold(class, "PRIVATE") || strings.EqualFold(class, "CONFIDENTIAL")
	e.First.Subject = c.text("SUMMARY")
	if by := c.props["ORGANIZER"]; len(by) > 0 {
		e.First.Organizer = cmp.Or(by[0].params["CN"], mailAddress(by[0].value))
	}
	e.First.Places = c.places()
	for _, a := range c.props["ATTENDEE"] {
		e.First.Attendees = append(e.First.Attendees, driver.Attendee{
			Name: a.params["CN"], Address: mailAddress(a.value), Resource: a.isResource(),
			Declined: strings.EqualFold(a.params["PARTSTAT"], "DECLINED")})
	}
	return e, nil
}

// recurrenceID reads which instance of a series the event replaces, if any
// (RFC 5545 §3.8.4.4).
func (r reader) recurrenceID(c component, e *Event) error {
	given := c.props["RECURRENCE-ID"]
	if len(given) == 0 {
		return nil
	}
	p := given[0]
	if p.params["RANGE"] != "" {
		return r.errorf(p.line, "RECURRENCE-ID with RANGE is not supported: end the series there and add a new one")
	}
	at, date, err := r.time(p, p.value)
	if err != nil {
		return err
	}
	r.replace(e.uid, at.UTC(), date, p.line)
	e.First.ID = occurrenceID(e.First.ID, at.UTC())
	return nil
}

// busyStatus is the end of the name of a vendor's property that says how an
// event is shown, in the words of busyStatuses (MS-OXCICAL).
const busyStatus = "-CDO-BUSYSTATUS"

var busyStatuses = map[string]driver.ShowAs{"FREE": driver.Free, "TENTATIVE": driver.Tentative, "BUSY": driver.Busy,
	"OOF": driver.OutOfOffice, "WORKINGELSEWHERE": driver.WorkingElsewhere}

// showAs is what the vendor's property says, or else what TRANSP and STATUS say
// (RFC 5545 §3.8.2.7 and §3.8.1.11).
func (c component) showAs() driver.ShowAs {
	for name := range c.props {
		if !strings.HasPrefix(name, "X-") || !strings.HasSuffix(name, busyStatus) {
			continue
		}
		if s, ok := busyStatuses[strings.ToUpper(c.text(name))]; ok {
			return s
		}
	}
	switch {
	case strings.EqualFold(c.text("TRANSP"), "TRANSPARENT"):
		return driver.Free
	case strings.EqualFold(c.text("STATUS"), "TENTATIVE"):
		return driver.Tentative
	}
	return driver.Busy
}

// roomProperty names the room of an event in place of LOCATION.
const roomProperty = "X-ROOMGATE-ROOM"

// places are the places of an event. Calendars join several with semicolons.
func (c component) places() []driver.Place {
	var out []driver.Place
	for name := range strings.SplitSeq(cmp.Or(c.text(roomProperty), c.text("LOCATION")), ";") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, driver.Place{Name: name})
		}
	}
	return out
}

// isResource reports whether an attendee is a room or equipment (RFC 5545 §3.2.3).
func (p property) isResource() bool {
	kind := p.params["CUTYPE"]
	return strings.EqualFold(kind, "ROOM") || strings.EqualFold(kind, "RESOURCE")
}

// mailAddress is the address of a calendar user, without its scheme.
func mailAddress(value string) string {
	if scheme, address, ok := strings.Cut(value, ":"); ok && strings.EqualFold(scheme, "mailto") {
		return address
	}
	return value
}

// times reads when an event takes place, and how it recurs.
func (r reader) times(c component, e *Event) error {
	for _, name := range []string{"DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID"} {
		if all := c.props[name]; len(all) > 1 {
			return r.errorf(all[1].line, "a second %s in one event", name)
		}
	}
	if len(c.props["DTSTART"]) == 0 {
		return r.errorf(c.line, "the event has no DTSTART")
	}
	p := c.props["DTSTART"][0]
	start, date, err := r.time(p, p.value)
	if err != nil {
		return err
	}
	if y := start.Year(); y < 1970 || y > 2200 {
		return r.errorf(p.line, "DTSTART is in the year %d: supported are 1970 to 2200", y)
	}
	end, err := r.end(c, start, date)
	if err != nil {
		return err
	}
	e.First.Start, e.First.End, e.First.AllDay = start.UTC(), end.UTC(), date
	if len(c.props["RRULE"])+len(c.props["RDATE"]) == 0 {
		return nil
	}
	e.series, err = r.recurrence(c, start, end, date)
	return err
}

// end is when an event that starts at start ends. Without DTEND and DURATION an
// all-day event lasts one day, and another has no length (RFC 5545 §3.6.1).
func (r reader) end(c component, start time.Time, date bool) (time.Time, error) {
	end, line := start, c.line
	if date {
		end = start.AddDate(0, 0, 1)
	}
	if given := c.props["DTEND"]; len(given) > 0 {
		line = given[0].line
		at, isDate, err := r.time(given[0], given[0].value)
		if err != nil {
			return end, err
		}
		if isDate != date {
			return end, r.errorf(line, "DTEND and DTSTART must both be dates or both be times")
		}
		end = at
	} else if given := c.props["DURATION"]; len(given) > 0 {
		line = given[0].line
		var ok bool
		if end, ok = addDuration(start, given[0].value); !ok {
			return end, r.errorf(line, "DURATION %q is not a duration: write it as PT1H30M or P1D", shorten(given[0].value))
		}
	}
	if end.Before(start) {
		return end, r.errorf(line, "the event ends before it starts")
	}
	if end.Sub(start) > longest {
		return end, r.errorf(line, "the event lasts longer than a year")
	}
	return end, nil
}
