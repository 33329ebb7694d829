package oauth

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// authorizationResponse is what a service sends the browser back with (RFC 6749
// §4.1.2 and §4.1.2.1). The code is a secret until it is redeemed.
type authorizationResponse struct {
	Code, State, Error, ErrorDescription string

	Address string // without the parameters; empty: not the address but a part of it was given
}

// String hides the code.
func (r authorizationResponse) String() string {
	if r.Error != "" {
		return "authorization response with error " + r.Error
	}
	return "authorization response with a code (hidden)"
}

const maxPasted = 64 << 10

// parseAuthorizationResponse parses text copied from a browser after a sign-in: the
// whole address, its query or fragment alone, or the bare code. Words before an address,
// brackets and quotes around it, the end of a sentence, marks of a quoted mail, line
// breaks, blanks and a trailing # are removed; a percent-encoded text is decoded, and an address inside another, as mail filters and
// messengers write it, is taken out. The error says what is wrong with the text
// without repeating it.
func parseAuthorizationResponse(pasted string) (authorizationResponse, error) {
	if len(pasted) > maxPasted {
		return authorizationResponse{}, errors.New("the pasted text is far longer than an address; paste only the address the browser shows after the sign-in")
	}
	text := unwrap(pasted)
	if text == "" {
		return authorizationResponse{}, errors.New("nothing was pasted; paste the address the browser shows after the sign-in")
	}
	address, values := parameters(text, maxWrapped)
	if values == nil {
		values = url.Values{"code": {text}}
	}
	r := authorizationResponse{
		Code:             bareCode(values.Get("code")),
		State:            removeBlanks(values.Get("state")),
		Error:            removeBlanks(values.Get("error")),
		ErrorDescription: strings.TrimSpace(values.Get("error_description")),
		Address:          address,
	}
	return r, r.check(values)
}

// bareCode removes from a code what does not belong to it. No service's codes contain
// percent signs, so one begins an escape.
func bareCode(s string) string {
	for {
		s = removeBlanks(s)
		decoded, err := url.PathUnescape(s)
		if err != nil || decoded == s {
			return s
		}
		s = decoded
	}
}

// strayed says that the browser was sent to another address than the redirect URI; nil:
// to the same, or it is not known where to. A code works only with the redirect URI
// that it was requested with (RFC 6749 §4.1.3).
func (r authorizationResponse) strayed(redirectURI string) error {
	want, err := url.Parse(redirectURI)
	if err != nil || r.Address == "" || strings.HasPrefix(r.Address, "/") {
		return nil
	}
	address := r.Address
	if !strings.Contains(address, "://") { // browsers hide the scheme
		address = want.Scheme + "://" + address
	}
	got, err := url.Parse(address)
	if err == nil && place(got) == place(want) {
		return nil
	}
	return fmt.Errorf("the browser was sent to %s and not to the redirect URI %s, with which alone the code would work, so it was not sent; "+
		"make the redirect URI in the configuration, in the app's registration and in the address to sign in at the same", printable(r.Address), redirectURI)
}

// place is the part of an address that a redirect URI is compared by.
func place(u *url.URL) string {
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)])
	return strings.ToLower(u.Scheme+"://"+u.Hostname()) + ":" + port + cmp.Or(u.Path, "/")
}

// check explains what was probably copied instead of the response.
func (r authorizationResponse) check(values url.Values) error {
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
	case strings.ContainsFunc(r.Code, notInCode), strings.Contains(r.Code, "://"):
		return errors.New("the pasted text is neither an address nor a code; paste the whole address the browser shows after the sign-in")
	}
	return nil
}

// unwrap removes what people, editors, mails and terminals add to an address: words
// before it, line breaks with their indentation and the marks of a quotation, quotes,
// brackets, the end of a sentence, a trailing #.
func unwrap(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(strings.TrimLeft(lines[i], "> \t|"))
	}
	s = strings.ReplaceAll(withoutWords(strings.Join(lines, "\n")), "\n", "")
	for {
		trimmed := strings.TrimFunc(s, aroundAddress)
		if !strings.HasSuffix(trimmed, "..") { // which says that it is truncated
			trimmed = strings.TrimRight(trimmed, ".,;:")
		}
		if trimmed == s {
			return strings.ReplaceAll(s, "&amp;", "&")
		}
		s = trimmed
	}
}

func aroundAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`<>()[]“”‘’„«»#\ufeff\u200b", r)
}

// withoutWords returns a text from the last scheme before its first parameters on, and
// where a bracket or a quote opens before that, as in the links of Markdown and mails, to
// where it closes. What precedes is words unless it has parameters of its own.
func withoutWords(text string) string {
	first := strings.Index(text, "://")
	if first < 0 {
		return text
	}
	end := len(text)
	if at := strings.IndexAny(text[first:], "?#"); at >= 0 {
		end = first + at
	}
	before := text[:strings.LastIndex(text[:end], "://")]
	words := strings.TrimRightFunc(before, inScheme)
	if words == before || strings.Contains(words, "=") {
		return text
	}
	address := strings.TrimLeft(text[len(words):], "+-.0123456789") // a scheme begins with a letter
	if opens, _ := utf8.DecodeLastRuneInString(words); closing[opens] != "" {
		address, _, _ = strings.Cut(address, closing[opens])
	}
	return address
}

var closing = map[rune]string{'<': ">", '(': ")", '[': "]", '"': `"`, '“': "”", '„': "“", '«': "»"}

// inScheme reports a character of a scheme (RFC 3986 §3.1).
func inScheme(r rune) bool {
	return r <= unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+-.", r))
}

// maxWrapped is how many times a text may be encoded, or an address be inside another.
const maxWrapped = 4

// parameters returns the query or fragment of an address with the address before it,
// or the text itself where it is a list of parameters; nil: it is neither. depth is
// how many layers around the response are removed at most.
func parameters(text string, depth int) (address string, values url.Values) {
	text = withoutWords(text)
	outer, fragment, _ := strings.Cut(text, "#")
	before, query, isAddress := strings.Cut(outer, "?")
	switch {
	case holdsResponse(fragment):
		address, values = before, parseParameters(fragment)
	case isAddress || strings.Contains(outer, "://"):
		address, values = before, parseParameters(query)
	case holdsResponse(outer):
		values = parseParameters(outer)
	case strings.Contains(outer, "&"): // what follows "code=" in an address
		values = parseParameters("code=" + outer)
	}
	if depth == 0 || values != nil && !strings.Contains(values.Get("code"), "://") && (values.Has("code") || values.Has("error")) {
		return address, values
	}
	for _, inner := range wrapped(text, query, values) {
		at, found := parameters(inner, depth-1)
		switch {
		case found.Has("code"), found.Has("error"):
			if state := values.Get("state"); state != "" && !found.Has("state") {
				found.Set("state", state)
			}
			return at, found
		case values == nil:
			address, values = at, found
		}
	}
	return address, values
}

// wrapped lists what a text that is not itself a response may hold one in: an address in
// its parameters as it is, the values of the parameters, and the text decoded, in which
// the parameters of both are no longer told apart.
func wrapped(text, query string, values url.Values) []string {
	var inner []string
	if at := strings.Index(query, "://"); at >= 0 {
		inner = append(inner, query[strings.LastIndexAny(query[:at], "=&?")+1:])
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			if strings.Contains(value, "://") {
				inner = append(inner, value)
			}
		}
	}
	if decoded, err := url.PathUnescape(text); err == nil && decoded != text {
		inner = append(inner, decoded)
	}
	return inner
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
// as one cut off at the end, is left out. A + is one, as codes contain it that were not
// escaped; only in the words of a description it is a blank.
func parseParameters(list string) url.Values {
	pairs := strings.Split(list, "&")
	for i, pair := range pairs {
		if !strings.HasPrefix(pair, "error_description=") {
			pairs[i] = strings.ReplaceAll(pair, "+", "%2B")
		}
	}
	values, _ := url.ParseQuery(strings.Join(pairs, "&"))
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
