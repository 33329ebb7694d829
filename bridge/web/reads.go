package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// reads let people and programs have a room's calendar read at once. Reading is
// harmless, so nobody needs a code for it; Microsoft's limits are shared by all
// rooms, so not everybody may ask all the time.
type reads struct {
	*server
	asked limiter
}

func (s *server) addReads(mux *http.ServeMux) {
	a := &reads{server: s, asked: limiter{most: 30, span: time.Minute}}
	mux.HandleFunc("POST /rooms/{id}/read", a.fromPage)
	mux.HandleFunc("POST /api/v1/rooms/{id}/read", a.fromAPI)
	mux.HandleFunc("/api/v1/rooms/{id}/read", s.wrongMethod("POST"))
}

// fromPage answers the form beside a room; the browser goes back to the room.
func (a *reads) fromPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if no := a.ask(w, r, id); no != nil {
		words := no.words
		if no.next != "" {
			words += "; " + no.next
		}
		a.message(w, no.status, words)
		return
	}
	http.Redirect(w, r, "/#room-"+url.PathEscape(id), http.StatusSeeOther)
}

func (a *reads) fromAPI(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if no := a.ask(w, r, id); no != nil {
		a.apiError(w, no.status, no.words, no.next)
		return
	}
	a.json(w, http.StatusAccepted, map[string]string{"room": id})
}

// noReading is why a room is not read at once.
type noReading struct {
	status      int
	words, next string
}

// ask asks for the reading. It returns nil when the room will be read.
func (a *reads) ask(w http.ResponseWriter, r *http.Request, id string) *noReading {
	if a.indexOf(id) < 0 {
		return &noReading{http.StatusNotFound, noRoom(id), roomsListed}
	}
	if wait := a.asked.take(time.Now()); wait > 0 {
		a.refused.WithLabelValues(refusedRate).Inc()
		retryAfter(w, wait)
		return &noReading{http.StatusTooManyRequests, "rooms were asked for too often", "try again in a minute"}
	}
	if err := a.Read(r.Context(), id); err != nil {
		no := &noReading{status: http.StatusServiceUnavailable, words: err.Error()}
		var acting interface{ Action() string }
		if errors.As(err, &acting) {
			no.next = acting.Action()
		}
		return no
	}
	return nil
}

// readPath is where the form beside a room is sent.
func readPath(room string) string { return "/rooms/" + url.PathEscape(room) + "/read" }
