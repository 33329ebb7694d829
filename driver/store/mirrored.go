package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Mirrored is a bucket whose values have a second copy, each in a small file
// beside the database. It is for values that cannot be fetched again. A copy
// that is missing, old or damaged is restored from the other one.
type Mirrored struct {
	bucket *Bucket
	dir    string
	mu     sync.Mutex // one reader or writer at a time, so that the copies stay in sync
}

// Mirrored returns the mirrored bucket with a name.
func (s *Store) Mirrored(name string) *Mirrored {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.mirrored[name]; ok {
		return m
	}
	m := &Mirrored{bucket: s.Bucket(name), dir: s.mirrorDir(name)}
	if err := removeTemporaryFiles(m.dir); err != nil {
		s.log.Warn("temporary files of an interrupted write could not be removed", "folder", m.dir, "error", err)
	}
	s.mirrored[name] = m
	return m
}

// mirrorDir is the folder with the second copies of a bucket.
func (s *Store) mirrorDir(bucket string) string {
	return filepath.Join(filepath.Dir(s.path), fileName(bucket))
}

// checkMirrored returns an ErrExposed when other users can access second copies.
func (s *Store) checkMirrored() error {
	var paths []string
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(bucket []byte, _ *bolt.Bucket) error {
			dir := s.mirrorDir(string(bucket))
			files, err := os.ReadDir(dir)
			paths = append(paths, dir)
			for _, f := range files {
				paths = append(paths, filepath.Join(dir, f.Name()))
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // not a mirrored bucket
			}
			return err
		})
	})
	return errors.Join(err, checkPrivate(paths...))
}

// fileName escapes a key so that it is a valid file name and not a hidden one.
func fileName(key string) string {
	name := url.PathEscape(key)
	if strings.HasPrefix(name, ".") {
		return "%2E" + name[1:]
	}
	return name
}

func (m *Mirrored) file(key string) string { return filepath.Join(m.dir, fileName(key)) }

// copies are the two copies of one value.
type copies struct {
	db, file       entry
	dbErr, fileErr error
}

// newest returns the newer good copy. If neither is good the error matches
// ErrNotFound when both are missing, else ErrDamaged or the system's error.
func (c copies) newest() (entry, error) {
	switch {
	case c.dbErr != nil && c.fileErr == nil:
		return c.file, nil
	case c.dbErr == nil && (c.fileErr != nil || c.db.sequence >= c.file.sequence):
		return c.db, nil
	case c.dbErr == nil:
		return c.file, nil
	case errors.Is(c.dbErr, ErrNotFound):
		return entry{}, c.fileErr
	}
	return entry{}, c.dbErr
}

// inSync reports whether both copies are good and equal.
func (c copies) inSync() bool {
	return c.dbErr == nil && c.fileErr == nil && c.db.sequence == c.file.sequence && bytes.Equal(c.db.value, c.file.value)
}

func (m *Mirrored) read(key string) copies {
	var c copies
	c.db, c.dbErr = m.bucket.get(key)
	c.file, c.fileErr = m.readFile(key)
	return c
}

func (m *Mirrored) readFile(key string) (entry, error) {
	stored, err := os.ReadFile(m.file(key))
	if os.IsNotExist(err) {
		return entry{}, ErrNotFound
	}
	if err != nil {
		return entry{}, err
	}
	return decodeEntry(m.bucket.name, key, stored)
}

// Get returns the newest good copy of the value of key and rewrites the other
// one if it differs. Errors match ErrNotFound, ErrDamaged when both copies are
// damaged, or the system's.
func (m *Mirrored) Get(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.read(key)
	best, err := c.newest()
	if err != nil {
		return nil, m.bucket.wrapError("read", key, err)
	}
	if !c.inSync() {
		m.bucket.store.log.Warn("one of the two copies of a stored value is missing, old or damaged and is rewritten", "bucket", m.bucket.name, "key", key)
		if err := m.write(map[string]entry{key: best}); err != nil {
			return nil, m.bucket.wrapError("rewrite", key, err)
		}
	}
	return best.value, nil
}

// Put stores both copies of the values. It returns nil once at least one copy
// of every value is durable; the failure of the other one is logged, and
// repaired by the next Get. Unchanged values are not written.
func (m *Mirrored) Put(values map[string][]byte) error { return m.putSealed(sealer{}, values) }

// putSealed is Put with the values sealed.
func (m *Mirrored) putSealed(s sealer, values map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.replace(s, values)
}

// sealAll seals the values that are stored in clear.
func (m *Mirrored) sealAll(s sealer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys, err := m.keys()
	values := make(map[string][]byte)
	for _, key := range keys {
		best, err := m.read(key).newest()
		if err == nil && !isSealed(best.value) {
			values[key] = best.value
		}
	}
	return errors.Join(err, m.replace(s, values))
}

// keys returns the keys that have at least one copy.
func (m *Mirrored) keys() ([]string, error) {
	keys, err := m.bucket.Keys()
	files, dirErr := os.ReadDir(m.dir)
	for _, f := range files {
		if key, err := url.PathUnescape(f.Name()); err == nil && fileName(key) == f.Name() {
			keys = append(keys, key)
		}
	}
	if errors.Is(dirErr, fs.ErrNotExist) {
		dirErr = nil
	}
	return keys, errors.Join(err, dirErr)
}

// replace writes the values that have changed. After a value in clear has been
// replaced by a sealed one the database is compacted, because its free pages
// still hold the value in clear.
func (m *Mirrored) replace(s sealer, values map[string][]byte) error {
	changed := make(map[string]entry)
	exposed := false
	for key, value := range values {
		c := m.read(key)
		if c.inSync() && s.equal(m.bucket.name, key, c.db.value, value) {
			continue
		}
		changed[key] = entry{max(c.db.sequence, c.file.sequence) + 1, s.seal(m.bucket.name, key, value)}
		exposed = exposed || s.key != nil && c.dbErr == nil && !isSealed(c.db.value)
	}
	if err := m.write(changed); err != nil {
		return fmt.Errorf("write bucket %q: %w", m.bucket.name, err)
	}
	if !exposed {
		return nil
	}
	if err := m.bucket.store.compact(); err != nil {
		m.bucket.store.log.Warn("unused pages of the database may still hold values in clear", "path", m.bucket.store.path, "error", err)
	}
	return nil
}

// write writes both copies; it fails only if neither could be written.
func (m *Mirrored) write(entries map[string]entry) error {
	fileErr := m.writeFiles(entries)
	dbErr := m.bucket.write(entries, nil)
	if fileErr != nil && dbErr != nil {
		return fmt.Errorf("neither the database nor the folder %s can be written: %w", m.dir, errors.Join(dbErr, fileErr))
	}
	if err := errors.Join(fileErr, dbErr); err != nil {
		m.bucket.store.log.Warn("only one of the two copies of a stored value could be written", "bucket", m.bucket.name, "error", err)
	}
	return nil
}

func (m *Mirrored) writeFiles(entries map[string]entry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := makeDir(m.dir); err != nil {
		return err
	}
	var errs []error
	for key, e := range entries {
		errs = append(errs, writeFile(m.file(key), encodeEntry(m.bucket.name, key, e)))
	}
	return errors.Join(errs...)
}

// Delete removes both copies of the values of keys; missing keys are ignored.
// After an error a value may still have one copy, which is then valid.
func (m *Mirrored) Delete(keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, key := range keys {
		errs = append(errs, removeFile(m.file(key)))
	}
	errs = append(errs, m.bucket.Delete(keys...))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete from bucket %q: %w", m.bucket.name, err)
	}
	return nil
}
