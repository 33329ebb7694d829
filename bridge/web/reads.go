package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// addReads adds the requests by which people and programs read a room's calendar
// at once. Reading changes nothing, so it needs no code; all rooms share the
// limits of the service, so it is rate limited.
func (s *server) addReads(mux *http.ServeMux) {
	mux.HandleFunc("POST /rooms/{id}/read", s.readFromPage)
	mux.HandleFunc("POST /api/v1/rooms/{id}/read", s.readFromAPI)
	mux.HandleFunc("/api/v1/rooms/{id}/read", s.wrongMethod("POST"))
}

// readFromPage answers the form beside a room; the browser goes back to the room.
func (s *server) readFromPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if refusal := s.askForReading(w, r, id); refusal != nil {
		words := refusal.words
		if refusal.next != "" {
			words += "; " + refusal.next
		}
		s.message(w, refusal.status, words)
		return
	}
	http.Redirect(w, r, "/#room-"+url.PathEscape(id), http.StatusSeeOther)
}

func (s *server) readFromAPI(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if refusal := s.askForReading(w, r, id); refusal != nil {
		s.apiError(w, refusal.status, refusal.words, refusal.next)
		return
	}
	s.json(w, http.StatusAccepted, map[string]string{"room": id})
}

// readRefusal is why a room is not read at once.
type readRefusal struct {
	status      int
	words, next string
}

// askForReading asks for the reading. It returns nil when the room will be read.
func (s *server) askForReading(w http.ResponseWriter, r *http.Request, id string) *readRefusal {
	if s.indexOf(id) < 0 {
		return &readRefusal{http.StatusNotFound, noRoom(id), roomsListed}
	}
	if wait := s.reads.take(time.Now()); wait > 0 {
		s.refused.WithLabelValues(refusedRate).Inc()
		retryAfter(w, wait)
		return &readRefusal{http.StatusTooManyRequests, "too many rooms were read on request", "try again in a minute"}
	}
	err := s.Read(r.Context(), id)
	if err == nil {
		return nil
	}
	refusal := &readRefusal{status: http.StatusServiceUnavailable, words: err.Error()}
	var actionable interface{ Action() string }
	if errors.As(err, &actionable) {
		refusal.next = actionable.Action()
	}
	return refusal
}

// readPath is where the form beside a room is sent.
func readPath(room string) string { return "/rooms/" + url.PathEscape(room) + "/read" }
