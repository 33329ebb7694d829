package graphsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// The limits of getSchedule (learn.microsoft.com/graph/api/calendar-getschedule).
const (
	maxSchedules      = 20
	maxScheduleWindow = 62 * 24 * time.Hour
)

// typicalScheduleSize is the number of bytes to allocate per mailbox.
const typicalScheduleSize = 12 << 10

type clockTime struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

func (t clockTime) instant() (time.Time, error) {
	zone, err := loadZone(t.TimeZone)
	if err != nil {
		return time.Time{}, err
	}
	for _, layout := range instantLayouts {
		if at, err := time.ParseInLocation(layout, t.DateTime, zone); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("the value '%s' is not a date and time", t.DateTime)
}

type scheduleRequest struct {
	Schedules []string        `json:"schedules"`
	StartTime clockTime       `json:"startTime"`
	EndTime   clockTime       `json:"endTime"`
	Interval  json.RawMessage `json:"availabilityViewInterval"`
}

// getSchedule returns free/busy of any mailbox, with or without permission on its calendar.
func (s *Sim) getSchedule(c *call, cl caller) response {
	if !cl.has(readScopes...) && (cl.user != nil || !cl.has(appRoles...) && len(cl.app.ScopedTo) == 0) {
		return graphError(c, 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	var in scheduleRequest
	if err := json.Unmarshal(c.body, &in); err != nil {
		return graphError(c, 400, "BadRequest", "Unable to read JSON request payload.")
	}
	from, err1 := in.StartTime.instant()
	to, err2 := in.EndTime.instant()
	slot := 30
	if len(in.Interval) > 0 {
		if string(in.Interval) == "null" || json.Unmarshal(in.Interval, &slot) != nil {
			return graphError(c, 500, "InternalServerError", "")
		}
	}
	switch {
	case err1 != nil || err2 != nil || !from.Before(to):
		return graphError(c, 400, "ErrorInvalidParameter", "The time window is not valid.")
	case len(in.Schedules) == 0 || len(in.Schedules) > maxSchedules:
		return graphError(c, 400, "ErrorInvalidParameter", fmt.Sprintf("The number of schedules must be 1 to %d; it is %d.", maxSchedules, len(in.Schedules)))
	case to.Sub(from) > maxScheduleWindow:
		return graphError(c, 400, "ErrorTimeIntervalTooBig", fmt.Sprintf("The requested time duration specified for FreeBusyViewOptions.TimeWindow is too long. The allowed limit = 62 days; the actual limit = %d days.", int(to.Sub(from).Hours()/24)))
	case slot < 5 || slot > 1440:
		return graphError(c, 400, "ErrorInvalidParameter", "The availabilityViewInterval must be 5 to 1440 minutes.")
	}
	return s.schedules(c, cl, in.Schedules, from, to, time.Duration(slot)*time.Minute)
}

func (s *Sim) schedules(c *call, cl caller, addresses []string, from, to time.Time, slot time.Duration) response {
	q := query{zone: time.UTC, zoneName: "UTC"}
	if name, ok := q.prefer(c.r.Header.Values("Prefer")); !ok {
		return graphError(c, 400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '"+name+"'.")
	}
	w := s.rows(nil, q, false)
	w.busyTimes = true
	w.b = make([]byte, 0, len(addresses)*typicalScheduleSize)
	w.raw(`{"@odata.context":`)
	w.text(c.base + "/v1.0/$metadata#Collection(microsoft.graph.scheduleInformation)")
	w.raw(`,"value":[`)
	for i, address := range addresses {
		w.comma(i)
		box := s.directory.mailboxes[fold(address)]
		switch {
		case box == nil:
			w.scheduleError(address, "Unable to resolve e-mail address "+address+" to an Active Directory object.", "5009")
		case box.room != nil && box.room.NoFreeBusy:
			w.scheduleError(address, "The caller does not have access to free/busy data.", "ErrorNoFreeBusyAccess")
		default:
			w.box = box
			w.schedule(cl, address, from, to, slot)
		}
	}
	w.raw("]}")
	a := rawGraphResponse(w.b)
	applied(a, q)
	return a
}

// scheduleError writes the error of one mailbox; the response as a whole succeeds.
func (w *rowWriter) scheduleError(address, message, code string) {
	w.raw(`{"scheduleId":`)
	w.text(address)
	w.raw(`,"availabilityView":"","scheduleItems":[],"workingHours":null,"error":{"message":`)
	w.text(message)
	w.raw(`,"responseCode":`)
	w.text(code)
	w.raw("}}")
}

// schedule writes one mailbox: its events, those marked as free included, without cancelled and declined ones.
// Subject, location and privacy need more than free/busy permission.
func (w *rowWriter) schedule(cl caller, address string, from, to time.Time, slot time.Duration) {
	detailed := cl.user == nil || fold(cl.user.UPN) == fold(w.box.address) || w.sim.sharedWith(w.box, cl.user)
	var rows []*Event
	for _, e := range w.box.view(from, to) {
		start, end := e.span()
		if over := !end.After(from) && start.Before(from); !over && !e.Cancelled && e.Response != "declined" {
			rows = append(rows, e)
		}
	}
	w.raw(`{"scheduleId":`)
	w.text(address)
	w.raw(`,"availabilityView":"`)
	w.raw(availability(rows, from, to, slot))
	w.raw(`","scheduleItems":[`)
	for i, e := range rows {
		w.comma(i)
		w.scheduleItem(e, detailed)
	}
	w.raw(`],"workingHours":{"daysOfWeek":["monday","tuesday","wednesday","thursday","friday"],` +
		`"startTime":"08:00:00.0000000","endTime":"17:00:00.0000000","timeZone":{"name":"UTC"}}}`)
}

func (w *rowWriter) scheduleItem(e *Event, detailed bool) {
	w.raw("{")
	if detailed {
		w.raw(`"isPrivate":`)
		w.boolean(e.Sensitivity == "private")
		w.raw(`,"subject":`)
		w.text(e.Subject)
		w.raw(`,"location":`)
		w.text(e.Location)
		w.raw(`,"isMeeting":true,"isRecurring":`)
		w.boolean(e.SeriesMasterID != "")
		w.raw(`,"isException":`)
		w.boolean(e.Type == "exception")
		w.raw(`,"isReminderSet":false,`)
	}
	w.raw(`"status":`)
	w.text(orText(e.ShowAs, "busy"))
	w.raw(`,"start":`)
	w.dateTime(e, e.Start)
	w.raw(`,"end":`)
	w.dateTime(e, e.End)
	w.raw("}")
}

// availability has one digit per slot: the highest state of the events that overlap it.
func availability(rows []*Event, from, to time.Time, slot time.Duration) string {
	rank := map[string]byte{"": '2', "busy": '2', "tentative": '1', "oof": '3', "workingElsewhere": '4'}
	digits := bytes.Repeat([]byte("0"), int((to.Sub(from)+slot-1)/slot))
	for _, e := range rows {
		start, end := e.span()
		last := min(len(digits), int((end.Sub(from)+slot-1)/slot))
		for i := max(0, int(start.Sub(from)/slot)); i < last; i++ {
			digits[i] = max(digits[i], rank[e.ShowAs])
		}
	}
	return string(digits)
}
