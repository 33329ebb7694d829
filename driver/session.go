package driver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SessionState is the state of an account's sign-in.
type SessionState uint8

const (
	NeverSignedIn SessionState = iota // nobody has signed in yet, or somebody signed out
	SignedIn                          // the service accepts the sign-in
	Refreshing                        // the sign-in is being refreshed
	Retrying                          // the last attempt failed; the next may succeed
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

// Works reports whether the sign-in allows reading calendars.
func (s SessionState) Works() bool { return s == SignedIn || s == Refreshing }

// NeedsPerson reports whether the state lasts until somebody signs in.
func (s SessionState) NeedsPerson() bool { return s == NeverSignedIn || s == SignInNeeded }

// SessionStatus is the status of an account's sign-in. Instants are UTC; the zero
// time means not known.
type SessionStatus struct {
	State         SessionState `json:"state"`
	Reason        string       `json:"reason,omitempty"` // what is wrong, in words; empty when nothing is
	Action        string       `json:"action,omitempty"` // what the user has to do; may be empty
	User          string       `json:"user,omitempty"`   // the signed-in user, if the service reports it
	Scopes        []string     `json:"scopes,omitempty"` // granted permissions, if the service reports them
	SignedInAt    time.Time    `json:"signed_in,omitzero"`
	LastRefresh   time.Time    `json:"last_refresh,omitzero"`
	AccessExpires time.Time    `json:"access_expires,omitzero"`  // end of the access token
	RefreshLapses time.Time    `json:"refresh_lapses,omitzero"`  // when the sign-in expires unless it is refreshed
	SecretExpires time.Time    `json:"secret_expires,omitzero"`  // end of the client secret or certificate
	NextTry       time.Time    `json:"next_try,omitzero"`        // after a failed refresh
	MissingScopes []string     `json:"missing_scopes,omitempty"` // permissions that are configured and were not granted
	Device        *DeviceCode  `json:"device,omitempty"`         // not entered yet; nil: there is none

	LastFailed *FailedSignIn `json:"last_failed_sign_in,omitempty"` // the last sign-in of a user, if it failed; nil: it did not
}

// FailedSignIn is an attempt of a user to sign in that failed.
type FailedSignIn struct {
	At     time.Time `json:"at"`     // UTC
	Reason string    `json:"reason"` // what was wrong, in words
	Action string    `json:"action,omitempty"`
}

// Session is the sign-in of one account. It supports ways to sign in by implementing
// CodeSignIn, DeviceSignIn, TokenImporter and SignOuter; one with none of them signs
// in automatically. Errors that users can fix are Actionable, and no error contains a
// token, a code or a secret.
type Session interface {
	Status() SessionStatus
	// Changed returns a channel that is closed at the next change of the Status.
	// Take it before reading the Status.
	Changed() <-chan struct{}
	// Run refreshes the session until ctx ends, and returns ctx's error. It
	// first completes requests in progress; nothing starts afterwards: every
	// other method but Status and Changed then fails with ErrSessionEnded.
	Run(ctx context.Context) error
	// Verify checks that the service accepts the sign-in.
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

// RetryEnded repeats do while it fails with ErrSessionEnded, until ctx ends or 30 s
// have passed. do looks up the Session of the account every time.
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

// CodeSignIn is a Session that a user signs in to in a browser
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

// AuthorizationRequest has optional parameters of a sign-in (RFC 6749 §4.1.1).
type AuthorizationRequest struct {
	RedirectURI string `json:"redirect_uri,omitempty"` // in place of the configured one
	LoginHint   string `json:"login_hint,omitempty"`   // the account to offer, an e-mail address
	Prompt      string `json:"prompt,omitempty"`       // "select_account", "login" or "consent"; empty: the service's default
}

// DeviceSignIn is a Session that a user signs in to with a short code on any device
// (RFC 8628).
type DeviceSignIn interface {
	Session
	// StartDevice begins a sign-in, or returns the code that is open already.
	// The sign-in continues after ctx has ended.
	StartDevice(ctx context.Context) (DeviceCode, error)
	// WaitDevice waits for the end of the pending sign-in.
	WaitDevice(ctx context.Context) error
}

// DeviceCode is a device code that the user has not entered yet.
type DeviceCode struct {
	UserCode        string    `json:"user_code"`
	VerificationURI string    `json:"verification_uri"` // where it is entered
	Expires         time.Time `json:"expires"`          // UTC
}

// TokenImporter is a Session that takes tokens which were obtained elsewhere,
// for the same client.
type TokenImporter interface {
	Session
	// Import replaces the sign-in with the tokens once the service has accepted
	// them; otherwise the previous one stays.
	Import(ctx context.Context, t ImportedTokens) error
}

// ImportedTokens are the fields of a token response (RFC 6749 §5.1) that a
// sign-in can be made from, and the redirect URI they were obtained with.
type ImportedTokens struct {
	RefreshToken string `json:"refresh_token"`
	AccessToken  string `json:"access_token,omitempty"` // not needed
	RedirectURI  string `json:"redirect_uri,omitempty"` // where it is known
}

// SignOuter is a Session whose stored sign-in can be deleted.
type SignOuter interface {
	Session
	SignOut() error
}
