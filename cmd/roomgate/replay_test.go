package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// replayDay is a day with people in the boardroom, and none in a library that is
// booked twice.
const replayDay = `[
  {"room": "boardroom", "start": "2026-01-15T09:00", "end": "2026-01-15T11:00", "subject": "Budget", "organizer": "Ann"},
  {"room": "Boardroom", "at": "2026-01-15T08:00", "on": false},
  {"room": "Boardroom", "at": "2026-01-15T09:30", "on": true},
  {"room": "Boardroom", "at": "2026-01-15T12:00", "on": false},
  {"room": "LIBRARY", "start": "2026-01-15T09:00", "end": "2026-01-15T10:00"},
  {"room": "LIBRARY", "start": "2026-01-15T12:00", "end": "2026-01-15T13:00", "private": true, "subject": "Salaries"},
  {"room": "Annex", "start": "2026-01-15T09:00", "end": "2026-01-15T10:00"},
  {"room": "Annex", "start": "2026-01-15T11:00", "end": "2026-01-15T12:00"}
]`

// TestReplay plays a day to a real broker, as a building management system hears it.
func TestReplay(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	h := newHouse(t).open()
	if err := os.WriteFile(filepath.Join(h.dir, "day.json"), []byte(replayDay), 0o600); err != nil {
		t.Fatal(err)
	}
	h.mosquitto(h.broker)
	bms := h.listen(h.broker)
	h.must("replay", "day.json", "--speed", "3600", "--start", "2026-01-15T08:30", "--for", "6h")

	const root = "roomgate-replay/hq/"
	h.await("the end of the status", func() bool { return slices.Equal(bms.said(root+"gateway/status"), []string{"online", "offline"}) })
	for topic, want := range map[string][]string{
		"rooms/boardroom/booked":       {"false", "true", "false"},
		"rooms/boardroom/occupied":     {"false", "true", "false"},
		"rooms/boardroom/mode":         {"unoccupied", "standby", "occupied", "standby", "occupied", "bypass", "unoccupied"}, // at the usual lead, 09:00, its grace, 09:30, 11:00, the hold after 12:00
		"rooms/boardroom/no_show":      {"false", "true", "false"},
		"rooms/library/booked":         {"false", "true", "false", "true", "false"},
		"rooms/library/mode":           {"unoccupied", "standby", "occupied", "unoccupied", "standby", "occupied", "unoccupied"},
		"rooms/library/quality":        {"test"},
		"rooms/library/availability":   {"online"},
		"rooms/library/sensor":         {"none"},
		"rooms/boardroom/sensor":       {"good"},
		"accounts/rooms/state":         {"ok"},
		"rooms/library/bookings_today": {"2"},
	} {
		if got := bms.said(root + topic); !slices.Equal(got, want) {
			t.Errorf("%s said %q, want %q", topic, got, want)
		}
	}
	if meta := bms.said(root + "rooms/library/meta"); len(meta) != 1 || !strings.Contains(meta[0], `"test":true`) {
		t.Errorf("meta says %q, want that it is a test", meta)
	}
	if subjects := bms.said(root + "rooms/boardroom/current_subject"); !slices.Contains(subjects, "Budget") {
		t.Errorf("subjects %q, want Budget", subjects)
	}
	said := h.said()
	for what, never := range map[string]string{"a private subject": "Salaries", "an organizer whom privacy hides": "Ann\n"} {
		if strings.Contains(said, never) {
			t.Errorf("%s was published", what)
		}
	}
	if !strings.Contains(said, "Left out, because no configured room has the name, address or match: Annex (2).") {
		t.Errorf("what is for no room was not reported:\n%s", tail(said))
	}
	bms.nothingLeft(t)
}

// said returns the values of a topic, one after another; deletions are none.
func (e *ear) said(topic string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, m := range e.messages[topic] {
		if m.payload != "" {
			all = append(all, m.payload)
		}
	}
	return all
}

// nothingLeft checks that each topic was deleted in the end, but for signs of life,
// which are not retained.
func (e *ear) nothingLeft(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for topic, all := range e.messages {
		if !strings.HasPrefix(topic, "roomgate-replay/hq/") {
			t.Errorf("a message came on %s, which is not of the test", topic)
		}
		if all[len(all)-1].payload != "" && !strings.HasSuffix(topic, "/heartbeat") {
			t.Errorf("%s still says %q", topic, all[len(all)-1].payload)
		}
	}
}
