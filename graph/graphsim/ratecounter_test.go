package graphsim

import (
	"testing"
	"time"
)

func TestRateCounter(t *testing.T) {
	start := at("2026-11-03T08:00")
	tl := &rateCounter{first: start, width: time.Second}
	for _, second := range []int{0, 0, 3, 10, 10, 10, 11, 60} {
		tl.add(start.Add(time.Duration(second) * time.Second))
	}
	for window, want := range map[time.Duration]int{
		time.Second:      4, // the seconds 10 and 11 touch some window of one second
		5 * time.Second:  4,
		10 * time.Second: 6, // 0, 0, 3 and the three of 10
		time.Minute:      8,
		time.Hour:        8,
	} {
		if got := tl.peak(window); got != want {
			t.Errorf("within %s: %d, want %d", window, got, want)
		}
	}
}

// TestRateCounterIsAnUpperBound adds one request a second for a day, and a burst in the middle.
func TestRateCounterIsAnUpperBound(t *testing.T) {
	start := at("2026-11-03T00:00")
	tl := &rateCounter{first: start, width: time.Second}
	for second := range 24 * 3600 {
		tl.add(start.Add(time.Duration(second) * time.Second))
		if second == 40000 {
			for range 500 {
				tl.add(start.Add(40000 * time.Second))
			}
		}
	}
	if len(tl.counts) > maxCounters {
		t.Errorf("%d counters", len(tl.counts))
	}
	if got := tl.peak(10 * time.Minute); got < 1100 || got > 1300 {
		t.Errorf("within ten minutes: %d, want 1100 and not many more", got)
	}
}

func TestBusiestAndTotals(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.ResetRequests()
	sent := 0
	for range 3 {
		sent += len(b.get("/me/events").text)
	}
	b.now = b.now.Add(time.Minute)
	r := b.do("POST", "/v1.0/$batch", `{"requests":[`+part("1", "/users/"+boardroom+"/events")+`,`+part("2", "/users/"+boardroom+"/events")+`]}`, "Content-Type", "application/json")
	sent += len(r.text)
	sent += len(b.get("/users/" + boardroom + "/calendarView" + tuesday).text)
	sent += len(b.get("/users/" + boardroom + "/calendarView").text) // refused, and counted
	b.do("GET", "/sim/state", "")
	if who, n := b.sim.Busiest(10 * time.Second); who != boardroom || n != 4 {
		t.Errorf("busiest in ten seconds: %s with %d, want the boardroom with 4", who, n)
	}
	requests, parts, bytes := b.sim.Totals()
	if requests != 6 || parts != 2 || bytes != int64(sent) {
		t.Errorf("%d requests, %d parts, %d bytes; want 6, 2, %d", requests, parts, bytes, sent)
	}
	b.sim.Fail(nil, Fault{Kind: FaultReset}, 1)
	if err := b.try("/me/events"); err == nil {
		t.Error("no reset")
	}
	if _, _, again := b.sim.Totals(); again != bytes {
		t.Errorf("a reset delivered %d bytes", again-bytes)
	}
	b.sim.ResetRequests()
	requests, parts, bytes = b.sim.Totals()
	if who, n := b.sim.Busiest(time.Hour); who != "" || n != 0 || requests != 0 || parts != 0 || bytes != 0 {
		t.Errorf("after the reset: %q %d, %d %d %d", who, n, requests, parts, bytes)
	}
}
