package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// These variables make the test binary a child process: the one of ChildCheck,
// or one that writes until it is killed.
const (
	checkEnv = "STORE_TEST_CHECK"
	writeEnv = "STORE_TEST_WRITE"
)

// damagedCode is the exit code of the child for a damaged file.
const damagedCode = 5

func TestMain(m *testing.M) {
	if path := os.Getenv(checkEnv); path != "" {
		if err := Check(path); errors.Is(err, ErrDamaged) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(damagedCode)
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv(writeEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver counts up in a bucket and a mirrored bucket, and prints each number
// once it is stored.
func writeForEver(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		value := map[string][]byte{"count": []byte(strconv.Itoa(n))}
		if err := errors.Join(s.Bucket("bookings").Put(value), s.Mirrored("tokens").Put(value)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func checkInChild(ctx context.Context, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), checkEnv+"="+path, "GORACE=atexit_sleep_ms=0")
	return cmd
}

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{Check: ChildCheck(damagedCode, checkInChild), Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// newPath returns the path of a new database in an empty folder.
func newPath(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "roomgate.db")
}

func put(t testing.TB, p interface{ Put(map[string][]byte) error }, key, value string) {
	t.Helper()
	if err := p.Put(map[string][]byte{key: []byte(value)}); err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, g interface{ Get(string) ([]byte, error) }, key, value string) {
	t.Helper()
	got, err := g.Get(key)
	if err != nil || string(got) != value {
		t.Errorf("Get(%q) = %q, %v; want %q", key, got, err, value)
	}
}

// wantKeys checks which keys of a bucket have a value.
func wantKeys(t testing.TB, b *Bucket, keys ...string) {
	t.Helper()
	if got, err := b.Keys(); err != nil || !slices.Equal(got, keys) {
		t.Errorf("the keys are %q, %v, want %q", got, err, keys)
	}
}

func wantErr(t testing.TB, g interface{ Get(string) ([]byte, error) }, key string, target error) {
	t.Helper()
	if got, err := g.Get(key); !errors.Is(err, target) {
		t.Errorf("Get(%q) = %q, %v; want error %v", key, got, err, target)
	}
}

func TestRoundTripAcrossRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "roomgate.db")
	s := open(t, path)
	b := s.Bucket("bookings")
	wantErr(t, b, "boardroom", ErrNotFound)
	wantErr(t, b, "boardroom", fs.ErrNotExist)
	if err := b.Put(map[string][]byte{"boardroom": []byte("one"), "atrium": {}, "café/3": []byte("two")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path)
	b = s.Bucket("bookings")
	want(t, b, "boardroom", "one")
	want(t, b, "atrium", "")
	wantErr(t, s.Bucket("other"), "boardroom", ErrNotFound)
	wantKeys(t, b, "atrium", "boardroom", "café/3")
	if err := b.Delete("boardroom"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, b, "boardroom", ErrNotFound)
	wantKeys(t, b, "atrium", "café/3")
	if s.Damaged() != "" {
		t.Errorf("Damaged() = %q for an undamaged database", s.Damaged())
	}
}

func TestFileModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, filepath.Join(dir, "roomgate.db"))
	put(t, s.Mirrored("tokens"), "rooms", "secret")
	for path, mode := range map[string]fs.FileMode{
		dir:                                   0o700,
		filepath.Join(dir, "roomgate.db"):     0o600,
		filepath.Join(dir, "tokens"):          0o700,
		filepath.Join(dir, "tokens", "rooms"): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode().Perm(), err, mode)
		}
	}
}

func TestOpenRefusesFilesOfOtherUsers(t *testing.T) {
	for _, exposed := range []struct {
		name string // within the folder
		mode fs.FileMode
	}{
		{"", 0o755}, {"", 0o701}, {"roomgate.db", 0o640}, {"roomgate.db", 0o604}, {"tokens", 0o750}, {"tokens/rooms", 0o644},
	} {
		path := newPath(t)
		fill(t, path)
		name := filepath.Join(filepath.Dir(path), exposed.name)
		if err := os.Chmod(name, exposed.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, Options{})
		if !errors.Is(err, ErrExposed) {
			t.Errorf("%s %v: Open = %v, want ErrExposed", exposed.name, exposed.mode, err)
			continue
		}
		wantAction(t, err, "chmod go-rwx "+name+";")
		if !strings.Contains(err.Error(), "other users have access to "+name) {
			t.Errorf("%v does not name %s", err, name)
		}
		if err := os.Chmod(name, exposed.mode&0o700); err != nil {
			t.Fatal(err)
		}
		want(t, open(t, path).Bucket("bookings"), "boardroom", "a precious value")
	}
}

func TestUnchangedPutWritesNothing(t *testing.T) {
	s := open(t, newPath(t))
	b, k := s.Bucket("bookings"), s.Mirrored("tokens")
	put(t, b, "boardroom", "one")
	put(t, k, "rooms", "token")
	before := transaction(t, s)
	put(t, b, "boardroom", "one")
	put(t, k, "rooms", "token")
	if err := errors.Join(b.Put(nil), b.Delete("nothing"), k.Delete("nothing")); err != nil {
		t.Fatal(err)
	}
	if after := transaction(t, s); after != before {
		t.Errorf("putting what was there went from transaction %d to %d", before, after)
	}
	put(t, b, "boardroom", "two")
	if after := transaction(t, s); after != before+1 {
		t.Errorf("a change went from transaction %d to %d, want one more", before, after)
	}
}

// transaction returns the number of the last committed write.
func transaction(t *testing.T, s *Store) int {
	t.Helper()
	var id int
	if err := s.db.View(func(tx *bolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

// damages are ways to damage a database: each returns the new content, or nil
// if it has changed the file itself.
var damages = []struct {
	name   string
	damage func(t *testing.T, path string, content []byte) []byte
}{
	{"empty", func(t *testing.T, _ string, _ []byte) []byte { return []byte{} }},
	{"zeros", func(t *testing.T, _ string, c []byte) []byte { return make([]byte, len(c)) }},
	{"half", func(t *testing.T, _ string, c []byte) []byte { return c[:len(c)/2] }},
	{"first page only", func(t *testing.T, _ string, c []byte) []byte { return c[:4096] }},
	{"garbage", func(t *testing.T, _ string, c []byte) []byte {
		r := rand.NewChaCha8([32]byte{1})
		r.Read(c)
		return c
	}},
	{"zeroed leaf pages", func(t *testing.T, _ string, c []byte) []byte {
		clear(c[2*4096:])
		return c
	}},
	{"flipped bit in a value", func(t *testing.T, _ string, c []byte) []byte {
		flip(t, c, "precious value")
		return c
	}},
	{"foreign database", func(t *testing.T, path string, _ []byte) []byte {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return nil
	}},
	{"folder in its place", func(t *testing.T, path string, _ []byte) []byte {
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		return nil
	}},
}

func TestDamagedFiles(t *testing.T) {
	for _, test := range damages {
		t.Run(test.name, func(t *testing.T) {
			path := newPath(t)
			fill(t, path)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if c := test.damage(t, path, content); c != nil {
				if err := os.WriteFile(path, c, 0o600); err != nil {
					t.Fatal(err)
				}
			}

			s := open(t, path)
			renamed := path + ".damaged-20261103T120000.000Z"
			if _, err := os.Stat(renamed); err != nil {
				t.Errorf("the damaged file was not renamed: %v", err)
			}
			if !strings.Contains(s.Damaged(), renamed) {
				t.Errorf("Damaged() = %q, want the name %s in it", s.Damaged(), renamed)
			}
			wantErr(t, s.Bucket("bookings"), "boardroom", ErrNotFound)
			want(t, s.Mirrored("tokens"), "rooms", "refresh token")
			put(t, s.Bucket("bookings"), "boardroom", "again")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
			want(t, s.Bucket("bookings"), "boardroom", "again")
			if s.Damaged() != "" {
				t.Errorf("the new database is damaged too: %s", s.Damaged())
			}
		})
	}
}

// fill writes a database with a value, a mirrored value and some pages.
func fill(t *testing.T, path string) {
	t.Helper()
	s := open(t, path)
	values := map[string][]byte{"boardroom": []byte("a precious value")}
	for i := range 200 {
		values[fmt.Sprintf("room-%d", i)] = bytes.Repeat([]byte{'x'}, 100)
	}
	if err := s.Bucket("bookings").Put(values); err != nil {
		t.Fatal(err)
	}
	put(t, s.Mirrored("tokens"), "rooms", "refresh token")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit at every occurrence of text.
func flip(t *testing.T, content []byte, text string) {
	t.Helper()
	if !bytes.Contains(content, []byte(text)) {
		t.Fatalf("the file does not hold %q", text)
	}
	for rest := content; ; {
		i := bytes.Index(rest, []byte(text))
		if i < 0 {
			return
		}
		rest[i] ^= 1
		rest = rest[i+1:]
	}
}

func TestLastThreeDamagedFilesAreKept(t *testing.T) {
	path := newPath(t)
	for day := range 5 {
		if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{Now: func() time.Time { return noon.AddDate(0, 0, day) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := filepath.Glob(path + ".damaged-*")
	wanted := []string{path + ".damaged-20261105T120000.000Z", path + ".damaged-20261106T120000.000Z", path + ".damaged-20261107T120000.000Z"}
	if !slices.Equal(got, wanted) {
		t.Errorf("left %q, want %q", got, wanted)
	}
}

func TestValueDamagedWhileRunning(t *testing.T) {
	s := open(t, newPath(t))
	b := s.Bucket("bookings")
	put(t, b, "atrium", "good")
	if err := b.update(func(bb *bolt.Bucket) error {
		stored := encodeEntry("bookings", "boardroom", entry{sequence: 1, value: []byte("bad")})
		stored[headerSize] ^= 1
		return bb.Put([]byte("boardroom"), stored)
	}); err != nil {
		t.Fatal(err)
	}
	wantErr(t, b, "boardroom", ErrDamaged)
	want(t, b, "atrium", "good")
	wantKeys(t, b, "atrium", "boardroom")
	put(t, b, "boardroom", "new")
	want(t, b, "boardroom", "new")
}

func TestDecodeEntryRefusesAValueFromElsewhere(t *testing.T) {
	stored := encodeEntry("tokens", "rooms", entry{sequence: 7, value: []byte("v")})
	if s, err := decodeEntry("tokens", "rooms", stored); err != nil || s.sequence != 7 || string(s.value) != "v" {
		t.Errorf("decodeEntry = %v, %v", s, err)
	}
	for _, at := range [][2]string{{"tokens", "other"}, {"other", "rooms"}} {
		if _, err := decodeEntry(at[0], at[1], stored); !errors.Is(err, ErrDamaged) {
			t.Errorf("decodeEntry at %v: %v, want ErrDamaged", at, err)
		}
	}
	for _, value := range []string{"v", strings.Repeat("long ", 100)} {
		stored := encodeEntry("tokens", "rooms", entry{sequence: 7, value: []byte(value)})
		for i := range stored {
			for _, bits := range []byte{0x10, 0x03} { // the second turns one form of byte 0 into the other
				broken := bytes.Clone(stored)
				broken[i] ^= bits
				if _, err := decodeEntry("tokens", "rooms", broken); !errors.Is(err, ErrDamaged) {
					t.Errorf("flipped bits in byte %d went unnoticed", i)
				}
			}
		}
	}
}

// Long values are stored compressed where that makes them shorter, and are
// returned unchanged.
func TestLongValuesAreDeflated(t *testing.T) {
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(noise), func(i, j int) { noise[i], noise[j] = noise[j], noise[i] })
	for name, c := range map[string]struct {
		value []byte
		most  int // bytes of the stored form
	}{
		"nothing": {nil, headerSize},
		"short":   {[]byte("short"), headerSize + 5},
		"rows":    {bytes.Repeat([]byte(`{"start":"2026-01-14T09:00:00Z"},`), 100), 200},
		"zeros":   {make([]byte, 10_000), 200},
		"noise":   {noise, headerSize + 5000},
	} {
		stored := encodeEntry("bookings", name, entry{sequence: 1, value: c.value})
		if len(stored) > c.most {
			t.Errorf("%s: %d bytes are stored as %d", name, len(c.value), len(stored))
		}
		if s, err := decodeEntry("bookings", name, stored); err != nil || !bytes.Equal(s.value, c.value) {
			t.Errorf("%s: not what was stored: %v", name, err)
		}
	}
}

func TestNewerSchemaIsNotChanged(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	newer := &Bucket{s, schemaBucket}
	put(t, newer, schemaKey, "2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path, Options{Check: ChildCheck(damagedCode, checkInChild)})
	if !errors.Is(err, ErrNewer) {
		t.Fatalf("Open = %v, want ErrNewer", err)
	}
	wantAction(t, err, "install that version of roomgate again")
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
}

func wantAction(t *testing.T, err error, words string) {
	t.Helper()
	var a interface {
		Action() string
		NeedsPerson() bool
	}
	if !errors.As(err, &a) || !a.NeedsPerson() || !strings.Contains(a.Action(), words) {
		t.Errorf("%v: the action does not contain %q", err, words)
	}
}

func TestLocked(t *testing.T) {
	path := newPath(t)
	first := open(t, path)
	put(t, first.Bucket("bookings"), "boardroom", "one")
	_, err := Open(path, Options{LockTimeout: time.Millisecond})
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("Open = %v, want ErrLocked", err)
	}
	wantAction(t, err, "systemctl stop roomgate")
	if left, _ := filepath.Glob(path + ".damaged-*"); len(left) > 0 {
		t.Errorf("a database in use was renamed: %q", left)
	}
	want(t, first.Bucket("bookings"), "boardroom", "one")
}

func TestInconclusiveCheckKeepsTheFile(t *testing.T) {
	path := newPath(t)
	fill(t, path)
	for name, command := range map[string]func(context.Context, string) *exec.Cmd{
		"cannot start": func(ctx context.Context, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, "/nonexistent/roomgate")
		},
		"killed from outside": func(ctx context.Context, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", "kill -9 $$")
		},
		"inconclusive": func(ctx context.Context, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", "exit 1")
		},
	} {
		s, err := Open(path, Options{Check: ChildCheck(damagedCode, command)})
		if err != nil {
			t.Fatalf("%s: Open = %v", name, err)
		}
		if _, err := s.Bucket("bookings").Get("boardroom"); err == nil || errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: Get = %v, want the reason why the database is not open", name, err)
		}
		want(t, s.Mirrored("tokens"), "rooms", "refresh token") // from its second copy
		if err := s.Trouble(); err == nil {
			t.Errorf("%s: no trouble is reported", name)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	want(t, open(t, path).Bucket("bookings"), "boardroom", "a precious value")
}

func TestKilledWhileWriting(t *testing.T) {
	for round := range 4 {
		path := newPath(t)
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), writeEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stored := 0
		for lines := bufio.NewScanner(out); stored < 1+9*round && lines.Scan(); {
			stored, _ = strconv.Atoi(lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed

		s := open(t, path)
		for name, g := range map[string]interface{ Get(string) ([]byte, error) }{"bucket": s.Bucket("bookings"), "mirrored": s.Mirrored("tokens")} {
			value, err := g.Get("count")
			if n, _ := strconv.Atoi(string(value)); err != nil || n < stored || stored == 0 {
				t.Errorf("%s: %q, %v after %d was stored", name, value, err, stored)
			}
		}
		if s.Damaged() != "" {
			t.Errorf("the kill damaged the database: %s", s.Damaged())
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	s := open(t, newPath(t))
	b, k := s.Bucket("bookings"), s.Mirrored("tokens")
	var wg sync.WaitGroup
	for i := range 8 {
		key := fmt.Sprint("key-", i)
		wg.Go(func() {
			for n := range 10 {
				put(t, b, key, fmt.Sprint(n))
				put(t, k, key, fmt.Sprint(n))
				if err := s.compact(); err != nil {
					t.Error(err)
				}
				want(t, b, key, fmt.Sprint(n))
				want(t, s.Mirrored("tokens"), key, fmt.Sprint(n))
			}
		})
	}
	wg.Wait()
	keys, err := b.Keys()
	if err != nil || len(keys) != 8 {
		t.Fatalf("the keys are %q, %v, want eight", keys, err)
	}
	for _, key := range keys {
		want(t, b, key, "9")
	}
}

func BenchmarkPut(b *testing.B) {
	s := open(b, newPath(b))
	bucket := s.Bucket("bookings")
	for i := 0; b.Loop(); i++ {
		put(b, bucket, "boardroom", fmt.Sprint(i))
	}
}

func BenchmarkPutUnchanged(b *testing.B) {
	s := open(b, newPath(b))
	bucket := s.Bucket("bookings")
	for b.Loop() {
		put(b, bucket, "boardroom", "same")
	}
}

func BenchmarkPutMirrored(b *testing.B) {
	s := open(b, newPath(b))
	mirrored := s.Mirrored("tokens")
	for i := 0; b.Loop(); i++ {
		put(b, mirrored, "rooms", fmt.Sprint(i))
	}
}

// A gateway and a command that start at the same time on a damaged file must not
// rename each other's new database: the second waits for the first.
func TestTwoProcessesFindADamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "roomgate.db")
	fill(t, path)
	if err := os.WriteFile(path, make([]byte, 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	var second error
	s, err := Open(path, Options{Now: func() time.Time { return noon }, Check: func(path string) error {
		result := Check(path)
		var other *Store
		if other, second = Open(path, Options{LockTimeout: time.Millisecond, Now: func() time.Time { return noon.Add(time.Second) }}); second == nil {
			second = other.Close()
		}
		return result
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	renamed, err := filepath.Glob(path + ".damaged-*")
	if !errors.Is(second, ErrLocked) || len(renamed) != 1 || err != nil {
		t.Errorf("the second process: %v; renamed: %q (%v); want ErrLocked and one file", second, renamed, err)
	}
}

// Change stores and removes in one step.
func TestChange(t *testing.T) {
	b := open(t, newPath(t)).Bucket("history")
	if keys, err := b.Keys(); err != nil || len(keys) > 0 {
		t.Errorf("Keys of a bucket without a value = %q, %v", keys, err)
	}
	put(t, b, "monday", "one")
	put(t, b, "tuesday", "two")
	if err := b.Change(map[string][]byte{"wednesday": []byte("three")}, "monday", "sunday"); err != nil {
		t.Fatal(err)
	}
	wantErr(t, b, "monday", ErrNotFound)
	want(t, b, "wednesday", "three")
	if keys, err := b.Keys(); err != nil || !slices.Equal(keys, []string{"tuesday", "wednesday"}) {
		t.Errorf("Keys = %q, %v", keys, err)
	}
}
