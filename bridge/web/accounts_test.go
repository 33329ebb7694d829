package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"roomgate/driver"
)

// The secrets of the tests: none of them may stand in an answer.
const (
	setUpCode  = "BRAVO-7719"
	apiKey     = "key-for-integrators-of-many-gateways"
	secretCode = "0.AXkAcodeOfContoso"
)

// fakeAccount is an account of the made-up service Contoso Calendar.
type fakeAccount struct {
	name     string
	way      string // "code", "device", "itself"; empty: it needs no sign-in
	redirect string // redirect URI
	status   driver.SessionStatus
	prepare  []driver.Block // nil: the provider has no texts for people
	notes    []driver.Block
}

// fakeService has accounts, notes what it is asked for, and answers with what it
// was given.
type fakeService struct {
	all       []fakeAccount
	address   string // of the sign-in page; {redirect} in it is replaced
	connected Connected
	err       error

	mu    sync.Mutex
	calls []string
}

func (f *fakeService) note(words ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(words, "|"))
}

// asked returns the calls since it was last called.
func (f *fakeService) asked() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.calls = nil }()
	return strings.Join(f.calls, "\n")
}

// fail lets what is called from now on fail; nil: it succeeds.
func (f *fakeService) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeService) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// change changes the accounts.
func (f *fakeService) change(to func(all []fakeAccount)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to(f.all)
}

// accounts are the accounts with providers that have no more abilities than the
// account needs.
func (f *fakeService) accounts() []Account {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Account
	for i, a := range f.all {
		base := contoso{f: f, i: i}
		var p driver.Provider = base
		switch {
		case a.way == "":
		case a.prepare != nil:
			p = contosoWithTexts{contosoWithSession{base, a.way}, a}
		default:
			p = contosoWithSession{base, a.way}
		}
		out = append(out, Account{Name: a.name, Kind: "contoso", Provider: p})
	}
	return out
}

// contoso is the provider of an account; nobody reads its calendars here.
type contoso struct {
	driver.Calendar
	f *fakeService
	i int // account
}

func (contoso) Service() string { return "Contoso Calendar" }

func (c contoso) account() fakeAccount {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	return c.f.all[c.i]
}

type contosoWithSession struct {
	contoso
	way string
}

func (c contosoWithSession) Session() driver.Session {
	s := contosoSession{contoso: c.contoso}
	switch c.way {
	case "code":
		return codeSession{s}
	case "device":
		return deviceSession{s}
	}
	return s
}

type contosoWithTexts struct {
	contosoWithSession
	a fakeAccount
}

func (c contosoWithTexts) Preparation() []driver.Block { return c.a.prepare }

func (c contosoWithTexts) SignInNotes() []driver.Block { return c.a.notes }

func (contosoWithTexts) HandOver(driver.HandOver) []driver.Block { return nil }

// contosoSession signs in without a user.
type contosoSession struct{ contoso }

func (s contosoSession) Status() driver.SessionStatus { return s.account().status }
func (contosoSession) Changed() <-chan struct{}       { return nil }
func (contosoSession) Run(ctx context.Context) error  { <-ctx.Done(); return ctx.Err() }
func (s contosoSession) Verify(context.Context) error { return s.f.failure() }

type codeSession struct{ contosoSession }

func (s codeSession) RedirectURI() string { return s.account().redirect }

func (s codeSession) Begin(r driver.AuthorizationRequest) (string, error) {
	s.f.note("begin", s.account().name, r.LoginHint, r.Prompt, r.RedirectURI)
	return strings.ReplaceAll(s.f.address, "{redirect}", url.QueryEscape(r.RedirectURI)), s.f.failure()
}

func (s codeSession) Complete(_ context.Context, response string) error {
	s.f.note("complete", s.account().name, response)
	return s.f.failure()
}

func (s codeSession) CompleteCode(context.Context, string) error {
	return errors.New("the pages never complete a sign-in without PKCE")
}

type deviceSession struct{ contosoSession }

func (s deviceSession) StartDevice(context.Context) (driver.DeviceCode, error) {
	s.f.note("device", s.account().name)
	return driver.DeviceCode{}, s.f.failure()
}

func (deviceSession) WaitDevice(context.Context) error { return nil }

// Connect implements Connector.
func (f *fakeService) Connect(_ context.Context, r ConnectRequest) (Connected, error) {
	f.note("connect", r.Kind, r.Code, r.Name, r.State)
	return f.connected, f.failure()
}

// ConnectURL implements Connector.
func (f *fakeService) ConnectURL(_ context.Context, kind, email, state string) (string, error) {
	f.note("url", kind, email, state)
	return f.address, f.failure()
}

// failed is an error as sessions and Connectors return it.
type failed struct {
	words, action, code string
	person              bool
	cause               error
}

func (e failed) Error() string     { return e.words }
func (e failed) Action() string    { return e.action }
func (e failed) OAuthCode() string { return e.code }
func (e failed) NeedsPerson() bool { return e.person }
func (e failed) Unwrap() error     { return e.cause }

// byCode is an account that nobody has signed in to with a browser yet.
func byCode(redirect string) fakeAccount {
	return fakeAccount{name: "rooms", way: "code", redirect: redirect,
		status:  driver.SessionStatus{State: driver.NeverSignedIn, Reason: "nobody has signed in yet"},
		prepare: []driver.Block{{Text: "Register `" + redirect + "` at Contoso."}},
		notes:   []driver.Block{{Text: "It will be asked for: `Calendars.Read`. An error that begins with CC: `roomgate explain CC…`."}}}
}

// byDevice is an account that nobody has signed in to with a device code yet.
func byDevice() fakeAccount {
	return fakeAccount{name: "rooms", way: "device", status: driver.SessionStatus{State: driver.NeverSignedIn}}
}

// deviceCodeOf is a device code that waits to be entered.
func deviceCodeOf(address string) *driver.DeviceCode {
	return &driver.DeviceCode{UserCode: "C7KQ4RHDN", VerificationURI: address, Expires: noon.Add(15 * time.Minute)}
}

// signInOptions are options with set-up pages and the connect API. The set-up
// code works as often as it is entered.
func signInOptions(t *testing.T, all ...fakeAccount) (Options, *fakeService) {
	f := &fakeService{all: all, address: "https://login.example/authorize?client_id=6731&state=st4te"}
	o := options(t)
	o.Accounts, o.Connector, o.APIKey = f.accounts, f, apiKey
	o.SetUpCode = func(code string) bool { return code == setUpCode }
	return o, f
}

// send has the handler answer a form that a browser sends from the page itself.
func send(h http.Handler, target string, form url.Values, header ...string) *httptest.ResponseRecorder {
	return post(h, target, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, header...)...)
}

func post(h http.Handler, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Host = "localhost:8080"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// enter enters the set-up code and returns the header with which the browser
// goes on.
func enter(t *testing.T, h http.Handler) []string {
	t.Helper()
	w := send(h, "/setup/code", url.Values{"code": {" " + setUpCode + "\n"}, "account": {"rooms"}})
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		t.Fatalf("the set-up code: status %d with %d cookies, want 303 with one", w.Code, len(cookies))
	}
	return []string{"Cookie", cookies[0].Name + "=" + cookies[0].Value}
}

// refusedCount reads the counter of refusals for a reason.
func refusedCount(t *testing.T, h http.Handler, reason string) string {
	t.Helper()
	prefix := fmt.Sprintf("\nroomgate_requests_refused_total{reason=%q} ", reason)
	_, rest, ok := strings.Cut(get(t, h, "/metrics"), prefix)
	if !ok {
		t.Fatalf("the refusals for %s are not counted", reason)
	}
	count, _, _ := strings.Cut(rest, "\n")
	return count
}
