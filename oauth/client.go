package oauth

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	callTimeout = 30 * time.Second
	maxAnswer   = 1 << 20 // bytes; a good answer has a few thousand
)

// client talks to the identity service: the only part of this package that
// touches the network. The oauth2 library writes the authorization request; it
// does not post, because its refresh cannot carry a client assertion, its device
// request cannot be cancelled, and both read the wall clock themselves.
type client struct {
	o    Options
	http *http.Client
}

func newClient(o Options) client {
	h := o.HTTP
	if h == nil {
		h = &http.Client{}
	}
	return client{o: o, http: WithoutRedirects(h)}
}

// redeem exchanges an authorization code (RFC 6749 §4.1.3). It is sent once: a code
// is invalid after its first use, whatever the result.
func (c client) redeem(ctx context.Context, code, redirectURI, verifier string) (tokens, *Error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	if verifier != "" {
		form.Set("code_verifier", verifier) // RFC 7636 §4.5
	}
	return c.tokens(ctx, opSignIn, form)
}

// renew exchanges a refresh token for new tokens (RFC 6749 §6). The redirect
// URI is that of a refresh token which was obtained elsewhere, where it is known.
func (c client) renew(ctx context.Context, op, refreshToken, redirectURI string) (tokens, *Error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}
	if redirectURI != "" {
		form.Set("redirect_uri", redirectURI)
	}
	return c.tokens(ctx, op, form)
}

// unattended asks for a token of the client's own: by its credentials (RFC 6749
// §4.4.2) or by an assertion that it signs (RFC 7523 §2.1).
func (c client) unattended(ctx context.Context) (tokens, *Error) {
	if c.o.Kind == ClientCredentials {
		return c.tokens(ctx, opRefresh, url.Values{"grant_type": {"client_credentials"}, "scope": {c.o.Service.scope()}})
	}
	assertion, err := c.o.Assertion(c.o.Clock.Now())
	if err != nil {
		return tokens{}, c.o.problem(opRefresh, Person, "sign the assertion: "+Hide(err.Error()))
	}
	return c.tokens(ctx, opRefresh, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}})
}

// pollDevice asks once whether the user has entered the code (RFC 8628 §3.4).
func (c client) pollDevice(ctx context.Context, deviceCode string) (tokens, *Error) {
	return c.tokens(ctx, opSignIn, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}})
}

// tokens posts a token request, with the authentication of the client.
func (c client) tokens(ctx context.Context, op string, form url.Values) (tokens, *Error) {
	if err := c.o.Authentication.add(form, c.o.ClientID, c.o.Service.TokenURL, c.o.Clock.Now()); err != nil {
		return tokens{}, c.o.problem(op, Person, "authenticate the client: "+Hide(err.Error()))
	}
	body, problem := c.post(ctx, op, c.o.Service.TokenURL, form)
	if problem != nil {
		return tokens{}, problem
	}
	return c.readTokens(op, body, form)
}

// post sends a form to an endpoint and returns the body of a good answer.
func (c client) post(ctx context.Context, op, endpoint string, form url.Values) ([]byte, *Error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if c.o.ClientID != "" {
		form.Set("client_id", c.o.ClientID)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, c.unanswered(op, err, form)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unanswered(op, err, form)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, c.unanswered(op, err, form)
	}
	body = TrimBOM(body)
	if resp.StatusCode != http.StatusOK {
		return nil, c.refusal(op, resp, body, form)
	}
	return body, nil
}

// unanswered is the error of a request without a response.
func (c client) unanswered(op string, err error, form url.Values) *Error {
	cause := err
	var unsent *url.Error
	if errors.As(err, &unsent) {
		cause = unsent.Err // without the address
	}
	out := c.o.problem(op, Retry, "no answer from the sign-in service: "+Hide(cause.Error(), secretsOf(form)...))
	out.Err, out.diagnosis.Action = err, tlsHint(err)
	return out
}

// tlsHint returns what to do about an untrusted certificate: on a gateway the usual
// causes are a clock that was never set and a proxy that intercepts TLS.
func tlsHint(err error) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "check the gateway's clock (timedatectl) and set up NTP"
	case errors.As(err, &unknown):
		return "a proxy intercepts the TLS connections: have the customer's IT exempt the sign-in service, or install the proxy's CA certificate on the gateway"
	}
	return ""
}

// refusal is the error of a response other than 200 OK.
func (c client) refusal(op string, resp *http.Response, body []byte, form url.Values) *Error {
	secrets := secretsOf(form)
	r := readErrorResponse(resp.StatusCode, body, secrets)
	d, own := c.o.Service.diagnose(r)
	// Some services throttle in plain text and not in the form of RFC 6749 §5.2.
	inText := resp.StatusCode == http.StatusTooManyRequests && strings.EqualFold(string(bytes.TrimSpace(body)), http.StatusText(http.StatusTooManyRequests))
	switch {
	case own:
	case inText:
		d = Diagnosis{Class: Retry, Reason: c.o.Service.Name + " asks to slow down (status 429)"}
	default:
		d = Diagnosis{Class: Retry, Reason: fmt.Sprintf("the answer does not come from the sign-in service of %s: status %d, type %q; a proxy may have sent it",
			c.o.Service.Name, resp.StatusCode, Sentence(Hide(resp.Header.Get("Content-Type"), secrets...)))}
	}
	out := c.o.diagnosed(op, d)
	if own || inText {
		out.Code, out.RetryAfter = Sentence(r.Code), RetryAfter(resp.Header, c.o.Clock.Now())
	}
	return out
}

// readErrorResponse reads an error body, with the secrets hidden; one that is not a
// JSON object gives only the status.
func readErrorResponse(status int, body []byte, secrets []string) ErrorResponse {
	r := ErrorResponse{Status: status}
	if json.Unmarshal(body, &r.Fields) != nil {
		return r
	}
	hideIn(r.Fields, secrets)
	r.Code, _ = r.Fields["error"].(string)
	r.Description, _ = r.Fields["error_description"].(string)
	return r
}

// hideIn hides the secrets in all texts of a decoded JSON value and returns it.
func hideIn(value any, secrets []string) any {
	switch v := value.(type) {
	case string:
		return Hide(v, secrets...)
	case []any:
		for i := range v {
			v[i] = hideIn(v[i], secrets)
		}
	case map[string]any:
		for name := range v {
			v[name] = hideIn(v[name], secrets)
		}
	}
	return value
}

// secretsOf returns the values of a form that must not show anywhere.
func secretsOf(form url.Values) []string {
	var secrets []string
	for _, name := range []string{"code", "code_verifier", "refresh_token", "device_code", "client_secret", "client_assertion", "assertion"} {
		secrets = append(secrets, form[name]...)
	}
	return secrets
}
