package graphsim

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Mischief holds the rate of each random misbehaviour, 0 to 1 per request. It acts only while not polite.
// A batch as a whole is a request: it may be throttled, lost or cut like any other. So is each of its parts, as far
// as Throttle and Unavailable go, with a Retry-After and a request-id of its own.
type Mischief struct {
	Throttle    float64 // 429 in changing bodies, with and without Retry-After
	Unavailable float64 // 500, 503, 504
	Reset       float64 // connection reset after the work was done
	Truncate    float64 // body cut in the middle (Graph only)
	Slow        float64 // answer held back by up to 5 s; only with Options.Sleep
	EmptyPage   float64 // page without rows but with a nextLink
	ShortPage   float64 // page with fewer rows than asked for
	Shuffle     bool    // any order where none was asked for, of rows and of a batch's answers
}

// DefaultMischief returns the modest rates a simulator starts with.
func DefaultMischief() Mischief {
	return Mischief{Throttle: 0.02, Unavailable: 0.01, Reset: 0.01, Truncate: 0.01, Slow: 0.01, EmptyPage: 0.05, ShortPage: 0.1, Shuffle: true}
}

// FaultKind says what is wrong with an answer.
type FaultKind string

// The kinds of fault. In a part of a batch only FaultError acts; the others spoil the envelope.
const (
	FaultError    FaultKind = "error"    // Status, Code and Message as a Graph error
	FaultHTML     FaultKind = "html"     // a proxy's HTML page with Status (200 if none is given)
	FaultTruncate FaultKind = "truncate" // the true body, cut in the middle
	FaultHuge     FaultKind = "huge"     // a JSON body of 64 MiB
	FaultSlow     FaultKind = "slow"     // the true answer after Delay
	FaultReset    FaultKind = "reset"    // the request is carried out, the connection is reset
	FaultEmpty200 FaultKind = "empty200" // status 200 with no body at all
)

// Fault is a misbehaviour to order. Without a Kind it is FaultError if it has a Status, else FaultSlow.
// An identity endpoint answers FaultError with temporarily_unavailable, or plain text for 429.
type Fault struct {
	Kind       FaultKind
	Status     int
	Code       string
	Message    string
	RetryAfter string // Retry-After header as sent; "": none
	Delay      time.Duration
}

type forcedFault struct {
	match func(*http.Request) bool
	fault Fault
	times int
}

// Fail orders a fault for the next requests that match; a nil match is any Graph request, identity requests are
// met only by a match that asks for them. A negative times means until [Sim.ClearFaults]. Parts of a batch are
// matched one by one with their full path. The function is called under the lock and must not call the Sim.
func (s *Sim) Fail(match func(*http.Request) bool, f Fault, times int) {
	if match == nil {
		match = func(r *http.Request) bool { return segments(r.URL.EscapedPath())[0] == "v1.0" }
	}
	switch {
	case f.Kind == "" && f.Status == 0:
		f.Kind = FaultSlow
	case f.Kind == "":
		f.Kind = FaultError
	}
	if f.Kind == FaultError && f.Status == 0 {
		f.Status = http.StatusInternalServerError
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced = append(s.forced, &forcedFault{match, f, times})
}

// ClearFaults forgets the faults ordered with Fail and FailToken, and ends throttling and outage.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced = nil
	s.grants.failCode, s.grants.failTimes = 0, 0
	s.sw.ThrottleUntil, s.sw.OutageUntil = time.Time{}, time.Time{}
}

// pickFault decides what goes wrong with this call: ordered faults first, then outage and limits, then chance.
func (s *Sim) pickFault(c *call) Fault {
	for _, o := range s.forced {
		applies := !c.part || o.fault.Kind == FaultError
		if applies && o.times != 0 && o.match(c.r) {
			if o.times > 0 {
				o.times--
			}
			return o.fault
		}
	}
	graph := c.path[0] == "v1.0"
	switch {
	case c.kind == "batch" && s.sw.BatchRefused:
		return Fault{Kind: FaultHTML, Status: http.StatusNotFound}
	case c.now.Before(s.sw.OutageUntil):
		return s.outage()
	case graph && c.now.Before(s.sw.ThrottleUntil):
		left := int(s.sw.ThrottleUntil.Sub(c.now)/time.Second) + 1
		return Fault{Kind: FaultError, Status: 429, RetryAfter: strconv.Itoa(min(left, 60))}
	case graph && !c.part && s.sw.MailboxLimit > 0 && s.log.inFlight[c.mailbox] > s.sw.MailboxLimit:
		return Fault{Kind: FaultError, Status: 429, Code: "ApplicationThrottled", Message: mailboxConcurrency, RetryAfter: "1"}
	case s.sw.Polite || !graph && !repeatable(c):
		return Fault{}
	}
	return s.chance(c, graph)
}

const mailboxConcurrency = "Application is over its MailboxConcurrency limit."

// repeatable says whether a client can survive losing the answer: pages are for people, and a code is redeemed once.
func repeatable(c *call) bool {
	if c.kind != "token" {
		return false
	}
	grant := c.form().Get("grant_type")
	return grant == "refresh_token" || grant == "client_credentials"
}

func (s *Sim) outage() Fault {
	if s.sw.Polite {
		return Fault{Kind: FaultError, Status: 503, Code: "ServiceUnavailable", Message: "Service unavailable.", RetryAfter: "5"}
	}
	return []Fault{
		{Kind: FaultError, Status: 503, Code: "ServiceUnavailable", Message: "Service unavailable."},
		{Kind: FaultError, Status: 504, Code: "GatewayTimeout", Message: "The gateway timed out."},
		{Kind: FaultHTML, Status: 502},
		{Kind: FaultReset},
	}[s.rng.IntN(4)]
}

func (s *Sim) chance(c *call, graph bool) Fault {
	m, roll := s.sw.Mischief, s.rng.Float64()
	hit := func(rate float64) bool { roll -= rate; return roll < 0 }
	switch {
	case hit(m.Throttle):
		return Fault{Kind: FaultError, Status: 429, RetryAfter: []string{"", "1", "7"}[s.rng.IntN(3)]}
	case hit(m.Unavailable):
		return []Fault{
			{Kind: FaultError, Status: 500, Code: "ErrorInternalServerTransientError", Message: "Cannot open mailbox."},
			{Kind: FaultError, Status: 503, Code: "serviceNotAvailable", Message: "The service is temporarily unavailable.", RetryAfter: "2"},
			{Kind: FaultError, Status: 504, Code: "UnknownError"},
		}[s.rng.IntN(3)]
	case c.part:
		return Fault{}
	case hit(m.Reset):
		return Fault{Kind: FaultReset}
	case graph && hit(m.Truncate):
		return Fault{Kind: FaultTruncate}
	case s.sleep != nil && hit(m.Slow):
		return Fault{Kind: FaultSlow, Delay: time.Duration(s.rng.Int64N(int64(5 * time.Second)))}
	}
	return Fault{}
}

// replacement composes the answer of a fault that takes the place of the true one.
func (s *Sim) replacement(c *call, f Fault) (answer, bool) {
	var a answer
	switch f.Kind {
	case FaultError:
		a = s.errorFor(c, f)
	case FaultHTML:
		status := f.Status
		if status == 0 {
			status = http.StatusOK
		}
		a = newAnswer(status, "text/html; charset=utf-8", []byte("<html><head><title>Proxy</title></head><body><h1>Simulated proxy page</h1></body></html>"))
	case FaultEmpty200:
		a = newAnswer(http.StatusOK, graphJSON, nil)
	case FaultHuge:
		a = newAnswer(http.StatusOK, graphJSON, []byte(`{"value":[]}`))
	default:
		return answer{}, false
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a, true
}

// errorFor writes an ordered status the way the addressed service would.
func (s *Sim) errorFor(c *call, f Fault) answer {
	switch {
	case c.path[0] != "v1.0" && f.Status == http.StatusTooManyRequests:
		return newAnswer(f.Status, "text/plain; charset=utf-8", []byte("Too Many Requests"))
	case c.path[0] != "v1.0":
		a := s.stsError(c, 90033)
		a.status = f.Status
		return a
	case f.Status == http.StatusTooManyRequests && f.Code == "":
		return s.throttled(c)
	}
	return graphError(c, f.Status, f.Code, f.Message)
}

// throttled returns one of the three bodies a 429 of Graph is seen with.
func (s *Sim) throttled(c *call) answer {
	switch s.rng.IntN(3) {
	case 0:
		return graphError(c, 429, "ApplicationThrottled", mailboxConcurrency)
	case 1:
		a := graphAnswer(map[string]any{"error": map[string]any{"code": "TooManyRequests", "message": "Please retry again later.",
			"innerError": map[string]any{"code": "429", "date": c.now.Format("2006-01-02T15:04:05"), "message": "Please retry after", "request-id": c.id, "status": "429"}}})
		a.status = 429
		return a
	}
	return graphError(c, 429, "UnknownError", "")
}

// deliver sends an answer, or spoils the sending, and returns how many bytes of body were sent.
func (s *Sim) deliver(w http.ResponseWriter, r *http.Request, a answer) (sent int) {
	if !s.wait(r.Context(), a.delay) {
		return 0
	}
	if a.kind == FaultReset {
		reset(w)
		return 0
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	switch a.kind {
	case FaultTruncate:
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		sent, _ = w.Write(a.body[:len(a.body)/2]) // the client is being cheated: its errors do not matter
	case FaultHuge:
		w.WriteHeader(a.status)
		sent = writeHuge(w)
	default:
		w.WriteHeader(a.status)
		sent, _ = w.Write(a.body) // a client that has gone away is no concern of the simulator
	}
	return sent
}

// wait holds an answer back and reports whether the client is still there.
func (s *Sim) wait(ctx context.Context, d time.Duration) bool {
	switch {
	case d <= 0:
	case s.sleep != nil:
		s.sleep(d)
	default:
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// reset drops the connection with a TCP reset where it can, else the way net/http offers.
func reset(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if t, ok := conn.(*net.TCPConn); ok {
				_ = t.SetLinger(0) // without it the close is merely less rude
			}
			_ = conn.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

func writeHuge(w http.ResponseWriter) (sent int) {
	blank := bytes.Repeat([]byte(" "), 1<<16)
	sent, err := fmt.Fprint(w, `{"value":[`)
	for range 1 << 10 {
		if err != nil {
			return sent
		}
		var n int
		n, err = w.Write(blank)
		sent += n
	}
	n, _ := fmt.Fprint(w, `]}`)
	return sent + n
}
