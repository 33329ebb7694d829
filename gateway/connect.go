package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"roomgate/bridge/web"
	"roomgate/driver"
)

const (
	reservation = time.Hour // how long an account waits for the code of a sign-in
	maxPending  = 8         // sign-ins of one account that wait for their code; a new one replaces the oldest
)

// Connector signs accounts in for the connect API. It implements web.Connector.
//
// Every address it returns reserves an account for an e-mail address. The code
// comes back by the caller, so the pending sign-in that it belongs to is found by
// the caller's state or by the name that the caller gives.
type Connector struct {
	site     func() string // id
	accounts func() []web.Account

	mu      sync.Mutex
	pending []pendingSignIn // oldest first
}

// pendingSignIn is a sign-in that waits for its code.
type pendingSignIn struct {
	kind    string // of provider
	account string // name
	email   string
	caller  [sha256.Size]byte // hash of the caller's state; zero: it gave none
	state   string            // of the authorization request; empty: it has none
	started time.Time
}

// NewConnector returns a Connector for the accounts of a site. Both functions
// return what is configured at the time of the call.
func NewConnector(site func() string, accounts func() []web.Account) *Connector {
	return &Connector{site: site, accounts: accounts}
}

// candidate is an account that a code can be used for.
type candidate struct {
	web.Account
	session driver.CodeSignIn
	status  driver.SessionStatus
}

// candidates are the accounts of a kind of provider that are signed in to with a
// code, in the order of the configuration.
func (c *Connector) candidates(kind string) []candidate {
	var out []candidate
	for _, a := range c.accounts() {
		if session, ok := driver.SessionOf(a.Provider).(driver.CodeSignIn); ok && a.Kind == kind {
			out = append(out, candidate{a, session, session.Status()})
		}
	}
	return out
}

// ConnectURL implements web.Connector. The caller's state replaces the state of
// the authorization request, which goes with the code again in Connect.
func (c *Connector) ConnectURL(ctx context.Context, kind, email, state string) (address string, err error) {
	err = driver.RetryEnded(ctx, func() error {
		address, err = c.connectURL(kind, email, state)
		return err
	})
	return address, err
}

func (c *Connector) connectURL(kind, email, state string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire()
	account, err := c.choose(c.candidates(kind), email)
	if err != nil {
		return "", err
	}
	address, err := account.session.Begin(driver.AuthorizationRequest{LoginHint: email})
	if err != nil {
		return "", fmt.Errorf("start a sign-in of account %s: %w", account.Name, err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read the address of the sign-in of account %s: %w", account.Name, err)
	}
	q := u.Query()
	c.reserve(pendingSignIn{kind: kind, account: account.Name, email: email, caller: hashed(state), state: q.Get("state"), started: time.Now()})
	q.Del("state")
	if state != "" {
		q.Set("state", state)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// choose returns the account for an e-mail address: the one that is signed in
// with it, else the one that is reserved for it, else the first that nobody is
// signed in to, else the first. An account that is reserved for another address
// is none of the last two. Called with mu held.
func (c *Connector) choose(accounts []candidate, email string) (candidate, error) {
	if len(accounts) == 0 {
		return candidate{}, errors.New("nobody signs in to an account of this provider with a browser, so that there is no code; configure such an account")
	}
	rules := []func(candidate) bool{
		func(a candidate) bool { return strings.EqualFold(a.status.User, email) },
		func(a candidate) bool { return c.reservedFor(a.Name, email) },
		func(a candidate) bool { return vacant(a.status) && !c.reserved(a.Name) },
		func(a candidate) bool { return !c.reserved(a.Name) },
	}
	for _, rule := range rules {
		if i := slices.IndexFunc(accounts, rule); i >= 0 {
			return accounts[i], nil
		}
	}
	return candidate{}, connectError{words: "every account waits for a sign-in that was started for another e-mail address within the last hour; " +
		"complete that sign-in, or try again later"}
}

// vacant reports whether nobody is signed in. Who is signed in is not always known.
func vacant(s driver.SessionStatus) bool { return s.State.NeedsPerson() && s.User == "" }

// reserved reports whether an account waits for the code of a sign-in.
func (c *Connector) reserved(account string) bool {
	return slices.ContainsFunc(c.pending, func(p pendingSignIn) bool { return p.account == account })
}

// reservedFor reports whether it waits for the code of this e-mail address.
func (c *Connector) reservedFor(account, email string) bool {
	return slices.ContainsFunc(c.pending, func(p pendingSignIn) bool { return p.account == account && strings.EqualFold(p.email, email) })
}

// reserve adds a pending sign-in. It replaces one with the same caller's
// state or address, and the oldest if the account has too many.
func (c *Connector) reserve(p pendingSignIn) {
	c.pending = slices.DeleteFunc(c.pending, func(o pendingSignIn) bool {
		return o.account == p.account && o.caller == p.caller && strings.EqualFold(o.email, p.email)
	})
	same := func(o pendingSignIn) bool { return o.account == p.account }
	if len(filtered(c.pending, same)) >= maxPending {
		i := slices.IndexFunc(c.pending, same)
		c.pending = slices.Delete(c.pending, i, i+1)
	}
	c.pending = append(c.pending, p)
}

// expire removes the pending sign-ins that are too old. Durations are measured on
// the monotonic clock, which time.Now reads.
func (c *Connector) expire() {
	c.pending = slices.DeleteFunc(c.pending, func(p pendingSignIn) bool { return time.Since(p.started) >= reservation })
}

// Connect implements web.Connector.
func (c *Connector) Connect(ctx context.Context, r web.ConnectRequest) (web.Connected, error) {
	var account candidate
	err := driver.RetryEnded(ctx, func() error {
		found, response, err := c.find(r)
		if err != nil {
			return err
		}
		account = found
		return account.session.Complete(ctx, response)
	})
	if err != nil {
		return web.Connected{}, err
	}
	c.mu.Lock()
	c.pending = slices.DeleteFunc(c.pending, func(p pendingSignIn) bool { return p.account == account.Name })
	c.mu.Unlock()
	status := account.session.Status()
	email := status.User
	if who, ok := account.Provider.(driver.WhoSignedIn); ok {
		if address, err := who.SignedInUser(ctx); err == nil && address != "" { // the account is signed in whether or not the service says who
			email = address
		}
	}
	return web.Connected{AccountID: accountID(r.Kind, c.site(), email, account.Name), Email: email, Name: r.Name, Kind: r.Kind,
		Status: "active", Scopes: status.Scopes}, nil
}

// find returns the account that a code is for, and what completes its sign-in: the
// authorization response with the state that the request had, or the bare code.
func (c *Connector) find(r web.ConnectRequest) (candidate, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire()
	accounts := c.candidates(r.Kind)
	p, ambiguous := match(c.pending, r)
	name := p.account
	if name == "" {
		name = r.Name // sign-ins that were started before the gateway was restarted are known to the session alone
	}
	i := slices.IndexFunc(accounts, func(a candidate) bool { return a.Name == name })
	switch {
	case i >= 0:
		return accounts[i], authorizationResponse(accounts[i].session.RedirectURI(), r.Code, p.state), nil
	case ambiguous:
		return candidate{}, "", connectError{"several accounts wait for a code, and the request does not identify the one for this code, so it was not used; " +
			"send the state of the call that returned the address, or as name the account or the e-mail address", true, "invalid_request"}
	}
	return candidate{}, "", connectError{"no account waits for this code; ask for an address to sign in at first", true, "invalid_grant"}
}

// match finds the pending sign-in that a request belongs to. The caller's state
// narrows the choice; then it is the one of the account that the request names,
// else of the e-mail address that it names, else the only one. Of several of one
// account it is the newest. None is returned if there is none, or if several
// accounts could be meant.
func match(pending []pendingSignIn, r web.ConnectRequest) (p pendingSignIn, ambiguous bool) {
	possible := withState(pending, r)
	rules := []func(pendingSignIn) bool{
		func(p pendingSignIn) bool { return p.account == r.Name },
		func(p pendingSignIn) bool { return strings.EqualFold(p.email, r.Name) },
		func(pendingSignIn) bool { return true },
	}
	for _, rule := range rules {
		found := filtered(possible, rule)
		if len(found) == 0 {
			continue
		}
		newest := found[len(found)-1]
		if slices.ContainsFunc(found, func(p pendingSignIn) bool { return p.account != newest.account }) {
			return pendingSignIn{}, true
		}
		return newest, false
	}
	return pendingSignIn{}, false
}

// withState returns the pending sign-ins that the state of a request allows: those
// with the same state, else those that were started without one. A request
// without a state allows all.
func withState(pending []pendingSignIn, r web.ConnectRequest) []pendingSignIn {
	ofKind := filtered(pending, func(p pendingSignIn) bool { return p.kind == r.Kind })
	if r.State == "" {
		return ofKind
	}
	same := filtered(ofKind, func(p pendingSignIn) bool { return p.caller == hashed(r.State) })
	if len(same) > 0 {
		return same
	}
	return filtered(ofKind, func(p pendingSignIn) bool { return p.caller == hashed("") })
}

func filtered(pending []pendingSignIn, keep func(pendingSignIn) bool) []pendingSignIn {
	var out []pendingSignIn
	for _, p := range pending {
		if keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// authorizationResponse is the address the service would have sent the browser
// to if the state had not been the caller's (RFC 6749 §4.1.2); the bare code
// where the authorization request had no state.
func authorizationResponse(redirectURI, code, state string) string {
	u, err := url.Parse(redirectURI)
	if err != nil || state == "" {
		return code
	}
	q := u.Query()
	q.Set("code", strings.TrimSpace(code))
	q.Set("state", state)
	u.RawQuery = q.Encode()
	return u.String()
}

// hashed returns the hash of a caller's state; zero: it gave none. A state can be
// long, and is not needed otherwise.
func hashed(state string) [sha256.Size]byte {
	if state == "" {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256([]byte(state))
}

// accountID is unique and stable for a user at a site.
func accountID(kind, site, email, account string) string {
	if email == "" {
		email = account
	}
	sum := sha256.Sum256([]byte(kind + "\x00" + site + "\x00" + strings.ToLower(email)))
	return hex.EncodeToString(sum[:12])
}

// connectError is why no account could be chosen, with the word that the connect
// API answers.
type connectError struct {
	words  string
	person bool   // user action required
	code   string // "error" of RFC 6749 §5.2
}

// Error implements error.
func (e connectError) Error() string { return e.words }

// NeedsPerson reports whether user action is required.
func (e connectError) NeedsPerson() bool { return e.person }

// OAuthCode returns the word that the connect API answers.
func (e connectError) OAuthCode() string { return e.code }
