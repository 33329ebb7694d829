package web

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

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

// group is the rooms of one floor, by their indexes.
type group struct {
	Place string
	Rooms []int
}

// groups groups rooms by building and floor, in the order of their first rooms.
func groups(rooms []driver.Room) []group {
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
		out[g].Rooms = append(out[g].Rooms, i)
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

// emptyOverview is the line before a room is counted.
func emptyOverview(rooms int, now time.Time, zone *time.Location) overview {
	minute := now.Truncate(time.Minute) // the line changes no more often than that
	return overview{Rooms: rooms, Now: momentOf(minute, now, zone), Zone: zone.String()}
}

// count counts a room by its state.
func (v *overview) count(state string) {
	switch state {
	case "free":
		v.Free++
	case "booked":
		v.Booked++
	default:
		v.Unknown++
	}
}

// items returns the accounts, as the board has them, and the parts of the
// gateway by name.
func (o *Options) items(now time.Time) []item {
	var out []item
	accounts := map[string]*Account{}
	for _, a := range o.accounts() {
		accounts[a.Name] = &a
	}
	for _, subject := range o.Board.Subjects(driver.OfAccount) {
		out = append(out, viewAccount(subject.ID, o.Program, o.points(driver.OfAccount, subject.ID), accounts[subject.ID], now, o.Site.Zone))
	}
	health := o.Board.Health()
	stuck := o.stuck()
	for _, part := range slices.Sorted(maps.Keys(health)) {
		out = append(out, viewPart(part, health[part], slices.Contains(stuck, part), now, o.Site.Zone))
	}
	return out
}

// problems returns the items that are not OK.
func problems(items []item) []item {
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.OK })
}
