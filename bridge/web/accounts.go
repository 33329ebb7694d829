package web

import (
	"context"

	"roomgate/driver"
)

// Account is an account as the set-up pages and the connect API see it. What its
// page offers follows from what its provider and its session can do. The errors
// of its session reach people: they never carry a code, a token or a secret.
type Account struct {
	Name     string // as configured, [a-z0-9-]
	Kind     string // of its provider: its setting provider
	Provider driver.Provider
}

// session returns the account's session; nil: it needs no sign-in.
func (a Account) session() driver.Session { return driver.SessionOf(a.Provider) }

// redirectURI is where the service sends the browser back to; empty: nobody signs
// in to the account with a browser.
func (a Account) redirectURI() string {
	if s, ok := a.session().(driver.CodeSignIn); ok {
		return s.RedirectURI()
	}
	return ""
}

// guide returns the texts of the account's provider for people; nil: it has none.
func (a Account) guide() driver.Guide {
	guide, _ := a.Provider.(driver.Guide)
	return guide
}

// account finds an account by name; false: there is none.
func (o *Options) account(name string) (Account, bool) {
	for _, a := range o.accounts() {
		if a.Name == name {
			return a, true
		}
	}
	return Account{}, false
}

// accounts returns the accounts; none without a set-up page.
func (o *Options) accounts() []Account {
	if o.Accounts == nil {
		return nil
	}
	return o.Accounts()
}

// Connector signs accounts in for programs that call the connect API. An error may
// have a method NeedsPerson() bool, which reports whether user action is required,
// and OAuthCode() string, the "error" of RFC 6749 §4.1.2.1 or §5.2.
type Connector interface {
	// ConnectURL returns the address at which the owner of an e-mail address
	// consents. The caller's state is carried through; it may be empty.
	ConnectURL(ctx context.Context, kind, email, state string) (address string, err error)
	// Connect signs an account in with the authorization code.
	Connect(ctx context.Context, r ConnectRequest) (Connected, error)
}

// ConnectRequest is a call to sign an account in.
type ConnectRequest struct {
	Kind  string // of provider
	Code  string // authorization code, a secret
	Name  string // the caller's name for the account
	State string // that the caller gave to ConnectURL; empty: it sent none
}

// Connected is an account that the connect API has signed in.
type Connected struct {
	AccountID string // the same for the same person at the same gateway
	Email     string
	Name      string // the caller's
	Kind      string // of provider
	Status    string // "active"
	Scopes    []string
}
