package graphsim

import (
	"fmt"
	"strings"
	"time"
)

// serviceError is a message as the service writes it, with capital and full stop.
type serviceError string

func (e serviceError) Error() string { return string(e) }

func serviceErrorf(format string, args ...any) error {
	return serviceError(fmt.Sprintf(format, args...))
}

// filter is a parsed $filter: all clauses must match. It supports what public clients use on events.
type filter []clause

// clause is one comparison: property, operator, value.
type clause struct {
	property, op, text string
	at                 time.Time // of start and end
	boolean            bool      // of isCancelled and isOrganizer
}

// parseFilter reads comparisons joined by "and". Anything else is an error, as at the service.
func parseFilter(text string) (filter, error) {
	words, err := filterWords(text)
	if err != nil {
		return nil, err
	}
	var f filter
	for len(words) > 0 {
		if len(words) < 3 {
			return nil, serviceErrorf("Invalid filter clause: '%s' ends too early.", text)
		}
		c, err := newClause(words[0], words[1], words[2])
		if err != nil {
			return nil, err
		}
		f, words = append(f, c), words[3:]
		if len(words) == 0 {
			return f, nil
		}
		if words[0] != "and" || len(words) == 1 {
			return nil, serviceErrorf("Invalid filter clause: '%s' is not supported.", words[0])
		}
		words = words[1:]
	}
	return f, nil
}

// filterWords splits at spaces. A quoted word keeps its opening quote; a doubled quote in it is one quote.
func filterWords(text string) ([]string, error) {
	var words []string
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		if text[0] != '\'' {
			end := strings.IndexByte(text, ' ')
			if end < 0 {
				end = len(text)
			}
			words, text = append(words, text[:end]), text[end:]
			continue
		}
		word, rest, ok := quoted(text)
		if !ok {
			return nil, serviceErrorf("Invalid filter clause: a quote is not closed.")
		}
		words, text = append(words, word), rest
	}
	return words, nil
}

// quoted splits a 'literal' off the beginning of text; the returned word has an opening quote and no closing one.
func quoted(text string) (word, rest string, ok bool) {
	var b strings.Builder
	b.WriteByte('\'')
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), text[i+1:], true
	}
	return "", "", false
}

func newClause(property, op, value string) (clause, error) {
	c := clause{property: property, op: op}
	text, isText := strings.CutPrefix(value, "'")
	ok := false
	switch property {
	case "start/dateTime", "end/dateTime":
		at, err := parseInstant(text)
		c.at, ok = at, isText && err == nil && (op == "ge" || op == "gt" || op == "le" || op == "lt")
	case "type", "subject":
		c.text, ok = text, isText && op == "eq"
	case "isCancelled", "isOrganizer":
		c.boolean, ok = value == "true", op == "eq" && (value == "true" || value == "false")
	}
	if !ok {
		return c, serviceErrorf("Invalid filter clause: '%s %s %s' is not supported.", property, op, value)
	}
	return c, nil
}

// instantLayouts are the forms of ISO 8601 a calendar request may use; without an offset the time is UTC.
var instantLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", dayLayout,
}

func parseInstant(text string) (time.Time, error) {
	for _, layout := range instantLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("the value '%s' is not a date and time", text)
}

func (f filter) match(e *Event, box *mailbox) bool {
	for _, c := range f {
		if !c.match(e, box) {
			return false
		}
	}
	return true
}

func (c clause) match(e *Event, box *mailbox) bool {
	start, end := e.span()
	switch c.property {
	case "start/dateTime":
		return c.compares(start.Compare(c.at))
	case "end/dateTime":
		return c.compares(end.Compare(c.at))
	case "type":
		return e.Type == c.text
	case "subject":
		return strings.EqualFold(e.Subject, c.text)
	case "isCancelled":
		return e.Cancelled == c.boolean
	}
	return box.organizes(e) == c.boolean
}

func (c clause) compares(order int) bool {
	switch c.op {
	case "ge":
		return order >= 0
	case "gt":
		return order > 0
	case "le":
		return order <= 0
	}
	return order < 0
}

// comparesTime reports whether a clause compares start or end, which calendarView refuses.
func (f filter) comparesTime() bool {
	for _, c := range f {
		if !c.at.IsZero() {
			return true
		}
	}
	return false
}

func (m *mailbox) organizes(e *Event) bool { return fold(e.Organizer.Address) == fold(m.address) }
