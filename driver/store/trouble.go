package store

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// What can be in trouble besides the files of second copies, which have their paths.
const (
	access  = "access"  // the database can be opened for writing
	reading = "reading" // it can be read
	writing = "writing" // it can be written
)

// troubles are the failures that last. Each is logged when it begins, changes or ends.
type troubles struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]*troubleError
}

// troubleError is a failure of the disk that lasts.
type troubleError struct {
	words string
	cause error
}

// Error implements error.
func (e *troubleError) Error() string { return e.words }

// Action returns the next step for the user.
func (e *troubleError) Action() string { return diskAction }

// NeedsPerson returns false: user action is needed on this machine, not at a service.
func (e *troubleError) NeedsPerson() bool { return false }

// note records whether something has failed; words say what.
func (t *troubles) note(what, words string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.last[what]
	if err == nil {
		if was != nil {
			delete(t.last, what)
			t.log.Info("the disk works again", "ended", was.words)
		}
		return
	}
	words += ": " + err.Error()
	if was != nil && was.words == words {
		return
	}
	if t.last == nil {
		t.last = map[string]*troubleError{}
	}
	t.last[what] = &troubleError{words, err}
	t.log.Error(words, "action", diskAction)
}

// has reports whether something has failed and not worked since.
func (t *troubles) has(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[what] != nil
}

// is reports whether something has failed because of a cause.
func (t *troubles) is(what string, cause error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[what] != nil && errors.Is(t.last[what].cause, cause)
}

// Trouble returns what the store cannot read or keep, and why, with the next step for
// the user; nil: nothing.
func (s *Store) Trouble() error {
	t := &s.trouble
	t.mu.Lock()
	defer t.mu.Unlock()
	var words []string
	for _, what := range append([]string{reading, writing, access}, slices.Sorted(maps.Keys(t.last))...) {
		if e := t.last[what]; e != nil && !slices.Contains(words, e.words) {
			words = append(words, e.words)
		}
	}
	if words == nil {
		return nil
	}
	return &troubleError{words: strings.Join(words, "; ")}
}

// noteOpen records how the database was opened.
func (s *Store) noteOpen() {
	s.trouble.note(writing, "the database "+s.path+" cannot be written", s.unopened)
	s.trouble.note(reading, "the database "+s.path+" cannot be read", s.unread)
}
