package graphsim

import (
	"fmt"
	"strings"
	"time"
)

// The smaller pieces of an event as Graph writes them.

func hexDate(t time.Time) string {
	return fmt.Sprintf("%04x%02x%02x", t.Year(), int(t.Month()), t.Day())
}

func orText(s, usual string) string {
	if s == "" {
		return usual
	}
	return s
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func instantOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func preview(body string) string {
	r := []rune(body)
	return string(r[:min(len(r), 255)])
}

func provider(e *Event) string {
	if e.JoinURL == "" {
		return "unknown"
	}
	return "teamsForBusiness"
}

func joinRow(e *Event) any {
	if e.JoinURL == "" {
		return nil
	}
	return map[string]any{"joinUrl": e.JoinURL}
}

func (p Person) row() map[string]any { return map[string]any{"name": p.Name, "address": p.Address} }

func locationRow(e *Event) any {
	if e.Location == "" {
		return map[string]any{"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": map[string]any{}, "coordinates": map[string]any{}}
	}
	return map[string]any{"displayName": e.Location, "locationType": "default", "uniqueId": e.Location, "uniqueIdType": "private"}
}

// locationRows lists the booked rooms, or the one place that was typed.
func locationRows(e *Event) any {
	rows := []any{}
	for _, a := range e.Attendees {
		if a.Type == "resource" {
			rows = append(rows, roomLocation(a.Person))
		}
	}
	switch {
	case len(rows) > 0 || e.Location == "":
		return rows
	case e.LocationAddress != "":
		return append(rows, roomLocation(Person{e.Location, e.LocationAddress}))
	}
	return append(rows, locationRow(e))
}

func roomLocation(p Person) any {
	return map[string]any{"displayName": p.Name, "locationType": "conferenceRoom", "uniqueId": p.Address, "locationEmailAddress": p.Address, "uniqueIdType": "directory"}
}

func attendeeRows(e *Event) any {
	rows := []any{}
	for _, a := range e.Attendees {
		at := noTime
		if a.Response != "" && a.Response != "none" {
			at = e.Created.UTC().Format(time.RFC3339)
		}
		rows = append(rows, map[string]any{
			"type": orText(a.Type, "required"), "status": map[string]any{"response": orText(a.Response, "none"), "time": at}, "emailAddress": a.row(),
		})
	}
	return rows
}

// recurrenceRow is a patternedRecurrence; null but on a master.
func recurrenceRow(e *Event) any {
	r := e.Recurrence
	if r == nil {
		return nil
	}
	kind, until := "noEnd", "0001-01-01"
	switch {
	case r.Count > 0:
		kind = "numbered"
	case r.Until != "":
		kind, until = "endDate", r.Until
	}
	pattern := map[string]any{
		"type": orText(r.Type, "daily"), "interval": r.step(), "month": int(r.Month), "dayOfMonth": r.DayOfMonth,
		"firstDayOfWeek": strings.ToLower(r.FirstDay.String()), "index": orText(r.Index, "first"),
	}
	if len(r.Days) > 0 {
		pattern["daysOfWeek"] = dayNames(r.Days)
	}
	return map[string]any{"pattern": pattern, "range": map[string]any{
		"type": kind, "startDate": e.Start.In(e.location()).Format(dayLayout), "endDate": until,
		"recurrenceTimeZone": windowsName(e.Zone), "numberOfOccurrences": r.Count,
	}}
}

func dayNames(days []time.Weekday) []string {
	var names []string
	for _, d := range days {
		names = append(names, strings.ToLower(d.String()))
	}
	return names
}
