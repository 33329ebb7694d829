package graph

import (
	"cmp"
	"fmt"
	"slices"
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
	ResponseStatus struct{ Response string } // of the owner of the calendar
	Start, End     instant
	Recurrence     *recurrence
}

type recipient struct{ EmailAddress address }

type address struct{ Name, Address string }

type attendee struct {
	Type         string
	Status       answerStatus
	EmailAddress address
}

type answerStatus struct {
	Response string
	Time     string // of the answer, RFC 3339; the year 1 where there is none
}

type location struct{ DisplayName, LocationEmailAddress, LocationURI, UniqueID, UniqueIDType string }

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
	e := driver.Event{ID: r.ID, AllDay: r.IsAllDay, ShowAs: showAs(r.ShowAs), Cancelled: r.IsCancelled, Declined: declined(r.ResponseStatus.Response),
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
	places := r.Location.addTo(make([]driver.Place, 0, 1+len(r.Locations)))
	for _, l := range r.Locations {
		places = l.addTo(places)
	}
	return places
}

// addTo appends the location, once for each of its addresses. A room of the directory
// may have its address in three members, and often in only one of them.
func (l location) addTo(places []driver.Place) []driver.Place {
	addresses := [...]string{l.LocationEmailAddress, l.LocationURI, ""}
	if strings.EqualFold(l.UniqueIDType, "directory") {
		addresses[2] = l.UniqueID
	}
	before := len(places)
	for _, address := range addresses {
		p := driver.Place{Name: l.DisplayName, Address: address}
		if address != "" && !slices.Contains(places[before:], p) {
			places = append(places, p)
		}
	}
	if len(places) == before {
		places = append(places, driver.Place{Name: l.DisplayName})
	}
	return places
}

// attendees are the rooms and the people that were invited. A room that was added
// without a type is listed like a person, so people have their addresses, which admission
// compares with the rooms'; their names are left out.
func (r *row) attendees() []driver.Attendee {
	if len(r.Attendees) == 0 {
		return nil
	}
	all := make([]driver.Attendee, len(r.Attendees))
	for i, a := range r.Attendees {
		all[i] = driver.Attendee{Name: a.EmailAddress.Name, Address: a.EmailAddress.Address, Resource: strings.EqualFold(a.Type, "resource"),
			Declined: declined(a.Status.Response), Answered: a.Status.at()}
		if !all[i].Resource && strings.Contains(a.EmailAddress.Address, "@") {
			all[i].Name = ""
		}
	}
	return all
}

func declined(response string) bool { return strings.EqualFold(response, "declined") }

// at is when it was answered, UTC; zero: not known.
func (s answerStatus) at() time.Time {
	if s.Time == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s.Time)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

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

// parseSpan reads the start and the end of an event. With an error they are the
// earliest start and the latest end that it may have; zero: not known.
func parseSpan(from, to instant) (start, end time.Time, err error) {
	start, err = from.parse()
	end, endErr := to.parse()
	if err = cmp.Or(err, endErr); err == nil {
		return start, end, nil
	}
	first, ok := from.clock()
	last, endOK := to.clock()
	if !ok || !endOK {
		return time.Time{}, time.Time{}, err
	}
	return first.Add(-easternmost), last.Add(westernmost), err
}

// No zone is further from UTC.
const (
	easternmost = 14 * time.Hour
	westernmost = 12 * time.Hour
)

// withoutOffset is the form of a dateTime (learn.microsoft.com/graph/api/resources/datetimetimezone).
const withoutOffset = "2006-01-02T15:04:05.999999999"

// parse reads a dateTimeTimeZone: seven fractional digits and no offset, in the
// zone named beside it. UTC is asked for, but not every server complies. Some write
// an offset, most often Z, which then decides.
func (i instant) parse() (time.Time, error) {
	if t, err := i.withOffset(); err == nil {
		return t, nil
	}
	zone, err := loadZone(i.TimeZone)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation(withoutOffset, i.DateTime, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is invalid", cut(i.DateTime, 40))
	}
	return t, nil
}

func (i instant) withOffset() (time.Time, error) {
	return time.ParseInLocation(time.RFC3339, i.DateTime, time.UTC)
}

// clock is what a clock shows at the instant, as if its zone were UTC.
func (i instant) clock() (time.Time, bool) {
	if t, err := i.withOffset(); err == nil {
		return t, true
	}
	t, err := time.Parse(withoutOffset, i.DateTime)
	return t, err == nil
}
