package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/oauth"
)

var writeGolden = flag.Bool("golden", false, "write testdata/handover; read the difference line by line")

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
	"code-discover": `# discover
[[account]]
name = "rooms"
tenant = "contoso.example"
client_id = "11111111-2222-3333-4444-555555555555"
[mqtt]
broker = "mqtts://broker.example"
`,
	"app-discover": `# discover
[[account]]
name = "rooms"
sign_in = "app"
tenant = "contoso.example"
client_id = "11111111-2222-3333-4444-555555555555"
client_secret = "hunter2-hunter2"
[[room]]
id = "boardroom"
mailbox = "boardroom@contoso.example"
[mqtt]
broker = "mqtts://broker.example"
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

func sheetOf(t *testing.T, text string) (Sheet, []byte) {
	t.Helper()
	made := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cert, key, err := oauth.NewCertificate("roomgate rooms", made, made.AddDate(2, 0, 0))
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
	sheet, err := HandOver(cfg, cfg.Accounts[0], "rooms@contoso.example", strings.Contains(text, "# discover"),
		Dependencies{Clock: driver.WallClock{}, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return sheet, cert
}

// The sheets are as they stand in testdata/handover, and hold no secret.
func TestHandover(t *testing.T) {
	for name, text := range handoverConfigs {
		sh, cert := sheetOf(t, text)
		block, _ := pem.Decode(cert)
		for format, write := range map[string]func(*bytes.Buffer) error{
			"md":   func(b *bytes.Buffer) error { return sh.Markdown(b) },
			"html": func(b *bytes.Buffer) error { return sh.HTML(b) },
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

// A sheet in which somebody else's words would become markup could send the
// customer's IT anywhere.
func TestSheetEscapes(t *testing.T) {
	s := Sheet{Title: "<script>", Blocks: []driver.Block{
		{Text: "[click](http://evil.example) *now* " + driver.AsCode("a`b|c\n<i>")},
		{Table: [][]string{{"H"}, {driver.AsCode("x|y")}}},
		{Code: "Write-Host '```'", Shell: "powershell"},
		{List: []string{"*one*"}},
		{Steps: []string{"first", "<second>"}},
	}}
	var md, page bytes.Buffer
	if err := s.Markdown(&md); err != nil {
		t.Fatal(err)
	}
	if err := s.HTML(&page); err != nil {
		t.Fatal(err)
	}
	wantMarkdown := "# \\<script\\>\n\n\\[click\\](http://evil.example) \\*now\\* `a'b|c <i>`\n\n| H |\n|---|\n| `x\\|y` |\n\n```powershell\nWrite-Host '''''\n```\n\n- \\*one\\*\n\n1. first\n2. \\<second\\>\n"
	if md.String() != wantMarkdown {
		t.Errorf("markdown:\n got %q\nwant %q", md.String(), wantMarkdown)
	}
	_, body, _ := strings.Cut(page.String(), "</style>\n")
	wantBody := "<h1>&lt;script&gt;</h1>\n<p>[click](http://evil.example) *now* <code>a&#39;b|c &lt;i&gt;</code></p>\n<table>\n<tr><th>H</th></tr>\n<tr><td><code>x|y</code></td></tr>\n</table>\n<pre><code>Write-Host &#39;```&#39;</code></pre>\n<ul>\n<li>*one*</li>\n</ul>\n<ol>\n<li>first</li>\n<li>&lt;second&gt;</li>\n</ol>\n</html>\n"
	if body != wantBody {
		t.Errorf("html:\n got %q\nwant %q", body, wantBody)
	}
}
