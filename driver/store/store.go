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
	db      *bolt.DB
	path    string
	log     *slog.Logger
	damaged string

	mu   sync.Mutex
	kept map[string]*Kept
}

// Open opens the database at path, or begins one: folder 0700, file 0600. A
// damaged file is set aside and a new one begun; Damaged then tells. Errors
// match ErrLocked, ErrNewer or the operating system's, and carry the next step
// for a person.
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
	if err := makeDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	_, err := os.Stat(s.path)
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
	if err := checkSchema(s.db); err != nil {
		return errors.Join(err, s.db.Close())
	}
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
	if err := awaitLock(path, o.LockTimeout); err != nil {
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
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	if err := initialise(f.Name()); err != nil {
		return err
	}
	if err := giveToOwnerOf(dir, f.Name()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what another process put there
	// in the meantime; not every file system has links.
	err = os.Link(f.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(f.Name(), path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func initialise(path string) error {
	db, err := openBolt(path, defaultLock, false)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte(schemaBucket))
		if err != nil {
			return err
		}
		version := []byte(strconv.Itoa(schemaVersion))
		return b.Put([]byte(schemaKey), seal(schemaBucket, schemaKey, sealed{1, version}))
	})
	return errors.Join(err, db.Close())
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
		s, err := unseal(schemaBucket, schemaKey, b.Get([]byte(schemaKey)))
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
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the database %s: %w", s.path, err)
	}
	return nil
}
