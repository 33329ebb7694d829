package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// Memory keeps bytes across restarts. Get's error is fs.ErrNotExist (by
// errors.Is) when there is nothing under the key. Put writes all or nothing and
// leaves unchanged values alone. Delete forgets keys, known or not.
type Memory interface {
	Get(key string) ([]byte, error)
	Put(values map[string][]byte) error
	Delete(keys ...string) error
}

// memory keeps the last good bookings, and what else must be remembered. It is
// written sparingly, because flash wears out: after the first poll, when a room
// is known for the first time, when a room was removed or became more private,
// at the end, and otherwise every flushEvery; what was counted, every countEvery.
// After a power cut the bookings are at most that old, and their age says so.
//
// The loop owns a memory. Writing can take long, so that a goroutine of its own
// does it, one write at a time, of values that do not change. What changes
// meanwhile waits: which rooms it concerns is noted, and they are written as they
// are when the next write begins.
type memory struct {
	store     Memory
	history   History // nil: days are not kept
	log       *slog.Logger
	waiting   changes         // not yet written
	urgent    bool            // they are to be written as soon as possible
	stored    map[string]bool // rooms whose bookings are stored
	flushed   time.Duration   // when rooms were last written, by the driver's stopwatch
	retryDays time.Duration   // the history did not take the days: not before then again
	writing   bool            // a write runs
	written   chan outcome    // what came of it
}

const (
	flushEvery = 30 * time.Minute
	countEvery = 20 * time.Minute
)

// readAtKey holds when each room was last read; it changes with every poll, the
// bookings do not, so the two are kept apart. A room id cannot contain the slash.
const readAtKey = "read-at/rooms"

const storedVersion = 1

// pastKey is the key of a room's past.
func pastKey(room string) string { return "past/" + room }

// pastVersion is that of the stored Past; another is not read.
const pastVersion = 1

// storedPast is the record of a room's past.
type storedPast struct {
	Version int  `json:"v"`
	Past    Past `json:"past"`
}

// record is what is kept of a room.
type record struct {
	snap Snapshot
	past Past
}

// stored is a room's record.
type stored struct {
	Version  int       `json:"v"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Bookings []Booking `json:"bookings"`
}

func newMemory(store Memory, history History, log *slog.Logger) *memory {
	return &memory{store: store, history: history, log: log, waiting: newChanges(), stored: map[string]bool{},
		flushed: -flushEvery, written: make(chan outcome, 1)}
}

// load returns what is stored of the rooms, and deletes what is stored of others.
// What cannot be read is logged and counts as never read.
func (m *memory) load(rooms []Room) ([]Snapshot, []Past) {
	snaps, pasts := make([]Snapshot, len(rooms)), make([]Past, len(rooms))
	readAt := map[string]time.Time{}
	if err := m.get(readAtKey, &readAt); err != nil {
		m.log.Warn("the times of the last reads are lost", "reason", err)
	}
	for i, room := range rooms {
		pasts[i] = m.loadPast(room.ID)
		var s stored
		if err := m.get(room.ID, &s); err != nil {
			m.log.Warn("the last known bookings of a room are lost; the next poll brings them back", "room", room.ID, "reason", err)
			continue
		}
		at, ok := readAt[room.ID]
		if s.Version != storedVersion || !ok {
			continue
		}
		for j, b := range s.Bookings {
			s.Bookings[j] = room.Privacy.Redact(b) // it may have become stricter since
			if s.Bookings[j] != b {
				m.waiting.bookings[room.ID] = true
			}
		}
		m.stored[room.ID] = true
		snaps[i] = Snapshot{Bookings: s.Bookings, From: s.From, To: s.To, ReadAt: at}
	}
	m.deleteOthers(rooms, readAt)
	return snaps, pasts
}

// loadPast returns what is stored of a room's past, or the zero Past.
func (m *memory) loadPast(room string) Past {
	var s storedPast
	if err := m.get(pastKey(room), &s); err != nil {
		m.log.Warn("the past of a room is lost: the counters of its day begin at zero", "room", room, "reason", err)
		return Past{}
	}
	if s.Version != pastVersion {
		return Past{}
	}
	return s.Past
}

// deleteOthers deletes what is stored of rooms that are not configured.
func (m *memory) deleteOthers(rooms []Room, readAt map[string]time.Time) {
	for _, room := range rooms {
		delete(readAt, room.ID)
	}
	if len(readAt) == 0 {
		return
	}
	keys := slices.Collect(maps.Keys(readAt))
	for room := range readAt {
		keys = append(keys, pastKey(room))
	}
	if err := m.store.Delete(keys...); err != nil {
		m.log.Warn("the bookings of rooms that are not configured could not be deleted", "reason", err)
	}
}

// get decodes what is stored under key; nothing stored leaves v as it is.
func (m *memory) get(key string, v any) error {
	text, err := m.store.Get(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", key, err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("decoding %s: %w", key, err)
	}
	return nil
}

// wasRead notes a good read of a room, and whether it brought other bookings
// than the stored ones.
func (m *memory) wasRead(room string, changed bool) {
	m.waiting.read = true
	if !changed {
		return
	}
	m.waiting.bookings[room] = true
	m.waiting.first = m.waiting.first || !m.stored[room]
}

// pastChanged notes that the past of a room is another than the stored one, and
// whether something was counted.
func (m *memory) pastChanged(room string, counted bool) {
	m.waiting.pasts[room] = true
	m.waiting.counted = m.waiting.counted || counted
}

// wasRedacted notes that less may be known of a room's bookings than is stored.
func (m *memory) wasRedacted(room string) {
	m.waiting.bookings[room] = true
	m.urgent = true
}

// deleteBookings deletes the stored bookings of a room.
func (m *memory) deleteBookings(room string) {
	m.waiting.deleted[room] = true
	delete(m.waiting.bookings, room)
	delete(m.stored, room)
	m.urgent = true
}

// deleteRoom deletes all that is stored of a room.
func (m *memory) deleteRoom(room string) {
	m.deleteBookings(room)
	m.waiting.deleted[pastKey(room)] = true
	delete(m.waiting.pasts, room)
}

// dayEnded notes a day that is over.
func (m *memory) dayEnded(d Day) {
	if m.history != nil {
		m.waiting.days = append(m.waiting.days, d)
	}
}

// pollDone writes at once what is known for the first time.
func (m *memory) pollDone(rooms func() map[string]record, now time.Duration) {
	if m.waiting.first {
		m.urgent = true
		m.writeIfDue(rooms, now)
	}
}

// writeIfDue begins a write when one is due and none runs. rooms is what is known
// of every room.
func (m *memory) writeIfDue(rooms func() map[string]record, now time.Duration) {
	if m.writing {
		return
	}
	switch {
	case m.roomsDue(now):
		m.begin(m.take(rooms(), now))
	case len(m.waiting.days) > 0 && now >= m.retryDays:
		w := write{changes: changes{days: m.waiting.days}}
		m.waiting.days = nil
		m.begin(w)
	}
}

// roomsDue reports whether rooms are to be written now.
func (m *memory) roomsDue(now time.Duration) bool {
	every := flushEvery
	if m.waiting.counted {
		every = countEvery
	}
	return m.waiting.ofRooms() && (m.urgent || now-m.flushed >= every)
}

// take hands over all that waits, with what is known of every room.
func (m *memory) take(rooms map[string]record, now time.Duration) write {
	w := write{changes: m.waiting, rooms: rooms}
	m.waiting, m.urgent, m.flushed = newChanges(), false, now
	return w
}

func (m *memory) begin(w write) {
	m.writing = true
	go func() { m.written <- w.perform(m.store, m.history) }()
}

// finish takes over what came of a write. What failed waits for the next one; the
// gateway does not need the memory to go on.
func (m *memory) finish(o outcome, now time.Duration) {
	m.writing = false
	if o.daysErr != nil {
		m.log.Error("days that are over could not be kept; trying again later", "days", len(o.days), "reason", o.daysErr)
		m.retryDays = now + flushEvery
		m.putBackDays(o.days)
	}
	if o.rooms == nil {
		return
	}
	if o.roomsErr != nil {
		m.log.Error("the last known bookings could not be kept; trying again later", "reason", o.roomsErr)
		m.waiting.putBack(o.changes)
		return
	}
	for room := range o.bookings {
		if !m.waiting.deleted[room] {
			m.stored[room] = true
		}
	}
}

// putBackDays has days wait again, and with them the pasts that say that they are
// over. Of each room no more than longestBacklog wait.
func (m *memory) putBackDays(days []Day) {
	for _, d := range days {
		m.waiting.pasts[d.Room] = true
	}
	all := slices.Concat(days, m.waiting.days)
	m.waiting.days = newestDays(all, longestBacklog)
	if lost := len(all) - len(m.waiting.days); lost > 0 {
		m.log.Error("days that are over are lost: the history could not be written for too long", "days", lost)
	}
}

// longestBacklog is how many days of a room wait for a history that cannot be
// written.
const longestBacklog = 31

// newestDays returns the last days of each room, n at most, in their order.
func newestDays(days []Day, n int) []Day {
	count := map[string]int{}
	var out []Day
	for _, d := range slices.Backward(days) {
		if count[d.Room]++; count[d.Room] <= n {
			out = append(out, d)
		}
	}
	slices.Reverse(out)
	return out
}

// close waits for the write that runs and writes what is left. The memory is not
// used afterwards.
func (m *memory) close(rooms map[string]record, now time.Duration) {
	if m.writing {
		m.finish(<-m.written, now)
	}
	if m.waiting.ofRooms() || len(m.waiting.days) > 0 {
		m.finish(m.take(rooms, now).perform(m.store, m.history), now)
	}
}
