package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
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
	if !strings.Contains(closed, "Now: never signed in. Nobody has signed in yet.") || !strings.Contains(closed, "Run roomgate login --page on the gateway") || strings.Contains(closed, "Open the sign-in page") {
		t.Errorf("without the code the page reads %q", closed)
	}
	key := enter(t, h)
	open := ask(h, "GET", roomsPage, key...)
	for _, want := range []string{"1. Before the first sign-in, by the customer's IT Register http://localhost at Contoso. 2. Sign in to Contoso Calendar",
		"It will be asked for: Calendars.Read. An error that begins with CC: roomgate explain CC….", "Afterwards the browser returns to this page automatically."} {
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
	w = ask(h, "GET", back) // from the service, and so without the cookie
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
	o, f := signInOptions(t, byCode("https://login.contoso.example/nativeclient"))
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
	pasted := "https://login.contoso.example/nativeclient?code=" + secretCode + "&state=st4te"
	f.err = failed{words: "Account rooms: sign in: the code was used before", action: "begin again"}
	w = send(h, roomsPage+"/complete", url.Values{"pasted": {pasted}}, key...)
	if got := f.asked(); w.Code != 303 || w.Header().Get("Location") != roomsPage || got != "complete|rooms|"+pasted {
		t.Errorf("status %d to %q, asked %q", w.Code, w.Header().Get("Location"), got)
	}
	page := ask(h, "GET", roomsPage, key...).Body.String()
	if !strings.Contains(words(page), "Account rooms: sign in: the code was used before. Next: begin again.") || strings.Contains(page, secretCode) {
		t.Errorf("the page reads %q", words(page))
	}
	f.err = nil
	send(h, roomsPage+"/complete", url.Values{"pasted": {pasted}}, key...)
	if got := words(ask(h, "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "Account rooms is signed in.") || strings.Contains(got, "used before") {
		t.Errorf("the page reads %q", got)
	}
}

// A redirect URI with a path that the page does not have ends the sign-in as well; a
// response that belongs to none is told so, and is not a missing page.
func TestResponseAtAnotherPath(t *testing.T) {
	o, f := signInOptions(t, byCode("http://localhost/outlook/auth"))
	h := Handler(o)
	key := enter(t, h)
	send(h, roomsPage+"/begin", nil, key...)
	f.asked()
	const back = "/outlook/auth?code=" + secretCode + "&state=st4te"
	if w := ask(h, "GET", back); w.Code != 200 || f.asked() != "complete|rooms|"+back || !strings.Contains(words(w.Body.String()), "Account rooms is signed in") {
		t.Errorf("status %d: %s", w.Code, words(w.Body.String()))
	}
	if w := ask(h, "GET", back); w.Code != 400 || f.asked() != "" || !strings.Contains(words(w.Body.String()), "his sign-in was not started here, or has ended") {
		t.Errorf("a second time: status %d: %s", w.Code, words(w.Body.String()))
	}
	if w := ask(h, "GET", "/outlook/auth"); w.Code != 404 {
		t.Errorf("without a response: status %d", w.Code)
	}
}

func TestHintThatIsNoAddress(t *testing.T) {
	o, f := signInOptions(t, byCode("http://localhost"))
	h := Handler(o)
	key := enter(t, h)
	send(h, roomsPage+"/begin", url.Values{"login_hint": {"rooms\r\nX: y"}}, key...)
	if got := words(ask(h, "GET", roomsPage, key...).Body.String()); f.asked() != "" || !strings.Contains(got, "This is not an e-mail address; correct it, or leave the field empty.") {
		t.Errorf("the page reads %q", got)
	}
}

func TestReturnAddress(t *testing.T) {
	for _, c := range []struct {
		configured, host, redirect string
		returns                    bool
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
		{"https://login.contoso.example/nativeclient", "localhost:8080", "", false},
		{"", "localhost:8080", "", false},
		{"http://%zz", "localhost:8080", "", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		if redirect, returns := returnAddress(c.configured, r); redirect != c.redirect || returns != c.returns {
			t.Errorf("%q on %s: %q, %v; want %q, %v", c.configured, c.host, redirect, returns, c.redirect, c.returns)
		}
	}
}

func TestDeviceCode(t *testing.T) {
	o, f := signInOptions(t, byDevice())
	h := Handler(o)
	key := enter(t, h)
	if w := ask(h, "GET", roomsPage, key...); !strings.Contains(w.Body.String(), `action="/setup/accounts/rooms/device"`) || w.Header().Get("Refresh") != "" {
		t.Errorf("no button for a code, or the page renews itself without one:\n%s", w.Body)
	}
	if w := send(h, roomsPage+"/device", nil, key...); w.Code != 303 || f.asked() != "device|rooms" {
		t.Errorf("status %d", w.Code)
	}
	f.change(func(all []fakeAccount) { all[0].status.Device = deviceCodeOf("https://contoso.example/device") })
	w := ask(h, "GET", roomsPage, key...)
	if got := words(w.Body.String()); !strings.Contains(got, "Enter this code at Contoso Calendar C7KQ4RHDN at https://contoso.example/device before 12:15,") || w.Header().Get("Refresh") != "5" {
		t.Errorf("renewed after %q seconds, the page reads %q", w.Header().Get("Refresh"), got)
	}
	f.err = failed{words: "account rooms: sign in: no answer"}
	send(h, roomsPage+"/device", nil, key...)
	if got := words(ask(h, "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "Account rooms: sign in: no answer.") {
		t.Errorf("the page reads %q", got)
	}
}

func TestAccountThatSignsInByItself(t *testing.T) {
	o, _ := signInOptions(t, fakeAccount{name: "rooms", way: "itself",
		status:  driver.SessionStatus{State: driver.SignInNeeded, Reason: "the secret has expired", Action: "upload the new certificate"},
		prepare: []driver.Block{{Text: "The customer's IT does this once:"}, {Steps: []string{"Open application `6731`.", "Upload <the> certificate."}}}})
	h := Handler(o)
	page := ask(h, "GET", roomsPage, enter(t, h)...).Body.String()
	for _, want := range []string{"Now: sign-in needed. The secret has expired. Next: upload the new certificate.",
		"No sign-in needed here The gateway signs in to Contoso Calendar automatically. The customer's IT does this once: Open application 6731. Upload <the> certificate. roomgate handover rooms prints"} {
		if !strings.Contains(words(page), want) {
			t.Errorf("the page does not say %q: %q", want, words(page))
		}
	}
	if strings.Contains(page, "<form") {
		t.Error("there is something to send")
	}
	for _, action := range []string{"begin", "complete", "device"} {
		send(h, roomsPage+"/"+action, url.Values{"pasted": {secretCode}}, enter(t, h)...)
		if got := words(ask(h, "GET", roomsPage).Body.String()); !strings.Contains(got, "Account rooms is not signed in to with a ") {
			t.Errorf("%s: the page reads %q", action, got)
		}
	}
}

func TestAccountWithoutSignIn(t *testing.T) {
	o, _ := signInOptions(t, fakeAccount{name: "feed"}, byCode("http://localhost"))
	publish(o, driver.OfAccount, "feed", points{driver.AccountState: driver.EnumValue("ok")})
	h := Handler(o)
	if got := words(get(t, h, "/")); !strings.Contains(got, "Account feed: Contoso Calendar needs no sign-in") {
		t.Errorf("the rooms' page reads %q", got)
	}
	if got := words(get(t, h, "/setup")); !strings.Contains(got, "feed: Contoso Calendar needs no sign-in rooms: never signed in. Nobody has signed in yet.") {
		t.Errorf("the list reads %q", got)
	}
	w := ask(h, "GET", "/setup/accounts/feed")
	if got := words(w.Body.String()); w.Code != 200 || !strings.Contains(got, "Now: Contoso Calendar needs no sign-in Account rooms also needs a sign-in.") {
		t.Errorf("status %d, the page reads %q", w.Code, got)
	}
	if strings.Contains(w.Body.String(), "<form") || w.Header().Get("Refresh") != "" {
		t.Errorf("there is something to send:\n%s", w.Body)
	}
	for _, action := range []string{"begin", "complete", "device"} {
		if w := send(h, "/setup/accounts/feed/"+action, nil, enter(t, h)...); w.Code != 303 || w.Header().Get("Location") != "/setup/accounts/feed" {
			t.Errorf("%s: status %d to %q", action, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestProviderWithoutTexts has a page with default texts.
func TestProviderWithoutTexts(t *testing.T) {
	a := byCode("https://gateway.example/setup/callback")
	a.prepare, a.notes = nil, nil
	o, _ := signInOptions(t, a)
	h := Handler(o)
	got := words(ask(h, "GET", roomsPage, enter(t, h)...).Body.String())
	const want = "1. Before the first sign-in, by the customer's IT Register this redirect URI with Contoso Calendar, exactly as it is here: https://gateway.example/setup/callback"
	if !strings.Contains(got, want) {
		t.Errorf("the page reads %q", got)
	}
}

// TestPagesNameNoOtherService reads every page of the made-up service.
func TestPagesNameNoOtherService(t *testing.T) {
	back, pasted, device, itself := byCode("http://localhost"), byCode("https://login.contoso.example/nativeclient"), byDevice(), fakeAccount{name: "app", way: "itself"}
	pasted.name, device.name = "annexe", "lobby"
	o, _ := signInOptions(t, back, pasted, device, itself, fakeAccount{name: "feed"})
	h := Handler(o)
	key := enter(t, h)
	pages := []string{get(t, h, "/"), get(t, h, "/setup"), send(h, roomsPage+"/begin", nil, key...).Body.String(),
		ask(h, "GET", "/?code=1&state=st4te").Body.String(), send(h, "/setup/accounts/annexe/begin", nil, key...).Body.String()}
	for _, name := range []string{"rooms", "annexe", "lobby", "app", "feed"} {
		pages = append(pages, ask(h, "GET", "/setup/accounts/"+name, key...).Body.String())
	}
	foreign := regexp.MustCompile(`(?i)microsoft|entra|graph|aadsts|exchange|outlook|azure`)
	for _, page := range pages {
		if found := foreign.FindAllString(page, -1); found != nil {
			t.Errorf("a page names %q:\n%s", found, words(page))
		}
	}
}

// TestSignInOutlivesAHandler starts a sign-in with one Handler and completes it
// with the next one, as at a new configuration.
func TestSignInOutlivesAHandler(t *testing.T) {
	o, f := signInOptions(t, byCode("http://localhost"))
	o.State = NewState()
	key := enter(t, Handler(o))
	send(Handler(o), roomsPage+"/begin", nil, key...)
	f.asked()
	if w := ask(Handler(o), "GET", "/?code="+secretCode+"&state=st4te"); w.Code != 200 || f.asked() != "complete|rooms|/?code="+secretCode+"&state=st4te" {
		t.Errorf("status %d:\n%s", w.Code, w.Body)
	}
	if got := words(ask(Handler(o), "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "Account rooms is signed in.") {
		t.Errorf("the page reads %q", got)
	}
	send(Handler(o), roomsPage+"/begin", nil, key...)
	f.change(func(all []fakeAccount) { all[0].way = "device" })
	f.asked()
	ask(Handler(o), "GET", "/?code="+secretCode+"&state=st4te")
	if got := words(ask(Handler(o), "GET", roomsPage, key...).Body.String()); f.asked() != "" || !strings.Contains(got, "Account rooms is not signed in to with a browser") {
		t.Errorf("an account that now signs in differently: the page reads %q", got)
	}
}

// TestSignInContinuesWithTheSuccessor has sessions that have ended while the
// gateway reads its configuration again.
func TestSignInContinuesWithTheSuccessor(t *testing.T) {
	ended := fmt.Errorf("account rooms: sign in: %w", driver.ErrSessionEnded)
	for _, c := range []struct {
		name, way string
		call      func(h http.Handler, key []string)
		asked     string // while the session has ended, and of its successor
	}{
		{"begin", "code", func(h http.Handler, key []string) { send(h, roomsPage+"/begin", nil, key...) }, "begin|rooms|||http://localhost:8080"},
		{"complete", "code", func(h http.Handler, key []string) {
			send(h, roomsPage+"/complete", url.Values{"pasted": {secretCode}}, key...)
		}, "complete|rooms|" + secretCode},
		{"callback", "code", func(h http.Handler, _ []string) { ask(h, "GET", "/?code="+secretCode+"&state=st4te") }, "complete|rooms|/?code=" + secretCode + "&state=st4te"},
		{"device", "device", func(h http.Handler, key []string) { send(h, roomsPage+"/device", nil, key...) }, "device|rooms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := byCode("http://localhost")
				a.way = c.way
				o, f := signInOptions(t, a)
				h := Handler(o)
				key := enter(t, h)
				send(h, roomsPage+"/begin", nil, key...)
				f.asked()
				f.fail(ended)
				time.AfterFunc(10*time.Second, func() { f.fail(nil) })
				start := time.Now()
				c.call(h, key)
				if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
					t.Errorf("answered after %v, want right after the successor is there", took)
				}
				calls := strings.Split(f.asked(), "\n")
				if calls[0] != c.asked || slices.ContainsFunc(calls, func(call string) bool { return call != c.asked }) {
					t.Errorf("asked %q, want %q again and again", calls, c.asked)
				}
				if got := words(ask(h, "GET", roomsPage, key...).Body.String()); strings.Contains(got, "reading its configuration again") {
					t.Errorf("the page reads %q", got)
				}
			})
		})
	}
}

// TestSignInContinuesWithoutTheBrowser has a browser that disconnects, or a page
// that is replaced, while the session has ended: the code is used all the same.
func TestSignInContinuesWithoutTheBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, f := signInOptions(t, byCode("http://localhost"))
		h := Handler(o)
		key := enter(t, h)
		send(h, roomsPage+"/begin", nil, key...)
		f.asked()
		f.fail(driver.ErrSessionEnded)
		time.AfterFunc(10*time.Second, func() { f.fail(nil) })
		ctx, disconnect := context.WithTimeout(t.Context(), 2*time.Second)
		defer disconnect()
		r := httptest.NewRequest("GET", "http://localhost:8080/?code="+secretCode+"&state=st4te", nil)
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if got := words(ask(h, "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "Account rooms is signed in.") {
			t.Errorf("the page reads %q", got)
		}
	})
}

// TestSignInWithoutASuccessor ends after half a minute.
func TestSignInWithoutASuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, f := signInOptions(t, byCode("http://localhost"))
		h := Handler(o)
		key := enter(t, h)
		f.fail(failed{words: "the gateway is reading its configuration again", action: "try again", cause: driver.ErrSessionEnded})
		start := time.Now()
		send(h, roomsPage+"/complete", url.Values{"pasted": {secretCode}}, key...)
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("answered after %v, want 30 s", took)
		}
		if got := words(ask(h, "GET", roomsPage, key...).Body.String()); !strings.Contains(got, "The gateway is reading its configuration again. Next: try again.") {
			t.Errorf("the page reads %q", got)
		}
	})
}

func TestSeveralAccounts(t *testing.T) {
	first := byCode("http://localhost")
	first.status = driver.SessionStatus{State: driver.SignedIn, User: "rooms@contoso.example", MissingScopes: []string{"Place.Read.All"}}
	second := byDevice()
	second.name, second.status = "annexe", driver.SessionStatus{State: driver.SignInNeeded, Reason: "<b>the password was changed</b>"}
	o, _ := signInOptions(t, first, second)
	h := Handler(o)
	if got := words(get(t, h, "/setup")); !strings.Contains(got, "rooms: signed in as rooms@contoso.example annexe: sign-in needed. <b>the password was changed</b>") {
		t.Errorf("the list reads %q", got)
	}
	got := words(get(t, h, roomsPage))
	for _, want := range []string{"Now: signed in as rooms@contoso.example. Not granted yet: Place.Read.All. Sign in again to grant them.", "Account annexe also needs a sign-in."} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q: %q", want, got)
		}
	}
	if w := ask(h, "GET", "/setup/accounts/cellar"); w.Code != 404 {
		t.Errorf("an account that does not exist: status %d", w.Code)
	}
	if w := send(h, "/setup/accounts/cellar/begin", nil); w.Code != 404 {
		t.Errorf("a form of an account that does not exist: status %d", w.Code)
	}
}

func TestRoomsPageLeadsToSetUp(t *testing.T) {
	v := byCode("http://localhost")
	v.status.Device = deviceCodeOf("https://contoso.example/device")
	o, _ := signInOptions(t, v)
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("never_signed_in")})
	page := get(t, Handler(o), "/")
	if got := words(page); !strings.Contains(got, "Account rooms: never signed in. Enter the code C7KQ4RHDN at https://contoso.example/device by 12:15.") {
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

func TestSetUpCookieIsBoundToTheSetUpPages(t *testing.T) {
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
	for _, path := range []string{"/setup", roomsPage, callbackPath + "?code=1&state=2", "/api/v1/contoso/oauth?email=a@b.example"} {
		if w := ask(h, "GET", path, "X-Api-Key", ""); w.Code != 404 {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
	if w := post(h, "/api/v1/contoso/connect", `{}`, "X-Api-Key", ""); w.Code != 404 {
		t.Errorf("the connect API: status %d, want 404", w.Code)
	}
	o, _ := signInOptions(t, byCode(""))
	o.SetUpCode, o.APIKey = nil, ""
	if w := send(Handler(o), "/setup/code", url.Values{"code": {""}}); w.Code != 403 {
		t.Errorf("without a set-up code: status %d, want 403", w.Code)
	}
	if w := ask(Handler(o), "GET", "/api/v1/contoso/oauth?email=a@b.example", "X-Api-Key", ""); w.Code != 404 {
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
