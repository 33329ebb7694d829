package graph

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// Way is a method of reading calendars.
type Way string

// The ways of reading. The empty one is by events for the account's own calendar
// and by view for every other.
const (
	ByEvents   Way = "events"    // single events, series, and the instances of each: events.go
	ByView     Way = "view"      // what a window holds, series expanded by the service: view.go
	ByFreeBusy Way = "free-busy" // busy times without subjects or names, twenty mailboxes in one question: freebusy.go
)

// CalendarOptions configures a Calendar.
type CalendarOptions struct {
	Read Way
	App  bool // signed in as an application, which has no calendar of its own
}

// Calendar reads rooms. It implements driver.Calendar and driver.Sweeper; Fetch
// and Sweep must not be called concurrently.
type Calendar struct {
	client *Client
	o      CalendarOptions

	series    seriesCache
	calendars []CalendarEntry // the account's, as last listed
	lastSweep sweepResult
}

// NewCalendar returns a Calendar that reads with the client.
func NewCalendar(c *Client, o CalendarOptions) *Calendar { return &Calendar{client: c, o: o} }

// fetching is a Fetch in progress. All of it runs on the goroutine of Fetch;
// only the requests themselves do not.
type fetching struct {
	*Calendar
	ctx      context.Context
	queue    *queue
	from, to time.Time
	receiver driver.Receiver
	listed   bool // the account's calendars were listed by this Fetch
}

// Fetch implements driver.Calendar.
func (c *Calendar) Fetch(ctx context.Context, rooms []driver.Room, from, to time.Time, r driver.Receiver) driver.Tally {
	cost := &cost{}
	f := &fetching{Calendar: c, ctx: ctx, queue: c.client.queue(cost), from: from, to: to, receiver: r}
	if c.o.Read == ByFreeBusy {
		f.freeBusy(rooms)
		f.queue.run(ctx)
		return cost.tally()
	}
	c.series.begin(from, to)
	sources := sourcesOf(rooms)
	for _, s := range sources {
		if s.calendar == "" {
			f.sourceRead(s).start()
		}
	}
	f.queue.run(ctx)
	for _, s := range sources { // last, because reading the list of calendars must not delay the others
		if s.calendar != "" {
			f.startNamed(s)
		}
	}
	f.queue.run(ctx)
	return cost.tally()
}

// source is one calendar and the rooms that are found in it.
type source struct {
	mailbox  string // signedInMailbox, or an address
	calendar string // name or id of one of the mailbox's calendars; empty: its default one
	rooms    []driver.Room
}

// signedInMailbox identifies the mailbox of the user who has signed in.
const signedInMailbox = "me"

// sourcesOf groups rooms by the calendar they are found in.
func sourcesOf(rooms []driver.Room) []source {
	var order []string
	byKey := map[string]*source{}
	for _, r := range rooms {
		s := source{mailbox: r.Mailbox, calendar: r.Calendar}
		if s.mailbox == "" {
			s.mailbox = signedInMailbox
		}
		key := strings.ToLower(s.mailbox) + "\x00" + s.calendar
		if byKey[key] == nil {
			byKey[key] = &s
			order = append(order, key)
		}
		byKey[key].rooms = append(byKey[key].rooms, r)
	}
	out := make([]source, len(order))
	for i, key := range order {
		out[i] = *byKey[key]
	}
	return out
}

// sourceRead is the reading of one source in progress.
type sourceRead struct {
	*fetching
	source
	path string // of the calendar, below /v1.0
}

func (f *fetching) sourceRead(s source) *sourceRead {
	return &sourceRead{fetching: f, source: s, path: mailboxPath(s.mailbox)}
}

// start sends the first question of the source's Way.
func (r *sourceRead) start() {
	if r.o.Read == ByEvents || r.o.Read == "" && r.mailbox == signedInMailbox && r.calendar == "" {
		r.startEvents()
	} else {
		r.startView()
	}
}

// mailboxPath is the path of a mailbox below /v1.0.
func mailboxPath(mailbox string) string {
	if mailbox == signedInMailbox {
		return "/me"
	}
	return "/users/" + url.PathEscape(mailbox)
}

// deliver delivers the events of the source to each of its rooms.
func (r *sourceRead) deliver(events []driver.Event, digest driver.Digest) {
	for _, room := range r.rooms {
		r.receiver.Deliver(driver.Reading{Room: room.ID, Events: events, Digest: digest})
	}
}

// fail delivers to each room of the source why it was not read.
func (r *sourceRead) fail(err error) {
	if notFound := (&Error{Code: "ErrorItemNotFound"}); r.calendar != "" && errors.Is(err, notFound) {
		r.calendars = nil // the id of the calendar may have changed
	}
	r.failRooms(r.rooms, err)
}

func (f *fetching) failRooms(rooms []driver.Room, err error) {
	for _, room := range rooms {
		f.receiver.Deliver(driver.Reading{Room: room.ID, Err: err})
	}
}

// deliverUnchanged delivers the rooms as unchanged if the digest is that of the
// last reading of each, and reports whether it did.
func (f *fetching) deliverUnchanged(rooms []driver.Room, digest driver.Digest) bool {
	if slices.ContainsFunc(rooms, func(r driver.Room) bool { return f.receiver.Last(r.ID) != digest }) {
		return false
	}
	for _, room := range rooms {
		f.receiver.Deliver(driver.Reading{Room: room.ID, Digest: digest, Unchanged: true})
	}
	return true
}

// ofOneRoom reports whether everything in the calendar is the one room's.
func (s source) ofOneRoom() bool {
	return s.mailbox != signedInMailbox || len(s.rooms) == 1 && len(s.rooms[0].Match) == 0
}

// fields are the requested properties of an event: the subject only if a room of the
// source may show it or has rules that read it, the organizer only if a room may show
// it, and places only if they distinguish rooms.
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

// margin widens the requested window: Graph places all-day events by UTC, so those at
// the edges of the window would be missed. Admission drops events outside the window.
const margin = 24 * time.Hour

// window is the window to request for all events of [from, to).
func (f *fetching) window() (from, to time.Time) { return f.from.Add(-margin), f.to.Add(margin) }

// odataTime writes an instant for a filter, which is read as UTC.
func odataTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// between is the window as calendarView and instances take it.
func between(from, to time.Time) url.Values {
	return url.Values{"startDateTime": {odataTime(from) + "Z"}, "endDateTime": {odataTime(to) + "Z"}}
}
