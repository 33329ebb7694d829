package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"roomgate/driver"
)

// apiRoomBody is a room in JSON. The keys of Points are the names of the
// catalogue; a value that is not known, or known to be absent, is null. Times
// are RFC 3339 in UTC.
type apiRoomBody struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Building string         `json:"building"`
	Floor    string         `json:"floor"`
	Capacity *int           `json:"capacity"` // null: not known
	Quality  string         `json:"quality"`
	Fault    string         `json:"fault"`
	Points   map[string]any `json:"points"`
}

// apiRooms answers with all rooms. They are encoded one by one, as the client
// receives them. A client whose connection ends early has an incomplete document.
func (s *server) apiRooms(w http.ResponseWriter, _ *http.Request) {
	s.rooms.refresh(s.Now())
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"rooms":[`)
	for i := range s.Rooms {
		body, err := s.rooms.json(i)
		if err != nil {
			s.Log.Error("an answer could not be encoded", "err", err)
			panic(http.ErrAbortHandler)
		}
		if i > 0 {
			io.WriteString(w, ",")
		}
		if _, err := w.Write(body); err != nil {
			return // the client has disconnected
		}
	}
	io.WriteString(w, "]}\n")
}

func (s *server) apiRoom(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	i := s.indexOf(id)
	if i < 0 {
		s.apiError(w, http.StatusNotFound, noRoom(id), roomsListed)
		return
	}
	s.json(w, http.StatusOK, s.roomBody(s.Rooms[i]))
}

const roomsListed = "GET /api/v1/rooms lists the rooms"

func noRoom(id string) string { return fmt.Sprintf("there is no room %q", id) }

// indexOf returns the index of a room in Rooms; -1: there is no such room.
func (o *Options) indexOf(id string) int {
	return slices.IndexFunc(o.Rooms, func(room driver.Room) bool { return room.ID == id })
}

func (o *Options) roomBody(room driver.Room) apiRoomBody {
	points := o.points(driver.OfRoom, room.ID)
	b := apiRoomBody{ID: room.ID, Name: room.Name, Building: room.Building, Floor: room.Floor, Points: points.named()}
	b.Quality, b.Fault = trust(points)
	if room.Capacity > 0 {
		b.Capacity = &room.Capacity
	}
	return b
}

func (s *server) apiAccounts(w http.ResponseWriter, _ *http.Request) {
	type body struct {
		Name   string         `json:"name"`
		Points map[string]any `json:"points"`
	}
	accounts := []body{}
	for _, a := range s.Board.Subjects(driver.OfAccount) {
		accounts = append(accounts, body{a.ID, s.points(driver.OfAccount, a.ID).named()})
	}
	s.json(w, http.StatusOK, map[string]any{"accounts": accounts})
}

func (s *server) apiGateway(w http.ResponseWriter, _ *http.Request) {
	type site struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Timezone string `json:"timezone"`
	}
	s.json(w, http.StatusOK, struct {
		Site    site            `json:"site"`
		Version string          `json:"version"`
		Points  map[string]any  `json:"points"`
		Parts   map[string]part `json:"parts"`
	}{
		site{s.Site.ID, s.Site.Name, s.Site.Zone.String()}, s.Version,
		s.points(driver.OfGateway, "").named(), s.parts(),
	})
}

// part is the health of a part of the gateway, in JSON.
type part struct {
	OK       bool       `json:"ok"`
	Stuck    bool       `json:"stuck"` // its loop has stopped
	Words    string     `json:"words"`
	Since    time.Time  `json:"since"`
	LastBeat *time.Time `json:"last_beat"` // null: a part without a loop
}

func (s *server) parts() map[string]part {
	parts := map[string]part{}
	for name, h := range s.Board.Health() {
		p := part{OK: h.OK, Words: h.Words, Since: h.Since}
		if !h.Beat.IsZero() {
			p.LastBeat = &h.Beat
		}
		parts[name] = p
	}
	for _, name := range s.stuck() {
		p := parts[name]
		p.OK, p.Stuck = false, true
		parts[name] = p
	}
	return parts
}

// named returns the values by the names of their points.
func (p pointValues) named() map[string]any {
	out := make(map[string]any, len(p.values))
	for i, point := range driver.Catalogue(p.scope) {
		out[point.Name] = plain(p.values[i])
	}
	return out
}

// plain returns v as encoding/json renders it; nil for nothing.
func plain(v driver.Value) any {
	if v.Nothing() {
		return nil
	}
	switch v.Kind() {
	case driver.Bool:
		return v.Bool()
	case driver.Int:
		return v.Int()
	case driver.Time:
		return v.Time()
	case driver.JSON:
		return json.RawMessage(v.Text())
	}
	return v.Text()
}

// json answers with a document.
func (s *server) json(w http.ResponseWriter, status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil {
		s.Log.Error("an answer could not be encoded", "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded","next":"the gateway's log says why"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // the client may have disconnected
}

// apiError answers with what is wrong and what to do.
func (s *server) apiError(w http.ResponseWriter, status int, words, next string) {
	s.json(w, status, map[string]string{"error": words, "next": next})
}

// wrongMethod answers a method that the path does not allow.
func (s *server) wrongMethod(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		s.apiError(w, http.StatusMethodNotAllowed, "this address does not support the method", "use "+allow)
	}
}
