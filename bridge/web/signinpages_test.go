package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"roomgate/driver"
	"roomgate/webdriver"
)

// signInPage stands for the page of the service, on a site other than the gateway's.
func signInPage(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method == http.MethodPost {
			http.Redirect(w, r, q.Get("redirect_uri")+"?code="+secretCode+"&state="+q.Get("state"), http.StatusFound)
			return
		}
		fmt.Fprint(w, `<!doctype html><title>Sign in</title><form method="post"><button>Accept</button></form>`)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// gatewayPage serves the pages with three accounts and returns their address.
func gatewayPage(t *testing.T) (string, *fakeService) {
	annexe, lobby := byCode("https://login.contoso.example/nativeclient"), byCode("")
	annexe.name, lobby.name, lobby.way = "annexe", "lobby", "device"
	o, f := signInOptions(t, byCode("http://localhost"), annexe, lobby)
	o.Read = func(_ context.Context, room string) error {
		f.note("read", room)
		return nil
	}
	f.address = signInPage(t) + "/authorize?state=st4te&redirect_uri={redirect}"
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("never_signed_in")})
	srv := httptest.NewServer(Handler(o))
	t.Cleanup(srv.Close)
	return strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), f
}

// TestPersonSignsIn goes through the pages as a person does.
func TestPersonSignsIn(t *testing.T) {
	page, f := gatewayPage(t)
	b := webdriver.Open(t)

	b.Visit(page)
	b.Click(`//section[@id="problems"]//a[.="the set-up page"]`)
	b.Picture("1-closed")
	b.Type(`//input[@name="code"]`, setUpCode)
	b.Click(`//button[.="Open"]`)
	b.Picture("2-open")
	b.Click(`//button[.="Open the sign-in page"]`)
	b.Click(`//button[.="Accept"]`)
	if got := b.Text(`//p[@role="status"]`); got != "Account rooms is signed in." {
		t.Errorf("the page says %q", got)
	}
	b.Await(`//button[.="Finish"]`) // the browser is still let in
	b.Picture("3-signed-in")
	if got := b.Address(); got != page+roomsPage {
		t.Errorf("the address is %q", got)
	}
	redirect := strings.Split(f.asked(), "\n")
	if want := []string{"begin|rooms||select_account|" + page, "complete|rooms|/?code=" + secretCode + "&state=st4te"}; strings.Join(redirect, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked %q, want %q", redirect, want)
	}
	b.Do("POST", "/back", struct{}{}, nil)
	if got := b.Address(); strings.Contains(got, secretCode) {
		t.Errorf("the browser's history holds the code: %s", got)
	}

	b.Visit(page + "/setup/accounts/annexe")
	b.Click(`//button[.="Open the sign-in page"]`)
	b.Await(`//a[.="Open the sign-in page"][@target="_blank"]`)
	b.Picture("4-paste")
	pasted := "https://login.contoso.example/nativeclient?code=" + secretCode + "&state=st4te"
	b.Type(`//textarea[@name="pasted"]`, pasted)
	b.Click(`//button[.="Finish"]`)
	if got := b.Text(`//p[@role="status"]`); got != "Account annexe is signed in." {
		t.Errorf("the page says %q", got)
	}
	if got, want := f.asked(), "begin|annexe||select_account|\ncomplete|annexe|"+pasted; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	signInByDevice(t, b, page, f)
	readNow(t, b, page, f)
}

// signInByDevice sees the page renew itself when the code was entered.
func signInByDevice(t *testing.T, b *webdriver.Browser, page string, f *fakeService) {
	b.Visit(page + "/setup/accounts/lobby")
	b.Await(`//button[.="Show a code"]`)
	f.change(func(all []fakeAccount) { all[2].status.Device = deviceCodeOf("https://contoso.example/device") })
	b.Click(`//button[.="Show a code"]`)
	if got := b.Text(`//section[h2="Enter this code at Contoso Calendar"]`); !strings.Contains(got, "C7KQ4RHDN at https://contoso.example/device before 12:15,") {
		t.Errorf("the page says %q", got)
	}
	b.Picture("5-device")
	f.change(func(all []fakeAccount) {
		all[2].status = driver.SessionStatus{State: driver.SignedIn, User: "lobby@contoso.example"}
	})
	if got := b.Text(`//li[@class="ok"]`); got != "Now: signed in as lobby@contoso.example" {
		t.Errorf("the page says %q", got)
	}
	b.Picture("6-device-signed-in")
}

// readNow has a room read at once: by the script, which stays on the page, and by
// the form alone, which submit() sends past the script.
func readNow(t *testing.T, b *webdriver.Browser, page string, f *fakeService) {
	f.asked() // what came before
	b.Visit(page)
	b.Click(`//article[@id="room-boardroom"]//input[@value="Read now"]`)
	b.Await(`//article[@id="room-boardroom"]//output[.="Requested."]`)
	b.Picture("7-read-now")
	if got := f.asked(); got != "read|boardroom" || b.Address() != page+"/" {
		t.Errorf("asked %q, at %s", got, b.Address())
	}
	b.Do("POST", "/execute/sync", map[string]any{"script": `document.querySelector("#room-attic form").submit()`, "args": []any{}}, nil)
	b.Await(`//article[@id="room-boardroom"]//output[.=""]`) // the page is a new one
	if got := f.asked(); got != "read|attic" || b.Address() != page+"/#room-attic" {
		t.Errorf("without the script: asked %q, at %s", got, b.Address())
	}
}
