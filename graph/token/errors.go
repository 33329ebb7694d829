package token

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Class says what heals an error.
type Class int

const (
	Retry  Class = iota + 1 // trying again, soon
	Wait                    // time: trying again at once makes it worse
	Person                  // a person has to act
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

// Error is a failure of the sign-in of one account. It never carries a token,
// a code, a secret or the body of an answer.
type Error struct {
	Account       string
	Op            string        // what was being done: "refresh the sign-in", "sign in", …
	Code          string        // "error" of RFC 6749 §5.2, such as invalid_grant; empty when there was none
	SubError      string        // Microsoft's suberror
	AADSTS        []int         // Microsoft's error numbers
	Description   string        // one sentence, of the service or ours
	TraceID       string        // for Microsoft's support and the customer's sign-in logs
	CorrelationID string        // likewise
	Class         Class         // what heals it
	RetryAfter    time.Duration // how long the service asked to wait, or until the next try; 0: not said
	Err           error         // the cause below, if any

	next string // what a person does about it, where no number of Microsoft's says so
}

// Error returns one line: what was being done, what is wrong, and the numbers
// under which Microsoft and the customer's IT find it.
func (e *Error) Error() string {
	return fmt.Sprintf("account %s: %s: %s", e.Account, e.Op, e.Reason())
}

// Reason returns what is wrong without the account and the operation.
func (e *Error) Reason() string {
	words := e.Description
	if a, ok := e.advice(); ok {
		words = a.words
	}
	var marks []string
	for _, n := range e.AADSTS {
		marks = append(marks, "AADSTS"+strconv.Itoa(n))
	}
	for _, m := range []string{e.Code, e.SubError} {
		if m != "" {
			marks = append(marks, m)
		}
	}
	if e.TraceID != "" && e.Class == Person { // what heals by itself needs no support, and would differ at every try
		marks = append(marks, "trace id "+e.TraceID)
	}
	if len(marks) == 0 {
		return words
	}
	return words + " (" + strings.Join(marks, ", ") + ")"
}

// Action returns the next step for a person, "" when there is none. Where a
// new sign-in helps it ends in the command to run.
func (e *Error) Action() string {
	login := "run: roomgate login " + e.Account
	if a, ok := e.advice(); ok {
		if a.login && a.next != "" {
			return a.next + ", then " + login
		}
		if a.login {
			return login
		}
		return a.next
	}
	if e.next != "" || e.Class != Person {
		return e.next
	}
	return login
}

// NeedsPerson reports that the error does not heal by itself.
func (e *Error) NeedsPerson() bool { return e.Class == Person }

// Unwrap returns the cause below.
func (e *Error) Unwrap() error { return e.Err }

// advice returns the row of the first number that has one.
func (e *Error) advice() (advice, bool) {
	for _, n := range e.AADSTS {
		if a, ok := advices[n]; ok {
			return a, true
		}
	}
	return advice{}, false
}

// classify decides what heals an answer of the token endpoint. It goes by the
// "error" value, as Microsoft asks
// (learn.microsoft.com/entra/identity-platform/reference-error-codes); only the
// few numbers whose "error" misleads override it.
func classify(status int, code string, numbers []int) Class {
	for _, n := range numbers {
		if c := advices[n].class; c != 0 {
			return c
		}
	}
	switch {
	case status == 408, status == 429, status >= 500:
		return Retry
	case code == "", code == "temporarily_unavailable", code == "server_error":
		return Retry
	}
	return Person
}

// details are the fields Microsoft adds to the error body of RFC 6749 §5.2.
type details struct {
	Numbers       []int  `json:"error_codes"`
	SubError      string `json:"suberror"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

// readDetails takes what it can from an error body; a body that is not
// Microsoft's gives nothing. The secrets are hidden.
func readDetails(body []byte, description string, secrets ...string) details {
	var d details
	if json.Unmarshal(body, &d) != nil || len(d.Numbers) == 0 {
		d.Numbers = numbersIn(description)
	}
	d.SubError = clean(d.SubError, secrets...)
	d.TraceID = clean(d.TraceID, secrets...)
	d.CorrelationID = clean(d.CorrelationID, secrets...)
	return d
}

var aadsts = regexp.MustCompile(`AADSTS(\d{1,9})`)

// numbersIn returns the AADSTS numbers a text names.
func numbersIn(text string) []int {
	var numbers []int
	for _, m := range aadsts.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

var (
	leadingNumber = regexp.MustCompile(`^AADSTS\d+:\s*`)
	traceLines    = regexp.MustCompile(`(?is)\s*(trace id|correlation id|timestamp):.*`)
	sentenceEnd   = regexp.MustCompile(`\.(\s|$)`)
	opaque        = regexp.MustCompile(`[A-Za-z0-9+/_~.=!*-]{40,}`)
)

const maxDescription = 240 // characters

// clean reduces a text of a service to its first sentence on one line, and
// hides everything that is, or could be, a secret.
func clean(text string, secrets ...string) string {
	text = traceLines.ReplaceAllString(leadingNumber.ReplaceAllString(text, ""), "")
	if end := sentenceEnd.FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	text = hide(text, secrets...)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if r := []rune(text); len(r) > maxDescription {
		text = string(r[:maxDescription]) + "…"
	}
	return text
}

// hide blanks the given secrets and every run of characters long enough to be
// a token: a service may quote part of what it was sent.
func hide(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "(hidden)")
		}
	}
	return opaque.ReplaceAllString(text, "(hidden)")
}
