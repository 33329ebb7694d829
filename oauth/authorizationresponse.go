package oauth

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// AuthorizationResponse is what a service sends the browser back with (RFC 6749
// §4.1.2 and §4.1.2.1). The code is a secret until it is redeemed.
type AuthorizationResponse struct {
	Code, State, Error, ErrorDescription string
}

// String hides the code.
func (r AuthorizationResponse) String() string {
	if r.Error != "" {
		return "authorization response with error " + r.Error
	}
	return "authorization response with a code (hidden)"
}

const maxPasted = 64 << 10

// ParseAuthorizationResponse parses text copied from a browser after a sign-in: the whole address, its query or fragment alone, or the bare code. Quotes,
// angle brackets, line breaks, blanks and a trailing # are removed. The error
// says what is wrong with the text without repeating it.
func ParseAuthorizationResponse(pasted string) (AuthorizationResponse, error) {
	if len(pasted) > maxPasted {
		return AuthorizationResponse{}, errors.New("the pasted text is far longer than an address; paste only the address the browser shows after the sign-in")
	}
	text := unwrap(pasted)
	if text == "" {
		return AuthorizationResponse{}, errors.New("nothing was pasted; paste the address the browser shows after the sign-in")
	}
	values, ok := parameters(text)
	if !ok {
		values = url.Values{"code": {text}}
	}
	r := AuthorizationResponse{
		Code:             removeBlanks(values.Get("code")),
		State:            removeBlanks(values.Get("state")),
		Error:            removeBlanks(values.Get("error")),
		ErrorDescription: strings.TrimSpace(values.Get("error_description")),
	}
	return r, r.check(values)
}

// check explains what was probably copied instead of the response.
func (r AuthorizationResponse) check(values url.Values) error {
	switch {
	case r.Error != "":
		return nil
	case values.Has("response_type"):
		return errors.New("this is the address of the sign-in page itself; sign in there and paste the address the browser shows afterwards")
	case r.Code == "":
		return errors.New("the pasted text contains no code; paste the whole address the browser shows after the sign-in")
	case len(values["code"]) > 1 || len(values["state"]) > 1:
		return errors.New("the pasted text contains more than one response; paste one address only")
	case strings.Contains(r.Code, "…") || strings.Contains(r.Code, "..."):
		return errors.New("the code is truncated at the …; click into the address bar, select all and copy again")
	case strings.ContainsFunc(r.Code, notInCode):
		return errors.New("the pasted text is neither an address nor a code; paste the whole address the browser shows after the sign-in")
	}
	return nil
}

// unwrap removes characters that editors, mails and terminals add to an address:
// line breaks with their indentation, quotes, brackets, a trailing #.
func unwrap(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	s = strings.Join(lines, "")
	s = strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`<>()[]“”‘’„«»#\ufeff\u200b", r)
	})
	return strings.ReplaceAll(s, "&amp;", "&")
}

// parameters returns the query or fragment of an address, or the text itself
// when it is a list of parameters; false when it is neither.
func parameters(text string) (url.Values, bool) {
	text, fragment, _ := strings.Cut(text, "#")
	_, query, isAddress := strings.Cut(text, "?")
	isAddress = isAddress || strings.Contains(text, "://")
	switch {
	case holdsResponse(fragment):
		return parseParameters(fragment), true
	case isAddress:
		return parseParameters(query), true
	case holdsResponse(text):
		return parseParameters(text), true
	case strings.Contains(text, "&"): // what follows "code=" in an address
		return parseParameters("code=" + text), true
	}
	return nil, false
}

// holdsResponse reports whether a list of parameters holds a response.
func holdsResponse(list string) bool {
	for pair := range strings.SplitSeq(list, "&") {
		if name, _, ok := strings.Cut(pair, "="); ok && (name == "code" || name == "error") {
			return true
		}
	}
	return false
}

// parseParameters parses a list of parameters; a pair with a broken escape, such
// as one cut off at the end, is left out.
func parseParameters(list string) url.Values {
	values, _ := url.ParseQuery(list)
	return values
}

// removeBlanks removes blanks, which no code and no state contains.
func removeBlanks(s string) string {
	return strings.Join(strings.Fields(s), "")
}

// notInCode reports a character that no code contains: they are made of VSCHAR
// (RFC 6749 appendix A.11), and quotes and brackets are signs of prose or markup.
func notInCode(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^{|}`+"`", r)
}
