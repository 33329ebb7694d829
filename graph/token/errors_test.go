package token

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
)

func TestClasses(t *testing.T) {
	tests := []struct {
		status int
		code   string
		number int
		want   Class
	}{
		{400, "invalid_grant", 50173, Person},
		{400, "invalid_grant", 700082, Person},
		{400, "invalid_grant", 123456789, Person},
		{400, "interaction_required", 50076, Person},
		{400, "consent_required", 65001, Person},
		{401, "invalid_client", 7000222, Person},
		{401, "invalid_client", 700024, Retry},
		{400, "unauthorized_client", 700016, Person},
		{400, "invalid_scope", 70011, Person},
		{400, "invalid_tenant", 90002, Person},
		{400, "invalid_request", 90038, Person},
		{400, "invalid_grant", 50053, Wait},
		{400, "invalid_grant", 50196, Wait},
		{429, "invalid_request", 90055, Retry},
		{400, "invalid_request", 90055, Retry},
		{503, "temporarily_unavailable", 90033, Retry},
		{400, "temporarily_unavailable", 1, Retry},
		{400, "server_error", 50000, Retry},
		{500, "invalid_grant", 1, Retry},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, test.code, test.number), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := refreshWith(t, newSite(t), always(func() *http.Response { return refusal(test.status, test.code, test.number, "") }))
				if e.Class != test.want || e.NeedsPerson() != (test.want == Person) {
					t.Errorf("class %s, want %s", e.Class, test.want)
				}
				if e.Class == Person && e.Action() == "" {
					t.Error("a person is needed and not told what for")
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
	s.ms.behave(answer)
	_, err := s.keeper.Token(t.Context())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("Token: %v, want an *Error", err)
	}
	return e
}

func TestErrorForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := refreshWith(t, newSite(t), always(func() *http.Response { return refusal(400, "invalid_grant", 50076, "basic_action") }))
		if got, want := e.Error(), "account rooms: refresh the sign-in: Microsoft wants a second factor (AADSTS50076, invalid_grant, basic_action, trace id 5b0c0f2e, correlation id 91d2a7c4)"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if e.Description != "Something is wrong here" || e.CorrelationID != "91d2a7c4" {
			t.Errorf("description %q, correlation id %q", e.Description, e.CorrelationID)
		}
		e = &Error{Account: "rooms", Op: "sign in", Class: Person, Details: Details{Code: "odd", Description: "words"}}
		if e.Error() != "account rooms: sign in: words (odd)" || e.Action() != "run: roomgate login rooms" {
			t.Errorf("%v; %s", e, e.Action())
		}
	})
}

func TestEveryAdviceHelps(t *testing.T) {
	for number, a := range rows {
		e := &Error{Account: "rooms", Details: Details{AADSTS: []int{number}}, Class: classify(400, "invalid_grant", []int{number})}
		if a.what == "" || (e.Class == Person && e.Action() == "") {
			t.Errorf("AADSTS%d says %q and advises %q", number, a.what, e.Action())
		}
		if a.login && !strings.HasSuffix(e.Action(), "run: roomgate login rooms") {
			t.Errorf("AADSTS%d: %q does not end in the command", number, e.Action())
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

func TestAnswersThatAreNotMicrosofts(t *testing.T) {
	huge := &endless{}
	tests := []struct {
		name   string
		answer func() *http.Response
		words  string
	}{
		{"page of a proxy", func() *http.Response { return reply(403, "text/html", "<html>Blocked</html>") }, `status 403, type "text/html"; a proxy`},
		{"page instead of tokens", func() *http.Response { return reply(200, "text/html", "<html>Log in to the guest network</html>") }, "the answer cannot be used"},
		{"empty", func() *http.Response { return reply(200, "application/json", "") }, "the answer cannot be used"},
		{"no token in it", func() *http.Response { return reply(200, "application/json", "{}") }, "missing access_token"},
		{"no life in it", func() *http.Response { return reply(200, "application/json", `{"access_token":"a","expires_in":0}`) }, "a life of 0 s"},
		{"throttled", func() *http.Response { return reply(429, "text/plain", "Too Many Requests") }, "slow down"},
		{"bad gateway", func() *http.Response { return reply(502, "text/html", "<html>Bad Gateway</html>") }, "status 502"},
		{"redirect", func() *http.Response {
			r := reply(307, "text/html", "")
			r.Header.Set("Location", "https://evil.example/token")
			return r
		}, "status 307"},
		{"200 MB", func() *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: huge}
		}, "the answer cannot be used"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				e := refreshWith(t, s, always(test.answer))
				if e.Class != Retry || !strings.Contains(e.Error(), test.words) {
					t.Errorf("%s: %v; want a passing error with %q", e.Class, e, test.words)
				}
				if n := s.ms.count(); n != 2 {
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
		s.ms.hold = nil
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
		s.ms.hold = make(chan struct{}) // never closed
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
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-3": 0, "soon": 0, "999999999": time.Hour, "99999999999999999999": 0,
		"Tue, 03 Nov 2026 08:01:00 GMT": time.Minute, "Tue, 03 Nov 2026 07:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
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
					body := fmt.Sprintf(`{"error":"invalid_grant %[1]s","error_description":"AADSTS70000: %[1]s","error_codes":[70000],"suberror":"%[1]s","trace_id":"%[1]s","correlation_id":"%[1]s"}`, all)
					r := reply(status, kind, body)
					r.Header.Set("Content-Type", kind+"; x="+strings.ReplaceAll(all, " ", ""))
					return r, nil
				}
				stop := s.run(t)
				s.signIn(t)
				s.ms.behave(echo)
				time.Sleep(2 * time.Hour)
				_, err := s.keeper.Token(t.Context())
				pasted := s.ms.consent(t, begin(t, s.keeper, BeginOptions{}))
				failed := s.keeper.Complete(t.Context(), pasted)
				stop()
				if err == nil || failed == nil {
					t.Fatalf("status %d, %s: the echo was taken for tokens", status, kind)
				}
				out := fmt.Sprintf("%v %+v %#v %v %+v %+v %s", err, err, err, failed, failed, s.keeper.Status(), s.log)
				for e := err; e != nil; e = errors.Unwrap(e) {
					out += e.Error()
				}
				r, _ := ParseRedirect(pasted)
				for _, post := range s.ms.posts {
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

func TestClean(t *testing.T) {
	long := strings.Repeat("word ", 100)
	for text, want := range map[string]string{
		"AADSTS7000215: Invalid client secret provided. Ensure the secret is right.\r\nTrace ID: 1\r\nTimestamp: 2": "Invalid client secret provided",
		"AADSTS50000: no full stop Trace ID: 5b0c Correlation ID: 9":                                                "no full stop",
		"two\n lines\x1b[31m":             "two lines [31m",
		"":                                "",
		"quoted 'tok' here":               "quoted '(hidden)' here",
		"a " + strings.Repeat("aB3-", 20): "a (hidden)",
		long:                              strings.TrimSpace(long)[:240] + "…",
	} {
		if got := clean(text, "tok"); got != want {
			t.Errorf("clean(%q)\n = %q, want %q", text, got, want)
		}
	}
}

// TestNoSecretOfTheOtherWaysGetsOut: the same for device codes, assertions and
// tokens that were obtained elsewhere.
func TestNoSecretOfTheOtherWaysGetsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		echo := func(r *http.Request) (*http.Response, error) {
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			all := strings.Join([]string{r.PostForm.Get("device_code"), r.PostForm.Get("client_assertion"), r.PostForm.Get("refresh_token")}, " ")
			sent = append(sent, strings.Fields(all)...)
			return reply(400, "application/json", fmt.Sprintf(`{"error":"invalid_grant %[1]s","error_description":"AADSTS999: %[1]s","suberror":"%[1]s"}`, all)), nil
		}
		g := newGateway(t, func(o *Options) { byDevice(o); o.Certificate = testCertificate(t) })
		stop := g.run(t)
		startDevice(t, g.keeper)
		g.through(echo)
		failed := g.keeper.WaitDevice(t.Context())
		refused := g.keeper.Import(t.Context(), Imported{RefreshToken: "1.AXkA-imported"})
		synctest.Wait()
		stop()
		if failed == nil || refused == nil || len(sent) < 4 {
			t.Fatalf("%v, %v: the echo was taken for tokens, or %d secrets were sent", failed, refused, len(sent))
		}
		out := fmt.Sprintf("%v %+v %#v %v %+v %+v %s", failed, failed, failed, refused, refused, g.keeper.Status(), g.log)
		for _, s := range sent {
			if strings.Contains(out, s) {
				t.Errorf("%.20s… got out: %s", s, out)
			}
		}
	})
}
