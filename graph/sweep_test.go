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

// TestSweepWithoutAName: where it may not be known who signed in, the others are
// swept all the same.
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

// personTokens is a sign-in of the service account with other rights.
func personTokens(t *testing.T, sim *graphsim.Sim, scopes ...string) Tokens {
	t.Helper()
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, scopes...)
	must(t, err)
	return simTokens{tokens.Access}
}

// TestFreeBusyRequest: what is asked, and at whose mailbox.
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
			t.Error("a room that the answer leaves out is taken for free")
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

// TestAppAsksElsewhere: an app that may not ask at one room's mailbox asks at
// the next; the broken one costs the others nothing.
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

// TestUnchangedAnswer: the same bytes bring the same bookings without being
// decoded; other bytes, another window and other rules bring what is there.
func TestUnchangedAnswer(t *testing.T) {
	for _, way := range []Way{ByView, ByFreeBusy} {
		t.Run(string(way), func(t *testing.T) {
			sim, c, rooms := office(t, way, 3)
			id := add(t, sim, rooms[1].Mailbox, meetingAt(9))
			first := fetch(t, c, rooms...)["room-001"].Bookings
			second := fetch(t, c, rooms...)["room-001"].Bookings
			if len(first) != 1 || len(second) != 1 || &first[0] != &second[0] {
				t.Errorf("bookings %v and %v, want the same ones", first, second)
			}
			other := slices.Clone(rooms)
			for i := range other {
				other[i].Zone, other[i].Privacy = zone(t, "Pacific/Auckland"), driver.PrivacyBusy
			}
			if b := fetch(t, c, other...)["room-001"].Bookings; len(b) != 1 || b[0].Subject != "" {
				t.Errorf("with other rules: %+v", b)
			}
			must(t, sim.DeleteEvent(rooms[1].Mailbox, id))
			if b := fetch(t, c, rooms...)["room-001"].Bookings; len(b) != 0 {
				t.Errorf("after the change: %v", spans(b))
			}
		})
	}
}
