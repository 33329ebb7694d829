package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"roomgate/graph/graphsim"
)

func TestSimulateRefusesSenselessNumbers(t *testing.T) {
	for want, f := range map[string]simulateFlags{
		"--speed 0.5: use 1 to 100000": {speed: 0.5},
		"--rooms -1: use 0 to 9999":    {speed: 1, rooms: -1},
		"--rooms 10000: use 0 to 9999": {speed: 1, rooms: 10000},
		"--bookings 61: use 0 to 60":   {speed: 1, bookings: 61},
		"--latency -1s: use 0 or more": {speed: 1, latency: -time.Second},
		"":                             {speed: 1, rooms: 9999, bookings: 60, latency: time.Second},
	} {
		err := f.check()
		if want == "" {
			if err != nil {
				t.Errorf("%+v: %v", f, err)
			}
			continue
		}
		var usage usageError
		if !errors.As(err, &usage) || err.Error() != want {
			t.Errorf("%+v: %v, want %s", f, err, want)
		}
	}
}

func TestSimulateManyRooms(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }
	f := simulateFlags{rooms: 30, bookings: 5, latency: 40 * time.Millisecond}
	sim := f.simulator(now, time.UTC, "http://127.0.0.1:1")
	if n := len(sim.Rooms()); n != 30 || sim.Behaviour().Latency != f.latency || !strings.Contains(f.description(), "30 rooms") {
		t.Errorf("%d rooms, latency %s, %s", n, sim.Behaviour().Latency, f.description())
	}
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	if n := len(sim.View("room-0030@contoso.example", day.Add(time.Second), day.AddDate(0, 0, 1))); n != 5 {
		t.Errorf("%d bookings on the first day", n)
	}
	f.rooms = 0
	if n, office := len(f.simulator(now, time.UTC, "http://127.0.0.1:1").Rooms()), len(graphsim.OfficeRooms()); n != office {
		t.Errorf("%d rooms, want the %d of the office", n, office)
	}
}
