package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	berrors "go.etcd.io/bbolt/errors"
)

// ownDisk mounts an empty file system in memory of a size in bytes, and returns a
// folder on it. Without the right to mount the test is skipped.
func ownDisk(t *testing.T, size int) string {
	t.Helper()
	mount := t.TempDir()
	err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size))
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("this user may not mount a file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(mount, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// remount makes the file system of a folder read-only, or writable again.
func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", filepath.Dir(dir), "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

// fillDisk uses up the space of a disk, and returns the file that does.
func fillDisk(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(dir), "others")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{64 << 10, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// openLogged opens a database, with its log.
func openLogged(t *testing.T, path string) (*Store, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := Open(path, Options{Check: ChildCheck(damagedCode, checkInChild), Now: func() time.Time { return noon },
		Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, &log
}

func wantTrouble(t *testing.T, s *Store, words string) {
	t.Helper()
	err := s.Trouble()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("Trouble = %v, want %q in it", err, words)
		return
	}
	var a interface{ Action() string }
	if !errors.As(err, &a) || !strings.Contains(a.Action(), "not full and mounted read-write") {
		t.Errorf("%v has no next step", err)
	}
}

func wantNoTrouble(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Trouble(); err != nil {
		t.Errorf("Trouble = %v, want none", err)
	}
}

// On a full disk the database refuses what it cannot keep, and goes on when there is
// space again. A token is stored all the same, in the space of its second copy.
func TestFullDisk(t *testing.T) {
	dir := ownDisk(t, 1<<20)
	path := filepath.Join(dir, "roomgate.db")
	s, log := openLogged(t, path)
	b, k := s.Bucket("bookings"), s.Mirrored("tokens")
	put(t, b, "boardroom", "before")
	put(t, k, "rooms", "first token")
	others := fillDisk(t, dir)
	large := map[string][]byte{"boardroom": bytes.Repeat([]byte("0123456789abcdef"), 40_000)}
	for i := range large["boardroom"] {
		large["boardroom"][i] ^= byte(i * i >> 7) // so that it is not deflated
	}
	for range 3 {
		if err := b.Put(large); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("Put on a full disk = %v", err)
		}
	}
	want(t, b, "boardroom", "before")
	wantTrouble(t, s, "the database "+path+" cannot be written: ")
	for n := range 20 {
		put(t, k, "rooms", fmt.Sprint("token ", n))
	}
	if e, err := k.readFile("rooms"); err != nil || string(e.value) != "token 19" {
		t.Errorf("the second copy is %q, %v", e.value, err)
	}
	s.Tend()
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors are logged, want one:\n%s", n, log)
	}
	remove(t, others)
	s.Tend()
	wantNoTrouble(t, s)
	put(t, b, "boardroom", "after")
	want(t, k, "rooms", "token 19")
	if !k.read("rooms").inSync() {
		t.Error("the copy in the database was not rewritten")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, path).Bucket("bookings"), "boardroom", "after")
}

// A disk that is read-only at the start is read, and written once it can be.
func TestReadOnlyDisk(t *testing.T) {
	dir := ownDisk(t, 4<<20)
	path := filepath.Join(dir, "roomgate.db")
	fill(t, path)
	remount(t, dir, syscall.MS_RDONLY)
	s, log := openLogged(t, path)
	b, k := s.Bucket("bookings"), s.Mirrored("tokens")
	want(t, b, "boardroom", "a precious value")
	want(t, k, "rooms", "refresh token")
	for range 3 {
		err := errors.Join(b.Put(map[string][]byte{"boardroom": []byte("new")}), k.Put(map[string][]byte{"rooms": []byte("new")}))
		if !errors.Is(err, syscall.EROFS) {
			t.Fatalf("Put on a read-only disk = %v", err)
		}
		s.Tend()
	}
	want(t, k, "rooms", "refresh token")
	wantTrouble(t, s, "the database "+path+" cannot be written: open "+path+": read-only file system; the second copies in "+filepath.Join(dir, "tokens")+" cannot be written: read-only file system")
	if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
		t.Errorf("%d errors are logged, want two:\n%s", n, log)
	}
	if _, err := Open(path, Options{LockTimeout: time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second process: Open = %v, want ErrLocked", err)
	}
	if err := Check(path); err != nil {
		t.Errorf("Check = %v", err)
	}
	remount(t, dir, 0)
	s.Tend()
	wantNoTrouble(t, s)
	put(t, b, "boardroom", "new")
	put(t, k, "rooms", "new")
	if _, err := Open(path, Options{LockTimeout: time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second process: Open = %v, want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	want(t, s.Bucket("bookings"), "boardroom", "new")
	want(t, s.Mirrored("tokens"), "rooms", "new")
}

// Without a file and without the right to make one nothing is stored; the file is
// made once it can be.
func TestNoFileOnAReadOnlyDisk(t *testing.T) {
	dir := ownDisk(t, 4<<20)
	path := filepath.Join(dir, "roomgate.db")
	remount(t, dir, syscall.MS_RDONLY)
	s, _ := openLogged(t, path)
	b := s.Bucket("bookings")
	wantErr(t, b, "boardroom", ErrNotFound)
	wantErr(t, s.Mirrored("tokens"), "rooms", ErrNotFound)
	if keys, err := b.Keys(); err != nil || len(keys) > 0 {
		t.Errorf("Keys = %q, %v", keys, err)
	}
	wantTrouble(t, s, "read-only file system")
	if _, err := s.Backup(filepath.Join(t.TempDir(), "backup.db")); err == nil {
		t.Error("a backup of nothing was made")
	}
	remount(t, dir, 0)
	s.Tend()
	wantNoTrouble(t, s)
	put(t, b, "boardroom", "one")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, open(t, path).Bucket("bookings"), "boardroom", "one")
}

// A database that is removed while it is open is written again, with all it held.
// Another file in its place is kept under another name.
func TestFileRemoved(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"file":   remove,
		"folder": removeAll,
		"replaced by another database": func(t *testing.T, path string) {
			remove(t, path)
			other := newPath(t)
			fill(t, other)
			if err := os.Rename(other, path); err != nil {
				content, readErr := os.ReadFile(other)
				if readErr != nil {
					t.Fatal(err, readErr)
				}
				write(t, path, content)
			}
		},
	} {
		for _, noticed := range []string{"by a write", "by Tend"} {
			t.Run(name+" "+noticed, func(t *testing.T) {
				path := newPath(t)
				s, log := openLogged(t, path)
				b := s.Bucket("bookings")
				put(t, b, "boardroom", "one")
				put(t, s.Mirrored("tokens"), "rooms", "token")
				damage(t, path)
				if noticed == "by Tend" {
					s.Tend()
				} else {
					put(t, b, "atrium", "two")
				}
				wantNoTrouble(t, s)
				if !strings.Contains(log.String(), "removed or replaced, and was written again") {
					t.Errorf("log:\n%s", log)
				}
				if _, err := Open(path, Options{LockTimeout: time.Millisecond}); !errors.Is(err, ErrLocked) {
					t.Errorf("a second process: Open = %v, want ErrLocked", err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, path)
				want(t, s.Bucket("bookings"), "boardroom", "one")
				want(t, s.Mirrored("tokens"), "rooms", "token")
				replaced, _ := filepath.Glob(path + ".replaced-*")
				if kept := len(replaced) == 1; kept != strings.HasPrefix(name, "replaced") {
					t.Errorf("kept: %q", replaced)
				}
			})
		}
	}
}

// A file that is cut off while it is mapped ends neither the process nor the store:
// it is replaced like one that is damaged at the start.
func TestFileCutOff(t *testing.T) {
	for _, size := range []int64{0, 4096, 8192, 16384} {
		for _, noticed := range []string{"by a read", "by a write"} {
			t.Run(fmt.Sprint(size, " ", noticed), func(t *testing.T) {
				path := newPath(t)
				fill(t, path)
				s := open(t, path)
				b, k := s.Bucket("bookings"), s.Mirrored("tokens")
				if err := os.Truncate(path, size); err != nil {
					t.Fatal(err)
				}
				if noticed == "by a read" {
					wantErr(t, b, "boardroom", ErrNotFound)
				}
				if err := b.write(map[string]entry{"boardroom": {sequence: 1, value: []byte("new")}}, nil); err != nil { // reads nothing first
					t.Fatal(err)
				}
				want(t, b, "boardroom", "new")
				want(t, k, "rooms", "refresh token")
				wantNoTrouble(t, s)
				if !strings.Contains(s.Damaged(), "a new database was created") {
					t.Errorf("Damaged = %q", s.Damaged())
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				want(t, open(t, path).Bucket("bookings"), "boardroom", "new")
			})
		}
	}
}

// A disk that cuts off the file again and again is not checked at every access; every
// access in between fails at once.
func TestFileCutOffAgain(t *testing.T) {
	path := newPath(t)
	fill(t, path)
	s := open(t, path)
	b := s.Bucket("bookings")
	cutOff := func() {
		if err := os.Truncate(path, 8192); err != nil {
			t.Fatal(err)
		}
	}
	cutOff()
	put(t, b, "boardroom", "one")
	cutOff()
	for range 3 {
		if err := b.write(map[string]entry{"boardroom": {sequence: 1, value: []byte("two")}}, nil); err == nil {
			t.Fatal("a file that is cut off was written")
		}
		if _, err := b.Get("boardroom"); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("Get = %v, want the reason why nothing can be read", err)
		}
	}
	wantTrouble(t, s, "the file was cut off")
	s.nextOpen = time.Time{} // the pause is over
	s.Tend()
	wantNoTrouble(t, s)
	put(t, b, "boardroom", "three")
	want(t, b, "boardroom", "three")
}

// A mapping that bbolt lost, because it could not map a file that had grown, is made
// again by opening the file again.
func TestMappingLost(t *testing.T) {
	path := newPath(t)
	fill(t, path)
	s := open(t, path)
	b := s.Bucket("bookings")
	other, err := os.OpenFile(path, os.O_WRONLY, 0) // cannot be mapped for reading (mmap(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Dup3(int(other.Fd()), int(s.file.Fd()), 0), other.Close()); err != nil {
		t.Fatal(err)
	}
	large := map[string][]byte{}
	for i := range 3000 {
		large[fmt.Sprint("key-", i)] = []byte(fmt.Sprint("value ", i, strings.Repeat("x", 100)))
	}
	lost := s.db
	if err := b.Put(large); err != nil {
		t.Fatal(err)
	}
	if err := lost.View(nil); !errors.Is(err, berrors.ErrDatabaseNotOpen) || s.db == lost {
		t.Errorf("the mapping was not lost (%v): the test proves nothing", err)
	}
	want(t, b, "boardroom", "a precious value")
	wantNoTrouble(t, s)
}

// A folder of second copies that cannot be written is in trouble until it can.
func TestSecondCopiesThatCannotBeWritten(t *testing.T) {
	s, log := openLogged(t, newPath(t))
	k := s.Mirrored("tokens")
	write(t, k.dir, []byte("a file where the folder should be"))
	put(t, k, "rooms", "one")
	put(t, k, "rooms", "two")
	wantTrouble(t, s, "the second copies in "+k.dir+" cannot be written: ")
	s.Tend()
	wantTrouble(t, s, k.dir)
	remove(t, k.dir)
	s.Tend()
	wantNoTrouble(t, s)
	if e, err := k.readFile("rooms"); err != nil || string(e.value) != "two" {
		t.Errorf("the second copy is %q, %v", e.value, err)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors are logged, want one:\n%s", n, log)
	}
}
