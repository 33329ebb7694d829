package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"roomgate/driver"
	"strings"
	"testing"
)

// connects is an integrator who calls the connect API of a house.
type connects struct{ *house }

// call wants an answer to the letter; the pattern covers all of its body.
func (c connects) call(key, method, rest, body string, status int, pattern string) string {
	c.t.Helper()
	headers := map[string]string{"Content-Type": "application/json"}
	if key != "" {
		headers["x-api-key"] = key
	}
	got, text := c.send(http.DefaultClient, method, "http://"+c.web+"/api/v1/microsoft/"+rest, headers, body)
	if got != status || !regexp.MustCompile("^(?:"+pattern+")$").MatchString(text) {
		c.t.Errorf("%s %s answered %d %s, want %d %s", method, rest, got, text, status, pattern)
	}
	return text
}

// code has the owner of an account consent, and returns the code that comes of it.
func (c connects) code(email string) string {
	c.t.Helper()
	text := c.call(c.apiKey, http.MethodGet, "oauth?state=theirs&email="+url.QueryEscape(email), "", http.StatusOK, `\{"success":true,"url":"[^"\\]+"\}`)
	var begun struct{ URL string }
	if err := json.Unmarshal([]byte(text), &begun); err != nil {
		c.t.Fatal(err)
	}
	landed, err := acceptSignIn(c.t.Context(), begun.URL)
	if err != nil {
		c.t.Fatal(err)
	}
	u, err := url.Parse(landed)
	if err != nil || u.Query().Get("state") != "theirs" {
		c.t.Fatalf("the browser ended at %q", landed)
	}
	c.keep([]string{u.Query().Get("code")})
	return u.Query().Get("code")
}

const connectedBody = `\{"success":true,"data":\{"account":\{"accountId":"([0-9a-f]{24})","email":"rooms@contoso\.example","name":"%s",` +
	`"provider":"microsoft","status":"active","scopes":\["Calendars\.Read","Calendars\.Read\.Shared","User\.Read"\]\}\}\}`

// TestConnectAPIAnswers calls the connect API of a running gateway as existing
// integrations do, which read each answer to the letter.
func TestConnectAPIAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apiKey = strings.Repeat("Qz7k", 10)
	h.keep([]string{h.apiKey})
	h.rooms[1].account = "annexe"
	h.open()
	h.simulate()
	h.daemon()
	h.await("the page", func() bool { return accepts(h.web) })
	c := connects{h}

	const unauthorized = `\{"error":"Unauthorized\. Invalid API key\."\}`
	c.call("", http.MethodGet, "oauth?email=rooms@contoso.example", "", http.StatusUnauthorized, unauthorized)
	c.call(h.apiKey[1:], http.MethodPost, "connect", `{"code":"x","name":"y"}`, http.StatusUnauthorized, unauthorized)
	c.call(h.apiKey, http.MethodGet, "oauth?email=nobody", "", http.StatusBadRequest,
		`\{"errors":\[\{"value":"nobody","msg":"a valid email is required\.","param":"email","location":"query"\}\]\}`)
	c.call(h.apiKey, http.MethodGet, "oauth", "", http.StatusBadRequest,
		`\{"errors":\[\{"msg":"a valid email is required\.","param":"email","location":"query"\}\]\}`)
	c.call(h.apiKey, http.MethodPost, "connect", `{}`, http.StatusBadRequest,
		`\{"errors":\[\{"msg":"a code is required\.","param":"code","location":"body"\},\{"msg":"a name is required\.","param":"name","location":"body"\}\]\}`)
	c.call(h.apiKey, http.MethodPost, "connect", `{"code":"0.AXk-unknown","name":"Head Office"}`, http.StatusBadRequest,
		`\{"success":false,"error":"invalid_grant","code":400\}`)

	// The first address is for the first account, the next for the other one.
	for _, name := range []string{"Head Office", "Annexe"} {
		body := fmt.Sprintf(`{"code":%q,"name":%q}`, c.code("rooms@contoso.example"), name)
		c.call(h.apiKey, http.MethodPost, "connect", body, http.StatusOK, fmt.Sprintf(connectedBody, name))
		c.call(h.apiKey, http.MethodPost, "connect", body, http.StatusBadRequest, `\{"success":false,"error":"invalid_grant","code":400\}`)
	}
	for _, r := range h.rooms {
		h.await("a good "+r.id, func() bool { return h.room(r.id).Quality == "good" })
		if a := h.account(r.account); a.State != driver.SignedIn {
			t.Errorf("account %s is %s", a.Name, a.State)
		}
	}
}
