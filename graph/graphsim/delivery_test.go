package graphsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestFaultsOverSockets checks that faults look the same over a network connection as through Transport.
func TestFaultsOverSockets(t *testing.T) {
	b := newBench(t).signedIn()
	server := httptest.NewServer(b.sim)
	defer server.Close()
	ask := func() ([]byte, error) {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/v1.0/me/calendars", nil)
		r.Header.Set("Authorization", "Bearer "+b.token)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
	body, err := ask()
	if err != nil || !strings.Contains(string(body), server.URL+"/v1.0/$metadata") {
		t.Fatalf("good answer: %v %s", err, body)
	}
	for kind, want := range map[FaultKind]error{FaultReset: syscall.ECONNRESET, FaultTruncate: io.ErrUnexpectedEOF} {
		b.sim.Fail(nil, Fault{Kind: kind}, 1)
		if _, err := ask(); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", kind, err, want)
		}
	}
	b.sim.Fail(nil, Fault{Kind: FaultHuge}, 1)
	if body, err := ask(); err != nil || len(body) < 64<<20 {
		t.Errorf("huge: %d bytes, error %v", len(body), err)
	}
}

// TestSlowResponse runs in virtual time: a response takes a minute, the client waits ten seconds.
func TestSlowResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Polite: true})
		s.Fail(nil, Fault{Kind: FaultSlow, Delay: time.Minute}, 2)
		ask := func(patience time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, "GET", simHost+"/v1.0/me", nil)
			resp, err := s.Transport().RoundTrip(r)
			if err == nil {
				resp.Body.Close()
			}
			return err
		}
		start := time.Now()
		if err := ask(10 * time.Second); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("impatient client: %v after %s", err, time.Since(start))
		}
		start = time.Now()
		if err := ask(2 * time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("patient client: %v after %s", err, time.Since(start))
		}
	})
}

// TestRandomFaultsSpareCodes: losing the response to a code loses the sign-in, losing that to a refresh does not.
func TestRandomFaultsSpareCodes(t *testing.T) {
	b := newBench(t)
	tokens, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read")
	b.must(err)
	b.sim.Set(func(w *Behaviour) { w.Polite, w.Faults = false, FaultRates{Reset: 1} })
	_, _, redirect := DefaultClient()
	b.tokenPost("authorization_code", "code", b.code(), "redirect_uri", redirect).want(t, 200, "")

	id, secret, _ := DefaultClient()
	form := url.Values{"client_id": {id}, "client_secret": {secret}, "grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}
	if _, err := b.client.PostForm(simHost+"/common/oauth2/v2.0/token", form); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("refresh: %v, want a reset", err)
	}
	b.sim.Set(func(w *Behaviour) { w.Polite = true })
	b.tokenPost("refresh_token", "refresh_token", tokens.Refresh).want(t, 200, "")
}

// TestConcurrentUse is for the race detector: people, clients and changes of behaviour at once.
func TestConcurrentUse(t *testing.T) {
	b := newBench(t).signedIn()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 20 {
				_ = b.try("/users/" + boardroom + "/calendarView" + tuesday)
				if _, err := b.sim.Book(ServiceAccount, []string{boardroom}, Event{Subject: fmt.Sprint(i), Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")}); err != nil {
					t.Error(err)
				}
				b.sim.Set(func(w *Behaviour) { w.Polite = true })
				b.sim.Requests()
				b.sim.Counts()
			}
		})
	}
	wg.Wait()
	if n := len(b.sim.Events(boardroom)); n != 80 {
		t.Errorf("%d bookings, want 80", n)
	}
}
