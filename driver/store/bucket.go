package store

import (
	"bytes"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Bucket is the part of the database that belongs to one owner.
type Bucket struct {
	store *Store
	name  string
}

// Bucket returns the bucket with a name. It is created in the file with its
// first value.
func (s *Store) Bucket(name string) *Bucket { return &Bucket{s, name} }

// Get returns the value of key. Errors match ErrNotFound or ErrDamaged.
func (b *Bucket) Get(key string) ([]byte, error) {
	e, err := b.get(key)
	if err != nil {
		return nil, b.wrapError("read", key, err)
	}
	return e.value, nil
}

// Put stores values in one durable transaction: all or none. Unchanged values
// are not written, and without changes there is no transaction.
func (b *Bucket) Put(values map[string][]byte) error { return b.Change(values) }

// Delete removes keys in one durable transaction; missing keys are ignored.
func (b *Bucket) Delete(keys ...string) error { return b.Change(nil, keys...) }

// Change stores values and removes keys, as Put and Delete do, in one durable
// transaction.
func (b *Bucket) Change(values map[string][]byte, deleted ...string) error {
	changed := make(map[string]entry)
	for key, value := range values {
		old, err := b.get(key)
		if err == nil && bytes.Equal(old.value, value) {
			continue
		}
		// A damaged value counts as missing and is replaced.
		changed[key] = entry{sequence: old.sequence + 1, value: value}
	}
	var present []string
	for _, key := range deleted {
		if _, err := b.get(key); !errors.Is(err, ErrNotFound) {
			present = append(present, key)
		}
	}
	if err := b.write(changed, present); err != nil {
		return fmt.Errorf("write bucket %q of the database: %w", b.name, err)
	}
	return nil
}

// Keys returns the keys that have a value, damaged or not, in sorted order.
func (b *Bucket) Keys() (keys []string, err error) {
	err = b.view(func(bb *bolt.Bucket) error {
		return bb.ForEach(func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("read bucket %q of the database: %w", b.name, err)
	}
	return keys, nil
}

func (b *Bucket) wrapError(verb, key string, err error) error {
	return fmt.Errorf("%s %q of bucket %q: %w", verb, key, b.name, err)
}

func (b *Bucket) get(key string) (e entry, err error) {
	err = b.view(func(bb *bolt.Bucket) error {
		stored := bb.Get([]byte(key))
		if stored == nil {
			return ErrNotFound
		}
		e, err = decodeEntry(b.name, key, stored)
		if err == nil && e.deleted {
			err = ErrNotFound
		}
		return err
	})
	return e, err
}

// write stores entries with the sequence numbers they carry, and removes keys.
func (b *Bucket) write(entries map[string]entry, deleted []string) error {
	if len(entries)+len(deleted) == 0 {
		return nil // an empty transaction would cost four page writes
	}
	return b.update(func(bb *bolt.Bucket) error {
		for key, e := range entries {
			if err := bb.Put([]byte(key), encodeEntry(b.name, key, e)); err != nil {
				return err
			}
		}
		for _, key := range deleted {
			if err := bb.Delete([]byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// view runs fn on the bucket; ErrNotFound while it does not exist.
func (b *Bucket) view(fn func(*bolt.Bucket) error) error {
	return b.store.view(func(tx *bolt.Tx) error {
		bb := tx.Bucket([]byte(b.name))
		if bb == nil {
			return ErrNotFound
		}
		return fn(bb)
	})
}

func (b *Bucket) update(fn func(*bolt.Bucket) error) error {
	return b.store.update(func(tx *bolt.Tx) error {
		bb, err := tx.CreateBucketIfNotExists([]byte(b.name))
		if err != nil {
			return err
		}
		return fn(bb)
	})
}
