package graph

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"roomgate/driver"
)

// sweepResult is the result of the last sweep, for the mailboxes that it asked about.
type sweepResult struct {
	from, to  time.Time
	answers   map[string]driver.Digest // by the first address of the question
	busyTimes map[string]uint64        // sums of the busy times, by address
	user      string                   // address of the signed-in user; empty: not known
	userAsked bool                     // whether that address was asked for
}

// begin drops what was found for another window, or of other mailboxes.
func (r *sweepResult) begin(from, to time.Time) {
	if r.answers == nil || !r.from.Equal(from) || !r.to.Equal(to) { // with the window all answers change, and no room
		*r = sweepResult{from: from, to: to, answers: map[string]driver.Digest{}, busyTimes: map[string]uint64{}, user: r.user}
	}
}

// keep drops what was found of mailboxes that are not among the addresses.
func (r *sweepResult) keep(addresses map[string][]driver.Room) {
	maps.DeleteFunc(r.answers, func(address string, _ driver.Digest) bool { return addresses[address] == nil })
	maps.DeleteFunc(r.busyTimes, func(address string, _ uint64) bool { return addresses[address] == nil })
}

// Sweep implements driver.Sweeper: it asks when the rooms are busy, twenty a
// question and twenty questions a request, and compares. Rooms in the account's own
// calendar share its busy times; those in another calendar of the account have no busy
// times and are left to the polls.
func (c *Calendar) Sweep(ctx context.Context, rooms []driver.Room, from, to time.Time) (changed []string, t driver.Tally, err error) {
	c.lastSweep.begin(from, to)
	cost := &cost{}
	s := &sweeping{Calendar: c, queue: c.client.queue(cost), rooms: rooms}
	if !c.o.App && c.lastSweep.user == "" && !c.lastSweep.userAsked && slices.ContainsFunc(rooms, inOwnCalendar) {
		s.askUser()
	} else {
		s.ask()
	}
	s.queue.run(ctx)
	if s.answers == 0 {
		err = s.err
	}
	slices.Sort(s.changed)
	return s.changed, cost.tally(), err
}

func inOwnCalendar(r driver.Room) bool { return r.Mailbox == "" && r.Calendar == "" }

// sweeping is a Sweep in progress.
type sweeping struct {
	*Calendar
	queue   *queue
	rooms   []driver.Room
	changed []string
	answers int
	err     error // of the first question that was not answered
}

// askUser asks for the signed-in user, and then for the busy times.
func (s *sweeping) askUser() {
	s.lastSweep.userAsked = true
	s.queue.ask(&question{call: whoSignedIn, asker: userRead{s}})
}

// userRead handles the address of the signed-in user.
type userRead struct{ *sweeping }

// answered implements asker.
func (u userRead) answered(body []byte) error {
	var row userRow
	if err := json.Unmarshal(body, &row); err != nil {
		return err
	}
	u.lastSweep.user = row.user().Address
	u.ask()
	return nil
}

// failed implements asker. The account's own calendar is left out of the sweep.
func (u userRead) failed(error) { u.ask() }

// ask asks for the busy times of all rooms.
func (s *sweeping) ask() {
	addresses, byAddress := groupByAddress(s.rooms, func(r driver.Room) string {
		if inOwnCalendar(r) {
			return s.lastSweep.user
		}
		return r.Mailbox
	})
	s.lastSweep.keep(byAddress)
	for part := range slices.Chunk(addresses, scheduleSize) {
		q := &scheduleQuestion{asker: &sweepRead{s, part[0], byAddress}, queue: s.queue, app: s.o.App, addresses: part,
			from: s.lastSweep.from, to: s.lastSweep.to, last: s.lastSweep.answers[part[0]]}
		q.ask()
	}
}

// sweepRead compares the answer to one question with the one before.
type sweepRead struct {
	*sweeping
	first string                   // address of the question
	rooms map[string][]driver.Room // by address
}

// answered implements asker.
func (r *sweepRead) answered(body []byte) error {
	digest := r.client.digest(body)
	if r.lastSweep.answers[r.first] != digest {
		if err := r.compare(body); err != nil {
			return err
		}
		r.lastSweep.answers[r.first] = digest
	}
	r.sweeping.answers++
	return nil
}

// failed implements asker.
func (r *sweepRead) failed(err error) { r.err = cmp.Or(r.err, err) }

// compare finds the rooms whose busy times differ from the last ones.
func (r *sweepRead) compare(body []byte) error {
	byAddress, err := schedules(body)
	if err != nil {
		return err
	}
	for address, times := range byAddress {
		if times.Error != nil || r.rooms[address] == nil {
			continue
		}
		last, known := r.lastSweep.busyTimes[address]
		now := r.client.sumOf(times)
		r.lastSweep.busyTimes[address] = now
		if !known || now == last {
			continue
		}
		for _, room := range r.rooms[address] {
			r.changed = append(r.changed, room.ID)
		}
	}
	return nil
}

// sumOf is the same for the same busy times in any order.
func (c *Client) sumOf(s schedule) uint64 {
	sum := maphash.String(c.seed, s.AvailabilityView)
	for _, i := range s.ScheduleItems {
		sum += maphash.String(c.seed, fmt.Sprint(i.Status, i.Start, i.End))
	}
	return sum
}
