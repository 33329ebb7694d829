package graphsim

import (
	"maps"
	"slices"
	"time"
)

// logSize bounds the list of recorded requests; the counters go on for ever.
const logSize = 20000

// Request is one recorded request. A part of a batch is recorded as a request of its own with Part set.
type Request struct {
	Time    time.Time `json:"time"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Query   string    `json:"query,omitempty"` // Graph only; identity queries are not kept
	Kind    string    `json:"kind"`            // see [Sim.Counts]
	Mailbox string    `json:"mailbox,omitempty"`
	Status  int       `json:"status"`
	Bytes   int       `json:"bytes"`           // of the body as composed
	Fault   FaultKind `json:"fault,omitempty"` // how the delivery was spoiled
	Part    bool      `json:"part,omitempty"`
}

type requestLog struct {
	list     []Request
	counts   map[string]int
	inFlight map[string]int
	most     map[string]int
	tallies  map[string]*tally // per mailbox
	requests int               // but those of the control page
	parts    int
	bytes    int64 // delivered
}

func newRequestLog() requestLog {
	return requestLog{counts: map[string]int{}, inFlight: map[string]int{}, most: map[string]int{}, tallies: map[string]*tally{}}
}

func (l *requestLog) enter(mailbox string) {
	if mailbox == "" {
		return
	}
	l.inFlight[mailbox]++
	l.most[mailbox] = max(l.most[mailbox], l.inFlight[mailbox])
}

func (l *requestLog) leave(mailbox string) {
	if l.inFlight[mailbox]--; l.inFlight[mailbox] <= 0 {
		delete(l.inFlight, mailbox)
	}
}

func (s *Sim) record(c *call, a *answer) {
	q := Request{Time: c.now, Method: c.r.Method, Path: c.r.URL.Path, Kind: c.kind, Mailbox: c.mailbox,
		Status: a.status, Bytes: len(a.body), Fault: a.kind, Part: c.part}
	if c.path[0] == "v1.0" {
		q.Query = c.r.URL.RawQuery
	}
	s.log.counts[c.kind]++
	if c.kind == "control" {
		return // people at the control page must not push out what they look at
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
	if l.tallies[c.mailbox] == nil {
		l.tallies[c.mailbox] = &tally{first: c.now, width: time.Second}
	}
	l.tallies[c.mailbox].add(c.now)
}

// Totals returns the HTTP requests of any kind, the parts of batches and the bytes of the bodies delivered since the
// start or [Sim.ResetRequests], the control page left out.
func (s *Sim) Totals() (requests, parts int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.requests, s.log.parts, s.log.bytes
}

// Busiest returns the mailbox that got the most requests within any window of the given length on the simulator's
// clock since the start or [Sim.ResetRequests], and how many; parts of batches count, and so do requests that were
// refused. It rather counts too many than too few: what a [tally] holds together is in a window or not as a whole.
func (s *Sim) Busiest(window time.Duration) (mailbox string, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Sorted(maps.Keys(s.log.tallies)) {
		if n := s.log.tallies[m].most(window); n > requests {
			mailbox, requests = m, n
		}
	}
	return mailbox, requests
}

// Requests returns the recorded requests, oldest first, without those of the control page; the oldest fall out
// after some ten thousand.
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

// MaxConcurrent returns the largest number of requests that were being answered at once for a mailbox.
// A batch counts for none.
func (s *Sim) MaxConcurrent(mailbox string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.most[fold(mailbox)]
}

// ResetRequests forgets the recorded requests, the counters, the totals and the concurrency seen.
func (s *Sim) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.list = nil
	clear(s.log.counts)
	clear(s.log.most)
	clear(s.log.tallies)
	s.log.requests, s.log.parts, s.log.bytes = 0, 0, 0
}

// kindOf names what a path asks for, for the counters.
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
