package graphsim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// officeDays is how many days of bookings Office makes.
const officeDays = 14

// OfficeRooms returns the twelve meeting rooms of [Office], all shared with the service account.
func OfficeRooms() []Room {
	rooms := []Room{
		{Address: "boardroom", Name: "Boardroom", Capacity: 16, Floor: 3},
		{Address: "library", Name: "Library", Capacity: 8, Floor: 3},
		{Address: "terrace", Name: "Terrace", Capacity: 10, Floor: 3},
		{Address: "atrium", Name: "Atrium", Capacity: 24, Floor: 0},
		{Address: "garden", Name: "Garden Room", Capacity: 12, Floor: 0},
		{Address: "workshop", Name: "Workshop", Capacity: 14, Floor: 0},
		{Address: "north", Name: "North", Capacity: 6, Floor: 1},
		{Address: "south", Name: "South", Capacity: 6, Floor: 1},
		{Address: "east", Name: "East", Capacity: 4, Floor: 1},
		{Address: "west", Name: "West", Capacity: 4, Floor: 2},
		{Address: "studio", Name: "Studio", Capacity: 8, Floor: 2},
		{Address: "focus", Name: "Focus", Capacity: 2, Floor: 2},
	}
	labels := []string{"Ground", "First", "Second", "Third"}
	for i := range rooms {
		r := &rooms[i]
		r.ID = fmt.Sprintf("6c0d2b9a-0000-4000-8000-%012d", i+1)
		r.Address += "@" + TenantDomain
		r.Building, r.FloorLabel, r.SharedWith = "HQ", labels[r.Floor], []string{ServiceAccount}
	}
	return rooms
}

var officePeople = []Person{
	{"Priya Rao", "priya@contoso.example"}, {"Tom Becker", "tom@contoso.example"}, {"Aisha Khan", "aisha@contoso.example"},
	{"Jonas Lind", "jonas@contoso.example"}, {"Maria Costa", "maria@contoso.example"}, {"Wei Chen", "wei@contoso.example"},
}

var officeSubjects = []string{
	"Project review", "Customer call", "Interview", "Design session", "Budget", "One to one", "Supplier visit", "Retrospective", "Training", "Site planning",
}

// Office fills the simulator with a small office: [OfficeRooms] with six to ten bookings on every weekday for
// fourteen days from day, in the given zone. The service account is copied into every booking, so its own
// calendar shows all of them. The bookings depend on the rooms and the day only.
func Office(s *Sim, zone *time.Location, day time.Time) {
	first := date(day.In(zone))
	for i, room := range OfficeRooms() {
		s.AddRoom(room)
		o := office{sim: s, zone: zone, room: room.Address, rng: rand.New(rand.NewPCG(uint64(first.Unix()), uint64(i)))}
		o.series(first, i)
		for d := range officeDays {
			if at := first.AddDate(0, 0, d); at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
				o.day(at)
			}
		}
		o.special(first, i)
	}
}

// office makes the bookings of one room.
type office struct {
	sim  *Sim
	zone *time.Location
	room string
	rng  *rand.Rand
}

// at is a time of day in the office's zone, in minutes since midnight.
func (o office) at(day time.Time, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, o.zone)
}

func (o office) book(e Event) string {
	if e.Subject == "" {
		e.Subject = officeSubjects[o.rng.IntN(len(officeSubjects))]
	}
	e.Organizer = officePeople[o.rng.IntN(len(officePeople))]
	e.Attendees = []Attendee{{officePeople[o.rng.IntN(len(officePeople))], "required", "accepted"}}
	e.Response, e.Zone = "accepted", o.zone.String()
	id, err := o.sim.Book(ServiceAccount, []string{o.room}, e)
	if err != nil {
		return "" // only if the service account was removed
	}
	return id
}

// series books a weekly meeting from 09:00 to 09:30 on two days of the week that began three years ago.
func (o office) series(first time.Time, i int) {
	days := []time.Weekday{time.Weekday(1 + i%5), time.Weekday(1 + (i+2)%5)}
	begin := first.AddDate(-3, 0, 0)
	for begin.Weekday() != days[0] {
		begin = begin.AddDate(0, 0, 1)
	}
	o.book(Event{Subject: "Team weekly", Start: o.at(begin, 9*60), End: o.at(begin, 9*60+30), Recurrence: &Recurrence{Type: "weekly", Days: days}})
}

// day books six to nine meetings from 09:30, some of them back to back.
func (o office) day(day time.Time) {
	minutes, want := 9*60+30, 6+o.rng.IntN(4)
	for n := range want {
		length := []int{30, 30, 45, 60}[o.rng.IntN(4)]
		showAs := []string{"busy", "busy", "busy", "busy", "busy", "tentative"}[o.rng.IntN(6)]
		sensitivity := []string{"normal", "normal", "normal", "private"}[o.rng.IntN(4)]
		id := o.book(Event{Start: o.at(day, minutes), End: o.at(day, minutes+length), ShowAs: showAs, Sensitivity: sensitivity})
		if n > 0 && o.rng.IntN(12) == 0 {
			_ = o.sim.CancelEvent(ServiceAccount, id) // the id exists: it was just created
		}
		minutes += length + []int{0, 0, 15, 30}[o.rng.IntN(4)]
	}
}

// special adds rare cases: an all-day booking in one room, an event past midnight in another.
func (o office) special(first time.Time, i int) {
	switch i {
	case 3:
		day := first.AddDate(0, 0, 5)
		o.book(Event{Subject: "Open day", AllDay: true, Start: o.at(day, 0), End: o.at(day.AddDate(0, 0, 1), 0)})
	case 5:
		day := first.AddDate(0, 0, 2)
		o.book(Event{Subject: "Night work", Start: o.at(day, 22*60), End: o.at(day.AddDate(0, 0, 1), 2*60)})
	}
}
