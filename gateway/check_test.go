package gateway

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"roomgate/config"
	"roomgate/driver"
)

// A running gateway adds what its rooms show and how its parts do; what could not
// be read stays as the doctor found it.
func TestCheckOfARunningGateway(t *testing.T) {
	mux := http.NewServeMux()
	for path, body := range map[string]string{
		"/control/check": `[{"subject": "clock", "level": "good", "words": "right"},
			{"subject": "room boardroom", "level": "good", "words": "2 bookings"},
			{"subject": "room boardroom subjects", "level": "warning", "words": "deleted"},
			{"subject": "room library", "level": "bad", "words": "not shared"},
			{"subject": "room attic", "level": "good", "words": "no bookings"}]`,
		"/api/v1/rooms": `{"rooms": [
			{"id": "boardroom", "quality": "good", "points": {"booked": true, "current_subject": "Budget", "current_end": "2026-01-15T10:30:00Z"}},
			{"id": "library", "quality": "good", "points": {"booked": false, "free_until": "2026-01-15T10:30:00Z"}},
			{"id": "attic", "quality": "stale", "fault": "not read since Monday", "points": {"booked": null}}]}`,
		"/api/v1/gateway": `{"parts": {"web": {"ok": true, "words": "listening"}, "mqtt": {"ok": false, "words": "no broker"}, "driver": {"ok": true}}}`,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
	}
	cfg := &config.Config{Site: config.Site{Timezone: time.UTC}, Store: config.Store{Path: "/var/roomgate.db"}}
	want := []driver.Finding{
		{Subject: "database", Level: driver.LevelGood, Words: "/var/roomgate.db is open in the running gateway"},
		{Subject: "clock", Level: driver.LevelGood, Words: "right"},
		{Subject: "room boardroom", Level: driver.LevelGood, Words: "booked until Thu 10:30 (Budget)"},
		{Subject: "room boardroom subjects", Level: driver.LevelWarning, Words: "deleted"},
		{Subject: "room library", Level: driver.LevelBad, Words: "not shared"},
		{Subject: "room attic", Level: driver.LevelBad, Words: "stale: not read since Monday"},
		{Subject: "part driver", Level: driver.LevelGood, Words: "running"},
		{Subject: "part mqtt", Level: driver.LevelBad, Words: "no broker"},
		{Subject: "part web", Level: driver.LevelGood, Words: "listening"},
	}
	got, err := NewClient(inProcess{mux}, true).Check(t.Context(), cfg)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("error %v\n got %+v\nwant %+v", err, got, want)
	}
	want[0].Words, want[2].Words = "/var/roomgate.db", "2 bookings"
	want[5].Level, want[5].Words = driver.LevelGood, "no bookings"
	if got, err := NewClient(inProcess{mux}, false).Check(t.Context(), cfg); err != nil || !slices.Equal(got, want[:6]) {
		t.Errorf("not running: error %v\n got %+v\nwant %+v", err, got, want[:6])
	}
}
