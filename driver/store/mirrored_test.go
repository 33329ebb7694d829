package store

import (
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
		{"file older", func(t *testing.T, k *Mirrored) {
			write(t, k.file("rooms"), encodeEntry("tokens", "rooms", entry{1, []byte("first")}))
		}, "second"},
		{"file newer", func(t *testing.T, k *Mirrored) {
			write(t, k.file("rooms"), encodeEntry("tokens", "rooms", entry{3, []byte("third")}))
		}, "third"},
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

func TestDeleteRemovesBothCopies(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	put(t, s.Mirrored("tokens"), "rooms", "first")
	if err := s.Mirrored("tokens").Delete("rooms", "missing"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, open(t, path).Mirrored("tokens"), "rooms", ErrNotFound)
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
