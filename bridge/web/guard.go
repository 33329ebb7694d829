package web

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// policy allows the page its own style, script, stream and inlined icon, and
// nothing else (www.w3.org/TR/CSP3).
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard sets the headers every answer carries and refuses requests under a host
// name that is not ours: a page elsewhere that points its own name at this
// machine (DNS rebinding) would otherwise be same-origin with us.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !allowed(r.Host, hosts) {
			http.Error(w, "this gateway does not answer under the name in the address; use http://localhost, or have the name allowed",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allowed tells whether a Host header names the loopback or one of hosts, on
// any port.
func allowed(host string, hosts []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	same := func(h string) bool { return strings.EqualFold(h, name) }
	return slices.ContainsFunc([]string{"localhost", "127.0.0.1", "::1"}, same) || slices.ContainsFunc(hosts, same)
}
