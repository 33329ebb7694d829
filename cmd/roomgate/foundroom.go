package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"roomgate/config"
	"roomgate/graph"
)

// foundRoom is a room, or a calendar that may be one. Its texts are one line
// each, without anything that a terminal could take for a command.
type foundRoom struct {
	Name       string   `json:"name"`
	Building   string   `json:"building,omitempty"`
	Floor      string   `json:"floor,omitempty"`
	Capacity   int      `json:"capacity,omitempty"` // persons; 0: not known
	RoomList   string   `json:"room_list,omitempty"`
	Address    string   `json:"address,omitempty"` // of the mailbox, or of the calendar's owner
	Source     string   `json:"source"`
	Configured []string `json:"configured,omitempty"` // ids of the rooms that are this one already
	New        string   `json:"new,omitempty"`        // id of the section offered; empty: none is
	Mailbox    string   `json:"mailbox,omitempty"`    // of the section
	Calendar   string   `json:"calendar,omitempty"`   // of the section

	calendars []string // names and ids that mean it in the setting calendar
	main      bool     // it is the account's own calendar
}

// Where a room was found.
const (
	inPlaces       = "Places"
	ownCalendar    = "own calendar"
	sharedCalendar = "shared calendar"
)

// roomsOfSighting makes one list of the places and the calendars that an account
// can see. A calendar whose owner is a place is that place.
func roomsOfSighting(s sighting, a config.Account) []foundRoom {
	rooms := []foundRoom{}
	places := map[string]int{} // index in rooms by folded address
	for _, p := range s.Places {
		places[strings.ToLower(p.Address)] = len(rooms)
		rooms = append(rooms, foundRoom{Name: oneLine(p.Name), Building: oneLine(p.Building), Floor: oneLine(p.Floor), Capacity: p.Capacity,
			RoomList: oneLine(p.List), Address: oneLine(p.Address), Source: inPlaces, Mailbox: mailboxOf(p.Address)})
	}
	names := map[string]int{}
	usual := "" // what the account's language calls a calendar
	for _, c := range s.Calendars {
		names[c.Name]++
		if c.Default {
			usual = c.Name
		}
	}
	for _, c := range s.Calendars {
		i, place := places[strings.ToLower(c.OwnerAddress)]
		if !place {
			i = len(rooms)
			rooms = append(rooms, calendarRoom(c, a, names[c.Name] == 1, c.Name == usual))
		}
		rooms[i].calendars = append(rooms[i].calendars, c.Name, c.ID)
		rooms[i].main = rooms[i].main || c.Default
	}
	slices.SortStableFunc(rooms, func(x, y foundRoom) int {
		return cmp.Or(cmp.Compare(x.rank(), y.rank()), cmp.Compare(x.Building, y.Building), cmp.Compare(x.Name, y.Name))
	})
	return rooms
}

// calendarRoom is a calendar as a room. One whose name says no more than that it
// is a calendar has its owner's name; one whose name is not unique is configured
// by its id.
func calendarRoom(c graph.CalendarEntry, a config.Account, unique, usual bool) foundRoom {
	r := foundRoom{Name: oneLine(c.Name), Address: oneLine(c.OwnerAddress), Source: sharedCalendar}
	if c.Own {
		r.Source = ownCalendar
	}
	if usual {
		r.Name = oneLine(c.OwnerName)
	}
	switch {
	case microsoft(a).Read == string(graph.ByFreeBusy): // which knows addresses only
		r.Mailbox = mailboxOf(c.OwnerAddress)
	case unique && oneLine(c.Name) == c.Name:
		r.Calendar = c.Name
	case oneLine(c.ID) == c.ID:
		r.Calendar = c.ID
	}
	return r
}

// rank puts what is surely a room first.
func (r foundRoom) rank() int {
	return slices.Index([]string{inPlaces, sharedCalendar, ownCalendar}, r.Source)
}

// mailboxOf returns the address if it can be configured as a mailbox, else "".
func mailboxOf(address string) string {
	if oneLine(address) != address || !addressForm.MatchString(address) {
		return ""
	}
	return address
}

// addressForm is what the setting mailbox takes.
var addressForm = regexp.MustCompile(`^[^@\s/?#]+@[^@\s/?#]+$`)

// oneLine makes one line of a stranger's text. What is not printable is left
// out: a terminal would act on some of it, and marks that turn the direction of
// writing swallow what stands beside them.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

// offer finds which of the rooms found with an account are configured, and gives
// the others an id. It returns the rooms configured with those offered added, so
// that nothing is offered twice.
func offer(rooms []foundRoom, a config.Account, configured []config.Room) []config.Room {
	for i := range rooms {
		r := &rooms[i]
		for _, c := range configured {
			if r.isConfigured(a.Name, c) {
				r.Configured = append(r.Configured, c.ID)
			}
		}
		if len(r.Configured) > 0 || r.Mailbox == "" && r.Calendar == "" {
			continue
		}
		r.New = roomID(r.Name, r.Address, func(id string) bool {
			return slices.ContainsFunc(configured, func(c config.Room) bool { return c.ID == id })
		})
		c := config.Room{ID: r.New, Mailbox: r.Mailbox, Calendar: r.Calendar}
		c.Account = a.Name
		configured = append(configured, c)
	}
	return configured
}

// isConfigured tells whether a configured room is the one found with an account.
func (r foundRoom) isConfigured(account string, c config.Room) bool {
	switch {
	case c.Mailbox != "":
		return strings.EqualFold(c.Mailbox, r.Address)
	case c.Account != account:
		return false
	case c.Calendar == "" && r.main, c.Calendar != "" && slices.Contains(r.calendars, c.Calendar):
		return true
	}
	return r.Source == inPlaces && slices.ContainsFunc(c.Match, func(m string) bool {
		m = strings.TrimSpace(m)
		return m != "" && (strings.EqualFold(m, r.Address) || strings.EqualFold(m, r.Name))
	})
}

// longestID is how long the id of a room may be.
const longestID = 40

// roomID makes the id of a room from its name, else from its address; one that
// is taken gets a number.
func roomID(name, address string, taken func(string) bool) string {
	local, _, _ := strings.Cut(address, "@")
	base := cmp.Or(idFrom(name), idFrom(local), "room")
	id := base
	for n := 2; taken(id); n++ {
		number := "-" + strconv.Itoa(n)
		id = strings.TrimRight(base[:min(len(base), longestID-len(number))], "-") + number
	}
	return id
}

// idFrom writes a text in the letters of an id; empty where none are left.
func idFrom(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || strings.ContainsRune("'’", r) { // an accent on its own, an apostrophe
			return -1
		}
		return r
	}, strings.ToLower(s))
	s = strings.Trim(notID.ReplaceAllString(inASCII.Replace(s), "-"), "-")
	return strings.TrimRight(s[:min(len(s), longestID)], "-")
}

var notID = regexp.MustCompile(`[^a-z0-9]+`)

// inASCII writes the Latin letters of European languages as people without them
// on their keyboards do.
var inASCII = strings.NewReplacer(spellings()...)

func spellings() (pairs []string) {
	for ascii, letters := range map[string]string{
		"ae": "äæ", "oe": "öøœ", "ue": "ü", "ss": "ß", "th": "þ", "a": "àáâãåāăą", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě",
		"g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı", "j": "ĵ", "k": "ķ", "l": "ĺļľŀł", "n": "ñńņňŋ", "o": "òóôõōŏő", "r": "ŕŗř",
		"s": "śŝşšș", "t": "ţťŧț", "u": "ùúûũūŭůűų", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, letter := range letters {
			pairs = append(pairs, string(letter), ascii)
		}
	}
	return pairs
}

// seats is the capacity in words.
func (r foundRoom) seats() string {
	if r.Capacity <= 0 {
		return "-"
	}
	return strconv.Itoa(r.Capacity)
}

// room says which configured room it is, or will be.
func (r foundRoom) room() string {
	switch n := len(r.Configured); {
	case n > 1:
		return fmt.Sprintf("configured: %s and %d more", r.Configured[0], n-1)
	case n == 1:
		return "configured: " + r.Configured[0]
	case r.New != "":
		return "new: " + r.New
	}
	return "cannot be read by its address"
}

// section writes the room as a section of the configuration.
func (r foundRoom) section(account string) string {
	var b strings.Builder
	switch r.Source {
	case sharedCalendar:
		fmt.Fprintln(&b, "# A calendar shared with the account.")
	case ownCalendar:
		fmt.Fprintln(&b, "# A calendar of the account itself. Leave it out if it is no room's; if it is several rooms', give each a match.")
	}
	fmt.Fprintf(&b, "[[room]]\nid = %s\n", tomlString(r.New))
	for _, s := range []struct{ key, value string }{{"name", r.Name}, {"account", account}, {"mailbox", r.Mailbox}, {"calendar", r.Calendar},
		{"building", r.Building}, {"floor", r.Floor}} {
		if s.value != "" {
			fmt.Fprintf(&b, "%s = %s\n", s.key, tomlString(s.value))
		}
	}
	if r.Capacity > 0 && r.Capacity <= 100_000 { // what the setting takes
		fmt.Fprintf(&b, "capacity = %d\n", r.Capacity)
	}
	b.WriteString("\n")
	return b.String()
}
