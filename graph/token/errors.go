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
	Account    string
	Op         string        // what was being done: "refresh the sign-in", "sign in", …
	Class      Class         // what heals it
	RetryAfter time.Duration // how long the service asked to wait, or until the next try; 0: not said
	Err        error         // the cause below, if any
	Details

	kind Kind   // of the account's sign-in
	next string // what a person does about it, where no number of Microsoft's says so
}

// Details are what Microsoft says of an error: the fields of RFC 6749 §5.2 and
// its own (learn.microsoft.com/entra/identity-platform/reference-error-codes).
// Description may be a sentence of ours where there was no answer.
type Details struct {
	Code          string `json:"error"` // such as invalid_grant; empty when there was none
	SubError      string `json:"suberror"`
	AADSTS        []int  `json:"error_codes"` // Microsoft's error numbers
	Description   string `json:"error_description"`
	TraceID       string `json:"trace_id"`       // for Microsoft's support and the customer's sign-in logs
	CorrelationID string `json:"correlation_id"` // likewise
}

// problem is an error of this account in words of ours.
func (e endpoint) problem(op string, class Class, words string) *Error {
	return &Error{Account: e.account, Op: op, Class: class, Details: Details{Description: words}, kind: e.kind}
}

// Error returns one line: what was being done, what is wrong, and the numbers
// under which Microsoft and the customer's IT find it.
func (e *Error) Error() string {
	return fmt.Sprintf("account %s: %s: %s", e.Account, e.Op, e.Reason())
}

// Reason returns what is wrong without the account and the operation.
func (e *Error) Reason() string {
	words := e.Description
	if row, ok := rowOf(e.AADSTS); ok {
		words = row.what
	} else if words == "" {
		words = families[e.Code].what
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
	if e.Class == Person { // what heals by itself needs no support, and would differ at every try
		marks = append(marks, e.ids()...)
	}
	if len(marks) == 0 {
		return words
	}
	return words + " (" + strings.Join(marks, ", ") + ")"
}

// ids are what to quote to Microsoft's support and to look for in the logs.
func (e *Error) ids() []string {
	var ids []string
	if e.TraceID != "" {
		ids = append(ids, "trace id "+e.TraceID)
	}
	if e.CorrelationID != "" {
		ids = append(ids, "correlation id "+e.CorrelationID)
	}
	return ids
}

// Action returns the next step for a person, "" when there is none. Where a
// new sign-in helps it ends in the command to run.
func (e *Error) Action() string {
	row, known := rowOf(e.AADSTS)
	switch {
	case known:
	case e.next != "" || e.Class != Person:
		return e.next
	case len(e.AADSTS) > 0:
		row = unknown(e.Code, e.AADSTS[0])
	case families[e.Code].what != "":
		row = families[e.Code]
	default:
		row.login = true
	}
	return row.action(e.Account, e.kind)
}

// NeedsPerson reports that the error does not heal by itself.
func (e *Error) NeedsPerson() bool { return e.Class == Person }

// Unwrap returns the cause below.
func (e *Error) Unwrap() error { return e.Err }

// classify decides what heals an answer of the token endpoint. It goes by the
// "error" value, as Microsoft asks
// (learn.microsoft.com/entra/identity-platform/reference-error-codes); only the
// few numbers whose "error" misleads override it.
func classify(status int, code string, numbers []int) Class {
	for _, n := range numbers {
		if c := rows[n].class; c != 0 {
			return c
		}
	}
	switch {
	case status == 408, status == 429, status >= 500:
		return Retry
	case code == "", families[code].class == Retry:
		return Retry
	}
	return Person
}

// readDetails takes what it can from an error body; a body that is not
// Microsoft's gives nothing. The secrets are hidden.
func readDetails(body []byte, secrets ...string) Details {
	var d Details
	_ = json.Unmarshal(body, &d) // what does not fit is left out
	if len(d.AADSTS) == 0 {
		d.AADSTS = numbersIn(d.Description)
	}
	for _, text := range []*string{&d.Code, &d.SubError, &d.Description, &d.TraceID, &d.CorrelationID} {
		*text = clean(*text, secrets...)
	}
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
