package main

import (
	"context"
	"errors"
	"net"

	"roomgate/bridge/web"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/token"
)

// webAccounts are the accounts as the page and the connect API see them.
func (g *gateway) webAccounts() []web.Account {
	out := make([]web.Account, len(g.accounts))
	for i, a := range g.accounts {
		out[i] = web.Account{Name: a.Name, Kind: g.cfg.Accounts[i].Provider, Provider: a.Provider}
	}
	return out
}

// sessionOf is the driver.Session of a Keeper, which shows the ways to sign in
// that the account has.
func sessionOf(k *token.Keeper, a config.Account) driver.Session {
	switch s := (session{k}); token.Kind(microsoft(a).SignIn) {
	case token.Code:
		return codeSession{s, microsoft(a).RedirectURI}
	case token.DeviceCode:
		return deviceSession{s}
	default:
		return s
	}
}

// session is a driver.Session that signs in by itself.
type session struct{ keeper *token.Keeper }

// Status implements driver.Session.
func (s session) Status() driver.SessionStatus {
	t := s.keeper.Status()
	var state driver.SessionState
	_ = state.UnmarshalText([]byte(t.State)) // both have the same words
	return driver.SessionStatus{State: state, Reason: t.Reason, Action: t.Action, User: t.User, Scopes: t.Scopes,
		SignedInAt: t.SignedIn, LastRefresh: t.LastRefresh, AccessExpires: t.AccessExpires, RefreshLapses: t.RefreshLapses,
		SecretExpires: t.SecretExpires, NextTry: t.NextTry, MissingScopes: t.MissingScopes, Device: deviceCode(t.Device)}
}

func deviceCode(d *token.Device) *driver.DeviceCode {
	if d == nil {
		return nil
	}
	return &driver.DeviceCode{UserCode: d.UserCode, VerificationURI: d.VerificationURI, Expires: d.Expires}
}

// Changed implements driver.Session.
func (s session) Changed() <-chan struct{} { return s.keeper.Changed() }

// Run implements driver.Session.
func (s session) Run(ctx context.Context) error { return s.keeper.Run(ctx) }

// Verify implements driver.Session.
func (s session) Verify(ctx context.Context) error {
	_, err := s.keeper.Token(ctx)
	return err
}

// codeSession is a driver.CodeSignIn.
type codeSession struct {
	session
	redirectURI string
}

// RedirectURI implements driver.CodeSignIn.
func (s codeSession) RedirectURI() string { return s.redirectURI }

// Begin implements driver.CodeSignIn.
func (s codeSession) Begin(r driver.AuthorizationRequest) (string, error) {
	return s.keeper.Begin(token.BeginOptions(r))
}

// Complete implements driver.CodeSignIn.
func (s codeSession) Complete(ctx context.Context, response string) error {
	return withOAuthCode(s.keeper.Complete(ctx, response))
}

// CompleteCode implements driver.CodeSignIn.
func (s codeSession) CompleteCode(ctx context.Context, code string) error {
	return withOAuthCode(s.keeper.CompleteCode(ctx, code))
}

// deviceSession is a driver.DeviceSignIn.
type deviceSession struct{ session }

// StartDevice implements driver.DeviceSignIn.
func (s deviceSession) StartDevice(ctx context.Context) (driver.DeviceCode, error) {
	d, err := s.keeper.StartDevice(ctx)
	return *deviceCode(&d), err
}

// WaitDevice implements driver.DeviceSignIn.
func (s deviceSession) WaitDevice(ctx context.Context) error { return s.keeper.WaitDevice(ctx) }

// withOAuthCode gives a failed sign-in the word that the connect API answers.
func withOAuthCode(err error) error {
	var e *token.Error
	if errors.As(err, &e) {
		return oauthError{e}
	}
	return err
}

// oauthError is a failed sign-in.
type oauthError struct{ failed *token.Error }

// Error implements error.
func (e oauthError) Error() string { return e.failed.Error() }

// Unwrap returns the failure.
func (e oauthError) Unwrap() error { return e.failed }

// OAuthCode returns the "error" of RFC 6749 §5.2; empty: there was none.
func (e oauthError) OAuthCode() string { return e.failed.Code }

// setUpPage is where a browser on the gateway's machine finds the set-up page.
func setUpPage(cfg *config.Config) string {
	_, port, err := net.SplitHostPort(cfg.Web.Listen)
	if err != nil {
		return ""
	}
	return "http://localhost:" + port + "/setup"
}
