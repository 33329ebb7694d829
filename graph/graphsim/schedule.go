package graphsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The limits of getSchedule (learn.microsoft.com/graph/api/calendar-getschedule).
const (
	maxSchedules      = 20
	maxScheduleWindow = 62 * 24 * time.Hour
)

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

// getSchedule tells free and busy of any mailbox, with or without a right on its calendar.
func (s *Sim) getSchedule(c *call, rd reader) answer {
	if !rd.has(readScopes...) && (rd.user != nil || !rd.has(appRoles...) && len(rd.app.ScopedTo) == 0) {
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
	return s.schedules(c, rd, in.Schedules, from, to, time.Duration(slot)*time.Minute)
}

func (s *Sim) schedules(c *call, rd reader, addresses []string, from, to time.Time, slot time.Duration) answer {
	q := query{zone: time.UTC, zoneName: "UTC"}
	if name, ok := q.prefer(c.r.Header.Values("Prefer")); !ok {
		return graphError(c, 400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: '"+name+"'.")
	}
	rows := []any{}
	for _, address := range addresses {
		box := s.world.mailboxes[fold(address)]
		if box == nil {
			rows = append(rows, map[string]any{"scheduleId": address, "availabilityView": "", "scheduleItems": []any{}, "workingHours": nil, "error": map[string]any{
				"message": "Unable to resolve e-mail address " + address + " to an Active Directory object.", "responseCode": "5009"}})
			continue
		}
		rows = append(rows, s.schedule(rd, box, address, from, to, slot, q))
	}
	a := graphAnswer(map[string]any{"@odata.context": c.base + "/v1.0/$metadata#Collection(microsoft.graph.scheduleInformation)", "value": rows})
	applied(a, q)
	return a
}

// schedule is one mailbox. Subject, location and privacy need more than the right to see free and busy.
func (s *Sim) schedule(rd reader, box *mailbox, address string, from, to time.Time, slot time.Duration, q query) any {
	detailed := rd.user == nil || fold(rd.user.UPN) == fold(box.address) || sharedWith(box, rd.user)
	w := rowWriter{q: q, box: box, sim: s}
	items := []any{}
	var busy []*Event
	for _, e := range box.view(from, to) {
		start, end := e.span()
		if e.Cancelled || !end.After(from) && start.Before(from) {
			continue
		}
		busy = append(busy, e)
		item := map[string]any{"status": orText(e.ShowAs, "busy"), "start": w.clock(e, e.Start), "end": w.clock(e, e.End)}
		if detailed {
			item["isPrivate"], item["subject"], item["location"] = e.Sensitivity == "private", e.Subject, e.Location
			item["isMeeting"], item["isRecurring"], item["isException"], item["isReminderSet"] = true, e.SeriesMasterID != "", e.Type == "exception", false
		}
		items = append(items, item)
	}
	return map[string]any{"scheduleId": address, "availabilityView": availability(busy, from, to, slot), "scheduleItems": items, "workingHours": map[string]any{
		"daysOfWeek": []string{"monday", "tuesday", "wednesday", "thursday", "friday"},
		"startTime":  "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": map[string]any{"name": "UTC"}}}
}

// availability writes one digit per slot: the highest state that touches it.
func availability(busy []*Event, from, to time.Time, slot time.Duration) string {
	rank := map[string]byte{"": '2', "busy": '2', "tentative": '1', "oof": '3', "workingElsewhere": '4'}
	var b strings.Builder
	for t := from; t.Before(to); t = t.Add(slot) {
		digit := byte('0')
		for _, e := range busy {
			start, end := e.span()
			if start.Before(t.Add(slot)) && end.After(t) {
				digit = max(digit, rank[e.ShowAs])
			}
		}
		b.WriteByte(digit)
	}
	return b.String()
}
