package main

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/gateway"
)

var signInAddress = regexp.MustCompile(`(?m)^http://\S+/authorize\?\S+$`)

// A person signs in with a browser: on this machine login notices by itself; with
// a browser elsewhere the address is pasted at the prompt.
func TestLoginByHand(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(t *testing.T, h *house, landed string, terminal io.Writer){
		"the browser comes back": func(t *testing.T, h *house, landed string, _ io.Writer) {
			if !strings.HasPrefix(landed, "http://localhost:") {
				t.Fatalf("the browser is sent to %.40s", landed)
			}
			status, page := h.request(http.MethodGet, landed)
			if status != http.StatusOK || !strings.Contains(page, "roomgate has received the sign-in") {
				t.Errorf("the browser is shown %d %q", status, page)
			}
		},
		"the address is pasted": func(t *testing.T, h *house, landed string, terminal io.Writer) {
			if _, err := io.WriteString(terminal, "\n  \""+landed+"\"\n"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t).open()
			h.simulate()
			c := h.command("roomgate", "login", "--config", h.config())
			terminal, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			h.launch(c)
			h.await("the address to open", func() bool { return signInAddress.MatchString(h.said()) })
			landed, err := acceptSignIn(t.Context(), signInAddress.FindString(h.said()))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, h, landed, terminal)
			if err := c.Wait(); err != nil {
				t.Errorf("login: %v\n%s", err, h.said())
			}
			if a := h.account("rooms"); a.State != driver.SignedIn {
				t.Errorf("the account is %q: %s", a.State, a.Reason)
			}
		})
	}
}

// An account whose service needs no sign-in is refused every way to sign in, and
// listed as one that needs none.
func TestLoginNotNeeded(t *testing.T) {
	t.Parallel()
	account := gateway.AccountStatus{Name: "lessons", Provider: "timetable", Service: "Contoso Timetable", SignIn: gateway.SignInNone,
		SessionStatus: driver.SessionStatus{State: driver.SignedIn}}
	for name, f := range map[string]*loginFlags{"alone": {}, "print-url": {printURL: true}, "paste": {paste: "x"}, "code": {code: "x"}, "import": {imported: "x"}} {
		err := login{loginFlags: f, globals: &globals{config: "/srv/hq.toml"}, cmd: loginCommand(&globals{}), account: account}.run()
		var out bytes.Buffer
		complain(&out, err)
		if want := "roomgate: error: account lessons: Contoso Timetable needs no sign-in\nroomgate: try: roomgate --config /srv/hq.toml check\n"; exitCode(err) != exitUsage || out.String() != want {
			t.Errorf("%s: exit code %d, got %q, want %q", name, exitCode(err), out.String(), want)
		}
	}
	var out bytes.Buffer
	if err := printAccounts(&out, []gateway.AccountStatus{account}, time.UTC, true); err != nil || !strings.Contains(out.String(), "\nlessons  no sign-in needed  -") {
		t.Errorf("accounts: %q, %v", out.String(), err)
	}
}
