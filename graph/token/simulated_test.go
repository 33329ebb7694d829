package token

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/graph/graphsim"
)

// gateway is a Keeper against the simulator of Microsoft, whose clock is the
// true one; the gateway's own may be wrong.
type gateway struct {
	sim     *graphsim.Sim
	tokens  *memory
	pending *memory
	clock   *steppedClock
	log     *syncBuffer
	opts    Options
	keeper  *Keeper

	mu  sync.Mutex
	way func(*http.Request) (*http.Response, error) // when set, in place of the way to Microsoft
	ask []string                                    // grant types and paths asked for
}

func newGateway(t *testing.T, change func(*Options)) *gateway {
	t.Helper()
	id, secret, redirect := graphsim.DefaultClient()
	g := &gateway{tokens: newMemory(), pending: newMemory(), clock: &steppedClock{}, log: &syncBuffer{}}
	g.sim = graphsim.New(graphsim.Options{Polite: true, BaseURL: "https://login.example"})
	g.sim.Set(func(w *graphsim.Switches) { w.AutoApprove, w.AccessLife = true, 20*time.Hour })
	g.opts = Options{
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
	k, err := New(g.opts)
	if err != nil {
		t.Fatal(err)
	}
	g.keeper = k
}

func byDevice(o *Options) { o.Kind, o.ClientSecret = DeviceCode, "" }

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
	if err := g.keeper.Complete(t.Context(), g.browse(t, begin(t, g.keeper, BeginOptions{}))); err != nil {
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

func TestEveryWayIn(t *testing.T) {
	withCertificate := func(o *Options) { o.ClientSecret, o.Certificate = "", testCertificate(t) }
	byApp := func(o *Options) { o.Kind = App }
	const person, app = "/me", "/users/" + graphsim.ServiceAccount + "/events"
	for _, test := range []struct {
		name   string
		change []func(*Options)
		signIn func(*testing.T, *gateway)
		path   string
	}{
		{"code with a secret", nil, func(t *testing.T, g *gateway) { g.signIn(t) }, person},
		{"code with a certificate", []func(*Options){withCertificate}, func(t *testing.T, g *gateway) { g.signIn(t) }, person},
		{"code by a public client", []func(*Options){func(o *Options) {
			o.ClientSecret, o.RedirectURI = "", "https://login.microsoftonline.com/common/oauth2/nativeclient"
		}}, func(t *testing.T, g *gateway) { g.signIn(t) }, person},
		{"device code", []func(*Options){byDevice}, func(t *testing.T, g *gateway) {
			d, err := g.keeper.StartDevice(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := g.sim.ApproveDevice(d.UserCode, graphsim.ServiceAccount); err != nil {
				t.Fatal(err)
			}
			if err := g.keeper.WaitDevice(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, person},
		{"import", nil, func(t *testing.T, g *gateway) {
			got, err := g.sim.SignIn(g.opts.ClientID, graphsim.ServiceAccount, g.opts.Scopes...)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.keeper.Import(t.Context(), Imported{RefreshToken: got.Refresh, AccessToken: got.Access, RedirectURI: "http://localhost"}); err != nil {
				t.Fatal(err)
			}
		}, person},
		{"app with a secret", []func(*Options){byApp}, func(*testing.T, *gateway) {}, app},
		{"app with a certificate", []func(*Options){byApp, withCertificate}, func(*testing.T, *gateway) {}, app},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, func(o *Options) {
					for _, change := range test.change {
						change(o)
					}
				})
				g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) { a.Certificates = []*x509.Certificate{testCertificate(t).Leaf} })
				test.signIn(t, g)
				g.wantGoodToken(t, test.path)
				wantState(t, g.keeper, OK)
				time.Sleep(48 * time.Hour) // through a refresh
				g.restart(t)
				g.wantGoodToken(t, test.path)
				st := g.keeper.Status()
				if person := g.opts.Kind != App; st.State != OK || st.Reason != "" || (st.User == graphsim.ServiceAccount) != person || st.RefreshLapses.IsZero() == person {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// TestPastedShapes: what people paste, and what they are told.
func TestPastedShapes(t *testing.T) {
	for _, test := range []struct {
		name  string
		shape func(address string) string
		words string // of the refusal; empty: it is taken
	}{
		{"quotes", func(a string) string { return "“" + a + "”" }, ""},
		{"line breaks", func(a string) string { return a[:60] + "\r\n    " + a[60:200] + "\n" + a[200:] + "\n" }, ""},
		{"fragment", func(a string) string { return strings.Replace(a, "?", "#", 1) }, ""},
		{"trailing #", func(a string) string { return a + "#" }, ""},
		{"code only", func(a string) string { u, _ := url.Parse(a); return u.Query().Get("code") }, ""},
		{"error redirect", func(a string) string {
			u, _ := url.Parse(a)
			return "http://localhost/?error=access_denied&error_description=AADSTS65004%3a+User+declined&state=" + u.Query().Get("state") + "#"
		}, "cancelled on the consent page"},
		{"truncated with an ellipsis", func(a string) string { return a[:120] + "…" }, "cut short"},
		{"truncated without a trace", func(a string) string { return a[:120] }, "damaged on the way (AADSTS9002313"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGateway(t, nil)
			err := g.keeper.Complete(t.Context(), test.shape(g.browse(t, begin(t, g.keeper, BeginOptions{}))))
			if test.words == "" {
				if err != nil {
					t.Error(err)
				}
				wantState(t, g.keeper, OK)
				return
			}
			wantRefusal(t, err, test.words)
			wantState(t, g.keeper, NeverSignedIn)
		})
	}
	t.Run("wrong account's state", func(t *testing.T) {
		g := newGateway(t, nil)
		address := g.browse(t, begin(t, g.keeper, BeginOptions{}))
		g.opts.Account = "annexe"
		g.restart(t)
		wantRefusal(t, g.keeper.Complete(t.Context(), address), "begun for the account rooms, not for annexe")
	})
}

func TestScopesThatGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		g.signIn(t)
		g.opts.Scopes = append(g.opts.Scopes, "Calendars.Read.Shared", "Place.Read.All")
		g.restart(t)
		defer g.run(t)()
		time.Sleep(24 * time.Hour) // through a refresh
		st := g.keeper.Status()
		if st.State != OK || st.Reason != "these scopes were not granted: Calendars.Read.Shared, Place.Read.All" || st.Action != "run: roomgate login rooms" {
			t.Errorf("status %+v", st)
		}
		g.wantGoodToken(t, "/me")
		g.signIn(t)
		if st := g.keeper.Status(); st.State != OK || st.Reason != "" || st.MissingScopes != nil {
			t.Errorf("after the sign-in: status %+v", st)
		}
		if n := strings.Count(g.log.String(), "not for everything"); n != 1 {
			t.Errorf("told %d times:\n%s", n, g.log)
		}
	})
}

func TestMissingScopes(t *testing.T) {
	for _, test := range []struct{ asked, granted, want string }{
		{"offline_access openid Calendars.Read", "Calendars.Read", ""},
		{"Calendars.Read", "", ""}, // not known
		{"https://graph.microsoft.us/Calendars.Read", "calendars.read", ""},
		{"Calendars.Read Calendars.Read.Shared", "Calendars.ReadWrite", "Calendars.Read.Shared"},
		{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared", ""},
		{"Calendars.ReadWrite", "Calendars.Read", "Calendars.ReadWrite"},
		{"https://graph.microsoft.com/.default", "User.Read", ""},
	} {
		if got := strings.Join(missingScopes(strings.Fields(test.asked), strings.Fields(test.granted)), " "); got != test.want {
			t.Errorf("%q of which %q was granted: %q is missing, want %q", test.asked, test.granted, got, test.want)
		}
	}
}

func TestAnotherTenantOrLogin(t *testing.T) {
	for reason, change := range map[string]func(*Options){
		"made for tenant contoso.example, the configuration says fabrikam.example":                      func(o *Options) { o.Tenant = "fabrikam.example" },
		"made for login_url https://login.example, the configuration says https://login.elsewhere.test": func(o *Options) { o.LoginURL = "https://login.elsewhere.test" },
	} {
		g := newGateway(t, nil)
		g.signIn(t)
		before := g.opts
		change(&g.opts)
		g.restart(t)
		st := g.keeper.Status()
		if st.State != SignInNeeded || st.Action != "run: roomgate login rooms" {
			t.Errorf("status %+v", st)
		}
		wantWords(t, "reason", st.Reason, reason)
		g.opts = before
		g.restart(t)
		wantState(t, g.keeper, OK) // nothing was lost by the mistake
	}
	g := newGateway(t, nil)
	g.signIn(t)
	g.opts.Tenant = strings.ToUpper(g.opts.Tenant)
	g.restart(t)
	wantState(t, g.keeper, OK)
}
