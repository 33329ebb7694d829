package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/oauth/oauthtest"
)

const (
	clientID = "11111111-2222-3333-4444-555555555555"
	secret   = "s3cr3t~value"
)

// fakeService is an identity service in a RoundTripper: it issues numbered
// tokens, a new refresh token each time, and keeps the old ones valid.
type fakeService struct {
	mu     sync.Mutex
	now    func() time.Time
	codes  map[string]code // not yet used
	live   map[string]bool // refresh tokens
	access map[string]time.Time
	serial int
	posts  []url.Values
	times  []time.Time

	strict  bool            // a refresh token works once; a second use ends all sign-ins
	used    map[string]bool // refresh tokens that were used, where that is strict
	reused  bool            // one was used a second time
	devices map[string]bool // device codes by whether the person has entered them
	latency time.Duration   // half before a request is dealt with, half before its answer is there

	hold   chan struct{}                                 // when set, an answer waits for it
	answer func(form url.Values) (*http.Response, error) // when set, instead of the polite answer
}

// code is an authorization code and what it was made for.
type code struct{ challenge, redirect string }

func newFakeService() *fakeService {
	return &fakeService{now: time.Now, codes: map[string]code{}, live: map[string]bool{}, used: map[string]bool{}, devices: map[string]bool{}, access: map[string]time.Time{}}
}

func (m *fakeService) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := oauthtest.Form(r)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	hold, answer := m.hold, m.answer
	m.posts, m.times = append(m.posts, form), append(m.times, m.now())
	m.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if answer != nil {
		return answer(form)
	}
	if err := wait(r.Context(), m.latency/2); err != nil {
		return nil, err
	}
	resp := m.dealWith(r, form)
	return resp, wait(r.Context(), m.latency/2)
}

// wait waits for d, or for the end of a request that was given up.
func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *fakeService) dealWith(r *http.Request, form url.Values) *http.Response {
	switch r.URL.String() {
	case "https://login.example/token":
		return m.polite(form)
	case "https://login.example/device":
		return m.deviceCode()
	}
	return refusal(404, "invalid_request", "")
}

// deviceCode issues a device code.
func (m *fakeService) deviceCode() *http.Response {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serial++
	name := fmt.Sprint("device-", m.serial)
	m.devices[name] = false
	return reply(200, "application/json", fmt.Sprintf(
		`{"device_code":%q,"user_code":"CODE-%d","verification_uri":"https://login.example/enter","expires_in":900,"interval":5}`, name, m.serial))
}

// enter plays the person who enters all open device codes.
func (m *fakeService) enter() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.devices {
		m.devices[name] = true
	}
}

func (m *fakeService) polite(form url.Values) *http.Response {
	m.mu.Lock()
	defer m.mu.Unlock()
	if form.Get("client_id") != clientID || form.Get("client_secret") != secret {
		return refusal(401, "invalid_client", "")
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		c, ok := m.codes[form.Get("code")]
		delete(m.codes, form.Get("code"))
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		switch {
		case !ok:
			return refusal(400, "invalid_grant", "")
		case c.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge:
			return refusal(400, "invalid_grant", "")
		case c.redirect != form.Get("redirect_uri"):
			return refusal(400, "invalid_grant", "")
		}
	case "refresh_token":
		token := form.Get("refresh_token")
		if m.strict && m.used[token] {
			m.reused = true
			clear(m.live)
		}
		if !m.live[token] {
			return refusal(400, "invalid_grant", "bad_token")
		}
		m.used[token] = true
	case "urn:ietf:params:oauth:grant-type:device_code":
		name := form.Get("device_code")
		entered, ok := m.devices[name]
		switch {
		case !ok:
			return refusal(400, "invalid_grant", "")
		case !entered:
			return refusal(400, "authorization_pending", "")
		}
		delete(m.devices, name)
	case "client_credentials":
	default:
		return refusal(400, "unsupported_grant_type", "")
	}
	return m.grant()
}

// grant makes a new pair of tokens; called with mu held.
func (m *fakeService) grant() *http.Response {
	m.serial++
	access, refresh := fmt.Sprint("access-", m.serial), fmt.Sprint("refresh-", m.serial)
	m.live[refresh] = true
	m.access[access] = m.now().Add(3600 * time.Second)
	return reply(200, "application/json; charset=utf-8", fmt.Sprintf(
		`{"token_type":"Bearer","scope":"calendar.read profile.read","expires_in":3600,"ext_expires_in":3600,"access_token":%q,"refresh_token":%q}`, access, refresh))
}

// consent plays the person in the browser: it opens the address of Begin and
// returns the address the browser is sent to.
func (m *fakeService) consent(t *testing.T, authorize string) string {
	t.Helper()
	u, err := url.Parse(authorize)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serial++
	name := fmt.Sprint("0.AXkA-code_", m.serial)
	m.codes[name] = code{q.Get("code_challenge"), q.Get("redirect_uri")}
	return q.Get("redirect_uri") + "/?code=" + name + "&state=" + q.Get("state") + "&session_state=7d6c"
}

// accepts reports whether the calendar would take an access token now.
func (m *fakeService) accepts(access string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now().Before(m.access[access])
}

// knows reports whether a refresh token is alive.
func (m *fakeService) knows(refresh string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live[refresh]
}

// revoke ends all sign-ins.
func (m *fakeService) revoke() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.live)
}

func (m *fakeService) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.posts)
}

// behave sets how the endpoint answers; nil: politely.
func (m *fakeService) behave(answer func(form url.Values) (*http.Response, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = answer
}

func always(r func() *http.Response) func(url.Values) (*http.Response, error) {
	return func(url.Values) (*http.Response, error) { return r(), nil }
}

func reply(status int, contentType, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: http.Header{"Content-Type": {contentType}},
		Body: io.NopCloser(strings.NewReader(body))}
}

// refusal is an error response of the service.
func refusal(status int, code, sub string) *http.Response {
	body := map[string]any{"error": code, "error_description": "Something is wrong here. And more of it.", "trace_id": "5b0c0f2e"}
	if sub != "" {
		body["suberror"] = sub
	}
	data, _ := json.Marshal(body)
	return reply(status, "application/json; charset=utf-8", string(data))
}

// description describes the service to a Keeper.
func description() Service {
	return Service{
		Name:             "Contoso Calendar",
		AuthorizationURL: "https://login.example/authorize", TokenURL: "https://login.example/token", DeviceURL: "https://login.example/device",
		Parameters: url.Values{"response_mode": {"query"}},
		Scopes:     []string{"calendar.read", "profile.read"},
		Diagnose:   diagnoseFake, RefreshTokenLifetime: 90 * 24 * time.Hour,
		Bound:           []Setting{{"tenant", "contoso.example"}},
		NoRefreshToken:  "ask for offline access",
		RenewCredential: "make a new one at contoso.example",
	}
}

// diagnoseFake is the dictionary of the service.
func diagnoseFake(r ErrorResponse) (Diagnosis, bool) {
	text := func(field string) string { v, _ := r.Fields[field].(string); return v }
	d := Diagnosis{Class: StandardClass(r), Reason: Sentence(r.Description), Codes: []string{r.Code, text("suberror")},
		References: []string{"trace id " + text("trace_id")}}
	d.SignIn = d.Class == Person
	switch {
	case text("suberror") == "bad_token":
		d.Reason = "the sign-in was revoked"
	case r.Code == "account_locked":
		d.Class, d.Reason, d.Action, d.SignIn = Wait, "the account is locked", "unlock it", true
	case r.Code == "expired_secret":
		d.Reason, d.Action, d.SignIn = "the client secret has expired", "make a new one at contoso.example", false
	}
	return d, r.Code != ""
}

// byCode is the session of a Keeper that is signed in to by code.
func byCode(k *Keeper) codeSession { return k.Session().(codeSession) }

// site is a Keeper with everything around it.
type site struct {
	service *fakeService
	tokens  *oauthtest.Store
	pending *oauthtest.Store
	clock   *oauthtest.Clock
	log     *oauthtest.Log
	keeper  *Keeper
	code    int // the last one that was issued by hand
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{service: newFakeService(), tokens: oauthtest.NewStore(), pending: oauthtest.NewStore(), clock: &oauthtest.Clock{}, log: &oauthtest.Log{}}
	s.keeper = s.restart(t, s.options())
	return s
}

func (s *site) options() Options {
	return Options{
		Account: "rooms", Service: description(), ClientID: clientID,
		Authentication: ClientAuthentication{Secret: secret}, RedirectURI: "http://localhost",
		Store: s.tokens, Pending: s.pending, HTTP: &http.Client{Transport: s.service},
		Refresh: oauthtest.Every(30 * time.Minute), Jitter: func(limit time.Duration) time.Duration { return limit / 2 },
		Clock: s.clock, Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func (s *site) restart(t *testing.T, o Options) *Keeper {
	t.Helper()
	k, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signIn takes the site through a sign-in.
func (s *site) signIn(t *testing.T) {
	t.Helper()
	address := begin(t, s.keeper, driver.AuthorizationRequest{})
	if err := byCode(s.keeper).Complete(t.Context(), s.service.consent(t, address)); err != nil {
		t.Fatal(err)
	}
}

// run runs the keeper until the test ends or stop is called.
func (s *site) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.keeper.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("Run returned %v, want context.Canceled", err)
		}
	})
}

func wantState(t *testing.T, k *Keeper, want driver.SessionState) {
	t.Helper()
	if st := k.Status(); st.State != want {
		t.Errorf("state %s (%s), want %s", st.State, st.Reason, want)
	}
}

func wantToken(t *testing.T, k *Keeper, want string) {
	t.Helper()
	if got, err := k.Token(t.Context()); err != nil || got != want {
		t.Errorf("Token = %q, %v; want %q", got, err, want)
	}
}
