package driver

import (
	"context"
	"time"
)

// Calendar reads the events of rooms.
type Calendar interface {
	// Fetch reads the events that overlap [from, to) from the calendars of the
	// rooms, and delivers one Reading for each room, as soon as it is available.
	// It returns when all are delivered. A failure is in the Reading of the room
	// that it concerns; it is an Actionable if user action can fix it. Fetch is
	// never called concurrently.
	Fetch(ctx context.Context, rooms []Room, from, to time.Time, r Receiver) Tally
}

// atOnce is the key of AtOnce.
type atOnce struct{}

// AtOnce returns a context for a Fetch that a person is waiting for: the service is
// asked at once, even where it has asked for a pause, or where a pause follows a
// failure.
func AtOnce(ctx context.Context) context.Context { return context.WithValue(ctx, atOnce{}, true) }

// IsAtOnce reports whether ctx is from AtOnce.
func IsAtOnce(ctx context.Context) bool { return ctx.Value(atOnce{}) != nil }

// Receiver receives the Readings of a Fetch. Its methods are not called concurrently,
// and not after the Fetch has returned.
type Receiver interface {
	// Last returns the Digest of the room's last good Reading of this window;
	// zero: there is none.
	Last(room string) Digest
	Deliver(Reading)
}

// Digest identifies the data a Reading was made from; its form is up to the Calendar.
// Equal Digests of a room, other than the zero one, mean equal Events.
type Digest struct {
	Length int
	Sum    uint64
}

// Reading is the result of one attempt to read a room's calendar.
type Reading struct {
	Room      string  // id
	Events    []Event // of the calendar, not of the room alone; may include events outside the window
	Digest    Digest  // of these Events; zero: not known
	Unchanged bool    // Digest is what Receiver.Last returned, and Events are left out
	Err       error   // the calendar could not be read; all other fields but Room are meaningless
}

// Sweeper is a Calendar that can find with few requests which rooms have changed.
type Sweeper interface {
	// Sweep asks for the busy times of the rooms in [from, to) and returns the
	// ids of those whose busy times differ from the previous Sweep. A room that
	// was not part of the previous Sweep is not returned, nor is one whose busy
	// times cannot be read. The error means that no room was answered; it is an
	// Actionable if user action can fix it. Sweep is never called while a Fetch
	// or another Sweep runs.
	Sweep(ctx context.Context, rooms []Room, from, to time.Time) (changed []string, t Tally, err error)
}

// Tally is the cost of a Fetch or a Sweep.
type Tally struct {
	Requests  int   // HTTP requests sent
	Throttled int   // requests that the service throttled
	Bytes     int64 // received, uncompressed
}

// ReadOnce reads the rooms and returns the Readings in the order in which they
// were delivered, none of them Unchanged.
func ReadOnce(ctx context.Context, c Calendar, rooms []Room, from, to time.Time) []Reading {
	var all collector
	c.Fetch(ctx, rooms, from, to, &all)
	return all
}

// collector is a Receiver that keeps all Readings and has no earlier ones.
type collector []Reading

// Last implements Receiver.
func (*collector) Last(string) Digest { return Digest{} }

// Deliver implements Receiver.
func (c *collector) Deliver(r Reading) { *c = append(*c, r) }
