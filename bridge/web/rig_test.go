package web

import (
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// noon is the time at which most tests look: Monday, in London, in winter.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func london(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// options are those of a site with two rooms of which nothing is known.
func options(t *testing.T) Options {
	return Options{
		Site: driver.Site{ID: "hq", Name: "Head Office", Zone: london(t)},
		Rooms: []driver.Room{
			{ID: "boardroom", Name: "Boardroom", Building: "Annexe", Floor: "3", Capacity: 12},
			{ID: "attic", Name: "Attic"},
		},
		Board: bridge.New(), Version: "1.2.3", Now: func() time.Time { return noon },
		StuckAfter: 2 * time.Minute, Log: slog.New(slog.DiscardHandler),
	}
}

type points map[string]driver.Value

// publish puts points on the board; those not given are unknown.
func publish(o Options, scope driver.Scope, id string, p points) {
	values := make([]driver.Value, len(driver.Catalogue(scope)))
	for name, v := range p {
		values[scope.Index(name)] = v
	}
	o.Board.Publish([]driver.Update{{Subject: driver.Subject{Scope: scope, ID: id}, At: o.Now(), Quality: driver.QualityGood, Values: values}})
}

// with returns good points of a room, and those given.
func with(more ...points) points {
	all := points{driver.QualityPoint: driver.EnumValue("good"), driver.Availability: driver.EnumValue("online"), driver.Booked: driver.BoolValue(false)}
	for _, p := range more {
		maps.Copy(all, p)
	}
	return all
}

// free and booked are a room that is free until 13:30 and one that is booked
// until 12:45.
func free() points {
	return with(points{driver.FreeUntil: driver.TimeValue(noon.Add(90 * time.Minute)),
		driver.NextStart: driver.TimeValue(noon.Add(90 * time.Minute)), driver.NextEnd: driver.TimeValue(noon.Add(120 * time.Minute))})
}

func booked(subject string) points {
	return with(points{driver.Booked: driver.BoolValue(true), driver.CurrentSubject: driver.TextValue(subject),
		driver.CurrentStart: driver.TimeValue(noon.Add(-time.Hour)), driver.CurrentEnd: driver.TimeValue(noon.Add(45 * time.Minute))})
}

// ask has the handler answer a request; header holds names and values in turn.
func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:8080"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(t *testing.T, h http.Handler, target string) string {
	t.Helper()
	w := ask(h, "GET", target)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: status %d, want 200; body: %s", target, w.Code, w.Body)
	}
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// words is what a person reads of a piece of HTML.
func words(markup string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(markup, ""))), " ")
}
