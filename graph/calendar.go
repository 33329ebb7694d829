package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// Way is a way of reading calendars.
type Way string

// The ways of reading. The empty one is by events for the account's own calendar
// and by view for every other.
const (
	ByEvents   Way = "events"    // single events, series, and the instances of each: events.go
	ByView     Way = "view"      // what a window holds, series expanded: view.go
	ByFreeBusy Way = "free-busy" // busy times without a name, twenty rooms a question: freebusy.go
)

// CalendarOptions say how a Calendar reads.
type CalendarOptions struct {
	Read Way
	App  bool // an app has signed in, not a person: there is no calendar of its own
}

// Calendar reads rooms. It implements driver.Calendar and driver.Sweeper; Fetch
// and Sweep must not be called concurrently.
type Calendar struct {
	client *Client
	o      CalendarOptions

	series    map[seriesKey]*seriesRead
	calendars []CalendarEntry  // the account's, as last listed
	known     map[string]known // by source
	swept     swept
}

// NewCalendar returns a Calendar that reads with the client.
func NewCalendar(c *Client, o CalendarOptions) *Calendar {
	return &Calendar{client: c, o: o, series: map[seriesKey]*seriesRead{}, known: map[string]known{}}
}

// known is what came of an answer. When the same question is answered with the
// same bytes again, nothing of it is decoded.
type known struct {
	question string
	answer   print
	readings []driver.Reading
}

// fetching is a Fetch under way. All of it runs on one goroutine, the queue's.
type fetching struct {
	*Calendar
	ctx      context.Context
	queue    *queue
	from, to time.Time
	deliver  func(driver.Reading)
	listed   bool // the account's calendars
}

// Fetch implements driver.Calendar.
func (c *Calendar) Fetch(ctx context.Context, rooms []driver.Room, from, to time.Time, deliver func(driver.Reading)) driver.Tally {
	paid := &cost{}
	f := &fetching{Calendar: c, ctx: ctx, queue: c.client.queue(paid), from: from, to: to, deliver: deliver}
	var named []source
	if c.o.Read == ByFreeBusy {
		f.unaddressed(rooms)
		f.freeBusy(rooms)
	} else {
		for _, s := range sourcesOf(rooms) {
			if s.calendar != "" {
				named = append(named, s)
				continue
			}
			f.sourceRead(s).read()
		}
	}
	f.queue.run(ctx)
	f.named(named) // after the others: a list that cannot be had must not hold them up
	f.queue.run(ctx)
	return paid.tally()
}

func (p *cost) tally() driver.Tally {
	return driver.Tally{Requests: int(p.requests.Load()), Throttled: int(p.throttled.Load()), Bytes: p.bytes.Load()}
}

// source is one calendar and the rooms that are found in it.
type source struct {
	mailbox  string // own, or an address
	calendar string // name or id of one of the mailbox's calendars; empty: its usual one
	rooms    []driver.Room
}

// own stands for the mailbox of who has signed in.
const own = "me"

// sourcesOf groups rooms by the calendar they are found in.
func sourcesOf(rooms []driver.Room) []source {
	var order []string
	by := map[string]*source{}
	for _, r := range rooms {
		s := source{mailbox: r.Mailbox, calendar: r.Calendar}
		if s.mailbox == "" {
			s.mailbox = own
		}
		key := strings.ToLower(s.mailbox) + "\x00" + s.calendar
		if by[key] == nil {
			by[key] = &s
			order = append(order, key)
		}
		by[key].rooms = append(by[key].rooms, r)
	}
	out := make([]source, len(order))
	for i, key := range order {
		out[i] = *by[key]
	}
	return out
}

// sourceRead prepares the reading of a source.
func (f *fetching) sourceRead(s source) *sourceRead {
	return &sourceRead{fetching: f, source: s, path: mailboxPath(s.mailbox)}
}

// read reads the source the way it is to be read.
func (r *sourceRead) read() {
	if r.o.Read == ByEvents || r.o.Read == "" && r.mailbox == own && r.calendar == "" {
		r.events()
	} else {
		r.view()
	}
}

// mailboxPath is the path of a mailbox below /v1.0.
func mailboxPath(mailbox string) string {
	if mailbox == own {
		return "/me"
	}
	return "/users/" + url.PathEscape(mailbox)
}

// sourceRead is the reading of one source under way.
type sourceRead struct {
	*fetching
	source
	path string // of the calendar, below /v1.0
	rows []row
	open int   // series whose instances are not there yet
	err  error // why one of them was not read
}

// finish delivers what was read of the source's rooms, or why nothing was, and
// returns it.
func (r *sourceRead) finish(err error) []driver.Reading {
	readings := r.readings(r.rows, err, r.from, r.to)
	r.handOver(readings)
	if gone := (&Error{Code: "ErrorItemNotFound"}); r.calendar != "" && errors.Is(err, gone) {
		r.calendars = nil // it has another id now, perhaps
	}
	return readings
}

func (f *fetching) handOver(readings []driver.Reading) {
	for _, reading := range readings {
		f.deliver(reading)
	}
}

// lastAnswer is the answer that a question had last time.
func (f *fetching) lastAnswer(key, question string) print {
	if k := f.known[key]; k.question == question {
		return k.answer
	}
	return print{}
}

// rulesOf tells rooms apart by what makes bookings of rows.
func rulesOf(rooms []driver.Room) string {
	var b strings.Builder
	for _, r := range rooms {
		fmt.Fprintf(&b, "%s %v %d %v\n", r.ID, r.Zone, r.Privacy, r.Rules)
	}
	return b.String()
}

// readings picks the bookings of each of the source's rooms out of its rows.
func (s source) readings(rows []row, err error, from, to time.Time) []driver.Reading {
	all := make([]driver.Reading, len(s.rooms))
	for i, room := range s.rooms {
		all[i] = s.reading(room, rows, err, from, to)
	}
	return all
}

// reading picks the room's bookings out of the source's rows.
func (s source) reading(room driver.Room, rows []row, err error, from, to time.Time) driver.Reading {
	rd := driver.Reading{Room: room.ID, Err: err}
	if err != nil {
		return rd
	}
	for i := range rows {
		r := &rows[i]
		if !r.taken() || s.declined(r) || s.mailbox == own && !r.ofRoom(room, s.rooms) {
			continue
		}
		b, err := r.booking(room)
		if err != nil {
			rd.Refused = append(rd.Refused, err.Error())
			continue
		}
		rd.Bookings = append(rd.Bookings, b)
	}
	rd.Bookings = driver.Overlapping(rd.Bookings, from, to)
	return rd
}

// declined tells whether the owner of the calendar declined the event. In a
// calendar of several rooms that says nothing of the room, whose answer stands
// among the attendees.
func (s source) declined(r *row) bool {
	return s.ofOneRoom() && strings.EqualFold(r.ResponseStatus.Response, declined)
}

// ofOneRoom tells whether everything in the calendar is the one room's.
func (s source) ofOneRoom() bool {
	return s.mailbox != own || len(s.rooms) == 1 && len(s.rooms[0].Match) == 0
}

// fields is what is asked for of the source's events: a subject only if one of
// its rooms may know it or has rules that go by it, and places only where rooms
// are told apart by them.
func (s source) fields() string {
	fields := []string{"id", "type", "start", "end", "isAllDay", "isCancelled", "showAs", "sensitivity", "attendees", "responseStatus"}
	if !s.ofOneRoom() {
		fields = append(fields, "location", "locations")
	}
	if slices.ContainsFunc(s.rooms, func(r driver.Room) bool { return r.Privacy.Subject() || len(r.Rules) > 0 }) {
		fields = append(fields, "subject")
	}
	if slices.ContainsFunc(s.rooms, func(r driver.Room) bool { return r.Privacy.Organizer() }) {
		fields = append(fields, "organizer")
	}
	return strings.Join(fields, ",")
}

// margin widens the window that is asked for: Graph places all-day events by
// UTC, so those at the window's edges would be missed. What is too much is cut
// off here.
const margin = 24 * time.Hour

// window is what is asked for to know everything of [from, to).
func (f *fetching) window() (from, to time.Time) { return f.from.Add(-margin), f.to.Add(margin) }

// odataTime writes an instant for a filter, which is read as UTC.
func odataTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// between is the window as calendarView and instances take it.
func between(from, to time.Time) url.Values {
	return url.Values{"startDateTime": {odataTime(from) + "Z"}, "endDateTime": {odataTime(to) + "Z"}}
}

// pageSize is asked for; the default of 10 makes many small requests. The
// server may send fewer.
const pageSize = "200"

// maxPages bounds a list whose next links never end.
const maxPages = 500

// page is one page of a list of events.
type page struct {
	Value    []row
	NextLink string `json:"@odata.nextLink"`
}

// list is a list of events that is followed to its end. A page may be empty and
// still have a next one.
type list struct {
	r     *sourceRead
	path  string
	rows  []row
	pages int
	last  print                  // of the answer the first page had last time
	first func(body []byte) bool // nil, or shown the first page before it is decoded; true: that is not needed
	done  func(rows []row, err error)
}

// read asks for the next page.
func (l *list) read() {
	l.r.queue.ask(&question{
		call:   call{op: "reading the events of " + l.r.mailbox, mailbox: l.r.mailbox, path: l.path},
		read:   l.page,
		failed: func(err error) { l.done(nil, err) },
		last:   l.last,
	})
}

func (l *list) page(body []byte) error {
	if l.first != nil && l.pages == 0 && l.first(body) {
		return nil
	}
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	if p.Value == nil {
		return l.fault("the answer holds no list of events")
	}
	if p.NextLink != "" {
		if _, err := l.r.client.local(p.NextLink); err != nil {
			return l.fault(err.Error())
		}
		if l.pages == maxPages || p.NextLink == l.path {
			return l.fault(fmt.Sprintf("the list does not end (%d pages)", l.pages+1))
		}
	}
	l.pages, l.last = l.pages+1, print{}
	l.rows = append(l.rows, p.Value...)
	if l.path = p.NextLink; l.path == "" {
		l.done(l.rows, nil)
	} else {
		l.read()
	}
	return nil
}

// fault is an answer that makes no sense, though it is an answer.
func (l *list) fault(words string) *Error {
	return &Error{Op: "reading the events of " + l.r.mailbox, Status: http.StatusOK, Err: errors.New(words)}
}
