package driver

import (
	"encoding/json"
	"strconv"
	"time"
)

// object is a JSON object under construction. Its members are in the order in
// which they are added.
type object struct{ text []byte }

// newObject returns an empty object with capacity for size bytes.
func newObject(size int) *object { return &object{append(make([]byte, 0, size), '{')} }

// add adds a member. A value that is unknown or Nothing is null.
func (o *object) add(name string, v Value) *object {
	if len(o.text) > 1 {
		o.text = append(o.text, ',')
	}
	o.text = append(appendString(o.text, name), ':')
	o.text = v.appendJSON(o.text)
	return o
}

// value returns the finished object.
func (o *object) value() Value { return JSONValue(string(o.text) + "}") }

// appendJSON appends v as JSON; a Time is in RFC 3339, UTC, to the second.
func (v Value) appendJSON(text []byte) []byte {
	switch {
	case v.Nothing():
		return append(text, "null"...)
	case v.kind == Bool:
		return strconv.AppendBool(text, v.Bool())
	case v.kind == Int:
		return strconv.AppendInt(text, v.num, 10)
	case v.kind == Time:
		return append(v.Time().AppendFormat(append(text, '"'), time.RFC3339), '"')
	case v.kind == JSON:
		return append(text, v.text...)
	}
	return appendString(text, v.text)
}

// appendString appends s as encoding/json writes it.
func appendString(text []byte, s string) []byte {
	if hasEscapes(s) {
		return append(text, mustJSON(s)...)
	}
	return append(append(append(text, '"'), s...), '"')
}

// hasEscapes reports whether encoding/json may escape s. Names and enum words, most of
// a state, need no escapes.
func hasEscapes(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return true
		}
	}
	return false
}

// mustJSON marshals a document of ours, which cannot fail: it holds only
// strings, numbers and lists of them.
func mustJSON(doc any) string {
	text, err := json.Marshal(doc)
	if err != nil {
		panic("driver: rendering a point: " + err.Error())
	}
	return string(text)
}
