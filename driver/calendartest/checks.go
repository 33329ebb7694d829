package calendartest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"roomgate/driver"
)

func testWindow(t *testing.T, f Fixture) {
	for _, e := range []Event{
		meeting("09:00", "10:00"),
		meeting("10:00", "10:30"),                                    // starts when the first ends
		meeting("09:30", "09:45"),                                    // within the first
		meeting("12:00", "12:00"),                                    // has no length
		{Start: at("2026-11-02 23:00"), End: at("2026-11-03 00:00")}, // ends when the window starts
		{Start: at("2026-11-02 23:00"), End: at("2026-11-03 00:01")},
		{Start: at("2026-11-03 23:59"), End: at("2026-11-04 08:00")},
		{Start: at("2026-11-04 00:00"), End: at("2026-11-04 01:00")}, // starts when it ends
		{Start: at("2026-10-20 08:00"), End: at("2026-11-20 17:00")}, // is longer than it
		{Start: at("2026-11-01 08:00"), End: at("2026-11-02 17:00")},
	} {
		f.Put(e)
	}
	got := read(t, f.Calendar(), room(f), from, to)
	wantSpans(t, got,
		"2026-10-20 08:00 2026-11-20 17:00",
		"2026-11-02 23:00 2026-11-03 00:01",
		"2026-11-03 09:00 2026-11-03 10:00",
		"2026-11-03 09:30 2026-11-03 09:45",
		"2026-11-03 10:00 2026-11-03 10:30",
		"2026-11-03 23:59 2026-11-04 08:00")
	for _, b := range got {
		if b.Start.Location() != time.UTC || b.End.Location() != time.UTC {
			t.Errorf("booking %v to %v is not in UTC", b.Start, b.End)
		}
	}
}

func testNotOccupied(t *testing.T, f Fixture) {
	kept, cancelled, declined, free := meeting("09:00", "10:00"), meeting("11:00", "12:00"), meeting("13:00", "14:00"), meeting("15:00", "16:00")
	cancelled.Cancelled, declined.Declined, free.ShowAs = true, true, driver.Free
	series := weekly(t)
	series.Cancelled = true
	for _, e := range []Event{kept, cancelled, declined, free, series} {
		f.Put(e)
	}
	wantSpans(t, read(t, f.Calendar(), room(f), from, to), "2026-11-03 09:00 2026-11-03 10:00")
}

func testStatus(t *testing.T, f Fixture) {
	want := []driver.ShowAs{driver.Busy, driver.Tentative, driver.OutOfOffice, driver.WorkingElsewhere}
	for i, s := range want {
		start := from.Add(time.Duration(i) * time.Hour)
		f.Put(Event{Start: start, End: start.Add(time.Hour), ShowAs: s})
	}
	var got []driver.ShowAs
	for _, b := range read(t, f.Calendar(), room(f), from, to) {
		got = append(got, b.ShowAs)
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown as %v, want %v", got, want)
	}
}

// testAllDay: an all-day event is a date of the site, whatever zone it was created
// in and however many hours that day has.
func testAllDay(t *testing.T, f Fixture) {
	for _, day := range []string{"2026-03-29", "2026-10-25", "2026-11-03"} {
		first := at(day + " 00:00")
		f.Put(Event{Start: first, End: first.AddDate(0, 0, 1), AllDay: true})
	}
	newYork := zone(t, "America/New_York")
	f.Put(Event{Start: time.Date(2026, 7, 4, 0, 0, 0, 0, newYork), End: time.Date(2026, 7, 6, 0, 0, 0, 0, newYork), Zone: "America/New_York", AllDay: true})
	for site, want := range map[string][]string{
		"Europe/London": {"2026-03-29 00:00 2026-03-29 23:00", "2026-07-03 23:00 2026-07-05 23:00",
			"2026-10-24 23:00 2026-10-26 00:00", "2026-11-03 00:00 2026-11-04 00:00"},
		"Pacific/Auckland": {"2026-03-28 11:00 2026-03-29 11:00", "2026-07-03 12:00 2026-07-05 12:00",
			"2026-10-24 11:00 2026-10-25 11:00", "2026-11-02 11:00 2026-11-03 11:00"},
		"America/Los_Angeles": {"2026-03-29 07:00 2026-03-30 07:00", "2026-07-04 07:00 2026-07-06 07:00",
			"2026-10-25 07:00 2026-10-26 07:00", "2026-11-03 08:00 2026-11-04 08:00"},
	} {
		r := room(f)
		r.Zone = zone(t, site)
		var got []driver.Booking
		for _, day := range []string{"2026-03-29", "2026-07-04", "2026-10-25", "2026-11-03"} {
			midnight := at(day + " 00:00")
			got = append(got, read(t, f.Calendar(), r, midnight.AddDate(0, 0, -3), midnight.AddDate(0, 0, 5))...)
		}
		wantSpans(t, got, want...)
	}
	testAllDayEdges(t, f)
}

// testAllDayEdges: an all-day event is read in every window of the site's day, and
// in none of another day, although the service may place it by UTC.
func testAllDayEdges(t *testing.T, f Fixture) {
	for _, site := range []string{"Pacific/Auckland", "America/Los_Angeles"} {
		r := room(f)
		r.Zone = zone(t, site)
		for day, want := range map[int]int{2: 0, 3: 1, 4: 0} {
			first := time.Date(2026, 11, day, 0, 0, 0, 0, r.Zone)
			if got := read(t, f.Calendar(), r, first.UTC(), first.AddDate(0, 0, 1).UTC()); len(got) != want {
				t.Errorf("%s: 2026-11-%02d has %q, want %d bookings", site, day, spans(got), want)
			}
		}
		midnight := time.Date(2026, 11, 3, 0, 0, 0, 0, r.Zone)
		for _, hour := range []time.Duration{0, 23} {
			start := midnight.Add(hour * time.Hour).UTC()
			if got := read(t, f.Calendar(), r, start, start.Add(time.Hour)); len(got) != 1 {
				t.Errorf("%s: the hour from %02d:00 has %q, want the day's booking", site, hour, spans(got))
			}
		}
	}
}

func testSeries(t *testing.T, f Fixture) {
	f.Put(weekly(t))
	c := f.Calendar()
	wantSpans(t, read(t, c, room(f), from, to), "2026-11-03 09:00 2026-11-03 10:00")
	wantSpans(t, read(t, c, room(f), at("2026-11-04 00:00"), at("2026-11-08 00:00")))
	wantSpans(t, read(t, c, room(f), at("2026-11-10 09:59"), at("2026-11-17 09:01")),
		"2026-11-10 09:00 2026-11-10 10:00", "2026-11-17 09:00 2026-11-17 10:00")
}

// testSeriesClockChange: a series keeps its local time.
func testSeriesClockChange(t *testing.T, f Fixture) {
	f.Put(weekly(t))
	c := f.Calendar()
	wantSpans(t, read(t, c, room(f), at("2026-10-20 00:00"), at("2026-10-28 00:00")),
		"2026-10-20 08:00 2026-10-20 09:00", "2026-10-27 09:00 2026-10-27 10:00")
	wantSpans(t, read(t, c, room(f), at("2027-03-23 00:00"), at("2027-03-31 00:00")),
		"2027-03-23 09:00 2027-03-23 10:00", "2027-03-30 08:00 2027-03-30 09:00")
}

func testExceptions(t *testing.T, f Fixture) {
	skipped, moved, into := f.Put(weekly(t)), f.Put(weekly(t)), f.Put(weekly(t))
	today, next := at("2026-11-03 09:00"), at("2026-11-10 09:00")
	f.Skip(skipped, today)
	f.Move(moved, today, at("2026-11-03 14:00"), at("2026-11-03 14:30"))
	f.Move(into, today, at("2026-11-05 09:00"), at("2026-11-05 10:00")) // out of the window …
	f.Move(into, next, at("2026-11-03 16:00"), at("2026-11-03 17:00"))  // … and another into it
	wantSpans(t, read(t, f.Calendar(), room(f), from, to), "2026-11-03 14:00 2026-11-03 14:30", "2026-11-03 16:00 2026-11-03 17:00")
}

// testChanges: whatever a Calendar caches, each reading is up to date.
func testChanges(t *testing.T, f Fixture) {
	c, r := f.Calendar(), room(f)
	wantSpans(t, read(t, c, r, from, to))
	single, series := f.Put(meeting("12:00", "13:00")), f.Put(weekly(t))
	both := []string{"2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 12:00 2026-11-03 13:00"}
	wantSpans(t, read(t, c, r, from, to), both...)
	wantSpans(t, read(t, c, r, from, to), both...)
	f.Drop(single)
	f.Move(series, at("2026-11-03 09:00"), at("2026-11-03 10:00"), at("2026-11-03 11:00"))
	wantSpans(t, read(t, c, r, from, to), "2026-11-03 10:00 2026-11-03 11:00")
	f.Skip(series, at("2026-11-03 09:00"))
	wantSpans(t, read(t, c, r, from, to))
	wantSpans(t, read(t, c, r, at("2026-11-10 00:00"), at("2026-11-11 00:00")), "2026-11-10 09:00 2026-11-10 10:00")
	f.Drop(series)
	wantSpans(t, read(t, c, r, at("2026-11-10 00:00"), at("2026-11-11 00:00")))
}

// testPrivacy: subject and organizer are read where the room's privacy allows
// them, and never become part of the booking of a private event.
func testPrivacy(t *testing.T, f Fixture) {
	open := meeting("09:00", "10:00")
	open.People = 3
	f.Put(open)
	for sensitivity, hour := range map[string]string{"personal": "11", "private": "12", "confidential": "13"} {
		closed := meeting(hour+":00", hour+":30")
		closed.Sensitivity = sensitivity
		f.Put(closed)
	}
	for privacy, want := range map[driver.Privacy]driver.Booking{
		driver.PrivacyBusy:      {Attendees: 3},
		driver.PrivacySubject:   {Attendees: 3, Subject: "Budget"},
		driver.PrivacyOrganizer: {Attendees: 3, Organizer: "Priya Rao"},
		driver.PrivacyFull:      {Attendees: 3, Subject: "Budget", Organizer: "Priya Rao"},
	} {
		r := room(f)
		r.Privacy = privacy
		got := read(t, f.Calendar(), r, from, to)
		wantSpans(t, got, "2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 11:00 2026-11-03 11:30",
			"2026-11-03 12:00 2026-11-03 12:30", "2026-11-03 13:00 2026-11-03 13:30")
		if f.TimesOnly() {
			want = driver.Booking{}
		}
		for i, b := range got {
			if i > 0 { // the marked ones
				want = driver.Booking{Private: !f.TimesOnly()}
			}
			if b.Subject != want.Subject || b.Organizer != want.Organizer || b.Attendees != want.Attendees || b.Private != want.Private {
				t.Errorf("privacy %v: booking %+v, want subject, organizer, attendees and private as in %+v", privacy, b, want)
			}
		}
	}
}

// testSensitivity: admission relies on Private to remove subject and organizer.
func testSensitivity(t *testing.T, f Fixture) {
	f.Put(meeting("09:00", "10:00"))
	closed := meeting("11:00", "12:00")
	closed.Sensitivity = "private"
	f.Put(closed)
	got, _ := newRecorder(t, from, to, room(f)).fetch(t.Context(), f.Calendar())
	var private []string
	for _, e := range got[room(f).ID].Events {
		if e.Private {
			private = append(private, e.Start.UTC().Format("15:04"))
		}
	}
	if want := []string{"11:00"}; !f.TimesOnly() && !slices.Equal(private, want) {
		t.Errorf("private are the events at %v, want %v", private, want)
	}
}

// testIdentity: ids are unique and stable.
func testIdentity(t *testing.T, f Fixture) {
	f.Put(meeting("09:00", "10:00"))
	f.Put(meeting("09:00", "10:00"))
	f.Put(weekly(t))
	c := f.Calendar()
	window := func() []driver.Booking { return read(t, c, room(f), from, at("2026-11-18 00:00")) }
	got := window()
	ids := map[string]bool{}
	for _, b := range got {
		ids[b.ID] = true
	}
	if !f.TimesOnly() && (len(got) != 5 || len(ids) != 5 || ids[""]) {
		t.Errorf("ids %v of %d bookings, want 5 different ones", ids, len(got))
	}
	wantSpans(t, slices.CompactFunc(slices.Clone(got), sameTimes),
		"2026-11-03 09:00 2026-11-03 10:00", "2026-11-10 09:00 2026-11-10 10:00", "2026-11-17 09:00 2026-11-17 10:00")
	if again := window(); !slices.Equal(again, got) {
		t.Errorf("read again: %+v, before: %+v", again, got)
	}
}

func sameTimes(a, b driver.Booking) bool { return a.Start.Equal(b.Start) && a.End.Equal(b.End) }

func testMany(t *testing.T, f Fixture) {
	var want []string
	for i := range 250 {
		e := Event{Start: from.Add(time.Duration(i) * 5 * time.Minute), End: from.Add(time.Duration(i+1) * 5 * time.Minute)}
		f.Put(e)
		want = append(want, spans([]driver.Booking{{Start: e.Start, End: e.End}})...)
	}
	wantSpans(t, read(t, f.Calendar(), room(f), from, to), want...)
}

func testDelivery(t *testing.T, f Fixture) {
	f.Put(meeting("09:00", "10:00"))
	c, other := f.Calendar(), f.Other()
	other.Zone = time.UTC
	for _, rooms := range [][]driver.Room{{room(f), other}, {other, room(f)}} {
		got, tally := newRecorder(t, from, to, rooms...).fetch(t.Context(), c)
		wantSpans(t, got[room(f).ID].bookings, "2026-11-03 09:00 2026-11-03 10:00")
		wantSpans(t, got[other.ID].bookings)
		if got[room(f).ID].Err != nil || got[other.ID].Err != nil {
			t.Errorf("errors %v, %v", got[room(f).ID].Err, got[other.ID].Err)
		}
		if tally.Requests < 1 || tally.Bytes < 1 {
			t.Errorf("tally %+v, want the requests and the bytes", tally)
		}
	}
	if got, _ := newRecorder(t, from, to).fetch(t.Context(), c); len(got) != 0 {
		t.Errorf("without rooms, delivered %v", got)
	}
}

// testUnchanged: a reading that is reported as unchanged is; and whatever has
// changed is read.
func testUnchanged(t *testing.T, f Fixture) {
	other := f.Other()
	other.Zone = time.UTC
	c, r := f.Calendar(), newRecorder(t, from, to, room(f), other)
	want := func(spans ...string) {
		t.Helper()
		for range 2 {
			got, _ := r.fetch(t.Context(), c)
			wantSpans(t, got[room(f).ID].bookings, spans...)
			wantSpans(t, got[other.ID].bookings)
		}
	}
	want()
	f.Put(meeting("09:00", "10:00"))
	want("2026-11-03 09:00 2026-11-03 10:00")
	later := f.Put(meeting("11:00", "12:00"))
	want("2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 11:00 2026-11-03 12:00")
	f.Drop(later)
	r.forget(other.ID)
	want("2026-11-03 09:00 2026-11-03 10:00")
	r.forget(room(f).ID)
	want("2026-11-03 09:00 2026-11-03 10:00")
}

// testRefused: the error concerns its room only, and has an action.
func testRefused(t *testing.T, f Fixture) {
	f.Put(meeting("09:00", "10:00"))
	refused := f.Refused()
	refused.Zone = time.UTC
	got, _ := newRecorder(t, from, to, refused, room(f)).fetch(t.Context(), f.Calendar())
	var a driver.Actionable
	if err := got[refused.ID].Err; !errors.As(err, &a) || !a.NeedsPerson() || a.Action() == "" {
		t.Errorf("error %v, want one with an action", err)
	}
	if rd := got[room(f).ID]; rd.Err != nil {
		t.Errorf("the other room: %v", rd.Err)
	}
	wantSpans(t, got[room(f).ID].bookings, "2026-11-03 09:00 2026-11-03 10:00")
}

// testCancelled: a Fetch whose context has ended returns, with an error in each
// room.
func testCancelled(t *testing.T, f Fixture) {
	f.Put(meeting("09:00", "10:00"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := f.Other()
	other.Zone = time.UTC
	got, _ := newRecorder(t, from, to, room(f), other).fetch(ctx, f.Calendar())
	for id, rd := range got {
		if !errors.Is(rd.Err, context.Canceled) || len(rd.Events) > 0 {
			t.Errorf("room %q: %d events, error %v; want only that the context ended", id, len(rd.Events), rd.Err)
		}
	}
}
