package graph

import (
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

const (
	typeMaster = "seriesMaster"
	declined   = "declined"
)

// taken tells whether the row takes a room at all.
func (r *row) taken() bool {
	return !r.IsCancelled && r.Type != typeMaster && showAs(r.ShowAs) != driver.Free
}

// showAs reads a free/busy status (learn.microsoft.com/graph/api/resources/event,
// showAs). A word that the service may add later counts as unknown.
func showAs(word string) driver.ShowAs {
	s, _ := driver.ParseShowAs(word)
	return s
}

// booking turns the row into a booking of the room. The room's rules read the
// subject here, because what the room's privacy does not allow is left behind.
func (r *row) booking(room driver.Room) (driver.Booking, error) {
	start, err := r.Start.parse()
	if err != nil {
		return driver.Booking{}, err
	}
	end, err := r.End.parse()
	if err != nil {
		return driver.Booking{}, err
	}
	if r.IsAllDay {
		start, end = driver.AllDay(dateOf(start, room.Zone), dateOf(end, room.Zone), room.Zone)
	}
	b := driver.Booking{ID: r.ID, Start: start.UTC(), End: end.UTC(), ShowAs: showAs(r.ShowAs),
		Private: r.Sensitivity != "" && !strings.EqualFold(r.Sensitivity, "normal"),
		Subject: r.Subject, Organizer: r.Organizer.EmailAddress.Name, NoComfort: !room.Comfort(r.Subject)}
	for _, a := range r.Attendees {
		if !strings.EqualFold(a.Type, "resource") {
			b.Attendees++
		}
	}
	return room.Privacy.Redact(b), nil
}

// parse reads a dateTimeTimeZone: seven fractional digits and no offset, in the
// zone named beside it. UTC is asked for, but not every server listens.
func (i instant) parse() (time.Time, error) {
	zone, err := loadZone(i.TimeZone)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", i.DateTime, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q is not understood", cut(i.DateTime, 40))
	}
	return t, nil
}

// dateOf returns the date an all-day event's edge stands for, as a time whose
// date it is. Midnights stay midnights whatever zone is asked for; a server
// that converts them all the same is met by taking the nearest midnight of the
// site.
func dateOf(t time.Time, site *time.Location) time.Time {
	if t.Hour() == 0 && t.Minute() == 0 {
		return t
	}
	return t.In(site).Add(12 * time.Hour)
}

// ofRoom tells whether the row of an account's own calendar is this room's.
// rivals are the other rooms found in that calendar: an address that is one of
// theirs settles the matter over a name that two rooms share.
func (r *row) ofRoom(room driver.Room, rivals []driver.Room) bool {
	if len(room.Match) == 0 {
		return true // the only room of this calendar
	}
	for _, a := range r.Attendees {
		if strings.EqualFold(a.Type, "resource") && r.marks(room, a.EmailAddress.Address, a.EmailAddress.Name, rivals) {
			return !strings.EqualFold(a.Status.Response, declined)
		}
	}
	for _, l := range r.places() {
		if r.marks(room, l.LocationEmailAddress, l.DisplayName, rivals) {
			return true
		}
	}
	return false
}

// places are all locations of the row; the first often stands without its
// address.
func (r *row) places() []location { return append([]location{r.Location}, r.Locations...) }

// marks tells whether an address or a name is one of the room's marks.
func (r *row) marks(room driver.Room, address, name string, rivals []driver.Room) bool {
	if hasMark(room, address) {
		return true
	}
	if slices.ContainsFunc(rivals, func(o driver.Room) bool { return hasMark(o, address) }) {
		return false
	}
	for part := range strings.SplitSeq(name, ";") { // Outlook joins several rooms into one name
		if hasMark(room, part) && !r.taker(room, part, rivals) {
			return true
		}
	}
	return false
}

// taker tells whether another room of the same name is in the row by its
// address, so that the name stands for that one.
func (r *row) taker(room driver.Room, name string, rivals []driver.Room) bool {
	return slices.ContainsFunc(rivals, func(o driver.Room) bool {
		return o.ID != room.ID && hasMark(o, name) &&
			(slices.ContainsFunc(r.Attendees, func(a attendee) bool { return hasMark(o, a.EmailAddress.Address) }) ||
				slices.ContainsFunc(r.Locations, func(l location) bool { return hasMark(o, l.LocationEmailAddress) }))
	})
}

func hasMark(room driver.Room, s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && slices.ContainsFunc(room.Match, func(m string) bool { return strings.EqualFold(strings.TrimSpace(m), s) })
}
