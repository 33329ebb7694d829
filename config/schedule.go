package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// ParseSchedule parses a cron schedule: five fields as in crontab(5), "@every
// 90s", or one of @hourly, @daily, @weekly, @monthly, @yearly. Fields are read in
// the given zone. The error says that the schedule cannot be read, never runs, or
// runs more often than least.
//
// Around the change of the clocks a schedule with a fixed hour runs twice when
// the hour repeats and not at all when it is left out. That is harmless for
// refreshing tokens and reading calendars.
func ParseSchedule(spec string, zone *time.Location, least time.Duration) (_ Schedule, err error) {
	defer func() { // the parser panics on some texts
		if p := recover(); p != nil {
			err = fmt.Errorf("schedule %q cannot be read: %v", spec, p)
		}
	}()
	if err := refused(spec); err != nil {
		return nil, fmt.Errorf("schedule %q %w", spec, err)
	}
	parsed, err := cron.ParseStandard(strings.TrimSpace(spec))
	if err != nil {
		return nil, fmt.Errorf("schedule %q cannot be read: %w", spec, err)
	}
	s := zoned{spec, parsed, zone}
	switch gap := shortestGap(s); {
	case gap == 0:
		return nil, fmt.Errorf("schedule %q never runs", spec)
	case gap < least:
		return nil, fmt.Errorf("schedule %q runs every %s, the shortest allowed is %s", spec, short(gap), short(least))
	}
	return s, nil
}

// refused returns an error for specifications that the parser accepts wrongly.
func refused(spec string) error {
	spec = strings.TrimSpace(spec)
	if strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ=") {
		return errors.New("names a time zone, but schedules are read in that of the site")
	}
	if strings.HasPrefix(spec, "@") {
		return nil
	}
	fields := strings.Fields(spec)
	if len(fields) != len(steps) {
		return fmt.Errorf("has %d fields instead of five", len(fields))
	}
	for i, field := range fields {
		for _, step := range stepForm.FindAllStringSubmatch(field, -1) {
			if n, err := strconv.Atoi(step[1]); err != nil || n >= steps[i].size {
				return fmt.Errorf("has a step of %s %s, which exceeds the field", step[1], steps[i].unit)
			}
		}
	}
	return nil
}

var stepForm = regexp.MustCompile(`/(\d+)`)

// steps are the sizes of the fields. The parser accepts longer steps and takes
// them for the size of the field: "*/90" minutes for an hour.
var steps = [5]struct {
	size int
	unit string
}{{60, "minutes"}, {24, "hours"}, {31, "days"}, {12, "months"}, {7, "weekdays"}}

// shortestGap returns the shortest time between the first runs of a schedule, 0
// when it does not run. It starts at a fixed instant, so that the result does not
// depend on the day.
func shortestGap(s Schedule) time.Duration {
	const runs = 5
	var shortest time.Duration
	at := s.Next(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC))
	for range runs {
		if at.IsZero() {
			break
		}
		next := s.Next(at)
		if gap := next.Sub(at); gap > 0 && (shortest == 0 || gap < shortest) {
			shortest = gap
		}
		at = next
	}
	return shortest
}

// zoned evaluates a schedule in a zone, for instants in any zone.
type zoned struct {
	spec     string // as written
	schedule cron.Schedule
	zone     *time.Location
}

// Next returns the next run after t in UTC, or the zero time when there is none
// within five years.
func (z zoned) Next(t time.Time) time.Time { return z.schedule.Next(t.In(z.zone)).UTC() }

// Equal reports whether the other is the same schedule, by text and zone. A
// [time.Location] that was loaded later may differ in its cache.
func (z zoned) Equal(other any) bool {
	o, ok := other.(zoned)
	return ok && z.spec == o.spec && z.zone.String() == o.zone.String()
}

// short formats a duration without trailing zero units: "20m" for "20m0s".
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
