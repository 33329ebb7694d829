package oauth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/oauth/oauthtest"
)

// orchard is another service than the one of the other tests: its endpoints are
// on hosts of their own, it issues a refresh token at the first sign-in only,
// which never changes and ends after a week, grants what the person ticked,
// answers device polls with statuses of its own, and takes signed assertions.
type orchard struct {
	t       *testing.T
	mu      sync.Mutex // guards what follows while requests are possible
	user    string     // who signs in
	granted []string   // what the person ticks
	serial  int
	issued  time.Time // of the refresh token; zero: none
	entered bool      // the device code
	key     *rsa.PublicKey
	forms   []url.Values
}

const orchardWeek = 604799 * time.Second

func (s *orchard) service() Service {
	return Service{
		Name:             "Orchard",
		AuthorizationURL: "https://accounts.orchard.example/o/auth", TokenURL: "https://tokens.orchard.example/token",
		DeviceURL:            "https://tokens.orchard.example/device/code",
		Parameters:           url.Values{"access_type": {"offline"}, "prompt": {"consent"}},
		Scopes:               []string{"https://scopes.orchard.example/freebusy", "https://scopes.orchard.example/events"},
		RefreshTokenLifetime: 180 * 24 * time.Hour,
		Diagnose: func(r ErrorResponse) (Diagnosis, bool) {
			d := Diagnosis{Class: StandardClass(r), Reason: Sentence(r.Description), Codes: []string{r.Code}}
			d.SignIn = d.Class == Person
			if r.Fields["error_subtype"] == "session_control" {
				d.Reason, d.Action, d.SignIn = "session control has ended the sign-in", "exempt the app from session control", true
			}
			if r.Code == "clock" {
				d.Class, d.Action = Retry, "set up NTP"
			}
			return d, r.Code != ""
		},
	}
}

func (s *orchard) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := oauthtest.Form(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forms = append(s.forms, form)
	switch r.URL.String() {
	case "https://tokens.orchard.example/device/code":
		return reply(200, "application/json", `{"device_code":"AH-1","user_code":"GQVQ-JKEC","verification_url":"https://orchard.example/device","expires_in":1800,"interval":5}`), nil
	case "https://tokens.orchard.example/token":
		return s.token(form), nil
	}
	return reply(404, "text/html", "<html>"), nil
}

func (s *orchard) token(form url.Values) *http.Response {
	switch form.Get("grant_type") {
	case "refresh_token":
		if form.Get("refresh_token") != "1//forever" || time.Since(s.issued) >= orchardWeek {
			return reply(400, "application/json", `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`)
		}
		return s.tokens("")
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return s.assertion(form)
	case "urn:ietf:params:oauth:grant-type:device_code":
		if !s.entered {
			return reply(428, "application/json", `{"error":"authorization_pending","error_description":"Precondition Required"}`)
		}
	}
	if !s.issued.IsZero() { // consent was given before
		return s.tokens("")
	}
	s.issued = time.Now()
	return s.tokens(`"refresh_token":"1//forever","refresh_token_expires_in":604799,`)
}

// tokens is a token response with further fields.
func (s *orchard) tokens(more string) *http.Response {
	s.serial++
	claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"email":%q}`, s.user))
	return reply(200, "application/json", fmt.Sprintf(`{"access_token":"ya-%d","expires_in":3599,%s"scope":%q,"token_type":"Bearer","id_token":"e30.%s.x"}`,
		s.serial, more, strings.Join(s.granted, " "), claims))
}

// assertion verifies an assertion (RFC 7523 §3).
func (s *orchard) assertion(form url.Values) *http.Response {
	parts := strings.Split(form.Get("assertion"), ".")
	sum := sha256.Sum256([]byte(strings.Join(parts[:2], ".")))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(s.key, crypto.SHA256, sum[:], signature) != nil || len(form) != 2 {
		return reply(400, "application/json", `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`)
	}
	var claims struct{ Iss, Scope, Aud, Sub string }
	var times struct{ Iat, Exp int64 }
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || json.Unmarshal(payload, &times) != nil {
		s.t.Errorf("claims %s, %v", payload, err)
	}
	if skew := time.Since(time.Unix(times.Iat, 0)); skew > time.Hour || skew < -time.Minute {
		return reply(400, "application/json", `{"error":"clock","error_description":"Check your iat and exp values."}`)
	}
	if claims.Iss != "rooms@project.orchard.example" || claims.Aud != "https://tokens.orchard.example/token" || claims.Sub != "user@contoso.example" {
		s.t.Errorf("claims %s", payload)
	}
	return reply(200, "application/json", `{"access_token":"ya-service","expires_in":3599,"token_type":"Bearer"}`)
}

// orchardSite is a Keeper of this service with everything around it.
func orchardSite(t *testing.T, kind Kind) (*orchard, *site) {
	t.Helper()
	o := &orchard{t: t, user: "rooms@contoso.example",
		granted: []string{"https://scopes.orchard.example/freebusy", "https://scopes.orchard.example/events"}}
	s := &site{tokens: oauthtest.NewStore(), pending: oauthtest.NewStore(), clock: &oauthtest.Clock{}, log: &oauthtest.Log{}}
	opts := s.options()
	opts.Kind, opts.Service, opts.HTTP = kind, o.service(), &http.Client{Transport: o}
	if kind == Assertion {
		c := testCertificate(t)
		o.key = &c.key.PublicKey
		opts.ClientID, opts.Authentication = "", ClientAuthentication{}
		opts.Assertion = func(now time.Time) (string, error) {
			return signJWT(rs256, c.key, map[string]string{"kid": "1"}, map[string]any{
				"iss": "rooms@project.orchard.example", "aud": opts.Service.TokenURL, "scope": strings.Join(opts.Service.Scopes, " "),
				"sub": "user@contoso.example", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
		}
	}
	s.keeper = s.restart(t, opts)
	return o, s
}

// count is the number of requests so far.
func (s *orchard) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.forms)
}

// browse signs in by code at this service.
func browse(t *testing.T, s *site) error {
	t.Helper()
	u, err := url.Parse(begin(t, s.keeper, driver.AuthorizationRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Host+u.Path != "accounts.orchard.example/o/auth" || q.Get("access_type") != "offline" || q.Get("prompt") != "consent" || q.Has("response_mode") {
		t.Errorf("authorization request %s", u)
	}
	s.code++
	return byCode(s.keeper).Complete(t.Context(), fmt.Sprintf("http://localhost/?state=%s&code=4%%2F0A-%d&scope=x", q.Get("state"), s.code))
}

// The refresh token is never renewed: it stays, its end is shown and warned of
// although every refresh succeeds, and at the end a person signs in again.
func TestARefreshTokenThatDoesNotRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := orchardSite(t, Code)
		if err := browse(t, s); err != nil {
			t.Fatal(err)
		}
		end := time.Now().UTC().Add(orchardWeek)
		defer s.run(t)()
		time.Sleep(5 * 24 * time.Hour)
		st := s.keeper.Status()
		if st.State != driver.SignedIn || !st.RefreshLapses.Equal(end) || st.User != "rooms@contoso.example" || st.Reason != "" {
			t.Errorf("status %+v, want the end %v", st, end)
		}
		if o.count() < 5*24 || s.tokens.RefreshToken("rooms") != "1//forever" {
			t.Errorf("%d requests, the store holds %q", o.count(), s.tokens.RefreshToken("rooms"))
		}
		if n := strings.Count(s.log.String(), "the sign-in ends"); n != 2 { // 7 and 3 days before
			t.Errorf("warned %d times:\n%s", n, s.log)
		}
		time.Sleep(3 * 24 * time.Hour)
		st = s.keeper.Status()
		if st.State != driver.SignInNeeded || st.Reason != "Token has been expired or revoked (invalid_grant)" || st.Action != "run: roomgate login rooms" {
			t.Errorf("status %+v", st)
		}
		o.mu.Lock()
		o.issued = time.Time{} // consent ended with the token
		o.mu.Unlock()
		if err := browse(t, s); err != nil {
			t.Fatal(err)
		}
		wantState(t, s.keeper, driver.SignedIn)
	})
}

// Without a refresh token in the response the one at hand stays, if it is the
// same person's.
func TestSigningInAgainWithoutARefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := orchardSite(t, Code)
		o.issued = time.Now()
		wantRefusal(t, browse(t, s), "Orchard returned no refresh token")
		o.issued = time.Time{}
		if err := browse(t, s); err != nil {
			t.Fatal(err)
		}
		end := s.keeper.Status().RefreshLapses
		time.Sleep(24 * time.Hour)
		if err := browse(t, s); err != nil {
			t.Fatal(err)
		}
		if got := s.tokens.RefreshToken("rooms"); got != "1//forever" || !s.keeper.Status().RefreshLapses.Equal(end) {
			t.Errorf("the store holds %q until %v, want the first one until %v", got, s.keeper.Status().RefreshLapses, end)
		}
		o.user = "somebody@contoso.example"
		wantRefusal(t, browse(t, s), "Orchard returned no refresh token")
		if st := s.keeper.Status(); st.User != "rooms@contoso.example" {
			t.Errorf("the account is signed in as %s", st.User)
		}
	})
}

func TestGrantedSubset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := orchardSite(t, Code)
		o.granted = o.granted[:1]
		if err := browse(t, s); err != nil {
			t.Fatal(err)
		}
		st := s.keeper.Status()
		if st.State != driver.SignedIn || !slices.Equal(st.MissingScopes, []string{"https://scopes.orchard.example/events"}) ||
			st.Reason != "these scopes were not granted: https://scopes.orchard.example/events" {
			t.Errorf("status %+v", st)
		}
	})
}

func TestDeviceCodeWithStatusesOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := orchardSite(t, Device)
		d := s.keeper.Session().(driver.DeviceSignIn)
		shown, err := d.StartDevice(t.Context())
		if err != nil || shown.VerificationURI != "https://orchard.example/device" || shown.UserCode != "GQVQ-JKEC" {
			t.Fatalf("%+v, %v", shown, err)
		}
		time.AfterFunc(58*time.Second, func() { o.mu.Lock(); defer o.mu.Unlock(); o.entered = true })
		if err := d.WaitDevice(t.Context()); err != nil {
			t.Error(err)
		}
		wantState(t, s.keeper, driver.SignedIn)
		if n := o.count(); n != 13 {
			t.Errorf("%d requests, want the code and a poll each 5 s for a minute", n)
		}
	})
}

// A service account signs its own assertions: nobody signs in, nothing is stored.
func TestAssertionGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, s := orchardSite(t, Assertion)
		wantState(t, s.keeper, driver.Refreshing)
		defer s.run(t)()
		time.Sleep(54 * time.Minute)
		wantToken(t, s.keeper, "ya-service")
		if n := o.count(); n != 1 {
			t.Errorf("%d requests in 54 minutes, want 1: the token is used to its end", n)
		}
		time.Sleep(2 * time.Minute)
		if n := o.count(); n != 2 {
			t.Errorf("%d requests in 56 minutes, want 2", n)
		}
		if len(s.tokens.Values)+len(s.pending.Values) != 0 {
			t.Error("something was stored")
		}
		if _, ok := s.keeper.Session().(driver.SignOuter); ok {
			t.Error("a session that nobody signs in to can be signed out of")
		}

		s.clock.Step(3 * time.Hour)
		time.Sleep(2 * time.Minute)
		if st := s.keeper.Status(); st.State != driver.Retrying || st.Action != "set up NTP" {
			t.Errorf("with a wrong clock: status %+v", st)
		}
		s.clock.Step(-3 * time.Hour)
		time.Sleep(5 * time.Minute)
		wantState(t, s.keeper, driver.SignedIn)
	})
}

func TestAssertionThatCannotBeSigned(t *testing.T) {
	_, s := orchardSite(t, Assertion)
	o := s.keeper.opts
	o.Assertion = func(time.Time) (string, error) { return "", errors.New("the key file is gone") }
	_, err := s.restart(t, o).Token(t.Context())
	var e *Error
	if !errors.As(err, &e) || !e.NeedsPerson() || !strings.Contains(e.Error(), "the key file is gone") || strings.Contains(e.Action(), "login") {
		t.Errorf("Token: %v", err)
	}
}

func TestErrorsOfTheSecondService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := orchardSite(t, Code)
		d, _ := o.service().diagnose(readErrorResponse(400, []byte(`{"error":"invalid_grant","error_subtype":"session_control","error_description":"reauth"}`), nil))
		if d.Reason != "session control has ended the sign-in" || d.Class != Person || !d.SignIn {
			t.Errorf("%+v", d)
		}
	})
}
