package demo

import (
	"fmt"
	"sync"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"

	"roomgate/bridge/mqtt/openbroker"
)

// demoBroker is an MQTT broker in this process, on loopback, open to every client
// and without persistence.
type demoBroker struct {
	address string
	mu      sync.Mutex
	server  *broker.Server // nil: closed
}

func newDemoBroker(address string) (*demoBroker, error) {
	b := &demoBroker{address: address}
	return b, b.open()
}

func (b *demoBroker) open() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	server, err := openbroker.New()
	if err != nil {
		return err
	}
	if err := server.AddListener(listeners.NewTCP(listeners.Config{ID: "demo", Address: b.address})); err != nil {
		return fmt.Errorf("starting the broker: %w", err)
	}
	if err := server.Serve(); err != nil {
		return fmt.Errorf("starting the broker: %w", err)
	}
	b.server = server
	return nil
}

// close reports whether the broker was open.
func (b *demoBroker) close() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server == nil {
		return false
	}
	_ = b.server.Close() // there is nothing to save
	b.server = nil
	return true
}

// publish publishes a retained message. One that finds the broker closed is lost.
func (b *demoBroker) publish(topic, payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		_ = b.server.Publish(topic, []byte(payload), true, 1) // repeated by the caller
	}
}
