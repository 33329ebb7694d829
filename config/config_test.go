package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// testFile is a file of the machine that tests read secrets from.
type testFile struct {
	text string
	mode fs.FileMode
	err  error
}

var testFiles = map[string]testFile{
	"/etc/roomgate/rooms.secret":  {text: "abc~file\n", mode: 0o600},
	"/etc/roomgate/mqtt.password": {text: "pw-file", mode: 0o640},
	"/etc/roomgate/secret":        {text: "abc", mode: 0o600},
	"/etc/roomgate/open":          {text: "abc", mode: 0o644},
	"/etc/roomgate/empty":         {text: "\n", mode: 0o600},
	"/etc/roomgate/two-lines":     {text: "abc\ndef\n", mode: 0o600},
	"/etc/roomgate/denied":        {err: fs.ErrPermission},
	"/etc/roomgate/ca.pem":        {mode: 0o644},
	"/etc/roomgate/broker-ca.pem": {mode: 0o644},
	"/etc/roomgate/client.pem":    {mode: 0o644},
	"/etc/roomgate/client.key":    {mode: 0o600},
	"/run/credentials/rooms":      {text: "abc~credential\r\n", mode: 0o400},
	"/run/credentials/mqtt":       {text: "pw credential\n", mode: 0o440},
}

// testEnv is a machine with the given environment variables and testFiles.
func testEnv(variables map[string]string) Env {
	return Env{
		LookupEnv: func(key string) (string, bool) { v, ok := variables[key]; return v, ok },
		ReadFile: func(name string) ([]byte, fs.FileMode, error) {
			f, ok := testFiles[name]
			if !ok {
				return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(f.text), f.mode, f.err
		},
	}
}

const minimal = `
[site]
id = "hq"
timezone = "Europe/London"
[[account]]
name = "rooms"
client_id = "11111111-2222-3333-4444-555555555555"
[mqtt]
broker = "mqtts://broker.example"
[[room]]
id = "boardroom"
`

func mustParse(t *testing.T, text string, variables map[string]string) *Config {
	t.Helper()
	c, err := Parse("test.toml", []byte(text), testEnv(variables))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return c
}

// TestBad holds each bad file to its exact messages.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) < 25 {
		t.Fatalf("found %d bad files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := readTest(t, file)
			want := string(readTest(t, strings.TrimSuffix(file, ".toml")+".txt"))
			_, err := Parse(filepath.Base(file), text, testEnv(nil))
			var problems *Problems
			if !errors.As(err, &problems) {
				t.Fatalf("Parse: %v, want *Problems", err)
			}
			if got := err.Error() + "\n"; got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
			for _, secret := range []string{"hunter", "abc~def", "def~ghi", "12345"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a message tells the secret %q", secret)
				}
			}
		})
	}
}

func TestProblemsNeedAPerson(t *testing.T) {
	_, err := Parse("x.toml", nil, Env{})
	p, ok := err.(interface {
		Action() string
		NeedsPerson() bool
	})
	if !ok || !p.NeedsPerson() || !strings.Contains(p.Action(), "roomgate config check") {
		t.Errorf("%T does not tell a person what to do", err)
	}
}

func TestMinimal(t *testing.T) {
	c := mustParse(t, minimal, nil)
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	a := c.Accounts[0]
	now := time.Date(2026, 7, 1, 8, 10, 0, 0, time.UTC)
	if got, want := a.Refresh.Next(now), now.Add(20*time.Minute); got != want {
		t.Errorf("refresh after %v: %v, want %v", now, got, want)
	}
	if got, want := a.Poll.Next(now), now.Add(time.Minute); got != want {
		t.Errorf("poll after %v: %v, want %v", now, got, want)
	}
	c.Accounts[0].Refresh, c.Accounts[0].Poll, c.file = nil, nil, file{}
	want := &Config{
		Site: Site{ID: "hq", Name: "hq", Timezone: london},
		Accounts: []Account{{
			Name: "rooms", Provider: "microsoft", Cloud: "global", Tenant: "common",
			ClientID: "11111111-2222-3333-4444-555555555555", SignIn: "code", RedirectURI: "http://localhost",
			Scopes:   []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared"},
			LoginURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com",
		}},
		Rooms: []Room{{ID: "boardroom", Name: "boardroom", RoomSettings: RoomSettings{
			Account: "rooms", Lead: 20 * time.Minute, Gap: 15 * time.Minute, Release: "end",
			Count: []string{"busy", "tentative", "oof"}, Privacy: "busy", StaleAfter: 10 * time.Minute,
		}}},
		MQTT:  MQTT{Broker: "mqtts://broker.example:8883", Prefix: "roomgate", Payload: "plain", Bool: "true/false", Time: "rfc3339"},
		Web:   Web{Listen: "127.0.0.1:8080"},
		Store: Store{Path: "/var/lib/roomgate/roomgate.db"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestRoomDefaults(t *testing.T) {
	c := mustParse(t, minimal+`
lead = "5m"
[[room]]
id = "attic"
mailbox = "attic@contoso.example"
[defaults.room]
lead = "30m"
building = "HQ"
count = ["busy"]
`, nil)
	got := []time.Duration{c.Rooms[0].Lead, c.Rooms[1].Lead, c.Rooms[1].Gap}
	if want := []time.Duration{5 * time.Minute, 30 * time.Minute, 15 * time.Minute}; !slices.Equal(got, want) {
		t.Errorf("lead, lead, gap = %v, want %v", got, want)
	}
	for _, r := range c.Rooms {
		if r.Building != "HQ" || !slices.Equal(r.Count, []string{"busy"}) {
			t.Errorf("room %s: building %q, count %v", r.ID, r.Building, r.Count)
		}
	}
}

func TestSecrets(t *testing.T) {
	account := func(line string) string {
		return strings.Replace(minimal, "[mqtt]", line+"\n[mqtt]\nusername = \"gw\"", 1)
	}
	credentials := map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"}
	for _, test := range []struct {
		name, text         string
		variables          map[string]string
		secret, brokerWord string
	}{
		{"none", account(""), nil, "", ""},
		{"written", account(`client_secret = "abc~text"`), nil, "abc~text", ""},
		{"file", account(`client_secret_file = "/etc/roomgate/rooms.secret"`), nil, "abc~file", ""},
		{"variable", account(`client_secret_env = "ROOMS"`), map[string]string{"ROOMS": "abc~env"}, "abc~env", ""},
		{"credential", account(""), credentials, "abc~credential", "pw credential"},
		{"file before credential", account(`client_secret_file = "/etc/roomgate/rooms.secret"`), credentials, "abc~file", "pw credential"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := mustParse(t, test.text, test.variables)
			if got := c.Accounts[0].ClientSecret.Reveal(); got != test.secret {
				t.Errorf("client secret %q, want %q", got, test.secret)
			}
			if got := c.MQTT.Password.Reveal(); got != test.brokerWord {
				t.Errorf("password %q, want %q", got, test.brokerWord)
			}
		})
	}
}

func TestSecretExpires(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "client_secret_expires = 2027-05-01\n[mqtt]", 1), nil)
	want := time.Date(2027, 4, 30, 23, 0, 0, 0, time.UTC) // midnight in London, one hour ahead in summer
	if got := c.Accounts[0].ClientSecretExpires; !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("expires %v, want %v", got, want)
	}
}

func TestClouds(t *testing.T) {
	for cloud, want := range map[string][2]string{
		"us-gov": {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
		"us-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		"china":  {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
	} {
		c := mustParse(t, strings.Replace(minimal, "[mqtt]", "cloud = \""+cloud+"\"\n[mqtt]", 1), nil)
		if got := [2]string{c.Accounts[0].LoginURL, c.Accounts[0].GraphURL}; got != want {
			t.Errorf("%s: %v, want %v", cloud, got, want)
		}
	}
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "login_url = \"http://127.0.0.1:9000/\"\ngraph_url = \"http://[::1]:9001\"\n[mqtt]", 1), nil)
	if got, want := [2]string{c.Accounts[0].LoginURL, c.Accounts[0].GraphURL}, [2]string{"http://127.0.0.1:9000", "http://[::1]:9001"}; got != want {
		t.Errorf("by hand: %v, want %v", got, want)
	}
}

func TestBroker(t *testing.T) {
	for written, want := range map[string]string{
		"mqtts://broker.example":      "mqtts://broker.example:8883",
		"mqtts://broker.example/":     "mqtts://broker.example:8883",
		"mqtt://localhost":            "mqtt://localhost:1883",
		"mqtt://[::1]":                "mqtt://[::1]:1883",
		"wss://broker.example/mqtt":   "wss://broker.example:443/mqtt",
		"ws://127.0.0.1:9001":         "ws://127.0.0.1:9001",
		"mqtts://broker.example:1234": "mqtts://broker.example:1234",
	} {
		c := mustParse(t, strings.Replace(minimal, "mqtts://broker.example", written, 1), nil)
		if c.MQTT.Broker != want {
			t.Errorf("%s: %s, want %s", written, c.MQTT.Broker, want)
		}
	}
	plain := strings.Replace(minimal, `"mqtts://broker.example"`, "\"mqtt://broker.example\"\ninsecure_plaintext = true", 1)
	if c := mustParse(t, plain, nil); c.MQTT.Broker != "mqtt://broker.example:1883" || !c.MQTT.InsecurePlaintext {
		t.Errorf("insecure_plaintext: %+v", c.MQTT)
	}
}

func TestWebOff(t *testing.T) {
	for _, listen := range []string{"", "off"} {
		if c := mustParse(t, minimal+"[web]\nlisten = \""+listen+"\"\n", nil); c.Web.Listen != "" {
			t.Errorf("listen = %q listens on %q", listen, c.Web.Listen)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	path := filepath.Join(t.TempDir(), "roomgate.toml")
	_, err := Load(path)
	if want := path + ": cannot be read: there is no such file (name the file with --config, or write one with roomgate config init)"; err == nil || err.Error() != want {
		t.Errorf("absent: %v\nwant %s", err, want)
	}
	text := strings.Replace(minimal, "[mqtt]", "client_secret = \"abc~text\"\n[mqtt]", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil || c.Accounts[0].ClientSecret.Reveal() != "abc~text" {
		t.Fatalf("Load: %+v, %v", c, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path)
	if want := path + ":8: account.client_secret: is a secret in a file that everybody may read (run chmod 600 on " + path + ", or use client_secret_file)"; err == nil || err.Error() != want {
		t.Errorf("readable: %v\nwant %s", err, want)
	}
}

// TestPrint holds the printed configuration to being one: it parses to the same
// values, and prints the same again.
func TestPrint(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", `client_secret_file = "/etc/roomgate/rooms.secret"
client_secret_expires = 2027-05-01
[mqtt]
username = "gw"
password_file = "/etc/roomgate/mqtt.password"`, 1)+"name = 'Board \"big\" room'\nmatch = ['back\\slash']\n", nil)
	first := printed(t, c)
	again := mustParse(t, first, nil)
	if second := printed(t, again); second != first {
		t.Errorf("first:\n%s\nsecond:\n%s", first, second)
	}
	if !reflect.DeepEqual(c.Rooms, again.Rooms) || !reflect.DeepEqual(c.MQTT, again.MQTT) || !reflect.DeepEqual(c.Accounts, again.Accounts) {
		t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again, c)
	}
	for _, line := range []string{
		`name = "hq"`, `lead = "20m"`, `account = "rooms"`, `login_url = "https://login.microsoftonline.com"`,
		`client_secret_expires = 2027-05-01`, `broker = "mqtts://broker.example:8883"`, `capacity = 0`, `insecure_plaintext = false`,
	} {
		if !strings.Contains(first, line+"\n") {
			t.Errorf("print lacks %s:\n%s", line, first)
		}
	}
}

func TestPrintMasks(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "client_secret = \"abc~text\"\n[mqtt]\nusername = \"gw\"\npassword = \"pw-text\"", 1), nil)
	out := printed(t, c)
	if strings.Contains(out, "abc~text") || strings.Contains(out, "pw-text") {
		t.Errorf("print tells a secret:\n%s", out)
	}
	if !strings.Contains(out, `client_secret = "(secret)"`) || !strings.Contains(out, `password = "(secret)"`) {
		t.Errorf("print hides that there is a secret:\n%s", out)
	}
}

func printed(t *testing.T, c *Config) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	commented = regexp.MustCompile(`(?m)^# ?([a-z_]+ *=)`)
	assigned  = regexp.MustCompile(`(?m)^(?:# ?)?([a-z_]+) *=`)
)

const reference = "../packaging/roomgate.toml"

// TestReference parses the shipped configuration as it is and with every setting
// in force, and finds the defaults it names to be the defaults.
func TestReference(t *testing.T) {
	shipped := string(readTest(t, reference))
	mustParse(t, shipped, nil)
	full := commented.ReplaceAllString(shipped, "$1")
	mustParse(t, full, nil)

	doc, problem := decode(reference, full)
	if problem != nil {
		t.Fatal(problem)
	}
	got := (&binder{&report{}}).file(doc)
	checkDefaults(t, "account", got.Accounts[0], defaultAccount())
	checkDefaults(t, "defaults.room", got.Defaults.Room, defaults().Defaults.Room)
	checkDefaults(t, "mqtt", got.MQTT, defaults().MQTT)
	checkDefaults(t, "web", got.Web, defaults().Web)
	checkDefaults(t, "store", got.Store, defaults().Store)
}

// checkDefaults compares the settings that have a default.
func checkDefaults(t *testing.T, table string, got, want any) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for _, field := range settings(w.Type()) {
		a, b := g.FieldByIndex(field.Index), w.FieldByIndex(field.Index)
		if !b.IsZero() && !reflect.DeepEqual(a.Interface(), b.Interface()) {
			t.Errorf("%s.%s is shown as %v, the default is %v", table, field.Tag.Get("toml"), a, b)
		}
	}
}

// TestReferenceIsWhole finds every setting in the section it belongs to.
func TestReferenceIsWhole(t *testing.T) {
	sections := map[string][]string{
		"[site]": keysOf(reflect.TypeFor[rawSite]()), "[[account]]": keysOf(reflect.TypeFor[rawAccount]()),
		"[defaults.room]": keysOf(reflect.TypeFor[RoomSettings]()), "[[room]]": {"id", "name", "mailbox", "match"},
		"[mqtt]": keysOf(reflect.TypeFor[rawMQTT]()), "[web]": keysOf(reflect.TypeFor[Web]()), "[store]": keysOf(reflect.TypeFor[Store]()),
	}
	parts := regexp.MustCompile(`(?m)^\[.*\]$`)
	text := string(readTest(t, reference))
	at := parts.FindAllStringIndex(text, -1)
	if len(at) != len(sections) {
		t.Fatalf("%d sections, want %d", len(at), len(sections))
	}
	for i, span := range at {
		header, body := text[span[0]:span[1]], text[span[1]:]
		if i+1 < len(at) {
			body = text[span[1]:at[i+1][0]]
		}
		var keys []string
		for _, m := range assigned.FindAllStringSubmatch(body, -1) {
			keys = append(keys, m[1])
		}
		want := slices.Sorted(slices.Values(sections[header]))
		if slices.Sort(keys); !slices.Equal(keys, want) {
			t.Errorf("%s has %v, want %v", header, keys, want)
		}
	}
}

// TestTags finds every tag of the settings to be one that binding understands.
func TestTags(t *testing.T) {
	known := []string{"toml", "oneof", "range", "form", "required", "hide"}
	key := regexp.MustCompile(`(\w+):"`)
	for _, table := range []any{rawSite{}, rawAccount{}, Room{}, rawMQTT{}, Web{}, Store{}} {
		for _, field := range settings(reflect.TypeOf(table)) {
			for _, m := range key.FindAllStringSubmatch(string(field.Tag), -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s has the tag %s", field.Name, m[1])
				}
			}
			if form := field.Tag.Get("form"); form != "" && forms[form] == nil {
				t.Errorf("%s has the form %s", field.Name, form)
			}
			if d, ok := reflect.New(field.Type).Interface().(*time.Duration); ok && assign("1m", field.Tag, d).message != "" {
				t.Errorf("%s has the range %q", field.Name, field.Tag.Get("range"))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal)
	f.Add("a.\"b\\\"\".'c' = [{x = [1, 2], y = '''\n''}'''}, 3] # c\n[[room]]\n[room.x]")
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, reference) {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("fuzz.toml", []byte(text), testEnv(nil))
		if err != nil {
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(*err.(*Problems)) {
				t.Errorf("%d problems on %d lines: %q", len(*err.(*Problems)), lines, err)
			}
			return
		}
		if out := printed(t, c); !strings.Contains(out, mask) { // a masked secret is refused
			mustParse(t, out, nil)
		}
	})
}

func readTest(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
