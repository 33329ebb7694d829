package graph

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// viewOn is a Calendar that reads by view.
func viewOn(t *testing.T, s http.RoundTripper) *Calendar {
	t.Helper()
	return NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{Read: ByView})
}

func manyRooms(n int) []driver.Room {
	rooms := make([]driver.Room, n)
	for i := range rooms {
		rooms[i] = mailboxRoom(fmt.Sprintf("room-%03d", i))
	}
	return rooms
}

// failures are the rooms that were not read.
func failures(got map[string]reading) []string {
	var ids []string
	for id, rd := range got {
		if rd.Err != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestTwentyAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{service: service{answer: func(int, *http.Request) (*http.Response, error) { return reply(200, noEvents) }}}
		got, tally := fetchWindow(t, viewOn(t, s), winFrom, winTo, manyRooms(41)...)
		if len(failures(got)) > 0 || s.requests.Load() != 3 || tally.Requests != 3 {
			t.Errorf("%d requests, tally %+v, failures %v; want two batches of twenty and one question alone", s.requests.Load(), tally, failures(got))
		}
		for _, r := range s.got {
			if r.Header.Get("Prefer") != `outlook.timezone="UTC", IdType="ImmutableId"` {
				t.Errorf("%s prefers %q", r.URL.Path, r.Header.Get("Prefer"))
			}
		}
	})
}

// TestThrottledPart: the part that is throttled is asked again after its own
// Retry-After, and nothing else is.
func TestThrottledPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := 0
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "room-007@") {
				if busy++; busy == 1 {
					return reply(429, `{"error":{"code":"ApplicationThrottled"}}`, "Retry-After", "7")
				}
			}
			return reply(200, noEvents)
		}}
		start := time.Now()
		var order []string
		tally := viewOn(t, s).Fetch(t.Context(), manyRooms(20), winFrom, winTo, deliver(func(r driver.Reading) {
			if r.Err != nil {
				t.Errorf("%s: %v", r.Room, r.Err)
			}
			order = append(order, fmt.Sprint(r.Room, " ", time.Since(start)))
		}))
		if len(s.got) != 21 || tally.Throttled != 1 || len(order) != 20 || order[19] != "room-007 7s" || !strings.HasSuffix(order[18], " 0s") {
			t.Errorf("%d questions, %d throttled, delivered %v; want 19 at once and room-007 after seven seconds", len(s.got), tally.Throttled, order)
		}
	})
}

// TestMissingPart: a batch that comes back with a part missing, and with parts
// in another order.
func TestMissingPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := roundTrip(func(r *http.Request) (*http.Response, error) {
			if asked++; asked > 1 {
				return reply(200, noEvents)
			}
			return reply(200, `{"responses":[{"id":"2","status":200,"body":{"value":[]}},{"id":"0","status":200,"body":{"value":[]}}]}`)
		})
		if got := fetch(t, viewOn(t, s), manyRooms(3)...); len(failures(got)) > 0 || asked != 2 {
			t.Errorf("%d requests, failures %v; want the missing part asked for once more", asked, failures(got))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRefusedBatch: where batches do not get through, each question is asked
// alone, and no batch is tried for an hour.
func TestRefusedBatch(t *testing.T) {
	for name, refusal := range map[string]struct {
		status int
		later  int32
		body   string
	}{
		"a network that knows no batches": {404, 3, "<html>not here</html>"},
		"a part that spoils the batch":    {400, 4, `{"error":{"code":"BadRequest","message":"Invalid batch payload format."}}`},
		"a page in between":               {200, 4, "<html>sign in</html>"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				s := roundTrip(func(r *http.Request) (*http.Response, error) {
					asked.Add(1)
					if strings.HasSuffix(r.URL.Path, "/$batch") {
						return reply(refusal.status, refusal.body, "Content-Type", "text/html")
					}
					return reply(200, noEvents)
				})
				c := viewOn(t, s)
				for n, want := range []int32{4, refusal.later} {
					asked.Store(0)
					if got := fetch(t, c, manyRooms(3)...); len(failures(got)) > 0 || asked.Load() != want {
						t.Errorf("reading %d: %d requests, failures %v; want %d and none", n, asked.Load(), failures(got), want)
					}
				}
				time.Sleep(withoutBatches)
				asked.Store(0)
				if fetch(t, c, manyRooms(3)...) != nil && asked.Load() != 4 {
					t.Errorf("an hour later %d requests, want the batch tried again", asked.Load())
				}
			})
		})
	}
}

// TestBrokenBatch: a batch that fails as a whole is asked again as a whole.
func TestBrokenBatch(t *testing.T) {
	for name, failure := range map[string]func() (*http.Response, error){
		"503":       answering(503, "", "Retry-After", "2"),
		"429":       answering(429, `{"error":{"code":"TooManyRequests"}}`, "Retry-After", "2"),
		"cut short": answering(200, `{"responses":[{"id":"0","status":200,"body":{"value":[`, "Content-Length", "1"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(int, *http.Request) (*http.Response, error) { return reply(200, noEvents) }}
				first := true
				c := viewOn(t, roundTrip(func(r *http.Request) (*http.Response, error) {
					if first {
						first = false
						return failure()
					}
					return s.RoundTrip(r)
				}))
				if got := fetch(t, c, manyRooms(5)...); len(failures(got)) > 0 || len(s.got) != 5 {
					t.Errorf("%d questions after the first request, failures %v; want each asked once more", len(s.got), failures(got))
				}
			})
		})
	}
}

// TestFailedPartsAreIndependent: refused, broken and damaged parts affect no other.
func TestFailedPartsAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			switch {
			case strings.Contains(r.URL.Path, "room-000@"):
				return reply(403, `{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}`)
			case strings.Contains(r.URL.Path, "room-001@"):
				return reply(500, `{"error":{"code":"ErrorInternalServerError"}}`)
			case strings.Contains(r.URL.Path, "room-002@"):
				return reply(200, `"<html>"`)
			case strings.Contains(r.URL.Path, "room-003@"):
				return reply(200, `{"value":[],"@odata.nextLink":"https://evil.test/v1.0/x"}`)
			}
			return reply(200, noEvents)
		}}
		got := fetch(t, viewOn(t, s), manyRooms(20)...)
		if want := []string{"room-000", "room-001", "room-002", "room-003"}; !slices.Equal(failures(got), want) {
			t.Errorf("failures %v, want %v", failures(got), want)
		}
		wantWords(t, got["room-003"].Err.Error(), "is not on graph.test")
	})
}

// TestSmallBatches: a mailbox that answers four questions of a batch and refuses
// the others gets no more than four from then on.
func TestSmallBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		s := roundTrip(func(r *http.Request) (*http.Response, error) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			n := strings.Count(string(text), "getSchedule")
			sizes = append(sizes, n)
			var parts []string
			for i := range n {
				if i < concurrent {
					parts = append(parts, fmt.Sprintf(`{"id":"%d","status":200,"body":{"value":[]}}`, i))
				} else {
					parts = append(parts, fmt.Sprintf(`{"id":"%d","status":429,"headers":{"Retry-After":"7"},"body":{"error":{"code":"ApplicationThrottled"}}}`, i))
				}
			}
			return reply(200, `{"responses":[`+strings.Join(parts, ",")+`]}`)
		})
		c := NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{})
		rooms := manyRooms(240)
		for range 2 {
			if _, _, err := c.Sweep(t.Context(), rooms, winFrom, winTo); err != nil {
				t.Fatal(err)
			}
		}
		if want := []int{12, 4, 4, 4, 4, 4}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v questions to one mailbox, want %v", sizes, want)
		}
	})
}

// TestQuotaOfAMailbox: a mailbox is asked no more than 15 times a second once
// the first 500 questions are used up; the reading slows down and does not fail.
func TestQuotaOfAMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var masters []string
		for i := range 800 {
			masters = append(masters, fmt.Sprintf(`{"id":"m%d","type":"seriesMaster"}`, i))
		}
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.RawQuery, "seriesMaster") {
				return reply(200, `{"value":[`+strings.Join(masters, ",")+`]}`)
			}
			return reply(200, noEvents)
		}}
		start := time.Now()
		if err := fetch(t, calendarOn(t, s, oneToken(), io.Discard), mailboxRoom("a"))["a"].Err; err != nil {
			t.Fatal(err)
		}
		// 802 questions, 500 of them at once.
		if took := time.Since(start); len(s.got) != 802 || took < 302*time.Second/15 || took > 25*time.Second {
			t.Errorf("%d questions in %v, want 802 in a little over 20s", len(s.got), took)
		}
	})
}

// TestEnvelope: forms of a batch answer.
func TestEnvelope(t *testing.T) {
	c := &Client{seed: maphash.MakeSeed()}
	unknown := func(string) driver.Digest { return driver.Digest{} }
	parts, err := c.openEnvelope([]byte(` {"@odata.context":"x","responses": [
		{"id":"1","status":200,"headers":{"Retry-After":"3"},"body":{"a":"}]\\\"","b":[1,{"c":null}]}},
		{ "status" : 404 , "id" : "\u0032" }, {"body":"PGh0bWw+","id":"3","status":502,"more":[[]]} ] } `), unknown)
	if err != nil || len(parts) != 3 {
		t.Fatalf("%d parts, error %v", len(parts), err)
	}
	for i, want := range []string{`1 200 3 {"a":"}]\\\"","b":[1,{"c":null}]}`, "2 404  ", `3 502  "PGh0bWw+"`} {
		p := parts[i]
		if got := fmt.Sprint(p.id, " ", p.status, " ", p.headers["Retry-After"], " ", string(p.body)); got != want {
			t.Errorf("part %d is %q, want %q", i, got, want)
		}
	}
	marked := byteOrderMark + `{"responses":[{"id":"1","status":200,"body":` + byteOrderMark + `{"value":[]}}]}` + byteOrderMark
	if parts, err := c.openEnvelope([]byte(marked), unknown); err != nil || len(parts) != 1 || string(parts[0].body) != noEvents {
		t.Errorf("with byte-order marks: parts %+v, error %v", parts, err)
	}
	for _, text := range []string{"\xef\xbb", "", "{}", "[]", "null", `{"responses":null}`, `{"responses":[]`, `{"responses":[{"id":1}]}`, `{"responses":[]} x`,
		`{"responses":[{"id":"1","body":"x]}`, `<html>`} {
		if parts, err := c.openEnvelope([]byte(text), unknown); err == nil {
			t.Errorf("%q: %d parts, want an error", text, len(parts))
		}
	}
}

// FuzzEnvelope: where an answer is JSON, it is cut the way encoding/json cuts
// it; where it is not, nothing panics.
func FuzzEnvelope(f *testing.F) {
	for _, text := range []string{`{"responses":[{"id":"1","status":200,"headers":{"a":"b"},"body":{"value":[]}}]}`,
		`{"responses":[{"id":"\"","status":429,"body":"\\"},{"id":"2"}],"x":[{}]}`, `{"responses":[]}`, `{"responses":[{"body":{"a":{"b":["]"]}}}`, `[`, `"`} {
		f.Add([]byte(text))
	}
	type part struct {
		ID      string
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
	c := &Client{seed: maphash.MakeSeed()}
	f.Fuzz(func(t *testing.T, text []byte) {
		parts, err := c.openEnvelope(text, func(string) driver.Digest { return driver.Digest{} })
		digests := map[string]driver.Digest{}
		for _, p := range parts {
			digests[p.id] = c.digest(p.body)
		}
		if again, e := c.openEnvelope(text, func(id string) driver.Digest { return digests[id] }); fmt.Sprint(again, e) != fmt.Sprint(parts, err) && len(digests) == len(parts) {
			t.Fatalf("with what was known %v, %v; without %v, %v", again, e, parts, err)
		}
		if !json.Valid(text) || err != nil {
			return
		}
		var want struct{ Responses []part }
		if e := json.Unmarshal(text, &want); e != nil || len(want.Responses) != len(parts) {
			if e == nil && !caseMatters(text) {
				t.Fatalf("%d parts, want %d", len(parts), len(want.Responses))
			}
			return
		}
		for i, p := range parts {
			w := want.Responses[i]
			if !caseMatters(text) && (p.id != w.ID || p.status != w.Status || string(p.body) != string(w.Body)) {
				t.Errorf("part %d is %q %d %q, want %q %d %q", i, p.id, p.status, p.body, w.ID, w.Status, w.Body)
			}
		}
	})
}

// caseMatters reports whether encoding/json, which accepts names in any case and
// with escapes, may match other names than the cutter does.
func caseMatters(text []byte) bool {
	return strings.Contains(string(text), `\u`) || strings.ToLower(string(text)) != string(text) ||
		strings.Count(string(text), `"responses"`) != 1
}
