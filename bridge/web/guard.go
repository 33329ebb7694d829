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

// policyWithForms allows the page its own forms, too: they ask for a reading of a
// room.
const policyWithForms = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Why a request was refused: the values of the label "reason" of
// roomgate_requests_refused_total.
const (
	refusedHost      = "host"         // the Host header is not a name of this gateway
	refusedOrigin    = "cross_origin" // sent by a page of another origin
	refusedKey       = "key"          // wrong key for the connect API
	refusedCode      = "code"         // wrong set-up code
	refusedSession   = "session"      // the set-up code was not entered in this browser
	refusedState     = "state"        // of an authorization response that belongs to no sign-in started here
	refusedRate      = "rate"         // too many requests
	refusedTooLarge  = "too_large"
	refusedMalformed = "malformed"
)

var refusals = []string{refusedHost, refusedOrigin, refusedKey, refusedCode, refusedSession, refusedState, refusedRate, refusedTooLarge, refusedMalformed}

// guard sets the headers of every answer and refuses requests with a Host header
// that is not a name of this gateway: a site that points its own name at this
// machine (DNS rebinding) would otherwise have the same origin as the page.
// Requests that change something are refused from another origin.
func (s *server) guard(next http.Handler) http.Handler {
	same := http.NewCrossOriginProtection()
	same.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.refused.WithLabelValues(refusedOrigin).Inc()
		http.Error(w, "cross-origin requests are refused; use the gateway's own page", http.StatusForbidden)
	}))
	next = same.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !allowed(r.Host, s.Hosts) {
			s.refused.WithLabelValues(refusedHost).Inc()
			http.Error(w, "this gateway does not answer under the name in the address; use http://localhost, or have the name allowed",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allowed reports whether a Host header names the loopback or one of hosts, on
// any port.
func allowed(host string, hosts []string) bool {
	name, _ := splitHost(host)
	same := func(h string) bool { return strings.EqualFold(h, name) }
	return slices.ContainsFunc([]string{"localhost", "127.0.0.1", "::1"}, same) || slices.ContainsFunc(hosts, same)
}

// splitHost returns the name and the port, if any, of a Host header.
func splitHost(host string) (name, port string) {
	name = host
	if h, p, err := net.SplitHostPort(host); err == nil {
		name, port = h, p
	}
	return strings.TrimSuffix(strings.Trim(name, "[]"), "."), port
}
