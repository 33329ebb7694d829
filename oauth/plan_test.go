package oauth

import (
	"testing"
	"time"

	"roomgate/oauth/oauthtest"
)

func TestPause(t *testing.T) {
	none := func(time.Duration) time.Duration { return 0 }
	most := func(limit time.Duration) time.Duration { return limit }
	tests := []struct {
		name   string
		e      Error
		tries  int
		jitter func(time.Duration) time.Duration
		want   time.Duration
	}{
		{"first", Error{Class: Retry}, 1, none, 2 * time.Second},
		{"first, shortest", Error{Class: Retry}, 1, most, time.Second},
		{"third", Error{Class: Retry}, 3, none, 8 * time.Second},
		{"eighth", Error{Class: Retry}, 8, none, 256 * time.Second},
		{"ninth", Error{Class: Retry}, 9, none, 5 * time.Minute},
		{"thousandth", Error{Class: Retry}, 1000, none, 5 * time.Minute},
		{"thousandth, shortest", Error{Class: Retry}, 1000, most, 150 * time.Second},
		{"asked for more", Error{Class: Retry, RetryAfter: time.Hour}, 1, none, time.Hour},
		{"asked for less", Error{Class: Retry, RetryAfter: time.Second}, 5, none, 32 * time.Second},
		{"wait", Error{Class: Wait}, 1, none, 5 * time.Minute},
		{"wait longer", Error{Class: Wait, RetryAfter: 10 * time.Minute}, 1, none, 10 * time.Minute},
		{"person", Error{Class: Person}, 7, none, time.Hour},
	}
	for _, test := range tests {
		if got := pause(&test.e, test.tries, test.jitter); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestRefreshAt(t *testing.T) {
	t0 := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	hour := record{AccessToken: "a", LastRefresh: t0, AccessExpires: t0.Add(time.Hour)}
	day := record{AccessToken: "a", LastRefresh: t0, AccessExpires: t0.Add(48 * time.Hour)}
	brief := record{AccessToken: "a", LastRefresh: t0, AccessExpires: t0.Add(6 * time.Minute)}
	instant := record{AccessToken: "a", LastRefresh: t0, AccessExpires: t0.Add(time.Second)}
	tests := []struct {
		name      string
		r         record
		scheduled time.Time
		now, want time.Time
	}{
		{"by the schedule", hour, t0.Add(30 * time.Minute), t0, t0.Add(30 * time.Minute)},
		{"before expiry", hour, t0.Add(2 * time.Hour), t0, t0.Add(55 * time.Minute)},
		{"never scheduled", hour, time.Time{}, t0, t0.Add(55 * time.Minute)},
		{"daily", day, time.Time{}, t0, t0.Add(24 * time.Hour)},
		{"short life", brief, time.Time{}, t0, t0.Add(3 * time.Minute)},
		{"silly life", instant, time.Time{}, t0, t0.Add(10 * time.Second)},
		{"nothing to use", record{LastRefresh: t0}, t0.Add(time.Hour), t0, t0},
		{"clock set back", hour, time.Time{}, t0.Add(-time.Hour), t0.Add(-time.Hour)},
		{"clock slewed back", hour, time.Time{}, t0.Add(-time.Minute), t0.Add(55 * time.Minute)},
	}
	for _, test := range tests {
		if got := test.r.refreshAt(test.scheduled, test.now); !got.Equal(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

type neverAgain struct{}

func (neverAgain) Next(time.Time) time.Time { return time.Time{} }

func TestJittered(t *testing.T) {
	t0 := time.Date(2026, 11, 3, 8, 10, 0, 0, time.UTC)
	var limit time.Duration
	most := func(l time.Duration) time.Duration { limit = l; return l }
	if got, want := jittered(oauthtest.Every(30*time.Minute), t0, most), t0.Add(23*time.Minute); !got.Equal(want) || limit != 3*time.Minute {
		t.Errorf("%v with a jitter of %v, want %v and a tenth of the interval", got, limit, want)
	}
	if got := jittered(nil, t0, most); !got.IsZero() {
		t.Errorf("no schedule runs at %v", got)
	}
	if got := jittered(neverAgain{}, t0, most); !got.IsZero() {
		t.Errorf("a schedule that never runs runs at %v", got)
	}
}
