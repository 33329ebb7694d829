package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// temporary begins the names of files that are still being written. No file
// of a kept value begins with a dot.
const temporary = ".roomgate-new-"

// forOthers are the permissions that nobody but the owner of a file may have.
const forOthers fs.FileMode = 0o077

// makeDir makes a folder that only its owner may look into.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	return errors.Join(giveToOwnerOf(parent, dir), syncDir(parent))
}

// checkPrivate refuses files and folders that others than their owner may use;
// those that are not there are fine.
func checkPrivate(paths ...string) error {
	var loose []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err == nil && info.Mode()&forOthers != 0 {
			loose = append(loose, path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(loose) > 0 {
		return exposedError(loose)
	}
	return nil
}

// sweep removes files of a folder that a power cut left half written. The
// caller holds the database, so nobody else writes them.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, temporary+"*"))
	for _, f := range left {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// writeFile replaces a file so that after a power cut either the old or the
// new content is there, whole.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := giveToOwnerOf(dir, f.Name()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// removeFile deletes a file for good; one that is not there is fine.
func removeFile(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// giveToOwnerOf hands a new file to the owner of its folder when root made it,
// so that a command run with sudo does not lock the service out.
func giveToOwnerOf(dir, path string) error {
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
