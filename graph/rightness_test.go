package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// These tests follow the documentation of calendarView, getSchedule and the event
// resource (learn.microsoft.com/graph/api/user-list-calendarview,
// calendar-getschedule, resources/event), and of how a room mailbox processes a
// booking (learn.microsoft.com, Set-CalendarProcessing).

// lines are bookings as "start end status" in UTC.
func lines(bookings []driver.Booking) []string {
	out := spans(bookings)
	for i, b := range bookings {
		out[i] += " " + b.ShowAs.String()
	}
	return out
}

func wantLines(t *testing.T, got []driver.Booking, want ...string) {
	t.Helper()
	if g := lines(got); !slices.Equal(g, want) {
		t.Errorf("bookings\n\t%s\nwant\n\t%s", strings.Join(g, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// in is a local time of a zone, "2006-01-02 15:04".
func in(t *testing.T, name, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone(t, name))
	must(t, err)
	return at
}

var priya = graphsim.Person{Name: "Priya Rao", Address: "priya@contoso.example"}

// entry is an event with local times of a zone.
func entry(t *testing.T, name, start, end string) graphsim.Event {
	t.Helper()
	return graphsim.Event{Zone: name, Start: in(t, name, start), End: in(t, name, end), Organizer: priya}
}

// dates is an all-day event.
func dates(t *testing.T, name, first, last string) graphsim.Event {
	t.Helper()
	e := entry(t, name, first+" 00:00", last+" 00:00")
	e.AllDay = true
	return e
}

func recurring(e graphsim.Event, r graphsim.Recurrence) graphsim.Event {
	e.Recurrence = &r
	return e
}

// every runs a test for each of the ways, each with a new simulator.
func every(t *testing.T, ways []Way, test func(t *testing.T, sim *graphsim.Sim, c *Calendar)) {
	for _, way := range ways {
		t.Run(string(way), func(t *testing.T) {
			sim, c := politeSim(t)
			test(t, sim, NewCalendar(c.client, CalendarOptions{Read: way}))
		})
	}
}

// TestRightness: the bookings of what a room's mailbox holds, in each way of
// reading it.
func TestRightness(t *testing.T) {
	for _, tt := range []struct {
		name, site, from, to string
		put                  func(t *testing.T, put func(graphsim.Event))
		want                 []string
	}{
		{"daily since 1999", "UTC", "2026-11-03 00:00", "2026-11-04 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(recurring(entry(t, "Europe/London", "1999-12-31 09:00", "1999-12-31 09:30"), graphsim.Recurrence{Type: "daily"}))
		}, []string{"2026-11-03 09:00 2026-11-03 09:30 busy"}},
		{"the last Friday of every month since 2015", "UTC", "2026-10-26 00:00", "2026-11-28 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(recurring(entry(t, "Europe/London", "2015-01-30 15:00", "2015-01-30 16:00"),
				graphsim.Recurrence{Type: "relativeMonthly", Days: []time.Weekday{time.Friday}, Index: "last"}))
		}, []string{"2026-10-30 15:00 2026-10-30 16:00 busy", "2026-11-27 15:00 2026-11-27 16:00 busy"}},

		// New York's clocks change on 8 March and 1 November, London's on 29 March and 25 October.
		{"nine in New York in spring", "Europe/London", "2026-03-03 00:00", "2026-04-01 00:00", newYork, []string{
			"2026-03-03 14:00 2026-03-03 15:00 busy", "2026-03-10 13:00 2026-03-10 14:00 busy", "2026-03-17 13:00 2026-03-17 14:00 busy",
			"2026-03-24 13:00 2026-03-24 14:00 busy", "2026-03-31 13:00 2026-03-31 14:00 busy"}},
		{"nine in New York in autumn", "Europe/London", "2026-10-20 00:00", "2026-11-04 00:00", newYork, []string{
			"2026-10-20 13:00 2026-10-20 14:00 busy", "2026-10-27 13:00 2026-10-27 14:00 busy", "2026-11-03 14:00 2026-11-03 15:00 busy"}},
		{"Monday in Auckland is Sunday in Los Angeles", "America/Los_Angeles", "2026-09-20 00:00", "2026-09-28 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(recurring(entry(t, "Pacific/Auckland", "2021-02-01 08:00", "2021-02-01 09:00"), graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{time.Monday}}))
		}, []string{"2026-09-20 20:00 2026-09-20 21:00 busy", "2026-09-27 19:00 2026-09-27 20:00 busy"}},

		{"all day in Kathmandu", "Asia/Kathmandu", "2026-11-01 00:00", "2026-11-06 00:00", third, []string{"2026-11-02 18:15 2026-11-03 18:15 busy"}},
		{"all day where the day begins", "Pacific/Kiritimati", "2026-11-01 00:00", "2026-11-06 00:00", third, []string{"2026-11-02 10:00 2026-11-03 10:00 busy"}},
		{"all day where it ends", "Pacific/Pago_Pago", "2026-11-01 00:00", "2026-11-06 00:00", third, []string{"2026-11-03 11:00 2026-11-04 11:00 busy"}},
		{"all day, only that day of the east", "Pacific/Kiritimati", "2026-11-02 10:00", "2026-11-03 10:00", threeDays, []string{"2026-11-02 10:00 2026-11-03 10:00 busy"}},
		{"all day, only that day of the west", "Pacific/Pago_Pago", "2026-11-03 11:00", "2026-11-04 11:00", threeDays, []string{"2026-11-03 11:00 2026-11-04 11:00 busy"}},
		{"a day without its midnight", "America/Santiago", "2026-09-05 00:00", "2026-09-09 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(dates(t, "UTC", "2026-09-06", "2026-09-07"))
		}, []string{"2026-09-06 04:00 2026-09-07 03:00 busy"}},
		{"three days of the east", "Asia/Kathmandu", "2026-11-04 00:00", "2026-11-05 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(dates(t, "Asia/Tokyo", "2026-11-03", "2026-11-06"))
		}, []string{"2026-11-02 18:15 2026-11-05 18:15 busy"}},
		{"all day every Tuesday, made in Tokyo", "America/Los_Angeles", "2026-10-26 00:00", "2026-11-05 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(recurring(dates(t, "Asia/Tokyo", "2020-01-07", "2020-01-08"), graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}))
		}, []string{"2026-10-27 07:00 2026-10-28 07:00 busy", "2026-11-03 08:00 2026-11-04 08:00 busy"}},
		{"a weekend that is no all-day booking", "America/Los_Angeles", "2026-11-07 08:00", "2026-11-08 08:00", func(t *testing.T, put func(graphsim.Event)) {
			put(entry(t, "America/Los_Angeles", "2026-11-06 18:00", "2026-11-09 06:00"))
		}, []string{"2026-11-07 02:00 2026-11-09 14:00 busy"}},

		{"across midnight, the day it begins", "America/Los_Angeles", "2026-11-03 08:00", "2026-11-04 08:00", lateShow, []string{"2026-11-04 06:00 2026-11-04 10:00 busy"}},
		{"across midnight, the day it ends", "America/Los_Angeles", "2026-11-04 08:00", "2026-11-05 08:00", lateShow, []string{"2026-11-04 06:00 2026-11-04 10:00 busy"}},
		{"no length", "UTC", "2026-11-03 00:00", "2026-11-04 00:00", func(t *testing.T, put func(graphsim.Event)) {
			put(entry(t, "UTC", "2026-11-03 00:00", "2026-11-03 00:00"))
			put(entry(t, "UTC", "2026-11-03 09:15", "2026-11-03 09:15"))
			put(entry(t, "UTC", "2026-11-03 09:00", "2026-11-03 09:30"))
			put(recurring(entry(t, "Europe/London", "2019-01-08 09:00", "2019-01-08 09:00"), graphsim.Recurrence{Type: "daily"}))
		}, []string{"2026-11-03 09:00 2026-11-03 09:30 busy"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
				tt.put(t, func(e graphsim.Event) { add(t, sim, roomA, e) })
				room := driver.Room{ID: "a", Mailbox: roomA, Zone: zone(t, tt.site)}
				wantLines(t, onlyReading(t, c, room, utc(tt.from), utc(tt.to)).Bookings, tt.want...)
			})
		})
	}
}

func newYork(t *testing.T, put func(graphsim.Event)) {
	put(recurring(entry(t, "America/New_York", "2020-01-07 09:00", "2020-01-07 10:00"), graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}))
}

func third(t *testing.T, put func(graphsim.Event)) { put(dates(t, "UTC", "2026-11-03", "2026-11-04")) }

func threeDays(t *testing.T, put func(graphsim.Event)) {
	put(dates(t, "UTC", "2026-11-02", "2026-11-03"))
	third(t, put)
	put(dates(t, "UTC", "2026-11-04", "2026-11-05"))
}

func lateShow(t *testing.T, put func(graphsim.Event)) {
	put(entry(t, "America/Los_Angeles", "2026-11-03 22:00", "2026-11-04 02:00"))
}

// TestOccurrences: a daily meeting with a different exception on each day of a
// week.
func TestOccurrences(t *testing.T) {
	every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		id := add(t, sim, roomA, recurring(entry(t, "Europe/London", "2024-01-01 09:00", "2024-01-01 10:00"), graphsim.Recurrence{Type: "daily"}))
		on := func(day string, change func(*graphsim.Event)) {
			occurrence, err := sim.OccurrenceID(roomA, id, utc(day+" 12:00"))
			must(t, err)
			must(t, sim.UpdateEvent(roomA, occurrence, change))
		}
		on("2026-11-02", func(e *graphsim.Event) { e.Cancelled = true })
		on("2026-11-03", func(e *graphsim.Event) { e.Response = "declined" })
		on("2026-11-04", func(e *graphsim.Event) { e.ShowAs = "free" })
		on("2026-11-05", func(e *graphsim.Event) { e.ShowAs = "tentative" })
		on("2026-11-06", func(e *graphsim.Event) { e.Start, e.End = utc("2026-11-06 22:00"), utc("2026-11-07 01:00") })
		deleted, err := sim.OccurrenceID(roomA, id, utc("2026-11-07 12:00"))
		must(t, err)
		must(t, sim.DeleteEvent(roomA, deleted))
		rd := onlyReading(t, c, fullRoom, utc("2026-11-02 00:00"), utc("2026-11-09 00:00"))
		wantLines(t, rd.Bookings, "2026-11-05 09:00 2026-11-05 10:00 tentative", "2026-11-06 22:00 2026-11-07 01:00 busy",
			"2026-11-08 09:00 2026-11-08 10:00 busy")
	})
}

// noon is a meeting on the day of most tests, organized by a person.
func noon() graphsim.Event {
	return graphsim.Event{Subject: "Budget", Organizer: priya, Start: utc("2026-11-03 12:00"), End: utc("2026-11-03 13:00")}
}

func book(t *testing.T, sim *graphsim.Sim, e graphsim.Event, rooms ...string) string {
	t.Helper()
	id, err := sim.Book(graphsim.ServiceAccount, rooms, e)
	must(t, err)
	return id
}

// TestPendingApproval: a request that waits for the room's delegate is tentative
// until it is accepted or declined.
func TestPendingApproval(t *testing.T) {
	every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		sim.ChangeRoom(roomA, func(r *graphsim.Room) { r.NeedsApproval = true })
		later := noon()
		later.Start, later.End = later.Start.Add(2*time.Hour), later.End.Add(2*time.Hour)
		book(t, sim, noon(), roomA)
		book(t, sim, later, roomA)
		wantLines(t, onlyReading(t, c, fullRoom, winFrom, winTo).Bookings,
			"2026-11-03 12:00 2026-11-03 13:00 tentative", "2026-11-03 14:00 2026-11-03 15:00 tentative")
		requests := sim.Events(roomA)
		must(t, sim.UpdateEvent(roomA, requests[0].ID, func(e *graphsim.Event) { e.ShowAs, e.Response = "busy", "accepted" }))
		must(t, sim.UpdateEvent(roomA, requests[1].ID, func(e *graphsim.Event) { e.Response = "declined" }))
		wantLines(t, onlyReading(t, c, fullRoom, winFrom, winTo).Bookings, "2026-11-03 12:00 2026-11-03 13:00 busy")
	})
}

// TestCancelledRowsStay: an event that the organizer cancelled stays in the room's
// calendar.
func TestCancelledRowsStay(t *testing.T) {
	every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		id := book(t, sim, noon(), roomA)
		series := book(t, sim, tuesdays(t), roomA)
		wantLines(t, onlyReading(t, c, fullRoom, winFrom, winTo).Bookings, "2026-11-03 09:00 2026-11-03 10:00 busy", "2026-11-03 12:00 2026-11-03 13:00 busy")
		must(t, sim.CancelEvent(graphsim.ServiceAccount, id))
		must(t, sim.CancelEvent(graphsim.ServiceAccount, series))
		if rows := sim.Events(roomA); len(rows) != 2 || !rows[0].Cancelled || !rows[1].Cancelled {
			t.Fatalf("rows %+v, want two cancelled ones that stay", rows)
		}
		wantLines(t, onlyReading(t, c, fullRoom, winFrom, winTo).Bookings)
	})
}

// TestSubjectOfTheMailbox: a room mailbox replaces the subject with the organizer's
// name; that is the subject which is read.
func TestSubjectOfTheMailbox(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*graphsim.Room)
		want   string
	}{
		{"as Exchange does it", func(*graphsim.Room) {}, "Priya Rao"},
		{"without a name", func(r *graphsim.Room) { r.NoOrganizerSubject = true }, ""},
		{"kept behind the name", func(r *graphsim.Room) { r.KeepSubject = true }, "Priya Rao Budget"},
		{"kept", func(r *graphsim.Room) { r.KeepSubject, r.NoOrganizerSubject = true, true }, "Budget"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
				sim.ChangeRoom(roomA, tt.change)
				book(t, sim, noon(), roomA)
				for privacy, want := range map[driver.Privacy][2]string{
					driver.PrivacyBusy:      {"", ""},
					driver.PrivacyOrganizer: {"", "Priya Rao"},
					driver.PrivacySubject:   {tt.want, ""},
					driver.PrivacyFull:      {tt.want, "Priya Rao"},
				} {
					if c.o.Read == ByFreeBusy {
						want = [2]string{}
					}
					room := fullRoom
					room.Privacy = privacy
					got := onlyReading(t, c, room, winFrom, winTo).Bookings
					if len(got) != 1 || got[0].Subject != want[0] || got[0].Organizer != want[1] {
						t.Errorf("privacy %v: bookings %+v, want subject %q and organizer %q", privacy, got, want[0], want[1])
					}
				}
			})
		})
	}
}

// TestOneMeetingInTwoMailboxes: both rooms are booked, with different ids.
func TestOneMeetingInTwoMailboxes(t *testing.T) {
	every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		sim.AddRoom(graphsim.Room{Address: roomB, Name: "Room B", SharedWith: []string{graphsim.ServiceAccount}})
		book(t, sim, noon(), roomA, roomB)
		got := fetch(t, c, mailboxRoom("a"), mailboxRoom("b"))
		wantLines(t, got["a"].Bookings, "2026-11-03 12:00 2026-11-03 13:00 busy")
		wantLines(t, got["b"].Bookings, "2026-11-03 12:00 2026-11-03 13:00 busy")
		if a, b := got["a"].Bookings[0].ID, got["b"].Bookings[0].ID; c.o.Read != ByFreeBusy && a == b {
			t.Errorf("both mailboxes have the id %q", a)
		}
	})
}

// TestRoomsOfOneCalendar: rooms that share a calendar, either the account's own or
// one shared with it.
func TestRoomsOfOneCalendar(t *testing.T) {
	const atriumBox, boardBox, northBox, southBox = "atrium@contoso.example", "boardroom@contoso.example", "north@contoso.example", "south@contoso.example"
	resource := func(address, response string) graphsim.Attendee {
		return graphsim.Attendee{Person: graphsim.Person{Name: "Meeting Room", Address: address}, Type: "resource", Response: response}
	}
	for _, tt := range []struct {
		name  string
		event graphsim.Event
		want  string // the rooms that are taken
	}{
		{"one meeting in several rooms", graphsim.Event{Location: "Atrium; Boardroom", Attendees: []graphsim.Attendee{resource(atriumBox, "accepted"), resource(boardBox, "accepted")}}, "atrium boardroom"},
		{"one of them declined", graphsim.Event{Location: "Atrium; Boardroom", Attendees: []graphsim.Attendee{resource(atriumBox, "declined"), resource(boardBox, "accepted")}}, "boardroom"},
		{"one of two rooms of a name", graphsim.Event{Location: "Meeting Room", Attendees: []graphsim.Attendee{resource(southBox, "accepted")}}, "south"},
		{"both rooms of a name", graphsim.Event{Location: "Meeting Room; Meeting Room", Attendees: []graphsim.Attendee{resource(northBox, "accepted"), resource(southBox, "accepted")}}, "north south"},
		{"a room picked without inviting it", graphsim.Event{Location: "Meeting Room", LocationAddress: northBox}, "north"},
		{"typed by hand", graphsim.Event{Location: " boardroom "}, "boardroom"},
		{"typed by hand, several", graphsim.Event{Location: "Boardroom;atrium"}, "atrium boardroom"},
		{"typed by hand, something else", graphsim.Event{Location: "Boardroom of the old house"}, ""},
		{"nowhere", graphsim.Event{}, ""},
	} {
		for _, place := range []string{"own", "shared"} {
			t.Run(tt.name+", "+place, func(t *testing.T) {
				every(t, namedWays, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
					box, calendar := meetings(t, sim, place)
					e := tt.event
					e.Start, e.End = utc("2026-11-03 12:00"), utc("2026-11-03 13:00")
					add(t, sim, box, e)
					rooms := []driver.Room{atrium, boardroom, north, south}
					for i := range rooms {
						rooms[i].Calendar = calendar
					}
					var taken []string
					for _, rd := range fetch(t, c, rooms...) {
						if rd.Err != nil {
							t.Error(rd.Err)
						}
						if len(rd.Bookings) == 1 {
							taken = append(taken, rd.Room)
						}
					}
					slices.Sort(taken)
					if got := strings.Join(taken, " "); got != tt.want {
						t.Errorf("rooms %q are taken, want %q", got, tt.want)
					}
				})
			})
		}
	}
}

// meetings returns the mailbox whose calendar holds meetings, and how a room
// names that calendar.
func meetings(t *testing.T, sim *graphsim.Sim, place string) (box, calendar string) {
	t.Helper()
	if place == "own" {
		return graphsim.ServiceAccount, ""
	}
	const team = "team@contoso.example"
	sim.AddUser(graphsim.User{UPN: team, Name: "Team"})
	_, err := sim.ShareCalendar(graphsim.ServiceAccount, team, "Meetings")
	must(t, err)
	return team, "Meetings"
}

// TestOccurrenceInAnotherRoom: one occurrence of a weekly meeting is moved to
// another room.
func TestOccurrenceInAnotherRoom(t *testing.T) {
	every(t, namedWays, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		e := tuesdays(t)
		e.Location = "Boardroom"
		id := add(t, sim, graphsim.ServiceAccount, e)
		occurrence, err := sim.OccurrenceID(graphsim.ServiceAccount, id, utc("2026-11-03 12:00"))
		must(t, err)
		must(t, sim.UpdateEvent(graphsim.ServiceAccount, occurrence, func(e *graphsim.Event) { e.Location = "Atrium" }))
		got, _ := fetchWindow(t, c, winFrom, utc("2026-11-11 00:00"), atrium, boardroom)
		wantLines(t, got["atrium"].Bookings, "2026-11-03 09:00 2026-11-03 10:00 busy")
		wantLines(t, got["boardroom"].Bookings, "2026-11-10 09:00 2026-11-10 10:00 busy")
	})
}

// TestPages: a service that sends short pages in any order, and an empty page
// before each.
func TestPages(t *testing.T) {
	for _, box := range []string{roomA, graphsim.ServiceAccount} {
		t.Run(box, func(t *testing.T) {
			every(t, namedWays, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
				sim.Set(func(w *graphsim.Behaviour) {
					w.Polite, w.Faults = false, graphsim.FaultRates{EmptyPage: 1, ShortPage: 1, Shuffle: true}
				})
				var want []string
				for hour := 10; hour < 22; hour++ {
					day := fmt.Sprintf("2026-11-03 %02d:", hour)
					add(t, sim, box, graphsim.Event{Start: utc(day + "00"), End: utc(day + "30")})
					want = append(want, day+"00 "+day+"30 busy")
				}
				add(t, sim, box, tuesdays(t))
				room := driver.Room{ID: "a", Zone: time.UTC}
				if box == roomA {
					room.Mailbox = box
				}
				wantLines(t, onlyReading(t, c, room, winFrom, winTo).Bookings, append([]string{"2026-11-03 09:00 2026-11-03 10:00 busy"}, want...)...)
				if !slices.ContainsFunc(sim.Requests(), func(r graphsim.Request) bool { return strings.Contains(r.Query, "skiptoken") }) {
					t.Error("no next page was asked for")
				}
			})
		})
	}
}

// TestIDsDifferInCase: ids are compared with regard to case.
func TestIDsDifferInCase(t *testing.T) {
	every(t, namedWays, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		for _, id := range []string{"AAMkAGI1caseAAA=", "AAMkAGI1CaseAAA="} {
			single, series := noon(), tuesdays(t)
			single.ID, series.ID = id, "AAMkAGI1s"+id[len("AAMkAGI1"):]
			add(t, sim, roomA, single)
			add(t, sim, roomA, series)
		}
		for range 2 { // the second time from what is remembered of the series
			got := onlyReading(t, c, fullRoom, winFrom, winTo).Bookings
			wantLines(t, got, "2026-11-03 09:00 2026-11-03 10:00 busy", "2026-11-03 09:00 2026-11-03 10:00 busy",
				"2026-11-03 12:00 2026-11-03 13:00 busy", "2026-11-03 12:00 2026-11-03 13:00 busy")
			if got[0].ID == got[1].ID || got[2].ID == got[3].ID {
				t.Errorf("ids %q, %q and %q, %q; want four", got[0].ID, got[1].ID, got[2].ID, got[3].ID)
			}
		}
		if n := sim.Counts()["instances"]; c.o.Read == ByEvents && n != 2 {
			t.Errorf("instances were asked for %d times, want once for each series", n)
		}
	})
}

// TestManyRooms: with more rooms than fit into one question or batch, each gets its
// own bookings in whatever order the answers come.
func TestManyRooms(t *testing.T) {
	every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		sim.Set(func(w *graphsim.Behaviour) { w.Polite, w.Faults = false, graphsim.FaultRates{Shuffle: true} })
		const n = 45
		var rooms []driver.Room
		for i := range n {
			id := fmt.Sprint("room-", i)
			address := id + "@contoso.example"
			sim.AddRoom(graphsim.Room{Address: address, Name: id, SharedWith: []string{graphsim.ServiceAccount}})
			start := winFrom.Add(time.Duration(i) * 10 * time.Minute)
			add(t, sim, address, graphsim.Event{Start: start, End: start.Add(5 * time.Minute)})
			rooms = append(rooms, driver.Room{ID: id, Mailbox: strings.ToUpper(address), Zone: time.UTC})
		}
		rooms = append(rooms, driver.Room{ID: "nowhere", Mailbox: "nowhere@contoso.example", Zone: time.UTC})
		got := fetch(t, c, rooms...)
		for i := range n {
			start := winFrom.Add(time.Duration(i) * 10 * time.Minute)
			wantLines(t, got[rooms[i].ID].Bookings, start.Format("2006-01-02 15:04")+" "+start.Add(5*time.Minute).Format("2006-01-02 15:04")+" busy")
		}
		if got["nowhere"].Err == nil {
			t.Error("a room that is not there was read")
		}
	})
}

// sent is a request, or one of those within a batch.
type sent struct {
	method, url, prefer string
}

// wire is between client and service; it records the requests and can change the
// answers.
type wire struct {
	next  http.RoundTripper
	spoil func(body []byte) []byte // nil: nothing

	mu  sync.Mutex
	got []sent
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.mu.Lock()
	w.got = append(w.got, requestsIn(r, body)...)
	w.mu.Unlock()
	resp, err := w.next.RoundTrip(r)
	if err != nil || w.spoil == nil {
		return resp, err
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(w.spoil(answer)))
	return resp, err
}

// requestsIn is the request, or the parts of a batch.
func requestsIn(r *http.Request, body []byte) []sent {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		return []sent{{r.Method, r.URL.RequestURI(), strings.Join(r.Header.Values("Prefer"), ", ")}}
	}
	var batch struct {
		Requests []struct {
			Method, URL string
			Headers     map[string]string
		}
	}
	_ = json.Unmarshal(body, &batch) // what is no batch the service refuses
	var list []sent
	for _, p := range batch.Requests {
		list = append(list, sent{p.Method, "/v1.0" + p.URL, p.Headers["Prefer"]})
	}
	return list
}

// onWire is a Calendar that reaches the simulator through a wire, with a log.
func onWire(t *testing.T, sim *graphsim.Sim, c *Calendar, log io.Writer) (*Calendar, *wire) {
	t.Helper()
	w := &wire{next: sim.Transport()}
	client := clientLike(t, c, func(o *ClientOptions) {
		o.Clock, o.HTTP = &patientClock{now: simTime}, &http.Client{Transport: w}
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	return NewCalendar(client, c.o), w
}

// TestImmutableIDs: they are asked for with every request for events, within
// batches too, because an id of the usual kind changes when an event is moved
// between folders (learn.microsoft.com/graph/outlook-immutable-id).
func TestImmutableIDs(t *testing.T) {
	every(t, namedWays, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		sim.Set(func(w *graphsim.Behaviour) { w.Polite, w.Faults = false, graphsim.FaultRates{ShortPage: 1} })
		sim.AddRoom(graphsim.Room{Address: roomB, Name: "Room B", SharedWith: []string{graphsim.ServiceAccount}})
		usual := map[string]bool{}
		for _, box := range []string{roomA, roomB, graphsim.ServiceAccount} {
			for range 5 {
				usual[add(t, sim, box, noon())] = true
			}
			add(t, sim, box, tuesdays(t))
		}
		wired, w := onWire(t, sim, c, io.Discard)
		for room, rd := range fetch(t, wired, mailboxRoom("a"), mailboxRoom("b"), driver.Room{ID: "own", Zone: time.UTC}) {
			if len(rd.Bookings) != 6 || rd.Err != nil {
				t.Errorf("%s: bookings %q, error %v; want six", room, lines(rd.Bookings), rd.Err)
			}
			for _, b := range rd.Bookings {
				if usual[b.ID] {
					t.Errorf("%s: id %q is not the immutable one", room, b.ID)
				}
			}
		}
		if len(w.got) < 6 {
			t.Errorf("%d requests, want three lists and their next pages", len(w.got))
		}
		for _, r := range w.got {
			if !strings.Contains(r.prefer, `IdType="ImmutableId"`) || !strings.Contains(r.prefer, `outlook.timezone="UTC"`) {
				t.Errorf("%s %s prefers %q, want immutable ids and UTC", r.method, r.url, r.prefer)
			}
		}
	})
}

// secrets are the words of a calendar that must not leak.
var secrets = struct {
	subject, organizer string   // of the open event; shown where a room's privacy allows it
	never              []string // shown nowhere
}{"open-subject", "open-organizer", []string{"body-word", "location-word", "attendee-word", "category-word", "join-word",
	"private-subject", "private-organizer", "personal-subject", "personal-organizer", "confidential-subject", "confidential-organizer"}}

// addSecrets fills a calendar with an open event, an open series, and one event of
// each private sensitivity.
func addSecrets(t *testing.T, sim *graphsim.Sim, box string) {
	t.Helper()
	event := func(kind string, hour int) graphsim.Event {
		return graphsim.Event{
			Subject: kind + "-subject", Organizer: graphsim.Person{Name: kind + "-organizer", Address: "somebody@contoso.example"},
			Body: "body-word", Location: "location-word", Categories: []string{"category-word"}, JoinURL: "https://teams.example/join-word",
			Attendees: []graphsim.Attendee{{Person: graphsim.Person{Name: "attendee-word", Address: "attendee-word@contoso.example"}, Type: "required"}},
			Start:     winFrom.Add(time.Duration(hour) * time.Hour), End: winFrom.Add(time.Duration(hour)*time.Hour + 30*time.Minute),
		}
	}
	add(t, sim, box, event("open", 9))
	add(t, sim, box, recurring(event("open", 10), graphsim.Recurrence{Type: "daily"}))
	for i, kind := range []string{"private", "personal", "confidential"} {
		e := event(kind, 11+i)
		e.Sensitivity = kind
		add(t, sim, box, e)
	}
}

// wantAbsent fails the test if one of the words is in the text.
func wantAbsent(t *testing.T, where, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("%q is in %s:\n%s", w, where, text)
		}
	}
}

// TestNothingLeaks: what a room's privacy does not allow is in no booking, request,
// refused event, error or line of the log; free-busy asks for no subjects and
// ignores those that the service sends.
func TestNothingLeaks(t *testing.T) {
	for _, privacy := range []driver.Privacy{driver.PrivacyBusy, driver.PrivacyOrganizer, driver.PrivacySubject, driver.PrivacyFull} {
		for _, box := range []string{roomA, graphsim.ServiceAccount} {
			ways := everyWay
			if box != roomA {
				ways = namedWays
			}
			t.Run(fmt.Sprintf("privacy %v of %s", privacy, box), func(t *testing.T) {
				every(t, ways, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
					addSecrets(t, sim, box)
					room := driver.Room{ID: "a", Zone: time.UTC, Privacy: privacy}
					if box == roomA {
						room.Mailbox = box
					}
					p := privacy
					if c.o.Read == ByFreeBusy {
						p = driver.PrivacyBusy
					}
					wantNoLeaks(t, sim, c, room, p)
				})
			})
		}
	}
}

// wantNoLeaks reads the room from good answers, from ones that are not understood,
// and from ones that are cut off; p is what may be shown at most.
func wantNoLeaks(t *testing.T, sim *graphsim.Sim, c *Calendar, room driver.Room, p driver.Privacy) {
	t.Helper()
	words := slices.Clone(secrets.never)
	if !p.Subject() {
		words = append(words, secrets.subject)
	}
	if !p.Organizer() {
		words = append(words, secrets.organizer)
	}
	var log bytes.Buffer
	wired, w := onWire(t, sim, c, &log)
	rd := onlyReading(t, wired, room, winFrom, winTo)
	wantAbsent(t, "the bookings", fmt.Sprintf("%+v", rd), words...)
	if len(rd.Bookings) != 5 || (rd.Bookings[0].Subject != "") != p.Subject() || (rd.Bookings[0].Organizer != "") != p.Organizer() {
		t.Errorf("bookings %+v, want five with what privacy %v allows", rd.Bookings, p)
	}
	wantFields(t, w.got, p)

	w.spoil = func(body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`"timeZone":"UTC"`), []byte(`"timeZone":"tzone://Microsoft/Custom"`))
	}
	rd = fetch(t, NewCalendar(wired.client, c.o), room)["a"]
	if rd.Err == nil && len(rd.Refused) == 0 {
		t.Errorf("rows of an unknown zone were read: %+v", rd)
	}
	wantAbsent(t, "the refused rows", fmt.Sprintf("%+v", rd), append(words, secrets.subject, secrets.organizer)...)

	for _, spoil := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)*3/4] },
		func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`:"busy"`), []byte(`:["open-subject"]`)) },
	} {
		w.spoil = spoil
		rd = fetch(t, NewCalendar(wired.client, c.o), room)["a"]
		wantAbsent(t, "the error", fmt.Sprintf("%v %q", rd.Err, rd.Refused), append(words, secrets.subject, secrets.organizer)...)
	}
	wantAbsent(t, "the log", log.String(), append(words, secrets.subject, secrets.organizer)...)
}

// wantFields: every list of events selects its fields, subject and organizer only
// where they may be shown; a question about busy times selects none.
func wantFields(t *testing.T, requests []sent, p driver.Privacy) {
	t.Helper()
	for _, r := range requests {
		u, err := url.Parse(r.url)
		must(t, err)
		text := u.Query().Get("$select")
		fields := strings.Split(text, ",")
		asks := func(name string) bool { return slices.Contains(fields, name) }
		switch {
		case strings.HasSuffix(u.Path, "/getSchedule"):
			if text != "" {
				t.Errorf("%s asks for fields", r.url)
			}
		case text == "":
			t.Errorf("%s asks for everything", r.url)
		case asks("body") || asks("bodyPreview") || asks("onlineMeeting") || asks("categories"),
			asks("subject") && !p.Subject(), asks("organizer") && !p.Organizer():
			t.Errorf("%s asks for more than privacy %v allows", r.url, p)
		}
	}
}

// TestTwoPrivaciesOfOneCalendar: each room of a calendar gets what its own privacy
// allows.
func TestTwoPrivaciesOfOneCalendar(t *testing.T) {
	every(t, everyWay, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		addSecrets(t, sim, roomA)
		all, half := mailboxRoom("a"), mailboxRoom("a")
		half.ID, half.Privacy = "half", driver.PrivacyBusy
		for _, rooms := range [][]driver.Room{{all, half}, {half, all}, {half}} {
			got := fetch(t, c, rooms...)
			wantAbsent(t, "the reading of the room", fmt.Sprintf("%+v", got["half"]), append(secrets.never, secrets.subject, secrets.organizer)...)
			if len(got["half"].Bookings) != 5 {
				t.Errorf("bookings %q, want five", lines(got["half"].Bookings))
			}
		}
	})
}

// TestFreeBusyReadsTimesOnly: other members are not decoded, so they may have any
// type.
func TestFreeBusyReadsTimesOnly(t *testing.T) {
	every(t, []Way{ByFreeBusy}, func(t *testing.T, sim *graphsim.Sim, c *Calendar) {
		addSecrets(t, sim, roomA)
		wired, w := onWire(t, sim, c, io.Discard)
		changed := false
		w.spoil = func(body []byte) []byte {
			for _, member := range []string{"subject", "location", "isPrivate", "isMeeting"} {
				from, to := []byte(`"`+member+`":`), []byte(`"`+member+`":[],"was-`+member+`":`)
				changed = changed || bytes.Contains(body, from)
				body = bytes.ReplaceAll(body, from, to)
			}
			return body
		}
		if got := onlyReading(t, wired, fullRoom, winFrom, winTo).Bookings; len(got) != 5 || !changed {
			t.Errorf("bookings %q, other members changed %v; want five and true", lines(got), changed)
		}
	})
}

// TestRoomWithoutMailbox: busy times are read by mailbox, and an application has no
// calendar of its own; such a room gets an error that says what to do.
func TestRoomWithoutMailbox(t *testing.T) {
	for _, o := range []CalendarOptions{{Read: ByFreeBusy}, {Read: ByFreeBusy, App: true}, {Read: ByView, App: true}, {Read: ByEvents, App: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			f := newSimFixture(t, o.Read, true)
			if o.App {
				f = f.byApp()
			}
			got := fetch(t, f.calendar, driver.Room{ID: "own", Zone: time.UTC}, mailboxRoom("a"))
			var a driver.Actionable
			if err := got["own"].Err; !errors.As(err, &a) || !a.NeedsPerson() || a.Action() == "" {
				t.Errorf("error %v, want one that says what a person can do", err)
			}
			if err := got["a"].Err; err != nil {
				t.Errorf("the other room: %v", err)
			}
		})
	}
}
