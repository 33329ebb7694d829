package oauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// tokens is the content of a token response (RFC 6749 §5.1).
type tokens struct {
	access      string
	lifetime    time.Duration // of the access token
	refresh     string        // empty: the one in use stays
	refreshLife time.Duration // of the refresh token; 0: not given
	scopes      []string      // granted; nil: not given
	user        string        // who signed in; empty: not given
}

// readTokens reads the token response to a form.
func (c client) readTokens(op string, body []byte, form url.Values) (tokens, *Error) {
	var a struct {
		Access      string  `json:"access_token"`
		Lifetime    seconds `json:"expires_in"`
		Refresh     string  `json:"refresh_token"`
		RefreshLife seconds `json:"refresh_token_expires_in"` // not standardized
		Scope       string  `json:"scope"`
		ID          string  `json:"id_token"`
	}
	if err := decode(body, &a); err != nil {
		return tokens{}, c.o.problem(op, Retry, "the response is unusable: "+Hide(err.Error(), secretsOf(form)...))
	}
	if a.Access == "" {
		return tokens{}, c.o.problem(op, Retry, "the response is unusable: missing access_token")
	}
	lifetime, given := a.Lifetime.duration(maxAccessTokenLifetime)
	switch {
	case !given:
		lifetime = assumedLifetime
	case lifetime <= 0:
		return tokens{}, c.o.problem(op, Retry, fmt.Sprintf("the response gives the access token a lifetime of %g s", a.Lifetime.value))
	}
	refreshLife, _ := a.RefreshLife.duration(maxRefreshTokenLifetime)
	return tokens{
		access: a.Access, lifetime: lifetime, refresh: a.Refresh, refreshLife: refreshLife,
		scopes: c.o.Service.names(strings.Fields(a.Scope)), user: userOf(a.ID),
	}, nil
}

// decode decodes a JSON response. A field of another type than expected counts as
// missing: what was asked for with a code or a refresh token cannot be asked for again.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
		return nil
	}
	return err
}

// assumedLifetime is how long an access token is used of which the service does not say
// how long it lives, which it need not (RFC 6749 §5.1). One that ends sooner is
// replaced when the calendar rejects it.
const assumedLifetime = time.Hour

// seconds is a number of seconds in a JSON response: a number, or a number in a string,
// as some services write it. Anything else counts as not given.
type seconds struct {
	value float64
	given bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(text []byte) error {
	value, err := strconv.ParseFloat(strings.TrimSpace(strings.Trim(string(text), `"`)), 64)
	if *s = (seconds{value, err == nil && !math.IsNaN(value)}); !s.given {
		s.value = 0
	}
	return nil
}

// duration converts the seconds to a duration of 0 to most; false: not given.
func (s seconds) duration(most time.Duration) (d time.Duration, given bool) {
	// Clamped before the multiplication, which could overflow.
	return time.Duration(min(max(0, s.value), most.Seconds())) * time.Second, s.given
}

// userOf returns who signed in, by the claims of an ID token (OpenID Connect
// Core 1.0 §5.1). Its signature is not checked, because it came directly from
// the token endpoint over TLS (§3.1.3.7).
func userOf(idToken string) string {
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		User  string `json:"preferred_username"`
		Email string `json:"email"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	if claims.User == "" {
		return claims.Email
	}
	return claims.User
}
