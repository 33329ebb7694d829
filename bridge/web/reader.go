package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// reader is one open page, with what it has shown. It keeps little state, because
// there may be many readers and a thousand rooms.
type reader struct {
	o      *Options
	seq    uint64         // of the board, as far as read
	day    string         // the site's date, on which the words of times depend
	states []string       // of the rooms, in the order of o.Rooms
	index  map[string]int // in o.Rooms, by room id
}

func newReader(o *Options) *reader {
	r := &reader{o: o, states: make([]string, len(o.Rooms)), index: make(map[string]int, len(o.Rooms))}
	for i, room := range o.Rooms {
		r.index[room.ID] = i
	}
	return r
}

// shown reports whether a point of a room is on the page. Ages and counters, which
// change every minute, are not.
func shown(point string) bool {
	switch point {
	case driver.Booked, driver.Comfort, driver.Occupied, driver.ModePoint, driver.NoShow, driver.WalkIn, driver.SensorPoint, driver.QualityPoint, driver.Availability, driver.Fault, driver.FreeUntil,
		driver.CurrentSubject, driver.CurrentOrganizer, driver.CurrentStart, driver.CurrentEnd,
		driver.NextSubject, driver.NextOrganizer, driver.NextStart, driver.NextEnd:
		return true
	}
	return false
}

// rooms reads what is new on the board and returns the rooms that have changed, in
// the order of the page: all of them at first, and on every new day, which changes
// the words of times.
func (r *reader) rooms(now time.Time) []roomView {
	entries, seq := r.o.Board.Since(r.seq)
	r.seq = seq
	changed := make([]bool, len(r.o.Rooms))
	for _, e := range entries {
		if i, ok := r.index[e.Subject.ID]; ok && e.Subject.Scope == driver.OfRoom && shown(e.Point().Name) {
			changed[i] = true
		}
	}
	day := now.In(r.o.Site.Zone).Format(time.DateOnly)
	newDay := day != r.day
	r.day = day
	var out []roomView
	for i, room := range r.o.Rooms {
		if changed[i] || newDay {
			v := viewRoom(room, r.o.points(driver.OfRoom, room.ID), now, r.o.Site.Zone)
			v.Readable = r.o.Read != nil
			r.states[i] = v.State
			out = append(out, v)
		}
	}
	return out
}

// points returns the values of a subject; they are unknown where nothing was
// published.
func (o *Options) points(scope driver.Scope, id string) pointValues {
	values := make([]driver.Value, len(driver.Catalogue(scope)))
	for i, e := range o.Board.Subject(driver.Subject{Scope: scope, ID: id}) {
		values[i] = e.Value
	}
	return pointValues{scope, values}
}

// stuck returns the names of the parts whose loops have stopped, sorted.
func (o *Options) stuck() []string {
	return slices.Sorted(slices.Values(o.Board.Stuck(o.StuckAfter)))
}

// group is the rooms of one floor.
type group struct {
	Place string
	Rooms []roomView
}

// groups groups rooms by building and floor, in the order of their first rooms.
// views are those of all rooms.
func groups(rooms []driver.Room, views []roomView) []group {
	var out []group
	index := map[string]int{}
	for i, room := range rooms {
		place := cmp.Or(placeOf(room), "Rooms")
		g, ok := index[place]
		if !ok {
			g = len(out)
			index[place] = g
			out = append(out, group{Place: place})
		}
		out[g].Rooms = append(out[g].Rooms, views[i])
	}
	return out
}

// placeOf names the building and the floor of a room as far as they are configured; empty: neither is.
func placeOf(room driver.Room) string {
	var words []string
	if room.Building != "" {
		words = append(words, room.Building)
	}
	if room.Floor != "" {
		words = append(words, "floor "+room.Floor)
	}
	return strings.Join(words, ", ")
}

// overview is the line that sums up the page.
type overview struct {
	Rooms, Free, Booked, Unknown int
	Now                          *moment
	Zone                         string
}

func (r *reader) overview(now time.Time) overview {
	minute := now.Truncate(time.Minute) // the line changes no more often than that
	v := overview{Rooms: len(r.states), Now: momentOf(minute, now, r.o.Site.Zone), Zone: r.o.Site.Zone.String()}
	for _, state := range r.states {
		switch state {
		case "free":
			v.Free++
		case "booked":
			v.Booked++
		default:
			v.Unknown++
		}
	}
	return v
}

// items returns the accounts, as the board has them, and the parts of the
// gateway by name.
func (r *reader) items(now time.Time) []item {
	var out []item
	accounts := map[string]*Account{}
	for _, a := range r.o.accounts() {
		accounts[a.Name] = &a
	}
	for _, subject := range r.o.Board.Subjects(driver.OfAccount) {
		out = append(out, viewAccount(subject.ID, r.o.Program, r.o.points(driver.OfAccount, subject.ID), accounts[subject.ID], now, r.o.Site.Zone))
	}
	health := r.o.Board.Health()
	stuck := r.o.stuck()
	for _, part := range slices.Sorted(maps.Keys(health)) {
		out = append(out, viewPart(part, health[part], slices.Contains(stuck, part), now, r.o.Site.Zone))
	}
	return out
}

// problems returns the items that are not OK.
func problems(items []item) []item {
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.OK })
}
