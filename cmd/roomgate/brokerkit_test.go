package main

import (
	"testing"

	"github.com/mochi-mqtt/server/v2/listeners"

	"roomgate/bridge/mqtt/openbroker"
)

// openBroker starts a broker on loopback that lets everybody do everything, and
// returns its host and port.
func openBroker(t *testing.T) string {
	t.Helper()
	server, err := openbroker.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	l := listeners.NewTCP(listeners.Config{ID: "test", Address: "127.0.0.1:0"})
	if err := server.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	return l.Address()
}
