package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Backup writes a copy of the database to a new file, 0600. Of the buckets
// named it copies all good values, of the others only those that are sealed
// with a key (see Sealed). It returns the names of the buckets of which it
// omitted values. The error matches fs.ErrExist if the file exists.
func (s *Store) Backup(path string, buckets ...string) (omitted []string, err error) {
	include := func(bucket, key string, stored []byte) bool {
		e, err := decodeEntry(bucket, key, stored)
		if err == nil && e.deleted {
			return false
		}
		if err == nil && (bucket == schemaBucket || slices.Contains(buckets, bucket) || isSealed(e.value)) {
			return true
		}
		if !slices.Contains(omitted, bucket) {
			omitted = append(omitted, bucket)
		}
		return false
	}
	s.dbMu.RLock()
	defer s.dbMu.RUnlock()
	if err := s.usable(false); err != nil {
		return nil, fmt.Errorf("back up the database to %s: %w", path, err)
	}
	name, err := createTemporary(filepath.Dir(path), copyFrom(s.db, include))
	if err == nil {
		err = renameNew(name, path)
	}
	if err != nil {
		return nil, fmt.Errorf("back up the database to %s: %w", path, err)
	}
	return omitted, nil
}

// Restore checks a backup and replaces the database at path by its contents. A
// file at path is renamed; its new name is returned. Of the buckets that are mirrored
// the newest copy of every value counts, whether it is in the backup, in the replaced
// database or in a second copy: a backup does not replace a newer value, and does not
// bring back a deleted one. Errors match ErrDamaged or ErrNewer for a backup that
// cannot be used, and ErrLocked while a process has the database open.
func Restore(backup, path string, mirrored []string, o Options) (replaced string, err error) {
	o = o.complete()
	if err := Check(backup); err != nil {
		return "", fmt.Errorf("check the backup %s: %w", backup, err)
	}
	src, file, err := openBolt(backup, defaultLock, true)
	if err != nil {
		return "", fmt.Errorf("open the backup %s: %w", backup, err)
	}
	defer closeBolt(src, file) // opened read-only
	if err := checkSchema(src); err != nil {
		return "", fmt.Errorf("open the backup %s: %w", backup, err)
	}
	if replaced, err = restore(src, path, mirrored, o); err != nil {
		return "", withAction(path, err)
	}
	return replaced, nil
}

func restore(src *bolt.DB, path string, mirrored []string, o Options) (replaced string, err error) {
	dir := filepath.Dir(path)
	if err := errors.Join(makeDir(dir), checkPrivate(dir)); err != nil {
		return "", err
	}
	dirLock, err := lock(dir, o.LockTimeout)
	if err != nil {
		return "", err
	}
	defer dirLock.Close()
	here, err := readMirrored(path, mirrored, o)
	if err != nil {
		return "", err
	}
	present, err := lock(path, o.LockTimeout)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return "", err
	}
	defer present.Close() // releases the lock; a nil file is fine
	name, err := createTemporary(dir, merge(src, here))
	if err != nil {
		return "", err
	}
	defer os.Remove(name) // fails after a successful rename
	if missing {
		return "", renameNew(name, path)
	}
	replaced = withTime(path, replacedMark, o.Now())
	if os.Link(path, replaced) != nil { // not every file system has links
		err = os.Rename(path, replaced)
	}
	if err == nil {
		err = os.Rename(name, path)
	}
	return replaced, errors.Join(err, os.Chmod(replaced, 0o600), syncDir(dir))
}

// place is where an entry is stored.
type place struct{ bucket, key string }

// readMirrored returns the newest entries of the mirrored buckets of the database at
// path and of the second copies beside it. A database that is missing or damaged has
// none.
func readMirrored(path string, mirrored []string, o Options) (map[place]entry, error) {
	s := &Store{path: path, o: o, log: o.Log, trouble: troubles{log: o.Log}, mirrored: map[string]*Mirrored{}}
	_, err := os.Stat(path)
	if err == nil {
		err = checkFile(path, o)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrDamaged):
	case err != nil:
		return nil, err
	default:
		if s.db, s.file, err = openBolt(path, o.LockTimeout, true); err != nil {
			return nil, err
		}
	}
	here := make(map[place]entry)
	for _, bucket := range mirrored {
		m := &Mirrored{bucket: s.Bucket(bucket), dir: s.mirrorDir(bucket)}
		keys, err := m.keys()
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		for _, key := range keys {
			if e, err := m.read(key).newest(); err == nil || e.deleted {
				here[place{bucket, key}] = e
			}
		}
	}
	return here, s.Close()
}

// merge returns a function for createTemporary that copies the values of src, but the
// given entries where they are newer.
func merge(src *bolt.DB, here map[place]entry) func(*bolt.Tx) error {
	older := func(bucket, key string, stored []byte) bool {
		e, err := decodeEntry(bucket, key, stored)
		kept, ok := here[place{bucket, key}]
		return ok && (err != nil || e.sequence <= kept.sequence)
	}
	copyNewer := copyFrom(src, func(bucket, key string, stored []byte) bool { return !older(bucket, key, stored) })
	return func(dst *bolt.Tx) error {
		if err := copyNewer(dst); err != nil {
			return err
		}
		for at, e := range here {
			b, err := dst.CreateBucketIfNotExists([]byte(at.bucket))
			if err != nil {
				return err
			}
			if stored := b.Get([]byte(at.key)); stored != nil {
				continue // the backup's is newer
			}
			if err := b.Put([]byte(at.key), encodeEntry(at.bucket, at.key, e)); err != nil {
				return err
			}
		}
		return nil
	}
}
