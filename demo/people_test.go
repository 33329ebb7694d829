package demo

import (
	"fmt"
	"testing"
	"time"
)

// Over many meetings everything that a presence sensor can show happens.
func TestPeople(t *testing.T) {
	missed, late, early, stayed, walkedIn := 0, 0, 0, 0, 0
	start := time.Date(2026, 1, 14, 9, 0, 0, 0, time.UTC)
	end := start.Add(time.Hour)
	for i := range 200 {
		room := fmt.Sprint("room-", i)
		if walkIn(room, start.Add(30*time.Minute)) {
			walkedIn++
		}
		from, to, ok := attendance(room, start, end)
		switch {
		case !ok:
			missed++
			continue
		case from.Before(start) || from.Sub(start) > 5*time.Minute || to.Before(from):
			t.Errorf("%s: from %v to %v", room, from, to)
		case from.After(start):
			late++
		}
		switch {
		case to.Before(end):
			early++
		case to.After(end):
			stayed++
		}
	}
	for what, n := range map[string]int{"no-shows": missed, "late": late, "early leaves": early, "overruns": stayed, "walk-ins": walkedIn} {
		if n < 10 || n > 180 {
			t.Errorf("%d %s among 200 meetings", n, what)
		}
	}
	if walkIn("room-0", start.Add(50*time.Minute)) {
		t.Error("a walk-in outside the twenty minutes")
	}
}
