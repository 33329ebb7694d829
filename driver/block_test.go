package driver

import (
	"slices"
	"testing"
)

func TestSpans(t *testing.T) {
	for text, want := range map[string][]Span{
		"":               nil,
		"plain":          {{"plain", false}},
		"`code`":         {{"code", true}},
		"run `x`, then ": {{"run ", false}, {"x", true}, {", then ", false}},
	} {
		if got := Spans(text); !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// A value cannot end the code it is set as, nor begin a line.
func TestAsCode(t *testing.T) {
	for value, want := range map[string]string{"x": "`x`", "a`b|c\n<i>": "`a'b|c <i>`"} {
		if got := AsCode(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
