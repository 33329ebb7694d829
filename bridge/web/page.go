package web

import (
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// pageData is what the page is made of.
type pageData struct {
	Site, Banner, Version string
	Overview              overview
	Ailing, Items         []item
	Groups                []group
}

func (s *server) page(w http.ResponseWriter, _ *http.Request) {
	now := s.Now()
	sh := newSheet(&s.Options)
	sh.read(now)
	items := sh.items(now)
	s.html(w, http.StatusOK, "page", pageData{
		Site: s.Site.Name, Banner: s.Banner, Version: s.Version,
		Overview: sh.overview(now), Ailing: ailing(items), Items: items, Groups: sh.groups(),
	})
}

// html answers with a template.
func (s *server) html(w http.ResponseWriter, status int, name string, data any) {
	text, err := render(name, data)
	if err != nil {
		s.Log.Error("the page could not be made", "err", err)
		http.Error(w, "the page could not be made; the gateway's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text)) // a reader that has gone needs no answer
}

func render(name string, data any) (string, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("rendering %s: %w", name, err)
	}
	return b.String(), nil
}

// fragment is one element of the page, to be put in the place of the element
// with the same id.
type fragment struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// fragments renders the rooms given by their indexes, and the parts of the page
// that speak of the whole.
func (s *sheet) fragments(rooms []int, now time.Time) ([]fragment, error) {
	var out []fragment
	add := func(id, name string, data any) error {
		html, err := render(name, data)
		out = append(out, fragment{id, html})
		return err
	}
	items := s.items(now)
	if err := add("overview", "overview", s.overview(now)); err != nil {
		return nil, err
	}
	if err := add("ailing", "ailing", ailing(items)); err != nil {
		return nil, err
	}
	if err := add("items", "items", items); err != nil {
		return nil, err
	}
	for _, i := range rooms {
		if err := add("room-"+s.rooms[i].ID, "room", s.rooms[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
