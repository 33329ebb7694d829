package graph

import (
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// rowsOf decodes rows in the form in which Graph sends them.
func rowsOf(t *testing.T, text string) []row {
	t.Helper()
	var p page
	if err := json.Unmarshal([]byte(`{"value":[`+text+`]}`), &p); err != nil {
		t.Fatal(err)
	}
	return p.Value
}

// event is a row from start to end in a zone, with further members.
func event(start, end, zone, more string) string {
	return `{"id":"1","type":"singleInstance","showAs":"busy","subject":"Budget","organizer":{"emailAddress":{"name":"Priya Rao","address":"priya@contoso.example"}},` +
		`"start":{"dateTime":"` + start + `","timeZone":"` + zone + `"},"end":{"dateTime":"` + end + `","timeZone":"` + zone + `"}` + more + `}`
}

func nine(more string) string {
	return event("2026-11-03T09:00:00.0000000", "2026-11-03T10:00:00.0000000", "UTC", more)
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func utc(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

var fullRoom = driver.Room{ID: "a", Mailbox: "a@contoso.example", Zone: time.UTC, Privacy: driver.PrivacyFull}

// spans writes bookings as "start end" in UTC.
func spans(bookings []driver.Booking) []string {
	var out []string
	for _, b := range bookings {
		out = append(out, b.Start.Format("2006-01-02 15:04")+" "+b.End.Format("2006-01-02 15:04"))
	}
	return out
}

// admit decodes rows into bookings of the room, as a reading of its mailbox does.
func admit(room driver.Room, rows []row, from, to time.Time) reading {
	return admitted(driver.Reading{Room: room.ID, Events: eventsOf(rows)}, []driver.Room{room}, from, to)
}

func TestRowTimes(t *testing.T) {
	const nineToTen = "2026-11-03 09:00 2026-11-03 10:00"
	for _, tt := range []struct{ name, row, want string }{
		{"seven digits", nine(""), nineToTen},
		{"no digits", event("2026-11-03T09:00:00", "2026-11-03T10:00:00", "UTC", ""), nineToTen},
		{"no zone", event("2026-11-03T09:00:00.0000000", "2026-11-03T10:00:00.0000000", "", ""), nineToTen},
		{"Microsoft's UTC", event("2026-11-03T09:00:00.0000000", "2026-11-03T10:00:00.0000000", "tzone://Microsoft/Utc", ""), nineToTen},
		{"Windows name of the west", event("2026-11-03T01:00:00.0000000", "2026-11-03T02:00:00.0000000", "Pacific Standard Time", ""), nineToTen},
		{"Windows name of the east", event("2026-11-03T10:00:00.0000000", "2026-11-03T11:00:00.0000000", "W. Europe Standard Time", ""), nineToTen},
		{"IANA name", event("2026-11-03T22:00:00.0000000", "2026-11-03T23:00:00.0000000", "Pacific/Auckland", ""), nineToTen},
		{"old IANA name", event("2026-11-03T14:30:00.0000000", "2026-11-03T15:30:00.0000000", "India Standard Time", ""), nineToTen},
		{"an offset beside UTC", event("2026-11-03T10:00:00.0000000+01:00", "2026-11-03T11:00:00.0000000+01:00", "UTC", ""), nineToTen},
		{"UTC twice", event("2026-11-03T09:00:00.0000000Z", "2026-11-03T10:00:00Z", "UTC", ""), nineToTen},
		{"Z in another zone", event("2026-11-03T09:00:00Z", "2026-11-03T10:00:00Z", "W. Europe Standard Time", ""), nineToTen},
		{"Z in no known zone", event("2026-11-03T09:00:00Z", "2026-11-03T10:00:00Z", "tzone://Microsoft/Custom", ""), nineToTen},
		{"a padded name", event("2026-11-03T10:00:00", "2026-11-03T11:00:00", ` W. Europe Standard Time\u0000\u0000`, ""), nineToTen},
		{"a caption", event("2026-11-03T10:00:00", "2026-11-03T11:00:00", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", ""), nineToTen},
		{"across midnight", event("2026-11-03T23:00:00.0000000", "2026-11-04T01:00:00.0000000", "UTC", ""), "2026-11-03 23:00 2026-11-04 01:00"},
		{"begun the day before", event("2026-11-02T23:00:00.0000000", "2026-11-03T00:30:00.0000000", "UTC", ""), "2026-11-02 23:00 2026-11-03 00:30"},
		{"over days", event("2026-11-01T08:00:00.0000000", "2026-11-06T17:00:00.0000000", "UTC", ""), "2026-11-01 08:00 2026-11-06 17:00"},
		{"ends when the window starts", event("2026-11-02T23:00:00.0000000", "2026-11-03T00:00:00.0000000", "UTC", ""), ""},
		{"starts when the window ends", event("2026-11-04T00:00:00.0000000", "2026-11-04T01:00:00.0000000", "UTC", ""), ""},
		{"no length", event("2026-11-03T09:00:00.0000000", "2026-11-03T09:00:00.0000000", "UTC", ""), ""},
		{"ends before it starts", event("2026-11-03T09:00:00.0000000", "2026-11-03T08:00:00.0000000", "UTC", ""), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rd := admit(fullRoom, rowsOf(t, tt.row), winFrom, winTo)
			if got := strings.Join(spans(rd.Bookings), ","); got != tt.want || len(rd.Refused) > 0 {
				t.Errorf("bookings %q, refused %q; want %q", got, rd.Refused, tt.want)
			}
		})
	}
}

// TestSummerTime: nine in London is another instant before and after the clocks go
// back on 25 October 2026.
func TestSummerTime(t *testing.T) {
	rows := rowsOf(t, event("2026-10-24T09:00:00.0000000", "2026-10-24T10:00:00.0000000", "GMT Standard Time", "")+","+
		event("2026-10-26T09:00:00.0000000", "2026-10-26T10:00:00.0000000", "GMT Standard Time", `,"id":"2"`))
	rd := admit(fullRoom, rows, utc("2026-10-24 00:00"), utc("2026-10-27 00:00"))
	want := []string{"2026-10-24 08:00 2026-10-24 09:00", "2026-10-26 09:00 2026-10-26 10:00"}
	if got := spans(rd.Bookings); !slices.Equal(got, want) {
		t.Errorf("bookings %q, want %q", got, want)
	}
}

func TestAllDayRows(t *testing.T) {
	for _, tt := range []struct{ name, site, start, end, zone, want string }{
		{"UTC", "UTC", "2026-11-03T00:00:00", "2026-11-04T00:00:00", "UTC", "2026-11-03 00:00 2026-11-04 00:00"},
		{"far east", "Pacific/Auckland", "2026-11-03T00:00:00", "2026-11-04T00:00:00", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
		{"far west", "America/Los_Angeles", "2026-11-03T00:00:00", "2026-11-04T00:00:00", "UTC", "2026-11-03 08:00 2026-11-04 08:00"},
		{"two days", "America/Los_Angeles", "2026-11-03T00:00:00", "2026-11-05T00:00:00", "UTC", "2026-11-03 08:00 2026-11-05 08:00"},
		{"midnights of the site though UTC was asked for", "Pacific/Auckland", "2026-11-03T00:00:00", "2026-11-04T00:00:00", "New Zealand Standard Time", "2026-11-02 11:00 2026-11-03 11:00"},
		{"midnights of another zone", "Europe/London", "2026-11-03T00:00:00", "2026-11-04T00:00:00", "Tokyo Standard Time", "2026-11-03 00:00 2026-11-04 00:00"},
		{"converted to UTC in the east", "Pacific/Auckland", "2026-11-02T11:00:00", "2026-11-03T11:00:00", "UTC", "2026-11-02 11:00 2026-11-03 11:00"},
		{"converted to UTC in the west", "America/Los_Angeles", "2026-11-03T08:00:00", "2026-11-04T08:00:00", "UTC", "2026-11-03 08:00 2026-11-04 08:00"},
		{"converted from a zone one hour east", "Europe/London", "2026-11-02T23:00:00", "2026-11-03T23:00:00", "UTC", "2026-11-03 00:00 2026-11-04 00:00"},
		{"a day of 23 hours", "Europe/London", "2026-03-29T00:00:00", "2026-03-30T00:00:00", "UTC", "2026-03-29 00:00 2026-03-29 23:00"},
		{"a day of 25 hours", "Europe/London", "2026-10-25T00:00:00", "2026-10-26T00:00:00", "UTC", "2026-10-24 23:00 2026-10-26 00:00"},
		{"a day of 25 hours in the west", "America/Los_Angeles", "2026-11-01T00:00:00", "2026-11-02T00:00:00", "UTC", "2026-11-01 07:00 2026-11-02 08:00"},
		{"a day of 23 hours in the south", "Pacific/Auckland", "2026-09-27T00:00:00", "2026-09-28T00:00:00", "UTC", "2026-09-26 12:00 2026-09-27 11:00"},
		{"a day without its midnight", "America/Santiago", "2026-09-06T00:00:00", "2026-09-07T00:00:00", "UTC", "2026-09-06 04:00 2026-09-07 03:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			room := driver.Room{ID: "a", Mailbox: "a@contoso.example", Zone: zone(t, tt.site)}
			rows := rowsOf(t, event(tt.start+".0000000", tt.end+".0000000", tt.zone, `,"isAllDay":true`))
			rd := admit(room, rows, utc("2026-01-01 00:00"), utc("2027-01-01 00:00"))
			if got := strings.Join(spans(rd.Bookings), ","); got != tt.want {
				t.Errorf("all day is %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRowsThatCount: the rows that become bookings, and those that do not.
func TestRowsThatCount(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		want       bool
	}{
		{"plain", "", true},
		{"tentative", `,"showAs":"tentative"`, true},
		{"out of office", `,"showAs":"oof"`, true},
		{"working elsewhere", `,"showAs":"workingElsewhere"`, true},
		{"an unknown status", `,"showAs":"levitating"`, true},
		{"free", `,"showAs":"free"`, false},
		{"cancelled", `,"isCancelled":true`, false},
		{"declined by the room", `,"responseStatus":{"response":"declined","time":"2026-11-01T08:00:00Z"}`, false},
		{"not answered yet", `,"responseStatus":{"response":"notResponded","time":"0001-01-01T00:00:00Z"}`, true},
		{"a master", `,"type":"seriesMaster"`, false},
		{"an occurrence", `,"type":"occurrence"`, true},
		{"an exception", `,"type":"exception"`, true},
		{"nothing but nulls", `,"attendees":null,"location":null,"locations":null,"responseStatus":null,"recurrence":null,"sensitivity":null,"organizer":null,"subject":null`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rd := admit(fullRoom, rowsOf(t, nine(tt.more)), winFrom, winTo)
			if got := len(rd.Bookings) == 1; got != tt.want || len(rd.Refused) > 0 {
				t.Errorf("booked %v, refused %q; want booked %v", got, rd.Refused, tt.want)
			}
		})
	}
}

func TestRowMembers(t *testing.T) {
	rows := rowsOf(t, nine(`,"showAs":"oof","attendees":[{"type":"required"},{"type":"Resource"},{"type":"optional"},{}]`))
	rd := admit(fullRoom, rows, winFrom, winTo)
	want := []driver.Booking{{ID: "1", Start: utc("2026-11-03 09:00"), End: utc("2026-11-03 10:00"),
		ShowAs: driver.OutOfOffice, Subject: "Budget", Organizer: "Priya Rao", Attendees: 3}}
	if !slices.Equal(rd.Bookings, want) {
		t.Errorf("bookings %+v, want %+v", rd.Bookings, want)
	}
}

// TestEventOfRow: the members of a row, with the rooms among the attendees by name
// and address, and the people by their addresses.
func TestEventOfRow(t *testing.T) {
	rows := rowsOf(t, nine(`,"isCancelled":true,"sensitivity":"Confidential","responseStatus":{"response":"Declined"},
		"location":{"displayName":"Atrium; Boardroom"},
		"locations":[{"displayName":"Atrium","locationEmailAddress":"atrium@contoso.example"},{"displayName":""},{"locationEmailAddress":"boardroom@contoso.example"}],
		"attendees":[{"type":"required","status":{"response":"declined"},"emailAddress":{"name":"Ann Other","address":"ann@contoso.example"}},
			{"type":"Resource","status":{"response":"Declined"},"emailAddress":{"name":"Atrium","address":"atrium@contoso.example"}},
			{"type":"resource","status":{"response":"accepted"},"emailAddress":{"name":"Boardroom","address":"boardroom@contoso.example"}}]`))
	want := []driver.Event{{
		ID: "1", Start: utc("2026-11-03 09:00"), End: utc("2026-11-03 10:00"), ShowAs: driver.Busy, Private: true, Cancelled: true, Declined: true,
		Subject: "Budget", Organizer: "Priya Rao",
		Places: []driver.Place{{Name: "Atrium; Boardroom"}, {Name: "Atrium", Address: "atrium@contoso.example"}, {}, {Address: "boardroom@contoso.example"}},
		Attendees: []driver.Attendee{{Address: "ann@contoso.example", Declined: true}, {Name: "Atrium", Address: "atrium@contoso.example", Resource: true, Declined: true},
			{Name: "Boardroom", Address: "boardroom@contoso.example", Resource: true}},
	}}
	if got := eventsOf(rows); !reflect.DeepEqual(got, want) {
		t.Errorf("events %+v\nwant %+v", got, want)
	}
	if got := eventsOf(rowsOf(t, nine(`,"type":"seriesMaster"`))); len(got) != 0 {
		t.Errorf("a series master is the event %+v", got)
	}
}

func TestPrivacy(t *testing.T) {
	type known struct {
		subject, organizer string
		private            bool
	}
	for _, tt := range []struct {
		name, sensitivity string
		privacy           driver.Privacy
		want              known
	}{
		{"full", "normal", driver.PrivacyFull, known{"Budget", "Priya Rao", false}},
		{"none given", "", driver.PrivacyFull, known{"Budget", "Priya Rao", false}},
		{"private", "private", driver.PrivacyFull, known{"", "", true}},
		{"personal", "personal", driver.PrivacyFull, known{"", "", true}},
		{"confidential", "confidential", driver.PrivacyFull, known{"", "", true}},
		{"an unknown word", "secret", driver.PrivacyFull, known{"", "", true}},
		{"subject", "normal", driver.PrivacySubject, known{"Budget", "", false}},
		{"organizer", "Normal", driver.PrivacyOrganizer, known{"", "Priya Rao", false}},
		{"busy", "normal", driver.PrivacyBusy, known{"", "", false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			room := fullRoom
			room.Privacy = tt.privacy
			b := admit(room, rowsOf(t, nine(`,"sensitivity":"`+tt.sensitivity+`"`)), winFrom, winTo).Bookings[0]
			if got := (known{b.Subject, b.Organizer, b.Private}); got != tt.want {
				t.Errorf("known is %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestRefusedRows: a row that is not understood is reported and does not affect
// others.
func TestRefusedRows(t *testing.T) {
	for _, tt := range []struct{ name, row, want string }{
		{"custom zone", event("2026-11-03T08:00:00", "2026-11-03T09:00:00", "tzone://Microsoft/Custom", ""), `time zone "tzone://Microsoft/Custom" is not known`},
		{"no times", `{"id":"2","showAs":"busy"}`, `time "" is invalid`},
		{"null times", `{"id":"2","showAs":"busy","start":null,"end":null}`, `time "" is invalid`},
		{"no end", `{"id":"2","start":{"dateTime":"2026-11-03T09:00:00","timeZone":"UTC"}}`, `time "" is invalid`},
		{"a caption in another language", event("2026-11-03T10:00:00", "2026-11-03T11:00:00", "(UTC+01:00) Amsterdam, Berlijn, Rome", ""), `time zone "(UTC+01:00) Amsterdam, Berlijn, Rome" is not known`},
		{"a long time", event(strings.Repeat("9", 100), "", "UTC", ""), `time "` + strings.Repeat("9", 40) + `…" is invalid`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rd := admit(fullRoom, rowsOf(t, tt.row+","+nine(`,"id":"other"`)), winFrom, winTo)
			if !slices.Equal(rd.Refused, []string{tt.want}) || len(rd.Bookings) != 1 {
				t.Errorf("refused %q with %d bookings, want %q and the other one kept", rd.Refused, len(rd.Bookings), tt.want)
			}
		})
	}
}

var (
	atrium    = driver.Room{ID: "atrium", Zone: time.UTC, Match: []string{"Atrium", "atrium@contoso.example"}}
	boardroom = driver.Room{ID: "boardroom", Zone: time.UTC, Match: []string{"Boardroom", "boardroom@contoso.example"}}
	// Two rooms of one name, one on each floor.
	north = driver.Room{ID: "north", Zone: time.UTC, Match: []string{"Meeting Room", "north@contoso.example"}}
	south = driver.Room{ID: "south", Zone: time.UTC, Match: []string{"Meeting Room", "south@contoso.example"}}
)

// TestFullRow: a whole row as a room mailbox holds it, through a Calendar.
func TestFullRow(t *testing.T) {
	const text = `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users('room-3a%40contoso.example')/events","value":[
 {"@odata.etag":"W/\"p7RoomEtagExample00AAB1cQ==\"","id":"AAMkAGI1","createdDateTime":"2026-10-20T08:01:02.1234567Z","lastModifiedDateTime":"2026-10-20T08:01:04.7654321Z",
 "changeKey":"p7RoomEtagExample00AAB1cQ==","categories":[],"transactionId":null,"originalStartTimeZone":"W. Europe Standard Time","originalEndTimeZone":"W. Europe Standard Time",
 "iCalUId":"040000008200E000","reminderMinutesBeforeStart":15,"isReminderOn":false,"hasAttachments":false,"subject":"Priya Rao","bodyPreview":"","importance":"normal","sensitivity":"normal",
 "isAllDay":false,"isCancelled":false,"isOrganizer":false,"responseRequested":true,"seriesMasterId":null,"showAs":"busy","type":"singleInstance",
 "onlineMeetingUrl":null,"isOnlineMeeting":true,"onlineMeetingProvider":"teamsForBusiness","allowNewTimeProposals":true,"isDraft":false,"hideAttendees":false,"recurrence":null,
 "onlineMeeting":{"joinUrl":"https://teams.microsoft.com/l/meetup-join/"},"responseStatus":{"response":"accepted","time":"2026-10-20T08:01:04.1Z"},
 "body":{"contentType":"html","content":""},"start":{"dateTime":"2026-11-03T09:00:00.0000000","timeZone":"UTC"},"end":{"dateTime":"2026-11-03T10:00:00.0000000","timeZone":"UTC"},
 "location":{"displayName":"Room 3A","locationType":"default","uniqueId":"Room 3A","uniqueIdType":"private"},"locations":[{"displayName":"Room 3A","locationType":"conferenceRoom","uniqueId":"room-3a@contoso.example","locationEmailAddress":"room-3a@contoso.example","uniqueIdType":"directory"}],
 "attendees":[{"type":"resource","status":{"response":"accepted","time":"2026-10-20T08:01:04Z"},"emailAddress":{"name":"Room 3A","address":"room-3a@contoso.example"}}],
 "organizer":{"emailAddress":{"name":"Priya Rao","address":"priya@contoso.example"}}}]}`
	s := &service{answer: replies(answering(200, text, "Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"))}
	got := fetch(t, calendarOn(t, s, oneToken(), io.Discard), mailboxRoom("room-3a"))["room-3a"]
	want := []driver.Booking{{ID: "AAMkAGI1", Start: utc("2026-11-03 09:00"), End: utc("2026-11-03 10:00"), ShowAs: driver.Busy, Subject: "Priya Rao", Organizer: "Priya Rao"}}
	if got.Err != nil || !slices.Equal(got.Bookings, want) {
		t.Errorf("bookings %+v, error %v; want %+v", got.Bookings, got.Err, want)
	}
}
