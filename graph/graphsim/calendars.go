package graphsim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sharedCalendar is another mailbox's calendar in a user's list of calendars.
type sharedCalendar struct {
	id, name string
	box      *mailbox
}

// ShareCalendar puts the calendar of the mailbox at address into the user's list of calendars, as accepting an
// invitation to share does, and returns the id it has there. The call grants the permission on the folder; the
// token still needs a .Shared permission.
func (s *Sim) ShareCalendar(user, address, name string) (id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.needMailbox(user)
	if err != nil {
		return "", fmt.Errorf("share calendar: %w", err)
	}
	box, err := s.needMailbox(address)
	if err != nil {
		return "", fmt.Errorf("share calendar: %w", err)
	}
	shared := sharedCalendar{id: s.eventID(), name: name, box: box}
	m.shared = append(m.shared, shared)
	return shared.id, nil
}

// calendars handles /calendars: the mailbox's own calendar and those shared with it.
func (s *Sim) calendars(c *call, box *mailbox) response {
	rows := []map[string]any{calendarRow(box.calendarID, "Calendar", box, true)}
	for _, x := range box.shared {
		rows = append(rows, calendarRow(x.id, x.name, x.box, false))
	}
	q := query{top: defaultPage}
	if err := q.page(c.r.URL.Query(), linkHash(c)); err != nil {
		return graphError(c, 400, "ErrorInvalidParameter", err.Error())
	}
	if problem, ok := selectCalendarFields(c, rows); !ok {
		return problem
	}
	if s.shuffles() {
		shuffle(c, rows)
	}
	from, to, next, empty := s.pageOf(q, len(rows))
	body := map[string]any{"@odata.context": calendarsContext(c, box), "value": rows[from:to]}
	if next >= 0 {
		body["@odata.nextLink"] = nextLink(c, next, empty)
	}
	return graphResponse(body)
}

// calendar handles /calendar and /calendars/{id}; the id is one of the mailbox's list.
func (s *Sim) calendar(c *call, box *mailbox, id string) response {
	row := calendarRow(id, "Calendar", box, true)
	for _, x := range box.shared {
		if x.id == id {
			row = calendarRow(id, x.name, x.box, false)
		}
	}
	if problem, ok := selectCalendarFields(c, []map[string]any{row}); !ok {
		return problem
	}
	row["@odata.context"] = calendarsContext(c, box) + "/$entity"
	return graphResponse(row)
}

func calendarsContext(c *call, box *mailbox) string {
	return c.base + "/v1.0/$metadata#users('" + contextName(box) + "')/calendars"
}

// selectCalendarFields applies $select; the id is always returned.
func selectCalendarFields(c *call, rows []map[string]any) (problem response, ok bool) {
	fields := strings.FieldsFunc(c.r.URL.Query().Get("$select"), func(r rune) bool { return r == ',' || r == ' ' })
	for _, f := range fields {
		if _, known := rows[0][f]; !known {
			return graphError(c, 400, "BadRequest", "Could not find a property named '"+f+"' on type 'microsoft.graph.calendar'."), false
		}
	}
	for _, row := range rows {
		maps.DeleteFunc(row, func(name string, _ any) bool {
			return len(fields) > 0 && name != "id" && !slices.Contains(fields, name)
		})
	}
	return response{}, true
}

// calendarOf returns the mailbox whose calendar an id in a user's list of calendars refers to; nil if unknown.
func (m *mailbox) calendarOf(id string) *mailbox {
	if id == m.calendarID {
		return m
	}
	for _, x := range m.shared {
		if x.id == id {
			return x.box
		}
	}
	return nil
}

func calendarRow(id, name string, box *mailbox, own bool) map[string]any {
	return map[string]any{
		"id": id, "name": name, "color": "auto", "hexColor": "", "isDefaultCalendar": own, "changeKey": "u7SimCalendarAAAAAAAA==",
		"canShare": own, "canViewPrivateItems": own, "canEdit": own, "isRemovable": !own, "isTallyingResponses": own,
		"allowedOnlineMeetingProviders": []string{"teamsForBusiness"}, "defaultOnlineMeetingProvider": "teamsForBusiness",
		"owner": map[string]any{"name": box.name, "address": box.address},
	}
}
