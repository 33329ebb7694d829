package driver

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of untrusted texts, in characters.
const (
	longestName   = 255  // of a subject and of an organizer
	longestReason = 1000 // of every text point; a reason quotes what a service answered
)

// Line makes one line of a text that comes from outside. Line ends and tabs become
// spaces. What a display or a terminal could act on is left out: control characters,
// characters that change the direction of writing
// (unicode.org/reports/tr9, Bidi_Control), noncharacters and invalid UTF-8.
func Line(s string) string {
	if isLine(s) {
		return s
	}
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\u2028', r == '\u2029', r == '\u0085', '\t' <= r && r <= '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Noncharacter_Code_Point, r), r == '\ufeff':
			return -1
		}
		return r
	}, s))
}

// isLine reports whether s has printable ASCII only, as most texts do.
func isLine(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Shorten returns at most limit characters of s. The last of a text that was cut is
// "…". What is displayed as one character with the one before it, such as a combining
// accent, is not separated from it.
func Shorten(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	kept := []rune(s)[:limit] // one too many: whether it can be separated from those before it is to be seen
	end := limit - 1
	for end > 0 && (joins(kept[end]) || kept[end-1] == zeroWidthJoiner) {
		end--
	}
	return string(kept[:end]) + "…"
}

const zeroWidthJoiner = '\u200d'

// joins reports whether r is displayed together with the character before it.
func joins(r rune) bool { return r == zeroWidthJoiner || unicode.Is(unicode.M, r) }
