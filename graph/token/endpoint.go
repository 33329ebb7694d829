package token

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

const (
	callTimeout = 30 * time.Second
	maxAnswer   = 1 << 20 // bytes; a good answer has a few thousand
)

// endpoint talks to the identity service: the only place of this package that
// touches the network. The oauth2 library writes the authorize address; it does
// not post, because its refresh cannot carry an assertion, its device request
// cannot be cancelled, and both read the wall clock by themselves.
type endpoint struct {
	account string
	kind    Kind
	base    string // of all addresses of the tenant
	conf    oauth2.Config
	cert    *Certificate
	http    *http.Client
	clock   Clock
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
	scopes := fullScopes(o.Scopes, o.GraphURL)
	if o.Kind == App {
		scopes = []string{appScope(o.GraphURL)}
	}
	return endpoint{
		account: o.Account, kind: o.Kind, base: base, cert: o.Certificate, http: &client, clock: o.Clock,
		conf: oauth2.Config{
			ClientID:     o.ClientID,
			ClientSecret: o.ClientSecret,
			RedirectURL:  o.RedirectURI,
			Scopes:       scopes,
			Endpoint:     oauth2.Endpoint{AuthURL: base + "authorize"},
		},
	}
}

// redeem exchanges an authorization code (RFC 6749 §4.1.3). It is sent once:
// a code is dead after its first use, whatever came of it.
func (e endpoint) redeem(ctx context.Context, code, redirect, verifier string) (grant, *Error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}}
	if verifier != "" {
		form.Set("code_verifier", verifier) // RFC 7636 §4.5
	}
	return e.signIn(ctx, form)
}

// renew exchanges a refresh token for new tokens (RFC 6749 §6). The redirect
// is that of a refresh token which was made elsewhere, where it is known.
func (e endpoint) renew(ctx context.Context, op, refresh, redirect string) (grant, *Error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	if redirect != "" {
		form.Set("redirect_uri", redirect)
	}
	return e.tokens(ctx, op, form)
}

// appTokens asks for a token of the app's own (RFC 6749 §4.4.2).
func (e endpoint) appTokens(ctx context.Context) (grant, *Error) {
	return e.tokens(ctx, opRefresh, url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(e.conf.Scopes, " ")}})
}

// pollDevice asks once whether the person has entered the code (RFC 8628 §3.4).
func (e endpoint) pollDevice(ctx context.Context, deviceCode string) (grant, *Error) {
	return e.signIn(ctx, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}})
}

// signIn asks for the first tokens of a person's sign-in.
func (e endpoint) signIn(ctx context.Context, form url.Values) (grant, *Error) {
	g, problem := e.tokens(ctx, opSignIn, form)
	if problem == nil && g.refresh == "" {
		problem = e.problem(opSignIn, Person, "Microsoft gave no refresh token, so the sign-in would end within the hour")
		problem.next = "add offline_access to scopes, then run: roomgate login " + e.account
	}
	return g, problem
}

// tokens posts a grant to the token endpoint, with the proof of the app.
func (e endpoint) tokens(ctx context.Context, op string, form url.Values) (grant, *Error) {
	switch {
	case e.cert != nil:
		assertion, err := e.cert.assertion(e.conf.ClientID, e.base+"token", e.clock.Now())
		if err != nil {
			return grant{}, e.problem(op, Person, "prove the app: "+err.Error())
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
	case e.conf.ClientSecret != "":
		form.Set("client_secret", e.conf.ClientSecret)
	}
	body, problem := e.post(ctx, op, "token", form)
	if problem != nil {
		return grant{}, problem
	}
	return e.grant(op, body, form)
}

// post sends a form to one of the tenant's addresses and returns the body of
// a good answer.
func (e endpoint) post(ctx context.Context, op, name string, form url.Values) ([]byte, *Error) {
	form.Set("client_id", e.conf.ClientID)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.base+name, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, e.unanswered(op, err, form)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := e.http.Do(req)
	if err != nil {
		return nil, e.unanswered(op, err, form)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, e.unanswered(op, err, form)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, e.refusal(op, resp, body, form)
	}
	return body, nil
}
