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

// Kept is a bucket whose values have a second copy, each in a small file
// beside the database: for the few bytes that cannot be fetched again. What
// one copy has lost the other one heals.
type Kept struct {
	bucket *Bucket
	dir    string
	mu     sync.Mutex // one reader or writer at a time keeps the copies in step
}

// Kept returns the kept bucket with a name.
func (s *Store) Kept(name string) *Kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok := s.kept[name]; ok {
		return k
	}
	k := &Kept{bucket: s.Bucket(name), dir: s.keptDir(name)}
	if err := sweep(k.dir); err != nil {
		s.log.Warn("half-written files could not be removed", "folder", k.dir, "error", err)
	}
	s.kept[name] = k
	return k
}

// keptDir is the folder with the second copies of a bucket.
func (s *Store) keptDir(bucket string) string {
	return filepath.Join(filepath.Dir(s.path), fileName(bucket))
}

// checkKept refuses second copies that others than their owner may use.
func (s *Store) checkKept() error {
	var paths []string
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(bucket []byte, _ *bolt.Bucket) error {
			dir := s.keptDir(string(bucket))
			files, err := os.ReadDir(dir)
			paths = append(paths, dir)
			for _, f := range files {
				paths = append(paths, filepath.Join(dir, f.Name()))
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // not a kept bucket
			}
			return err
		})
	})
	return errors.Join(err, checkPrivate(paths...))
}

// fileName escapes a key so that it is a file name, and not a hidden one.
func fileName(key string) string {
	name := url.PathEscape(key)
	if strings.HasPrefix(name, ".") {
		return "%2E" + name[1:]
	}
	return name
}

func (k *Kept) file(key string) string { return filepath.Join(k.dir, fileName(key)) }

// copies is what both places hold of one key.
type copies struct {
	base, file       entry
	baseErr, fileErr error
}

// newest returns the newer good copy. Without one the error matches
// ErrNotFound if there never was any, else ErrDamaged or the system's.
func (c copies) newest() (entry, error) {
	switch {
	case c.baseErr != nil && c.fileErr == nil:
		return c.file, nil
	case c.baseErr == nil && (c.fileErr != nil || c.base.sequence >= c.file.sequence):
		return c.base, nil
	case c.baseErr == nil:
		return c.file, nil
	case errors.Is(c.baseErr, ErrNotFound):
		return entry{}, c.fileErr
	}
	return entry{}, c.baseErr
}

// same reports whether both copies are good and alike.
func (c copies) same() bool {
	return c.baseErr == nil && c.fileErr == nil && c.base.sequence == c.file.sequence && bytes.Equal(c.base.value, c.file.value)
}

func (k *Kept) read(key string) copies {
	var c copies
	c.base, c.baseErr = k.bucket.get(key)
	c.file, c.fileErr = k.readFile(key)
	return c
}

func (k *Kept) readFile(key string) (entry, error) {
	stored, err := os.ReadFile(k.file(key))
	if os.IsNotExist(err) {
		return entry{}, ErrNotFound
	}
	if err != nil {
		return entry{}, err
	}
	return unwrap(k.bucket.name, key, stored)
}

// Get returns the newest good copy of the value of key and heals the other
// one. Errors match ErrNotFound, ErrDamaged when both copies are, or the
// system's.
func (k *Kept) Get(key string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.read(key)
	best, err := c.newest()
	if err != nil {
		return nil, k.bucket.failed("read", key, err)
	}
	if !c.same() {
		k.bucket.store.log.Warn("one of the two copies of a stored value was missing, old or damaged and is written anew", "bucket", k.bucket.name, "key", key)
		if err := k.write(map[string]entry{key: best}); err != nil {
			return nil, k.bucket.failed("heal", key, err)
		}
	}
	return best.value, nil
}

// Put stores values in both places. It returns nil once every value is durable
// in one of them at least; a failure of the other is logged, and healed by the
// next Get. Values that are there already are not written.
func (k *Kept) Put(values map[string][]byte) error { return k.putIn(box{}, values) }

// putIn is Put with the values sealed by a box.
func (k *Kept) putIn(b box, values map[string][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.replace(b, values)
}

// sealAll seals the values that are in clear.
func (k *Kept) sealAll(b box) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, err := k.keys()
	values := make(map[string][]byte)
	for _, key := range keys {
		best, err := k.read(key).newest()
		if err == nil && !isSealed(best.value) {
			values[key] = best.value
		}
	}
	return errors.Join(err, k.replace(b, values))
}

// keys returns the keys that either place holds.
func (k *Kept) keys() ([]string, error) {
	var keys []string
	err := k.bucket.view(func(bb *bolt.Bucket) error {
		return bb.ForEach(func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
	})
	files, dirErr := os.ReadDir(k.dir)
	for _, f := range files {
		if key, err := url.PathUnescape(f.Name()); err == nil && fileName(key) == f.Name() {
			keys = append(keys, key)
		}
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if errors.Is(dirErr, fs.ErrNotExist) {
		dirErr = nil
	}
	return keys, errors.Join(err, dirErr)
}

// replace writes the values that are not there already. When one in clear gave
// way to a sealed one, the database is written anew, because its free pages
// still hold the one in clear.
func (k *Kept) replace(b box, values map[string][]byte) error {
	changed := make(map[string]entry)
	exposed := false
	for key, value := range values {
		c := k.read(key)
		if c.same() && b.holds(k.bucket.name, key, c.base.value, value) {
			continue
		}
		changed[key] = entry{max(c.base.sequence, c.file.sequence) + 1, b.seal(k.bucket.name, key, value)}
		exposed = exposed || b.key != nil && c.baseErr == nil && !isSealed(c.base.value)
	}
	if err := k.write(changed); err != nil {
		return fmt.Errorf("write to bucket %q: %w", k.bucket.name, err)
	}
	if !exposed {
		return nil
	}
	if err := k.bucket.store.compact(); err != nil {
		k.bucket.store.log.Warn("values in clear may still lie in unused parts of the database", "path", k.bucket.store.path, "error", err)
	}
	return nil
}

// write puts values into both places; the error tells that neither took them.
func (k *Kept) write(values map[string]entry) error {
	fileErr := k.writeFiles(values)
	baseErr := k.bucket.write(values, nil)
	if fileErr != nil && baseErr != nil {
		return fmt.Errorf("neither the database nor the folder %s takes it: %w", k.dir, errors.Join(baseErr, fileErr))
	}
	if err := errors.Join(fileErr, baseErr); err != nil {
		k.bucket.store.log.Warn("only one of the two copies of a stored value could be written", "bucket", k.bucket.name, "error", err)
	}
	return nil
}

func (k *Kept) writeFiles(values map[string]entry) error {
	if len(values) == 0 {
		return nil
	}
	if err := makeDir(k.dir); err != nil {
		return err
	}
	var errs []error
	for key, s := range values {
		errs = append(errs, writeFile(k.file(key), wrap(k.bucket.name, key, s)))
	}
	return errors.Join(errs...)
}

// Delete removes keys from both places; keys without a value are fine. After
// an error a key may still be there: the remaining copy counts.
func (k *Kept) Delete(keys ...string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, key := range keys {
		errs = append(errs, removeFile(k.file(key)))
	}
	errs = append(errs, k.bucket.Delete(keys...))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete from bucket %q: %w", k.bucket.name, err)
	}
	return nil
}
