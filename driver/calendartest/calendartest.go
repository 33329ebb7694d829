// Package calendartest checks that a driver.Calendar does what the driver
// relies on.
//
// A package that reads calendars runs it in its own tests against a [World]: a
// calendar service, real or simulated, that the suite may write into.
package calendartest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// World is a calendar service with two rooms that can be read and one that
// cannot, all empty at first. What goes wrong with its own means ends the test.
type World interface {
	// Calendar reads all rooms of the world.
	Calendar() driver.Calendar
	// TimesOnly tells that the Calendar sees when a room is taken and how that
	// is shown, and nothing else: no ids, subjects, organizers, attendees or
	// marks of privacy. Bookings of the same times and status are one to it.
	TimesOnly() bool
	// Room is the room that Put books. The suite sets its zone and privacy.
	Room() driver.Room
	// Other is a second room, which stays empty.
	Other() driver.Room
	// Refused is a room that the service will not let be read until a person
	// acts.
	Refused() driver.Room
	// Put books the room.
	Put(Event) Handle
	// Drop deletes an event or a whole series.
	Drop(Handle)
	// Skip deletes the occurrence of a series whose pattern starts at original.
	Skip(h Handle, original time.Time)
	// Move moves the occurrence of a series whose pattern starts at original.
	Move(h Handle, original, start, end time.Time)
}

// Handle names an event of a World.
type Handle string

// Event is a booking of the room. The zero values of the optional fields mean a
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

// Run checks the Calendar of worlds, each of which newWorld makes new. Beyond
// what a TimesOnly reading cannot know, all readings must bring the same. No
// window is longer than 30 days: a room is read for a few, and some services
// refuse more than two months.
func Run(t *testing.T, newWorld func(t *testing.T) World) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, World)
	}{
		{"window", testWindow},
		{"rows that take no room", testNotTaken},
		{"status", testStatus},
		{"all-day", testAllDay},
		{"long ago begun series", testSeries},
		{"series across clock changes", testSeriesClockChange},
		{"exceptions", testExceptions},
		{"changes between readings", testChanges},
		{"privacy", testPrivacy},
		{"marks of privacy", testMarks},
		{"identity", testIdentity},
		{"many", testMany},
		{"delivery", testDelivery},
		{"unchanged readings", testUnchanged},
		{"refused room", testRefused},
		{"cancelled context", testCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, newWorld(t)) })
	}
}

// at reads an instant in UTC, written 2006-01-02 15:04.
func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err) // a slip of this package
	}
	return t
}

// The window of most checks: Tuesday 3 November 2026, a winter's day.
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

// room is the world's room with everything to be known, on a site in UTC.
func room(w World) driver.Room {
	r := w.Room()
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
