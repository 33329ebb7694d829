package replay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"roomgate/driver"
	"roomgate/ical"
)

// row is a booking or, with At, what a presence sensor reports.
type row struct {
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
	On *bool  `json:"on"` // null: neither presence nor absence
}

// mostAttendees bounds the attendees of a row.
const mostAttendees = 10_000

// readJSON reads an array of rows.
func (f *File) readJSON(text []byte, zone *time.Location) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	begin := 0 // of the row that is being read
	fail := func(err error) error {
		if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
			begin = int(syntax.Offset)
		} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			begin, err = len(text), errors.New("the file is truncated")
		}
		return fmt.Errorf("%s:%d: %w", f.Name, 1+bytes.Count(text[:begin], []byte("\n")), err)
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	for n := 1; d.More(); n++ {
		begin = len(text) - len(bytes.TrimLeft(text[d.InputOffset():], ", \t\r\n"))
		var r row
		if err := d.Decode(&r); err != nil {
			return fail(err)
		}
		if err := f.add(r, zone, fmt.Sprintf("row %d", n)); err != nil {
			return fail(err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fail(err)
	}
	if begin = int(d.InputOffset()); len(bytes.TrimSpace(text[begin:])) > 0 {
		return fail(errors.New("expected the end of the file after the array"))
	}
	return nil
}

// add adds a row to the file.
func (f *File) add(r row, zone *time.Location, id string) error {
	reading := row{Room: r.Room, At: r.At, On: r.On}
	switch {
	case r.At != "" && r != reading:
		return errors.New("a sensor reading has room, at and on alone, and this row has keys of a booking; write two rows")
	case r.At == "" && r.On != nil:
		return errors.New("on: a sensor reading needs at, and a booking has no on")
	case r.At != "":
		at, err := ParseInstant(r.At, zone)
		if err != nil {
			return fmt.Errorf("at: %w", err)
		}
		p := presence{room: r.Room, at: at}
		if r.On != nil {
			p.state = driver.Presence{Known: true, On: *r.On}
		}
		f.presence = append(f.presence, p)
		return nil
	}
	e, err := r.event(zone)
	if err != nil {
		return err
	}
	e.ID = id
	f.events = append(f.events, ical.Single(e, zone))
	return nil
}

// event returns the booking of a row.
func (r row) event(zone *time.Location) (driver.Event, error) {
	start, end, err := r.times(zone)
	if err != nil {
		return driver.Event{}, err
	}
	if !start.Before(end) {
		return driver.Event{}, fmt.Errorf("the booking ends at %s, which is not after its start, %s", shorten(r.End), shorten(r.Start))
	}
	showAs, err := driver.ParseShowAs(cmp.Or(r.ShowAs, driver.Busy.String()))
	if err != nil {
		return driver.Event{}, fmt.Errorf("show_as %w", err)
	}
	if r.Attendees < 0 || r.Attendees > mostAttendees {
		return driver.Event{}, fmt.Errorf("attendees %d: use 0 to %d", r.Attendees, mostAttendees)
	}
	return driver.Event{Start: start, End: end, AllDay: r.AllDay, ShowAs: showAs, Private: r.Private,
		Subject: r.Subject, Organizer: r.Organizer, Attendees: make([]driver.Attendee, r.Attendees),
		Places: []driver.Place{{Name: r.Room}}}, nil
}

// times returns when a booking starts and ends: instants, or dates at midnight UTC.
func (r row) times(zone *time.Location) (start, end time.Time, err error) {
	read := func(text string) (time.Time, error) { return ParseInstant(text, zone) }
	if r.AllDay {
		read = readDate
	}
	if start, err = read(r.Start); err != nil {
		return start, end, fmt.Errorf("start: %w", err)
	}
	if end, err = read(r.End); err != nil {
		return start, end, fmt.Errorf("end: %w", err)
	}
	return start.UTC(), end.UTC(), nil
}

func readDate(text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, fmt.Errorf("%q is not a date: write it as 2026-01-15", shorten(text))
	}
	return t, nil
}
