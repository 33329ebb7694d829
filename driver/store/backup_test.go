package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// fillAll writes bookings, a pending sign-in and tokens, each twice, so that
// unused pages hold old values.
func fillAll(t *testing.T, s *Store, key *[32]byte) {
	t.Helper()
	for _, n := range []string{"first ", "second "} {
		put(t, s.Bucket("bookings"), "boardroom", n+"booking")
		put(t, s.Bucket("sign-ins"), "state", n+secret)
		put(t, s.Sealed("tokens", key), "rooms", n+secret)
	}
}

// restoreAt restores a backup at an instant.
func restoreAt(backup, path string, now time.Time) (replaced string, err error) {
	return Restore(backup, path, []string{"tokens"}, Options{Now: func() time.Time { return now }, LockTimeout: time.Millisecond})
}

func TestBackup(t *testing.T) {
	for _, test := range []struct {
		name    string
		key     *[32]byte
		omitted []string
	}{
		{"in clear", nil, []string{"sign-ins", "tokens"}},
		{"sealed", oneKey, []string{"sign-ins"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, newPath(t))
			fillAll(t, s, test.key)
			file := filepath.Join(t.TempDir(), "backup.db")
			omitted, err := s.Backup(file, "bookings")
			if err != nil || !slices.Equal(omitted, test.omitted) {
				t.Fatalf("Backup = %q, %v; want %q omitted", omitted, err, test.omitted)
			}
			content, err := os.ReadFile(file)
			if err != nil || bytes.Contains(content, []byte(secret)) {
				t.Errorf("the backup contains the secret (%v)", err)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the backup's mode is %v, %v", info.Mode(), err)
			}
			if err := Check(file); err != nil {
				t.Error(err)
			}
			put(t, s.Bucket("bookings"), "boardroom", "third booking") // after the backup
			wantRestored(t, file, test.key)
		})
	}
}

// wantRestored restores a backup of fillAll on another machine.
func wantRestored(t *testing.T, file string, key *[32]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state", "roomgate.db")
	if replaced, err := restoreAt(file, path, noon); err != nil || replaced != "" {
		t.Fatalf("Restore = %q, %v", replaced, err)
	}
	s := open(t, path)
	want(t, s.Bucket("bookings"), "boardroom", "second booking")
	if key == nil {
		wantErr(t, s.Mirrored("tokens"), "rooms", ErrNotFound)
		return
	}
	wantErr(t, s.Sealed("tokens", nil), "rooms", ErrSealed)
	want(t, s.Sealed("tokens", key), "rooms", "second "+secret)
}

func TestBackupDoesNotOverwrite(t *testing.T) {
	s := open(t, newPath(t))
	file := filepath.Join(t.TempDir(), "backup.db")
	write(t, file, []byte("precious"))
	_, err := s.Backup(file)
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("Backup = %v, want fs.ErrExist", err)
	}
	if content, err := os.ReadFile(file); string(content) != "precious" {
		t.Errorf("the file holds %q (%v)", content, err)
	}
	if _, err := s.Backup(filepath.Join(t.TempDir(), "none", "backup.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Backup into a missing folder = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) != 1 {
		t.Errorf("a failed backup left %q", left)
	}
}

func TestBackupOmitsDamagedValues(t *testing.T) {
	s := open(t, newPath(t))
	fillAll(t, s, nil)
	if err := s.Bucket("bookings").update(func(b *bolt.Bucket) error { return b.Put([]byte("atrium"), []byte("garbage")) }); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.db")
	omitted, err := s.Backup(file, "bookings")
	if err != nil || !slices.Contains(omitted, "bookings") {
		t.Errorf("Backup = %q, %v; want bookings named", omitted, err)
	}
	wantRestored(t, file, nil)
}

func TestRestoreKeepsTheReplacedDatabase(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	fillAll(t, s, nil)
	file := filepath.Join(t.TempDir(), "backup.db")
	if _, err := s.Backup(file, "bookings"); err != nil {
		t.Fatal(err)
	}
	put(t, s.Bucket("bookings"), "boardroom", "third booking")
	if _, err := restoreAt(file, path, noon); !errors.Is(err, ErrLocked) {
		t.Errorf("Restore under a running gateway = %v, want ErrLocked", err)
	} else {
		wantAction(t, err, "systemctl stop roomgate")
	}
	if err := errors.Join(s.Close(), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}

	replaced, err := restoreAt(file, path, noon)
	if wanted := path + ".replaced-20261103T120000.000Z"; err != nil || replaced != wanted {
		t.Fatalf("Restore = %q, %v; want %s", replaced, err, wanted)
	}
	if err := checkPrivate(path, replaced); err != nil {
		t.Error(err)
	}
	s = open(t, path)
	want(t, s.Bucket("bookings"), "boardroom", "second booking")
	want(t, s.Mirrored("tokens"), "rooms", "second "+secret) // from its second copy
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := restoreAt(replaced, path, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, path).Bucket("bookings"), "boardroom", "third booking")
}

// A backup that is restored leaves the newest sign-in, whichever copies of it are
// left. A clock that stands still does not matter where the numbers continue.
func TestRestoreKeepsTheNewest(t *testing.T) {
	later := noon.Add(time.Hour)
	for name, test := range map[string]struct {
		after func(t *testing.T, path string) // what happens between the backup and its restore
		want  string                          // empty: nothing is stored
	}{
		"newer in both copies": {func(t *testing.T, path string) { signIn(t, path, noon, "newer") }, "newer"},
		"newer in the database only": {func(t *testing.T, path string) {
			signIn(t, path, noon, "newer")
			remove(t, tokenFile(path))
		}, "newer"},
		"newer in the file only": {func(t *testing.T, path string) {
			signIn(t, path, noon, "newer")
			write(t, path, make([]byte, 64<<10))
		}, "newer"},
		"older in the file": {func(t *testing.T, path string) {
			s := open(t, path)
			replaceFile(t, s.Mirrored("tokens"), 1, "older")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			remove(t, path)
		}, "of the backup"},
		"signed out": {func(t *testing.T, path string) { signOut(t, path) }, ""},
		"signed out and in again": {func(t *testing.T, path string) {
			signOut(t, path)
			signIn(t, path, noon, "newer")
		}, "newer"},
		"everything lost, then signed in": {func(t *testing.T, path string) {
			removeAll(t, path)
			signIn(t, path, later, "newer")
		}, "newer"},
		"everything lost": {removeAll, "of the backup"},
		"nothing":         {func(*testing.T, string) {}, "of the backup"},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			signIn(t, path, noon, "first", "second", "of the backup")
			s := open(t, path)
			backup := filepath.Join(t.TempDir(), "backup.db")
			if _, err := s.Backup(backup, "tokens"); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			test.after(t, path)
			if _, err := restoreAt(backup, path, later); err != nil {
				t.Fatal(err)
			}
			for range 2 { // also after the copies were repaired
				s = open(t, path)
				if test.want == "" {
					wantErr(t, s.Mirrored("tokens"), "rooms", ErrNotFound)
				} else {
					want(t, s.Mirrored("tokens"), "rooms", test.want)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func tokenFile(path string) string { return filepath.Join(filepath.Dir(path), "tokens", "rooms") }

// signIn stores tokens, the last ones to stay, while the clock shows an instant.
func signIn(t *testing.T, path string, at time.Time, tokens ...string) {
	t.Helper()
	s, err := Open(path, Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		put(t, s.Mirrored("tokens"), "rooms", token)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func signOut(t *testing.T, path string) {
	t.Helper()
	s := open(t, path)
	if err := errors.Join(s.Mirrored("tokens").Delete("rooms"), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreRefusesBadBackups(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	put(t, s.Bucket("bookings"), "boardroom", "one")
	good, newer, garbage := filepath.Join(t.TempDir(), "good"), filepath.Join(t.TempDir(), "newer"), filepath.Join(t.TempDir(), "garbage")
	if _, err := s.Backup(good, "bookings"); err != nil {
		t.Fatal(err)
	}
	put(t, &Bucket{s, schemaBucket}, schemaKey, "2")
	if _, err := s.Backup(newer); err != nil {
		t.Fatal(err)
	}
	put(t, &Bucket{s, schemaBucket}, schemaKey, "1")
	write(t, garbage, bytes.Repeat([]byte("garbage"), 5000))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for file, target := range map[string]error{newer: ErrNewer, garbage: ErrDamaged, path + "-none": fs.ErrNotExist} {
		if _, err := restoreAt(file, path, noon); !errors.Is(err, target) {
			t.Errorf("Restore(%s) = %v, want %v", filepath.Base(file), err, target)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a refused backup changed the database (%v)", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("refused backups left %q", left)
	}
}

func TestOpenCompactsASparseFile(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	values := map[string][]byte{}
	var keys []string
	for i := range 200 {
		keys = append(keys, fmt.Sprint("room-", i))
		values[keys[i]] = make([]byte, 12_000)
		if _, err := rand.Read(values[keys[i]]); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s.Mirrored("tokens"), "rooms", secret)
	if err := errors.Join(s.Bucket("bookings").Put(values), s.Bucket("bookings").Delete(keys[1:]...)); err != nil {
		t.Fatal(err)
	}
	put(t, s.Bucket("bookings"), "room-0", "the remaining one")
	large := size(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	small := size(t, path)
	if large < 2<<20 || small >= minCompactSize {
		t.Errorf("the file went from %d to %d bytes", large, small)
	}
	want(t, s.Bucket("bookings"), "room-0", "the remaining one")
	want(t, s.Mirrored("tokens"), "rooms", secret)
	put(t, s.Bucket("bookings"), "room-1", "new")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Check(path); err != nil {
		t.Error(err)
	}
	wantOnly(t, filepath.Dir(path), "roomgate.db", "tokens")
}

func TestOpenDoesNotCompactAFullFile(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	values := map[string][]byte{}
	for i := range 2000 {
		values[fmt.Sprint("room-", i)] = []byte("a small value")
	}
	if err := s.Bucket("bookings").Put(values); err != nil {
		t.Fatal(err)
	}
	before := transaction(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info := size(t, path); info < minCompactSize {
		t.Fatalf("the file has %d bytes only: the test proves nothing", info)
	}
	if after := transaction(t, open(t, path)); after != before {
		t.Errorf("opening went from transaction %d to %d", before, after)
	}
}

func TestSparseFileThatCannotBeCompactedIsUsable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can write to any folder")
	}
	path := newPath(t)
	s := open(t, path)
	put(t, s.Bucket("bookings"), "boardroom", strings.Repeat("x", 2<<20))
	put(t, s.Bucket("bookings"), "boardroom", "one")
	if err := errors.Join(s.Close(), os.Chmod(filepath.Dir(path), 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
	want(t, open(t, path).Bucket("bookings"), "boardroom", "one")
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func wantOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, names) {
		t.Errorf("%s holds %q, want %q", dir, got, names)
	}
}
