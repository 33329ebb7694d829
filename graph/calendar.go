package graph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"roomgate/driver"
)

// Calendar reads rooms by their events: single events of the window, series
// masters, and each master's instances of the window, asked for again only when
// the master has changed or the window has moved. An event list never holds the
// occurrences of a series (learn.microsoft.com/graph/api/user-list-events);
// who forgets that shows an empty room in a weekly meeting.
//
// It implements driver.Calendar. Fetch must not be called concurrently.
type Calendar struct {
	client *Client
	o      CalendarOptions

	mu     sync.Mutex
	series map[seriesKey]*seriesRead
}

type seriesKey struct{ source, master string }

// seriesRead are the instances of a series as last read.
type seriesRead struct {
	changeKey string
	from, to  time.Time
	rows      []row
	seen      bool // in the reading under way
}

// Way is a way of reading calendars.
type Way string

// The ways of reading; the empty one is by events for the account's own calendar
// and by view for every other.
const (
	ByEvents   Way = "events"
	ByView     Way = "view"
	ByFreeBusy Way = "free-busy"
)

// CalendarOptions say how a Calendar reads.
type CalendarOptions struct {
	Read Way
	App  bool // an app has signed in, not a person: there is no calendar of its own
}

// NewCalendar returns a Calendar that reads with the client.
func NewCalendar(c *Client, o CalendarOptions) *Calendar {
	return &Calendar{client: c, o: o, series: map[seriesKey]*seriesRead{}}
}

// source is one calendar and the rooms that are found in it.
type source struct {
	mailbox string // "me", or an address
	rooms   []driver.Room
}

// path returns the source's path below /v1.0.
func (s source) path() string {
	if s.mailbox == "me" {
		return "/me"
	}
	return "/users/" + url.PathEscape(s.mailbox)
}

// fields is what is asked for of the source's events: a subject only if one of
// its rooms may know it.
func (s source) fields() string {
	subject := slices.ContainsFunc(s.rooms, func(r driver.Room) bool { return r.Privacy.Subject() })
	organizer := slices.ContainsFunc(s.rooms, func(r driver.Room) bool { return r.Privacy.Organizer() })
	return rowFields(subject, organizer)
}

// sourcesOf groups rooms by the calendar they are found in.
func sourcesOf(rooms []driver.Room) []source {
	var order []string
	by := map[string]*source{}
	for _, r := range rooms {
		mailbox := r.Mailbox
		if mailbox == "" {
			mailbox = "me"
		}
		key := strings.ToLower(mailbox)
		if by[key] == nil {
			by[key] = &source{mailbox: mailbox}
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

// Fetch implements driver.Calendar.
func (c *Calendar) Fetch(ctx context.Context, rooms []driver.Room, from, to time.Time, deliver func(driver.Reading)) driver.Tally {
	var (
		wg   sync.WaitGroup
		turn sync.Mutex
		paid cost
	)
	for _, s := range sourcesOf(rooms) {
		wg.Go(func() {
			rows, err := c.read(ctx, s, from, to, &paid)
			turn.Lock()
			defer turn.Unlock()
			for _, r := range s.rooms {
				deliver(s.reading(r, rows, err, from, to))
			}
		})
	}
	wg.Wait()
	return driver.Tally{Requests: int(paid.requests.Load()), Throttled: int(paid.throttled.Load()), Bytes: paid.bytes.Load()}
}

// reading picks the room's bookings out of the source's rows.
func (s source) reading(room driver.Room, rows []row, err error, from, to time.Time) driver.Reading {
	rd := driver.Reading{Room: room.ID, Err: err}
	for i := range rows {
		r := &rows[i]
		if !r.taken() || s.declined(r) || s.mailbox == "me" && !r.ofRoom(room, s.rooms) {
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

// declined tells whether the owner of the calendar declined the event. In an
// account's own calendar that says nothing of the room, whose answer stands
// among the attendees, unless the account is the room.
func (s source) declined(r *row) bool {
	alone := s.mailbox != "me" || len(s.rooms) == 1 && len(s.rooms[0].Match) == 0
	return alone && strings.EqualFold(r.ResponseStatus.Response, declined)
}

// margin widens the window that is asked for: Graph places all-day events by
// UTC, so those at the window's edges would be missed. What is too much is cut
// off here.
const margin = 24 * time.Hour

// read returns every event of the source that may touch [from, to).
func (c *Calendar) read(ctx context.Context, s source, from, to time.Time, paid *cost) ([]row, error) {
	from, to = from.Add(-margin), to.Add(margin)
	singles, err := c.list(ctx, s, paid, "/events", url.Values{
		"$filter":  {fmt.Sprintf("start/dateTime lt '%s' and end/dateTime gt '%s'", odataTime(to), odataTime(from))},
		"$orderby": {"start/dateTime"},
		"$select":  {s.fields()},
	})
	if err != nil {
		return nil, err
	}
	masters, err := c.list(ctx, s, paid, "/events", url.Values{
		"$filter": {"type eq 'seriesMaster'"},
		"$select": {"id,changeKey,type,recurrence"},
	})
	if err != nil {
		return nil, err
	}
	instances, err := c.instances(ctx, s, masters, from, to, paid)
	if err != nil {
		return nil, err
	}
	rows := slices.DeleteFunc(singles, func(r row) bool { return r.Type == typeMaster })
	return append(rows, instances...), nil
}

// odataTime writes an instant for a filter, which is read as UTC.
func odataTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

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

// list follows a list of events to its end. A page may be empty and still have
// a next one.
func (c *Calendar) list(ctx context.Context, s source, paid *cost, path string, query url.Values) ([]row, error) {
	query.Set("$top", pageSize)
	cl := call{op: "reading the events of " + s.mailbox, mailbox: s.mailbox, path: s.path() + path, query: query, cost: paid}
	var rows []row
	for n := 0; ; n++ {
		var p page
		if err := c.client.do(ctx, cl, &p); err != nil {
			return nil, err
		}
		if p.Value == nil {
			return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: errors.New("the answer holds no list of events")}
		}
		rows = append(rows, p.Value...)
		if p.NextLink == "" {
			return rows, nil
		}
		if n == maxPages || p.NextLink == cl.path {
			return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: fmt.Errorf("the list does not end (%d pages)", n+1)}
		}
		cl.path = p.NextLink
	}
}

// instances returns the occurrences and exceptions of all series in the window.
func (c *Calendar) instances(ctx context.Context, s source, masters []row, from, to time.Time, paid *cost) ([]row, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		rows []row
		errs error
	)
	for _, m := range masters {
		if m.over(from) {
			continue
		}
		wg.Go(func() {
			got, err := c.occurrences(ctx, s, m, from, to, paid)
			mu.Lock()
			defer mu.Unlock()
			rows = append(rows, got...)
			if errs == nil {
				errs = err
			}
		})
	}
	wg.Wait()
	c.forget(s)
	return rows, errs
}

// over tells whether a series ended so long before the window that no exception
// of it can be expected there.
func (r *row) over(from time.Time) bool {
	if r.Recurrence == nil || !strings.EqualFold(r.Recurrence.Range.Type, "endDate") {
		return false
	}
	end, err := time.Parse(time.DateOnly, r.Recurrence.Range.EndDate)
	return err == nil && end.Before(from.Add(-longestMove))
}

// longestMove is how far behind the end of its series a moved occurrence is
// still looked for.
const longestMove = 60 * 24 * time.Hour

// occurrences returns the instances of one series, from the last reading where
// nothing has changed since.
func (c *Calendar) occurrences(ctx context.Context, s source, m row, from, to time.Time, paid *cost) ([]row, error) {
	key := seriesKey{s.path(), m.ID}
	c.mu.Lock()
	known := c.series[key]
	if known != nil && known.changeKey == m.ChangeKey && known.from.Equal(from) && known.to.Equal(to) {
		known.seen = true
		c.mu.Unlock()
		return known.rows, nil
	}
	c.mu.Unlock()
	rows, err := c.list(ctx, s, paid, "/events/"+url.PathEscape(m.ID)+"/instances", url.Values{
		"startDateTime": {odataTime(from) + "Z"}, "endDateTime": {odataTime(to) + "Z"}, "$select": {s.fields()},
	})
	if gone := (&Error{Code: "ErrorItemNotFound"}); errors.Is(err, gone) {
		return nil, nil // deleted between the two questions
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.series[key] = &seriesRead{changeKey: m.ChangeKey, from: from, to: to, rows: rows, seen: true}
	return rows, nil
}

// forget drops the series of the source that the reading did not come upon.
func (c *Calendar) forget(s source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.series, func(k seriesKey, r *seriesRead) bool {
		if k.source != s.path() {
			return false
		}
		drop := !r.seen
		r.seen = false
		return drop
	})
}
