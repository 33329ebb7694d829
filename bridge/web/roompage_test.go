package web

import (
	"net/http"
	"strings"
	"testing"

	"roomgate/driver"
)

// The page of a room has a row for every point of the catalogue but the JSON
// ones, so that a point that is added is on it.
func TestRoomPageHasEveryPoint(t *testing.T) {
	o := options(t)
	values := make([]driver.Value, len(driver.Catalogue(driver.OfRoom)))
	for name, v := range map[string]driver.Value{
		driver.Booked: driver.BoolValue(true), driver.CurrentSubject: driver.TextValue("Budget <b>2027</b>\u202e"),
		driver.CurrentEnd: driver.TimeValue(noon.Add(30 * 60e9)), "minutes_remaining": driver.IntValue(30), driver.NextSubject: driver.TextValue(""),
	} {
		values[driver.OfRoom.Index(name)] = v
	}
	o.Board.Publish([]driver.Update{{Subject: driver.Subject{Scope: driver.OfRoom, ID: "boardroom"}, At: noon, Quality: driver.QualityGood, Values: values}})
	w := ask(Handler(o), "GET", "/rooms/boardroom")
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, "<h1>Boardroom</h1>") || !strings.Contains(body, "Annexe, floor 3") {
		t.Fatalf("status %d:\n%s", w.Code, body)
	}
	checkSafety(t, w.Header())
	for _, p := range driver.Catalogue(driver.OfRoom) {
		if has := strings.Contains(body, "<td><code>"+p.Name+"</code></td>"); has == (p.Kind == driver.JSON) {
			t.Errorf("point %s, a %s: in the table %t", p.Name, p.Kind, has)
		}
	}
	for name, want := range map[string]string{
		"booked": "yes", "current_subject": "<bdi>Budget &lt;b&gt;2027&lt;/b&gt;</bdi>", "minutes_remaining": "30 min",
		"current_end": `<time datetime="2026-11-23T12:30:00Z">12:30</time>`, "next_subject": "–", "comfort": "not known",
	} {
		if row := "<code>" + name + "</code></td><td>" + want + "</td>"; !strings.Contains(body, row) {
			t.Errorf("no row %q in:\n%s", row, body)
		}
	}
	if w := ask(Handler(o), "GET", "/rooms/cellar"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "There is no room &#34;cellar&#34;") {
		t.Errorf("a room that does not exist: %d\n%s", w.Code, w.Body)
	}
}
