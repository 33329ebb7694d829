package graph

import (
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"roomgate/driver"
)

// filled is an answer of the largest size: begin, as many elements as fit, and end.
func filled(begin, element, end string) []byte {
	n := (maxAnswer - len(begin) - len(end)) / (len(element) + 1)
	return []byte(begin + strings.Repeat(element+",", n-1) + element + end)
}

// allocated is how many bytes a function allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLargestAnswers: an answer of the largest size that is all elements is refused, and
// decoding it allocates no more than four of its size. The text of one element is far smaller
// than what it is decoded into.
func TestLargestAnswers(t *testing.T) {
	const most = 4 * maxAnswer
	read := map[string]func([]byte) error{
		"events": func(b []byte) error {
			l := eventList{r: &sourceRead{fetching: &fetching{Calendar: &Calendar{}}}}
			_, err := l.add(b, nil)
			return err
		},
		"schedules": func(b []byte) error { _, err := schedules(b); return err },
	}
	for _, tt := range []struct{ name, kind, begin, element, end string }{
		{"empty events", "events", `{"value":[`, `{}`, `]}`},
		{"nulls", "events", `{"value":[`, `null`, `]}`},
		{"attendees of one event", "events", `{"value":[{"attendees":[`, `{}`, `]}]}`},
		{"locations of one event", "events", `{"value":[{"locations":[`, `{}`, `]}]}`},
		{"attendees of many events", "events", `{"value":[`, `{"attendees":[` + strings.Repeat("{},", 5000) + `{}]}`, `]}`},
		{"lists of lists", "events", `{"value":[`, `[[[]]]`, `]}`},
		{"members that nobody asked for", "events", `{"more":[`, `{}`, `],"value":[]}`},
		{"empty schedules", "schedules", `{"value":[`, `{}`, `]}`},
		{"times of one schedule", "schedules", `{"value":[{"scheduleItems":[`, `{}`, `]}]}`},
		{"times of many schedules", "schedules", `{"value":[`, `{"scheduleItems":[` + strings.Repeat("{},", 5000) + `{}]}`, `]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := filled(tt.begin, tt.element, tt.end)
			var err error
			bytes := allocated(func() { err = read[tt.kind](body) })
			if !errors.Is(err, errTooMany) || bytes > most {
				t.Errorf("%d bytes allocated, error %v; want at most %d, and that it is too many", bytes, err, most)
			}
		})
	}
}

// TestLargestBatches: a batch has no more parts than there were questions, and no more
// headers than a server sends.
func TestLargestBatches(t *testing.T) {
	c := &Client{seed: maphash.MakeSeed()}
	for name, body := range map[string][]byte{
		"parts":   filled(`{"responses":[`, `{}`, `]}`),
		"headers": filled(`{"responses":[{"id":"1","headers":{`, `"":""`, `}}]}`),
	} {
		var err error
		bytes := allocated(func() { _, err = c.openEnvelope(body, func(string) driver.Digest { return driver.Digest{} }) })
		if err == nil || bytes > 1<<20 {
			t.Errorf("%s: %d bytes allocated, error %v; want less than a megabyte, and an error", name, bytes, err)
		}
	}
}

// TestBounds: what is counted as an element of a list.
func TestBounds(t *testing.T) {
	list := func(n int) string { return "[" + strings.Repeat(`"a, [b",`, n-1) + "{}]" }
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"the longest list":           {`{"value":` + list(mostElements) + `}`, true},
		"one element more":           {`{"value":` + list(mostElements+1) + `}`, false},
		"two lists one after other":  {`{"a":` + list(mostElements/2) + `,"b":` + list(mostElements/2) + `}`, true},
		"more of them":               {`{"a":` + list(mostElements/2) + `,"b":` + list(mostElements/2+1) + `}`, false},
		"inside another":             {`{"value":[{"a":` + list(mostParts-1) + `}]}`, true},
		"one more inside another":    {`{"value":[{"a":` + list(mostParts) + `}]}`, false},
		"members are no elements":    {`{"value":{` + strings.Repeat(`"a":1,`, mostParts) + `"b":2}}`, true},
		"the deepest":                {strings.Repeat("[", mostDepth) + strings.Repeat("]", mostDepth), true},
		"deeper":                     {strings.Repeat("[", mostDepth+1), false},
		"not JSON, which others say": {`]]},,"`, true},
	} {
		if got := withinBounds([]byte(tt.text)); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestTooManyEvents: the room is not read, the reason is told, and the answer is not asked
// for again at once.
func TestTooManyEvents(t *testing.T) {
	s := &service{answer: func(int, *http.Request) (*http.Response, error) {
		return reply(200, `{"value":[`+strings.Repeat("{},", mostElements)+`{}]}`)
	}}
	e := fetchErr(t, s)
	wantWords(t, e.Error(), "reading the events of a@contoso.example: HTTP 200: the answer is larger than any calendar")
	if len(s.got) != 1 || e.NeedsPerson() {
		t.Errorf("%d requests, needs a person: %v; want one, and false", len(s.got), e.NeedsPerson())
	}
	s = &service{answer: func(int, *http.Request) (*http.Response, error) {
		return reply(200, `{"value":[`+strings.Repeat(`{"id":"x"},`, mostElements/10)+`{}],"@odata.nextLink":"https://graph.test/v1.0/next`+newID()+`"}`)
	}}
	got := fetch(t, NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{Read: ByView}), mailboxRoom("a"))["a"]
	if got.Err == nil || !strings.Contains(got.Err.Error(), "more than 100000 events") || len(s.got) != 100 {
		t.Errorf("%d requests, error %v; want to stop at 100000 events", len(s.got), got.Err)
	}
}
