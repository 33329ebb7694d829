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
	// file is replaced by a new one; any other error is returned by Open.
	Check       func(path string) error
	Now         func() time.Time // for the names of replaced files; nil: time.Now
	Log         *slog.Logger     // nil: no log
	LockTimeout time.Duration    // how long to wait while another process has the file open; 0: 1 s
}

// Store is the open database. Its methods and those of its buckets are safe for
// concurrent use.
type Store struct {
	dbMu sync.RWMutex // guards db; held for writing while compact replaces it
	db   *bolt.DB

	path    string
	log     *slog.Logger
	damaged string

	mu       sync.Mutex // guards mirrored
	mirrored map[string]*Mirrored
}

// Open opens the database at path and creates it if it is missing: folder 0700,
// file 0600. A damaged file is renamed and replaced by a new one; Damaged then
// returns a message. A file that is much larger than its contents is compacted.
// Errors match ErrLocked, ErrNewer, ErrExposed or an error of the operating
// system, and carry the next step for the user.
func Open(path string, o Options) (*Store, error) {
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
	s := &Store{path: path, log: o.Log, mirrored: map[string]*Mirrored{}}
	if err := s.open(o); err != nil {
		return nil, withAction(path, err)
	}
	return s, nil
}

func (s *Store) open(o Options) error {
	dir := filepath.Dir(s.path)
	if err := errors.Join(makeDir(dir), checkPrivate(dir, s.path)); err != nil {
		return err
	}
	// Two processes that find a damaged file must not both replace it: the
	// second one would rename the new database of the first.
	dirLock, err := lock(dir, o.LockTimeout)
	if err != nil {
		return err
	}
	defer dirLock.Close()
	_, err = os.Stat(s.path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		err = checkFile(s.path, o)
	}
	if errors.Is(err, ErrDamaged) {
		err = s.moveDamaged(err, o)
		missing = err == nil
	}
	if missing {
		err = create(s.path)
	}
	if err != nil {
		return err
	}
	if s.db, err = openBolt(s.path, o.LockTimeout, false); err != nil {
		return err
	}
	if err := errors.Join(checkSchema(s.db), s.checkMirrored()); err != nil {
		return errors.Join(err, s.db.Close())
	}
	if err := removeTemporaryFiles(dir); err != nil {
		s.log.Warn("temporary files of an interrupted write could not be removed", "folder", dir, "error", err)
	}
	s.compactIfSparse()
	return nil
}

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
	return o.Check(path)
}

// moveDamaged renames a damaged database and keeps the message about it.
func (s *Store) moveDamaged(damage error, o Options) error {
	name, err := moveDamaged(s.path, o.Now())
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
		return b.Put([]byte(schemaKey), encodeEntry(schemaBucket, schemaKey, entry{1, version}))
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

// openBolt opens the file with the settings of this package. The free list is
// not stored but rebuilt from all pages: that finds damage which a stored list
// would hide, and makes writes cheaper.
func openBolt(path string, timeout time.Duration, readOnly bool) (db *bolt.DB, err error) {
	defer recoverDamage(&err)
	db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout:         timeout,
		NoFreelistSync:  true,
		PreLoadFreelist: true,
		FreelistType:    bolt.FreelistMapType,
		MaxSize:         maxSize,
		ReadOnly:        readOnly,
	})
	var system syscall.Errno
	switch {
	case err == nil, errors.As(err, &system), errors.Is(err, berrors.ErrMaxSizeReached):
		return db, err
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	}
	return nil, fmt.Errorf("%w: %w", ErrDamaged, err) // the remaining errors of bbolt are about the contents
}

// recoverDamage turns a panic into ErrDamaged: bbolt panics on pages that it
// cannot interpret.
func recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, p)
	}
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
	defer recoverDamage(&err)
	err = db.View(func(tx *bolt.Tx) error {
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
	return version, err
}

// Damaged returns the message about a damaged database that Open has replaced;
// empty if it was sound.
func (s *Store) Damaged() string { return s.damaged }

// Close closes the database and releases its lock.
func (s *Store) Close() error {
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the database %s: %w", s.path, err)
	}
	return nil
}
