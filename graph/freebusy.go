package graph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
	"roomgate/oauth"
	"roomgate/zones"
)

// scheduleSize is how many mailboxes one question about busy times may name
// (learn.microsoft.com/graph/api/calendar-getschedule).
const scheduleSize = 20

// schedule is the busy times of one mailbox. Other fields, such
// as subjects and places, are not decoded.
type schedule struct {
	ScheduleID       string
	AvailabilityView string // a digit for every 24 hours, 0 where nothing occupies the mailbox
	ScheduleItems    []scheduleItem
	Error            *struct{ Message, ResponseCode string }
}

// scheduleItem is a period in which a mailbox is not free.
type scheduleItem struct {
	Status     string
	Start, End instant
}

// scheduleQuestion asks when up to twenty mailboxes are busy. A user sends it
// to the own mailbox; an application has none and uses one of the mailboxes it asks
// about. If that one refuses, it tries the next, so that one unusable mailbox does not
// affect the others.
type scheduleQuestion struct {
	asker     // handles the answer
	queue     *queue
	app       bool
	addresses []string
	host      int // index of the mailbox at which an application asks
	from, to  time.Time
	zone      string        // that times are asked for in; empty: UTC
	last      driver.Digest // of the answer it had last time
}

func (s *scheduleQuestion) ask() {
	c, err := s.call()
	if err != nil {
		s.asker.failed(err)
		return
	}
	s.queue.ask(&question{call: c, asker: s, last: s.last})
}

// call is the question as a call to Graph.
func (s *scheduleQuestion) call() (call, error) {
	mailbox := signedInMailbox
	if s.app {
		mailbox = s.addresses[s.host]
	}
	type dateTime struct {
		DateTime string `json:"dateTime"`
		TimeZone string `json:"timeZone"`
	}
	body, err := json.Marshal(struct {
		Schedules []string `json:"schedules"`
		StartTime dateTime `json:"startTime"`
		EndTime   dateTime `json:"endTime"`
		Interval  int      `json:"availabilityViewInterval"` // minutes; the longest, because the items say when
	}{s.addresses, dateTime{odataTime(s.from), "UTC"}, dateTime{odataTime(s.to), "UTC"}, 1440})
	return call{op: fmt.Sprintf("asking when %d mailboxes are busy", len(s.addresses)), mailbox: mailbox,
		path: mailboxPath(mailbox) + "/calendar/getSchedule", zone: s.zone, body: body}, err
}

// failed implements asker.
func (s *scheduleQuestion) failed(err error) {
	if notKnown := (&Error{Code: "TimeZoneNotSupportedException"}); s.zone != "" && errors.Is(err, notKnown) {
		s.zone = ""
		s.ask()
		return
	}
	e, ok := err.(*Error)
	refused := ok && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound)
	if s.app && refused && s.host+1 < len(s.addresses) {
		s.host++
		s.ask()
		return
	}
	s.asker.failed(err)
}

// schedules decodes an answer, by address in lower case.
func schedules(body []byte) (map[string]schedule, error) {
	var doc struct{ Value []schedule }
	if err := decode(body, &doc); err != nil {
		return nil, err
	}
	byAddress := make(map[string]schedule, len(doc.Value))
	for _, s := range doc.Value {
		byAddress[strings.ToLower(s.ScheduleID)] = s
	}
	return byAddress, nil
}

// groupByAddress groups rooms by their addresses in lower case, in the rooms'
// order; a room without one is left out.
func groupByAddress(rooms []driver.Room, addressOf func(driver.Room) string) (order []string, byAddress map[string][]driver.Room) {
	byAddress = map[string][]driver.Room{}
	for _, r := range rooms {
		address := strings.ToLower(addressOf(r))
		if address == "" {
			continue
		}
		if byAddress[address] == nil {
			order = append(order, address)
		}
		byAddress[address] = append(byAddress[address], r)
	}
	return order, byAddress
}

// freeBusy reads the busy times of rooms, which every user of the company may see,
// without subjects or names.
func (f *fetching) freeBusy(rooms []driver.Room) {
	for _, r := range rooms {
		if r.Mailbox == "" {
			f.failRooms([]driver.Room{r}, &roomError{"free-busy needs an address, and the room has none", "set the room's mailbox"})
		}
	}
	addresses, byAddress := groupByAddress(rooms, func(r driver.Room) string { return r.Mailbox })
	from, to := f.window()
	for part := range slices.Chunk(addresses, scheduleSize) {
		var asked []driver.Room
		for _, address := range part {
			asked = append(asked, byAddress[address]...)
		}
		s := &scheduleQuestion{queue: f.queue, app: f.o.App, addresses: part, from: from, to: to,
			zone: zones.Windows(asked[0].Zone, from, to), last: f.receiver.Last(asked[0].ID)}
		s.asker = &busyRead{f, asked, s}
		s.ask()
	}
}

// busyRead is the reading of the rooms of one scheduleQuestion.
type busyRead struct {
	*fetching
	rooms    []driver.Room
	question *scheduleQuestion
}

// answered implements asker. All rooms of the question share the answer's digest.
func (b *busyRead) answered(body []byte) error {
	digest := b.client.digest(body)
	if b.deliverUnchanged(b.rooms, digest) {
		return nil
	}
	byAddress, err := schedules(body)
	if err != nil {
		return err
	}
	for _, room := range b.rooms {
		s, ok := byAddress[strings.ToLower(room.Mailbox)]
		switch {
		case !ok:
			err = &busyError{room.Mailbox, "no answer", "the service left it out"}
		case s.Error != nil:
			err = &busyError{room.Mailbox, cut(oauth.Hide(s.Error.ResponseCode), 80), cut(oauth.Hide(s.Error.Message), 300)}
		case s.withoutTimes():
			err = &busyError{room.Mailbox, withoutTimes, "the mailbox is not free, but the answer does not say when"}
		default:
			err = nil
		}
		if err != nil {
			b.receiver.Deliver(driver.Reading{Room: room.ID, Err: err})
			continue
		}
		b.receiver.Deliver(driver.Reading{Room: room.ID, Events: s.events(b.question.zone), Digest: digest})
	}
	return nil
}

// failed implements asker.
func (b *busyRead) failed(err error) { b.failRooms(b.rooms, err) }

// withoutTimes reports whether the mailbox is not free, as the view shows, and no item
// says when.
func (s *schedule) withoutTimes() bool {
	occupies := func(i scheduleItem) bool { return showAs(i.Status) != driver.Free }
	return strings.Trim(s.AvailabilityView, "0") != "" && !slices.ContainsFunc(s.ScheduleItems, occupies)
}

// events are the busy times as events. All-day events are not marked, but last from
// midnight to midnight in whatever zone they are written in. In the site's zone, which is
// asked for, a timed event of these times is the same booking; in UTC it is another one,
// such as a shift from 08:00 to 08:00 in Singapore.
func (s *schedule) events(zone string) []driver.Event {
	events := make([]driver.Event, len(s.ScheduleItems))
	for i, item := range s.ScheduleItems {
		e := driver.Event{ShowAs: showAs(item.Status)}
		if first, last, ok := item.dates(cmp.Or(zone, "UTC")); ok {
			e.Start, e.End, e.AllDay = first, last, true
		} else {
			e.Start, e.End, e.Err = parseSpan(item.Start, item.End)
		}
		events[i] = e
	}
	return events
}

// dates returns the dates of an item that lasts from midnight to midnight in its zone;
// asked is the zone that was asked for.
func (i scheduleItem) dates(asked string) (first, last time.Time, ok bool) {
	first, startOK := i.Start.date(asked)
	last, endOK := i.End.date(asked)
	return first, last, startOK && endOK && first.Before(last)
}

// date returns the date that begins at the instant, in UTC; not of an instant in UTC when
// another zone was asked for.
func (i instant) date(asked string) (time.Time, bool) {
	t, ok := i.clock()
	h, m, s := t.Clock()
	if !ok || h+m+s != 0 || t.Nanosecond() != 0 {
		return time.Time{}, false
	}
	zone, err := loadZone(i.TimeZone)
	if _, offset := i.withOffset(); err != nil || offset == nil {
		return time.Time{}, false
	}
	name, _ := t.In(zone).Zone()
	return t, name != "UTC" || strings.EqualFold(asked, "UTC")
}

// busyError is a mailbox whose busy times cannot be read.
type busyError struct{ mailbox, code, message string }

// Error returns the mailbox and Graph's answer.
func (e *busyError) Error() string {
	return fmt.Sprintf("asking when %s is busy: %s: %s", e.mailbox, e.code, e.message)
}

// withoutTimes is the code of a schedule that does not say when the mailbox is not free.
const withoutTimes = "no times"

// Action returns what to correct; empty: wait.
func (e *busyError) Action() string {
	if e.code == withoutTimes {
		return "if it stays so, set read = \"view\""
	}
	if !e.NeedsPerson() {
		return ""
	}
	_, line, _ := calendarEntry(e.code)
	return line.next
}

// NeedsPerson reports whether the directory or the mailbox has to be corrected, which
// the code says. Any other error is of the service, and may pass.
func (e *busyError) NeedsPerson() bool {
	_, line, known := calendarEntry(e.code)
	return known && line.class == user
}
