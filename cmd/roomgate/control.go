package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// The database is locked by the running daemon, so commands that need the state
// ask the daemon over a Unix socket beside the database. When none runs, the
// same handler is called in the command's own process. Either way there is one
// way of doing each thing.

// socketPath is where the daemon of a configuration listens for commands.
func socketPath(cfg *config.Config) string {
	return filepath.Join(filepath.Dir(cfg.Store.Path), "control.sock")
}

// controlListener opens the socket. Only the daemon's user and root can reach
// it: it lies in the database's folder and is closed to others itself.
func (g *gateway) controlListener() (net.Listener, error) {
	path := socketPath(g.cfg)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of an earlier run: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the socket for commands: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("protecting the socket for commands: %w", err)
	}
	return l, nil
}

// signInRequest is what the sign-in calls take; each uses what it needs.
type signInRequest struct {
	Account     string `json:"account"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	LoginHint   string `json:"login_hint,omitempty"`
	Prompt      string `json:"prompt,omitempty"`
	Pasted      string `json:"pasted,omitempty"`
	Code        string `json:"code,omitempty"`
	Room        string `json:"room,omitempty"`

	Tokens driver.ImportedTokens `json:"tokens,omitzero"`
}

// accountView is an account as the commands see it.
type accountView struct {
	Name          string        `json:"name"`
	State         string        `json:"state"`
	Reason        string        `json:"reason,omitempty"`
	Action        string        `json:"action,omitempty"`
	User          string        `json:"user,omitempty"`
	Scopes        []string      `json:"scopes,omitempty"`
	SignedIn      *time.Time    `json:"signed_in,omitempty"`
	LastRefresh   *time.Time    `json:"last_refresh,omitempty"`
	AccessExpires *time.Time    `json:"access_expires,omitempty"`
	RefreshLapses *time.Time    `json:"refresh_lapses,omitempty"`
	SecretExpires *time.Time    `json:"secret_expires,omitempty"`
	NextTry       *time.Time    `json:"next_try,omitempty"`
	MissingScopes []string      `json:"missing_scopes,omitempty"`
	Device        *deviceAnswer `json:"device,omitempty"`
}

// deviceAnswer is a device code that waits to be entered.
type deviceAnswer struct {
	UserCode string    `json:"user_code"`
	Address  string    `json:"verification_uri"`
	Expires  time.Time `json:"expires"`
}

// pageAnswer is where the set-up page is, and the code that opens it.
type pageAnswer struct {
	URL  string `json:"url"`
	Code string `json:"code"`
}

func (g *gateway) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/", g.page)
	mux.HandleFunc("GET /control/accounts", func(w http.ResponseWriter, _ *http.Request) { answer(w, g.accountViews()) })
	mux.HandleFunc("GET /control/check", g.answerCheck)
	mux.HandleFunc("POST /control/login/page", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, pageAnswer{URL: setUpPage(g.cfg), Code: g.code.Issue()})
	})
	g.signInHandlers(mux)
	mux.HandleFunc("POST /control/backup", g.answerBackup)
	mux.HandleFunc("GET /control/history/{date}", g.answerHistory)
	mux.HandleFunc("POST /control/discover", g.answerDiscovery)
	mux.HandleFunc("GET /control/rooms/{id}/explain", g.answerExplain)
	mux.HandleFunc("POST /control/poll", func(w http.ResponseWriter, r *http.Request) {
		var in signInRequest
		if !question(w, r, &in) {
			return
		}
		if !g.driver.PollNow(r.Context(), in.Room) {
			refuse(w, fmt.Errorf("there is no room %q", in.Room))
			return
		}
		answer(w, struct{}{})
	})
	return mux
}

// signInHandlers adds what is done to one account.
func (g *gateway) signInHandlers(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/login/begin", withSession(g, func(_ context.Context, s driver.CodeSignIn, r signInRequest) (any, error) {
		address, err := s.Begin(driver.AuthorizationRequest{RedirectURI: r.RedirectURI, LoginHint: r.LoginHint, Prompt: r.Prompt})
		return map[string]string{"url": address}, err
	}))
	mux.HandleFunc("POST /control/login/complete", withSession(g, func(ctx context.Context, s driver.CodeSignIn, r signInRequest) (any, error) {
		return struct{}{}, s.Complete(ctx, r.Pasted)
	}))
	mux.HandleFunc("POST /control/login/code", withSession(g, func(ctx context.Context, s driver.CodeSignIn, r signInRequest) (any, error) {
		return struct{}{}, s.CompleteCode(ctx, r.Code)
	}))
	mux.HandleFunc("POST /control/logout", withSession(g, func(_ context.Context, s driver.Session, _ signInRequest) (any, error) {
		if s, ok := s.(driver.SignOuter); ok {
			return struct{}{}, s.SignOut()
		}
		return struct{}{}, nil // nothing is kept
	}))
	mux.HandleFunc("POST /control/login/device", withSession(g, func(ctx context.Context, s driver.DeviceSignIn, _ signInRequest) (any, error) {
		d, err := s.StartDevice(ctx)
		return deviceAnswer{d.UserCode, d.VerificationURI, d.Expires}, err
	}))
	mux.HandleFunc("POST /control/login/wait", withSession(g, func(ctx context.Context, s driver.DeviceSignIn, _ signInRequest) (any, error) {
		return struct{}{}, s.WaitDevice(ctx)
	}))
	mux.HandleFunc("POST /control/login/import", withSession(g, func(ctx context.Context, s driver.TokenImporter, r signInRequest) (any, error) {
		return struct{}{}, s.Import(ctx, r.Tokens)
	}))
	mux.HandleFunc("POST /control/login/prove", withSession(g, func(ctx context.Context, s driver.Session, _ signInRequest) (any, error) {
		return struct{}{}, s.Verify(ctx)
	}))
}

// sessionAs returns the sign-in of an account as one with the abilities of T.
func sessionAs[T driver.Session](g *gateway, account string) (T, error) {
	var none T
	k := g.keepers[account]
	if k == nil {
		return none, fmt.Errorf("there is no account %q in the configuration the gateway runs with", account)
	}
	if s, ok := k.Session().(T); ok {
		return s, nil
	}
	return none, otherWay{account}
}

// otherWay is the error of a way to sign in that an account does not have.
type otherWay struct{ account string }

func (e otherWay) Error() string {
	return fmt.Sprintf("account %s: this is another way to sign in than sign_in of the configuration", e.account)
}

// Action returns the next step for a person.
func (e otherWay) Action() string { return "run: roomgate login " + e.account }

// NeedsPerson tells that the request stays wrong.
func (e otherWay) NeedsPerson() bool { return true }

// withSession finds the sign-in of the account a request is about.
func withSession[T driver.Session](g *gateway, do func(context.Context, T, signInRequest) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in signInRequest
		if !question(w, r, &in) {
			return
		}
		session, err := sessionAs[T](g, in.Account)
		if err != nil {
			refuse(w, err)
			return
		}
		out, err := do(r.Context(), session, in)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, out)
	}
}

func (g *gateway) accountViews() []accountView {
	views := []accountView{}
	for _, a := range g.cfg.Accounts {
		s := g.keepers[a.Name].Status()
		views = append(views, accountView{Name: a.Name, State: s.State.String(), Reason: s.Reason, Action: s.Action, User: s.User,
			Scopes: s.Scopes, SignedIn: orNil(s.SignedInAt), LastRefresh: orNil(s.LastRefresh), AccessExpires: orNil(s.AccessExpires),
			RefreshLapses: orNil(s.RefreshLapses), SecretExpires: orNil(s.SecretExpires), NextTry: orNil(s.NextTry),
			MissingScopes: s.MissingScopes, Device: deviceOf(s)})
	}
	return views
}

func deviceOf(s driver.SessionStatus) *deviceAnswer {
	if s.Device == nil {
		return nil
	}
	return &deviceAnswer{s.Device.UserCode, s.Device.VerificationURI, s.Device.Expires}
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC().Truncate(time.Second)
	return &u
}

// question reads a request's JSON body.
func question(w http.ResponseWriter, r *http.Request, in any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(in); err != nil {
		refuse(w, fmt.Errorf("reading the request: %w", err))
		return false
	}
	return true
}

func answer(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the asker is gone if this fails
}

// refusal is an error on its way from the daemon to a command.
type refusal struct {
	Words  string `json:"error"`
	Next   string `json:"next,omitempty"`
	Person bool   `json:"person,omitempty"`
}

// Error implements error.
func (r refusal) Error() string { return r.Words }

// Action returns the next step for a person.
func (r refusal) Action() string { return r.Next }

// NeedsPerson tells whether it does not heal by itself.
func (r refusal) NeedsPerson() bool { return r.Person }

func refuse(w http.ResponseWriter, err error) {
	r := refusal{Words: err.Error()}
	var a actionable
	if errors.As(err, &a) {
		r.Next, r.Person = a.Action(), a.NeedsPerson()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(r)
}

// gatewayClient is the gateway as a command reaches it.
type gatewayClient struct {
	http    *http.Client
	running bool     // it is another process
	gateway *gateway // in this process; nil when running
	close   func() error
}

// withGateway reads the configuration, reaches the gateway and does something
// with it.
func (g *globals) withGateway(cmd *cobra.Command, do func(*config.Config, *gatewayClient) error) error {
	cfg, w, err := g.load(cmd)
	if err != nil {
		return err
	}
	d, err := reach(cfg, w)
	if err != nil {
		return err
	}
	return errors.Join(do(cfg, d), d.close())
}

// reach finds the running daemon of a configuration, or builds the gateway in
// this process without running it.
func reach(cfg *config.Config, w world) (*gatewayClient, error) {
	if d, err := reachRunning(cfg); d != nil || err != nil {
		return d, err
	}
	st, err := openStore(cfg.Store.Path, commandPatience, w)
	if errors.Is(err, store.ErrLocked) { // by a daemon that was about to open its socket, perhaps
		if d, err := reachRunning(cfg); d != nil || err != nil {
			return d, err
		}
	}
	if err != nil {
		return nil, err
	}
	g, err := build(cfg, st, w)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	g.driver.Show()
	return &gatewayClient{http: &http.Client{Transport: inProcess{g.control}}, gateway: g, close: st.Close}, nil
}

// reachRunning finds the running daemon; nil when none answers.
func reachRunning(cfg *config.Config) (*gatewayClient, error) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socketPath(cfg))
	}
	conn, err := dial(context.Background(), "", "")
	switch {
	case errors.Is(err, os.ErrPermission):
		return nil, hinted{fmt.Errorf("the running gateway does not let this user in: %w", err), "the same command with sudo"}
	case err != nil:
		return nil, nil
	}
	conn.Close()
	return &gatewayClient{http: &http.Client{Transport: &http.Transport{DialContext: dial}}, running: true, close: func() error { return nil }}, nil
}

// How long to wait for another process to let go of the database. The daemon has
// the longer breath: a command that happens to look at the database while the
// daemon starts must not keep it from running.
const (
	commandPatience = time.Second
	daemonPatience  = 5 * time.Second
)

// openStore opens the database; a file too damaged even to look at is looked at
// by another process first.
func openStore(path string, patience time.Duration, w world) (*store.Store, error) {
	st, err := store.Open(path, store.Options{Check: store.ChildCheck(exitDamaged, checkCommandLine), LockTimeout: patience, Now: w.clock.Now, Log: w.log})
	if err != nil {
		return nil, coded{err, exitLocked}
	}
	return st, nil
}

// call asks the daemon; in and out are JSON, either may be nil.
func (d *gatewayClient) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := d.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the running gateway: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the running gateway's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var r refusal
		if err := json.Unmarshal(text, &r); err != nil || r.Words == "" {
			return fmt.Errorf("the running gateway answered %s to %s %s: is it another version?", resp.Status, method, path)
		}
		return r
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// inProcess answers requests with a handler of this process.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answerBuffer{header: http.Header{}, status: http.StatusOK}
	p.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Status: fmt.Sprint(w.status, " ", http.StatusText(w.status)), Header: w.header,
		Body: io.NopCloser(&w.body), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

type answerBuffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *answerBuffer) Header() http.Header         { return b.header }
func (b *answerBuffer) WriteHeader(status int)      { b.status = status }
func (b *answerBuffer) Write(p []byte) (int, error) { return b.body.Write(p) }
