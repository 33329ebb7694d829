package graph

import (
	"fmt"
	"strings"
	"time"

	"roomgate/driver"
)

// row is an event as Graph sends it
// (learn.microsoft.com/graph/api/resources/event); only what is asked for.
type row struct {
	ID             string
	ChangeKey      string
	Type           string
	Subject        string
	IsAllDay       bool
	IsCancelled    bool
	ShowAs         string
	Sensitivity    string
	Organizer      recipient
	Attendees      []attendee
	Location       location
	Locations      []location
	ResponseStatus response
	Start, End     instant
	Recurrence     *recurrence
}

type recipient struct{ EmailAddress address }

type address struct{ Name, Address string }

type attendee struct {
	Type         string
	Status       response
	EmailAddress address
}

type response struct{ Response string }

type location struct{ DisplayName, LocationEmailAddress string }

type instant struct{ DateTime, TimeZone string }

type recurrence struct {
	Range struct{ Type, EndDate string }
}

const typeMaster = "seriesMaster"

// eventsOf are the rows as events, series masters left out.
func eventsOf(rows []row) []driver.Event {
	events := make([]driver.Event, 0, len(rows))
	for i := range rows {
		if rows[i].Type != typeMaster {
			events = append(events, rows[i].event())
		}
	}
	return events
}

// event is the row as an event. A sensitivity that is not known counts as
// private.
func (r *row) event() driver.Event {
	e := driver.Event{ID: r.ID, AllDay: r.IsAllDay, ShowAs: showAs(r.ShowAs), Cancelled: r.IsCancelled, Declined: r.ResponseStatus.declined(),
		Private: r.Sensitivity != "" && !strings.EqualFold(r.Sensitivity, "normal"),
		Subject: r.Subject, Organizer: r.Organizer.EmailAddress.Name, Places: r.places(), Attendees: r.attendees()}
	e.Start, e.End, e.Err = parseSpan(r.Start, r.End)
	return e
}

// places are all locations of the row; the first often has no address and is repeated
// with it.
func (r *row) places() []driver.Place {
	if r.Location == (location{}) && len(r.Locations) == 0 {
		return nil // not asked for
	}
	places := append(make([]driver.Place, 0, 1+len(r.Locations)), r.Location.place())
	for _, l := range r.Locations {
		places = append(places, l.place())
	}
	return places
}

func (l location) place() driver.Place {
	return driver.Place{Name: l.DisplayName, Address: l.LocationEmailAddress}
}

// attendees are the rooms and the people that were invited. People are only
// counted, so their names and addresses are left out.
func (r *row) attendees() []driver.Attendee {
	if len(r.Attendees) == 0 {
		return nil
	}
	all := make([]driver.Attendee, len(r.Attendees))
	for i, a := range r.Attendees {
		if strings.EqualFold(a.Type, "resource") {
			all[i] = driver.Attendee{Name: a.EmailAddress.Name, Address: a.EmailAddress.Address, Resource: true, Declined: a.Status.declined()}
		}
	}
	return all
}

func (r response) declined() bool { return strings.EqualFold(r.Response, "declined") }

// showAs reads a free/busy status as the event resource and getSchedule write
// it; one that is not known is driver.Unknown.
func showAs(status string) driver.ShowAs {
	switch strings.ToLower(status) {
	case "free":
		return driver.Free
	case "tentative":
		return driver.Tentative
	case "busy":
		return driver.Busy
	case "oof":
		return driver.OutOfOffice
	case "workingelsewhere":
		return driver.WorkingElsewhere
	}
	return driver.Unknown
}

// parseSpan reads the start and the end of an event.
func parseSpan(from, to instant) (start, end time.Time, err error) {
	if start, err = from.parse(); err != nil {
		return time.Time{}, time.Time{}, err
	}
	if end, err = to.parse(); err != nil {
		return time.Time{}, time.Time{}, err
	}
	return start, end, nil
}

// parse reads a dateTimeTimeZone: seven fractional digits and no offset, in the
// zone named beside it. UTC is asked for, but not every server complies.
func (i instant) parse() (time.Time, error) {
	zone, err := loadZone(i.TimeZone)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", i.DateTime, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is invalid", cut(i.DateTime, 40))
	}
	return t, nil
}
