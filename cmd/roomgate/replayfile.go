package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teambition/rrule-go"

	"roomgate/driver"
)

// replayFile is what a file of bookings and presence holds.
type replayFile struct {
	events   []replayEvent
	presence []replayPresence // by time
}

// replayEvent is a booking, once or again and again.
type replayEvent struct {
	uid     string         // of iCalendar; shared by a series and its moved instances
	rooms   []string       // names and addresses by which the file calls its rooms
	called  []string       // what to call them where no room goes by any of these
	booking driver.Booking // the first; subject and organizer are those of the file
	series  *series        // nil: it does not recur
}

// replayPresence is what a presence sensor says.
type replayPresence struct {
	room string
	at   time.Time
	said driver.Presence
}

// series tells when a booking takes place again. An all-day one has days.
type series struct {
	rule   *rrule.ROption     // on the wall's clock, as if that were UTC; nil: none
	more   []time.Time        // further occurrences
	except map[time.Time]bool // none starts at these
	zone   *time.Location
	length time.Duration
	days   int // 0: not all-day
}

// biggestReplayFile is how much of a file is read.
const biggestReplayFile = 32 << 20

// readReplayFile reads iCalendar (RFC 5545) or JSON; times without a zone are in
// the given one. The error names the line.
func readReplayFile(path string, zone *time.Location) (*replayFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, biggestReplayFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > biggestReplayFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, biggestReplayFile>>20)
	}
	return parseReplayFile(filepath.Base(path), text, zone)
}

// parseReplayFile is readReplayFile for the text of a file, which tells by itself
// what it is.
func parseReplayFile(name string, text []byte, zone *time.Location) (f *replayFile, err error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s is no text in UTF-8", name)
	}
	f = &replayFile{}
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		err = f.readJSON(name, text, zone)
	} else {
		f.events, err = readICal(name, string(text), zone)
	}
	if err == nil && len(f.events)+len(f.presence) == 0 {
		err = fmt.Errorf("%s holds neither bookings nor presence", name)
	}
	slices.SortStableFunc(f.presence, func(a, b replayPresence) int { return a.at.Compare(b.at) })
	return f, err
}

// jsonRow is a booking, or, with At, what a presence sensor says.
type jsonRow struct {
	Room      string `json:"room"`
	Start     string `json:"start"`
	End       string `json:"end"`
	Subject   string `json:"subject"`
	Organizer string `json:"organizer"`
	Attendees int    `json:"attendees"`
	ShowAs    string `json:"show_as"`
	Private   bool   `json:"private"`
	AllDay    bool   `json:"all_day"`

	At string `json:"at"`
	On *bool  `json:"on"` // null: the sensor cannot tell
}

// readJSON reads an array of rows.
func (f *replayFile) readJSON(name string, text []byte, zone *time.Location) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	begin := 0 // of the row that is read
	fail := func(err error) error {
		if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
			begin = int(syntax.Offset)
		} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			begin, err = len(text), errors.New("the file is cut off")
		}
		return fmt.Errorf("%s:%d: %w", name, 1+bytes.Count(text[:begin], []byte("\n")), err)
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	for n := 1; d.More(); n++ {
		begin = len(text) - len(bytes.TrimLeft(text[d.InputOffset():], ", \t\r\n"))
		var row jsonRow
		if err := d.Decode(&row); err != nil {
			return fail(err)
		}
		if err := f.take(row, zone, fmt.Sprintf("row %d", n)); err != nil {
			return fail(err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	if begin = int(d.InputOffset()); len(bytes.TrimSpace(text[begin:])) > 0 {
		return fail(errors.New("something follows the end of the array"))
	}
	return nil
}

// take adds a row to what the file holds.
func (f *replayFile) take(row jsonRow, zone *time.Location, id string) error {
	if row.At != "" {
		at, err := parseInstant(row.At, zone)
		p := replayPresence{room: row.Room, at: at}
		if row.On != nil {
			p.said = driver.Presence{Known: true, On: *row.On}
		}
		f.presence = append(f.presence, p)
		return err
	}
	start, end, err := row.times(zone)
	if err != nil {
		return err
	}
	if !start.Before(end) {
		return fmt.Errorf("the booking ends at %s, which is not after its start, %s", cut(row.End), cut(row.Start))
	}
	shown, err := driver.ParseShowAs(cmp.Or(cut(row.ShowAs), driver.Busy.String()))
	if err != nil {
		return fmt.Errorf("show_as %w", err)
	}
	if shown == driver.Free {
		return nil
	}
	f.events = append(f.events, replayEvent{rooms: []string{row.Room}, called: splitPlaces(row.Room),
		booking: driver.Booking{ID: id, Start: start.UTC(), End: end.UTC(), ShowAs: shown, Private: row.Private,
			Subject: row.Subject, Organizer: row.Organizer, Attendees: row.Attendees}})
	return nil
}

// times returns when a booking starts and ends.
func (row jsonRow) times(zone *time.Location) (start, end time.Time, err error) {
	read := func(text string) (time.Time, error) { return parseInstant(text, zone) }
	if row.AllDay {
		read = func(text string) (time.Time, error) { return time.Parse(time.DateOnly, text) }
	}
	if start, err = read(row.Start); err != nil {
		return start, end, fmt.Errorf("start: %w", err)
	}
	if end, err = read(row.End); err != nil {
		return start, end, fmt.Errorf("end: %w", err)
	}
	if row.AllDay {
		start, end = driver.AllDay(start, end, zone)
	}
	return start, end, nil
}

// parseInstant reads an instant, "2026-01-15T09:00:00+01:00", or what the clocks
// of a zone show, "2026-01-15T09:00".
func parseInstant(text string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: 2026-01-15T09:00 or 2026-01-15T09:00:00+01:00 is", cut(text))
}

// first is the earliest instant of the file.
func (f *replayFile) first() time.Time {
	var first time.Time
	for _, e := range f.events {
		if first.IsZero() || e.booking.Start.Before(first) {
			first = e.booking.Start
		}
	}
	for _, p := range f.presence {
		if first.IsZero() || p.at.Before(first) {
			first = p.at
		}
	}
	return first
}

// bookings returns what an event books in [from, to).
func (e *replayEvent) bookings(from, to time.Time) ([]driver.Booking, error) {
	if e.series == nil {
		return driver.Overlapping([]driver.Booking{e.booking}, from, to), nil
	}
	starts, err := e.series.starts(from, to)
	var all []driver.Booking
	for _, start := range starts {
		b := e.booking
		b.Start, b.End = start, e.series.end(start)
		b.ID += " " + start.Format(time.RFC3339)
		all = append(all, b)
	}
	return driver.Overlapping(all, from, to), err
}

// starts returns when occurrences start of which some may overlap [from, to).
func (s *series) starts(from, to time.Time) ([]time.Time, error) {
	const slack = 48 * time.Hour // more than two zones, and a change of clocks, are apart
	out := slices.Clone(s.more)
	if s.rule != nil {
		o := *s.rule
		if end := to.Add(slack); o.Until.IsZero() || o.Until.After(end) {
			o.Until = end
		}
		rule, err := rrule.NewRRule(o)
		if err != nil {
			return nil, fmt.Errorf("a recurrence rule cannot be used: %w", err)
		}
		for _, wall := range rule.Between(from.UTC().Add(-slack-s.length), o.Until, true) {
			out = append(out, s.instant(wall))
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	out = slices.CompactFunc(out, time.Time.Equal)
	return slices.DeleteFunc(out, func(t time.Time) bool { return s.except[t] }), nil
}

// instant is when the wall's clock shows the given time in the series' zone, in UTC.
func (s *series) instant(wall time.Time) time.Time {
	if s.days > 0 {
		start, _ := driver.AllDay(wall, wall, s.zone)
		return start
	}
	y, m, d := wall.Date()
	return time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), 0, s.zone).UTC()
}

// end is when an occurrence ends, in UTC.
func (s *series) end(start time.Time) time.Time {
	if s.days == 0 {
		return start.Add(s.length)
	}
	day := start.In(s.zone)
	_, end := driver.AllDay(day, day.AddDate(0, 0, s.days), s.zone)
	return end
}

// wallClock is what the clock on the wall shows at t in its zone, as if that were UTC.
func wallClock(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// splitPlaces splits several rooms in one name, as Outlook joins them.
func splitPlaces(name string) []string {
	var out []string
	for part := range strings.SplitSeq(name, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// cut shortens what is shown of a file.
func cut(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// roomNames finds the rooms of a configuration by what a file calls them.
type roomNames map[string][]string // room ids by names, addresses and marks in lower case

func namesOf(rooms []driver.Room) roomNames {
	names := roomNames{}
	for _, r := range rooms {
		for _, name := range append([]string{r.ID, r.Name, r.Mailbox}, r.Match...) {
			key := strings.ToLower(strings.TrimSpace(name))
			if key != "" && !slices.Contains(names[key], r.ID) {
				names[key] = append(names[key], r.ID)
			}
		}
	}
	return names
}

// find returns the ids of the rooms that are called so. A name that several rooms
// share stands for one that another name has settled, if there is any.
func (n roomNames) find(called []string) []string {
	var found, shared []string
	for _, name := range called {
		ids := n[strings.ToLower(strings.TrimSpace(name))]
		if len(ids) == 1 && !slices.Contains(found, ids[0]) {
			found = append(found, ids[0])
		} else if len(ids) > 1 {
			shared = append(shared, name)
		}
	}
	for _, name := range shared {
		ids := n[strings.ToLower(strings.TrimSpace(name))]
		if !slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(found, id) }) {
			found = append(found, ids...)
		}
	}
	return found
}
