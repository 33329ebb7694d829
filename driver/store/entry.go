package store

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
)

// A value is stored as
//
//	byte 0      1: the value as it is; 2: deflated (RFC 1951); 3: it was deleted
//	bytes 1-4   CRC-32C of byte 0, of everything after itself, then of bucket and key, big endian
//	bytes 5-12  sequence number, incremented at each change, big endian
//	bytes 13-   the value
//
// The checksum covers bucket and key, so that a value stored under another key
// is detected. The sequence number shows which of two copies is newer; a
// timestamp alone could not, because the gateway's clock may be set back. Long values
// are deflated to reduce the wear of flash memory: they are JSON and compress
// well.
const (
	plainForm    = 1
	deflatedForm = 2
	deletedForm  = 3
	headerSize   = 13
	longValue    = 200 // bytes; shorter values are not deflated
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is a value with its sequence number, or the mark that it was deleted.
type entry struct {
	sequence uint64
	value    []byte
	deleted  bool
}

// encodeEntry returns the stored form of an entry.
func encodeEntry(bucket, key string, e entry) []byte {
	form, body := byte(plainForm), e.value
	if e.deleted {
		form, body = deletedForm, nil
	}
	if len(body) >= longValue {
		if short := deflate(body); len(short) < len(body) {
			form, body = deflatedForm, short
		}
	}
	out := make([]byte, headerSize, headerSize+len(body))
	out[0] = form
	binary.BigEndian.PutUint64(out[5:], e.sequence)
	out = append(out, body...)
	binary.BigEndian.PutUint32(out[1:], checksum(bucket, key, out))
	return out
}

// decodeEntry verifies the stored form and returns a copy of its contents;
// ErrDamaged if it differs from what was written.
func decodeEntry(bucket, key string, stored []byte) (entry, error) {
	if len(stored) < headerSize || binary.BigEndian.Uint32(stored[1:]) != checksum(bucket, key, stored) {
		return entry{}, ErrDamaged
	}
	e := entry{sequence: binary.BigEndian.Uint64(stored[5:])}
	switch stored[0] {
	case plainForm:
		e.value = bytes.Clone(stored[headerSize:])
		return e, nil
	case deletedForm:
		e.deleted = true
		return e, nil
	case deflatedForm:
		var err error
		if e.value, err = io.ReadAll(flate.NewReader(bytes.NewReader(stored[headerSize:]))); err == nil {
			return e, nil
		}
	}
	return entry{}, ErrDamaged
}

// deflaters are reused, because each allocates about a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic("store: " + err.Error()) // BestSpeed is a valid level
	}
	return w
}}

func deflate(value []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(value); err != nil || w.Close() != nil {
		return value // unreachable: writing to a Buffer does not fail
	}
	return out.Bytes()
}

func checksum(bucket, key string, stored []byte) uint32 {
	sum := crc32.Update(crc32.Checksum(stored[:1], castagnoli), castagnoli, stored[5:])
	return crc32.Update(sum, castagnoli, []byte("\x00"+bucket+"\x00"+key))
}
