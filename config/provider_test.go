package config

import (
	"strings"
	"testing"
	"time"
)

// tides is a provider with a user name and a password, that neither sweeps nor
// has calendars of its own.
var tides = Provider{
	Name:  "tides",
	Table: func(map[string]any) Table { return &tideTable{Server: "https://tides.example"} },
	Forms: map[string]Form{"server": serverLike("https://tides.example"), "harbour": func(s string) Complaint {
		if s == strings.ToUpper(s) {
			return Complaint{}
		}
		return Complaint{"must be in capitals", "write " + strings.ToUpper(s)}
	}},
}

type tideTable struct {
	Server       string `toml:"server" form:"server" required:"https://tides.example"`
	Harbour      string `toml:"harbour" form:"harbour"`
	PasswordFile string `toml:"password_file" form:"path" hide:"yes"`
	Refresh      string `toml:"refresh"`
}

type tideSettings struct {
	Server   string
	Password Secret
	Refresh  Schedule
}

func (t *tideTable) Check(a *AccountCheck) Settings {
	t.Server = strings.TrimSuffix(t.Server, "/")
	if t.Harbour != "" && t.PasswordFile == "" && !a.Reported("harbour") {
		a.Report("harbour", t.Harbour, Complaint{"needs a password", "add password_file"})
	}
	return tideSettings{t.Server, a.Secret("password", Secret{}, t.PasswordFile, ""), a.Schedule("refresh", t.Refresh, time.Hour)}
}

func (tideSettings) Abilities() Abilities {
	return Abilities{LeastPoll: time.Minute, NoCalendar: "has no calendars, only harbours"}
}

const tideAccount = `
[site]
id = "hq"
timezone = "Europe/London"
[[account]]
name = "rooms"
provider = "tides"
[mqtt]
broker = "mqtts://broker.example"
[[room]]
id = "boardroom"
mailbox = "boardroom@contoso.example"
`

// TestAdditionalProvider has accounts of two providers side by side.
func TestAdditionalProvider(t *testing.T) {
	text := strings.Replace(tideAccount, "[mqtt]", `server = "https://north.example/"
harbour = "LEITH"
password_file = "/etc/roomgate/rooms.secret"
refresh = "@hourly"
[[account]]
name = "other"
client_id = "11111111-2222-3333-4444-555555555555"
[mqtt]`, 1) + "account = \"rooms\"\n"
	c, err := Parse("test.toml", []byte(text), testEnv(nil), tides)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Accounts[0]
	got, ok := a.Settings.(tideSettings)
	if !ok || a.Provider != "tides" || a.Sweep != nil || a.Poll == nil || got.Server != "https://north.example" || got.Password.Reveal() != "abc~file" || got.Refresh == nil {
		t.Errorf("got %+v", a)
	}
	if b := c.Accounts[1]; b.Provider != "microsoft" || b.Settings.(*Microsoft).SignIn != "code" {
		t.Errorf("the other account: %+v", b)
	}
	out := printed(t, c)
	want := "[[account]]\nname = \"rooms\"\nprovider = \"tides\"\npoll = \"@every 60s\"\nsweep = \"\"\n" +
		"server = \"https://north.example\"\nharbour = \"LEITH\"\npassword_file = \"/etc/roomgate/rooms.secret\"\nrefresh = \"@hourly\"\n\n[[account]]\n"
	if !strings.Contains(out, want) {
		t.Errorf("printed\n%s\nwithout\n%s", out, want)
	}
	again, err := Parse("test.toml", []byte(out), testEnv(nil), tides)
	again.Warnings = c.Warnings // whose lines differ
	if err != nil || !Same(again, c) {
		t.Errorf("parsing the print: %+v, %v", again, err)
	}
}

// TestProviderCredential gives an account of any provider its systemd credential.
func TestProviderCredential(t *testing.T) {
	c, err := Parse("test.toml", []byte(tideAccount), testEnv(map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"}), tides)
	if err == nil || !strings.Contains(err.Error(), "mqtt.username: is missing") {
		t.Fatalf("%+v, %v", c, err) // the password of the broker is found as well
	}
	text := strings.Replace(tideAccount, "[[room]]", "username = \"gw\"\n[[room]]", 1)
	c, err = Parse("test.toml", []byte(text), testEnv(map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"}), tides)
	if err != nil || c.Accounts[0].Settings.(tideSettings).Password.Reveal() != "abc~credential" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestProviderProblems compares the messages that involve a second provider with
// the expected ones.
func TestProviderProblems(t *testing.T) {
	account := func(lines string) string { return strings.Replace(tideAccount, "[mqtt]", lines+"\n[mqtt]", 1) }
	for _, test := range []struct{ name, text, want string }{
		{"keys of another provider", account("client_id = \"hunter~2\"\nscopes = []\nrefresh = \"@hourly\""),
			`test.toml:8: account.client_id: belongs to provider "microsoft", and this account has provider "tides" (remove it, or set provider = "microsoft")
test.toml:9: account.scopes: belongs to provider "microsoft", and this account has provider "tides" (remove it, or set provider = "microsoft")`},
		{"the default provider given keys of another", strings.Replace(account("client_id = \"11111111-2222-3333-4444-555555555555\"\nharbour = \"LEITH\""), "provider = \"tides\"\n", "", 1),
			`test.toml:8: account.harbour: belongs to provider "tides", and this account has provider "microsoft" (remove it, or set provider = "tides")`},
		{"an unknown provider", strings.Replace(account("harbour = \"LEITH\"\npassword_file = \"/etc/roomgate/rooms.secret\""), "tides", "tide", 1),
			`test.toml:7: account.provider: must be one of "microsoft", "tides", got "tide" (did you mean "tides"?)`},
		{"a provider that is no text", strings.Replace(account("client_id = \"11111111-2222-3333-4444-555555555555\""), `"tides"`, "1", 1),
			`test.toml:7: account.provider: must be text in quotes, got 1 (write "1")`},
		{"a key near one of the provider", account("habour = \"LEITH\""),
			`test.toml:8: account.habour: unknown setting (did you mean "harbour"?)`},
		{"a key of an account in a room", tideAccount + "harbour = \"LEITH\"",
			`test.toml:13: room.harbour: unknown setting (belongs in [[account]])`},
		{"a form of the provider", account("harbour = \"leith\"\nserver = \"tides\""),
			`test.toml:8: account.harbour: must be in capitals, got "leith" (write LEITH)
test.toml:9: account.server: must be an https address, got "tides" (write scheme and host, such as "https://tides.example")`},
		{"a check of the provider", account("harbour = \"LEITH\""),
			`test.toml:8: account.harbour: needs a password, got "LEITH" (add password_file)`},
		{"a setting left empty", account("server = \"\""), `test.toml:8: account.server: is missing (add server = "https://tides.example")`},
		{"a sweep", account("sweep = \"@every 10s\""), `test.toml:8: account.sweep: has no effect with provider "tides", which cannot sweep, got "@every 10s" (remove it, and poll more often)`},
		{"polls too often", account("poll = \"@every 30s\""),
			`test.toml:8: account.poll: schedule "@every 30s" runs every 30s, the shortest allowed is 1m (write five fields such as "*/30 * * * *", or "@every 60s")`},
		{"renews too often", account("refresh = \"@every 30s\""),
			`test.toml:8: account.refresh: schedule "@every 30s" runs every 30s, the shortest allowed is 1h (write five fields such as "*/30 * * * *", or "@every 60s")`},
		{"a room without a mailbox", strings.Replace(tideAccount, "mailbox = \"boardroom@contoso.example\"\n", "", 1),
			`test.toml:10: room: needs a mailbox, because account "rooms" has no calendars, only harbours (add mailbox = "boardroom@contoso.example")`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Parse("test.toml", []byte(test.text), testEnv(nil), tides); err == nil || err.Error() != test.want {
				t.Errorf("got\n%v\nwant\n%s", err, test.want)
			}
		})
	}
	_, err := Parse("test.toml", []byte(tideAccount), testEnv(nil))
	if want := `test.toml:7: account.provider: must be "microsoft", got "tides"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without the provider: %v, want %s", err, want)
	}
}
