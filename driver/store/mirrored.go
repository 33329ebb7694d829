package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Mirrored is a bucket whose values have a second copy, each in a small file
// beside the database. It is for values that cannot be fetched again. A copy
// that is missing, old or damaged is restored from the other one.
//
// The file keeps its space on the disk when its value is replaced or deleted (see
// slotFile), so that a value can be stored when the disk is full. A deleted value
// leaves its sequence number: a backup that is restored later does not bring it back.
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
	if err := m.tidy(); err != nil {
		s.log.Warn("what an interrupted write left behind could not be removed", "folder", m.dir, "error", err)
	}
	s.mirrored[name] = m
	return m
}

// tidy removes what an interrupted write left behind.
func (m *Mirrored) tidy() error {
	err := removeTemporaryFiles(m.dir)
	for _, key := range m.fileKeys() {
		slots, openErr := openSlots(m.file(key), os.O_RDONLY, m.bucket.name, key)
		if openErr != nil {
			continue // the next Get handles it
		}
		left := slots.stored[0] > 0 && slots.stored[1] > 0
		err = errors.Join(err, slots.file.Close())
		if !left {
			continue
		}
		if slots, openErr = openSlots(m.file(key), os.O_RDWR, m.bucket.name, key); openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		err = errors.Join(err, slots.wipeOlder(), slots.file.Close())
	}
	return err
}

// allMirrored returns the mirrored buckets in use.
func (s *Store) allMirrored() []*Mirrored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.mirrored))
}

// mirrorDir is the folder with the second copies of a bucket.
func (s *Store) mirrorDir(bucket string) string {
	return filepath.Join(filepath.Dir(s.path), fileName(bucket))
}

// checkMirrored returns an ErrExposed when other users can access second copies.
func (s *Store) checkMirrored(db *bolt.DB) error {
	var paths []string
	err := db.View(func(tx *bolt.Tx) error {
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

// copies are the two copies of one value. A copy that says that the value was
// deleted has the error ErrNotFound.
type copies struct {
	db, file       entry
	dbErr, fileErr error
}

// known reports which copies can be relied on: they hold a value, or say that it
// was deleted.
func (c copies) known() (db, file bool) {
	return c.dbErr == nil || c.db.deleted, c.fileErr == nil || c.file.deleted
}

// newest returns the newer good copy. If neither is good, or the value was deleted,
// the error matches ErrNotFound, ErrDamaged or is the system's.
func (c copies) newest() (entry, error) {
	db, file := c.known()
	switch {
	case db && (!file || c.db.sequence >= c.file.sequence):
		return c.db, c.dbErr
	case file:
		return c.file, c.fileErr
	case errors.Is(c.dbErr, ErrNotFound):
		return entry{}, c.fileErr
	}
	return entry{}, c.dbErr
}

// inSync reports whether both copies are good and equal.
func (c copies) inSync() bool {
	db, file := c.known()
	return db && file && c.db.equal(c.file)
}

func (e entry) equal(o entry) bool {
	return e.sequence == o.sequence && e.deleted == o.deleted && bytes.Equal(e.value, o.value)
}

func (m *Mirrored) read(key string) copies {
	var c copies
	c.db, c.dbErr = m.bucket.get(key)
	c.file, c.fileErr = m.readFile(key)
	return c
}

func (m *Mirrored) readFile(key string) (e entry, err error) {
	slots, err := openSlots(m.file(key), os.O_RDONLY, m.bucket.name, key)
	if err != nil {
		return entry{}, err
	}
	e, err = slots.entry()
	if err == nil && e.deleted {
		err = ErrNotFound
	}
	return e, errors.Join(err, slots.file.Close())
}

// Get returns the newest good copy of the value of key and rewrites the other
// one if it differs; where that fails, Trouble says so. Errors match ErrNotFound,
// ErrDamaged when both copies are damaged, or the system's.
func (m *Mirrored) Get(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.read(key)
	best, err := c.newest()
	if err == nil || best.deleted {
		m.repair(key, c, best)
	}
	if err != nil {
		return nil, m.bucket.wrapError("read", key, err)
	}
	return best.value, nil
}

// repair writes the copies that differ from the best one.
func (m *Mirrored) repair(key string, c copies, best entry) {
	db, file := c.known()
	var errs []error
	if !file || !c.file.equal(best) {
		errs = append(errs, m.writeFile(key, best))
	}
	if !db || !c.db.equal(best) {
		errs = append(errs, m.bucket.write(map[string]entry{key: best}, nil))
	}
	if len(errs) > 0 && errors.Join(errs...) == nil {
		m.bucket.store.log.Warn("one of the two copies of a stored value was missing, old or damaged and was rewritten", "bucket", m.bucket.name, "key", key)
	}
}

// Put stores both copies of the values. It returns nil once at least one copy
// of every value is durable; Trouble reports the failure of the other one, and the
// next Get repairs it. Unchanged values are not written.
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
	return append(keys, m.fileKeys()...), err
}

// fileKeys returns the keys that have a second copy.
func (m *Mirrored) fileKeys() (keys []string) {
	files, _ := os.ReadDir(m.dir) // a folder that cannot be read shows at the first read of a value
	for _, f := range files {
		if key, err := url.PathUnescape(f.Name()); err == nil && fileName(key) == f.Name() {
			keys = append(keys, key)
		}
	}
	return keys
}

// replace writes the values that have changed. After a value in clear has been
// replaced by a sealed one the database is compacted, because its free pages
// still hold the value in clear.
func (m *Mirrored) replace(s sealer, values map[string][]byte) error {
	changed := make(map[string]entry)
	exposed := false
	for key, value := range values {
		c := m.read(key)
		if c.inSync() && c.dbErr == nil && s.equal(m.bucket.name, key, c.db.value, value) {
			continue
		}
		changed[key] = entry{sequence: m.next(c), value: s.seal(m.bucket.name, key, value)}
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

// next returns the sequence number of the next entry: one more than those of the
// copies, and at least the seconds since 1970. With the time in it, a value that is
// stored after both copies were lost still counts as newer than a backup of the lost
// ones.
func (m *Mirrored) next(c copies) uint64 {
	now := max(0, m.bucket.store.o.Now().Unix())
	return max(c.db.sequence+1, c.file.sequence+1, uint64(now))
}

// write writes both copies; it fails only if neither could be written.
func (m *Mirrored) write(entries map[string]entry) error {
	var fileErr error
	for key, e := range entries {
		fileErr = errors.Join(fileErr, m.writeFile(key, e))
	}
	dbErr := m.bucket.write(entries, nil)
	if fileErr != nil && dbErr != nil {
		return fmt.Errorf("neither the database nor the folder %s can be written: %w; %w", m.dir, dbErr, fileErr)
	}
	return nil
}

// writeFile writes the second copy of a value.
func (m *Mirrored) writeFile(key string, e entry) error {
	err := makeDir(m.dir)
	if err == nil {
		err = writeSlots(m.file(key), m.bucket.name, key, e)
	}
	m.bucket.store.trouble.note(m.file(key), "the second copies in "+m.dir+" cannot be written", withoutName(err))
	return err
}

// Delete removes both copies of the values of keys; missing keys are ignored.
// After an error a value may still have one copy on the disk.
func (m *Mirrored) Delete(keys ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	deleted := make(map[string]entry)
	var errs []error
	for _, key := range keys {
		c := m.read(key)
		db, file := c.known()
		if c.db.deleted && c.file.deleted || !db && !file && errors.Is(c.dbErr, ErrNotFound) && errors.Is(c.fileErr, ErrNotFound) {
			continue
		}
		e := entry{sequence: m.next(c), deleted: true}
		deleted[key] = e
		errs = append(errs, m.writeFile(key, e))
	}
	errs = append(errs, m.bucket.write(deleted, nil))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete from bucket %q: %w", m.bucket.name, err)
	}
	return nil
}

// retry writes the second copies that could not be written.
func (m *Mirrored) retry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys, _ := m.keys() // a database that cannot be read is noted elsewhere
	for _, key := range keys {
		if !m.bucket.store.trouble.has(m.file(key)) {
			continue
		}
		if best, err := m.read(key).newest(); err == nil || best.deleted {
			_ = m.writeFile(key, best) // its failure is noted
		}
	}
}
