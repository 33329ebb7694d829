package driver

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"
)

// Days on which the clocks change have 23 and 25 hours. A day with more comfort
// than the schedule has hours avoids nothing.
func TestBaseline(t *testing.T) {
	week := Weekly{Exceptions: map[string][]HoursRange{"2026-12-25": {}, "2026-12-26": {{From: 600, To: 660}, {From: 660, To: 690}}}}
	week.Days[time.Sunday] = []HoursRange{{From: 0, To: 1440}}
	week.Days[time.Friday] = []HoursRange{{From: 7 * 60, To: 12 * 60}, {From: 13 * 60, To: 17 * 60}}
	for _, c := range []struct {
		date                              string
		comfort, minutes, wanted, avoided int
	}{
		{"2026-03-22", 0, 1440, 1440, 1440},  // a Sunday
		{"2026-03-29", 80, 1380, 1380, 1300}, // that on which the clocks go forward
		{"2026-10-25", 1500, 1500, 1500, 0},  // and back
		{"2026-12-18", 541, 1440, 540, 0},    // a Friday
		{"2026-12-25", 60, 1440, 0, 0},       // another, closed
		{"2026-12-26", 0, 1440, 90, 90},      // a Saturday with hours of its own
		{"2026-12-19", 0, 1440, 0, 0},        // one without
	} {
		date, err := time.Parse(time.DateOnly, c.date)
		if err != nil {
			t.Fatal(err)
		}
		u := usageOf(Day{ComfortMinutes: c.comfort}, date, week, zone(t, "Europe/London"))
		if u.Minutes != c.minutes || u.Baseline == nil || *u.Baseline != (Baseline{c.wanted, c.avoided}) {
			t.Errorf("%s: %d minutes, %+v; want %d, %d, %d", c.date, u.Minutes, u.Baseline, c.minutes, c.wanted, c.avoided)
		}
	}
	closed := Weekly{Exceptions: map[string][]HoursRange{"2026-12-25": {}}}
	if u := usageOf(Day{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), closed, zone(t, "Europe/London")); u.Baseline != nil {
		t.Errorf("a week without hours has the baseline %+v", u.Baseline)
	}
}

func date(t testing.TB, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Today is half past midnight in London, when UTC has the day before.
func TestNewPeriod(t *testing.T) {
	today := time.Date(2026, 6, 16, 0, 30, 0, 0, zone(t, "Europe/London"))
	for _, c := range []struct{ from, to, first, last string }{
		{"", "", "2026-05-17", "2026-06-15"},
		{"2026-06-01", "", "2026-06-01", "2026-06-15"},
		{"", "2026-03-31", "2026-03-02", "2026-03-31"},
		{"2026-02-28", "2026-02-28", "2026-02-28", "2026-02-28"},
		{"2025-05-12", "", "2025-05-12", "2026-06-15"}, // 400 days
	} {
		p, err := NewPeriod(date(t, c.from), date(t, c.to), today)
		if first, last := p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly); err != nil || first != c.first || last != c.last {
			t.Errorf("%q to %q: %s to %s, %v; want %s to %s", c.from, c.to, first, last, err, c.first, c.last)
		}
	}
	for _, c := range []struct{ from, to, want string }{
		{"2026-06-16", "", "2026-06-16 is after the last day, 2026-06-15"},
		{"2026-02-02", "2026-02-01", "2026-02-02 is after the last day, 2026-02-01"},
		{"2025-05-11", "", "2025-05-11 to 2026-06-15 are 401 days, and at most 400 are kept"},
	} {
		if _, err := NewPeriod(date(t, c.from), date(t, c.to), today); err == nil || err.Error() != c.want {
			t.Errorf("%q to %q: %v, want %s", c.from, c.to, err, c.want)
		}
	}
}

// Configured rooms come first, others after them by id. A damaged date is named
// and left out.
func TestNewReport(t *testing.T) {
	london := zone(t, "Europe/London")
	boardroom := Room{ID: "boardroom"}
	boardroom.Weekly.Days[time.Wednesday] = []HoursRange{{From: 7 * 60, To: 18*60 + 30}} // 690 minutes
	stored := map[string][]Day{"2026-01-14": {                                           // a Wednesday
		{Room: "pantry", BookedMinutes: 5},
		{Room: "attic", BookedMinutes: 6, SensorMinutes: 1440, UsedMinutes: 61, NoShows: 1, WalkIns: 2, EarlyLeaves: 3, Overruns: 4},
		{Room: "boardroom", BookedMinutes: 90, ComfortMinutes: 130},
	}, "2026-01-16": {{Room: "boardroom", BookedMinutes: 30, ComfortMinutes: 40}}}
	read := func(date string) ([]Day, error) {
		if date == "2026-01-15" {
			return nil, ErrDamagedDay
		}
		return stored[date], nil
	}
	period := Period{date(t, "2026-01-14"), date(t, "2026-01-17")}
	r, err := NewReport(Site{ID: "hq", Zone: london}, []Room{boardroom, {ID: "library"}}, period, read)
	if err != nil {
		t.Fatal(err)
	}
	attic := Usage{Minutes: 1440, Booked: 6, Presence: &PresenceUsage{1440, 61, 1, 2, 3, 4}}
	first := Usage{Minutes: 1440, Booked: 90, Comfort: 130, Baseline: &Baseline{690, 560}}
	second := Usage{Minutes: 1440, Booked: 30, Comfort: 40, Baseline: &Baseline{0, 0}}
	want := Report{Site: "hq", From: "2026-01-14", To: "2026-01-17", Days: 4, Damaged: []string{"2026-01-15"}, Rooms: []RoomReport{
		{Room: "boardroom", DaysKnown: 2, Usage: Usage{Minutes: 2880, Booked: 120, Comfort: 170, Baseline: &Baseline{690, 560}},
			Days: []DayReport{{"2026-01-14", first}, {"2026-01-16", second}}},
		{Room: "library", Days: []DayReport{}},
		{Room: "attic", DaysKnown: 1, Usage: attic, Days: []DayReport{{"2026-01-14", attic}}},
		{Room: "pantry", DaysKnown: 1, Usage: Usage{Minutes: 1440, Booked: 5}, Days: []DayReport{{"2026-01-14", Usage{Minutes: 1440, Booked: 5}}}},
	}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("report\n%+v\nwant\n%+v", r, want)
	}
	if unknown := r.Keep([]string{"pantry", "libary", "boardroom"}); !slices.Equal(unknown, []string{"libary"}) {
		t.Errorf("unknown rooms %q, want libary", unknown)
	}
	if len(r.Rooms) != 2 || r.Rooms[0].Room != "boardroom" || r.Rooms[1].Room != "pantry" {
		t.Errorf("kept %+v", r.Rooms)
	}
	gone := errors.New("the gateway stopped")
	if _, err := NewReport(Site{}, nil, period, func(string) ([]Day, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
}

// A report without a day says when there will be one.
func TestReportWithoutDays(t *testing.T) {
	r := Report{From: "2026-05-17", To: "2026-06-15", Rooms: []RoomReport{{Room: "boardroom"}}}
	now := time.Date(2026, 6, 16, 0, 30, 0, 0, zone(t, "Europe/London"))
	want := "no day from 2026-05-17 to 2026-06-15 is known; a day is stored when it ends while the gateway runs, the next one, 2026-06-16, at midnight"
	if got := r.WithoutDays(now); got != want {
		t.Errorf("got %s", got)
	}
	r.Rooms = append(r.Rooms, RoomReport{Room: "library", DaysKnown: 1})
	if got := r.WithoutDays(now); got != "" {
		t.Errorf("with a day: %s", got)
	}
}
