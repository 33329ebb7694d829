package oauth

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/oauth/oauthtest"
)

func TestNobodySignedIn(t *testing.T) {
	s := newSite(t)
	wantState(t, s.keeper, driver.NeverSignedIn)
	_, err := s.keeper.Token(t.Context())
	var e *Error
	if !errors.As(err, &e) || !e.NeedsPerson() || e.Action() != "run: roomgate login rooms" {
		t.Errorf("Token: %v, want an error that sends a person to sign in", err)
	}
	if s.service.count() != 0 {
		t.Error("the service was asked although there is nothing to ask for")
	}
}

func TestSignInStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		changed := s.keeper.Changed()
		s.signIn(t)
		select {
		case <-changed:
		default:
			t.Error("nobody was woken")
		}
		now := time.Now().UTC()
		want := driver.SessionStatus{
			State: driver.SignedIn, AccessExpires: now.Add(time.Hour), LastRefresh: now, SignedInAt: now,
			RefreshLapses: now.Add(90 * 24 * time.Hour), Scopes: []string{"calendar.read", "profile.read"},
		}
		if got := s.keeper.Status(); !reflect.DeepEqual(got, want) {
			t.Errorf("status %+v\nwant   %+v", got, want)
		}
		wantToken(t, s.keeper, "access-2")

		again := s.restart(t, s.options())
		if got := again.Status(); !reflect.DeepEqual(got, want) {
			t.Errorf("after a restart %+v\nwant            %+v", got, want)
		}
		wantToken(t, again, "access-2")
		if n := s.service.count(); n != 1 {
			t.Errorf("%d requests, want the one of the sign-in", n)
		}
	})
}

func TestRefreshOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(59*time.Minute + 29*time.Second)
		wantToken(t, s.keeper, "access-2")
		time.Sleep(time.Second)
		wantToken(t, s.keeper, "access-3")
		want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"refresh-2"}, "client_id": {clientID}, "client_secret": {secret}}
		if got := s.service.posts[1]; !reflect.DeepEqual(got, want) {
			t.Errorf("posted %v, want %v", got, want)
		}
		if got := s.tokens.RefreshToken("rooms"); got != "refresh-3" {
			t.Errorf("the store holds %q, want refresh-3", got)
		}
	})
}

func TestAnAnswerWithoutARefreshTokenKeepsTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.behave(always(func() *http.Response {
			return reply(200, "application/json", `{"token_type":"Bearer","expires_in":"3599","access_token":"bare"}`)
		}))
		wantToken(t, s.keeper, "bare")
		if got := s.tokens.RefreshToken("rooms"); got != "refresh-2" {
			t.Errorf("the store holds %q, want refresh-2", got)
		}
		if got := s.keeper.Status().Scopes; !slices.Equal(got, []string{"calendar.read", "profile.read"}) {
			t.Errorf("scopes %v", got)
		}
	})
}

func TestNewTokensAreDurableBeforeTheyAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		release := make(chan struct{})
		s.tokens.BeforePut(func() error { <-release; return nil })
		var got string
		go func() {
			got, _ = s.keeper.Token(t.Context())
			if stored := s.tokens.RefreshToken("rooms"); stored != "refresh-3" {
				t.Errorf("the token is out while the store holds %q", stored)
			}
		}()
		time.Sleep(time.Hour) // ample: the store is the only thing that holds it up
		if got != "" {
			t.Errorf("%q was handed out before it was durable", got)
		}
		wantState(t, s.keeper, driver.Refreshing)
		close(release)
		synctest.Wait()
		if got != "access-3" {
			t.Errorf("Token = %q, want access-3", got)
		}
	})
}

// On a disk that takes nothing the sign-in is refreshed and used all the same, for as
// long as it lasts: the old tokens may have ended. The risk is reported, and logged
// once.
func TestTokensThatCannotBeSavedAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.service.strict = true
		s.signIn(t)
		defer s.run(t)()
		s.tokens.BeforePut(func() error { return errors.New("no space left on device") })
		for range 48 {
			time.Sleep(30 * time.Minute)
			if _, err := s.keeper.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantState(t, s.keeper, driver.SignedIn)
		st := s.keeper.Status()
		if want := "the new tokens are in use but could not be stored, and a restart would lose the sign-in: no space left on device"; st.Reason != want {
			t.Errorf("reason %q, want %q", st.Reason, want)
		}
		if !strings.Contains(st.Action, "check that the store's disk is not full") {
			t.Errorf("action %q", st.Action)
		}
		if stored := s.tokens.RefreshToken("rooms"); stored != "refresh-2" {
			t.Errorf("the store holds %q, want the one of the sign-in", stored)
		}
		if n := strings.Count(s.log.String(), "no space left on device"); n != 1 {
			t.Errorf("logged %d times, want once:\n%s", n, s.log)
		}
		time.Sleep(10 * time.Minute) // no refresh is due in the next minutes
		s.tokens.BeforePut(nil)
		requests := s.service.count()
		time.Sleep(time.Minute)
		if stored := s.tokens.RefreshToken("rooms"); stored == "refresh-2" || s.service.count() != requests {
			t.Errorf("the store holds %q after %d more requests, want the newest token without one", stored, s.service.count()-requests)
		}
		if st := s.keeper.Status(); st.State != driver.SignedIn || st.Reason+st.Action != "" {
			t.Errorf("once it is stored: %s %q %q", st.State, st.Reason, st.Action)
		}
		if n := strings.Count(s.log.String(), "the tokens are stored again"); n != 1 {
			t.Errorf("the end is logged %d times, want once:\n%s", n, s.log)
		}
		if s.service.reused {
			t.Error("a refresh token was used twice")
		}
	})
}

// A failed refresh and tokens that are not stored are both reported.
func TestUnsavedTokensDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		defer s.run(t)()
		s.tokens.BeforePut(func() error { return errors.New("no space left on device") })
		time.Sleep(45 * time.Minute)
		s.service.behave(always(func() *http.Response { return refusal(503, "temporarily_unavailable", "") }))
		time.Sleep(2 * time.Hour)
		wantState(t, s.keeper, driver.Retrying)
		if st := s.keeper.Status(); !strings.Contains(st.Reason, "; the new tokens are in use but could not be stored") {
			t.Errorf("reason %q", st.Reason)
		}
	})
}

// A sign-in that could not be read when the gateway started is read when it can be.
func TestStoreThatIsReadLater(t *testing.T) {
	for name, missing := range map[string]error{"unreadable": errors.New("input/output error"), "not mounted yet": fs.ErrNotExist} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.signIn(t)
				var broken atomic.Bool
				broken.Store(true)
				o := s.options()
				o.Store = breakable{s.tokens, missing, &broken}
				s.keeper = s.restart(t, o)
				defer s.run(t)()
				time.Sleep(10 * time.Minute)
				if st := s.keeper.Status().State; st == driver.SignedIn {
					t.Errorf("state %s although nothing can be read", st)
				}
				broken.Store(false)
				time.Sleep(2 * time.Minute)
				wantState(t, s.keeper, driver.SignedIn)
				if st := s.keeper.Status(); st.Reason != "" {
					t.Errorf("reason %q", st.Reason)
				}
			})
		})
	}
}

// breakable is a store that cannot be read while it is broken.
type breakable struct {
	*oauthtest.Store
	err    error
	broken *atomic.Bool
}

func (b breakable) Get(key string) ([]byte, error) {
	if b.broken.Load() {
		return nil, b.err
	}
	return b.Store.Get(key)
}

func TestOneRefreshForAHundredCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.hold = make(chan struct{})
		impatient, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { // it starts the refresh, and must not take it along
			if _, err := s.keeper.Token(impatient); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled caller got %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { wantToken(t, s.keeper, "access-3") })
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(s.service.hold)
		wg.Wait()
		if n := s.service.count(); n != 2 {
			t.Errorf("%d requests, want the sign-in and one refresh", n)
		}
	})
}

func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.keeper.Rejected("access-2")
		wantToken(t, s.keeper, "access-3")
		s.keeper.Rejected("access-2") // a late complaint about the old one
		wantToken(t, s.keeper, "access-3")

		// A calendar that rejects everything, asked each second for an hour.
		before := s.service.count()
		for range 3600 {
			token, err := s.keeper.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.keeper.Rejected(token)
			time.Sleep(time.Second)
		}
		if n := s.service.count() - before; n < 10 || n > 13 {
			t.Errorf("%d refreshes in an hour of refusals, want one in five minutes", n)
		}
	})
}

func TestRejectedTokenWakesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		defer s.run(t)()
		synctest.Wait()
		s.keeper.Rejected("access-2")
		synctest.Wait()
		wantToken(t, s.keeper, "access-3")
	})
}

func TestRunFollowsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t) // the bubble starts at midnight; jitter is a twentieth: 1m30s
		s.signIn(t)
		stop := s.run(t)
		time.Sleep(2*time.Hour + time.Minute)
		stop()
		midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		var got []time.Duration
		for _, at := range s.service.times {
			got = append(got, at.Sub(midnight))
		}
		want := []time.Duration{0, 31*time.Minute + 30*time.Second, 61*time.Minute + 30*time.Second, 91*time.Minute + 30*time.Second}
		if !slices.Equal(got, want) {
			t.Errorf("asked at %v, want %v", got, want)
		}
	})
}

func TestRunWithoutASchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := s.options()
		o.Refresh = nil
		s.keeper = s.restart(t, o)
		s.signIn(t)
		defer s.run(t)()
		time.Sleep(55*time.Minute - time.Second)
		if n := s.service.count(); n != 1 {
			t.Errorf("%d requests before the margin, want 1", n)
		}
		time.Sleep(2 * time.Second)
		if n := s.service.count(); n != 2 {
			t.Errorf("%d requests five minutes before expiry, want 2", n)
		}
	})
}

func TestRunCatchesUpAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(40 * 24 * time.Hour)
		s.keeper = s.restart(t, s.options())
		wantState(t, s.keeper, driver.Refreshing)
		defer s.run(t)()
		synctest.Wait()
		wantState(t, s.keeper, driver.SignedIn)
		wantToken(t, s.keeper, "access-3")
	})
}

func TestOutageBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.service.behave(func(url.Values) (*http.Response, error) { return nil, errors.New("network is unreachable") })
		defer s.run(t)()
		time.Sleep(24 * time.Hour)
		wantState(t, s.keeper, driver.Retrying)
		if st := s.keeper.Status(); !strings.Contains(st.Reason, "network is unreachable") || !st.NextTry.After(time.Now()) {
			t.Errorf("status %+v", st)
		}
		if n := s.service.count(); n < 24*12 || n > 24*24+20 {
			t.Errorf("%d tries in a day, want one in three to five minutes", n)
		}
		for i := 3; i < len(s.service.times); i++ {
			if gap := s.service.times[i].Sub(s.service.times[i-1]); gap < time.Second || gap > 5*time.Minute {
				t.Errorf("a pause of %v between two tries", gap)
			}
		}
		s.service.behave(nil)
		time.Sleep(5 * time.Minute)
		wantState(t, s.keeper, driver.SignedIn)
		if log := s.log.String(); strings.Count(log, "trying again") != 1 || strings.Count(log, "works again") != 1 {
			t.Errorf("the log does not report the outage once:\n%s", log)
		}
	})
}

func TestCallersDoNotHammerDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.behave(always(func() *http.Response {
			r := refusal(503, "temporarily_unavailable", "")
			r.Header.Set("Retry-After", "120")
			return r
		}))
		for range 100 {
			_, err := s.keeper.Token(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Class != Retry || e.RetryAfter != 120*time.Second {
				t.Fatalf("Token: %v, want a wish to wait 120 s", err)
			}
		}
		if n := s.service.count(); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
		atOnce := driver.AtOnce(t.Context())
		if _, err := s.keeper.Token(atOnce); s.service.count() != 2 || err == nil {
			t.Errorf("a person has the same asked in the same second (%v)", err)
		}
		time.Sleep(10 * time.Second)
		if _, err := s.keeper.Token(atOnce); s.service.count() != 3 || err == nil {
			t.Errorf("a person who is waiting is not asked for: %v, %d requests", err, s.service.count())
		}
		time.Sleep(119 * time.Second)
		if _, err := s.keeper.Token(t.Context()); s.service.count() != 3 || err == nil {
			t.Errorf("asked again a second too early (%v)", err)
		}
		s.service.behave(nil)
		time.Sleep(time.Second)
		wantToken(t, s.keeper, "access-3")
	})
}

// A Retry-After of a proxy is ignored: the sign-in is tried again soon.
func TestPauseOfAProxyIsIgnored(t *testing.T) {
	for name, answer := range map[string]func() *http.Response{
		"a page": func() *http.Response { return reply(503, "text/html", "<h1>Maintenance</h1>") },
		"JSON":   func() *http.Response { return reply(503, "application/json", `{"message":"unavailable"}`) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			s.signIn(t)
			defer s.run(t)()
			time.Sleep(2 * time.Hour)
			before := s.service.count()
			s.service.behave(always(func() *http.Response {
				r := answer()
				r.Header.Set("Retry-After", "86400")
				return r
			}))
			time.Sleep(30 * time.Minute)
			if st := s.keeper.Status(); st.State != driver.Retrying {
				t.Errorf("%s: %+v", name, st)
			}
			tries := s.service.times[before:]
			if len(tries) < 6 {
				t.Fatalf("%s: only %d tries", name, len(tries))
			}
			for i := 1; i < len(tries); i++ {
				if gap := tries[i].Sub(tries[i-1]); gap > maxBackoff {
					t.Errorf("%s: a pause of %v between two tries", name, gap)
				}
			}
		})
	}
}

func TestAGoodTokenIsUsedWhileTheRefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.service.revoke()
		defer s.run(t)()
		time.Sleep(45 * time.Minute)
		wantState(t, s.keeper, driver.SignInNeeded)
		wantToken(t, s.keeper, "access-2")
	})
}

func TestRevocationWaitsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		defer s.run(t)()
		synctest.Wait()
		s.service.revoke()
		time.Sleep(2 * time.Hour)
		st := s.keeper.Status()
		if st.State != driver.SignInNeeded || st.Action != "run: roomgate login rooms" || !strings.Contains(st.Reason, "revoked") || !strings.Contains(st.Reason, "(invalid_grant, bad_token)") {
			t.Errorf("status %+v", st)
		}
		if log := s.log.String(); strings.Count(log, `references="trace id 5b0c0f2e"`) != 1 {
			t.Errorf("what the support of the service needs is not logged once:\n%s", log)
		}
		before := s.service.count()
		for range 24 * 60 {
			if _, err := s.keeper.Token(t.Context()); err == nil {
				t.Fatal("a token came out of a revoked sign-in")
			}
			time.Sleep(time.Minute)
		}
		if n := s.service.count() - before; n != 24 {
			t.Errorf("%d tries in a day, want one an hour", n)
		}
		if s.tokens.RefreshToken("rooms") == "" {
			t.Error("the refresh token was thrown away")
		}
		s.signIn(t)
		wantState(t, s.keeper, driver.SignedIn)
		if log := s.log.String(); strings.Count(log, "user action required") != 1 {
			t.Errorf("the log does not say once that user action is required:\n%s", log)
		}
	})
}

func TestANewSecretHealsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		o := s.options()
		o.Authentication.Secret = "expired"
		k := s.restart(t, o)
		if _, err := k.Token(t.Context()); err == nil {
			t.Fatal("the wrong secret was accepted")
		}
		wantState(t, k, driver.SignInNeeded)
		wantToken(t, s.restart(t, s.options()), "access-3")
	})
}

func TestStoredSignInThatCannotBeUsed(t *testing.T) {
	tests := []struct{ name, stored, reason string }{
		{"another client", `{"v":1,"bound":{"client_id":"other","tenant":"contoso.example"},"refresh_token":"r"}`,
			"made for client_id other, the configuration says " + clientID},
		{"another tenant", `{"v":1,"bound":{"client_id":"` + clientID + `","tenant":"elsewhere.example"},"refresh_token":"r"}`,
			"made for tenant elsewhere.example, the configuration says contoso.example"},
		{"newer version", `{"v":2,"bound":{"client_id":"` + clientID + `"},"refresh_token":"r"}`, "version is 2"},
		{"no refresh token", `{"v":1,"bound":{"client_id":"` + clientID + `"}}`, "contains no refresh token"},
		{"rubbish", `rubbish with a token in it`, "not in the form"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.tokens.Values["rooms"] = []byte(test.stored)
			k := s.restart(t, s.options())
			st := k.Status()
			if st.State != driver.SignInNeeded || !strings.Contains(st.Reason, test.reason) || st.Action != "run: roomgate login rooms" {
				t.Errorf("status %+v", st)
			}
			if _, err := k.Token(t.Context()); err == nil || s.service.count() != 0 {
				t.Errorf("Token: %v after %d requests", err, s.service.count())
			}
			if string(s.tokens.Values["rooms"]) != test.stored {
				t.Error("the stored sign-in was changed")
			}
			s.keeper = k
			s.signIn(t)
			wantState(t, k, driver.SignedIn)
		})
	}
}

func TestSignOutDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.hold = make(chan struct{})
		var err error
		go func() { _, err = s.keeper.Token(t.Context()) }()
		synctest.Wait()
		if err := byCode(s.keeper).SignOut(); err != nil {
			t.Fatal(err)
		}
		close(s.service.hold)
		synctest.Wait()
		var e *Error
		if !errors.As(err, &e) || !e.NeedsPerson() {
			t.Errorf("the waiting caller got %v", err)
		}
		wantState(t, s.keeper, driver.NeverSignedIn)
		if len(s.tokens.Values) != 0 {
			t.Errorf("the refresh brought the sign-in back")
		}
	})
}

func TestNewSignInDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		late := make(chan struct{})
		s.service.behave(func(form url.Values) (*http.Response, error) {
			if form.Get("grant_type") == "refresh_token" {
				<-late
			}
			return s.service.polite(form), nil
		})
		var got string
		go func() { got, _ = s.keeper.Token(t.Context()) }()
		synctest.Wait()
		s.signIn(t)
		close(late)
		synctest.Wait()
		if stored := s.tokens.RefreshToken("rooms"); stored != "refresh-4" {
			t.Errorf("the store holds %q, want refresh-4 of the new sign-in", stored)
		}
		if got != "access-4" {
			t.Errorf("the waiting caller got %q, want access-4", got)
		}
	})
}

func TestClockSteps(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, -3 * time.Hour, -30 * 365 * 24 * time.Hour, 2 * time.Hour, 26 * 365 * 24 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.signIn(t)
				defer s.run(t)()
				time.Sleep(10 * time.Minute)
				s.clock.Step(step)
				time.Sleep(2 * time.Minute)
				if n := s.service.count(); n != 2 {
					t.Errorf("%d requests two minutes after the step, want the sign-in and one refresh", n)
				}
				time.Sleep(3 * time.Hour)
				wantState(t, s.keeper, driver.SignedIn)
				token, err := s.keeper.Token(t.Context())
				if err != nil || !s.service.accepts(token) {
					t.Errorf("Token = %q, %v: not one the calendar takes", token, err)
				}
				if n := s.service.count(); n > 10 {
					t.Errorf("%d requests in three hours", n)
				}
			})
		})
	}
}

func TestClockSetBackDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.service.behave(always(func() *http.Response { return reply(502, "text/html", "<html>") }))
		defer s.run(t)()
		time.Sleep(2 * time.Hour)
		s.service.behave(nil)
		s.clock.Step(-365 * 24 * time.Hour)
		time.Sleep(time.Minute)
		wantState(t, s.keeper, driver.SignedIn)
	})
}

// TestAHundredDays lives through outages, a revocation and clock steps with
// one question a quarter of an hour.
func TestAHundredDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		stop := s.run(t)
		defer func() { stop() }()
		outage := func(url.Values) (*http.Response, error) { return nil, errors.New("no route to host") }
		failures := 0
		for day := range 100 {
			switch {
			case day == 40:
				s.service.revoke()
			case day == 43:
				s.signIn(t)
			case day%10 == 5:
				s.clock.Step(time.Duration(day-50) * time.Minute)
			case day%10 == 7:
				stop()
				s.keeper = s.restart(t, s.options())
				stop = s.run(t)
			}
			for quarter := range 96 {
				if day%7 == 3 && quarter == 0 {
					s.service.behave(outage) // six hours of it
				}
				if quarter == 24 {
					s.service.behave(nil)
				}
				time.Sleep(15 * time.Minute)
				token, err := s.keeper.Token(t.Context())
				switch excused := (day >= 40 && day < 43) || (day%7 == 3 && quarter < 25); {
				case err != nil && !excused:
					t.Errorf("day %d, quarter %d: %v", day, quarter, err)
				case err != nil:
					failures++
				case !s.service.accepts(token):
					t.Errorf("day %d, quarter %d: %s is not good at the calendar", day, quarter, token)
				}
				if stored := s.tokens.RefreshToken("rooms"); stored == "" || (!s.service.knows(stored) && !(day >= 40 && day < 43)) {
					t.Errorf("day %d, quarter %d: the store holds the dead %q", day, quarter, stored)
				}
			}
		}
		if failures == 0 {
			t.Error("no outage was felt: the test tests nothing")
		}
		if n := s.service.count(); n < 100*40 || n > 100*80 {
			t.Errorf("%d requests in 100 days, want about 48 a day and those of the outages", n)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	good := newSite(t).options()
	for name, spoil := range map[string]func(*Options){
		"Account is empty":                               func(o *Options) { o.Account = "" },
		"ClientID is empty":                              func(o *Options) { o.ClientID = "" },
		"Service.Name is empty":                          func(o *Options) { o.Service.Name = "" },
		"Service.TokenURL is not an http":                func(o *Options) { o.Service.TokenURL = "login.example/token" },
		"Service.AuthorizationURL is not an http":        func(o *Options) { o.Service.AuthorizationURL = "" },
		"Service.DeviceURL is not an http":               func(o *Options) { o.Kind, o.Service.DeviceURL = Device, "ftp://x" },
		"a store is missing":                             func(o *Options) { o.Pending = nil },
		"remove one":                                     func(o *Options) { o.Authentication.Certificate = testCertificate(t) },
		"needs a client secret or a certificate":         func(o *Options) { o.Kind, o.Authentication = ClientCredentials, ClientAuthentication{} },
		"nothing that signs the assertion":               func(o *Options) { o.Kind = Assertion },
		"no kind 4 of sign-in":                           func(o *Options) { o.Kind = Assertion + 1 },
		`set up the sign-in of account "rooms": a store`: func(o *Options) { o.Store = nil },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New: %v, want words with %q", err, name)
		}
	}
}
