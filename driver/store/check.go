package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	checkLimit = 2 * time.Minute // a check that takes longer runs in circles
	asideMost  = 3               // damaged files left to look at
	asideMark  = ".damaged-"
	lockRetry  = 50 * time.Millisecond
)

// Check walks the whole database at path: its pages, its schema version and
// the checksum of every value. It writes nothing. The error matches ErrDamaged
// for a damaged file, and ErrLocked while another process has it open. On a
// badly damaged file bbolt may crash the process; see ChildCheck.
func Check(path string) (err error) {
	defer rescue(&err)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return fmt.Errorf("%w: the file is empty", ErrDamaged)
	}
	db, err := openBolt(path, defaultLock, true)
	if err != nil {
		return err
	}
	defer db.Close() // nothing was written
	version, err := schemaOf(db)
	if err != nil || version > schemaVersion {
		return err // the values of a newer schema are not ours to judge
	}
	return db.View(func(tx *bolt.Tx) error {
		if err := checkPages(tx); err != nil {
			return err
		}
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			return checkValues(string(name), b)
		})
	})
}

// checkPages returns the first fault of the page structure. The channel is
// read to its end: bbolt's walk would hang otherwise.
func checkPages(tx *bolt.Tx) error {
	var first error
	for err := range tx.Check() {
		if first == nil {
			first = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return first
}

func checkValues(bucket string, b *bolt.Bucket) error {
	return b.ForEach(func(key, stored []byte) error {
		if _, err := unwrap(bucket, string(key), stored); err != nil {
			return fmt.Errorf("%w: a value in %q does not match its checksum", ErrDamaged, bucket)
		}
		return nil
	})
}

// ChildCheck returns a check for Options that runs a command, which is to call
// Check on the path and exit with 0 if that returns nil, with the code damaged
// if it matches ErrDamaged, and with another one if it could not tell. A command
// that crashes means damage, too.
func ChildCheck(damaged int, command func(ctx context.Context, path string) *exec.Cmd) func(path string) error {
	return func(path string) error {
		ctx, cancel := context.WithTimeout(context.Background(), checkLimit)
		defer cancel()
		cmd := command(ctx, path)
		var said bytes.Buffer
		cmd.Stderr = &said
		err := cmd.Run()
		if err == nil {
			return nil
		}
		words, _, _ := bytes.Cut(bytes.TrimSpace(said.Bytes()), []byte("\n"))
		err = fmt.Errorf("the check of the database in a process of its own ended with %q: %w", words, err)
		var exit *exec.ExitError
		if errors.As(err, &exit) && (exit.ExitCode() == damaged || crashed(exit) || ctx.Err() != nil) {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return err
	}
}

// goPanic is the exit code of a Go program that panicked, faults of memory
// mapped from a damaged file among them.
const goPanic = 2

// crashed tells whether the process ended as only a fault of its own ends it. A
// SIGKILL, which the kernel sends when memory runs out, is none.
func crashed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && (status.ExitStatus() == goPanic || status.Signaled() && status.Signal() != syscall.SIGKILL)
}

// lock waits until no other process holds the file, and holds it until the
// returned file is closed; ErrLocked after the given time. It is the lock that
// bbolt takes.
func lock(path string, wait time.Duration) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(wait); ; time.Sleep(lockRetry) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock the file: %w", err), f.Close())
		case time.Now().After(deadline):
			return nil, errors.Join(ErrLocked, f.Close())
		}
	}
}

// setAside renames a damaged file after the time, drops the oldest beyond a
// few, and returns the new name.
func setAside(path string, now time.Time) (string, error) {
	name := dated(path, asideMark, now)
	if err := os.Rename(path, name); err != nil {
		return "", err
	}
	old, err := filepath.Glob(path + asideMark + "*")
	if err != nil {
		return "", err
	}
	slices.Sort(old)
	for _, o := range old[:max(0, len(old)-asideMost)] {
		_ = os.Remove(o) // one left too many costs nothing but space
	}
	return name, syncDir(filepath.Dir(path))
}

// dated is the name under which a file is kept that was replaced at an instant.
func dated(path, mark string, now time.Time) string {
	return path + mark + now.UTC().Format("20060102T150405.000Z")
}
