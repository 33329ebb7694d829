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

// Bucket returns the bucket with a name; it comes to be with its first value.
func (s *Store) Bucket(name string) *Bucket { return &Bucket{s, name} }

// Get returns the value of key. Errors match ErrNotFound or ErrDamaged.
func (b *Bucket) Get(key string) ([]byte, error) {
	s, err := b.get(key)
	if err != nil {
		return nil, b.failed("read", key, err)
	}
	return s.value, nil
}

// Put stores values in one durable step: all or none. Values that are there
// already are not written, and when nothing changed nothing is.
func (b *Bucket) Put(values map[string][]byte) error { return b.Change(values) }

// Delete removes keys in one durable step; keys without a value are fine.
func (b *Bucket) Delete(keys ...string) error { return b.Change(nil, keys...) }

// Change stores values and removes keys, as Put and Delete do, in one durable
// step.
func (b *Bucket) Change(values map[string][]byte, gone ...string) error {
	changed := make(map[string]entry)
	for key, value := range values {
		old, err := b.get(key)
		if err == nil && bytes.Equal(old.value, value) {
			continue
		}
		// A damaged value counts as none: this is what replaces it.
		changed[key] = entry{old.sequence + 1, value}
	}
	var present []string
	for _, key := range gone {
		if _, err := b.get(key); !errors.Is(err, ErrNotFound) {
			present = append(present, key)
		}
	}
	if err := b.write(changed, present); err != nil {
		return fmt.Errorf("write to the database, bucket %q: %w", b.name, err)
	}
	return nil
}

// Keys returns the keys that have a value, damaged or not, in their order.
func (b *Bucket) Keys() (keys []string, err error) {
	err = b.view(func(bb *bolt.Bucket) error {
		return bb.ForEach(func(key, _ []byte) error {
			keys = append(keys, string(key))
			return nil
		})
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("read the database, bucket %q: %w", b.name, err)
	}
	return keys, nil
}

// Each calls fn with every key and a copy of its value, in the order of the
// keys, as they were when Each began; fn may use the store. It ends with fn's
// first error. Damaged values are left out; the error then matches ErrDamaged.
func (b *Bucket) Each(fn func(key string, value []byte) error) error {
	type row struct {
		key   string
		value []byte
	}
	var rows []row
	var damage error
	err := b.view(func(bb *bolt.Bucket) error {
		return bb.ForEach(func(key, stored []byte) error {
			s, err := unwrap(b.name, string(key), stored)
			if err != nil {
				damage = b.failed("read", string(key), err)
				return nil
			}
			rows = append(rows, row{string(key), s.value})
			return nil
		})
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read the database, bucket %q: %w", b.name, err)
	}
	for _, r := range rows {
		if err := fn(r.key, r.value); err != nil {
			return err
		}
	}
	return damage
}

func (b *Bucket) failed(verb, key string, err error) error {
	return fmt.Errorf("%s %q of bucket %q: %w", verb, key, b.name, err)
}

func (b *Bucket) get(key string) (s entry, err error) {
	err = b.view(func(bb *bolt.Bucket) error {
		stored := bb.Get([]byte(key))
		if stored == nil {
			return ErrNotFound
		}
		s, err = unwrap(b.name, key, stored)
		return err
	})
	return s, err
}

// write stores values with the sequence numbers they carry, and removes keys.
func (b *Bucket) write(values map[string]entry, gone []string) error {
	if len(values)+len(gone) == 0 {
		return nil // an empty transaction would cost four page writes
	}
	return b.update(func(bb *bolt.Bucket) error {
		for key, s := range values {
			if err := bb.Put([]byte(key), wrap(b.name, key, s)); err != nil {
				return err
			}
		}
		for _, key := range gone {
			if err := bb.Delete([]byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// view runs fn on the bucket; ErrNotFound while it does not exist.
func (b *Bucket) view(fn func(*bolt.Bucket) error) (err error) {
	defer rescue(&err)
	b.store.exchange.RLock()
	defer b.store.exchange.RUnlock()
	return b.store.db.View(func(tx *bolt.Tx) error {
		bb := tx.Bucket([]byte(b.name))
		if bb == nil {
			return ErrNotFound
		}
		return fn(bb)
	})
}

func (b *Bucket) update(fn func(*bolt.Bucket) error) (err error) {
	defer rescue(&err)
	b.store.exchange.RLock()
	defer b.store.exchange.RUnlock()
	return b.store.db.Update(func(tx *bolt.Tx) error {
		bb, err := tx.CreateBucketIfNotExists([]byte(b.name))
		if err != nil {
			return err
		}
		return fn(bb)
	})
}
