package graph

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// marked writes a byte-order mark before every answer of a service and, in a batch,
// before the answer to every part.
type marked struct {
	service
	requests int
}

func (m *marked) RoundTrip(r *http.Request) (*http.Response, error) {
	m.requests++
	a, err := m.service.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(a.Body)
	text := "\ufeff" + strings.ReplaceAll(string(body), `"body":`, "\"body\":\ufeff")
	a.Body = io.NopCloser(strings.NewReader(text))
	return a, err
}

// A byte-order mark before JSON does not change what it says.
func TestByteOrderMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &marked{service: service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/denied@") {
				return reply(403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}`)
			}
			return reply(200, `{"value":[{"id":"1","type":"singleInstance","showAs":"busy",
				"start":{"dateTime":"2026-11-03T09:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-11-03T10:00:00.0000000","timeZone":"UTC"}}]}`)
		}}}
		c := NewCalendar(clientOn(t, m, oneToken(), io.Discard), CalendarOptions{Read: ByView})
		for range 2 { // the second time the answers are recognised as those of the first
			for name, got := range map[string]map[string]reading{
				"alone":   {"a": fetch(t, c, mailboxRoom("a"))["a"], "denied": fetch(t, c, mailboxRoom("denied"))["denied"]},
				"batched": fetch(t, c, mailboxRoom("a"), mailboxRoom("denied"), mailboxRoom("b")),
			} {
				if rd := got["a"]; rd.Err != nil || len(rd.Bookings) != 1 {
					t.Errorf("%s: %+v, want the booking", name, rd)
				}
				var e *Error
				if !errors.As(got["denied"].Err, &e) || e.Code != "ErrorAccessDenied" || !e.NeedsPerson() {
					t.Errorf("%s: %v, want the code of Graph, for a person", name, got["denied"].Err)
				}
			}
		}
		if m.requests != 6 {
			t.Errorf("%d requests, want a batch to be one", m.requests)
		}
	})
}
