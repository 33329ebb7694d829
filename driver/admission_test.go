package driver

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// The window of most tests: Tuesday 3 November 2026 in UTC.
var admitFrom, admitTo = utcDate("2026-11-03"), utcDate("2026-11-04")

func utcDate(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return t
}

// admitted writes the bookings of an admission as "start end" in UTC.
func admitted(bookings []Booking) string {
	var out []string
	for _, b := range bookings {
		out = append(out, b.Start.Format("2006-01-02 15:04")+" "+b.End.Format("2006-01-02 15:04"))
	}
	return strings.Join(out, ", ")
}

// nine is an event from nine to ten, shown as busy.
func nine(change func(*Event)) Event {
	e := Event{ID: "1", Start: admitFrom.Add(9 * time.Hour), End: admitFrom.Add(10 * time.Hour), ShowAs: Busy, Subject: "Budget", Organizer: "Priya Rao"}
	if change != nil {
		change(&e)
	}
	return e
}

// Rooms that share the account's own calendar; two of them have one name.
var (
	atrium     = Room{ID: "atrium", Zone: time.UTC, Match: []string{"Atrium", "atrium@contoso.example"}}
	boardRoom  = Room{ID: "boardroom", Zone: time.UTC, Match: []string{"Boardroom", "boardroom@contoso.example"}}
	north      = Room{ID: "north", Zone: time.UTC, Match: []string{"Meeting Room", "north@contoso.example"}}
	south      = Room{ID: "south", Zone: time.UTC, Match: []string{"Meeting Room", "south@contoso.example"}}
	ownMailbox = Room{ID: "mailbox", Zone: time.UTC, Mailbox: "mailbox@contoso.example", Match: []string{"Meeting Room"}}
	elsewhere  = Room{ID: "elsewhere", Zone: time.UTC, Calendar: "Second floor", Match: []string{"Meeting Room", "elsewhere@contoso.example"}}
)

func TestAdmitTimes(t *testing.T) {
	at := func(text string) time.Time {
		t, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			panic(err)
		}
		return t
	}
	for name, tt := range map[string]struct{ start, end, want string }{
		"within the window":            {"2026-11-03 09:00", "2026-11-03 10:00", "2026-11-03 09:00 2026-11-03 10:00"},
		"across its start":             {"2026-11-02 23:00", "2026-11-03 00:30", "2026-11-02 23:00 2026-11-03 00:30"},
		"across its end":               {"2026-11-03 23:00", "2026-11-04 01:00", "2026-11-03 23:00 2026-11-04 01:00"},
		"longer than it":               {"2026-11-01 08:00", "2026-11-06 17:00", "2026-11-01 08:00 2026-11-06 17:00"},
		"ends when the window starts":  {"2026-11-02 23:00", "2026-11-03 00:00", ""},
		"starts when the window ends":  {"2026-11-04 00:00", "2026-11-04 01:00", ""},
		"has no length":                {"2026-11-03 09:00", "2026-11-03 09:00", ""},
		"ends before it starts":        {"2026-11-03 09:00", "2026-11-03 08:00", ""},
		"on another day of the window": {"2026-11-05 09:00", "2026-11-05 10:00", ""},
	} {
		e := nine(func(e *Event) { e.Start, e.End = at(tt.start), at(tt.end) })
		bookings, refused := Room{Zone: time.UTC}.Admit([]Event{e}, nil, admitFrom, admitTo)
		if got := admitted(bookings); got != tt.want || refused != nil {
			t.Errorf("%s: bookings %q, refused %q; want %q", name, got, refused, tt.want)
		}
	}
}

// Bookings are sorted, each once, and in UTC whatever zone an event is in.
func TestAdmitOrder(t *testing.T) {
	auckland := zone(t, "Pacific/Auckland")
	later := nine(func(e *Event) {
		e.ID, e.Start, e.End = "2", e.Start.Add(time.Hour).In(auckland), e.End.Add(time.Hour).In(auckland)
	})
	bookings, _ := Room{Zone: auckland}.Admit([]Event{later, nine(nil), later}, nil, admitFrom, admitTo)
	if got, want := admitted(bookings), "2026-11-03 09:00 2026-11-03 10:00, 2026-11-03 10:00 2026-11-03 11:00"; got != want {
		t.Errorf("bookings %q, want %q", got, want)
	}
	for _, b := range bookings {
		if b.Start.Location() != time.UTC || b.End.Location() != time.UTC {
			t.Errorf("booking %v to %v is not in UTC", b.Start, b.End)
		}
	}
}

// An all-day event is a date of the site.
func TestAdmitAllDay(t *testing.T) {
	for _, tt := range []struct{ name, site, start, end, zone, want string }{
		{"UTC", "UTC", "2026-11-03 00:00", "2026-11-04 00:00", "UTC", "2026-11-03 00:00 2026-11-04 00:00"},
		{"far east", "Pacific/Auckland", "2026-11-03 00:00", "2026-11-04 00:00", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
		{"far west", "America/Los_Angeles", "2026-11-03 00:00", "2026-11-04 00:00", "UTC", "2026-11-03 08:00 2026-11-04 08:00"},
		{"two days", "America/Los_Angeles", "2026-11-03 00:00", "2026-11-05 00:00", "UTC", "2026-11-03 08:00 2026-11-05 08:00"},
		{"midnights of the site", "Pacific/Auckland", "2026-11-03 00:00", "2026-11-04 00:00", "Pacific/Auckland", "2026-11-02 11:00 2026-11-03 11:00"},
		{"midnights of another zone", "Europe/London", "2026-11-03 00:00", "2026-11-04 00:00", "Asia/Tokyo", "2026-11-03 00:00 2026-11-04 00:00"},
		{"converted to UTC in the east", "Pacific/Auckland", "2026-11-02 11:00", "2026-11-03 11:00", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
		{"converted to UTC in the west", "America/Los_Angeles", "2026-11-03 08:00", "2026-11-04 08:00", "UTC", "2026-11-03 08:00 2026-11-04 08:00"},
		{"converted from a zone one hour east", "Europe/London", "2026-11-02 23:00", "2026-11-03 23:00", "UTC", "2026-11-03 00:00 2026-11-04 00:00"},
		{"a day of 23 hours", "Europe/London", "2026-03-29 00:00", "2026-03-30 00:00", "UTC", "2026-03-29 00:00 2026-03-29 23:00"},
		{"a day of 25 hours", "Europe/London", "2026-10-25 00:00", "2026-10-26 00:00", "UTC", "2026-10-24 23:00 2026-10-26 00:00"},
		{"a day without its midnight", "America/Santiago", "2026-09-06 00:00", "2026-09-07 00:00", "UTC", "2026-09-06 04:00 2026-09-07 03:00"},
		{"no length", "Pacific/Auckland", "2026-11-03 00:00", "2026-11-03 00:00", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
		{"no length, without its midnight", "America/Santiago", "2026-09-06 00:00", "2026-09-06 00:00", "UTC", "2026-09-06 04:00 2026-09-07 03:00"},
		{"ends before it starts", "Europe/London", "2026-11-03 00:00", "2026-11-01 00:00", "UTC", "2026-11-03 00:00 2026-11-04 00:00"},
		{"ends in the last minute, far east", "Pacific/Auckland", "2026-11-03 00:00", "2026-11-03 23:59", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
		{"ends in the last minute, far west", "America/Los_Angeles", "2026-11-03 00:00", "2026-11-04 23:59", "Asia/Tokyo", "2026-11-03 08:00 2026-11-05 08:00"},
		{"last minute converted to UTC", "Pacific/Auckland", "2026-11-02 11:00", "2026-11-03 10:59", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
	} {
		at := func(text string) time.Time {
			out, err := time.ParseInLocation("2006-01-02 15:04", text, zone(t, tt.zone))
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		e := Event{Start: at(tt.start), End: at(tt.end), AllDay: true, ShowAs: Busy}
		bookings, _ := Room{Zone: zone(t, tt.site)}.Admit([]Event{e}, nil, utcDate("2026-01-01"), utcDate("2027-01-01"))
		if got := admitted(bookings); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Which events occupy a room whose calendar is its own, and one that shares it.
func TestAdmitWhatCounts(t *testing.T) {
	shared := atrium
	for name, tt := range map[string]struct {
		change      func(*Event)
		own, shared bool
	}{
		"plain":                   {func(*Event) {}, true, true},
		"tentative":               {func(e *Event) { e.ShowAs = Tentative }, true, true},
		"out of office":           {func(e *Event) { e.ShowAs = OutOfOffice }, true, true},
		"working elsewhere":       {func(e *Event) { e.ShowAs = WorkingElsewhere }, true, true},
		"of unknown status":       {func(e *Event) { e.ShowAs = Unknown }, true, true},
		"free":                    {func(e *Event) { e.ShowAs = Free }, false, false},
		"cancelled":               {func(e *Event) { e.Cancelled = true }, false, false},
		"declined by the owner":   {func(e *Event) { e.Declined = true }, false, true},
		"free, times not read":    {func(e *Event) { e.ShowAs, e.Err = Free, errors.New("no start") }, false, false},
		"private":                 {func(e *Event) { e.Private = true }, true, true},
		"without subject or name": {func(e *Event) { e.Subject, e.Organizer = "", "" }, true, true},
	} {
		e := nine(func(e *Event) { e.Places = []Place{{Name: "Atrium"}}; tt.change(e) })
		for _, c := range []struct {
			room Room
			want bool
		}{{ownMailbox, tt.own}, {Room{ID: "only", Zone: time.UTC}, tt.own}, {shared, tt.shared}} {
			bookings, refused := c.room.Admit([]Event{e}, []Room{atrium, boardRoom}, admitFrom, admitTo)
			if (len(bookings) == 1) != c.want || refused != nil {
				t.Errorf("%s, room %s: %d bookings, refused %q; want booked %t", name, c.room.ID, len(bookings), refused, c.want)
			}
		}
	}
}

// The rooms that an event of a shared calendar is for.
func TestAdmitWhoseRoom(t *testing.T) {
	resource := func(name, address string) Attendee { return Attendee{Name: name, Address: address, Resource: true} }
	declined := func(name, address string) Attendee {
		return Attendee{Name: name, Address: address, Resource: true, Declined: true}
	}
	required := func(address string) Attendee { return Attendee{Address: address} }
	at := func(hour int, a Attendee) Attendee {
		a.Answered = admitFrom.Add(time.Duration(hour) * time.Hour)
		return a
	}
	const legacy = "/o=Contoso/cn=Recipients/cn=atrium"
	for _, tt := range []struct {
		name      string
		places    []Place
		attendees []Attendee
		want      string
	}{
		{"name", []Place{{Name: "Boardroom"}}, nil, "boardroom"},
		{"case and blanks", []Place{{Name: "  boardROOM "}}, nil, "boardroom"},
		{"part of a name", []Place{{Name: "Boardroom annex"}}, nil, ""},
		{"nowhere", nil, nil, ""},
		{"empty names", []Place{{}, {Name: " ; "}}, []Attendee{resource("", "")}, ""},
		{"address of a place", []Place{{Name: "The big one", Address: "Boardroom@Contoso.example"}}, nil, "boardroom"},
		{"one of several places", []Place{{Name: "Here"}, {Name: "There"}, {Name: "Atrium"}}, nil, "atrium"},
		{"address written as a name", []Place{{Name: "atrium@contoso.example"}}, nil, "atrium"},
		{"two rooms in one name", []Place{{Name: "Boardroom; Atrium"}}, nil, "atrium boardroom"},
		{"one of several in one name", []Place{{Name: "Boardroom;Elsewhere;"}}, nil, "boardroom"},
		{"resource by address", nil, []Attendee{resource("x", "atrium@contoso.example")}, "atrium"},
		{"resource by name", nil, []Attendee{resource("Atrium", "alias@contoso.example")}, "atrium"},
		{"a person of that name", nil, []Attendee{{Name: "Atrium", Address: "atrium.jones@contoso.example"}}, ""},
		{"declined by the room", []Place{{Name: "Atrium", Address: "atrium@contoso.example"}}, []Attendee{declined("Atrium", "atrium@contoso.example")}, ""},
		{"declined by one of two rooms", []Place{{Name: "Atrium; Boardroom"}},
			[]Attendee{declined("Atrium", "atrium@contoso.example"), resource("Boardroom", "boardroom@contoso.example")}, "boardroom"},
		{"declined by another room", []Place{{Name: "Atrium"}}, []Attendee{declined("Boardroom", "boardroom@contoso.example")}, "atrium"},

		{"invited like a person", nil, []Attendee{required("Atrium@Contoso.example")}, "atrium"},
		{"invited like a person, and declined", []Place{{Name: "Atrium"}}, []Attendee{{Address: "atrium@contoso.example", Declined: true}}, ""},
		{"by name, without an e-mail address", nil, []Attendee{{Name: "Atrium", Address: legacy}}, "atrium"},
		{"declined last", []Place{{Name: "Atrium"}}, []Attendee{at(1, resource("Atrium", "atrium@contoso.example")), at(2, declined("Atrium", legacy))}, ""},
		{"declined last, listed first", nil, []Attendee{at(2, declined("Atrium", legacy)), at(1, resource("Atrium", "atrium@contoso.example"))}, ""},
		{"accepted last", nil, []Attendee{at(1, declined("Atrium", "atrium@contoso.example")), at(2, resource("Atrium", legacy))}, "atrium"},
		{"both at one time", nil, []Attendee{at(1, declined("Atrium", "atrium@contoso.example")), at(1, resource("Atrium", legacy))}, "atrium"},
		{"invited and not answered, then declined", nil, []Attendee{required("atrium@contoso.example"), at(1, declined("Atrium", legacy))}, ""},

		{"shared name", []Place{{Name: "Meeting Room"}}, nil, "north south"},
		{"name of a room, address of one of another name", []Place{{Name: "Atrium"}, {Name: "Atrium", Address: "boardroom@contoso.example"}}, nil, "boardroom"},
		{"shared name, address of one", []Place{{Name: "Meeting Room", Address: "south@contoso.example"}}, nil, "south"},
		{"shared name, repeated with the address", []Place{{Name: "Meeting Room"}, {Name: "Meeting Room", Address: "south@contoso.example"}}, nil, "south"},
		{"shared name, resource of one", []Place{{Name: "Meeting Room"}}, []Attendee{resource("Meeting Room", "north@contoso.example")}, "north"},
		{"shared name, both addresses", []Place{{Name: "Meeting Room; Meeting Room"}, {Name: "Meeting Room", Address: "south@contoso.example"},
			{Name: "Meeting Room", Address: "north@contoso.example"}}, nil, "north south"},
		{"shared name, declined by one", []Place{{Name: "Meeting Room"}},
			[]Attendee{declined("Meeting Room", "north@contoso.example"), resource("Meeting Room", "south@contoso.example")}, "south"},
		{"shared name beside another room's", []Place{{Name: "Meeting Room; Atrium"}, {Name: "Meeting Room", Address: "south@contoso.example"}, {Name: "Atrium"}}, nil, "atrium south"},
		{"shared name, address of a room of another calendar", []Place{{Name: "Meeting Room", Address: "elsewhere@contoso.example"}}, nil, "north south"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := nine(func(e *Event) { e.Places, e.Attendees = tt.places, tt.attendees })
			rooms := []Room{atrium, boardRoom, north, south, ownMailbox, elsewhere}
			var admitted, matching []string
			for _, room := range rooms[:4] {
				if bookings, _ := room.Admit([]Event{e}, rooms, admitFrom, admitTo); len(bookings) > 0 {
					admitted = append(admitted, room.ID)
				}
				if room.Matches(e, rooms) {
					matching = append(matching, room.ID)
				}
			}
			if got := strings.Join(admitted, " "); got != tt.want || !slices.Equal(matching, admitted) {
				t.Errorf("rooms %q, matching %q; want %q", got, matching, tt.want)
			}
		})
	}
}

// Without Match every event of the account's own calendar is the room's, and in
// a mailbox of its own it is whatever the Match.
func TestAdmitOnlyRoom(t *testing.T) {
	anywhere := nine(func(e *Event) { e.Places = []Place{{Name: "Anywhere"}} })
	for _, room := range []Room{{ID: "only", Zone: time.UTC}, ownMailbox} {
		if bookings, _ := room.Admit([]Event{anywhere}, []Room{atrium, room}, admitFrom, admitTo); len(bookings) != 1 {
			t.Errorf("room %s: %d bookings, want the event", room.ID, len(bookings))
		}
	}
}

// An event that could not be read is reported by its room and keeps no other
// from being admitted.
func TestAdmitRefused(t *testing.T) {
	bad := Event{Places: []Place{{Name: "Atrium"}}, ShowAs: Busy, Err: errors.New(`time "?" is not understood`)}
	good := nine(func(e *Event) { e.Places = []Place{{Name: "Atrium; Boardroom"}} })
	rooms := []Room{atrium, boardRoom}
	for _, tt := range []struct {
		room Room
		want []string
	}{{atrium, []string{`time "?" is not understood`}}, {boardRoom, nil}} {
		bookings, refused := tt.room.Admit([]Event{bad, good}, rooms, admitFrom, admitTo)
		var reasons []string
		for _, f := range refused {
			reasons = append(reasons, f.Reason)
		}
		if !slices.Equal(reasons, tt.want) || len(bookings) != 1 {
			t.Errorf("room %s: refused %q with %d bookings, want %q and the other event", tt.room.ID, refused, len(bookings), tt.want)
		}
	}
}

// An event that could not be read is reported only if it may be in the window.
func TestAdmitRefusedOfTheWindow(t *testing.T) {
	hour := func(n int) time.Time { return admitFrom.Add(time.Duration(n) * time.Hour) }
	for name, tt := range map[string]struct {
		from, to time.Time
		want     bool
	}{
		"not known":             {time.Time{}, time.Time{}, true},
		"in the window":         {hour(9), hour(10), true},
		"across its start":      {hour(-3), hour(1), true},
		"longer than it":        {hour(-48), hour(72), true},
		"until the window":      {hour(-3), hour(0), false},
		"from the window's end": {hour(24), hour(25), false},
	} {
		bad := Event{ID: "7", Start: tt.from, End: tt.to, ShowAs: Busy, Err: errors.New("no zone")}
		_, refused := Room{Zone: time.UTC}.Admit([]Event{bad}, nil, admitFrom, admitTo)
		var want []Refusal
		if tt.want {
			want = []Refusal{{"7", tt.from, tt.to, "no zone"}}
		}
		if !slices.Equal(refused, want) {
			t.Errorf("%s: refused %+v, want %+v", name, refused, want)
		}
	}
}

// Of several events with one id the last counts, whatever it is; events without an id
// are different ones.
func TestAdmitOneID(t *testing.T) {
	first, later := nine(nil), nine(func(e *Event) { e.Start, e.End = e.Start.Add(time.Hour), e.End.Add(time.Hour) })
	const nineToTen, tenToEleven = "2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 10:00 2026-11-03 11:00"
	change := func(e Event, change func(*Event)) Event { change(&e); return e }
	for name, tt := range map[string]struct {
		events []Event
		want   string
	}{
		"moved":          {[]Event{first, later}, tenToEleven},
		"moved back":     {[]Event{later, first}, nineToTen},
		"cancelled":      {[]Event{first, change(later, func(e *Event) { e.Cancelled = true })}, ""},
		"not cancelled":  {[]Event{change(first, func(e *Event) { e.Cancelled = true }), later}, tenToEleven},
		"read after all": {[]Event{change(first, func(e *Event) { e.Err = errors.New("no zone") }), later}, tenToEleven},
		"without ids": {[]Event{change(first, func(e *Event) { e.ID = "" }), change(later, func(e *Event) { e.ID = "" })},
			nineToTen + ", " + tenToEleven},
	} {
		bookings, refused := Room{Zone: time.UTC}.Admit(tt.events, nil, admitFrom, admitTo)
		if got := admitted(bookings); got != tt.want || refused != nil {
			t.Errorf("%s: bookings %q, refused %+v; want %q", name, got, refused, tt.want)
		}
	}
}

// Rooms are not counted among the people, however they were invited.
func TestAdmitGuests(t *testing.T) {
	rooms := []Room{atrium, boardRoom, ownMailbox, elsewhere}
	for name, tt := range map[string]struct {
		attendees []Attendee
		want      int
	}{
		"nobody":                    {nil, 0},
		"people":                    {[]Attendee{{Address: "ann@contoso.example"}, {}, {Name: "Bob"}}, 3},
		"resources":                 {[]Attendee{{Resource: true}, {Address: "ann@contoso.example"}}, 1},
		"the room":                  {[]Attendee{{Address: " MAILBOX@contoso.example"}, {Address: "ann@contoso.example"}}, 1},
		"other rooms":               {[]Attendee{{Address: "atrium@contoso.example"}, {Address: "Elsewhere@contoso.example"}, {Address: "ann@contoso.example"}}, 1},
		"a room by its name":        {[]Attendee{{Name: "Boardroom", Address: "/o=Contoso/cn=boardroom"}}, 0},
		"a person of a room's name": {[]Attendee{{Name: "Boardroom", Address: "b.room@contoso.example"}}, 1},
	} {
		e := nine(func(e *Event) { e.Attendees = tt.attendees })
		bookings, _ := ownMailbox.Admit([]Event{e}, rooms, admitFrom, admitTo)
		if len(bookings) != 1 || bookings[0].Attendees != tt.want {
			t.Errorf("%s: bookings %+v, want one with %d attendees", name, bookings, tt.want)
		}
	}
}

// What a booking holds: nothing that privacy does not allow, and of a private
// event neither subject nor organizer.
func TestAdmitPrivacy(t *testing.T) {
	for _, tt := range []struct {
		privacy            Privacy
		private            bool
		subject, organizer string
	}{
		{PrivacyBusy, false, "", ""},
		{PrivacyOrganizer, false, "", "Priya Rao"},
		{PrivacySubject, false, "Budget", ""},
		{PrivacyFull, false, "Budget", "Priya Rao"},
		{PrivacyBusy, true, "", ""},
		{PrivacyOrganizer, true, "", ""},
		{PrivacySubject, true, "", ""},
		{PrivacyFull, true, "", ""},
	} {
		e := nine(func(e *Event) {
			e.Private = tt.private
			e.Attendees = []Attendee{{Name: "Ann Other"}, {Name: "Atrium", Resource: true}, {Name: "Ben Okafor"}}
		})
		bookings, _ := Room{Zone: time.UTC, Privacy: tt.privacy}.Admit([]Event{e}, nil, admitFrom, admitTo)
		want := []Booking{{ID: "1", Start: e.Start, End: e.End, ShowAs: Busy, Private: tt.private, Subject: tt.subject, Organizer: tt.organizer, Attendees: 2}}
		if !slices.Equal(bookings, want) {
			t.Errorf("privacy %v, private %t: %+v, want %+v", tt.privacy, tt.private, bookings, want)
		}
	}
}

// A rule reads the subject even where privacy shows it to nobody.
func TestAdmitRules(t *testing.T) {
	for words, want := range map[string]bool{"budget": true, "cleaning": false} {
		room := Room{Zone: time.UTC, Privacy: PrivacyBusy, Rules: []Rule{{Words: words, Comfort: false}}}
		bookings, _ := room.Admit([]Event{nine(func(e *Event) { e.Private = true })}, nil, admitFrom, admitTo)
		if len(bookings) != 1 || bookings[0].NoComfort != want || bookings[0].Subject != "" {
			t.Errorf("a rule for %q: %+v, want no comfort %t and no subject", words, bookings, want)
		}
	}
}
