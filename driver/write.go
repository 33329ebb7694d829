package driver

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// changes is what has to be written. It is bounded by the number of rooms, and the
// days by longestBacklog.
type changes struct {
	bookings map[string]bool // rooms whose bookings differ from the stored ones
	pasts    map[string]bool // rooms whose past differs from the stored one
	deleted  map[string]bool // keys to delete before anything is written
	days     []Day           // completed
	first    bool            // among the bookings are those of a room that was never stored
	counted  bool            // among the pasts is one in which something was counted
	read     bool            // a room was read
}

func newChanges() changes {
	return changes{bookings: map[string]bool{}, pasts: map[string]bool{}, deleted: map[string]bool{}}
}

// ofRooms reports whether there is anything to write but days.
func (c *changes) ofRooms() bool { return c.read || len(c.bookings)+len(c.pasts)+len(c.deleted) > 0 }

// putBack adds changes of rooms that could not be written.
func (c *changes) putBack(failed changes) {
	maps.Copy(c.bookings, failed.bookings)
	maps.Copy(c.pasts, failed.pasts)
	maps.Copy(c.deleted, failed.deleted)
	c.first, c.counted, c.read = c.first || failed.first, c.counted || failed.counted, c.read || failed.read
}

// write is the input of one write to the store. It does not change while it runs.
type write struct {
	changes
	rooms map[string]record // every room that is configured; nil: only the days are written
}

// outcome is the result of a write.
type outcome struct {
	write
	daysErr  error // the days were not kept
	roomsErr error // the rooms were not stored
}

// perform writes. The days come first, so that a stored past with a completed day
// proves that the history has the day. After a crash between the two the day is
// derived and appended once more, which the history allows. When the history fails,
// the pasts of the rooms concerned are withheld.
func (w write) perform(store Memory, history History) outcome {
	o := outcome{write: w}
	withheld := map[string]bool{}
	if len(w.days) > 0 {
		if o.daysErr = history.Append(w.days); o.daysErr != nil {
			for _, d := range w.days {
				withheld[d.Room] = true
			}
		}
	}
	if w.rooms != nil {
		o.roomsErr = w.store(store, withheld)
	}
	return o
}

// store writes the rooms, except the pasts that are withheld.
func (w write) store(store Memory, withheld map[string]bool) error {
	if len(w.deleted) > 0 {
		if err := store.Delete(slices.Sorted(maps.Keys(w.deleted))...); err != nil {
			return fmt.Errorf("deleting what was stored: %w", err)
		}
	}
	values := map[string][]byte{}
	readAt := map[string]time.Time{}
	for id, room := range w.rooms {
		if w.pasts[id] && !withheld[id] {
			values[pastKey(id)] = []byte(mustJSON(storedPast{pastVersion, room.past}))
		}
		s := room.snap
		if s.ReadAt.IsZero() {
			continue
		}
		readAt[id] = s.ReadAt
		if w.bookings[id] {
			values[id] = []byte(mustJSON(stored{storedVersion, room.room.source(), s.From, s.To, s.Bookings, s.Unread}))
		}
	}
	values[readAtKey] = []byte(mustJSON(readAt))
	return store.Put(values)
}
