package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
)

// discoverText configures two accounts and some rooms of the first.
const discoverText = `
[site]
id = "hq"
timezone = "Europe/London"
[mqtt]
broker = "mqtt://127.0.0.1"
[[account]]
name = "rooms"
client_id = "11111111-2222-3333-4444-555555555555"
client_secret = "not-a-real-one"
[[account]]
name = "annex"
client_id = "11111111-2222-3333-4444-555555555555"
client_secret = "not-a-real-one"
[[room]]
id = "board"
account = "rooms"
mailbox = "Boardroom@contoso.example"
[[room]]
id = "library"
account = "rooms"
match = ["Lesesaal"]
[[room]]
id = "visits"
account = "rooms"
calendar = "Visits"
`

func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("roomgate.toml", []byte(text), config.Env{})
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	return cfg
}

// discovering runs the command against a gateway that sees this, by account.
func discovering(cfg *config.Config, sees map[string]driver.Discovery) (out, errOut string, err error) {
	c := gateway.NewClient(sighted(sees), true)
	cmd := &cobra.Command{}
	cmd.SetContext(context.Background())
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	err = discover(cmd, c, cfg, cfg.Accounts, false)
	return stdout.String(), stderr.String(), err
}

// sighted is a gateway whose accounts see this. One that is not among them has
// never signed in.
type sighted map[string]driver.Discovery

func (s sighted) RoundTrip(r *http.Request) (*http.Response, error) {
	var in struct{ Account string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	if seen, ok := s[in.Account]; ok {
		err := json.NewEncoder(w).Encode(seen)
		return w.Result(), err
	}
	w.WriteHeader(http.StatusUnprocessableEntity)
	fmt.Fprintf(w, `{"error":"account %[1]s: nobody has signed in yet","next":"run: roomgate login %[1]s","person":true}`, in.Account)
	return w.Result(), nil
}

// What two accounts see is one file: a room that both see is offered once.
func TestDiscover(t *testing.T) {
	garden := driver.FoundRoom{Name: "Garden", Address: "garden@contoso.example", Source: "Places", Mailbox: "garden@contoso.example", Directory: true}
	out, errOut, err := discovering(parsed(t, discoverText), map[string]driver.Discovery{
		"rooms": {Rooms: []driver.FoundRoom{garden, {Name: "Kalender", Source: "own calendar", Main: true}}},
		"annex": {Rooms: []driver.FoundRoom{garden}, Notes: []driver.Finding{{Subject: "account annex calendars", Level: driver.LevelGood, Words: "none"}}},
	})
	want := `# Found with account rooms:
#
# NAME      BUILDING  FLOOR  CAPACITY  ADDRESS                 FOUND IN      ROOM
# Garden    -         -      -         garden@contoso.example  Places        new: garden
# Kalender  -         -      -         -                       own calendar  configured: library

# Found with account annex:
#
# NAME    BUILDING  FLOOR  CAPACITY  ADDRESS                 FOUND IN  ROOM
# Garden  -         -      -         garden@contoso.example  Places    configured: garden

[[room]]
id = "garden"
name = "Garden"
account = "rooms"
mailbox = "garden@contoso.example"

`
	if err != nil || errOut != "good     account annex calendars: none\n" || out != want {
		t.Errorf("%v, %q\ngot:\n%s\nwant:\n%s", err, errOut, out, want)
	}
}

func TestDiscoverFindsNothing(t *testing.T) {
	none := driver.Finding{Subject: "account rooms places", Level: driver.LevelBad, Person: true, Words: "the customer's directory has no rooms"}
	for name, c := range map[string]struct {
		sees map[string]driver.Discovery
		code int
	}{
		"nobody has signed in":    {nil, exitPerson},
		"an empty directory":      {map[string]driver.Discovery{"rooms": {Notes: []driver.Finding{none}}}, exitPerson},
		"a service that is down":  {map[string]driver.Discovery{"rooms": {Notes: []driver.Finding{{Subject: "account rooms places", Level: driver.LevelBad, Words: "HTTP 503"}}}, "annex": {}}, exitFailed},
		"one account sees a room": {map[string]driver.Discovery{"rooms": {Rooms: []driver.FoundRoom{{Address: "a@contoso.example"}}}}, exitOK},
	} {
		_, errOut, err := discovering(parsed(t, discoverText), c.sees)
		code := exitOK
		if err != nil {
			code = exitCode(err)
		}
		if code != c.code || err != nil && !errors.Is(err, errQuiet) || !strings.HasPrefix(errOut, "bad ") {
			t.Errorf("%s: exit code %d (%v), want %d; it says %q", name, code, err, c.code, errOut)
		}
	}
}

func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		failed := errors.New("failed")
		err := patiently(&said, driver.WallClock{}, "Still looking", func() error {
			time.Sleep(12 * time.Second)
			return failed
		})
		if err != failed || said.String() != "Still looking (5s) ...\nStill looking (10s) ...\n" {
			t.Errorf("%v, %q", err, said.String())
		}
		said.Reset()
		if err := patiently(&said, driver.WallClock{}, "Still looking", func() error { return nil }); err != nil || said.Len() > 0 {
			t.Errorf("%v, %q", err, said.String())
		}
	})
}

// changing is a gateway whose rooms' JSON changes; empty: it does not answer.
type changing struct{ doc atomic.Value }

func (c *changing) RoundTrip(r *http.Request) (*http.Response, error) {
	doc := c.doc.Load().(string)
	if doc == "" {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(doc)), Request: r}, nil
}

// watchedRoom is the page's JSON of one room.
func watchedRoom(subject string, age, left int) string {
	return fmt.Sprintf(`{"rooms": [{"id":"boardroom","name":"Boardroom","quality":"good","fault":"","points":{"booked":true,"comfort":true,"current_subject":"%s",
		"current_end":"2000-01-01T09:30:00Z","next_start":null,"next_end":null,"free_until":null,"age":%d,"minutes_remaining":%d}}]}`, subject, age, left)
}

// watching steps a watch through documents, two minutes each, and returns what
// it printed.
func watching(t *testing.T, w roomsWatch, docs ...string) (out, errOut string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		rooms := &changing{}
		rooms.doc.Store(docs[0])
		w.gateway = gateway.NewClient(rooms, true)
		w.clock, w.zone, w.out, w.errOut = driver.WallClock{}, time.UTC, &stdout, &stderr
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.run(ctx) }()
		time.Sleep(watchEvery / 2) // changes come between two looks
		for _, doc := range docs {
			rooms.doc.Store(doc)
			time.Sleep(2 * time.Minute)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Ctrl-C is an error: %v", err)
		}
		out, errOut = stdout.String(), stderr.String()
	})
	return out, errOut
}

const watchedTable = `ROOM       NOW                              COMFORT  NEXT  QUALITY
boardroom  booked until Sat 09:30 (Review)  on       -     good
`

const watchedLater = `ROOM       NOW                            COMFORT  NEXT  QUALITY
boardroom  booked until Sat 09:30 (Plan)  on       -     good
`

func TestWatch(t *testing.T) {
	out, errOut := watching(t, roomsWatch{}, watchedRoom("Review", 10, 90), watchedRoom("Review", 130, 88),
		watchedRoom(`Pl\u001ban`, 5, 86), "", watchedRoom("Plan", 5, 82))
	want := "2000-01-01 00:00:00\n" + watchedTable + "\n2000-01-01 00:04:01\n" + watchedLater + "\n2000-01-01 00:08:01\n" + watchedLater + "\n"
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if strings.Count(errOut, "waiting for the gateway: ") != 1 {
		t.Errorf("of a gateway that is away for two minutes it says %q", errOut)
	}
}

func TestWatchOnATerminal(t *testing.T) {
	out, _ := watching(t, roomsWatch{redraw: true}, watchedRoom("Review", 10, 90), watchedRoom("Review", 130, 88))
	if want := "\x1b[H\x1b[2J2000-01-01 00:00:00\n" + watchedTable; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestWatchJSON(t *testing.T) {
	out, _ := watching(t, roomsWatch{asJSON: true}, watchedRoom("Review", 10, 90), watchedRoom("Review", 130, 88), watchedRoom("Budget", 5, 86))
	var subjects []string
	for line := range strings.Lines(out) {
		rooms, err := gateway.ReadRooms([]byte(line))
		if err != nil || len(rooms) != 1 {
			t.Fatalf("%v: a line is %q", err, line)
		}
		subjects = append(subjects, *rooms[0].Points.Subject)
	}
	if got := strings.Join(subjects, " "); got != "Review Budget" {
		t.Errorf("it printed lines with %q, want one for each subject", got)
	}
}

func TestWatchUntilCtrlC(t *testing.T) {
	t.Parallel()
	h := newHouse(t).open()
	h.daemon()
	h.await("the page", func() bool { return accepts(h.web) })
	c := h.launch(h.command("roomgate", "rooms", "--watch", "--config", h.config()))
	h.await("the table", func() bool { return strings.Contains(h.said(), "boardroom  not known") })
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("Ctrl-C ends it with: %v", err)
	}
}
