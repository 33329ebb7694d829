package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A value is stored as
//
//	byte 0      version of this envelope, 1
//	bytes 1-4   CRC-32C of everything after it, then of bucket and key, big endian
//	bytes 5-12  sequence number, one more at each change, big endian
//	bytes 13-   the value
//
// The checksum takes in bucket and key, so that a value that strayed to
// another key is found out. The sequence tells which of two copies is newer;
// a time could not, because the gateway's clock may be set back.
const (
	envelopeVersion = 1
	headerSize      = 13
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is a value with its sequence number.
type entry struct {
	sequence uint64
	value    []byte
}

// wrap returns the stored form of a value.
func wrap(bucket, key string, s entry) []byte {
	out := make([]byte, headerSize, headerSize+len(s.value))
	out[0] = envelopeVersion
	binary.BigEndian.PutUint64(out[5:], s.sequence)
	out = append(out, s.value...)
	binary.BigEndian.PutUint32(out[1:], checksum(bucket, key, out[5:]))
	return out
}

// unwrap checks the stored form and returns a copy of what is in it; ErrDamaged
// if it is not as it was written.
func unwrap(bucket, key string, stored []byte) (entry, error) {
	if len(stored) < headerSize || stored[0] != envelopeVersion ||
		binary.BigEndian.Uint32(stored[1:]) != checksum(bucket, key, stored[5:]) {
		return entry{}, ErrDamaged
	}
	return entry{
		sequence: binary.BigEndian.Uint64(stored[5:]),
		value:    bytes.Clone(stored[headerSize:]),
	}, nil
}

func checksum(bucket, key string, body []byte) uint32 {
	sum := crc32.Checksum(body, castagnoli)
	return crc32.Update(sum, castagnoli, []byte("\x00"+bucket+"\x00"+key))
}
