package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The second copy of a value is a file of two slots of equal size. The newer entry
// counts. A new entry is written into the other slot, and the slot of the older one
// is wiped once the new one is durable, so that at every instant one slot is whole
// and no former value stays. All bytes of the file are written when it is created:
// a later entry that fits needs no space on the disk, and can be stored when the disk
// has been filled by others.
//
// A slot is the length of the entry, four bytes, big endian, the entry (see
// encodeEntry), and zeros. The length of an empty slot is zero.
const (
	slotUnit    = 4096      // bytes; the size of a slot is a multiple of it
	minSlot     = 16 << 10  // bytes
	maxSlotFile = 128 << 20 // bytes; a longer file is damaged
	slotLength  = 4         // bytes of the length
)

// slotFile is the open file of a second copy.
type slotFile struct {
	file    *os.File
	size    int      // of a slot
	stored  [2]int   // bytes used in each slot, at most size
	entries [2]entry // decoded
	good    [2]bool
}

// openSlots opens and reads a second copy; the flag is that of os.OpenFile. The
// error matches ErrNotFound if the file is missing, ErrDamaged if it is not of this
// form, or is the system's.
func openSlots(path string, flag int, bucket, key string) (*slotFile, error) {
	f, err := os.OpenFile(path, flag, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	s := &slotFile{file: f}
	if err := s.read(bucket, key); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *slotFile) read(bucket, key string) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	total := info.Size()
	if total == 0 || total > maxSlotFile || total%(2*slotUnit) != 0 || !info.Mode().IsRegular() {
		return ErrDamaged
	}
	content := make([]byte, total)
	if _, err := s.file.ReadAt(content, 0); err != nil {
		return err
	}
	s.size = int(total / 2)
	for i := range s.entries {
		slot := content[i*s.size : (i+1)*s.size]
		length := int(binary.BigEndian.Uint32(slot))
		if length > s.size-slotLength {
			s.stored[i] = s.size
			continue
		}
		if s.stored[i] = length; length == 0 {
			continue
		}
		s.stored[i] += slotLength
		s.entries[i], err = decodeEntry(bucket, key, slot[slotLength:slotLength+length])
		s.good[i] = err == nil
	}
	return nil
}

// newest returns the index of the slot with the newest good entry; false: none is
// good.
func (s *slotFile) newest() (int, bool) {
	if s.good[1] && (!s.good[0] || s.entries[1].sequence > s.entries[0].sequence) {
		return 1, true
	}
	return 0, s.good[0]
}

// entry returns the newest good entry, or ErrDamaged.
func (s *slotFile) entry() (entry, error) {
	i, ok := s.newest()
	if !ok {
		return entry{}, ErrDamaged
	}
	return s.entries[i], nil
}

// put stores an entry durably and wipes the other slot. It reports false if the
// entry does not fit.
func (s *slotFile) put(stored []byte) (fits bool, err error) {
	if slotLength+len(stored) > s.size {
		return false, nil
	}
	current, ok := s.newest()
	target := 1 - current
	if !ok {
		target = 0
	}
	slot := append(binary.BigEndian.AppendUint32(nil, uint32(len(stored))), stored...)
	if _, err := s.file.WriteAt(slot, int64(target*s.size)); err != nil {
		return true, err
	}
	if err := s.file.Sync(); err != nil {
		return true, err
	}
	return true, s.wipe(1 - target)
}

// wipe overwrites a slot with zeros.
func (s *slotFile) wipe(i int) error {
	if s.stored[i] == 0 {
		return nil
	}
	if _, err := s.file.WriteAt(make([]byte, s.stored[i]), int64(i*s.size)); err != nil {
		return err
	}
	s.stored[i] = 0
	return s.file.Sync()
}

// wipeOlder wipes an older entry that an interrupted write left behind.
func (s *slotFile) wipeOlder() error {
	i, ok := s.newest()
	if !ok {
		return nil
	}
	return s.wipe(1 - i)
}

// writeSlots stores an entry in a second copy, in place if possible. Errors are the
// system's, and name no temporary file.
func writeSlots(path, bucket, key string, e entry) error {
	stored := encodeEntry(bucket, key, e)
	s, err := openSlots(path, os.O_RDWR, bucket, key)
	switch {
	case err == nil:
		fits, err := s.put(stored)
		if err = errors.Join(err, s.file.Close()); fits || err != nil {
			return err
		}
	case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDamaged):
		return err
	}
	size := max(minSlot, (slotLength+2*len(stored)+slotUnit-1)/slotUnit*slotUnit)
	content := make([]byte, 2*size)
	binary.BigEndian.PutUint32(content, uint32(len(stored)))
	copy(content[slotLength:], stored)
	if err := writeFile(path, content); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), withoutName(err))
	}
	return nil
}

// withoutName returns the cause of an error about a temporary file, whose random
// name would make every error another one.
func withoutName(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
