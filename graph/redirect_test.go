package graph

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"roomgate/oauth"
	"roomgate/oauth/oauthtest"
)

// elsewhere is a server that nothing may be sent to, and one that redirects to it.
func elsewhere(t *testing.T, status int, from, to func(http.Handler) *httptest.Server) (redirecting *httptest.Server, visits *atomic.Int64) {
	t.Helper()
	visits = &atomic.Int64{}
	other := to(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		visits.Add(1)
		body, _ := io.ReadAll(r.Body)
		t.Errorf("the other server received %s %s with Authorization %q and %q", r.Method, r.URL, r.Header.Get("Authorization"), body)
	}))
	t.Cleanup(other.Close)
	redirecting = from(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, status)
	}))
	t.Cleanup(redirecting.Close)
	return redirecting, visits
}

// Another port of the same host, and a server without TLS, receive neither the access
// token nor what is sent to the token endpoint.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for name, servers := range map[string]struct {
		from, to func(http.Handler) *httptest.Server
	}{
		"another port":     {httptest.NewServer, httptest.NewServer},
		"from https":       {httptest.NewTLSServer, httptest.NewServer},
		"to another https": {httptest.NewTLSServer, httptest.NewTLSServer},
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			server, visits := elsewhere(t, status, servers.from, servers.to)
			client, err := NewClient(ClientOptions{BaseURL: server.URL, Tokens: oneToken(), HTTP: server.Client(), Clock: hasty{&atomic.Int64{}},
				Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			var e *Error
			if _, err := client.Me(t.Context()); !errors.As(err, &e) || e.Status != status || e.NeedsPerson() {
				t.Errorf("%s, status %d: Graph: %v", name, status, err)
			}
			keeper, err := NewKeeper(SignInOptions{Account: "rooms", SignIn: "app", LoginURL: server.URL, Tenant: "contoso.example", ClientID: "c",
				ClientSecret: "s", Store: oauthtest.NewStore(), Pending: oauthtest.NewStore(), HTTP: server.Client()})
			if err != nil {
				t.Fatal(err)
			}
			var refused *oauth.Error
			if _, err := keeper.Token(t.Context()); !errors.As(err, &refused) || refused.Class != oauth.Retry {
				t.Errorf("%s, status %d: token endpoint: %v", name, status, err)
			}
			if n := visits.Load(); n != 0 {
				t.Errorf("%s, status %d: %d requests reached the other server", name, status, n)
			}
		}
	}
}

// hasty is a clock that is ahead by every wait, which is over at once.
type hasty struct{ ahead *atomic.Int64 }

func (c hasty) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c hasty) After(d time.Duration) <-chan time.Time {
	c.ahead.Add(int64(d))
	return time.After(0)
}
