package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// browser is a Chromium that is worked as a person does, by WebDriver
// (www.w3.org/TR/webdriver2).
type browser struct {
	t       *testing.T
	session string // address
}

var driverPort = regexp.MustCompile(`started successfully on port (\d+)`)

// newBrowser starts a browser in which looking for an element waits until there
// is one. Microsoft's own hosts do not exist for it.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	needProgram(t, "chromium")
	b := &browser{t: t, session: startDriver(t) + "/session"}
	var opened struct{ SessionID string }
	b.do(http.MethodPost, "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--no-proxy-server", "--host-resolver-rules=MAP *.microsoftonline.com ~NOTFOUND", "--user-data-dir=" + t.TempDir()}},
		"timeouts": map[string]any{"implicit": patience.Milliseconds()},
	}}}, &opened)
	b.session += "/" + opened.SessionID
	t.Cleanup(func() { b.do(http.MethodDelete, "", nil, nil) })
	return b
}

// startDriver starts chromedriver on a port of its choice and returns its address.
func startDriver(t *testing.T) string {
	t.Helper()
	c := exec.Command(needProgram(t, "chromedriver"), "--port=0")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(c) })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := driverPort.FindStringSubmatch(lines.Text()); m != nil {
			return "http://127.0.0.1:" + m[1]
		}
	}
	t.Fatal("chromedriver did not start")
	return ""
}

// do sends a command, which has to succeed.
func (b *browser) do(method, path string, in, out any) {
	b.t.Helper()
	if err := b.try(method, path, in, out); err != nil {
		b.t.Fatal(err)
	}
}

// try sends a command and reads the value it answers.
func (b *browser) try(method, path string, in, out any) error {
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
	answer := struct{ Value any }{out}
	if resp.StatusCode == http.StatusOK {
		return json.NewDecoder(resp.Body).Decode(&answer)
	}
	var failed struct{ Value webDriverError }
	if err := json.NewDecoder(resp.Body).Decode(&failed); err != nil {
		return err
	}
	return failed.Value
}

// webDriverError is why a command failed (www.w3.org/TR/webdriver2, "errors").
type webDriverError struct {
	Code  string `json:"error"`
	Words string `json:"message"`
}

// Error implements error.
func (e webDriverError) Error() string { return e.Code + ": " + e.Words }

// stale reports that the page was left between finding and using an element;
// chromedriver has two ways of saying so.
func (e webDriverError) stale() bool {
	return e.Code == "stale element reference" || strings.Contains(e.Words, "does not belong to the document")
}

func (b *browser) visit(address string) {
	b.t.Helper()
	b.do(http.MethodPost, "/url", map[string]string{"url": address}, nil)
}

// on waits for the element that an XPath finds and sends it a command: again if
// the browser has left the page in between.
func (b *browser) on(xpath, method, command string, in, out any) {
	b.t.Helper()
	for {
		var found map[string]string
		b.do(http.MethodPost, "/element", map[string]string{"using": "xpath", "value": xpath}, &found)
		var failed webDriverError
		for _, id := range found {
			err := b.try(method, "/element/"+id+command, in, out)
			if errors.As(err, &failed) && failed.stale() {
				continue
			}
			if err != nil {
				b.t.Fatalf("%s of %s: %v", command, xpath, err)
			}
			return
		}
	}
}

func (b *browser) click(xpath string) {
	b.t.Helper()
	b.on(xpath, http.MethodPost, "/click", struct{}{}, nil)
}

func (b *browser) write(xpath, text string) {
	b.t.Helper()
	b.on(xpath, http.MethodPost, "/value", map[string]string{"text": text}, nil)
}

func (b *browser) text(xpath string) (text string) {
	b.t.Helper()
	b.on(xpath, http.MethodGet, "/text", nil, &text)
	return strings.Join(strings.Fields(text), " ")
}

// address is what the browser's address bar shows.
func (b *browser) address() (address string) {
	b.t.Helper()
	b.do(http.MethodGet, "/url", nil, &address)
	return address
}

// source is the page as the browser holds it.
func (b *browser) source() (text string) {
	b.t.Helper()
	b.do(http.MethodGet, "/source", nil, &text)
	return text
}

// beside does something in the tab that a click opened, closes it, and goes back.
func (b *browser) beside(do func()) {
	b.t.Helper()
	var here string
	b.do(http.MethodGet, "/window", nil, &here)
	var other string
	if !until(patience, func() bool {
		var tabs []string
		b.do(http.MethodGet, "/window/handles", nil, &tabs)
		i := slices.IndexFunc(tabs, func(tab string) bool { return tab != here })
		if i >= 0 {
			other = tabs[i]
		}
		return i >= 0
	}) {
		b.t.Fatal("the click opened no tab")
	}
	b.do(http.MethodPost, "/window", map[string]string{"handle": other}, nil)
	do()
	b.do(http.MethodDelete, "/window", nil, nil)
	b.do(http.MethodPost, "/window", map[string]string{"handle": here}, nil)
}
