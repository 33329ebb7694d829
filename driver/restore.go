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

// readAtKey holds when each room was last read. It is separate from the bookings
// because it changes with every poll. A room id cannot contain the slash.
const readAtKey = "read-at/rooms"

const storedVersion = 1

// pastKey is the key of a room's past.
func pastKey(room string) string { return "past/" + room }

// pastVersion is the format version of the stored Past; others are not read.
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
	room Room
}

// stored is a room's record.
type stored struct {
	Version  int       `json:"v"`
	Source   string    `json:"source"` // of the room when its bookings were read
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Bookings []Booking `json:"bookings"`
	Unread   Unread    `json:"unread,omitzero"`
}

// load returns the stored records of the rooms, and deletes those of others. An
// unreadable record is logged and counts as never read.
func (m *memory) load(rooms []Room) ([]Snapshot, []Past) {
	snaps, pasts := make([]Snapshot, len(rooms)), make([]Past, len(rooms))
	readAt := map[string]time.Time{}
	if err := m.get(readAtKey, &readAt); err != nil {
		m.log.Warn("the times of the last reads are lost", "reason", err)
	}
	var lostBookings, lostPasts losses
	for i, room := range rooms {
		var err error
		if pasts[i], err = m.loadPast(room.ID); err != nil {
			lostPasts.add(room.ID, err)
		}
		var s stored
		if err := m.get(room.ID, &s); err != nil {
			lostBookings.add(room.ID, err)
			continue
		}
		at, ok := readAt[room.ID]
		if s.Version != storedVersion || !ok {
			continue
		}
		if s.Source != room.source() { // the configuration was changed while the gateway was off
			m.deleteBookings(room.ID)
			continue
		}
		for j, b := range s.Bookings {
			s.Bookings[j] = room.Privacy.Redact(b) // it may be stricter than when they were stored
			if s.Bookings[j] != b {
				m.waiting.bookings[room.ID] = true
			}
		}
		m.stored[room.ID] = true
		snaps[i] = Snapshot{Bookings: s.Bookings, Unread: s.Unread, Complete: withoutID(s.Bookings), From: s.From, To: s.To, ReadAt: at}
	}
	lostBookings.log(m.log, "the last known bookings of rooms are lost; the next poll reads them again")
	lostPasts.log(m.log, "the pasts of rooms are lost: their counters of the day start at zero")
	m.deleteOthers(rooms, readAt)
	return snaps, pasts
}

// losses are rooms whose records could not be read. They are logged together, because
// a disk that cannot be read loses them all.
type losses struct {
	rooms []string
	first error
}

func (l *losses) add(room string, err error) {
	if l.first == nil {
		l.first = err
	}
	l.rooms = append(l.rooms, room)
}

func (l *losses) log(log *slog.Logger, words string) {
	const most = 10
	if len(l.rooms) > 0 {
		log.Warn(words, "rooms", len(l.rooms), "first_rooms", l.rooms[:min(most, len(l.rooms))], "first_reason", l.first)
	}
}

// loadPast returns what is stored of a room's past, or the zero Past.
func (m *memory) loadPast(room string) (Past, error) {
	var s storedPast
	if err := m.get(pastKey(room), &s); err != nil || s.Version != pastVersion {
		return Past{}, err
	}
	return s.Past, nil
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
