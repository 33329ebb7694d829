// Package store is the one database file of the gateway: it opens it, knows
// its schema version, and keeps bytes under keys in a bucket per owner. It
// knows bytes, not meanings.
//
// The file is a bbolt database. bbolt itself does not notice a flipped bit in
// a value, so each value carries a checksum and a sequence number. A file that
// is damaged is set aside under another name and a new one is begun: everything
// in it can be fetched again, except what is in a [Kept] bucket, which
// therefore has a second copy in small files beside the database. A [Sealed]
// bucket is a kept one that cannot be read without a key.
//
//	/var/lib/roomgate/roomgate.db              the database
//	/var/lib/roomgate/tokens/rooms             second copy of key "rooms" of the kept bucket "tokens"
//	/var/lib/roomgate/roomgate.db.damaged-…    a damaged database, set aside; three are left to look at
//	/var/lib/roomgate/roomgate.db.replaced-…   the database before a backup was restored
package store
