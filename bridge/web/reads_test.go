package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// readOptions are options under which rooms can be read at once; the rooms asked
// for are noted.
func readOptions(t *testing.T, err error) (Options, *[]string) {
	o, asked := options(t), &[]string{}
	o.Read = func(_ context.Context, room string) error {
		*asked = append(*asked, room)
		return err
	}
	return o, asked
}

func TestReadingOfARoomIsRequested(t *testing.T) {
	tooSoon := failed{words: "the room was <b>just</b> read", action: "ask again in a while"}
	for _, c := range []struct {
		name, method, target string
		header               []string
		err                  error
		status               int
		location, body       string // of which the answer's body has this
		asked                []string
	}{
		{"from the page", "POST", "/rooms/boardroom/read", []string{"Sec-Fetch-Site", "same-origin"}, nil, 303, "/#room-boardroom", "", []string{"boardroom"}},
		{"by a program", "POST", "/api/v1/rooms/attic/read", nil, nil, 202, "", `{"room":"attic"}`, []string{"attic"}},
		{"no such room", "POST", "/rooms/cellar/read", nil, nil, 404, "", "There is no room &#34;cellar&#34;", nil},
		{"no such room, to a program", "POST", "/api/v1/rooms/cellar/read", nil, nil, 404, "", `{"error":"there is no room \"cellar\"","next":"GET /api/v1/rooms lists the rooms"}`, nil},
		{"refused", "POST", "/rooms/attic/read", nil, tooSoon, 503, "", "<p>The room was &lt;b&gt;just&lt;/b&gt; read; ask again in a while.</p>", []string{"attic"}},
		{"refused without a next step", "POST", "/rooms/attic/read", nil, errors.New("the gateway is stopping"), 503, "", "<p>The gateway is stopping.</p>", []string{"attic"}},
		{"refused, to a program", "POST", "/api/v1/rooms/attic/read", nil, errors.New("the gateway is stopping"), 503, "", `{"error":"the gateway is stopping","next":""}`, []string{"attic"}},
		{"from another site", "POST", "/rooms/attic/read", []string{"Sec-Fetch-Site", "cross-site"}, nil, 403, "", "cross-origin", nil},
		{"from another origin", "POST", "/api/v1/rooms/attic/read", []string{"Origin", "http://evil.example"}, nil, 403, "", "cross-origin", nil},
		{"under another name", "POST", "/rooms/attic/read", []string{"Host", "evil.example"}, nil, 421, "", "does not answer under the name", nil},
		{"a GET reads nothing", "GET", "/rooms/attic/read", nil, nil, 404, "", "There is nothing at this address", nil},
		{"a GET reads nothing, for a program", "GET", "/api/v1/rooms/attic/read", nil, nil, 405, "", `"next":"use POST"`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, asked := readOptions(t, c.err)
			w := ask(Handler(o), c.method, c.target, c.header...)
			if w.Code != c.status || w.Header().Get("Location") != c.location || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("status %d to %q, want %d to %q and in the body %q:\n%s", w.Code, w.Header().Get("Location"), c.status, c.location, c.body, w.Body)
			}
			if !slices.Equal(*asked, c.asked) {
				t.Errorf("asked for %q, want %q", *asked, c.asked)
			}
		})
	}
}

func TestReadsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, asked := readOptions(t, nil)
		h := Handler(o)
		for i := range 30 { // a minute, both ways together
			target := []string{"/rooms/attic/read", "/api/v1/rooms/boardroom/read"}[i%2]
			if w := ask(h, "POST", target); w.Code >= 400 {
				t.Fatalf("reading %d: status %d", i+1, w.Code)
			}
		}
		time.Sleep(50 * time.Second)
		for target, want := range map[string]string{
			"/rooms/attic/read":        "Too many rooms were read on request; try again in a minute",
			"/api/v1/rooms/attic/read": `{"error":"too many rooms were read on request","next":"try again in a minute"}`,
		} {
			if w := ask(h, "POST", target); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "10" || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: status %d, Retry-After %q, body:\n%s", target, w.Code, w.Header().Get("Retry-After"), w.Body)
			}
		}
		if len(*asked) != 30 || refusedCount(t, h, "rate") != "2" {
			t.Errorf("%d were asked for, %s refused for their number; want 30, 2", len(*asked), refusedCount(t, h, "rate"))
		}
		time.Sleep(10 * time.Second)
		if w := ask(h, "POST", "/rooms/attic/read"); w.Code != http.StatusSeeOther {
			t.Errorf("after a minute: status %d", w.Code)
		}
	})
}

func TestReadButtons(t *testing.T) {
	const button = `<form class="read" method="post" action="/rooms/boardroom/read"><input type="submit" value="Read now" aria-label="Read now: Boardroom">`
	o, _ := readOptions(t, nil)
	w := ask(Handler(o), "GET", "/")
	if !strings.Contains(w.Body.String(), button) {
		t.Errorf("the room has no button:\n%s", w.Body)
	}
	const want = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("the policy is\n%s\nwant\n%s", got, want)
	}
	if got := words(w.Body.String()); strings.Contains(got, "Read now") {
		t.Errorf("the filter finds the button's words: %q", got)
	}
	h := Handler(options(t))
	if page := get(t, h, "/"); strings.Contains(page, "<form") {
		t.Error("there are buttons though nobody may ask")
	}
	for _, target := range []string{"/rooms/attic/read", "/api/v1/rooms/attic/read"} {
		if w := ask(h, "POST", target); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d though nobody may ask", target, w.Code)
		}
	}
}
