package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/bridge/web"
	"roomgate/driver"
)

const redirectURI = "http://localhost/callback"

// fakeSession is a sign-in with a browser that notes how it was completed.
type fakeSession struct {
	driver.CodeSignIn // what a Connector does not use
	name              string

	mu        sync.Mutex
	status    driver.SessionStatus
	begun     int
	completed []string
	err       error // of Begin and Complete
}

func (s *fakeSession) Status() driver.SessionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *fakeSession) RedirectURI() string { return redirectURI }

// Begin gives the n-th sign-in of the account the state "account-n".
func (s *fakeSession) Begin(r driver.AuthorizationRequest) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	return fmt.Sprintf("https://login.example/authorize?login_hint=%s&state=%s-%d", url.QueryEscape(r.LoginHint), s.name, s.begun), s.err
}

func (s *fakeSession) Complete(_ context.Context, response string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.completed = append(s.completed, response)
	if s.err == nil {
		s.status = driver.SessionStatus{State: driver.SignedIn, Scopes: []string{"calendars"}}
	}
	return s.err
}

// fakeProvider has a session; its user is asked for after a sign-in.
type fakeProvider struct {
	driver.Provider
	session driver.Session
	user    string
	err     error
}

func (p fakeProvider) Session() driver.Session { return p.session }

func (p fakeProvider) SignedInUser(context.Context) (string, error) { return p.user, p.err }

// withoutSession is a provider that needs no sign-in.
type withoutSession struct{ driver.Provider }

// connecting is a Connector with accounts of the given names that nobody is signed
// in to.
type connecting struct {
	*Connector
	t        *testing.T
	sessions map[string]*fakeSession

	mu   sync.Mutex
	list []web.Account
}

func (c *connecting) accountsNow() []web.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// replace replaces the first account.
func (c *connecting) replace(a web.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list[0] = a
}

func newConnecting(t *testing.T, names ...string) *connecting {
	c := &connecting{t: t, sessions: map[string]*fakeSession{}}
	for _, name := range names {
		s := &fakeSession{name: name, status: driver.SessionStatus{State: driver.NeverSignedIn}}
		c.sessions[name] = s
		c.list = append(c.list, web.Account{Name: name, Kind: "contoso", Provider: fakeProvider{session: s, user: name + "@contoso.example"}})
	}
	c.Connector = NewConnector(func() string { return "hq" }, c.accountsNow)
	return c
}

// begin returns the account that an e-mail address got.
func (c *connecting) begin(email, state string) string {
	c.t.Helper()
	before := map[string]int{}
	for name, s := range c.sessions {
		before[name] = s.begun
	}
	if _, err := c.ConnectURL(c.t.Context(), "contoso", email, state); err != nil {
		return "error: " + err.Error()
	}
	for name, s := range c.sessions {
		if s.begun > before[name] {
			return name
		}
	}
	c.t.Fatal("no sign-in was started")
	return ""
}

func (c *connecting) connect(code, name, state string) (web.Connected, error) {
	return c.Connect(c.t.Context(), web.ConnectRequest{Kind: "contoso", Code: code, Name: name, State: state})
}

// completed are the responses that reached the sessions.
func (c *connecting) completed() (all []string) {
	for _, s := range c.sessions {
		all = append(all, s.completed...)
	}
	slices.Sort(all)
	return all
}

// wantRefusal wants an error with these words for the API, and no code used.
func (c *connecting) wantRefusal(err error, code string, person bool) {
	c.t.Helper()
	var refusal connectError
	if !errors.As(err, &refusal) || refusal.OAuthCode() != code || refusal.NeedsPerson() != person {
		c.t.Errorf("the error is %v (%+v), want one with the code %q, for a person %v", err, refusal, code, person)
	}
	if got := c.completed(); len(got) > 0 {
		c.t.Errorf("codes were used: %q", got)
	}
}

func TestConnectURL(t *testing.T) {
	for state, want := range map[string]string{
		"":      "https://login.example/authorize?login_hint=a%2Bb%40contoso.example",
		"s &=t": "https://login.example/authorize?login_hint=a%2Bb%40contoso.example&state=s+%26%3Dt",
	} {
		if got, err := newConnecting(t, "rooms").ConnectURL(t.Context(), "contoso", "a+b@contoso.example", state); err != nil || got != want {
			t.Errorf("state %q: %s, %v; want %s", state, got, err, want)
		}
	}
}

func TestConnectChoosesAnAccount(t *testing.T) {
	is := func(user string, state driver.SessionState) driver.SessionStatus {
		return driver.SessionStatus{User: user, State: state}
	}
	never, needed, fine := is("", driver.NeverSignedIn), is("", driver.SignInNeeded), is("", driver.SignedIn)
	ada, bob := is("ada@contoso.example", driver.SignedIn), is("bob@contoso.example", driver.SignInNeeded)
	for _, c := range []struct {
		name  string
		first driver.SessionStatus // of account first; then of second
		other driver.SessionStatus
		want  string
	}{
		{"both vacant", never, needed, "first"},
		{"the second is vacant", fine, needed, "second"},
		{"the second is the person's", never, ada, "second"},
		{"the first is of a user who has to sign in again", bob, never, "second"},
		{"none is vacant", fine, bob, "first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newConnecting(t, "first", "second")
			g.sessions["first"].status, g.sessions["second"].status = c.first, c.other
			if got := g.begin("Ada@contoso.example", ""); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestConnectReservesAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConnecting(t, "first", "second")
		const refused = "error: every account waits for a sign-in that was started for another e-mail address within the last hour; " +
			"complete that sign-in, or try again later"
		want := func(email, account string) {
			t.Helper()
			if got := c.begin(email, ""); got != account {
				t.Errorf("%s got %s, want %s", email, got, account)
			}
		}
		want("ada@contoso.example", "first")
		want("ada@contoso.example", "first")
		time.Sleep(time.Minute)
		want("bob@contoso.example", "second")
		want("ADA@contoso.example", "first")
		want("eve@contoso.example", refused)
		time.Sleep(time.Hour - time.Minute)
		want("eve@contoso.example", refused) // Ada asked again a minute after the first time
		time.Sleep(time.Minute)
		want("eve@contoso.example", "first")
		want("fay@contoso.example", "second")
		_, err := c.ConnectURL(t.Context(), "contoso", "guy@contoso.example", "")
		c.wantRefusal(err, "", false)
	})
}

func TestConnectWithoutAccountsForIt(t *testing.T) {
	c := newConnecting(t, "rooms")
	c.list = append(c.list, web.Account{Name: "feed", Kind: "feed", Provider: withoutSession{}})
	for _, kind := range []string{"feed", "nobody's"} {
		if _, err := c.ConnectURL(t.Context(), kind, "ada@contoso.example", ""); err == nil || err.Error() != "nobody signs in to an account of this provider with a browser, so that there is no code; configure such an account" {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := c.Connect(t.Context(), web.ConnectRequest{Kind: kind, Code: "code", Name: "rooms"}); err == nil || len(c.completed()) > 0 {
			t.Errorf("%s: %v, used %q", kind, err, c.completed())
		}
	}
}

func TestConnectReturnsTheErrorOfTheSession(t *testing.T) {
	c := newConnecting(t, "rooms")
	failure := errors.New("disk full")
	c.sessions["rooms"].err = failure
	if _, err := c.ConnectURL(t.Context(), "contoso", "ada@contoso.example", ""); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	if _, err := c.connect("code", "HQ", ""); err == nil || len(c.completed()) > 0 {
		t.Errorf("a sign-in that was not started can be completed: %v", err)
	}
	c.sessions["rooms"].err = nil
	c.begin("ada@contoso.example", "")
	c.sessions["rooms"].err = failure
	if _, err := c.connect("code", "HQ", ""); !errors.Is(err, failure) {
		t.Errorf("the error is %v", err)
	}
	c.sessions["rooms"].err = nil
	if _, err := c.connect("code", "HQ", ""); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}

// TestConnectFindsThePendingSignIn starts sign-ins of Ada, with the state s1, at
// the account first, and of Bob, with s2, at second.
func TestConnectFindsThePendingSignIn(t *testing.T) {
	const (
		first  = redirectURI + "?code=c%26de&state=first-1"
		second = redirectURI + "?code=c%26de&state=second-1"
	)
	for _, c := range []struct {
		name        string
		given       string // name in the request
		state       string
		want        string // the response that is completed; empty: none
		wantRefusal string
	}{
		{"by state", "HQ", "s2", second, ""},
		{"by state before the account", "second", "s1", first, ""},
		{"by account", "second", "", second, ""},
		{"by e-mail address", "Bob@contoso.example", "", second, ""},
		{"by account before an unknown state", "second", "s3", "c&de", ""},
		{"by nothing", "HQ", "", "", "invalid_request"},
		{"by an unknown state", "HQ", "s3", "", "invalid_grant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newConnecting(t, "first", "second", "third")
			g.begin("ada@contoso.example", "s1")
			g.begin("bob@contoso.example", "s2")
			got, err := g.connect("c&de", c.given, c.state)
			if c.want == "" {
				g.wantRefusal(err, c.wantRefusal, true)
				return
			}
			if err != nil || !slices.Equal(g.completed(), []string{c.want}) || got.Name != c.given {
				t.Errorf("completed %q, %+v, %v; want %q", g.completed(), got, err, c.want)
			}
		})
	}
}

func TestConnectWithTheSameStateForAll(t *testing.T) {
	c := newConnecting(t, "first", "second")
	c.begin("ada@contoso.example", "always")
	c.begin("bob@contoso.example", "always")
	_, err := c.connect("code", "HQ", "always")
	c.wantRefusal(err, "invalid_request", true)
	if _, err := c.connect("code", "bob@contoso.example", "always"); err != nil || c.completed()[0] != redirectURI+"?code=code&state=second-1" {
		t.Errorf("completed %q, %v", c.completed(), err)
	}
	if _, err := c.connect("code2", "HQ", ""); err != nil || c.completed()[1] != redirectURI+"?code=code2&state=first-1" {
		t.Errorf("the only one left: completed %q, %v", c.completed(), err)
	}
	if _, err := c.connect("code2", "HQ", ""); err == nil || len(c.completed()) != 2 {
		t.Errorf("none is left: completed %q, %v", c.completed(), err)
	}
}

func TestConnectTakesTheNewestOfAnAccount(t *testing.T) {
	c := newConnecting(t, "rooms")
	for i := range 10 {
		c.begin("ada@contoso.example", fmt.Sprintf("s%d", i+1))
		c.begin("ada@contoso.example", fmt.Sprintf("s%d", i+1)) // a retry replaces it
	}
	if got := len(c.pending); got != 8 {
		t.Errorf("%d sign-ins wait, want 8", got)
	}
	_, err := c.connect("code", "HQ", "s2")
	c.wantRefusal(err, "invalid_grant", true)
	if _, err := c.connect("code", "HQ", ""); err != nil || c.completed()[0] != redirectURI+"?code=code&state=rooms-20" {
		t.Errorf("completed %q, %v", c.completed(), err)
	}
}

// TestConnectAfterARestart names an account whose sign-in only the session knows.
func TestConnectAfterARestart(t *testing.T) {
	c := newConnecting(t, "first", "second")
	_, err := c.connect("code", "HQ", "")
	c.wantRefusal(err, "invalid_grant", true)
	if _, err := c.connect("code", "second", ""); err != nil || !slices.Equal(c.sessions["second"].completed, []string{"code"}) {
		t.Errorf("completed %q, %v", c.completed(), err)
	}
}

func TestConnectReturnsTheAccount(t *testing.T) {
	c := newConnecting(t, "rooms")
	c.begin("ada@contoso.example", "")
	got, err := c.connect("code", "Head Office", "")
	if err != nil || got.Email != "rooms@contoso.example" || got.Name != "Head Office" || got.Kind != "contoso" || got.Status != "active" || !slices.Equal(got.Scopes, []string{"calendars"}) {
		t.Errorf("connected %+v, %v", got, err)
	}
	if want := accountID("contoso", "hq", "ROOMS@contoso.example", ""); got.AccountID != want {
		t.Errorf("the id is %s, want %s", got.AccountID, want)
	}
	c.list[0].Provider = fakeProvider{session: c.sessions["rooms"], err: errors.New("the service is away")}
	c.begin("ada@contoso.example", "")
	if got, err := c.connect("code", "Head Office", ""); err != nil || got.Email != "" || got.AccountID != accountID("contoso", "hq", "rooms", "") {
		t.Errorf("connected %+v, %v", got, err)
	}
}

// TestConnectIDs has ids as callers have stored them: the first 96 bits of the
// SHA-256 of the kind, the site and the address with a zero byte between them.
func TestConnectIDs(t *testing.T) {
	const want = "c0493411888873d39060e2eb"
	for _, email := range []string{"rooms@contoso.example", "Rooms@Contoso.Example"} {
		if got := accountID("microsoft", "hq", email, "rooms"); got != want {
			t.Errorf("%s: %s, want %s", email, got, want)
		}
	}
	for _, other := range []string{accountID("other", "hq", "rooms@contoso.example", ""), accountID("microsoft", "annexe", "rooms@contoso.example", ""), accountID("microsoft", "hq", "", "rooms")} {
		if other == want {
			t.Error("two accounts have one id")
		}
	}
}

// TestConnectContinuesWithTheSuccessor has sessions that end at a reload.
func TestConnectContinuesWithTheSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConnecting(t, "rooms")
		before := c.sessions["rooms"]
		before.err = driver.ErrSessionEnded
		replace := func() {
			after := &fakeSession{name: "rooms", status: driver.SessionStatus{State: driver.NeverSignedIn}}
			c.sessions["rooms"] = after
			c.replace(web.Account{Name: "rooms", Kind: "contoso", Provider: fakeProvider{session: after}})
		}
		time.AfterFunc(5*time.Second, replace)
		if address, err := c.ConnectURL(t.Context(), "contoso", "ada@contoso.example", ""); err != nil || !strings.HasPrefix(address, "https://login.example/") {
			t.Errorf("the address is %q, %v", address, err)
		}
		c.sessions["rooms"].err = driver.ErrSessionEnded
		time.AfterFunc(5*time.Second, replace)
		if _, err := c.connect("code", "HQ", ""); err != nil || !slices.Equal(c.completed(), []string{redirectURI + "?code=code&state=rooms-1"}) {
			t.Errorf("completed %q, %v", c.completed(), err)
		}
	})
}

// TestConnectMoreCallersThanAccounts has as many callers succeed as there are
// accounts, each with an account of its own.
func TestConnectMoreCallersThanAccounts(t *testing.T) {
	c := newConnecting(t, "first", "second", "third")
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = c.ConnectURL(t.Context(), "contoso", fmt.Sprintf("person%d@contoso.example", i), "")
		})
	}
	all.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			c.wantRefusal(err, "", false)
			refused++
		}
	}
	if refused != 17 {
		t.Errorf("%d callers were refused, want 17", refused)
	}
	for name, s := range c.sessions {
		if s.begun != 1 {
			t.Errorf("%d sign-ins of account %s were started, want 1", s.begun, name)
		}
	}
}

// TestConnectConcurrently has many callers connect accounts at once. Every code
// must reach the session that its address was made for.
func TestConnectConcurrently(t *testing.T) {
	const callers = 20
	var names []string
	for i := range callers {
		names = append(names, fmt.Sprintf("account%d", i))
	}
	c := newConnecting(t, names...)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			email, state := fmt.Sprintf("person%d@contoso.example", i), fmt.Sprintf("caller-%d", i)
			if _, err := c.ConnectURL(t.Context(), "contoso", email, state); err != nil {
				t.Errorf("%s: %v", email, err)
				return
			}
			code := fmt.Sprintf("code-%d", i)
			if i%2 == 0 {
				state = "" // the e-mail address tells
			} else {
				email = "HQ"
			}
			if _, err := c.connect(code, email, state); err != nil {
				t.Errorf("%s: %v", email, err)
			}
		})
	}
	all.Wait()
	for name, s := range c.sessions {
		if len(s.completed) != 1 || !strings.HasSuffix(s.completed[0], "&state="+name+"-1") {
			t.Errorf("account %s was completed with %q", name, s.completed)
		}
	}
	if len(c.pending) != 0 {
		t.Errorf("%d sign-ins still wait", len(c.pending))
	}
}
