package mqtt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// BoolWords are the words for true and false in plain payloads, with a slash
// between them.
type BoolWords string

// The supported words. The zero value means TrueFalse.
const (
	TrueFalse BoolWords = "true/false"
	OneZero   BoolWords = "1/0"
	OnOff     BoolWords = "ON/OFF"
)

// TimeStyle is how instants are written.
type TimeStyle string

// The supported styles. The zero value means RFC3339.
const (
	RFC3339      TimeStyle = "rfc3339"       // UTC
	RFC3339Local TimeStyle = "rfc3339_local" // with the offset of Format.Zone
	EpochSeconds TimeStyle = "epoch_s"
	EpochMillis  TimeStyle = "epoch_ms"
)

// Format is how values are written as payloads.
type Format struct {
	// VTQ wraps each value as {"value":…,"timestamp":…,"quality":"good"}. The
	// timestamp is in epoch milliseconds. Bools are JSON's own whatever Bool
	// says, times are strings or numbers as Time says, JSON points are embedded
	// as they are, and both nothing to say and a value that is not known are null.
	VTQ  bool
	Bool BoolWords
	Time TimeStyle
	Zone *time.Location // for RFC3339Local; nil: UTC
}

// check reports a style that is not known.
func (f Format) check() error {
	switch f.Bool {
	case "", TrueFalse, OneZero, OnOff:
	default:
		return fmt.Errorf("bool words %q are not known; use %q, %q or %q", f.Bool, TrueFalse, OneZero, OnOff)
	}
	switch f.Time {
	case "", RFC3339, RFC3339Local, EpochSeconds, EpochMillis:
	default:
		return fmt.Errorf("time style %q is not known; use %q, %q, %q or %q", f.Time, RFC3339, RFC3339Local, EpochSeconds, EpochMillis)
	}
	return nil
}

// Payload renders an entry. ok is false when it cannot be published: plain payloads
// have no form for an unknown value. The text is never empty, because an empty
// retained payload deletes the topic.
func (f Format) Payload(e bridge.Entry) (payload string, ok bool) {
	if f.VTQ {
		return `{"value":` + f.json(e.Value) +
			`,"timestamp":` + strconv.FormatInt(e.At.UnixMilli(), 10) +
			`,"quality":` + quote(e.Quality.String()) + `}`, true
	}
	if !e.Value.Known() {
		return "", false
	}
	return cmp.Or(f.plain(e.Value), nothing), true
}

// nothing is the plain payload for nothing to say.
const nothing = " "

func (f Format) plain(v driver.Value) string {
	switch v.Kind() {
	case driver.Bool:
		yes, no, _ := strings.Cut(string(cmp.Or(f.Bool, TrueFalse)), "/")
		if v.Bool() {
			return yes
		}
		return no
	case driver.Int:
		return strconv.Itoa(v.Int())
	case driver.Time:
		return f.plainTime(v)
	}
	return text(v)
}

// longestText is the length of the payload of a text point, in characters: the most
// that many controllers and databases of building management systems hold.
const longestText = 255

// text returns the words of v.
func text(v driver.Value) string {
	if v.Kind() == driver.Text {
		return driver.Shorten(v.Text(), longestText)
	}
	return v.Text()
}

func (f Format) plainTime(v driver.Value) string {
	switch {
	case !v.Nothing():
		return f.instant(v.Time())
	case f.epoch():
		return "0"
	}
	return nothing
}

// json writes v as a JSON value.
func (f Format) json(v driver.Value) string {
	switch {
	case v.Nothing():
		return "null"
	case v.Kind() == driver.Bool:
		return strconv.FormatBool(v.Bool())
	case v.Kind() == driver.Int:
		return strconv.Itoa(v.Int())
	case v.Kind() == driver.JSON:
		return cmp.Or(v.Text(), "null")
	case v.Kind() == driver.Time && f.epoch():
		return f.instant(v.Time())
	case v.Kind() == driver.Time:
		return quote(f.instant(v.Time()))
	}
	return quote(text(v))
}

func (f Format) epoch() bool { return f.Time == EpochSeconds || f.Time == EpochMillis }

// instant writes t, which is not zero. RFC 3339 is to the second.
func (f Format) instant(t time.Time) string {
	switch {
	case f.Time == EpochSeconds:
		return strconv.FormatInt(t.Unix(), 10)
	case f.Time == EpochMillis:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case f.Time == RFC3339Local && f.Zone != nil:
		return t.In(f.Zone).Format(time.RFC3339)
	}
	return t.UTC().Format(time.RFC3339)
}

// quote writes s as a JSON string; a string can always be encoded.
func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}
