package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"roomgate/driver"
)

// Import replaces the sign-in with tokens that were obtained elsewhere. The refresh
// token is verified by one refresh before anything is stored; if that fails, the
// previous sign-in stays. As soon as the token is sent, the import
// is completed even when ctx ends. Errors are an *Error, or the ctx's own,
// wrapped.
func (s attendedSession) Import(ctx context.Context, in driver.ImportedTokens) error {
	done, problem := s.start(opImport)
	if problem != nil {
		return problem
	}
	defer done()
	return s.attempted(s.importTokens(ctx, in))
}

func (s attendedSession) importTokens(ctx context.Context, in driver.ImportedTokens) error {
	refreshToken := strings.Trim(strings.TrimSpace(in.RefreshToken), `"'`)
	if err := checkImported(refreshToken, in.AccessToken); err != nil {
		e := s.opts.diagnosed(opImport, Diagnosis{Class: Person, Reason: err.Error(),
			Action: "give the refresh token, or " + s.opts.login()})
		e.Err = err
		return e
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("account %s: %s: the token was not sent: %w", s.opts.Account, opImport, err)
	}
	requested := s.now()
	t, problem := s.client.renew(context.WithoutCancel(ctx), opImport, refreshToken, in.RedirectURI)
	if problem != nil {
		return problem
	}
	rec := record{RefreshToken: refreshToken, RefreshSince: requested, RedirectURI: in.RedirectURI}.renewed(t, requested)
	s.writing.Lock()
	defer s.writing.Unlock()
	if problem := s.adopt(opImport, rec); problem != nil {
		return problem
	}
	return nil
}

// checkImported checks the form of the refresh token.
func checkImported(refreshToken, accessToken string) error {
	switch {
	case refreshToken == "" && accessToken != "":
		return errors.New("there is only an access token, which expires within the hour")
	case refreshToken == "":
		return errors.New("there is no refresh token")
	case strings.ContainsFunc(refreshToken, notInCode):
		return errors.New("the refresh token is damaged: it contains a blank or a quote")
	case refreshToken == strings.TrimSpace(accessToken), strings.HasPrefix(refreshToken, "eyJ") && strings.Count(refreshToken, ".") == 2:
		return errors.New("the given refresh token is an access token")
	}
	return nil
}
