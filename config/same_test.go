package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// wholeText has every kind of value: secrets, a certificate, schedules that are
// read in a zone, dates, weeks and rules.
const wholeText = `
[site]
id = "hq"
timezone = "Europe/London"
[site.schedule]
mon = ["07:00-18:30"]
[site.schedule.exceptions]
"2026-12-25" = []
[[account]]
name = "rooms"
client_id = "11111111-2222-3333-4444-555555555555"
client_secret_file = "/etc/roomgate/rooms.secret"
client_secret_expires = 2027-05-01
poll = "*/5 * * * *"
sweep = "* * * * *"
[[account]]
name = "app"
tenant = "contoso.example"
client_id = "11111111-2222-3333-4444-555555555555"
sign_in = "app"
client_certificate_file = "/etc/roomgate/rooms.crt"
client_key_file = "/etc/roomgate/rooms.key"
[defaults.room]
account = "rooms"
[[defaults.room.rule]]
subject = "cleaning"
comfort = false
[[room]]
id = "boardroom"
mailbox = "boardroom@contoso.example"
presence_topic = "bms/boardroom/presence"
presence_above = 400
[[room.rule]]
subject = "deep cleaning"
comfort = true
[room.schedule]
sat = ["09:00-13:00"]
[[room]]
id = "attic"
account = "rooms"
calendar = "Attic"
[mqtt]
broker = "mqtts://broker.example"
username = "gw"
password = "abc"
[web]
api_key_file = "/etc/roomgate/api.key"
[store]
key_file = "/etc/roomgate/store.key"
`

// TestSame finds two loads of one file the same, and a change of any setting to
// make a difference.
func TestSame(t *testing.T) {
	variables := map[string]string{"OTHER": "other"}
	base := mustParse(t, wholeText, variables)
	again := mustParse(t, wholeText, variables)
	if !Same(base, again) || !Same(*base, *again) || !Same(base.Accounts, again.Accounts) || !Same(base.Rooms[0], again.Rooms[0]) {
		t.Error("the same file differs")
	}
	for _, c := range changes {
		t.Run(c.table+" "+c.key, func(t *testing.T) {
			text := changed(wholeText, c.table, c.lines)
			if c.table == "[[account]]" && c.key == "name" {
				text = strings.ReplaceAll(text, `account = "rooms"`, `account = "others"`)
			}
			if Same(base, mustParse(t, text, variables)) {
				t.Errorf("no difference to\n%s", text)
			}
		})
	}
}

// TestSameIsWhole finds a change for every setting.
func TestSameIsWhole(t *testing.T) {
	tables := map[string][]string{
		"[site]": keysOf(reflect.TypeFor[rawSite]()), "[[account]]": (&binder{}).accountKeys(Providers()...), "[[room]]": keysOf(reflect.TypeFor[Room]()),
		"[mqtt]": keysOf(reflect.TypeFor[rawMQTT]()), "[web]": keysOf(reflect.TypeFor[rawWeb]()), "[store]": keysOf(reflect.TypeFor[rawStore]()),
	}
	elsewhere := []string{"schedule", "rule", "provider"} // tables of their own; there is one provider
	for table, keys := range tables {
		for _, key := range keys {
			found := slices.ContainsFunc(changes, func(c change) bool { return strings.HasPrefix(c.table, table) && c.key == key })
			if !found && !slices.Contains(elsewhere, key) {
				t.Errorf("no change of %s %s", table, key)
			}
		}
	}
}

// TestSameInAnyHalfOfTheYear compares zones by what they are: [time.Location]
// keeps the offset of the moment it was loaded at.
func TestSameInAnyHalfOfTheYear(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(london, copyOf(london)) {
		t.Fatal("the two are alike in every byte")
	}
	if !Same(Site{Timezone: london}, Site{Timezone: copyOf(london)}) {
		t.Error("a zone differs from itself")
	}
	if Same(Site{Timezone: london}, Site{Timezone: time.UTC}) {
		t.Error("two zones are the same")
	}
	summer := time.Date(2026, 7, 1, 8, 0, 0, 0, london)
	if !Same(summer, summer.UTC()) || Same(summer, summer.Add(time.Second)) {
		t.Error("instants are not compared as such")
	}
}

// copyOf returns a zone of the same name and other content.
func copyOf(zone *time.Location) *time.Location { return time.FixedZone(zone.String(), 3600) }

func TestSameSignIn(t *testing.T) {
	base := mustParse(t, wholeText, nil)
	for lines, want := range map[string]bool{
		`read = "view"`:        true,
		`poll = "*/6 * * * *"`: true,
		`sweep = ""`:           true,
		`scopes = ["offline_access", "Calendars.Read"]`:      false,
		`client_secret_file = "/etc/roomgate/secret"`:        false,
		`refresh = "*/31 * * * *"`:                           false,
		`client_secret_expires = 2027-05-02`:                 false,
		`redirect_uri = "https://gw.example/cb"`:             false,
		`client_id = "11111111-2222-3333-4444-555555555556"`: false,
	} {
		other := mustParse(t, changed(wholeText, "[[account]]", lines), nil)
		if got := microsoftOf(base).SameSignIn(microsoftOf(other)); got != want {
			t.Errorf("%s: the same sign-in %v, want %v", lines, got, want)
		}
	}
}

type change struct{ table, key, lines string }

const appAccount = "[[account]]\nname = \"app\""

// changes contain another value for each setting, with the settings it requires.
var changes = []change{
	{"[site]", "id", `id = "annexe"`},
	{"[site]", "name", `name = "Annexe"`},
	{"[site]", "timezone", `timezone = "Europe/Dublin"`},

	{"[[account]]", "name", `name = "others"`},
	{"[[account]]", "poll", `poll = "*/6 * * * *"`},
	{"[[account]]", "sweep", `sweep = ""`},
	{"[[account]]", "cloud", `cloud = "us-gov"`},
	{"[[account]]", "tenant", `tenant = "organizations"`},
	{"[[account]]", "client_id", `client_id = "11111111-2222-3333-4444-555555555556"`},
	{"[[account]]", "client_secret", "client_secret = \"other\"\nclient_secret_file = \"\""},
	{"[[account]]", "client_secret_file", `client_secret_file = "/etc/roomgate/secret"`},
	{"[[account]]", "client_secret_env", "client_secret_env = \"OTHER\"\nclient_secret_file = \"\""},
	{appAccount, "client_certificate_file", "client_certificate_file = \"/etc/roomgate/other.crt\"\nclient_key_file = \"/etc/roomgate/other.key\""},
	{appAccount, "client_key_file", "client_certificate_file = \"/etc/roomgate/other.crt\"\nclient_key_file = \"/etc/roomgate/other.key\""},
	{"[[account]]", "client_secret_expires", `client_secret_expires = 2027-05-02`},
	{"[[account]]", "sign_in", `sign_in = "device"`},
	{"[[account]]", "redirect_uri", `redirect_uri = "https://gw.example/cb"`},
	{"[[account]]", "scopes", `scopes = ["offline_access", "Calendars.Read"]`},
	{"[[account]]", "refresh", `refresh = "*/31 * * * *"`},
	{"[[account]]", "read", `read = "view"`},
	{"[[account]]", "login_url", "login_url = \"https://login.example\"\ngraph_url = \"https://graph.microsoft.com\""},
	{"[[account]]", "graph_url", "login_url = \"https://login.microsoftonline.com\"\ngraph_url = \"https://graph.example\""},

	{"[defaults.room]", "account", `account = "app"`},

	{"[[room]]", "id", `id = "cellar"`},
	{"[[room]]", "name", `name = "Cellar"`},
	{"[[room]]", "mailbox", `mailbox = "cellar@contoso.example"`},
	{"[[room]]", "calendar", "calendar = \"Cellar\"\nmailbox = \"\""},
	{"[[room]]", "match", `match = ["Cellar"]`},
	{"[[room]]", "presence_topic", `presence_topic = "bms/cellar/presence"`},
	{"[[room]]", "account", `account = "app"`},
	{"[[room]]", "building", `building = "HQ"`},
	{"[[room]]", "floor", `floor = "3"`},
	{"[[room]]", "capacity", `capacity = 12`},
	{"[[room]]", "lead", `lead = "21m"`},
	{"[[room]]", "lag", `lag = "1m"`},
	{"[[room]]", "gap", `gap = "16m"`},
	{"[[room]]", "release", `release = "start"`},
	{"[[room]]", "count", `count = ["busy"]`},
	{"[[room]]", "privacy", `privacy = "full"`},
	{"[[room]]", "stale_after", `stale_after = "11m"`},
	{"[[room]]", "min_on", `min_on = "1m"`},
	{"[[room]]", "min_off", `min_off = "1m"`},
	{"[[room]]", "fail_safe", `fail_safe = "schedule"`},
	{"[[room]]", "fail_after", `fail_after = "5h"`},
	{"[[room]]", "grace", `grace = "11m"`},
	{"[[room]]", "hold", `hold = "16m"`},

	{"[[room]]", "presence_timeout", `presence_timeout = "2h"`},
	{"[[room]]", "presence_on", `presence_on = ["1"]`},
	{"[[room]]", "presence_off", `presence_off = ["0"]`},
	{"[[room]]", "presence_above", `presence_above = 401`},
	{"[[room]]", "presence_path", `presence_path = "data"`},

	{"[mqtt]", "broker", `broker = "mqtts://other.example"`},
	{"[mqtt]", "username", `username = "other"`},
	{"[mqtt]", "password", `password = "abd"`},
	{"[mqtt]", "password_file", "password_file = \"/etc/roomgate/mqtt.password\"\npassword = \"\""},
	{"[mqtt]", "client_id", `client_id = "other"`},
	{"[mqtt]", "ca_file", `ca_file = "/etc/roomgate/ca.pem"`},
	{"[mqtt]", "cert_file", "cert_file = \"/etc/roomgate/client.pem\"\nkey_file = \"/etc/roomgate/client.key\""},
	{"[mqtt]", "key_file", "cert_file = \"/etc/roomgate/client.pem\"\nkey_file = \"/etc/roomgate/client.key\""},
	{"[mqtt]", "insecure_plaintext", `insecure_plaintext = true`},
	{"[mqtt]", "prefix", `prefix = "other"`},
	{"[mqtt]", "payload", `payload = "vtq"`},
	{"[mqtt]", "bool", `bool = "1/0"`},
	{"[mqtt]", "time", `time = "epoch_s"`},

	{"[web]", "listen", `listen = "127.0.0.1:8081"`},
	{"[web]", "api_key_file", `api_key_file = ""`},

	{"[store]", "path", `path = "/tmp/roomgate.db"`},
	{"[store]", "key_file", `key_file = ""`},

	{"[[room.rule]]", "subject", `subject = "setup"`},
	{"[[room.rule]]", "comfort", `comfort = false`},
	{"[[defaults.room.rule]]", "subject", `subject = "setup"`},
	{"[[defaults.room.rule]]", "comfort", `comfort = true`},
	{"[site.schedule]", "mon", `mon = ["07:00-18:31"]`},
	{"[site.schedule.exceptions]", "2026-12-25", `"2026-12-25" = ["07:00-08:00"]`},
	{"[room.schedule]", "sat", `sat = []`},
}

// changed returns text with lines at the start of a table, in place of the
// table's settings of the same keys.
func changed(text, table, lines string) string {
	before, after, found := strings.Cut(text, "\n"+table+"\n")
	if !found {
		panic("no table " + table)
	}
	end := strings.Index(after+"\n[", "\n[")
	body := strings.Split(after[:end], "\n")
	for line := range strings.SplitSeq(lines, "\n") {
		name, _, _ := strings.Cut(line, " = ")
		body = slices.DeleteFunc(body, func(s string) bool { return strings.HasPrefix(s, name+" = ") })
	}
	return before + "\n" + table + "\n" + lines + "\n" + strings.Join(body, "\n") + after[end:]
}
