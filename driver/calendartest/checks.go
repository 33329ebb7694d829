package calendartest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"roomgate/driver"
)

func testWindow(t *testing.T, w World) {
	for _, e := range []Event{
		meeting("09:00", "10:00"),
		meeting("10:00", "10:30"),                                    // touches the one before
		meeting("09:30", "09:45"),                                    // within it
		meeting("12:00", "12:00"),                                    // takes no time
		{Start: at("2026-11-02 23:00"), End: at("2026-11-03 00:00")}, // ends when the window starts
		{Start: at("2026-11-02 23:00"), End: at("2026-11-03 00:01")},
		{Start: at("2026-11-03 23:59"), End: at("2026-11-04 08:00")},
		{Start: at("2026-11-04 00:00"), End: at("2026-11-04 01:00")}, // starts when it ends
		{Start: at("2026-10-20 08:00"), End: at("2026-11-20 17:00")}, // is longer than it
		{Start: at("2026-11-01 08:00"), End: at("2026-11-02 17:00")},
	} {
		w.Put(e)
	}
	got := read(t, w.Calendar(), room(w), from, to)
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

func testNotTaken(t *testing.T, w World) {
	kept, cancelled, declined, free := meeting("09:00", "10:00"), meeting("11:00", "12:00"), meeting("13:00", "14:00"), meeting("15:00", "16:00")
	cancelled.Cancelled, declined.Declined, free.ShowAs = true, true, driver.Free
	series := weekly(t)
	series.Cancelled = true
	for _, e := range []Event{kept, cancelled, declined, free, series} {
		w.Put(e)
	}
	wantSpans(t, read(t, w.Calendar(), room(w), from, to), "2026-11-03 09:00 2026-11-03 10:00")
}

func testStatus(t *testing.T, w World) {
	want := []driver.ShowAs{driver.Busy, driver.Tentative, driver.OutOfOffice, driver.WorkingElsewhere}
	for i, s := range want {
		start := from.Add(time.Duration(i) * time.Hour)
		w.Put(Event{Start: start, End: start.Add(time.Hour), ShowAs: s})
	}
	var got []driver.ShowAs
	for _, b := range read(t, w.Calendar(), room(w), from, to) {
		got = append(got, b.ShowAs)
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown as %v, want %v", got, want)
	}
}

// testAllDay: an all-day event is a date of the site, whatever zone it was made
// in and however long that day is.
func testAllDay(t *testing.T, w World) {
	for _, day := range []string{"2026-03-29", "2026-10-25", "2026-11-03"} {
		first := at(day + " 00:00")
		w.Put(Event{Start: first, End: first.AddDate(0, 0, 1), AllDay: true})
	}
	newYork := zone(t, "America/New_York")
	w.Put(Event{Start: time.Date(2026, 7, 4, 0, 0, 0, 0, newYork), End: time.Date(2026, 7, 6, 0, 0, 0, 0, newYork), Zone: "America/New_York", AllDay: true})
	for site, want := range map[string][]string{
		"Europe/London": {"2026-03-29 00:00 2026-03-29 23:00", "2026-07-03 23:00 2026-07-05 23:00",
			"2026-10-24 23:00 2026-10-26 00:00", "2026-11-03 00:00 2026-11-04 00:00"},
		"Pacific/Auckland": {"2026-03-28 11:00 2026-03-29 11:00", "2026-07-03 12:00 2026-07-05 12:00",
			"2026-10-24 11:00 2026-10-25 11:00", "2026-11-02 11:00 2026-11-03 11:00"},
		"America/Los_Angeles": {"2026-03-29 07:00 2026-03-30 07:00", "2026-07-04 07:00 2026-07-06 07:00",
			"2026-10-25 07:00 2026-10-26 07:00", "2026-11-03 08:00 2026-11-04 08:00"},
	} {
		r := room(w)
		r.Zone = zone(t, site)
		var got []driver.Booking
		for _, day := range []string{"2026-03-29", "2026-07-04", "2026-10-25", "2026-11-03"} {
			midnight := at(day + " 00:00")
			got = append(got, read(t, w.Calendar(), r, midnight.AddDate(0, 0, -3), midnight.AddDate(0, 0, 5))...)
		}
		wantSpans(t, got, want...)
	}
	testAllDayEdges(t, w)
}

// testAllDayEdges: the site's day holds its event from the first hour to the
// last, and no other day does, though the service may go by UTC.
func testAllDayEdges(t *testing.T, w World) {
	for _, site := range []string{"Pacific/Auckland", "America/Los_Angeles"} {
		r := room(w)
		r.Zone = zone(t, site)
		for day, want := range map[int]int{2: 0, 3: 1, 4: 0} {
			first := time.Date(2026, 11, day, 0, 0, 0, 0, r.Zone)
			if got := read(t, w.Calendar(), r, first.UTC(), first.AddDate(0, 0, 1).UTC()); len(got) != want {
				t.Errorf("%s: 2026-11-%02d has %q, want %d bookings", site, day, spans(got), want)
			}
		}
		midnight := time.Date(2026, 11, 3, 0, 0, 0, 0, r.Zone)
		for _, hour := range []time.Duration{0, 23} {
			start := midnight.Add(hour * time.Hour).UTC()
			if got := read(t, w.Calendar(), r, start, start.Add(time.Hour)); len(got) != 1 {
				t.Errorf("%s: the hour from %02d:00 has %q, want the day's booking", site, hour, spans(got))
			}
		}
	}
}

func testSeries(t *testing.T, w World) {
	w.Put(weekly(t))
	c := w.Calendar()
	wantSpans(t, read(t, c, room(w), from, to), "2026-11-03 09:00 2026-11-03 10:00")
	wantSpans(t, read(t, c, room(w), at("2026-11-04 00:00"), at("2026-11-08 00:00")))
	wantSpans(t, read(t, c, room(w), at("2026-11-10 09:59"), at("2026-11-17 09:01")),
		"2026-11-10 09:00 2026-11-10 10:00", "2026-11-17 09:00 2026-11-17 10:00")
}

// testSeriesClockChange: nine in London stays nine in London.
func testSeriesClockChange(t *testing.T, w World) {
	w.Put(weekly(t))
	c := w.Calendar()
	wantSpans(t, read(t, c, room(w), at("2026-10-20 00:00"), at("2026-10-28 00:00")),
		"2026-10-20 08:00 2026-10-20 09:00", "2026-10-27 09:00 2026-10-27 10:00")
	wantSpans(t, read(t, c, room(w), at("2027-03-23 00:00"), at("2027-03-31 00:00")),
		"2027-03-23 09:00 2027-03-23 10:00", "2027-03-30 08:00 2027-03-30 09:00")
}

func testExceptions(t *testing.T, w World) {
	skipped, moved, into := w.Put(weekly(t)), w.Put(weekly(t)), w.Put(weekly(t))
	today, next := at("2026-11-03 09:00"), at("2026-11-10 09:00")
	w.Skip(skipped, today)
	w.Move(moved, today, at("2026-11-03 14:00"), at("2026-11-03 14:30"))
	w.Move(into, today, at("2026-11-05 09:00"), at("2026-11-05 10:00")) // out of the window …
	w.Move(into, next, at("2026-11-03 16:00"), at("2026-11-03 17:00"))  // … and another into it
	wantSpans(t, read(t, w.Calendar(), room(w), from, to), "2026-11-03 14:00 2026-11-03 14:30", "2026-11-03 16:00 2026-11-03 17:00")
}

// testChanges: what one Calendar remembers from reading to reading is never
// older than the calendar.
func testChanges(t *testing.T, w World) {
	c, r := w.Calendar(), room(w)
	wantSpans(t, read(t, c, r, from, to))
	single, series := w.Put(meeting("12:00", "13:00")), w.Put(weekly(t))
	both := []string{"2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 12:00 2026-11-03 13:00"}
	wantSpans(t, read(t, c, r, from, to), both...)
	wantSpans(t, read(t, c, r, from, to), both...)
	w.Drop(single)
	w.Move(series, at("2026-11-03 09:00"), at("2026-11-03 10:00"), at("2026-11-03 11:00"))
	wantSpans(t, read(t, c, r, from, to), "2026-11-03 10:00 2026-11-03 11:00")
	w.Skip(series, at("2026-11-03 09:00"))
	wantSpans(t, read(t, c, r, from, to))
	wantSpans(t, read(t, c, r, at("2026-11-10 00:00"), at("2026-11-11 00:00")), "2026-11-10 09:00 2026-11-10 10:00")
	w.Drop(series)
	wantSpans(t, read(t, c, r, at("2026-11-10 00:00"), at("2026-11-11 00:00")))
}

// testPrivacy: what may not be known is not in a booking, and one that is marked
// in any way is a stretch of time.
func testPrivacy(t *testing.T, w World) {
	open := meeting("09:00", "10:00")
	open.People = 3
	w.Put(open)
	for sensitivity, hour := range map[string]string{"personal": "11", "private": "12", "confidential": "13"} {
		closed := meeting(hour+":00", hour+":30")
		closed.Sensitivity = sensitivity
		w.Put(closed)
	}
	for privacy, want := range map[driver.Privacy]driver.Booking{
		driver.PrivacyBusy:      {Attendees: 3},
		driver.PrivacySubject:   {Attendees: 3, Subject: "Budget"},
		driver.PrivacyOrganizer: {Attendees: 3, Organizer: "Priya Rao"},
		driver.PrivacyFull:      {Attendees: 3, Subject: "Budget", Organizer: "Priya Rao"},
	} {
		r := room(w)
		r.Privacy = privacy
		got := read(t, w.Calendar(), r, from, to)
		wantSpans(t, got, "2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 11:00 2026-11-03 11:30",
			"2026-11-03 12:00 2026-11-03 12:30", "2026-11-03 13:00 2026-11-03 13:30")
		if w.TimesOnly() {
			want = driver.Booking{}
		}
		for i, b := range got {
			if i > 0 { // the marked ones
				want = driver.Booking{Private: !w.TimesOnly()}
			}
			if b.Subject != want.Subject || b.Organizer != want.Organizer || b.Attendees != want.Attendees || b.Private != want.Private {
				t.Errorf("privacy %v: of the booking is known %+v, want no more and no less than %+v", privacy, b, want)
			}
		}
	}
}

// testMarks: the events that are marked arrive with the mark, which is what
// admission goes by.
func testMarks(t *testing.T, w World) {
	w.Put(meeting("09:00", "10:00"))
	closed := meeting("11:00", "12:00")
	closed.Sensitivity = "private"
	w.Put(closed)
	got, _ := newRecorder(t, from, to, room(w)).fetch(t.Context(), w.Calendar())
	var private []string
	for _, e := range got[room(w).ID].Events {
		if e.Private {
			private = append(private, e.Start.UTC().Format("15:04"))
		}
	}
	if want := []string{"11:00"}; !w.TimesOnly() && !slices.Equal(private, want) {
		t.Errorf("private are the events at %v, want %v", private, want)
	}
}

// testIdentity: ids tell bookings apart, and stay.
func testIdentity(t *testing.T, w World) {
	w.Put(meeting("09:00", "10:00"))
	w.Put(meeting("09:00", "10:00"))
	w.Put(weekly(t))
	c := w.Calendar()
	window := func() []driver.Booking { return read(t, c, room(w), from, at("2026-11-18 00:00")) }
	got := window()
	ids := map[string]bool{}
	for _, b := range got {
		ids[b.ID] = true
	}
	if !w.TimesOnly() && (len(got) != 5 || len(ids) != 5 || ids[""]) {
		t.Errorf("ids %v of %d bookings, want 5 different ones", ids, len(got))
	}
	wantSpans(t, slices.CompactFunc(slices.Clone(got), sameTimes),
		"2026-11-03 09:00 2026-11-03 10:00", "2026-11-10 09:00 2026-11-10 10:00", "2026-11-17 09:00 2026-11-17 10:00")
	if again := window(); !slices.Equal(again, got) {
		t.Errorf("read again: %+v, before: %+v", again, got)
	}
}

func sameTimes(a, b driver.Booking) bool { return a.Start.Equal(b.Start) && a.End.Equal(b.End) }

func testMany(t *testing.T, w World) {
	var want []string
	for i := range 250 {
		e := Event{Start: from.Add(time.Duration(i) * 5 * time.Minute), End: from.Add(time.Duration(i+1) * 5 * time.Minute)}
		w.Put(e)
		want = append(want, spans([]driver.Booking{{Start: e.Start, End: e.End}})...)
	}
	wantSpans(t, read(t, w.Calendar(), room(w), from, to), want...)
}

func testDelivery(t *testing.T, w World) {
	w.Put(meeting("09:00", "10:00"))
	c, other := w.Calendar(), w.Other()
	other.Zone = time.UTC
	for _, rooms := range [][]driver.Room{{room(w), other}, {other, room(w)}} {
		got, tally := newRecorder(t, from, to, rooms...).fetch(t.Context(), c)
		wantSpans(t, got[room(w).ID].bookings, "2026-11-03 09:00 2026-11-03 10:00")
		wantSpans(t, got[other.ID].bookings)
		if got[room(w).ID].Err != nil || got[other.ID].Err != nil {
			t.Errorf("errors %v, %v", got[room(w).ID].Err, got[other.ID].Err)
		}
		if tally.Requests < 1 || tally.Bytes < 1 {
			t.Errorf("cost %+v, want what was asked and received", tally)
		}
	}
	if got, _ := newRecorder(t, from, to).fetch(t.Context(), c); len(got) != 0 {
		t.Errorf("no rooms brought %v", got)
	}
}

// testUnchanged: a reading that is reported as unchanged is; and whatever has
// changed is read.
func testUnchanged(t *testing.T, w World) {
	other := w.Other()
	other.Zone = time.UTC
	c, r := w.Calendar(), newRecorder(t, from, to, room(w), other)
	want := func(spans ...string) {
		t.Helper()
		for range 2 {
			got, _ := r.fetch(t.Context(), c)
			wantSpans(t, got[room(w).ID].bookings, spans...)
			wantSpans(t, got[other.ID].bookings)
		}
	}
	want()
	w.Put(meeting("09:00", "10:00"))
	want("2026-11-03 09:00 2026-11-03 10:00")
	later := w.Put(meeting("11:00", "12:00"))
	want("2026-11-03 09:00 2026-11-03 10:00", "2026-11-03 11:00 2026-11-03 12:00")
	w.Drop(later)
	r.forget(other.ID)
	want("2026-11-03 09:00 2026-11-03 10:00")
	r.forget(room(w).ID)
	want("2026-11-03 09:00 2026-11-03 10:00")
}

// testRefused: the error stands with its room, says who can mend it, and costs
// no other room.
func testRefused(t *testing.T, w World) {
	w.Put(meeting("09:00", "10:00"))
	refused := w.Refused()
	refused.Zone = time.UTC
	got, _ := newRecorder(t, from, to, refused, room(w)).fetch(t.Context(), w.Calendar())
	var a driver.Actionable
	if err := got[refused.ID].Err; !errors.As(err, &a) || !a.NeedsPerson() || a.Action() == "" {
		t.Errorf("error %v, want one that tells a person what to do", err)
	}
	if rd := got[room(w).ID]; rd.Err != nil {
		t.Errorf("the other room: %v", rd.Err)
	}
	wantSpans(t, got[room(w).ID].bookings, "2026-11-03 09:00 2026-11-03 10:00")
}

// testCancelled: a Fetch whose context has ended returns, with an error in each
// room.
func testCancelled(t *testing.T, w World) {
	w.Put(meeting("09:00", "10:00"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := w.Other()
	other.Zone = time.UTC
	got, _ := newRecorder(t, from, to, room(w), other).fetch(ctx, w.Calendar())
	for id, rd := range got {
		if !errors.Is(rd.Err, context.Canceled) || len(rd.Events) > 0 {
			t.Errorf("room %q: %d events, error %v; want only that the context ended", id, len(rd.Events), rd.Err)
		}
	}
}
