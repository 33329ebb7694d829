package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// readingText has accounts that read in different ways.
var readingText = strings.Replace(minimal, "[mqtt]", `sweep = "@every 5s"
poll = "@every 10s"
[[account]]
name = "view"
client_id = "11111111-2222-3333-4444-555555555555"
read = "view"
sweep = "* * * * *"
poll = "*/5 * * * *"
[[account]]
name = "events"
client_id = "11111111-2222-3333-4444-555555555555"
read = "events"
[[account]]
name = "free"
client_id = "11111111-2222-3333-4444-555555555555"
read = "free-busy"
poll = "@every 10s"
[mqtt]`, 1) + `account = "rooms"
[[room]]
id = "named"
account = "rooms"
calendar = "Rooms"
[[room]]
id = "same-name-elsewhere"
account = "view"
calendar = "Rooms"
[[room]]
id = "told-apart"
account = "events"
calendar = "AAMkAGI1Id="
match = ["Attic"]
[[room]]
id = "told-apart-too"
account = "events"
calendar = "AAMkAGI1Id="
match = ["Cellar"]
[[room]]
id = "other-case"
account = "events"
calendar = "AAMkAGI1id="
[[room]]
id = "free"
account = "free"
mailbox = "free@contoso.example"
`

// TestReading has every way of reading and every place of a room's bookings,
// and finds them again in the print.
func TestReading(t *testing.T) {
	c := mustParse(t, readingText, nil)
	now := time.Date(2026, 11, 3, 8, 10, 0, 0, time.UTC)
	for i, want := range []struct {
		read  string
		sweep time.Duration // 0: off
	}{{"", 5 * time.Second}, {"view", time.Minute}, {"events", 0}, {"free-busy", 0}} {
		a := c.Accounts[i]
		if a.Settings.(*Microsoft).Read != want.read || (a.Sweep != nil) != (want.sweep > 0) {
			t.Errorf("account %s: read %q, sweep %v, want %+v", a.Name, a.Settings.(*Microsoft).Read, a.Sweep, want)
		} else if a.Sweep != nil && a.Sweep.Next(now) != now.Add(want.sweep) {
			t.Errorf("account %s: sweep after %v: %v, want %s later", a.Name, now, a.Sweep.Next(now), want.sweep)
		}
	}
	for i, want := range []string{"", "Rooms", "Rooms", "AAMkAGI1Id=", "AAMkAGI1Id=", "AAMkAGI1id=", ""} {
		if r := c.Rooms[i]; r.Calendar != want {
			t.Errorf("room %s: calendar %q, want %q", r.ID, r.Calendar, want)
		}
	}
	again := mustParse(t, printed(t, c), nil)
	if !reflect.DeepEqual(again.Accounts, c.Accounts) || !reflect.DeepEqual(again.Rooms, c.Rooms) {
		t.Errorf("parsing the print gives\n%+v\n%+v\nwant\n%+v\n%+v", again.Accounts, again.Rooms, c.Accounts, c.Rooms)
	}
}

// TestBadScheduleAlone keeps a sweep that cannot be read from being compared.
func TestBadScheduleAlone(t *testing.T) {
	_, err := Parse("test.toml", []byte(strings.Replace(minimal, "[mqtt]", "sweep = \"often\"\n[mqtt]", 1)), testEnv(nil))
	if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.HasPrefix(err.Error(), "test.toml:8: account.sweep: schedule \"often\"") {
		t.Errorf("got %v", err)
	}
}
