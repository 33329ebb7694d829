package oauth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/oauth/oauthtest"
)

// Tokens that the store does not take before Run ends are taken over by the Keeper
// that follows: at a service that has ended the old refresh token nothing else
// keeps the sign-in. It uses them, reports that they are not stored, and stores them
// as soon as it can.
func TestUnsavedTokensSurviveAReload(t *testing.T) {
	for reloads := 1; reloads <= 3; reloads++ {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			s.service.strict = true
			s.signIn(t)
			s.tokens.BeforePut(func() error { return errors.New("the disk is full") })
			stop := s.run(t)
			time.Sleep(33 * time.Minute) // one refresh, which the store does not take
			stop()
			for range reloads {
				o := s.options()
				o.Predecessor = s.keeper
				s.keeper = s.restart(t, o)
				stop = s.run(t)
				time.Sleep(2 * time.Second)
				wantToken(t, s.keeper, "access-3")
				if got := s.keeper.Status().Reason; !strings.Contains(got, "could not be stored") {
					t.Errorf("reason %q", got)
				}
				stop()
			}
			s.tokens.BeforePut(func() error { return nil })
			o := s.options()
			o.Predecessor = s.keeper
			s.keeper = s.restart(t, o)
			defer s.run(t)()
			time.Sleep(10 * time.Minute)
			wantState(t, s.keeper, driver.SignedIn)
			if got := s.tokens.RefreshToken("rooms"); got != "refresh-3" {
				t.Errorf("the store holds %s, want refresh-3", got)
			}
			time.Sleep(2 * time.Hour)
			wantState(t, s.keeper, driver.SignedIn)
			if s.service.reused {
				t.Error("a refresh token was used twice")
			}
		})
	}
}

// A store that cannot be read once does not lose the tokens that it did not take.
func TestUnsavedTokensSurviveAReadThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.service.strict = true
		s.signIn(t)
		s.tokens.BeforePut(func() error { return errors.New("input/output error") })
		stop := s.run(t)
		time.Sleep(33 * time.Minute)
		stop()
		s.tokens.BeforePut(nil)
		o := s.options()
		o.Predecessor, o.Store = s.keeper, &failsFirst{Store: s.tokens}
		s.keeper = s.restart(t, o)
		if got := s.keeper.Status().State; got == driver.SignedIn {
			t.Fatalf("state %s although the store cannot be read", got)
		}
		defer s.run(t)()
		time.Sleep(10 * time.Minute)
		wantState(t, s.keeper, driver.SignedIn)
		if s.service.reused {
			t.Error("a refresh token was used twice")
		}
	})
}

// failsFirst is a store whose first read of tokens fails.
type failsFirst struct {
	*oauthtest.Store
	failed bool
}

func (f *failsFirst) Get(key string) ([]byte, error) {
	if key == "rooms" && !f.failed {
		f.failed = true
		return nil, errors.New("input/output error")
	}
	return f.Store.Get(key)
}

// Another sign-in that was made meanwhile is not overwritten by unsaved tokens.
func TestUnsavedTokensOfAnOlderSignInAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		s.tokens.BeforePut(func() error { return errors.New("the disk is full") })
		stop := s.run(t)
		time.Sleep(33 * time.Minute)
		stop()
		old := s.keeper
		s.tokens.BeforePut(func() error { return nil })
		s.keeper = s.restart(t, s.options()) // another process
		s.signIn(t)
		newest := s.tokens.RefreshToken("rooms")
		o := s.options()
		o.Predecessor = old
		s.keeper = s.restart(t, o)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_ = s.keeper.Run(ctx)
		if got := s.tokens.RefreshToken("rooms"); got != newest {
			t.Errorf("the store holds %s, want %s", got, newest)
		}
	})
}
