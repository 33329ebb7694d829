package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	checkTimeout = 2 * time.Minute // a longer check is caught in a loop of damaged pages
	lockRetry    = 50 * time.Millisecond
)

// Check reads the whole database at path: its pages, its schema version and
// the checksum of every value. It writes nothing. The error matches ErrDamaged
// for a damaged file, and ErrLocked while another process has it open. On a
// badly damaged file bbolt may crash the process; see ChildCheck.
func Check(path string) error {
	err := guard(func() error { return check(path) })
	if isLost(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

func check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return fmt.Errorf("%w: the file is empty", ErrDamaged)
	}
	db, file, err := openBolt(path, defaultLock, true)
	if err != nil {
		return err
	}
	defer closeBolt(db, file) // opened read-only
	version, err := readSchema(db)
	if err != nil || version > schemaVersion {
		return err // a newer schema may store values in another form
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

// checkPages returns the first error of the page structure. It drains the
// channel, because bbolt's check blocks on it.
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
		if _, err := decodeEntry(bucket, string(key), stored); err != nil {
			return fmt.Errorf("%w: a value in bucket %q does not match its checksum", ErrDamaged, bucket)
		}
		return nil
	})
}

// ChildCheck returns a check for Options that runs in a child process. The
// command must call Check on the path and exit with 0 if that returns nil, with
// the code damaged if the error matches ErrDamaged, and with another code for
// any other error. A crash or a timeout of the command counts as damage.
func ChildCheck(damaged int, command func(ctx context.Context, path string) *exec.Cmd) func(path string) error {
	return func(path string) error {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		cmd := command(ctx, path)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run()
		if err == nil {
			return nil
		}
		message, _, _ := bytes.Cut(bytes.TrimSpace(stderr.Bytes()), []byte("\n"))
		err = fmt.Errorf("check the database in a child process: it printed %q: %w", message, err)
		var exit *exec.ExitError
		if errors.As(err, &exit) && (exit.ExitCode() == damaged || crashed(exit) || ctx.Err() != nil) {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return err
	}
}

// goPanic is the exit code of a Go program that panicked, which includes faults
// in memory that is mapped from a damaged file.
const goPanic = 2

// crashed reports whether the process was ended by an error of its own. SIGKILL
// is not one: the kernel sends it when memory runs out.
func crashed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && (status.ExitStatus() == goPanic || status.Signaled() && status.Signal() != syscall.SIGKILL)
}

// lock takes the lock of a file, the same one that bbolt takes, and holds it
// until the returned file is closed. It returns ErrLocked when another process
// still holds the lock after the timeout.
func lock(path string, timeout time.Duration) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(timeout); ; time.Sleep(lockRetry) {
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
