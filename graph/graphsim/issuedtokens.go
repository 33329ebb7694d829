package graphsim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// issuedTokens are the codes and tokens that have been issued.
type issuedTokens struct {
	codes     map[string]*authCode
	refresh   map[string]*refreshToken
	access    map[string]*accessToken
	devices   map[string]*device // by device code
	failCode  int
	failTimes int
}

func newIssuedTokens() issuedTokens {
	return issuedTokens{codes: map[string]*authCode{}, refresh: map[string]*refreshToken{}, access: map[string]*accessToken{}, devices: map[string]*device{}}
}

// signIn is a consent of a user, shared by all tokens that follow from it.
type signIn struct {
	app       string // client id
	user      *User
	scopes    []string // consented, offline_access included
	requested string   // scope parameter of the sign-in
	platform  Platform
	started   time.Time
	newest    int // generation of the newest refresh token
	revoked   bool
}

type authCode struct {
	signIn            *signIn
	redirect          string
	challenge, method string
	nonce             string
	issued            time.Time
	used              bool
}

type refreshToken struct {
	signIn     *signIn
	generation int
	issued     time.Time
	revoked    bool
}

type accessToken struct {
	signIn     *signIn // nil: application token
	generation int     // of the refresh token it came with
	app        string
	scopes     []string
	expires    time.Time
}

// Tokens are the tokens of a sign-in.
type Tokens struct {
	Access, Refresh string
	Expires         time.Time // of Access
}

var oidcScopes = []string{"openid", "profile", "email", "offline_access"}

// graphScopes are the existing delegated permissions (learn.microsoft.com/graph/permissions-reference, abridged).
var graphScopes = []string{
	"Calendars.ReadBasic", "Calendars.Read", "Calendars.Read.Shared", "Calendars.ReadWrite", "Calendars.ReadWrite.Shared",
	"Place.Read.All", "MailboxSettings.Read", "User.Read", "User.ReadBasic.All",
}

// parseScopes returns the short names in a scope parameter, and the first unknown one.
func parseScopes(parameter string) (scopes []string, bad string) {
	for _, field := range strings.Fields(parameter) {
		name := field
		if resource := strings.HasPrefix(field, "https://"); resource {
			name = field[strings.LastIndex(field, "/")+1:]
			if slices.Contains(oidcScopes, name) {
				return nil, field // OpenID Connect scopes have no resource prefix
			}
		}
		known := slices.IndexFunc(graphScopes, func(x string) bool { return strings.EqualFold(x, name) })
		switch {
		case name == ".default":
			scopes = append(scopes, "Calendars.Read", "Calendars.Read.Shared", "User.Read")
		case known >= 0:
			scopes = append(scopes, graphScopes[known])
		case slices.Contains(oidcScopes, name):
			scopes = append(scopes, name)
		default:
			return nil, field
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), ""
}

// formatScopes lists granted scopes as the token endpoint does: with full names when the request used full names, and
// with .default when it was requested.
func formatScopes(granted []string, parameter string) string {
	names, resource := slices.Clone(granted), ""
	for _, field := range strings.Fields(parameter) {
		if strings.HasPrefix(field, "https://") {
			resource = field[:strings.LastIndex(field, "/")+1]
		}
	}
	for i, name := range names {
		if !slices.Contains(oidcScopes, name) {
			names[i] = resource + name
		}
	}
	if all := resource + ".default"; slices.Contains(strings.Fields(parameter), all) {
		names = append(names, all)
	}
	return strings.Join(names, " ")
}

// newSignIn records a consent; the scope parameter has been validated.
func (s *Sim) newSignIn(c *call, app *App, who *User, requested string, p Platform) *signIn {
	scopes, _ := parseScopes(requested)
	granted := slices.DeleteFunc(scopes, func(x string) bool { return containsFold(s.behaviour.WithheldScopes, x) })
	return &signIn{app: app.ClientID, user: who, scopes: granted, requested: requested, platform: p, started: c.now}
}

func (s *Sim) accessLifetime() time.Duration {
	if s.behaviour.AccessLifetime > 0 {
		return s.behaviour.AccessLifetime
	}
	return time.Hour + time.Duration(s.rng.IntN(1800))*time.Second
}

func orDefault(d, usual time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return usual
}

// issue returns an access token for some of the scopes of a sign-in, and a new refresh token if offline_access was
// consented to.
func (s *Sim) issue(in *signIn, scopes []string, now time.Time) Tokens {
	t := Tokens{Access: s.secretString("eyJ0eXAiOiJKV1QiLCJub25jZSI6I", 1200), Expires: now.Add(s.accessLifetime())}
	if slices.Contains(in.scopes, "offline_access") && (in.newest == 0 || !s.behaviour.NoRotation) {
		in.newest++
		t.Refresh = s.secretString("1.AXkAC", 900)
		s.issued.refresh[t.Refresh] = &refreshToken{signIn: in, generation: in.newest, issued: now}
	}
	s.issued.access[t.Access] = &accessToken{signIn: in, generation: in.newest, app: in.app, scopes: scopes, expires: t.Expires}
	return t
}

// SignIn signs a person in without a browser and returns the tokens; it fails for an unknown app or user and for a
// scope that does not exist. The tokens are of the Web platform if the app has a secret, else of Native.
func (s *Sim) SignIn(clientID, upn string, scopes ...string) (Tokens, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app, who := s.directory.apps[fold(clientID)], s.user(upn)
	requested := strings.Join(scopes, " ")
	_, bad := parseScopes(requested)
	switch {
	case app == nil:
		return Tokens{}, fmt.Errorf("sign in: no application %q in the simulator", clientID)
	case who == nil:
		return Tokens{}, fmt.Errorf("sign in: no user %q in the simulator", upn)
	case bad != "":
		return Tokens{}, fmt.Errorf("sign in: no scope %q", bad)
	}
	p := Native
	if len(app.Secrets) > 0 {
		p = Web
	}
	now := s.now().UTC()
	in := s.newSignIn(&call{now: now}, app, who, requested, p)
	return s.issue(in, in.resourceScopes(), now), nil
}

// AppToken returns an application token as the client_credentials grant does.
func (s *Sim) AppToken(clientID string) (Tokens, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	app := s.directory.apps[fold(clientID)]
	if app == nil {
		return Tokens{}, fmt.Errorf("application token: no application %q in the simulator", clientID)
	}
	return s.issueApp(app, s.now().UTC()), nil
}

func (s *Sim) issueApp(app *App, now time.Time) Tokens {
	t := Tokens{Access: s.secretString("eyJ0eXAiOiJKV1QiLCJub25jZSI6I", 1200), Expires: now.Add(s.accessLifetime())}
	s.issued.access[t.Access] = &accessToken{app: app.ClientID, expires: t.Expires}
	return t
}

// resourceScopes are the consented scopes as a token response lists them.
func (in *signIn) resourceScopes() []string {
	return slices.DeleteFunc(slices.Clone(in.scopes), func(x string) bool { return x == "offline_access" })
}

// Revoke ends every sign-in of a person, as revoking sessions or changing the password does: refresh tokens are
// refused with 50173, access tokens stay valid. An empty upn means all users.
func (s *Sim) Revoke(upn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoke(upn)
}

func (s *Sim) revoke(upn string) {
	for _, t := range s.issued.refresh {
		if upn == "" || fold(t.signIn.user.UPN) == fold(upn) {
			t.signIn.revoked = true
		}
	}
}

// ExpireAccess expires every access token.
func (s *Sim) ExpireAccess() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireAccess(s.now().UTC())
}

func (s *Sim) expireAccess(now time.Time) {
	for _, t := range s.issued.access {
		if t.expires.After(now) {
			t.expires = now
		}
	}
}

// revokeOlderTokens implements Behaviour.StrictRotation: the use of an access token shows that the client has received
// the newer refresh token.
func (s *Sim) revokeOlderTokens(used *accessToken) {
	if !s.behaviour.StrictRotation || used.signIn == nil {
		return
	}
	for _, t := range s.issued.refresh {
		if t.signIn == used.signIn && t.generation < used.generation {
			t.revoked = true
		}
	}
}

// idToken is a signed OpenID Connect id token (openid.net, Core 1.0 §2).
func (s *Sim) idToken(c *call, in *signIn, nonce string) string {
	claims := map[string]any{
		"ver": "2.0", "iss": c.base + "/" + TenantID + "/v2.0", "aud": in.app, "sub": in.user.ID, "oid": in.user.ID, "tid": TenantID,
		"iat": c.now.Unix(), "nbf": c.now.Unix(), "exp": c.now.Add(time.Hour).Unix(),
		"name": in.user.Name, "preferred_username": in.user.UPN, "email": in.user.UPN,
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	enc := base64.RawURLEncoding.EncodeToString
	head := encodeJSON(map[string]any{"typ": "JWT", "alg": "RS256", "kid": keyID})
	signed := enc(head) + "." + enc(encodeJSON(claims))
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, s.key(), crypto.SHA256, sum[:])
	if err != nil {
		panic("graphsim: sign an id token: " + err.Error()) // only a key too small for SHA-256 fails
	}
	return signed + "." + enc(sig)
}
