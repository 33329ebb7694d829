package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/url"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// swept is what the last sweep found.
type swept struct {
	from, to time.Time
	answers  map[string]print  // by the addresses asked about
	times    map[string]uint64 // sums of busy times, by address
	address  string            // of who has signed in, where busy times of the own calendar are had
	asked    bool              // for that address
}

// Sweep implements driver.Sweeper: it asks when the rooms are busy, twenty a
// question and twenty questions a request, and compares. Rooms found in the
// account's own calendar share its busy times; those found in another calendar
// of the account have none of their own and are left to the polls.
func (c *Calendar) Sweep(ctx context.Context, rooms []driver.Room, from, to time.Time) (changed []string, t driver.Tally, err error) {
	if !c.swept.from.Equal(from) || !c.swept.to.Equal(to) { // with the window all answers change, and no room
		c.swept = swept{from: from, to: to, answers: map[string]print{}, times: map[string]uint64{}, address: c.swept.address}
	}
	paid := &cost{}
	s := &sweep{Calendar: c, queue: c.client.queue(paid), rooms: rooms}
	if !c.o.App && c.swept.address == "" && !c.swept.asked && slices.ContainsFunc(rooms, inOwnCalendar) {
		s.askAddress()
	} else {
		s.ask()
	}
	s.queue.run(ctx)
	if s.answered == 0 {
		err = s.err
	}
	slices.Sort(s.changed)
	return s.changed, paid.tally(), err
}

func inOwnCalendar(r driver.Room) bool { return r.Mailbox == "" && r.Calendar == "" }

// sweep is a Sweep under way.
type sweep struct {
	*Calendar
	queue    *queue
	rooms    []driver.Room
	changed  []string
	answered int
	err      error // the first question that was not answered
}

// askAddress asks who has signed in; where that may not be known, the account's
// own calendar is left out.
func (s *sweep) askAddress() {
	s.swept.asked = true
	s.queue.ask(&question{
		call: call{op: "reading who is signed in", mailbox: own, path: pathOf("/me", url.Values{"$select": {"mail,userPrincipalName"}})},
		read: func(body []byte) error {
			var u struct{ Mail, UserPrincipalName string }
			if err := json.Unmarshal(body, &u); err != nil {
				return err
			}
			s.swept.address = cmp.Or(u.Mail, u.UserPrincipalName)
			s.ask()
			return nil
		},
		failed: func(error) { s.ask() },
	})
}

// ask asks for everybody's busy times.
func (s *sweep) ask() {
	addresses, by := byAddress(s.rooms, func(r driver.Room) string {
		if inOwnCalendar(r) {
			return s.swept.address
		}
		return r.Mailbox
	})
	for _, a := range askings(addresses, s.swept.from, s.swept.to) {
		asked := strings.Join(a.addresses, "\n")
		a.last = s.swept.answers[asked]
		a.ask(s.queue, s.o.App, func(body []byte) error {
			err := s.compare(asked, body, by)
			if err == nil {
				s.answered++
			}
			return err
		}, func(err error) { s.err = cmp.Or(s.err, err) })
	}
}

// compare finds the rooms of an answer whose busy times are not what they were.
func (s *sweep) compare(asked string, body []byte, rooms map[string][]driver.Room) error {
	answer := printOf(body)
	if s.swept.answers[asked] == answer {
		return nil
	}
	by, err := schedules(body)
	if err != nil {
		return err
	}
	for address, times := range by {
		if times.Error != nil {
			continue
		}
		was, known := s.swept.times[address]
		now := times.sum()
		s.swept.times[address] = now
		if !known || now == was {
			continue
		}
		for _, r := range rooms[address] {
			s.changed = append(s.changed, r.ID)
		}
	}
	s.swept.answers[asked] = answer
	return nil
}

// sum is the same for the same busy times in any order.
func (s schedule) sum() uint64 {
	var sum uint64
	for _, i := range s.ScheduleItems {
		sum += maphash.String(seed, fmt.Sprint(i.Status, i.Start, i.End))
	}
	return sum
}
