package graph_test

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/graph"
	"roomgate/graph/graphsim"
)

func TestEveryWayIn(t *testing.T) {
	withCertificate := func(o *graph.SignInOptions) { o.ClientSecret, o.Certificate = "", testCertificate(t) }
	byApp := func(o *graph.SignInOptions) { o.SignIn = "app" }
	const person, app = "/me", "/users/" + graphsim.ServiceAccount + "/events"
	for _, test := range []struct {
		name   string
		change []func(*graph.SignInOptions)
		signIn func(*testing.T, *gateway)
		path   string
	}{
		{"code with a secret", nil, func(t *testing.T, g *gateway) { g.signIn(t) }, person},
		{"code with a certificate", []func(*graph.SignInOptions){withCertificate}, func(t *testing.T, g *gateway) { g.signIn(t) }, person},
		{"code by a public client", []func(*graph.SignInOptions){func(o *graph.SignInOptions) {
			o.ClientSecret, o.RedirectURI = "", "https://login.microsoftonline.com/common/oauth2/nativeclient"
		}}, func(t *testing.T, g *gateway) { g.signIn(t) }, person},
		{"device code", []func(*graph.SignInOptions){byDevice}, func(t *testing.T, g *gateway) {
			d, err := byDeviceCode(g.keeper).StartDevice(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := g.sim.ApproveDevice(d.UserCode, graphsim.ServiceAccount); err != nil {
				t.Fatal(err)
			}
			if err := byDeviceCode(g.keeper).WaitDevice(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, person},
		{"import", nil, func(t *testing.T, g *gateway) {
			got, err := g.sim.SignIn(g.opts.ClientID, graphsim.ServiceAccount, g.opts.Scopes...)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.keeper.Session().(driver.TokenImporter).Import(t.Context(), driver.ImportedTokens{RefreshToken: got.Refresh, AccessToken: got.Access, RedirectURI: "http://localhost"}); err != nil {
				t.Fatal(err)
			}
		}, person},
		{"app with a secret", []func(*graph.SignInOptions){byApp}, func(*testing.T, *gateway) {}, app},
		{"app with a certificate", []func(*graph.SignInOptions){byApp, withCertificate}, func(*testing.T, *gateway) {}, app},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, func(o *graph.SignInOptions) {
					for _, change := range test.change {
						change(o)
					}
				})
				g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) { a.Certificates = []*x509.Certificate{testCertificate(t).Leaf} })
				test.signIn(t, g)
				g.wantGoodToken(t, test.path)
				wantState(t, g.keeper, driver.SignedIn)
				time.Sleep(48 * time.Hour) // through a refresh
				g.restart(t)
				g.wantGoodToken(t, test.path)
				st := g.keeper.Status()
				if person := g.opts.SignIn != "app"; st.State != driver.SignedIn || st.Reason != "" || (st.User == graphsim.ServiceAccount) != person || st.RefreshLapses.IsZero() == person {
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
		{"truncated with an ellipsis", func(a string) string { return a[:120] + "…" }, "truncated"},
		{"truncated without a trace", func(a string) string { return a[:120] }, "damaged in transit; paste the whole address that the browser shows (AADSTS9002313"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGateway(t, nil)
			err := byCode(g.keeper).Complete(t.Context(), test.shape(g.browse(t, begin(t, g.keeper, driver.AuthorizationRequest{}))))
			if test.words == "" {
				if err != nil {
					t.Error(err)
				}
				wantState(t, g.keeper, driver.SignedIn)
				return
			}
			wantRefusal(t, err, test.words)
			wantState(t, g.keeper, driver.NeverSignedIn)
		})
	}
	t.Run("wrong account's state", func(t *testing.T) {
		g := newGateway(t, nil)
		address := g.browse(t, begin(t, g.keeper, driver.AuthorizationRequest{}))
		g.opts.Account = "annexe"
		g.restart(t)
		wantRefusal(t, byCode(g.keeper).Complete(t.Context(), address), "started for the account rooms, not for annexe")
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
		if st.State != driver.SignedIn || st.Reason != "these scopes were not granted: Calendars.Read.Shared, Place.Read.All" || st.Action != "run: roomgate login rooms" {
			t.Errorf("status %+v", st)
		}
		g.wantGoodToken(t, "/me")
		g.signIn(t)
		if st := g.keeper.Status(); st.State != driver.SignedIn || st.Reason != "" || st.MissingScopes != nil {
			t.Errorf("after the sign-in: status %+v", st)
		}
		if n := strings.Count(g.log.String(), "lacks permissions"); n != 1 {
			t.Errorf("told %d times:\n%s", n, g.log)
		}
	})
}

func TestAnotherTenantOrLogin(t *testing.T) {
	for reason, change := range map[string]func(*graph.SignInOptions){
		"made for tenant contoso.example, the configuration says fabrikam.example":                      func(o *graph.SignInOptions) { o.Tenant = "fabrikam.example" },
		"made for login_url https://login.example, the configuration says https://login.elsewhere.test": func(o *graph.SignInOptions) { o.LoginURL = "https://login.elsewhere.test" },
	} {
		g := newGateway(t, nil)
		g.signIn(t)
		before := g.opts
		change(&g.opts)
		g.restart(t)
		st := g.keeper.Status()
		if st.State != driver.SignInNeeded || st.Action != "run: roomgate login rooms" {
			t.Errorf("status %+v", st)
		}
		wantWords(t, "reason", st.Reason, reason)
		g.opts = before
		g.restart(t)
		wantState(t, g.keeper, driver.SignedIn) // nothing was lost by the mistake
	}
	g := newGateway(t, nil)
	g.signIn(t)
	g.opts.Tenant = strings.ToUpper(g.opts.Tenant)
	g.restart(t)
	wantState(t, g.keeper, driver.SignedIn)
}
