package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

var (
	// ErrNotFound is returned for a key without a value; it matches fs.ErrNotExist.
	ErrNotFound = fmt.Errorf("no value is stored: %w", fs.ErrNotExist)
	// ErrDamaged is returned for a value or a file that differs from what was written.
	ErrDamaged = errors.New("the stored bytes are damaged")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the database is closed")
	// ErrLocked is returned by Open when another process has the database open.
	ErrLocked = errors.New("another roomgate process has the database open")
	// ErrNewer is returned by Open for a database of a later version of roomgate.
	ErrNewer = errors.New("the database was written by a newer version of roomgate")
	// ErrSealed is returned for a value that is encrypted with an unknown key.
	ErrSealed = errors.New("the value is sealed")
	// ErrExposed is returned by Open for files that other users can access.
	ErrExposed = errors.New("other users have access")
)

// exposedError is an ErrExposed with the paths that other users can access.
type exposedError []string

// Error implements error.
func (e exposedError) Error() string {
	return "other users have access to " + strings.Join(e, " and ")
}

// Is makes it match ErrExposed.
func (e exposedError) Is(target error) bool { return target == ErrExposed }

// openError is an error of Open with the next step for the user.
type openError struct {
	path   string
	err    error
	action string
}

func (e *openError) Error() string {
	return fmt.Sprintf("open the database %s: %v", e.path, e.err)
}
func (e *openError) Unwrap() error { return e.err }

// Action returns the next step for the user.
func (e *openError) Action() string { return e.action }

// NeedsPerson returns true: none of these errors is transient.
func (e *openError) NeedsPerson() bool { return true }

const diskAction = "check that the disk is healthy, not full and mounted read-write"

// withAction wraps an error of opening path and adds the next step.
func withAction(path string, err error) error {
	e := &openError{path: path, err: err, action: diskAction}
	var exposed exposedError
	switch {
	case errors.Is(err, ErrLocked):
		e.action = "stop the other process (systemctl stop roomgate), or use a command that asks the running gateway"
	case errors.As(err, &exposed):
		e.action = "if the folder belongs to roomgate alone, run: chmod go-rwx " + strings.Join(exposed, " ") + "; otherwise set store.path to a folder that does"
	case errors.Is(err, ErrNewer):
		e.action = "install that version of roomgate again, or move the file away to start with an empty database"
	case errors.Is(err, fs.ErrPermission):
		e.action = "run the command as the service's user or with sudo, or give the file to that user with chown"
	}
	return e
}
