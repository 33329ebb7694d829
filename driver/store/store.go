package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	schemaVersion = 1
	schemaBucket  = "\x00schema" // names of other buckets do not begin with a zero byte
	schemaKey     = "version"
	maxSize       = 64 << 20
	defaultLock   = time.Second
)

// Options are the options of Open; every zero field has a working default.
type Options struct {
	// Check checks the file before it is opened; nil: Check, in this process.
	// A badly damaged file can crash bbolt in a way that cannot be recovered,
	// so a daemon passes ChildCheck. After an error that matches ErrDamaged the
	// file is replaced by a new one; after any other error it is not opened, and
	// the check is repeated later.
	Check       func(path string) error
	Now         func() time.Time // for the names of replaced files and the sequence numbers; nil: time.Now
	Log         *slog.Logger     // nil: no log
	LockTimeout time.Duration    // how long to wait while another process has the file open; 0: 1 s
}

// complete sets the defaults.
func (o Options) complete() Options {
	if o.Check == nil {
		o.Check = Check
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLock
	}
	return o
}

// Store is the database. Its methods and those of its buckets are safe for
// concurrent use.
//
// A disk that is read-only, full or failing does not end a Store: it returns what
// can be read, refuses what it cannot keep, opens the file again when that may help,
// and reports the state in Trouble.
type Store struct {
	path    string
	o       Options
	log     *slog.Logger
	trouble troubles

	dbMu     sync.RWMutex // guards the following fields; held for writing while the file is opened or replaced
	db       *bolt.DB     // nil: there is no file, or it cannot be read
	file     *os.File     // of db
	unopened error        // why the database cannot be written; nil: it can
	unread   error        // why it cannot be read; nil: it can, or there is no file
	dirLock  *os.File     // the lock of the folder, held while the database cannot be written
	nextOpen time.Time    // earliest next attempt to open the file
	failures int          // to open it for writing, in a row
	closed   bool
	damaged  string

	mu       sync.Mutex // guards mirrored
	mirrored map[string]*Mirrored
}

// Open opens the database at path and creates it if it is missing: folder 0700,
// file 0600. A damaged file is renamed and replaced by a new one; Damaged then
// returns a message. A file that is much larger than its contents is compacted.
// A disk that cannot be written or read is no error: see Trouble. Errors match
// ErrLocked, ErrNewer, ErrExposed or fs.ErrPermission, and carry the next step for
// the user.
func Open(path string, o Options) (*Store, error) {
	o = o.complete()
	s := &Store{path: path, o: o, log: o.Log, trouble: troubles{log: o.Log}, mirrored: map[string]*Mirrored{}}
	if err := s.open(); err != nil {
		return nil, withAction(path, errors.Join(err, s.release()))
	}
	s.noteOpen()
	return s, nil
}

// open opens the file, for writing or else for reading. The error is one that the
// user has to fix; failures of the disk are kept in unopened and unread. Called with
// dbMu held, or by Open.
func (s *Store) open() error {
	s.unread = nil
	checked, err := s.prepare()
	if err == nil {
		err = s.openFile(false)
	}
	if s.unopened = err; err == nil {
		err := s.dirLock.Close() // releases the lock
		s.dirLock = nil
		s.compactIfSparse()
		return err
	}
	if errors.Is(err, ErrLocked) || errors.Is(err, ErrNewer) || errors.Is(err, ErrExposed) {
		return err
	}
	return s.openForReading(checked)
}

// openForReading opens the file read-only after it could not be opened for writing.
// A file that this user may not read is refused: another process may use it.
func (s *Store) openForReading(checked bool) error {
	_, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrPermission):
		return s.unopened
	case err != nil:
		s.unread = err
		return nil
	}
	var unchecked checkError
	if errors.As(s.unopened, &unchecked) || errors.Is(s.unopened, ErrDamaged) {
		s.unread = s.unopened
		return nil
	}
	if !checked {
		err = errors.Join(checkPrivate(s.path), checkFile(s.path, s.o))
	}
	if err == nil {
		err = s.openFile(true)
	}
	if errors.Is(err, ErrLocked) || errors.Is(err, ErrNewer) || errors.Is(err, ErrExposed) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	s.unread = err
	return nil
}

// prepare makes the folder and the file ready to be opened. It reports whether a file
// was found good. The lock of the folder is held afterwards: two processes that find
// a damaged file must not both replace it, because the second one would rename the
// new database of the first.
func (s *Store) prepare() (checked bool, err error) {
	dir := filepath.Dir(s.path)
	if err := errors.Join(makeDir(dir), checkPrivate(dir, s.path)); err != nil {
		return false, err
	}
	if s.dirLock == nil {
		if s.dirLock, err = lock(dir, s.o.LockTimeout); err != nil {
			return false, err
		}
	}
	_, err = os.Stat(s.path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		err = checkFile(s.path, s.o)
		checked = err == nil
	}
	if errors.Is(err, ErrDamaged) {
		err = s.moveDamaged(err)
		missing = err == nil
	}
	if missing {
		err = create(s.path)
	}
	return checked, err
}

// openFile opens the database, checks its schema and removes what interrupted writes
// left behind.
func (s *Store) openFile(readOnly bool) error {
	db, file, err := openBolt(s.path, s.o.LockTimeout, readOnly)
	if err != nil {
		return err
	}
	if err := errors.Join(checkSchema(db), s.checkMirrored(db)); err != nil {
		return errors.Join(err, db.Close())
	}
	s.db, s.file = db, file
	if readOnly {
		return nil
	}
	if err := removeTemporaryFiles(filepath.Dir(s.path)); err != nil {
		s.log.Warn("temporary files of an interrupted write could not be removed", "folder", filepath.Dir(s.path), "error", err)
	}
	return nil
}

// checkError is a check of the file that came to no result.
type checkError struct{ error }

// Unwrap returns the cause.
func (e checkError) Unwrap() error { return e.error }

// checkFile waits for the lock before it runs the check, because a file that
// another process is writing would look damaged.
func checkFile(path string, o Options) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a regular file", ErrDamaged)
	}
	f, err := lock(path, o.LockTimeout)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil { // releases the lock, which the check takes itself
		return err
	}
	err = o.Check(path)
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrLocked) && !errors.Is(err, fs.ErrPermission) {
		return checkError{err}
	}
	return err
}

// moveDamaged renames a damaged database and keeps the message about it.
func (s *Store) moveDamaged(damage error) error {
	name, err := moveDamaged(s.path, s.o.Now())
	if err != nil {
		return fmt.Errorf("rename the damaged file (%w): %w", damage, err)
	}
	s.damaged = fmt.Sprintf("%v; it was renamed to %s and a new database was created", damage, name)
	s.log.Error("the database was damaged and a new one was created", "path", s.path, "renamed_to", name, "error", damage)
	return nil
}

// create creates a database under a temporary name and renames it when it is
// complete: a power failure while bbolt initialises a file leaves it unusable.
func create(path string) error {
	name, err := createTemporary(filepath.Dir(path), func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(schemaBucket))
		if err != nil {
			return err
		}
		version := []byte(strconv.Itoa(schemaVersion))
		return b.Put([]byte(schemaKey), encodeEntry(schemaBucket, schemaKey, entry{sequence: 1, value: version}))
	})
	if err != nil {
		return err
	}
	err = renameNew(name, path)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process has created it
	}
	return err
}

// openBolt opens the file with the settings of this package, and returns the file
// that bbolt opened too.
//
// The free list is stored: otherwise a transaction that fails makes bbolt read all
// pages on a goroutine of its own, where a fault in the mapped memory of a failing
// disk ends the process. Damage that a stored list would hide is found by Check.
func openBolt(path string, timeout time.Duration, readOnly bool) (db *bolt.DB, file *os.File, err error) {
	err = guard(func() error {
		var err error
		db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout:      timeout,
			FreelistType: bolt.FreelistMapType,
			MaxSize:      maxSize,
			ReadOnly:     readOnly,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		return err
	})
	if isLost(err) && file != nil { // bbolt did not close it
		err = errors.Join(err, syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
	}
	var system syscall.Errno
	switch {
	case err == nil:
		return db, file, nil
	case errors.As(err, &system), errors.Is(err, berrors.ErrMaxSizeReached), isLost(err):
		return nil, nil, err
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, ErrLocked
	}
	return nil, nil, fmt.Errorf("%w: %w", ErrDamaged, err) // the remaining errors of bbolt are about the contents
}

// checkSchema returns ErrNewer for a database with a later schema.
func checkSchema(db *bolt.DB) error {
	version, err := readSchema(db)
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: its schema version is %d, this version supports %d", ErrNewer, version, schemaVersion)
	}
	return nil
}

// readSchema returns the schema version; ErrDamaged if it is missing.
func readSchema(db *bolt.DB) (version int, err error) {
	err = guard(func() error {
		return db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(schemaBucket))
			if b == nil {
				return fmt.Errorf("%w: the schema version is missing", ErrDamaged)
			}
			e, err := decodeEntry(schemaBucket, schemaKey, b.Get([]byte(schemaKey)))
			if err != nil {
				return fmt.Errorf("%w: the schema version cannot be read", ErrDamaged)
			}
			version, err = strconv.Atoi(string(e.value))
			if err != nil || version < 1 {
				return fmt.Errorf("%w: the schema version is %q, not a number", ErrDamaged, e.value)
			}
			return nil
		})
	})
	return version, err
}

// Damaged returns the message about a damaged database that was replaced; empty if
// it was sound.
func (s *Store) Damaged() string {
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	return s.damaged
}

// Close closes the database and releases its lock.
func (s *Store) Close() error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	s.closed = true
	if err := s.release(); err != nil {
		return fmt.Errorf("close the database %s: %w", s.path, err)
	}
	return nil
}

// release closes what is open. Called with dbMu held.
func (s *Store) release() error {
	err := s.releaseFile()
	if s.dirLock != nil {
		err = errors.Join(err, s.dirLock.Close())
		s.dirLock = nil
	}
	return err
}

// releaseFile closes the database. Called with dbMu held.
func (s *Store) releaseFile() error {
	db, file := s.db, s.file
	if s.db, s.file = nil, nil; db == nil {
		return nil
	}
	return closeBolt(db, file)
}
