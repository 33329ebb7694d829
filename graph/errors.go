package graph

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is a call that Graph, or the way to it, did not answer as wished. The
// shape of Graph's errors: learn.microsoft.com/graph/errors.
type Error struct {
	Op         string        // what was being done
	Status     int           // HTTP status; 0: there was no answer
	Code       string        // Graph's error code, as sent
	Message    string        // Graph's message, cut to a sensible length
	RequestID  string        // to quote to Microsoft's support
	RetryAfter time.Duration // how long the service asked to be left alone; 0: it did not say
	Err        error         // the cause where there was no usable answer

	claims bool // the token was revoked, not too old
}

// Error says what was being done and what came of it. The request id is left
// out: an error that lasts reads the same at every poll.
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

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports Graph's error codes as equal without regard to case: comparing
// with &Error{Code: …} asks for the code alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Op == "" && t.Code != "" && strings.EqualFold(t.Code, e.Code)
}

// Action says what a person can do about the error; empty where only time helps.
func (e *Error) Action() string {
	if !e.NeedsPerson() {
		if e.Status == 0 || e.foreign() {
			return "check the gateway's way to the internet, proxies among it; it goes on trying"
		}
		return ""
	}
	code := e.Code
	switch {
	case e.claims:
		code = "insufficient_claims"
	case strings.Contains(e.Message, "Access to OData is disabled"): // both texts of an application access policy
		code = "[RAOP]"
	}
	_, line, _ := calendarEntry(code)
	return line.next
}

// NeedsPerson tells whether the error stays until somebody acts: what Graph
// refuses for good. Whatever else is wrong heals by itself or with the network.
func (e *Error) NeedsPerson() bool {
	if e.foreign() {
		return false
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	case http.StatusBadRequest:
		return e.Code != ""
	}
	return false
}

// foreign tells whether the answer is not Graph's but that of something in
// between, which may be gone tomorrow.
func (e *Error) foreign() bool {
	var n *notJSONError
	return errors.As(e.Err, &n)
}

// temporary tells whether the same call may succeed a little later.
func (e *Error) temporary() bool {
	return e.Status == 0 || e.Status == http.StatusTooManyRequests || e.Status >= 500 || e.foreign()
}
