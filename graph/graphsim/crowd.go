package graphsim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// crowdDays is how many days of bookings Crowd makes.
const crowdDays = 7

// crowdDay is the part of a day that Crowd fills, in minutes since midnight; the weekly series comes before it.
const crowdDayFrom, crowdDayTo = 8 * 60, 23 * 60

// Crowd fills the simulator with many rooms for load tests: room-0001@contoso.example and so on, in buildings of a
// hundred rooms and floors of ten, all shared with the service account. Each has perDay bookings (0 to 60) on each
// of seven days from day, in the given zone: of varied lengths, some back to back, a few private, tentative or
// cancelled, one on most days an occurrence of a weekly series that began three years ago. They are in the rooms'
// calendars only, none in the service account's. The bookings depend on the number of rooms and the day only.
func Crowd(s *Sim, zone *time.Location, day time.Time, rooms, perDay int) {
	first := date(day.In(zone))
	for i := range rooms {
		s.AddRoom(crowdRoom(i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rooms {
		box := s.world.mailboxes[fold(crowdRoom(i).Address)]
		c := crowd{sim: s, box: box, zone: zone, rng: rand.New(rand.NewPCG(uint64(first.Unix()), uint64(i)))}
		if perDay > 0 {
			c.series(first, i)
		}
		for d := range crowdDays {
			c.day(first.AddDate(0, 0, d), perDay)
		}
	}
}

func crowdRoom(i int) Room {
	building, floor := i/100+1, i/10%10
	return Room{
		ID: fmt.Sprintf("6c0d2b9a-0000-4000-9000-%012d", i+1), Address: fmt.Sprintf("room-%04d@%s", i+1, TenantDomain),
		Name: fmt.Sprintf("Room %04d", i+1), Capacity: []int{4, 6, 8, 12, 20}[i%5], Building: fmt.Sprintf("Building %d", building),
		Floor: floor, FloorLabel: fmt.Sprintf("Floor %d", floor), SharedWith: []string{ServiceAccount}, KeepSubject: true, KeepPrivate: true,
	}
}

// crowd makes the bookings of one room.
type crowd struct {
	sim  *Sim
	box  *mailbox
	zone *time.Location
	rng  *rand.Rand
}

// add puts a booking into the room's calendar as the room's assistant leaves it.
func (c crowd) add(day time.Time, minutes, length int, e Event) *item {
	e.Start = time.Date(day.Year(), day.Month(), day.Day(), 0, minutes, 0, 0, c.zone)
	e.End = time.Date(day.Year(), day.Month(), day.Day(), 0, minutes+length, 0, 0, c.zone)
	e.Zone, e.loc, e.Response = c.zone.String(), c.zone, "accepted"
	e.Location, e.LocationAddress = c.box.name, c.box.address
	who := c.rng.IntN(len(officePeople))
	e.Organizer = officePeople[who]
	for n := range 3 {
		e.Attendees = append(e.Attendees, Attendee{officePeople[(who+n+1)%len(officePeople)], "required", "accepted"})
	}
	e.Attendees = append(e.Attendees, Attendee{Person{c.box.name, c.box.address}, "resource", c.box.room.response()})
	return c.box.items[c.sim.store(c.box, roomCopy(e, c.box.room))]
}

// series books the meeting at 07:00 on four days of the week; in every fourth room its first occurrence is moved.
func (c crowd) series(first time.Time, i int) {
	days := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday}
	begin := first.AddDate(-3, 0, 0)
	it := c.add(begin, 7*60, 30, Event{Subject: "Weekly", Recurrence: &Recurrence{Type: "weekly", Days: days}})
	for d := range crowdDays {
		if on := first.AddDate(0, 0, d); c.weekly(on) && i%4 == 0 {
			e := *it.at(on)
			e.Start, e.End, e.Type = e.Start.Add(15*time.Minute), e.End.Add(15*time.Minute), "exception"
			it.exceptions[on.Format(dayLayout)] = exception{&e}
			return
		}
	}
}

// weekly says whether the series falls on a day.
func (crowd) weekly(day time.Time) bool {
	return time.Monday <= day.Weekday() && day.Weekday() <= time.Thursday
}

// day books one day; on the days of the series it makes up the rest.
func (c crowd) day(day time.Time, perDay int) {
	if perDay > 0 && c.weekly(day) {
		perDay--
	}
	for n := range perDay {
		slot := (crowdDayTo - crowdDayFrom) / perDay / 15 * 15 // on quarter hours, as people book
		length := min(slot, []int{15, 30, 45, 60, slot}[c.rng.IntN(5)])
		c.add(day, crowdDayFrom+n*slot, length, Event{
			Subject: officeSubjects[c.rng.IntN(len(officeSubjects))], Cancelled: c.rng.IntN(20) == 0,
			ShowAs:      []string{"busy", "busy", "busy", "busy", "tentative"}[c.rng.IntN(5)],
			Sensitivity: []string{"normal", "normal", "normal", "normal", "private"}[c.rng.IntN(5)],
		})
	}
}
