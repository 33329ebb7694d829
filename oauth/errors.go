package oauth

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"roomgate/driver"
)

// What an Error was doing.
const (
	opRefresh = "refresh the sign-in"
	opSignIn  = "sign in"
	opUse     = "use the sign-in"
	opImport  = "import the sign-in"
	opSignOut = "sign out"
)

// Class is what resolves an error.
type Class uint8

const (
	Retry  Class = iota + 1 // trying again soon
	Wait                    // waiting: an immediate retry makes it worse
	Person                  // user action
)

// String returns "retry", "wait" or "person".
func (c Class) String() string {
	switch c {
	case Retry:
		return "retry"
	case Wait:
		return "wait"
	case Person:
		return "person"
	}
	return "unknown"
}

// Error is a failure of the sign-in of one account. It never contains a token,
// a code, a secret or the body of a response.
type Error struct {
	Account    string
	Op         string        // what was being done: "refresh the sign-in", "sign in", …
	Class      Class         // what resolves it
	Code       string        // "error" of an error response, such as invalid_grant; empty: there was none
	RetryAfter time.Duration // how long the service asked to wait, or until the next attempt; 0: not known
	Err        error         // the cause, if any

	diagnosis Diagnosis // its Class is the one above
	login     string    // the command that signs the account in
}

// Error returns one line: what was being done, what is wrong, and the codes
// under which the service's documents have it.
func (e *Error) Error() string {
	return fmt.Sprintf("account %s: %s: %s", e.Account, e.Op, e.Reason())
}

// Reason returns what is wrong without the account and the operation. The references
// for the service's support are left out: they differ at every attempt, and are in
// the log.
func (e *Error) Reason() string {
	if len(e.diagnosis.Codes) == 0 {
		return e.diagnosis.Reason
	}
	return e.diagnosis.Reason + " (" + strings.Join(e.diagnosis.Codes, ", ") + ")"
}

// References implements driver.Traceable: the service's support and the customer's IT
// find the attempt by them.
func (e *Error) References() string {
	if e == nil {
		return ""
	}
	return strings.Join(e.diagnosis.References, ", ")
}

// Action returns the next step for the user, "" when there is none. If a new
// sign-in helps, it ends with the command to run.
func (e *Error) Action() string {
	d := e.diagnosis
	switch {
	case !d.SignIn:
		return d.Action
	case d.Action == "":
		return e.login
	}
	return d.Action + ", then " + e.login
}

// login is the advice to sign in.
func (o Options) login() string { return "run: " + o.Program + " login " + o.Account }

// NeedsPerson reports that user action is required.
func (e *Error) NeedsPerson() bool { return e.Class == Person }

// OAuthCode returns the "error" of RFC 6749 §5.2; empty: there was none.
func (e *Error) OAuthCode() string { return e.Code }

// Identity identifies the trouble by the service's codes, or by the reason where there
// are none.
func (e *Error) Identity() string {
	what := strings.Join(e.diagnosis.Codes, " ")
	if what == "" {
		what = driver.Identity(errors.New(e.diagnosis.Reason))
	}
	return "sign-in " + e.Class.String() + ": " + what
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// problem is an error of this account with a text of this package. One that requires
// user action asks for a new sign-in, if users sign in to the account.
func (o Options) problem(op string, class Class, words string) *Error {
	return o.diagnosed(op, Diagnosis{Class: class, Reason: words, SignIn: class == Person})
}

// diagnosed is an error of this account. It asks for a sign-in only if users sign in
// to the account.
func (o Options) diagnosed(op string, d Diagnosis) *Error {
	d.SignIn = d.SignIn && o.Kind.attended()
	d.Codes, d.References = sentences(d.Codes), sentences(d.References)
	if d.Class == Person && d.Action == "" && !d.SignIn {
		d.Action = "check the account's client id and credentials in the configuration"
	}
	return &Error{Account: o.Account, Op: op, Class: d.Class, diagnosis: d, login: o.login()}
}

// endedProblem is the error of a Keeper whose Run has ended.
func (o Options) endedProblem(op string) *Error {
	e := o.diagnosed(op, Diagnosis{Class: Retry, Reason: driver.ErrSessionEnded.Error(), Action: "try again"})
	e.Err = driver.ErrSessionEnded
	return e
}

var (
	sentenceEnd = regexp.MustCompile(`\.(\s|$)`)
	opaque      = regexp.MustCompile(`[A-Za-z0-9+/_~.=!*-]{40,}`)
)

const maxDescription = 240 // characters

// Sentence reduces a text of a service to its first sentence on one line of at
// most 240 characters.
func Sentence(text string) string {
	if end := sentenceEnd.FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if r := []rune(text); len(r) > maxDescription {
		text = string(r[:maxDescription]) + "…"
	}
	return text
}

// sentences reduces each text, because the service writes it, and drops empty ones.
func sentences(texts []string) []string {
	var out []string
	for _, text := range texts {
		if text = Sentence(text); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// Hide masks the given secrets and every run of characters long enough to be a token,
// because a service may quote part of the request.
func Hide(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "(hidden)")
		}
	}
	return opaque.ReplaceAllString(text, "(hidden)")
}
