package graph

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"roomgate/driver"
)

// Error is a failed call to Graph: refused, not answered, or answered by something
// else. The form of Graph's errors: learn.microsoft.com/graph/errors.
type Error struct {
	Op         string        // what was being done
	Status     int           // HTTP status; 0: no answer
	Code       string        // Graph's error code, as sent
	Message    string        // Graph's message, shortened
	RequestID  string        // for Microsoft's support
	RetryAfter time.Duration // how long the service asked to wait; 0: it did not ask
	Err        error         // the cause where there was no usable answer

	claims bool   // the token was revoked rather than expired
	login  string // the command that signs the account in
}

// Error returns what was being done and how it failed. The request id is left out,
// so that a lasting error reads the same at every poll.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": ")
	switch {
	case e.Err != nil && e.Status != 0:
		fmt.Fprintf(&b, "HTTP %d: %v", e.Status, e.Err)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		fmt.Fprintf(&b, "HTTP %d %s", e.Status, cmp.Or(e.Code, http.StatusText(e.Status)))
		if e.Message != "" {
			b.WriteString(": " + strings.TrimSuffix(e.Message, "."))
		}
	}
	return b.String()
}

// References implements driver.Traceable.
func (e *Error) References() string {
	if e.RequestID == "" {
		return ""
	}
	return "request id " + e.RequestID
}

// Identity identifies the trouble by Graph's status and code, or by the cause: what was
// being done and Graph's message name mailboxes.
func (e *Error) Identity() string {
	if e.Err != nil {
		return fmt.Sprintf("graph %d: %s", e.Status, driver.Identity(e.Err))
	}
	return fmt.Sprintf("graph %d %s", e.Status, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is compares Graph's error codes without regard to case; the target
// &Error{Code: …} matches any error with the code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Op == "" && t.Code != "" && strings.EqualFold(t.Code, e.Code)
}

// Action returns what the user can do about the error; empty: wait.
func (e *Error) Action() string {
	line, known := e.entry()
	switch {
	case e.NeedsPerson():
		return line.then(e.login)
	case e.Status == 0, e.foreign():
		return "check the gateway's connection to the internet, proxies included; it keeps trying"
	case !known && e.refused():
		return line.then(e.login) + "; it keeps trying"
	}
	return ""
}

// NeedsPerson reports whether user action is required: Graph refuses the call for
// good, with a code that the dictionary knows. A code that it does not know may be a
// proxy's, so all other errors are retried.
func (e *Error) NeedsPerson() bool {
	line, known := e.entry()
	return known && line.class == user && e.refused()
}

// refused reports whether the status means that the same call will be refused again.
func (e *Error) refused() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return e.Code != ""
	}
	return false
}

// entry is the error's line of the dictionary.
func (e *Error) entry() (line explanation, known bool) {
	code := e.Code
	switch {
	case e.claims:
		code = "insufficient_claims"
	case strings.Contains(e.Message, "Access to OData is disabled"): // both texts of an application access policy
		code = "[RAOP]"
	}
	_, line, known = calendarEntry(code)
	return line, known
}

// foreign reports whether the answer came from something between here and Graph,
// such as a proxy or the sign-in page of a network.
func (e *Error) foreign() bool {
	var n *notJSONError
	return errors.As(e.Err, &n)
}

// temporary reports whether the same call may succeed a little later.
func (e *Error) temporary() bool {
	return e.Status == 0 || e.Status == http.StatusTooManyRequests || e.Status >= 500 || e.foreign()
}
