package config

import (
	"strings"
	"testing"
	"time"
)

func TestScheduleIsReadInTheSitesZone(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*60*60)
	s, err := ParseSchedule("0 8 * * 1-5", tokyo, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	friday := time.Date(2026, 7, 3, 0, 0, 0, 0, time.UTC) // 09:00 in Tokyo
	want := time.Date(2026, 7, 5, 23, 0, 0, 0, time.UTC)  // Monday 08:00 in Tokyo
	if got := s.Next(friday); got != want {
		t.Errorf("next %v, want %v", got, want)
	}
	if got := s.Next(friday.In(tokyo)); got != want {
		t.Errorf("asked in another zone: next %v, want %v", got, want)
	}
}

func TestScheduleAroundClockChanges(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSchedule("30 2 * * *", berlin, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	// The hour from 2 to 3 repeats on 25 October 2026.
	first := s.Next(time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC))
	if second := s.Next(first); second.Sub(first) != time.Hour {
		t.Errorf("fall back: %v, then %v, want an hour later", first, second)
	}
	// It is left out on 28 March 2027.
	want := time.Date(2027, 3, 29, 0, 30, 0, 0, time.UTC)
	if got := s.Next(time.Date(2027, 3, 27, 12, 0, 0, 0, time.UTC)); got != want {
		t.Errorf("spring forward: %v, want %v", got, want)
	}
}

func TestParseScheduleAccepts(t *testing.T) {
	for _, spec := range []string{"@every 10s", "@hourly", "@daily", "*/5 8-18 * * 1-5", " 0 3 * * * ", "0 0 29 2 *", "*/59 * * * *"} {
		if _, err := ParseSchedule(spec, time.UTC, 10*time.Second); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func TestParseScheduleRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"":                            "has 0 fields",
		"TZ=":                         "names a time zone",
		"TZ=Europe/Berlin":            "names a time zone",
		"CRON_TZ=UTC * * * * *":       "names a time zone",
		" TZ=UTC * * * * *":           "names a time zone",
		"* * * * * *":                 "has 6 fields",
		"0 0 31 2 *":                  "never runs",
		"* * * * 7":                   "cannot be read",
		"0 */24 * * *":                "a step of 24 hours",
		"*/99999999999999999 * * * *": "a step of 99999999999999999 minutes",
		"@every 0s":                   "the shortest allowed is 10s",
		"@every -5s":                  "the shortest allowed is 10s",
		"@every soon":                 "cannot be read",
		"@reboot":                     "cannot be read",
	} {
		s, err := ParseSchedule(spec, time.UTC, 10*time.Second)
		if err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", spec, err, want)
		}
	}
}

// The zone of a schedule that is read later is another pointer, with another cache.
func TestScheduleEqual(t *testing.T) {
	parse := func(spec, zone string) Schedule {
		t.Helper()
		z, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSchedule(spec, z, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := parse("*/5 * * * *", "Europe/London").(zoned)
	for _, tt := range []struct {
		other any
		want  bool
	}{
		{parse("*/5 * * * *", "Europe/London"), true},
		{parse("*/6 * * * *", "Europe/London"), false},
		{parse("*/5 * * * *", "Europe/Berlin"), false},
		{nil, false},
	} {
		if got := s.Equal(tt.other); got != tt.want {
			t.Errorf("%v equals %v: %t", s, tt.other, got)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", time.Minute: "1m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 20 * time.Minute: "20m", 10 * time.Hour: "10h",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%d) = %s, want %s", d, got, want)
		}
	}
}
