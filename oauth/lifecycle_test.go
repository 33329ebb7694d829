package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// untouchable is a store that must not be used.
type untouchable struct{ t *testing.T }

func (u untouchable) Get(key string) ([]byte, error) {
	u.t.Errorf("%q was read", key)
	return nil, errors.New("untouchable")
}
func (u untouchable) Put(map[string][]byte) error { u.t.Error("something was written"); return nil }
func (u untouchable) Delete(...string) error      { u.t.Error("something was deleted"); return nil }

func TestNewReadsNothing(t *testing.T) {
	for _, kind := range []Kind{Code, Device, ClientCredentials} {
		s := newSite(t)
		o := s.options()
		o.Kind, o.Store, o.Pending = kind, untouchable{t}, untouchable{t}
		s.restart(t, o).Session().Changed()
	}
}

// A Keeper that replaces another one may be made, and even looked at, while the
// other still changes the stored sign-in.
func TestRunReadsTheStoreAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		next := s.restart(t, s.options())
		wantState(t, next, driver.NeverSignedIn)
		s.signIn(t)
		s.keeper = next
		stop := s.run(t)
		synctest.Wait()
		wantToken(t, next, "access-2")
		stop()

		s = newSite(t)
		s.signIn(t)
		next = s.restart(t, s.options())
		wantToken(t, next, "access-2")
		time.Sleep(2 * time.Hour)
		wantToken(t, s.keeper, "access-3")
		s.keeper = next
		defer s.run(t)()
		synctest.Wait()
		wantToken(t, next, "access-3")
		if n := s.service.count(); n != 2 {
			t.Errorf("%d requests, want the sign-in and one refresh", n)
		}
	})
}

// A store that fails for a moment does not cost a sign-in that is at hand.
func TestRunKeepsASignInThatCannotBeReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.tokens.Values["rooms"] = []byte("damaged")
		defer s.run(t)()
		synctest.Wait()
		wantState(t, s.keeper, driver.SignedIn)
	})
}

func TestRunCompletesARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.hold = make(chan struct{})
		stop := s.run(t)
		synctest.Wait()
		time.AfterFunc(20*time.Second, func() { close(s.service.hold) })
		began := time.Now()
		stop()
		if waited := time.Since(began); waited != 20*time.Second {
			t.Errorf("Run returned after %v, want the answer's 20 s", waited)
		}
		if got := s.tokens.RefreshToken("rooms"); got != "refresh-3" {
			t.Errorf("the store holds %q, want refresh-3: the tokens were dropped", got)
		}
		wantToken(t, s.keeper, "access-3")
	})
}

func TestRunDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.hold = make(chan struct{}) // never closed
		stop := s.run(t)
		synctest.Wait()
		began := time.Now()
		stop()
		if waited := time.Since(began); waited != callTimeout {
			t.Errorf("Run returned after %v, want %v", waited, callTimeout)
		}
		if got := s.tokens.RefreshToken("rooms"); got != "refresh-2" {
			t.Errorf("the store holds %q, want refresh-2", got)
		}
	})
}

func TestRunCompletesACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		stop := s.run(t)
		pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
		s.service.hold = make(chan struct{})
		completed := make(chan error, 1)
		go func() { completed <- byCode(s.keeper).Complete(t.Context(), pasted) }()
		synctest.Wait()
		time.AfterFunc(10*time.Second, func() { close(s.service.hold) })
		stop()
		if got := s.tokens.RefreshToken("rooms"); got != "refresh-2" {
			t.Errorf("the store holds %q, want refresh-2", got)
		}
		if err := <-completed; err != nil {
			t.Error(err)
		}
	})
}

// Tokens that the store did not take are saved at the end, if it takes them then.
func TestRunSavesTokensAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		stop := s.run(t)
		s.tokens.BeforePut(func() error { return errors.New("no space left on device") })
		time.Sleep(45 * time.Minute)
		wantState(t, s.keeper, driver.SignedIn)
		s.tokens.BeforePut(nil)
		stop()
		if got := s.tokens.RefreshToken("rooms"); got != "refresh-3" {
			t.Errorf("the store holds %q, want refresh-3", got)
		}
	})
}

func TestNothingStartsAfterRun(t *testing.T) {
	for _, kind := range []Kind{Code, Device, ClientCredentials} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			if kind != ClientCredentials {
				s.signIn(t)
			}
			o := s.options()
			o.Kind = kind
			s.keeper = s.restart(t, o)
			s.service.behave(always(func() *http.Response { return refusal(400, "invalid_grant", "") }))
			stop := s.run(t)
			synctest.Wait()
			stop()
			time.Sleep(2 * time.Hour) // no token can be used any more
			before, stored := s.service.count(), s.tokens.RefreshToken("rooms")
			for name, err := range afterTheEnd(t, s.keeper) {
				var a driver.Actionable
				if !errors.Is(err, driver.ErrSessionEnded) || !errors.As(err, &a) || a.NeedsPerson() || a.Action() != "try again" ||
					!strings.Contains(err.Error(), "the gateway is reading its configuration again") {
					t.Errorf("%s: %v; want an error that asks to try again", name, err)
				}
			}
			time.Sleep(time.Hour)
			if n := s.service.count(); n != before {
				t.Errorf("%d requests after the end", n-before)
			}
			if s.tokens.RefreshToken("rooms") != stored {
				t.Error("the stored sign-in was changed after the end")
			}
		})
	}
}

// afterTheEnd calls everything that would start something.
func afterTheEnd(t *testing.T, k *Keeper) map[string]error {
	ctx := t.Context()
	_, tokenErr := k.Token(ctx)
	errs := map[string]error{"Token": tokenErr, "Verify": k.Verify(ctx), "Run": k.Run(ctx)}
	s := k.Session()
	if s, ok := s.(driver.CodeSignIn); ok {
		_, errs["Begin"] = s.Begin(driver.AuthorizationRequest{})
		errs["Complete"], errs["CompleteCode"] = s.Complete(ctx, "0.AX-code"), s.CompleteCode(ctx, "0.AX-code")
	}
	if s, ok := s.(driver.DeviceSignIn); ok {
		_, errs["StartDevice"] = s.StartDevice(ctx)
		errs["WaitDevice"] = s.WaitDevice(ctx)
	}
	if s, ok := s.(driver.TokenImporter); ok {
		errs["Import"] = s.Import(ctx, driver.ImportedTokens{RefreshToken: "r"})
	}
	if s, ok := s.(driver.SignOuter); ok {
		errs["SignOut"] = s.SignOut()
	}
	return errs
}

// An access token that is still good is of use to whoever reads a calendar to
// the end.
func TestAGoodTokenOutlivesRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.run(t)()
		wantToken(t, s.keeper, "access-2")
		wantState(t, s.keeper, driver.SignedIn)
	})
}

func TestAnEndedCallerDoesNotSpendTheCode(t *testing.T) {
	s := newSite(t)
	pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := byCode(s.keeper).Complete(ended, pasted); !errors.Is(err, context.Canceled) {
		t.Errorf("Complete: %v, want the caller's own end", err)
	}
	if err := s.keeper.Session().(driver.TokenImporter).Import(ended, driver.ImportedTokens{RefreshToken: "refresh-9"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Import: %v, want the caller's own end", err)
	}
	if n := s.service.count(); n != 0 {
		t.Errorf("%d requests for callers that had ended", n)
	}
	if err := byCode(s.keeper).Complete(t.Context(), pasted); err != nil {
		t.Errorf("the code cannot be used any more: %v", err)
	}
}

// Whoever gives up after the code, or a refresh token, was sent gets the sign-in
// all the same.
func TestASentCodeIsCompletedWithoutItsCaller(t *testing.T) {
	for name, begun := range map[string]func(*testing.T, *site) func(context.Context) error{
		"Complete": func(t *testing.T, s *site) func(context.Context) error {
			pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
			return func(ctx context.Context) error { return byCode(s.keeper).Complete(ctx, pasted) }
		},
		"CompleteCode": func(_ *testing.T, s *site) func(context.Context) error {
			s.service.codes["by-hand"] = code{redirect: "http://localhost"}
			return func(ctx context.Context) error { return byCode(s.keeper).CompleteCode(ctx, "by-hand") }
		},
		"Import": func(_ *testing.T, s *site) func(context.Context) error {
			s.service.live["elsewhere"] = true
			return func(ctx context.Context) error {
				return s.keeper.Session().(driver.TokenImporter).Import(ctx, driver.ImportedTokens{RefreshToken: "elsewhere"})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				complete := begun(t, s)
				s.service.hold = make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				completed := make(chan error, 1)
				go func() { completed <- complete(ctx) }()
				synctest.Wait()
				cancel()
				synctest.Wait()
				close(s.service.hold)
				if err := <-completed; err != nil {
					t.Errorf("%v, want a sign-in", err)
				}
				wantState(t, s.keeper, driver.SignedIn)
				if s.tokens.RefreshToken("rooms") == "" {
					t.Error("the tokens were dropped")
				}
			})
		})
	}
}

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		if err := s.keeper.Verify(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody has signed in yet") {
			t.Errorf("Verify without a sign-in: %v", err)
		}
		s.signIn(t)
		verify := func(want string, requests int) {
			t.Helper()
			err := s.keeper.Verify(t.Context())
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("Verify: %v, want %q", err, want)
			}
			if n := s.service.count(); n != requests {
				t.Errorf("%d requests so far, want %d", n, requests)
			}
		}
		verify("", 1) // signed in this moment
		time.Sleep(11 * time.Second)
		verify("", 2)
		s.service.revoke()
		time.Sleep(11 * time.Second)
		verify("the sign-in was revoked", 3)
		verify("the sign-in was revoked", 3) // just tried
		time.Sleep(11 * time.Second)
		verify("the sign-in was revoked", 4) // although the next attempt is an hour away
		s.service.behave(func(url.Values) (*http.Response, error) {
			r := refusal(429, "temporarily_unavailable", "")
			r.Header.Set("Retry-After", "60")
			return r, nil
		})
		time.Sleep(11 * time.Second)
		verify("Something is wrong here", 5)
		time.Sleep(30 * time.Second)
		verify("Something is wrong here", 6) // although the service asked for a minute
	})
}
