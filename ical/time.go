package ical

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"roomgate/zones"
)

// longest is the length up to which events are read: the search for occurrences
// looks back by the length.
const longest = 366 * 24 * time.Hour

// time reads a date or a date-time of a property (RFC 5545 §3.3.4 and §3.3.5). A
// date is its midnight in UTC, because not every zone has a midnight every day.
func (r reader) time(p property, value string) (t time.Time, date bool, err error) {
	zone := r.zone
	if name := p.params["TZID"]; name != "" {
		if zone, err = zones.Load(name); err != nil {
			return t, false, r.errorf(p.line, "%w: write TZID as in Europe/London", err)
		}
	}
	switch {
	case len(value) == len(rrule.DateFormat):
		date = true
		t, err = time.Parse(rrule.DateFormat, value)
	case strings.HasSuffix(value, "Z"):
		t, err = time.Parse(rrule.DateTimeFormat, value)
	default:
		t, err = time.ParseInLocation(rrule.LocalDateTimeFormat, value, zone)
	}
	if err != nil {
		return t, date, r.errorf(p.line, "%s %q is not a time: write it as 20260115T090000, 20260115T090000Z or 20260115", p.name, shorten(value))
	}
	return t, date, nil
}

var durationForm = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$`)

// addDuration adds a duration (RFC 5545 §3.3.6): weeks and days are nominal, so
// that they keep the time of day; hours, minutes and seconds are exact.
func addDuration(t time.Time, text string) (time.Time, bool) {
	parts := durationForm.FindStringSubmatch(text)
	if parts == nil || strings.Join(parts[1:], "") == "" {
		return t, false
	}
	n := make([]int, len(parts))
	for i, digits := range parts {
		n[i], _ = strconv.Atoi(digits) // absent: 0
	}
	exact := time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second
	return t.AddDate(0, 0, 7*n[1]+n[2]).Add(exact), true
}

// wallTime is what the clocks of t's zone show at t, written as if the zone were
// UTC.
func wallTime(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
