package graphsim

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestTextIsEscaped(t *testing.T) {
	for _, s := range []string{"", "plain", `"quoted"`, `back\slash`, "line\nbreak\ttab", "Zürich 会議", "<b>&amp;</b>", "\x00\x1f\x7f", "bad\xffutf8", "\u2028"} {
		var w jsonWriter
		w.text(s)
		var got string
		if err := json.Unmarshal(w.b, &got); err != nil {
			t.Errorf("%q: %v in %s", s, err, w.b)
			continue
		}
		if want := string([]rune(s)); got != want { // what is no UTF-8 becomes U+FFFD
			t.Errorf("%q reads back as %q", s, got)
		}
	}
}

func TestRowsWithSpecialCharacters(t *testing.T) {
	b := newBench(t).signedIn()
	const awkward = "\"Q1\" \\ Zürich\n会議 </html>"
	b.add(boardroom, Event{Subject: awkward, Body: awkward, Location: awkward, JoinURL: awkward, Categories: []string{awkward, "b"}, Organizer: Person{awkward, "x@y.example"},
		Attendees: []Attendee{{Person{awkward, "a@b.example"}, "optional", "declined"}}, Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	row := b.get("/users/" + boardroom + "/events").rows()[0]
	name := row["organizer"].(map[string]any)["emailAddress"].(map[string]any)["name"]
	attendee := row["attendees"].([]any)[0].(map[string]any)
	if row["subject"] != awkward || row["location"].(map[string]any)["displayName"] != awkward || name != awkward ||
		fmt.Sprint(row["categories"]) != fmt.Sprint([]string{awkward, "b"}) || attendee["type"] != "optional" ||
		attendee["emailAddress"].(map[string]any)["name"] != awkward || attendee["status"].(map[string]any)["response"] != "declined" {
		t.Errorf("row %v", row)
	}
}
