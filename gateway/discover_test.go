package gateway

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"roomgate/config"
	"roomgate/driver"
)

// plainProvider can read calendars, of which there are none, and nothing else.
type plainProvider struct{}

func (plainProvider) Service() string { return "Contoso Calendar" }

func (plainProvider) Fetch(_ context.Context, rooms []driver.Room, _, _ time.Time, r driver.Receiver) driver.Tally {
	for _, room := range rooms {
		r.Deliver(driver.Reading{Room: room.ID})
	}
	return driver.Tally{}
}

// listing is a provider that lists rooms.
type listing struct {
	plainProvider
	seen driver.Discovery
}

func (l listing) Discover(context.Context) (driver.Discovery, error) { return l.seen, nil }

func TestDiscoverNeedsTheAbility(t *testing.T) {
	seen := driver.Discovery{Rooms: []driver.FoundRoom{{Name: "Boardroom"}}}
	if got, err := Discover(t.Context(), "rooms", listing{seen: seen}); err != nil || len(got.Rooms) != 1 {
		t.Errorf("%+v, %v, want one room", got, err)
	}
	got, err := Discover(t.Context(), "rooms", plainProvider{})
	if err != nil || len(got.Rooms) != 0 || len(got.Notes) != 1 || got.Notes[0].Level != driver.LevelWarning ||
		!strings.Contains(got.Notes[0].Words, "Contoso Calendar") {
		t.Errorf("%+v, %v, want a warning that there is no list", got, err)
	}
}

// head configures two accounts, and the rooms of the site beside it.
const head = `
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
`

const configuredRooms = `
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

// configured returns the rooms of a configuration.
func configured(t *testing.T, text string) []driver.Room {
	t.Helper()
	cfg, err := config.Parse("roomgate.toml", []byte(text), config.Env{})
	if err != nil {
		t.Fatalf("%v\nin:\n%s", err, text)
	}
	rooms := make([]driver.Room, len(cfg.Rooms))
	for i, r := range cfg.Rooms {
		rooms[i] = driver.Room{ID: r.ID, Account: r.Account, Mailbox: r.Mailbox, Calendar: r.Calendar, Match: r.Match}
	}
	return rooms
}

// seenByRooms is what the account "rooms" sees.
var seenByRooms = driver.Discovery{Rooms: []driver.FoundRoom{
	{Name: "Board", Address: "shared@contoso.example", Source: "directory", Mailbox: "shared@contoso.example", Directory: true, Calendars: []string{"Board", "c-4"}},
	{Name: "Broken", Address: "a b@contoso.example", Source: "directory", Mailbox: "a b@contoso.example", Directory: true},
	{Name: "Lesesaal", Address: "lib@contoso.example", Source: "directory", Mailbox: "lib@contoso.example", Directory: true},
	{Name: "会議室", Address: "3@contoso.example", Source: "directory", Mailbox: "3@contoso.example", Directory: true},
	{Name: "Boardroom", Building: "HQ", Floor: "3", Capacity: 16, Address: "boardroom@contoso.example", Source: "directory", Mailbox: "boardroom@contoso.example", Directory: true},
	{Name: "Grüner \"Saal\"", Building: "HQ", Floor: "EG", Capacity: 8, RoomList: "Säle", Address: "gruen@contoso.example", Source: "directory", Mailbox: "gruen@contoso.example", Directory: true},
	{Name: "Küche", Address: "kitchen@contoso.example", Source: "shared calendar", Remark: "A calendar shared with the account.", Calendar: "c-2", Calendars: []string{"Kalender", "c-2"}},
	{Name: "Visits", Address: "reception@contoso.example", Source: "shared calendar", Calendar: "Visits", Calendars: []string{"Visits", "c-1"}},
	{Name: "Mine", Address: "rooms@contoso.example", Source: "own calendar", Remark: "A calendar of the account itself.", Calendar: "Mine", Calendars: []string{"Mine", "c-3"}},
	{Name: "Rooms", Address: "rooms@contoso.example", Source: "own calendar", Calendar: "c-0", Calendars: []string{"Kalender", "c-0"}, Main: true},
}}

var seenByAnnex = driver.Discovery{Rooms: []driver.FoundRoom{
	{Name: "Annex\x1b[2J\nAnnex", Address: "annex@contoso.example", Source: "directory", Mailbox: "annex@contoso.example", Directory: true},
	{Name: "Grüner \"Saal\"", Address: "gruen@contoso.example", Source: "directory", Mailbox: "gruen@contoso.example", Directory: true},
}}

const discoveredText = `# Found with account rooms:
#
# NAME           BUILDING  FLOOR  CAPACITY  ADDRESS                    FOUND IN         ROOM
# Board          -         -      -         shared@contoso.example     directory        new: board-2
# Broken         -         -      -         a b@contoso.example        directory        cannot be read by its address
# Lesesaal       -         -      -         lib@contoso.example        directory        configured: library
# 会議室            -         -      -         3@contoso.example          directory        new: 3
# Boardroom      HQ        3      16        boardroom@contoso.example  directory        configured: board
# Grüner "Saal"  HQ        EG     8         gruen@contoso.example      directory        new: gruener-saal
# Küche          -         -      -         kitchen@contoso.example    shared calendar  new: kueche
# Visits         -         -      -         reception@contoso.example  shared calendar  configured: visits
# Mine           -         -      -         rooms@contoso.example      own calendar     new: mine
# Rooms          -         -      -         rooms@contoso.example      own calendar     configured: library

# Found with account annex:
#
# NAME            BUILDING  FLOOR  CAPACITY  ADDRESS                FOUND IN   ROOM
# Annex[2J Annex  -         -      -         annex@contoso.example  directory  new: annex-2j-annex
# Grüner "Saal"   -         -      -         gruen@contoso.example  directory  configured: gruener-saal

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

# A calendar of the account itself.
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

// What is configured already is told from what is new, over all accounts, and
// what is written is configuration.
func TestConfiguredRoomsAreToldFromNewOnes(t *testing.T) {
	rooms := configured(t, head+configuredRooms)
	first, rooms := Compare("rooms", seenByRooms, rooms)
	second, rooms := Compare("annex", seenByAnnex, rooms)
	var out strings.Builder
	if err := WriteDiscovered(&out, []Discovered{first, second}, true); err != nil || out.String() != discoveredText {
		t.Errorf("%v\ngot:\n%s\nwant:\n%s", err, out.String(), discoveredText)
	}
	if got := len(configured(t, head+configuredRooms+out.String())); got != 3+6 || len(rooms) != got {
		t.Errorf("with what was written there are %d rooms, and %d were counted; want 9", got, len(rooms))
	}
}

func TestNothingToAdd(t *testing.T) {
	d, _ := Compare("rooms", driver.Discovery{}, nil)
	var out strings.Builder
	if err := WriteDiscovered(&out, []Discovered{d}, false); err != nil || !strings.HasSuffix(out.String(), "\n\n# There is no room to add.\n") {
		t.Errorf("%v, wrote %q", err, out.String())
	}
}

// One account need not be named in its sections.
func TestSectionOfTheOnlyAccount(t *testing.T) {
	d, _ := Compare("rooms", driver.Discovery{Rooms: []driver.FoundRoom{{Name: "Atrium", Source: "directory", Mailbox: "atrium@contoso.example", Address: "atrium@contoso.example"}}}, nil)
	var out strings.Builder
	if err := WriteDiscovered(&out, []Discovered{d}, false); err != nil ||
		!strings.HasSuffix(out.String(), "\n[[room]]\nid = \"atrium\"\nname = \"Atrium\"\nmailbox = \"atrium@contoso.example\"\n\n") {
		t.Errorf("%v, wrote %q", err, out.String())
	}
}

// What is written loads, whatever strangers called their rooms, and holds
// nothing that a terminal acts on.
func TestDiscoveredLoadsWhateverTheNames(t *testing.T) {
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
	var seen driver.Discovery
	for range 200 {
		mailbox := address()
		calendar := text()
		seen.Rooms = append(seen.Rooms,
			driver.FoundRoom{Name: text(), Building: text(), Floor: text(), RoomList: text(), Capacity: rng.IntN(3e5) - 1e5, Address: mailbox, Source: text(), Mailbox: mailbox, Directory: true},
			driver.FoundRoom{Name: text(), Address: address(), Source: text(), Remark: text(), Calendar: calendar, Calendars: []string{calendar, text()}})
	}
	d, _ := Compare("rooms", seen, nil)
	var out strings.Builder
	if err := WriteDiscovered(&out, []Discovered{d}, true); err != nil {
		t.Fatal(err)
	}
	if n := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); n >= 0 {
		t.Errorf("a terminal is sent %q", out.String()[n:min(out.Len(), n+20)])
	}
	rooms := configured(t, head+out.String())
	if len(rooms) < 150 { // half of the addresses and names are plain
		t.Errorf("only %d of 400 are offered", len(rooms))
	}
	ids := map[string]bool{}
	for _, r := range rooms {
		if ids[r.ID] {
			t.Errorf("the id %s is offered twice", r.ID)
		}
		ids[r.ID] = true
	}
}

// What only serves for the comparison is not shown.
func TestComparedRoomsAreShownWithoutWhatTheyWereComparedBy(t *testing.T) {
	d, _ := Compare("rooms", seenByRooms, nil)
	if slices.ContainsFunc(d.Rooms, func(r DiscoveredRoom) bool { return r.Calendars != nil || r.Main || r.Directory }) {
		t.Errorf("shown: %+v", d.Rooms)
	}
}
