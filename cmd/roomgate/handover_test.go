package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"roomgate/config"
	"roomgate/graph/token"
)

var writeGolden = flag.Bool("golden", false, "write testdata/handover anew; read the difference line by line")

// handoverConfigs are the sites whose sheets lie in testdata/handover.
var handoverConfigs = map[string]string{
	"code-secret": `
[[account]]
name = "rooms"
tenant = "contoso.example"
client_id = "2c1d7a90-3b4e-4f5a-9c6d-7e8f90a1b2c3"
client_secret = "hunter2-hunter2"
[[room]]
id = "boardroom"
name = "Board | room"
mailbox = "boardroom@contoso.example"
privacy = "full"
[[room]]
id = "o-brien"
mailbox = "o'brien@contoso.example"
[mqtt]
broker = "mqtts://broker.example"
`,
	"device-china": `
[[account]]
name = "rooms"
cloud = "china"
sign_in = "device"
tenant = "contoso.example"
client_id = "11111111-2222-3333-4444-555555555555"
scopes = ["offline_access", "https://microsoftgraph.chinacloudapi.cn/User.Read", "https://microsoftgraph.chinacloudapi.cn/Calendars.Read"]
[[room]]
id = "boardroom"
[mqtt]
broker = "mqtt://127.0.0.1"
`,
	"app-certificate": `
[[account]]
name = "rooms"
sign_in = "app"
tenant = "contoso.example"
client_id = "11111111-2222-3333-4444-555555555555"
client_certificate_file = "/etc/roomgate/rooms.crt"
client_key_file = "/etc/roomgate/rooms.key"
[[room]]
id = "boardroom"
mailbox = "boardroom@contoso.example"
privacy = "subject"
[mqtt]
broker = "wss://broker.example:8884/mqtt"
[store]
key_file = "/etc/roomgate/seal.key"
`,
}

func sheetOf(t *testing.T, text string) (handover, []byte) {
	t.Helper()
	cert, key, err := token.NewCertificate("roomgate rooms", noonToday, noonToday.AddDate(2, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"rooms.crt": string(cert), "rooms.key": string(key), "seal.key": strings.Repeat("0123abcd", 8)}
	env := config.Env{ReadFile: func(name string) ([]byte, fs.FileMode, error) { return []byte(files[filepath.Base(name)]), 0o600, nil }}
	head := "[site]\nid = \"hq\"\nname = \"Head <Office> *1*\"\ntimezone = \"Europe/London\"\n"
	cfg, err := config.Parse("/etc/roomgate/roomgate.toml", []byte(head+text), env)
	if err != nil {
		t.Fatal(err)
	}
	return handover{cfg, cfg.Accounts[0], "rooms@contoso.example"}, cert
}

// The sheets are as they stand in testdata/handover, and hold no secret.
func TestHandover(t *testing.T) {
	for name, text := range handoverConfigs {
		h, cert := sheetOf(t, text)
		block, _ := pem.Decode(cert)
		for format, write := range map[string]func(*bytes.Buffer) error{
			"md":   func(b *bytes.Buffer) error { return h.sheet().markdown(b) },
			"html": func(b *bytes.Buffer) error { return h.sheet().html(b) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(b.String(), base64.StdEncoding.EncodeToString(block.Bytes), "(the certificate)")
			for _, secret := range []string{"hunter2", "PRIVATE KEY", "0123abcd"} {
				if strings.Contains(got, secret) {
					t.Errorf("%s.%s holds the secret %q", name, format, secret)
				}
			}
			golden(t, filepath.Join("testdata", "handover", name+"."+format), got)
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *writeGolden {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "(the end)", "(the end)"
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Errorf("%s line %d:\n got %s\nwant %s", path, i+1, g, w)
			return
		}
	}
}

// TestLimitingByReading: what IT is asked to do about the rooms follows from how
// they are read.
func TestLimitingByReading(t *testing.T) {
	const account = "[[account]]\nname = \"rooms\"\ntenant = \"contoso.example\"\nclient_id = \"2c1d7a90-3b4e-4f5a-9c6d-7e8f90a1b2c3\"\nclient_secret = \"hunter2-hunter2\"\n"
	for name, tt := range map[string]struct{ text, want, not string }{
		"free-busy": {account + "read = \"free-busy\"\n[[room]]\nid = \"a\"\nmailbox = \"a@contoso.example\"",
			"only the busy times of the rooms are asked for", "MailboxFolderPermission"},
		"shared calendar": {account + "[[room]]\nid = \"a\"\ncalendar = \"Boardroom\"",
			"are to be shared with the account, as Reviewer, and accepted by it in Outlook: `Boardroom`", "Nothing is to be done"},
		"mailbox": {account + "[[room]]\nid = \"a\"\nmailbox = \"a@contoso.example\"", "Add-MailboxFolderPermission", "Nothing is to be done"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := sheetOf(t, tt.text+"\n[mqtt]\nbroker = \"mqtt://127.0.0.1\"\n")
			var b bytes.Buffer
			if err := h.sheet().markdown(&b); err != nil {
				t.Fatal(err)
			}
			sheet := b.String()
			if !strings.Contains(sheet, tt.want) || strings.Contains(sheet, tt.not) {
				t.Errorf("the sheet lacks %q or has %q:\n%s", tt.want, tt.not, sheet)
			}
		})
	}
}

// The ids are those of learn.microsoft.com/graph/permissions-reference: a wrong
// one asks for something else.
func TestRegistrationAsksForExactlyTheScopes(t *testing.T) {
	ids := map[string]string{
		"offline_access":        "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
		"User.Read":             "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
		"Calendars.Read":        "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42",
		"Calendars.Read.Shared": "2b9c4092-424d-4249-948d-b43879977640",
		"Place.Read.All":        "cb8f45a0-5c2e-4ea1-b803-84b870a7d7ec",
		"MailboxSettings.Read":  "87f447af-9fa4-4c32-9dfa-4a57a73d18ce",
		"Calendars.ReadBasic":   "662d75ba-a364-42ad-adee-f5f880ea4878",
	}
	var scopes, want []string
	for name, id := range ids {
		scopes = append(scopes, name)
		want = append(want, fmt.Sprintf("@{ Id = '%s'; Type = 'Scope' }   # %s", id, name))
	}
	h, _ := sheetOf(t, handoverConfigs["code-secret"])
	microsoft(h.account).Scopes = append(scopes, "Chat.Read")
	block := h.registration()
	for _, line := range append(want, "@{ Id = ($graph.Oauth2PermissionScopes | Where-Object Value -eq 'Chat.Read').Id; Type = 'Scope' }   # Chat.Read") {
		if strings.Count(block, line) != 1 {
			t.Errorf("the block lacks %s:\n%s", line, block)
		}
	}
	if got := strings.Count(block, "Type = 'Scope'"); got != len(ids)+1 {
		t.Errorf("%d permissions are asked for, want %d", got, len(ids)+1)
	}
	if strings.Contains(block, "Type = 'Role'") {
		t.Error("an application permission is asked for")
	}
}

// What stands in the configuration must not become a command.
func TestPowerShellQuotes(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "'plain'",
		"o'brien":                "'o''brien'",
		"a’; Remove-Item / #":    "'a’’; Remove-Item / #'", // PowerShell ends a string at a typographic quote, too
		"two\nlines":             "'twolines'",
		`$(Get-Date) "x" ` + "`": "'$(Get-Date) \"x\" `'", // nothing is expanded between single quotes
	} {
		if got := psQuote(in); got != want {
			t.Errorf("%q is written %s, want %s", in, got, want)
		}
	}
}

// A sheet in which somebody else's words would become markup could send the
// customer's IT anywhere.
func TestSheetEscapes(t *testing.T) {
	s := sheet{title: "<script>", blocks: []block{
		{text: "[click](http://evil.example) *now* " + asCode("a`b|c\n<i>")},
		{table: [][]string{{"H"}, {asCode("x|y")}}},
		{code: "Write-Host '```'"},
	}}
	var md, page bytes.Buffer
	if err := s.markdown(&md); err != nil {
		t.Fatal(err)
	}
	if err := s.html(&page); err != nil {
		t.Fatal(err)
	}
	wantMarkdown := "# \\<script\\>\n\n\\[click\\](http://evil.example) \\*now\\* `a'b|c <i>`\n\n| H |\n|---|\n| `x\\|y` |\n\n```powershell\nWrite-Host '''''\n```\n"
	if md.String() != wantMarkdown {
		t.Errorf("markdown:\n got %q\nwant %q", md.String(), wantMarkdown)
	}
	_, body, _ := strings.Cut(page.String(), "</style>\n")
	wantBody := "<h1>&lt;script&gt;</h1>\n<p>[click](http://evil.example) *now* <code>a&#39;b|c &lt;i&gt;</code></p>\n<table>\n<tr><th>H</th></tr>\n<tr><td><code>x|y</code></td></tr>\n</table>\n<pre><code>Write-Host &#39;```&#39;</code></pre>\n</html>\n"
	if body != wantBody {
		t.Errorf("html:\n got %q\nwant %q", body, wantBody)
	}
}

func TestHandoverCommand(t *testing.T) {
	s := newStand(t, secretLine())
	path := filepath.Join(s.dir, "roomgate.toml")
	code, out, errOut := command(t, "handover", "--config", path)
	if code != exitOK || !strings.HasPrefix(out, "# Room bookings for the building: hq\n") || !strings.Contains(out, "`rooms@YOUR-DOMAIN`") {
		t.Errorf("ended with %d: %s\n%s", code, errOut, out)
	}
	code, out, errOut = command(t, "handover", "--format", "html", "--user", "svc@contoso.example", "--config", path)
	if code != exitOK || !regexp.MustCompile(`^<!DOCTYPE html>\n`).MatchString(out) || !strings.Contains(out, "<code>svc@contoso.example</code>") {
		t.Errorf("ended with %d: %s\n%s", code, errOut, out)
	}
	if code, _, _ := command(t, "handover", "--format", "pdf", "--config", path); code != exitUsage {
		t.Errorf("an unknown format ended with %d", code)
	}
}

// From the sheet to the points it is ten steps of people at most.
func TestHandoverIsShort(t *testing.T) {
	for name, text := range handoverConfigs {
		h, _ := sheetOf(t, text)
		for _, b := range h.summary() {
			if len(b.steps) > 10 || len(b.steps) == 1 {
				t.Errorf("%s: %d steps", name, len(b.steps))
			}
		}
	}
}
