package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"roomgate/config"
)

// spareSocketPath is where the gateway of a configuration listens for commands when
// the folder of the database cannot be written: in the unit's runtime folder
// (RuntimeDirectory= in systemd.exec(5)), which is in memory. Several gateways on one
// machine are told apart by the path of the database.
func spareSocketPath(cfg *config.Config) string {
	sum := sha256.Sum256([]byte(cfg.Store.Path))
	return filepath.Join(cmp.Or(os.Getenv("RUNTIME_DIRECTORY"), "/run/roomgate"), "control-"+hex.EncodeToString(sum[:6])+".sock")
}

// openControl opens the socket for commands, or the spare one.
func (d Dependencies) openControl(cfg *config.Config) (net.Listener, error) {
	l, err := d.openSocket(socketPath(cfg))
	if err == nil {
		return l, nil
	}
	spare := spareSocketPath(cfg)
	spareErr := os.Mkdir(filepath.Dir(spare), 0o700)
	if spareErr == nil || errors.Is(spareErr, os.ErrExist) {
		l, spareErr = d.openSocket(spare)
	}
	if spareErr != nil {
		return nil, fmt.Errorf("%w, and in memory: %w", err, spareErr)
	}
	return l, nil
}
