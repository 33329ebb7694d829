package driver

import "time"

// Kind is the type of a point's value.
type Kind uint8

const (
	Bool Kind = iota + 1
	Int
	Text
	Time
	Enum
	JSON
)

// String returns the name of the kind used in point lists.
func (k Kind) String() string {
	return [...]string{"unknown", "bool", "int", "text", "time", "enum", "json"}[k]
}

// Value is the value of one point, comparable with ==. The zero Value is unknown. A
// value that is known to be absent, such as the start of a next booking when there is
// none, is Nothing of its kind.
type Value struct {
	kind    Kind
	nothing bool
	num     int64 // Bool: 0 or 1; Int; Time: Unix milliseconds
	text    string
}

// BoolValue returns b as a Value.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// IntValue returns n as a Value.
func IntValue(n int) Value { return Value{kind: Int, num: int64(n)} }

// NoInt is an absent Int. standIn is published where a payload cannot express
// absence, by the convention of building automation.
func NoInt(standIn int) Value { return Value{kind: Int, nothing: true, num: int64(standIn)} }

// TextValue returns s as a Value, as one line (see [Line]) of at most 1,000 characters;
// an empty line is Nothing. What reaches a sink as text passes here.
func TextValue(s string) Value {
	s = Shorten(Line(s), longestReason)
	return Value{kind: Text, text: s, nothing: s == ""}
}

// EnumValue returns the word s as a Value.
func EnumValue(s string) Value { return Value{kind: Enum, text: s} }

// NoEnum is an absent Enum.
func NoEnum() Value { return Value{kind: Enum, nothing: true} }

// JSONValue returns the JSON text s as a Value.
func JSONValue(s string) Value { return Value{kind: JSON, text: s} }

// TimeValue returns t, to the millisecond, as a Value; the zero t is Nothing.
func TimeValue(t time.Time) Value {
	if t.IsZero() {
		return Value{kind: Time, nothing: true}
	}
	return Value{kind: Time, num: t.UnixMilli()}
}

// Kind returns the kind; zero for a value that is not known.
func (v Value) Kind() Kind { return v.kind }

// Known reports whether the value is known.
func (v Value) Known() bool { return v.kind != 0 }

// Nothing reports whether the value is not known, or known to be absent.
func (v Value) Nothing() bool { return v.kind == 0 || v.nothing }

// Bool returns the value of a Bool.
func (v Value) Bool() bool { return v.num != 0 }

// Int returns the value of an Int, or the stand-in of an absent one.
func (v Value) Int() int { return int(v.num) }

// Text returns the value of a Text, Enum or JSON.
func (v Value) Text() string { return v.text }

// Time returns the value of a Time in UTC; the zero time for Nothing.
func (v Value) Time() time.Time {
	if v.Nothing() {
		return time.Time{}
	}
	return time.UnixMilli(v.num).UTC()
}
