package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	firstRetry = 5 * time.Second // between two attempts to open the file
	lastRetry  = time.Minute     // the longest time between them
	closeLimit = time.Second     // for bbolt to close a file
)

// lostError is a failure after which the open database cannot be used any more: a
// fault in its mapped memory, pages that bbolt cannot interpret, or a lost mapping.
type lostError struct{ error }

// Unwrap returns the cause.
func (e lostError) Unwrap() error { return e.error }

func isLost(err error) bool {
	var lost lostError
	return errors.As(err, &lost)
}

// guard runs fn, which reads the mapped memory of a database. A fault there (the file
// was cut off, or the disk does not return its contents) and a panic of bbolt about
// pages that it cannot interpret become a lostError; the latter matches ErrDamaged.
// It does not cover goroutines that fn starts.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if _, fault := p.(interface{ Addr() uintptr }); fault { // see debug.SetPanicOnFault
			err = lostError{errors.New("the file was cut off, or the disk does not return its contents")}
			return
		}
		err = lostError{fmt.Errorf("%w: %v", ErrDamaged, p)}
	}()
	return fn()
}

// closeBolt closes a database. After a fault bbolt may hold its own locks for ever;
// the lock of the file is then released without it.
func closeBolt(db *bolt.DB, file *os.File) error {
	closed := make(chan error, 1)
	go func() { closed <- guard(db.Close) }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeLimit):
	}
	return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
}

// usable returns why the database cannot be written or read; nil: it can. Called
// with dbMu held.
func (s *Store) usable(write bool) error {
	switch {
	case s.closed:
		return ErrClosed
	case write && s.unopened != nil:
		return s.unopened
	case s.db != nil:
		return nil
	case s.unread != nil:
		return s.unread
	}
	return ErrNotFound
}

// view runs fn in a read transaction. ErrNotFound: there is no database.
func (s *Store) view(fn func(*bolt.Tx) error) error {
	return s.use(false, fn)
}

// update runs fn in a write transaction. After nil its changes are durable, in the
// file that has the name of the database.
func (s *Store) update(fn func(*bolt.Tx) error) error {
	return s.use(true, fn)
}

// use runs fn in a transaction. A database that was lost, or that could not be opened
// so far, is opened again.
func (s *Store) use(write bool, fn func(*bolt.Tx) error) error {
	r := s.transact(write, fn)
	if r.failure == lost || r.failure == unusable && (write || !errors.Is(r.err, ErrNotFound)) {
		if err := s.reopen(r); err == nil {
			r = s.transact(write, fn)
		}
	}
	switch {
	case errors.Is(r.err, ErrClosed):
	case write && (r.err == nil || r.failure == ofCaller): // Tend decides whether a trouble has ended
	case write:
		s.trouble.note(writing, "the database "+s.path+" cannot be written", r.err)
	case !write && r.failure == ofCaller, errors.Is(r.err, ErrNotFound):
		s.trouble.note(reading, "", nil)
	case !write:
		s.trouble.note(reading, "the database "+s.path+" cannot be read", r.err)
	}
	return r.err
}

// failure is why a transaction failed.
type failure uint8

const (
	none     failure = iota
	ofCaller         // its function returned an error
	ofDisk           // the database stays open
	lost             // the open database cannot be used any more
	unusable         // it is not open as needed
)

// result is the result of a transaction.
type result struct {
	db      *bolt.DB // that was open; may be nil
	err     error
	failure failure
}

// transact runs fn in a transaction on the open database.
func (s *Store) transact(write bool, fn func(*bolt.Tx) error) result {
	r := s.attempt(write, fn)
	if r.err == nil && write {
		if r.err = s.putBack(r.db); r.err != nil {
			r.failure = ofDisk
		}
	}
	return r
}

func (s *Store) attempt(write bool, fn func(*bolt.Tx) error) result {
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	if err := s.usable(write); err != nil {
		return result{s.db, err, unusable}
	}
	var own error
	run := s.db.View
	if write {
		run = s.db.Update
	}
	err := guard(func() error {
		return run(func(tx *bolt.Tx) error {
			own = fn(tx)
			return own
		})
	})
	switch {
	case err == nil:
		return result{s.db, nil, none}
	case own != nil && !isLost(err):
		return result{s.db, own, ofCaller}
	case keepsMapping(err):
		return result{s.db, err, ofDisk}
	}
	return result{s.db, err, lost}
}

// keepsMapping reports whether bbolt can go on after a failed transaction. After
// other failures, such as one to map the file, it cannot; and after an input/output
// error what it has in memory may not be what the disk has.
func keepsMapping(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS) ||
		errors.Is(err, berrors.ErrMaxSizeReached)
}

// reopen opens the database again after a result of lost or unusable. It waits
// between attempts: each may check the whole file.
func (s *Store) reopen(r result) error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	now := time.Now()
	switch {
	case s.closed:
		return ErrClosed
	case r.db != s.db:
		return nil // another goroutine has opened it
	case r.failure == unusable && s.unopened == nil && s.unread == nil:
		return r.err
	case r.failure == lost: // it may hold its locks for ever: nobody may use it again
		s.unopened, s.unread = r.err, r.err
		s.closeFile()
	}
	if now.Before(s.nextOpen) {
		return r.err
	}
	if s.db != nil { // it is open read-only
		if err := s.canOpen(); err != nil {
			return err
		}
	}
	s.closeFile()
	if err := s.open(); err != nil { // by now another process uses it, or others can access it
		s.unopened, s.unread = err, err
	}
	if s.failures++; s.unopened == nil {
		s.failures = 0
		s.log.Info("the database was opened again", "path", s.path)
	}
	s.nextOpen = now.Add(min(lastRetry, firstRetry<<min(s.failures, 10)))
	return nil
}

// closeFile closes the database before it is opened again. Called with dbMu held.
func (s *Store) closeFile() {
	if err := s.releaseFile(); err != nil {
		s.log.Warn("the database could not be closed", "path", s.path, "error", err)
	}
}

// canOpen returns why the file cannot be opened for writing.
func (s *Store) canOpen() error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// errReplaced is the error for a file that is no longer the one that is open.
var errReplaced = errors.New("the file was removed or replaced")

// inPlace returns nil while the path leads to the open file, and can be written.
// Called with dbMu held.
func (s *Store) inPlace() error {
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errReplaced
	}
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written
	there, err := f.Stat()
	if err != nil {
		return err
	}
	open, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(there, open) {
		return errReplaced
	}
	return nil
}

// putBack writes the database to its path if the file there was removed or replaced
// while it was open: everything written since would be lost at the next start. A
// file in its place is renamed.
func (s *Store) putBack(db *bolt.DB) error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	if s.db != db || !errors.Is(s.inPlace(), errReplaced) {
		return nil
	}
	if err := s.writeAgain(); err != nil {
		return fmt.Errorf("%w, and it could not be written again: %w", errReplaced, err)
	}
	s.log.Warn("the database file was removed or replaced, and was written again", "path", s.path)
	return nil
}

func (s *Store) writeAgain() error {
	dir := filepath.Dir(s.path)
	if err := makeDir(dir); err != nil {
		return err
	}
	dirLock, err := lock(dir, s.o.LockTimeout)
	if err != nil {
		return err
	}
	defer dirLock.Close()
	other, err := lock(s.path, s.o.LockTimeout) // fails while another process uses the file there
	if err == nil {
		err = errors.Join(os.Rename(s.path, withTime(s.path, replacedMark, s.o.Now())), other.Close())
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return err
	}
	return s.compactLocked()
}

// Tend looks after the files: it notices a database that was removed or became
// read-only, and tries again what has failed. It may take as long as the disk and
// the check of the file take. Call it several times a minute.
func (s *Store) Tend() {
	s.dbMu.RLock()
	closed, unopened := s.closed, s.unopened
	var err error
	if !closed && unopened == nil {
		err = s.inPlace()
	}
	s.dbMu.RUnlock()
	if closed {
		return
	}
	if errors.Is(err, errReplaced) || unopened != nil || s.trouble.has(writing) || s.trouble.has(reading) {
		s.probe()
		err = nil // the result of the probe counts
	}
	s.trouble.note(access, "the database "+s.path+" cannot be written", err)
	for _, m := range s.allMirrored() {
		m.retry()
	}
}

// probe reads and writes a value that is there already, to see whether that works
// again. A small write may succeed on a full disk, so there has to be space as well.
func (s *Store) probe() {
	version := &Bucket{s, schemaBucket}
	_, readErr := version.get(schemaKey)
	err := s.update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(schemaBucket))
		return b.Put([]byte(schemaKey), bytes.Clone(b.Get([]byte(schemaKey))))
	})
	if err == nil && (!s.trouble.is(writing, syscall.ENOSPC) || s.hasSpace()) {
		s.trouble.note(writing, "", nil)
	}
	if err := errors.Join(readErr, err); err != nil {
		s.log.Debug("the database is not usable", "path", s.path, "error", err)
	}
}

// spareSpace is how much space a disk needs, besides that for a copy of the database,
// to count as not full, in bytes.
const spareSpace = 256 << 10

// hasSpace reports whether the database can grow.
func (s *Store) hasSpace() bool {
	var disk syscall.Statfs_t
	var file syscall.Stat_t // its size may include space that it does not have
	if err := errors.Join(syscall.Statfs(s.path, &disk), syscall.Stat(s.path, &file)); err != nil {
		return false
	}
	const block = 512 // bytes, see stat(2)
	return int64(disk.Bavail)*int64(disk.Bsize) >= int64(file.Blocks)*block+spareSpace
}
