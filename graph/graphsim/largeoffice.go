package graphsim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// largeOfficeDays is how many days of bookings LargeOffice makes.
const largeOfficeDays = 7

// The part of a day that LargeOffice fills, in minutes since midnight; the weekly series is before it.
const largeOfficeDayStart, largeOfficeDayEnd = 8 * 60, 23 * 60

// LargeOffice fills the simulator with many rooms for load tests: room-0001@contoso.example and so on, in buildings of a
// hundred rooms and floors of ten, all shared with the service account. Each has perDay bookings (0 to 60) on each
// of seven days from day, in the given zone: of varied lengths, some back to back, a few private, tentative or
// cancelled, one on most days an occurrence of a weekly series that began three years ago. They are in the rooms'
// calendars only, none in the service account's. The bookings depend on the number of rooms and the day only.
func LargeOffice(s *Sim, zone *time.Location, day time.Time, rooms, perDay int) {
	first := date(day.In(zone))
	for i := range rooms {
		s.AddRoom(largeOfficeRoom(i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range rooms {
		box := s.directory.mailboxes[fold(largeOfficeRoom(i).Address)]
		c := largeOffice{sim: s, box: box, zone: zone, rng: rand.New(rand.NewPCG(uint64(first.Unix()), uint64(i)))}
		if perDay > 0 {
			c.series(first, i)
		}
		for d := range largeOfficeDays {
			c.day(first.AddDate(0, 0, d), perDay)
		}
	}
}

func largeOfficeRoom(i int) Room {
	building, floor := i/100+1, i/10%10
	return Room{
		ID: fmt.Sprintf("6c0d2b9a-0000-4000-9000-%012d", i+1), Address: fmt.Sprintf("room-%04d@%s", i+1, TenantDomain),
		Name: fmt.Sprintf("Room %04d", i+1), Capacity: []int{4, 6, 8, 12, 20}[i%5], Building: fmt.Sprintf("Building %d", building),
		Floor: floor, FloorLabel: fmt.Sprintf("Floor %d", floor), SharedWith: []string{ServiceAccount}, KeepSubject: true, KeepPrivate: true,
	}
}

// largeOffice makes the bookings of one room.
type largeOffice struct {
	sim  *Sim
	box  *mailbox
	zone *time.Location
	rng  *rand.Rand
}

// add stores a booking in the room's calendar as calendar processing would.
func (c largeOffice) add(day time.Time, minutes, length int, e Event) *item {
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

// series books a weekly meeting at 07:00 on four days of the week; in every fourth room its first occurrence is moved.
func (c largeOffice) series(first time.Time, i int) {
	days := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday}
	begin := first.AddDate(-3, 0, 0)
	it := c.add(begin, 7*60, 30, Event{Subject: "Weekly", Recurrence: &Recurrence{Type: "weekly", Days: days}})
	for d := range largeOfficeDays {
		if on := first.AddDate(0, 0, d); c.weekly(on) && i%4 == 0 {
			e := *it.at(on)
			e.Start, e.End, e.Type = e.Start.Add(15*time.Minute), e.End.Add(15*time.Minute), "exception"
			it.exceptions[on.Format(dayLayout)] = exception{&e}
			return
		}
	}
}

// weekly reports whether the series has an occurrence on a day.
func (largeOffice) weekly(day time.Time) bool {
	return time.Monday <= day.Weekday() && day.Weekday() <= time.Thursday
}

// day books one day; an occurrence of the series counts as one of perDay.
func (c largeOffice) day(day time.Time, perDay int) {
	if perDay > 0 && c.weekly(day) {
		perDay--
	}
	for n := range perDay {
		slot := (largeOfficeDayEnd - largeOfficeDayStart) / perDay / 15 * 15 // on quarter hours
		length := min(slot, []int{15, 30, 45, 60, slot}[c.rng.IntN(5)])
		c.add(day, largeOfficeDayStart+n*slot, length, Event{
			Subject: officeSubjects[c.rng.IntN(len(officeSubjects))], Cancelled: c.rng.IntN(20) == 0,
			ShowAs:      []string{"busy", "busy", "busy", "busy", "tentative"}[c.rng.IntN(5)],
			Sensitivity: []string{"normal", "normal", "normal", "normal", "private"}[c.rng.IntN(5)],
		})
	}
}
