package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/gateway"
	"roomgate/graph/graphsim"
)

// simulator is a simulator inside the test, behind a witness.
type simulator struct {
	*graphsim.Sim
	*witness
	url string
}

// newSimulator starts a polite simulator with the made-up office.
func newSimulator(t *testing.T) *simulator {
	t.Helper()
	sim := graphsim.New(graphsim.Options{Polite: true})
	graphsim.Office(sim, time.UTC, time.Now())
	w := newWitness(sim)
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return &simulator{sim, w, server.URL}
}

// TestKillDuringRefresh kills the gateway at random instants around the refresh
// of its tokens, at a service that revokes older refresh tokens as soon as a
// newer sign-in is used. After each kill the sign-in must still be alive.
func TestKillDuringRefresh(t *testing.T) {
	t.Parallel()
	kills := 200
	if testing.Short() {
		kills = 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	h := newHouse(t)
	sim := newSimulator(t)
	sim.Set(func(s *graphsim.Behaviour) { s.StrictRotation, s.Latency = true, 10*time.Millisecond })
	h.sim = sim.url
	h.open()
	t.Cleanup(func() { h.keep(sim.seen()) })
	h.signIn("rooms")

	unused := 0 // kills after which new tokens were out that nobody had used
	for i := range kills {
		sim.ExpireAccess() // so that the gateway refreshes as soon as it reads a calendar
		sim.ResetRequests()
		gateway := h.daemon()
		h.await("the first request", func() bool { return len(sim.Requests()) > 0 })
		<-time.After(time.Duration(rng.Int64N(int64(60 * time.Millisecond))))
		end(gateway)
		issued, used := life(sim.Requests())
		if issued && !used {
			unused++
		}
		if err := h.stillSignedIn(); err != nil {
			t.Fatalf("seed %d: after kill %d the sign-in is lost: %v\n%s", seed, i+1, err, tail(h.said()))
		}
	}
	t.Logf("%d of %d kills came between the issue of new tokens and their first use", unused, kills)
	if unused == 0 {
		t.Error("no kill came between the issue of new tokens and their first use: the test proves nothing")
	}
	h.daemon()
	h.await("the page", func() bool { return accepts(h.web) })
	h.await("a good room at the end", func() bool { return h.room("boardroom").Quality == "good" })
	if state := h.account("rooms").State; state != driver.SignedIn {
		t.Errorf("the account is %q at the end, want ok", state)
	}
}

// life tells from the requests of one life of the gateway whether tokens were
// issued to it, and whether it used them.
func life(requests []graphsim.Request) (issued, used bool) {
	for _, r := range requests {
		switch {
		case r.Status != http.StatusOK:
		case r.Kind == "token":
			issued = true
		case issued:
			used = true
		}
	}
	return issued, used
}

// stillSignedIn uses the sign-in as the next start of the gateway would, with
// the database as the kill left it, to read the rooms.
func (h *house) stillSignedIn() error {
	cfg, err := config.Load(h.config())
	if err != nil {
		return err
	}
	st, err := store.Open(cfg.Store.Path, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	if words := st.Damaged(); words != "" {
		return fmt.Errorf("the database is damaged: %s", words)
	}
	g, err := gateway.New(cfg, st, gateway.Dependencies{Clock: driver.WallClock{}, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	var findings []driver.Finding
	err = g.Client().Check(h.t.Context(), cfg, func(f driver.Finding) { findings = append(findings, f) })
	if err != nil {
		return err
	}
	for _, f := range findings { // with no broker there, that one is bad
		if signIn := strings.HasPrefix(f.Subject, "account ") || strings.HasPrefix(f.Subject, "room "); signIn && f.Level == driver.LevelBad {
			return fmt.Errorf("%s: %s", f.Subject, f.Words)
		}
	}
	return nil
}
