package driver

import (
	"fmt"
	"slices"
	"testing"
)

func TestUnmatched(t *testing.T) {
	boardroom, library := Room{ID: "boardroom", Match: []string{"Board Room"}}, Room{ID: "library", Match: []string{"Library", "library@contoso.example"}}
	rooms := []Room{boardroom, library}
	in := func(place string) Event { return Event{Places: []Place{{Name: place}}} }
	var many []Event
	for i := range 20 {
		many = append(many, in(fmt.Sprintf("Desk %02d", i)))
	}
	for name, c := range map[string]struct {
		room   Room
		events []Event
		never  bool
		names  []string
	}{
		"misspelt": {boardroom, []Event{in("Boardroom "), in("Library"), {}, in("Boardroom"), {Attendees: []Attendee{{Name: "HQ", Address: "hq@contoso.example", Resource: true}, {Name: "Priya Rao"}}}},
			true, []string{"Boardroom", "Library", "hq@contoso.example"}},
		"right":                     {boardroom, []Event{in("Elsewhere"), in("board room")}, false, nil},
		"declined by the room":      {library, []Event{{Attendees: []Attendee{{Address: "library@contoso.example", Resource: true, Declined: true}}}}, false, nil},
		"an empty calendar":         {boardroom, nil, false, nil},
		"events without a place":    {boardroom, []Event{{}, {}}, true, nil},
		"many names":                {boardroom, many, true, []string{"Desk 00", "Desk 01", "Desk 02", "Desk 03", "Desk 04", "Desk 05", "Desk 06", "Desk 07"}},
		"a mailbox of its own":      {Room{Mailbox: "a@contoso.example", Match: []string{"x"}}, many, false, nil},
		"a calendar of its own":     {Room{Calendar: "Boardroom"}, many, false, nil},
		"with a private free event": {boardroom, []Event{{ShowAs: Free, Private: true, Places: []Place{{Name: "Home"}}}}, true, []string{"Home"}},
	} {
		names, never := c.room.Unmatched(c.events, rooms)
		if never != c.never || !slices.Equal(names, c.names) {
			t.Errorf("%s: %q, %v, want %q, %v", name, names, never, c.names, c.never)
		}
	}
}
