package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// TestPrint parses the printed configuration to the same values, and prints it to
// the same text.
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
		t.Errorf("print contains a secret:\n%s", out)
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

// The same in JSON, for programs: no escapes that people cannot read, and no secret.
func TestPrintJSON(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "client_secret = \"abc~text\"\nclient_secret_expires = 2027-05-01\n[mqtt]\nusername = \"r&d <x>\"", 1), nil)
	var b strings.Builder
	if err := c.PrintJSON(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"timezone": "Europe/London"`, `"username": "r&d <x>"`, `"client_secret": "(secret)"`, `"client_secret_expires": "2027-05-01"`, `"lead": "20m"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %s in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "abc~text") {
		t.Error("the secret is printed")
	}
}
