package oauth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		want   Class
	}{
		{400, "invalid_grant", Person},
		{401, "invalid_client", Person},
		{400, "something_new", Person},
		{400, "account_locked", Wait},
		{429, "invalid_request", Retry},
		{408, "invalid_request", Retry},
		{503, "temporarily_unavailable", Retry},
		{400, "temporarily_unavailable", Retry},
		{400, "server_error", Retry},
		{500, "invalid_grant", Retry},
	} {
		t.Run(fmt.Sprint(test.status, test.code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := refreshWith(t, newSite(t), always(func() *http.Response { return refusal(test.status, test.code, "") }))
				if e.Class != test.want || e.NeedsPerson() != (test.want == Person) || e.OAuthCode() != test.code {
					t.Errorf("class %s, code %s; want %s", e.Class, e.Code, test.want)
				}
				if e.Class == Person && e.Action() == "" {
					t.Error("user action is required and there is no next step")
				}
			})
		})
	}
}

// refreshWith lets an answer meet a refresh and returns the error.
func refreshWith(t *testing.T, s *site, answer func(url.Values) (*http.Response, error)) *Error {
	t.Helper()
	s.signIn(t)
	time.Sleep(2 * time.Hour)
	s.service.behave(answer)
	_, err := s.keeper.Token(t.Context())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("Token: %v, want an *Error", err)
	}
	return e
}

func TestErrorForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := refreshWith(t, newSite(t), always(func() *http.Response { return refusal(400, "invalid_grant", "bad_token") }))
		if got, want := e.Error(), "account rooms: refresh the sign-in: the sign-in was revoked (invalid_grant, bad_token)"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := e.References(); got != "trace id 5b0c0f2e" {
			t.Errorf("references %q", got)
		}
		if got, want := e.Action(), "run: roomgate login rooms"; got != want {
			t.Errorf("action %q, want %q", got, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := s.options()
		o.Program = "roomgate --config /srv/hq.toml"
		s.keeper = s.restart(t, o)
		e := refreshWith(t, s, always(func() *http.Response { return refusal(400, "account_locked", "") }))
		if got, want := e.Error(), "account rooms: refresh the sign-in: the account is locked (account_locked)"; got != want {
			t.Errorf("got  %s\nwant %s: support is not needed for what passes", got, want)
		}
		if got, want := e.Action(), "unlock it, then run: roomgate --config /srv/hq.toml login rooms"; got != want {
			t.Errorf("action %q, want %q", got, want)
		}
	})
}

// Without a dictionary the words of the response stand.
func TestAServiceWithoutADictionary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := s.options()
		o.Service.Diagnose = nil
		s.keeper = s.restart(t, o)
		e := refreshWith(t, s, always(func() *http.Response { return refusal(400, "invalid_grant", "") }))
		if e.Reason() != "Something is wrong here (invalid_grant)" || e.Action() != "run: roomgate login rooms" || !e.NeedsPerson() {
			t.Errorf("%v; %s", e, e.Action())
		}
		for _, answer := range []*http.Response{reply(502, "text/html", "<html>"), reply(403, "application/json", `{"error":"Forbidden"}`)} {
			time.Sleep(2 * time.Hour)
			s.service.behave(always(func() *http.Response { return answer }))
			_, err := s.keeper.Token(t.Context())
			if !errors.As(err, &e) || e.Class != Retry || !strings.Contains(err.Error(), "a proxy may have sent it") {
				t.Errorf("Token: %v", err)
			}
		}
	})
}

// Nobody is asked to sign in where nobody can.
func TestClientCredentialsAreNeverToldToSignIn(t *testing.T) {
	for _, code := range []string{"invalid_grant", "account_locked", "expired_secret"} {
		s := newSite(t)
		o := s.options()
		o.Kind = ClientCredentials
		k := s.restart(t, o)
		s.service.behave(always(func() *http.Response { return refusal(400, code, "") }))
		_, err := k.Token(t.Context())
		var e *Error
		if !errors.As(err, &e) || strings.Contains(e.Action(), "roomgate login") || e.Action() == "" {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// endless is a body that goes on and on, and counts what was read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	if e.read > 200<<20 {
		return 0, io.EOF
	}
	return len(p), nil
}
func (e *endless) Close() error { return nil }

func TestAnswersThatAreNotTheServices(t *testing.T) {
	huge := &endless{}
	tests := []struct {
		name   string
		answer func() *http.Response
		words  string
	}{
		{"page of a proxy", func() *http.Response { return reply(403, "text/html", "<html>Blocked</html>") }, `status 403, type "text/html"; a proxy`},
		{"page instead of tokens", func() *http.Response { return reply(200, "text/html", "<html>Log in to the guest network</html>") }, "the response is unusable"},
		{"empty", func() *http.Response { return reply(200, "application/json", "") }, "the response is unusable"},
		{"no token in it", func() *http.Response { return reply(200, "application/json", "{}") }, "missing access_token"},
		{"no life in it", func() *http.Response { return reply(200, "application/json", `{"access_token":"a","expires_in":0}`) }, "a lifetime of 0 s"},
		{"throttled", func() *http.Response { return reply(429, "text/plain", "Too Many Requests") }, "slow down"},
		{"bad gateway", func() *http.Response { return reply(502, "text/html", "<html>Bad Gateway</html>") }, "status 502"},
		{"a life that is over", func() *http.Response {
			return reply(200, "application/json", `{"access_token":"a","expires_in":"-1"}`)
		}, "a lifetime of -1 s"},
		{"redirect", func() *http.Response {
			r := reply(307, "text/html", "")
			r.Header.Set("Location", "https://evil.example/token")
			return r
		}, "status 307"},
		{"200 MB", func() *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: huge}
		}, "the response is unusable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				e := refreshWith(t, s, always(test.answer))
				if e.Class != Retry || !strings.Contains(e.Error(), test.words) {
					t.Errorf("%s: %v; want a passing error with %q", e.Class, e, test.words)
				}
				if n := s.service.count(); n != 2 {
					t.Errorf("%d requests, want the sign-in and one refresh", n)
				}
			})
		})
	}
	if huge.read > 2<<20 {
		t.Errorf("%d bytes of an endless answer were read", huge.read)
	}
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.service.hold = nil
		e := refreshWith(t, s, func(url.Values) (*http.Response, error) {
			return nil, x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}
		})
		if e.Class != Retry || !strings.Contains(e.Action(), "clock") {
			t.Errorf("%v; %q: want a hint at the clock", e, e.Action())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.signIn(t)
		time.Sleep(2 * time.Hour)
		s.service.hold = make(chan struct{}) // never closed
		began := time.Now()
		_, err := s.keeper.Token(t.Context())
		if waited := time.Since(began); waited != callTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("gave up after %v with %v, want %v", waited, err, callTimeout)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "0": 0, "-3": 0, "soon": 0, "nan": 0, "inf": 0, "1e2": 0, ".": 0,
		"12.8": 12800 * time.Millisecond, "600": 10 * time.Minute, "601": 10 * time.Minute, "86400": 10 * time.Minute, "99999999999999999999": 10 * time.Minute,
		"Tue, 03 Nov 2026 08:01:00 GMT": time.Minute, "Tue, 03 Nov 2026 07:00:00 GMT": 0, "Tue, 03 Nov 2099 08:00:00 GMT": 10 * time.Minute,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", value, got, want)
		}
	}
}

// TestNoSecretGetsOut has the service echo everything it was sent in every
// field it has, and looks at everything that comes out.
func TestNoSecretGetsOut(t *testing.T) {
	for _, status := range []int{200, 302, 400, 401, 429, 503} {
		for _, kind := range []string{"application/json", "text/plain", "text/html"} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				echo := func(form url.Values) (*http.Response, error) {
					all := strings.Join([]string{form.Get("code"), form.Get("refresh_token"), form.Get("client_secret"), form.Get("code_verifier")}, " ")
					body := fmt.Sprintf(`{"error":"invalid_grant %[1]s","error_description":"%[1]s","suberror":"%[1]s","trace_id":"%[1]s","correlation_id":"%[1]s"}`, all)
					r := reply(status, kind, body)
					r.Header.Set("Content-Type", kind+"; x="+strings.ReplaceAll(all, " ", ""))
					return r, nil
				}
				stop := s.run(t)
				s.signIn(t)
				s.service.behave(echo)
				time.Sleep(2 * time.Hour)
				_, err := s.keeper.Token(t.Context())
				pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
				failed := byCode(s.keeper).Complete(t.Context(), pasted)
				stop()
				if err == nil || failed == nil {
					t.Fatalf("status %d, %s: the echo was taken for tokens", status, kind)
				}
				out := fmt.Sprintf("%v %+v %#v %v %+v %+v %s", err, err, err, failed, failed, s.keeper.Status(), s.log)
				for e := err; e != nil; e = errors.Unwrap(e) {
					out += e.Error()
				}
				r, _ := parseAuthorizationResponse(pasted)
				for _, post := range s.service.posts {
					for _, f := range []string{"code", "refresh_token", "client_secret", "code_verifier"} {
						if v := post.Get(f); v != "" && strings.Contains(out, v) {
							t.Errorf("status %d, %s: the %s got out: %s", status, kind, f, out)
						}
					}
				}
				if strings.Contains(out, r.Code) || strings.Contains(out, "access-") {
					t.Errorf("status %d, %s: a code or a token got out: %s", status, kind, out)
				}
			})
		}
	}
}

func TestSentence(t *testing.T) {
	long := strings.Repeat("word ", 100)
	for text, want := range map[string]string{
		"Invalid client secret provided. Ensure the secret is right.": "Invalid client secret provided",
		"no full stop":         "no full stop",
		"version 2.0 is wrong": "version 2.0 is wrong",
		"two\n lines\x1b[31m":  "two lines [31m",
		"":                     "",
		long:                   strings.TrimSpace(long)[:240] + "…",
	} {
		if got := Sentence(text); got != want {
			t.Errorf("Sentence(%q)\n = %q, want %q", text, got, want)
		}
	}
}

func TestHide(t *testing.T) {
	for text, want := range map[string]string{
		"quoted 'tok' here":               "quoted '(hidden)' here",
		"a " + strings.Repeat("aB3-", 20): "a (hidden)",
		"nothing to hide":                 "nothing to hide",
	} {
		if got := Hide(text, "tok", ""); got != want {
			t.Errorf("Hide(%q) = %q, want %q", text, got, want)
		}
	}
}

// Secrets are hidden wherever they stand in an error response.
func TestNestedSecretsAreHidden(t *testing.T) {
	r := readErrorResponse(400, []byte(`{"error":"odd tok","details":[{"sent":"tok"},"tok"]}`), []string{"tok"})
	if r.Code != "odd (hidden)" || strings.Contains(fmt.Sprint(r.Fields), "tok") {
		t.Errorf("%+v", r)
	}
}
