package web

import (
	"maps"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// sheet is the content of the page as one reader has it.
type sheet struct {
	o     *Options
	seq   uint64 // of the board, as far as read
	day   string // the site's date, on which the words of times depend
	rooms []roomView
	index map[string]int // in rooms, by room id
}

func newSheet(o *Options) *sheet {
	s := &sheet{o: o, rooms: make([]roomView, len(o.Rooms)), index: map[string]int{}}
	for i, room := range o.Rooms {
		s.index[room.ID] = i
	}
	return s
}

// shown tells whether a point of a room stands on the page. Ages and counters,
// which change every minute, do not.
func shown(index int) bool {
	switch index {
	case driver.Booked, driver.Comfort, driver.QualityPoint, driver.Availability, driver.Fault, driver.FreeUntil,
		driver.CurrentSubject, driver.CurrentOrganizer, driver.CurrentStart, driver.CurrentEnd,
		driver.NextSubject, driver.NextOrganizer, driver.NextStart, driver.NextEnd:
		return true
	}
	return false
}

// read takes over what is new on the board and returns the rooms, as indexes in
// s.rooms, that are to be shown anew. A new day changes the words of all.
func (s *sheet) read(now time.Time) []int {
	entries, seq := s.o.Board.Since(s.seq)
	changed := map[int]bool{}
	if day := now.In(s.o.Site.Zone).Format(time.DateOnly); day != s.day {
		s.day = day
		for i := range s.rooms {
			changed[i] = true
		}
	}
	for _, e := range entries {
		if i, ok := s.index[e.Subject.ID]; ok && e.Subject.Scope == driver.OfRoom && shown(e.Index) {
			changed[i] = true
		}
	}
	s.seq = seq
	for i := range changed {
		room := s.o.Rooms[i]
		s.rooms[i] = viewRoom(room, s.o.points(driver.OfRoom, room.ID), now, s.o.Site.Zone)
	}
	return slices.Sorted(maps.Keys(changed))
}

// points returns the values of a subject, in the order of its catalogue; they
// are unknown where nothing was published.
func (o *Options) points(scope driver.Scope, id string) []driver.Value {
	values := make([]driver.Value, len(driver.Catalogue(scope)))
	for i, e := range o.Board.Subject(driver.Subject{Scope: scope, ID: id}) {
		values[i] = e.Value
	}
	return values
}

// stuck returns the names of the parts whose loops have stopped, sorted.
func (o *Options) stuck() []string {
	return slices.Sorted(slices.Values(o.Board.Stuck(o.Now(), o.StuckAfter)))
}

// group is the rooms of one floor.
type group struct {
	Place string
	Rooms []roomView
}

// groups gathers the rooms by building and floor, in the order in which these
// first come.
func (s *sheet) groups() []group {
	var out []group
	index := map[string]int{}
	for i, room := range s.o.Rooms {
		place := placeOf(room)
		g, ok := index[place]
		if !ok {
			g = len(out)
			index[place] = g
			out = append(out, group{Place: place})
		}
		out[g].Rooms = append(out[g].Rooms, s.rooms[i])
	}
	return out
}

// placeOf names a room's building and floor as far as they are configured.
func placeOf(room driver.Room) string {
	var words []string
	if room.Building != "" {
		words = append(words, room.Building)
	}
	if room.Floor != "" {
		words = append(words, "floor "+room.Floor)
	}
	if len(words) == 0 {
		return "Rooms"
	}
	return strings.Join(words, ", ")
}

// overview is the line that sums up the page.
type overview struct {
	Rooms, Free, Booked, Unknown int
	Now                          *moment
	Zone                         string
}

func (s *sheet) overview(now time.Time) overview {
	minute := now.Truncate(time.Minute) // what is shown changes no more often
	v := overview{Rooms: len(s.rooms), Now: momentOf(minute, now, s.o.Site.Zone), Zone: s.o.Site.Zone.String()}
	for _, r := range s.rooms {
		switch r.State {
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
func (s *sheet) items(now time.Time) []item {
	var out []item
	for _, subject := range s.o.Board.Subjects(driver.OfAccount) {
		out = append(out, viewAccount(subject.ID, s.o.points(driver.OfAccount, subject.ID)))
	}
	health := s.o.Board.Health()
	stuck := s.o.stuck()
	for _, part := range slices.Sorted(maps.Keys(health)) {
		out = append(out, viewPart(part, health[part], slices.Contains(stuck, part), now, s.o.Site.Zone))
	}
	return out
}

// ailing returns the items that are not well.
func ailing(items []item) []item {
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.OK })
}
