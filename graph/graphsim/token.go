package graphsim

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	deviceGrant    = "urn:ietf:params:oauth:grant-type:device_code"
	oldDeviceGrant = "device_code" // from drafts of RFC 8628; sent by Microsoft's library for Go
)

// token is the token endpoint (RFC 6749 §3.2).
func (s *Sim) token(c *call) response {
	if c.r.Method != http.MethodPost {
		return s.stsError(c, 900561)
	}
	if a, forced := s.forcedRefusal(c); forced {
		return a
	}
	f := c.form()
	id, _ := c.credentials()
	switch {
	case f.Get("grant_type") == "":
		return s.refuse(c, missing("grant_type"))
	case id == "":
		return s.refuse(c, missing("client_id"))
	}
	app, problem := s.application(c.path[0], id)
	if problem.code != 0 {
		return s.refuse(c, problem)
	}
	switch grant := f.Get("grant_type"); grant {
	case "authorization_code":
		return s.redeemCode(c, f, app)
	case "refresh_token":
		return s.redeemRefresh(c, f, app)
	case "client_credentials":
		return s.clientCredentials(c, f, app)
	case deviceGrant, oldDeviceGrant:
		return s.pollDevice(c, f, app)
	default:
		return s.refuse(c, refusal{70003, "The app requested an unsupported grant type '" + grant + "'."})
	}
}

// credentials returns the client id and secret from HTTP Basic (RFC 6749 §2.3.1) or the body.
func (c *call) credentials() (id, secret string) {
	if u, p, ok := c.r.BasicAuth(); ok {
		id, err1 := url.QueryUnescape(u)
		secret, err2 := url.QueryUnescape(p)
		if err1 == nil && err2 == nil {
			return id, secret
		}
	}
	f := c.form()
	return f.Get("client_id"), f.Get("client_secret")
}

// authenticateClient checks the client authentication that the platform requires.
func (s *Sim) authenticateClient(c *call, app *App, p Platform) refusal {
	_, secret := c.credentials()
	assertion := c.form().Get("client_assertion")
	switch {
	case p != Web && secret+assertion != "":
		return refusal{code: 700025}
	case p == SPA && c.r.Header.Get("Origin") == "":
		return refusal{code: 9002327}
	case p != Web:
		return refusal{}
	case assertion != "":
		return s.checkAssertion(c, app, assertion)
	case secret == "":
		return refusal{code: 7000218}
	}
	i := slices.IndexFunc(app.Secrets, func(x Secret) bool { return x.Value == secret })
	switch {
	case i < 0:
		return refusal{7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + app.ClientID + "'."}
	case !app.Secrets[i].Expires.IsZero() && !c.now.Before(app.Secrets[i].Expires):
		return refusal{7000222, "The provided client secret keys for app '" + app.ClientID + "' are expired."}
	}
	return refusal{}
}

func (s *Sim) redeemCode(c *call, f url.Values, app *App) response {
	for _, p := range []string{"code", "redirect_uri"} {
		if f.Get(p) == "" {
			return s.refuse(c, missing(p))
		}
	}
	code := s.issued.codes[f.Get("code")]
	if code == nil {
		return s.stsError(c, 9002313)
	}
	if problem := s.authenticateClient(c, app, code.signIn.platform); problem.code != 0 {
		return s.refuse(c, problem)
	}
	if problem := s.checkCode(c, f, app, code); problem.code != 0 {
		return s.refuse(c, problem)
	}
	scopes, problem := selectScopes(code.signIn, f.Get("scope"))
	if problem.code != 0 {
		return s.refuse(c, problem)
	}
	code.used = true
	return s.tokens(c, code.signIn, scopes, code.nonce)
}

// checkCode checks lifetime, single use, client, redirect URI and PKCE (RFC 7636 §4.6).
func (s *Sim) checkCode(c *call, f url.Values, app *App, code *authCode) refusal {
	switch {
	case code.used:
		return refusal{code: 54005}
	case code.signIn.app != app.ClientID:
		return refusal{code: 70000}
	case !c.now.Before(code.issued.Add(orDefault(s.behaviour.CodeLifetime, 10*time.Minute))):
		return refusal{code: 70008}
	case code.redirect != f.Get("redirect_uri"):
		return refusal{70000, "The provided value for the 'redirect_uri' is not the one the code was issued for."}
	case !pkceMatches(code.challenge, code.method, f.Get("code_verifier")):
		return refusal{code: 501481}
	}
	return s.checkUser(code.signIn)
}

func pkceMatches(challenge, method, verifier string) bool {
	if challenge == "" {
		return verifier == ""
	}
	if method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return challenge == verifier
}

// checkUser checks the current state of the user in the directory.
func (s *Sim) checkUser(in *signIn) refusal {
	now := s.user(in.user.UPN)
	switch {
	case now == nil:
		return refusal{code: 50034}
	case now.Disabled:
		return refusal{code: 50057}
	}
	return refusal{}
}

// selectScopes returns the scopes of the access token: the requested ones, or all consented ones without a parameter
// or with .default.
func selectScopes(in *signIn, parameter string) ([]string, refusal) {
	if parameter == "" {
		return in.resourceScopes(), refusal{}
	}
	requested, bad := parseScopes(parameter)
	if bad != "" {
		return nil, refusal{70011, "The provided value for the input parameter 'scope' is not valid. The scope '" + bad + "' does not exist."}
	}
	if slices.ContainsFunc(strings.Fields(parameter), func(x string) bool { return strings.HasSuffix(x, ".default") }) {
		return in.resourceScopes(), refusal{}
	}
	for _, x := range requested {
		if !slices.Contains(in.scopes, x) && !slices.Contains(oidcScopes, x) {
			return nil, refusal{code: 65001}
		}
	}
	return slices.DeleteFunc(requested, func(x string) bool { return x == "offline_access" }), refusal{}
}

func (s *Sim) redeemRefresh(c *call, f url.Values, app *App) response {
	if f.Get("refresh_token") == "" {
		return s.refuse(c, missing("refresh_token"))
	}
	t := s.issued.refresh[f.Get("refresh_token")]
	if t == nil || t.signIn.app != app.ClientID {
		return s.refuse(c, refusal{9002313, "Invalid request. The refresh token is malformed or invalid."})
	}
	if problem := s.authenticateClient(c, app, t.signIn.platform); problem.code != 0 {
		return s.refuse(c, problem)
	}
	if problem := s.checkRefreshToken(c, t); problem.code != 0 {
		return s.refuse(c, problem)
	}
	scopes, problem := selectScopes(t.signIn, f.Get("scope"))
	if problem.code != 0 {
		return s.refuse(c, problem)
	}
	return s.tokens(c, t.signIn, scopes, "")
}

// checkRefreshToken checks lifetime and revocation. A used token stays valid until it expires.
func (s *Sim) checkRefreshToken(c *call, t *refreshToken) refusal {
	idle := orDefault(s.behaviour.RefreshLifetime, 90*24*time.Hour)
	switch {
	case t.revoked || t.signIn.revoked:
		return refusal{50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '" + t.issued.Format("2006-01-02T15:04:05.0000000Z") + "'."}
	case t.signIn.platform == SPA && !c.now.Before(t.signIn.started.Add(24*time.Hour)):
		return refusal{code: 700084}
	case !c.now.Before(t.issued.Add(idle)):
		return refusal{700082, "The refresh token has expired due to inactivity. The token was issued on " + t.issued.Format("2006-01-02T15:04:05.0000000Z") + " and was inactive for " + dotNetDuration(idle) + "."}
	}
	return s.checkUser(t.signIn)
}

// dotNetDuration writes a duration as .NET does, for instance 90.00:00:00.
func dotNetDuration(d time.Duration) string {
	days := d / (24 * time.Hour)
	clock := time.Time{}.Add(d - days*24*time.Hour).Format("15:04:05")
	return strings.Join([]string{itoa(int64(days)), clock}, ".")
}

func (s *Sim) clientCredentials(c *call, f url.Values, app *App) response {
	switch fold(c.path[0]) {
	case "common":
		return s.stsError(c, 9001023)
	case "organizations":
		return s.stsError(c, 50059)
	}
	if problem := s.authenticateClient(c, app, Web); problem.code != 0 {
		return s.refuse(c, problem)
	}
	scope := f.Get("scope")
	switch {
	case scope == "":
		return s.refuse(c, missing("scope"))
	case !isAppScope(scope):
		return s.refuse(c, refusal{1002012, "The provided value for scope " + scope + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."})
	}
	t := s.issueApp(app, c.now)
	life := int64(t.Expires.Sub(c.now) / time.Second)
	return identityResponse(http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": t.Access})
}

// isAppScope accepts one resource with /.default. OpenID Connect scopes, which Microsoft's libraries always send, are
// ignored.
func isAppScope(parameter string) bool {
	fields := slices.DeleteFunc(strings.Fields(parameter), func(x string) bool { return slices.Contains(oidcScopes, x) })
	return len(fields) == 1 && strings.HasSuffix(fields[0], "/.default")
}

// tokens is the token response of a user's sign-in.
func (s *Sim) tokens(c *call, in *signIn, scopes []string, nonce string) response {
	t := s.issue(in, scopes, c.now)
	life := int64(t.Expires.Sub(c.now) / time.Second)
	body := map[string]any{
		"token_type": "Bearer", "scope": formatScopes(scopes, orText(c.form().Get("scope"), in.requested)), "expires_in": life, "ext_expires_in": life, "access_token": t.Access,
	}
	if t.Refresh != "" {
		body["refresh_token"] = t.Refresh
	}
	if slices.Contains(in.scopes, "openid") {
		body["id_token"] = s.idToken(c, in, nonce)
	}
	if c.form().Get("client_info") == "1" {
		info := encodeJSON(map[string]any{"uid": in.user.ID, "utid": TenantID})
		body["client_info"] = base64.RawURLEncoding.EncodeToString(info)
	}
	return identityResponse(http.StatusOK, body)
}
