package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph"
	"roomgate/graph/graphsim"
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
func discovering(cfg *config.Config, sees map[string]sighting) (out, errOut string, err error) {
	d := &gatewayClient{http: &http.Client{Transport: inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in signInRequest
		if !question(w, r, &in) {
			return
		}
		if s, ok := sees[in.Account]; ok {
			answer(w, s)
			return
		}
		refuse(w, refusal{Words: "account " + in.Account + ": nobody has signed in yet", Next: "run: roomgate login " + in.Account, Person: true})
	})}}}
	cmd := &cobra.Command{}
	cmd.SetContext(context.Background())
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	err = d.discover(cmd, cfg, cfg.Accounts, false)
	return stdout.String(), stderr.String(), err
}

func TestDiscover(t *testing.T) {
	cfg := parsed(t, discoverText)
	out, errOut, err := discovering(cfg, map[string]sighting{
		"rooms": {
			Places: []graph.Place{
				{Address: "boardroom@contoso.example", Name: "Boardroom", Building: "HQ", Floor: "3", Capacity: 16},
				{Address: "lib@contoso.example", Name: "Lesesaal"},
				{Address: "gruen@contoso.example", Name: "Grüner \"Saal\"", Building: "HQ", Floor: "EG", Capacity: 8, List: "Säle"},
				{Address: "3@contoso.example", Name: "会議室"},
				{Address: "shared@contoso.example", Name: "Board"},
				{Address: "a b@contoso.example", Name: "Broken"},
			},
			Calendars: []graph.CalendarEntry{
				{ID: "c-0", Name: "Kalender", OwnerName: "Rooms", OwnerAddress: "rooms@contoso.example", Own: true, Default: true},
				{ID: "c-1", Name: "Visits", OwnerName: "Reception", OwnerAddress: "reception@contoso.example"},
				{ID: "c-2", Name: "Kalender", OwnerName: "Küche", OwnerAddress: "kitchen@contoso.example"},
				{ID: "c-3", Name: "Mine", OwnerName: "Rooms", OwnerAddress: "rooms@contoso.example", Own: true},
				{ID: "c-4", Name: "Board", OwnerName: "Board", OwnerAddress: "shared@contoso.example"},
			},
		},
		"annex": {Places: []graph.Place{{Address: "gruen@contoso.example", Name: "Grüner \"Saal\""}, {Address: "annex@contoso.example", Name: "Annex\x1b[2J\nAnnex"}}},
	})
	want := `# Found with account rooms:
#
# NAME           BUILDING  FLOOR  CAPACITY  ADDRESS                    FOUND IN         ROOM
# Board          -         -      -         shared@contoso.example     Places           new: board-2
# Broken         -         -      -         a b@contoso.example        Places           cannot be read by its address
# Lesesaal       -         -      -         lib@contoso.example        Places           configured: library
# 会議室            -         -      -         3@contoso.example          Places           new: 3
# Boardroom      HQ        3      16        boardroom@contoso.example  Places           configured: board
# Grüner "Saal"  HQ        EG     8         gruen@contoso.example      Places           new: gruener-saal
# Küche          -         -      -         kitchen@contoso.example    shared calendar  new: kueche
# Visits         -         -      -         reception@contoso.example  shared calendar  configured: visits
# Mine           -         -      -         rooms@contoso.example      own calendar     new: mine
# Rooms          -         -      -         rooms@contoso.example      own calendar     configured: library

# Found with account annex:
#
# NAME            BUILDING  FLOOR  CAPACITY  ADDRESS                FOUND IN  ROOM
# Annex[2J Annex  -         -      -         annex@contoso.example  Places    new: annex-2j-annex
# Grüner "Saal"   -         -      -         gruen@contoso.example  Places    configured: gruener-saal

[[room]]
id = "board-2"
name = "Board"
account = "rooms"
mailbox = "shared@contoso.example"

[[room]]
id = "3"
name = "会議室"
account = "rooms"
mailbox = "3@contoso.example"

[[room]]
id = "gruener-saal"
name = "Grüner \"Saal\""
account = "rooms"
mailbox = "gruen@contoso.example"
building = "HQ"
floor = "EG"
capacity = 8

# A calendar shared with the account.
[[room]]
id = "kueche"
name = "Küche"
account = "rooms"
calendar = "c-2"

# A calendar of the account itself. Leave it out if it is no room's; if it is several rooms', give each a match.
[[room]]
id = "mine"
name = "Mine"
account = "rooms"
calendar = "Mine"

[[room]]
id = "annex-2j-annex"
name = "Annex[2J Annex"
account = "annex"
mailbox = "annex@contoso.example"

`
	if err != nil || errOut != "" || out != want {
		t.Errorf("%v, %q\ngot:\n%s\nwant:\n%s", err, errOut, out, want)
	}
	if got := len(parsed(t, discoverText+out).Rooms); got != 3+6 {
		t.Errorf("with what it printed there are %d rooms, want 9", got)
	}
}

// What is printed loads, whatever strangers wrote into their rooms' names, and
// holds nothing a terminal acts on.
func TestDiscoverLoadsWhateverTheNames(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	letters := []rune("ab9-@.\"'\\#=[]\n\r\t \x00\x1b\x7f\u0085\u009b\u202e\u2028\u200d\ufeffäß漢\U0001F600\ufffd")
	text := func() string {
		if rng.IntN(2) == 0 {
			return fmt.Sprintf("Room %d", rng.IntN(300))
		}
		b := make([]rune, rng.IntN(60))
		for i := range b {
			b[i] = letters[rng.IntN(len(letters))]
		}
		return string(b) + []string{"", "", "", "\xff\xc3"}[rng.IntN(4)]
	}
	address := func() string {
		if rng.IntN(2) == 0 {
			return fmt.Sprintf("room-%d@contoso.example", rng.IntN(1e6))
		}
		return text() + "@contoso.example"
	}
	for _, read := range []string{"", "free-busy"} {
		s := sighting{}
		for range 200 {
			s.Places = append(s.Places, graph.Place{Address: address(), Name: text(), Building: text(), Floor: text(), Capacity: rng.IntN(3e5) - 1e5})
			s.Calendars = append(s.Calendars, graph.CalendarEntry{ID: text(), Name: text(), OwnerName: text(), OwnerAddress: address(), Own: rng.IntN(2) == 0})
		}
		base := strings.Replace(discoverText[:strings.Index(discoverText, "[[room]]")], `name = "rooms"`, "name = \"rooms\"\nread = \""+read+`"`, 1)
		out, _, err := discovering(parsed(t, base), map[string]sighting{"rooms": s, "annex": s})
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); n >= 0 {
			t.Errorf("a terminal is sent %q", out[n:min(len(out), n+20)])
		}
		if n := len(parsed(t, base+out).Rooms); n < 200 {
			t.Errorf("read %q: only %d of 400 are offered", read, n)
		}
	}
}

func TestDiscoverFindsNothing(t *testing.T) {
	none := finding{Subject: "account rooms places", Level: bad, Person: true, Words: "the customer's directory has no rooms"}
	for name, c := range map[string]struct {
		sees map[string]sighting
		code int
	}{
		"nobody has signed in":    {nil, exitPerson},
		"an empty directory":      {map[string]sighting{"rooms": {Notes: []finding{none}}}, exitPerson},
		"a service that is down":  {map[string]sighting{"rooms": {Notes: []finding{{Subject: "account rooms places", Level: bad, Words: "HTTP 503"}}}, "annex": {}}, exitFailed},
		"one account sees a room": {map[string]sighting{"rooms": {Places: []graph.Place{{Address: "a@contoso.example"}}}}, exitOK},
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

func TestRoomID(t *testing.T) {
	for _, c := range []struct{ name, address, taken, want string }{
		{"Boardroom", "br@contoso.example", "", "boardroom"},
		{"Boardroom", "br@contoso.example", "boardroom", "boardroom-2"},
		{"Boardroom", "br@contoso.example", "boardroom boardroom-2", "boardroom-3"},
		{"Großer Saal (EG)", "", "", "grosser-saal-eg"},
		{"Salle d’été Nº 3", "", "", "salle-dete-n-3"},
		{"CAFÉ", "", "", "cafe"},
		{"Cafe\u0301", "", "", "cafe"},
		{"Łódź / Århus", "", "", "lodz-arhus"},
		{"会議室", "Kaigi.3@contoso.example", "", "kaigi-3"},
		{"", "", "", "room"},
		{"", "", "room", "room-2"},
		{"--", "--@contoso.example", "", "room"},
		{"a room with a name of more than forty letters", "", "", "a-room-with-a-name-of-more-than-forty-le"},
		{"a room with a name of more than 40 letters", "", "a-room-with-a-name-of-more-than-40-lette", "a-room-with-a-name-of-more-than-40-let-2"},
		{"a room with a name of just more than a 40 letters", "", "", "a-room-with-a-name-of-just-more-than-a-4"},
		{"a room with a name of over thirty-nine  x", "", "", "a-room-with-a-name-of-over-thirty-nine-x"},
	} {
		got := roomID(c.name, c.address, func(id string) bool { return strings.Contains(" "+c.taken+" ", " "+id+" ") })
		if got != c.want {
			t.Errorf("%q at %q with %q taken: %q, want %q", c.name, c.address, c.taken, got, c.want)
		}
	}
}

// constantToken is the access token of a sign-in that stands.
type constantToken string

func (c constantToken) Token(context.Context) (string, error) { return string(c), nil }
func (constantToken) Rejected(string)                         {}

// looking is a gateway with one account, at a simulator.
func looking(t *testing.T, sim *graphsim.Sim, tokens graphsim.Tokens, err error) *gateway {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	client, err := graph.NewClient(graph.Options{BaseURL: "https://graph.test", Tokens: constantToken(tokens.Access), HTTP: &http.Client{Transport: sim.Transport()},
		UserAgent: "roomgate", Clock: driver.WallClock{}, Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return &gateway{clients: map[string]*graph.Client{"rooms": client}}
}

// Without the permission it is said, in words that fit the account, how to get it.
func TestLookWithoutPermission(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	sim.AddRoom(graphsim.Room{Address: "boardroom@contoso.example", Name: "Boardroom", Building: "HQ"})
	shared, err := sim.ShareCalendar(graphsim.ServiceAccount, "boardroom@contoso.example", "Board (shared)")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "Calendars.Read")
	s, err := looking(t, sim, tokens, err).look(t.Context(), config.Account{Name: "rooms", Settings: &config.Microsoft{SignIn: "code"}})
	if err != nil || len(s.Places) != 0 || len(s.Notes) != 1 || !s.Notes[0].Person {
		t.Fatalf("%+v, %v, want one note for a person", s, err)
	}
	for _, words := range []string{`add "Place.Read.All" to scopes`, "administrator", "consent", "roomgate login rooms"} {
		if !strings.Contains(s.Notes[0].Action, words) {
			t.Errorf("to do %q, want %q in it", s.Notes[0].Action, words)
		}
	}
	if len(s.Calendars) != 2 || !s.Calendars[0].Own && !s.Calendars[1].Own {
		t.Errorf("calendars %+v, want the account's own and the shared one", s.Calendars)
	}
	out, _, err := discovering(&config.Config{Accounts: []config.Account{{Name: "rooms", Settings: &config.Microsoft{}}}}, map[string]sighting{"rooms": s})
	if want := "[[room]]\nid = \"board-shared\"\nname = \"Board (shared)\"\ncalendar = \"Board (shared)\"\n"; err != nil || !strings.Contains(out, want) {
		t.Errorf("%v, in\n%s\nthere is no\n%s", err, out, want)
	}
	if strings.Contains(out, shared) {
		t.Errorf("the id of a calendar whose name is unique is printed:\n%s", out)
	}

	sim.ChangeApp(id, func(a *graphsim.App) { a.AppRoles = []string{"Calendars.Read"} })
	tokens, err = sim.AppToken(id)
	s, err = looking(t, sim, tokens, err).look(t.Context(), config.Account{Name: "rooms", Settings: &config.Microsoft{SignIn: "app"}})
	if err != nil || len(s.Notes) != 2 || verdict(s.Notes) == nil || exitCode(verdict(s.Notes)) != exitPerson {
		t.Fatalf("%+v, %v, want a note on the permission and one on calendars", s, err)
	}
	if !strings.Contains(s.Notes[0].Action, "Application permissions > Place.Read.All, then Grant admin consent") || strings.Contains(s.Notes[0].Action, "login") {
		t.Errorf("to do %q", s.Notes[0].Action)
	}
	for _, r := range sim.Requests() {
		if strings.Contains(r.Path, "/me/calendars") && r.Status == http.StatusBadRequest {
			t.Errorf("the app asked for calendars of its own")
		}
	}
}

func TestLookAtAnEmptyDirectory(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.AppToken(id)
	s, err := looking(t, sim, tokens, err).look(t.Context(), config.Account{Name: "rooms", Settings: &config.Microsoft{SignIn: "app"}})
	if err != nil || exitCode(verdict(s.Notes)) != exitPerson || !strings.Contains(s.Notes[0].Words, "has no rooms") {
		t.Errorf("%+v, %v, want a note that there are no rooms", s, err)
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
		gateway := &changing{}
		gateway.doc.Store(docs[0])
		w.gateway = &gatewayClient{http: &http.Client{Transport: gateway}, running: true}
		w.clock, w.zone, w.out, w.errOut = driver.WallClock{}, time.UTC, &stdout, &stderr
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.run(ctx) }()
		time.Sleep(watchEvery / 2) // changes come between two looks
		for _, doc := range docs {
			gateway.doc.Store(doc)
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
		var all struct{ Rooms []roomView }
		if err := json.Unmarshal([]byte(line), &all); err != nil || len(all.Rooms) != 1 {
			t.Fatalf("%v: a line is %q", err, line)
		}
		subjects = append(subjects, *all.Rooms[0].Points.Subject)
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
