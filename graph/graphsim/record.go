package graphsim

import (
	"maps"
	"slices"
	"time"
)

// logSize bounds the list of recorded requests; the counters are not limited.
const logSize = 20000

// Request is one recorded request. A part of a batch is recorded as a request of its own with Part set.
type Request struct {
	Time    time.Time `json:"time"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Query   string    `json:"query,omitempty"` // Graph only; identity queries may hold secrets
	Kind    string    `json:"kind"`            // see [Sim.Counts]
	Mailbox string    `json:"mailbox,omitempty"`
	Status  int       `json:"status"`
	Bytes   int       `json:"bytes"`           // of the body before a fault
	Fault   FaultKind `json:"fault,omitempty"` // the fault of the response
	Part    bool      `json:"part,omitempty"`
}

type requestLog struct {
	list     []Request
	counts   map[string]int
	inFlight map[string]int
	peak     map[string]int
	rates    map[string]*rateCounter // per mailbox
	requests int                     // without those of the control page
	parts    int
	bytes    int64 // delivered
}

func newRequestLog() requestLog {
	return requestLog{counts: map[string]int{}, inFlight: map[string]int{}, peak: map[string]int{}, rates: map[string]*rateCounter{}}
}

func (l *requestLog) begin(mailbox string) {
	if mailbox == "" {
		return
	}
	l.inFlight[mailbox]++
	l.peak[mailbox] = max(l.peak[mailbox], l.inFlight[mailbox])
}

func (l *requestLog) end(mailbox string) {
	if l.inFlight[mailbox]--; l.inFlight[mailbox] <= 0 {
		delete(l.inFlight, mailbox)
	}
}

func (s *Sim) record(c *call, a *response) {
	q := Request{Time: c.now, Method: c.r.Method, Path: c.r.URL.Path, Kind: c.kind, Mailbox: c.mailbox,
		Status: a.status, Bytes: len(a.body), Fault: a.kind, Part: c.part}
	if c.path[0] == "v1.0" {
		q.Query = c.r.URL.RawQuery
	}
	s.log.counts[c.kind]++
	if c.kind == "control" {
		return // the control page must not displace what it shows
	}
	s.log.count(c)
	if len(s.log.list) >= logSize {
		s.log.list = slices.Delete(s.log.list, 0, logSize/2)
	}
	s.log.list = append(s.log.list, q)
}

func (l *requestLog) count(c *call) {
	if c.part {
		l.parts++
	} else {
		l.requests++
	}
	if c.mailbox == "" {
		return
	}
	if l.rates[c.mailbox] == nil {
		l.rates[c.mailbox] = &rateCounter{first: c.now, width: time.Second}
	}
	l.rates[c.mailbox].add(c.now)
}

// Totals returns the HTTP requests of any kind, the parts of batches and the bytes of the bodies delivered since the
// start or [Sim.ResetRequests], without the control page.
func (s *Sim) Totals() (requests, parts int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.requests, s.log.parts, s.log.bytes
}

// Busiest returns the mailbox that got the most requests within any window of the given length on the simulator's
// clock since the start or [Sim.ResetRequests], and how many; parts of batches count, and so do requests that were
// refused. The result is an upper bound, see [rateCounter].
func (s *Sim) Busiest(window time.Duration) (mailbox string, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Sorted(maps.Keys(s.log.rates)) {
		if n := s.log.rates[m].peak(window); n > requests {
			mailbox, requests = m, n
		}
	}
	return mailbox, requests
}

// Requests returns the recorded requests, oldest first, without those of the control page; the oldest are
// dropped after about ten thousand.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log.list)
}

// Counts returns the number of requests of each kind since the start or [Sim.ResetRequests]. The kinds are
// authorize, token, devicecode, page, discovery, me, calendars, events, event, instances, calendarView,
// getSchedule, places, batch, control and other.
func (s *Sim) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.log.counts)
}

// MaxConcurrent returns the largest number of concurrent requests for a mailbox. Batches do not count.
func (s *Sim) MaxConcurrent(mailbox string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.peak[fold(mailbox)]
}

// ResetRequests clears the recorded requests, the counters, the totals and the maximum concurrency.
func (s *Sim) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.list = nil
	clear(s.log.counts)
	clear(s.log.peak)
	clear(s.log.rates)
	s.log.requests, s.log.parts, s.log.bytes = 0, 0, 0
}

// kindOf returns the kind of a request by its path, for the counters.
func kindOf(path []string) string {
	last := path[len(path)-1]
	switch {
	case isControl(path):
		return "control"
	case path[0] != "v1.0":
		return identityKind(last)
	case len(path) > 1 && path[1] == "places":
		return "places"
	}
	switch last {
	case "$batch":
		return "batch"
	case "me", "calendars", "events", "instances", "calendarView", "getSchedule":
		return last
	}
	if len(path) > 2 && path[len(path)-2] == "events" {
		return "event"
	}
	return "other"
}

func identityKind(last string) string {
	switch last {
	case "authorize", "token", "devicecode":
		return last
	case "devicelogin", "logout":
		return "page"
	case "openid-configuration", "instance", "keys":
		return "discovery"
	}
	return "other"
}
