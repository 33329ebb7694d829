package oauth

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// A code is spent with the first answer, so what the answer leaves out or writes in
// another way does not cost the sign-in (RFC 6749 §5.1: expires_in is recommended).
func TestTokenAnswersAreTaken(t *testing.T) {
	const tokens = `{"access_token":"a","refresh_token":"r"`
	for rest, life := range map[string]time.Duration{
		`,"expires_in":1800}`:                    30 * time.Minute,
		`,"expires_in":"1800"}`:                  30 * time.Minute,
		`}`:                                      time.Hour,
		`,"expires_in":null}`:                    time.Hour,
		`,"expires_in":""}`:                      time.Hour,
		`,"expires_in":"an hour"}`:               time.Hour,
		`,"expires_in":[]}`:                      time.Hour,
		`,"expires_in":1e99}`:                    24 * time.Hour,
		`,"expires_in":1800,"scope":["a","b"]}`:  30 * time.Minute,
		`,"expires_in":1800,"id_token":{"a":1}}`: 30 * time.Minute,
		`,"expires_in":1800,"refresh_token_expires_in":"never"}`: 30 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
			s.service.behave(always(func() *http.Response { return reply(200, "application/json", "\ufeff"+tokens+rest) }))
			began := time.Now()
			if err := byCode(s.keeper).Complete(t.Context(), pasted); err != nil {
				t.Errorf("%s: %v", rest, err)
				return
			}
			if got := s.keeper.Status().AccessExpires.Sub(began); got != life {
				t.Errorf("%s: the token lives for %v, want %v", rest, got, life)
			}
		})
	}
}
