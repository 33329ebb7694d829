// Package bridge holds the latest value of every point and the health of every part
// of the gateway.
//
// The [Board] is level-triggered. It keeps only the newest value; a watcher is notified
// and reads what has changed since its last read. No queue can grow, and a slow watcher
// delays no other. The packages below this one publish the board.
package bridge

import (
	"slices"
	"sync"
	"time"

	"roomgate/driver"
)

// Entry is one point on the board.
type Entry struct {
	Subject driver.Subject
	Index   int          // of the point in the catalogue of the subject's scope
	Value   driver.Value // may be unknown
	Quality driver.Quality
	At      time.Time // UTC; when the value or its quality last changed
}

// Point returns the entry's row of the catalogue.
func (e Entry) Point() *driver.Point { return &driver.Catalogue(e.Subject.Scope)[e.Index] }

// Is reports whether the entry is the named point of a subject of the scope.
func (e Entry) Is(s driver.Scope, point string) bool {
	return e.Subject.Scope == s && e.Point().Name == point
}

// Board holds the latest value of every point. It is safe for concurrent use.
type Board struct {
	mu       sync.Mutex
	seq      uint64 // number of publications that changed something
	order    []driver.Subject
	subjects map[driver.Subject]*panel
	changed  chan struct{} // closed at the next change

	health map[string]Health
}

// panel is one subject on the board.
type panel struct {
	newest  uint64 // seq of the latest change of any point
	entries []Entry
	seqs    []uint64 // of the latest change of each point
}

// New returns an empty board.
func New() *Board {
	return &Board{subjects: map[driver.Subject]*panel{}, changed: make(chan struct{}), health: map[string]Health{}}
}

// Publish stores the newest values; it implements [driver.Publisher]. A point whose
// value and quality are unchanged keeps its time.
func (b *Board) Publish(updates []driver.Update) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seq := b.seq + 1
	for _, u := range updates {
		if b.panel(u.Subject).take(u, seq) {
			b.seq = seq
		}
	}
	if b.seq == seq {
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

// Remove removes subjects from the board and notifies its watchers.
func (b *Board) Remove(subjects []driver.Subject) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range subjects {
		delete(b.subjects, s)
	}
	b.order = slices.DeleteFunc(b.order, func(s driver.Subject) bool { return b.subjects[s] == nil })
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *Board) panel(s driver.Subject) *panel {
	p := b.subjects[s]
	if p == nil {
		n := len(driver.Catalogue(s.Scope))
		p = &panel{entries: make([]Entry, n), seqs: make([]uint64, n)}
		b.subjects[s] = p
		b.order = append(b.order, s)
	}
	return p
}

// take stores the update in the panel and reports whether anything changed.
func (p *panel) take(u driver.Update, seq uint64) bool {
	changed := false
	for i, v := range u.Values {
		if e := &p.entries[i]; p.seqs[i] == 0 || e.Value != v || e.Quality != u.Quality {
			*e = Entry{u.Subject, i, v, u.Quality, u.At}
			p.seqs[i] = seq
			p.newest = seq
			changed = true
		}
	}
	return changed
}

// Changed returns a channel that is closed at the next change. Take it before
// reading the board, so that no change is missed between the two.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Since returns the points that changed after seq, in the order in which their
// subjects were first published, and the seq to pass next time. Since(0) returns the
// whole board.
func (b *Board) Since(seq uint64) ([]Entry, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Entry
	for _, s := range b.order {
		p := b.subjects[s]
		if p.newest <= seq {
			continue
		}
		for i, e := range p.entries {
			if p.seqs[i] > seq {
				out = append(out, e)
			}
		}
	}
	return out, b.seq
}

// Subject returns the points of one subject in catalogue order; nil when nothing of
// it is published.
func (b *Board) Subject(s driver.Subject) []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.subjects[s]; p != nil {
		return append([]Entry(nil), p.entries...)
	}
	return nil
}

// Value returns the value of the point at an index of the catalogue; it is unknown when
// nothing of the subject is published.
func (b *Board) Value(s driver.Subject, index int) driver.Value {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.subjects[s]; p != nil {
		return p.entries[index].Value
	}
	return driver.Value{}
}

// Subjects returns the subjects of a scope in the order in which they were first
// published.
func (b *Board) Subjects(scope driver.Scope) []driver.Subject {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []driver.Subject
	for _, s := range b.order {
		if s.Scope == scope {
			out = append(out, s)
		}
	}
	return out
}
