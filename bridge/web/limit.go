package web

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"roomgate/httpd"
)

// limiter allows a number of events in any span of time.
type limiter struct {
	most int
	span time.Duration

	mu    sync.Mutex
	taken []time.Time // within the span, oldest first
}

// take counts an event. Where the limit is reached it returns how long to wait.
func (l *limiter) take(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = slices.DeleteFunc(l.taken, func(t time.Time) bool { return now.Sub(t) >= l.span })
	if len(l.taken) >= l.most {
		return l.taken[0].Add(l.span).Sub(now)
	}
	l.taken = append(l.taken, now)
	return 0
}

// undo uncounts the last event.
func (l *limiter) undo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.taken); n > 0 {
		l.taken = l.taken[:n-1]
	}
}

// mostCallers is how many callers a callerLimiter counts.
const mostCallers = 1024

// callerLimiter is a limiter for each caller, so that one caller cannot use up what
// another needs. When there are too many callers it forgets the one that has been
// quiet for longest.
type callerLimiter struct {
	most int
	span time.Duration

	mu      sync.Mutex
	callers memory[*limiter]
}

func newCallerLimiter(most int, span time.Duration) *callerLimiter {
	return &callerLimiter{most: most, span: span, callers: memory[*limiter]{most: mostCallers, span: span}}
}

// of returns the limiter of the caller of a request.
func (l *callerLimiter) of(r *http.Request, now time.Time) *limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	caller := httpd.Caller(r)
	one, ok := l.callers.get(caller, now)
	if !ok {
		one = &limiter{most: l.most, span: l.span}
	}
	l.callers.put(caller, one, now)
	return one
}

// memory keeps values by key for a span of time. When it is full, a new value
// replaces the oldest one.
type memory[T any] struct {
	most int
	span time.Duration

	mu      sync.Mutex
	entries []remembered[T] // oldest first
}

type remembered[T any] struct {
	key   string
	value T
	since time.Time
}

// put stores a value; it replaces the earlier value of the key.
func (m *memory[T]) put(key string, value T, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key, now)
	if len(m.entries) >= m.most {
		m.entries = slices.Delete(m.entries, 0, 1)
	}
	m.entries = append(m.entries, remembered[T]{key, value, now})
}

// get returns the value of key, false when there is none.
func (m *memory[T]) get(key string, now time.Time) (value T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop("", now)
	for _, e := range m.entries {
		if e.key == key {
			return e.value, true
		}
	}
	return value, false
}

// forget removes the value of key.
func (m *memory[T]) forget(key string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(key, now)
}

// drop removes the values that are too old, and that of key.
func (m *memory[T]) drop(key string, now time.Time) {
	m.entries = slices.DeleteFunc(m.entries, func(e remembered[T]) bool { return e.key == key || now.Sub(e.since) >= m.span })
}
