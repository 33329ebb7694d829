package store

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"

	"golang.org/x/crypto/nacl/secretbox"
)

// Sealed is a [Mirrored] bucket whose values are encrypted, in the database and
// in the second copy alike. It protects copied files and backups; it does not
// protect a stolen disk that also holds the key.
type Sealed struct {
	mirrored *Mirrored
	sealer   sealer
}

// Sealed returns the mirrored bucket with a name, its values sealed with the
// key. Values that are stored in clear are sealed at once and wiped from the
// database file; earlier damaged or replaced databases are not changed. With a
// nil key values are stored in clear, and sealed values stay as they are and
// cannot be read.
func (s *Store) Sealed(name string, key *[32]byte) *Sealed {
	x := &Sealed{s.Mirrored(name), sealer{key}}
	if key == nil {
		return x
	}
	if err := x.mirrored.sealAll(x.sealer); err != nil {
		s.log.Warn("values stored in clear could not be sealed; the next start tries again", "bucket", name, "error", err)
	}
	return x
}

// Get returns the value of key as [Mirrored.Get] does. For a value that the key
// does not open the error matches ErrSealed and carries the next step for the
// user; the value is not changed.
func (x *Sealed) Get(key string) ([]byte, error) {
	stored, err := x.mirrored.Get(key)
	if err != nil {
		return nil, err
	}
	value, err := x.sealer.open(x.mirrored.bucket.name, key, stored)
	if err != nil {
		return nil, x.mirrored.bucket.wrapError("read", key, err)
	}
	return value, nil
}

// Put stores values as [Mirrored.Put] does. A value that the key does not open
// is replaced.
func (x *Sealed) Put(values map[string][]byte) error { return x.mirrored.putSealed(x.sealer, values) }

// Delete removes keys as [Mirrored.Delete] does.
func (x *Sealed) Delete(keys ...string) error { return x.mirrored.Delete(keys...) }

// A sealed value is
//
//	bytes 0-8   "\x00sealed\x00" and the version of this form, 1
//	bytes 9-32  nonce, random
//	bytes 33-   NaCl secretbox (nacl.cr.yp.to/secretbox.html) of bucket, a zero byte, key, a zero byte and the value
//
// Bucket and key are part of the plaintext, so that a value stored under
// another key does not open. No value in clear may begin with the first eight
// bytes.
const (
	sealMark    = "\x00sealed\x00"
	sealVersion = 1
	nonceSize   = 24
	sealHeader  = len(sealMark) + 1
)

// isSealed reports whether a stored value is sealed, with whatever key.
func isSealed(stored []byte) bool { return bytes.HasPrefix(stored, []byte(sealMark)) }

// sealer seals and opens values; without a key it leaves them in clear.
type sealer struct{ key *[32]byte }

func (s sealer) seal(bucket, key string, value []byte) []byte {
	if s.key == nil {
		return value
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // documented never to fail
	out := slices.Concat([]byte(sealMark), []byte{sealVersion}, nonce[:])
	return secretbox.Seal(out, slices.Concat(location(bucket, key), value), &nonce, s.key)
}

// open returns the value in clear; a value that is not sealed is returned as it
// is.
func (s sealer) open(bucket, key string, stored []byte) ([]byte, error) {
	switch {
	case !isSealed(stored):
		return stored, nil
	case s.key == nil:
		return nil, errNoKey
	case len(stored) < sealHeader+nonceSize || stored[sealHeader-1] != sealVersion:
		return nil, fmt.Errorf("%w: the form of the sealed value is unknown", ErrNewer)
	}
	sealed := stored[sealHeader:]
	plain, ok := secretbox.Open(nil, sealed[nonceSize:], (*[nonceSize]byte)(sealed), s.key)
	value, inPlace := bytes.CutPrefix(plain, location(bucket, key))
	if !ok || !inPlace {
		return nil, errOtherKey
	}
	return value, nil
}

// equal reports whether stored is the stored form of value under this key.
func (s sealer) equal(bucket, key string, stored, value []byte) bool {
	if isSealed(stored) != (s.key != nil) {
		return false
	}
	got, err := s.open(bucket, key, stored)
	return err == nil && bytes.Equal(got, value)
}

// location binds a sealed value to its bucket and key.
func location(bucket, key string) []byte { return []byte(bucket + "\x00" + key + "\x00") }

var (
	errNoKey    = sealError{"store.key_file is not set"}
	errOtherKey = sealError{"the key of store.key_file does not open it"}
)

// sealError is an ErrSealed with its reason.
type sealError struct{ reason string }

// Error implements error.
func (e sealError) Error() string { return ErrSealed.Error() + " and " + e.reason }

// Is makes it match ErrSealed.
func (e sealError) Is(target error) bool { return target == ErrSealed }

// Action returns the next step for the user.
func (e sealError) Action() string {
	return "restore the key file with which the value was sealed, or sign in again"
}

// NeedsPerson returns true: the key has to be restored.
func (e sealError) NeedsPerson() bool { return true }
