package oauth

import (
	"testing"
	"time"
)

func TestStages(t *testing.T) {
	now := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		left time.Duration
		days int
		due  bool
	}{
		{400 * day, 0, false}, {60*day + time.Second, 0, false}, {60 * day, 60, true}, {31 * day, 60, true}, {30 * day, 30, true}, {14 * day, 14, true},
		{7 * day, 7, true}, {3 * day, 3, true}, {25 * time.Hour, 3, true}, {day, 1, true}, {time.Second, 1, true}, {0, 0, true}, {-time.Hour, 0, true},
	} {
		if days, due := stage(now.Add(test.left), now); days != test.days || due != test.due {
			t.Errorf("%v before the end: %d, %v; want %d, %v", test.left, days, due, test.days, test.due)
		}
	}
	if _, due := stage(time.Time{}, now); due {
		t.Error("an end that is not known was warned of")
	}
}

func TestCountdownWarnsOnce(t *testing.T) {
	end := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	var c countdown
	var warned []int
	for hour := -24 * 100; hour <= 48; hour++ {
		if c.passed(end, end.Add(time.Duration(hour)*time.Hour)) {
			warned = append(warned, c.days)
		}
	}
	if len(warned) != len(warnings) || warned[0] != 60 || warned[6] != 0 {
		t.Errorf("warned at %v", warned)
	}
	if c.passed(end.Add(90*day), end) || !c.passed(end, end) {
		t.Error("a new end does not begin a new countdown")
	}
}
