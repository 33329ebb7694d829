// Package webdriver works a real Chromium in tests as a person does, by WebDriver
// (www.w3.org/TR/webdriver2).
package webdriver

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long an element that is looked for may take to appear. It only
// bounds a failure.
const patience = 2 * time.Minute

// Browser is a Chromium with a profile of its own, until the test ends. Its methods
// fail the test.
type Browser struct {
	t       *testing.T
	session string // address
}

// Open starts a browser with further flags. Without chromedriver the test is skipped,
// unless ROOMGATE_REAL=1 says that it must run.
func Open(t *testing.T, flags ...string) *Browser {
	t.Helper()
	b := &Browser{t: t, session: startDriver(t) + "/session"}
	var opened struct{ SessionID string }
	flags = append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--window-size=900,1000", "--user-data-dir=" + t.TempDir()}, flags...)
	b.Do(http.MethodPost, "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": flags},
		"timeouts":           map[string]any{"implicit": patience.Milliseconds()},
	}}}, &opened)
	b.session += "/" + opened.SessionID
	t.Cleanup(func() { b.Do(http.MethodDelete, "", nil, nil) })
	return b
}

var driverPort = regexp.MustCompile(`started successfully on port (\d+)`)

// startDriver starts chromedriver on a port of its choice and returns its address.
func startDriver(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromedriver")
	const advice = "chromedriver is missing: apt-get install chromium chromium-driver"
	if err != nil && os.Getenv("ROOMGATE_REAL") == "1" {
		t.Fatal(advice)
	}
	if err != nil {
		t.Skip(advice)
	}
	c := exec.Command(path, "--port=0")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()         // killed
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := driverPort.FindStringSubmatch(lines.Text()); m != nil {
			return "http://127.0.0.1:" + m[1]
		}
	}
	t.Fatal("chromedriver did not start")
	return ""
}

// Do sends a command of the session and reads the value of the answer into out; in
// and out may be nil.
func (b *Browser) Do(method, path string, in, out any) {
	b.t.Helper()
	if err := b.try(method, path, in, out); err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (b *Browser) try(method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, b.session+path, &body) // not of the test's context, which the session outlives
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		answer := struct{ Value any }{out}
		return json.NewDecoder(resp.Body).Decode(&answer)
	}
	var failed struct{ Value commandError }
	if err := json.NewDecoder(resp.Body).Decode(&failed); err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	return failed.Value
}

// commandError is why a command failed (www.w3.org/TR/webdriver2, "errors").
type commandError struct {
	Code  string `json:"error"`
	Words string `json:"message"`
}

// Error implements error.
func (e commandError) Error() string { return e.Code + ": " + e.Words }

// stale reports that the element was replaced, or the page left, between finding the
// element and using it; chromedriver has two ways of saying so.
func (e commandError) stale() bool {
	return e.Code == "stale element reference" || strings.Contains(e.Words, "does not belong to the document")
}

// Visit opens an address.
func (b *Browser) Visit(address string) {
	b.t.Helper()
	b.Do(http.MethodPost, "/url", map[string]string{"url": address}, nil)
}

// Await waits for an element that an XPath finds.
func (b *Browser) Await(xpath string) {
	b.t.Helper()
	b.element(xpath)
}

// element waits for an element and returns its path below the session.
func (b *Browser) element(xpath string) string {
	b.t.Helper()
	var found map[string]string // with one entry
	b.Do(http.MethodPost, "/element", map[string]string{"using": "xpath", "value": xpath}, &found)
	for _, id := range found {
		return "/element/" + id
	}
	b.t.Fatalf("no %s", xpath)
	return ""
}

// on waits for an element and sends it a command: again if the page has replaced the
// element in between.
func (b *Browser) on(xpath, method, command string, in, out any) {
	b.t.Helper()
	for {
		err := b.try(method, b.element(xpath)+command, in, out)
		var failed commandError
		if errors.As(err, &failed) && failed.stale() {
			continue
		}
		if err != nil {
			b.t.Fatalf("%s of %s: %v", command, xpath, err)
		}
		return
	}
}

// Click waits for an element and clicks it.
func (b *Browser) Click(xpath string) {
	b.t.Helper()
	b.on(xpath, http.MethodPost, "/click", struct{}{}, nil)
}

// Type waits for an element and types into it.
func (b *Browser) Type(xpath, text string) {
	b.t.Helper()
	b.on(xpath, http.MethodPost, "/value", map[string]string{"text": text}, nil)
}

// Text waits for an element and returns its text, on one line.
func (b *Browser) Text(xpath string) (text string) {
	b.t.Helper()
	b.on(xpath, http.MethodGet, "/text", nil, &text)
	return strings.Join(strings.Fields(text), " ")
}

// Address is what the address bar shows.
func (b *Browser) Address() (address string) {
	b.t.Helper()
	b.Do(http.MethodGet, "/url", nil, &address)
	return address
}

// Source is the page as the browser holds it.
func (b *Browser) Source() (text string) {
	b.t.Helper()
	b.Do(http.MethodGet, "/source", nil, &text)
	return text
}

// Picture keeps what the browser shows, for people; go test -artifacts does not
// delete it.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	var text string
	b.Do(http.MethodGet, "/screenshot", nil, &text)
	image, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), image, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// InNewTab does something in the tab that a click opened, closes it, and goes back.
func (b *Browser) InNewTab(do func()) {
	b.t.Helper()
	var here string
	b.Do(http.MethodGet, "/window", nil, &here)
	other := b.otherTab(here)
	b.Do(http.MethodPost, "/window", map[string]string{"handle": other}, nil)
	do()
	b.Do(http.MethodDelete, "/window", nil, nil)
	b.Do(http.MethodPost, "/window", map[string]string{"handle": here}, nil)
}

// otherTab waits for another tab.
func (b *Browser) otherTab(here string) string {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		var tabs []string
		b.Do(http.MethodGet, "/window/handles", nil, &tabs)
		if i := slices.IndexFunc(tabs, func(tab string) bool { return tab != here }); i >= 0 {
			return tabs[i]
		}
	}
	b.t.Fatal("the click opened no tab")
	return ""
}
