package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"roomgate/driver"
	"roomgate/graph/graphsim"
	"roomgate/webdriver"
)

// outOfReach is a redirect URI from which no browser comes back to the gateway.
const outOfReach = "https://login.microsoftonline.com/common/oauth2/nativeclient"

// TestPersonSignsInThroughPage has a person sign three accounts in on the
// gateway's page, each in its way, in a real browser, with the gateway and the
// simulator as processes of their own.
func TestPersonSignsInThroughPage(t *testing.T) {
	t.Parallel()
	// Microsoft's own hosts do not exist for this browser.
	b := webdriver.Open(t, "--no-proxy-server", "--host-resolver-rules=MAP *.microsoftonline.com ~NOTFOUND")
	h := newHouse(t)
	h.rooms = []siteRoom{{"boardroom", "Boardroom", "rooms", ""}, {"library", "Library", "annexe", ""}, {"atrium", "Atrium", "lobby", ""}}
	h.ways = map[string]string{"annexe": `redirect_uri = "` + outOfReach + `"`, "lobby": `sign_in = "device"`}
	h.open()
	h.simulate()
	h.daemon()
	h.await("the page", func() bool { return accepts(h.web) })

	page, code := h.setUpPage()
	b.Visit(page)
	b.Type(`//input[@name="code"]`, code)
	b.Click(`//button[.="Open"]`)
	p := person{h, b}
	p.comesBack("rooms")
	p.pastes("annexe")
	p.entersCode("lobby")

	for _, r := range h.rooms {
		h.await("a good "+r.id, func() bool { return h.room(r.id).Quality == "good" })
		if a := h.account(r.account); a.State != driver.SignedIn {
			t.Errorf("account %s is %s", a.Name, a.State)
		}
	}
}

// setUpPage asks the gateway where its set-up page is, and for the one-time code
// that opens it. What shows the code is no evidence: all else is.
func (h *house) setUpPage() (page, code string) {
	h.t.Helper()
	c := h.command("roomgate", "login", h.rooms[0].account, "--page", "--config", h.config())
	c.Stdout = nil
	out, err := c.Output()
	if err != nil {
		h.t.Fatalf("login --page: %v\n%s", err, tail(h.said()))
	}
	found := regexp.MustCompile(`(?ms)^  (http://localhost:\d+/setup)$.*^  ([A-Z2-7]{26})$`).FindSubmatch(out)
	if found == nil {
		h.t.Fatalf("no page and code in:\n%s", out)
	}
	h.keep([]string{string(found[2])})
	return string(found[1]), string(found[2])
}

// person is somebody at a browser who signs accounts in to a house's gateway.
type person struct {
	*house
	*webdriver.Browser
}

// begins goes to the page of an account and on to the sign-in.
func (p person) begins(account, button string) {
	p.house.t.Helper()
	p.Click(`//nav/a[.="Accounts"]`)
	p.Click(`//main//a[.="` + account + `"]`)
	if button == "Open the sign-in page" {
		p.Type(`//input[@name="login_hint"]`, graphsim.ServiceAccount)
	}
	p.Click(`//button[.="` + button + `"]`)
}

// ends wants the page to say that the account is signed in.
func (p person) ends(account string) {
	p.house.t.Helper()
	if got, want := p.Text(`//p[@role="status"]`), "Account "+account+" is signed in."; got != want {
		p.house.t.Errorf("the page says %q, want %q", got, want)
	}
	p.Write([]byte(p.Source() + p.Address()))
}

// comesBack signs in by a browser that the sign-in sends back to the page.
func (p person) comesBack(account string) {
	p.house.t.Helper()
	p.begins(account, "Open the sign-in page")
	p.Click(`//button[.="Accept"]`)
	p.ends(account)
}

// pastes signs in by a browser that ends at a page that cannot be shown.
func (p person) pastes(account string) {
	p.house.t.Helper()
	p.begins(account, "Open the sign-in page")
	p.Click(`//a[.="Open the sign-in page"][@target="_blank"]`)
	var landed string
	p.InNewTab(func() {
		p.Click(`//button[.="Accept"]`)
		until(patience, func() bool { landed = p.Address(); return strings.HasPrefix(landed, outOfReach) })
	})
	u, err := url.Parse(landed)
	if err != nil || u.Query().Get("code") == "" {
		p.house.t.Fatalf("the browser ended at %q", landed)
	}
	p.keep([]string{u.Query().Get("code")})
	p.Type(`//textarea[@name="pasted"]`, landed)
	p.Click(`//button[.="Finish"]`)
	p.ends(account)
}

// entersCode signs in by a device code; the gateway's page notices by itself.
func (p person) entersCode(account string) {
	p.house.t.Helper()
	p.begins(account, "Show a code")
	code := p.Text(`//p[@class="big"]/code`)
	p.Write([]byte(p.Source()))
	p.Click(`//a[@class="big"]`)
	p.InNewTab(func() {
		p.Type(`//input[@name="user_code"]`, code)
		p.Click(`//option[.="` + graphsim.ServiceAccount + `"]`)
		p.Click(`//button[.="Accept"]`)
		p.Text(`//p[contains(., "You can close this page")]`)
	})
	if got, want := p.Text(`//li[@class="ok"]`), "Now: signed in"; got != want {
		p.house.t.Errorf("the page says %q, want %q", got, want)
	}
	p.Write([]byte(p.Source()))
}
