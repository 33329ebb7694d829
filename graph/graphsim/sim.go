// Package graphsim pretends to be the Microsoft identity platform and the calendar part of Microsoft Graph.
//
// It is an http.Handler that keeps a small made-up company in memory: applications, people, meeting rooms and
// their bookings. It is dishonest by default, so that a client which trusts it fails on the first day: it
// throttles, resets connections, cuts bodies short, hands out short and empty pages and shuffles whatever was
// not asked for in an order. Options.Polite turns that off. Nothing is written to disk and no password is
// checked, so it cannot be run in earnest.
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

// Options set up a Sim. The zero value is ready for use: wall clock, seed 1, dishonest.
type Options struct {
	Now     func() time.Time    // the service's clock; nil: time.Now
	Seed    uint64              // source of identifiers and misbehaviour; 0 means 1
	Polite  bool                // true: no random faults, stable order; pages still hold 10 rows
	BaseURL string              // absolute URL written into nextLinks and pages; "": taken from each request
	Sleep   func(time.Duration) // how a slow answer waits; nil: no random slowness, ordered delays use a timer
}

// Sim is the simulated service. It is safe for concurrent use.
type Sim struct {
	base  string
	now   func() time.Time
	sleep func(time.Duration)
	key   func() *rsa.PrivateKey // signs id tokens; made when first needed, for it is slow to make

	mu     sync.Mutex // guards everything below
	rng    *rand.Rand
	sw     Switches
	world  world
	grants grants
	forced []*forcedFault
	log    requestLog
}

// Switches are the hands on the simulator, changed with [Sim.Set]. Durations of zero mean the usual ones.
type Switches struct {
	Polite        bool          // no random faults, stable order
	Mischief      Mischief      // rates of the random faults
	AutoApprove   bool          // authorize redirects at once as login_hint or the first user
	AccessLife    time.Duration // life of an access token; 0: random 60 to 90 minutes
	CodeLife      time.Duration // life of an authorization code; 0: 10 minutes
	DeviceLife    time.Duration // life of a device code; 0: 15 minutes
	RefreshIdle   time.Duration // life of a refresh token from its issue; 0: 90 days
	NoRotation    bool          // a refresh answers without a new refresh token
	ConsentFewer  []string      // scopes silently left out of every grant
	Latency       time.Duration // added to every answer but the control page's
	ThrottleUntil time.Time     // Graph answers 429 until then
	OutageUntil   time.Time     // identity and Graph answer 503, 504 or nothing until then

	// StrictRotation is harsher than Microsoft: once an access token that came with a newer refresh token is
	// used at Graph, every older refresh token of that sign-in is revoked. It proves a client's durability.
	StrictRotation bool
	// IgnoreTimezonePref writes start and end in the event's own zone, by its Windows or its IANA name,
	// whatever the Prefer header asked for.
	IgnoreTimezonePref bool
	// UnsharedIs404 answers 404 ErrorItemNotFound for an unshared calendar, not 403 ErrorAccessDenied.
	UnsharedIs404 bool
	// MailboxLimit is the number of requests one mailbox serves at a time, 429 beyond it (Microsoft: 4), and
	// the number of parts of one batch it serves; 0: no limit. Other mailboxes' parts do not count.
	MailboxLimit int
	// BatchRefused answers /$batch with 404 and an HTML page, as a network does that lets only known paths through.
	BatchRefused bool
}

// New returns a simulator holding tenant contoso.example, the application of [DefaultClient] and one user.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	s := &Sim{
		base:  strings.TrimSuffix(o.BaseURL, "/"),
		now:   o.Now,
		sleep: o.Sleep,
		key:   sync.OnceValue(newSigningKey),
		rng:   rand.New(rand.NewPCG(o.Seed, 0)),
		sw:    Switches{Polite: o.Polite, Mischief: DefaultMischief()},
		world: newWorld(),
		log:   newRequestLog(),
	}
	s.grants = newGrants()
	id, secret, redirect := DefaultClient()
	s.AddApp(App{
		ClientID: id, Name: "roomgate", Secrets: []Secret{{Value: secret}}, PublicClient: true,
		Redirects: []Redirect{{Web, redirect}, {Native, "https://login.microsoftonline.com/common/oauth2/nativeclient"}},
		AppRoles:  []string{"Calendars.Read", "Place.Read.All"},
	})
	s.AddUser(User{UPN: ServiceAccount, Name: "Room Service"})
	return s
}

// Set changes the switches under the lock: s.Set(func(w *graphsim.Switches) { w.Polite = true }).
// The function must not call the Sim.
func (s *Sim) Set(change func(*Switches)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.sw)
}

// Switches returns a copy of the switches as they stand.
func (s *Sim) Switches() Switches {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sw
}

// call is one request on its way through the simulator; a part of a batch is a call of its own.
type call struct {
	r       *http.Request
	body    []byte
	now     time.Time
	base    string // scheme and host for absolute links
	path    []string
	kind    string // of the request log
	mailbox string // whose calendar is meant, "" if none
	id      string // request-id
	part    bool   // of a batch
}

// ServeHTTP answers identity requests under /{tenant}/, Graph under /v1.0/ and the control page at / and /sim/.
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
	c := s.begin(r, body)
	s.log.enter(c.mailbox)
	a := s.answer(c)
	s.finish(c, &a)
	s.mu.Unlock()
	sent := 0
	defer func() { s.leave(c, sent) }() // a reset leaves by a panic
	sent = s.deliver(w, r, a)
}

func (s *Sim) leave(c *call, sent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.leave(c.mailbox)
	if c.kind != "control" {
		s.log.bytes += int64(sent)
	}
}

func (s *Sim) begin(r *http.Request, body []byte) *call {
	inner := r.Clone(r.Context())
	inner.Body = io.NopCloser(bytes.NewReader(body))
	c := &call{r: inner, body: body, now: s.now().UTC(), base: s.baseOf(r), path: segments(r.URL.EscapedPath()), id: s.guid()}
	c.kind = kindOf(c.path)
	c.mailbox = s.targetOf(c)
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

// answer computes the whole answer, misbehaviour included, under the lock.
func (s *Sim) answer(c *call) answer {
	if isControl(c.path) {
		return s.control(c)
	}
	f := s.pickFault(c)
	a, replaced := s.replacement(c, f)
	switch {
	case replaced:
	case c.path[0] == "v1.0":
		a = s.graph(c)
	default:
		a = s.identity(c)
	}
	a.kind, a.delay = f.Kind, f.Delay+s.sw.Latency
	return a
}

// finish adds the headers every answer carries and records the request.
func (s *Sim) finish(c *call, a *answer) {
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
