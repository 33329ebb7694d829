package replay

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"roomgate/driver"
	"roomgate/ical"
)

// File is a file of bookings and of what presence sensors report.
type File struct {
	Name string // base name, for messages

	events   []ical.Event // recurring ones among them
	presence []presence   // by time
}

// presence is what a presence sensor reports.
type presence struct {
	room  string // as the file names it, or its id
	at    time.Time
	state driver.Presence
}

// largestFile bounds what is read of a file, in bytes.
const largestFile = 32 << 20

// Read reads an iCalendar (RFC 5545) or a JSON file. Times without a zone are in
// the given one. Errors in the content begin with the base name and the line.
func Read(path string, zone *time.Location) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > largestFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, largestFile>>20)
	}
	return parse(filepath.Base(path), text, zone)
}

// parse reads the text of a file; one that begins with a bracket is JSON.
func parse(name string, text []byte, zone *time.Location) (*File, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s is not text in UTF-8", name)
	}
	f := &File{Name: name}
	var err error
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		err = f.readJSON(text, zone)
	} else if len(text) > 0 {
		f.events, err = ical.Parse(name, string(text), zone)
	}
	if err != nil {
		return nil, err
	}
	if len(f.events)+len(f.presence) == 0 {
		return nil, errors.New(name + " contains neither bookings nor presence")
	}
	slices.SortStableFunc(f.presence, func(a, b presence) int { return a.at.Compare(b.at) })
	return f, nil
}

// First is the earliest instant of the file.
func (f *File) First() time.Time {
	var first time.Time
	earlier := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, e := range f.events {
		earlier(e.Starts())
	}
	for _, p := range f.presence {
		earlier(p.at)
	}
	return first
}

// occurrences returns what overlaps [from, to) of events of the file.
func (f *File) occurrences(events []ical.Event, from, to time.Time) ([]driver.Event, error) {
	var all []driver.Event
	for _, e := range events {
		some, err := e.Occurrences(from, to)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.Name, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// ParseInstant reads an instant, "2026-01-15T09:00:00+01:00", or what the clocks
// of a zone show, "2026-01-15T09:00".
func ParseInstant(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write it as 2026-01-15T09:00 or 2026-01-15T09:00:00+01:00", shorten(text))
}

// shorten bounds what a message quotes of a file.
func shorten(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
