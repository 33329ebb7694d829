package oauth

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"roomgate/driver"
)

// Kind is how an account signs in.
type Kind uint8

const (
	Code              Kind = iota // a user, in a browser that is redirected with a code (RFC 6749 §4.1)
	Device                        // a user, in a browser on any device, with a short code (RFC 8628)
	ClientCredentials             // no user: the client's own permissions (RFC 6749 §4.4)
	Assertion                     // no user: an assertion that the client signs (RFC 7523 §2.1)
)

// attended reports whether a user signs in.
func (k Kind) attended() bool { return k == Code || k == Device }

// Store keeps small values under keys. Put is one durable step: when it
// returns nil, all its values survive a power cut.
type Store interface {
	// Get returns the value of key; the error matches fs.ErrNotExist when there is none.
	Get(key string) ([]byte, error)
	Put(values map[string][]byte) error
	Delete(keys ...string) error
}

// Options describes one account and the dependencies of its Keeper. Account,
// Service, ClientID, Store and Pending are required unless said otherwise.
type Options struct {
	Account        string // name of the account, as configured
	Program        string // how the commands of roomgate are called, in texts that advise one; empty: "roomgate"
	Service        Service
	Kind           Kind
	ClientID       string                              // not needed for an Assertion
	Authentication ClientAuthentication                // zero: a public client
	Assertion      func(now time.Time) (string, error) // signs the assertion of the kind Assertion; see signJWT
	RedirectURI    string                              // as registered; for Code

	// Predecessor is the Keeper of the account that this one replaces; nil: there is
	// none. Tokens that the Store did not take from it are taken over.
	Predecessor *Keeper

	Store   Store // keeps tokens and device codes, under the account's name; sealed where tokens are to be
	Pending Store // keeps authorization requests that wait for their response; may be shared by all accounts

	HTTP    *http.Client                            // nil: a plain client; every call ends after 30 s
	Refresh driver.Schedule                         // nil: before expiry and once a day only
	Jitter  func(limit time.Duration) time.Duration // a random span in [0, limit); nil: driver.RandomJitter
	Clock   driver.Clock                            // nil: the wall clock
	Log     *slog.Logger                            // its records name the account; nil: silence
}

// complete checks o and sets defaults.
func (o Options) complete() (Options, error) {
	if err := o.check(); err != nil {
		return o, fmt.Errorf("set up the sign-in of account %q: %w", o.Account, err)
	}
	o.Program = cmp.Or(o.Program, "roomgate")
	if o.Jitter == nil {
		o.Jitter = driver.RandomJitter
	}
	if o.Clock == nil {
		o.Clock = driver.WallClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// check reports options that the kind of sign-in cannot use.
func (o Options) check() error {
	for _, f := range []struct {
		name, value string
		needed      bool
	}{
		{"Account", o.Account, true}, {"Service.Name", o.Service.Name, true}, {"ClientID", o.ClientID, o.Kind != Assertion},
	} {
		if f.needed && f.value == "" {
			return errors.New(f.name + " is empty")
		}
	}
	for _, f := range []struct {
		name, value string
		needed      bool
	}{
		{"Service.TokenURL", o.Service.TokenURL, true},
		{"Service.AuthorizationURL", o.Service.AuthorizationURL, o.Kind == Code},
		{"Service.DeviceURL", o.Service.DeviceURL, o.Kind == Device},
	} {
		u, err := url.Parse(f.value)
		if f.needed && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
			return errors.New(f.name + " is not an http or https address")
		}
	}
	switch {
	case o.Kind > Assertion:
		return fmt.Errorf("there is no kind %d of sign-in", o.Kind)
	case o.Kind == Assertion && o.Assertion == nil:
		return errors.New("there is nothing that signs the assertion")
	case o.Kind == ClientCredentials && o.Authentication.isPublic():
		return errors.New("an application that signs in without a user needs a client secret or a certificate")
	case o.Store == nil || o.Pending == nil:
		return errors.New("a store is missing")
	}
	return o.Authentication.check()
}
