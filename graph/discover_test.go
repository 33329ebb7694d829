package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// A calendar whose owner is a place is that place. The surest rooms come first.
func TestFoundRooms(t *testing.T) {
	places := []Place{
		{Address: "gruen@contoso.example", Name: "Grüner Saal", Building: "HQ", Floor: "EG", Capacity: 8, List: "Säle"},
		{Address: "shared@contoso.example", Name: "Board"},
	}
	calendars := []CalendarEntry{
		{ID: "c-0", Name: "Kalender", OwnerName: "Rooms", OwnerAddress: "rooms@contoso.example", Own: true, Default: true},
		{ID: "c-1", Name: "Visits", OwnerName: "Reception", OwnerAddress: "reception@contoso.example"},
		{ID: "c-2", Name: "Kalender", OwnerName: "Küche", OwnerAddress: "kitchen@contoso.example"},
		{ID: "c-3", Name: "Mine", OwnerName: "Rooms", OwnerAddress: "rooms@contoso.example", Own: true},
		{ID: "c-4", Name: "Board", OwnerName: "Board", OwnerAddress: "Shared@contoso.example"},
		{ID: "c-5", Name: "two\nlines", OwnerName: "Odd", OwnerAddress: "odd@contoso.example"},
	}
	const own = "A calendar of the account itself. Leave it out if it is not a room's; if it is several rooms', give each a match."
	const shared = "A calendar shared with the account."
	board := driver.FoundRoom{Name: "Board", Address: "shared@contoso.example", Source: "Places", Mailbox: "shared@contoso.example", Directory: true, Calendars: []string{"Board", "c-4"}}
	saal := driver.FoundRoom{Name: "Grüner Saal", Building: "HQ", Floor: "EG", Capacity: 8, RoomList: "Säle", Address: "gruen@contoso.example", Source: "Places", Mailbox: "gruen@contoso.example", Directory: true}
	for name, c := range map[string]struct {
		read Way
		want []driver.FoundRoom
	}{
		"by view": {"", []driver.FoundRoom{board, saal,
			{Name: "Küche", Address: "kitchen@contoso.example", Source: "shared calendar", Remark: shared, Calendar: "c-2", Calendars: []string{"Kalender", "c-2"}},
			{Name: "Visits", Address: "reception@contoso.example", Source: "shared calendar", Remark: shared, Calendar: "Visits", Calendars: []string{"Visits", "c-1"}},
			{Name: "two\nlines", Address: "odd@contoso.example", Source: "shared calendar", Remark: shared, Calendar: "c-5", Calendars: []string{"two\nlines", "c-5"}},
			{Name: "Mine", Address: "rooms@contoso.example", Source: "own calendar", Remark: own, Calendar: "Mine", Calendars: []string{"Mine", "c-3"}},
			{Name: "Rooms", Address: "rooms@contoso.example", Source: "own calendar", Remark: own, Calendar: "c-0", Calendars: []string{"Kalender", "c-0"}, Main: true},
		}},
		"by free/busy, which knows addresses only": {ByFreeBusy, []driver.FoundRoom{board, saal,
			{Name: "Küche", Address: "kitchen@contoso.example", Source: "shared calendar", Remark: shared, Mailbox: "kitchen@contoso.example", Calendars: []string{"Kalender", "c-2"}},
			{Name: "Visits", Address: "reception@contoso.example", Source: "shared calendar", Remark: shared, Mailbox: "reception@contoso.example", Calendars: []string{"Visits", "c-1"}},
			{Name: "two\nlines", Address: "odd@contoso.example", Source: "shared calendar", Remark: shared, Mailbox: "odd@contoso.example", Calendars: []string{"two\nlines", "c-5"}},
			{Name: "Mine", Address: "rooms@contoso.example", Source: "own calendar", Remark: own, Mailbox: "rooms@contoso.example", Calendars: []string{"Mine", "c-3"}},
			{Name: "Rooms", Address: "rooms@contoso.example", Source: "own calendar", Remark: own, Mailbox: "rooms@contoso.example", Calendars: []string{"Kalender", "c-0"}, Main: true},
		}},
	} {
		got := Options{Read: c.read}.foundRooms(places, calendars)
		for i := range max(len(got), len(c.want)) {
			if i >= len(got) || i >= len(c.want) || !reflect.DeepEqual(got[i], c.want[i]) {
				t.Errorf("%s: got\n%+v\nwant\n%+v", name, got, c.want)
				break
			}
		}
	}
}

// Without the permission it is said, in words that fit the account, how to get it.
func TestDiscoverWithoutPermission(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	sim.AddRoom(graphsim.Room{Address: "boardroom@contoso.example", Name: "Boardroom", Building: "HQ"})
	if _, err := sim.ShareCalendar(graphsim.ServiceAccount, "boardroom@contoso.example", "Board (shared)"); err != nil {
		t.Fatal(err)
	}
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "Calendars.Read")
	d, err := providerAt(t, sim, "code", tokens, err).Discover(t.Context())
	if err != nil || len(d.Notes) != 1 || !d.Notes[0].Person || d.Notes[0].Level != driver.LevelBad || d.Notes[0].Subject != "account rooms places" {
		t.Fatalf("%+v, %v, want one note for a person", d, err)
	}
	for _, words := range []string{`add "Place.Read.All" to scopes`, "administrator", "consent", "roomgate login rooms"} {
		if !strings.Contains(d.Notes[0].Action, words) {
			t.Errorf("to do %q, want %q in it", d.Notes[0].Action, words)
		}
	}
	if len(d.Rooms) != 2 || d.Rooms[0].Calendar != "Board (shared)" || d.Rooms[0].Source != "shared calendar" || !d.Rooms[1].Main {
		t.Errorf("rooms %+v, want the shared calendar and the account's own", d.Rooms)
	}

	sim.ChangeApp(id, func(a *graphsim.App) { a.AppRoles = []string{"Calendars.Read"} })
	tokens, err = sim.AppToken(id)
	d, err = providerAt(t, sim, "app", tokens, err).Discover(t.Context())
	if err != nil || len(d.Notes) != 2 || len(d.Rooms) != 0 || d.Notes[1].Level != driver.LevelGood {
		t.Fatalf("%+v, %v, want a note on the permission and one on calendars", d, err)
	}
	if !strings.Contains(d.Notes[0].Action, "Application permissions > Place.Read.All, then Grant admin consent") || strings.Contains(d.Notes[0].Action, "login") {
		t.Errorf("to do %q", d.Notes[0].Action)
	}
	for _, r := range sim.Requests() {
		if strings.Contains(r.Path, "/me/calendars") && r.Status == http.StatusBadRequest {
			t.Errorf("the application asked for calendars of its own")
		}
	}
}

func TestDiscoverInAnEmptyDirectory(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.AppToken(id)
	d, err := providerAt(t, sim, "app", tokens, err).Discover(t.Context())
	if err != nil || len(d.Notes) != 2 || d.Notes[0].Level != driver.LevelBad || !d.Notes[0].Person || !strings.Contains(d.Notes[0].Words, "has no rooms") {
		t.Errorf("%+v, %v, want a note that there are no rooms", d, err)
	}
}

// brokenTokens is a sign-in that does not work.
type brokenTokens struct{ err error }

func (b brokenTokens) Token(context.Context) (string, error) { return "", b.err }
func (brokenTokens) Rejected(string)                         {}

// The error of the sign-in is that of the discovery.
func TestDiscoverWithoutSignIn(t *testing.T) {
	nobody := errors.New("nobody has signed in yet")
	c := clientOn(t, &service{answer: func(int, *http.Request) (*http.Response, error) { return reply(200, "{}") }}, brokenTokens{nobody}, io.Discard)
	p := &Provider{NewCalendar(c, CalendarOptions{}), Options{Account: "rooms", SignIn: "code"}}
	if d, err := p.Discover(t.Context()); !errors.Is(err, nobody) || len(d.Rooms) > 0 {
		t.Errorf("%+v, %v, want the error of the sign-in", d, err)
	}
}

// What Graph refuses is noted, and the rest goes on.
func TestDiscoverNotesRefusals(t *testing.T) {
	s := byPath(map[string]string{"/v1.0/me/calendars?%24select=id%2Cname%2CisDefaultCalendar%2Cowner&%24top=100": `{"value":[]}`})
	p := &Provider{NewCalendar(clientOn(t, s, oneToken(), io.Discard), CalendarOptions{}), Options{Account: "rooms", SignIn: "code"}}
	d, err := p.Discover(t.Context())
	if err != nil || len(d.Notes) != 1 || d.Notes[0].Subject != "account rooms places" || d.Notes[0].Level != driver.LevelBad || !strings.Contains(d.Notes[0].Words, "ResourceNotFound") {
		t.Errorf("%+v, %v, want a note of the refusal", d, err)
	}
}
