package graphsim

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// jsonWriter appends JSON without reflection: most output is pages of events, for which encoding/json takes twenty
// times as long.
type jsonWriter struct{ b []byte }

func (w *jsonWriter) raw(s string) { w.b = append(w.b, s...) }

// value appends v as encoded by encoding/json.
func (w *jsonWriter) value(v any) { w.b = append(w.b, encodeJSON(v)...) }

func (w *jsonWriter) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			w.value(s)
			return
		}
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"')
}

func (w *jsonWriter) texts(list []string) {
	w.raw("[")
	for i, s := range list {
		w.comma(i)
		w.text(s)
	}
	w.raw("]")
}

func (w *jsonWriter) textOrNull(s string) {
	if s == "" {
		w.raw("null")
		return
	}
	w.text(s)
}

func (w *jsonWriter) boolean(b bool) { w.b = strconv.AppendBool(w.b, b) }

// time appends a time in a layout that needs no escaping.
func (w *jsonWriter) time(t time.Time, layout string) {
	w.b = append(w.b, '"')
	w.b = t.AppendFormat(w.b, layout)
	w.b = append(w.b, '"')
}

// comma appends a comma before every element except the first.
func (w *jsonWriter) comma(i int) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
}
