package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"roomgate/gateway"
	"roomgate/graph/graphsim"
)

// site is an installation on this machine: a folder with a configuration whose
// servers are on free ports of loopback.
type site struct {
	dir              string
	sim, broker, web string // address of the simulator; host and port of broker and page
	poll, stale      string // account's poll, rooms' stale_after; empty: the defaults
	rooms            []siteRoom
	ways             map[string]string // settings by which an account signs in; the usual one has the client secret
	apiKey, sealKey  string            // of the connect API and of the store; empty: none
	more             map[string]string // further settings of rooms, by their ids
}

// siteRoom is a room and the account it is read with.
type siteRoom struct {
	id, name, account string
	sim               string // the account's simulator; empty: the site's
}

func newSite(dir string) *site {
	return &site{dir: dir, sim: "http://" + freeAddr(), broker: freeAddr(), web: freeAddr(),
		rooms: []siteRoom{{"boardroom", "Boardroom", "rooms", ""}, {"library", "Library", "rooms", ""}}}
}

// patience is how long a test waits for another process to do what it must; it
// only bounds a failure.
const patience = 2 * time.Minute

const siteHead = `[site]
id = "hq"
timezone = "Europe/London"

[defaults.room]
privacy = "subject"
stale_after = %q

[mqtt]
broker = "mqtt://%s"

[web]
listen = %q
%s
[store]
path = %q
%s`

const siteAccount = `
[[account]]
name = %q
tenant = %q
client_id = %q
%s
login_url = %q
graph_url = %q
poll = %q
`

const siteRoomText = `
[[room]]
id = %q
name = %q
account = %q
%s
`

// write writes the configuration, the client secret, and mosquitto.conf.
func (s *site) write() error {
	id, secret, _ := graphsim.DefaultClient()
	var text strings.Builder
	apiKey, apiErr := s.keyFile("api_key_file", "api-key", s.apiKey)
	sealKey, sealErr := s.keyFile("key_file", "seal-key", s.sealKey)
	fmt.Fprintf(&text, siteHead, cmp.Or(s.stale, "10m"), s.broker, s.web, apiKey, s.database(), sealKey)
	written := map[string]bool{}
	for _, r := range s.rooms {
		if !written[r.account] {
			sim := cmp.Or(r.sim, s.sim)
			fmt.Fprintf(&text, siteAccount, r.account, graphsim.TenantID, id, s.way(r.account), sim, sim, cmp.Or(s.poll, "@every 60s"))
			written[r.account] = true
		}
		fmt.Fprintf(&text, siteRoomText, r.id, r.name, r.account, s.find(r)+"\n"+s.more[r.id])
	}
	return errors.Join(apiErr, sealErr,
		os.WriteFile(filepath.Join(s.dir, "client-secret"), []byte(secret), 0o600),
		os.WriteFile(s.config(), []byte(text.String()), 0o600),
		os.WriteFile(filepath.Join(s.dir, "mosquitto.conf"), mosquittoConf(s.broker), 0o600))
}

// way is the settings by which an account signs in.
func (s *site) way(account string) string {
	return cmp.Or(s.ways[account], fmt.Sprintf("client_secret_file = %q", filepath.Join(s.dir, "client-secret")))
}

// find is the setting by which a room is found. An app is told the mailbox.
func (s *site) find(r siteRoom) string {
	if strings.Contains(s.ways[r.account], `sign_in = "app"`) {
		return fmt.Sprintf("mailbox = %q", r.id+"@"+graphsim.TenantDomain)
	}
	return fmt.Sprintf("match = [%q]", r.name)
}

// keyFile writes a key to a file, if there is one, and returns the setting that
// names the file.
func (s *site) keyFile(setting, name, key string) (line string, err error) {
	if key == "" {
		return "", nil
	}
	path := filepath.Join(s.dir, name)
	return fmt.Sprintf("%s = %q\n", setting, path), os.WriteFile(path, []byte(key), 0o600)
}

// mosquittoConf is the configuration of a broker that remembers nothing.
func mosquittoConf(address string) []byte {
	return fmt.Appendf(nil, "listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\npersistence false\n", portOf(address))
}

func (s *site) config() string   { return filepath.Join(s.dir, "roomgate.toml") }
func (s *site) database() string { return filepath.Join(s.dir, "state", "roomgate.db") }

// house is a site on which a test runs programs. Whatever they print, and
// whatever the test reads of them, is kept, and hunted for secrets at the end.
type house struct {
	*site
	t        *testing.T
	secrets  []string // beyond what the database holds
	env      []string // of the programs, beyond that of the test
	mu       sync.Mutex
	evidence bytes.Buffer // what was printed, published and served
}

// newHouse makes a site in a folder of its own.
func newHouse(t *testing.T) *house {
	t.Helper()
	return houseIn(t, shortDir(t))
}

// houseIn makes a site in a folder, which must be there until the end of the test.
func houseIn(t *testing.T, dir string) *house {
	_, secret, _ := graphsim.DefaultClient()
	h := &house{site: newSite(dir), t: t, secrets: []string{secret}}
	t.Cleanup(h.hunt)
	return h
}

// shortDir makes a folder with a short name, because the path of a Unix socket
// holds 107 characters at most (unix(7)). It is removed at the end of the test.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Write keeps evidence; programs write to it from several goroutines.
func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.evidence.Write(p)
}

// said returns all evidence so far.
func (h *house) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.evidence.String()
}

// open writes the configuration and returns the house.
func (h *house) open() *house {
	h.t.Helper()
	if err := h.write(); err != nil {
		h.t.Fatal(err)
	}
	return h
}

// command prepares a program whose output is evidence.
func (h *house) command(name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(h.t.Context(), name, args...)
	c.Dir, c.Stdout, c.Stderr = h.dir, h, h
	c.Env = append(os.Environ(), h.env...)
	return c
}

// launch starts a program that runs until the test or its caller kills it.
func (h *house) launch(c *exec.Cmd) *exec.Cmd {
	h.t.Helper()
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { end(c) })
	return c
}

// end kills a process and waits for it; one that has ended stays as it is.
func end(c *exec.Cmd) {
	if c.ProcessState == nil {
		_ = c.Process.Kill() // it may have ended this moment
		_ = c.Wait()         // killed
	}
}

// daemon starts 'roomgate run' with its log at debug.
func (h *house) daemon() *exec.Cmd {
	h.t.Helper()
	return h.launch(h.command("roomgate", "run", "--config", h.config(), "--log-level", "debug"))
}

// mosquitto starts a real broker.
func (h *house) mosquitto(address string) {
	h.t.Helper()
	program := needProgram(h.t, "mosquitto")
	path := filepath.Join(h.dir, "mosquitto.conf")
	if err := os.WriteFile(path, mosquittoConf(address), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.launch(h.command(program, "-c", path))
	h.await("the broker", func() bool { return accepts(address) })
}

// roomgate runs a command to its end and returns what it printed and its exit
// code. The evidence holds it too.
func (h *house) roomgate(args ...string) (stdout string, code int) {
	h.t.Helper()
	return h.roomgateWith("", args...)
}

// roomgateWith is roomgate with something on its standard input.
func (h *house) roomgateWith(in string, args ...string) (stdout string, code int) {
	h.t.Helper()
	c := h.command("roomgate", append(args, "--config", h.config())...)
	var out bytes.Buffer
	c.Stdin, c.Stdout = strings.NewReader(in), &out
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	h.Write(out.Bytes())
	return out.String(), c.ProcessState.ExitCode()
}

// must runs a command that has to succeed.
func (h *house) must(args ...string) string {
	h.t.Helper()
	out, code := h.roomgate(args...)
	if code != exitOK {
		h.t.Fatalf("roomgate %s ended with %d:\n%s", strings.Join(args, " "), code, h.said())
	}
	return out
}

// signIn signs an account in as a script would: by two commands.
func (h *house) signIn(account string) {
	h.t.Helper()
	address := strings.TrimSpace(h.must("login", account, "--print-url"))
	landed, err := acceptSignIn(h.t.Context(), address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.must("login", account, "--paste", landed)
}

// account returns how a sign-in stands, in the words of 'roomgate accounts'.
func (h *house) account(name string) gateway.AccountStatus {
	h.t.Helper()
	var views []gateway.AccountStatus
	if err := json.Unmarshal([]byte(h.must("accounts", "--json")), &views); err != nil {
		h.t.Fatal(err)
	}
	for _, v := range views {
		if v.Name == name {
			return v
		}
	}
	h.t.Fatalf("no account %q among %v", name, views)
	return gateway.AccountStatus{}
}

// room returns a room in the words of 'roomgate rooms'.
func (h *house) room(id string) gateway.RoomStatus {
	h.t.Helper()
	rooms, err := gateway.ReadRooms([]byte(h.must("rooms", "--json")))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range rooms {
		if r.ID == id {
			return r
		}
	}
	h.t.Fatalf("no room %q among %v", id, rooms)
	return gateway.RoomStatus{}
}

// get reads a page, which becomes evidence.
func (h *house) get(address string) (status int, body string) {
	h.t.Helper()
	return h.request(http.MethodGet, address)
}

func (h *house) request(method, address string) (status int, body string) {
	h.t.Helper()
	return h.send(http.DefaultClient, method, address, nil, "")
}

// send makes a request with headers and a body; the answer is evidence.
func (h *house) send(client *http.Client, method, address string, headers map[string]string, content string) (status int, body string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, address, strings.NewReader(content))
	if err != nil {
		h.t.Fatal(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		h.t.Fatal(err)
	}
	h.Write(text.Bytes())
	return resp.StatusCode, text.String()
}

// await waits for what another process must bring about.
func (h *house) await(what string, done func() bool) {
	h.t.Helper()
	h.awaitFor(patience, what, done)
}

func (h *house) awaitFor(limit time.Duration, what string, done func() bool) {
	h.t.Helper()
	if !until(limit, done) {
		h.t.Fatalf("%s did not come within %v; so far:\n%s", what, limit, tail(h.said()))
	}
}

// until asks again and again whether something is so, and reports whether it
// became so within the limit.
func until(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); !done(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// tail returns the end of a long text.
func tail(s string) string { return s[max(0, len(s)-6000):] }

func accepts(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// takenPorts are the ports that freeAddr has given away.
var takenPorts sync.Map

// freeAddr returns a loopback address for another process to listen on. The
// port lies below those that the kernel gives to outgoing connections
// (ip_local_port_range in ip(7)), so that it stays free.
func freeAddr() string {
	for {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000)))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		l.Close()
		if _, taken := takenPorts.LoadOrStore(address, true); !taken {
			return address
		}
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
