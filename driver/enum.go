package driver

import (
	"fmt"
	"strings"
)

// enum holds the words of an enumeration by value, the zero value's first. It is
// the only list of them: configuration, points and stored state use it.
type enum[T ~uint8] []string

// word returns the word of v; "" where v has none.
func (e enum[T]) word(v T) string {
	if int(v) < len(e) {
		return e[v]
	}
	return ""
}

// parse returns the value of a word, without regard to case. With an error it
// returns the zero value.
func (e enum[T]) parse(word string) (T, error) {
	for i, w := range e {
		if strings.EqualFold(w, word) {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of %s", word, strings.Join(e, ", "))
}
