package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// scheduleSize is how many mailboxes one question about busy times may name
// (learn.microsoft.com/graph/api/calendar-getschedule).
const scheduleSize = 20

// schedule is the busy times of one mailbox. Other fields, such
// as subjects and places, are not decoded.
type schedule struct {
	ScheduleID    string
	ScheduleItems []scheduleItem
	Error         *struct{ Message, ResponseCode string }
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
		Interval  int      `json:"availabilityViewInterval"` // minutes; the longest, because the view is not used
	}{s.addresses, dateTime{odataTime(s.from), "UTC"}, dateTime{odataTime(s.to), "UTC"}, 1440})
	return call{op: fmt.Sprintf("asking when %d mailboxes are busy", len(s.addresses)), mailbox: mailbox,
		path: mailboxPath(mailbox) + "/calendar/getSchedule", body: body}, err
}

// failed implements asker.
func (s *scheduleQuestion) failed(err error) {
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
	if err := json.Unmarshal(body, &doc); err != nil {
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
		s := &scheduleQuestion{asker: &busyRead{f, asked}, queue: f.queue, app: f.o.App, addresses: part, from: from, to: to,
			last: f.receiver.Last(asked[0].ID)}
		s.ask()
	}
}

// busyRead is the reading of the rooms of one scheduleQuestion.
type busyRead struct {
	*fetching
	rooms []driver.Room
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
			err = &busyError{room.Mailbox, s.Error.ResponseCode, cut(opaque.ReplaceAllString(s.Error.Message, "(hidden)"), 300)}
		default:
			err = nil
		}
		if err != nil {
			b.receiver.Deliver(driver.Reading{Room: room.ID, Err: err})
			continue
		}
		b.receiver.Deliver(driver.Reading{Room: room.ID, Events: s.events(), Digest: digest})
	}
	return nil
}

// failed implements asker.
func (b *busyRead) failed(err error) { b.failRooms(b.rooms, err) }

// events are the busy times as events.
func (s schedule) events() []driver.Event {
	events := make([]driver.Event, len(s.ScheduleItems))
	for i, item := range s.ScheduleItems {
		e := driver.Event{ShowAs: showAs(item.Status)}
		e.Start, e.End, e.Err = parseSpan(item.Start, item.End)
		// All-day events are not marked, but are whole days from midnight to midnight
		// in any requested zone; on a site outside UTC no other event is.
		e.AllDay = e.Err == nil && e.Start.Before(e.End) && isMidnight(e.Start) && isMidnight(e.End)
		events[i] = e
	}
	return events
}

func isMidnight(t time.Time) bool {
	h, m, s := t.Clock()
	return h+m+s == 0 && t.Nanosecond() == 0
}

// busyError is a mailbox whose busy times cannot be read.
type busyError struct{ mailbox, code, message string }

// Error returns the mailbox and Graph's answer.
func (e *busyError) Error() string {
	return fmt.Sprintf("asking when %s is busy: %s: %s", e.mailbox, e.code, e.message)
}

// unresolved is the code of an address that the directory does not know.
const unresolved = "5009"

// Action returns what to correct.
func (e *busyError) Action() string {
	if e.code == unresolved {
		return nobox
	}
	return "check that the mailbox exists and that its free/busy times are visible inside the company"
}

// NeedsPerson returns true: the directory or the mailbox has to be corrected.
func (e *busyError) NeedsPerson() bool { return true }
