package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRules orders the rules of a room before the defaults, and prints each once.
func TestRules(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", `[[defaults.room.rule]]
subject = "cleaning"
comfort = false
[[account]]
name = "free"
client_id = "11111111-2222-3333-4444-555555555555"
read = "free-busy"
[mqtt]`, 1)+`account = "rooms"
[[room.rule]]
subject = "Größe 2"
comfort = true
[[room.rule]]
subject = "setup"
comfort = false
[[room]]
id = "attic"
account = "rooms"
mailbox = "attic@contoso.example"
[[room]]
id = "cellar"
account = "free"
mailbox = "cellar@contoso.example"
`, nil)
	cleaning := Rule{"cleaning", false}
	for i, want := range [][]Rule{{{"Größe 2", true}, {"setup", false}, cleaning}, {cleaning}, {cleaning}} {
		if got := c.Rooms[i].Rules; !slices.Equal(got, want) {
			t.Errorf("room %s: %v, want %v", c.Rooms[i].ID, got, want)
		}
	}
	out := printed(t, c)
	if again := mustParse(t, out, nil); !reflect.DeepEqual(again.Rooms, c.Rooms) || printed(t, again) != out {
		t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again.Rooms, c.Rooms)
	}
}

// TestPresence reads the sensor settings of a room and those of the defaults.
func TestPresence(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", `[defaults.room]
presence_above = 400
grace = "1m"
[mqtt]`, 1)+`mailbox = "boardroom@contoso.example"
presence_topic = "bms/hq/boardroom/presence"
presence_above = -0.5
presence_path = "data.a b[0][12].state"
presence_on = ["ON"]
presence_timeout = "0s"
hold = "0s"
[[room]]
id = "attic"
mailbox = "attic@contoso.example"
presence_topic = "/bms/hq/attic"
[[room]]
id = "cellar"
mailbox = "cellar@contoso.example"
presence_topic = "roomgate"
presence_path = "[3].state"
[[room]]
id = "garden"
mailbox = "garden@contoso.example"
`, nil)
	type sensor struct {
		topic, path, on      string
		above                float64
		grace, hold, timeout time.Duration
	}
	usual := "true 1 on occupied present yes"
	for i, want := range []sensor{
		{"bms/hq/boardroom/presence", "data.a b[0][12].state", "ON", -0.5, time.Minute, 0, 0},
		{"/bms/hq/attic", "", usual, 400, time.Minute, 15 * time.Minute, time.Hour},
		{"roomgate", "[3].state", usual, 400, time.Minute, 15 * time.Minute, time.Hour},
		{"", "", usual, 400, time.Minute, 15 * time.Minute, time.Hour},
	} {
		r := c.Rooms[i]
		got := sensor{r.PresenceTopic, r.PresencePath, strings.Join(r.PresenceOn, " "), *r.PresenceAbove, r.Grace, r.Hold, r.PresenceTimeout}
		if got != want {
			t.Errorf("room %s: %+v, want %+v", r.ID, got, want)
		}
	}
	if again := mustParse(t, printed(t, c), nil); !reflect.DeepEqual(again.Rooms, c.Rooms) {
		t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again.Rooms, c.Rooms)
	}
}

// TestPresenceTopicLength limits topics to what MQTT can carry.
func TestPresenceTopicLength(t *testing.T) {
	for bytes, want := range map[int]bool{65535: true, 65536: false} {
		_, err := Parse("test.toml", []byte(minimal+"presence_topic = \""+strings.Repeat("t", bytes)+"\"\n"), testEnv(nil))
		if good := err == nil; good != want {
			t.Errorf("a topic of %d bytes: %v", bytes, err)
		}
	}
}

// TestPlant finds the settings of the plant, and none of them to do harm where
// there is no room.
func TestPlant(t *testing.T) {
	c := mustParse(t, minimal+`min_on = "12h"
min_off = "90s"
fail_safe = "occupied"
fail_after = "168h"
`, nil)
	if r := c.Rooms[0]; r.MinOn != 12*time.Hour || r.MinOff != 90*time.Second || r.FailSafe != "occupied" || r.FailAfter != 168*time.Hour {
		t.Errorf("got %+v", r)
	}
	c = mustParse(t, minimal+"stale_after = \"5h\"\n", nil)
	if got := c.Rooms[0].FailAfter; got != 5*time.Hour {
		t.Errorf("fail_after left out is %v, with stale_after 5h", got)
	}
	if again := mustParse(t, printed(t, c), nil); !reflect.DeepEqual(again.Rooms, c.Rooms) {
		t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again.Rooms, c.Rooms)
	}
	noRoom, _, _ := strings.Cut(minimal, "[[room]]")
	c = mustParse(t, noRoom+`
[defaults.room]
grace = "5m"
fail_safe = "schedule"
[[defaults.room.rule]]
subject = "cleaning"
comfort = false
[site.schedule]
mon = ["07:00-18:30"]
`, nil)
	if len(c.Rooms) != 0 {
		t.Errorf("%d rooms", len(c.Rooms))
	}
}

// TestManualHasDefaults finds the settings of a controlled room in the manual,
// with what they are when left out.
func TestManualHasDefaults(t *testing.T) {
	manual := string(readTest(t, "../docs/points.md"))
	usual := reflect.ValueOf(defaults().Defaults.Room)
	for _, field := range settings(usual.Type()) {
		key, value := field.Tag.Get("toml"), literal(usual.FieldByIndex(field.Index).Interface())
		if field.Tag.Get("needs") == "" && !slices.Contains([]string{"min_on", "min_off", "fail_safe", "fail_after"}, key) {
			continue
		}
		row := "\n| `" + key + "` | "
		if value != "" && value != `""` {
			row += "`" + value + "`"
		}
		if !strings.Contains(manual, row) {
			t.Errorf("docs/points.md has no row %q", row)
		}
	}
}
