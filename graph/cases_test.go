package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// A case is a file: rooms, what the service answers, and what is right. It runs through a
// driver.Driver with a Provider, so that it covers the client, the ways of reading,
// admission, what is stored and what is published.
type caseFile struct {
	Name, Essence string
	GoTest        string     // a case whose rooms and answers are made here: batchOf424 and markedBatch
	HTTP          caseAnswer // what such a case gives to them

	Way      Way
	Rooms    []caseRoom
	From, To string // "2006-01-02 15:04" in UTC: the time that is read
	Answers  []caseAnswer
	Batch    caseBatch
	Polls    int // how many; 0: one

	Expect            map[string]json.RawMessage // by room: a list of bookings, or a word of expectations
	ExpectQuality     map[string]string          // by room with a list of bookings; left out: good
	ExpectFault       string                     // a part of the fault
	ExpectAttendees   *int                       // of the first booking
	ExpectCode        string                     // in the fault
	ExpectNeedsPerson *bool                      // of an error
	ExpectMaxRequests int                        // 0: any number
}

type caseRoom struct {
	ID, Mailbox, Calendar, Zone string
	Match                       []string
}

// caseAnswer answers the requests whose URL contains Path, and whose header of the name
// contains Prefer. Of several the first that applies counts.
type caseAnswer struct {
	Path         string
	Prefer       string
	UntilSeconds float64 // since the start; 0: for ever
	Status       int     // 0: 200
	Headers      map[string]string
	Body         json.RawMessage
	Raw          string // in place of Body
}

// caseBatch changes the responses to batches.
type caseBatch struct {
	Status int  // 0: 200
	Mark   bool // a byte-order mark precedes them, and responses to single requests
}

// pollEvery is the interval of the polls of a case.
const pollEvery = 5 * time.Minute

// TestCases runs every case of testdata/cases, and of the directory in the environment
// variable ROOMGATE_CASES.
func TestCases(t *testing.T) {
	for _, directory := range []string{"testdata/cases", os.Getenv("ROOMGATE_CASES")} {
		if directory == "" {
			continue
		}
		files, err := filepath.Glob(filepath.Join(directory, "*.json"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no cases (%v)", directory, err)
		}
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				must(t, err)
				c, err := parseCase(text)
				must(t, err)
				c.run(t)
			})
		}
	}
}

// TestCaseThatIsNotUnderstood proves that TestCases can fail.
func TestCaseThatIsNotUnderstood(t *testing.T) {
	for _, text := range []string{`{"expectMood":"good"}`, `{"rooms":[{"id":"a","colour":"red"}]}`, `{"goTest":"nothing of this name"}`, `{`, `{}`} {
		if _, err := parseCase([]byte(text)); err == nil {
			t.Errorf("%s is a case", text)
		}
	}
}

// parseCase reads a case. A key that the runner does not know is an error.
func parseCase(text []byte) (caseFile, error) {
	var c caseFile
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	if c.GoTest != "" {
		switch {
		case strings.HasSuffix(c.GoTest, "Batch424"):
			c.batchOf424()
		case strings.HasSuffix(c.GoTest, "BatchBOM"):
			c.markedBatch()
		default:
			return c, fmt.Errorf("goTest %q is not known", c.GoTest)
		}
	}
	if len(c.Expect) == 0 || len(c.Expect) != len(c.Rooms) {
		return c, errors.New("the case does not say what is right for each room")
	}
	return c, nil
}

// batchOf424 makes twenty rooms, whose batch has the status of the case, with the part 429
// of the case for one room and its part 200 for the others.
func (c *caseFile) batchOf424() {
	var parts struct {
		Responses []struct {
			ID      string
			Status  int
			Headers map[string]string
			Body    json.RawMessage
		}
	}
	if err := json.Unmarshal(c.HTTP.Body, &parts); err != nil {
		return // the case then expects nothing, and is refused
	}
	c.fill(20, caseBatch{Status: c.HTTP.Status})
	for _, p := range parts.Responses {
		path, until := "/users/", 0.0
		if p.Status != http.StatusOK {
			path, until = "/users/r"+p.ID+"@", 10
		}
		c.Answers = append(c.Answers, caseAnswer{Path: path, UntilSeconds: until, Status: p.Status, Headers: p.Headers, Body: p.Body})
	}
	slices.SortStableFunc(c.Answers, func(a, b caseAnswer) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	c.Polls, c.ExpectMaxRequests = 2, 3 // the batch, the one question again, and the batch of the second poll
}

// markedBatch makes three rooms, whose batch begins with a byte-order mark.
func (c *caseFile) markedBatch() {
	c.fill(3, caseBatch{Mark: true})
	c.Answers = []caseAnswer{{Path: "/users/", Body: json.RawMessage(noEvents)}}
}

// fill makes rooms without bookings that are read in a batch.
func (c *caseFile) fill(rooms int, b caseBatch) {
	c.Way, c.From, c.To, c.Batch, c.Expect = ByView, "2026-11-01 00:00", "2026-11-06 00:00", b, map[string]json.RawMessage{}
	for i := range rooms {
		id := fmt.Sprintf("r%d", i)
		c.Rooms = append(c.Rooms, caseRoom{ID: id, Mailbox: id + "@contoso.example", Zone: "UTC"})
		c.Expect[id] = json.RawMessage(`[]`)
	}
}

// run polls the rooms of the case and checks what became of them.
func (c *caseFile) run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := utc(c.From), utc(c.To)
		zone := zone(t, c.Rooms[0].Zone)
		clock := caseClock{ahead: time.Until(to.AddDate(0, 0, -4).Add(12 * time.Hour))}
		if first, last := driver.Window(clock.Now(), zone, 0); first.Before(from.Add(-margin)) || last.After(to.Add(margin)) {
			t.Fatalf("what is read is from %v to %v, and not in the time of the case", first, last)
		}
		s := &caseService{caseFile: c, began: time.Now()}
		out := newCaseOutput()
		d := driver.New(driver.Options{
			Site: driver.Site{ID: "hq", Zone: zone}, Rooms: c.rooms(t), Publisher: out, Memory: out, Clock: clock,
			Accounts: []driver.Account{{Name: "rooms", Provider: c.provider(t, s, clock), Poll: caseSchedule{}}},
			Jitter:   func(time.Duration) time.Duration { return 0 }, Beat: func() {}, Log: slog.New(slog.DiscardHandler),
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		time.Sleep(time.Duration(max(1, c.Polls)-1)*pollEvery + pollEvery/2)
		synctest.Wait()
		cancel()
		<-ended
		for room, want := range c.Expect {
			c.check(t, out.room(room), room, want)
		}
		if n := len(s.requests); n == 0 || c.ExpectMaxRequests > 0 && n > c.ExpectMaxRequests {
			t.Errorf("%d requests, want at least one and at most %d: %q", n, c.ExpectMaxRequests, s.requests)
		}
	})
}

func (c *caseFile) rooms(t *testing.T) []driver.Room {
	t.Helper()
	var rooms []driver.Room
	for _, r := range c.Rooms {
		rooms = append(rooms, driver.Room{ID: r.ID, Account: "rooms", Mailbox: r.Mailbox, Calendar: r.Calendar, Match: r.Match, Zone: zone(t, r.Zone),
			StaleAfter: time.Hour, FailAfter: time.Hour, Count: driver.CountingOf(driver.Busy, driver.Tentative, driver.OutOfOffice, driver.Unknown)})
	}
	return rooms
}

func (c *caseFile) provider(t *testing.T, s http.RoundTripper, clock Clock) *Provider {
	t.Helper()
	p, err := New(Options{Account: "rooms", GraphURL: "https://graph.test", Read: c.Way, Tokens: oneToken(), HTTP: &http.Client{Transport: s},
		UserAgent: "roomgate", Clock: clock, Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	return p
}

// caseResult is what became of a room.
type caseResult struct {
	bookings       []driver.Booking // that were stored
	quality, fault string           // that were published
}

func (r caseResult) String() string {
	return fmt.Sprintf("bookings %q, quality %s, fault %q", lines(r.bookings), r.quality, r.fault)
}

// expectations are the words that may stand in place of a list of bookings.
var expectations = map[string]func(caseFile, caseResult) bool{
	// The room could not be read, and user action is required as the case says.
	"error": func(c caseFile, r caseResult) bool {
		want := "unknown"
		if c.ExpectNeedsPerson != nil && *c.ExpectNeedsPerson {
			want = "fault"
		}
		return len(r.bookings) == 0 && r.quality == want && r.fault != "" && strings.Contains(r.fault, c.ExpectCode)
	},
	// Not shown as free with good quality.
	"error-or-booked": func(_ caseFile, r caseResult) bool {
		return len(r.bookings) > 0 && r.quality == "good" || r.quality != "good" && r.fault != ""
	},
	// The events could not be understood, and that is reported.
	"refused": func(_ caseFile, r caseResult) bool {
		return len(r.bookings) == 0 && r.quality == "stale" && strings.Contains(r.fault, "could not be understood")
	},
}

// check compares what became of a room with what is right.
func (c *caseFile) check(t *testing.T, got caseResult, room string, want json.RawMessage) {
	t.Helper()
	var word string
	if json.Unmarshal(want, &word) == nil {
		if right := expectations[word]; right == nil || !right(*c, got) {
			t.Errorf("room %s: %v; want %s (known words: %q)", room, got, word, slices.Sorted(maps.Keys(expectations)))
		}
		return
	}
	var bookings []string
	must(t, json.Unmarshal(want, &bookings))
	quality := cmp.Or(c.ExpectQuality[room], "good")
	if !slices.Equal(lines(got.bookings), bookings) || got.quality != quality ||
		(quality == "good") != (got.fault == "") || quality != "good" && !strings.Contains(got.fault, c.ExpectFault) {
		t.Errorf("room %s: %v; want bookings %q, quality %s and fault %q", room, got, bookings, quality, c.ExpectFault)
	}
	if c.ExpectAttendees != nil && (len(got.bookings) == 0 || got.bookings[0].Attendees != *c.ExpectAttendees) {
		t.Errorf("room %s: bookings %+v, want %d attendees", room, got.bookings, *c.ExpectAttendees)
	}
}

// caseClock is a clock that is ahead of the bubble's.
type caseClock struct {
	driver.WallClock
	ahead time.Duration
}

func (c caseClock) Now() time.Time { return c.WallClock.Now().Add(c.ahead) }

// caseSchedule is every pollEvery.
type caseSchedule struct{}

func (caseSchedule) Next(t time.Time) time.Time { return t.Add(pollEvery) }

// caseService answers as the case says.
type caseService struct {
	*caseFile
	began time.Time

	mu       sync.Mutex
	requests []string
}

// RoundTrip implements http.RoundTripper. The parts of a batch are answered as requests
// of their own.
func (s *caseService) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.String())
	s.mu.Unlock()
	if r.URL.Path != "/v1.0/$batch" {
		a := s.answerTo(r.URL.String(), r.Header.Get("Prefer"))
		return s.reply(cmp.Or(a.Status, http.StatusOK), cmp.Or(a.Raw, string(a.Body)), a.Headers)
	}
	var in struct {
		Requests []struct {
			ID, URL string
			Headers struct{ Prefer string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	var parts []string
	for _, p := range in.Requests {
		a := s.answerTo(p.URL, p.Headers.Prefer)
		part, err := json.Marshal(map[string]any{"id": p.ID, "status": cmp.Or(a.Status, http.StatusOK), "headers": a.Headers, "body": a.Body})
		if err != nil {
			return nil, err
		}
		parts = append(parts, string(part))
	}
	return s.reply(cmp.Or(s.Batch.Status, http.StatusOK), `{"responses":[`+strings.Join(parts, ",")+`]}`, nil)
}

func (s *caseService) reply(status int, body string, headers map[string]string) (*http.Response, error) {
	if s.Batch.Mark {
		body = "\ufeff" + body
	}
	var pairs []string
	for name, value := range headers {
		pairs = append(pairs, name, value)
	}
	return reply(status, body, pairs...)
}

// answerTo returns the answer to a request; an error of the service where the case has
// none.
func (s *caseService) answerTo(url, prefer string) caseAnswer {
	elapsed := time.Since(s.began).Seconds()
	for _, a := range s.Answers {
		if strings.Contains(url, a.Path) && strings.Contains(prefer, a.Prefer) && (a.UntilSeconds == 0 || elapsed < a.UntilSeconds) {
			return a
		}
	}
	return caseAnswer{Status: http.StatusNotFound, Body: json.RawMessage(`{"error":{"code":"NotInThisCase","message":"The case has no answer to this."}}`)}
}

// caseOutput keeps what a Driver publishes and stores.
type caseOutput struct {
	mu     sync.Mutex
	values map[driver.Subject][]driver.Value
	stored map[string][]byte
}

func newCaseOutput() *caseOutput {
	return &caseOutput{values: map[driver.Subject][]driver.Value{}, stored: map[string][]byte{}}
}

// Publish implements driver.Publisher.
func (o *caseOutput) Publish(updates []driver.Update) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, u := range updates {
		o.values[u.Subject] = slices.Clone(u.Values)
	}
}

// Remove implements driver.Publisher.
func (*caseOutput) Remove([]driver.Subject) {}

// Get implements driver.Memory.
func (o *caseOutput) Get(key string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if text, ok := o.stored[key]; ok {
		return text, nil
	}
	return nil, fs.ErrNotExist
}

// Put implements driver.Memory.
func (o *caseOutput) Put(values map[string][]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.stored, values)
	return nil
}

// Delete implements driver.Memory.
func (o *caseOutput) Delete(keys ...string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, key := range keys {
		delete(o.stored, key)
	}
	return nil
}

// room returns what became of a room.
func (o *caseOutput) room(id string) caseResult {
	o.mu.Lock()
	defer o.mu.Unlock()
	var stored struct{ Bookings []driver.Booking }
	if text, ok := o.stored[id]; ok {
		if err := json.Unmarshal(text, &stored); err != nil {
			return caseResult{fault: err.Error()}
		}
	}
	values := o.values[driver.Subject{Scope: driver.OfRoom, ID: id}]
	if values == nil {
		return caseResult{}
	}
	text := func(point string) string { return values[driver.OfRoom.Index(point)].Text() }
	return caseResult{stored.Bookings, text(driver.QualityPoint), text(driver.Fault)}
}
