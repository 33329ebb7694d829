package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// BeginOptions refine a sign-in; the zero value is fine.
type BeginOptions struct {
	// RedirectURI replaces the configured one, for a listener on this machine:
	// Microsoft ignores the port of http://localhost
	// (learn.microsoft.com/entra/identity-platform/reply-url).
	RedirectURI string
	LoginHint   string // the account to offer, an e-mail address
	Prompt      string // "select_account", "login" or "consent"; empty: as Microsoft likes
}

// Begin starts a sign-in and returns the address a person opens in a browser.
// What is needed to complete it is kept for an hour, across restarts.
func (k *Keeper) Begin(opts BeginOptions) (string, error) {
	if err := k.only(Code); err != nil {
		return "", err
	}
	a := attempt{
		Version:  recordVersion,
		Account:  k.opts.Account,
		State:    newState(),
		Verifier: oauth2.GenerateVerifier(),
		Redirect: k.opts.RedirectURI,
		Begun:    k.now(),
	}
	if opts.RedirectURI != "" {
		a.Redirect = opts.RedirectURI
	}
	if err := k.pending.add(a); err != nil {
		return "", fmt.Errorf("account %s: begin a sign-in: keep it for later: %w", k.opts.Account, err)
	}
	return k.endpoint.authorizeURL(a, opts), nil
}

// authorizeURL is the address of the sign-in page for an attempt
// (learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow).
func (e endpoint) authorizeURL(a attempt, opts BeginOptions) string {
	conf := e.conf
	conf.RedirectURL = a.Redirect
	params := []oauth2.AuthCodeOption{
		oauth2.S256ChallengeOption(a.Verifier),
		oauth2.SetAuthURLParam("response_mode", "query"),
	}
	if opts.LoginHint != "" {
		params = append(params, oauth2.SetAuthURLParam("login_hint", opts.LoginHint))
	}
	if opts.Prompt != "" {
		params = append(params, oauth2.SetAuthURLParam("prompt", opts.Prompt))
	}
	return conf.AuthCodeURL(a.State, params...)
}

// Complete ends a sign-in with what the browser brought back: the whole
// address it was sent to, or the bare code (see ParseRedirect). A code is
// posted once at most, whatever happens. Errors are an *Error.
func (k *Keeper) Complete(ctx context.Context, pasted string) error {
	r, err := ParseRedirect(pasted)
	if err != nil {
		return k.refuse(err)
	}
	a, err := k.attemptOf(r)
	if err != nil {
		return k.refuse(err)
	}
	if r.Error != "" {
		return k.denied(r)
	}
	return k.redeem(ctx, r.Code, a.Redirect, a.Verifier)
}

// CompleteCode ends a sign-in with a code that was obtained without Begin, and
// so without PKCE: by an authorize address put together by hand.
func (k *Keeper) CompleteCode(ctx context.Context, code string) error {
	r, err := ParseRedirect(code)
	if err != nil {
		return k.refuse(err)
	}
	if r.Error != "" {
		return k.denied(r)
	}
	return k.redeem(ctx, r.Code, k.opts.RedirectURI, "")
}

// attemptOf returns the sign-in that a redirect answers. A bare code goes with
// the newest one: its PKCE verifier proves that the code was made for it, as
// the state does otherwise (RFC 9700 §2.1.1).
func (k *Keeper) attemptOf(r Redirect) (attempt, error) {
	if r.State == "" {
		return k.pending.newest(k.now())
	}
	a, err := k.pending.find(r.State, k.now())
	if err == nil && a.Account != k.opts.Account {
		return attempt{}, fmt.Errorf("this sign-in was begun for the account %s, not for %s", a.Account, k.opts.Account)
	}
	return a, err
}

// redeem posts the code and makes what comes back the sign-in.
func (k *Keeper) redeem(ctx context.Context, code, redirect, verifier string) error {
	if err := k.pending.spend(code); errors.Is(err, errSpent) {
		return k.refuse(err)
	} else if err != nil {
		return k.unsaved(opSignIn, err)
	}
	asked := k.now()
	g, problem := k.endpoint.redeem(ctx, code, redirect, verifier)
	if problem != nil {
		return problem
	}
	k.writing.Lock()
	problem = k.adopt(g, asked, "")
	k.writing.Unlock()
	if problem != nil {
		return problem
	}
	if err := k.pending.clear(); err != nil {
		k.opts.Log.Warn("sign-ins that were begun earlier could not be forgotten", "account", k.opts.Account, "error", err)
	}
	return nil
}

// adopt makes tokens that came from a person the sign-in; called with writing
// held.
func (k *Keeper) adopt(g grant, asked time.Time, redirect string) *Error {
	rec := k.blank().renewed(g, asked)
	rec.SignedIn, rec.RedirectURI = asked, redirect
	if err := rec.save(k.opts.Store, k.opts.Account); err != nil {
		return k.unsaved(opSignIn, err)
	}
	k.install(&rec, true)
	return nil
}

// Forget signs out: the tokens and all sign-ins that were begun are deleted
// here. Microsoft is not told; revoking the sessions is up to the customer's IT.
func (k *Keeper) Forget() error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if err := k.opts.Store.Delete(k.opts.Account); err != nil {
		return fmt.Errorf("account %s: sign out: delete the tokens: %w", k.opts.Account, err)
	}
	k.install(k.nobody(), true)
	if err := k.pending.clear(); err != nil {
		return fmt.Errorf("account %s: sign out: forget sign-ins that were begun: %w", k.opts.Account, err)
	}
	return nil
}

// refuse is the error of a sign-in that ended before Microsoft was asked.
func (k *Keeper) refuse(err error) *Error {
	e := k.endpoint.problem(opSignIn, Person, err.Error())
	e.Err = err
	return e
}

// denied is the error that a redirect carries (RFC 6749 §4.1.2.1).
func (k *Keeper) denied(r Redirect) *Error {
	numbers := numbersIn(r.ErrorDescription)
	return &Error{Account: k.opts.Account, Op: opSignIn, Class: classify(400, r.Error, numbers), kind: k.opts.Kind,
		Details: Details{Code: clean(r.Error, r.Code), Description: clean(r.ErrorDescription, r.Code), AADSTS: numbers}}
}
