package web

import (
	"bytes"
	"fmt"
	"net/http"
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
	rooms := sh.read(now)
	items := sh.items(now)
	s.html(w, http.StatusOK, "page", pageData{
		Site: s.Site.Name, Banner: s.Banner, Version: s.Version,
		Overview: sh.overview(now), Ailing: ailing(items), Items: items, Groups: groups(s.Rooms, rooms),
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
