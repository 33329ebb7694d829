package gateway

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		"/control/check": `{"subject": "database", "level": "good", "words": "/var/roomgate.db"}
			{"subject": "clock", "level": "good", "words": "right"}
			{"subject": "room boardroom", "level": "good", "words": "2 bookings"}
			{"subject": "room boardroom subjects", "level": "warning", "words": "deleted"}
			{"subject": "room library", "level": "bad", "words": "not shared"}
			{"subject": "room attic", "level": "good", "words": "no bookings"}`,
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
		{Subject: "database", Level: driver.LevelGood, Words: "/var/roomgate.db"},
		{Subject: "clock", Level: driver.LevelGood, Words: "right"},
		{Subject: "room boardroom", Level: driver.LevelGood, Words: "booked until Thu 10:30 (Budget)"},
		{Subject: "room boardroom subjects", Level: driver.LevelWarning, Words: "deleted"},
		{Subject: "room library", Level: driver.LevelBad, Words: "not shared"},
		{Subject: "room attic", Level: driver.LevelBad, Words: "stale: not read since Monday"},
		{Subject: "part driver", Level: driver.LevelGood, Words: "running"},
		{Subject: "part mqtt", Level: driver.LevelBad, Words: "no broker"},
		{Subject: "part web", Level: driver.LevelGood, Words: "listening"},
	}
	check := func(running bool) (got []driver.Finding, err error) {
		err = NewClient(inProcess{mux}, running).Check(t.Context(), cfg, func(f driver.Finding) { got = append(got, f) })
		return got, err
	}
	got, err := check(true)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("error %v\n got %+v\nwant %+v", err, got, want)
	}
	want[2].Words = "2 bookings"
	want[5].Level, want[5].Words = driver.LevelGood, "no bookings"
	if got, err := check(false); err != nil || !slices.Equal(got, want[:6]) {
		t.Errorf("not running: error %v\n got %+v\nwant %+v", err, got, want[:6])
	}
}

// A finding is there before the next check has been made, in this process as over the
// socket.
func TestCheckStreams(t *testing.T) {
	second := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /control/check", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"subject": "first"}` + "\n"))
		_ = http.NewResponseController(w).Flush()
		<-second
		_, _ = w.Write([]byte(`{"subject": "second"}` + "\n"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for name, transport := range map[string]http.RoundTripper{"in this process": inProcess{mux}, "over a connection": toServer{server}} {
		second = make(chan struct{})
		var got []string
		err := NewClient(transport, false).Check(t.Context(), &config.Config{}, func(f driver.Finding) {
			if got = append(got, f.Subject); f.Subject == "first" {
				close(second) // what follows waits for it
			}
		})
		if want := []string{"first", "second"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// toServer sends every request to a server.
type toServer struct{ *httptest.Server }

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = s.Listener.Addr().String()
	return http.DefaultTransport.RoundTrip(r)
}

// What is probably a mistake in the configuration is a warning, and so is a file that
// others can change.
func TestCheckConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hq.toml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o622); err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Warnings: config.Problems{{File: "hq.toml", Line: 6, Key: "account.client_id", Message: "is a placeholder", Fix: "copy it"}}}
	want := []driver.Finding{
		{Subject: "configuration", Level: driver.LevelWarning, Words: path + ": accounts: 0, rooms: 0; other users of this machine can change it", Action: "chmod go-w " + path},
		{Subject: "configuration", Level: driver.LevelWarning, Words: "hq.toml:6: account.client_id: is a placeholder", Action: "copy it"}}
	if got := collect(func(found func(driver.Finding)) { CheckConfiguration(path, cfg, found) }); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// A terminal shows the level in colour; a pipe gets no escape sequences.
func TestWriteFinding(t *testing.T) {
	f := driver.Finding{Subject: "broker", Level: driver.LevelBad, Words: "nothing listens", Action: "start it"}
	for colour, want := range map[bool]string{
		false: "bad      broker: nothing listens\n         to do: start it\n",
		true:  "\x1b[31mbad     \x1b[0m broker: nothing listens\n         to do: start it\n",
	} {
		var b strings.Builder
		if WriteFinding(&b, f, colour); b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
}
