package driver

import (
	"context"
	"time"
)

// Calendar reads the events of rooms.
type Calendar interface {
	// Fetch reads the events that overlap [from, to) of the calendars in which
	// the rooms are found, and delivers one Reading for each room, as soon as it
	// is there. It returns when all are delivered. A failure stands in the
	// Reading of the room that it concerns; where a person can fix it, it is an
	// Actionable. Fetch is never called concurrently.
	Fetch(ctx context.Context, rooms []Room, from, to time.Time, r Receiver) Tally
}

// Receiver takes what a Fetch reads. Its methods are not called concurrently,
// and not after the Fetch has returned.
type Receiver interface {
	// Last returns the Digest of the room's last good Reading of this window;
	// zero: there is none.
	Last(room string) Digest
	Deliver(Reading)
}

// Digest identifies what a Reading was made from; only the Calendar knows how.
// Equal Digests of a room, other than the zero one, mean equal Events.
type Digest struct {
	Length int
	Sum    uint64
}

// Reading is the result of one attempt to read a room's calendar.
type Reading struct {
	Room      string  // id
	Events    []Event // of the calendar, not of the room alone; more than the window's are allowed
	Digest    Digest  // of these Events; zero: not known
	Unchanged bool    // Digest is what Receiver.Last returned, and Events are left out
	Err       error   // the calendar could not be read; the other fields but Room say nothing
}

// Sweeper is a Calendar that can tell at little cost which rooms have changed.
type Sweeper interface {
	// Sweep asks for the busy times of the rooms in [from, to) and returns the
	// ids of those whose busy times differ from what the Sweep before found. A
	// room that was not part of the Sweep before is none of them, nor is one
	// whose busy times cannot be read. The error means that nothing was
	// answered; where a person can fix that, it is an Actionable. Sweep is never
	// called while a Fetch or another Sweep runs.
	Sweep(ctx context.Context, rooms []Room, from, to time.Time) (changed []string, t Tally, err error)
}

// Tally is the cost of a Fetch or a Sweep.
type Tally struct {
	Requests  int   // HTTP requests sent
	Throttled int   // requests that the service put off
	Bytes     int64 // received, uncompressed
}

// ReadOnce reads the rooms and returns the Readings in the order in which they
// were delivered, none of them Unchanged.
func ReadOnce(ctx context.Context, c Calendar, rooms []Room, from, to time.Time) []Reading {
	var all collector
	c.Fetch(ctx, rooms, from, to, &all)
	return all
}

// collector is a Receiver that keeps all Readings and remembers none before.
type collector []Reading

// Last implements Receiver.
func (*collector) Last(string) Digest { return Digest{} }

// Deliver implements Receiver.
func (c *collector) Deliver(r Reading) { *c = append(*c, r) }
