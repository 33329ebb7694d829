package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// simTime is the time of the simulated service; its tokens are valid for an hour.
var simTime = time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)

// simClock stands still at simTime except for waits, which end at once.
type simClock struct{ waited atomic.Int64 }

func (c *simClock) Now() time.Time { return simTime.Add(time.Duration(c.waited.Load())) }

func (c *simClock) After(d time.Duration) <-chan time.Time {
	c.waited.Add(int64(d))
	now := make(chan time.Time, 1)
	now <- c.Now()
	return now
}

// simTokens is a person's sign-in at the simulator.
type simTokens struct{ access string }

func (s simTokens) Token(context.Context) (string, error) { return s.access, nil }
func (simTokens) Rejected(string)                         {}

// newSim returns a simulator with one shared room, and a Calendar that reads it
// as its service account.
func newSim(t *testing.T, o graphsim.Options) (*graphsim.Sim, *Calendar) {
	t.Helper()
	o.Now = func() time.Time { return simTime }
	sim := graphsim.New(o)
	sim.AddRoom(graphsim.Room{Address: "a@contoso.example", Name: "Room A", SharedWith: []string{graphsim.ServiceAccount}})
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "Calendars.Read", "Calendars.Read.Shared")
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(ClientOptions{
		BaseURL: "https://graph.test", Tokens: simTokens{tokens.Access}, HTTP: &http.Client{Transport: sim.Transport()},
		UserAgent: "roomgate", Clock: &simClock{}, Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return sim, NewCalendar(c, CalendarOptions{Read: ByEvents})
}

func politeSim(t *testing.T) (*graphsim.Sim, *Calendar) {
	t.Helper()
	return newSim(t, graphsim.Options{Polite: true})
}

const roomA = "a@contoso.example"

func add(t *testing.T, sim *graphsim.Sim, address string, e graphsim.Event) string {
	t.Helper()
	id, err := sim.AddEvent(address, e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// must ends the test on an error of the simulator.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// good reads room a and wants its bookings, as spans.
func good(t *testing.T, c *Calendar, from, to time.Time, want ...string) {
	t.Helper()
	got, _ := fetchWindow(t, c, from, to, mailboxRoom("a"))
	rd := got["a"]
	if rd.Err != nil || len(rd.Refused) > 0 || !slices.Equal(spans(rd.Bookings), want) {
		t.Errorf("bookings %q, refused %q, error %v; want %q", spans(rd.Bookings), rd.Refused, rd.Err, want)
	}
}

// tuesdays is a weekly meeting at nine in London since 2019.
func tuesdays(t *testing.T) graphsim.Event {
	london := zone(t, "Europe/London")
	return graphsim.Event{
		Subject: "Weekly", Zone: "Europe/London",
		Start: time.Date(2019, 1, 8, 9, 0, 0, 0, london), End: time.Date(2019, 1, 8, 10, 0, 0, 0, london),
		Recurrence: &graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}},
	}
}

func TestSeriesBegunYearsAgo(t *testing.T) {
	sim, c := politeSim(t)
	add(t, sim, roomA, tuesdays(t))
	good(t, c, winFrom, winTo, "2026-11-03 09:00 2026-11-03 10:00")
	good(t, c, utc("2026-06-30 00:00"), utc("2026-07-08 00:00"), "2026-06-30 08:00 2026-06-30 09:00", "2026-07-07 08:00 2026-07-07 09:00")
}

func TestSeriesThatEnded(t *testing.T) {
	sim, c := politeSim(t)
	e := tuesdays(t)
	e.Recurrence.Until = "2026-08-25" // more than 60 days ago
	add(t, sim, roomA, e)
	e.Recurrence = &graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}, Count: 3}
	add(t, sim, roomA, e)
	good(t, c, winFrom, winTo)
	if n := sim.Counts()["instances"]; n != 1 {
		t.Errorf("instances were asked for %d times, want once: Graph does not give the end of a numbered series", n)
	}
}

func TestLastOccurrenceMovedIntoTheWindow(t *testing.T) {
	sim, c := politeSim(t)
	e := tuesdays(t)
	e.Recurrence.Until = "2026-10-20"
	id := add(t, sim, roomA, e)
	must(t, sim.MoveOccurrence(roomA, id, utc("2026-10-20 12:00"), utc("2026-11-03 15:00"), utc("2026-11-03 16:00")))
	good(t, c, winFrom, winTo, "2026-11-03 15:00 2026-11-03 16:00")
}

func TestExceptions(t *testing.T) {
	sim, c := politeSim(t)
	moved, gone, in := add(t, sim, roomA, tuesdays(t)), add(t, sim, roomA, tuesdays(t)), add(t, sim, roomA, tuesdays(t))
	must(t, sim.MoveOccurrence(roomA, moved, utc("2026-11-03 12:00"), utc("2026-11-03 13:00"), utc("2026-11-03 13:30")))
	occurrence, err := sim.OccurrenceID(roomA, gone, utc("2026-11-03 12:00"))
	must(t, err)
	must(t, sim.DeleteEvent(roomA, occurrence))
	must(t, sim.MoveOccurrence(roomA, in, utc("2026-11-10 12:00"), utc("2026-11-03 17:00"), utc("2026-11-03 18:00")))
	good(t, c, winFrom, winTo,
		"2026-11-03 09:00 2026-11-03 10:00", // the third series' own
		"2026-11-03 13:00 2026-11-03 13:30",
		"2026-11-03 17:00 2026-11-03 18:00")
}

// TestInstancesAskedAgain: only when the master changed or the window moved.
func TestInstancesAskedAgain(t *testing.T) {
	sim, c := politeSim(t)
	changing := add(t, sim, roomA, tuesdays(t))
	add(t, sim, roomA, tuesdays(t))
	asked := func(want int) {
		t.Helper()
		if n := sim.Counts()["instances"]; n != want {
			t.Errorf("instances were asked for %d times, want %d", n, want)
		}
		sim.ResetRequests()
	}
	both := []string{"2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 09:00 2026-11-03 10:00"}
	good(t, c, winFrom, winTo, both...)
	asked(2)
	good(t, c, winFrom, winTo, both...)
	asked(0)

	must(t, sim.MoveOccurrence(roomA, changing, utc("2026-11-03 12:00"), utc("2026-11-03 14:00"), utc("2026-11-03 15:00")))
	good(t, c, winFrom, winTo, "2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 14:00 2026-11-03 15:00")
	asked(1)

	good(t, c, utc("2026-11-04 00:00"), utc("2026-11-05 00:00"))
	asked(2)
	good(t, c, utc("2026-11-04 00:00"), utc("2026-11-05 00:00"))
	asked(0)

	must(t, sim.DeleteEvent(roomA, changing))
	good(t, c, winFrom, winTo, both[0])
	asked(1)
	cached := 0
	for _, series := range c.series.byCalendar {
		cached += len(series)
	}
	if cached != 1 {
		t.Errorf("%d series are cached, want the one there is", cached)
	}
}

// TestSeriesOfOtherFields: instances that were read without subjects do not answer
// for a room of the same calendar that may show them.
func TestSeriesOfOtherFields(t *testing.T) {
	sim, c := politeSim(t)
	add(t, sim, roomA, tuesdays(t))
	busy := mailboxRoom("a")
	busy.Privacy = driver.PrivacyBusy
	fetch(t, c, busy)
	if got := fetch(t, c, mailboxRoom("a"))["a"].Bookings; len(got) != 1 || got[0].Subject != "Weekly" {
		t.Errorf("bookings %+v, want the occurrence with its subject", got)
	}
}

// TestFailedReadingKeepsTheCache: a failed reading does not show that series are
// gone.
func TestFailedReadingKeepsTheCache(t *testing.T) {
	sim, c := politeSim(t)
	add(t, sim, roomA, tuesdays(t))
	good(t, c, winFrom, winTo, "2026-11-03 09:00 2026-11-03 10:00")
	sim.Fail(nil, graphsim.Fault{Status: 403, Code: "ErrorAccessDenied"}, 1)
	if fetch(t, c, mailboxRoom("a"))["a"].Err == nil {
		t.Error("no error")
	}
	sim.ResetRequests()
	good(t, c, winFrom, winTo, "2026-11-03 09:00 2026-11-03 10:00")
	if n := sim.Counts()["instances"]; n != 0 {
		t.Errorf("instances were asked for %d times, want not again", n)
	}
}

// TestSeriesDeletedBetweenCalls: deleted after the masters were listed.
func TestSeriesDeletedBetweenCalls(t *testing.T) {
	sim, c := politeSim(t)
	add(t, sim, roomA, tuesdays(t))
	add(t, sim, roomA, graphsim.Event{Start: utc("2026-11-03 12:00"), End: utc("2026-11-03 13:00")})
	instances := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/instances") }
	sim.Fail(instances, graphsim.Fault{Status: 404, Code: "ErrorItemNotFound", Message: "The specified object was not found in the store."}, 1)
	good(t, c, winFrom, winTo, "2026-11-03 12:00 2026-11-03 13:00")
}

// TestSeriesThatFails: an incomplete reading is an error.
func TestSeriesThatFails(t *testing.T) {
	sim, c := politeSim(t)
	add(t, sim, roomA, tuesdays(t))
	sim.Fail(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/instances") }, graphsim.Fault{Status: 500, Code: "ErrorInternalServerError"}, -1)
	rd := fetch(t, c, mailboxRoom("a"))["a"]
	if rd.Err == nil || len(rd.Bookings) > 0 {
		t.Errorf("bookings %q, error %v; want only an error", spans(rd.Bookings), rd.Err)
	}
}

func TestManyEvents(t *testing.T) {
	sim, c := politeSim(t)
	var want []string
	for i := range 250 {
		start := winFrom.Add(time.Duration(i) * 5 * time.Minute)
		add(t, sim, roomA, graphsim.Event{Start: start, End: start.Add(5 * time.Minute)})
		want = append(want, spans([]driver.Booking{{Start: start, End: start.Add(5 * time.Minute)}})...)
	}
	good(t, c, winFrom, winTo, want...)
	if n := sim.Counts()["events"]; n != 3 {
		t.Errorf("%d lists were asked for, want two pages of events and one of masters", n)
	}
}

func TestOneFailingMailbox(t *testing.T) {
	sim, c := politeSim(t)
	for i, room := range []graphsim.Room{{Address: "unshared@contoso.example"}, {Address: "unlicensed@contoso.example", Unlicensed: true}} {
		room.Name = fmt.Sprint("Room ", i)
		sim.AddRoom(room)
	}
	add(t, sim, roomA, graphsim.Event{Start: utc("2026-11-03 12:00"), End: utc("2026-11-03 13:00")})
	got := fetch(t, c, mailboxRoom("unshared"), mailboxRoom("a"), mailboxRoom("unlicensed"), mailboxRoom("nowhere"))
	if rd := got["a"]; rd.Err != nil || len(rd.Bookings) != 1 {
		t.Errorf("the good room has %d bookings, error %v", len(rd.Bookings), rd.Err)
	}
	for room, words := range map[string]string{"unshared": "Add-MailboxFolderPermission", "unlicensed": "licence", "nowhere": "no mailbox of that name in the tenant"} {
		var e *Error
		if err := got[room].Err; !errors.As(err, &e) || !e.NeedsPerson() || !strings.Contains(e.Action(), words) {
			t.Errorf("%s: error %v, want one for a person that says %q", room, err, words)
		}
	}
}

// TestUnsharedAnswered404: Exchange may answer 404 for a calendar that is not
// shared.
func TestUnsharedAnswered404(t *testing.T) {
	sim, c := politeSim(t)
	sim.Set(func(w *graphsim.Behaviour) { w.UnsharedIs404 = true })
	sim.AddRoom(graphsim.Room{Address: "unshared@contoso.example", Name: "Unshared"})
	var e *Error
	if err := fetch(t, c, mailboxRoom("unshared"))["unshared"].Err; !errors.As(err, &e) || !e.NeedsPerson() {
		t.Errorf("error %v, want one for a person", err)
	}
}

// TestTwoRoomsInOneAccount: found in the account's own calendar by what Outlook
// writes when a room is booked; their series are read once for both.
func TestTwoRoomsInOneAccount(t *testing.T) {
	sim, c := politeSim(t)
	sim.AddRoom(graphsim.Room{Address: "b@contoso.example", Name: "Room B"})
	book := func(rooms []string, e graphsim.Event) {
		t.Helper()
		_, err := sim.Book(graphsim.ServiceAccount, rooms, e)
		must(t, err)
	}
	book([]string{roomA}, graphsim.Event{Start: utc("2026-11-03 12:00"), End: utc("2026-11-03 13:00")})
	book([]string{"b@contoso.example"}, graphsim.Event{Start: utc("2026-11-03 14:00"), End: utc("2026-11-03 15:00")})
	book([]string{roomA, "b@contoso.example"}, tuesdays(t))
	book(nil, graphsim.Event{Start: utc("2026-11-03 16:00"), End: utc("2026-11-03 17:00"), Location: "Canteen"})
	sim.ResetRequests()
	got := fetch(t, c, driver.Room{ID: "a", Zone: time.UTC, Match: []string{"Room A"}},
		driver.Room{ID: "b", Zone: time.UTC, Match: []string{"b@contoso.example"}})
	if g, want := spans(got["a"].Bookings), []string{"2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 12:00 2026-11-03 13:00"}; !slices.Equal(g, want) {
		t.Errorf("room a: %q, %v; want %q", g, got["a"].Err, want)
	}
	if g, want := spans(got["b"].Bookings), []string{"2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 14:00 2026-11-03 15:00"}; !slices.Equal(g, want) {
		t.Errorf("room b: %q, %v; want %q", g, got["b"].Err, want)
	}
	if n := sim.Counts(); n["events"] != 2 || n["instances"] != 1 {
		t.Errorf("requests %v, want one list of events, one of masters, one of instances", n)
	}
}

// TestTwoRoomsOneMailbox: spelt differently, read once.
func TestTwoRoomsOneMailbox(t *testing.T) {
	sim, c := politeSim(t)
	add(t, sim, roomA, graphsim.Event{Start: utc("2026-11-03 12:00"), End: utc("2026-11-03 13:00")})
	half := mailboxRoom("a")
	half.ID, half.Mailbox = "half", "A@Contoso.example"
	got := fetch(t, c, mailboxRoom("a"), half)
	if len(got["a"].Bookings) != 1 || len(got["half"].Bookings) != 1 || sim.Counts()["events"] != 2 {
		t.Errorf("readings %+v in %v, want the booking in both, read once", got, sim.Counts())
	}
}

// TestTimezoneIgnored: a server that answers in the event's own zone though UTC
// was asked for.
func TestTimezoneIgnored(t *testing.T) {
	sim, c := politeSim(t)
	sim.Set(func(w *graphsim.Behaviour) { w.IgnoreTimezonePref = true })
	e := graphsim.Event{Start: utc("2026-11-03 12:00"), End: utc("2026-11-03 13:00")}
	var want []string
	for _, e.Zone = range []string{"", "America/New_York", "Asia/Calcutta", "Pacific/Auckland", "Europe/Berlin"} {
		add(t, sim, roomA, e)
		want = append(want, "2026-11-03 12:00 2026-11-03 13:00")
	}
	add(t, sim, roomA, tuesdays(t))
	good(t, c, winFrom, winTo, append([]string{"2026-11-03 09:00 2026-11-03 10:00"}, want...)...)
}

// TestNoRooms: nothing to read makes no request.
func TestNoRooms(t *testing.T) {
	_, c := politeSim(t)
	tally := c.Fetch(t.Context(), nil, winFrom, winTo, deliver(func(r driver.Reading) { t.Errorf("delivered %+v", r) }))
	if tally != (driver.Tally{}) {
		t.Errorf("cost %+v, want nothing", tally)
	}
}

// TestRightOrAnError: of a service that fails every third time a reading is
// either all that is booked or an error, never something in between.
func TestRightOrAnError(t *testing.T) {
	sim, c := newSim(t, graphsim.Options{Seed: 7})
	sim.Set(func(w *graphsim.Behaviour) {
		w.Faults = graphsim.FaultRates{Throttle: 0.1, Unavailable: 0.1, Reset: 0.1, Truncate: 0.1, EmptyPage: 0.3, ShortPage: 0.5, Shuffle: true}
	})
	series := add(t, sim, roomA, tuesdays(t))
	var want []string
	for i := range 20 {
		start := winFrom.Add(time.Duration(10+i) * 30 * time.Minute)
		add(t, sim, roomA, graphsim.Event{Start: start, End: start.Add(30 * time.Minute)})
		want = append(want, spans([]driver.Booking{{Start: start, End: start.Add(30 * time.Minute)}})...)
	}
	right, failed := 0, 0
	for i := range 100 {
		start := utc("2026-11-03 15:00").Add(time.Duration(i) * time.Minute)
		must(t, sim.MoveOccurrence(roomA, series, utc("2026-11-03 12:00"), start, start.Add(time.Minute)))
		rd := fetch(t, c, mailboxRoom("a"))["a"]
		if rd.Err != nil {
			failed++
			continue
		}
		right++
		all := append(spans([]driver.Booking{{Start: start, End: start.Add(time.Minute)}}), want...)
		slices.Sort(all)
		if got := spans(rd.Bookings); !slices.Equal(got, all) {
			t.Fatalf("reading %d: %q, want %q", i, got, all)
		}
	}
	if right == 0 || failed == 0 {
		t.Errorf("%d good readings, %d errors; want some of both", right, failed)
	}
}

// TestTallyOfNamedCalendar: the requests for the list of calendars are counted.
func TestTallyOfNamedCalendar(t *testing.T) {
	const list = `{"value":[{"id":"c1","name":"Second floor"}]}`
	s := byPath(map[string]string{
		"/v1.0/me/calendars?%24select=id%2Cname%2CisDefaultCalendar%2Cowner&%24top=100": list,
	})
	inList := s.answer
	s.answer = func(n int, r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/calendars/c1/calendarView") {
			return reply(200, noEvents)
		}
		return inList(n, r)
	}
	c := NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{Read: ByView})
	got, tally := fetchWindow(t, c, winFrom, winTo, driver.Room{ID: "a", Calendar: "Second floor", Zone: time.UTC})
	if want := (driver.Tally{Requests: 2, Bytes: int64(len(list) + len(noEvents))}); tally != want || got["a"].Err != nil {
		t.Errorf("tally %+v, error %v; want %+v", tally, got["a"].Err, want)
	}
}
