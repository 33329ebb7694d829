package gateway

import (
	"fmt"
	"strings"
	"unicode"
)

// OneLine makes one line of text that the gateway did not write. Characters
// that are not printable are left out: a terminal would act on some of them,
// and characters that change the direction of writing hide neighbouring text.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// Continued indents all lines of a text but the first. Where a command prints text from
// outside that may have more than one line, none of them looks like a line of the command.
func Continued(text, indent string) string { return strings.ReplaceAll(text, "\n", "\n"+indent) }

// TOMLString writes s as a basic string (toml.io/en/v1.0.0#string).
func TOMLString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
