package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The file never shrinks by itself, and its unused pages keep what once stood
// in them. Every copy is therefore made key by key into a new file: it is as
// small as can be and holds nothing but the values of now.

const (
	sparse       = 4         // a file this many times as large as its pages in use is written anew
	smallest     = 256 << 10 // bytes; below, nothing is gained
	replacedMark = ".replaced-"
)

// fresh makes a database under a temporary name in dir, with what fill puts
// into it, and returns the name.
func fresh(dir string, fill func(*bolt.Tx) error) (string, error) {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return "", err
	}
	name := f.Name()
	if err := f.Close(); err != nil {
		return "", errors.Join(err, os.Remove(name))
	}
	db, err := openBolt(name, defaultLock, false)
	if err == nil {
		err = errors.Join(db.Update(fill), db.Close(), giveToOwnerOf(dir, name))
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(name))
	}
	return name, nil
}

// settle gives a finished file its name; fs.ErrExist if that is taken. A link,
// unlike a rename, does not replace what another process put there in the
// meantime; not every file system has links.
func settle(name, path string) error {
	defer os.Remove(name) // renamed already, or not wanted
	err := os.Link(name, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, err := os.Lstat(path); err == nil {
			return fs.ErrExist
		}
		err = os.Rename(name, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyOf fills a database with what another one holds and take accepts.
func copyOf(from *bolt.DB, take func(bucket, key string, stored []byte) bool) func(*bolt.Tx) error {
	return func(to *bolt.Tx) (err error) {
		defer rescue(&err)
		return from.View(func(tx *bolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
				return b.ForEach(func(key, stored []byte) error {
					if !take(string(name), string(key), stored) {
						return nil
					}
					into, err := to.CreateBucketIfNotExists(name)
					if err != nil {
						return err
					}
					return into.Put(key, stored)
				})
			})
		})
	}
}

func everything(string, string, []byte) bool { return true }

// Backup writes a copy of the database as it is now to a new file, 0600. Of the
// buckets named it takes all good values, of the others those that are sealed
// with a key (see Sealed), and it returns the names of the buckets it left
// values of out. The error matches fs.ErrExist for a file that is there.
func (s *Store) Backup(path string, named ...string) (leftOut []string, err error) {
	take := func(bucket, key string, stored []byte) bool {
		e, err := unwrap(bucket, key, stored)
		if err == nil && (bucket == schemaBucket || slices.Contains(named, bucket) || isSealed(e.value)) {
			return true
		}
		if !slices.Contains(leftOut, bucket) {
			leftOut = append(leftOut, bucket)
		}
		return false
	}
	s.exchange.RLock()
	defer s.exchange.RUnlock()
	name, err := fresh(filepath.Dir(path), copyOf(s.db, take))
	if err == nil {
		err = settle(name, path)
	}
	if err != nil {
		return nil, fmt.Errorf("back up the database to %s: %w", path, err)
	}
	return leftOut, nil
}

// Restore makes the database at path what a backup holds, after a check of the
// backup. A file that is at path is kept under another name, which it returns,
// made from now. The second copies of kept values stay: of the two copies of a
// value the newer one counts. Errors match ErrDamaged or ErrNewer for a backup
// that cannot be used, and ErrLocked while a process has the database open.
func Restore(backup, path string, now time.Time) (replaced string, err error) {
	if err := Check(backup); err != nil {
		return "", fmt.Errorf("check the backup %s: %w", backup, err)
	}
	src, err := openBolt(backup, defaultLock, true)
	if err != nil {
		return "", fmt.Errorf("open the backup %s: %w", backup, err)
	}
	defer src.Close() // nothing was written
	if err := checkSchema(src); err != nil {
		return "", fmt.Errorf("open the backup %s: %w", backup, err)
	}
	if replaced, err = restore(src, path, now); err != nil {
		return "", explain(path, err)
	}
	return replaced, nil
}

func restore(src *bolt.DB, path string, now time.Time) (replaced string, err error) {
	dir := filepath.Dir(path)
	if err := errors.Join(makeDir(dir), checkPrivate(dir)); err != nil {
		return "", err
	}
	present, err := lock(path, defaultLock)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return "", err
	}
	defer present.Close() // lets go of the lock, if there is one
	name, err := fresh(dir, copyOf(src, everything))
	if err != nil {
		return "", err
	}
	defer os.Remove(name) // renamed already when all went well
	if missing {
		return "", settle(name, path)
	}
	replaced = dated(path, replacedMark, now)
	if os.Link(path, replaced) != nil { // not every file system has links
		err = os.Rename(path, replaced)
	}
	if err == nil {
		err = os.Rename(name, path)
	}
	return replaced, errors.Join(err, os.Chmod(replaced, 0o600), syncDir(dir))
}

// tidy writes the file anew when most of it is unused. A gateway that cannot,
// for want of space perhaps, works with the file it has.
func (s *Store) tidy() {
	before, used, err := s.sizes()
	if err == nil && (before < smallest || before < sparse*used) {
		return
	}
	if err == nil {
		err = s.compact()
	}
	if err != nil {
		s.log.Warn("the database is larger than it need be and could not be made smaller", "path", s.path, "error", err)
		return
	}
	after, _, err := s.sizes()
	s.log.Info("the database was made smaller", "path", s.path, "bytes_before", before, "bytes_after", after, "error", err)
}

// sizes returns the bytes of the file and of the pages in use.
func (s *Store) sizes() (file, used int64, err error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return 0, 0, err
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			stats := b.Stats()
			used += int64(stats.LeafAlloc + stats.BranchAlloc)
			return nil
		})
	})
	return info.Size(), used, err
}

// compact exchanges the file for a new one with the same values. The new one is
// locked before it gets its name, so that no other process can come between.
func (s *Store) compact() error {
	s.exchange.Lock()
	defer s.exchange.Unlock()
	name, err := fresh(filepath.Dir(s.path), copyOf(s.db, everything))
	if err != nil {
		return err
	}
	db, err := openBolt(name, defaultLock, false)
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	if err := os.Rename(name, s.path); err != nil {
		return errors.Join(err, db.Close(), os.Remove(name))
	}
	old := s.db
	s.db = db
	return errors.Join(syncDir(filepath.Dir(s.path)), old.Close())
}
