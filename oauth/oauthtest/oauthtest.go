// Package oauthtest is what tests of sign-ins run a Keeper with: a store in
// memory, a clock that can be set, a schedule, a log, and the reader
// of token requests.
package oauthtest

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"roomgate/driver"
)

// Store is an oauth.Store in memory.
type Store struct {
	Values map[string][]byte // not to be used while a Keeper may use the Store

	mu        sync.Mutex
	beforePut func() error
}

// NewStore returns an empty Store.
func NewStore() *Store { return &Store{Values: map[string][]byte{}} }

// Get implements oauth.Store.
func (s *Store) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.Values[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(v), nil
}

// Put implements oauth.Store.
func (s *Store) Put(values map[string][]byte) error {
	s.mu.Lock()
	hook := s.beforePut
	s.mu.Unlock()
	if hook != nil {
		if err := hook(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.Values, values)
	return nil
}

// Delete implements oauth.Store.
func (s *Store) Delete(keys ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range keys {
		delete(s.Values, k)
	}
	return nil
}

// BeforePut calls hook before every Put, which fails with its error.
func (s *Store) BeforePut(hook func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beforePut = hook
}

// RefreshToken returns the refresh token that is stored for an account; empty:
// there is none.
func (s *Store) RefreshToken(account string) string {
	data, err := s.Get(account)
	if err != nil {
		return ""
	}
	var r struct {
		Refresh string `json:"refresh_token"`
	}
	_ = json.Unmarshal(data, &r) // an unreadable record holds none
	return r.Refresh
}

// Clock is the wall clock with steps, as NTP or a person makes them.
type Clock struct{ offset atomic.Int64 }

// Now implements driver.Clock.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Offset()) }

// Stopwatch implements driver.Clock.
func (c *Clock) Stopwatch() func() time.Duration { return driver.WallClock{}.Stopwatch() }

// After implements driver.Clock.
func (c *Clock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Step sets the clock forward by d, or back.
func (c *Clock) Step(d time.Duration) { c.offset.Add(int64(d)) }

// Offset is how far the clock is ahead of the right time.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Every is a schedule like cron's */n: at the multiples of a duration.
type Every time.Duration

// Next implements driver.Schedule.
func (e Every) Next(t time.Time) time.Time {
	return t.Truncate(time.Duration(e)).Add(time.Duration(e))
}

// Log collects what is written to it.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Form reads the form of a request to a token endpoint.
func Form(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(body))
}
