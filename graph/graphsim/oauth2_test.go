package graphsim

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// inLibrary configures golang.org/x/oauth2 for a polite simulator in virtual time.
func inLibrary(t *testing.T, test func(t *testing.T, ctx context.Context, sim *Sim, c *oauth2.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := New(Options{Polite: true})
		id, secret, redirect := DefaultClient()
		base := simHost + "/" + TenantID + "/oauth2/v2.0/"
		c := &oauth2.Config{
			ClientID: id, ClientSecret: secret, RedirectURL: redirect, Scopes: []string{"offline_access", "Calendars.Read"},
			Endpoint: oauth2.Endpoint{AuthURL: base + "authorize", TokenURL: base + "token", DeviceAuthURL: base + "devicecode"},
		}
		client := &http.Client{
			Transport:     sim.Transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		test(t, context.WithValue(t.Context(), oauth2.HTTPClient, client), sim, c)
	})
}

// redirected opens an authorize address and returns the code of the redirect.
func redirected(t *testing.T, ctx context.Context, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := ctx.Value(oauth2.HTTPClient).(*http.Client).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	target, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || target.Query().Get("code") == "" || target.Query().Get("state") != "s1" {
		t.Fatalf("status %d, back to %q: no code or another state", resp.StatusCode, resp.Header.Get("Location"))
	}
	return target.Query().Get("code")
}

// wantRefusal compares the library's typed error.
func wantRefusal(t *testing.T, err error, status int, value, aadsts string) {
	t.Helper()
	var problem *oauth2.RetrieveError
	if !errors.As(err, &problem) {
		t.Fatalf("error %v, want a RetrieveError", err)
	}
	if problem.Response.StatusCode != status || problem.ErrorCode != value || !strings.HasPrefix(problem.ErrorDescription, aadsts) {
		t.Errorf("%d %s %.60q, want %d %s %s", problem.Response.StatusCode, problem.ErrorCode, problem.ErrorDescription, status, value, aadsts)
	}
}

func TestLibraryCodeAndRefresh(t *testing.T) {
	for name, style := range map[string]oauth2.AuthStyle{"found out": oauth2.AuthStyleAutoDetect, "form": oauth2.AuthStyleInParams, "header": oauth2.AuthStyleInHeader} {
		t.Run(name, func(t *testing.T) {
			inLibrary(t, func(t *testing.T, ctx context.Context, _ *Sim, c *oauth2.Config) {
				c.Endpoint.AuthStyle = style
				verifier := oauth2.GenerateVerifier()
				prompt := oauth2.SetAuthURLParam("prompt", "none")
				code := redirected(t, ctx, c.AuthCodeURL("s1", oauth2.S256ChallengeOption(verifier), prompt))
				first, err := c.Exchange(ctx, code, oauth2.VerifierOption(verifier))
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Exchange(ctx, code, oauth2.VerifierOption(verifier))
				wantRefusal(t, err, 400, "invalid_grant", "AADSTS54005:")
				time.Sleep(24 * time.Hour)
				next, err := c.TokenSource(ctx, first).Token()
				if err != nil {
					t.Fatal(err)
				}
				if next.AccessToken == first.AccessToken || next.RefreshToken == first.RefreshToken || !next.Valid() {
					t.Error("the refresh brought no new pair of tokens")
				}
			})
		})
	}
}

func TestLibraryRefusals(t *testing.T) {
	inLibrary(t, func(t *testing.T, ctx context.Context, sim *Sim, c *oauth2.Config) {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		tokens, err := sim.SignIn(c.ClientID, ServiceAccount, c.Scopes...)
		if err != nil {
			t.Fatal(err)
		}
		refresh := func() error {
			_, err := c.TokenSource(ctx, &oauth2.Token{RefreshToken: tokens.Refresh}).Token()
			return err
		}
		good := c.ClientSecret
		c.ClientSecret = "not the value"
		wantRefusal(t, refresh(), 401, "invalid_client", "AADSTS7000215:")
		c.ClientSecret = good
		sim.ChangeApp(c.ClientID, func(a *App) { a.Secrets[0].Expires = time.Now() })
		wantRefusal(t, refresh(), 401, "invalid_client", "AADSTS7000222:")
		sim.ChangeApp(c.ClientID, func(a *App) { a.Secrets[0].Expires = time.Time{} })
		time.Sleep(90 * 24 * time.Hour)
		wantRefusal(t, refresh(), 400, "invalid_grant", "AADSTS700082:")
	})
}

func TestLibraryDeviceCode(t *testing.T) {
	inLibrary(t, func(t *testing.T, ctx context.Context, sim *Sim, c *oauth2.Config) {
		c.ClientSecret, c.Endpoint.AuthStyle = "", oauth2.AuthStyleInParams
		device, err := c.DeviceAuth(ctx)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() {
			if err := sim.ApproveDevice(device.UserCode, ServiceAccount); err != nil {
				t.Error(err)
			}
		})
		token, err := c.DeviceAccessToken(ctx, device)
		if err != nil {
			t.Fatal(err)
		}
		if token.RefreshToken == "" || !token.Valid() {
			t.Error("no good token with a refresh token")
		}
		if polls := sim.Counts()["token"]; polls < 12 || polls > 13 {
			t.Errorf("%d polls in a minute, want one every 5 s", polls)
		}
	})
}

func TestLibraryDeviceCodeRefused(t *testing.T) {
	for value, spoil := range map[string]func(*Sim, string) error{
		"authorization_declined": (*Sim).DeclineDevice,
		"expired_token":          func(s *Sim, _ string) error { s.Set(func(w *Behaviour) { w.DeviceLifetime = time.Minute }); return nil },
	} {
		t.Run(value, func(t *testing.T) {
			inLibrary(t, func(t *testing.T, ctx context.Context, sim *Sim, c *oauth2.Config) {
				c.ClientSecret, c.Endpoint.AuthStyle = "", oauth2.AuthStyleInParams
				device, err := c.DeviceAuth(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if err := spoil(sim, device.UserCode); err != nil {
					t.Fatal(err)
				}
				_, err = c.DeviceAccessToken(ctx, device)
				wantRefusal(t, err, 400, value, "")
			})
		})
	}
}

func TestLibraryClientCredentials(t *testing.T) {
	inLibrary(t, func(t *testing.T, ctx context.Context, _ *Sim, c *oauth2.Config) {
		app := clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, TokenURL: c.Endpoint.TokenURL,
			Scopes: []string{"https://graph.microsoft.com/.default"}}
		token, err := app.Token(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if token.RefreshToken != "" || !token.Valid() {
			t.Error("want a good access token and no refresh token")
		}
	})
}
