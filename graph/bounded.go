package graph

import (
	"encoding/json"
	"fmt"
)

// The bounds of one answer, far above the largest of an office. A value in memory may
// be two hundred times its text: "{}" is a whole event.
const (
	mostElements = 10_000  // of a list that is not inside another, such as the events
	mostParts    = 100_000 // of all lists together, such as the attendees of all events
	mostDepth    = 64      // of lists and objects inside each other
)

// mostRows bounds a list of several answers.
const mostRows = maxPages * pageSize

var errTooMany = fmt.Errorf("the answer is larger than any calendar: a list of more than %d elements, or more than %d in all its lists", mostElements, mostParts)

// decode is json.Unmarshal for an answer within the bounds; errTooMany: it is not.
func decode(text []byte, out any) error {
	if !withinBounds(text) {
		return errTooMany
	}
	return json.Unmarshal(text, out)
}

// withinBounds counts the elements of the lists of a JSON text. It does not check
// whether the text is JSON.
func withinBounds(text []byte) bool {
	s := scanner{text: text}
	var isList [mostDepth + 1]bool
	depth, lists, elements, all := 0, 0, 0, 0
	for s.at < len(text) {
		element := false
		switch text[s.at] {
		case '"':
			if _, ok := s.word(); !ok {
				return true
			}
			continue
		case '[', '{':
			if depth++; depth > mostDepth {
				return false
			}
			if isList[depth] = text[s.at] == '['; isList[depth] {
				lists++
				element = true // the first
			}
		case ']', '}':
			if depth == 0 {
				return true
			}
			if isList[depth] {
				lists--
			}
			depth--
		case ',':
			element = isList[depth]
		}
		s.at++
		if !element {
			continue
		}
		if all++; lists == 1 {
			elements++
		}
		if elements > mostElements || all > mostParts {
			return false
		}
	}
	return true
}
