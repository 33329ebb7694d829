package graph

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"roomgate/driver"
	"roomgate/oauth"
)

// serviceName is the display name of the service.
const serviceName = "Microsoft 365"

// refreshTokenLifetime is how long a refresh token lives without being used
// (learn.microsoft.com/entra/identity-platform/refresh-tokens).
const refreshTokenLifetime = 90 * 24 * time.Hour

// SignInOptions is how one account signs in to the Microsoft identity
// platform v2.0. Account, LoginURL, Tenant, ClientID, Store and Pending are
// required; "app" needs ClientSecret or Certificate too.
type SignInOptions struct {
	Account       string             // name of the account, as configured
	Program       string             // how the commands of roomgate are called; empty: "roomgate"
	SignIn        string             // code, device or app; empty: code
	LoginURL      string             // scheme and host of the identity service, https://login.microsoftonline.com
	GraphURL      string             // scheme and host of Graph; outside the global cloud scopes are written with it
	Tenant        string             // common, organizations, consumers, a GUID or a domain
	ClientID      string             // application (client) id
	ClientSecret  string             // empty for a public client
	SecretExpires time.Time          // when the secret expires, UTC; zero: not known
	Certificate   *oauth.Certificate // in place of a secret; nil: none
	RedirectURI   string             // as registered
	Scopes        []string           // as configured; not used by "app"

	Predecessor *oauth.Keeper // whose place the Keeper takes; nil: there is none

	Store   oauth.Store // keeps the tokens
	Pending oauth.Store // keeps pending sign-ins; may be shared by all accounts

	HTTP    *http.Client
	Refresh driver.Schedule
	Jitter  func(limit time.Duration) time.Duration
	Clock   driver.Clock
	Log     *slog.Logger
}

// NewKeeper returns the Keeper of an account's sign-in. It does no I/O; the error is
// about invalid options.
func NewKeeper(o SignInOptions) (*oauth.Keeper, error) {
	kind, err := o.kind()
	if err != nil {
		return nil, fmt.Errorf("set up the sign-in of account %q: %w", o.Account, err)
	}
	return oauth.New(oauth.Options{
		Account: o.Account, Program: o.Program, Service: o.service(), Kind: kind, ClientID: o.ClientID,
		Authentication: oauth.ClientAuthentication{Secret: o.ClientSecret, SecretExpires: o.SecretExpires, Certificate: o.Certificate},
		RedirectURI:    o.RedirectURI, Predecessor: o.Predecessor, Store: o.Store, Pending: o.Pending,
		HTTP: o.HTTP, Refresh: o.Refresh, Jitter: o.Jitter, Clock: o.Clock, Log: o.Log,
	})
}

// kind returns how the account signs in, and checks the requirements of this service.
func (o SignInOptions) kind() (oauth.Kind, error) {
	kinds := map[string]oauth.Kind{"code": oauth.Code, "device": oauth.Device, "app": oauth.ClientCredentials}
	kind, ok := kinds[cmp.Or(o.SignIn, "code")]
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is not a way to sign in; use code, device or app", o.SignIn)
	case o.Tenant == "":
		return 0, errors.New("the tenant is empty")
	case kind == oauth.ClientCredentials && (o.Tenant == "common" || o.Tenant == "organizations" || o.Tenant == "consumers"):
		return 0, fmt.Errorf("an application that signs in without a user needs the tenant's id or domain, not %q", o.Tenant)
	}
	if err := checkBase(o.LoginURL); err != nil {
		return 0, fmt.Errorf("login url: %w", err)
	}
	return kind, nil
}

// service describes the identity platform to the Keeper
// (learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow,
// v2-oauth2-device-code and v2-oauth2-client-creds-grant-flow).
func (o SignInOptions) service() oauth.Service {
	login := strings.TrimRight(o.LoginURL, "/")
	base := login + "/" + url.PathEscape(o.Tenant) + "/oauth2/v2.0/"
	app := o.SignIn == "app"
	scopes := fullScopes(o.Scopes, strings.TrimRight(o.GraphURL, "/"))
	if app {
		scopes = []string{appScope(strings.TrimRight(o.GraphURL, "/"))}
	}
	return oauth.Service{
		Name:             serviceName,
		AuthorizationURL: base + "authorize", TokenURL: base + "token", DeviceURL: base + "devicecode",
		Parameters:           url.Values{"response_mode": {"query"}},
		Scopes:               scopes,
		ScopeNames:           shortScopes,
		MissingScopes:        func(granted []string) []string { return missingScopes(scopes, granted) },
		Diagnose:             func(r oauth.ErrorResponse) (oauth.Diagnosis, bool) { return diagnose(r, app) },
		RefreshTokenLifetime: refreshTokenLifetime,
		Bound:                []oauth.Setting{{Name: "tenant", Value: o.Tenant}, {Name: "login_url", Value: login}},
		NoRefreshToken:       "add offline_access to scopes",
		RenewCredential:      signInNumbers[credentialExpired].action(),
	}
}

// checkBase accepts scheme://host[:port] and nothing more.
func checkBase(raw string) error {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil:
		return errors.New("not an address; write scheme and host, such as https://login.microsoftonline.com")
	case u.User != nil:
		return errors.New("an address with a user name is not accepted; write scheme and host only")
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.Path != "", u.RawQuery != "":
		return fmt.Errorf("%q: write scheme and host only, such as https://login.microsoftonline.com", raw)
	}
	return nil
}
