// Package ical reads calendars in the iCalendar format (RFC 5545): events, their
// times in any zone, and the occurrences of recurring ones.
package ical

import (
	"fmt"
	"time"
	"unicode/utf8"

	"roomgate/driver"
)

// Event is an event of a calendar, or a series of them.
type Event struct {
	// First is the event, or the first occurrence of the series. It has neither
	// been matched to a room nor redacted. Its names and texts are the file's.
	First driver.Event

	uid    string
	zone   *time.Location // in which the dates of an all-day event are days
	series *series        // nil: it does not recur
}

// Parse reads the events of a calendar in file order, cancelled ones included.
// The text is UTF-8. Times and dates without a zone are in the given one. An
// instance of a series that has a separate event is left out of the series.
// Errors begin with name, the name of the file, and the line number.
func Parse(name, text string, zone *time.Location) ([]Event, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%s is not text in UTF-8", name)
	}
	r := reader{name: name, zone: zone, replaced: map[string]*replacements{}}
	components, err := r.components(text)
	if err != nil {
		return nil, err
	}
	events := make([]Event, 0, len(components))
	for _, c := range components {
		e, err := r.event(c)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, r.leaveOutReplaced(events)
}

// Single returns an event that does not recur. An all-day event's dates are days
// in the given zone.
func Single(e driver.Event, zone *time.Location) Event { return Event{First: e, zone: zone} }

// reader turns the text of one calendar into events.
type reader struct {
	name     string
	zone     *time.Location
	replaced map[string]*replacements // by UID
}

// errorf returns an error that names the file and the line.
func (r reader) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, line, fmt.Errorf(format, args...))
}

// replacements are the instances of a series that have separate events.
type replacements struct {
	starts    map[time.Time]bool // where they would start: UTC, or dates at midnight UTC
	dateLine  int                // of a RECURRENCE-ID that is a date; 0: there is none
	clockLine int                // of a RECURRENCE-ID that is a time; 0: there is none
}

// replace records that an event replaces the instance of a series that would start at
// the given time.
func (r reader) replace(uid string, start time.Time, date bool, line int) {
	all := r.replaced[uid]
	if all == nil {
		all = &replacements{starts: map[time.Time]bool{}}
		r.replaced[uid] = all
	}
	all.starts[start] = true
	if date {
		all.dateLine = line
	} else {
		all.clockLine = line
	}
}

// leaveOutReplaced removes the instances that have separate events from each series.
func (r reader) leaveOutReplaced(events []Event) error {
	for _, e := range events {
		all := r.replaced[e.uid]
		if e.series == nil || all == nil {
			continue
		}
		if e.First.AllDay && all.clockLine > 0 {
			return r.errorf(all.clockLine, "RECURRENCE-ID is a time, but the series has dates")
		}
		if !e.First.AllDay && all.dateLine > 0 {
			return r.errorf(all.dateLine, "RECURRENCE-ID is a date, but the series has times")
		}
		e.series.replaced = all.starts
	}
	return nil
}

// Occurrences returns the occurrences that overlap [from, to), in order. One that
// ends exactly at from does not overlap it, and one without length overlaps
// nothing.
func (e *Event) Occurrences(from, to time.Time) ([]driver.Event, error) {
	if e.series == nil {
		if !e.overlaps(e.First, from, to) {
			return nil, nil
		}
		return []driver.Event{e.First}, nil
	}
	starts, err := e.series.starts(from, to)
	if err != nil {
		return nil, fmt.Errorf("expanding the recurrence of event %q: %w", shorten(e.uid), err)
	}
	var all []driver.Event
	for _, start := range starts {
		o := e.First
		o.Start, o.End = start, e.series.end(start)
		o.ID = occurrenceID(o.ID, start)
		if e.overlaps(o, from, to) {
			all = append(all, o)
		}
	}
	return all, nil
}

// overlaps reports whether an occurrence of the event overlaps [from, to).
func (e *Event) overlaps(o driver.Event, from, to time.Time) bool {
	start, end := o.Start, o.End
	if o.AllDay {
		start, end = driver.AllDay(o.Start, o.End, e.zone)
	}
	return start.Before(end) && start.Before(to) && end.After(from)
}

// Starts returns when the first occurrence starts, UTC.
func (e *Event) Starts() time.Time {
	if e.First.AllDay {
		start, _ := driver.AllDay(e.First.Start, e.First.End, e.zone)
		return start
	}
	return e.First.Start
}

// occurrenceID returns a unique id of an occurrence of a UID.
func occurrenceID(uid string, start time.Time) string {
	return uid + " " + start.Format(time.RFC3339)
}

// shorten bounds what an error quotes of a file.
func shorten(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
