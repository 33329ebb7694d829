package driver

import (
	"slices"
	"time"
)

// Weekly is a week's hours of use in the site's zone.
type Weekly struct {
	Days       [7][]HoursRange         // by [time.Weekday]
	Exceptions map[string][]HoursRange // by date, as in "2026-12-25": instead of its weekday's
}

// HoursRange is a range of hours of a day, its end exclusive, in minutes of local time from
// midnight: 24:00 is 1440. A local time that occurs twice is the first of the two.
type HoursRange struct{ From, To int }

// Hours reports whether now is within the hours of use, and returns the first instant
// after now, UTC, at which that changes; zero: it does not within a week.
func (w Weekly) Hours(now time.Time, zone *time.Location) (used bool, until time.Time) {
	y, m, d := now.In(zone).Date()
	end := now // of the current hours of use, or of the time between them
	for day := range 8 {
		for _, s := range w.on(y, m, d+day, zone) {
			switch {
			case !s.end.After(end):
			case s.start.After(end):
				if !used {
					end = s.start
				}
				return used, end.UTC()
			default:
				used, end = true, s.end
			}
		}
		if used && end.Before(startOfDay(y, m, d+day+1, zone)) {
			return true, end.UTC()
		}
	}
	return used, time.Time{}
}

// on returns the stretches of a date in the zone as instants, in order of their start.
func (w Weekly) on(y int, m time.Month, d int, zone *time.Location) []span {
	stretches := w.Days[time.Date(y, m, d, 12, 0, 0, 0, zone).Weekday()]
	if len(w.Exceptions) > 0 {
		if special, ok := w.Exceptions[time.Date(y, m, d, 12, 0, 0, 0, zone).Format(time.DateOnly)]; ok {
			stretches = special
		}
	}
	if len(stretches) == 0 {
		return nil
	}
	instant := func(minute int) time.Time {
		switch minute {
		case 0, dayMinutes:
			return startOfDay(y, m, d+minute/dayMinutes, zone)
		}
		return time.Date(y, m, d, 0, minute, 0, 0, zone)
	}
	out := make([]span, 0, len(stretches))
	for _, s := range stretches {
		out = append(out, span{instant(s.From), instant(s.To)})
	}
	slices.SortFunc(out, func(a, b span) int { return a.start.Compare(b.start) }) // an hour that is skipped in spring can change their order
	return out
}

const dayMinutes = 24 * 60
