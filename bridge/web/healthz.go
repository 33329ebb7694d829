package web

import (
	"fmt"
	"net/http"
	"strings"
)

// healthz reports whether the program is alive: 200 unless a loop is stuck. A
// calendar or a broker that cannot be reached does not make it unhealthy,
// because a restart would not fix that.
func (s *server) healthz(w http.ResponseWriter, r *http.Request) {
	status, words := http.StatusOK, "ok"
	if stuck := s.stuck(); len(stuck) > 0 {
		status, words = http.StatusServiceUnavailable, "stuck: "+strings.Join(stuck, ", ")
	}
	if r.URL.Query().Has("verbose") || strings.Contains(r.Header.Get("Accept"), "application/json") {
		s.json(w, status, map[string]any{"status": words, "parts": s.parts()})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, words)
}
