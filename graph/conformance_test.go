package graph

import (
	"fmt"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/driver/calendartest"
	"roomgate/graph/graphsim"
)

// conformanceSeed makes the simulator's misbehaviour the same in every run.
const conformanceSeed = 3

// mischief is bad enough to show and too rare to break a call four times in a
// row: calls that run side by side meet it in any order.
var mischief = graphsim.Mischief{Throttle: 0.01, Unavailable: 0.005, Reset: 0.005, Truncate: 0.005, EmptyPage: 0.3, ShortPage: 0.5, Shuffle: true}

// TestConformance: what any calendar must do, of a room's own calendar and of
// rooms found in the account's, by a service that behaves and one that does not.
func TestConformance(t *testing.T) {
	for _, place := range []struct {
		name string
		make func(simWorld) calendartest.World
	}{
		{"mailbox", func(w simWorld) calendartest.World { return w }},
		{"own calendar", func(w simWorld) calendartest.World { w.mailbox = graphsim.ServiceAccount; return ownWorld{w} }},
	} {
		for _, polite := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, polite %v", place.name, polite), func(t *testing.T) {
				calendartest.Run(t, func(t *testing.T) calendartest.World {
					sim, c := newSim(t, graphsim.Options{Polite: polite, Seed: conformanceSeed})
					sim.Set(func(w *graphsim.Switches) {
						w.IgnoreTimezonePref = !polite
						w.Mischief = mischief
					})
					sim.AddRoom(graphsim.Room{Address: "b@contoso.example", Name: "Room B", SharedWith: []string{graphsim.ServiceAccount}})
					sim.AddRoom(graphsim.Room{Address: "closed@contoso.example", Name: "Closed"})
					return place.make(simWorld{t: t, sim: sim, calendar: c, mailbox: roomA})
				})
			})
		}
	}
}

// simWorld keeps the room's events in the room's own mailbox.
type simWorld struct {
	t        *testing.T
	sim      *graphsim.Sim
	calendar *Calendar
	mailbox  string
}

func (w simWorld) Calendar() driver.Calendar { return w.calendar }
func (w simWorld) Room() driver.Room         { return driver.Room{ID: "a", Mailbox: roomA} }
func (w simWorld) Other() driver.Room        { return driver.Room{ID: "b", Mailbox: "b@contoso.example"} }
func (w simWorld) Refused() driver.Room {
	return driver.Room{ID: "closed", Mailbox: "closed@contoso.example"}
}

func (w simWorld) Put(e calendartest.Event) calendartest.Handle {
	w.t.Helper()
	g := simEvent(e)
	if e.Declined {
		g.Response = "declined"
	}
	return calendartest.Handle(add(w.t, w.sim, w.mailbox, g))
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

func (w simWorld) Drop(h calendartest.Handle) {
	w.t.Helper()
	must(w.t, w.sim.DeleteEvent(w.mailbox, string(h)))
}

func (w simWorld) Skip(h calendartest.Handle, original time.Time) {
	w.t.Helper()
	id, err := w.sim.OccurrenceID(w.mailbox, string(h), original)
	must(w.t, err)
	must(w.t, w.sim.DeleteEvent(w.mailbox, id))
}

func (w simWorld) Move(h calendartest.Handle, original, start, end time.Time) {
	w.t.Helper()
	must(w.t, w.sim.MoveOccurrence(w.mailbox, string(h), original, start, end))
}

// ownWorld keeps the room's events in the calendar of the account that signed
// in, where the room is a location and a resource that accepts or declines.
type ownWorld struct{ simWorld }

func (w ownWorld) Room() driver.Room  { return driver.Room{ID: "a", Match: []string{"Room A", roomA}} }
func (w ownWorld) Other() driver.Room { return driver.Room{ID: "b", Match: []string{"Room B"}} }

func (w ownWorld) Put(e calendartest.Event) calendartest.Handle {
	w.t.Helper()
	g := simEvent(e)
	room := graphsim.Attendee{Person: graphsim.Person{Name: "Room A", Address: roomA}, Type: "resource", Response: "accepted"}
	if e.Declined {
		room.Response = "declined"
	}
	g.Location, g.Attendees = "Room A", append(g.Attendees, room)
	return calendartest.Handle(add(w.t, w.sim, w.mailbox, g))
}
