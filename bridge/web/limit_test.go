package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// from sends a request as if it came from an address; forwarded is its
// X-Forwarded-For, if any.
func from(h http.Handler, peer, forwarded string, r *http.Request) *httptest.ResponseRecorder {
	r.Host, r.RemoteAddr = "localhost:8080", peer
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func codeRequest(code string) *http.Request {
	r := httptest.NewRequest("POST", "/setup/code", strings.NewReader(url.Values{"code": {code}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func keyRequest(key string) *http.Request {
	r := httptest.NewRequest("GET", oauthURL+"?email="+url.QueryEscape("a@contoso.example"), nil)
	r.Header.Set("X-Api-Key", key)
	return r
}

// A caller that has used up its attempts is refused even with the right code or key;
// other callers are not.
func TestLockOutGoesByCaller(t *testing.T) {
	const lan, proxy = "192.0.2.66:1000", "127.0.0.1:1000"
	for _, c := range []struct {
		name                    string
		badPeer, badForwarded   string
		goodPeer, goodForwarded string
		locked                  bool
	}{
		{"another address", lan, "", "192.0.2.7:1000", "", false},
		{"the same address", lan, "", "192.0.2.66:2000", "", true},
		{"this machine", lan, "", "127.0.0.1:1000", "", false},
		{"the same IPv6 network", "[2001:db8:0:1::66]:1000", "", "[2001:db8:0:1::7]:1000", "", true},
		{"another IPv6 network", "[2001:db8:0:1::66]:1000", "", "[2001:db8:0:2::7]:1000", "", false},
		{"behind a proxy on this machine", proxy, "203.0.113.66", proxy, "203.0.113.7", false},
		{"the same client behind the proxy", proxy, "203.0.113.66", proxy, "198.51.100.1, 203.0.113.66", true},
		{"not behind the proxy", proxy, "203.0.113.66", proxy, "", false},
		{"a client that names another", lan, "203.0.113.7", lan, "198.51.100.9", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, _ := signInOptions(t, byCode("http://localhost"))
				h := Handler(o)
				for range 5 {
					if w := from(h, c.badPeer, c.badForwarded, codeRequest("wrong")); w.Code != http.StatusForbidden {
						t.Fatalf("a wrong code: status %d", w.Code)
					}
				}
				for range 30 {
					if w := from(h, c.badPeer, c.badForwarded, keyRequest("wrong")); w.Code != http.StatusUnauthorized {
						t.Fatalf("a wrong key: status %d", w.Code)
					}
				}
				code, key := http.StatusSeeOther, http.StatusOK
				if c.locked {
					code, key = http.StatusTooManyRequests, http.StatusTooManyRequests
				}
				if w := from(h, c.goodPeer, c.goodForwarded, codeRequest(setUpCode)); w.Code != code {
					t.Errorf("the right code: status %d, want %d", w.Code, code)
				}
				if w := from(h, c.goodPeer, c.goodForwarded, keyRequest(apiKey)); w.Code != key {
					t.Errorf("the right key: status %d, want %d", w.Code, key)
				}
			})
		})
	}
}

// However many callers there are, a bounded number is remembered.
func TestCallersThatAreRememberedAreBounded(t *testing.T) {
	l := newCallerLimiter(5, 15*time.Minute)
	for i := range 3000 {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x::1]:1000", i)
		if wait := l.of(r, noon).take(noon); wait != 0 {
			t.Fatalf("caller %d has to wait for %v", i, wait)
		}
	}
	if got := len(l.callers.entries); got != 1024 {
		t.Errorf("%d callers are remembered, want 1024", got)
	}
}
