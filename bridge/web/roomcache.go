package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"roomgate/driver"
)

// roomCache holds the rooms as the page and the API show them. A room is rendered
// when it is first asked for after a change, once for all clients. Clients take one
// room at a time, when they can receive it, so that a client which does not read
// holds the text of one room and not of all.
type roomCache struct {
	o     *Options
	index map[string]int // in o.Rooms, by room id

	mu      sync.Mutex
	seq     uint64 // of the board, as far as read
	day     string // the site's date, on which the words of times depend
	version uint64 // number of refreshes that found a change on the page
	rooms   []cachedRoom
}

// cachedRoom is a room of o.Rooms.
type cachedRoom struct {
	changed  uint64 // version of the last change on the page
	state    string // as of roomView
	card     string // the element of the page; empty: not rendered since the change
	fragment string // the event with the card; likewise
	body     []byte // in JSON; likewise, since the change of any point
}

func newRoomCache(o *Options) *roomCache {
	c := &roomCache{o: o, rooms: make([]cachedRoom, len(o.Rooms)), index: make(map[string]int, len(o.Rooms))}
	for i, room := range o.Rooms {
		c.index[room.ID] = i
	}
	return c
}

// refresh reads what is new on the board. All rooms change on the page at first, and
// on every new day, which changes the words of times. It returns the version, and the
// line that sums up the page.
func (c *roomCache) refresh(now time.Time) (version uint64, sum overview) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, seq := c.o.Board.Since(c.seq)
	c.seq = seq
	next := c.version + 1
	for _, e := range entries {
		if i, ok := c.index[e.Subject.ID]; ok && e.Subject.Scope == driver.OfRoom {
			c.rooms[i].body = nil
			if shown(e.Point().Name) {
				c.rooms[i].changed = next
			}
		}
	}
	day := now.In(c.o.Site.Zone).Format(time.DateOnly)
	newDay := day != c.day
	c.day = day
	sum = emptyOverview(len(c.rooms), now, c.o.Site.Zone)
	for i := range c.rooms {
		r := &c.rooms[i]
		if newDay {
			r.changed = next
		}
		if r.changed == next {
			c.version = next
			r.card, r.fragment, r.state = "", "", c.view(i, now).State
		}
		sum.count(r.state)
	}
	return c.version, sum
}

// view is the room at index i as shown.
func (c *roomCache) view(i int, now time.Time) roomView {
	room := c.o.Rooms[i]
	v := viewRoom(room, c.o.points(driver.OfRoom, room.ID), now, c.o.Site.Zone)
	v.Readable = c.o.Read != nil
	return v
}

// card is the element of the page for the room at index i.
func (c *roomCache) card(i int, now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cardLocked(i, now)
}

func (c *roomCache) cardLocked(i int, now time.Time) string {
	r := &c.rooms[i]
	if r.card == "" {
		r.card = render(roomCard(c.view(i, now)))
	}
	return r.card
}

// news is the event with the card of the room at index i; empty: it has not changed
// on the page since a version.
func (c *roomCache) news(i int, since uint64, now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.rooms[i]
	if r.changed <= since {
		return ""
	}
	if r.fragment == "" {
		r.fragment = fragment("room-"+c.o.Rooms[i].ID, c.cardLocked(i, now))
	}
	return r.fragment
}

// json is the room at index i as the API shows it.
func (c *roomCache) json(i int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.rooms[i]
	if r.body == nil {
		body, err := json.Marshal(c.o.roomBody(c.o.Rooms[i]))
		if err != nil {
			return nil, fmt.Errorf("encoding room %s: %w", c.o.Rooms[i].ID, err)
		}
		r.body = body
	}
	return r.body, nil
}

// fragment is an event with one element of the page, which replaces the element with
// the same id. The JSON is on one line, as an event requires; the markup in it is
// escaped already, so the encoder does not escape it again.
func fragment(id, html string) string {
	var data strings.Builder
	e := json.NewEncoder(&data)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]string{"id": id, "html": html}) // strings can be encoded, and a Builder takes everything
	return "event: fragment\ndata: " + data.String() + "\n" // Encode has ended the data line
}
