package driver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SessionState is the state of an account's sign-in in one word.
type SessionState uint8

const (
	NeverSignedIn SessionState = iota // nobody has signed in yet, or somebody signed out
	SignedIn                          // the service lets the account in
	Refreshing                        // the sign-in is being renewed
	Retrying                          // the last attempt failed and may well succeed the next time
	SignInNeeded                      // user action required
)

var sessionWords = enum[SessionState]{"never_signed_in", "ok", "refreshing", "retrying", "sign_in_needed"}

// String returns the word of the account's state point.
func (s SessionState) String() string { return sessionWords.word(s) }

// ParseSessionState reads the word of the account's state point.
func ParseSessionState(word string) (SessionState, error) { return sessionWords.parse(word) }

// MarshalText writes the word that is published.
func (s SessionState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that is published.
func (s *SessionState) UnmarshalText(text []byte) error {
	state, err := ParseSessionState(string(text))
	if err != nil {
		return fmt.Errorf("state of a sign-in: %w", err)
	}
	*s = state
	return nil
}

// Works reports whether calendars can be read.
func (s SessionState) Works() bool { return s == SignedIn || s == Refreshing }

// NeedsPerson reports whether it stays so until somebody signs in.
func (s SessionState) NeedsPerson() bool { return s == NeverSignedIn || s == SignInNeeded }

// SessionStatus is what there is to say about an account's sign-in. Instants are
// UTC; the zero time means not known.
type SessionStatus struct {
	State         SessionState `json:"state"`
	Reason        string       `json:"reason,omitempty"` // what is wrong, in words; empty when nothing is
	Action        string       `json:"action,omitempty"` // what a person does about it; may be empty
	User          string       `json:"user,omitempty"`   // who signed in, where the service told
	Scopes        []string     `json:"scopes,omitempty"` // permissions that were granted, where the service told
	SignedInAt    time.Time    `json:"signed_in,omitzero"`
	LastRefresh   time.Time    `json:"last_refresh,omitzero"`
	AccessExpires time.Time    `json:"access_expires,omitzero"`  // end of the access token
	RefreshLapses time.Time    `json:"refresh_lapses,omitzero"`  // when the sign-in would lapse if it were not renewed
	SecretExpires time.Time    `json:"secret_expires,omitzero"`  // end of the client secret or certificate
	NextTry       time.Time    `json:"next_try,omitzero"`        // of a renewal that failed
	MissingScopes []string     `json:"missing_scopes,omitempty"` // permissions that are configured and were not granted
	Device        *DeviceCode  `json:"device,omitempty"`         // waits to be entered; nil: there is none
}

// Session is the sign-in of one account. What ways to sign in it has it shows by
// implementing CodeSignIn, DeviceSignIn, TokenImporter and SignOuter; one with
// none of them signs in by itself. Errors that people can fix are Actionable,
// and no error holds a token, a code or a secret.
type Session interface {
	Status() SessionStatus
	// Changed returns a channel that is closed at the next change of the Status.
	// Take it before reading the Status.
	Changed() <-chan struct{}
	// Run keeps the session alive until ctx ends, and returns ctx's error. What
	// is under way then is brought to its end first; nothing starts afterwards:
	// every other method but Status and Changed then fails with ErrSessionEnded.
	Run(ctx context.Context) error
	// Verify makes sure that the service lets the account in now.
	Verify(ctx context.Context) error
}

// ErrSessionEnded is the cause of every error of a Session whose Run has ended.
// Where the gateway reads its configuration again, another Session of the same
// account takes its place.
var ErrSessionEnded = errors.New("the gateway is reading its configuration again")

const (
	successorWait  = 30 * time.Second // for the Session that takes the place of one that has ended
	successorRetry = 50 * time.Millisecond
)

// RetryEnded calls do again while it fails with ErrSessionEnded, until ctx ends or
// half a minute has passed. do finds the Session of the account anew every time.
func RetryEnded(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, successorWait)
	defer cancel()
	for {
		err := do()
		if !errors.Is(err, ErrSessionEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			return do()
		case <-time.After(successorRetry):
		}
	}
}

// CodeSignIn is a Session that a person signs in to in a browser
// (RFC 6749 §4.1 with PKCE, RFC 7636).
type CodeSignIn interface {
	Session
	// RedirectURI is where the service sends the browser back to, as configured.
	RedirectURI() string
	// Begin starts a sign-in and returns the address to open in a browser.
	Begin(r AuthorizationRequest) (address string, err error)
	// Complete ends it with what the browser brought back: the whole address it
	// was sent to, or the bare code. A code is sent once at most. The sign-in is
	// completed even when ctx ends, because a code works only once.
	Complete(ctx context.Context, authorizationResponse string) error
	// CompleteCode ends a sign-in with a code that was obtained without Begin,
	// and so without PKCE.
	CompleteCode(ctx context.Context, code string) error
}

// AuthorizationRequest refines a sign-in (RFC 6749 §4.1.1); the zero value will do.
type AuthorizationRequest struct {
	RedirectURI string `json:"redirect_uri,omitempty"` // in place of the configured one
	LoginHint   string `json:"login_hint,omitempty"`   // the account to offer, an e-mail address
	Prompt      string `json:"prompt,omitempty"`       // "select_account", "login" or "consent"; empty: as the service likes
}

// DeviceSignIn is a Session that a person signs in to with a short code on any
// device (RFC 8628).
type DeviceSignIn interface {
	Session
	// StartDevice begins a sign-in, or returns the code that is open already.
	// The sign-in goes on after ctx has ended.
	StartDevice(ctx context.Context) (DeviceCode, error)
	// WaitDevice waits for the end of the sign-in under way.
	WaitDevice(ctx context.Context) error
}

// DeviceCode is a device code that waits to be entered.
type DeviceCode struct {
	UserCode        string    `json:"user_code"`
	VerificationURI string    `json:"verification_uri"` // where it is entered
	Expires         time.Time `json:"expires"`          // UTC
}

// TokenImporter is a Session that takes tokens which were obtained elsewhere,
// for the same client.
type TokenImporter interface {
	Session
	// Import makes them the sign-in once the service has accepted them. The one
	// that was there before stays if it does not.
	Import(ctx context.Context, t ImportedTokens) error
}

// ImportedTokens are the fields of a token response (RFC 6749 §5.1) that a
// sign-in can be made from, and the redirect URI they were obtained with.
type ImportedTokens struct {
	RefreshToken string `json:"refresh_token"`
	AccessToken  string `json:"access_token,omitempty"` // not needed
	RedirectURI  string `json:"redirect_uri,omitempty"` // where it is known
}

// SignOuter is a Session that can be forgotten here.
type SignOuter interface {
	Session
	SignOut() error
}
