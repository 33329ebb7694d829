package graph

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"roomgate/graph/graphsim"
)

// byPath answers every request with the body kept for its path and query, and
// with Graph's error for a place that is not there.
func byPath(bodies map[string]string) *service {
	return &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
		if body, ok := bodies[r.URL.RequestURI()]; ok {
			return reply(200, body)
		}
		return reply(404, `{"error":{"code":"ResourceNotFound","message":"Resource could not be discovered: `+r.URL.RequestURI()+`"}}`)
	}}
}

func TestPlaces(t *testing.T) {
	const (
		lists = "/v1.0/places/microsoft.graph.roomlist?%24top=100"
		north = "/v1.0/places/north@contoso.example/microsoft.graph.roomlist/rooms?%24top=100"
		south = "/v1.0/places/list-2/microsoft.graph.roomlist/rooms?%24top=100"
		rooms = "/v1.0/places/microsoft.graph.room?%24top=100"
	)
	s := byPath(map[string]string{
		lists: `{"value":[],"@odata.nextLink":"https://graph.test/v1.0/more-lists"}`,
		"/v1.0/more-lists": `{"value":[{"id":"list-1","displayName":"North","emailAddress":"north@contoso.example"},
			{"id":"list-2","displayName":"South","emailAddress":null}]}`,
		north: `{"value":[{"emailAddress":"atrium@contoso.example","displayName":"Atrium","building":"HQ","floorNumber":0,"floorLabel":null,"capacity":24},
			{"emailAddress":"both@contoso.example","displayName":"Both","building":"HQ","floorNumber":3,"floorLabel":"Third","capacity":8}]}`,
		south: `{"value":[{"emailAddress":"Both@contoso.example","displayName":"Both"}]}`,
		rooms: `{"value":[{"emailAddress":"both@contoso.example","displayName":"Both"},
			{"emailAddress":null,"displayName":"No mailbox"},
			{"emailAddress":"bare@contoso.example","displayName":null,"building":null,"floorNumber":null,"floorLabel":null,"capacity":null}]}`,
	})
	got, err := clientOn(t, s, oneToken(), io.Discard).Places(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Place{
		{"atrium@contoso.example", "Atrium", "HQ", "0", 24, "North"},
		{"both@contoso.example", "Both", "HQ", "Third", 8, "North, South"},
		{"bare@contoso.example", "", "", "", 0, ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Places often leaves the next link out: what follows a full page is asked for.
func TestPlacesWithoutNextLinks(t *testing.T) {
	page := func(from, to int) string {
		var rows []string
		for i := from; i < to; i++ {
			rows = append(rows, fmt.Sprintf(`{"emailAddress":"room-%d@contoso.example"}`, i))
		}
		return `{"value":[` + strings.Join(rows, ",") + `]}`
	}
	s := byPath(map[string]string{
		"/v1.0/places/microsoft.graph.roomlist?%24top=100":         `{"value":[]}`,
		"/v1.0/places/microsoft.graph.room?%24top=100":             page(0, 100),
		"/v1.0/places/microsoft.graph.room?%24skip=100&%24top=100": page(100, 200),
		"/v1.0/places/microsoft.graph.room?%24skip=200&%24top=100": page(200, 201),
	})
	got, err := clientOn(t, s, oneToken(), io.Discard).Places(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 201 || got[200].Address != "room-200@contoso.example" {
		t.Errorf("got %d rooms, want the 201 of three pages", len(got))
	}
	if len(s.got) != 4 {
		t.Errorf("it took %d requests, want one for the lists and three for the rooms", len(s.got))
	}
}

func TestPlacesThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		words  string
	}{
		"no permission": {403, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`,
			"reading the room lists: HTTP 403 Authorization_RequestDenied: Insufficient privileges to complete the operation"},
		"never ending": {200, `{"value":[],"@odata.nextLink":"https://graph.test/v1.0/again"}`, "reading the room lists: HTTP 200: the list does not end (500 pages)"},
		"led away":     {200, `{"value":[],"@odata.nextLink":"https://elsewhere.test/v1.0/again"}`, "reading the room lists: HTTP 200: the next link is not on graph.test"},
		"no list":      {200, `{"displayName":"A page of somebody else's"}`, "reading the room lists: HTTP 200: the answer contains no list"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{answer: func(int, *http.Request) (*http.Response, error) { return reply(c.status, c.body) }}
			_, err := clientOn(t, s, oneToken(), io.Discard).Places(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Status != c.status || !strings.HasPrefix(err.Error(), c.words) {
				t.Errorf("got %v, want HTTP %d and %q", err, c.status, c.words)
			}
			for _, r := range s.got {
				if r.URL.Host != "graph.test" {
					t.Errorf("the token went to %s", r.URL.Host)
				}
			}
		})
	}
}

func TestCalendars(t *testing.T) {
	const ask = "/v1.0/me/calendars?%24select=id%2Cname%2CisDefaultCalendar%2Cowner&%24top=100"
	for name, c := range map[string]struct {
		body string
		want []CalendarEntry
	}{
		"own and shared": {`{"value":[
			{"id":"shared","name":"Boardroom","isDefaultCalendar":false,"owner":{"name":"Boardroom","address":"boardroom@contoso.example"}},
			{"id":"own","name":"Kalender","isDefaultCalendar":true,"owner":{"name":"Rooms","address":"rooms@contoso.example"}},
			{"id":"second","name":"Visits","owner":{"name":"Rooms","address":"Rooms@contoso.example"}},
			{"id":"feed","name":"Holidays","owner":null}]}`,
			[]CalendarEntry{
				{"shared", "Boardroom", "Boardroom", "boardroom@contoso.example", false, false},
				{"own", "Kalender", "Rooms", "rooms@contoso.example", true, true},
				{"second", "Visits", "Rooms", "Rooms@contoso.example", true, false},
				{"feed", "Holidays", "", "", true, false},
			}},
		"nothing known": {`{"value":[{"id":"own","name":null,"isDefaultCalendar":true,"owner":{"name":null,"address":null}}]}`,
			[]CalendarEntry{{"own", "", "", "", true, true}}},
		"none": {`{"value":[]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := clientOn(t, byPath(map[string]string{ask: c.body}), oneToken(), io.Discard).Calendars(t.Context())
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestCalendarsOfAnApp(t *testing.T) {
	s := &service{answer: func(int, *http.Request) (*http.Response, error) {
		return reply(400, `{"error":{"code":"BadRequest","message":"/me request is only valid with delegated authentication flow."}}`)
	}}
	if _, err := clientOn(t, s, oneToken(), io.Discard).Calendars(t.Context()); !errors.Is(err, &Error{Code: "BadRequest"}) {
		t.Errorf("got %v, want BadRequest", err)
	}
}

// The simulator throttles, breaks off and shuffles: in the end every room is
// there once.
func TestPlacesOfADishonestService(t *testing.T) {
	for seed := range uint64(10) {
		sim, calendar := newSim(t, graphsim.Options{Seed: seed + 1})
		id, _, _ := graphsim.DefaultClient()
		tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "Place.Read.All", "Calendars.Read")
		if err != nil {
			t.Fatal(err)
		}
		client := calendar.client
		client.o.Tokens = simTokens{tokens.Access}
		for i := range 250 { // of which a is the first
			sim.AddRoom(graphsim.Room{Address: fmt.Sprintf("room-%03d@contoso.example", i), Name: "Room", Building: []string{"", "East", "West"}[i%3]})
		}
		places, err := client.Places(t.Context())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		lists := map[string]int{}
		for _, p := range places {
			lists[p.List]++
		}
		// Of 250 rooms those of remainder 0 (84) and room A are in no list.
		if len(places) != 251 || lists[""] != 85 || lists["East rooms"] != 83 || lists["West rooms"] != 83 {
			t.Errorf("seed %d: got %d rooms in lists %v, want 251: 85 in none, 83 in each of the two", seed, len(places), lists)
		}
		entries, err := client.Calendars(t.Context())
		if err != nil || len(entries) != 1 || !entries[0].Default || entries[0].OwnerAddress != graphsim.ServiceAccount {
			t.Errorf("seed %d: got %+v, %v, want the service account's own calendar", seed, entries, err)
		}
	}
}
