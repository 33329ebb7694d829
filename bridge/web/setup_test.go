package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

const (
	formsAllowed = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	roomsPage    = "/setup/accounts/rooms"
)

func TestSignInThatComesBackByItself(t *testing.T) {
	o, f := signInOptions(t, byCode("http://localhost"))
	h := Handler(o)
	if w := ask(h, "GET", "/setup"); w.Code != 303 || w.Header().Get("Location") != roomsPage {
		t.Fatalf("one account: status %d to %q, want 303 to its page", w.Code, w.Header().Get("Location"))
	}
	closed := words(get(t, h, roomsPage))
	if !strings.Contains(closed, "Now: never signed in. nobody has signed in yet") || !strings.Contains(closed, "Run roomgate login --page on the gateway") || strings.Contains(closed, "Open Microsoft") {
		t.Errorf("without the code the page reads %q", closed)
	}
	key := enter(t, h)
	open := ask(h, "GET", roomsPage, key...)
	for _, want := range []string{"redirect URI, exactly so: http://localhost Under", "6731de76-14a6-49ae-97bc-6eba6914391e",
		"It will be asked for: offline_access, Calendars.Read.", "The browser comes back to this page by itself."} {
		if !strings.Contains(words(open.Body.String()), want) {
			t.Errorf("the page does not say %q:\n%s", want, words(open.Body.String()))
		}
	}
	if got := open.Header().Get("Content-Security-Policy"); got != formsAllowed {
		t.Errorf("the policy is %q", got)
	}

	w := send(h, roomsPage+"/begin", url.Values{"login_hint": {""}, "select_account": {"on"}}, key...)
	if got, want := w.Header().Get("Refresh"), "0; url=https://login.example/authorize?client_id=6731&state=st4te"; w.Code != 200 || got != want {
		t.Errorf("begin: status %d, goes on to %q, want %q", w.Code, got, want)
	}
	if got := f.asked(); got != "begin|rooms||select_account|http://localhost:8080" {
		t.Errorf("asked %q", got)
	}

	back := "/?code=" + secretCode + "&state=st4te&session_state=1"
	if w := ask(h, "HEAD", back); f.asked() != "" || w.Code != 200 {
		t.Error("a HEAD used up the code")
	}
	w = ask(h, "GET", back) // from Microsoft, and so without the cookie
	if w.Code != 200 || w.Header().Get("Refresh") != "0; url="+roomsPage || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("back: status %d, header %v", w.Code, w.Header())
	}
	if got := f.asked(); got != "complete|rooms|"+back {
		t.Errorf("asked %q", got)
	}
	after := ask(h, "GET", roomsPage, key...).Body.String()
	if !strings.Contains(words(after), "Account rooms is signed in.") || strings.Contains(w.Body.String()+after, secretCode) {
		t.Errorf("after the sign-in the page reads %q", words(after))
	}
	if w := ask(h, "GET", back); w.Code != 400 || f.asked() != "" || refusedCount(t, h, "state") != "1" || strings.Contains(w.Body.String(), secretCode) {
		t.Errorf("the same address again: status %d:\n%s", w.Code, w.Body)
	}
}

func TestSignInByPaste(t *testing.T) {
	o, f := signInOptions(t, byCode("https://login.microsoftonline.com/common/oauth2/nativeclient"))
	h := Handler(o)
	key := enter(t, h)
	w := send(h, roomsPage+"/begin", url.Values{"login_hint": {" rooms@contoso.example "}, "select_account": {"on"}}, key...)
	if got := f.asked(); got != "begin|rooms|rooms@contoso.example||" {
		t.Errorf("asked %q", got)
	}
	const link = `<a class="button" href="https://login.example/authorize?client_id=6731&amp;state=st4te" target="_blank" rel="noreferrer">`
	if w.Header().Get("Refresh") != "" || !strings.Contains(w.Body.String(), link) || !strings.Contains(w.Body.String(), `<textarea name="pasted"`) {
		t.Errorf("no link beside a box for the address:\n%s", w.Body)
	}
	pasted := "https://login.microsoftonline.com/common/oauth2/nativeclient?code=" + secretCode + "&state=st4te"
	f.err = failed{words: "account rooms: sign in: the code was used before", action: "begin again"}
	w = send(h, roomsPage+"/complete", url.Values{"pasted": {pasted}}, key...)
	if got := f.asked(); w.Code != 303 || w.Header().Get("Location") != roomsPage || got != "complete|rooms|"+pasted {
		t.Errorf("status %d to %q, asked %q", w.Code, w.Header().Get("Location"), got)
	}
	page := ask(h, "GET", roomsPage, key...).Body.String()
	if !strings.Contains(words(page), "account rooms: sign in: the code was used before. Next: begin again.") || strings.Contains(page, secretCode) {
		t.Errorf("the page reads %q", words(page))
	}
	f.err = nil
	send(h, roomsPage+"/complete", url.Values{"pasted": {pasted}}, key...)
	if got := words(ask(h, "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "Account rooms is signed in.") || strings.Contains(got, "used before") {
		t.Errorf("the page reads %q", got)
	}
}

func TestHintThatIsNoAddress(t *testing.T) {
	o, f := signInOptions(t, byCode("http://localhost"))
	h := Handler(o)
	key := enter(t, h)
	send(h, roomsPage+"/begin", url.Values{"login_hint": {"rooms\r\nX: y"}}, key...)
	if got := words(ask(h, "GET", roomsPage, key...).Body.String()); f.asked() != "" || !strings.Contains(got, "this is not an e-mail address; correct it, or leave the field empty.") {
		t.Errorf("the page reads %q", got)
	}
}

func TestHomeward(t *testing.T) {
	for _, c := range []struct {
		configured, host, redirect string
		comesBack                  bool
	}{
		{"http://localhost", "localhost:8080", "http://localhost:8080", true},
		{"http://localhost/", "LOCALHOST:9000", "http://localhost:9000/", true},
		{"http://localhost:1234", "localhost:8080", "http://localhost:8080", true},
		{"http://localhost/setup/callback", "localhost", "http://localhost/setup/callback", true},
		{"http://localhost:1/setup/callback", "localhost:8080", "http://localhost:8080/setup/callback", true},
		{"http://localhost/elsewhere", "localhost:8080", "", false},
		{"http://localhost?a=b", "localhost:8080", "", false},
		{"http://localhost", "gateway.example", "", false},
		{"http://localhost.evil.example", "localhost:8080", "", false},
		{"https://gateway.example/setup/callback", "gateway.example", "", true},
		{"https://gateway.example:8443/setup/callback", "gateway.example", "", false},
		{"http://gateway.example/setup/callback", "gateway.example", "", false},
		{"https://login.microsoftonline.com/common/oauth2/nativeclient", "localhost:8080", "", false},
		{"", "localhost:8080", "", false},
		{"http://%zz", "localhost:8080", "", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		if redirect, comesBack := homeward(c.configured, r); redirect != c.redirect || comesBack != c.comesBack {
			t.Errorf("%q on %s: %q, %v; want %q, %v", c.configured, c.host, redirect, comesBack, c.redirect, c.comesBack)
		}
	}
}

func TestDeviceCode(t *testing.T) {
	v := SignInView{Name: "rooms", Kind: "device", State: "never_signed_in", ClientID: "6731"}
	o, f := signInOptions(t, v)
	h := Handler(o)
	key := enter(t, h)
	if w := ask(h, "GET", roomsPage, key...); !strings.Contains(w.Body.String(), `action="/setup/accounts/rooms/device"`) || w.Header().Get("Refresh") != "" {
		t.Errorf("no button for a code, or the page renews itself without one:\n%s", w.Body)
	}
	if w := send(h, roomsPage+"/device", nil, key...); w.Code != 303 || f.asked() != "device|rooms" {
		t.Errorf("status %d", w.Code)
	}
	f.change(func(views []SignInView) {
		views[0].Device = &DeviceView{"C7KQ4RHDN", "https://microsoft.com/devicelogin", noon.Add(15 * time.Minute)}
	})
	w := ask(h, "GET", roomsPage, key...)
	if got := words(w.Body.String()); !strings.Contains(got, "Enter this code at Microsoft C7KQ4RHDN at https://microsoft.com/devicelogin until 12:15,") || w.Header().Get("Refresh") != "5" {
		t.Errorf("renewed after %q seconds, the page reads %q", w.Header().Get("Refresh"), got)
	}
	f.err = failed{words: "account rooms: sign in: no answer"}
	send(h, roomsPage+"/device", nil, key...)
	if got := words(ask(h, "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "account rooms: sign in: no answer.") {
		t.Errorf("the page reads %q", got)
	}
}

func TestApplication(t *testing.T) {
	o, _ := signInOptions(t, SignInView{Name: "rooms", Kind: "app", State: "sign_in_needed", Reason: "the secret has expired", Action: "upload the new certificate",
		ClientID: "6731", Tenant: "contoso.example"})
	h := Handler(o)
	page := ask(h, "GET", roomsPage, enter(t, h)...).Body.String()
	for _, want := range []string{"Now: sign-in needed. the secret has expired Next: upload the new certificate.", "Nobody signs in here", "Open application 6731 of tenant contoso.example."} {
		if !strings.Contains(words(page), want) {
			t.Errorf("the page does not say %q: %q", want, words(page))
		}
	}
	if strings.Contains(page, "<form") {
		t.Error("there is something to send")
	}
}

func TestSeveralAccounts(t *testing.T) {
	first := byCode("http://localhost")
	first.State, first.Reason, first.User, first.MissingScopes = "ok", "", "rooms@contoso.example", []string{"Place.Read.All"}
	second := SignInView{Name: "annexe", Kind: "device", State: "sign_in_needed", Reason: "<b>the password was changed</b>"}
	o, _ := signInOptions(t, first, second)
	h := Handler(o)
	if got := words(get(t, h, "/setup")); !strings.Contains(got, "rooms: signed in as rooms@contoso.example annexe: sign-in needed. <b>the password was changed</b>") {
		t.Errorf("the list reads %q", got)
	}
	got := words(get(t, h, roomsPage))
	for _, want := range []string{"Now: signed in as rooms@contoso.example Not granted yet: Place.Read.All. Sign in again to grant it.", "Account annexe waits for somebody, too."} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q: %q", want, got)
		}
	}
	if w := ask(h, "GET", "/setup/accounts/cellar"); w.Code != 404 {
		t.Errorf("an account that does not exist: status %d", w.Code)
	}
}

func TestRoomsPageLeadsToSetUp(t *testing.T) {
	v := byCode("http://localhost")
	v.Device = &DeviceView{"C7KQ4RHDN", "https://microsoft.com/devicelogin", noon.Add(15 * time.Minute)}
	o, _ := signInOptions(t, v)
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("never_signed_in")})
	page := get(t, Handler(o), "/")
	if got := words(page); !strings.Contains(got, "Account rooms: never signed in. Enter the code C7KQ4RHDN at https://microsoft.com/devicelogin by 12:15.") {
		t.Errorf("the page reads %q", got)
	}
	if !strings.Contains(page, `<a href="/setup/accounts/rooms">`) {
		t.Error("the page does not lead to the sign-in")
	}
}

func TestSetUpLivesOnLocalhost(t *testing.T) {
	o, _ := signInOptions(t, byCode("http://localhost"))
	for host, want := range map[string]string{
		"127.0.0.1:8080": "http://localhost:8080/setup/accounts/rooms", "[::1]:8080": "http://localhost:8080/setup/accounts/rooms", "127.0.0.1": "http://localhost/setup/accounts/rooms",
	} {
		if w := ask(Handler(o), "GET", roomsPage+"?x=http://evil.example", "Host", host); w.Code != 307 || w.Header().Get("Location") != want {
			t.Errorf("on %s: status %d to %q", host, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestCookie(t *testing.T) {
	o, _ := signInOptions(t, byCode("http://localhost"))
	w := send(Handler(o), "/setup/code", url.Values{"code": {setUpCode}, "account": {"//evil.example"}})
	c := w.Result().Cookies()[0]
	if c.Path != "/setup" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 0 || !c.Expires.IsZero() || len(c.Value) < 26 {
		t.Errorf("the cookie is %v", c)
	}
	if got := w.Header().Get("Location"); got != "/setup" {
		t.Errorf("goes on to %q", got)
	}
}

func TestSetUpIsOffUnlessGiven(t *testing.T) {
	h := Handler(options(t))
	for _, path := range []string{"/setup", roomsPage, callbackPath + "?code=1&state=2", "/api/v1/microsoft/oauth?email=a@b.example"} {
		if w := ask(h, "GET", path, "X-Api-Key", ""); w.Code != 404 {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
	if w := post(h, "/api/v1/microsoft/connect", `{}`, "X-Api-Key", ""); w.Code != 404 {
		t.Errorf("the connect API: status %d, want 404", w.Code)
	}
	o, _ := signInOptions(t, byCode(""))
	o.SetUpCode, o.APIKey = nil, ""
	if w := send(Handler(o), "/setup/code", url.Values{"code": {""}}); w.Code != 403 {
		t.Errorf("without a set-up code: status %d, want 403", w.Code)
	}
	if w := ask(Handler(o), "GET", "/api/v1/microsoft/oauth?email=a@b.example", "X-Api-Key", ""); w.Code != 404 {
		t.Errorf("without a key for the API: status %d, want 404", w.Code)
	}
}

func TestSetUpRefuses(t *testing.T) {
	for _, c := range []struct {
		name, target, body string
		header             []string
		status             int
		reason             string
	}{
		{"no cookie", roomsPage + "/begin", "", nil, 403, "session"},
		{"a made-up cookie", roomsPage + "/complete", "pasted=" + secretCode, []string{"Cookie", "roomgate_setup=AAAAAAAAAAAAAAAAAAAAAAAAAA"}, 403, "session"},
		{"an empty cookie", roomsPage + "/device", "", []string{"Cookie", "roomgate_setup="}, 403, "session"},
		{"a wrong code", "/setup/code", "code=bravo-7719", nil, 403, "code"},
		{"no code", "/setup/code", "", nil, 403, "code"},
		{"another origin", "/setup/code", "code=" + setUpCode, []string{"Sec-Fetch-Site", "cross-site"}, 403, "cross_origin"},
		{"another port of this machine", "/setup/code", "code=" + setUpCode, []string{"Sec-Fetch-Site", "same-site"}, 403, "cross_origin"},
		{"an old browser from elsewhere", "/setup/code", "code=" + setUpCode, []string{"Sec-Fetch-Site", "", "Origin", "http://localhost:9999"}, 403, "cross_origin"},
		{"another name", "/setup/code", "code=" + setUpCode, []string{"Host", "evil.example"}, 421, "host"},
		{"too large", roomsPage + "/complete", "pasted=" + strings.Repeat("x", 64<<10), nil, 413, "too_large"},
		{"malformed", "/setup/code", "code=%zz" + setUpCode, nil, 400, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, f := signInOptions(t, byCode("http://localhost"))
			h := Handler(o)
			w := post(h, c.target, c.body, append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, c.header...)...)
			if w.Code != c.status || refusedCount(t, h, c.reason) != "1" || len(w.Result().Cookies()) != 0 || f.asked() != "" {
				t.Errorf("status %d, want %d; %s refusals for %s; header %v", w.Code, c.status, refusedCount(t, h, c.reason), c.reason, w.Header())
			}
			if body := w.Body.String(); strings.Contains(body, setUpCode) || strings.Contains(body, secretCode) {
				t.Errorf("the answer tells a secret:\n%s", body)
			}
		})
	}
}

func TestWrongSetUpCodesAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := signInOptions(t, byCode("http://localhost"))
		h := Handler(o)
		try := func(code string) *httptest.ResponseRecorder {
			return send(h, "/setup/code", url.Values{"code": {code}})
		}
		var got []int
		for _, code := range []string{setUpCode, "1", "2", setUpCode, "3", "4", "5", "6", setUpCode} {
			got = append(got, try(code).Code)
		}
		if want := []int{303, 403, 403, 303, 403, 403, 403, 429, 429}; !slices.Equal(got, want) {
			t.Errorf("statuses %v, want %v", got, want)
		}
		if w := try(setUpCode); w.Header().Get("Retry-After") != "900" || refusedCount(t, h, "rate") != "3" {
			t.Errorf("Retry-After %q, %s refusals", w.Header().Get("Retry-After"), refusedCount(t, h, "rate"))
		}
		time.Sleep(15*time.Minute - time.Second)
		if w := try(setUpCode); w.Code != 429 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("a second before: status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
		}
		time.Sleep(time.Second)
		if w := try(setUpCode); w.Code != 303 {
			t.Errorf("after a quarter of an hour: status %d", w.Code)
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := signInOptions(t, byCode("http://localhost"))
		h := Handler(o)
		key := enter(t, h)
		status := func() int { return send(h, roomsPage+"/complete", nil, key...).Code }
		time.Sleep(8*time.Hour - time.Second)
		if got := status(); got != 303 {
			t.Errorf("before eight hours are over: status %d", got)
		}
		time.Sleep(time.Second)
		if got := status(); got != 403 {
			t.Errorf("after eight hours: status %d", got)
		}
	})
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := memory[int]{most: 2, span: time.Hour}
	m.put("a", 1, noon)
	m.put("b", 2, noon)
	m.put("a", 3, noon.Add(time.Minute)) // now the newest
	m.put("c", 4, noon.Add(2*time.Minute))
	for key, want := range map[string]int{"a": 3, "b": 0, "c": 4} {
		if got, ok := m.get(key, noon.Add(3*time.Minute)); got != want || ok != (want != 0) {
			t.Errorf("%s: %d, %v; want %d", key, got, ok, want)
		}
	}
	if _, ok := m.get("a", noon.Add(time.Minute+time.Hour)); ok {
		t.Error("a value outlived its span")
	}
}
