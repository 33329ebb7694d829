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
// is known for the first time, at the end, and otherwise every flushEvery; what
// was counted, every countEvery. After a power cut the bookings are at most that
// old, and their age says so.
type memory struct {
	store   Memory
	log     *slog.Logger
	dirty   map[string]bool // rooms whose bookings differ from the stored ones
	isNew   bool            // among them one that was never stored
	turns   map[string]bool // rooms whose past differs from the stored one
	counts  bool            // among them one that counted something
	read    bool            // something was read since the last flush
	known   map[string]bool // rooms that are stored
	flushed time.Time
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

func newMemory(store Memory, log *slog.Logger) *memory {
	return &memory{store: store, log: log, dirty: map[string]bool{}, turns: map[string]bool{}, known: map[string]bool{}}
}

// load returns what is stored of the rooms, and forgets rooms that are no more.
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
			m.dirty[room.ID] = m.dirty[room.ID] || s.Bookings[j] != b
		}
		m.known[room.ID] = true
		snaps[i] = Snapshot{Bookings: s.Bookings, From: s.From, To: s.To, ReadAt: at}
	}
	m.forgetOthers(rooms, readAt)
	return snaps, pasts
}

// loadPast returns what is remembered of a room, or the zero Past.
func (m *memory) loadPast(room string) Past {
	var s storedPast
	if err := m.get(pastKey(room), &s); err != nil {
		m.log.Warn("what was remembered of a room is lost: its day is counted anew", "room", room, "reason", err)
		return Past{}
	}
	if s.Version != pastVersion {
		return Past{}
	}
	return s.Past
}

// forgetOthers deletes what is stored of rooms that are no longer configured.
func (m *memory) forgetOthers(rooms []Room, readAt map[string]time.Time) {
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
		m.log.Warn("the bookings of rooms that are no more could not be deleted", "reason", err)
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
	m.read = true
	if !changed {
		return
	}
	m.dirty[room] = true
	m.isNew = m.isNew || !m.known[room]
}

// turned notes that what is remembered of a room has changed, and whether
// something was counted.
func (m *memory) turned(room string, counted bool) {
	m.turns[room] = true
	m.counts = m.counts || counted
}

// pollDone writes at once what is known for the first time.
func (m *memory) pollDone(rooms func() map[string]record, now time.Time) {
	if m.isNew {
		m.flush(rooms(), now)
	}
}

// news tells whether there is anything to write.
func (m *memory) news() bool { return m.read || len(m.dirty)+len(m.turns) > 0 }

func (m *memory) flushIfDue(rooms func() map[string]record, now time.Time) {
	every := flushEvery
	if m.counts {
		every = countEvery
	}
	if since := now.Sub(m.flushed); m.news() && (since >= every || since < 0) {
		m.flush(rooms(), now)
	}
}

// flush writes what has changed. A failure is logged and tried again later; the
// gateway does not need the memory to go on.
func (m *memory) flush(rooms map[string]record, now time.Time) {
	if !m.news() {
		return
	}
	m.flushed = now
	values := map[string][]byte{}
	readAt := map[string]time.Time{}
	for id, room := range rooms {
		if m.turns[id] {
			values[pastKey(id)] = []byte(mustJSON(storedPast{pastVersion, room.past}))
		}
		s := room.snap
		if s.ReadAt.IsZero() {
			continue
		}
		readAt[id] = s.ReadAt
		if m.dirty[id] {
			values[id] = []byte(mustJSON(stored{storedVersion, s.From, s.To, s.Bookings}))
		}
	}
	values[readAtKey] = []byte(mustJSON(readAt))
	if err := m.store.Put(values); err != nil {
		m.log.Error("the last known bookings could not be kept; trying again later", "reason", err)
		return
	}
	for id := range values {
		m.known[id] = true
	}
	clear(m.dirty)
	clear(m.turns)
	m.isNew, m.read, m.counts = false, false, false
}
