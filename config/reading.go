package config

import "fmt"

// freeBusy is the way of reading that asks for busy times and for nothing else.
const freeBusy = "free-busy"

// reading reports what does not go together with the way an account reads.
// Personal accounts have no free/busy question:
// learn.microsoft.com/graph/api/calendar-getschedule.
func (c *checker) reading(path string, a rawAccount, poll, sweep Schedule) {
	const noQuestion = `does not work with tenant = "consumers", because personal accounts have no free/busy question`
	personal := a.Tenant == "consumers"
	if a.Read == freeBusy && personal {
		c.add(join(path, "read"), noQuestion, seen(a.Read, ""), `write "view", or "" for the choice that fits`)
	}
	at, value := join(path, "sweep"), seen(a.Sweep, "")
	switch {
	case a.Sweep == "":
	case a.Read == freeBusy:
		c.add(at, `does nothing with read = "free-busy": the poll itself is a free/busy question`, value, "remove it, and poll more often")
	case personal:
		c.add(at, noQuestion, value, "remove it")
	case poll != nil && sweep != nil && shortestGap(sweep) >= shortestGap(poll):
		c.add(at, fmt.Sprintf("is not more often than the poll, every %s, and would see nothing sooner", short(shortestGap(poll))), value,
			"sweep more often, or remove it")
	}
}

// source reports what does not go together with where a room's bookings are
// looked for. It tells whether that is a calendar of the account, which may hold
// other rooms as well.
func (c *checker) source(path string, r Room, a Account) bool {
	if a.Read == freeBusy && r.Privacy != "busy" {
		c.add(c.inherited(path, "privacy"), fmt.Sprintf("would never show a name, because account %q reads by free/busy, which knows none", a.Name),
			seen(r.Privacy, ""), `write "busy", or have the account read by view`)
	}
	why := "" // a calendar of the account will not do
	switch {
	case a.SignIn == "app":
		why = "signs in as an app, which has no calendar of its own"
	case a.Read == freeBusy:
		why = "reads by free/busy, which knows addresses only"
	}
	at := join(path, "calendar")
	switch {
	case r.Calendar != "" && why != "":
		c.add(at, fmt.Sprintf("cannot be read, because account %q %s", a.Name, why), seen(r.Calendar, ""), "give the room's mailbox instead")
	case r.Calendar != "" && r.Mailbox != "":
		c.add(at, "is given beside a mailbox, and a room is read in one place", seen(r.Calendar, ""), "keep one of the two")
	case r.Mailbox != "":
	case why != "":
		c.add(path, fmt.Sprintf("needs a mailbox, because account %q %s", a.Name, why), "", `add mailbox = "boardroom@contoso.example"`)
	default:
		return true
	}
	return false
}

// A calendar is one of those of an account.
type calendar struct{ account, name string } // name "": the account's own

// toldApart reports the rooms that nothing tells apart from others in their calendar.
// Names are compared to the letter, because ids may differ in case alone.
func (c *checker) toldApart(rooms []Room, in map[int]calendar) {
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
			c.add(join(path, "calendar"), fmt.Sprintf("holds other rooms of account %q too, and this one has no match", r.Account), seen(cal.name, ""),
				`add match = ["Boardroom"]`)
		default:
			c.add(path, fmt.Sprintf("needs a mailbox, a calendar or a match, because account %q has other rooms in its own calendar", r.Account), "",
				`add mailbox = "boardroom@contoso.example", calendar = "Boardroom" or match = ["Boardroom"]`)
		}
	}
}
