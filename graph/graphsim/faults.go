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

// FaultRates are the probabilities of the random faults, 0 to 1 per request, unless the simulator is polite. They
// apply to a batch as a whole; Throttle and Unavailable also apply to each of its parts, with a Retry-After and a
// request-id of its own.
type FaultRates struct {
	Throttle    float64 // 429 in changing bodies, with and without Retry-After
	Unavailable float64 // 500, 503, 504
	Reset       float64 // connection reset after the request was processed
	Truncate    float64 // body truncated (Graph only)
	Slow        float64 // response delayed by up to 5 s; only with Options.Sleep
	EmptyPage   float64 // page without rows but with a nextLink
	ShortPage   float64 // page with fewer rows than requested
	Shuffle     bool    // random order of rows without $orderby, and of a batch's responses
}

// DefaultFaultRates returns the low rates that a simulator starts with.
func DefaultFaultRates() FaultRates {
	return FaultRates{Throttle: 0.02, Unavailable: 0.01, Reset: 0.01, Truncate: 0.01, Slow: 0.01, EmptyPage: 0.05, ShortPage: 0.1, Shuffle: true}
}

// FaultKind is what is wrong with a response.
type FaultKind string

// The kinds of fault. Of these only FaultError applies to a part of a batch.
const (
	FaultError    FaultKind = "error"    // Status, Code and Message as a Graph error
	FaultHTML     FaultKind = "html"     // a proxy's HTML page with Status (200 if none is given)
	FaultTruncate FaultKind = "truncate" // the correct body, truncated
	FaultHuge     FaultKind = "huge"     // a JSON body of 64 MiB
	FaultSlow     FaultKind = "slow"     // the correct response after Delay
	FaultReset    FaultKind = "reset"    // the request is processed, then the connection is reset
	FaultEmpty200 FaultKind = "empty200" // status 200 without a body
)

// Fault is a fault to inject. Without a Kind it is FaultError if it has a Status, else FaultSlow.
// For FaultError an identity endpoint returns temporarily_unavailable, or plain text for 429.
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

// Fail injects a fault into the next requests that match. A nil match matches every Graph request and no identity
// request. A negative times means until [Sim.ClearFaults]. Parts of a batch are matched one by one with their full
// path. The function is called under the lock and must not call the Sim.
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

// ClearFaults removes the faults of Fail and FailToken, and ends throttling and outage.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forced = nil
	s.issued.failCode, s.issued.failTimes = 0, 0
	s.behaviour.ThrottleUntil, s.behaviour.OutageUntil = time.Time{}, time.Time{}
}

// pickFault selects the fault of a call: injected faults first, then outage and limits, then random faults.
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
	case c.kind == "batch" && s.behaviour.BatchBlocked:
		return Fault{Kind: FaultHTML, Status: http.StatusNotFound}
	case c.now.Before(s.behaviour.OutageUntil):
		return s.outageFault()
	case graph && c.now.Before(s.behaviour.ThrottleUntil):
		left := int(s.behaviour.ThrottleUntil.Sub(c.now)/time.Second) + 1
		return Fault{Kind: FaultError, Status: 429, RetryAfter: strconv.Itoa(min(left, 60))}
	case graph && !c.part && s.behaviour.MailboxLimit > 0 && s.log.inFlight[c.mailbox] > s.behaviour.MailboxLimit:
		return Fault{Kind: FaultError, Status: 429, Code: "ApplicationThrottled", Message: mailboxConcurrency, RetryAfter: "1"}
	case s.behaviour.Polite || !graph && !repeatable(c):
		return Fault{}
	}
	return s.randomFault(c, graph)
}

const mailboxConcurrency = "Application is over its MailboxConcurrency limit."

// repeatable reports whether a client can repeat a request whose response is lost: a code can be redeemed only once,
// and pages are for people.
func repeatable(c *call) bool {
	if c.kind != "token" {
		return false
	}
	grant := c.form().Get("grant_type")
	return grant == "refresh_token" || grant == "client_credentials"
}

func (s *Sim) outageFault() Fault {
	if s.behaviour.Polite {
		return Fault{Kind: FaultError, Status: 503, Code: "ServiceUnavailable", Message: "Service unavailable.", RetryAfter: "5"}
	}
	return []Fault{
		{Kind: FaultError, Status: 503, Code: "ServiceUnavailable", Message: "Service unavailable."},
		{Kind: FaultError, Status: 504, Code: "GatewayTimeout", Message: "The gateway timed out."},
		{Kind: FaultHTML, Status: 502},
		{Kind: FaultReset},
	}[s.rng.IntN(4)]
}

func (s *Sim) randomFault(c *call, graph bool) Fault {
	m, roll := s.behaviour.Faults, s.rng.Float64()
	occurs := func(rate float64) bool { roll -= rate; return roll < 0 }
	switch {
	case occurs(m.Throttle):
		return Fault{Kind: FaultError, Status: 429, RetryAfter: []string{"", "1", "7"}[s.rng.IntN(3)]}
	case occurs(m.Unavailable):
		return []Fault{
			{Kind: FaultError, Status: 500, Code: "ErrorInternalServerTransientError", Message: "Cannot open mailbox."},
			{Kind: FaultError, Status: 503, Code: "serviceNotAvailable", Message: "The service is temporarily unavailable.", RetryAfter: "2"},
			{Kind: FaultError, Status: 504, Code: "UnknownError"},
		}[s.rng.IntN(3)]
	case c.part:
		return Fault{}
	case occurs(m.Reset):
		return Fault{Kind: FaultReset}
	case graph && occurs(m.Truncate):
		return Fault{Kind: FaultTruncate}
	case s.sleep != nil && occurs(m.Slow):
		return Fault{Kind: FaultSlow, Delay: time.Duration(s.rng.Int64N(int64(5 * time.Second)))}
	}
	return Fault{}
}

// faultResponse returns the response of a fault that replaces the correct one.
func (s *Sim) faultResponse(c *call, f Fault) (response, bool) {
	var a response
	switch f.Kind {
	case FaultError:
		a = s.errorResponse(c, f)
	case FaultHTML:
		status := f.Status
		if status == 0 {
			status = http.StatusOK
		}
		a = newResponse(status, "text/html; charset=utf-8", []byte("<html><head><title>Proxy</title></head><body><h1>Simulated proxy page</h1></body></html>"))
	case FaultEmpty200:
		a = newResponse(http.StatusOK, graphJSON, nil)
	case FaultHuge:
		a = newResponse(http.StatusOK, graphJSON, []byte(`{"value":[]}`))
	default:
		return response{}, false
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a, true
}

// errorResponse writes an ordered status the way the addressed service would.
func (s *Sim) errorResponse(c *call, f Fault) response {
	switch {
	case c.path[0] != "v1.0" && f.Status == http.StatusTooManyRequests:
		return newResponse(f.Status, "text/plain; charset=utf-8", []byte("Too Many Requests"))
	case c.path[0] != "v1.0":
		a := s.stsError(c, 90033)
		a.status = f.Status
		return a
	case f.Status == http.StatusTooManyRequests && f.Code == "":
		return s.throttledResponse(c)
	}
	return graphError(c, f.Status, f.Code, f.Message)
}

// throttledResponse returns one of the three bodies that Graph uses with 429.
func (s *Sim) throttledResponse(c *call) response {
	switch s.rng.IntN(3) {
	case 0:
		return graphError(c, 429, "ApplicationThrottled", mailboxConcurrency)
	case 1:
		a := graphResponse(map[string]any{"error": map[string]any{"code": "TooManyRequests", "message": "Please retry again later.",
			"innerError": map[string]any{"code": "429", "date": c.now.Format("2006-01-02T15:04:05"), "message": "Please retry after", "request-id": c.id, "status": "429"}}})
		a.status = 429
		return a
	}
	return graphError(c, 429, "UnknownError", "")
}

// send sends a response, with its fault, and returns the number of body bytes sent.
func (s *Sim) send(w http.ResponseWriter, r *http.Request, a response) (sent int) {
	if !s.wait(r.Context(), a.delay) {
		return 0
	}
	if a.kind == FaultReset {
		resetConnection(w)
		return 0
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	switch a.kind {
	case FaultTruncate:
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		sent, _ = w.Write(a.body[:len(a.body)/2]) // the response is broken on purpose: errors do not matter
	case FaultHuge:
		w.WriteHeader(a.status)
		sent = writeHuge(w)
	default:
		w.WriteHeader(a.status)
		sent, _ = w.Write(a.body) // fails only if the client has disconnected
	}
	return sent
}

// wait delays a response and reports whether the client is still connected.
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

// resetConnection closes the connection with a TCP reset, or aborts the handler where that is impossible.
func resetConnection(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			if t, ok := conn.(*net.TCPConn); ok {
				_ = t.SetLinger(0) // if it fails the connection is closed normally
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
