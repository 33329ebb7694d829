package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// office is a simulator with rooms that the service account may read, and a
// Calendar that reads them.
func office(t *testing.T, way Way, rooms int) (*graphsim.Sim, *Calendar, []driver.Room) {
	t.Helper()
	sim, c := politeSim(t)
	c.o.Read = way
	list := manyRooms(rooms)
	for _, r := range list {
		sim.AddRoom(graphsim.Room{Address: r.Mailbox, Name: r.ID, SharedWith: []string{graphsim.ServiceAccount}})
	}
	return sim, c, list
}

func sweepOf(t *testing.T, c *Calendar, rooms []driver.Room, from, to time.Time, want ...string) {
	t.Helper()
	changed, _, err := c.Sweep(t.Context(), rooms, from, to)
	if err != nil || !slices.Equal(changed, want) {
		t.Errorf("changed %v, error %v; want %v", changed, err, want)
	}
}

func meetingAt(hour int) graphsim.Event {
	return graphsim.Event{Subject: "Budget", Start: winFrom.Add(time.Duration(hour) * time.Hour), End: winFrom.Add(time.Duration(hour+1) * time.Hour)}
}

// TestSweep: the rooms whose busy times changed are found, each once, and no other.
func TestSweep(t *testing.T) {
	sim, c, rooms := office(t, ByView, 45)
	add(t, sim, rooms[44].Mailbox, meetingAt(9))
	sweepOf(t, c, rooms, winFrom, winTo)
	sweepOf(t, c, rooms, winFrom, winTo)
	id := add(t, sim, rooms[3].Mailbox, meetingAt(9))
	add(t, sim, rooms[30].Mailbox, meetingAt(14))
	sweepOf(t, c, rooms, winFrom, winTo, "room-003", "room-030")
	sweepOf(t, c, rooms, winFrom, winTo)
	must(t, sim.DeleteEvent(rooms[3].Mailbox, id))
	sweepOf(t, c, rooms, winFrom, winTo, "room-003")

	free := meetingAt(12)
	free.ShowAs = "tentative"
	id = add(t, sim, rooms[5].Mailbox, free)
	sweepOf(t, c, rooms, winFrom, winTo, "room-005")
	// A window that moves changes every answer and no room.
	sweepOf(t, c, rooms, winFrom.AddDate(0, 0, 1), winTo.AddDate(0, 0, 1))
	must(t, sim.DeleteEvent(rooms[5].Mailbox, id))
	sweepOf(t, c, rooms, winFrom.AddDate(0, 0, 1), winTo.AddDate(0, 0, 1))
}

// TestSweepCost: a thousand rooms are three requests.
func TestSweepCost(t *testing.T) {
	sim, c, rooms := office(t, ByView, 1000)
	sim.ResetRequests()
	_, tally, err := c.Sweep(t.Context(), rooms, winFrom, winTo)
	if err != nil || tally.Requests != 3 || sim.Counts()["getSchedule"] != 50 {
		t.Errorf("%d requests, %d questions, error %v; want 3 and 50", tally.Requests, sim.Counts()["getSchedule"], err)
	}
}

// TestSweepOfOwnCalendar: rooms found in the account's own calendar are read
// when that has changed.
func TestSweepOfOwnCalendar(t *testing.T) {
	sim, c := politeSim(t)
	c.client.o.Tokens = personTokens(t, sim, "User.Read", "Calendars.Read")
	rooms := []driver.Room{{ID: "a", Match: []string{"Room A"}, Zone: time.UTC}, {ID: "b", Match: []string{"Room B"}, Zone: time.UTC},
		{ID: "shared", Calendar: "Room C", Zone: time.UTC}}
	sweepOf(t, c, rooms, winFrom, winTo)
	add(t, sim, graphsim.ServiceAccount, meetingAt(9))
	sweepOf(t, c, rooms, winFrom, winTo, "a", "b")
	if n := sim.Counts()["me"]; n != 1 {
		t.Errorf("asked %d times who is signed in, want once", n)
	}
}

// TestSweepWithoutAName: where the signed-in user cannot be read, the other rooms
// are swept.
func TestSweepWithoutAName(t *testing.T) {
	sim, c := politeSim(t)
	rooms := []driver.Room{{ID: "own", Zone: time.UTC}, mailboxRoom("a")}
	sweepOf(t, c, rooms, winFrom, winTo)
	add(t, sim, roomA, meetingAt(9))
	add(t, sim, graphsim.ServiceAccount, meetingAt(9))
	sweepOf(t, c, rooms, winFrom, winTo, "a")
}

func TestSweepRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: replies(answering(403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}`))}
		c := viewOn(t, s)
		_, _, err := c.Sweep(t.Context(), manyRooms(3), winFrom, winTo)
		var a driver.Actionable
		if !errors.As(err, &a) || !a.NeedsPerson() || a.Action() == "" {
			t.Errorf("error %v, want one for a person", err)
		}
	})
}

// personTokens is a sign-in of the service account with the given scopes.
func personTokens(t *testing.T, sim *graphsim.Sim, scopes ...string) Tokens {
	t.Helper()
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, scopes...)
	must(t, err)
	return simTokens{tokens.Access}
}

// TestFreeBusyRequest: the body of the question, and the mailbox it is asked at.
func TestFreeBusyRequest(t *testing.T) {
	for _, tt := range []struct {
		app  bool
		path string
	}{{false, "/v1.0/me/calendar/getSchedule"}, {true, "/v1.0/users/room-000@contoso.example/calendar/getSchedule"}} {
		var got, path string
		s := roundTrip(func(r *http.Request) (*http.Response, error) {
			text, err := io.ReadAll(r.Body)
			got, path = string(text), r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")
			return must1(reply(200, `{"value":[]}`)), err
		})
		c := NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{Read: ByFreeBusy, App: tt.app})
		rd := fetch(t, c, manyRooms(2)...)["room-001"]
		if rd.Err == nil {
			t.Error("no error for a room that the answer leaves out")
		}
		if want := "POST " + tt.path + " application/json"; path != want {
			t.Errorf("asked %q, want %q", path, want)
		}
		var body, want any
		must(t, json.Unmarshal([]byte(got), &body))
		must(t, json.Unmarshal([]byte(`{"schedules":["room-000@contoso.example","room-001@contoso.example"],"availabilityViewInterval":1440,
			"startTime":{"dateTime":"2026-11-02T00:00:00","timeZone":"UTC"},"endTime":{"dateTime":"2026-11-05T00:00:00","timeZone":"UTC"}}`), &want))
		if fmt.Sprint(body) != fmt.Sprint(want) {
			t.Errorf("posted %s", got)
		}
	}
}

func must1(r *http.Response, err error) *http.Response {
	if err != nil {
		panic(err)
	}
	return r
}

// TestZoneThatIsNotSupported: the question is asked again in UTC, where an item of whole
// days is one of dates.
func TestZoneThatIsNotSupported(t *testing.T) {
	var asked []string
	s := roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.Header.Get("Prefer"))
		if !strings.Contains(r.Header.Get("Prefer"), `"UTC"`) {
			return reply(400, `{"error":{"code":"TimeZoneNotSupportedException","message":"A valid TimeZone value must be specified."}}`)
		}
		return reply(200, `{"value":[{"scheduleId":"room-000@contoso.example","availabilityView":"020","scheduleItems":[
			{"status":"busy","start":{"dateTime":"2026-11-03T00:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-11-04T00:00:00","timeZone":"UTC"}}]}]}`)
	})
	c := NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{Read: ByFreeBusy})
	room := manyRooms(1)[0]
	room.Zone = zone(t, "Asia/Singapore")
	wantLines(t, onlyReading(t, c, room, winFrom, winTo).Bookings, "2026-11-02 16:00 2026-11-03 16:00 busy")
	if len(asked) != 2 || !strings.Contains(asked[0], `outlook.timezone="Singapore Standard Time"`) {
		t.Errorf("asked with %q, want for the zone of the site and then for UTC", asked)
	}
}

// TestSweepFindsBusyTimesThatAreNotSaid: a mailbox of which only the view changes has
// changed.
func TestSweepFindsBusyTimesThatAreNotSaid(t *testing.T) {
	view := "000"
	s := roundTrip(func(*http.Request) (*http.Response, error) {
		return reply(200, `{"value":[{"scheduleId":"room-000@contoso.example","availabilityView":"`+view+`","scheduleItems":null}]}`)
	})
	c := NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{})
	for _, tt := range []struct {
		view string
		want int
	}{{"000", 0}, {"020", 1}, {"020", 0}} {
		view = tt.view
		if changed, _, err := c.Sweep(t.Context(), manyRooms(1), winFrom, winTo); err != nil || len(changed) != tt.want {
			t.Errorf("view %s: changed %q, error %v; want %d", tt.view, changed, err, tt.want)
		}
	}
}

// TestAppAsksElsewhere: an application that is refused at one room's mailbox asks at
// the next one.
func TestAppAsksElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if !strings.Contains(r.URL.Path, "room-002@") {
				return reply(404, `{"error":{"code":"MailboxNotEnabledForRESTAPI"}}`)
			}
			return reply(200, `{"value":[{"scheduleId":"room-000@contoso.example","error":{"message":"no such mailbox","responseCode":"5009"}},
				{"scheduleId":"ROOM-001@contoso.example","scheduleItems":[{"status":"busy","start":{"dateTime":"2026-11-03T09:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-11-03T10:00:00.0000000","timeZone":"UTC"}}]},
				{"scheduleId":"room-002@contoso.example","scheduleItems":[]}]}`)
		}}
		c := NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{Read: ByFreeBusy, App: true})
		got := fetch(t, c, manyRooms(3)...)
		if got["room-001"].Err != nil || len(got["room-001"].Bookings) != 1 || got["room-002"].Err != nil {
			t.Errorf("readings %+v", got)
		}
		wantWords(t, got["room-000"].Err.Error(), "room-000@contoso.example", "5009", "no such mailbox")
	})
}

// TestUnchangedAnswer: the same bytes bring no events, but for a room whose last
// reading is not known; other bytes bring what is there.
func TestUnchangedAnswer(t *testing.T) {
	for _, way := range []Way{ByView, ByFreeBusy} {
		t.Run(string(way), func(t *testing.T) {
			sim, c, rooms := office(t, way, 3)
			id := add(t, sim, rooms[1].Mailbox, meetingAt(9))
			last := lastReadings{}
			read := func() driver.Reading {
				t.Helper()
				r := &keeping{lastReadings: last}
				c.Fetch(t.Context(), rooms, winFrom, winTo, r)
				for _, rd := range r.all {
					if rd.Room == "room-001" && rd.Err == nil && len(r.all) == 3 {
						return rd
					}
				}
				t.Fatalf("readings %+v, want a good one of each room", r.all)
				return driver.Reading{}
			}
			first := read()
			if first.Unchanged || len(first.Events) != 1 || first.Digest.Length == 0 {
				t.Errorf("first reading %+v, want the event and a digest", first)
			}
			if rd := read(); !rd.Unchanged || rd.Digest != first.Digest || rd.Events != nil {
				t.Errorf("second reading %+v, want it unchanged", rd)
			}
			delete(last, "room-001")
			if rd := read(); rd.Unchanged || rd.Digest != first.Digest || len(rd.Events) != 1 {
				t.Errorf("reading %+v, want the event again", rd)
			}
			must(t, sim.DeleteEvent(rooms[1].Mailbox, id))
			if rd := read(); rd.Unchanged || rd.Digest == first.Digest || len(rd.Events) != 0 {
				t.Errorf("after the change: %+v, want no event", rd)
			}
		})
	}
}

// TestNothingIsKeptOfReadings: whatever sets of rooms are asked for, and however
// often, the Calendar does not grow.
func TestNothingIsKeptOfReadings(t *testing.T) {
	for _, way := range everyWay {
		sim, c, rooms := office(t, way, 30)
		for _, r := range rooms {
			add(t, sim, r.Mailbox, tuesdays(t))
		}
		for i := range rooms {
			fetch(t, c, rooms[i:]...)
			sweepOf(t, c, rooms[i:], winFrom, winTo)
		}
		cached := 0
		for _, series := range c.series.byCalendar {
			cached += len(series)
		}
		if cached > len(rooms) || len(c.lastSweep.answers) != 1 || len(c.lastSweep.busyTimes) != 1 {
			t.Errorf("%s: kept are %d series, %d answers and %d busy times; want a series of each room, and of the sweep what it asked about last",
				way, cached, len(c.lastSweep.answers), len(c.lastSweep.busyTimes))
		}
		fetchWindow(t, c, winFrom.AddDate(0, 0, 1), winTo.AddDate(0, 0, 1), rooms[0])
		if n := len(c.series.byCalendar); n > 1 {
			t.Errorf("%s: series of %d calendars are kept though the window has moved, want those of the one that was read", way, n)
		}
	}
}

// keeping is a driver.Receiver that keeps all readings.
type keeping struct {
	lastReadings
	all []driver.Reading
}

func (k *keeping) Deliver(r driver.Reading) {
	k.lastReadings.Deliver(r)
	k.all = append(k.all, r)
}
