package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func TestGetRepairsTheOtherCopy(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, k *Mirrored)
		want   string
	}{
		{"file missing", func(t *testing.T, k *Mirrored) { remove(t, k.file("rooms")) }, "second"},
		{"file empty", func(t *testing.T, k *Mirrored) { write(t, k.file("rooms"), nil) }, "second"},
		{"file garbage", func(t *testing.T, k *Mirrored) { write(t, k.file("rooms"), []byte("garbage, and not short either")) }, "second"},
		{"file older", func(t *testing.T, k *Mirrored) { replaceFile(t, k, 1, "first") }, "second"},
		{"file newer", func(t *testing.T, k *Mirrored) { replaceFile(t, k, k.read("rooms").db.sequence+1, "third") }, "third"},
		{"database missing", func(t *testing.T, k *Mirrored) {
			if err := k.bucket.Delete("rooms"); err != nil {
				t.Fatal(err)
			}
		}, "second"},
		{"database damaged", func(t *testing.T, k *Mirrored) {
			if err := k.bucket.update(func(b *bolt.Bucket) error { return b.Put([]byte("rooms"), []byte("garbage")) }); err != nil {
				t.Fatal(err)
			}
		}, "second"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := open(t, newPath(t)).Mirrored("tokens")
			put(t, k, "rooms", "first")
			put(t, k, "rooms", "second")
			test.damage(t, k)
			if k.read("rooms").inSync() {
				t.Fatal("the copies are still in sync: the test damaged nothing")
			}
			want(t, k, "rooms", test.want)
			if c := k.read("rooms"); !c.inSync() || string(c.db.value) != test.want {
				t.Errorf("after Get the copies are %q (%v) and %q (%v)", c.db.value, c.dbErr, c.file.value, c.fileErr)
			}
			put(t, k, "rooms", "next")
			want(t, k, "rooms", "next")
		})
	}
}

func TestBothCopiesDamaged(t *testing.T) {
	k := open(t, newPath(t)).Mirrored("tokens")
	wantErr(t, k, "rooms", ErrNotFound)
	put(t, k, "rooms", "first")
	write(t, k.file("rooms"), []byte("garbage"))
	if err := k.bucket.Delete("rooms"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, k, "rooms", ErrDamaged)
	put(t, k, "rooms", "second")
	want(t, k, "rooms", "second")
}

// Of a deleted value nothing is left but its sequence number.
func TestDeleteRemovesBothCopies(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	k := s.Mirrored("tokens")
	put(t, k, "rooms", secret)
	last := k.read("rooms").db.sequence
	if err := k.Delete("rooms", "missing"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, k, "rooms", ErrNotFound)
	wantErr(t, k, "rooms", fs.ErrNotExist)
	if content, err := os.ReadFile(k.file("rooms")); err != nil || bytes.Contains(content, []byte(secret)) {
		t.Errorf("the second copy still holds the value (%v)", err)
	}
	if _, err := os.Stat(k.file("missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleting what is not there made a file: %v", err)
	}
	before := transaction(t, s)
	if err := k.Delete("rooms"); err != nil || transaction(t, s) != before {
		t.Errorf("deleting twice wrote something (%v)", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	k = open(t, path).Mirrored("tokens")
	wantErr(t, k, "rooms", ErrNotFound)
	put(t, k, "rooms", "the next one")
	if c := k.read("rooms"); c.db.sequence <= last || !c.inSync() {
		t.Errorf("the next value has the sequence numbers %d and %d after %d", c.db.sequence, c.file.sequence, last)
	}
}

func TestOneWritableCopyIsEnough(t *testing.T) {
	s := open(t, newPath(t))
	k := s.Mirrored("tokens")
	write(t, k.dir, []byte("a file where the folder should be"))
	put(t, k, "rooms", "in the database only")
	want(t, k, "rooms", "in the database only")

	remove(t, k.dir)
	put(t, k, "rooms", "in both")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, k, "rooms", "in the file only")
	want(t, k, "rooms", "in the file only")

	remove(t, k.file("rooms"))
	remove(t, k.dir)
	write(t, k.dir, []byte("in the way again"))
	if err := k.Put(map[string][]byte{"rooms": []byte("nowhere")}); err == nil {
		t.Error("Put returned nil although neither copy could be written")
	}
}

func TestFileNames(t *testing.T) {
	for key, name := range map[string]string{
		"rooms":     "rooms",
		"../../etc": "%2E.%2F..%2Fetc",
		".":         "%2E",
		"a b/c":     "a%20b%2Fc",
		".new-1":    "%2Enew-1",
	} {
		if got := fileName(key); got != name {
			t.Errorf("fileName(%q) = %q, want %q", key, got, name)
		}
	}
}

func TestTemporaryFilesAreRemoved(t *testing.T) {
	path := newPath(t)
	dir := filepath.Dir(path)
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{filepath.Join(dir, temporaryPrefix+"1"), filepath.Join(dir, "tokens", temporaryPrefix+"2")} {
		write(t, left, []byte("half"))
	}
	open(t, path).Mirrored("tokens")
	wantOnly(t, dir, "roomgate.db", "tokens")
	wantOnly(t, filepath.Join(dir, "tokens"))
}

func TestFilesOfRootInheritTheOwnerOfTheFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const owner = 4711
	path := newPath(t)
	dir := filepath.Dir(path)
	if err := os.Chown(dir, owner, owner); err != nil {
		t.Fatal(err)
	}
	k := open(t, path).Mirrored("tokens")
	put(t, k, "rooms", "token")
	for _, p := range []string{path, k.dir, k.file("rooms")} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != owner {
			t.Errorf("%s belongs to %d, want %d", p, got, owner)
		}
	}
}

// replaceFile makes the second copy another one.
func replaceFile(t *testing.T, k *Mirrored, sequence uint64, value string) {
	t.Helper()
	remove(t, k.file("rooms"))
	if err := writeSlots(k.file("rooms"), "tokens", "rooms", entry{sequence: sequence, value: []byte(value)}); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
