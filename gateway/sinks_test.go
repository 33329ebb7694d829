package gateway

import (
	"testing"

	"roomgate/config"
)

// Two configurations on one machine have client ids of their own, which stay the same.
func TestClientID(t *testing.T) {
	of := func(site, database, configured string) string {
		return clientID(&config.Config{Site: config.Site{ID: site}, Store: config.Store{Path: database}, MQTT: config.MQTT{ClientID: configured}})
	}
	first := of("hq", "/var/lib/roomgate/roomgate.db", "")
	if again := of("hq", "/var/lib/roomgate/roomgate.db", ""); again != first {
		t.Errorf("client ids %q and %q of one configuration", first, again)
	}
	for what, other := range map[string]string{
		"another database": of("hq", "/var/lib/roomgate/test.db", ""),
		"another site":     of("annex", "/var/lib/roomgate/roomgate.db", ""),
	} {
		if other == first {
			t.Errorf("%s has the same client id, %q", what, first)
		}
	}
	if got := of("hq", "/var/lib/roomgate/roomgate.db", "mine"); got != "mine" {
		t.Errorf("client id %q, want the configured one", got)
	}
}
