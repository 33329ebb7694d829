package web

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

const (
	oauthURL   = "/api/v1/contoso/oauth"
	connectURL = "/api/v1/contoso/connect"
)

// connectionOf is an account as the connect API shows it.
func connectionOf() Connected {
	return Connected{AccountID: "5f3c", Email: "rooms@contoso.example", Name: `HQ <& "rooms">`, Kind: "contoso", Status: "active", Scopes: []string{"User.Read", "Calendars.Read"}}
}

// TestConnectAnswers compares every byte: integrators have programs that read
// these answers.
func TestConnectAnswers(t *testing.T) {
	const good = `{"code":"` + secretCode + `","name":"HQ"}`
	noSuchWay := errors.New("no account of this gateway signs in by code")
	for _, c := range []struct {
		name, method, target, body string
		err                        error
		status                     int
		want, asked                string
	}{
		{"address", "GET", oauthURL + "?email=a.b%2Bc@contoso.example&state=s%26t", "", nil, 200,
			`{"success":true,"url":"https://login.example/authorize?client_id=6731&state=st4te"}`, "url|contoso|a.b+c@contoso.example|s&t"},
		{"address without state", "GET", oauthURL + "?email=a@contoso.example", "", nil, 200,
			`{"success":true,"url":"https://login.example/authorize?client_id=6731&state=st4te"}`, "url|contoso|a@contoso.example|"},
		{"bad e-mail", "GET", oauthURL + "?email=rooms%0d%0aX:y&state=1", "", nil, 400,
			`{"errors":[{"value":"rooms\r\nX:y","msg":"a valid email is required.","param":"email","location":"query"}]}`, ""},
		{"empty e-mail", "GET", oauthURL + "?email=&state=1", "", nil, 400,
			`{"errors":[{"value":"","msg":"a valid email is required.","param":"email","location":"query"}]}`, ""},
		{"no e-mail", "GET", oauthURL, "", nil, 400,
			`{"errors":[{"msg":"a valid email is required.","param":"email","location":"query"}]}`, ""},
		{"no address", "GET", oauthURL + "?email=a@contoso.example", "", noSuchWay, 500,
			`{"success":false,"error":"server_error","code":500}`, "url|contoso|a@contoso.example|"},
		{"connected", "POST", connectURL, good, nil, 200,
			`{"success":true,"data":{"account":{"accountId":"5f3c","email":"rooms@contoso.example","name":"HQ <& \"rooms\">","provider":"contoso","status":"active","scopes":["User.Read","Calendars.Read"]}}}`,
			"connect|contoso|" + secretCode + "|HQ|"},
		{"bad code", "POST", connectURL, good, failed{words: "no", person: true, code: "invalid_grant"}, 400,
			`{"success":false,"error":"invalid_grant","code":400}`, "connect|contoso|" + secretCode + "|HQ|"},
		{"refused before the service was asked", "POST", connectURL, good, failed{words: "no", person: true}, 400,
			`{"success":false,"error":"invalid_grant","code":400}`, "connect|contoso|" + secretCode + "|HQ|"},
		{"bad secret", "POST", connectURL, good, failed{words: "no", person: true, code: "invalid_client"}, 400,
			`{"success":false,"error":"invalid_client","code":400}`, "connect|contoso|" + secretCode + "|HQ|"},
		{"the service is away", "POST", connectURL, good, failed{words: "no", code: "server_error"}, 503,
			`{"success":false,"error":"temporarily_unavailable","code":503}`, "connect|contoso|" + secretCode + "|HQ|"},
		{"with the state", "POST", connectURL, `{"code":"c","name":"n","state":"s&t"}`, failed{person: true, code: "invalid_request"}, 400,
			`{"success":false,"error":"invalid_request","code":400}`, "connect|contoso|c|n|s&t"},
		{"nothing", "POST", connectURL, `{}`, nil, 400,
			`{"errors":[{"msg":"a code is required.","param":"code","location":"body"},{"msg":"a name is required.","param":"name","location":"body"}]}`, ""},
		{"no code", "POST", connectURL, `{"name":"HQ","code":null}`, nil, 400,
			`{"errors":[{"msg":"a code is required.","param":"code","location":"body"}]}`, ""},
		{"empty code", "POST", connectURL, `{"name":"HQ","code":" "}`, nil, 400,
			`{"errors":[{"value":" ","msg":"a code is required.","param":"code","location":"body"}]}`, ""},
		{"no name", "POST", connectURL, `{"code":"` + secretCode + `"}`, nil, 400,
			`{"errors":[{"msg":"a name is required.","param":"name","location":"body"}]}`, ""},
		{"no body", "POST", connectURL, "", nil, 400, `{"success":false,"error":"invalid_request","code":400}`, ""},
		{"not JSON", "POST", connectURL, "code=" + secretCode, nil, 400, `{"success":false,"error":"invalid_request","code":400}`, ""},
		{"more than JSON", "POST", connectURL, good + good, nil, 400, `{"success":false,"error":"invalid_request","code":400}`, ""},
		{"not an object", "POST", connectURL, `["` + secretCode + `"]`, nil, 400, `{"success":false,"error":"invalid_request","code":400}`, ""},
		{"a number", "POST", connectURL, `{"code":1,"name":"HQ"}`, nil, 400, `{"success":false,"error":"invalid_request","code":400}`, ""},
		{"as large as allowed", "POST", connectURL, good + strings.Repeat(" ", 64<<10-len(good)), failed{person: true}, 400,
			`{"success":false,"error":"invalid_grant","code":400}`, "connect|contoso|" + secretCode + "|HQ|"},
		{"larger", "POST", connectURL, good + strings.Repeat(" ", 64<<10-len(good)+1), nil, 413, `{"success":false,"error":"invalid_request","code":413}`, ""},
		{"wrong method", "GET", connectURL, "", nil, 405, `{"error":"this address does not support the method","next":"use POST"}` + "\n", ""},
		{"wrong method too", "POST", oauthURL, "", nil, 405, `{"error":"this address does not support the method","next":"use GET, HEAD"}` + "\n", ""},
		{"another provider", "GET", "/api/v1/fabrikam/oauth?email=a@contoso.example", "", nil, 404, `{"error":"there is nothing at this address","next":"start at /"}` + "\n", ""},
		{"another provider too", "POST", "/api/v1/fabrikam/connect", good, nil, 404, `{"error":"there is nothing at this address","next":"start at /"}` + "\n", ""},
		{"wrong address", "GET", "/api/v1/contoso/accounts", "", nil, 404, `{"error":"there is nothing at this address","next":"start at /"}` + "\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, f := signInOptions(t, byCode(""))
			f.connected, f.err = connectionOf(), c.err
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
			r.Host = "localhost:8080"
			r.Header.Set("X-Api-Key", apiKey)
			w := httptest.NewRecorder()
			Handler(o).ServeHTTP(w, r)
			if w.Code != c.status || w.Body.String() != c.want || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("status %d, type %q:\n%s\nwant %d:\n%s", w.Code, w.Header().Get("Content-Type"), w.Body, c.status, c.want)
			}
			if got := f.asked(); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			checkSafety(t, w.Header())
		})
	}
}

// TestConnectLogsWhatFailed wants the words of an error in the log, where they
// help whoever calls the API, and no secret.
func TestConnectLogsWhatFailed(t *testing.T) {
	o, f := signInOptions(t, byCode(""))
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	f.err = failed{words: "send the state", person: true, code: "invalid_request"}
	post(Handler(o), connectURL, `{"code":"`+secretCode+`","name":"HQ"}`, "X-Api-Key", apiKey)
	if got := log.String(); !strings.Contains(got, `answer=invalid_request err="connecting an account: send the state"`) || strings.Contains(got, secretCode) || strings.Contains(got, apiKey) {
		t.Errorf("the log is %s", got)
	}
}

func TestConnectWithoutScopes(t *testing.T) {
	o, f := signInOptions(t, byCode(""))
	f.connected = Connected{AccountID: "5f3c", Status: "active"}
	w := post(Handler(o), connectURL, `{"code":"c","name":"n"}`, "X-Api-Key", apiKey)
	if got := w.Body.String(); !strings.HasSuffix(got, `"status":"active","scopes":[]}}}`) {
		t.Errorf("answered %s", got)
	}
}

func TestConnectRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		header []string
		status int
		reason string
		body   string // of the answer; empty: any
	}{
		{"no key", nil, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"an empty key", []string{"X-Api-Key", ""}, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"a wrong key", []string{"X-Api-Key", apiKey[:len(apiKey)-1]}, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"a longer key", []string{"X-Api-Key", apiKey + "s"}, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"a key in two lines", []string{"X-Api-Key", apiKey + "\r\nX: y"}, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"a huge key", []string{"X-Api-Key", strings.Repeat("k", 1<<20)}, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"the key elsewhere", []string{"Authorization", "Bearer " + apiKey}, 401, "key", `{"error":"Unauthorized. Invalid API key."}`},
		{"another name", []string{"X-Api-Key", apiKey, "Host", "evil.example"}, 421, "host", ""},
		{"another origin", []string{"X-Api-Key", apiKey, "Origin", "http://evil.example"}, 403, "cross_origin", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, f := signInOptions(t, byCode(""))
			h := Handler(o)
			w := post(h, connectURL, `{"code":"`+secretCode+`","name":"HQ"}`, c.header...)
			if w.Code != c.status || refusedCount(t, h, c.reason) != "1" || (c.body != "" && w.Body.String() != c.body) || f.asked() != "" {
				t.Errorf("status %d, want %d; %s refusals for %s; body %s", w.Code, c.status, refusedCount(t, h, c.reason), c.reason, w.Body)
			}
			if body := w.Body.String(); strings.Contains(body, apiKey) || strings.Contains(body, secretCode) {
				t.Errorf("the answer tells a secret: %s", body)
			}
		})
	}
}

func TestConnectBodyThatBreaksOff(t *testing.T) {
	o, f := signInOptions(t, byCode(""))
	r := httptest.NewRequest("POST", connectURL, io.MultiReader(strings.NewReader(`{"code":"`+secretCode), iotest.ErrReader(errors.New(secretCode))))
	r.Host = "localhost"
	r.Header.Set("X-Api-Key", apiKey)
	w := httptest.NewRecorder()
	Handler(o).ServeHTTP(w, r)
	if w.Code != 400 || f.asked() != "" || strings.Contains(w.Body.String(), secretCode) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestConnectIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := signInOptions(t, byCode(""))
		h := Handler(o)
		call := func(key string) *httptest.ResponseRecorder {
			return ask(h, "GET", oauthURL+"?email="+url.QueryEscape("a@contoso.example"), "X-Api-Key", key)
		}
		for i := range 30 {
			key, want := apiKey, http.StatusOK
			if i%2 == 1 {
				key, want = "wrong", http.StatusUnauthorized
			}
			if w := call(key); w.Code != want {
				t.Fatalf("call %d: status %d", i, w.Code)
			}
			time.Sleep(time.Second)
		}
		w := call(apiKey)
		if w.Code != 429 || w.Header().Get("Retry-After") != "30" || w.Body.String() != `{"error":"Too many requests. Try again after the time in Retry-After."}` {
			t.Errorf("call 31 in half a minute: status %d, Retry-After %q, %s", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		time.Sleep(30 * time.Second)
		if w := call(apiKey); w.Code != 200 {
			t.Errorf("a minute after the first: status %d", w.Code)
		}
		if w := call(apiKey); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("right after: status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
	})
}

func TestValidEmail(t *testing.T) {
	for s, want := range map[string]bool{
		"rooms@contoso.example": true, "a.b+c@x.contoso.example": true, "rooms@contoso.onmicrosoft.com": true,
		"": false, "rooms": false, "rooms@": false, "@contoso.example": false, "rooms@localhost": false, "rooms@contoso.": false, "rooms@@contoso.example": false,
		" rooms@contoso.example": false, "rooms@contoso.example\r\n": false, "Rooms <rooms@contoso.example>": false, "a@contoso.example, b@contoso.example": false,
		"rooms@contoso.example (HQ)": false, strings.Repeat("a", 64) + "@" + strings.Repeat("b", 190) + ".example": false,
	} {
		if got := validEmail(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}
