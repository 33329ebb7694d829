package web

import (
	"net/http"

	g "maragu.dev/gomponents"
)

// pageData is the content of the page.
type pageData struct {
	Site, Banner, Version string
	Overview              overview
	Problems, Items       []item
	Groups                []group
	Card                  func(room int) string // the element of the room at an index
}

func (s *server) page(w http.ResponseWriter, _ *http.Request) {
	now := s.Now()
	_, sum := s.rooms.refresh(now)
	items := s.items(now)
	if s.Read != nil {
		w.Header().Set("Content-Security-Policy", policyWithForms)
	}
	s.html(w, http.StatusOK, frontPage(pageData{
		Site: s.Site.Name, Banner: s.Banner, Version: s.Version,
		Overview: sum, Problems: problems(items), Items: items, Groups: groups(s.Rooms),
		Card: func(room int) string { return s.rooms.card(room, now) },
	}))
}

// html answers with a page.
func (s *server) html(w http.ResponseWriter, status int, page g.Node) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Render(w) // the client may have disconnected
}
