package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"roomgate/driver"
)

// service stands for Graph: it keeps the requests and answers with a function.
type service struct {
	answer func(n int, r *http.Request) (*http.Response, error) // n counts from 1

	mu  sync.Mutex
	got []*http.Request
}

// RoundTrip splits a batch: each part is a request with the path and headers that
// it would have alone.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1.0/$batch" {
		return s.one(r)
	}
	var in struct {
		Requests []struct {
			ID, Method, URL string
			Headers         map[string]string
			Body            json.RawMessage
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	var parts []string
	for _, p := range in.Requests {
		part, err := http.NewRequestWithContext(r.Context(), p.Method, "https://graph.test/v1.0"+p.URL, bytes.NewReader(p.Body))
		if err != nil {
			return nil, err
		}
		part.Header.Set("Authorization", r.Header.Get("Authorization"))
		for k, v := range p.Headers {
			part.Header.Set(k, v)
		}
		a, err := s.one(part)
		if err != nil {
			return nil, err
		}
		headers, body := map[string]string{}, new(bytes.Buffer)
		for k := range a.Header {
			headers[k] = a.Header.Get(k)
		}
		if _, err := body.ReadFrom(a.Body); err != nil {
			return nil, err
		}
		text, err := json.Marshal(map[string]any{"id": p.ID, "status": a.StatusCode, "headers": headers, "body": json.RawMessage(cmp.Or(body.String(), "null"))})
		if err != nil {
			return nil, err
		}
		parts = append(parts, string(text))
	}
	return reply(200, `{"responses":[`+strings.Join(parts, ",")+`]}`)
}

// one answers a single request, or a part of a batch.
func (s *service) one(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.got = append(s.got, r)
	n := len(s.got)
	s.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return s.answer(n, r)
}

// reply is an answer with a literal body; headers come in pairs.
func reply(status int, body string, header ...string) (*http.Response, error) {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
}

const noEvents = `{"value":[]}`

// replies answers with the functions in turn, and with an empty list after them.
func replies(list ...func() (*http.Response, error)) func(int, *http.Request) (*http.Response, error) {
	return func(n int, _ *http.Request) (*http.Response, error) {
		if n <= len(list) {
			return list[n-1]()
		}
		return reply(200, noEvents)
	}
}

func answering(status int, body string, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return reply(status, body, header...) }
}

// fakeTokens returns its tokens in order, the next one after each rejection.
type fakeTokens struct {
	mu       sync.Mutex
	list     []string
	rejected []string
	err      error
}

func (f *fakeTokens) Token(context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list[min(len(f.rejected), len(f.list)-1)], f.err
}

func (f *fakeTokens) Rejected(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rejected = append(f.rejected, token)
}

// wall is the wall clock, which is virtual in a synctest bubble.
type wall struct{}

func (wall) Now() time.Time                         { return time.Now() }
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

const secretToken = "eyJ0eXAi.secret-token"

// calendarOn is a Calendar on a service, with logging to out.
func calendarOn(t *testing.T, s http.RoundTripper, tokens Tokens, out io.Writer) *Calendar {
	t.Helper()
	return NewCalendar(clientOn(t, s, tokens, out), CalendarOptions{Read: ByEvents})
}

func clientOn(t *testing.T, s http.RoundTripper, tokens Tokens, out io.Writer) *Client {
	t.Helper()
	c, err := NewClient(ClientOptions{
		BaseURL: "https://graph.test", Login: "roomgate --config /srv/hq.toml login rooms", Discover: "roomgate --config /srv/hq.toml rooms discover", Tokens: tokens, HTTP: &http.Client{Transport: s}, UserAgent: "roomgate/1.2.3", Clock: wall{},
		Jitter: func(time.Duration) time.Duration { return 0 },
		Log:    slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func oneToken() *fakeTokens { return &fakeTokens{list: []string{secretToken}} }

var (
	winFrom = time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	winTo   = time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC)
)

func mailboxRoom(id string) driver.Room {
	return driver.Room{ID: id, Mailbox: id + "@contoso.example", Zone: time.UTC, Privacy: driver.PrivacyFull}
}

// reading is what admission makes of a room's Reading.
type reading struct {
	Room     string
	Bookings []driver.Booking
	Refused  []string
	Err      error
}

// admitted is a room's Reading after admission; rooms are those that were read.
func admitted(rd driver.Reading, rooms []driver.Room, from, to time.Time) reading {
	out := reading{Room: rd.Room, Err: rd.Err}
	for _, room := range rooms {
		if room.ID == rd.Room && rd.Err == nil {
			var refused []driver.Refusal
			out.Bookings, refused = room.Admit(rd.Events, rooms, from, to)
			for _, f := range refused {
				out.Refused = append(out.Refused, f.Reason)
			}
		}
	}
	return out
}

// fetch reads rooms and returns the readings by room.
func fetch(t *testing.T, c *Calendar, rooms ...driver.Room) map[string]reading {
	t.Helper()
	got, _ := fetchWindow(t, c, winFrom, winTo, rooms...)
	return got
}

func fetchWindow(t *testing.T, c *Calendar, from, to time.Time, rooms ...driver.Room) (map[string]reading, driver.Tally) {
	t.Helper()
	got := map[string]reading{}
	tally := c.Fetch(t.Context(), rooms, from, to, deliver(func(r driver.Reading) { got[r.Room] = admitted(r, rooms, from, to) }))
	if len(got) != len(rooms) {
		t.Fatalf("%d rooms were delivered, want %d", len(got), len(rooms))
	}
	return got, tally
}

// deliver is a driver.Receiver that remembers no reading.
type deliver func(driver.Reading)

func (deliver) Last(string) driver.Digest  { return driver.Digest{} }
func (d deliver) Deliver(r driver.Reading) { d(r) }

// lastReadings is a driver.Receiver that remembers the digest of each room's last
// good reading, as the driver does.
type lastReadings map[string]driver.Digest

func (l lastReadings) Last(room string) driver.Digest { return l[room] }

func (l lastReadings) Deliver(r driver.Reading) {
	if delete(l, r.Room); r.Err == nil && r.Digest != (driver.Digest{}) {
		l[r.Room] = r.Digest
	}
}

// fetchErr reads one room, which must fail with an *Error.
func fetchErr(t *testing.T, s *service) *Error {
	t.Helper()
	err := fetch(t, calendarOn(t, s, oneToken(), io.Discard), mailboxRoom("a"))["a"].Err
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *Error", err, err)
	}
	return e
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}

func TestRequests(t *testing.T) {
	const base = "https://graph.test/v1.0"
	const fields = "id,type,start,end,isAllDay,isCancelled,showAs,sensitivity,attendees,responseStatus"
	singles := func(fields string) url.Values {
		return url.Values{
			"$filter":  {"start/dateTime lt '2026-11-05T00:00:00' and end/dateTime gt '2026-11-02T00:00:00'"},
			"$orderby": {"start/dateTime"}, "$top": {"200"}, "$select": {fields},
		}
	}
	masters := url.Values{"$filter": {"type eq 'seriesMaster'"}, "$top": {"200"}, "$select": {"id,changeKey,type,recurrence"}}
	instances := func(fields string) url.Values {
		return url.Values{"startDateTime": {"2026-11-02T00:00:00Z"}, "endDateTime": {"2026-11-05T00:00:00Z"}, "$top": {"200"}, "$select": {fields}}
	}
	for _, tt := range []struct {
		name, path, fields string
		room               driver.Room
	}{
		{"a mailbox of which nothing may be known", base + "/users/boardroom@contoso.example", fields,
			driver.Room{ID: "b", Mailbox: "boardroom@contoso.example", Zone: time.UTC}},
		{"subject", base + "/users/boardroom@contoso.example", fields + ",subject",
			driver.Room{ID: "b", Mailbox: "boardroom@contoso.example", Zone: time.UTC, Privacy: driver.PrivacySubject}},
		{"organizer", base + "/users/boardroom@contoso.example", fields + ",organizer",
			driver.Room{ID: "b", Mailbox: "boardroom@contoso.example", Zone: time.UTC, Privacy: driver.PrivacyOrganizer}},
		{"own calendar, everything", base + "/me", fields + ",subject,organizer",
			driver.Room{ID: "b", Zone: time.UTC, Privacy: driver.PrivacyFull}},
		{"own calendar of several", base + "/me", fields + ",location,locations",
			driver.Room{ID: "b", Zone: time.UTC, Match: []string{"Boardroom"}}},
		{"an address with marks", base + "/users/o%27hara%2Fa%3Fb@contoso.example", fields,
			driver.Room{ID: "b", Mailbox: "o'hara/a?b@contoso.example", Zone: time.UTC}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &service{answer: replies(answering(200, noEvents),
				answering(200, `{"value":[{"id":"AAMk/+=1","type":"seriesMaster","changeKey":"k1"}]}`))}
			if err := fetch(t, calendarOn(t, s, oneToken(), io.Discard), tt.room)["b"].Err; err != nil {
				t.Fatal(err)
			}
			want := []struct {
				path  string
				query url.Values
			}{
				{tt.path + "/events", singles(tt.fields)}, {tt.path + "/events", masters},
				{tt.path + "/events/AAMk%2F+=1/instances", instances(tt.fields)},
			}
			if len(s.got) != len(want) {
				t.Fatalf("%d requests, want %d", len(s.got), len(want))
			}
			for i, w := range want {
				r := s.got[i]
				if got := "https://" + r.URL.Host + r.URL.EscapedPath(); r.Method != "GET" || got != w.path {
					t.Errorf("request %d is %s %s, want GET %s", i, r.Method, got, w.path)
				}
				if got := r.URL.Query(); !reflect.DeepEqual(got, w.query) {
					t.Errorf("request %d asks %v, want %v", i, got, w.query)
				}
				if strings.Contains(r.URL.RawQuery, "+") {
					t.Errorf("request %d has a bare plus in its query: %s", i, r.URL.RawQuery)
				}
			}
			checkHeaders(t, s.got)
		})
	}
}

func checkHeaders(t *testing.T, requests []*http.Request) {
	t.Helper()
	guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	ids := map[string]bool{}
	for i, r := range requests {
		for name, want := range map[string]string{
			"Authorization": "Bearer " + secretToken, "User-Agent": "roomgate/1.2.3", "Accept": "application/json",
			"Return-Client-Request-Id": "true", "Prefer": `outlook.timezone="UTC", IdType="ImmutableId"`,
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("request %d: %s is %q, want %q", i, name, got, want)
			}
		}
		id := r.Header.Get("client-request-id")
		if !guid.MatchString(id) || ids[id] {
			t.Errorf("request %d: client-request-id %q is not a new GUID", i, id)
		}
		ids[id] = true
	}
}

func TestNextLink(t *testing.T) {
	const link = `https://graph.test/v1.0/users/a@contoso.example/events?%24skiptoken=a%2Bb&x=1`
	s := &service{answer: replies(answering(200, `{"value":[],"@odata.nextLink":"`+link+`"}`),
		answering(200, `{"value":[{"id":"1","type":"singleInstance","showAs":"busy",
			"start":{"dateTime":"2026-11-03T09:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-11-03T10:00:00.0000000","timeZone":"UTC"}}]}`))}
	rd := fetch(t, calendarOn(t, s, oneToken(), io.Discard), mailboxRoom("a"))["a"]
	if rd.Err != nil || len(rd.Bookings) != 1 {
		t.Fatalf("reading %+v, want the booking behind the empty page", rd)
	}
	if got := s.got[1].URL.String(); got != link {
		t.Errorf("followed %s, want it as it was sent: %s", got, link)
	}
	checkHeaders(t, s.got)
}

func TestNextLinkElsewhere(t *testing.T) {
	for _, link := range []string{
		"https://evil.test/v1.0/me/events?$skip=10", "http://graph.test/v1.0/me/events?$skip=10", "https://graph.test.evil.test/v1.0",
		"https://graph.test@evil.test/v1.0/me/events", "https://graph.test:8443/v1.0/me/events", "https://%zz/",
	} {
		s := &service{answer: replies(answering(200, `{"value":[],"@odata.nextLink":"`+link+`"}`))}
		e := fetchErr(t, s)
		wantWords(t, e.Error(), "reading the events of a@contoso.example", "next link is not on graph.test")
		if len(s.got) != 1 {
			t.Errorf("%s: %d requests were sent, want only the first", link, len(s.got))
		}
	}
}

func TestEndlessList(t *testing.T) {
	for name, next := range map[string]func(n int) string{
		"the same link": func(int) string { return "https://graph.test/v1.0/me/events?$skip=10" },
		"new links":     func(n int) string { return fmt.Sprintf("https://graph.test/v1.0/me/events?$skip=%d", n) },
	} {
		s := &service{answer: func(n int, _ *http.Request) (*http.Response, error) {
			return reply(200, `{"value":[],"@odata.nextLink":"`+next(n)+`"}`)
		}}
		e := fetchErr(t, s)
		wantWords(t, e.Error(), "the list does not end")
		if len(s.got) > maxPages+1 {
			t.Errorf("%s: %d requests", name, len(s.got))
		}
	}
}

// pauses returns the times between the requests of one reading in virtual time.
func pauses(t *testing.T, list ...func() (*http.Response, error)) (gaps []time.Duration, rd reading, tally driver.Tally) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		next := replies(list...)
		s := &service{answer: func(n int, r *http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return next(n, r)
		}}
		got, n := fetchWindow(t, calendarOn(t, s, oneToken(), io.Discard), winFrom, winTo, mailboxRoom("a"))
		rd, tally = got["a"], n
		for i := 1; i < len(at); i++ {
			gaps = append(gaps, at[i].Sub(at[i-1]))
		}
	})
	return gaps, rd, tally
}

func TestPauses(t *testing.T) {
	const busy = `{"error":{"code":"ApplicationThrottled","message":"Application is over its MailboxConcurrency limit."}}`
	inBubble := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a bubble's clock starts
	for _, tt := range []struct {
		name  string
		first []func() (*http.Response, error)
		want  []time.Duration // the last pause is before the masters are asked for
	}{
		{"seconds", []func() (*http.Response, error){answering(429, busy, "Retry-After", "7")}, []time.Duration{7 * time.Second, 0}},
		{"a fraction", []func() (*http.Response, error){answering(429, busy, "Retry-After", "12.8")}, []time.Duration{12800 * time.Millisecond, 0}},
		{"a date", []func() (*http.Response, error){answering(503, busy, "Retry-After", inBubble.Add(12*time.Second).Format(http.TimeFormat))},
			[]time.Duration{12 * time.Second, 0}},
		{"the longest within a call", []func() (*http.Response, error){answering(429, busy, "Retry-After", "30")}, []time.Duration{30 * time.Second, 0}},
		{"a fraction of a second", []func() (*http.Response, error){answering(429, busy, "Retry-After", "12.8")}, []time.Duration{12800 * time.Millisecond, 0}},
		{"not a number", []func() (*http.Response, error){answering(429, busy, "Retry-After", "NaN")}, []time.Duration{time.Second, 0}},
		{"not said: growing", []func() (*http.Response, error){answering(429, busy), answering(503, ""), answering(504, "")},
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 0}},
		{"nonsense", []func() (*http.Response, error){answering(429, busy, "Retry-After", "soon")}, []time.Duration{time.Second, 0}},
		{"a date gone by", []func() (*http.Response, error){answering(429, busy, "Retry-After", "Fri, 31 Dec 1999 23:00:00 GMT")}, []time.Duration{time.Second, 0}},
		{"negative", []func() (*http.Response, error){answering(429, busy, "Retry-After", "-5")}, []time.Duration{time.Second, 0}},
		{"a reset connection", []func() (*http.Response, error){func() (*http.Response, error) { return nil, syscall.ECONNRESET }}, []time.Duration{time.Second, 0}},
		{"a page of a proxy", []func() (*http.Response, error){answering(200, "<html>", "Content-Type", "text/html")}, []time.Duration{time.Second, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gaps, rd, tally := pauses(t, tt.first...)
			if rd.Err != nil || !slices.Equal(gaps, tt.want) {
				t.Errorf("pauses %v, error %v; want %v", gaps, rd.Err, tt.want)
			}
			if tally.Requests != len(tt.want)+1 {
				t.Errorf("%d requests counted, want %d", tally.Requests, len(tt.want)+1)
			}
		})
	}
}

func TestTally(t *testing.T) {
	const throttled = `{"error":{"code":"TooManyRequests"}}`
	_, _, tally := pauses(t, answering(429, throttled), answering(500, `{"error":{}}`), answering(429, "<html>"))
	want := driver.Tally{Requests: 5, Throttled: 1, Bytes: int64(len(throttled+`{"error":{}}<html>`) + 2*len(noEvents))}
	if tally != want {
		t.Errorf("tally %+v, want %+v", tally, want)
	}
}

func TestGivesUpAfterFour(t *testing.T) {
	gaps, rd, _ := pauses(t, answering(500, ""), answering(500, ""), answering(500, ""), answering(500, ""))
	if rd.Err == nil || !slices.Equal(gaps, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}) {
		t.Errorf("pauses %v, error %v; want three and an error", gaps, rd.Err)
	}
}

// TestJitter: jitter only lengthens a Retry-After or a pause.
func TestJitter(t *testing.T) {
	c := &Client{o: ClientOptions{Jitter: func(m time.Duration) time.Duration { return m - 1 }}}
	if got, want := c.retryDelay(&Error{RetryAfter: 20 * time.Second}, 1), 22*time.Second-1; got != want {
		t.Errorf("pause %v, want %v", got, want)
	}
	if got, want := c.retryDelay(&Error{}, 3), 8*time.Second-1; got != want {
		t.Errorf("pause %v, want %v", got, want)
	}
}

func TestLongWaitHoldsOneMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "busy@") && time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) < 90*time.Second {
				return reply(429, `{"error":{"code":"TooManyRequests","message":"Please retry again later."}}`, "Retry-After", "90")
			}
			return reply(200, noEvents)
		}}
		c := calendarOn(t, s, oneToken(), io.Discard)
		start := time.Now()
		asked := func(mailbox string) (n int) {
			for _, r := range s.got {
				if strings.Contains(r.URL.Path, mailbox) {
					n++
				}
			}
			return n
		}
		got := fetch(t, c, mailboxRoom("busy"), mailboxRoom("idle"))
		if got["busy"].Err == nil || got["idle"].Err != nil || time.Since(start) != 0 || asked("busy@") != 1 {
			t.Fatalf("after %v and %d requests: busy %v, idle %v; want an error at once for busy alone", time.Since(start), asked("busy@"), got["busy"].Err, got["idle"].Err)
		}
		time.Sleep(59 * time.Second)
		got = fetch(t, c, mailboxRoom("busy"), mailboxRoom("idle"))
		if asked("busy@") != 1 || got["busy"].Err == nil || got["idle"].Err != nil {
			t.Errorf("within the wait: %d requests, busy %v, idle %v; want busy not asked", asked("busy@"), got["busy"].Err, got["idle"].Err)
		}
		wantWords(t, got["busy"].Err.Error(), "429", "wait until 2000-01-01T00:01:30Z")
		time.Sleep(2 * time.Second)
		if got = fetch(t, c, mailboxRoom("busy")); got["busy"].Err != nil || time.Since(start) != 90*time.Second {
			t.Errorf("close to the wait's end: %v after %v, want it waited for", got["busy"].Err, time.Since(start))
		}
	})
}

// TestLongestHold: a clock that is set back does not hold a mailbox for longer than
// the longest Retry-After.
func TestLongestHold(t *testing.T) {
	now := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	l := limits{mailboxes: map[string]*mailboxLimit{}}
	l.hold("a", now, &Error{RetryAfter: 5 * time.Minute})
	if l.held("a", now.Add(-5*time.Minute)) == 0 {
		t.Error("the hold is gone with a clock set back five minutes")
	}
	if left := l.held("a", now.AddDate(-1, 0, 0)); left != 0 {
		t.Errorf("held for %v", left)
	}
}

// TestPauseOfAProxy: what an answer that is not Graph's own says about pauses is
// ignored, the error is the one that was seen, and the next poll asks again.
func TestPauseOfAProxy(t *testing.T) {
	for name, answer := range map[string]func() (*http.Response, error){
		"a page":            answering(503, "<h1>Maintenance</h1>", "Content-Type", "text/html", "Retry-After", "86400"),
		"nothing":           answering(503, "", "Content-Type", "text/plain", "Retry-After", "86400"),
		"a word in JSON":    answering(503, `{"error":"unavailable"}`, "Retry-After", "86400"),
		"an error's number": answering(503, `{"error":{"status":503}}`, "Retry-After", "86400"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answer: func(n int, _ *http.Request) (*http.Response, error) {
					if n <= attempts {
						return answer()
					}
					return reply(200, noEvents)
				}}
				c := calendarOn(t, s, oneToken(), io.Discard)
				err := fetch(t, c, mailboxRoom("a"))["a"].Err
				if waited := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil || waited != 7*time.Second {
					t.Fatalf("%v after %v, want an error after the four attempts", err, waited)
				}
				wantWords(t, err.Error(), "HTTP 503")
				if strings.Contains(err.Error(), "429") || strings.Contains(err.Error(), "TooMany") || strings.Contains(err.Error(), "wait") {
					t.Errorf("error %q", err)
				}
				if err := fetch(t, c, mailboxRoom("a"))["a"].Err; err != nil {
					t.Errorf("the next poll: %v", err)
				}
			})
		})
	}
}

// TestPauseIsCalledWhatItWas: a mailbox that waits after a 503 of Graph's own does
// not turn into one that was throttled, and waits for ten minutes at most.
func TestPauseIsCalledWhatItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := &service{answer: func(int, *http.Request) (*http.Response, error) {
			if down {
				return reply(503, `{"error":{"code":"ServiceUnavailable","message":"Service unavailable."}}`, "Retry-After", "86400")
			}
			return reply(200, noEvents)
		}}
		c := calendarOn(t, s, oneToken(), io.Discard)
		fetch(t, c, mailboxRoom("a"))
		got, tally := fetchWindow(t, c, winFrom, winTo, mailboxRoom("a"))
		if got["a"].Err == nil || tally != (driver.Tally{}) {
			t.Fatalf("%v, cost %+v; want an error without a request", got["a"].Err, tally)
		}
		wantWords(t, got["a"].Err.Error(), "HTTP 503 ServiceUnavailable", "Microsoft asked for a pause", "wait until 2000-01-01T00:10:00Z")
		down = false
		time.Sleep(10 * time.Minute)
		if err := fetch(t, c, mailboxRoom("a"))["a"].Err; err != nil {
			t.Errorf("after ten minutes: %v", err)
		}
	})
}

// TestAtOnce: what a person asks for is asked once although the mailbox should wait,
// and a good answer ends the wait.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := true
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if busy {
				return reply(429, `{"error":{"code":"TooManyRequests","message":""}}`, "Retry-After", "600")
			}
			return reply(200, noEvents)
		}}
		c := calendarOn(t, s, oneToken(), io.Discard)
		read := func(ctx context.Context) (err error) {
			c.Fetch(ctx, []driver.Room{mailboxRoom("a")}, winFrom, winTo, deliver(func(r driver.Reading) { err = r.Err }))
			return err
		}
		for _, step := range []struct {
			name     string
			ctx      context.Context
			busy     bool
			requests int // in total
			good     bool
		}{
			{"the first poll", t.Context(), true, 1, false},
			{"the next poll", t.Context(), true, 1, false},
			{"a person", driver.AtOnce(t.Context()), true, 2, false},
			{"a poll after it", t.Context(), true, 2, false},
			{"a person, and it is over", driver.AtOnce(t.Context()), false, 4, true},
			{"a poll after that", t.Context(), false, 6, true},
		} {
			busy = step.busy
			if err := read(step.ctx); (err == nil) != step.good || len(s.got) != step.requests {
				t.Errorf("%s: %v, %d requests; want %d", step.name, err, len(s.got), step.requests)
			}
		}
		if waited := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); waited != 0 {
			t.Errorf("the readings took %v", waited)
		}
	})
}

// TestHoldStopsWaitingCalls: questions that wait when the mailbox answers with a
// long Retry-After are not sent.
func TestHoldStopsWaitingCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var masters []string
		for i := range 40 {
			masters = append(masters, fmt.Sprintf(`{"id":"m%d","type":"seriesMaster"}`, i))
		}
		s := &service{answer: func(n int, _ *http.Request) (*http.Response, error) {
			switch n {
			case 1:
				return reply(200, noEvents)
			case 2:
				return reply(200, `{"value":[`+strings.Join(masters, ",")+`]}`)
			}
			time.Sleep(time.Second)
			return reply(429, `{"error":{"code":"TooManyRequests"}}`, "Retry-After", "600")
		}}
		if err := fetch(t, calendarOn(t, s, oneToken(), io.Discard), mailboxRoom("a"))["a"].Err; err == nil {
			t.Error("no error")
		}
		if len(s.got) != 2+batchSize {
			t.Errorf("%d questions were asked, want no more than those in flight when the mailbox asked to wait", len(s.got))
		}
	})
}

// slow takes a second for every request, and counts.
type slow struct {
	service
	requests, inFlight, most atomic.Int64
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	n := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	s.most.Store(max(s.most.Load(), n))
	time.Sleep(time.Second)
	return s.service.RoundTrip(r)
}

// TestFourInFlight: a hundred mailboxes are two lists each, twenty lists a
// request, four requests at once.
func TestFourInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{service: service{answer: func(int, *http.Request) (*http.Response, error) { return reply(200, noEvents) }}}
		var rooms []driver.Room
		for i := range 100 {
			rooms = append(rooms, mailboxRoom(fmt.Sprint("r", i)))
		}
		start := time.Now()
		fetch(t, calendarOn(t, s, oneToken(), io.Discard), rooms...)
		if s.most.Load() != 4 || s.requests.Load() != 10 || time.Since(start) != 3*time.Second {
			t.Errorf("%d in flight, %v for %d requests of a second; want 4, 3s and 10", s.most.Load(), time.Since(start), s.requests.Load())
		}
	})
}

const expired = `{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired."}}`

func TestTokenRenewedOnce(t *testing.T) {
	s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") == "Bearer old" {
			return reply(401, expired)
		}
		return reply(200, noEvents)
	}}
	tokens := &fakeTokens{list: []string{"old", "new"}}
	if err := fetch(t, calendarOn(t, s, tokens, io.Discard), mailboxRoom("a"))["a"].Err; err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tokens.rejected, []string{"old"}) || len(s.got) != 3 {
		t.Errorf("rejected %q in %d requests, want old alone in 3", tokens.rejected, len(s.got))
	}
}

func TestTokenRefusedTwice(t *testing.T) {
	s := &service{answer: func(int, *http.Request) (*http.Response, error) { return reply(401, expired) }}
	tokens := &fakeTokens{list: []string{"one", "two", "three"}}
	err := fetch(t, calendarOn(t, s, tokens, io.Discard), mailboxRoom("a"))["a"].Err
	var e *Error
	if !errors.As(err, &e) || !e.NeedsPerson() || len(s.got) != 2 || !slices.Equal(tokens.rejected, []string{"one"}) {
		t.Fatalf("%v after %d requests, rejected %q; want an error for a person after 2", err, len(s.got), tokens.rejected)
	}
	wantWords(t, e.Action(), "then run: roomgate --config /srv/hq.toml login rooms")
}

func TestTokenErrorPassedThrough(t *testing.T) {
	s := &service{answer: replies()}
	cause := errors.New("sign in again with roomgate login")
	rd := fetch(t, calendarOn(t, s, &fakeTokens{list: []string{""}, err: cause}, io.Discard), mailboxRoom("a"))["a"]
	if rd.Err != cause || len(s.got) != 0 {
		t.Errorf("error %v after %d requests, want the tokens' own and none", rd.Err, len(s.got))
	}
}

// endless is a body of n blanks that counts what was read of it.
type endless struct{ left, read int }

func (b *endless) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	copy(p, bytes.Repeat([]byte(" "), n))
	b.left, b.read = b.left-n, b.read+n
	return n, nil
}

func TestHugeAnswer(t *testing.T) {
	body := &endless{left: 200 << 20}
	s := &service{answer: func(int, *http.Request) (*http.Response, error) {
		r, err := reply(200, "")
		r.Body = io.NopCloser(body)
		return r, err
	}}
	e := fetchErr(t, s)
	wantWords(t, e.Error(), "HTTP 200", "larger than 16 MiB")
	if body.read != maxAnswer+1 || len(s.got) != 1 {
		t.Errorf("read %d bytes in %d requests, want to stop at %d and not to ask again", body.read, len(s.got), maxAnswer+1)
	}
}

// broken is a body that ends early.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestUnusableAnswers: the error shows what answered in place of Graph.
func TestUnusableAnswers(t *testing.T) {
	const way = "check the gateway's connection to the internet"
	for _, tt := range []struct {
		name   string
		answer func() (*http.Response, error)
		status int
		words  []string
		action string
	}{
		{"throttled", answering(429, `{"error":{"code":"UnknownError","message":""}}`, "request-id", "3f0e"), 429, []string{"HTTP 429 UnknownError"}, ""},
		{"unavailable, from a proxy", answering(503, "<h1>busy</h1>", "Content-Type", "text/html"), 503, []string{"HTTP 503", `answered with "text/html"`, "proxy"}, way},
		{"unavailable, without a word", answering(503, ""), 503, []string{"HTTP 503 Service Unavailable"}, ""},
		{"a word of a proxy in JSON", answering(403, `{"error":"Forbidden"}`), 403, []string{"HTTP 403", "not Microsoft's", "proxy"}, way},
		{"a message of a proxy in JSON", answering(401, `{"message":"Unauthorized"}`), 401, []string{"HTTP 401", "not Microsoft's"}, way},
		{"an error of a proxy in JSON", answering(404, `{"error":{"status":404}}`), 404, []string{"HTTP 404", "not Microsoft's"}, way},
		{"a code that Graph does not have", answering(403, `{"error":{"code":"policy_denied","message":"Category: calendars"}}`), 403,
			[]string{"HTTP 403 policy_denied: Category: calendars"}, "look the code up at learn.microsoft.com/graph/errors"},
		{"a sign-in page elsewhere", answering(302, "", "Location", "http://portal.guest.example/login?to=1"), 302,
			[]string{"HTTP 302", "sent on to http://portal.guest.example, which is not followed"}, way},
		{"server error", answering(500, `{"error":{"code":"ErrorInternalServerTransientError","message":"Cannot open mailbox."}}`), 500,
			[]string{"HTTP 500 ErrorInternalServerTransientError: Cannot open mailbox"}, ""},
		{"reset", func() (*http.Response, error) { return nil, syscall.ECONNRESET }, 0, []string{"connection reset by peer"}, way},
		{"truncated", func() (*http.Response, error) {
			r, err := reply(200, "")
			r.Body = io.NopCloser(broken{strings.NewReader(`{"value":[{"id":`)})
			return r, err
		}, 0, []string{"ended early after 16 bytes"}, way},
		{"half a JSON", answering(200, `{"value":[{"id":`), 200, []string{"HTTP 200", "JSON of the answer is damaged (16 bytes)"}, way},
		{"a page", answering(200, "<html>Sign in to the guest network</html>", "Content-Type", "text/html; charset=utf-8"), 200,
			[]string{`answered with "text/html", not with JSON`, "proxy"}, way},
		{"a refusing proxy", answering(403, "<html>Blocked</html>", "Content-Type", "text/html"), 403, []string{"HTTP 403", `"text/html"`, "proxy"}, way},
		{"a page that is not there", answering(404, "404 page not found", "Content-Type", "text/plain"), 404, []string{"HTTP 404", `"text/plain"`}, way},
		{"empty", answering(200, "", "Content-Type", ""), 200, []string{"not with JSON"}, way},
		{"JSON of another kind", answering(200, `{"status":"ok"}`), 200, []string{"HTTP 200", "no list of events"}, ""},
		{"a null list", answering(200, `{"value":null}`), 200, []string{"no list of events"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := fetchErr(t, &service{answer: func(int, *http.Request) (*http.Response, error) { return tt.answer() }})
				wantWords(t, e.Error(), append(tt.words, "reading the events of a@contoso.example: ")...)
				if e.Status != tt.status || e.NeedsPerson() || strings.TrimSpace(e.Error()) != e.Error() {
					t.Errorf("status %d, needs a person %v, %q; want status %d and no person", e.Status, e.NeedsPerson(), e.Error(), tt.status)
				}
				if a := e.Action(); tt.action == "" && a != "" || !strings.HasPrefix(a, tt.action) {
					t.Errorf("action %q, want %q", a, tt.action)
				}
			})
		})
	}
}

// TestErrorCodes: codes of learn.microsoft.com/graph/errors and of the Outlook
// service.
func TestErrorCodes(t *testing.T) {
	for _, tt := range []struct {
		status        int
		code, message string
		person        bool
		action        string // words of it
	}{
		{401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.", true, "then run: roomgate --config /srv/hq.toml login rooms"},
		{403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.", true, "Add-MailboxFolderPermission"},
		{403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", true, "permission is missing"},
		{404, "ErrorItemNotFound", "The specified object was not found in the store.", true, "Add-MailboxFolderPermission"},
		{404, "ErrorInvalidUser", "The requested user 'x' is invalid.", true, "no mailbox of that name in the tenant"},
		{404, "MailboxNotEnabledForRESTAPI", "REST API is not yet supported for this mailbox.", true, "licence"},
		{404, "ResourceNotFound", "Resource could not be discovered.", true, "no mailbox of that name in the tenant"},
		{404, "Request_ResourceNotFound", "Resource 'x' does not exist.", true, "no mailbox of that name in the tenant"},
		{400, "ErrorInvalidParameter", "This request requires a time window.", true, "learn.microsoft.com"},
		{400, "BadRequest", "/me request is only valid with delegated authentication flow.", true, "learn.microsoft.com"},
		{410, "SyncStateNotFound", "The sync state generation is not found.", false, ""},
		{429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", false, ""},
		{429, "TooManyRequests", "Please retry again later.", false, ""},
		{500, "ErrorInternalServerError", "An internal server error occurred.", false, ""},
		{503, "ServiceUnavailable", "Service unavailable.", false, ""},
		{504, "GatewayTimeout", "The gateway timed out.", false, ""},
	} {
		t.Run(tt.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innerError":{"date":"2026-11-03T07:41:12"}}}`, tt.code, tt.message)
				e := fetchErr(t, &service{answer: func(int, *http.Request) (*http.Response, error) {
					return reply(tt.status, body, "request-id", "3f0e")
				}})
				want := fmt.Sprintf("reading the events of a@contoso.example: HTTP %d %s: %s", tt.status, tt.code, strings.TrimSuffix(tt.message, "."))
				if e.Error() != want {
					t.Errorf("error %q, want %q", e.Error(), want)
				}
				if e.NeedsPerson() != tt.person || !strings.Contains(e.Action(), tt.action) || (e.Action() != "") != tt.person {
					t.Errorf("needs a person %v, action %q; want %v, %q", e.NeedsPerson(), e.Action(), tt.person, tt.action)
				}
				if !errors.Is(e, &Error{Code: strings.ToUpper(tt.code)}) || errors.Is(e, &Error{Code: "Other"}) {
					t.Error("codes must be compared without case")
				}
			})
		})
	}
}

func TestLongMessageIsCut(t *testing.T) {
	s := &service{answer: replies(answering(403, `{"error":{"code":"ErrorAccessDenied","message":"`+strings.Repeat("é", 5000)+`"}}`))}
	if e := fetchErr(t, s); len(e.Error()) > 500 || !utf8.ValidString(e.Error()) || !strings.Contains(e.Error(), "é…") {
		t.Errorf("error of %d bytes, want it cut: %q", len(e.Error()), e.Error())
	}
}

func TestErrorUnwraps(t *testing.T) {
	s := &service{answer: func(int, *http.Request) (*http.Response, error) { return nil, syscall.ECONNRESET }}
	synctest.Test(t, func(t *testing.T) {
		e := fetchErr(t, s)
		if want := "reading the events of a@contoso.example: connection reset by peer"; !errors.Is(e, syscall.ECONNRESET) || e.Error() != want {
			t.Errorf("error %q, want %q that leads to its cause", e.Error(), want)
		}
	})
}

// The same trouble of two mailboxes, at two addresses and with two request ids, is one;
// another code or status is another.
func TestErrorIdentity(t *testing.T) {
	reset := func(port string) error {
		return errors.New("read tcp 10.0.0.2:" + port + "->20.190.1.1:443: connection reset by peer")
	}
	busy := &Error{Op: "reading the events of a@contoso.example", Status: 503, Code: "ErrorServerBusy", Message: "Try 1", RequestID: "1"}
	for _, tt := range []struct {
		a, b *Error
		same bool
	}{
		{busy, &Error{Op: "reading the events of b@contoso.example", Status: 503, Code: "ErrorServerBusy", Message: "Try 2", RequestID: "2"}, true},
		{busy, &Error{Op: busy.Op, Status: 503, Code: "ServiceUnavailable"}, false},
		{busy, &Error{Op: busy.Op, Status: 500, Code: "ErrorServerBusy"}, false},
		{&Error{Op: "reading a", Err: reset("50001")}, &Error{Op: "reading b", Err: reset("50002")}, true},
		{&Error{Op: "reading a", Err: reset("50001")}, &Error{Op: "reading a", Err: io.ErrUnexpectedEOF}, false},
	} {
		if got := driver.Identity(tt.a) == driver.Identity(tt.b); got != tt.same {
			t.Errorf("%v and %v are the same: %t", tt.a, tt.b, got)
		}
	}
}

// TestNoToken: whatever goes wrong, the token is in no error and no log line.
func TestNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		for _, answer := range []func() (*http.Response, error){
			answering(200, noEvents), answering(401, expired), answering(403, "<html>", "Content-Type", "text/html"), answering(200, "{"),
			answering(200, `{"value":[],"@odata.nextLink":"https://evil.test/"}`),
			func() (*http.Response, error) { return nil, syscall.ECONNRESET },
		} {
			s := &service{answer: func(int, *http.Request) (*http.Response, error) { return answer() }}
			if err := fetch(t, calendarOn(t, s, oneToken(), &log), mailboxRoom("a"))["a"].Err; err != nil && strings.Contains(fmt.Sprintf("%+v %q", err, err), "secret-token") {
				t.Errorf("the token is in %v", err)
			}
		}
		if strings.Contains(log.String(), "secret-token") {
			t.Error("the token is in the log")
		}
		wantWords(t, log.String(), "level=DEBUG", "status=401", "client_request_id=")
	})
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, "/users/busy@") {
				return reply(429, `{"error":{"code":"TooManyRequests"}}`, "Retry-After", "25")
			}
			<-r.Context().Done() // a service that hangs
			return nil, r.Context().Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start, n := time.Now(), 0
		calendarOn(t, s, oneToken(), io.Discard).Fetch(ctx, []driver.Room{mailboxRoom("busy"), mailboxRoom("hanging")}, winFrom, winTo, deliver(func(r driver.Reading) {
			n++
			if r.Err == nil {
				t.Errorf("%s: no error", r.Room)
			}
		}))
		if n != 2 || time.Since(start) != 3*time.Second {
			t.Errorf("%d readings after %v, want 2 when the context ended", n, time.Since(start))
		}
	})
}

func TestNewClientRefusesAddress(t *testing.T) {
	for _, base := range []string{"", "graph.microsoft.com", "https://", "://x", "/v1.0"} {
		if _, err := NewClient(ClientOptions{BaseURL: base}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", base)) {
			t.Errorf("address %q: error %v, want one that shows it", base, err)
		}
	}
}
