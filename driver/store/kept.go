package store

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
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
	k := &Kept{bucket: s.Bucket(name), dir: filepath.Join(filepath.Dir(s.path), fileName(name))}
	k.sweep()
	s.kept[name] = k
	return k
}

// sweep removes files a power cut left half written. Nobody else writes them:
// this process holds the database.
func (k *Kept) sweep() {
	left, err := filepath.Glob(filepath.Join(k.dir, temporary+"*"))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		k.bucket.store.log.Warn("half-written files could not be removed", "folder", k.dir, "error", err)
	}
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
	base, file       sealed
	baseErr, fileErr error
}

// newest returns the newer good copy. Without one the error matches
// ErrNotFound if there never was any, else ErrDamaged or the system's.
func (c copies) newest() (sealed, error) {
	switch {
	case c.baseErr != nil && c.fileErr == nil:
		return c.file, nil
	case c.baseErr == nil && (c.fileErr != nil || c.base.sequence >= c.file.sequence):
		return c.base, nil
	case c.baseErr == nil:
		return c.file, nil
	case errors.Is(c.baseErr, ErrNotFound):
		return sealed{}, c.fileErr
	}
	return sealed{}, c.baseErr
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

func (k *Kept) readFile(key string) (sealed, error) {
	stored, err := os.ReadFile(k.file(key))
	if os.IsNotExist(err) {
		return sealed{}, ErrNotFound
	}
	if err != nil {
		return sealed{}, err
	}
	return unseal(k.bucket.name, key, stored)
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
		if err := k.write(map[string]sealed{key: best}); err != nil {
			return nil, k.bucket.failed("heal", key, err)
		}
	}
	return best.value, nil
}

// Put stores values in both places. It returns nil once every value is durable
// in one of them at least; a failure of the other is logged, and healed by the
// next Get. Values that are there already are not written.
func (k *Kept) Put(values map[string][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed := make(map[string]sealed)
	for key, value := range values {
		c := k.read(key)
		if c.same() && bytes.Equal(c.base.value, value) {
			continue
		}
		changed[key] = sealed{max(c.base.sequence, c.file.sequence) + 1, value}
	}
	if err := k.write(changed); err != nil {
		return fmt.Errorf("write to bucket %q: %w", k.bucket.name, err)
	}
	return nil
}

// write puts values into both places; the error tells that neither took them.
func (k *Kept) write(values map[string]sealed) error {
	fileErr := k.writeFiles(values)
	baseErr := k.bucket.put(values)
	if fileErr != nil && baseErr != nil {
		return fmt.Errorf("neither the database nor the folder %s takes it: %w", k.dir, errors.Join(baseErr, fileErr))
	}
	if err := errors.Join(fileErr, baseErr); err != nil {
		k.bucket.store.log.Warn("only one of the two copies of a stored value could be written", "bucket", k.bucket.name, "error", err)
	}
	return nil
}

func (k *Kept) writeFiles(values map[string]sealed) error {
	if len(values) == 0 {
		return nil
	}
	if err := makeDir(k.dir); err != nil {
		return err
	}
	var errs []error
	for key, s := range values {
		errs = append(errs, writeFile(k.file(key), seal(k.bucket.name, key, s)))
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
