package graph

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"roomgate/driver"
)

// eventsRead reads a source by its events: single events of the window, series
// masters, and each master's instances in the window, which are asked for again
// only when the master has changed or the window has moved. /events does not
// return occurrences (learn.microsoft.com/graph/api/user-list-events); without
// the instances, recurring meetings would be missed.
//
// singlesRead, mastersRead and instancesRead are its questions, in this order.
type eventsRead struct {
	*sourceRead
	events []driver.Event
	open   int   // series whose instances are not read yet
	err    error // the first failure to read instances
}

// singlesRead asks for the single events of the window.
type singlesRead struct {
	*eventsRead
	list eventList
}

func (r *sourceRead) startEvents() {
	from, to := r.window()
	s := &singlesRead{&eventsRead{sourceRead: r}, r.listOf("/events", url.Values{
		"$filter":  {fmt.Sprintf("start/dateTime lt '%s' and end/dateTime gt '%s'", odataTime(to), odataTime(from))},
		"$orderby": {"start/dateTime"},
		"$select":  {r.fields()},
	})}
	s.list.ask(s, driver.Digest{})
}

// listOf is a list of events of the source's calendar.
func (r *sourceRead) listOf(path string, query url.Values) eventList {
	query.Set("$top", strconv.Itoa(pageSize))
	return eventList{r: r, path: pathOf(r.path+path, query)}
}

// answered implements asker.
func (s *singlesRead) answered(body []byte) error {
	complete, err := s.list.add(body, s)
	if err != nil || !complete {
		return err
	}
	s.events = eventsOf(s.list.rows)
	m := &mastersRead{s.eventsRead, s.listOf("/events", url.Values{
		"$filter": {"type eq 'seriesMaster'"},
		"$select": {"id,changeKey,type,recurrence"},
	})}
	m.list.ask(m, driver.Digest{})
	return nil
}

// failed implements asker.
func (s *singlesRead) failed(err error) { s.fail(err) }

// mastersRead asks for the series of the calendar.
type mastersRead struct {
	*eventsRead
	list eventList
}

// answered implements asker. Each series is read next.
func (m *mastersRead) answered(body []byte) error {
	complete, err := m.list.add(body, m)
	if err != nil || !complete {
		return err
	}
	if slices.ContainsFunc(m.list.rows, func(r row) bool { return r.ID == "" }) {
		m.startView() // the instances of a series without an id cannot be asked for
		return nil
	}
	from, _ := m.window()
	masters := slices.DeleteFunc(m.list.rows, func(r row) bool { return r.endedBefore(from) })
	m.series.keep(m.cacheKey(), masters)
	m.open = len(masters)
	for _, master := range masters {
		m.readSeries(master)
	}
	if len(masters) == 0 {
		m.finish()
	}
	return nil
}

// failed implements asker.
func (m *mastersRead) failed(err error) { m.fail(err) }

// endedBefore reports whether a series ended so long before the window that none
// of its exceptions can be expected there.
func (r *row) endedBefore(window time.Time) bool {
	if r.Recurrence == nil || !strings.EqualFold(r.Recurrence.Range.Type, "endDate") {
		return false
	}
	end, err := time.Parse(time.DateOnly, r.Recurrence.Range.EndDate)
	return err == nil && end.Before(window.Add(-longestMove))
}

// longestMove is how long after the end of its series a moved occurrence is still
// looked for.
const longestMove = 60 * 24 * time.Hour

// instancesRead asks for the occurrences and exceptions of one series in the
// window.
type instancesRead struct {
	*eventsRead
	list   eventList
	master row
}

// readSeries reads the instances of one series, or takes them from the cache.
func (e *eventsRead) readSeries(master row) {
	if events, ok := e.series.get(e.cacheKey(), master); ok {
		e.seriesRead(events, nil)
		return
	}
	query := between(e.window())
	query.Set("$select", e.fields())
	i := &instancesRead{e, e.listOf("/events/"+url.PathEscape(master.ID)+"/instances", query), master}
	i.list.ask(i, driver.Digest{})
}

// answered implements asker.
func (i *instancesRead) answered(body []byte) error {
	complete, err := i.list.add(body, i)
	if err != nil || !complete {
		return err
	}
	events := eventsOf(i.list.rows)
	i.series.put(i.cacheKey(), i.master, events)
	i.seriesRead(events, nil)
	return nil
}

// failed implements asker. A series that was deleted after the masters were
// listed has no instances.
func (i *instancesRead) failed(err error) {
	if notFound := (&Error{Code: "ErrorItemNotFound"}); errors.Is(err, notFound) {
		err = nil
	}
	i.seriesRead(nil, err)
}

// cacheKey identifies the calendar and the requested fields.
func (e *eventsRead) cacheKey() string { return e.path + " " + e.fields() }

// seriesRead records the instances of one series, or why they could not be read.
func (e *eventsRead) seriesRead(events []driver.Event, err error) {
	e.events = append(e.events, events...)
	if e.err == nil {
		e.err = err
	}
	if e.open--; e.open == 0 {
		e.finish()
	}
}

// finish delivers the events, or the failure: an incomplete list would show a booked
// room as free.
func (e *eventsRead) finish() {
	if e.err != nil {
		e.fail(e.err)
		return
	}
	e.deliver(e.events, driver.Digest{})
}

// seriesCache keeps the instances of series in one window, by the calendar's
// cacheKey and the id of the master. It holds no more than the calendars did when
// they were last read in this window.
type seriesCache struct {
	from, to   time.Time
	byCalendar map[string]map[string]cachedSeries
}

// cachedSeries are the instances of a series as last read.
type cachedSeries struct {
	changeKey string // of the master; it changes with every exception
	events    []driver.Event
}

// begin empties the cache when the window has moved.
func (c *seriesCache) begin(from, to time.Time) {
	if c.byCalendar == nil || !c.from.Equal(from) || !c.to.Equal(to) {
		*c = seriesCache{from: from, to: to, byCalendar: map[string]map[string]cachedSeries{}}
	}
}

// keep drops the series of a calendar that are not among the masters.
func (c *seriesCache) keep(calendar string, masters []row) {
	if c.byCalendar[calendar] == nil {
		c.byCalendar[calendar] = map[string]cachedSeries{}
	}
	ids := make(map[string]bool, len(masters))
	for _, m := range masters {
		ids[m.ID] = true
	}
	maps.DeleteFunc(c.byCalendar[calendar], func(id string, _ cachedSeries) bool { return !ids[id] })
}

// get returns the instances of a series that has not changed since it was put.
func (c *seriesCache) get(calendar string, master row) ([]driver.Event, bool) {
	s, ok := c.byCalendar[calendar][master.ID]
	return s.events, ok && s.changeKey == master.ChangeKey
}

func (c *seriesCache) put(calendar string, master row, events []driver.Event) {
	c.byCalendar[calendar][master.ID] = cachedSeries{master.ChangeKey, events}
}
