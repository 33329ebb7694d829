package graph

import (
	"errors"
	"fmt"
	"net/http"

	"roomgate/driver"
)

// pageSize is what is asked for; the default of 10 makes many small requests.
// The server may send fewer.
const pageSize = 200

// maxPages bounds a list whose next links never end.
const maxPages = 500

// page is one page of a list of events.
type page struct {
	Value    []row
	NextLink string `json:"@odata.nextLink"`
}

// eventList is a list of events of a source, which is followed to its end. A
// page may be empty and still have a next one.
type eventList struct {
	r     *sourceRead
	path  string // of the page to ask for
	rows  []row
	pages int // that were read
}

// ask asks for the next page on behalf of a, whose question had an answer of
// the digest the last time.
func (l *eventList) ask(a asker, last driver.Digest) {
	l.r.queue.ask(&question{call: call{op: l.op(), mailbox: l.r.mailbox, path: l.path}, asker: a, last: last})
}

// add appends a page to the list. If it has a next page, add asks for it
// on behalf of a; complete reports that it does not.
func (l *eventList) add(body []byte, a asker) (complete bool, err error) {
	var p page
	if err := decode(body, &p); err != nil {
		return false, err
	}
	if p.Value == nil {
		return false, l.unusable("the answer contains no list of events")
	}
	if p.NextLink != "" {
		if _, err := l.r.client.local(p.NextLink); err != nil {
			return false, l.unusable(err.Error())
		}
		if l.pages == maxPages || p.NextLink == l.path {
			return false, l.unusable(fmt.Sprintf("the list does not end (%d pages)", l.pages+1))
		}
	}
	if l.rows = append(l.rows, p.Value...); len(l.rows) > mostRows {
		return false, l.unusable(fmt.Sprintf("the list has more than %d events", mostRows))
	}
	l.pages++
	if p.NextLink == "" {
		return true, nil
	}
	l.path = p.NextLink
	l.ask(a, driver.Digest{})
	return false, nil
}

// unusable is the error for a well-formed answer that cannot be right.
func (l *eventList) unusable(reason string) *Error {
	return &Error{Op: l.op(), Status: http.StatusOK, Err: errors.New(reason)}
}

func (l *eventList) op() string { return "reading the events of " + l.r.mailbox }
