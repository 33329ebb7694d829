package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is used as it is, and is probably not meant.
func TestWarnings(t *testing.T) {
	const text = `[site]
id = "hq"
timezone = "Europe/London"
[[account]]
name = "rooms"
client_id = "11111111-2222-3333-4444-555555555555"
tenant = "contoso.example"
[[room]]
id = "boardroom"
mailbox = "Boardroom@fabrikam.com"
[[room]]
id = "library"
mailbox = "boardroom@contoso.example"
[[room]]
id = "study"
mailbox = "boardroom@FABRIKAM.com"
[mqtt]
broker = "mqtts://broker.example:8883"
`
	c, err := Parse("hq.toml", []byte(text), Env{})
	if err != nil {
		t.Fatal(err)
	}
	want := `hq.toml:6: account.client_id: is a placeholder of the documentation, got "11111111-2222-3333-4444-555555555555" (copy the Application (client) ID from the app registration's overview)
hq.toml:7: account.tenant: is a placeholder of the documentation, got "contoso.example" (copy the Directory (tenant) ID from the app registration's overview)
hq.toml:13: room.mailbox: is a placeholder of the documentation, got "boardroom@contoso.example" (write the address of the room's mailbox)
hq.toml:16: room.mailbox: is also that of room "boardroom", so that both always show the same, got "boardroom@FABRIKAM.com" (give each room its own mailbox, or keep one of the two rooms)
hq.toml:18: mqtt.broker: is a placeholder of the documentation, got "mqtts://broker.example:8883" (write the address of the site's broker)`
	if got := c.Warnings.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	// In a simulator the addresses of the documentation exist.
	simulator := strings.Replace(text, "[[room]]", "login_url = \"http://127.0.0.1:8365\"\ngraph_url = \"http://127.0.0.1:8365\"\n[[room]]", 1)
	if c, err = Parse("hq.toml", []byte(simulator), Env{}); err != nil || len(c.Warnings) != 3 {
		t.Errorf("with a simulator: %v, %v; want the id, the mailbox used twice and the broker", c.Warnings.Error(), err)
	}
}

// The sheet for the customer's IT writes YOUR-DOMAIN for what it does not know.
func TestValuesThatWereLeftOut(t *testing.T) {
	for value, want := range map[string]bool{"boardroom@YOUR-DOMAIN": true, "YOUR-BROKER:8883": true, "boardroom@contoso.com": false, "your-rooms.com": false} {
		if got := leftOut(value); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// A draft may name the file of a secret that the customer's IT has yet to make.
func TestDraft(t *testing.T) {
	const text = `[site]
id = "hq"
timezone = "Europe/London"
[[account]]
name = "rooms"
client_id = "6c0d2b9a-4f3e-4c1d-9a7b-2f1e0d3c5b4a"
tenant = "fabrikam.com"
client_secret_file = "SECRET"
redirect_uri = "http://localhost"
[[room]]
id = "boardroom"
mailbox = "boardroom@fabrikam.com"
[mqtt]
broker = "mqtt://127.0.0.1"
`
	dir := t.TempDir()
	path, secret := filepath.Join(dir, "roomgate.toml"), filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte(strings.Replace(text, "SECRET", secret, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDraft(path); err != nil {
		t.Errorf("without the file: %v", err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "names a file that cannot be read") {
		t.Errorf("for the gateway, without the file: %v", err)
	}
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadDraft(path); err == nil || !strings.Contains(err.Error(), "names an empty file") {
		t.Errorf("with an empty file: %v", err)
	}
}

func TestPlaceholder(t *testing.T) {
	for host, want := range map[string]bool{"broker.example": true, "Contoso.EXAMPLE.": true, "mail.example.com": true, "example.org": true,
		"contoso.com": false, "example.contoso.com": false, "com": false, "": false, "myexample.com": false} {
		if got := placeholder(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
