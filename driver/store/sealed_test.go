package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

var (
	oneKey     = &[32]byte{1, 2, 3}
	anotherKey = &[32]byte{3, 2, 1}
)

const secret = "0.AXEA-refresh-token"

// wantNowhere fails if any file in the database's folder contains a text.
func wantNowhere(t *testing.T, path, text string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(path), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s contains %q", name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSealedRoundTrip(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	x := s.Sealed("tokens", oneKey)
	wantErr(t, x, "rooms", ErrNotFound)
	put(t, x, "rooms", secret)
	put(t, x, "empty", "")
	want(t, x, "rooms", secret)
	wantNowhere(t, path, secret)
	before := transaction(t, s)
	put(t, x, "rooms", secret)
	if after := transaction(t, s); after != before {
		t.Error("an unchanged value was written again")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	x = open(t, path).Sealed("tokens", oneKey)
	want(t, x, "rooms", secret)
	want(t, x, "empty", "")
	if err := x.Delete("rooms"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, x, "rooms", ErrNotFound)
}

func TestNonceIsRandom(t *testing.T) {
	b := sealer{oneKey}
	first, second := b.seal("tokens", "rooms", []byte(secret)), b.seal("tokens", "rooms", []byte(secret))
	if bytes.Equal(first[sealHeader:], second[sealHeader:]) {
		t.Error("sealing a value twice gave the same bytes: the nonce is not random")
	}
	for _, stored := range [][]byte{first, second} {
		if value, err := b.open("tokens", "rooms", stored); err != nil || string(value) != secret {
			t.Errorf("open = %q, %v", value, err)
		}
	}
}

func TestBothCopiesAreSealed(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, k *Mirrored){
		"database": func(t *testing.T, k *Mirrored) {
			if err := k.bucket.Delete("rooms"); err != nil {
				t.Fatal(err)
			}
		},
		"file": func(t *testing.T, k *Mirrored) { remove(t, k.file("rooms")) },
	} {
		path := newPath(t)
		x := open(t, path).Sealed("tokens", oneKey)
		put(t, x, "rooms", secret)
		lose(t, x.mirrored)
		want(t, x, "rooms", secret)
		if !x.mirrored.read("rooms").inSync() {
			t.Errorf("%s lost: the copy was not rewritten", name)
		}
		wantNowhere(t, path, secret)
	}
}

// With a wrong key the value stays as it is, so that the right one still opens it.
func TestKeyLost(t *testing.T) {
	for name, test := range map[string]struct {
		key  *[32]byte
		text string
	}{
		"another key": {anotherKey, `read "rooms" of bucket "tokens": the value is sealed and the key of store.key_file does not open it`},
		"no key":      {nil, `read "rooms" of bucket "tokens": the value is sealed and store.key_file is not set`},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			put(t, s.Sealed("tokens", oneKey), "rooms", secret)
			stored := s.Mirrored("tokens").read("rooms")

			lost := s.Sealed("tokens", test.key)
			_, err := lost.Get("rooms")
			if !errors.Is(err, ErrSealed) || err.Error() != test.text {
				t.Errorf("Get = %v, want ErrSealed with the text %s", err, test.text)
			}
			wantAction(t, err, "restore the key file")
			if now := s.Mirrored("tokens").read("rooms"); !now.inSync() || !bytes.Equal(now.db.value, stored.db.value) || now.db.sequence != stored.db.sequence {
				t.Error("the value was changed by reading it")
			}
			want(t, s.Sealed("tokens", oneKey), "rooms", secret)

			put(t, lost, "rooms", "new sign-in")
			want(t, lost, "rooms", "new sign-in")
		})
	}
}

func TestKeyAddedLater(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	put(t, s.Mirrored("tokens"), "rooms", secret+" of yesterday")
	put(t, s.Mirrored("tokens"), "rooms", secret)
	put(t, s.Mirrored("tokens"), "café/2", secret)
	put(t, s.Bucket("bookings"), "boardroom", "one")

	x := s.Sealed("tokens", oneKey)
	wantNowhere(t, path, secret) // not even in unused pages
	want(t, x, "rooms", secret)
	want(t, x, "café/2", secret)
	want(t, s.Bucket("bookings"), "boardroom", "one")
	put(t, s.Bucket("bookings"), "boardroom", "two")
	if _, err := Open(path, Options{LockTimeout: 1}); !errors.Is(err, ErrLocked) {
		t.Errorf("the new file is not locked: Open = %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	want(t, s.Sealed("tokens", oneKey), "rooms", secret)
	want(t, s.Bucket("bookings"), "boardroom", "two")
}

// A value whose only good copy is the file is sealed as well.
func TestKeyAddedAfterDamage(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	k := s.Mirrored("tokens")
	put(t, k, "rooms", secret)
	if err := k.bucket.Delete("rooms"); err != nil {
		t.Fatal(err)
	}
	want(t, s.Sealed("tokens", oneKey), "rooms", secret)
	content, err := os.ReadFile(k.file("rooms"))
	if err != nil || bytes.Contains(content, []byte(secret)) {
		t.Errorf("the second copy is in clear (%v)", err)
	}
}

func TestReplacedValueInClearIsWiped(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	x := s.Sealed("tokens", oneKey)
	put(t, s.Mirrored("tokens"), "rooms", secret) // by a user of the bucket without the key
	put(t, x, "rooms", "the next one")
	wantNowhere(t, path, secret)
	want(t, x, "rooms", "the next one")
}

func TestKeyRemoved(t *testing.T) {
	s := open(t, newPath(t))
	put(t, s.Sealed("tokens", nil), "rooms", "in clear")
	want(t, s.Mirrored("tokens"), "rooms", "in clear")
	want(t, s.Sealed("tokens", nil), "rooms", "in clear")
}

func TestValueOfAnotherKeyDoesNotOpen(t *testing.T) {
	b := sealer{oneKey}
	stored := b.seal("tokens", "rooms", []byte(secret))
	for _, at := range [][2]string{{"tokens", "other"}, {"other", "rooms"}} {
		if _, err := b.open(at[0], at[1], stored); !errors.Is(err, ErrSealed) {
			t.Errorf("open at %v: %v, want ErrSealed", at, err)
		}
	}
	for i := sealHeader; i < len(stored); i++ {
		broken := bytes.Clone(stored)
		broken[i] ^= 0x10
		if _, err := b.open("tokens", "rooms", broken); !errors.Is(err, ErrSealed) {
			t.Errorf("a flipped bit in byte %d went unnoticed", i)
		}
	}
	for _, foreign := range [][]byte{stored[:sealHeader-1], stored[:sealHeader+5], append([]byte(sealMark+"\x02"), stored[sealHeader:]...)} {
		if _, err := b.open("tokens", "rooms", foreign); !errors.Is(err, ErrNewer) {
			t.Errorf("open of an unknown form: %v, want ErrNewer", err)
		}
	}
}

// If the copy in the database is damaged, the sealed second copy is enough.
func TestSealedWithoutDatabase(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	x := s.Sealed("tokens", oneKey)
	put(t, x, "rooms", secret)
	if err := x.mirrored.bucket.update(func(b *bolt.Bucket) error { return b.Put([]byte("rooms"), []byte("garbage")) }); err != nil {
		t.Fatal(err)
	}
	want(t, x, "rooms", secret)
}
