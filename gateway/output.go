package gateway

import (
	"fmt"
	"io"
	"os"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Output is what a command prints on. It cleans everything that is written to it, the
// log and errors included, because any of it may hold text from outside: from a
// calendar, a certificate, a server, a file. A character on which a terminal would act
// or that would reorder a line is written as its escape, such as \u001b, which is how
// JSON writes it too; what is not UTF-8 is written as U+FFFD. Line ends and tabs stay.
// It is safe for concurrent use.
type Output struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte // the beginning of a character whose end has not been written yet
}

// NewOutput returns an Output that writes to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := append(o.rest, p...)
	clean := make([]byte, 0, len(text))
	for len(text) > 0 && !incomplete(text) {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\r' && text[1] == '\n' || !actsOnTerminal(r):
			clean = utf8.AppendRune(clean, r)
		default:
			clean = fmt.Appendf(clean, `\u%04x`, r) // they are all below U+10000
		}
		text = text[size:]
	}
	o.rest = append([]byte(nil), text...)
	if len(clean) == 0 {
		return len(p), nil
	}
	if _, err := o.w.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// incomplete reports whether what follows decides how a text begins: a part of a
// character, or a carriage return, which may be of a line end.
func incomplete(text []byte) bool {
	return !utf8.FullRune(text) || len(text) == 1 && text[0] == '\r'
}

// actsOnTerminal reports whether a character does something other than to be shown: the
// control characters C0, DEL and C1 (ECMA-48), except line feed and tab, the characters
// that change the direction of writing (unicode.org/reports/tr9) and other ends of a line.
func actsOnTerminal(r rune) bool {
	switch r {
	case '\n', '\t':
		return false
	case '\u2028', '\u2029':
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// IsTerminal reports whether w is an Output on a terminal.
func IsTerminal(w io.Writer) bool {
	f := fileOf(w)
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// fileOf returns the file that w, or the Output w, writes to; nil: none.
func fileOf(w io.Writer) *os.File {
	if o, ok := w.(*Output); ok {
		w = o.w
	}
	f, _ := w.(*os.File)
	return f
}

// Control writes a control sequence of the program itself, which is not cleaned where w
// is an Output. It must hold nothing from outside.
func Control(w io.Writer, sequence string) error {
	if o, ok := w.(*Output); ok {
		o.mu.Lock()
		defer o.mu.Unlock()
		w = o.w
	}
	_, err := io.WriteString(w, sequence)
	return err
}
