package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"roomgate/driver"
)

// roomPage shows every point of one room, as the catalogue lists them.
func (s *server) roomPage(w http.ResponseWriter, r *http.Request) {
	i := s.indexOf(r.PathValue("id"))
	if i < 0 {
		s.message(w, http.StatusNotFound, noRoom(r.PathValue("id")))
		return
	}
	s.html(w, http.StatusOK, roomPointsPage(s.Site.Name, s.Rooms[i], s.points(driver.OfRoom, s.Rooms[i].ID), s.Now(), s.Site.Zone))
}

func roomPath(id string) string { return "/rooms/" + url.PathEscape(id) }

// roomPointsPage is a table of the room's points. Those in JSON repeat the others.
func roomPointsPage(site string, room driver.Room, points pointValues, now time.Time, zone *time.Location) g.Node {
	var rows g.Group
	for i, p := range driver.Catalogue(driver.OfRoom) {
		if p.Kind != driver.JSON {
			rows = append(rows, h.Tr(h.Td(code(p.Name)), h.Td(pointValue(p, points.values[i], now, zone)), h.Td(h.Class("quiet"), g.Text(p.Description))), g.Text("\n"))
		}
	}
	place := placeOf(room)
	head := h.Meta(g.Attr("http-equiv", "refresh"), h.Content("30"))
	return document(room.Name+", "+site, head, lines(
		h.Header(lines(h.P(h.A(h.Href("/"), g.Text(site))), h.H1(g.Text(room.Name)), g.If(place != "", h.P(h.Class("quiet"), g.Text(place))))),
		h.Main(h.Table(h.Class("points"),
			h.THead(h.Tr(h.Th(g.Text("Point")), h.Th(g.Text("Value")), h.Th(g.Text("Meaning")))),
			h.TBody(rows))),
	))
}

// pointValue is the value of a point for people. Texts are isolated, because they
// may come from calendars.
func pointValue(p driver.Point, v driver.Value, now time.Time, zone *time.Location) g.Node {
	switch {
	case !v.Known():
		return g.Text("not known")
	case v.Nothing():
		return g.Text("–")
	case p.Kind == driver.Bool && v.Bool():
		return g.Text("yes")
	case p.Kind == driver.Bool:
		return g.Text("no")
	case p.Kind == driver.Time:
		return instant(momentOf(v.Time(), now, zone))
	case p.Kind == driver.Int:
		return g.Text(strings.TrimSpace(strconv.Itoa(v.Int()) + " " + p.Unit))
	}
	return isolated(legible(v.Text()))
}
