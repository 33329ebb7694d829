package replay

import (
	"context"
	"slices"
	"time"

	"roomgate/driver"
	"roomgate/ical"
)

// provider is a driver.Provider that reads a file. It needs no session.
type provider struct {
	file   *File
	events map[string][]ical.Event // of the file, by id of the room that they are for
}

// Service implements driver.Provider.
func (provider) Service() string { return "a file" }

// Fetch implements driver.Calendar. The file does not change, so that the window
// identifies a reading.
func (p provider) Fetch(_ context.Context, rooms []driver.Room, from, to time.Time, r driver.Receiver) driver.Tally {
	digest := driver.Digest{Length: int(to.Sub(from) / time.Second), Sum: uint64(from.UnixNano())}
	for _, room := range rooms {
		reading := driver.Reading{Room: room.ID, Digest: digest, Unchanged: r.Last(room.ID) == digest}
		if !reading.Unchanged {
			reading.Events, reading.Err = p.file.occurrences(p.events[room.ID], from, to)
		}
		r.Deliver(reading)
	}
	return driver.Tally{}
}

// testRooms returns the rooms for a file: matched by their ids, names, addresses and
// Match, with data that is marked as a test and does not become stale, and with
// sensors that report changes only. Everything is for the room
// with the id only, where that is not empty.
func testRooms(rooms []driver.Room, only string) []driver.Room {
	out := slices.Clone(rooms)
	for i, r := range out {
		out[i].Match = slices.Concat([]string{r.ID, r.Name, r.Mailbox}, r.Match)
		if r.ID == only {
			out[i].Match = nil // every event
		}
		out[i].Mailbox, out[i].Calendar = "", ""
		out[i].StaleAfter, out[i].PresenceTimeout, out[i].Test = 24*time.Hour, 0, true
	}
	return out
}
