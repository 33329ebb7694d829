package token

import (
	"context"
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

	"golang.org/x/oauth2"
)

const (
	callTimeout   = 30 * time.Second
	maxRetryAfter = time.Hour // a longer wish would look like a gateway that died
)

// endpoint talks to the identity service: the only place of this package that
// touches the network.
type endpoint struct {
	account string
	conf    oauth2.Config
	http    *http.Client
	clock   Clock
}

// grant is what the token endpoint gave (RFC 6749 §5.1).
type grant struct {
	access, refresh string
	lifetime        time.Duration
	scopes          []string
	user            string
}

func newEndpoint(o Options) endpoint {
	base := o.LoginURL + "/" + url.PathEscape(o.Tenant) + "/oauth2/v2.0/"
	client := http.Client{}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	if client.Timeout == 0 {
		client.Timeout = callTimeout
	}
	// A redirect of a POST would carry code, token and secret to another host.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return endpoint{account: o.Account, http: &client, clock: o.Clock, conf: oauth2.Config{
		ClientID:     o.ClientID,
		ClientSecret: o.ClientSecret,
		RedirectURL:  o.RedirectURI,
		Scopes:       fullScopes(o.Scopes, o.GraphURL),
		// A fixed style: with detection the library posts a code twice.
		Endpoint: oauth2.Endpoint{AuthURL: base + "authorize", TokenURL: base + "token", AuthStyle: oauth2.AuthStyleInParams},
	}}
}

// redeem exchanges an authorization code (RFC 6749 §4.1.3). It is sent once:
// a code is dead after its first use, whatever came of it.
func (e endpoint) redeem(ctx context.Context, code, redirect, verifier string) (grant, *Error) {
	conf := e.conf
	conf.RedirectURL = redirect
	var opts []oauth2.AuthCodeOption
	if verifier != "" {
		opts = append(opts, oauth2.VerifierOption(verifier))
	}
	tok, err := conf.Exchange(context.WithValue(ctx, oauth2.HTTPClient, e.http), code, opts...)
	if err != nil {
		return grant{}, e.failure(opSignIn, err, code, verifier)
	}
	if tok.RefreshToken == "" {
		return grant{}, &Error{Account: e.account, Op: opSignIn, Class: Person,
			Description: "Microsoft gave no refresh token, so the sign-in would end within the hour",
			next:        "add offline_access to scopes, then run: roomgate login " + e.account}
	}
	return e.grant(opSignIn, tok)
}

// renew exchanges a refresh token for new tokens (RFC 6749 §6).
func (e endpoint) renew(ctx context.Context, refresh string) (grant, *Error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, e.http)
	tok, err := e.conf.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return grant{}, e.failure(opRefresh, err, refresh)
	}
	return e.grant(opRefresh, tok)
}

// grant reads a good answer.
func (e endpoint) grant(op string, tok *oauth2.Token) (grant, *Error) {
	if tok.ExpiresIn <= 0 {
		return grant{}, &Error{Account: e.account, Op: op, Class: Retry,
			Description: fmt.Sprintf("the answer gives the access token a life of %d s", tok.ExpiresIn)}
	}
	g := grant{access: tok.AccessToken, refresh: tok.RefreshToken}
	// The life is clamped before it is multiplied, which could overflow.
	g.lifetime = time.Duration(min(tok.ExpiresIn, int64(daily/time.Second))) * time.Second
	if s, ok := tok.Extra("scope").(string); ok {
		g.scopes = shortScopes(s)
	}
	if s, ok := tok.Extra("id_token").(string); ok {
		g.user = userOf(s)
	}
	return g, nil
}

// failure turns whatever the library returned into an Error without secrets.
func (e endpoint) failure(op string, err error, secrets ...string) *Error {
	secrets = append(secrets, e.conf.ClientSecret)
	out := &Error{Account: e.account, Op: op, Class: Retry}
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		out.Err, out.next = err, clockHint(err)
		out.Description = "the answer cannot be used: " + hide(err.Error(), secrets...)
		var unsent *url.Error
		if errors.As(err, &unsent) {
			out.Description = "no answer from the sign-in service: " + hide(unsent.Err.Error(), secrets...)
		}
		return out
	}
	// The library's error is not kept as the cause: its text is the whole body.
	out.RetryAfter = retryAfter(answer.Response.Header, e.clock.Now())
	if answer.ErrorCode == "" {
		out.Description = fmt.Sprintf("the answer is not one of Microsoft's sign-in service: status %d, type %q; a proxy may stand between",
			answer.Response.StatusCode, clean(answer.Response.Header.Get("Content-Type"), secrets...))
		if answer.Response.StatusCode == http.StatusTooManyRequests {
			out.Description = "Microsoft asks to slow down (status 429)"
		}
		return out
	}
	d := readDetails(answer.Body, answer.ErrorDescription, secrets...)
	out.Code, out.SubError, out.AADSTS = clean(answer.ErrorCode, secrets...), d.SubError, d.Numbers
	out.TraceID, out.CorrelationID = d.TraceID, d.CorrelationID
	out.Description = clean(answer.ErrorDescription, secrets...)
	out.Class = classify(answer.Response.StatusCode, answer.ErrorCode, d.Numbers)
	return out
}

// clockHint returns what to do when a certificate seems out of date, which on
// a gateway mostly means a clock that was never set.
func clockHint(err error) string {
	var bad x509.CertificateInvalidError
	if errors.As(err, &bad) && bad.Reason == x509.Expired {
		return "check the gateway's clock (timedatectl) and set up NTP"
	}
	return ""
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

// fullScopes writes Graph permissions as URIs of the cloud's own Graph, which
// the national clouds want (learn.microsoft.com/graph/deployments). In the
// global cloud, and for a Graph over plain http, which only a simulator is,
// the short names stay.
func fullScopes(scopes []string, graphURL string) []string {
	national := strings.HasPrefix(graphURL, "https://") && graphURL != "https://graph.microsoft.com"
	var full []string
	for _, s := range scopes {
		switch {
		case s == "openid", s == "profile", s == "email", s == "offline_access":
		case national && !strings.Contains(s, "://"):
			s = graphURL + "/" + s
		}
		full = append(full, s)
	}
	return full
}

// shortScopes splits the scope value of an answer (RFC 6749 §3.3) and drops
// the resource in front of the names.
func shortScopes(value string) []string {
	scopes := strings.Fields(value)
	for i, s := range scopes {
		if strings.Contains(s, "://") {
			scopes[i] = s[strings.LastIndex(s, "/")+1:]
		}
	}
	return scopes
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
