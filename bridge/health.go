package bridge

import (
	"maps"
	"time"
)

// Health is the state of one part of the gateway.
type Health struct {
	OK    bool
	Words string    // what is wrong and what to do; for display
	Since time.Time // UTC; when OK or Words last changed
	Beat  time.Time // UTC; last heartbeat of the part's loop, zero for a part without one

	beatAt time.Time // the same heartbeat, with Go's monotonic reading
}

// Report sets the health of a part. now is kept as Since only when OK or the words
// have changed.
func (b *Board) Report(part string, ok bool, words string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, known := b.health[part]
	if !known || h.OK != ok || h.Words != words {
		h.OK, h.Words, h.Since = ok, words, now.UTC()
		close(b.changed)
		b.changed = make(chan struct{})
	}
	b.health[part] = h
}

// Forget removes the health of a part that was removed.
func (b *Board) Forget(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.health[part]; !known {
		return
	}
	delete(b.health, part)
	close(b.changed)
	b.changed = make(chan struct{})
}

// Beat records a heartbeat of a part's loop. now is for display only: the time
// between heartbeats is measured on the monotonic clock, so that a wall clock
// that is set does not make a loop look stuck.
func (b *Board) Beat(part string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, known := b.health[part]
	if !known {
		h.OK, h.Since = true, now.UTC()
	}
	h.Beat, h.beatAt = now.UTC(), time.Now()
	b.health[part] = h
}

// Health returns the health of every part, by name.
func (b *Board) Health() map[string]Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.health)
}

// Stuck returns the parts whose loops have had no heartbeat for longer than limit,
// in real time. A loop also sends heartbeats while it waits for a broker or a service.
func (b *Board) Stuck(limit time.Duration) []string {
	var stuck []string
	for part, h := range b.Health() {
		if !h.Beat.IsZero() && time.Since(h.beatAt) > limit {
			stuck = append(stuck, part)
		}
	}
	return stuck
}
