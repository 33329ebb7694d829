package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

var (
	// ErrNotFound is returned for a key without a value; it is an fs.ErrNotExist.
	ErrNotFound = fmt.Errorf("there is no such value: %w", fs.ErrNotExist)
	// ErrDamaged is returned for a value, or a file, that is not as it was written.
	ErrDamaged = errors.New("the stored bytes are damaged")
	// ErrLocked is returned by Open when another process has the database open.
	ErrLocked = errors.New("another roomgate has the database open")
	// ErrNewer is returned by Open for a database of a later version of roomgate.
	ErrNewer = errors.New("the database was written by a newer version of roomgate")
	// ErrSealed is returned for a value that is sealed with a key that is not at hand.
	ErrSealed = errors.New("it is sealed")
	// ErrExposed is returned by Open for files that others than their owner may use.
	ErrExposed = errors.New("others than the owner may use it")
)

// exposedError is an ErrExposed with the files it is about.
type exposedError []string

// Error implements error.
func (e exposedError) Error() string {
	return "others than the owner may use " + strings.Join(e, " and ")
}

// Is makes it an ErrExposed.
func (e exposedError) Is(target error) bool { return target == ErrExposed }

// openError is an error of Open with the next step for a person.
type openError struct {
	path   string
	err    error
	action string
}

func (e *openError) Error() string {
	return fmt.Sprintf("open the database %s: %v", e.path, e.err)
}
func (e *openError) Unwrap() error { return e.err }

// Action returns the next step for a person.
func (e *openError) Action() string { return e.action }

// NeedsPerson reports true: no such error heals by itself.
func (e *openError) NeedsPerson() bool { return true }

// explain wraps an error of opening path with what to do about it.
func explain(path string, err error) error {
	e := &openError{path: path, err: err, action: "check that the disk is healthy, not full and mounted for writing"}
	var exposed exposedError
	switch {
	case errors.Is(err, ErrLocked):
		e.action = "stop the other roomgate (systemctl stop roomgate), or let the command talk to it while it runs"
	case errors.As(err, &exposed):
		e.action = "if the folder is roomgate's own, run: chmod go-rwx " + strings.Join(exposed, " ") + "; if not, name another one in store.path"
	case errors.Is(err, ErrNewer):
		e.action = "install that version of roomgate again, or move the file away to begin a new one"
	case errors.Is(err, fs.ErrPermission):
		e.action = "run the command as the service's user or with sudo, or give the file to that user with chown"
	}
	return e
}
