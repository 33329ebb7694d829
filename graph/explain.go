package graph

import (
	"cmp"
	"strconv"
	"strings"

	"roomgate/driver"
	"roomgate/oauth"
)

// explanation is one entry of the dictionary of error codes.
type explanation struct {
	what  string
	who   string      // who can fix it
	next  string      // what to do about it, in the imperative
	login bool        // signing in again is (the last) part of what to do
	class oauth.Class // user, or what overrides the class of the "error" value
}

// What resolves it.
const (
	user    = oauth.Class(0) // user action, unless the class of the "error" value overrides it
	passing = oauth.Retry
)

// Who can fix it.
const (
	customer  = "the customer's IT"
	installer = "the integrator"
	owner     = "the user of the account"
	nobody    = "nobody; it is temporary"
	maker     = "the developers of roomgate"
)

// action returns what to do, addressed to the customer's IT if it is theirs.
func (e explanation) action() string {
	if e.who == customer && e.next != "" {
		return "for the customer's IT: " + e.next
	}
	return e.next
}

// advice is the entry as displayed, for any account of the program.
func (e explanation) advice(code, program string) driver.Advice {
	a := driver.Advice{Code: code, Known: true, What: e.what, Who: e.who, Next: e.next, NeedsPerson: e.class == user}
	a.Next = e.then(program + " login <account>")
	return a
}

// then is what to do, with the command that signs in where that is the last part.
func (e explanation) then(login string) string {
	if !e.login {
		return e.next
	}
	return strings.TrimPrefix(e.next+", then run: "+login, ", then ")
}

// Explain says what an error code of the sign-in ("AADSTS7000222", "7000222", an
// "error" value such as "invalid_grant") or of Graph ("ErrorAccessDenied") means.
// Within a longer text the first code that is known counts. program is how commands are
// called.
func Explain(text, program string) driver.Advice {
	text = strings.TrimSpace(text)
	numbers := numbersIn(strings.ToUpper(text))
	if n, err := strconv.Atoi(text); err == nil && len(text) >= 5 && len(text) <= 9 { // a shorter number is probably an HTTP status
		numbers = []int{n}
	}
	for _, n := range numbers {
		if e, ok := signInNumbers[n]; ok {
			return numberAdvice(n, e, program)
		}
	}
	if len(numbers) > 0 {
		a := numberAdvice(numbers[0], unknownNumber("", numbers[0]), program)
		a.Known = false
		return a
	}
	for _, word := range wordsOf(text) {
		if e, ok := signInErrors[strings.ToLower(word)]; ok {
			return e.advice(strings.ToLower(word), program)
		}
		if code, e, ok := calendarEntry(word); ok {
			return e.advice(code, program)
		}
	}
	return driver.Advice{Code: cmp.Or(cut(text, 60), "no code"), What: "this code is not in the dictionary of the sign-in or of Graph", Who: customer, NeedsPerson: true,
		Next: "look for a number that begins with AADSTS in the message; look other codes up at learn.microsoft.com/graph/errors and show them to the customer's IT"}
}

// wordsOf returns the text, the words in it that may be codes, and these without
// brackets.
func wordsOf(text string) []string {
	words := []string{text}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;:\"'(){}<>=.", r) }) {
		words = append(words, word, strings.Trim(word, "[]"))
	}
	return words
}

// numberAdvice is the entry of a number, with Microsoft's page about it and where the
// customer's IT finds the event.
func numberAdvice(number int, e explanation, program string) driver.Advice {
	a := e.advice("AADSTS"+strconv.Itoa(number), program)
	a.Page = errorPage + strconv.Itoa(number)
	a.Logs = "entra.microsoft.com, Monitoring & health, Sign-in logs, filter Correlation ID by the id in the error message"
	return a
}
