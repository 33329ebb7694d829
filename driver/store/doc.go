// Package store is the database file of the gateway: it opens the file, checks
// its schema version, and stores bytes under keys in one bucket per owner. It
// does not interpret the bytes.
//
// The file is a bbolt database. bbolt does not detect a flipped bit in a value,
// so each value carries a checksum and a sequence number. A damaged file is
// renamed and a new one created: its contents can be fetched again, except
// those of a [Mirrored] bucket, which therefore has a second copy in small
// files beside the database. A [Sealed] bucket is a mirrored one whose values
// are encrypted.
//
//	/var/lib/roomgate/roomgate.db              the database
//	/var/lib/roomgate/tokens/rooms             second copy of key "rooms" of the mirrored bucket "tokens"
//	/var/lib/roomgate/roomgate.db.damaged-…    a damaged database; the last three are kept for analysis
//	/var/lib/roomgate/roomgate.db.replaced-…   a database that was replaced: by a backup that was restored, or
//	                                           because it was not the one that the gateway had open
package store
