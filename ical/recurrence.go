package ical

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// series says when an event recurs. The times of an all-day series are dates, at
// midnight UTC.
type series struct {
	rule     *rrule.ROption     // in wall time written as UTC; nil: there is none
	more     []time.Time        // further starts
	except   map[time.Time]bool // starts that are left out
	replaced map[time.Time]bool // starts of instances that have separate events
	zone     *time.Location     // of the wall time, and of the dates
	length   time.Duration      // of each occurrence
	allDay   bool
}

// recurrence reads how the event from start to end recurs: by its rule, at
// further times, and not at others.
func (r reader) recurrence(c component, start, end time.Time, allDay bool) (*series, error) {
	s := &series{zone: start.Location(), length: end.Sub(start), allDay: allDay, except: map[time.Time]bool{}}
	if allDay {
		s.zone = r.zone
	}
	var err error
	for _, p := range c.props["RRULE"] {
		if s.rule, err = r.rule(p, s.zone, wallTime(start)); err != nil {
			return nil, err
		}
	}
	if s.rule == nil {
		s.more = append(s.more, start.UTC())
	}
	further, err := r.dates(c.props["RDATE"], allDay)
	if err != nil {
		return nil, err
	}
	s.more = append(s.more, further...)
	left, err := r.dates(c.props["EXDATE"], allDay)
	for _, at := range left {
		s.except[at] = true
	}
	return s, err
}

// rule reads a recurrence rule (RFC 5545 §3.3.10). It is kept in wall time,
// written as UTC, so that every occurrence has the same time of day when the
// clocks change.
func (r reader) rule(p property, zone *time.Location, first time.Time) (*rrule.ROption, error) {
	o, err := rrule.StrToROption(strings.ToUpper(p.value))
	if err == nil {
		_, err = rrule.NewRRule(*o)
	}
	switch {
	case err != nil:
	case o.Freq > rrule.DAILY:
		err = errors.New("frequencies above DAILY are not supported")
	case len(o.Byhour)+len(o.Byminute)+len(o.Bysecond) > 0:
		err = errors.New("BYHOUR, BYMINUTE and BYSECOND are not supported: occurrences start at the time of DTSTART")
	case o.Interval > 1000:
		err = errors.New("INTERVAL is above 1000")
	}
	if err != nil {
		return nil, r.errorf(p.line, "RRULE cannot be used: %w", err)
	}
	switch until := untilOf(p.value); {
	case strings.HasSuffix(until, "Z"):
		o.Until = wallTime(o.Until.In(zone))
	case len(until) == len(rrule.DateFormat): // the whole day, as most calendars mean it
		o.Until = o.Until.Add(24*time.Hour - time.Second)
	}
	o.Dtstart = first
	return o, nil
}

// untilOf is the UNTIL of a rule in capitals; empty: there is none.
func untilOf(rule string) string {
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		if value, ok := strings.CutPrefix(part, "UNTIL="); ok {
			return value
		}
	}
	return ""
}

// dates reads the times of RDATE or EXDATE.
func (r reader) dates(all []property, allDay bool) ([]time.Time, error) {
	var out []time.Time
	for _, p := range all {
		for value := range strings.SplitSeq(p.value, ",") {
			t, date, err := r.time(p, value)
			if err != nil {
				return nil, err
			}
			if date != allDay {
				return nil, r.errorf(p.line, "%s and DTSTART must both be dates or both be times", p.name)
			}
			out = append(out, t.UTC())
		}
	}
	return out, nil
}

// starts returns the starts of all occurrences that may overlap [from, to), and
// of some more.
func (s *series) starts(from, to time.Time) ([]time.Time, error) {
	const slack = 48 * time.Hour // wall time written as UTC is off by less
	out := slices.Clone(s.more)
	if s.rule != nil {
		o := *s.rule
		if end := to.UTC().Add(slack); o.Until.IsZero() || o.Until.After(end) {
			o.Until = end
		}
		rule, err := rrule.NewRRule(o)
		if err != nil {
			return nil, fmt.Errorf("RRULE cannot be used: %w", err)
		}
		for _, wall := range rule.Between(from.UTC().Add(-slack-s.length), o.Until, true) {
			out = append(out, s.instant(wall))
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	out = slices.CompactFunc(out, time.Time.Equal)
	return slices.DeleteFunc(out, func(t time.Time) bool { return s.except[t] || s.replaced[t] }), nil
}

// instant is when the clocks of the series' zone show a wall time, UTC.
func (s *series) instant(wall time.Time) time.Time {
	if s.allDay {
		return wall
	}
	y, m, d := wall.Date()
	return time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), 0, s.zone).UTC()
}

// end is when an occurrence ends, UTC.
func (s *series) end(start time.Time) time.Time { return start.Add(s.length) }
