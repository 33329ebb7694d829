package graphsim

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxWindow is the longest window of calendarView.
const maxWindow = 1825 * 24 * time.Hour

// listEvents is /events: single events and series masters, without occurrences.
func (s *Sim) listEvents(c *call, box *mailbox, q query) response {
	var rows []*Event
	for _, id := range box.order {
		rows = append(rows, box.items[id].eventCopy())
	}
	return s.list(c, box, q, "events", rows)
}

// listView is /calendarView: single events, occurrences and exceptions in a window.
func (s *Sim) listView(c *call, box *mailbox, q query) response {
	from, to, problem, ok := window(c)
	if !ok {
		return problem
	}
	if q.filter.comparesTime() {
		return graphError(c, 400, "ErrorInvalidRequest", "This filter query is not supported.")
	}
	return s.list(c, box, q, "calendarView", box.view(from, to))
}

// listInstances is /events/{master}/instances: exceptions first, then the other occurrences.
func (s *Sim) listInstances(c *call, box *mailbox, q query, id string) response {
	from, to, problem, ok := window(c)
	if !ok {
		return problem
	}
	it, day := box.find(id)
	switch {
	case it == nil:
		return eventNotFound(c, id)
	case day != "" || it.Recurrence == nil:
		return graphError(c, 400, "ErrorInvalidRequest", "Your request can't be completed. The event is not a series master.")
	}
	return s.list(c, box, q, "events('"+url.QueryEscape(id)+"')/instances", it.instances(from, to))
}

func (s *Sim) oneEvent(c *call, box *mailbox, q query, id string) response {
	e := box.event(id)
	if e == nil {
		return eventNotFound(c, id)
	}
	w := s.rows(box, q, false)
	w.raw(`{"@odata.context":`)
	w.text(c.base + "/v1.0/$metadata#users('" + contextName(box) + "')/events" + contextFields(q) + "/$entity")
	w.raw(",")
	w.rowBody(e)
	a := rawGraphResponse(w.b)
	applied(a, q)
	return a
}

func eventNotFound(c *call, id string) response {
	if !strings.HasPrefix(id, ordinaryID) && !strings.HasPrefix(id, immutableID) || !strings.HasSuffix(id, "=") {
		return graphError(c, 400, "ErrorInvalidIdMalformed", "Id is malformed.")
	}
	return graphError(c, 404, "ErrorItemNotFound", "The specified object was not found in the store.")
}

// window reads startDateTime and endDateTime (learn.microsoft.com/graph/api/user-list-calendarview). An
// unescaped plus sign is decoded as a space and refused.
func window(c *call) (from, to time.Time, problem response, ok bool) {
	v := c.r.URL.Query()
	var start, end string
	for name := range v { // names are case-insensitive
		switch fold(name) {
		case "startdatetime":
			start = v.Get(name)
		case "enddatetime":
			end = v.Get(name)
		}
	}
	if start == "" || end == "" {
		return from, to, graphError(c, 400, "ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime."), false
	}
	from, err1 := parseInstant(start)
	to, err2 := parseInstant(end)
	switch {
	case err1 != nil || err2 != nil:
		return from, to, graphError(c, 400, "ErrorInvalidParameter", "The value '"+start+"' or '"+end+"' of parameter 'StartDateTime' or 'EndDateTime' is invalid."), false
	case to.Before(from):
		return from, to, graphError(c, 400, "ErrorInvalidParameter", "The end date of the time window is earlier than its start date."), false
	case to.Sub(from) > maxWindow:
		return from, to, graphError(c, 400, "ErrorInvalidRequest", "Your request can't be completed. The range between the start and end dates is greater than the allowed range. Maximum number of days: 1825"), false
	}
	return from, to, response{}, true
}

// typicalRowSize is the number of bytes to allocate per row.
const typicalRowSize = 2048

// list filters, orders, pages and writes rows.
func (s *Sim) list(c *call, box *mailbox, q query, what string, rows []*Event) response {
	rows = s.arrange(c, q, box, rows)
	from, to, next, empty := s.pageOf(q, len(rows))
	w := s.rows(box, q, what == "calendarView")
	w.b = slices.Grow(w.b, 1024+(to-from)*typicalRowSize)
	w.raw(`{"@odata.context":`)
	w.text(c.base + "/v1.0/$metadata#users('" + contextName(box) + "')/" + what + contextFields(q))
	if q.count {
		w.raw(`,"@odata.count":` + itoa(int64(len(rows))))
	}
	w.raw(`,"value":[`)
	for i, e := range rows[from:to] {
		w.comma(i)
		w.row(e)
	}
	w.raw("]")
	if next >= 0 {
		w.raw(`,"@odata.nextLink":`)
		w.text(nextLink(c, next, empty))
	}
	w.raw("}")
	a := rawGraphResponse(w.b)
	applied(a, q)
	return a
}

func applied(a response, q query) {
	if len(q.applied) > 0 {
		a.header.Set("Preference-Applied", strings.Join(q.applied, ", "))
	}
}

// contextName is the mailbox in an OData context URL.
func contextName(box *mailbox) string { return url.QueryEscape(box.address) }

func contextFields(q query) string {
	if len(q.fields) == 0 {
		return ""
	}
	return "(" + strings.Join(q.fields, ",") + ")"
}
