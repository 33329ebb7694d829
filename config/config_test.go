package config

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
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
	"regexp"
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

// madeFiles holds the certificates of this run and their keys.
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

// microsoftOf returns the settings of the first account.
func microsoftOf(c *Config) *Microsoft { return c.Accounts[0].Settings.(*Microsoft) }

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
	if got, want := microsoftOf(c).Refresh.Next(now), now.Add(20*time.Minute); got != want {
		t.Errorf("refresh after %v: %v, want %v", now, got, want)
	}
	if got, want := a.Poll.Next(now), now.Add(time.Minute); got != want {
		t.Errorf("poll after %v: %v, want %v", now, got, want)
	}
	microsoftOf(c).Refresh, c.Accounts[0].Poll, c.file = nil, nil, file{}
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
			if got := microsoftOf(c).ClientSecret.Reveal(); got != test.secret {
				t.Errorf("client secret %q, want %q", got, test.secret)
			}
			if got := c.MQTT.Password.Reveal(); got != test.brokerWord {
				t.Errorf("password %q, want %q", got, test.brokerWord)
			}
		})
	}
}

// TestSignIn finds each way in to have what it needs, and nothing of the others.
func TestSignIn(t *testing.T) {
	scopes := []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared"}
	const company = "tenant = \"contoso.example\"\n"
	for _, test := range []struct {
		name, lines           string
		kind, redirect        string
		scopes                []string
		secret, certificateOf string
	}{
		{"code", `redirect_uri = "https://gw.example/cb"`, "code", "https://gw.example/cb", scopes, "abc~credential", ""},
		{"device", `sign_in = "device"`, "device", "", scopes, "abc~credential", ""},
		{"app with a credential", company + `sign_in = "app"`, "app", "", nil, "abc~credential", ""},
		{"app with a secret file", company + "sign_in = \"app\"\nclient_secret_file = \"/etc/roomgate/rooms.secret\"", "app", "", nil, "abc~file", ""},
		{"app with a certificate", company + "sign_in = \"app\"\n" + pair, "app", "", nil, "", "rooms"},
		{"code with a certificate", pair, "code", "http://localhost", scopes, "", "rooms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(minimal, "[mqtt]", test.lines+"\n[mqtt]\nusername = \"gw\"", 1) + "mailbox = \"boardroom@contoso.example\"\n"
			c := mustParse(t, text, map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"})
			a := microsoftOf(c)
			if a.SignIn != test.kind || a.RedirectURI != test.redirect || !slices.Equal(a.Scopes, test.scopes) {
				t.Errorf("got %q, %q, %q", a.SignIn, a.RedirectURI, a.Scopes)
			}
			if a.ClientSecret.Reveal() != test.secret {
				t.Errorf("client secret %q, want %q", a.ClientSecret.Reveal(), test.secret)
			}
			cert, key := "", ""
			if test.certificateOf != "" {
				cert, key = madeFiles()["/etc/roomgate/rooms.crt"].text, madeFiles()["/etc/roomgate/rooms.key"].text
			}
			if string(a.ClientCertificate) != cert || a.ClientKey.Reveal() != key {
				t.Errorf("certificate of %d bytes, want %d; key of %d bytes, want %d", len(a.ClientCertificate), len(cert), len(a.ClientKey.Reveal()), len(key))
			}
			if again := mustParse(t, printed(t, c), map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"}); !reflect.DeepEqual(again.Accounts, c.Accounts) {
				t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again.Accounts, c.Accounts)
			}
		})
	}
}

const pair = "client_certificate_file = \"/etc/roomgate/rooms.crt\"\nclient_key_file = \"/etc/roomgate/rooms.key\""

// TestCertificateAlone reads both halves of a pair from one file, and keeps the
// key out of what is not secret.
func TestCertificateAlone(t *testing.T) {
	lines := strings.NewReplacer("rooms.crt", "together.pem", "rooms.key", "together.pem").Replace(pair)
	a := microsoftOf(mustParse(t, strings.Replace(minimal, "[mqtt]", lines+"\n[mqtt]", 1), nil))
	if got, want := string(a.ClientCertificate), madeFiles()["/etc/roomgate/rooms.crt"].text; got != want {
		t.Errorf("certificate of %d bytes, want %d", len(got), len(want))
	}
	if _, err := tls.X509KeyPair(a.ClientCertificate, []byte(a.ClientKey.Reveal())); err != nil {
		t.Error(err)
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

func TestSecretExpires(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "client_secret_expires = 2027-05-01\n[mqtt]", 1), nil)
	want := time.Date(2027, 4, 30, 23, 0, 0, 0, time.UTC) // midnight in London, one hour ahead in summer
	if got := microsoftOf(c).ClientSecretExpires; !got.Equal(want) || got.Location() != time.UTC {
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
		if got := [2]string{microsoftOf(c).LoginURL, microsoftOf(c).GraphURL}; got != want {
			t.Errorf("%s: %v, want %v", cloud, got, want)
		}
	}
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "login_url = \"http://127.0.0.1:9000/\"\ngraph_url = \"http://[::1]:9001\"\n[mqtt]", 1), nil)
	if got, want := [2]string{microsoftOf(c).LoginURL, microsoftOf(c).GraphURL}, [2]string{"http://127.0.0.1:9000", "http://[::1]:9001"}; got != want {
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
	if err != nil || microsoftOf(c).ClientSecret.Reveal() != "abc~text" {
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
	commented = regexp.MustCompile(`(?m)^# ?([a-z_]+ *=|"[0-9-]+" *=|\[.*\]$)`)
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
	got := (&binder{report: &report{}, providers: Providers()}).file(doc)
	usual := (&binder{report: &report{}, providers: Providers()}).account("account[0]", nil)
	usual.table = nil
	table := got.Accounts[0].table.(*microsoftTable)
	checkDefaults(t, "account", got.Accounts[0], usual)
	checkDefaults(t, "account", *table, *microsoftDefaults("code"))
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
		"[site]": keysOf(reflect.TypeFor[rawSite]()), "[site.schedule]": weekdays[:], "[site.schedule.exceptions]": nil, "[[account]]": (&binder{}).accountKeys(Providers()...),
		"[defaults.room]": keysOf(reflect.TypeFor[RoomSettings]()), "[[room]]": {"id", "name", "mailbox", "calendar", "match", "presence_topic"},
		"[[defaults.room.rule]]": keysOf(reflect.TypeFor[Rule]()), "[[room.rule]]": keysOf(reflect.TypeFor[Rule]()), "[room.schedule]": {"sat"},
		"[mqtt]": keysOf(reflect.TypeFor[rawMQTT]()), "[web]": keysOf(reflect.TypeFor[rawWeb]()), "[store]": keysOf(reflect.TypeFor[rawStore]()),
	}
	parts := regexp.MustCompile(`(?m)^(?:# )?\[.*\]$`)
	text := string(readTest(t, reference))
	at := parts.FindAllStringIndex(text, -1)
	if len(at) != len(sections) {
		t.Fatalf("%d sections, want %d", len(at), len(sections))
	}
	for i, span := range at {
		header, body := strings.TrimPrefix(text[span[0]:span[1]], "# "), text[span[1]:]
		if i+1 < len(at) {
			body = text[span[1]:at[i+1][0]]
		}
		var keys []string
		for _, m := range assigned.FindAllStringSubmatch(body, -1) {
			keys = append(keys, m[1])
		}
		want := slices.DeleteFunc(slices.Sorted(slices.Values(sections[header])), func(key string) bool { return key == "rule" || key == "schedule" }) // sections of their own
		if slices.Sort(keys); !slices.Equal(keys, want) {
			t.Errorf("%s has %v, want %v", header, keys, want)
		}
	}
}

// TestTags finds every tag of the settings to be one that binding understands.
func TestTags(t *testing.T) {
	known := []string{"toml", "oneof", "range", "form", "required", "needs", "hide"}
	key := regexp.MustCompile(`(\w+):"`)
	tables := map[reflect.Type]*binder{}
	for _, table := range []any{rawSite{}, rawAccount{}, Room{}, Rule{}, rawMQTT{}, rawWeb{}, rawStore{}} {
		tables[reflect.TypeOf(table)] = &binder{}
	}
	for _, p := range Providers() {
		tables[reflect.TypeOf(p.Table(nil)).Elem()] = &binder{forms: p.Forms}
	}
	for table, b := range tables {
		for _, field := range settings(table) {
			for _, m := range key.FindAllStringSubmatch(string(field.Tag), -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s has the tag %s", field.Name, m[1])
				}
			}
			if form := field.Tag.Get("form"); form != "" && b.form(form) == nil {
				t.Errorf("%s has the form %s", field.Name, form)
			}
			if d, ok := reflect.New(field.Type).Interface().(*time.Duration); ok && b.assign("1m", field.Tag, d).Message != "" {
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
