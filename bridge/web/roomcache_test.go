package web

import (
	"testing"
	"time"
	"unsafe"

	"github.com/prometheus/common/expfmt"

	"roomgate/driver"
)

// held is what the cache holds of the rooms; two clients that get the same text get the
// same bytes of memory.
func held(t *testing.T, c *roomCache) (texts [][3]*byte) {
	t.Helper()
	c.refresh(noon)
	for i := range c.o.Rooms {
		body, err := c.json(i)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, [3]*byte{unsafe.StringData(c.card(i, noon)), unsafe.StringData(c.news(i, 0, noon)), &body[0]})
	}
	return texts
}

// A room is rendered once after a change, for all clients; the others stay as they are.
func TestRoomIsRenderedOnceForAllClients(t *testing.T) {
	o := options(t)
	publish(o, driver.OfRoom, "boardroom", free())
	c := newRoomCache(&o)
	first := held(t, c)
	if again := held(t, c); again[0] != first[0] || again[1] != first[1] {
		t.Error("a second client has a text of its own")
	}
	publish(o, driver.OfRoom, "boardroom", booked("Budget"))
	changed := held(t, c)
	for i, kind := range []string{"card", "event", "JSON"} {
		if changed[0][i] == first[0][i] {
			t.Errorf("the %s of the room that changed is the old one", kind)
		}
	}
	if changed[1] != first[1] {
		t.Error("the room that has not changed was rendered again")
	}
	p := booked("Budget")
	p[driver.Age] = driver.IntValue(60)
	publish(o, driver.OfRoom, "boardroom", p)
	if aged := held(t, c); aged[0][0] != changed[0][0] || aged[0][1] != changed[0][1] || aged[0][2] == changed[0][2] {
		t.Error("an age is in the JSON alone: that is to be rendered again, and the card is not")
	}
	c.refresh(noon.Add(24 * time.Hour))
	if tomorrow := unsafe.StringData(c.card(0, noon.Add(24*time.Hour))); tomorrow == changed[0][0] {
		t.Error("the words of times are those of the day before")
	}
}

// A metric of the rooms is gathered once for a state of the board, for all clients.
func TestRoomMetricsAreGatheredOnceForAllClients(t *testing.T) {
	o := options(t)
	publish(o, driver.OfRoom, "boardroom", free())
	s := &server{Options: o, State: NewState()}
	booked := s.metricFamilies()[1]
	text := func() *byte {
		text, err := booked.render(o.Board, expfmt.NewFormat(expfmt.TypeTextPlain))
		if err != nil {
			t.Fatal(err)
		}
		return &text[0]
	}
	first := text()
	if text() != first {
		t.Error("a second client has a text of its own")
	}
	publish(o, driver.OfRoom, "boardroom", with(points{driver.Booked: driver.BoolValue(true)}))
	if text() == first {
		t.Error("after a change the text is the old one")
	}
}
