package replay

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// meeting is an iCalendar file with one event of the given lines.
func meeting(lines ...string) string {
	return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func mustParse(t testing.TB, text string) *File {
	t.Helper()
	f, err := parse("file", []byte(text), london(t))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// In July the clocks of London are an hour ahead of UTC.
func TestJSONEvents(t *testing.T) {
	f := mustParse(t, `[
		{"room":"Boardroom; Library","start":"2026-07-01T09:00","end":"2026-07-01T09:00:00Z","subject":"Budget","organizer":"Ann","attendees":2,"private":true,"show_as":"Tentative"},
		{"room":"a","start":"2026-07-02","end":"2026-07-03","all_day":true},
		{"room":"a","at":"2026-07-01T12:00","on":false},
		{"room":"a","at":"2026-07-01T07:00:00+01:00","on":true},
		{"room":"a","at":"2026-07-01T11:00","on":null}]`)
	at := func(day, hour int) time.Time { return time.Date(2026, 7, day, hour, 0, 0, 0, time.UTC) }
	want := []driver.Event{
		{ID: "row 1", Start: at(1, 8), End: at(1, 9), ShowAs: driver.Tentative, Private: true, Subject: "Budget", Organizer: "Ann",
			Places: []driver.Place{{Name: "Boardroom; Library"}}, Attendees: []driver.Attendee{{}, {}}},
		{ID: "row 2", Start: at(2, 0), End: at(3, 0), AllDay: true, ShowAs: driver.Busy, Places: []driver.Place{{Name: "a"}}, Attendees: []driver.Attendee{}},
	}
	got, err := f.occurrences(f.events, at(1, 0), at(5, 0))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("events\n%+v\nwant\n%+v (%v)", got, want, err)
	}
	sensors := []presence{{"a", at(1, 6), driver.Presence{Known: true, On: true}}, {"a", at(1, 10), driver.Presence{}}, {"a", at(1, 11), driver.Presence{Known: true}}}
	if len(f.presence) != len(sensors) {
		t.Fatalf("presence %+v, want %+v", f.presence, sensors)
	}
	for i, s := range sensors {
		if g := f.presence[i]; g.room != s.room || !g.at.Equal(s.at) || g.state != s.state {
			t.Errorf("presence %d: %+v, want %+v", i, g, s)
		}
	}
	if first := f.First(); !first.Equal(at(1, 6)) {
		t.Errorf("the file begins at %v, want %v", first, at(1, 6))
	}
}

// The occurrences of an iCalendar file are expanded for the window. An all-day
// event begins at midnight in London.
func TestCalendarEvents(t *testing.T) {
	f := mustParse(t, meeting("UID:a", "DTSTART;VALUE=DATE:20260701", "RRULE:FREQ=WEEKLY;COUNT=3"))
	got, err := f.occurrences(f.events, time.Date(2026, 7, 8, 0, 0, 0, 0, time.UTC), time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC))
	if err != nil || len(got) != 2 || got[0].ID != "a 2026-07-08T00:00:00Z" || got[1].ID != "a 2026-07-15T00:00:00Z" {
		t.Errorf("events %+v, %v", got, err)
	}
	if first, want := f.First(), time.Date(2026, 6, 30, 23, 0, 0, 0, time.UTC); !first.Equal(want) {
		t.Errorf("the file begins at %v, want %v", first, want)
	}
}

func TestMistakes(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "file contains neither bookings nor presence"},
		{"no rows", "[]", "file contains neither bookings nor presence"},
		{"neither format", "hello", "file:1: not an iCalendar line: expected NAME:VALUE"},
		{"iCalendar", meeting("UID:a", "DTSTART:tomorrow"), `file:4: DTSTART "tomorrow" is not a time: write it as 20260115T090000, 20260115T090000Z or 20260115`},
		{"truncated", "[\n{\"room\":\"a\",\n", "file:3: the file is truncated"},
		{"syntax", "[\n{\"room\" \"a\"}]", "file:2: invalid character '\"' after object key"},
		{"unknown key", "[\n\n{\"rom\":\"a\"}]", `file:3: json: unknown field "rom"`},
		{"bad time", "[{\"room\":\"a\",\"at\":\"2026-01-15T09:00\",\"on\":true},\n{\"room\":\"a\",\"start\":\"9 o'clock\"}]",
			`file:2: start: "9 o'clock" is not a time: write it as 2026-01-15T09:00 or 2026-01-15T09:00:00+01:00`},
		{"bad presence time", `[{"room":"a","at":"noon","on":true}]`, `file:1: at: "noon" is not a time: write it as 2026-01-15T09:00 or 2026-01-15T09:00:00+01:00`},
		{"a reading that is a booking too", "[{\"room\":\"a\",\"at\":\"2026-01-15T09:00\",\"on\":true},\n{\"room\":\"a\",\"at\":\"2026-01-15T09:00\",\"start\":\"2026-01-15T09:00\",\"end\":\"2026-01-15T10:00\"}]",
			"file:2: a sensor reading has room, at and on alone, and this row has keys of a booking; write two rows"},
		{"a booking that is private and read at a time", `[{"room":"a","at":"2026-01-15T09:00","private":true}]`, "file:1: a sensor reading has room, at and on alone, and this row has keys of a booking; write two rows"},
		{"a reading without a time", `[{"room":"a","on":true}]`, "file:1: on: a sensor reading needs at, and a booking has no on"},
		{"a booking with a reading", `[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T10:00","on":false}]`, "file:1: on: a sensor reading needs at, and a booking has no on"},
		{"bad date", `[{"room":"a","start":"2026-01-15","end":"2026-01-32","all_day":true}]`, `file:1: end: "2026-01-32" is not a date: write it as 2026-01-15`},
		{"no length", `[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T09:00"}]`,
			"file:1: the booking ends at 2026-01-15T09:00, which is not after its start, 2026-01-15T09:00"},
		{"show_as", `[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T10:00","show_as":"maybe"}]`,
			`file:1: show_as "maybe" is none of unknown, free, tentative, busy, oof, workingElsewhere`},
		{"attendees", `[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T10:00","attendees":-1}]`, "file:1: attendees -1: use 0 to 10000"},
		{"and more", "[]\n[]", "file:1: expected the end of the file after the array"},
		{"bytes", "\xff\xfe", "file is not text in UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parse("file", []byte(tt.text), london(t)); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "day.json")
	if err := os.WriteFile(path, []byte(`[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T10:00"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := Read(path, london(t)); err != nil || f.Name != "day.json" || len(f.events) != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	if err := os.Truncate(path, largestFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, london(t)); err == nil || err.Error() != path+" is larger than 32 MiB" {
		t.Errorf("a large file: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none"), london(t)); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}

// FuzzParse checks that occurrences of whatever can be read overlap the window.
func FuzzParse(f *testing.F) {
	f.Add([]byte(meeting("UID:a", "DTSTART;TZID=Europe/London:20260318T090000", "DURATION:PT1H",
		"RRULE:FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2;UNTIL=20270101", "EXDATE;TZID=Europe/London:20260325T090000")))
	f.Add([]byte(`[{"room":"a","start":"2026-03-15T09:00","end":"2026-03-15T10:00"},{"room":"a","at":"2026-03-15T09:00","on":null}]`))
	f.Add([]byte(`[{"room":"a","start":"2026-03-29","end":"2026-03-30","all_day":true,"attendees":3}]`))
	zone := london(f)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, zone)
	to := from.AddDate(0, 1, 0)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parse("file", text, zone)
		if err != nil {
			return
		}
		events, err := file.occurrences(file.events, from, to)
		if err != nil {
			t.Fatalf("a rule that was read cannot be used: %v", err)
		}
		for _, e := range events {
			start, end := e.Start, e.End
			if e.AllDay {
				start, end = driver.AllDay(start, end, zone)
			}
			if !start.Before(to) || !end.After(from) || !start.Before(end) {
				t.Fatalf("%v to %v is outside of %v to %v", start, end, from, to)
			}
		}
	})
}
