package graph

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/driver/calendartest"
	"roomgate/graph/graphsim"
)

// conformanceSeed makes the simulator's misbehaviour the same in every run.
const conformanceSeed = 3

// faults are frequent enough to occur in a run and too rare to fail a call four
// times in a row; concurrent calls meet it in any order.
var faults = graphsim.FaultRates{Throttle: 0.01, Unavailable: 0.005, Reset: 0.005, Truncate: 0.005, EmptyPage: 0.3, ShortPage: 0.5, Shuffle: true}

// TestConformance runs the suite for every place in which a room can be found and
// every way of reading it, with a service that behaves and one that does not.
func TestConformance(t *testing.T) {
	for _, place := range []struct {
		name string
		ways []Way
		make func(simFixture) calendartest.Fixture
	}{
		{"mailbox", everyWay, func(f simFixture) calendartest.Fixture { return f }},
		{"mailbox by an app", everyWay, func(f simFixture) calendartest.Fixture { return f.byApp() }},
		{"own calendar", namedWays, func(f simFixture) calendartest.Fixture { f.mailbox = graphsim.ServiceAccount; return ownFixture{f} }},
		{"shared calendar by name", namedWays, func(f simFixture) calendartest.Fixture {
			f.share(roomA, "Room A")
			f.share(roomB, "Room B")
			return sharedFixture{f, "Room A", "Room B"}
		}},
		{"shared calendar by id", namedWays, func(f simFixture) calendartest.Fixture {
			return sharedFixture{f, f.share(roomA, "Meeting Room"), f.share(roomB, "Meeting Room")}
		}},
	} {
		for _, way := range place.ways {
			for _, polite := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, polite %v", place.name, way, polite), func(t *testing.T) {
					calendartest.Run(t, func(t *testing.T) calendartest.Fixture { return place.make(newSimFixture(t, way, polite)) })
				})
			}
		}
	}
}

var (
	everyWay  = []Way{ByEvents, ByView, ByFreeBusy}
	namedWays = []Way{ByEvents, ByView} // free-busy knows mailboxes only
)

// simFixture keeps the room's events in the room's own mailbox.
type simFixture struct {
	t        *testing.T
	sim      *graphsim.Sim
	calendar *Calendar
	mailbox  string // where the events are put
	way      Way
}

const (
	roomB  = "b@contoso.example"
	closed = "closed@contoso.example"
)

func newSimFixture(t *testing.T, way Way, polite bool) simFixture {
	t.Helper()
	sim, c := newSim(t, graphsim.Options{Polite: polite, Seed: conformanceSeed})
	sim.Set(func(w *graphsim.Behaviour) {
		w.IgnoreTimezonePref = !polite
		w.Faults = faults
	})
	sim.AddRoom(graphsim.Room{Address: roomB, Name: "Room B", SharedWith: []string{graphsim.ServiceAccount}})
	sim.AddRoom(graphsim.Room{Address: closed, Name: "Closed"})
	client := clientLike(t, c, func(o *ClientOptions) { o.Clock = &patientClock{now: simTime} })
	return simFixture{t: t, sim: sim, calendar: NewCalendar(client, CalendarOptions{Read: way}), mailbox: roomA, way: way}
}

// byApp is the fixture read by an application, which a policy denies one room.
func (f simFixture) byApp() simFixture {
	f.t.Helper()
	id, _, _ := graphsim.DefaultClient()
	f.sim.ChangeApp(id, func(a *graphsim.App) { a.PolicyAllows = []string{roomA, roomB} })
	tokens, err := f.sim.AppToken(id)
	must(f.t, err)
	client := clientLike(f.t, f.calendar, func(o *ClientOptions) { o.Tokens = simTokens{tokens.Access} })
	f.calendar = NewCalendar(client, CalendarOptions{Read: f.way, App: true})
	return f
}

// clientLike is the calendar's client with changed options.
func clientLike(t *testing.T, c *Calendar, change func(*ClientOptions)) *Client {
	t.Helper()
	o := c.client.o
	change(&o)
	client, err := NewClient(o)
	must(t, err)
	return client
}

// share puts a room's calendar among those of the account and returns its id there.
func (f simFixture) share(room, name string) string {
	f.t.Helper()
	id, err := f.sim.ShareCalendar(graphsim.ServiceAccount, room, name)
	must(f.t, err)
	return id
}

func (f simFixture) Calendar() driver.Calendar { return f.calendar }
func (f simFixture) TimesOnly() bool           { return f.way == ByFreeBusy }
func (f simFixture) Room() driver.Room         { return driver.Room{ID: "a", Mailbox: roomA} }
func (f simFixture) Other() driver.Room        { return driver.Room{ID: "b", Mailbox: roomB} }

// Refused is a room whose calendar is not shared. Busy times need no share; there
// it is a room whose address does not exist.
func (f simFixture) Refused() driver.Room {
	if f.way == ByFreeBusy {
		return driver.Room{ID: "closed", Mailbox: "nobody@contoso.example"}
	}
	return driver.Room{ID: "closed", Mailbox: closed}
}

func (f simFixture) Put(e calendartest.Event) calendartest.Handle {
	f.t.Helper()
	g := simEvent(e)
	if e.Declined {
		g.Response = "declined"
	}
	return calendartest.Handle(add(f.t, f.sim, f.mailbox, g))
}

// simEvent is the event as the simulator has it, organized by somebody else
// than the mailbox.
func simEvent(e calendartest.Event) graphsim.Event {
	g := graphsim.Event{
		Subject: e.Subject, Start: e.Start, End: e.End, Zone: e.Zone, AllDay: e.AllDay, Cancelled: e.Cancelled, Sensitivity: e.Sensitivity,
		Organizer: graphsim.Person{Name: e.Organizer, Address: "organizer@contoso.example"}, Response: "accepted",
	}
	if e.ShowAs != driver.Unknown {
		g.ShowAs = e.ShowAs.String()
	}
	if e.Weekly {
		g.Recurrence = &graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{e.Start.Weekday()}}
	}
	for i := range e.People {
		g.Attendees = append(g.Attendees, graphsim.Attendee{Person: graphsim.Person{Name: fmt.Sprint("Person ", i)}, Type: "required"})
	}
	return g
}

func (f simFixture) Drop(h calendartest.Handle) {
	f.t.Helper()
	must(f.t, f.sim.DeleteEvent(f.mailbox, string(h)))
}

func (f simFixture) Skip(h calendartest.Handle, original time.Time) {
	f.t.Helper()
	id, err := f.sim.OccurrenceID(f.mailbox, string(h), original)
	must(f.t, err)
	must(f.t, f.sim.DeleteEvent(f.mailbox, id))
}

func (f simFixture) Move(h calendartest.Handle, original, start, end time.Time) {
	f.t.Helper()
	must(f.t, f.sim.MoveOccurrence(f.mailbox, string(h), original, start, end))
}

// ownFixture keeps the room's events in the calendar of the account that signed
// in, where the room is a location and a resource that accepts or declines.
type ownFixture struct{ simFixture }

func (f ownFixture) Room() driver.Room  { return driver.Room{ID: "a", Match: []string{"Room A", roomA}} }
func (f ownFixture) Other() driver.Room { return driver.Room{ID: "b", Match: []string{"Room B"}} }

func (f ownFixture) Put(e calendartest.Event) calendartest.Handle {
	f.t.Helper()
	g := simEvent(e)
	room := graphsim.Attendee{Person: graphsim.Person{Name: "Room A", Address: roomA}, Type: "resource", Response: "accepted"}
	if e.Declined {
		room.Response = "declined"
	}
	g.Location, g.Attendees = "Room A", append(g.Attendees, room)
	return calendartest.Handle(add(f.t, f.sim, f.mailbox, g))
}

// sharedFixture keeps the room's events in the room's mailbox, whose calendar is
// one of those in the account's list.
type sharedFixture struct {
	simFixture
	a, b string // name or id of the calendars
}

func (f sharedFixture) Room() driver.Room  { return driver.Room{ID: "a", Calendar: f.a} }
func (f sharedFixture) Other() driver.Room { return driver.Room{ID: "b", Calendar: f.b} }
func (f sharedFixture) Refused() driver.Room {
	return driver.Room{ID: "closed", Calendar: "Closed"} // not in the list
}

// TestWaysAgree: the three ways of reading find the same bookings in a large random
// calendar, on sites east and west and in many windows.
func TestWaysAgree(t *testing.T) {
	sim, c := politeSim(t)
	d := diary{t: t, sim: sim, rng: rand.New(rand.NewPCG(conformanceSeed, 0))}
	d.fill()
	for _, site := range []string{"Europe/London", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu"} {
		t.Run(site, func(t *testing.T) {
			client := clientLike(t, c, func(o *ClientOptions) { o.Clock = &patientClock{now: simTime} })
			calendars := map[Way]*Calendar{}
			for _, way := range everyWay {
				calendars[way] = NewCalendar(client, CalendarOptions{Read: way})
			}
			room := driver.Room{ID: "a", Mailbox: roomA, Zone: zone(t, site), Privacy: driver.PrivacyFull}
			seen := map[driver.ShowAs]int{}
			for _, w := range d.windows(room.Zone) {
				got := map[Way][]driver.Booking{}
				for way, calendar := range calendars {
					rd := onlyReading(t, calendar, room, w[0], w[1])
					got[way] = rd.Bookings
				}
				wantSame(t, "events and view", w, got[ByEvents], got[ByView])
				wantSame(t, "view and free-busy", w, timesOf(got[ByView], w), timesOf(got[ByFreeBusy], w))
				for _, b := range got[ByView] {
					seen[b.ShowAs]++
				}
			}
			for _, s := range []driver.ShowAs{driver.Busy, driver.Tentative, driver.OutOfOffice, driver.WorkingElsewhere} {
				if seen[s] < 50 {
					t.Errorf("only %d bookings were shown as %v: want at least 50", seen[s], s)
				}
			}
		})
	}
}

// onlyReading reads one room, which must succeed.
func onlyReading(t *testing.T, c *Calendar, room driver.Room, from, to time.Time) reading {
	t.Helper()
	got, _ := fetchWindow(t, c, from, to, room)
	rd := got[room.ID]
	if rd.Err != nil || len(rd.Refused) > 0 {
		t.Fatalf("%s by %s from %v to %v: refused %q, error %v", room.ID, c.o.Read, from, to, rd.Refused, rd.Err)
	}
	return rd
}

// timesOf keeps of the bookings what every way of reading knows.
func timesOf(bookings []driver.Booking, w [2]time.Time) []driver.Booking {
	var out []driver.Booking
	for _, b := range bookings {
		out = append(out, driver.Booking{Start: b.Start, End: b.End, ShowAs: b.ShowAs})
	}
	return driver.Overlapping(out, w[0], w[1])
}

func wantSame(t *testing.T, what string, w [2]time.Time, a, b []driver.Booking) {
	t.Helper()
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			t.Errorf("%s differ between %v and %v: %d and %d bookings, the first difference is booking %d:\n\t%+v\n\t%+v",
				what, w[0], w[1], len(a), len(b), i, a[i:min(i+1, len(a))], b[i:min(i+1, len(b))])
			return
		}
	}
}

// patientClock advances only by waits, which end at once.
type patientClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *patientClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *patientClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done
}

// diary creates random events of a room around the clock changes of 2026.
type diary struct {
	t   *testing.T
	sim *graphsim.Sim
	rng *rand.Rand
}

// The changes: America and Europe in March, New Zealand in April and September,
// Europe and America in autumn.
var clockChanges = []string{"2026-03-08", "2026-03-29", "2026-04-05", "2026-09-27", "2026-10-25", "2026-11-01"}

var diaryZones = []string{"", "Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Pacific/Auckland", "Asia/Calcutta"}

func pick[T any](d diary, list ...T) T { return list[d.rng.IntN(len(list))] }

// fill creates several hundred single events, series that began years ago, and
// exceptions to them.
func (d diary) fill() {
	for range 500 {
		add(d.t, d.sim, roomA, d.single())
	}
	for range 30 {
		add(d.t, d.sim, roomA, d.series())
	}
	for _, season := range [][2]time.Time{{utc("2026-02-20 00:00"), utc("2026-04-25 00:00")}, {utc("2026-09-10 00:00"), utc("2026-11-20 00:00")}} {
		for _, e := range d.sim.View(roomA, season[0], season[1]) {
			if e.Type == "occurrence" && d.rng.IntN(8) == 0 {
				d.alter(e)
			}
		}
	}
}

// event is a random event without times.
func (d diary) event() graphsim.Event {
	return graphsim.Event{
		Subject: "Meeting", Zone: pick(d, diaryZones...), AllDay: d.rng.IntN(6) == 0, Cancelled: d.rng.IntN(12) == 0,
		ShowAs: pick(d, "", "busy", "busy", "tentative", "oof", "workingElsewhere", "free"), Sensitivity: pick(d, "", "normal", "private", "personal"),
		Response:  pick(d, "accepted", "accepted", "accepted", "tentativelyAccepted", "declined", "none"),
		Organizer: priya,
	}
}

// timed gives the event a start on the day. It never makes 24 hours from midnight
// without AllDay: free-busy cannot tell those from an all-day event.
func (d diary) timed(e graphsim.Event, day time.Time) graphsim.Event {
	loc := zone(d.t, e.Zone)
	y, m, n := day.Date()
	if e.AllDay {
		e.Start = time.Date(y, m, n, 0, 0, 0, 0, loc)
		e.End = time.Date(y, m, n+1+d.rng.IntN(3), 0, 0, 0, 0, loc)
		return e
	}
	e.Start = time.Date(y, m, n, 0, 5*d.rng.IntN(288), 0, 0, loc)
	minutes := pick(d, 0, 5, 30, 60, 180, 7*60, 35+60*d.rng.IntN(100))
	e.End = e.Start.Add(time.Duration(minutes) * time.Minute)
	return e
}

func (d diary) single() graphsim.Event {
	near, _ := time.Parse(time.DateOnly, pick(d, clockChanges...))
	return d.timed(d.event(), near.AddDate(0, 0, d.rng.IntN(21)-10))
}

func (d diary) series() graphsim.Event {
	e := d.timed(d.event(), time.Date(2010+d.rng.IntN(16), time.Month(1+d.rng.IntN(12)), 1+d.rng.IntN(28), 0, 0, 0, 0, time.UTC))
	day := e.Start.In(zone(d.t, e.Zone))
	r := pick(d,
		graphsim.Recurrence{Type: "daily", Interval: 1 + d.rng.IntN(3)},
		graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{day.Weekday()}},
		graphsim.Recurrence{Type: "weekly", Interval: 2, Days: []time.Weekday{time.Monday, time.Thursday}},
		graphsim.Recurrence{Type: "absoluteMonthly", DayOfMonth: day.Day()},
		graphsim.Recurrence{Type: "relativeMonthly", Days: []time.Weekday{time.Friday}, Index: "last"})
	r.Until = pick(d, "", "", "2026-03-29", "2026-11-01")
	e.Recurrence = &r
	return e
}

// alter moves or changes an occurrence, or deletes it.
func (d diary) alter(e graphsim.Event) {
	change := pick(d,
		func(e *graphsim.Event) { e.Cancelled = true },
		func(e *graphsim.Event) { e.Response = "declined" },
		func(e *graphsim.Event) { e.ShowAs = pick(d, "free", "tentative", "oof") },
		func(e *graphsim.Event) {
			if !e.AllDay {
				by := time.Duration(d.rng.IntN(600)-300) * 5 * time.Minute
				e.Start, e.End = e.Start.Add(by), e.End.Add(by)
			}
		},
		nil)
	if change == nil {
		must(d.t, d.sim.DeleteEvent(roomA, e.ID))
		return
	}
	must(d.t, d.sim.UpdateEvent(roomA, e.ID, change))
}

// windows are those a gateway reads around each change of clocks, and others.
func (d diary) windows(site *time.Location) [][2]time.Time {
	var list [][2]time.Time
	for _, day := range clockChanges {
		noon, _ := time.Parse(time.DateOnly, day)
		noon = noon.Add(12 * time.Hour)
		for _, days := range []int{-3, -1, 0} {
			from, to := driver.Window(noon.AddDate(0, 0, days), site, 0)
			list = append(list, [2]time.Time{from, to})
		}
		from := noon.Add(time.Duration(d.rng.IntN(10000)-5000) * time.Minute)
		for _, length := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
			list = append(list, [2]time.Time{from, from.Add(length)})
		}
	}
	return list
}
