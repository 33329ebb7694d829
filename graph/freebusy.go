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

// schedule is what one mailbox's busy times are, as far as it is asked: whose
// they are, and what they are about, may come with them and is not looked at.
type schedule struct {
	ScheduleID    string
	ScheduleItems []struct {
		Status     string
		Start, End instant
	}
	Error *struct{ Message, ResponseCode string }
}

// asking is a question about the busy times of up to twenty mailboxes.
type asking struct {
	addresses []string
	door      int // the mailbox at which an app asks
	from, to  time.Time
	last      print // of the answer it had last time
}

// askings cuts addresses into questions.
func askings(addresses []string, from, to time.Time) []asking {
	var out []asking
	for part := range slices.Chunk(addresses, scheduleSize) {
		out = append(out, asking{addresses: part, from: from, to: to})
	}
	return out
}

// call is the question as Graph takes it. A person asks at their own mailbox; an
// app has none and asks at one of those it asks about.
func (a asking) call(app bool) (call, error) {
	mailbox := own
	if app {
		mailbox = a.addresses[a.door]
	}
	type clock struct {
		DateTime string `json:"dateTime"`
		TimeZone string `json:"timeZone"`
	}
	body, err := json.Marshal(struct {
		Schedules []string `json:"schedules"`
		StartTime clock    `json:"startTime"`
		EndTime   clock    `json:"endTime"`
		Interval  int      `json:"availabilityViewInterval"` // minutes; the longest, for the digits are not looked at
	}{a.addresses, clock{odataTime(a.from), "UTC"}, clock{odataTime(a.to), "UTC"}, 1440})
	return call{op: fmt.Sprintf("asking when %d mailboxes are busy", len(a.addresses)), mailbox: mailbox,
		path: mailboxPath(mailbox) + "/calendar/getSchedule", body: body}, err
}

// ask asks, and hands over the answer's bytes. At a mailbox that does not let an
// app ask it goes on to the next: one that is broken must not cost the others.
func (a asking) ask(q *queue, app bool, read func(body []byte) error, failed func(error)) {
	cl, err := a.call(app)
	if err != nil {
		failed(err)
		return
	}
	q.ask(&question{call: cl, read: read, last: a.last, failed: func(err error) {
		if e, ok := err.(*Error); ok && app && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound) && a.door+1 < len(a.addresses) {
			a.door++
			a.ask(q, app, read, failed)
			return
		}
		failed(err)
	}})
}

// schedules decodes an answer, by address in lower case.
func schedules(body []byte) (map[string]schedule, error) {
	var doc struct{ Value []schedule }
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, err
	}
	by := make(map[string]schedule, len(doc.Value))
	for _, s := range doc.Value {
		by[strings.ToLower(s.ScheduleID)] = s
	}
	return by, nil
}

// freeBusy reads rooms by their busy times, which everybody may see who may look
// the room up, and which have no name.
func (f *fetching) freeBusy(rooms []driver.Room) {
	addresses, by := byAddress(rooms, func(r driver.Room) string { return r.Mailbox })
	from, to := f.window()
	for _, a := range askings(addresses, from, to) {
		var asked []driver.Room
		for _, address := range a.addresses {
			asked = append(asked, by[address]...)
		}
		f.busyTimes(a, asked)
	}
}

// byAddress groups rooms by their addresses in lower case, in the rooms' order;
// a room without one is left out.
func byAddress(rooms []driver.Room, addressOf func(driver.Room) string) (order []string, by map[string][]driver.Room) {
	by = map[string][]driver.Room{}
	for _, r := range rooms {
		address := strings.ToLower(addressOf(r))
		if address == "" {
			continue
		}
		if by[address] == nil {
			order = append(order, address)
		}
		by[address] = append(by[address], r)
	}
	return order, by
}

// busyTimes reads the rooms of one question.
func (f *fetching) busyTimes(a asking, rooms []driver.Room) {
	key := rulesOf(rooms)
	asked := fmt.Sprint(key, f.from, f.to)
	a.last = f.lastAnswer(key, asked)
	a.ask(f.queue, f.o.App, func(body []byte) error {
		answer := printOf(body)
		if answer == a.last {
			f.handOver(f.known[key].readings)
			return nil
		}
		by, err := schedules(body)
		if err != nil {
			return err
		}
		readings := make([]driver.Reading, len(rooms))
		for i, room := range rooms {
			s, ok := by[strings.ToLower(room.Mailbox)]
			readings[i] = s.reading(room, ok, f.from, f.to)
		}
		f.known[key] = known{asked, answer, readings}
		f.handOver(readings)
		return nil
	}, func(err error) {
		for _, room := range rooms {
			f.deliver(driver.Reading{Room: room.ID, Err: err})
		}
	})
}

// reading turns busy times into bookings of the room.
func (s schedule) reading(room driver.Room, found bool, from, to time.Time) driver.Reading {
	rd := driver.Reading{Room: room.ID}
	switch {
	case !found:
		rd.Err = &busyError{room.Mailbox, "no answer", "the service left it out"}
		return rd
	case s.Error != nil:
		rd.Err = &busyError{room.Mailbox, s.Error.ResponseCode, cut(opaque.ReplaceAllString(s.Error.Message, "(hidden)"), 300)}
		return rd
	}
	for _, item := range s.ScheduleItems {
		status := showAs(item.Status)
		if status == driver.Free {
			continue
		}
		b, err := busyBooking(item.Start, item.End, room.Zone)
		if err != nil {
			rd.Refused = append(rd.Refused, err.Error())
			continue
		}
		b.ShowAs = status
		rd.Bookings = append(rd.Bookings, b)
	}
	rd.Bookings = driver.Overlapping(rd.Bookings, from, to)
	return rd
}

// busyBooking is a stretch of busy time. Nothing says that it is an all-day
// one, but whole days from midnight to midnight are what those look like,
// whatever zone is asked for; on a site away from UTC nothing else does.
func busyBooking(from, to instant, zone *time.Location) (driver.Booking, error) {
	start, err := from.parse()
	if err != nil {
		return driver.Booking{}, err
	}
	end, err := to.parse()
	if err != nil {
		return driver.Booking{}, err
	}
	if start.Before(end) && isMidnight(start) && isMidnight(end) {
		start, end = driver.AllDay(start, end, zone)
	}
	return driver.Booking{Start: start.UTC(), End: end.UTC()}, nil
}

func isMidnight(t time.Time) bool {
	h, m, s := t.Clock()
	return h+m+s == 0 && t.Nanosecond() == 0
}

// busyError is a mailbox whose busy times are not to be had.
type busyError struct{ mailbox, code, message string }

// Error says whose busy times, and what Graph said.
func (e *busyError) Error() string {
	return fmt.Sprintf("asking when %s is busy: %s: %s", e.mailbox, e.code, e.message)
}

// unresolved is the code of an address that the directory does not know.
const unresolved = "5009"

// Action says what a person can do.
func (e *busyError) Action() string {
	if e.code == unresolved {
		return "correct the room's mailbox setting: the directory knows no such address"
	}
	return "see that the mailbox exists and that its free/busy times may be seen inside the company"
}

// NeedsPerson reports true: the answer is the directory's or the mailbox's own.
func (e *busyError) NeedsPerson() bool { return true }
