package driver

import (
	"testing"
	"time"
)

// Wednesdays from 07:00 to 12:00 and 12:00 to 18:30, Saturdays whole, Sundays
// from 00:00 to 03:00 and from 05:00; closed on 2026-01-21, a Wednesday.
func week() Weekly {
	var w Weekly
	w.Days[time.Wednesday] = []HoursRange{{420, 720}, {720, 1110}}
	w.Days[time.Saturday] = []HoursRange{{0, 1440}}
	w.Days[time.Sunday] = []HoursRange{{0, 180}, {300, 1440}}
	w.Exceptions = map[string][]HoursRange{"2026-01-21": {}}
	return w
}

func TestWeekly(t *testing.T) {
	for _, c := range []struct {
		zone, now string
		on        bool
		next      string // empty: none within a week
	}{
		{"Europe/London", "2026-01-14T06:59:59Z", false, "2026-01-14T07:00:00Z"},
		{"Europe/London", "2026-01-14T07:00:00Z", true, "2026-01-14T18:30:00Z"}, // stretches that touch are one
		{"Europe/London", "2026-01-14T18:30:00Z", false, "2026-01-17T00:00:00Z"},
		{"Europe/London", "2026-01-17T12:00:00Z", true, "2026-01-18T03:00:00Z"}, // over midnight
		{"Europe/London", "2026-01-18T12:00:00Z", true, "2026-01-19T00:00:00Z"},
		{"Europe/London", "2026-01-19T00:00:00Z", false, "2026-01-24T00:00:00Z"}, // over the exception
		{"Europe/London", "2026-01-21T12:00:00Z", false, "2026-01-24T00:00:00Z"},
		{"Asia/Kathmandu", "2026-06-03T01:14:59Z", false, "2026-06-03T01:15:00Z"}, // 07:00
		// Clocks forward at 01:00 UTC of Sunday 2026-03-29, back on Sunday 2026-10-25.
		{"Europe/London", "2026-03-29T00:00:00Z", true, "2026-03-29T02:00:00Z"},
		{"Europe/London", "2026-03-29T02:00:00Z", false, "2026-03-29T04:00:00Z"},
		{"Europe/London", "2026-10-24T23:00:00Z", true, "2026-10-25T03:00:00Z"},
		{"Europe/London", "2026-10-25T12:00:00Z", true, "2026-10-26T00:00:00Z"},
	} {
		now, z := at(c.now), zone(t, c.zone)
		if on, next := week().Hours(now, z); on != c.on || next != at(c.next) {
			t.Errorf("%s %s: %t until %v, want %t until %s", c.zone, c.now, on, next, c.on, c.next)
		}
	}
	if on, next := (Weekly{}).Hours(at("12:00"), time.UTC); on || !next.IsZero() {
		t.Errorf("an empty week is %t until %v", on, next)
	}
	var always Weekly
	for day := range always.Days {
		always.Days[day] = []HoursRange{{0, 1440}}
	}
	if on, next := always.Hours(at("12:00"), time.UTC); !on || !next.IsZero() {
		t.Errorf("a week without a pause is %t until %v", on, next)
	}
	// Stretches that the hour that is skipped pushes into each other.
	var night Weekly
	night.Days[time.Sunday] = []HoursRange{{70, 85}, {120, 150}}
	skipped := at("2026-03-29T00:30:00Z") // 01:10 to 01:25 do not exist in London: 02:10 to 02:25 are meant
	if on, next := night.Hours(skipped, zone(t, "Europe/London")); on || next != at("2026-03-29T01:00:00Z") {
		t.Errorf("before the skipped hour: %t until %v", on, next)
	}
	if on, next := night.Hours(at("2026-03-29T01:05:00Z"), zone(t, "Europe/London")); !on || next != at("2026-03-29T01:30:00Z") {
		t.Errorf("in what was pushed together: %t until %v", on, next)
	}
}
