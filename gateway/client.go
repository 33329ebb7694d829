package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// Client is a command's connection to the gateway.
type Client struct {
	Running bool // the gateway is another process; otherwise it is built in this one and does not run

	http  *http.Client
	close func() error
}

// Close releases the gateway.
func (c *Client) Close() error { return c.close() }

// Client reaches the gateway in this process.
func (g *Gateway) Client() *Client {
	return NewClient(inProcess{g.control}, g.hasBegun())
}

// NewClient returns a Client that sends its requests through a transport.
func NewClient(transport http.RoundTripper, running bool) *Client {
	return &Client{Running: running, http: &http.Client{Transport: transport}, close: func() error { return nil }}
}

// ErrNoAccess means that this user may not access the running gateway.
var ErrNoAccess = errors.New("this user may not access the running gateway")

// Reach finds the running gateway of a configuration, or builds it in this
// process without running it; open opens the database for that.
func Reach(cfg *config.Config, d Dependencies, open func() (*store.Store, error)) (*Client, error) {
	if c, err := ReachRunning(cfg); c != nil || err != nil {
		return c, err
	}
	st, err := open()
	if errors.Is(err, store.ErrLocked) { // by a gateway that was about to open its socket, perhaps
		if c, err := ReachRunning(cfg); c != nil || err != nil {
			return c, err
		}
	}
	if err != nil {
		return nil, err
	}
	g, err := New(cfg, st, d)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	g.driver.Show()
	c := g.Client()
	c.close = st.Close
	return c, nil
}

// ReachRunning finds the running gateway; nil when none answers. The error
// matches ErrNoAccess where the user lacks the right.
func ReachRunning(cfg *config.Config) (*Client, error) {
	for _, path := range []string{socketPath(cfg), spareSocketPath(cfg)} {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		conn, err := dial(context.Background(), "", "")
		if errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("%w: %w", ErrNoAccess, err)
		}
		if err == nil {
			conn.Close()
			return NewClient(&http.Transport{DialContext: dial}, true), nil
		}
	}
	return nil, nil
}

// call asks the gateway; in and out are JSON, either may be nil.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	return c.ask(ctx, method, path, in, func(body io.Reader) error {
		text, err := io.ReadAll(body)
		if err != nil {
			return fmt.Errorf("reading the running gateway's answer: %w", err)
		}
		if out == nil {
			return nil
		}
		return json.Unmarshal(text, out)
	})
}

// ask asks the gateway and reads its answer with read; in is JSON and may be nil.
func (c *Client) ask(ctx context.Context, method, path string, in any, read func(body io.Reader) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the running gateway: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var r refusal
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || r.Words == "" {
			return fmt.Errorf("the running gateway answered %s to %s %s: is it another version?", resp.Status, method, path)
		}
		return r
	}
	return read(resp.Body)
}

// Accounts returns the status of every account.
func (c *Client) Accounts(ctx context.Context) (all []AccountStatus, err error) {
	return all, c.call(ctx, http.MethodGet, "/control/accounts", nil, &all)
}

// Rooms returns the state of the rooms as in the page's JSON, for people.
func (c *Client) Rooms(ctx context.Context) (all json.RawMessage, err error) {
	err = c.call(ctx, http.MethodGet, "/api/v1/rooms", nil, &all)
	return withoutHTMLEscapes(all), err
}

// withoutHTMLEscapes writes the characters < > & of a JSON document as they are: the
// page escapes them in case a browser takes the document for HTML (encoding/json,
// HTMLEscape), and on a terminal nobody can read that.
func withoutHTMLEscapes(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for i := 0; i < len(doc); i++ {
		if doc[i] != '\\' || i+1 == len(doc) {
			out = append(out, doc[i])
			continue
		}
		if char, ok := htmlEscapes[string(doc[i:min(i+6, len(doc))])]; ok {
			out, i = append(out, char), i+5
			continue
		}
		out, i = append(out, doc[i], doc[i+1]), i+1 // the second byte may be a backslash, too
	}
	return out
}

var htmlEscapes = map[string]byte{`\u003c`: '<', `\u003e`: '>', `\u0026`: '&'}

// Parts returns the health of the parts of the gateway as in the page's JSON.
func (c *Client) Parts(ctx context.Context) (map[string]PartStatus, error) {
	var doc struct{ Parts map[string]PartStatus }
	err := c.call(ctx, http.MethodGet, "/api/v1/gateway", nil, &doc)
	return doc.Parts, err
}

// PartStatus is the health of a part of the gateway.
type PartStatus struct {
	OK    bool
	Words string
}

// ExplainRoom returns why the points of a room are what they are.
func (c *Client) ExplainRoom(ctx context.Context, room string) (e RoomExplanation, err error) {
	return e, c.call(ctx, http.MethodGet, "/control/rooms/"+url.PathEscape(room)+"/explain", nil, &e)
}

// Poll reads a room's calendar soon; an empty room stands for all of them.
func (c *Client) Poll(ctx context.Context, room string) error {
	return c.call(ctx, http.MethodPost, "/control/poll", roomRequest{room}, nil)
}

// Discover returns the rooms that an account can see.
func (c *Client) Discover(ctx context.Context, account string) (d driver.Discovery, err error) {
	return d, c.call(ctx, http.MethodPost, "/control/discover", signInRequest{Account: account}, &d)
}

// Backup returns a copy of the database.
func (c *Client) Backup(ctx context.Context) (b Backup, err error) {
	return b, c.call(ctx, http.MethodPost, "/control/backup", struct{}{}, &b)
}

// History returns the stored days of a date of the site, as in "2026-01-31".
func (c *Client) History(ctx context.Context, date string) (h HistoryDay, err error) {
	return h, c.call(ctx, http.MethodGet, "/control/history/"+url.PathEscape(date), nil, &h)
}

// OpenSetUpPage returns where the set-up page is, and a new code that opens it.
func (c *Client) OpenSetUpPage(ctx context.Context) (p SetUpPage, err error) {
	return p, c.call(ctx, http.MethodPost, "/control/login/page", struct{}{}, &p)
}

// Begin starts a sign-in by authorization code and returns the address to open.
func (c *Client) Begin(ctx context.Context, account string, r driver.AuthorizationRequest) (string, error) {
	var b begun
	err := c.call(ctx, http.MethodPost, "/control/login/begin", signInRequest{Account: account, AuthorizationRequest: r}, &b)
	return b.URL, err
}

// Complete ends a sign-in with an authorization response.
func (c *Client) Complete(ctx context.Context, account, response string) error {
	return c.call(ctx, http.MethodPost, "/control/login/complete", signInRequest{Account: account, Response: response}, nil)
}

// CompleteCode ends a sign-in with a code that was obtained by hand.
func (c *Client) CompleteCode(ctx context.Context, account, code string) error {
	return c.call(ctx, http.MethodPost, "/control/login/code", signInRequest{Account: account, Code: code}, nil)
}

// StartDevice begins a sign-in by device code.
func (c *Client) StartDevice(ctx context.Context, account string) (d driver.DeviceCode, err error) {
	return d, c.call(ctx, http.MethodPost, "/control/login/device", signInRequest{Account: account}, &d)
}

// WaitDevice waits for the end of the sign-in by device code.
func (c *Client) WaitDevice(ctx context.Context, account string) error {
	return c.call(ctx, http.MethodPost, "/control/login/wait", signInRequest{Account: account}, nil)
}

// Import signs in with tokens that were obtained elsewhere.
func (c *Client) Import(ctx context.Context, account string, t driver.ImportedTokens) error {
	return c.call(ctx, http.MethodPost, "/control/login/import", signInRequest{Account: account, Tokens: t}, nil)
}

// Verify checks that the service accepts the sign-in.
func (c *Client) Verify(ctx context.Context, account string) error {
	return c.call(ctx, http.MethodPost, "/control/login/verify", signInRequest{Account: account}, nil)
}

// SignOut deletes a sign-in.
func (c *Client) SignOut(ctx context.Context, account string) error {
	return c.call(ctx, http.MethodPost, "/control/logout", signInRequest{Account: account}, nil)
}
