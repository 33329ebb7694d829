package oauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
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
		Access      string      `json:"access_token"`
		Lifetime    json.Number `json:"expires_in"` // some services write a string
		Refresh     string      `json:"refresh_token"`
		RefreshLife any         `json:"refresh_token_expires_in"` // not standardized, so of any type
		Scope       string      `json:"scope"`
		ID          string      `json:"id_token"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return tokens{}, c.o.problem(op, Retry, "the response is unusable: "+Hide(err.Error(), secretsOf(form)...))
	}
	if a.Access == "" {
		return tokens{}, c.o.problem(op, Retry, "the response is unusable: missing access_token")
	}
	seconds, err := a.Lifetime.Float64()
	if err != nil || seconds <= 0 {
		return tokens{}, c.o.problem(op, Retry, fmt.Sprintf("the answer gives the access token a lifetime of %s s",
			Sentence(Hide(a.Lifetime.String(), secretsOf(form)...))))
	}
	refreshSeconds, err := strconv.ParseFloat(fmt.Sprint(a.RefreshLife), 64)
	if err != nil {
		refreshSeconds = 0
	}
	return tokens{
		access: a.Access, lifetime: duration(seconds, maxAccessTokenLifetime),
		refresh: a.Refresh, refreshLife: duration(max(0, refreshSeconds), maxRefreshTokenLifetime),
		scopes: c.o.Service.names(strings.Fields(a.Scope)), user: userOf(a.ID),
	}, nil
}

// duration converts seconds and clamps them before the multiplication, which
// could overflow.
func duration(seconds float64, most time.Duration) time.Duration {
	return time.Duration(min(seconds, most.Seconds())) * time.Second
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
