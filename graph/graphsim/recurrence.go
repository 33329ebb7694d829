package graphsim

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Recurrence is how a series repeats (learn.microsoft.com/graph/api/resources/patternedrecurrence).
// The pattern is evaluated in the event's own zone: a 9 o'clock meeting stays at 9 across clock changes.
type Recurrence struct {
	Type       string // daily, weekly, absoluteMonthly, relativeMonthly, absoluteYearly, relativeYearly
	Interval   int    // in days, weeks, months or years; 0 means 1
	Days       []time.Weekday
	FirstDay   time.Weekday // of a week; matters for weekly with an interval
	DayOfMonth int          // in a shorter month the occurrence is on the last day
	Month      time.Month   // yearly types
	Index      string       // relative types: first, second, third, fourth, last
	Until      string       // last day, 2006-01-02; "": see Count
	Count      int          // number of occurrences; 0 and no Until: no end
}

var recurrenceTypes = []string{"daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"}

func (r *Recurrence) check() error {
	switch {
	case !slices.Contains(recurrenceTypes, r.Type):
		return fmt.Errorf("recurrence type %q is not one of %v", r.Type, recurrenceTypes)
	case slices.ContainsFunc(r.Days, func(d time.Weekday) bool { return d < time.Sunday || d > time.Saturday }):
		return fmt.Errorf("recurrence days %v contain an invalid weekday", r.Days)
	case strings.HasSuffix(r.Type, "Yearly") && (r.Month < time.January || r.Month > time.December):
		return fmt.Errorf("recurrence type %s needs a month, not %d", r.Type, r.Month)
	}
	return nil
}

func (r *Recurrence) step() int { return max(r.Interval, 1) }

// date is midnight UTC of a calendar day, so that arithmetic is free of clock changes.
func date(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// days yields the days of the pattern in order, within the range that begins on first. Days before from may be
// omitted.
func (r *Recurrence) days(first, from time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		n := 0
		for d := range r.pattern(first, r.skipped(first, from)) {
			if d.Before(first) {
				continue
			}
			if r.Count > 0 && n >= r.Count || r.Until != "" && d.Format(dayLayout) > r.Until {
				return
			}
			if n++; !yield(d) {
				return
			}
		}
	}
}

// skipped is a number of periods (days, weeks, months or years) before from, divisible by the interval. A series with
// a Count is counted from its beginning, so nothing is skipped.
func (r *Recurrence) skipped(first, from time.Time) int {
	longest := 1 // days in a period
	switch r.Type {
	case "weekly":
		longest = 7
	case "absoluteMonthly", "relativeMonthly":
		longest = 31
	case "absoluteYearly", "relativeYearly":
		longest = 366
	}
	periods := int(from.Sub(first)/(24*time.Hour))/longest - 1
	if r.Count > 0 || periods < 0 {
		return 0
	}
	return periods - periods%r.step()
}

// pattern yields the days of the pattern without end, after the skipped periods. The first days may be before the
// beginning of the series.
func (r *Recurrence) pattern(first time.Time, skipped int) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		for i := skipped; ; i += r.step() {
			for _, d := range r.period(first, i) {
				if d.Year() > 9999 || !yield(d) {
					return
				}
			}
		}
	}
}

// period returns the days of the pattern in its i-th day, week, month or year.
func (r *Recurrence) period(first time.Time, i int) []time.Time {
	month := time.Date(first.Year(), first.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
	year := time.Date(first.Year()+i, r.Month, 1, 0, 0, 0, 0, time.UTC)
	switch r.Type {
	case "weekly":
		return r.week(first, i)
	case "absoluteMonthly":
		return []time.Time{dayIn(month, r.DayOfMonth)}
	case "relativeMonthly":
		return []time.Time{r.indexed(month)}
	case "absoluteYearly":
		return []time.Time{dayIn(year, r.DayOfMonth)}
	case "relativeYearly":
		return []time.Time{r.indexed(year)}
	}
	return []time.Time{first.AddDate(0, 0, i)}
}

func (r *Recurrence) week(first time.Time, i int) []time.Time {
	daysBack := (int(first.Weekday()) - int(r.FirstDay) + 7) % 7
	start := first.AddDate(0, 0, 7*i-daysBack)
	var days []time.Time
	for k := range 7 {
		d := start.AddDate(0, 0, k)
		if slices.Contains(r.Days, d.Weekday()) || len(r.Days) == 0 && d.Weekday() == first.Weekday() {
			days = append(days, d)
		}
	}
	return days
}

func dayIn(month time.Time, day int) time.Time {
	last := month.AddDate(0, 1, -1).Day()
	return month.AddDate(0, 0, min(max(day, 1), last)-1)
}

// indexed returns the first, second, … or last day of a month that is one of Days.
func (r *Recurrence) indexed(month time.Time) time.Time {
	var hits []time.Time
	for d := month; d.Month() == month.Month(); d = d.AddDate(0, 0, 1) {
		if len(r.Days) == 0 || slices.Contains(r.Days, d.Weekday()) {
			hits = append(hits, d)
		}
	}
	if n := slices.Index([]string{"first", "second", "third", "fourth"}, r.Index); n >= 0 {
		return hits[n]
	}
	return hits[len(hits)-1]
}

// location is the event's own zone, which check has loaded; UTC if none is set.
func (e *Event) location() *time.Location {
	if e.loc == nil {
		return time.UTC
	}
	return e.loc
}

// at returns the occurrence of a series on a day of its pattern, with the wall-clock times of the first one.
func (it *item) at(day time.Time) *Event {
	loc := it.location()
	start, end := it.Start.In(loc), it.End.In(loc)
	span := int(date(end).Sub(date(start)) / (24 * time.Hour))
	e := it.Event
	e.Start, e.End = withClock(day, start), withClock(day.AddDate(0, 0, span), end)
	key := day.Format(dayLayout)
	e.ID, e.SeriesMasterID, e.Type, e.Recurrence, e.OriginalStart = occurrenceID(it.ID, key), it.ID, "occurrence", nil, e.Start
	return &e
}

// withClock returns the day with the time of day and zone of clock, in UTC.
func withClock(day, clock time.Time) time.Time {
	h, m, s := clock.Clock()
	return time.Date(day.Year(), day.Month(), day.Day(), h, m, s, 0, clock.Location()).UTC()
}

// firstDay is the first day of the series, in its own zone.
func (it *item) firstDay() time.Time { return date(it.Start.In(it.location())) }

// occurrence returns the occurrence or exception on a day of the pattern, nil if there is none or it was deleted.
func (it *item) occurrence(day string) *Event {
	if x, changed := it.exceptions[day]; changed {
		return x.event
	}
	want, err := time.Parse(dayLayout, day)
	if err != nil {
		return nil
	}
	for d := range it.Recurrence.days(it.firstDay(), want) {
		if d.Equal(want) {
			return it.at(d)
		}
		if d.After(want) {
			return nil
		}
	}
	return nil
}

// instances returns the exceptions and then the other occurrences of a series that overlap a window.
func (it *item) instances(from, to time.Time) []*Event {
	var list []*Event
	for _, x := range it.exceptions {
		if x.event != nil && x.event.overlaps(from, to) {
			list = append(list, x.event)
		}
	}
	slices.SortFunc(list, func(a, b *Event) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID))
	})
	length := it.End.Sub(it.Start) + 48*time.Hour // a margin for zones and clock changes
	for d := range it.Recurrence.days(it.firstDay(), from.Add(-length)) {
		if d.After(to.Add(48 * time.Hour)) {
			break
		}
		if d.Add(length).Before(from) {
			continue
		}
		if _, changed := it.exceptions[d.Format(dayLayout)]; changed {
			continue
		}
		if e := it.at(d); e.overlaps(from, to) {
			list = append(list, e)
		}
	}
	return list
}

// view returns the single events, occurrences and exceptions that overlap a window. They must not be changed.
func (m *mailbox) view(from, to time.Time) []*Event {
	var list []*Event
	for _, id := range m.order {
		it := m.items[id]
		if it.Recurrence != nil {
			list = append(list, it.instances(from, to)...)
		} else if it.overlaps(from, to) {
			list = append(list, &it.Event)
		}
	}
	return list
}

// span is the time for filters and windows: an all-day event is from midnight to midnight UTC in any zone.
func (e *Event) span() (start, end time.Time) {
	if e.AllDay {
		loc := e.location()
		return date(e.Start.In(loc)), date(e.End.In(loc))
	}
	return e.Start, e.End
}

// overlaps is the rule of calendarView: an event that ends exactly at the start of the window is included.
func (e *Event) overlaps(from, to time.Time) bool {
	start, end := e.span()
	return start.Before(to) && !end.Before(from)
}
