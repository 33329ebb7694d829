// Package graphsim simulates the Microsoft identity platform and the calendar part of Microsoft Graph.
//
// It is an http.Handler with a fictitious company in memory: applications, people, meeting rooms and their
// bookings. By default it misbehaves at random, so that tests show whether a client handles faults: it throttles,
// resets connections, truncates bodies, returns short and empty pages and shuffles rows without a requested order.
// Options.Polite turns that off. Nothing is written to disk and no password is checked: it is unsuitable for
// production use.
//
// Not simulated: writing events through Graph, calendarView/delta, change notifications, personal accounts.
package graphsim

import (
	"bytes"
	"crypto/rsa"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxBody is the largest request body read; Graph itself stops at 4 MB.
const maxBody = 4 << 20

// Options are the options of New. The zero value is ready for use: wall clock, seed 1, random faults.
type Options struct {
	Now     func() time.Time    // the service's clock; nil: time.Now
	Seed    uint64              // source of identifiers and misbehaviour; 0 means 1
	Polite  bool                // true: no random faults, stable order; pages still hold 10 rows
	BaseURL string              // absolute URL in nextLinks and pages; "": taken from each request
	Sleep   func(time.Duration) // delays a slow response; nil: no random delays, and requested ones use a timer
}

// Sim is the simulated service. It is safe for concurrent use.
type Sim struct {
	base  string
	now   func() time.Time
	sleep func(time.Duration)
	key   func() *rsa.PrivateKey // signs id tokens; made at first use, because that is slow

	mu        sync.Mutex // guards everything below
	rng       *rand.Rand
	behaviour Behaviour
	directory directory
	issued    issuedTokens
	forced    []*forcedFault
	log       requestLog
}

// Behaviour is how the simulator behaves, changed with [Sim.Set]. Zero durations mean the defaults.
type Behaviour struct {
	Polite          bool          // no random faults, stable order
	Faults          FaultRates    // rates of the random faults
	AutoApprove     bool          // authorize redirects at once as login_hint or the first user
	AccessLifetime  time.Duration // of an access token; 0: random 60 to 90 minutes
	CodeLifetime    time.Duration // of an authorization code; 0: 10 minutes
	DeviceLifetime  time.Duration // of a device code; 0: 15 minutes
	RefreshLifetime time.Duration // of a refresh token from its issue; 0: 90 days
	NoRotation      bool          // a refresh does not return a new refresh token
	WithheldScopes  []string      // scopes that are requested and never granted
	Latency         time.Duration // added to every response except those of the control page
	ThrottleUntil   time.Time     // Graph returns 429 until then
	OutageUntil     time.Time     // identity and Graph return 503, 504 or nothing until then

	// StrictRotation is stricter than Microsoft: once an access token that came with a newer refresh token is
	// used at Graph, every older refresh token of that sign-in is revoked. It shows whether a client stores a
	// refresh token before it uses the access token.
	StrictRotation bool
	// IgnoreTimezonePref writes start and end in the event's own zone, by its Windows or its IANA name,
	// regardless of the Prefer header.
	// In a schedule it does not do so for UTC: all-day events would look like timed ones.
	IgnoreTimezonePref bool
	// UnsharedIs404 returns 404 ErrorItemNotFound for an unshared calendar, not 403 ErrorAccessDenied.
	UnsharedIs404 bool
	// MailboxLimit is the number of requests one mailbox serves at a time, 429 beyond it (Microsoft: 4), and
	// the number of parts of one batch it serves; 0: no limit. Other mailboxes' parts do not count.
	MailboxLimit int
	// BatchBlocked returns 404 and an HTML page for /$batch, as a proxy with a list of allowed paths does.
	BatchBlocked bool
}

// New returns a simulator with tenant contoso.example, the application of [DefaultClient] and one user.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	s := &Sim{
		base:      strings.TrimSuffix(o.BaseURL, "/"),
		now:       o.Now,
		sleep:     o.Sleep,
		key:       sync.OnceValue(newSigningKey),
		rng:       rand.New(rand.NewPCG(o.Seed, 0)),
		behaviour: Behaviour{Polite: o.Polite, Faults: DefaultFaultRates()},
		directory: newDirectory(),
		log:       newRequestLog(),
	}
	s.issued = newIssuedTokens()
	id, secret, redirect := DefaultClient()
	s.AddApp(App{
		ClientID: id, Name: "roomgate", Secrets: []Secret{{Value: secret}}, PublicClient: true,
		Redirects: []Redirect{{Web, redirect}, {Native, "https://login.microsoftonline.com/common/oauth2/nativeclient"}},
		AppRoles:  []string{"Calendars.Read", "Place.Read.All"},
	})
	s.AddUser(User{UPN: ServiceAccount, Name: "Room Service"})
	return s
}

// Set changes the behaviour under the lock: s.Set(func(w *graphsim.Switches) { w.Polite = true }).
// The function must not call the Sim.
func (s *Sim) Set(change func(*Behaviour)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.behaviour)
}

// Behaviour returns a copy of the current behaviour.
func (s *Sim) Behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour
}

// call is one request that is being processed; a part of a batch is a call of its own.
type call struct {
	r       *http.Request
	body    []byte
	now     time.Time
	base    string // scheme and host for absolute links
	path    []string
	kind    string // in the request log
	mailbox string // whose calendar is addressed, "" if none
	id      string // request-id
	part    bool   // of a batch
}

// ServeHTTP serves identity requests under /{tenant}/, Graph under /v1.0/ and the control page at / and /sim/.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			http.Error(w, "the request body could not be read: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.mu.Lock()
	c := s.newCall(r, body)
	s.log.begin(c.mailbox)
	a := s.respond(c)
	s.finish(c, &a)
	s.mu.Unlock()
	sent := 0
	defer func() { s.end(c, sent) }() // deferred, because a connection reset panics
	sent = s.send(w, r, a)
}

func (s *Sim) end(c *call, sent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.end(c.mailbox)
	if c.kind != "control" {
		s.log.bytes += int64(sent)
	}
}

func (s *Sim) newCall(r *http.Request, body []byte) *call {
	inner := r.Clone(r.Context())
	inner.Body = io.NopCloser(bytes.NewReader(body))
	c := &call{r: inner, body: body, now: s.now().UTC(), base: s.baseOf(r), path: segments(r.URL.EscapedPath()), id: s.guid()}
	c.kind = kindOf(c.path)
	c.mailbox = s.mailboxOf(c)
	return c
}

func (s *Sim) baseOf(r *http.Request) string {
	if s.base != "" {
		return s.base
	}
	scheme, host := "http", r.Host
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	if host == "" {
		host = r.URL.Host
	}
	return scheme + "://" + host
}

// respond computes the response, faults included; the caller holds the lock.
func (s *Sim) respond(c *call) response {
	if isControl(c.path) {
		return s.control(c)
	}
	f := s.pickFault(c)
	a, replaced := s.faultResponse(c, f)
	switch {
	case replaced:
	case c.path[0] == "v1.0":
		a = s.graph(c)
	default:
		a = s.identity(c)
	}
	a.kind, a.delay = f.Kind, f.Delay+s.behaviour.Latency
	return a
}

// finish adds the headers of every response and records the request.
func (s *Sim) finish(c *call, a *response) {
	h := a.header
	h.Set("X-Simulator", "roomgate")
	h.Set("Date", c.now.Format(http.TimeFormat))
	own := c.r.Header.Get("client-request-id")
	if c.path[0] == "v1.0" {
		h.Set("request-id", c.id)
		if own == "" {
			own = c.id
		}
		h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Simulator","Slice":"E","Ring":"5","ScaleUnit":"002","RoleInstance":"SIM"}}`)
	} else {
		h.Set("x-ms-request-id", c.id)
	}
	if own != "" {
		h.Set("client-request-id", own)
	}
	s.record(c, a)
}
