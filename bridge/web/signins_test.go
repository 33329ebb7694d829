package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The secrets of the tests: none of them may stand in an answer.
const (
	setUpCode  = "BRAVO-7719"
	apiKey     = "key-for-integrators-of-many-gateways"
	secretCode = "0.AXkAcodeOfMicrosoft"
)

// fakeSignIns notes what it is asked for and answers with what it was given.
type fakeSignIns struct {
	views     []SignInView
	address   string // of Microsoft's page; {redirect} in it is replaced
	connected Connected
	err       error

	mu    sync.Mutex
	calls []string
}

func (f *fakeSignIns) note(words ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(words, "|"))
}

// asked returns the calls since it was last called.
func (f *fakeSignIns) asked() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.calls = nil }()
	return strings.Join(f.calls, "\n")
}

func (f *fakeSignIns) Accounts() []SignInView {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.views)
}

// change lets the accounts stand otherwise.
func (f *fakeSignIns) change(to func(views []SignInView)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to(f.views)
}

func (f *fakeSignIns) Begin(account, hint, prompt, redirect string) (string, error) {
	f.note("begin", account, hint, prompt, redirect)
	return strings.ReplaceAll(f.address, "{redirect}", url.QueryEscape(redirect)), f.err
}

func (f *fakeSignIns) Complete(_ context.Context, account, pasted string) error {
	f.note("complete", account, pasted)
	return f.err
}

func (f *fakeSignIns) StartDevice(_ context.Context, account string) (DeviceView, error) {
	f.note("device", account)
	return DeviceView{}, f.err
}

func (f *fakeSignIns) Connect(_ context.Context, code, name string) (Connected, error) {
	f.note("connect", code, name)
	return f.connected, f.err
}

func (f *fakeSignIns) ConnectURL(email, state string) (string, error) {
	f.note("url", email, state)
	return f.address, f.err
}

// failed is an error as the sign-ins return it.
type failed struct {
	words, action, code string
	person              bool
}

func (e failed) Error() string     { return e.words }
func (e failed) Action() string    { return e.action }
func (e failed) OAuthCode() string { return e.code }
func (e failed) NeedsPerson() bool { return e.person }

// byCode is an account that signs in by authorization code and never has.
func byCode(redirect string) SignInView {
	return SignInView{Name: "rooms", Kind: "code", State: "never_signed_in", Reason: "nobody has signed in yet", RedirectURI: redirect,
		ClientID: "6731de76-14a6-49ae-97bc-6eba6914391e", Tenant: "common", Scopes: []string{"offline_access", "Calendars.Read"}}
}

// signInOptions are options with a set-up page and the connect API. The set-up
// code works as often as it is entered.
func signInOptions(t *testing.T, views ...SignInView) (Options, *fakeSignIns) {
	f := &fakeSignIns{views: views, address: "https://login.example/authorize?client_id=6731&state=st4te"}
	o := options(t)
	o.SignIns, o.APIKey = f, apiKey
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
