package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// signedIn fails unless the account is signed in and every room can be read.
func (s *stand) signedIn() {
	s.t.Helper()
	all, wrong := s.findings()
	rooms := 0
	for _, f := range all {
		if strings.HasPrefix(f.Subject, "room ") && f.Level == driver.LevelGood {
			rooms++
		}
	}
	for _, f := range wrong {
		if f.Level == driver.LevelBad {
			s.t.Errorf("%s: %s", f.Subject, f.Words)
		}
	}
	if rooms != 2 {
		s.t.Errorf("%d rooms can be read, want 2: %v", rooms, all)
	}
}

func TestLoginWithCode(t *testing.T) {
	s := newStand(t, secretLine())
	address, err := s.login(loginFlags{printURL: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	landed, err := acceptSignIn(t.Context(), strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.login(loginFlags{paste: "-"}, "\""+landed+"#\"\n")
	if err != nil {
		t.Fatal(err)
	}
	like(t, out, "^Account rooms is signed in")
	s.signedIn()
}

// The person enters the code while the command waits.
func TestLoginWithDeviceCode(t *testing.T) {
	if testing.Short() {
		t.Skip("a device sign-in polls every five seconds of the wall clock")
	}
	s := newStand(t, `sign_in = "device"`)
	out, err := s.loginByDevice(loginFlags{})
	if err != nil {
		t.Fatal(err)
	}
	like(t, out, "^  "+s.server.URL+"/devicelogin$")
	like(t, out, "^Account rooms is signed in")
	s.signedIn()
}

// loginByDevice has a person enter the code that the command shows.
func (s *stand) loginByDevice(f loginFlags) (string, error) {
	s.t.Helper()
	approved := make(chan error, 1)
	go func() {
		for {
			if d := s.status().Device; d != nil {
				approved <- s.sim.ApproveDevice(d.UserCode, graphsim.ServiceAccount)
				return
			}
			select {
			case <-time.After(10 * time.Millisecond):
			case <-s.t.Context().Done():
				return
			}
		}
	}()
	out, err := s.login(f, "")
	if err == nil {
		err = <-approved
	}
	return out, err
}

func TestLoginAsApp(t *testing.T) {
	s := newStand(t, "sign_in = \"app\"\n"+secretLine())
	out, err := s.login(loginFlags{}, "")
	if err != nil {
		t.Fatal(err)
	}
	like(t, out, "signs in automatically, and Microsoft 365 accepted it")
	s.signedIn()

	for _, f := range []loginFlags{{paste: "http://localhost/?code=0.AX"}, {code: "0.AX"}, {imported: "-"}, {printURL: true}} {
		if _, err := s.login(f, ""); exitCode(err) != exitUsage {
			t.Errorf("%+v for an app: %v, want a mistake on the command line", f, err)
		}
	}
}

// The pair that 'roomgate certificate' makes, uploaded, is what the app signs in
// with; one that nobody uploaded is refused, with the place to upload it.
func TestLoginWithCertificate(t *testing.T) {
	dir := t.TempDir()
	code, out, errOut := command(t, "certificate", "rooms", "--folder", dir, "--config", filepath.Join(dir, "none.toml"))
	if code != exitOK {
		t.Fatalf("ended with %d: %s", code, errOut)
	}
	certFile, keyFile := filepath.Join(dir, "rooms.crt"), filepath.Join(dir, "rooms.key")
	like(t, out, `client_certificate_file = "`+certFile+`"$`)
	s := newStand(t, fmt.Sprintf("sign_in = \"app\"\nclient_certificate_file = %q\nclient_key_file = %q\n", certFile, keyFile))
	_, err := s.login(loginFlags{}, "")
	if err == nil || !strings.Contains(err.Error(), "AADSTS700027") || !strings.Contains(next(err), "Certificates & secrets") {
		t.Errorf("a certificate that nobody uploaded: %v, next %q", err, next(err))
	}

	block, _ := pem.Decode(s.cfg.Accounts[0].Settings.(*config.Microsoft).ClientCertificate)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := graphsim.DefaultClient()
	s.sim.ChangeApp(id, func(a *graphsim.App) { a.Certificates = append(a.Certificates, leaf) })
	out, err = s.anew("second").login(loginFlags{}, "")
	if err != nil {
		t.Fatal(err)
	}
	like(t, out, "signs in automatically, and Microsoft 365 accepted it")
}

func TestLoginWithTokensFromElsewhere(t *testing.T) {
	s := newStand(t, secretLine())
	id, _, redirect := graphsim.DefaultClient()
	tokens, err := s.sim.SignIn(id, graphsim.ServiceAccount, "offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(map[string]any{"refresh_token": tokens.Refresh, "access_token": tokens.Access, "redirect_uri": redirect, "expires_in": 3599})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.dir, "tokens.json")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, flag, in string }{
		{"a file", file, ""},
		{"standard input", "-", string(doc)},
		{"the refresh token alone", "-", " " + tokens.Refresh + "\n"},
	} {
		out, err := s.anew(c.name).login(loginFlags{imported: c.flag}, c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		like(t, out, "^Account rooms is signed in")
	}
	for _, c := range []struct{ in, words string }{
		{`{"refresh_token": `, "the tokens are not JSON"},
		{`{"access_token": "x"}`, "there is only an access token"},
		{"", "there is no refresh token"},
		{"1.AXkA-never-issued", "AADSTS9002313"},
	} {
		_, err := s.login(loginFlags{imported: "-"}, c.in)
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q: %v, want %q", c.in, err, c.words)
		}
		if err != nil && strings.Contains(err.Error(), "never-issued") {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
	if st := s.status(); st.State != driver.NeverSignedIn {
		t.Errorf("after tokens that are not good the account is %s", st.State)
	}
}

// anew is the same site with an empty database of another name.
func (s *stand) anew(name string) *stand {
	s.t.Helper()
	n, cfg := *s, *s.cfg
	cfg.Store.Path = filepath.Join(s.dir, name, "roomgate.db")
	n.cfg = &cfg
	n.build()
	return &n
}

func TestLoginPage(t *testing.T) {
	s := newStand(t, secretLine())
	_, err := s.login(loginFlags{page: true}, "")
	if err == nil || !strings.Contains(err.Error(), "the gateway is not running") {
		t.Errorf("without a running gateway: %v", err)
	}
	s.client.Running = true // what follows goes over the same handler
	out, err := s.login(loginFlags{page: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	like(t, out, `^  http://localhost:8080/setup$`)
	like(t, out, `^  [A-Z2-7]{26}$`)
}

// An integrator gets an address, sends the owner there, and brings the code. Its
// own state is carried through, and the account has the same id for ever.
func TestConnectAPI(t *testing.T) {
	s := newStand(t, secretLine())
	s.cfg.Web.APIKey = config.NewSecret(strings.Repeat("k", 32))
	s = s.anew("connected")
	var ids []any
	for range 2 {
		status, doc := s.connect(t.Context(), http.MethodGet, "/api/v1/microsoft/oauth?email=rooms@contoso.example&state=theirs", "")
		if status != http.StatusOK || doc["success"] != true {
			t.Fatalf("oauth answered %d %v", status, doc)
		}
		landed, err := acceptSignIn(t.Context(), doc["url"].(string))
		if err != nil {
			t.Fatal(err)
		}
		back, err := url.Parse(landed)
		if err != nil {
			t.Fatal(err)
		}
		if got := back.Query().Get("state"); got != "theirs" {
			t.Errorf("state %q came back", got)
		}
		status, doc = s.connect(t.Context(), http.MethodPost, "/api/v1/microsoft/connect", fmt.Sprintf(`{"code": %q, "name": "Head Office"}`, back.Query().Get("code")))
		if status != http.StatusOK {
			t.Fatalf("connect answered %d %v", status, doc)
		}
		account := doc["data"].(map[string]any)["account"].(map[string]any)
		want := map[string]any{"accountId": account["accountId"], "email": graphsim.ServiceAccount, "name": "Head Office", "provider": "microsoft",
			"status": "active", "scopes": []any{"Calendars.Read", "Calendars.Read.Shared", "User.Read"}}
		if !reflect.DeepEqual(account, want) {
			t.Errorf("account %v, want %v", account, want)
		}
		ids = append(ids, account["accountId"])
	}
	if ids[0] != ids[1] || len(ids[0].(string)) != 24 {
		t.Errorf("account ids %v, want one of 24 letters, twice", ids)
	}
	status, doc := s.connect(t.Context(), http.MethodPost, "/api/v1/microsoft/connect", `{"code": "0.AXk-wrong", "name": "Head Office"}`)
	if want := map[string]any{"success": false, "error": "invalid_grant", "code": 400.0}; status != http.StatusBadRequest || !reflect.DeepEqual(doc, want) {
		t.Errorf("a wrong code: %d %v, want 400 %v", status, doc, want)
	}
	s.signedIn()
}

// page sends a request to the handler of the pages.
func (s *stand) page(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.gateway.ServeHTTP(w, r)
	return w.Result(), nil
}

// connect calls the connect API of the page's handler.
func (s *stand) connect(ctx context.Context, method, target, body string) (int, map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", s.cfg.Web.APIKey.Reveal())
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.page(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var doc map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, doc
}
