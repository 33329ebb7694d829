package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// hostileText clears the screen, sets the title of the window, rings, colours, reverses
// the line, is no UTF-8, and begins a line that looks like the command's own.
const hostileText = "evil\x1b[2J\x1b]0;owned\a\x7f\u009b31m\u202ecod.exe\u2066\u2028\xff\rX\nroomgate: try: FORGED\tX\v\fX"

// hostileJSON is hostileText as a careless server writes it in JSON: only what would
// end the string is escaped.
const hostileJSON = `"evil\u001b[2J\u001b]0;owned\u0007` + "\x7f\u009b31m\u202ecod.exe\u2066\u2028\xff" + `\rX\nroomgate: try: FORGED\tX\u000b\fX"`

// checkShown fails the test if a terminal would do anything else with the text than to
// show it, or if text from outside begins a line.
func checkShown(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is not UTF-8: %q", what, text)
	}
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t':
		case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
			t.Errorf("%s has the character %U: %q", what, r, text)
			return
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "roomgate: try: FORGED") {
			t.Errorf("%s has a line that was made up outside:\n%s", what, text)
		}
	}
}

// hostileAnswers are those of a gateway that passes on hostile text from everywhere.
var hostileAnswers = strings.NewReplacer("EVIL", hostileJSON)

func answersOf(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, hostileAnswers.Replace(text)) }
}

func refusalOf(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, hostileAnswers.Replace(text))
	}
}

// hostileGateway answers on the socket of a configuration in place of a gateway. The
// account signs in as signIn says.
func hostileGateway(t *testing.T, dir, signIn string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "state", "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	const finding = `{"subject":EVIL,"level":"bad","words":EVIL,"action":EVIL}`
	mux := http.NewServeMux()
	mux.Handle("/control/accounts", answersOf(`[{"name":"rooms","provider":EVIL,"service":EVIL,"sign_in":"`+signIn+`","redirect_uri":EVIL,"state":"sign_in_needed","reason":EVIL,"action":EVIL,"user":EVIL,"scopes":[EVIL]}]`))
	mux.Handle("/control/check", answersOf("["+finding+"]"))
	mux.Handle("/api/v1/rooms", answersOf(`{"rooms":[{"id":EVIL,"name":EVIL,"quality":EVIL,"fault":EVIL,"points":{"booked":true,"current_subject":EVIL,"current_end":"2026-01-15T10:00:00Z"}}]}`))
	mux.Handle("/api/v1/gateway", answersOf(`{"parts":{EVIL:{"ok":false,"words":EVIL}}}`))
	mux.Handle("/control/rooms/{id}/explain", answersOf(`{"room":EVIL,"at":"2026-01-15T10:00:00Z","points":[{"point":EVIL,"value":EVIL,"because":EVIL,"until":"2026-01-15T11:00:00Z","then":{"value":EVIL,"because":EVIL},"unless":EVIL}]}`))
	mux.Handle("/control/discover", answersOf(`{"rooms":[{"name":EVIL,"building":EVIL,"floor":EVIL,"room_list":EVIL,"address":EVIL,"source":EVIL,"remark":EVIL,"mailbox":EVIL,"calendar":EVIL}],"notes":[`+finding+`]}`))
	mux.Handle("/control/login/device", answersOf(`{"user_code":EVIL,"verification_uri":EVIL,"expires":"2026-01-15T10:00:00Z"}`))
	mux.Handle("/control/login/begin", answersOf(`{"url":EVIL}`))
	mux.Handle("/control/history/{date}", answersOf(`{"days":[],"damaged":EVIL}`))
	mux.Handle("/", refusalOf(`{"error":EVIL,"next":EVIL}`)) // everything else fails with the words of a service
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { server.Close() })
}

// hostileCertificate is a certificate of an authority that nobody trusts.
func hostileCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{CommonName: "\x1b[2J\u202e", Organization: []string{strings.ToValidUTF8(hostileText, "")}}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"evil\x1b[2J.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// hostileServer is a service, and a broker, with that certificate.
func hostileServer(t *testing.T) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(answersOf(`{"error":EVIL,"error_description":EVIL}`))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{hostileCertificate(t)}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "https://")
}

// hostileFiles writes files with hostile content and returns their folder, which has the
// configuration of a gateway in roomgate.toml.
func hostileFiles(t *testing.T, service, broker string) string {
	t.Helper()
	dir := shortDir(t)
	quoted := `"evil\u001b[2J\u009b31m\u202e\nroomgate: try: FORGED"` // TOML
	for name, text := range map[string]string{
		"roomgate.toml": standConfig(service, "127.0.0.1:1", filepath.Join(dir, "state", "roomgate.db"), secretLine()+"client_secret_file = \"\"\n"),
		"bad.toml":      "[site]\nid = " + quoted + "\ntimezone = " + quoted + "\n" + quoted + " = 1\n[mqtt]\nbroker = " + quoted + "\n",
		"broken.toml":   "[site]\nid = " + hostileText + "\n",
		"day.json":      `[{"room":` + strings.ToValidUTF8(hostileJSON, "") + `,"start":"2026-01-15T09:00","end":"2026-01-15T10:00"}]`,
		"times.json":    `[{"room":"boardroom","start":` + strings.ToValidUTF8(hostileJSON, "") + `,"end":"2026-01-15T10:00"}]`,
		"invalid.json":  hostileJSON,
		"day.ics":       "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:\x1b[2J\u202e\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"tokens.json":   "{" + hostileText,
		"damaged.db":    hostileText,
	} {
		if broker != "" {
			text = strings.ReplaceAll(text, "mqtt://127.0.0.1:1", "mqtts://"+broker)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// commandLines run every command with text from outside: from the gateway, which has it
// from services and calendars; from files; and from the command line. DIR is the folder.
var commandLines = map[string][]string{
	"run":             {"--config DIR/bad.toml", "--config DIR/broken.toml", "--log-level EVIL"},
	"login":           {"rooms", "rooms --print-url", "rooms --paste EVIL", "rooms --code EVIL", "rooms --import DIR/tokens.json", "rooms --import DIR/EVIL", "rooms --page", "EVIL"},
	"logout":          {"rooms", "EVIL"},
	"accounts":        {"", "--json", "EVIL"},
	"rooms":           {"", "--json"},
	"rooms poll":      {"", "EVIL"},
	"rooms discover":  {"", "--json", "--account EVIL"},
	"rooms explain":   {"boardroom", "boardroom --json", "EVIL"},
	"check":           {"", "--json", "--config DIR/bad.toml"},
	"replay":          {"DIR/day.json", "DIR/times.json", "DIR/invalid.json", "DIR/day.ics", "DIR/EVIL", "DIR/day.json --room EVIL"},
	"explain":         {"EVIL", "EVIL --json"},
	"certificate":     {"EVIL", "rooms --folder DIR/EVIL"},
	"handover":        {"--user EVIL", "--user EVIL --format html", "EVIL"},
	"config check":    {"", "--config DIR/bad.toml", "--config DIR/bad.toml --json", "--config DIR/broken.toml", "--config DIR/EVIL"},
	"config print":    {"", "--config DIR/bad.toml"},
	"config init":     {"", "--config DIR/EVIL/x"},
	"db check":        {"DIR/damaged.db", "DIR/EVIL"},
	"db backup":       {"DIR/copy.db", "DIR/EVIL/copy.db"},
	"db restore":      {"DIR/damaged.db", "DIR/EVIL", "DIR/damaged.db --config DIR/EVIL"},
	"report":          {"", "--format json", "--format csv", "--room EVIL", "--from EVIL", "--format EVIL"},
	"demo":            {"--mqtt EVIL", "EVIL"},
	"simulate":        {"--listen EVIL", "--timezone EVIL", "EVIL"},
	"version":         {"", "--json", "EVIL"},
	"help":            {"EVIL"},
	"completion bash": {"EVIL"},
	"EVIL":            {""},
}

// runLine runs a command line in a folder, and checks what it printed.
func runLine(t *testing.T, dir, line string) (stdout, stderr string) {
	t.Helper()
	args := strings.Fields(line)
	for i, arg := range args {
		args[i] = strings.ReplaceAll(strings.ReplaceAll(arg, "DIR", dir), "EVIL", hostileText)
	}
	if !slices.Contains(args, "--config") {
		args = append(args, "--config", filepath.Join(dir, "roomgate.toml"))
	}
	_, stdout, stderr = command(t, args...)
	if strings.Contains(line, "csv") {
		stdout = strings.ReplaceAll(stdout, "\r\n", "\n") // RFC 4180
	}
	checkShown(t, line+": standard output", stdout)
	checkShown(t, line+": standard error", stderr)
	return stdout, stderr
}

// TestTextFromOutsideIsCleaned sends text that a terminal would act on through every
// command.
func TestTextFromOutsideIsCleaned(t *testing.T) {
	for _, signIn := range []string{"code", "device", "automatic"} {
		dir := hostileFiles(t, "http://127.0.0.1:1", "")
		hostileGateway(t, dir, signIn)
		for _, name := range slices.Sorted(maps.Keys(commandLines)) {
			if signIn != "code" && name != "login" { // the others do not depend on it
				continue
			}
			told := false // the text from outside reached the terminal at all
			for _, rest := range commandLines[name] {
				stdout, stderr := runLine(t, dir, strings.TrimSpace(name+" "+rest))
				told = told || strings.Contains(stdout+stderr, "evil") || strings.Contains(stdout+stderr, "FORGED")
			}
			if !told && name != "help" { // which lists the commands for a name that it does not know
				t.Errorf("%s printed nothing from outside: the test shows nothing", name)
			}
		}
	}
}

// TestCommandLinesHaveEveryCommand finds the commands that the test above does not run.
func TestCommandLinesHaveEveryCommand(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		name := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "roomgate"), " ")
		if _, ok := commandLines[name]; !ok && (!c.HasSubCommands() || name == "rooms") {
			t.Errorf("the command %q is not run with text from outside: give it command lines", name)
		}
	}
	visit(newRoot())
}

// A certificate, a service and a broker that are met without a running gateway.
func TestCertificateFromOutsideIsCleaned(t *testing.T) {
	address := hostileServer(t)
	dir := hostileFiles(t, "https://"+address, address)
	stdout, stderr := runLine(t, dir, "check --log-level debug")
	for _, want := range []string{"evil", "the connection is intercepted (TLS inspection)"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("check does not say %q:\n%s%s", want, stdout, stderr)
		}
	}
}

// JSON keeps what came from outside: it is escaped, and read back as it was.
func TestJSONKeepsTextFromOutside(t *testing.T) {
	dir := hostileFiles(t, "http://127.0.0.1:1", "")
	hostileGateway(t, dir, "code")
	stdout, _ := runLine(t, dir, "rooms --json")
	var doc struct{ Rooms []struct{ Name string } }
	if err := json.NewDecoder(bytes.NewReader([]byte(stdout))).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if want := strings.ReplaceAll(hostileText, "\xff", "\ufffd"); len(doc.Rooms) != 1 || doc.Rooms[0].Name != want {
		t.Errorf("read back %+q, want %+q", doc.Rooms, want)
	}
}
