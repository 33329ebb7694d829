package token

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNobodySignedIn(t *testing.T) {
	s := newSite(t)
	wantState(t, s.keeper, NeverSignedIn)
	_, err := s.keeper.Token(t.Context())
	var e *Error
	if !errors.As(err, &e) || !e.NeedsPerson() || e.Action() != "run: roomgate login rooms" {
		t.Errorf("Token: %v, want an error that sends a person to sign in", err)
	}
	if s.ms.count() != 0 {
		t.Error("Microsoft was asked although there is nothing to ask for")
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
		want := Status{
			State: OK, AccessExpires: now.Add(time.Hour), LastRefresh: now, SignedIn: now,
			RefreshLapses: now.Add(90 * 24 * time.Hour), Scopes: []string{"Calendars.Read", "User.Read"},
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
		if n := s.ms.count(); n != 1 {
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
		if got := s.ms.posts[1]; !reflect.DeepEqual(got, want) {
			t.Errorf("posted %v, want %v", got, want)
		}
		if got := s.tokens.refreshToken("rooms"); got != "refresh-3" {
			t.Errorf("the store holds %q, want refresh-3", got)
		}
	})
}

func TestAnAnswerWithoutARefreshTokenKeepsTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.ms.behave(always(func() *http.Response {
			return reply(200, "application/json", `{"token_type":"Bearer","expires_in":"3599","access_token":"bare"}`)
		}))
		wantToken(t, s.keeper, "bare")
		if got := s.tokens.refreshToken("rooms"); got != "refresh-2" {
			t.Errorf("the store holds %q, want refresh-2", got)
		}
		if got := s.keeper.Status().Scopes; !slices.Equal(got, []string{"Calendars.Read", "User.Read"}) {
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
		s.tokens.beforePut(func() error { <-release; return nil })
		var got string
		go func() {
			got, _ = s.keeper.Token(t.Context())
			if stored := s.tokens.refreshToken("rooms"); stored != "refresh-3" {
				t.Errorf("the token is out while the store holds %q", stored)
			}
		}()
		time.Sleep(time.Hour) // ample: the store is the only thing that holds it up
		if got != "" {
			t.Errorf("%q was handed out before it was durable", got)
		}
		wantState(t, s.keeper, Refreshing)
		close(release)
		synctest.Wait()
		if got != "access-3" {
			t.Errorf("Token = %q, want access-3", got)
		}
	})
}

func TestTokensThatCannotBeSavedAreNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		full := errors.New("no space left on device")
		s.tokens.beforePut(func() error { return full })
		got, err := s.keeper.Token(t.Context())
		var e *Error
		if got != "" || !errors.As(err, &e) || e.Class != Retry || !errors.Is(err, full) {
			t.Errorf("Token = %q, %v; want a passing error about the store", got, err)
		}
		wantState(t, s.keeper, Retrying)
		if stored := s.tokens.refreshToken("rooms"); stored != "refresh-2" {
			t.Errorf("the store holds %q, want the old refresh-2", stored)
		}
		s.tokens.beforePut(nil)
		time.Sleep(2 * time.Second)
		wantToken(t, s.keeper, "access-4")
		wantState(t, s.keeper, OK)
	})
}

func TestOneRefreshForAHundredCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.ms.hold = make(chan struct{})
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
		close(s.ms.hold)
		wg.Wait()
		if n := s.ms.count(); n != 2 {
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

		// A Graph that refuses everything, asked each second for an hour.
		before := s.ms.count()
		for range 3600 {
			token, err := s.keeper.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.keeper.Rejected(token)
			time.Sleep(time.Second)
		}
		if n := s.ms.count() - before; n < 10 || n > 13 {
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
		for _, at := range s.ms.times {
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
		if n := s.ms.count(); n != 1 {
			t.Errorf("%d requests before the margin, want 1", n)
		}
		time.Sleep(2 * time.Second)
		if n := s.ms.count(); n != 2 {
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
		wantState(t, s.keeper, Refreshing)
		defer s.run(t)()
		synctest.Wait()
		wantState(t, s.keeper, OK)
		wantToken(t, s.keeper, "access-3")
	})
}

func TestRunEndsARefreshUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.ms.hold = make(chan struct{}) // never closed
		stop := s.run(t)
		synctest.Wait()
		began := time.Now()
		stop()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the end took %v", waited)
		}
		if got := s.tokens.refreshToken("rooms"); got != "refresh-2" {
			t.Errorf("the store holds %q, want refresh-2", got)
		}
	})
}

func TestOutageBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.ms.behave(func(url.Values) (*http.Response, error) { return nil, errors.New("network is unreachable") })
		defer s.run(t)()
		time.Sleep(24 * time.Hour)
		wantState(t, s.keeper, Retrying)
		if st := s.keeper.Status(); !strings.Contains(st.Reason, "network is unreachable") || !st.NextTry.After(time.Now()) {
			t.Errorf("status %+v", st)
		}
		if n := s.ms.count(); n < 24*12 || n > 24*24+20 {
			t.Errorf("%d tries in a day, want one in three to five minutes", n)
		}
		for i := 3; i < len(s.ms.times); i++ {
			if gap := s.ms.times[i].Sub(s.ms.times[i-1]); gap < time.Second || gap > 5*time.Minute {
				t.Errorf("a pause of %v between two tries", gap)
			}
		}
		s.ms.behave(nil)
		time.Sleep(5 * time.Minute)
		wantState(t, s.keeper, OK)
		if log := s.log.String(); strings.Count(log, "tried again") != 1 || strings.Count(log, "works again") != 1 {
			t.Errorf("the log does not tell the outage once:\n%s", log)
		}
	})
}

func TestCallersDoNotHammerDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.ms.behave(always(func() *http.Response {
			r := refusal(503, "temporarily_unavailable", 90033, "")
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
		if n := s.ms.count(); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
		time.Sleep(119 * time.Second)
		if _, err := s.keeper.Token(t.Context()); s.ms.count() != 2 || err == nil {
			t.Errorf("asked again a second too early (%v)", err)
		}
		s.ms.behave(nil)
		time.Sleep(time.Second)
		wantToken(t, s.keeper, "access-3")
	})
}

func TestAGoodTokenIsUsedWhileTheRefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.ms.revoke()
		defer s.run(t)()
		time.Sleep(45 * time.Minute)
		wantState(t, s.keeper, SignInNeeded)
		wantToken(t, s.keeper, "access-2")
	})
}

func TestRevocationWaitsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		defer s.run(t)()
		synctest.Wait()
		s.ms.revoke()
		time.Sleep(2 * time.Hour)
		st := s.keeper.Status()
		if st.State != SignInNeeded || st.Action != "run: roomgate login rooms" || !strings.Contains(st.Reason, "revoked") || !strings.Contains(st.Reason, "AADSTS50173") {
			t.Errorf("status %+v", st)
		}
		before := s.ms.count()
		for range 24 * 60 {
			if _, err := s.keeper.Token(t.Context()); err == nil {
				t.Fatal("a token came out of a revoked sign-in")
			}
			time.Sleep(time.Minute)
		}
		if n := s.ms.count() - before; n != 24 {
			t.Errorf("%d tries in a day, want one an hour", n)
		}
		if s.tokens.refreshToken("rooms") == "" {
			t.Error("the refresh token was thrown away")
		}
		s.signIn(t)
		wantState(t, s.keeper, OK)
		if log := s.log.String(); strings.Count(log, "needs a person") != 1 {
			t.Errorf("the log does not say once that a person is needed:\n%s", log)
		}
	})
}

func TestANewSecretHealsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		o := s.options()
		o.ClientSecret = "expired"
		k := s.restart(t, o)
		if _, err := k.Token(t.Context()); err == nil {
			t.Fatal("the wrong secret was accepted")
		}
		wantState(t, k, SignInNeeded)
		wantToken(t, s.restart(t, s.options()), "access-3")
	})
}

func TestStoredSignInThatCannotBeUsed(t *testing.T) {
	tests := []struct{ name, stored, reason string }{
		{"another app", `{"v":1,"client_id":"other","refresh_token":"r"}`, "made for client_id other"},
		{"newer version", `{"v":2,"client_id":"` + clientID + `","refresh_token":"r"}`, "version is 2"},
		{"no refresh token", `{"v":1,"client_id":"` + clientID + `"}`, "cannot be read"},
		{"rubbish", `rubbish with a token in it`, "not in the form"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.tokens.values["rooms"] = []byte(test.stored)
			k := s.restart(t, s.options())
			st := k.Status()
			if st.State != SignInNeeded || !strings.Contains(st.Reason, test.reason) || st.Action != "run: roomgate login rooms" {
				t.Errorf("status %+v", st)
			}
			if _, err := k.Token(t.Context()); err == nil || s.ms.count() != 0 {
				t.Errorf("Token: %v after %d requests", err, s.ms.count())
			}
			if string(s.tokens.values["rooms"]) != test.stored {
				t.Error("the stored sign-in was changed")
			}
			s.keeper = k
			s.signIn(t)
			wantState(t, k, OK)
		})
	}
}

func TestSignOutDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.ms.hold = make(chan struct{})
		var err error
		go func() { _, err = s.keeper.Token(t.Context()) }()
		synctest.Wait()
		if err := s.keeper.Forget(); err != nil {
			t.Fatal(err)
		}
		close(s.ms.hold)
		synctest.Wait()
		var e *Error
		if !errors.As(err, &e) || !e.NeedsPerson() {
			t.Errorf("the waiting caller got %v", err)
		}
		wantState(t, s.keeper, NeverSignedIn)
		if len(s.tokens.values) != 0 {
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
		s.ms.behave(func(form url.Values) (*http.Response, error) {
			if form.Get("grant_type") == "refresh_token" {
				<-late
			}
			return s.ms.polite(form), nil
		})
		var got string
		go func() { got, _ = s.keeper.Token(t.Context()) }()
		synctest.Wait()
		s.signIn(t)
		close(late)
		synctest.Wait()
		if stored := s.tokens.refreshToken("rooms"); stored != "refresh-4" {
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
				s.clock.step(step)
				time.Sleep(2 * time.Minute)
				if n := s.ms.count(); n != 2 {
					t.Errorf("%d requests two minutes after the step, want the sign-in and one refresh", n)
				}
				time.Sleep(3 * time.Hour)
				wantState(t, s.keeper, OK)
				token, err := s.keeper.Token(t.Context())
				if err != nil || !s.ms.accepts(token) {
					t.Errorf("Token = %q, %v: not one Graph takes", token, err)
				}
				if n := s.ms.count(); n > 10 {
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
		s.ms.behave(always(func() *http.Response { return reply(502, "text/html", "<html>") }))
		defer s.run(t)()
		time.Sleep(2 * time.Hour)
		s.ms.behave(nil)
		s.clock.step(-365 * 24 * time.Hour)
		time.Sleep(time.Minute)
		wantState(t, s.keeper, OK)
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
				s.ms.revoke()
			case day == 43:
				s.signIn(t)
			case day%10 == 5:
				s.clock.step(time.Duration(day-50) * time.Minute)
			case day%10 == 7:
				stop()
				s.keeper = s.restart(t, s.options())
				stop = s.run(t)
			}
			for quarter := range 96 {
				if day%7 == 3 && quarter == 0 {
					s.ms.behave(outage) // six hours of it
				}
				if quarter == 24 {
					s.ms.behave(nil)
				}
				time.Sleep(15 * time.Minute)
				token, err := s.keeper.Token(t.Context())
				switch excused := (day >= 40 && day < 43) || (day%7 == 3 && quarter < 25); {
				case err != nil && !excused:
					t.Errorf("day %d, quarter %d: %v", day, quarter, err)
				case err != nil:
					failures++
				case !s.ms.accepts(token):
					t.Errorf("day %d, quarter %d: %s is not good at Graph", day, quarter, token)
				}
				if stored := s.tokens.refreshToken("rooms"); stored == "" || (!s.ms.knows(stored) && !(day >= 40 && day < 43)) {
					t.Errorf("day %d, quarter %d: the store holds the dead %q", day, quarter, stored)
				}
			}
		}
		if failures == 0 {
			t.Error("no outage was felt: the test tests nothing")
		}
		if n := s.ms.count(); n < 100*40 || n > 100*80 {
			t.Errorf("%d requests in 100 days, want about 48 a day and those of the outages", n)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	good := newSite(t).options()
	for name, spoil := range map[string]func(*Options){
		"Account is empty":     func(o *Options) { o.Account = "" },
		"ClientID is empty":    func(o *Options) { o.ClientID = "" },
		"a store is missing":   func(o *Options) { o.Pending = nil },
		"scheme and host only": func(o *Options) { o.LoginURL = "https://login.example/common" },
		"user name":            func(o *Options) { o.LoginURL = "https://a:b@login.example" },
		"not an address":       func(o *Options) { o.LoginURL = "https://[" },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New: %v, want words with %q", err, name)
		}
	}
}
