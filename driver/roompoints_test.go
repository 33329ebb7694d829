package driver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A row in the catalogue is all that a point needs beside the fact it shows.
func TestRowAddsAPoint(t *testing.T) {
	guests := roomRow{
		Point:   Point{Name: "guests", Kind: Int, Unit: "d", Description: "people invited", Tags: []string{"point", "guest"}, Brick: "Point"},
		stable:  func(f *StableFacts) Value { return f.Current.attendees() },
		because: func(n *narrator) string { return fmt.Sprint("booked: ", n.facts.Booked) }, calendar: true,
	}
	countdown := roomRow{
		Point:    Point{Name: "countdown", Kind: Int, Description: "minutes left"},
		timed:    func(f *Facts) Value { return IntValue(-f.MinutesRemaining) },
		calendar: true,
	}
	rows := slices.Concat(roomRows[:OfRoom.Index(QualityPoint)], roomCatalogue{guests, countdown}, roomRows[OfRoom.Index(QualityPoint):])
	at930 := at("09:30")
	meeting := booked("09:00-10:00")
	meeting.Attendees = 5
	room := plain(t)
	timeline := NewTimeline(room, readAt(at("09:29"), room.Zone, meeting))
	facts, _ := fresh(timeline, at930)

	values := make([]Value, len(rows))
	rows.fill(&facts, values)
	for i, p := range pointsOf(rows) {
		want := Value{}
		switch {
		case p.Name == "guests":
			want = IntValue(5)
		case p.Name == "countdown":
			want = IntValue(-30)
		case p.Kind != JSON:
			want = filled(room, timeline.Snapshot(), "09:30")[OfRoom.Index(p.Name)]
		}
		if values[i] != want {
			t.Errorf("%s is %+v, want %+v", p.Name, values[i], want)
		}
	}

	state := rows.state(&facts.StableFacts, at930).Text()
	without := facts.State(at930).Text()
	if got := strings.Replace(state, `"guests":5,`, "", 1); got != without || got == state {
		t.Errorf("state is\n%s\nand without the row\n%s", state, without)
	}

	meta, without := rows.meta(room).Text(), room.Meta().Text()
	const guestsMeta = `{"name":"guests","type":"int","unit":"d","tags":["point","guest"],"brick":"Point"},{"name":"countdown","type":"int"},`
	if got := strings.Replace(meta, guestsMeta, "", 1); got != without || got == meta {
		t.Errorf("meta is\n%s\nand without the rows\n%s", meta, without)
	}

	whys := rows.explain(timeline, Past{}, at930)
	i := slices.IndexFunc(whys, func(w Why) bool { return w.Point == "guests" })
	if i < 0 {
		t.Fatal("the point is not explained")
	}
	if w := whys[i]; w.Value != IntValue(5) || w.Because != "booked: true" || w.Reason != "booked: false" || !w.Until.Equal(at("10:00")) {
		t.Errorf("explained as %+v", w)
	}
	if got := slices.Delete(whys, i, i+1); !slices.Equal(got, timeline.Why(Past{}, at930)) {
		t.Errorf("the others are explained as %+v", got)
	}

	unread, _ := fresh(NewTimeline(room, Snapshot{}), at930)
	if state := rows.state(&unread.StableFacts, at930).Text(); !strings.Contains(state, `"guests":null,`) {
		t.Errorf("where the calendar is not known, state is %s", state)
	}
}

// The order of the members is part of the contract, as people read them.
func TestStateOrder(t *testing.T) {
	want := strings.Fields(`timestamp quality availability fault booked comfort occupied mode next_mode next_mode_at current next free_until
		no_show walk_in sensor bookings_today booked_minutes_today utilisation_today no_shows_today walk_ins_today early_leaves_today overruns_today`)
	room := plain(t)
	for _, snap := range []Snapshot{{}, readAt(at("09:25"), room.Zone)} {
		f, _ := fresh(NewTimeline(room, snap), at("09:30"))
		d := json.NewDecoder(strings.NewReader(f.State(at("09:00")).Text()))
		var got []string
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				t.Fatal(err)
			}
			got = append(got, name.(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("state has %q\nwant %q", got, want)
		}
	}
}

// Every point but the documents has one value, and a document has none.
func TestRows(t *testing.T) {
	for _, r := range roomRows {
		values := 0
		if r.stable != nil {
			values++
		}
		if r.timed != nil {
			values++
		}
		if document := r.Kind == JSON; document != (values == 0) || values > 1 {
			t.Errorf("%s has %d values", r.Name, values)
		}
		if r.timed != nil && (r.because != nil || r.notInState) {
			t.Errorf("%s changes by the minute: it can be neither explained nor kept out of state", r.Name)
		}
	}
}

// Filling the points of a room allocates nothing.
func TestFillAllocatesNothing(t *testing.T) {
	room := plain(t)
	facts, _ := fresh(NewTimeline(room, readAt(at("09:25"), room.Zone, bookings("09:00-10:00", "11:00-12:00")...)), at("09:30"))
	values := make([]Value, len(roomPoints))
	if n := testing.AllocsPerRun(100, func() { facts.Fill(values) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is written by hand is what encoding/json would write.
func TestObject(t *testing.T) {
	for _, text := range []string{"plain", `a "quote"`, `back\slash`, "<b>&amp;", "tab\t", "\x7f\x00", "Grüße", "\u2028", "bad \xff", "emoji 🚪"} {
		want, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		if got := newObject(0).add(text, EnumValue(text)).value(); got != JSONValue(string(want)) {
			t.Errorf("%q: got %s, want %s", text, got.Text(), want)
		}
	}
	got := newObject(0).add("a", Value{}).add("b", NoInt(3)).add("c", IntValue(-3)).add("d", BoolValue(true)).
		add("e", TimeValue(at("09:00").Add(999999999))).add("f", JSONValue(`[1]`)).add("g", TextValue("")).value().Text()
	if want := `{"a":null,"b":null,"c":-3,"d":true,"e":"2026-01-14T09:00:00Z","f":[1],"g":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := newObject(0).value().Text(); got != "{}" {
		t.Errorf("an empty object is %s", got)
	}
}
