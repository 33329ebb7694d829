package gateway

import (
	"net/http"
	"os"
	"path/filepath"

	"roomgate/driver/store"
)

// Backup is a copy of the database that the gateway sends to the command. The
// command writes the file, because the gateway's user may write almost nowhere
// (systemd/roomgate.service).
type Backup struct {
	Copy    []byte   `json:"copy"`
	LeftOut []string `json:"left_out"` // buckets that are secret and not sealed
}

// openBuckets are the buckets without secrets: bookings and their counters.
var openBuckets = []string{"bookings", "history"}

func (g *Gateway) answerBackup(w http.ResponseWriter, _ *http.Request) {
	b, err := backup(g.store)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, b)
}

func backup(st *store.Store) (b Backup, err error) {
	dir, err := os.MkdirTemp("", "roomgate-backup-")
	if err != nil {
		return b, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "roomgate.db")
	if b.LeftOut, err = st.Backup(path, openBuckets...); err != nil {
		return b, err
	}
	b.Copy, err = os.ReadFile(path)
	return b, err
}
