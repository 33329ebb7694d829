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
	schemaBucket  = "\x00schema" // no owner's bucket begins with a zero byte
	schemaKey     = "version"
	maxSize       = 64 << 20
	defaultLock   = time.Second
)

// Options refine Open; the zero value is fine.
type Options struct {
	// Check examines the file before it is opened; nil: Check, in this process.
	// A badly damaged file can crash bbolt beyond recovery, so a daemon passes
	// ChildCheck. An error that matches ErrDamaged has the file set aside; any
	// other error ends Open.
	Check       func(path string) error
	Now         func() time.Time // names files that are set aside; nil: time.Now
	Log         *slog.Logger     // nil: silence
	LockTimeout time.Duration    // how long to wait for another process to let go; 0: 1 s
}

// Store is the open database. Its methods and those of its buckets may be used
// by several goroutines at once.
type Store struct {
	exchange sync.RWMutex // held for writing while the file is exchanged for a new one
	db       *bolt.DB

	path    string
	log     *slog.Logger
	damaged string

	mu   sync.Mutex
	kept map[string]*Kept
}

// Open opens the database at path, or begins one: folder 0700, file 0600. A
// damaged file is set aside and a new one begun; Damaged then tells. A file that
// is much larger than what is in it is written anew. Errors match ErrLocked,
// ErrNewer, ErrExposed or the operating system's, and carry the next step for a
// person.
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
	s := &Store{path: path, log: o.Log, kept: map[string]*Kept{}}
	if err := s.open(o); err != nil {
		return nil, explain(path, err)
	}
	return s, nil
}

func (s *Store) open(o Options) error {
	dir := filepath.Dir(s.path)
	if err := errors.Join(makeDir(dir), checkPrivate(dir, s.path)); err != nil {
		return err
	}
	// One at a time: of two that find a damaged file, the second must not set
	// the new one aside.
	turn, err := lock(dir, o.LockTimeout)
	if err != nil {
		return err
	}
	defer turn.Close()
	_, err = os.Stat(s.path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		err = examine(s.path, o)
	}
	if errors.Is(err, ErrDamaged) {
		err = s.setAside(err, o)
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
	if err := errors.Join(checkSchema(s.db), s.checkKept()); err != nil {
		return errors.Join(err, s.db.Close())
	}
	if err := sweep(dir); err != nil {
		s.log.Warn("half-written files could not be removed", "folder", dir, "error", err)
	}
	s.tidy()
	return nil
}

// examine waits for the lock and then runs the check, so that a file in use is
// not taken for a damaged one.
func examine(path string, o Options) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a file", ErrDamaged)
	}
	f, err := lock(path, o.LockTimeout)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil { // lets go of the lock, which the check needs
		return err
	}
	return o.Check(path)
}

// setAside renames a damaged database and remembers the words about it.
func (s *Store) setAside(damage error, o Options) error {
	name, err := setAside(s.path, o.Now())
	if err != nil {
		return fmt.Errorf("set the damaged file aside (%w): %w", damage, err)
	}
	s.damaged = fmt.Sprintf("%v; it was set aside as %s and a new database was begun", damage, name)
	s.log.Error("the database was damaged and a new one was begun", "path", s.path, "set_aside", name, "error", damage)
	return nil
}

// create begins a database. It is made under another name and then put in
// place whole, because a power cut while bbolt initialises a file leaves it
// unusable.
func create(path string) error {
	name, err := fresh(filepath.Dir(path), func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(schemaBucket))
		if err != nil {
			return err
		}
		version := []byte(strconv.Itoa(schemaVersion))
		return b.Put([]byte(schemaKey), wrap(schemaBucket, schemaKey, entry{1, version}))
	})
	if err != nil {
		return err
	}
	err = settle(name, path)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	return err
}

// openBolt opens the file with the settings of this package. The free list is
// not stored: it is rebuilt from all pages, which finds damage that a stored
// one hides, and costs less to write.
func openBolt(path string, wait time.Duration, readOnly bool) (db *bolt.DB, err error) {
	defer rescue(&err)
	db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout:         wait,
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
	return nil, fmt.Errorf("%w: %w", ErrDamaged, err) // what bbolt says of a file it cannot make sense of
}

// rescue turns a panic of bbolt, which is how it answers pages it cannot make
// sense of, into ErrDamaged.
func rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, p)
	}
}

// checkSchema refuses a database whose schema this program does not know.
func checkSchema(db *bolt.DB) error {
	version, err := schemaOf(db)
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return fmt.Errorf("%w: its schema is %d, this one knows %d", ErrNewer, version, schemaVersion)
	}
	return nil
}

// schemaOf reads the schema version; ErrDamaged where there is none.
func schemaOf(db *bolt.DB) (version int, err error) {
	defer rescue(&err)
	err = db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(schemaBucket))
		if b == nil {
			return fmt.Errorf("%w: it holds no schema version", ErrDamaged)
		}
		s, err := unwrap(schemaBucket, schemaKey, b.Get([]byte(schemaKey)))
		if err != nil {
			return fmt.Errorf("%w: its schema version cannot be read", ErrDamaged)
		}
		version, err = strconv.Atoi(string(s.value))
		if err != nil || version < 1 {
			return fmt.Errorf("%w: its schema version is %q", ErrDamaged, s.value)
		}
		return nil
	})
	return version, err
}

// Damaged returns the words about a database that Open found damaged and set
// aside, "" if it did not.
func (s *Store) Damaged() string { return s.damaged }

// Close lets the database go.
func (s *Store) Close() error {
	s.exchange.RLock()
	defer s.exchange.RUnlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the database %s: %w", s.path, err)
	}
	return nil
}
