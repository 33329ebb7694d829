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

// wantNowhere fails when a text stands in any file of the database's folder.
func wantNowhere(t *testing.T, path, text string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(path), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(text)) {
			t.Errorf("%s holds %q", name, text)
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

func TestEachSealingDiffers(t *testing.T) {
	b := box{oneKey}
	first, second := b.seal("tokens", "rooms", []byte(secret)), b.seal("tokens", "rooms", []byte(secret))
	if bytes.Equal(first[sealHeader:], second[sealHeader:]) {
		t.Error("two sealings of one value are alike: the nonce is not random")
	}
	for _, stored := range [][]byte{first, second} {
		if value, err := b.open("tokens", "rooms", stored); err != nil || string(value) != secret {
			t.Errorf("open = %q, %v", value, err)
		}
	}
}

func TestBothCopiesAreSealed(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, k *Kept){
		"database": func(t *testing.T, k *Kept) {
			if err := k.bucket.Delete("rooms"); err != nil {
				t.Fatal(err)
			}
		},
		"file": func(t *testing.T, k *Kept) { remove(t, k.file("rooms")) },
	} {
		path := newPath(t)
		x := open(t, path).Sealed("tokens", oneKey)
		put(t, x, "rooms", secret)
		lose(t, x.kept)
		want(t, x, "rooms", secret)
		if !x.kept.read("rooms").same() {
			t.Errorf("%s lost: it was not healed", name)
		}
		wantNowhere(t, path, secret)
	}
}

// A key that does not fit costs nothing: the value waits for the right one.
func TestKeyLost(t *testing.T) {
	for name, test := range map[string]struct {
		key   *[32]byte
		words string
	}{
		"another key": {anotherKey, `read "rooms" of bucket "tokens": it is sealed and the key of store.key_file does not open it`},
		"no key":      {nil, `read "rooms" of bucket "tokens": it is sealed and no key is given in store.key_file`},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			put(t, s.Sealed("tokens", oneKey), "rooms", secret)
			stored := s.Kept("tokens").read("rooms")

			lost := s.Sealed("tokens", test.key)
			_, err := lost.Get("rooms")
			if !errors.Is(err, ErrSealed) || err.Error() != test.words {
				t.Errorf("Get = %v, want ErrSealed and the words %s", err, test.words)
			}
			wantAdvice(t, err, "bring back the key file")
			if now := s.Kept("tokens").read("rooms"); !now.same() || !bytes.Equal(now.base.value, stored.base.value) || now.base.sequence != stored.base.sequence {
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
	put(t, s.Kept("tokens"), "rooms", secret+" of yesterday")
	put(t, s.Kept("tokens"), "rooms", secret)
	put(t, s.Kept("tokens"), "café/2", secret)
	put(t, s.Bucket("bookings"), "boardroom", "one")

	x := s.Sealed("tokens", oneKey)
	wantNowhere(t, path, secret) // in no unused page either
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

// What is known only from its second copy is sealed as well.
func TestKeyAddedAfterDamage(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	k := s.Kept("tokens")
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

func TestValueInClearPutUnderAKeyIsWiped(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	x := s.Sealed("tokens", oneKey)
	put(t, s.Kept("tokens"), "rooms", secret) // by a part that has no key yet
	put(t, x, "rooms", "the next one")
	wantNowhere(t, path, secret)
	want(t, x, "rooms", "the next one")
}

func TestKeyRemoved(t *testing.T) {
	s := open(t, newPath(t))
	put(t, s.Sealed("tokens", nil), "rooms", "in clear")
	want(t, s.Kept("tokens"), "rooms", "in clear")
	want(t, s.Sealed("tokens", nil), "rooms", "in clear")
}

func TestAMovedValueDoesNotOpen(t *testing.T) {
	b := box{oneKey}
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

// A database that fails leaves the second copy: sealed, and enough.
func TestSealedWithoutDatabase(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	x := s.Sealed("tokens", oneKey)
	put(t, x, "rooms", secret)
	if err := x.kept.bucket.update(func(b *bolt.Bucket) error { return b.Put([]byte("rooms"), []byte("rubbish")) }); err != nil {
		t.Fatal(err)
	}
	want(t, x, "rooms", secret)
}
