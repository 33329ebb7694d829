package graph_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/graph"
	"roomgate/graph/graphsim"
	"roomgate/oauth"
	"roomgate/oauth/oauthtest"
)

// TestAYear is what one account lives through, and what people are told at
// each moment. The sign-in is lost only where Microsoft ends it.
func TestAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		began := time.Now()
		g := newGateway(t, func(o *graph.SignInOptions) { o.SecretExpires = began.Add(200 * day) })
		app := func(value string, expires time.Time) {
			g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) {
				a.Secrets = []graphsim.Secret{{Value: value, Expires: expires}}
			})
		}
		app(g.opts.ClientSecret, g.opts.SecretExpires)
		g.signIn(t)
		stop := g.run(t)
		off := func() { stop() }
		on := func() { g.restart(t); stop = g.run(t) }
		defer func() { stop() }()
		fail := func(code int) func() { return func() { g.sim.FailToken(code, -1) } }
		signIn := func() { g.signIn(t) }

		for _, step := range []struct {
			day            int // when it happens, and what is looked at is a day later
			name           string
			happens        func()
			state          driver.SessionState
			reason, action string
		}{
			{1, "an ordinary day", nil, driver.SignedIn, "", ""},
			{20, "no internet", func() { g.through(unreachable) }, driver.Retrying, "no answer from the sign-in service: network is unreachable", ""},
			{26, "still none after a week", nil, driver.Retrying, "network is unreachable", ""},
			{27, "internet again", func() { g.through(nil) }, driver.SignedIn, "", ""},
			{40, "throttled, in plain text", fail(429), driver.Retrying, "slow down", ""},
			{42, "throttled tenant", fail(90055), driver.Retrying, "too many requests (AADSTS90055", ""},
			{44, "fault of the service", fail(90033), driver.Retrying, "temporary fault", ""},
			{46, "over", func() { g.sim.FailToken(0, 0) }, driver.SignedIn, "", ""},
			{60, "password reset", func() { g.sim.Revoke("") }, driver.SignInNeeded, "revoked (password changed or sessions ended) (AADSTS50173", "run: roomgate login rooms"},
			{62, "signed in again", signIn, driver.SignedIn, "", ""},
			{90, "second factor wanted", fail(50076), driver.SignInNeeded, "second factor (AADSTS50076", "run: roomgate login rooms"},
			{92, "account excluded from the policy", func() { g.sim.FailToken(0, 0) }, driver.SignedIn, "", ""},
			{100, "blocked by a policy", fail(53003), driver.SignInNeeded, "Conditional Access policy blocks the sign-in (AADSTS53003", "tab Conditional Access"},
			{102, "policy lifted", func() { g.sim.FailToken(0, 0) }, driver.SignedIn, "", ""},
			{110, "consent withdrawn", fail(65001), driver.SignInNeeded, "consent was withdrawn (AADSTS65001", "Grant admin consent"},
			{112, "consent given again", func() { g.sim.FailToken(0, 0) }, driver.SignedIn, "", ""},
			{120, "account disabled", fail(50057), driver.SignInNeeded, "disabled (AADSTS50057", "Account enabled"},
			{122, "account enabled", func() { g.sim.FailToken(0, 0) }, driver.SignedIn, "", ""},
			{125, "locked account", fail(50053), driver.SignInNeeded, "locked after many wrong attempts", "Risky users"},
			{127, "unlocked", func() { g.sim.FailToken(0, 0) }, driver.SignedIn, "", ""},
			{128, "powered off for a month", off, driver.SignedIn, "", ""},
			{158, "a boot in 1970", func() { g.clock.Step(time.Until(time.Unix(0, 0))); on() }, driver.Retrying, "no answer", "check the gateway's clock (timedatectl) and set up NTP"},
			{160, "the clock is set", func() { g.clock.Step(-g.clock.Offset()) }, driver.SignedIn, "", ""},
			{199, "the secret ends", nil, driver.SignedIn, "", ""},
			{201, "the secret has ended", nil, driver.SignInNeeded, "secret or certificate has expired (AADSTS7000222", "Certificates & secrets"},
			{203, "a wrong one", func() { off(); g.opts.ClientSecret = "its-id"; on() }, driver.SignInNeeded, "client secret is wrong (AADSTS7000215", "not its Secret ID"},
			{205, "a new one", func() {
				off()
				app("new", began.Add(900*day))
				g.opts.ClientSecret, g.opts.SecretExpires = "new", began.Add(900*day)
				on()
			}, driver.SignedIn, "", ""},
			{210, "powered off for 80 days", off, driver.SignedIn, "", ""},
			{290, "on again", on, driver.SignedIn, "", ""},
			{291, "powered off for 74 days", off, driver.SignedIn, "", ""},
			{365, "on again", on, driver.SignedIn, "", ""},
			{366, "powered off for 95 days", off, driver.SignedIn, "", ""},
			{461, "too late", on, driver.SignInNeeded, "not used for 90 days (AADSTS700082", "run: roomgate login rooms"},
			{463, "signed in again", signIn, driver.SignedIn, "", ""},
		} {
			time.Sleep(time.Until(began.Add(time.Duration(step.day) * day)))
			if step.happens != nil {
				step.happens()
			}
			time.Sleep(day)
			synctest.Wait()
			if strings.HasPrefix(step.name, "powered off") {
				continue
			}
			st := g.keeper.Status()
			if st.State != step.state {
				t.Errorf("%s: state %s (%s), want %s", step.name, st.State, st.Reason, step.state)
			}
			wantWords(t, step.name+": reason", st.Reason, step.reason)
			wantWords(t, step.name+": action", st.Action, step.action)
			if g.tokens.RefreshToken("rooms") == "" {
				t.Errorf("%s: the refresh token was thrown away", step.name)
			}
			if st.State == driver.SignedIn {
				g.wantGoodToken(t, "/me")
			}
		}
		// Off at 60 days, so told just after there were 40, when the clock was set. The wall
		// clock is looked at every minute, so a warning comes when the last whole day of a
		// threshold has begun. Told again by the run that began after the end.
		const want = "39 29 13 6 2 0 0 0"
		var got []string
		for line := range strings.Lines(g.log.String()) {
			if strings.Contains(line, "the client secret ends") {
				_, left, _ := strings.Cut(line, "days_left=")
				got = append(got, strings.Fields(left)[0])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("warned with %v days left, want %v", got, want)
		}
	})
}

func TestALockedAccountBecomesAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *graph.SignInOptions) { o.Refresh = oauthtest.Every(time.Hour) })
		g.signIn(t)
		defer g.run(t)()
		g.sim.FailToken(50053, -1)
		time.Sleep(2 * time.Hour) // the refresh at about one o'clock is the first to fail
		st := g.keeper.Status()
		if st.State != driver.Retrying || time.Until(st.NextTry) > 5*time.Minute {
			t.Errorf("within the hour: status %+v", st)
		}
		time.Sleep(30 * time.Minute)
		wantState(t, g.keeper, driver.SignInNeeded)
		time.Sleep(5 * time.Hour)
		wantState(t, g.keeper, driver.SignInNeeded)
		g.sim.FailToken(0, 0)
		time.Sleep(time.Hour + time.Minute)
		wantState(t, g.keeper, driver.SignedIn)
	})
}

func TestCountdownOfTheSignInItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		g.signIn(t)
		defer g.run(t)()
		g.through(unreachable)
		time.Sleep(92 * day)
		if n := strings.Count(g.log.String(), "the sign-in ends"); n != 7 {
			t.Errorf("warned %d times, want at 60, 30, 14, 7, 3, 1 days and at the end", n)
		}
	})
}

func TestCertificateIsCountedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *graph.SignInOptions) {
			o.SignIn, o.ClientSecret, o.Certificate = "app", "", testCertificate(t)
		})
		g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) { a.Certificates = []*x509.Certificate{testCertificate(t).Leaf} })
		defer g.run(t)()
		synctest.Wait()
		if st := g.keeper.Status(); !st.SecretExpires.Equal(certEnds) || st.State != driver.SignedIn {
			t.Errorf("status %+v, want the end of the certificate %v", st, certEnds)
		}
		time.Sleep(time.Until(certEnds.Add(-59 * day)))
		if n := strings.Count(g.log.String(), "the client certificate ends"); n != 1 {
			t.Errorf("warned %d times", n)
		}
	})
}

func TestAppKeepsItsTokenToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *graph.SignInOptions) { o.SignIn, o.Refresh = "app", oauthtest.Every(5*time.Minute) })
		g.sim.Set(func(w *graphsim.Behaviour) { w.AccessLifetime = time.Hour })
		wantState(t, g.keeper, driver.Refreshing) // never "never signed in": there is nobody to do it
		defer g.run(t)()
		time.Sleep(54 * time.Minute)
		g.wantGoodToken(t, "/users/"+graphsim.ServiceAccount+"/events")
		if n := g.asked(); n != 1 {
			t.Errorf("%d requests in 54 minutes, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		if n := g.asked(); n != 2 {
			t.Errorf("%d requests in 56 minutes, want another five minutes before the end", n)
		}
		if len(g.tokens.Values) != 0 {
			t.Error("an app's token was stored")
		}
	})
}

func TestAppInTrouble(t *testing.T) {
	for code, action := range map[int]string{7000215: "Certificates & secrets", 7000112: "Enabled for users", 700027: "Upload certificate", 700016: "Grant admin consent"} {
		synctest.Test(t, func(t *testing.T) {
			g := newGateway(t, func(o *graph.SignInOptions) { o.SignIn = "app" })
			g.sim.FailToken(code, -1)
			defer g.run(t)()
			synctest.Wait()
			st := g.keeper.Status()
			if st.State != driver.SignInNeeded || strings.Contains(st.Action, "roomgate login") {
				t.Errorf("AADSTS%d: status %+v", code, st)
			}
			wantWords(t, "action", st.Action, action)
			g.sim.FailToken(0, 0)
			time.Sleep(time.Hour + time.Minute)
			wantState(t, g.keeper, driver.SignedIn)
		})
	}
}

func TestAssertionOfAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *graph.SignInOptions) { o.SignIn, o.ClientSecret, o.Certificate = "app", "", testCertificate(t) })
		g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) { a.Certificates = []*x509.Certificate{testCertificate(t).Leaf} })
		g.clock.Step(time.Hour)
		defer g.run(t)()
		synctest.Wait()
		st := g.keeper.Status()
		if st.State != driver.Retrying || !strings.Contains(st.Action, "NTP") {
			t.Errorf("status %+v", st)
		}
		g.clock.Step(-time.Hour)
		time.Sleep(time.Minute)
		wantState(t, g.keeper, driver.SignedIn)
	})
}

func TestImportIsProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		g.signIn(t)
		before := g.tokens.RefreshToken("rooms")
		for _, test := range []struct {
			given driver.ImportedTokens
			words string
		}{
			{driver.ImportedTokens{}, "no refresh token"},
			{driver.ImportedTokens{AccessToken: "a"}, "only an access token"},
			{driver.ImportedTokens{RefreshToken: "a", AccessToken: "a"}, "is an access token"},
			{driver.ImportedTokens{RefreshToken: "eyJ0eXAi.e30.sig"}, "is an access token"},
			{driver.ImportedTokens{RefreshToken: "1.AX kA"}, "damaged"},
			{driver.ImportedTokens{RefreshToken: "1.AXkA-dead"}, "AADSTS9002313"},
		} {
			err := g.keeper.Session().(driver.TokenImporter).Import(t.Context(), test.given)
			wantRefusal(t, err, test.words)
			if err != nil && test.given.RefreshToken != "" && test.given.RefreshToken != "a" && strings.Contains(err.Error(), test.given.RefreshToken) {
				t.Errorf("the token is in the error: %v", err)
			}
		}
		g.through(unreachable)
		var e *oauth.Error
		if err := g.keeper.Session().(driver.TokenImporter).Import(t.Context(), driver.ImportedTokens{RefreshToken: "1.AXkA"}); !errors.As(err, &e) || e.Class != oauth.Retry {
			t.Errorf("without a network: %v", err)
		}
		g.through(nil)
		if g.tokens.RefreshToken("rooms") != before {
			t.Error("the sign-in that was there is gone")
		}
		got, err := g.sim.SignIn(g.opts.ClientID, graphsim.ServiceAccount, "offline_access", "User.Read", "Calendars.Read")
		if err != nil {
			t.Fatal(err)
		}
		g.sim.Set(func(w *graphsim.Behaviour) { w.NoRotation = true })
		if err := g.keeper.Session().(driver.TokenImporter).Import(t.Context(), driver.ImportedTokens{RefreshToken: " \"" + got.Refresh + "\"\n", RedirectURI: "https://elsewhere.example/cb"}); err != nil {
			t.Fatal(err)
		}
		if stored := g.tokens.RefreshToken("rooms"); stored != got.Refresh {
			t.Errorf("stored %q", stored)
		}
		time.Sleep(2 * day)
		g.restart(t)
		g.wantGoodToken(t, "/me")
	})
}

func TestKindsAreChecked(t *testing.T) {
	for words, change := range map[string]func(*graph.SignInOptions){
		`"smoke" is not a way`:           func(o *graph.SignInOptions) { o.SignIn = "smoke" },
		"remove one":                     func(o *graph.SignInOptions) { o.Certificate = testCertificate(t) },
		"needs a client secret":          func(o *graph.SignInOptions) { o.SignIn, o.ClientSecret = "app", "" },
		`id or domain, not "common"`:     func(o *graph.SignInOptions) { o.SignIn, o.Tenant = "app", "common" },
		"set up the sign-in of account ": func(o *graph.SignInOptions) { o.SignIn, o.Tenant = "app", "organizations" },
	} {
		o := newGateway(t, nil).opts
		change(&o)
		if _, err := graph.NewKeeper(o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("New: %v, want words with %q", err, words)
		}
	}
}
