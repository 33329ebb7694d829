package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
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
	"/etc/roomgate/api.key":       {text: apiKeyText + "\n", mode: 0o600},
	"/etc/roomgate/store.key":     {text: strings.Repeat("0a", 32) + "\n", mode: 0o400},
	"/etc/roomgate/no-header.key": {text: strings.Repeat("key ", 10), mode: 0o600},
	"/etc/roomgate/long.key":      {text: strings.Repeat("0a", 129), mode: 0o600},
	"/etc/roomgate/pass.phrase":   {text: "correct horse battery staple 123", mode: 0o600},
	"/etc/roomgate/damaged.crt":   {text: pemText("CERTIFICATE", []byte("abc")), mode: 0o644},
	"/etc/roomgate/sealed.key":    {text: pemText("ENCRYPTED PRIVATE KEY", []byte("abc")), mode: 0o600},
	"/etc/roomgate/sealed-1.key":  {text: strings.Replace(pemText("RSA PRIVATE KEY", nil), "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1), mode: 0o600},
	"/etc/roomgate/open.key":      {text: pemText("PRIVATE KEY", []byte("abc")), mode: 0o644},
	"/etc/roomgate/both.pem":      {text: pemText("CERTIFICATE", []byte("abc")) + pemText("PRIVATE KEY", []byte("abc")), mode: 0o644},
	"/run/credentials/rooms":      {text: "abc~credential\r\n", mode: 0o400},
	"/run/credentials/mqtt":       {text: "pw credential\n", mode: 0o440},
}

// testEnv is a machine with the given environment variables and testFiles.
func testEnv(variables map[string]string) Env {
	return Env{
		LookupEnv: func(key string) (string, bool) { v, ok := variables[key]; return v, ok },
		ReadFile: func(name string) ([]byte, fs.FileMode, error) {
			f, ok := testFiles[name]
			if pair, made := madeFiles()[name]; made {
				f, ok = pair, true
			}
			if !ok {
				return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return []byte(f.text), f.mode, f.err
		},
	}
}

// madeFiles contains certificates and their keys, generated once for each run.
var madeFiles = sync.OnceValue(func() map[string]testFile {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	otherKey, otherErr := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, ecErr := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err = errors.Join(err, otherErr, ecErr); err != nil {
		panic(err)
	}
	files := map[string]testFile{}
	for name, key := range map[string]crypto.Signer{"rooms": rsaKey, "other": otherKey, "curve": ecKey} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)}
		cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		private, keyErr := x509.MarshalPKCS8PrivateKey(key)
		if err = errors.Join(err, keyErr); err != nil {
			panic(err)
		}
		files["/etc/roomgate/"+name+".crt"] = testFile{text: pemText("CERTIFICATE", cert), mode: 0o644}
		files["/etc/roomgate/"+name+".key"] = testFile{text: pemText("PRIVATE KEY", private), mode: 0o600}
	}
	together := files["/etc/roomgate/rooms.key"].text + files["/etc/roomgate/rooms.crt"].text + files["/etc/roomgate/curve.crt"].text
	files["/etc/roomgate/together.pem"] = testFile{text: together, mode: 0o600}
	return files
})

func pemText(label string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: content}))
}

const apiKeyText = "0123456789abcdef0123456789abcdef"

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

// TestBad compares the messages of each bad file with the expected ones.
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
					t.Errorf("a message contains the secret %q", secret)
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
	if !ok || !p.NeedsPerson() || !strings.Contains(p.Action(), " config check") {
		t.Errorf("%T has no action for a person", err)
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
	if got, want := microsoftOf(c).Refresh.Next(now), now.Add(20*time.Minute); got != want {
		t.Errorf("refresh after %v: %v, want %v", now, got, want)
	}
	if got, want := a.Poll.Next(now), now.Add(time.Minute); got != want {
		t.Errorf("poll after %v: %v, want %v", now, got, want)
	}
	microsoftOf(c).Refresh, c.Accounts[0].Poll, c.file, c.Warnings = nil, nil, file{}, nil
	want := &Config{
		Site: Site{ID: "hq", Name: "hq", Timezone: london},
		Accounts: []Account{{
			Name: "rooms", Provider: "microsoft", Settings: &Microsoft{
				Cloud: "global", Tenant: "common",
				ClientID: "11111111-2222-3333-4444-555555555555", SignIn: "code", RedirectURI: "http://localhost",
				Scopes:   []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared"},
				LoginURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com",
			},
		}},
		Rooms: []Room{{ID: "boardroom", Name: "boardroom", RoomSettings: RoomSettings{
			Account: "rooms", Lead: 20 * time.Minute, Gap: 15 * time.Minute, Release: "end",
			Count: []string{"busy", "tentative", "oof"}, Privacy: "busy", StaleAfter: 10 * time.Minute,
			FailSafe: "hold", FailAfter: 4 * time.Hour, Grace: 10 * time.Minute, Hold: 15 * time.Minute, PresenceTimeout: time.Hour,
			PresenceOn:  []string{"true", "1", "on", "occupied", "present", "yes"},
			PresenceOff: []string{"false", "0", "off", "unoccupied", "absent", "no"},
		}}},
		MQTT:    MQTT{Broker: "mqtts://broker.example:8883", Prefix: "roomgate", Payload: "plain", Bool: "true/false", Time: "rfc3339"},
		Web:     Web{Listen: "127.0.0.1:8080"},
		Store:   Store{Path: "/var/lib/roomgate/roomgate.db"},
		Program: "roomgate",
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
			if got := microsoftOf(c).ClientSecret.Reveal(); got != test.secret {
				t.Errorf("client secret %q, want %q", got, test.secret)
			}
			if got := c.MQTT.Password.Reveal(); got != test.brokerWord {
				t.Errorf("password %q, want %q", got, test.brokerWord)
			}
		})
	}
}

func TestKeyFiles(t *testing.T) {
	c := mustParse(t, minimal+"[web]\napi_key_file = \"/etc/roomgate/api.key\"\n[store]\nkey_file = \"/etc/roomgate/store.key\"\n", nil)
	if got := c.Web.APIKey.Reveal(); got != apiKeyText {
		t.Errorf("api key %q, want %q", got, apiKeyText)
	}
	want := [32]byte([]byte(strings.Repeat("\n", 32)))
	if c.Store.Key == nil || *c.Store.Key != want {
		t.Errorf("store key %x, want %x", c.Store.Key, want)
	}
	if c := mustParse(t, minimal, nil); c.Web.APIKey.Reveal() != "" || c.Store.Key != nil {
		t.Errorf("without key files: api key %q, store key %x", c.Web.APIKey.Reveal(), c.Store.Key)
	}
}

func TestKey32(t *testing.T) {
	chance := "\x00\x01\x02\x03" + strings.Repeat("z", 27) + "\n"
	for text, want := range map[string]string{
		chance: chance,
		"7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a":     strings.Repeat("z", 32),
		"7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A\r\n": strings.Repeat("z", 32),
		"enp6enp6enp6enp6enp6enp6enp6enp6enp6enp6eno=\n":                       strings.Repeat("z", 32),
		"":                               "",
		strings.Repeat("z", 32):          "", // a pass phrase
		strings.Repeat("z", 31) + "\n":   "",
		strings.Repeat("7a", 16):         "", // half a key, and text
		strings.Repeat("7a", 31):         "",
		strings.Repeat("7a", 33):         "",
		strings.Repeat("\x00", 31):       "",
		strings.Repeat("\x00", 33):       "",
		strings.Repeat("enp6", 11) + "=": "",
	} {
		got := key32(text)
		if want == "" && got != nil || want != "" && (got == nil || string(got[:]) != want) {
			t.Errorf("key32(%q) = %x, want %x", text, got, want)
		}
	}
}

// TestKeysNeverPrint formats a whole configuration in every way.
func TestKeysNeverPrint(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", pair+"\n[mqtt]", 1)+
		"[web]\napi_key_file = \"/etc/roomgate/api.key\"\n[store]\nkey_file = \"/etc/roomgate/store.key\"\n", nil)
	key := microsoftOf(c).ClientKey.Reveal()
	encoded, err := json.Marshal([]any{c.Accounts[0].Settings, c.Web, c.Store})
	if err != nil {
		t.Fatal(err)
	}
	outputs := []string{printed(t, c), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{c, *c, c.Accounts, c.Accounts[0].Settings, *microsoftOf(c), microsoftOf(c).ClientKey, c.Web, c.Store, &c.Store} {
			outputs = append(outputs, fmt.Sprintf(verb, value))
		}
	}
	bytesOf := func(b []byte) string { return strings.Trim(fmt.Sprint(b), "[]") }
	told := []string{
		apiKeyText, key[:40], fmt.Sprintf("%x", key[:40]), bytesOf([]byte(key[:40])), base64.StdEncoding.EncodeToString([]byte(key[:39])),
		strings.Repeat("0a", 32), string(c.Store.Key[:]), bytesOf(c.Store.Key[:]), strings.ReplaceAll(bytesOf(c.Store.Key[:]), " ", ","),
	}
	for _, out := range outputs {
		for _, secret := range told {
			if strings.Contains(out, secret) {
				t.Errorf("a configuration prints %q: %.200s", secret, out)
			}
		}
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
	if want := path + ": cannot be read: there is no such file (name the file with --config, or write one with: roomgate --config " + path + " config init)"; err == nil || err.Error() != want {
		t.Errorf("absent: %v\nwant %s", err, want)
	}
	text := strings.Replace(minimal, "[mqtt]", "client_secret = \"abc~text\"\n[mqtt]", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil || microsoftOf(c).ClientSecret.Reveal() != "abc~text" {
		t.Fatalf("Load: %+v, %v", c, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path)
	if want := path + ":8: account.client_secret: is a secret in a file that all users can read (run chmod 600 on " + path + ", or use client_secret_file)"; err == nil || err.Error() != want {
		t.Errorf("readable: %v\nwant %s", err, want)
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
