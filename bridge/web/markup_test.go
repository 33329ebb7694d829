package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	g "maragu.dev/gomponents"

	"roomgate/driver"
)

func TestLinksLeadToTheWebAlone(t *testing.T) {
	for address, want := range map[string]string{
		"https://contoso.example/device":   `<a href="https://contoso.example/device" target="_blank" rel="noreferrer">x</a>`,
		"HTTP://localhost:8080/a?b=c&d=\"": `<a href="HTTP://localhost:8080/a?b=c&amp;d=&#34;" target="_blank" rel="noreferrer">x</a>`,
		"/setup":                           `<a href="/setup" target="_blank" rel="noreferrer">x</a>`,
		"javascript:alert(1)":              `<a target="_blank" rel="noreferrer">x</a>`,
		"JavaScript:alert(1)//https://":    `<a target="_blank" rel="noreferrer">x</a>`,
		" javascript:alert(1)":             `<a target="_blank" rel="noreferrer">x</a>`,
		"java\tscript:alert(1)":            `<a target="_blank" rel="noreferrer">x</a>`,
		"data:text/html,<b>x":              `<a target="_blank" rel="noreferrer">x</a>`,
		"vbscript:x":                       `<a target="_blank" rel="noreferrer">x</a>`,
		"file:///etc/passwd":               `<a target="_blank" rel="noreferrer">x</a>`,
		"%zz":                              `<a target="_blank" rel="noreferrer">x</a>`,
		"":                                 `<a target="_blank" rel="noreferrer">x</a>`,
	} {
		if got := render(elsewhere(address, g.Text("x"))); got != want {
			t.Errorf("%q became %s, want %s", address, got, want)
		}
	}
}

// TestAddressesFromOutside has the service, or whoever answers in its place, give
// addresses that would run in the page.
func TestAddressesFromOutside(t *testing.T) {
	const evil = "javascript:alert(1)"
	device, pasted, back := byCode(""), byCode(""), byCode("http://localhost")
	device.way, device.status.Device = "device", deviceCodeOf(evil)
	pasted.name, back.name = "pasted", "back"
	o, f := signInOptions(t, device, pasted, back)
	f.address = evil
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("never_signed_in")})
	h := Handler(o)
	key := enter(t, h)
	pages := map[string]string{
		"the rooms":                 get(t, h, "/"),
		"the device code":           ask(h, "GET", roomsPage, key...).Body.String(),
		"the link to the service":   send(h, "/setup/accounts/pasted/begin", url.Values{}, key...).Body.String(),
		"the page that leads there": send(h, "/setup/accounts/back/begin", url.Values{}, key...).Body.String(),
	}
	for name, page := range pages {
		if strings.Contains(page, `="javascript:`) || !strings.Contains(page, "<a") {
			t.Errorf("%s:\n%s", name, page)
		}
	}
	for _, name := range []string{"the rooms", "the device code"} {
		if !strings.Contains(words(pages[name]), "at "+evil) {
			t.Errorf("%s do not show where the code is to be entered: %q", name, words(pages[name]))
		}
	}
}

func TestWordsAreEscapedEverywhere(t *testing.T) {
	const evil = `<b x="'&`
	o := options(t)
	o.Site.Name, o.Banner, o.Version = evil, evil, evil
	o.Rooms[0].Name, o.Rooms[0].Building = evil, evil
	p := booked(evil)
	p[driver.CurrentOrganizer], p[driver.Fault] = driver.TextValue(evil), driver.TextValue(evil)
	publish(o, driver.OfRoom, "boardroom", p)
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("sign_in_needed"), driver.AccountReason: driver.TextValue(evil)})
	o.Board.Report(evil, false, evil, noon)
	w := ask(Handler(o), "GET", "/")
	const escaped = `&lt;b x=&#34;&#39;&amp;`
	if got := strings.Count(w.Body.String(), escaped); w.Code != http.StatusOK || got != 15 || strings.Contains(w.Body.String(), "<b x") {
		t.Errorf("status %d, the words stand escaped %d times, want 15:\n%s", w.Code, got, w.Body)
	}
}
