package gateway

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// longestID is how long the id of a room may be.
const longestID = 40

// roomID makes the id of a room from its name, else from its address. An id
// that is taken gets a number.
func roomID(name, address string, taken func(string) bool) string {
	local, _, _ := strings.Cut(address, "@")
	base := cmp.Or(idFrom(name), idFrom(local), "room")
	id := base
	for n := 2; taken(id); n++ {
		number := "-" + strconv.Itoa(n)
		id = strings.TrimRight(base[:min(len(base), longestID-len(number))], "-") + number
	}
	return id
}

// idFrom writes a text in the characters of an id; empty where none are left.
func idFrom(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || strings.ContainsRune("'’", r) { // a combining accent, an apostrophe
			return -1
		}
		return r
	}, strings.ToLower(s))
	s = strings.Trim(notID.ReplaceAllString(transliteration.Replace(s), "-"), "-")
	return strings.TrimRight(s[:min(len(s), longestID)], "-")
}

var notID = regexp.MustCompile(`[^a-z0-9]+`)

// transliteration writes the Latin letters of European languages as is usual
// where a keyboard lacks them.
var transliteration = strings.NewReplacer(spellings()...)

func spellings() (pairs []string) {
	for ascii, letters := range map[string]string{
		"ae": "äæ", "oe": "öøœ", "ue": "ü", "ss": "ß", "th": "þ", "a": "àáâãåāăą", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě",
		"g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı", "j": "ĵ", "k": "ķ", "l": "ĺļľŀł", "n": "ñńņňŋ", "o": "òóôõōŏő", "r": "ŕŗř",
		"s": "śŝşšș", "t": "ţťŧț", "u": "ùúûũūŭůűų", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, letter := range letters {
			pairs = append(pairs, string(letter), ascii)
		}
	}
	return pairs
}
