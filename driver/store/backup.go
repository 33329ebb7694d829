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

// Backup writes a copy of the database to a new file, 0600. Of the buckets
// named it copies all good values, of the others only those that are sealed
// with a key (see Sealed). It returns the names of the buckets of which it
// omitted values. The error matches fs.ErrExist if the file exists.
func (s *Store) Backup(path string, buckets ...string) (omitted []string, err error) {
	include := func(bucket, key string, stored []byte) bool {
		e, err := decodeEntry(bucket, key, stored)
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
// file at path is renamed; its new name, made from now, is returned. The second
// copies of mirrored values stay: of the two copies of a value the newer one
// counts. Errors match ErrDamaged or ErrNewer for a backup that cannot be used,
// and ErrLocked while a process has the database open.
func Restore(backup, path string, now time.Time) (replaced string, err error) {
	if err := Check(backup); err != nil {
		return "", fmt.Errorf("check the backup %s: %w", backup, err)
	}
	src, err := openBolt(backup, defaultLock, true)
	if err != nil {
		return "", fmt.Errorf("open the backup %s: %w", backup, err)
	}
	defer src.Close() // opened read-only
	if err := checkSchema(src); err != nil {
		return "", fmt.Errorf("open the backup %s: %w", backup, err)
	}
	if replaced, err = restore(src, path, now); err != nil {
		return "", withAction(path, err)
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
	defer present.Close() // releases the lock; a nil file is fine
	name, err := createTemporary(dir, copyFrom(src, includeAll))
	if err != nil {
		return "", err
	}
	defer os.Remove(name) // fails after a successful rename
	if missing {
		return "", renameNew(name, path)
	}
	replaced = withTime(path, replacedMark, now)
	if os.Link(path, replaced) != nil { // not every file system has links
		err = os.Rename(path, replaced)
	}
	if err == nil {
		err = os.Rename(name, path)
	}
	return replaced, errors.Join(err, os.Chmod(replaced, 0o600), syncDir(dir))
}
