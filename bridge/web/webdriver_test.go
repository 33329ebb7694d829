package web

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"roomgate/driver"
)

// browser is a Chromium that is worked like a person does, by WebDriver
// (www.w3.org/TR/webdriver2).
type browser struct {
	t       *testing.T
	session string // address
}

var driverPort = regexp.MustCompile(`started successfully on port (\d+)`)

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromedriver")
	if err != nil {
		if os.Getenv("ROOMGATE_REAL") == "1" {
			t.Fatal("apt-get install chromium-driver")
		}
		t.Skip("chromedriver is not installed")
	}
	cmd := exec.Command(path, "--port=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := driverPort.FindStringSubmatch(lines.Text()); m != nil {
			return open(t, "http://127.0.0.1:"+m[1]+"/session")
		}
	}
	t.Fatal("chromedriver did not start")
	return nil
}

// open starts a session in which looking for an element waits until there is one.
func open(t *testing.T, sessions string) *browser {
	b := &browser{t: t, session: sessions}
	var session struct{ SessionID string }
	b.do("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--window-size=900,1000", "--user-data-dir=" + t.TempDir()}},
		"timeouts": map[string]any{"implicit": 20000},
	}}}, &session)
	b.session += "/" + session.SessionID
	t.Cleanup(func() { b.do("DELETE", "", nil, nil) })
	return b
}

// do sends a command, which has to succeed.
func (b *browser) do(method, path string, in, out any) {
	b.t.Helper()
	if status, err := b.try(method, path, in, out); err != nil {
		b.t.Fatalf("%s %s: %s, %v", method, path, status, err)
	}
}

// webDriverError is why a command failed (www.w3.org/TR/webdriver2, "errors").
type webDriverError struct{ Code, Words string }

func (e webDriverError) Error() string { return e.Code + ": " + e.Words }

// stale reports that the element was replaced between finding and using it;
// chromedriver has two ways of saying so.
func (e webDriverError) stale() bool {
	return e.Code == "stale element reference" || strings.Contains(e.Words, "does not belong to the document")
}

// try sends a command and reads the value of the answer.
func (b *browser) try(method, path string, in, out any) (status string, err error) {
	var body []byte
	if in != nil {
		body, _ = json.Marshal(in)
	}
	r, err := http.NewRequest(method, b.session+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return resp.Status, err
	}
	if resp.StatusCode != http.StatusOK {
		var failed struct{ Error, Message string }
		err := json.Unmarshal(answer.Value, &failed)
		return resp.Status, cmp.Or(err, error(webDriverError{failed.Error, failed.Message}))
	}
	if out == nil {
		return resp.Status, nil
	}
	return resp.Status, json.Unmarshal(answer.Value, out)
}

func (b *browser) visit(address string) { b.do("POST", "/url", map[string]string{"url": address}, nil) }

// element waits for an element that an XPath finds.
func (b *browser) element(xpath string) string {
	b.t.Helper()
	var found map[string]string
	b.do("POST", "/element", map[string]string{"using": "xpath", "value": xpath}, &found)
	for _, id := range found {
		return "/element/" + id
	}
	b.t.Fatalf("no %s", xpath)
	return ""
}

// on waits for the element that an XPath finds and sends it a command: again if
// the page has replaced the element in between.
func (b *browser) on(xpath, method, command string, in, out any) {
	b.t.Helper()
	for {
		var failed webDriverError
		status, err := b.try(method, b.element(xpath)+command, in, out)
		if errors.As(err, &failed) && failed.stale() {
			continue
		}
		if err != nil {
			b.t.Fatalf("%s of %s: %s, %v", command, xpath, status, err)
		}
		return
	}
}

func (b *browser) click(xpath string) {
	b.t.Helper()
	b.on(xpath, "POST", "/click", struct{}{}, nil)
}

func (b *browser) write(xpath, text string) {
	b.t.Helper()
	b.on(xpath, "POST", "/value", map[string]string{"text": text}, nil)
}

func (b *browser) text(xpath string) (text string) {
	b.t.Helper()
	b.on(xpath, "GET", "/text", nil, &text)
	return strings.Join(strings.Fields(text), " ")
}

func (b *browser) address() (address string) {
	b.do("GET", "/url", nil, &address)
	return address
}

// picture keeps what the browser shows, for people; go test -artifacts does not
// delete it.
func (b *browser) picture(name string) {
	var text string
	b.do("GET", "/screenshot", nil, &text)
	image, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), image, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

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
	b := newBrowser(t)

	b.visit(page)
	b.click(`//section[@id="problems"]//a[.="the set-up page"]`)
	b.picture("1-closed")
	b.write(`//input[@name="code"]`, setUpCode)
	b.click(`//button[.="Open"]`)
	b.picture("2-open")
	b.click(`//button[.="Open the sign-in page"]`)
	b.click(`//button[.="Accept"]`)
	if got := b.text(`//p[@role="status"]`); got != "Account rooms is signed in." {
		t.Errorf("the page says %q", got)
	}
	b.element(`//button[.="Finish"]`) // the browser is still let in
	b.picture("3-signed-in")
	if got := b.address(); got != page+roomsPage {
		t.Errorf("the address is %q", got)
	}
	redirect := strings.Split(f.asked(), "\n")
	if want := []string{"begin|rooms||select_account|" + page, "complete|rooms|/?code=" + secretCode + "&state=st4te"}; strings.Join(redirect, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked %q, want %q", redirect, want)
	}
	b.do("POST", "/back", struct{}{}, nil)
	if got := b.address(); strings.Contains(got, secretCode) {
		t.Errorf("the browser's history holds the code: %s", got)
	}

	b.visit(page + "/setup/accounts/annexe")
	b.click(`//button[.="Open the sign-in page"]`)
	b.element(`//a[.="Open the sign-in page"][@target="_blank"]`)
	b.picture("4-paste")
	pasted := "https://login.contoso.example/nativeclient?code=" + secretCode + "&state=st4te"
	b.write(`//textarea[@name="pasted"]`, pasted)
	b.click(`//button[.="Finish"]`)
	if got := b.text(`//p[@role="status"]`); got != "Account annexe is signed in." {
		t.Errorf("the page says %q", got)
	}
	if got, want := f.asked(), "begin|annexe||select_account|\ncomplete|annexe|"+pasted; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	signInByDevice(t, b, page, f)
	readNow(t, b, page, f)
}

// signInByDevice sees the page renew itself when the code was entered.
func signInByDevice(t *testing.T, b *browser, page string, f *fakeService) {
	b.visit(page + "/setup/accounts/lobby")
	b.element(`//button[.="Show a code"]`)
	f.change(func(all []fakeAccount) { all[2].status.Device = deviceCodeOf("https://contoso.example/device") })
	b.click(`//button[.="Show a code"]`)
	if got := b.text(`//section[h2="Enter this code at Contoso Calendar"]`); !strings.Contains(got, "C7KQ4RHDN at https://contoso.example/device before 12:15,") {
		t.Errorf("the page says %q", got)
	}
	b.picture("5-device")
	f.change(func(all []fakeAccount) {
		all[2].status = driver.SessionStatus{State: driver.SignedIn, User: "lobby@contoso.example"}
	})
	if got := b.text(`//li[@class="ok"]`); got != "Now: signed in as lobby@contoso.example" {
		t.Errorf("the page says %q", got)
	}
	b.picture("6-device-signed-in")
}

// readNow has a room read at once: by the script, which stays on the page, and by
// the form alone, which submit() sends past the script.
func readNow(t *testing.T, b *browser, page string, f *fakeService) {
	f.asked() // what came before
	b.visit(page)
	b.click(`//article[@id="room-boardroom"]//input[@value="Read now"]`)
	b.element(`//article[@id="room-boardroom"]//output[.="Requested."]`)
	b.picture("7-read-now")
	if got := f.asked(); got != "read|boardroom" || b.address() != page+"/" {
		t.Errorf("asked %q, at %s", got, b.address())
	}
	b.do("POST", "/execute/sync", map[string]any{"script": `document.querySelector("#room-attic form").submit()`, "args": []any{}}, nil)
	b.element(`//article[@id="room-boardroom"]//output[.=""]`) // the page is a new one
	if got := f.asked(); got != "read|attic" || b.address() != page+"/#room-attic" {
		t.Errorf("without the script: asked %q, at %s", got, b.address())
	}
}
