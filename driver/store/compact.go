package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// A bbolt file never shrinks, and its unused pages keep deleted values. Every
// copy is therefore made key by key into a new file: it has the smallest
// possible size and holds nothing but the stored values.

const (
	sparseRatio    = 4         // a file this many times as large as its used pages is compacted
	minCompactSize = 256 << 10 // bytes; smaller files are not compacted
)

// createTemporary creates a database under a temporary name in dir, calls fill
// to write its contents, and returns the name.
func createTemporary(dir string, fill func(*bolt.Tx) error) (string, error) {
	f, err := os.CreateTemp(dir, temporaryPrefix+"*")
	if err != nil {
		return "", fmt.Errorf("create a file in %s: %w", dir, withoutName(err))
	}
	name := f.Name()
	if err := f.Close(); err != nil {
		return "", errors.Join(withoutName(err), os.Remove(name))
	}
	db, file, err := openBolt(name, defaultLock, false)
	if err == nil {
		err = errors.Join(guard(func() error { return db.Update(fill) }), closeBolt(db, file), inheritOwner(dir, name))
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("write a new file in %s: %w", dir, withoutName(err)), os.Remove(name))
	}
	return name, nil
}

// copyFrom returns a function for createTemporary that copies the values of
// src for which include returns true.
func copyFrom(src *bolt.DB, include func(bucket, key string, stored []byte) bool) func(*bolt.Tx) error {
	return func(dst *bolt.Tx) error {
		return src.View(func(tx *bolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
				return b.ForEach(func(key, stored []byte) error {
					if !include(string(name), string(key), stored) {
						return nil
					}
					to, err := dst.CreateBucketIfNotExists(name)
					if err != nil {
						return err
					}
					return to.Put(key, stored)
				})
			})
		})
	}
}

func includeAll(string, string, []byte) bool { return true }

// compactIfSparse compacts the file when most of it is unused. A failure, such
// as a full disk, is logged: the file remains usable as it is.
func (s *Store) compactIfSparse() {
	before, used, err := s.sizes()
	if err == nil && (before < minCompactSize || before < sparseRatio*used) {
		return
	}
	if err == nil {
		err = s.compactLocked()
	}
	if err != nil {
		s.log.Warn("the database file is mostly unused and could not be compacted", "path", s.path, "error", err)
		return
	}
	after, _, err := s.sizes()
	s.log.Info("the database file was compacted", "path", s.path, "bytes_before", before, "bytes_after", after, "error", err)
}

// sizes returns the bytes of the file and of its used pages.
func (s *Store) sizes() (file, used int64, err error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return 0, 0, err
	}
	err = guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
				stats := b.Stats()
				used += int64(stats.LeafAlloc + stats.BranchAlloc)
				return nil
			})
		})
	})
	return info.Size(), used, err
}

// compact replaces the file by a new one with the same values.
func (s *Store) compact() error {
	s.dbMu.Lock()
	defer s.dbMu.Unlock()
	if err := s.usable(true); err != nil {
		return err
	}
	return s.compactLocked()
}

// compactLocked is compact with dbMu held. The new file is locked before it is
// renamed, so that no other process can open it in between.
func (s *Store) compactLocked() error {
	name, err := createTemporary(filepath.Dir(s.path), copyFrom(s.db, includeAll))
	if err != nil {
		return err
	}
	db, file, err := openBolt(name, defaultLock, false)
	if err != nil {
		return errors.Join(withoutName(err), os.Remove(name))
	}
	if err := os.Rename(name, s.path); err != nil {
		return errors.Join(withoutName(err), closeBolt(db, file), os.Remove(name))
	}
	oldDB, oldFile := s.db, s.file
	s.db, s.file = db, file
	return errors.Join(syncDir(filepath.Dir(s.path)), closeBolt(oldDB, oldFile))
}
