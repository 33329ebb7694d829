package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/gateway"
	"roomgate/graph/graphsim"
)

// stand is a gateway that is built but not running, between a simulator and a
// broker, with the commands on it.
type stand struct {
	t       *testing.T
	dir     string
	sim     *graphsim.Sim
	server  *httptest.Server
	cfg     *config.Config
	gateway *gateway.Gateway
	client  *gateway.Client
	logged  *bytes.Buffer
}

// newStand builds the gateway of one account with the given settings, beside
// those that every account has.
func newStand(t *testing.T, account string) *stand {
	t.Helper()
	s := &stand{t: t, dir: t.TempDir(), sim: graphsim.New(graphsim.Options{Polite: true, Seed: 7}), logged: &bytes.Buffer{}}
	s.server = httptest.NewServer(s.sim)
	t.Cleanup(s.server.Close)
	graphsim.Office(s.sim, time.UTC, time.Now())
	path := filepath.Join(s.dir, "roomgate.toml")
	text := standConfig(s.server.URL, openBroker(t), filepath.Join(s.dir, "state", "roomgate.db"), account)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.cfg, err = config.Load(path); err != nil {
		t.Fatal(err)
	}
	s.build()
	return s
}

func standConfig(sim, broker, database, account string) string {
	id, _, _ := graphsim.DefaultClient()
	return fmt.Sprintf(`[site]
id = "hq"
timezone = "Europe/London"
[[account]]
name = "rooms"
tenant = %q
client_id = %q
login_url = %q
graph_url = %q
%s
[[room]]
id = "boardroom"
mailbox = "boardroom@contoso.example"
privacy = "subject"
[[room]]
id = "library"
mailbox = "library@contoso.example"
[mqtt]
broker = "mqtt://%s"
[store]
path = %q
`, graphsim.TenantID, id, sim, sim, account, broker, database)
}

// build opens the database in this process and builds the gateway.
func (s *stand) build() {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	st, err := store.Open(s.cfg.Store.Path, store.Options{Log: log})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := st.Close(); err != nil {
			s.t.Error(err)
		}
	})
	g, err := gateway.New(s.cfg, st, gateway.Dependencies{Clock: driver.WallClock{}, Version: "test", Log: log})
	if err != nil {
		s.t.Fatal(err)
	}
	s.gateway, s.client = g, g.Client()
}

// secretLine is the setting of the client secret.
func secretLine() string {
	_, secret, _ := graphsim.DefaultClient()
	return fmt.Sprintf("client_secret = %q\n", secret)
}

// login runs the command with the given flags and standard input.
func (s *stand) login(f loginFlags, in string) (string, error) {
	s.t.Helper()
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetContext(s.t.Context())
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(&out)
	err := login{loginFlags: &f, globals: &globals{config: config.DefaultPath}, cmd: cmd, gateway: s.client, account: s.status(), zone: time.UTC}.run()
	return out.String(), err
}

// status is the status of the account.
func (s *stand) status() gateway.AccountStatus {
	s.t.Helper()
	status, err := statusOf(s.t.Context(), s.client, s.cfg.Accounts[0].Name)
	if err != nil {
		s.t.Fatal(err)
	}
	return status
}

// findings has the doctor look around, and returns what is not good.
func (s *stand) findings() (all, wrong []driver.Finding) {
	s.t.Helper()
	err := s.client.Check(s.t.Context(), s.cfg, func(f driver.Finding) { all = append(all, f) })
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range all {
		if f.Level != driver.LevelGood {
			wrong = append(wrong, f)
		}
	}
	return all, wrong
}

// command runs a command line that needs no database.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errOut)
	return code, out.String(), errOut.String()
}

// like tells whether a text matches a pattern; ^ and $ match at lines.
func like(t *testing.T, text, pattern string) {
	t.Helper()
	if !regexp.MustCompile("(?m)" + pattern).MatchString(text) {
		t.Errorf("no match for %s in:\n%s", pattern, text)
	}
}

// next returns the next step an error names.
func next(err error) string {
	var a driver.Actionable
	if errors.As(err, &a) {
		return a.Action()
	}
	return ""
}

// acceptSignIn accepts on the sign-in page of a simulator and returns the address
// that the browser is redirected to.
func acceptSignIn(ctx context.Context, address string) (string, error) {
	return graphsim.Accept(ctx, http.DefaultTransport, address)
}
