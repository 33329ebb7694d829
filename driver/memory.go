package driver

import (
	"cmp"
	"log/slog"
	"slices"
	"time"
)

// Memory keeps bytes across restarts. Get's error is fs.ErrNotExist (by
// errors.Is) when there is nothing under the key. Put writes all or nothing and
// does not rewrite unchanged values. Delete ignores unknown keys.
type Memory interface {
	Get(key string) ([]byte, error)
	Put(values map[string][]byte) error
	Delete(keys ...string) error
}

// memory stores the last good bookings and the pasts of the rooms. It writes
// rarely, to save flash: after the first poll, when a room is read for the first
// time, when a room is removed or becomes more private, at a stop, and otherwise
// every flushEvery, or every countEvery when something was counted. After a power
// cut the bookings are at most that old, which their age shows.
//
// The loop owns a memory. A write may take long, so it runs on a goroutine of its
// own, on values that do not change, one write at a time. Changes during a write
// are noted by room; the next write takes the rooms as they are when it begins.
type memory struct {
	store     Memory
	history   History // nil: days are not kept
	log       *slog.Logger
	waiting   changes         // not yet written
	urgent    bool            // they are to be written as soon as possible
	stored    map[string]bool // rooms whose bookings are stored
	flushed   time.Duration   // when rooms were last written, by the driver's stopwatch
	retry     time.Duration   // after a write of rooms failed: time of the next attempt; zero: none failed
	retryDays time.Duration   // after the history failed: earliest time for the next attempt
	trouble   string          // why rooms or days could not be stored, as logged; empty: they could
	writing   bool            // a write runs
	written   chan outcome    // its outcome
}

const (
	flushEvery = 30 * time.Minute
	countEvery = 20 * time.Minute
	retryEvery = time.Minute // after a write failed
)

func newMemory(store Memory, history History, log *slog.Logger) *memory {
	return &memory{store: store, history: history, log: log, waiting: newChanges(), stored: map[string]bool{},
		flushed: -flushEvery, written: make(chan outcome, 1)}
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

// wasRedacted records that the room's privacy allows less than is stored.
func (m *memory) wasRedacted(room string) {
	m.waiting.bookings[room] = true
	m.urgent = true
}

// replace stores the bookings and the past of a room although they have not changed.
func (m *memory) replace(room string) {
	m.waiting.bookings[room], m.waiting.pasts[room] = true, true
	m.urgent = true
}

// deleteBookings deletes the stored bookings of a room.
func (m *memory) deleteBookings(room string) {
	m.waiting.deleted[room] = true
	delete(m.waiting.bookings, room)
	delete(m.stored, room)
	m.urgent = true
}

// deleteRoom deletes everything stored for a room.
func (m *memory) deleteRoom(room string) {
	m.deleteBookings(room)
	m.waiting.deleted[pastKey(room)] = true
	delete(m.waiting.pasts, room)
}

// dayEnded queues a completed day.
func (m *memory) dayEnded(d Day) {
	if m.history != nil {
		m.waiting.days = append(m.waiting.days, d)
	}
}

// pollDone asks for a write when a room was read for the first time. The loop makes
// it after it has derived the room, so that bookings and past are written together.
func (m *memory) pollDone() {
	m.urgent = m.urgent || m.waiting.first
}

// writeIfDue starts a write when one is due and none is running. rooms returns the
// record of every room.
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
	if m.retry > 0 {
		return now >= m.retry
	}
	every := flushEvery
	if m.waiting.counted {
		every = countEvery
	}
	return m.waiting.ofRooms() && (m.urgent || now-m.flushed >= every)
}

// take returns everything that is waiting, with the record of every room.
func (m *memory) take(rooms map[string]record, now time.Duration) write {
	w := write{changes: m.waiting, rooms: rooms}
	m.waiting, m.urgent, m.flushed = newChanges(), false, now
	return w
}

func (m *memory) begin(w write) {
	m.writing = true
	go func() { m.written <- w.perform(m.store, m.history) }()
}

// finish handles the outcome of a write. A failed write is retried soon: the gateway
// works without its memory, and the disk may work again.
func (m *memory) finish(o outcome, now time.Duration) {
	m.writing = false
	m.noteTrouble(o)
	if o.daysErr != nil {
		m.retryDays = now + retryEvery
		m.putBackDays(o.days)
	}
	if o.rooms == nil {
		return
	}
	m.retry = 0
	if o.roomsErr != nil {
		m.retry = now + retryEvery
		m.waiting.putBack(o.changes)
		return
	}
	for room := range o.bookings {
		if !m.waiting.deleted[room] {
			m.stored[room] = true
		}
	}
}

// noteTrouble logs when writes begin to fail, fail for another reason, or work again.
func (m *memory) noteTrouble(o outcome) {
	err := cmp.Or(o.roomsErr, o.daysErr)
	switch {
	case err == nil && o.rooms != nil && m.trouble != "":
		m.log.Info("bookings and past days are stored again")
		m.trouble = ""
	case err != nil && m.trouble != err.Error():
		m.log.Error("bookings, counters or past days could not be stored; trying again every minute", "reason", err, "days", len(m.waiting.days)+len(o.days))
		m.trouble = err.Error()
	}
}

// putBackDays queues days that were not stored again, with the pasts that were
// withheld with them. At most longestBacklog days of each room are queued.
func (m *memory) putBackDays(days []Day) {
	for _, d := range days {
		m.waiting.pasts[d.Room] = true
	}
	all := slices.Concat(days, m.waiting.days)
	m.waiting.days = newestDays(all, longestBacklog)
	if lost := len(all) - len(m.waiting.days); lost > 0 {
		m.log.Error("past days are lost: the history could not be written for too long", "days", lost)
	}
}

// longestBacklog is the maximum number of days of a room that are queued while the
// history cannot be written.
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

// close waits for a running write and writes the rest. The memory is not used
// afterwards.
func (m *memory) close(rooms map[string]record, now time.Duration) {
	if m.writing {
		m.finish(<-m.written, now)
	}
	if m.waiting.ofRooms() || len(m.waiting.days) > 0 {
		m.finish(m.take(rooms, now).perform(m.store, m.history), now)
	}
}
