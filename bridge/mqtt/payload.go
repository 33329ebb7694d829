package mqtt

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"roomgate/driver"
)

// Reading is how the messages of a presence sensor are interpreted.
type Reading struct {
	Path    string   // place of the value in a message of JSON, as in "values[0].state"; empty: the message is the value
	Above   *float64 // a number above it means presence, any other absence; nil: numbers are words
	On, Off []string // words that mean presence and absence, without regard to case
}

// Presence interprets a payload. It is not Known for a payload that is too long or
// means neither presence nor absence.
func (r Reading) Presence(payload []byte) driver.Presence {
	if len(payload) > largestPayload {
		return driver.Presence{}
	}
	value := string(payload)
	if r.Path != "" {
		var ok bool
		if value, ok = find(payload, r.Path); !ok {
			return driver.Presence{}
		}
	}
	value = strings.TrimSpace(value)
	if r.Above != nil {
		if n, err := strconv.ParseFloat(value, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			return driver.Presence{Known: true, On: n > *r.Above}
		}
	}
	is := func(word string) bool { return strings.EqualFold(strings.TrimSpace(word), value) }
	on := slices.ContainsFunc(r.On, is)
	return driver.Presence{Known: on || slices.ContainsFunc(r.Off, is), On: on}
}

// find returns the value at a place of a JSON text: a string, or a number, true
// or false as they are written. ok is false where there is none, and where the
// text is no JSON (RFC 8259).
func find(text []byte, path string) (value string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var at any
	if err := d.Decode(&at); err != nil {
		return "", false
	}
	if _, err := d.Token(); err != io.EOF { // something follows
		return "", false
	}
	for _, step := range steps(path) {
		if at, ok = below(at, step); !ok {
			return "", false
		}
	}
	switch v := at.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// steps splits a path: "values[0].state" is "values", "[0", "state".
func steps(path string) []string {
	path = strings.ReplaceAll(path, "]", "")
	path = strings.ReplaceAll(path, "[", ".[")
	return strings.Split(strings.TrimPrefix(path, "."), ".")
}

// below returns the member or element of a JSON value.
func below(at any, step string) (any, bool) {
	index, isIndex := strings.CutPrefix(step, "[")
	if !isIndex {
		members, _ := at.(map[string]any)
		v, ok := members[step]
		return v, ok
	}
	elements, _ := at.([]any)
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(elements) {
		return nil, false
	}
	return elements[i], true
}
