package gateway

import (
	"context"
	"fmt"

	"roomgate/driver"
)

// ability returns the session as T; the error has next as the step to take if the
// session does not support it.
func ability[T driver.Session](a *account, what, next string) (T, error) {
	var none T
	s := a.session()
	if s == nil {
		return none, refusal{Words: fmt.Sprintf("account %s: %s needs no sign-in", a.Name, a.provider.Service()), Next: a.program + " check"}
	}
	if able, ok := s.(T); ok {
		return able, nil
	}
	return none, refusal{Words: fmt.Sprintf("account %s does not support %s", a.Name, what), Next: next}
}

// loginCommand is the command that signs in as the account is configured.
func (a *account) loginCommand() string { return a.program + " login " + a.Name }

func beginSignIn(_ context.Context, a *account, r signInRequest) (any, error) {
	s, err := ability[driver.CodeSignIn](a, "signing in with a browser", a.loginCommand())
	if err != nil {
		return nil, err
	}
	address, err := s.Begin(r.AuthorizationRequest)
	return begun{address}, err
}

// begun is the response to a started sign-in.
type begun struct {
	URL string `json:"url"` // to open in a browser
}

func completeSignIn(ctx context.Context, a *account, r signInRequest) (any, error) {
	s, err := ability[driver.CodeSignIn](a, "signing in with a browser", a.loginCommand())
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.Complete(ctx, r.Response)
}

func completeCode(ctx context.Context, a *account, r signInRequest) (any, error) {
	s, err := ability[driver.CodeSignIn](a, "signing in with an authorization code", a.loginCommand())
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.CompleteCode(ctx, r.Code)
}

func startDevice(ctx context.Context, a *account, _ signInRequest) (any, error) {
	s, err := ability[driver.DeviceSignIn](a, "signing in with a device code", a.loginCommand())
	if err != nil {
		return nil, err
	}
	return s.StartDevice(ctx)
}

func waitDevice(ctx context.Context, a *account, _ signInRequest) (any, error) {
	s, err := ability[driver.DeviceSignIn](a, "signing in with a device code", a.loginCommand())
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.WaitDevice(ctx)
}

func importTokens(ctx context.Context, a *account, r signInRequest) (any, error) {
	s, err := ability[driver.TokenImporter](a, "importing tokens", a.loginCommand())
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.Import(ctx, r.Tokens)
}

func verifySession(ctx context.Context, a *account, _ signInRequest) (any, error) {
	s, err := ability[driver.Session](a, "verifying the sign-in", a.loginCommand())
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.Verify(ctx)
}

func signOut(_ context.Context, a *account, _ signInRequest) (any, error) {
	s, err := ability[driver.SignOuter](a, "signing out", "revoke the access of the gateway at "+a.provider.Service())
	if err != nil {
		return nil, err
	}
	return struct{}{}, s.SignOut()
}

func discover(ctx context.Context, a *account, _ signInRequest) (any, error) {
	return Discover(ctx, a.Name, a.provider)
}
