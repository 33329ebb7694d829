package graphsim

import (
	"regexp"
	"strings"
)

const (
	ordinaryID  = "AAMkAGI1" // beginning of an id
	immutableID = "AAkALgAA" // beginning of the same id with IdType="ImmutableId"
	idTail      = "AAA="
)

const dayLayout = "2006-01-02"

var occurrenceTail = regexp.MustCompile(`^(.+?)(\d{4})(\d{2})(\d{2})AAA=$`)

// occurrenceID is the id of the occurrence of a series on a day of its pattern.
func occurrenceID(master, day string) string {
	return strings.TrimSuffix(master, idTail) + strings.ReplaceAll(day, "-", "") + idTail
}

// find resolves an id, immutable or not, to a stored item and, for an occurrence, the day of its pattern.
func (m *mailbox) find(id string) (it *item, day string) {
	if rest, ok := strings.CutPrefix(id, immutableID); ok {
		id = ordinaryID + rest
	}
	if it = m.items[id]; it != nil {
		return it, ""
	}
	p := occurrenceTail.FindStringSubmatch(id)
	if p == nil {
		return nil, ""
	}
	for _, master := range []string{p[1] + idTail, p[1]} {
		if it = m.items[master]; it != nil && it.Recurrence != nil {
			return it, p[2] + "-" + p[3] + "-" + p[4]
		}
	}
	return nil, ""
}

// event returns the event or occurrence with an id, nil if there is none.
func (m *mailbox) event(id string) *Event {
	it, day := m.find(id)
	switch {
	case it == nil:
		return nil
	case day == "":
		return it.eventCopy()
	}
	return it.occurrence(day)
}

// eventCopy returns a copy of the single event or series master.
func (it *item) eventCopy() *Event {
	e := it.Event
	return &e
}
