package msaltest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"roomgate/graph/graphsim"
)

const (
	microsoft  = "https://login.microsoftonline.com/"
	authority  = microsoft + graphsim.TenantID
	native     = microsoft + "common/oauth2/nativeclient"
	desktopApp = "5b1d9f70-1c2d-4e3f-8a4b-5c6d7e8f9a0b" // public client whose browser comes back to localhost
)

var (
	scopes   = []string{"Calendars.Read", "User.Read"}
	verifier = strings.Repeat("verifier-", 6)

	defaultID, defaultSecret, webRedirect = graphsim.DefaultClient()
)

// bench is a simulator behind TLS, and an HTTP client that resolves Microsoft's host names to it, so that the library
// runs with its defaults: https only, authority validation and instance discovery enabled.
type bench struct {
	*testing.T
	sim    *graphsim.Sim
	client *http.Client // follows no redirects
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, sim: newSim()}
	server := httptest.NewTLSServer(b.sim)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	b.client = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if host, _, _ := net.SplitHostPort(address); host != "localhost" {
					address = server.Listener.Addr().String()
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			},
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, // a name httptest's certificate has
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// newSim has the usual application and a public one.
func newSim() *graphsim.Sim {
	sim := graphsim.New(graphsim.Options{Polite: true})
	sim.AddApp(graphsim.App{
		ClientID: desktopApp, Name: "desktop", PublicClient: true,
		Redirects: []graphsim.Redirect{{Platform: graphsim.Native, URI: "http://localhost"}},
	})
	return sim
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) send(r *http.Request) (*http.Response, string) {
	b.Helper()
	resp, err := b.client.Do(r)
	b.must(err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	b.must(err)
	return resp, string(body)
}

func (b *bench) get(address string) (*http.Response, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	b.must(err)
	return b.send(r)
}

func (b *bench) post(address string, form url.Values) (*http.Response, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	b.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

// graph asks Graph with a token.
func (b *bench) graph(path, token string) (status int, body string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0"+path, nil)
	b.must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	resp, body := b.send(r)
	return resp.StatusCode, body
}

var (
	action = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// form reads the address and the hidden fields of the form on a page.
func (b *bench) form(page string) (string, url.Values) {
	b.Helper()
	to := action.FindStringSubmatch(page)
	if to == nil {
		b.Fatalf("there is no form on the page %.300s", page)
	}
	fields := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		fields.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return html.UnescapeString(to[1]), fields
}

// accept accepts on the sign-in page and returns the page that follows.
func (b *bench) accept(address string) (*http.Response, string) {
	b.Helper()
	_, page := b.get(address)
	to, fields := b.form(page)
	fields.Set("user", graphsim.ServiceAccount)
	fields.Set("action", "accept")
	base, err := url.Parse(address)
	b.must(err)
	return b.post(base.ResolveReference(&url.URL{Path: to}).String(), fields)
}

// code takes the code out of the redirect that follows an accepted sign-in.
func (b *bench) code(address string) string {
	b.Helper()
	resp, page := b.accept(address)
	back, err := resp.Location()
	if err != nil {
		b.Fatalf("no redirect after the sign-in: %v; page %.300s", err, page)
	}
	return back.Query().Get("code")
}

// refusal is the error body of the identity platform as the library returns it.
type refusal struct {
	Status   int    `json:"-"`
	Error    string `json:"error"`
	Suberror string `json:"suberror"`
	Codes    []int  `json:"error_codes"`
}

// refused unpacks the library's typed error. The body is taken from its text, because the library has already
// consumed the response to a refused device code.
func refused(t *testing.T, err error) refusal {
	t.Helper()
	var call msal.CallErr
	if !errors.As(err, &call) {
		t.Fatalf("error %v, want the library's CallErr", err)
	}
	out := refusal{Status: call.Resp.StatusCode}
	_, body, _ := strings.Cut(call.Error(), ":\n")
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// want compares a refusal with status, error value, suberror and AADSTS code.
func want(t *testing.T, err error, status int, value, sub string, code int) {
	t.Helper()
	got := refused(t, err)
	if got.Status != status || got.Error != value || got.Suberror != sub || len(got.Codes) != 1 || got.Codes[0] != code {
		t.Errorf("%+v, want %d %s %q [%d]", got, status, value, sub, code)
	}
}
