package store

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"

	"golang.org/x/crypto/nacl/secretbox"
)

// Sealed is a [Kept] bucket whose values are unreadable without a key, in the
// database and in the second copy alike. It protects copied files and backups;
// it does not protect a stolen disk that holds the key as well.
type Sealed struct {
	kept *Kept
	box  box
}

// Sealed returns the kept bucket with a name, its values sealed with the key.
// What is found in clear is sealed at once, and the bytes in clear leave the
// database file; databases that were set aside before stay as they are. With a
// nil key values are stored in clear, and what was sealed
// stays as it is and cannot be read.
func (s *Store) Sealed(name string, key *[32]byte) *Sealed {
	x := &Sealed{s.Kept(name), box{key}}
	if key == nil {
		return x
	}
	if err := x.kept.sealAll(x.box); err != nil {
		s.log.Warn("values stored in clear could not be sealed; the next start tries again", "bucket", name, "error", err)
	}
	return x
}

// Get returns the value of key as [Kept.Get] does. The error matches ErrSealed
// for a value that the key does not open, and carries the next step for a
// person; such a value is left as it is.
func (x *Sealed) Get(key string) ([]byte, error) {
	stored, err := x.kept.Get(key)
	if err != nil {
		return nil, err
	}
	value, err := x.box.open(x.kept.bucket.name, key, stored)
	if err != nil {
		return nil, x.kept.bucket.failed("read", key, err)
	}
	return value, nil
}

// Put stores values as [Kept.Put] does. A value that the key does not open is
// replaced.
func (x *Sealed) Put(values map[string][]byte) error { return x.kept.putIn(x.box, values) }

// Delete removes keys as [Kept.Delete] does.
func (x *Sealed) Delete(keys ...string) error { return x.kept.Delete(keys...) }

// A sealed value is
//
//	bytes 0-8   "\x00sealed\x00" and the version of this form, 1
//	bytes 9-32  nonce, random
//	bytes 33-   NaCl secretbox (nacl.cr.yp.to/secretbox.html) of bucket, a zero byte, key, a zero byte and the value
//
// Bucket and key stand inside, so that a value moved to another key does not
// open. No value in clear may begin with the first eight bytes.
const (
	sealMark    = "\x00sealed\x00"
	sealVersion = 1
	nonceSize   = 24
	sealHeader  = len(sealMark) + 1
)

// isSealed tells whether a stored value is sealed, with whatever key.
func isSealed(stored []byte) bool { return bytes.HasPrefix(stored, []byte(sealMark)) }

// box seals and opens values; without a key it leaves them as they are.
type box struct{ key *[32]byte }

func (b box) seal(bucket, key string, value []byte) []byte {
	if b.key == nil {
		return value
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails, by its documentation
	out := slices.Concat([]byte(sealMark), []byte{sealVersion}, nonce[:])
	return secretbox.Seal(out, slices.Concat(place(bucket, key), value), &nonce, b.key)
}

// open returns what is in a stored value. One in clear is returned as it is.
func (b box) open(bucket, key string, stored []byte) ([]byte, error) {
	switch {
	case !isSealed(stored):
		return stored, nil
	case b.key == nil:
		return nil, errNoKey
	case len(stored) < sealHeader+nonceSize || stored[sealHeader-1] != sealVersion:
		return nil, fmt.Errorf("%w: it is sealed in a form this one does not know", ErrNewer)
	}
	sealed := stored[sealHeader:]
	plain, ok := secretbox.Open(nil, sealed[nonceSize:], (*[nonceSize]byte)(sealed), b.key)
	value, here := bytes.CutPrefix(plain, place(bucket, key))
	if !ok || !here {
		return nil, errOtherKey
	}
	return value, nil
}

// holds tells whether stored is what seal would make of value, but for chance.
func (b box) holds(bucket, key string, stored, value []byte) bool {
	if isSealed(stored) != (b.key != nil) {
		return false
	}
	got, err := b.open(bucket, key, stored)
	return err == nil && bytes.Equal(got, value)
}

func place(bucket, key string) []byte { return []byte(bucket + "\x00" + key + "\x00") }

var (
	errNoKey    = sealError{"no key is given in store.key_file"}
	errOtherKey = sealError{"the key of store.key_file does not open it"}
)

// sealError is an ErrSealed with its reason.
type sealError struct{ why string }

// Error implements error.
func (e sealError) Error() string { return ErrSealed.Error() + " and " + e.why }

// Is makes it an ErrSealed.
func (e sealError) Is(target error) bool { return target == ErrSealed }

// Action returns the next step for a person.
func (e sealError) Action() string {
	return "bring back the key file that store.key_file named when this was written, or sign in again"
}

// NeedsPerson reports true: a key does not come back by itself.
func (e sealError) NeedsPerson() bool { return true }
