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
//	byte 0      1: the value as it is; 2: deflated (RFC 1951)
//	bytes 1-4   CRC-32C of byte 0, of everything after itself, then of bucket and key, big endian
//	bytes 5-12  sequence number, one more at each change, big endian
//	bytes 13-   the value
//
// The checksum takes in bucket and key, so that a value that strayed to
// another key is found out. The sequence tells which of two copies is newer;
// a time could not, because the gateway's clock may be set back. Long values are
// deflated because flash wears out: what is stored is JSON, much alike.
const (
	plainForm    = 1
	deflatedForm = 2
	headerSize   = 13
	longValue    = 200
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is a value with its sequence number.
type entry struct {
	sequence uint64
	value    []byte
}

// wrap returns the stored form of a value.
func wrap(bucket, key string, s entry) []byte {
	form, body := byte(plainForm), s.value
	if len(body) >= longValue {
		if short := deflate(body); len(short) < len(body) {
			form, body = deflatedForm, short
		}
	}
	out := make([]byte, headerSize, headerSize+len(body))
	out[0] = form
	binary.BigEndian.PutUint64(out[5:], s.sequence)
	out = append(out, body...)
	binary.BigEndian.PutUint32(out[1:], checksum(bucket, key, out))
	return out
}

// unwrap checks the stored form and returns a copy of what is in it; ErrDamaged
// if it is not as it was written.
func unwrap(bucket, key string, stored []byte) (entry, error) {
	if len(stored) < headerSize || binary.BigEndian.Uint32(stored[1:]) != checksum(bucket, key, stored) {
		return entry{}, ErrDamaged
	}
	s := entry{sequence: binary.BigEndian.Uint64(stored[5:])}
	switch stored[0] {
	case plainForm:
		s.value = bytes.Clone(stored[headerSize:])
		return s, nil
	case deflatedForm:
		var err error
		if s.value, err = io.ReadAll(flate.NewReader(bytes.NewReader(stored[headerSize:]))); err == nil {
			return s, nil
		}
	}
	return entry{}, ErrDamaged
}

// deflaters are used again and again: each takes a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic("store: " + err.Error()) // there is such a level
	}
	return w
}}

func deflate(value []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(value); err != nil || w.Close() != nil {
		return value // a Buffer takes everything
	}
	return out.Bytes()
}

func checksum(bucket, key string, stored []byte) uint32 {
	sum := crc32.Update(crc32.Checksum(stored[:1], castagnoli), castagnoli, stored[5:])
	return crc32.Update(sum, castagnoli, []byte("\x00"+bucket+"\x00"+key))
}
