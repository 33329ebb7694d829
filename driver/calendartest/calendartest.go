// Package calendartest is a conformance suite for implementations of
// driver.Calendar.
//
// A package that reads calendars runs it in its own tests against a [Fixture]: a
// calendar service, real or simulated, whose calendars the suite may change.
package calendartest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// Fixture is a calendar service with two rooms that can be read and one that
// cannot, all without events. A failure of the fixture itself ends the test.
type Fixture interface {
	// Calendar reads all rooms of the fixture.
	Calendar() driver.Calendar
	// TimesOnly reports whether the Calendar reads only busy times and their
	// status: no ids, subjects, organizers, attendees or sensitivity. It merges
	// events of the same times and status.
	TimesOnly() bool
	// Room is the room that Put books. The suite sets its zone and privacy.
	Room() driver.Room
	// Other is a second room, which stays empty.
	Other() driver.Room
	// Refused is a room that the service does not allow to be read until user
	// action is taken.
	Refused() driver.Room
	// Put adds an event to the room's calendar.
	Put(Event) Handle
	// Drop deletes an event or a whole series.
	Drop(Handle)
	// Skip deletes the occurrence of a series whose pattern starts at original.
	Skip(h Handle, original time.Time)
	// Move moves the occurrence of a series whose pattern starts at original.
	Move(h Handle, original, start, end time.Time)
}

// Handle identifies an event of a Fixture.
type Handle string

// Event is an event of the room. The zero values of the optional fields mean a
// plain meeting that the room has accepted.
type Event struct {
	Start, End time.Time // of a series: of its first occurrence. All-day: midnights in Zone
	Zone       string    // IANA zone of the event, in which a series recurs; empty: UTC
	AllDay     bool
	Weekly     bool // repeats every week without end

	ShowAs      driver.ShowAs // Unknown: busy
	Sensitivity string        // normal, personal, private or confidential; empty: normal
	Cancelled   bool          // by the organizer, and still in the calendar
	Declined    bool          // by the room

	Subject, Organizer string
	People             int // invited, beside the organizer and the room
}

// Run runs the suite. newFixture makes the fixture of one check. Except for what
// a TimesOnly Calendar cannot know, all must read the same. No window is longer
// than 30 days: the driver reads a few days, and some services refuse more than
// two months.
func Run(t *testing.T, newFixture func(t *testing.T) Fixture) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Fixture)
	}{
		{"window", testWindow},
		{"events that do not occupy the room", testNotOccupied},
		{"status", testStatus},
		{"all-day", testAllDay},
		{"series that began long ago", testSeries},
		{"series across clock changes", testSeriesClockChange},
		{"exceptions", testExceptions},
		{"changes between readings", testChanges},
		{"privacy", testPrivacy},
		{"sensitivity", testSensitivity},
		{"identity", testIdentity},
		{"many", testMany},
		{"delivery", testDelivery},
		{"unchanged readings", testUnchanged},
		{"refused room", testRefused},
		{"cancelled context", testCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, newFixture(t)) })
	}
}

// at reads an instant in UTC, written 2006-01-02 15:04.
func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err) // a mistake in this package
	}
	return t
}

// The window of most checks: Tuesday 3 November 2026.
var from, to = at("2026-11-03 00:00"), at("2026-11-04 00:00")

// meeting is an event of the window's day.
func meeting(start, end string) Event {
	return Event{Start: at("2026-11-03 " + start), End: at("2026-11-03 " + end), Subject: "Budget", Organizer: "Priya Rao"}
}

// weekly is a series on Tuesdays at nine in London since 2019.
func weekly(t *testing.T) Event {
	london := zone(t, "Europe/London")
	return Event{Start: time.Date(2019, 1, 8, 9, 0, 0, 0, london), End: time.Date(2019, 1, 8, 10, 0, 0, 0, london), Zone: "Europe/London", Weekly: true}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// room is the fixture's room with full privacy, on a site in UTC.
func room(f Fixture) driver.Room {
	r := f.Room()
	r.Zone, r.Privacy = time.UTC, driver.PrivacyFull
	return r
}

// read reads one room, which must succeed, and returns what admission makes of it.
func read(t *testing.T, c driver.Calendar, r driver.Room, from, to time.Time) []driver.Booking {
	t.Helper()
	got, _ := newRecorder(t, from, to, r).fetch(t.Context(), c)
	if rd := got[r.ID]; rd.Err != nil || len(rd.refused) > 0 {
		t.Fatalf("reading %+v, want a good one of %s", rd, r.ID)
	}
	return got[r.ID].bookings
}

// spans writes bookings as "start end" in UTC.
func spans(bookings []driver.Booking) []string {
	var out []string
	for _, b := range bookings {
		out = append(out, fmt.Sprint(b.Start.Format("2006-01-02 15:04"), " ", b.End.Format("2006-01-02 15:04")))
	}
	return out
}

func wantSpans(t *testing.T, got []driver.Booking, want ...string) {
	t.Helper()
	if g := spans(got); !slices.Equal(g, want) {
		t.Errorf("bookings\n\t%s\nwant\n\t%s", strings.Join(g, "\n\t"), strings.Join(want, "\n\t"))
	}
}
