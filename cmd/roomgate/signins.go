package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"roomgate/bridge/web"
	"roomgate/config"
	"roomgate/graph/token"
)

// signIns shows the page and the connect API the sign-ins of a gateway.
type signIns struct {
	g *gateway

	mu         sync.Mutex
	connecting string // the account whose address the connect API gave out last
}

// Accounts implements web.SignIns.
func (s *signIns) Accounts() []web.SignInView {
	views := make([]web.SignInView, len(s.g.cfg.Accounts))
	for i, a := range s.g.cfg.Accounts {
		st := s.g.keepers[a.Name].Status()
		views[i] = web.SignInView{Name: a.Name, Kind: microsoft(a).SignIn, State: string(st.State), Reason: st.Reason, Action: st.Action,
			User: st.User, RedirectURI: microsoft(a).RedirectURI, ClientID: microsoft(a).ClientID, Tenant: microsoft(a).Tenant, Scopes: microsoft(a).Scopes, MissingScopes: st.MissingScopes}
		if st.Device != nil {
			d := deviceView(*st.Device)
			views[i].Device = &d
		}
	}
	return views
}

func deviceView(d token.Device) web.DeviceView {
	return web.DeviceView{UserCode: d.UserCode, Address: d.VerificationURI, Expires: d.Expires}
}

func (s *signIns) keeper(account string) (*token.Keeper, error) {
	if k := s.g.keepers[account]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("there is no account %q in the configuration the gateway runs with", account)
}

// Begin implements web.SignIns.
func (s *signIns) Begin(account, loginHint, prompt, redirect string) (string, error) {
	k, err := s.keeper(account)
	if err != nil {
		return "", err
	}
	return k.Begin(token.BeginOptions{RedirectURI: redirect, LoginHint: loginHint, Prompt: prompt})
}

// Complete implements web.SignIns.
func (s *signIns) Complete(ctx context.Context, account, pasted string) error {
	k, err := s.keeper(account)
	if err != nil {
		return err
	}
	return k.Complete(ctx, pasted)
}

// StartDevice implements web.SignIns.
func (s *signIns) StartDevice(ctx context.Context, account string) (web.DeviceView, error) {
	k, err := s.keeper(account)
	if err != nil {
		return web.DeviceView{}, err
	}
	d, err := k.StartDevice(ctx)
	return deviceView(d), err
}

// ConnectURL implements web.SignIns. The caller's state takes the place of ours:
// the code comes back by the caller, and goes with the newest sign-in that was
// begun for the account, whose PKCE verifier proves the two belong together.
func (s *signIns) ConnectURL(email, state string) (string, error) {
	account, err := s.connectable(email)
	if err != nil {
		return "", err
	}
	address, err := s.g.keepers[account].Begin(token.BeginOptions{LoginHint: email})
	if err != nil {
		return "", err
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Del("state")
	if state != "" {
		q.Set("state", state)
	}
	u.RawQuery = q.Encode()
	s.mu.Lock()
	s.connecting = account
	s.mu.Unlock()
	return u.String(), nil
}

// connectable is the account that an e-mail address is to be connected to: the
// one it is signed in to, else the first that nobody is signed in to, else the
// first.
func (s *signIns) connectable(email string) (string, error) {
	first, vacant := "", ""
	for _, a := range s.g.cfg.Accounts {
		if microsoft(a).SignIn != string(token.Code) {
			continue
		}
		st := s.g.keepers[a.Name].Status()
		if strings.EqualFold(st.User, email) {
			return a.Name, nil
		}
		if first == "" {
			first = a.Name
		}
		wanting := st.State == token.NeverSignedIn || st.State == token.SignInNeeded // who is signed in is not always known
		if wanting && st.User == "" && vacant == "" {
			vacant = a.Name
		}
	}
	switch {
	case vacant != "":
		return vacant, nil
	case first != "":
		return first, nil
	}
	return "", errors.New(`no account of the configuration has sign_in = "code", so none can be connected by a code`)
}

// Connect implements web.SignIns. The name may be that of an account; otherwise
// the code belongs to the account whose address was given out last.
func (s *signIns) Connect(ctx context.Context, code, name string) (web.Connected, error) {
	account := name
	if s.g.keepers[name] == nil {
		s.mu.Lock()
		account = s.connecting
		s.mu.Unlock()
	}
	k := s.g.keepers[account]
	if k == nil {
		return web.Connected{}, connectError{&token.Error{Op: "connect an account", Class: token.Person,
			Details: token.Details{Code: "invalid_grant", Description: "no address to sign in at was given out since the gateway started"}}}
	}
	if err := k.Complete(ctx, code); err != nil {
		var e *token.Error
		if errors.As(err, &e) {
			err = connectError{e}
		}
		return web.Connected{}, err
	}
	st := k.Status()
	email := st.User
	if me, err := s.g.clients[account].Me(ctx); err == nil && me.Address != "" { // the sign-in stands, whether it tells or not
		email = me.Address
	}
	return web.Connected{AccountID: s.accountID(email, account), Email: email, Name: name, Status: "active", Scopes: st.Scopes}, nil
}

// accountID tells a person's account at this site from all others, for ever.
func (s *signIns) accountID(email, account string) string {
	if email == "" {
		email = account
	}
	sum := sha256.Sum256([]byte("microsoft\x00" + s.g.cfg.Site.ID + "\x00" + strings.ToLower(email)))
	return hex.EncodeToString(sum[:12])
}

// connectError is a failed sign-in with the word the connect API passes on.
type connectError struct{ failed *token.Error }

func (e connectError) Error() string { return e.failed.Error() }

// Unwrap returns the failure.
func (e connectError) Unwrap() error { return e.failed }

// OAuthCode returns the "error" of RFC 6749 §5.2; empty: there was none.
func (e connectError) OAuthCode() string { return e.failed.Code }

// setUpCodeLife is how long a one-time code opens the set-up page.
const setUpCodeLife = 15 * time.Minute

// setUpCode is the one-time code of the set-up page. Who has it can reach the
// socket of the commands, and so may sign accounts in.
type setUpCode struct {
	mu      sync.Mutex
	sum     [sha256.Size]byte // of the code; zero: there is none
	expires time.Time
}

// issue makes a new code of 130 random bits; an older one ends.
func (c *setUpCode) issue() string {
	code := rand.Text()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum, c.expires = sha256.Sum256([]byte(code)), time.Now().Add(setUpCodeLife)
	return code
}

// use tells whether a code is the right one, which it then is no more. The
// comparison takes as long for any wrong one.
func (c *setUpCode) use(code string) bool {
	sum := sha256.Sum256([]byte(strings.ToUpper(strings.TrimSpace(code))))
	c.mu.Lock()
	defer c.mu.Unlock()
	if subtle.ConstantTimeCompare(sum[:], c.sum[:]) != 1 || !time.Now().Before(c.expires) {
		return false
	}
	c.sum, c.expires = [sha256.Size]byte{}, time.Time{}
	return true
}

// setUpPage is where a browser on the gateway's machine finds the set-up page.
func setUpPage(cfg *config.Config) string {
	_, port, err := net.SplitHostPort(cfg.Web.Listen)
	if err != nil {
		return ""
	}
	return "http://localhost:" + port + "/setup"
}
