package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"roomgate/graph/graphsim"
)

// everyWay gives the house an account for each way in, and the keys of the
// connect API and of the store.
func (h *house) everyWay() {
	h.apiKey, h.sealKey = strings.Repeat("Qz7k", 10), strings.Repeat("0f1e2d3c", 8)
	h.keep([]string{h.apiKey, h.sealKey})
	h.rooms = append(h.rooms, siteRoom{"atrium", "Atrium", "lobby", ""}, siteRoom{"studio", "Studio", "robot", ""}, siteRoom{"focus", "Focus", "elsewhere", ""})
	h.ways = map[string]string{
		"lobby": `sign_in = "device"`,
		"robot": fmt.Sprintf("sign_in = \"app\"\nclient_certificate_file = %q\nclient_key_file = %q", filepath.Join(h.dir, "robot.crt"), filepath.Join(h.dir, "robot.key")),
	}
}

// certify makes the key pair of an account and uploads its certificate. Each
// line of the key is a secret.
func (h *house) certify(account string, sim *simulator) {
	h.t.Helper()
	h.must("certificate", account, "--folder", h.dir)
	key, err := os.ReadFile(filepath.Join(h.dir, account+".key"))
	if err != nil {
		h.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	if len(lines) < 20 {
		h.t.Fatalf("a key of %d lines", len(lines))
	}
	h.keep(lines[2 : len(lines)-2]) // the first says only that it is an RSA key; the last may be short
	text, err := os.ReadFile(filepath.Join(h.dir, account+".crt"))
	if err != nil {
		h.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		h.t.Fatal("the certificate is no PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		h.t.Fatal(err)
	}
	id, _, _ := graphsim.DefaultClient()
	sim.ChangeApp(id, func(a *graphsim.App) { a.Certificates = append(a.Certificates, leaf) })
}

// signInEveryWay signs in by device code, by certificate and by tokens from elsewhere,
// the last after tokens that are not good.
func (h *house) signInEveryWay(sim *simulator) {
	h.t.Helper()
	h.signInByDevice("lobby", sim.ApproveDevice)
	h.must("login", "robot")

	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared")
	if err != nil {
		h.t.Fatal(err)
	}
	h.keep([]string{tokens.Access, tokens.Refresh})
	good := fmt.Sprintf(`{"refresh_token": %q, "access_token": %q}`, tokens.Refresh, tokens.Access)
	for _, bad := range []string{
		`{"refresh_token": "` + tokens.Refresh, // cut short
		fmt.Sprintf(`{"refresh_token": 7, "access_token": %q}`, tokens.Access),
		fmt.Sprintf(`{"access_token": %q}`, tokens.Access),
		tokens.Access,
		good + good,
	} {
		if _, code := h.roomgateWith(bad, "login", "elsewhere", "--import", "-"); code == exitOK {
			h.t.Errorf("tokens of %d characters that are not good were taken", len(bad))
		}
	}
	if _, code := h.roomgateWith(good, "login", "elsewhere", "--import", "-"); code != exitOK {
		h.t.Fatalf("login --import ended with %d:\n%s", code, tail(h.said()))
	}
}

// signInByDevice has somebody enter the code that 'roomgate login' shows.
func (h *house) signInByDevice(account string, approve func(code, user string) error) {
	h.t.Helper()
	c := h.launch(h.command("roomgate", "login", account, "--config", h.config()))
	var code string
	h.await("a device code", func() bool {
		if d := h.account(account).Device; d != nil {
			code = d.UserCode
		}
		return code != ""
	})
	if err := approve(code, graphsim.ServiceAccount); err != nil {
		h.t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		h.t.Fatalf("login %s: %v\n%s", account, err, tail(h.said()))
	}
}

// misuseConnect connects an account by the API, and tries to with wrong keys,
// codes and bodies.
func (h *house) misuseConnect() {
	h.t.Helper()
	call := func(want int, key, method, rest, body string) string {
		h.t.Helper()
		status, text := h.send(http.DefaultClient, method, "http://"+h.web+"/api/v1/microsoft/"+rest, map[string]string{"X-Api-Key": key}, body)
		if status != want {
			h.t.Errorf("%s %s answered %d, want %d: %s", method, rest, status, want, text)
		}
		return text
	}
	call(http.StatusUnauthorized, h.apiKey+"x", http.MethodGet, "oauth?email=rooms@contoso.example", "")
	call(http.StatusBadRequest, h.apiKey, http.MethodGet, "oauth?email="+h.apiKey[:8], "")
	var begun struct{ URL string }
	if err := json.Unmarshal([]byte(call(http.StatusOK, h.apiKey, http.MethodGet, "oauth?email=rooms@contoso.example&state=theirs", "")), &begun); err != nil {
		h.t.Fatal(err)
	}
	landed, err := acceptSignIn(h.t.Context(), begun.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(landed)
	if err != nil {
		h.t.Fatal(err)
	}
	code := u.Query().Get("code")
	h.keep([]string{code})
	body := fmt.Sprintf(`{"code": %q, "name": "Head Office"}`, code)
	call(http.StatusUnauthorized, "", http.MethodPost, "connect", body)
	call(http.StatusBadRequest, h.apiKey, http.MethodPost, "connect", body[:len(body)-2])
	call(http.StatusBadRequest, h.apiKey, http.MethodPost, "connect", fmt.Sprintf(`{"code": [%q], "name": "Head Office"}`, code))
	call(http.StatusOK, h.apiKey, http.MethodPost, "connect", body)
	call(http.StatusBadRequest, h.apiKey, http.MethodPost, "connect", body) // spent
}

// misusePage opens the set-up page, pastes wrong addresses with a real code in
// them there, and has it show a device code. What it answers is evidence.
func (h *house) misusePage() {
	h.t.Helper()
	page, code := h.setUpPage()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	post := func(path string, form url.Values) {
		h.t.Helper()
		status, text := h.send(client, http.MethodPost, page+path, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, form.Encode())
		if status != http.StatusOK {
			h.t.Errorf("%s answered %d: %s", path, status, text)
		}
	}
	post("/code", url.Values{"code": {code}})
	post("/accounts/rooms/begin", url.Values{})
	landed, err := acceptSignIn(h.t.Context(), strings.TrimSpace(h.must("login", "rooms", "--print-url")))
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(landed)
	if err != nil {
		h.t.Fatal(err)
	}
	h.keep([]string{u.Query().Get("code")})
	post("/accounts/elsewhere/complete", url.Values{"pasted": {landed}}) // another account's
	post("/accounts/rooms/complete", url.Values{"pasted": {landed}})
	post("/accounts/rooms/complete", url.Values{"pasted": {landed}}) // spent
	post("/accounts/lobby/device", url.Values{})
	h.send(client, http.MethodGet, page+"/callback?state=unknown&code="+u.Query().Get("code"), nil, "")
	h.send(http.DefaultClient, http.MethodPost, page+"/code", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, "code="+code) // spent
}

// backUp makes a backup, which is evidence.
func (h *house) backUp() {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "backup.db")
	if _, code := h.roomgate("db", "backup", file); code != exitOK {
		h.t.Fatalf("db backup ended with %d:\n%s", code, tail(h.said()))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Write(text)
}

// crash has the gateway end with the stacks of all its goroutines, as after a panic.
func (h *house) crash(gateway *exec.Cmd) {
	h.t.Helper()
	before := len(h.said())
	if err := gateway.Process.Signal(syscall.SIGQUIT); err != nil {
		h.t.Fatal(err)
	}
	if err := gateway.Wait(); err == nil {
		h.t.Error("the gateway ended well, want a crash")
	}
	if n := strings.Count(h.said()[before:], "\ngoroutine "); n < 10 {
		h.t.Errorf("the crash shows %d goroutines: the hunt in it proves nothing", n)
	}
}

// TestOpenBackupHoldsNoSecret makes a backup of tokens that are not sealed.
func TestOpenBackupHoldsNoSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sim := newSimulator(t)
	t.Cleanup(func() { h.keep(sim.seen()) })
	h.sim = sim.url
	h.open()
	h.signIn("rooms")
	h.backUp()
	if !sim.saw("refresh_token") {
		t.Error("no token passed: the hunt proves nothing")
	}
}
