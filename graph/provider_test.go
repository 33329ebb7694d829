package graph

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// providerAt is a provider of the account "rooms" at a simulator.
func providerAt(t *testing.T, sim *graphsim.Sim, signIn string, tokens graphsim.Tokens, err error) *Provider {
	t.Helper()
	must(t, err)
	p, err := New(Options{Account: "rooms", LoginURL: "https://login.test", GraphURL: "https://graph.test", Tenant: graphsim.TenantID, SignIn: signIn,
		Session: fixedSession{}, Tokens: simTokens{tokens.Access}, HTTP: &http.Client{Transport: sim.Transport()}, UserAgent: "roomgate",
		Clock: &simClock{}, Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	return p
}

// fixedSession is a session that stays as it is.
type fixedSession struct {
	driver.Session
	status driver.SessionStatus
}

func (s fixedSession) Status() driver.SessionStatus { return s.status }

func TestProviderNeedsAnAddress(t *testing.T) {
	if _, err := New(Options{GraphURL: "graph"}); err == nil || !strings.Contains(err.Error(), `"graph"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestSignedInUser(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "User.Read")
	p := providerAt(t, sim, "code", tokens, err)
	if got, err := p.SignedInUser(t.Context()); err != nil || got != graphsim.ServiceAccount {
		t.Errorf("%q, %v, want %q", got, err, graphsim.ServiceAccount)
	}
}
