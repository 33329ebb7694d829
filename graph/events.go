package graph

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

type seriesKey struct{ source, master string }

// seriesRead are the instances of a series as last read.
type seriesRead struct {
	changeKey string
	from, to  time.Time
	rows      []row
	seen      bool // in the reading under way
}

// events reads the source by its events: single events of the window, series
// masters, and each master's instances of the window, asked for again only when
// the master has changed or the window has moved. An event list never holds the
// occurrences of a series (learn.microsoft.com/graph/api/user-list-events);
// who forgets that shows an empty room in a weekly meeting.
func (r *sourceRead) events() {
	from, to := r.window()
	r.list("/events", url.Values{
		"$filter":  {fmt.Sprintf("start/dateTime lt '%s' and end/dateTime gt '%s'", odataTime(to), odataTime(from))},
		"$orderby": {"start/dateTime"},
		"$select":  {r.fields()},
	}, func(rows []row, err error) {
		if err != nil {
			r.finish(err)
			return
		}
		r.rows = slices.DeleteFunc(rows, func(r row) bool { return r.Type == typeMaster })
		r.masters()
	})
}

// list reads a list of events of the source's calendar.
func (r *sourceRead) list(path string, query url.Values, done func(rows []row, err error)) {
	query.Set("$top", pageSize)
	l := &list{r: r, path: pathOf(r.path+path, query), done: done}
	l.read()
}

// masters reads the series of the source, and then the instances of each.
func (r *sourceRead) masters() {
	r.list("/events", url.Values{
		"$filter": {"type eq 'seriesMaster'"},
		"$select": {"id,changeKey,type,recurrence"},
	}, func(masters []row, err error) {
		if err != nil {
			r.finish(err)
			return
		}
		from, _ := r.window()
		masters = slices.DeleteFunc(masters, func(m row) bool { return m.over(from) })
		r.open = len(masters) + 1
		for _, m := range masters {
			r.instances(m)
		}
		r.closed(nil)
	})
}

// closed counts a series that was read, or was not. The last one ends the
// reading.
func (r *sourceRead) closed(err error) {
	if r.err == nil {
		r.err = err
	}
	if r.open--; r.open == 0 {
		r.forget()
		r.finish(r.err)
	}
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

// instances reads the occurrences and exceptions of one series in the window,
// or takes them from the last reading where nothing has changed since.
func (r *sourceRead) instances(m row) {
	from, to := r.window()
	key := seriesKey{r.path, m.ID}
	if s := r.series[key]; s != nil && s.changeKey == m.ChangeKey && s.from.Equal(from) && s.to.Equal(to) {
		s.seen = true
		r.rows = append(r.rows, s.rows...)
		r.closed(nil)
		return
	}
	query := between(from, to)
	query.Set("$select", r.fields())
	r.list("/events/"+url.PathEscape(m.ID)+"/instances", query, func(rows []row, err error) {
		if gone := (&Error{Code: "ErrorItemNotFound"}); errors.Is(err, gone) {
			r.closed(nil) // deleted between the two questions
			return
		}
		if err == nil {
			r.series[key] = &seriesRead{changeKey: m.ChangeKey, from: from, to: to, rows: rows, seen: true}
			r.rows = append(r.rows, rows...)
		}
		r.closed(err)
	})
}

// forget drops the series of the source that the reading did not come upon.
func (r *sourceRead) forget() {
	maps.DeleteFunc(r.series, func(k seriesKey, s *seriesRead) bool {
		if k.source != r.path {
			return false
		}
		drop := !s.seen
		s.seen = false
		return drop
	})
}
