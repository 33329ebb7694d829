package graph

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"roomgate/driver"
)

// Options are the settings of an account, and the parts a Provider is made of.
type Options struct {
	Account     string // name, for texts
	Program     string // how the commands of roomgate are called, in texts that advise one; empty: "roomgate"
	Cloud       string // "global", "us-gov", "us-dod" or "china"
	LoginURL    string // scheme and host of the sign-in server
	GraphURL    string // scheme and host of Graph
	Tenant      string
	ClientID    string
	SignIn      string // "code", "device" or "app"
	RedirectURI string // "code" only
	Scopes      []string
	Read        Way
	Secret      bool   // the client authenticates with a secret
	Certificate []byte // PEM, what the client authenticates with; nil: nothing or a secret

	// Without the next two a Provider has only its servers and instructions, and
	// cannot read.
	Session driver.Session
	Tokens  Tokens // of the Session

	HTTP      *http.Client // with a timeout
	UserAgent string
	Clock     Clock
	Jitter    func(max time.Duration) time.Duration // a random duration in [0, max)
	Log       *slog.Logger
}

// Provider is Microsoft 365 as one account uses it. Fetch and Sweep must not be
// called concurrently; to read in parallel with the poller, use another Provider with
// the same Session.
type Provider struct {
	*Calendar
	o Options
}

var (
	_ driver.Provider        = (*Provider)(nil)
	_ driver.HasSession      = (*Provider)(nil)
	_ driver.WhoSignedIn     = (*Provider)(nil)
	_ driver.Sweeper         = (*Provider)(nil)
	_ driver.Discoverer      = (*Provider)(nil)
	_ driver.Examiner        = (*Provider)(nil)
	_ driver.Guide           = (*Provider)(nil)
	_ driver.CredentialGuide = (*Provider)(nil)
)

// New returns a Provider; the error means that GraphURL is not usable.
func New(o Options) (*Provider, error) {
	o.Program = cmp.Or(o.Program, "roomgate")
	client, err := NewClient(ClientOptions{BaseURL: o.GraphURL, Login: o.login(), Discover: o.discover(), Tokens: o.Tokens, HTTP: o.HTTP,
		UserAgent: o.UserAgent, Clock: o.Clock, Jitter: o.Jitter, Log: o.Log})
	if err != nil {
		return nil, err
	}
	return &Provider{NewCalendar(client, CalendarOptions{Read: o.Read, App: o.app()}), o}, nil
}

// Service implements driver.Provider.
func (p *Provider) Service() string { return serviceName }

// Session implements driver.HasSession.
func (p *Provider) Session() driver.Session { return p.o.Session }

// Tokens are those of the session, for a Provider with other settings that keeps
// the sign-in.
func (p *Provider) Tokens() Tokens { return p.o.Tokens }

// SignedInUser implements driver.WhoSignedIn.
func (p *Provider) SignedInUser(ctx context.Context) (string, error) {
	user, err := p.client.Me(ctx)
	return user.Address, err
}

// login is the command that signs the account in.
func (o Options) login() string { return o.Program + " login " + o.Account }

// discover is the command that lists what the account can see.
func (o Options) discover() string { return o.Program + " rooms discover --account " + o.Account }

// app reports whether the gateway signs in as an application and not as a user.
func (o Options) app() bool { return o.SignIn == "app" }
