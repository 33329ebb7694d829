package token

import (
	"context"
	"errors"
	"strings"
)

// Imported are tokens that were obtained elsewhere, for the same client id.
type Imported struct {
	RefreshToken string
	AccessToken  string // not needed; it is not used, because a new one comes with the proof
	RedirectURI  string // the one they were made with, where it is known
}

// Import makes tokens that were obtained elsewhere the sign-in. The refresh
// token is proved by one refresh before anything is stored; the sign-in that
// was there before stays if that fails. Errors are an *Error.
func (k *Keeper) Import(ctx context.Context, t Imported) error {
	if err := k.only(Code, DeviceCode); err != nil {
		return err
	}
	refresh := strings.Trim(strings.TrimSpace(t.RefreshToken), `"'`)
	if err := t.check(refresh); err != nil {
		e := k.endpoint.problem(opImport, Person, err.Error())
		e.Err, e.next = err, "give the refresh token, or run: roomgate login "+k.opts.Account
		return e
	}
	asked := k.now()
	g, problem := k.endpoint.renew(ctx, opImport, refresh, t.RedirectURI)
	if problem != nil {
		return problem
	}
	if g.refresh == "" { // a used one stays good (learn.microsoft.com/entra/identity-platform/refresh-tokens)
		g.refresh = refresh
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	if problem := k.adopt(g, asked, t.RedirectURI); problem != nil {
		return problem
	}
	return nil
}

// check finds what was given in place of a refresh token.
func (t Imported) check(refresh string) error {
	switch {
	case refresh == "" && t.AccessToken != "":
		return errors.New("there is an access token only, and it ends within the hour")
	case refresh == "":
		return errors.New("there is no refresh token")
	case strings.ContainsFunc(refresh, notInCode):
		return errors.New("the refresh token was damaged on the way: it holds a blank or a quote")
	case refresh == strings.TrimSpace(t.AccessToken), strings.HasPrefix(refresh, "eyJ") && strings.Count(refresh, ".") == 2:
		return errors.New("what was given as the refresh token is an access token")
	}
	return nil
}
