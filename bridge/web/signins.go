package web

import (
	"context"
	"time"
)

// SignIns are the sign-ins of the gateway's accounts, as the set-up page and the
// connect API need them. The words of its errors reach people: they never carry
// a code, a token or a secret. An error may have a method Action() string, which
// is the next step for a person.
type SignIns interface {
	// Accounts returns every account in the order of the configuration.
	Accounts() []SignInView
	// Begin starts a sign-in by authorization code and returns the address of
	// Microsoft's page. loginHint is the e-mail address to offer, prompt is
	// "select_account" or empty, redirect replaces the configured redirect URI;
	// all three may be empty.
	Begin(account, loginHint, prompt string, redirect string) (address string, err error)
	// Complete ends it with what the browser brought back: the whole address, or
	// the bare code.
	Complete(ctx context.Context, account, pasted string) error
	// StartDevice asks for a device code; one that is open already is returned
	// again. The sign-in goes on after ctx has ended.
	StartDevice(ctx context.Context, account string) (DeviceView, error)
	// Connect signs in with a code that came of the address ConnectURL gave. An
	// error may have a method OAuthCode() string, the "error" of RFC 6749 §5.2,
	// and NeedsPerson() bool, false where trying again may help.
	Connect(ctx context.Context, code, name string) (Connected, error)
	// ConnectURL returns the address at which the owner of an e-mail address
	// consents; state is carried through and may be empty.
	ConnectURL(email, state string) (string, error)
}

// SignInView is an account as the set-up page shows it.
type SignInView struct {
	Name          string // as configured, [a-z0-9-]
	Kind          string // "code", "device" or "app"
	State         string // a value of the point driver.AccountState
	Reason        string // what is wrong; empty when nothing is
	Action        string // what a person does about it; may be empty
	User          string // who signed in; may be empty
	RedirectURI   string // as registered; code only
	ClientID      string
	Tenant        string
	Scopes        []string // as configured
	MissingScopes []string // configured, but not granted
	Device        *DeviceView
}

// DeviceView is a device code that waits to be entered (RFC 8628 §3.2).
type DeviceView struct {
	UserCode string
	Address  string    // where it is entered
	Expires  time.Time // UTC
}

// Connected is an account that the connect API has signed in.
type Connected struct {
	AccountID string // stable for the same person and the same gateway
	Email     string
	Name      string
	Status    string   // "active"
	Scopes    []string // as granted
}
