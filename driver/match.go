package driver

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// namesShown is how many names [Room.Unmatched] returns.
const namesShown = 8

// Unmatched reports that a room is found in a calendar by its Match, and that none of the
// events of the calendar is the room's: a name is probably misspelt, and the room would
// look free. names are the places and resources that the events name instead, the most
// frequent first, at most eight; they are as untrusted as the events. rooms are as for
// [Room.Admit].
func (r Room) Unmatched(events []Event, rooms []Room) (names []string, never bool) {
	if r.Mailbox != "" || len(r.Match) == 0 || len(events) == 0 {
		return nil, false
	}
	count := map[string]int{}
	for i := range events {
		e := &events[i]
		invited := func(a Attendee) bool { return r.inMatch(a.Address) || r.inMatch(a.Name) } // if it has declined, too
		if r.isFor(e, rooms) || slices.ContainsFunc(e.Attendees, invited) {
			return nil, false
		}
		seen := map[string]bool{}
		for _, p := range e.Places {
			seen[strings.TrimSpace(cmp.Or(p.Name, p.Address))] = true
		}
		for _, a := range e.Attendees {
			if a.Resource {
				seen[strings.TrimSpace(cmp.Or(a.Address, a.Name))] = true
			}
		}
		for name := range seen {
			count[name]++
		}
	}
	delete(count, "")
	names = slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	return names[:min(len(names), namesShown)], true
}
