package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// calendar is an iCalendar file of the given lines.
func calendar(lines ...string) string {
	return "BEGIN:VCALENDAR\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
}

// meeting is an event of the given lines.
func meeting(lines ...string) string {
	return "BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT"
}

// times are the bookings of a file in a stretch, as the clocks of London show them.
func times(t *testing.T, text, from, to string) []string {
	t.Helper()
	zone := london(t)
	f, err := parseReplayFile("file", []byte(text), zone)
	if err != nil {
		t.Fatal(err)
	}
	var all []driver.Booking
	for _, e := range f.events {
		booked, err := e.bookings(instantIn(t, from, zone), instantIn(t, to, zone))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, booked...)
	}
	slices.SortFunc(all, driver.Booking.Compare)
	var out []string
	for _, b := range all {
		const form = "2006-01-02 15:04"
		out = append(out, b.Start.In(zone).Format(form)+" to "+b.End.In(zone).Format(form))
	}
	return out
}

func instantIn(t *testing.T, text string, zone *time.Location) time.Time {
	t.Helper()
	at, err := parseInstant(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// In London the clocks go forward on 29 March 2026 and back on 25 October 2026.
func TestReplayFileTimes(t *testing.T) {
	for _, tt := range []struct {
		name, text, from, to string
		want                 []string
	}{
		{"utc", calendar(meeting("DTSTART:20260701T080000Z", "DTEND:20260701T090000Z")), "2026-07-01T00:00", "2026-07-02T00:00",
			[]string{"2026-07-01 09:00 to 2026-07-01 10:00"}},
		{"another zone", calendar(meeting("DTSTART;TZID=America/New_York:20260115T040000", "DURATION:PT1H30M")), "2026-01-15T00:00", "2026-01-16T00:00",
			[]string{"2026-01-15 09:00 to 2026-01-15 10:30"}},
		{"a zone as Outlook names it", calendar(meeting(`DTSTART;TZID="W. Europe Standard Time":20260115T100000`, "DURATION:PT1H")), "2026-01-15T00:00", "2026-01-16T00:00",
			[]string{"2026-01-15 09:00 to 2026-01-15 10:00"}},
		{"no zone is the site's", calendar(meeting("DTSTART:20260701T090000", "DURATION:PT1H")), "2026-07-01T00:00", "2026-07-02T00:00",
			[]string{"2026-07-01 09:00 to 2026-07-01 10:00"}},
		{"all day, of 23 hours", calendar(meeting("DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330")), "2026-03-28T00:00", "2026-03-31T00:00",
			[]string{"2026-03-29 00:00 to 2026-03-30 00:00"}},
		{"all day without an end", calendar(meeting("DTSTART;VALUE=DATE:20260115")), "2026-01-14T00:00", "2026-01-17T00:00",
			[]string{"2026-01-15 00:00 to 2026-01-16 00:00"}},
		{"folded lines", calendar(meeting("DTSTART:20260115T0", " 90000", "DURATION:PT", "\t1H")), "2026-01-15T00:00", "2026-01-16T00:00",
			[]string{"2026-01-15 09:00 to 2026-01-15 10:00"}},
		{"an alarm has times of its own", calendar(meeting("DTSTART:20260115T090000", "DURATION:PT1H", "BEGIN:VALARM", "TRIGGER:-PT15M", "DURATION:PT5M", "END:VALARM")), "2026-01-15T00:00", "2026-01-16T00:00",
			[]string{"2026-01-15 09:00 to 2026-01-15 10:00"}},
		{"weekly, one cancelled and one moved, over the change of clocks", calendar(
			meeting("UID:a", "DTSTART;TZID=Europe/London:20260318T090000", "DTEND;TZID=Europe/London:20260318T100000",
				"RRULE:FREQ=WEEKLY;COUNT=5", "EXDATE;TZID=Europe/London:20260325T090000"),
			meeting("UID:a", "RECURRENCE-ID;TZID=Europe/London:20260401T090000", "DTSTART;TZID=Europe/London:20260402T140000", "DURATION:PT1H")),
			"2026-03-01T00:00", "2026-05-01T00:00",
			[]string{"2026-03-18 09:00 to 2026-03-18 10:00", "2026-04-02 14:00 to 2026-04-02 15:00", "2026-04-08 09:00 to 2026-04-08 10:00", "2026-04-15 09:00 to 2026-04-15 10:00"}},
		{"an instance that is called off", calendar(
			meeting("UID:a", "DTSTART;TZID=Europe/London:20261020T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261022T080000Z"),
			meeting("UID:a", "RECURRENCE-ID:20261021T080000Z", "DTSTART:20261021T080000Z", "DURATION:PT1H", "STATUS:CANCELLED")),
			"2026-10-01T00:00", "2026-11-01T00:00",
			[]string{"2026-10-20 09:00 to 2026-10-20 10:00", "2026-10-22 09:00 to 2026-10-22 10:00"}},
		{"until is the wall's, when the clocks have gone back", calendar(
			meeting("DTSTART;TZID=Europe/London:20261024T003000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261026T003000Z")),
			"2026-10-01T00:00", "2026-11-01T00:00",
			[]string{"2026-10-24 00:30 to 2026-10-24 01:30", "2026-10-25 00:30 to 2026-10-25 01:30", "2026-10-26 00:30 to 2026-10-26 01:30"}},
		{"the second Tuesday, all day", calendar(meeting("DTSTART;VALUE=DATE:20260113", "RRULE:FREQ=MONTHLY;BYDAY=2TU", "EXDATE;VALUE=DATE:20260210")),
			"2026-01-01T00:00", "2026-04-01T00:00",
			[]string{"2026-01-13 00:00 to 2026-01-14 00:00", "2026-03-10 00:00 to 2026-03-11 00:00"}},
		{"further dates without a rule", calendar(meeting("DTSTART:20260115T090000", "DURATION:PT1H", "RDATE:20260120T110000,20260121T110000")),
			"2026-01-01T00:00", "2026-02-01T00:00",
			[]string{"2026-01-15 09:00 to 2026-01-15 10:00", "2026-01-20 11:00 to 2026-01-20 12:00", "2026-01-21 11:00 to 2026-01-21 12:00"}},
		{"JSON", `[{"room":"a","start":"2026-07-01T09:00","end":"2026-07-01T09:00:00Z"},{"room":"a","start":"2026-07-02","end":"2026-07-03","all_day":true}]`,
			"2026-07-01T00:00", "2026-08-01T00:00",
			[]string{"2026-07-01 09:00 to 2026-07-01 10:00", "2026-07-02 00:00 to 2026-07-03 00:00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := times(t, tt.text, tt.from, tt.to); !slices.Equal(got, tt.want) {
				t.Errorf("booked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestReplayFileMistakes(t *testing.T) {
	good := meeting("DTSTART:20260115T090000", "DURATION:PT1H") // four lines
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "file holds neither bookings nor presence"},
		{"something else", "hello", "file:1: is no line of iCalendar"},
		{"no calendar", "BEGIN:VCARD\nEND:VCARD\n", "file:1: is no iCalendar"},
		{"cut off", strings.TrimSuffix(calendar(good), "END:VCALENDAR\r\n"), "file:6: END:VCALENDAR is missing"},
		{"crossed", calendar("BEGIN:VEVENT", "END:VALARM"), "file:3: END:VEVENT is expected here, not END:VALARM"},
		{"no start", calendar(good, meeting("UID:a")), "file:6: this event has no DTSTART"},
		{"bad start", calendar(meeting("UID:a", "DTSTART:tomorrow")), `file:4: DTSTART "tomorrow" is no time`},
		{"no such day", calendar(meeting("DTSTART:20260230T090000")), "file:3: DTSTART"},
		{"ends before", calendar(meeting("DTSTART:20260115T090000", "DTEND:20260115T080000")), "file:4: the event ends before it begins"},
		{"date and time", calendar(meeting("DTSTART:20260115T090000", "DTEND;VALUE=DATE:20260116")), "file:4: DTEND is a date"},
		{"unknown zone", calendar(meeting("DTSTART;TZID=Mars/Olympus:20260115T090000")), `file:3: time zone "Mars/Olympus" is not known`},
		{"bad rule", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=OFTEN")), "file:4: RRULE is not understood"},
		{"hourly", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=HOURLY")), "file:4: RRULE is not understood: rooms are booked by the day"},
		{"by the minute", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=DAILY;BYMINUTE=0,30")), "file:4: RRULE is not understood: BYHOUR"},
		{"bad exception", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260116")), "file:5: EXDATE is a date"},
		{"this and future", calendar(meeting("DTSTART:20260115T090000", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260115T090000")), "file:4: RECURRENCE-ID with RANGE"},
		{"JSON cut off", "[\n{\"room\":\"a\",\n", "file:3: the file is cut off"},
		{"JSON syntax", "[\n{\"room\" \"a\"}]", "file:2: invalid character"},
		{"JSON unknown key", "[\n\n{\"rom\":\"a\"}]", `file:3: json: unknown field "rom"`},
		{"JSON bad time", "[{\"room\":\"a\",\"at\":\"2026-01-15T09:00\",\"on\":true},\n{\"room\":\"a\",\"start\":\"9 o'clock\"}]", `file:2: start: "9 o'clock" is no time`},
		{"JSON no length", `[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T09:00"}]`, "file:1: the booking ends at"},
		{"JSON show_as", `[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T10:00","show_as":"maybe"}]`, `file:1: show_as "maybe"`},
		{"JSON and more", "[]\n[]", "something follows"},
		{"bytes", "\xff\xfe", "file is no text in UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseReplayFile("file", []byte(tt.text), london(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// What Outlook writes of a meeting, and who is whose room.
func TestReplayFileEvent(t *testing.T) {
	f, err := parseReplayFile("file", []byte(calendar(
		meeting("UID:1", "DTSTART:20260115T090000", "DURATION:PT1H", `SUMMARY:Budget\, again`, `LOCATION:Boardroom\; Library`,
			`ORGANIZER;CN="Ann: Finance":MAILTO:ann@example.com`, "ATTENDEE;CN=Bob:mailto:bob@example.com",
			"ATTENDEE;CUTYPE=ROOM;CN=Attic:mailto:attic@example.com", "CLASS:PRIVATE", "STATUS:TENTATIVE"),
		meeting("DTSTART:20260115T090000", "DURATION:PT1H", "LOCATION:Boardroom", "TRANSP:TRANSPARENT"),
		meeting("DTSTART:20260115T090000", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
			"ATTENDEE;CUTYPE=ROOM;PARTSTAT=DECLINED:mailto:boardroom@example.com"))), london(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.events) != 2 {
		t.Fatalf("%d events, want 2: what is free takes no room", len(f.events))
	}
	b := f.events[0].booking
	if b.Subject != "Budget, again" || b.Organizer != "Ann: Finance" || b.Attendees != 1 || !b.Private || b.ShowAs != driver.Tentative {
		t.Errorf("booking %+v", b)
	}
	if s := f.events[1].booking.ShowAs; s != driver.OutOfOffice {
		t.Errorf("shown as %v, want oof", s)
	}
	names := namesOf([]driver.Room{{ID: "boardroom", Name: "Boardroom", Mailbox: "boardroom@example.com"}, {ID: "library", Match: []string{"LIBRARY"}},
		{ID: "attic-1", Name: "Attic", Mailbox: "attic@example.com"}, {ID: "attic-2", Name: "Attic"}})
	if got := names.find(f.events[0].rooms); !slices.Equal(got, []string{"boardroom", "library", "attic-1"}) {
		t.Errorf("rooms %q: the address settles which attic it is", got)
	}
	if got := names.find(f.events[1].rooms); got != nil {
		t.Errorf("rooms %q, want none: the room declined", got)
	}
}

func FuzzReplayFile(f *testing.F) {
	f.Add([]byte(calendar(meeting("UID:a", "DTSTART;TZID=Europe/London:20260318T090000", "DURATION:PT1H",
		"RRULE:FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2;UNTIL=20270101", "EXDATE;TZID=Europe/London:20260325T090000"))))
	f.Add([]byte(calendar(meeting("DTSTART;VALUE=DATE:20260318", "RRULE:FREQ=YEARLY;BYWEEKNO=20;BYSETPOS=-1", "RDATE;VALUE=DATE:20260401"))))
	f.Add([]byte(`[{"room":"a","start":"2026-01-15T09:00","end":"2026-01-15T10:00"},{"room":"a","at":"2026-01-15T09:00","on":null}]`))
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		f.Fatal(err)
	}
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, zone)
	to := from.AddDate(0, 1, 0)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseReplayFile("file", text, zone)
		if err != nil {
			return
		}
		for _, e := range file.events {
			booked, err := e.bookings(from, to)
			if err != nil {
				t.Fatalf("a rule that was read cannot be used: %v", err)
			}
			for _, b := range booked {
				if !b.Start.Before(to) || !b.End.After(from) || !b.Start.Before(b.End) {
					t.Fatalf("booked %v to %v, outside of %v to %v", b.Start, b.End, from, to)
				}
			}
		}
	})
}
