package bridge

import (
	"maps"
	"time"
)

// Health is how one part of the gateway is doing.
type Health struct {
	OK    bool
	Words string    // what is the matter and what to do; for people
	Since time.Time // UTC; since when it has been so
	Beat  time.Time // UTC; last sign of life of the part's loop, zero for a part without one
}

// Report notes how a part is doing. The time of the report stands as Since only
// when OK or the words have changed.
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

// Beat notes a sign of life of a part's loop.
func (b *Board) Beat(part string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, known := b.health[part]
	if !known {
		h.OK, h.Since = true, now.UTC()
	}
	h.Beat = now.UTC()
	b.health[part] = h
}

// Health returns how every part is doing, by the part's name.
func (b *Board) Health() map[string]Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.health)
}

// Stuck returns the parts whose loops gave no sign of life for longer than
// limit. A part that waits for the outside world still turns its loop.
func (b *Board) Stuck(now time.Time, limit time.Duration) []string {
	var stuck []string
	for part, h := range b.Health() {
		if !h.Beat.IsZero() && now.Sub(h.Beat) > limit {
			stuck = append(stuck, part)
		}
	}
	return stuck
}
