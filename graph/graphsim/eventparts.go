package graphsim

import (
	"fmt"
	"strings"
	"time"
)

// The smaller parts of an event in the form of Graph.

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

// recurrenceRow is a patternedRecurrence; null except on a series master.
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
