package ical

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// calendar is an iCalendar text of the given lines.
func calendar(lines ...string) string {
	return "BEGIN:VCALENDAR\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n"
}

// meeting is an event of the given lines.
func meeting(lines ...string) string {
	return "BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT"
}

func london(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// instant is what the clocks of a zone show, as in 2026-01-15T09:00.
func instant(t testing.TB, text string, zone *time.Location) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02T15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// times are the occurrences of a calendar that are not cancelled, as the clocks
// of London show them.
func times(t *testing.T, text, from, to string) []string {
	t.Helper()
	zone := london(t)
	events, err := Parse("file", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	var all []driver.Event
	for _, e := range events {
		occurrences, err := e.Occurrences(instant(t, from, zone), instant(t, to, zone))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range occurrences {
			if o.AllDay {
				o.Start, o.End = driver.AllDay(o.Start, o.End, zone)
			}
			if !o.Cancelled {
				all = append(all, o)
			}
		}
	}
	slices.SortFunc(all, func(a, b driver.Event) int { return a.Start.Compare(b.Start) })
	var out []string
	for _, o := range all {
		const form = "2006-01-02 15:04"
		out = append(out, o.Start.In(zone).Format(form)+" to "+o.End.In(zone).Format(form))
	}
	return out
}

// In London the clocks go forward on 29 March 2026 and back on 25 October 2026.
func TestOccurrences(t *testing.T) {
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
		{"a cancelled instance", calendar(
			meeting("UID:a", "DTSTART;TZID=Europe/London:20261020T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261022T080000Z"),
			meeting("UID:a", "RECURRENCE-ID:20261021T080000Z", "DTSTART:20261021T080000Z", "DURATION:PT1H", "STATUS:CANCELLED")),
			"2026-10-01T00:00", "2026-11-01T00:00",
			[]string{"2026-10-20 09:00 to 2026-10-20 10:00", "2026-10-22 09:00 to 2026-10-22 10:00"}},
		{"UNTIL is in wall time, after the clocks went back", calendar(
			meeting("DTSTART;TZID=Europe/London:20261024T003000", "DURATION:PT1H", "RRULE:FREQ=DAILY;UNTIL=20261026T003000Z")),
			"2026-10-01T00:00", "2026-11-01T00:00",
			[]string{"2026-10-24 00:30 to 2026-10-24 01:30", "2026-10-25 00:30 to 2026-10-25 01:30", "2026-10-26 00:30 to 2026-10-26 01:30"}},
		{"the second Tuesday, all day", calendar(meeting("DTSTART;VALUE=DATE:20260113", "RRULE:FREQ=MONTHLY;BYDAY=2TU", "EXDATE;VALUE=DATE:20260210")),
			"2026-01-01T00:00", "2026-04-01T00:00",
			[]string{"2026-01-13 00:00 to 2026-01-14 00:00", "2026-03-10 00:00 to 2026-03-11 00:00"}},
		{"further dates without a rule", calendar(meeting("DTSTART:20260115T090000", "DURATION:PT1H", "RDATE:20260120T110000,20260121T110000")),
			"2026-01-01T00:00", "2026-02-01T00:00",
			[]string{"2026-01-15 09:00 to 2026-01-15 10:00", "2026-01-20 11:00 to 2026-01-20 12:00", "2026-01-21 11:00 to 2026-01-21 12:00"}},
		{"an event without length", calendar(meeting("DTSTART:20260115T090000")), "2026-01-15T00:00", "2026-01-16T00:00", nil},
		{"one that ends as the window begins", calendar(meeting("DTSTART:20260115T090000", "DURATION:PT1H")), "2026-01-15T10:00", "2026-01-16T00:00", nil},
		{"an all-day series until an instant", calendar(meeting("DTSTART;VALUE=DATE:20260701", "RRULE:FREQ=DAILY;UNTIL=20260702T230000Z")), // midnight of 3 July in London
			"2026-07-01T00:00", "2026-08-01T00:00",
			[]string{"2026-07-01 00:00 to 2026-07-02 00:00", "2026-07-02 00:00 to 2026-07-03 00:00", "2026-07-03 00:00 to 2026-07-04 00:00"}},
		{"an all-day instance that moved", calendar(
			meeting("UID:a", "DTSTART;VALUE=DATE:20260328", "RRULE:FREQ=DAILY;COUNT=3"),
			meeting("UID:a", "RECURRENCE-ID;VALUE=DATE:20260329", "DTSTART;VALUE=DATE:20260401")),
			"2026-03-01T00:00", "2026-05-01T00:00",
			[]string{"2026-03-28 00:00 to 2026-03-29 00:00", "2026-03-30 00:00 to 2026-03-31 00:00", "2026-04-01 00:00 to 2026-04-02 00:00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := times(t, tt.text, tt.from, tt.to); !slices.Equal(got, tt.want) {
				t.Errorf("occurrences\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	good := meeting("DTSTART:20260115T090000", "DURATION:PT1H") // four lines
	for _, tt := range []struct{ name, text, want string }{
		{"something else", "hello", "file:1: not an iCalendar line: expected NAME:VALUE"},
		{"no calendar", "BEGIN:VCARD\nEND:VCARD\n", "file:1: not iCalendar: expected BEGIN:VCALENDAR"},
		{"truncated", strings.TrimSuffix(calendar(good), "END:VCALENDAR\r\n"), "file:6: END:VCALENDAR is missing: the file is truncated"},
		{"crossed", calendar("BEGIN:VEVENT", "END:VALARM"), "file:3: expected END:VEVENT, found END:VALARM"},
		{"no start", calendar(good, meeting("UID:a")), "file:6: the event has no DTSTART"},
		{"two starts", calendar(meeting("DTSTART:20260115T090000", "DTSTART:20260115T100000")), "file:4: a second DTSTART in one event"},
		{"bad start", calendar(meeting("UID:a", "DTSTART:tomorrow")), `file:4: DTSTART "tomorrow" is not a time: write it as 20260115T090000, 20260115T090000Z or 20260115`},
		{"no such day", calendar(meeting("DTSTART:20260230T090000")), `file:3: DTSTART "20260230T090000" is not a time: write it as 20260115T090000, 20260115T090000Z or 20260115`},
		{"long ago", calendar(meeting("DTSTART:19691231T090000")), "file:3: DTSTART is in the year 1969: supported are 1970 to 2200"},
		{"ends before", calendar(meeting("DTSTART:20260115T090000", "DTEND:20260115T080000")), "file:4: the event ends before it starts"},
		{"too long", calendar(meeting("DTSTART:20260115T090000", "DURATION:P367D")), "file:4: the event lasts longer than a year"},
		{"bad duration", calendar(meeting("DTSTART:20260115T090000", "DURATION:1h")), `file:4: DURATION "1h" is not a duration: write it as PT1H30M or P1D`},
		{"date and time", calendar(meeting("DTSTART:20260115T090000", "DTEND;VALUE=DATE:20260116")), "file:4: DTEND and DTSTART must both be dates or both be times"},
		{"unknown zone", calendar(meeting("DTSTART;TZID=Mars/Olympus:20260115T090000")), `file:3: time zone "Mars/Olympus" is not known: write TZID as in Europe/London`},
		{"bad rule", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=OFTEN")), "file:4: RRULE cannot be used: undefined frequency: OFTEN"},
		{"hourly", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=HOURLY")), "file:4: RRULE cannot be used: frequencies above DAILY are not supported"},
		{"by the minute", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=DAILY;BYMINUTE=0,30")), "file:4: RRULE cannot be used: BYHOUR, BYMINUTE and BYSECOND are not supported: occurrences start at the time of DTSTART"},
		{"bad exception", calendar(meeting("DTSTART:20260115T090000", "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20260116")), "file:5: EXDATE and DTSTART must both be dates or both be times"},
		{"this and future", calendar(meeting("DTSTART:20260115T090000", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260115T090000")), "file:4: RECURRENCE-ID with RANGE is not supported: end the series there and add a new one"},
		{"a date for an instance", calendar(meeting("UID:a", "DTSTART:20260115T090000", "RRULE:FREQ=DAILY"),
			meeting("UID:a", "DTSTART:20260116T100000", "RECURRENCE-ID;VALUE=DATE:20260116")), "file:10: RECURRENCE-ID is a date, but the series has times"},
		{"a time for an instance", calendar(meeting("UID:a", "DTSTART;VALUE=DATE:20260115", "RRULE:FREQ=DAILY"),
			meeting("UID:a", "DTSTART;VALUE=DATE:20260117", "RECURRENCE-ID:20260116T000000Z")), "file:10: RECURRENCE-ID is a time, but the series has dates"},
		{"bytes", "\xff\xfe", "file is not text in UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("file", tt.text, london(t)); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// Everything that is read of an event, unredacted.
func TestEvent(t *testing.T) {
	events, err := Parse("file", calendar(
		meeting("UID:1", "DTSTART:20260115T090000", "DURATION:PT1H", `SUMMARY:Budget\, again`, `LOCATION:Boardroom\; Library`,
			`ORGANIZER;CN="Ann: Finance":MAILTO:ann@example.com`, "ATTENDEE;CN=Bob:mailto:bob@example.com",
			"ATTENDEE;CUTYPE=ROOM;PARTSTAT=DECLINED;CN=Attic:mailto:attic@example.com", "CLASS:PRIVATE", "STATUS:TENTATIVE"),
		meeting("DTSTART:20260701T090000", "DURATION:PT1H", "LOCATION:Boardroom", "X-ROOMGATE-ROOM:annex", "TRANSP:TRANSPARENT"),
		meeting("UID:3", "DTSTART;VALUE=DATE:20260115", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "ORGANIZER:mailto:ann@example.com", "STATUS:CANCELLED",
			"RECURRENCE-ID;VALUE=DATE:20260114")), london(t))
	if err != nil {
		t.Fatal(err)
	}
	at := func(month time.Month, day, hour int) time.Time {
		return time.Date(2026, month, day, hour, 0, 0, 0, time.UTC)
	}
	want := []driver.Event{
		{ID: "1", Start: at(1, 15, 9), End: at(1, 15, 10), ShowAs: driver.Tentative, Private: true, Subject: "Budget, again", Organizer: "Ann: Finance",
			Places: []driver.Place{{Name: "Boardroom"}, {Name: "Library"}},
			Attendees: []driver.Attendee{{Name: "Bob", Address: "bob@example.com"},
				{Name: "Attic", Address: "attic@example.com", Resource: true, Declined: true}}},
		{ID: "line 14", Start: at(7, 1, 8), End: at(7, 1, 9), ShowAs: driver.Free, Places: []driver.Place{{Name: "annex"}}},
		{ID: "3 2026-01-14T00:00:00Z", Start: at(1, 15, 0), End: at(1, 16, 0), AllDay: true, ShowAs: driver.OutOfOffice, Cancelled: true, Organizer: "ann@example.com"},
	}
	for i, e := range events {
		if i >= len(want) || !reflect.DeepEqual(e.First, want[i]) {
			t.Errorf("event %d: %+v", i, e.First)
		}
	}
	if len(events) != len(want) {
		t.Errorf("%d events, want %d", len(events), len(want))
	}
	if got, want := events[2].Starts(), at(1, 15, 0); !got.Equal(want) {
		t.Errorf("the all-day event starts at %v, want %v", got, want)
	}
}

// The occurrences of a series have ids of their own.
func TestOccurrenceIDs(t *testing.T) {
	zone := london(t)
	events, err := Parse("file", calendar(
		meeting("UID:a", "DTSTART:20260115T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
		meeting("UID:a", "RECURRENCE-ID:20260116T090000", "DTSTART:20260116T140000", "DURATION:PT1H")), zone)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range events {
		all, err := e.Occurrences(instant(t, "2026-01-01T00:00", zone), instant(t, "2026-02-01T00:00", zone))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			ids = append(ids, o.ID)
		}
	}
	if want := []string{"a 2026-01-15T09:00:00Z", "a 2026-01-17T09:00:00Z", "a 2026-01-16T09:00:00Z"}; !slices.Equal(ids, want) {
		t.Errorf("ids %q, want %q", ids, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(calendar(meeting("UID:a", "DTSTART;TZID=Europe/London:20260318T090000", "DURATION:PT1H",
		"RRULE:FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2;UNTIL=20270101", "EXDATE;TZID=Europe/London:20260325T090000")))
	f.Add(calendar(meeting("DTSTART;VALUE=DATE:20260318", "RRULE:FREQ=YEARLY;BYWEEKNO=20;BYSETPOS=-1", "RDATE;VALUE=DATE:20260401")))
	f.Add(calendar(meeting("UID:a", "DTSTART:20260115T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3"),
		meeting("UID:a", "RECURRENCE-ID:20260116T090000", "DTSTART:20260116T140000", "DURATION:PT1H")))
	zone := london(f)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, zone)
	to := from.AddDate(0, 1, 0)
	f.Fuzz(func(t *testing.T, text string) {
		events, err := Parse("file", text, zone)
		if err != nil {
			return
		}
		for _, e := range events {
			all, err := e.Occurrences(from, to)
			if err != nil {
				t.Fatalf("a rule that was read cannot be used: %v", err)
			}
			for _, o := range all {
				start, end := o.Start, o.End
				if o.AllDay {
					start, end = driver.AllDay(start, end, zone)
				}
				if !start.Before(to) || !end.After(from) || !start.Before(end) {
					t.Fatalf("%v to %v is outside of %v to %v", start, end, from, to)
				}
			}
		}
	})
}
