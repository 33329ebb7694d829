package graphsim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// firstDays returns the first few days of a pattern.
func firstDays(r Recurrence, first string, n int) string {
	var days []string
	for d := range r.days(date(at(first+"T00:00")), time.Time{}) {
		if len(days) == n {
			break
		}
		days = append(days, d.Format(dayLayout))
	}
	return strings.Join(days, " ")
}

func TestRecurrencePatterns(t *testing.T) {
	for _, tc := range []struct {
		name  string
		r     Recurrence
		first string
		want  string
	}{
		{"daily", Recurrence{Type: "daily"}, "2026-02-27", "2026-02-27 2026-02-28 2026-03-01 2026-03-02"},
		{"every third day", Recurrence{Type: "daily", Interval: 3}, "2026-02-27", "2026-02-27 2026-03-02 2026-03-05 2026-03-08"},
		{"weekly", Recurrence{Type: "weekly", Days: []time.Weekday{time.Monday, time.Thursday}}, "2026-11-05", "2026-11-05 2026-11-09 2026-11-12 2026-11-16"},
		{"fortnightly, week from Sunday", Recurrence{Type: "weekly", Interval: 2, Days: []time.Weekday{time.Sunday, time.Monday}}, "2026-11-02", "2026-11-02 2026-11-15 2026-11-16 2026-11-29"},
		{"fortnightly, week from Monday", Recurrence{Type: "weekly", Interval: 2, FirstDay: time.Monday, Days: []time.Weekday{time.Sunday, time.Monday}}, "2026-11-02", "2026-11-02 2026-11-08 2026-11-16 2026-11-22"},
		{"31st", Recurrence{Type: "absoluteMonthly", DayOfMonth: 31}, "2026-01-31", "2026-01-31 2026-02-28 2026-03-31 2026-04-30"},
		{"second Tuesday", Recurrence{Type: "relativeMonthly", Index: "second", Days: []time.Weekday{time.Tuesday}}, "2026-11-10", "2026-11-10 2026-12-08 2027-01-12 2027-02-09"},
		{"last Friday of every other month", Recurrence{Type: "relativeMonthly", Interval: 2, Index: "last", Days: []time.Weekday{time.Friday}}, "2026-11-27", "2026-11-27 2027-01-29 2027-03-26 2027-05-28"},
		{"29 February", Recurrence{Type: "absoluteYearly", Month: time.February, DayOfMonth: 29}, "2024-02-29", "2024-02-29 2025-02-28 2026-02-28 2027-02-28"},
		{"first Monday of May", Recurrence{Type: "relativeYearly", Month: time.May, Index: "first", Days: []time.Weekday{time.Monday}}, "2026-05-04", "2026-05-04 2027-05-03 2028-05-01 2029-05-07"},
		{"three times", Recurrence{Type: "daily", Count: 3}, "2026-11-01", "2026-11-01 2026-11-02 2026-11-03"},
		{"until, inclusive", Recurrence{Type: "daily", Until: "2026-11-02"}, "2026-11-01", "2026-11-01 2026-11-02"},
	} {
		if got := firstDays(tc.r, tc.first, 4); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestSeriesAcrossClockChange: London goes from summer time (UTC+1) to UTC on 25 October 2026.
func TestSeriesAcrossClockChange(t *testing.T) {
	b := newBench(t)
	london, err := time.LoadLocation("Europe/London")
	b.must(err)
	b.add(boardroom, Event{Zone: "Europe/London", Start: time.Date(2023, 6, 6, 9, 0, 0, 0, london), End: time.Date(2023, 6, 6, 9, 30, 0, 0, london),
		Recurrence: &Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}})
	var got []string
	for _, e := range b.sim.View(boardroom, at("2026-10-19T00:00"), at("2026-10-30T00:00")) {
		got = append(got, e.Start.UTC().Format(time.RFC3339)+"/"+e.End.UTC().Format("15:04"))
	}
	if want := []string{"2026-10-20T08:00:00Z/08:30", "2026-10-27T09:00:00Z/09:30"}; !slices.Equal(got, want) {
		t.Errorf("occurrences %v, want %v", got, want)
	}
}

// TestSeriesEastOfGreenwich: the day of the pattern is the day in the series' zone, not in UTC.
func TestSeriesEastOfGreenwich(t *testing.T) {
	b := newBench(t)
	sydney, err := time.LoadLocation("Australia/Sydney")
	b.must(err)
	b.add(boardroom, Event{Zone: "Australia/Sydney", Start: time.Date(2026, 11, 3, 8, 0, 0, 0, sydney), End: time.Date(2026, 11, 3, 9, 0, 0, 0, sydney),
		Recurrence: &Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}, Count: 2}})
	view := b.sim.View(boardroom, at("2026-11-01T00:00"), at("2026-12-01T00:00"))
	if len(view) != 2 || !view[0].Start.Equal(at("2026-11-02T21:00")) || !view[1].Start.Equal(at("2026-11-09T21:00")) {
		t.Errorf("occurrences %v", view)
	}
}

func TestAllDayIsMidnightInEveryZone(t *testing.T) {
	b := newBench(t).signedIn()
	berlin, err := time.LoadLocation("Europe/Berlin")
	b.must(err)
	b.add(boardroom, Event{AllDay: true, Zone: "Europe/Berlin", Start: time.Date(2026, 11, 3, 0, 0, 0, 0, berlin), End: time.Date(2026, 11, 4, 0, 0, 0, 0, berlin)})
	for _, zone := range []string{"UTC", "Pacific Standard Time", "Europe/Berlin"} {
		r := b.get("/users/"+boardroom+"/calendarView"+tuesday, "Prefer", `outlook.timezone="`+zone+`"`)
		if !slices.Equal(r.column("start"), []string{"2026-11-03T00:00:00.0000000"}) || !slices.Equal(r.column("end"), []string{"2026-11-04T00:00:00.0000000"}) {
			t.Errorf("%s: %v %v", zone, r.column("start"), r.column("end"))
		}
	}
}

func TestBadRecurrenceIsRefused(t *testing.T) {
	b := newBench(t)
	for _, r := range []Recurrence{{}, {Type: "hourly"}, {Type: "weekly", Days: []time.Weekday{8}}, {Type: "absoluteYearly"}} {
		if _, err := b.sim.AddEvent(boardroom, Event{Recurrence: &r}); err == nil {
			t.Errorf("%+v was accepted", r)
		}
	}
}

// TestSkippingLosesNoDays: iterating from late in a series gives the same days as iterating from its beginning.
func TestSkippingLosesNoDays(t *testing.T) {
	first := date(at("2020-02-29T00:00"))
	for _, r := range []Recurrence{
		{Type: "daily", Interval: 5}, {Type: "daily", Count: 900}, {Type: "daily", Until: "2023-01-01"},
		{Type: "weekly", Interval: 3, Days: []time.Weekday{time.Sunday, time.Saturday}, FirstDay: time.Monday},
		{Type: "absoluteMonthly", Interval: 2, DayOfMonth: 31}, {Type: "relativeMonthly", Index: "last", Days: []time.Weekday{time.Friday}},
		{Type: "absoluteYearly", Month: time.December, DayOfMonth: 31}, {Type: "relativeYearly", Interval: 2, Month: time.January, Index: "first"},
	} {
		for _, from := range []time.Time{first.AddDate(-1, 0, 0), first.AddDate(0, 0, 6), first.AddDate(1, 0, -1), first.AddDate(3, 5, 11)} {
			if whole, late := daysFrom(r, first, time.Time{}, from), daysFrom(r, first, from, from); whole != late {
				t.Errorf("%+v from %s: %s, want %s", r, from.Format(dayLayout), late, whole)
			}
		}
	}
}

// daysFrom lists the first ten days after one, iterating from another.
func daysFrom(r Recurrence, first, begin, after time.Time) string {
	var list []string
	for d := range r.days(first, begin) {
		if len(list) == 10 {
			break
		}
		if !d.Before(after) {
			list = append(list, d.Format(dayLayout))
		}
	}
	return fmt.Sprint(list)
}
