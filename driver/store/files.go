package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	temporaryPrefix = ".roomgate-new-" // of files that are being written; no other file name begins with a dot
	damagedMark     = ".damaged-"
	replacedMark    = ".replaced-"
	maxDamaged      = 3 // damaged databases that are kept for analysis
)

// accessByOthers are the permission bits of group and others.
const accessByOthers fs.FileMode = 0o077

// makeDir creates a folder that only its owner can access.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	return errors.Join(inheritOwner(parent, dir), syncDir(parent))
}

// checkPrivate returns an ErrExposed when other users can access one of the
// files or folders. Missing ones are ignored.
func checkPrivate(paths ...string) error {
	var exposed []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && info.Mode()&accessByOthers != 0 {
			exposed = append(exposed, path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(exposed) > 0 {
		return exposedError(exposed)
	}
	return nil
}

// removeTemporaryFiles removes the files of a folder that an interrupted write
// left behind. The caller holds the lock of the database, so no other process
// is writing them.
func removeTemporaryFiles(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, temporaryPrefix+"*"))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// writeFile replaces a file atomically and durably: after a power failure it
// holds either the old or the new content.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, temporaryPrefix+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after a successful rename
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := inheritOwner(dir, f.Name()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// renameNew renames a temporary file to path, and removes it if that fails. The
// error matches fs.ErrExist if path exists: a link, unlike a rename, does not
// replace a file that another process has created in the meantime. File systems
// without links fall back to a rename.
func renameNew(name, path string) error {
	defer os.Remove(name) // fails after a successful rename
	err := os.Link(name, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, err := os.Lstat(path); err == nil {
			return fs.ErrExist
		}
		err = os.Rename(name, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// moveDamaged renames a damaged database, removes the oldest of the damaged
// ones beyond maxDamaged, and returns the new name.
func moveDamaged(path string, now time.Time) (string, error) {
	name := withTime(path, damagedMark, now)
	if err := os.Rename(path, name); err != nil {
		return "", err
	}
	old, err := filepath.Glob(path + damagedMark + "*")
	if err != nil {
		return "", err
	}
	slices.Sort(old)
	for _, o := range old[:max(0, len(old)-maxDamaged)] {
		_ = os.Remove(o) // it only uses disk space
	}
	return name, syncDir(filepath.Dir(path))
}

// withTime returns the name under which a file that is replaced now is kept.
func withTime(path, mark string, now time.Time) string {
	return path + mark + now.UTC().Format("20060102T150405.000Z")
}

// syncDir makes the entries of a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// inheritOwner gives a new file to the owner of its folder when root created
// it, so that the service can access the files of a command run with sudo.
func inheritOwner(dir, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}
