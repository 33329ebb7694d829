package config

import "fmt"

// place reports contradictions in where the bookings of a room are found. It
// returns whether that is a calendar of the account, which may contain other rooms
// as well.
func (c *checker) place(path string, r Room, a Account) bool {
	can := a.Settings.Abilities()
	if can.NoNames.Message != "" && r.Privacy != "busy" {
		c.add(c.inherited(path, "privacy"), noNames(a, can), seen(r.Privacy, ""), `write "busy", or `+can.NoNames.Fix)
	}
	why := can.NoCalendar
	at := join(path, "calendar")
	switch {
	case r.Calendar != "" && why != "":
		c.add(at, fmt.Sprintf("cannot be read, because account %q %s", a.Name, why), seen(r.Calendar, ""), "give the room's mailbox instead")
	case r.Calendar != "" && r.Mailbox != "":
		c.add(at, "is given together with a mailbox, and a room has one calendar", seen(r.Calendar, ""), "keep one of the two")
	case r.Mailbox != "":
	case why != "":
		c.add(path, fmt.Sprintf("needs a mailbox, because account %q %s", a.Name, why), "", `add mailbox = "boardroom@contoso.example"`)
	default:
		return true
	}
	return false
}

// noNames says that a setting has no effect, because an account reads neither
// subjects nor organizers.
func noNames(a Account, can Abilities) string {
	return fmt.Sprintf("has no effect, because account %q %s", a.Name, can.NoNames.Message)
}

// A calendar is a calendar of an account.
type calendar struct{ account, name string } // name "": the account's own

// ambiguous reports the rooms without a match whose calendar other rooms share.
// Names are compared exactly, because ids may differ in case only.
func (c *checker) ambiguous(rooms []Room, in map[int]calendar) {
	count := map[calendar]int{}
	for _, cal := range in {
		count[cal]++
	}
	for i, r := range rooms {
		cal, shared := in[i]
		path := element("room", i)
		switch {
		case !shared || count[cal] < 2 || len(r.Match) > 0:
		case cal.name != "":
			c.add(join(path, "calendar"), fmt.Sprintf("contains other rooms of account %q too, and this one has no match", r.Account), seen(cal.name, ""),
				`add match = ["Boardroom"]`)
		default:
			c.add(path, fmt.Sprintf("needs a mailbox, a calendar or a match, because account %q has other rooms in its own calendar", r.Account), "",
				`add mailbox = "boardroom@contoso.example", calendar = "Boardroom" or match = ["Boardroom"]`)
		}
	}
}
