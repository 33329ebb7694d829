package web

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"roomgate/driver"
)

// chromium runs a headless Chromium and returns what it prints.
func chromium(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("ROOMGATE_REAL") == "1" {
			t.Fatal("apt-get install chromium")
		}
		t.Skip("chromium is not installed")
	}
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
		"--hide-scrollbars", "--user-data-dir=" + t.TempDir()}, args...)
	var out, log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, &log)
	}
	return out.String()
}

// TestBrowserAppliesEvents lets the board change between the page and its
// stream: what the browser then shows can only have come by an event. The stream
// ends after the first look at the board, since Chromium's virtual time stands
// still while a request is open.
func TestBrowserAppliesEvents(t *testing.T) {
	o := options(t)
	publish(o, driver.OfRoom, "boardroom", free())
	h := Handler(o)
	const subject = `<img src=x onerror="document.title='taken over'">`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			publish(o, driver.OfRoom, "boardroom", booked(subject))
			once, cancel := context.WithCancel(r.Context())
			cancel()
			r = r.WithContext(once)
		}
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	before := get(t, h, "/")
	dom := chromium(t, "--dump-dom", "--virtual-time-budget=2000", srv.URL)
	if !strings.Contains(words(before), "Free until 13:30") || strings.Contains(words(before), "Booked until") {
		t.Errorf("the page as sent reads %q", words(before))
	}
	if got := words(dom); !strings.Contains(got, "Boardroom 12 seats Booked until 12:45 "+subject) || strings.Contains(got, "Free until 13:30") {
		t.Errorf("the browser shows %q", got)
	}
	if strings.Contains(dom, "<img") || strings.Contains(dom, "<title>taken over") {
		t.Errorf("the subject became markup:\n%s", dom)
	}
	if strings.Contains(dom, `<label id="filter" hidden`) {
		t.Error("the filter is not shown")
	}
	if !strings.Contains(words(dom), "The gateway does not answer. What is shown may be out of date.") {
		t.Error("the stream has ended, but the page does not say so")
	}
}

// TestBrowserWithoutScripts switches scripts off for the page by the policy
// "sandbox" (www.w3.org/TR/CSP3, directive sandbox): Chromium's own switch would
// also keep it from printing the document.
func TestBrowserWithoutScripts(t *testing.T) {
	o := options(t)
	publish(o, driver.OfRoom, "boardroom", booked("Budget"))
	h := Handler(o)
	var streamed atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			streamed.Store(true)
			return
		}
		h.ServeHTTP(sandboxed{w}, r)
	}))
	defer srv.Close()
	dom := chromium(t, "--dump-dom", srv.URL)
	if streamed.Load() || !strings.Contains(dom, `<label id="filter" hidden`) {
		t.Fatalf("a script ran; the browser's document is\n%s", dom)
	}
	if got := words(dom); !strings.Contains(got, "Boardroom 12 seats Booked until 12:45 Budget") {
		t.Errorf("the browser shows %q", got)
	}
	if !strings.Contains(dom, `<noscript><meta http-equiv="refresh" content="30"></noscript>`) {
		t.Error("the page does not renew itself")
	}
}

// sandboxed adds the policy to every answer.
type sandboxed struct{ http.ResponseWriter }

func (s sandboxed) WriteHeader(status int) {
	s.Header().Add("Content-Security-Policy", "sandbox")
	s.ResponseWriter.WriteHeader(status)
}
