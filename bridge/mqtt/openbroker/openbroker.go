// Package openbroker is an MQTT broker in this process that lets every client do
// everything, for the demonstration and for tests.
package openbroker

import (
	"fmt"
	"log/slog"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// statisticsEvery is how often the broker publishes its own statistics, in
// seconds. Nobody reads them here.
const statisticsEvery = 3600

// New returns a broker without listeners and without persistence. It has an inline
// client.
func New() (*broker.Server, error) {
	server := broker.New(&broker.Options{InlineClient: true, SysTopicResendInterval: statisticsEvery, Logger: slog.New(slog.DiscardHandler)})
	if err := server.AddHook(new(allowAll), nil); err != nil {
		return nil, fmt.Errorf("making a broker: %w", err)
	}
	return server, nil
}

// allowAll is the broker.Hook that lets every client do everything. The library's
// own brings another dependency along.
type allowAll struct{ broker.HookBase }

// ID implements broker.Hook.
func (*allowAll) ID() string { return "allow-all" }

// Provides implements broker.Hook.
func (*allowAll) Provides(b byte) bool {
	return b == broker.OnConnectAuthenticate || b == broker.OnACLCheck
}

// OnConnectAuthenticate implements broker.Hook.
func (*allowAll) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }

// OnACLCheck implements broker.Hook.
func (*allowAll) OnACLCheck(*broker.Client, string, bool) bool { return true }
