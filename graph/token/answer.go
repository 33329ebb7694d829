package token

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const maxRetryAfter = time.Hour // a longer wish would look like a gateway that died

// grant is what the token endpoint gave (RFC 6749 §5.1).
type grant struct {
	access, refresh string
	lifetime        time.Duration
	scopes          []string
	user            string
}

// grant reads a good answer to a form.
func (e endpoint) grant(op string, body []byte, form url.Values) (grant, *Error) {
	var a struct {
		Access   string      `json:"access_token"`
		Refresh  string      `json:"refresh_token"`
		Lifetime json.Number `json:"expires_in"` // a text in older answers
		Scope    string      `json:"scope"`
		ID       string      `json:"id_token"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return grant{}, e.problem(op, Retry, "the answer cannot be used: "+hide(err.Error(), secretsOf(form)...))
	}
	if a.Access == "" {
		return grant{}, e.problem(op, Retry, "the answer cannot be used: missing access_token")
	}
	seconds, err := a.Lifetime.Float64()
	if err != nil || seconds <= 0 {
		return grant{}, e.problem(op, Retry, fmt.Sprintf("the answer gives the access token a life of %s s", clean(a.Lifetime.String(), secretsOf(form)...)))
	}
	// The life is clamped before it is multiplied, which could overflow.
	life := time.Duration(min(seconds, daily.Seconds())) * time.Second
	return grant{access: a.Access, refresh: a.Refresh, lifetime: life, scopes: shortScopes(a.Scope), user: userOf(a.ID)}, nil
}

// unanswered is the error of a request that brought no answer.
func (e endpoint) unanswered(op string, err error, form url.Values) *Error {
	out := e.problem(op, Retry, "")
	out.Err, out.next = err, wayHint(err)
	var unsent *url.Error
	if errors.As(err, &unsent) {
		err = unsent.Err // without the address
	}
	out.Description = "no answer from the sign-in service: " + hide(err.Error(), secretsOf(form)...)
	return out
}

// wayHint returns what to do about a way to Microsoft that TLS does not trust:
// on a gateway mostly a clock that was never set, or a proxy that reads along.
func wayHint(err error) string {
	var bad x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &bad) && bad.Reason == x509.Expired:
		return "check the gateway's clock (timedatectl) and set up NTP"
	case errors.As(err, &unknown):
		return "a proxy opens the TLS connections: have the customer's IT exempt the sign-in service, or install the proxy's CA certificate on the gateway"
	}
	return ""
}

// refusal is the error of an answer that is not a good one.
func (e endpoint) refusal(op string, resp *http.Response, body []byte, form url.Values) *Error {
	secrets := secretsOf(form)
	d := readDetails(body, secrets...)
	out := e.problem(op, Retry, "")
	out.RetryAfter = retryAfter(resp.Header, e.clock.Now())
	if d.Code == "" {
		out.Description = fmt.Sprintf("the answer is not one of Microsoft's sign-in service: status %d, type %q; a proxy may stand between",
			resp.StatusCode, clean(resp.Header.Get("Content-Type"), secrets...))
		if resp.StatusCode == http.StatusTooManyRequests {
			out.Description = "Microsoft asks to slow down (status 429)"
		}
		return out
	}
	out.Details = d
	out.Class = classify(resp.StatusCode, d.Code, d.AADSTS)
	return out
}

// secretsOf returns the values of a form that must not show anywhere.
func secretsOf(form url.Values) []string {
	var secrets []string
	for _, name := range []string{"code", "code_verifier", "refresh_token", "device_code", "client_secret", "client_assertion"} {
		secrets = append(secrets, form[name]...)
	}
	return secrets
}

// retryAfter reads the Retry-After header, seconds or a date (RFC 9110 §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseInt(v, 10, 32); err == nil {
		return min(max(0, time.Duration(s)*time.Second), maxRetryAfter)
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(0, t.Sub(now)), maxRetryAfter)
	}
	return 0
}

// userOf returns who signed in, by the claims of an ID token. The token came
// straight from the token endpoint over TLS, which vouches for it
// (OpenID Connect Core 1.0 §3.1.3.7).
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
