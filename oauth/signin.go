package oauth

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/oauth2"

	"roomgate/driver"
)

// codeSession is the session of an account that is signed in to in a browser.
type codeSession struct{ attendedSession }

// RedirectURI is where the service sends the browser back to, as configured.
func (s codeSession) RedirectURI() string { return s.opts.RedirectURI }

// Begin makes an authorization request and returns the address to open in a browser.
// The request is stored for an hour, across restarts.
func (s codeSession) Begin(r driver.AuthorizationRequest) (string, error) {
	done, problem := s.start(opSignIn)
	if problem != nil {
		return "", problem
	}
	defer done()
	p := pendingRequest{
		Version:     recordVersion,
		Account:     s.opts.Account,
		Bound:       s.opts.binding(),
		State:       newState(),
		Verifier:    oauth2.GenerateVerifier(),
		RedirectURI: s.opts.RedirectURI,
		Begun:       s.now(),
	}
	if r.RedirectURI != "" {
		p.RedirectURI = r.RedirectURI
	}
	if err := s.pending.add(p); err != nil {
		return "", fmt.Errorf("account %s: begin a sign-in: keep it for later: %w", s.opts.Account, err)
	}
	return s.opts.authorizationURL(p, r), nil
}

// authorizationURL is the address of an authorization request (RFC 6749 §4.1.1,
// RFC 7636 §4.3). login_hint and prompt are those of OpenID Connect Core 1.0
// §3.1.2.1.
func (o Options) authorizationURL(p pendingRequest, r driver.AuthorizationRequest) string {
	conf := oauth2.Config{ClientID: o.ClientID, RedirectURL: p.RedirectURI, Scopes: o.Service.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: o.Service.AuthorizationURL}}
	params := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(p.Verifier)}
	for name := range o.Service.Parameters {
		params = append(params, oauth2.SetAuthURLParam(name, o.Service.Parameters.Get(name)))
	}
	if r.LoginHint != "" {
		params = append(params, oauth2.SetAuthURLParam("login_hint", r.LoginHint))
	}
	if r.Prompt != "" {
		params = append(params, oauth2.SetAuthURLParam("prompt", r.Prompt))
	}
	return conf.AuthCodeURL(p.State, params...)
}

// Complete ends a sign-in with what the browser brought back: the whole
// address it was sent to, or the bare code (see parseAuthorizationResponse). A
// code is sent once at most. As soon as it is, the sign-in is completed even
// when ctx ends. Errors are an *Error, or the ctx's own, wrapped.
func (s codeSession) Complete(ctx context.Context, response string) error {
	done, problem := s.start(opSignIn)
	if problem != nil {
		return problem
	}
	defer done()
	return s.attempted(s.complete(ctx, response))
}

func (s codeSession) complete(ctx context.Context, response string) error {
	r, err := parseAuthorizationResponse(response)
	if err != nil {
		return s.refuse(err)
	}
	p, err := s.requestOf(r)
	if err != nil {
		return s.refuse(err)
	}
	if r.Error != "" {
		return s.opts.denied(r)
	}
	return s.redeem(ctx, r.Code, p.RedirectURI, p.Verifier)
}

// CompleteCode ends a sign-in with a code that was obtained without Begin, and
// so without PKCE: from an address that was composed by hand.
func (s codeSession) CompleteCode(ctx context.Context, code string) error {
	done, problem := s.start(opSignIn)
	if problem != nil {
		return problem
	}
	defer done()
	return s.attempted(s.completeCode(ctx, code))
}

func (s codeSession) completeCode(ctx context.Context, code string) error {
	r, err := parseAuthorizationResponse(code)
	if err != nil {
		return s.refuse(err)
	}
	if r.Error != "" {
		return s.opts.denied(r)
	}
	if err := r.strayed(s.opts.RedirectURI); err != nil {
		return s.refuse(err)
	}
	return s.redeem(ctx, r.Code, s.opts.RedirectURI, "")
}

// requestOf returns the request that a response belongs to. A bare code belongs
// to the newest one: its PKCE verifier proves that the code was issued for it,
// as the state does otherwise (RFC 9700 §2.1.1). A response with the state is taken
// wherever the browser ended up, because servers and browsers forward it.
func (k *Keeper) requestOf(r authorizationResponse) (pendingRequest, error) {
	var p pendingRequest
	var err error
	if r.State == "" {
		if p, err = k.pending.newest(k.now()); err == nil {
			err = r.strayed(p.RedirectURI)
		}
	} else {
		p, err = k.pending.find(r.State, k.now())
	}
	if err != nil {
		return pendingRequest{}, err
	}
	if p.Account != k.opts.Account {
		return pendingRequest{}, fmt.Errorf("this sign-in was started for the account %s, not for %s", p.Account, k.opts.Account)
	}
	if words := k.opts.mismatch(p.Bound); words != "" {
		return pendingRequest{}, errors.New("this sign-in was begun for " + words)
	}
	return p, nil
}

// redeem exchanges the code and stores the tokens as the sign-in.
func (k *Keeper) redeem(ctx context.Context, code, redirectURI, verifier string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("account %s: %s: the code was not sent: %w", k.opts.Account, opSignIn, err)
	}
	if err := k.pending.spend(code); errors.Is(err, errSpent) {
		return k.refuse(err)
	} else if err != nil {
		return k.notStored(opSignIn, "the code was not sent, because its use could not be recorded", err)
	}
	ctx = context.WithoutCancel(ctx) // the code works only once
	requested := k.now()
	t, problem := k.client.redeem(ctx, code, redirectURI, verifier)
	if problem == nil {
		k.writing.Lock()
		problem = k.adopt(opSignIn, record{}.renewed(t, requested))
		k.writing.Unlock()
	}
	if problem != nil {
		return problem
	}
	if err := k.pending.clear(); err != nil {
		k.opts.Log.Warn("pending sign-ins could not be deleted", "error", err)
	}
	return nil
}

// adopt stores the record of a new sign-in and uses it; called with writing held.
func (k *Keeper) adopt(op string, rec record) *Error {
	rec.Version, rec.Bound, rec.SignedIn = recordVersion, k.opts.binding(), rec.LastRefresh
	if rec.RefreshToken == "" && !k.keepRefreshToken(&rec) {
		e := k.opts.problem(op, Person, k.opts.Service.Name+" returned no refresh token, so the sign-in would end when its access token expires")
		e.diagnosis.Action = k.opts.Service.NoRefreshToken
		return e
	}
	if err := rec.save(k.opts.Store, k.opts.Account); err != nil {
		return k.unsavedProblem(op, err)
	}
	k.installNew(&rec)
	k.deleteDevice()
	return nil
}

// keepRefreshToken keeps the current refresh token when the same user has signed in
// again: some services issue one at the first sign-in only.
func (k *Keeper) keepRefreshToken(rec *record) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil || k.rec.RefreshToken == "" || rec.User == "" || rec.User != k.rec.User {
		return false
	}
	rec.RefreshToken, rec.RefreshSince = k.rec.RefreshToken, k.rec.RefreshSince
	if rec.RefreshExpires.IsZero() {
		rec.RefreshExpires = k.rec.RefreshExpires
	}
	rec.RedirectURI = k.rec.RedirectURI
	return true
}

// SignOut deletes the tokens and all pending sign-ins. The service is not informed;
// revoking the consent is up to the customer's IT.
func (s attendedSession) SignOut() error {
	done, problem := s.start(opSignOut)
	if problem != nil {
		return problem
	}
	defer done()
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.opts.Store.Delete(s.opts.Account, deviceKey(s.opts.Account)); err != nil {
		return fmt.Errorf("account %s: sign out: delete the tokens: %w", s.opts.Account, err)
	}
	s.installNew(s.nobody())
	s.remember(nil)
	if err := s.pending.clear(); err != nil {
		return fmt.Errorf("account %s: sign out: delete pending sign-ins: %w", s.opts.Account, err)
	}
	return nil
}

// refuse is the error of a sign-in that ended before a request was sent.
func (k *Keeper) refuse(err error) *Error {
	e := k.opts.problem(opSignIn, Person, err.Error())
	e.Err = err
	return e
}

// denied is the error of an authorization response (RFC 6749 §4.1.2.1).
func (o Options) denied(r authorizationResponse) *Error {
	code, description := Hide(r.Error, r.Code), Hide(r.ErrorDescription, r.Code)
	response := ErrorResponse{Status: 400, Code: code, Description: description,
		Fields: map[string]any{"error": code, "error_description": description}}
	d, ok := o.Service.diagnose(response)
	if !ok {
		d = Diagnosis{Class: Person, Reason: Sentence(description), Codes: []string{Sentence(code)}, SignIn: true}
	}
	e := o.diagnosed(opSignIn, d)
	e.Code = Sentence(code)
	return e
}
