package msaltest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"roomgate/graph/graphsim"
)

// publicClient is a client without a secret at an authority.
func (b *bench) publicClient(authority, clientID string, more ...public.Option) public.Client {
	b.Helper()
	c, err := public.New(clientID, append([]public.Option{public.WithAuthority(authority), public.WithHTTPClient(b.client)}, more...)...)
	b.must(err)
	return c
}

// checkPerson asserts that a result is a valid sign-in of the service account.
func (b *bench) checkPerson(got public.AuthResult) {
	b.Helper()
	if got.Account.PreferredUsername != graphsim.ServiceAccount || !strings.HasSuffix(got.Account.HomeAccountID, "."+graphsim.TenantID) {
		b.Errorf("account %+v, want %s of tenant %s", got.Account, graphsim.ServiceAccount, graphsim.TenantID)
	}
	for _, scope := range scopes {
		if !slices.Contains(got.GrantedScopes, scope) {
			b.Errorf("granted %q, want %s among them", got.GrantedScopes, scope)
		}
	}
	if status, me := b.graph("/me", got.AccessToken); status != 200 || !strings.Contains(me, graphsim.ServiceAccount) {
		b.Errorf("Graph says the token is of %d %s, want %s", status, me, graphsim.ServiceAccount)
	}
}

func TestInteractiveLoopback(t *testing.T) {
	b := newBench(t)
	browser := func(address string) error {
		_, page := b.accept(address)
		to, fields := b.form(page)
		resp, text := b.post(to, fields)
		if resp.StatusCode != 200 || !strings.Contains(text, "Authentication complete") {
			b.Errorf("the library's own page says %d %.300s", resp.StatusCode, text)
		}
		return nil
	}
	got, err := b.publicClient(authority, desktopApp).AcquireTokenInteractive(t.Context(), scopes, public.WithOpenURL(browser))
	b.must(err)
	b.checkPerson(got)
}

func TestInteractiveCancelled(t *testing.T) {
	b := newBench(t)
	browser := func(address string) error {
		_, page := b.get(address)
		path, fields := b.form(page)
		fields.Set("action", "cancel")
		_, page = b.post("https://login.microsoftonline.com"+path, fields)
		to, fields := b.form(page)
		b.post(to, fields)
		return nil
	}
	_, err := b.publicClient(authority, desktopApp).AcquireTokenInteractive(t.Context(), scopes, public.WithOpenURL(browser))
	if err == nil || !strings.Contains(err.Error(), "AADSTS65004") {
		t.Errorf("error %v, want AADSTS65004", err)
	}
}

// publicCode gets a code with PKCE for a pasted redirect. With this library the challenge and the OpenID Connect
// scopes of the address are the caller's.
func (b *bench) publicCode(c public.Client, verifier string, scopes ...string) string {
	b.Helper()
	address, err := c.AuthCodeURL(b.Context(), defaultID, native, append(scopes, "openid", "profile", "offline_access"))
	b.must(err)
	sum := sha256.Sum256([]byte(verifier))
	more := url.Values{"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	return b.code(address + "&" + more.Encode())
}

func TestCodeWithPKCE(t *testing.T) {
	for _, tenant := range []string{graphsim.TenantID, graphsim.TenantDomain, "common", "organizations"} {
		t.Run(tenant, func(t *testing.T) {
			b := newBench(t)
			c := b.publicClient(microsoft+tenant, defaultID)
			got, err := c.AcquireTokenByAuthCode(t.Context(), b.publicCode(c, verifier, scopes...), native, scopes, public.WithChallenge(verifier))
			b.must(err)
			b.checkPerson(got)
		})
	}
}

// The library refuses a response that does not list the scopes under the requested names.
func TestScopesKeepTheRequestedNames(t *testing.T) {
	for _, asked := range [][]string{
		{"Calendars.Read"},
		{"calendars.read"},
		{"https://graph.microsoft.com/Calendars.Read", "https://graph.microsoft.com/User.Read"},
		{"https://graph.microsoft.com/.default"},
	} {
		t.Run(asked[0], func(t *testing.T) {
			b := newBench(t)
			c := b.publicClient(authority, defaultID)
			got, err := c.AcquireTokenByAuthCode(t.Context(), b.publicCode(c, verifier, asked...), native, asked, public.WithChallenge(verifier))
			b.must(err)
			again, err := c.AcquireTokenSilent(t.Context(), asked, public.WithSilentAccount(got.Account))
			b.must(err)
			if again.AccessToken != got.AccessToken {
				t.Errorf("granted %q for %q: the library does not find its own token again", got.GrantedScopes, asked)
			}
		})
	}
}

// The library ignores an access token with less than five minutes left: every silent call refreshes.
func TestSilentRefreshOfPublicClient(t *testing.T) {
	b := newBench(t)
	b.sim.Set(func(w *graphsim.Behaviour) { w.AccessLifetime, w.StrictRotation = time.Minute, true })
	c := b.publicClient(authority, defaultID)
	last := b.publicSignIn(c)
	for range 3 {
		next, err := c.AcquireTokenSilent(t.Context(), scopes, public.WithSilentAccount(last.Account))
		b.must(err)
		b.checkPerson(next)
		if next.AccessToken == last.AccessToken || next.Metadata.TokenSource != public.TokenSourceIdentityProvider {
			t.Errorf("the token was not refreshed: %+v", next.Metadata)
		}
		last = next
	}
}

// publicSignIn signs in by the pasted code.
func (b *bench) publicSignIn(c public.Client) public.AuthResult {
	b.Helper()
	got, err := c.AcquireTokenByAuthCode(b.Context(), b.publicCode(c, verifier, scopes...), native, scopes, public.WithChallenge(verifier))
	b.must(err)
	return got
}

// .default at a refresh means the scopes that were consented to, not those of the app registration.
func TestDefaultScopeAtRefresh(t *testing.T) {
	b := newBench(t)
	b.sim.Set(func(w *graphsim.Behaviour) { w.AccessLifetime = time.Minute })
	c := b.publicClient(authority, defaultID)
	got, err := c.AcquireTokenSilent(t.Context(), []string{"https://graph.microsoft.com/.default"}, public.WithSilentAccount(b.publicSignIn(c).Account))
	b.must(err)
	want := []string{"https://graph.microsoft.com/Calendars.Read", "https://graph.microsoft.com/User.Read", "openid", "profile", "https://graph.microsoft.com/.default"}
	if !slices.Equal(got.GrantedScopes, want) {
		t.Errorf("granted %q, want %q", got.GrantedScopes, want)
	}
}

func TestCodeRefusals(t *testing.T) {
	for _, tc := range []struct {
		name     string
		spoil    func(code string) string
		verifier string
		redirect string
		value    string
		want     int
	}{
		{"cut short", func(code string) string { return code[:40] + "…" }, verifier, native, "invalid_request", 9002313},
		{"wrong", func(string) string { return "0.AXkA-nonsense" }, verifier, native, "invalid_request", 9002313},
		{"other verifier", strings.Clone, verifier + "x", native, "invalid_grant", 501481},
		{"other redirect", strings.Clone, verifier, "http://localhost", "invalid_grant", 70000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			c := b.publicClient(authority, defaultID)
			code := tc.spoil(b.publicCode(c, verifier, scopes...))
			_, err := c.AcquireTokenByAuthCode(t.Context(), code, tc.redirect, scopes, public.WithChallenge(tc.verifier))
			want(t, err, 400, tc.value, "", tc.want)
		})
	}
}

func TestUsedCode(t *testing.T) {
	b := newBench(t)
	c := b.publicClient(authority, defaultID)
	code := b.publicCode(c, verifier, scopes...)
	_, err := c.AcquireTokenByAuthCode(t.Context(), code, native, scopes, public.WithChallenge(verifier))
	b.must(err)
	_, err = c.AcquireTokenByAuthCode(t.Context(), code, native, scopes, public.WithChallenge(verifier))
	want(t, err, 400, "invalid_grant", "", 54005)
}
