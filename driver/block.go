package driver

import "strings"

// AsCode quotes a value so that the texts of a Block show it as code, on one line,
// whatever characters it has.
func AsCode(value string) string {
	return "`" + strings.Join(strings.Fields(strings.ReplaceAll(value, "`", "'")), " ") + "`"
}

// Span is a part of a text that is rendered in one style.
type Span struct {
	Text string
	Code bool
}

// Spans splits a text of a Block into plain text and code.
func Spans(text string) []Span {
	var out []Span
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			out = append(out, Span{part, i%2 == 1})
		}
	}
	return out
}
