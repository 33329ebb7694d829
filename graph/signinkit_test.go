package graph_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/graph"
	"roomgate/graph/graphsim"
	"roomgate/oauth"
	"roomgate/oauth/oauthtest"
)

// gateway is a Keeper against the simulator of Microsoft, whose clock is the
// true one; the gateway's own may be wrong.
type gateway struct {
	sim     *graphsim.Sim
	tokens  *oauthtest.Store
	pending *oauthtest.Store
	clock   *oauthtest.Clock
	log     *oauthtest.Log
	opts    graph.SignInOptions
	keeper  *oauth.Keeper

	mu  sync.Mutex
	way func(*http.Request) (*http.Response, error) // when set, in place of the way to Microsoft
	ask []string                                    // grant types and paths asked for
}

func newGateway(t *testing.T, change func(*graph.SignInOptions)) *gateway {
	t.Helper()
	id, secret, redirect := graphsim.DefaultClient()
	g := &gateway{tokens: oauthtest.NewStore(), pending: oauthtest.NewStore(), clock: &oauthtest.Clock{}, log: &oauthtest.Log{}}
	g.sim = graphsim.New(graphsim.Options{Polite: true, BaseURL: "https://login.example"})
	g.sim.Set(func(w *graphsim.Behaviour) { w.AutoApprove, w.AccessLifetime = true, 20*time.Hour })
	g.opts = graph.SignInOptions{
		Account: "rooms", LoginURL: "https://login.example", Tenant: graphsim.TenantDomain,
		ClientID: id, ClientSecret: secret, RedirectURI: redirect,
		Scopes: []string{"offline_access", "openid", "User.Read", "Calendars.Read"},
		Store:  g.tokens, Pending: g.pending, HTTP: &http.Client{Transport: g}, Clock: g.clock,
		Log: slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&g.opts)
	}
	g.restart(t)
	return g
}

func (g *gateway) restart(t *testing.T) {
	t.Helper()
	k, err := graph.NewKeeper(g.opts)
	if err != nil {
		t.Fatal(err)
	}
	g.keeper = k
}

func byDevice(o *graph.SignInOptions) { o.SignIn, o.ClientSecret = "device", "" }

func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.mu.Lock()
	way := g.way
	g.ask = append(g.ask, form.Get("grant_type"))
	g.mu.Unlock()
	switch {
	case g.clock.Now().Before(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)): // TLS looks at the same clock
		return nil, x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}
	case way != nil:
		return way(r)
	}
	return g.sim.Transport().RoundTrip(r)
}

// through sets the way to Microsoft; nil: it is as it should be.
func (g *gateway) through(way func(*http.Request) (*http.Response, error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.way = way
}

func (g *gateway) asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.ask)
}

func unreachable(*http.Request) (*http.Response, error) {
	return nil, errors.New("network is unreachable")
}

// browse opens the address of Begin and returns the address the browser is
// sent to.
func (g *gateway) browse(t *testing.T, address string) string {
	t.Helper()
	browser := http.Client{Transport: g.sim.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("the sign-in page answered with status %d, %v", resp.StatusCode, err)
	}
	return resp.Header.Get("Location")
}

func (g *gateway) signIn(t *testing.T) {
	t.Helper()
	if err := byCode(g.keeper).Complete(t.Context(), g.browse(t, begin(t, g.keeper, driver.AuthorizationRequest{}))); err != nil {
		t.Fatal(err)
	}
}

func (g *gateway) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	k := g.keeper
	go func() { done <- k.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want context.Canceled", err)
		}
	})
}

// wantGoodToken asks for a token and tries it at Graph.
func (g *gateway) wantGoodToken(t *testing.T, path string) {
	t.Helper()
	token, err := g.keeper.Token(t.Context())
	if err != nil {
		t.Errorf("Token: %v", err)
		return
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://login.example/v1.0"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := g.sim.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("Graph answered the token with status %d, %v", resp.StatusCode, err)
	}
}

func wantWords(t *testing.T, what, got, words string) {
	t.Helper()
	if !strings.Contains(got, words) || (words == "" && got != "") {
		t.Errorf("%s is %q, want %q in it", what, got, words)
	}
}

// byCode is the session of a Keeper that is signed in to by code.
func byCode(k *oauth.Keeper) driver.CodeSignIn { return k.Session().(driver.CodeSignIn) }

// byDeviceCode is the session of a Keeper that is signed in to by device code.
func byDeviceCode(k *oauth.Keeper) driver.DeviceSignIn { return k.Session().(driver.DeviceSignIn) }

func begin(t *testing.T, k *oauth.Keeper, r driver.AuthorizationRequest) string {
	t.Helper()
	address, err := byCode(k).Begin(r)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func wantState(t *testing.T, k *oauth.Keeper, want driver.SessionState) {
	t.Helper()
	if st := k.Status(); st.State != want {
		t.Errorf("state %s (%s), want %s", st.State, st.Reason, want)
	}
}

// wantRefusal wants an error that requires user action, and the command to run.
func wantRefusal(t *testing.T, err error, words string) {
	t.Helper()
	var e *oauth.Error
	if !errors.As(err, &e) || !e.NeedsPerson() || !strings.Contains(e.Error(), words) {
		t.Errorf("got %v, want an error that requires user action, with %q", err, words)
		return
	}
	if !strings.HasSuffix(e.Action(), "run: roomgate login "+e.Account) {
		t.Errorf("%v: the next step is %q", e, e.Action())
	}
}

const day = 24 * time.Hour

var (
	certMade = time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC)
	certEnds = time.Date(2001, 3, 1, 0, 0, 0, 0, time.UTC)
)

// madeCertificate is made once, because making keys is slow.
var madeCertificate = sync.OnceValues(func() (*oauth.Certificate, error) {
	cert, key, err := oauth.NewCertificate("roomgate hq", certMade, certEnds)
	if err != nil {
		return nil, err
	}
	return oauth.ParseCertificate(cert, key)
})

func testCertificate(t *testing.T) *oauth.Certificate {
	t.Helper()
	c, err := madeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reply(status int, contentType, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: http.Header{"Content-Type": {contentType}},
		Body: io.NopCloser(strings.NewReader(body))}
}

// refusal is an error body as the identity platform sends it.
func refusal(status int, code string, number int, sub string) *http.Response {
	body := map[string]any{
		"error":             code,
		"error_description": fmt.Sprintf("AADSTS%d: Something is wrong here. And more of it. Trace ID: 5b0c Correlation ID: 91d2 Timestamp: 2026-11-03 07:41:12Z", number),
		"error_codes":       []int{number}, "timestamp": "2026-11-03 07:41:12Z", "trace_id": "5b0c0f2e", "correlation_id": "91d2a7c4",
	}
	if sub != "" {
		body["suberror"] = sub
	}
	data, _ := json.Marshal(body)
	return reply(status, "application/json; charset=utf-8", string(data))
}
