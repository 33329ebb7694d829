package oauth

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// The last sign-in that failed is known to the next process, until one succeeds or
// somebody signs out. What it was about is in the status, and what the service's
// support finds it by in the log alone.
func TestLastFailedSignIn(t *testing.T) {
	for name, undo := range map[string]func(t *testing.T, s *site){
		"sign-in":  func(t *testing.T, s *site) { s.signIn(t) },
		"sign-out": func(t *testing.T, s *site) { _ = byCode(s.keeper).SignOut() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				if last := s.keeper.Status().LastFailed; last != nil {
					t.Errorf("before any sign-in: %+v", last)
				}
				pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
				s.service.behave(always(func() *http.Response { return refusal(400, "invalid_grant", "bad_token") }))
				at := s.keeper.now()
				err := byCode(s.keeper).Complete(t.Context(), pasted)
				if err == nil || strings.Contains(err.Error(), "5b0c0f2e") {
					t.Errorf("Complete: %v; want an error without the trace id", err)
				}
				if !strings.Contains(s.log.String(), "trace id 5b0c0f2e") || strings.Contains(s.log.String(), "revoked") {
					t.Errorf("the log has the references and not the error:\n%s", s.log)
				}
				time.Sleep(time.Hour)
				s.service.behave(nil)
				s.keeper = s.restart(t, s.options())
				last := s.keeper.Status().LastFailed
				want := driver.FailedSignIn{At: at, Reason: "the sign-in was revoked (invalid_grant, bad_token)", Action: "run: roomgate login rooms"}
				if last == nil || *last != want {
					t.Fatalf("after a restart: %+v, want %+v", last, want)
				}
				undo(t, s)
				for range 2 { // at once, and after another restart
					if last := s.keeper.Status().LastFailed; last != nil {
						t.Errorf("afterwards: %+v", last)
					}
					s.keeper = s.restart(t, s.options())
				}
			})
		})
	}
}

// A device code that ran out, and tokens that are none, are failed sign-ins too.
func TestLastFailedSignInOfOtherKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		if err := byCode(s.keeper).Import(t.Context(), driver.ImportedTokens{}); err == nil {
			t.Error("no tokens were imported")
		}
		if last := s.keeper.Status().LastFailed; last == nil || last.Reason != "there is no refresh token" {
			t.Errorf("after an import: %+v", last)
		}
		o := s.options()
		o.Kind, o.Account = Device, "annexe"
		k := s.restart(t, o)
		device := k.Session().(deviceSession)
		if _, err := device.StartDevice(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := device.WaitDevice(t.Context()); err == nil {
			t.Error("nobody has entered the code")
		}
		if last := k.Status().LastFailed; last == nil || last.Reason != "the device code was not used in time" {
			t.Errorf("after a device code: %+v", last)
		}
	})
}
