package token

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Store keeps small values under keys. Put is one durable step: when it
// returns nil, all its values survive a power cut.
type Store interface {
	// Get returns the value of key; the error matches fs.ErrNotExist when there is none.
	Get(key string) ([]byte, error)
	Put(values map[string][]byte) error
	Delete(keys ...string) error
}

// Schedule says when the next run after an instant is; the zero time means never.
type Schedule interface {
	Next(time.Time) time.Time
}

// Clock is the wall clock.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

// Options describe one account and what its Keeper works with. Account,
// LoginURL, Tenant, ClientID, Store and Pending are required; an App needs
// ClientSecret or Certificate too.
type Options struct {
	Kind          Kind         // how it signs in; empty: Code
	Account       string       // name of the account, as the configuration and `roomgate login` spell it
	LoginURL      string       // scheme and host of the identity service, https://login.microsoftonline.com
	GraphURL      string       // scheme and host of Graph; outside the global cloud scopes are written with it
	Tenant        string       // common, organizations, consumers, a GUID or a domain
	ClientID      string       // application (client) id
	ClientSecret  string       // empty for a public client
	SecretExpires time.Time    // when the secret expires, shown in Status; zero: not known
	Certificate   *Certificate // proves the app in place of a secret; nil: none
	RedirectURI   string       // as registered
	Scopes        []string     // asked for at the sign-in; without offline_access there is nothing to keep

	Store   Store // holds the tokens, under the account's name
	Pending Store // holds sign-ins that were begun; may be shared by all accounts

	HTTP    *http.Client                            // nil: a plain client; a client without a timeout gets one of 30 s
	Refresh Schedule                                // nil: before expiry and once a day only
	Jitter  func(limit time.Duration) time.Duration // a random span in [0, limit); nil: math/rand
	Clock   Clock                                   // nil: the wall clock
	Log     *slog.Logger                            // nil: silence
}

// complete checks o and fills in what may be left out.
func (o Options) complete() (Options, error) {
	for _, f := range []struct{ name, value string }{
		{"Account", o.Account}, {"LoginURL", o.LoginURL}, {"Tenant", o.Tenant}, {"ClientID", o.ClientID},
	} {
		if f.value == "" {
			return o, fmt.Errorf("set up the sign-in of account %q: %s is empty", o.Account, f.name)
		}
	}
	o.Kind = cmp.Or(o.Kind, Code)
	if err := o.check(); err != nil {
		return o, fmt.Errorf("set up the sign-in of account %q: %w", o.Account, err)
	}
	if o.Certificate != nil {
		o.SecretExpires = o.Certificate.Expires()
	}
	if o.Store == nil || o.Pending == nil {
		return o, fmt.Errorf("set up the sign-in of account %q: a store is missing", o.Account)
	}
	o.LoginURL = strings.TrimRight(o.LoginURL, "/")
	o.GraphURL = strings.TrimRight(o.GraphURL, "/")
	if err := checkBase(o.LoginURL); err != nil {
		return o, fmt.Errorf("set up the sign-in of account %q: login url: %w", o.Account, err)
	}
	if o.Jitter == nil {
		o.Jitter = randomJitter
	}
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// checkBase accepts scheme://host[:port] and nothing more.
func checkBase(raw string) error {
	u, err := url.Parse(raw)
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

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func randomJitter(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return rand.N(limit)
}
