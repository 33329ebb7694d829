package graph

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"roomgate/driver"
	"roomgate/oauth"
)

// Tokens provides access tokens.
type Tokens interface {
	// Token returns an access token that is expected to be valid.
	Token(ctx context.Context) (string, error)
	// Rejected reports that Graph rejected the token.
	Rejected(token string)
}

// Clock returns the time and waits.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// ClientOptions are the parts of a Client. All are needed.
type ClientOptions struct {
	BaseURL   string // scheme and host of Graph, such as https://graph.microsoft.com
	Login     string // the command that signs the account in, for errors
	Discover  string // the command that lists the account's calendars, for errors
	Tokens    Tokens
	HTTP      *http.Client // with a timeout
	UserAgent string
	Clock     Clock
	Jitter    func(max time.Duration) time.Duration // a random duration in [0, max)
	Log       *slog.Logger
}

// Client calls Microsoft Graph. It is safe for concurrent use.
type Client struct {
	o      ClientOptions
	base   *url.URL
	slots  chan struct{} // one for each request in flight
	limits limits
	seed   maphash.Seed // of digests
}

const (
	maxAnswer   = 16 << 20         // bytes; far above the largest page of events
	attempts    = 4                // of one call, when the service is busy
	longestWait = 30 * time.Second // within a call, which fails if it has to wait longer
)

// NewClient returns a Client. The error means that BaseURL is not usable.
func NewClient(o ClientOptions) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("graph: %q is not the address of a service", o.BaseURL)
	}
	if o.HTTP != nil {
		o.HTTP = oauth.WithoutRedirects(o.HTTP)
	}
	return &Client{o: o, base: base.JoinPath("v1.0"), slots: make(chan struct{}, concurrent), limits: limits{mailboxes: map[string]*mailboxLimit{}}, seed: maphash.MakeSeed()}, nil
}

// call is one request to Graph.
type call struct {
	op      string // what is being done, for errors
	mailbox string // signedInMailbox or an address: the service's limits are per mailbox
	path    string // below /v1.0, escaped, with its query; or an absolute next link
	zone    string // that times are asked for in; empty: UTC
	body    []byte // JSON to post; nil: the call only reads
}

// pathOf joins a path and its query. Graph does not read a plus sign as a space.
func pathOf(path string, query url.Values) string {
	return path + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
}

// cost counts the requests of a Fetch or a Sweep.
type cost struct {
	requests, throttled atomic.Int64
	bytes               atomic.Int64 // received
}

func (c *cost) tally() driver.Tally {
	return driver.Tally{Requests: int(c.requests.Load()), Throttled: int(c.throttled.Load()), Bytes: c.bytes.Load()}
}

// do makes a call and decodes its JSON answer into out. If the service is
// busy, the call is repeated a few times, after its Retry-After or growing pauses; a
// rejected token is refreshed once.
func (c *Client) do(ctx context.Context, cl call, cost *cost, out any) error {
	d := &decoding{out: out}
	q := c.queue(cost)
	q.ask(&question{call: cl, asker: d})
	q.run(ctx)
	return d.err
}

// answer is the HTTP response to a call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// exchange sends one request and reads its answer into the buffer, which may
// grow. The error means that there was no complete answer.
func (c *Client) exchange(ctx context.Context, cl call, token string, cost *cost, into *[]byte) (answer, *Error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, &Error{Op: cl.op, Err: ctx.Err()}
	}
	req, err := c.request(ctx, cl, token)
	if err != nil {
		return answer{}, &Error{Op: cl.op, Status: http.StatusOK, Err: err} // of the page with the link
	}
	cost.requests.Add(1)
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return answer{}, &Error{Op: cl.op, Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	body, err := readAll(io.LimitReader(resp.Body, maxAnswer+1), (*into)[:0])
	*into = body
	cost.bytes.Add(int64(len(body)))
	c.o.Log.Debug("graph", "op", cl.op, "status", resp.StatusCode, "bytes", len(body),
		"request_id", resp.Header.Get("request-id"), "client_request_id", req.Header.Get("client-request-id"))
	a := answer{resp.StatusCode, resp.Header, oauth.TrimBOM(body)}
	switch {
	case err != nil:
		return answer{}, &Error{Op: cl.op, Err: fmt.Errorf("the response ended early after %d bytes: %w", len(body), err)}
	case len(body) > maxAnswer:
		return answer{}, a.error(cl.op, fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20))
	case resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusGatewayTimeout:
		c.o.HTTP.CloseIdleConnections() // the next request may reach a healthy server
	}
	return a, nil
}

// readAll is io.ReadAll into an existing buffer.
func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)] // append grows it by more than one
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// request builds the request. A next link is followed only to Graph itself,
// because the request carries the token.
func (c *Client) request(ctx context.Context, cl call, token string) (*http.Request, error) {
	path, err := c.local(cl.path)
	if err != nil {
		return nil, err
	}
	method, body := http.MethodGet, io.Reader(nil)
	if cl.body != nil {
		method, body = http.MethodPost, bytes.NewReader(cl.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("client-request-id", newID())
	req.Header.Set("return-client-request-id", "true")
	req.Header.Set("Prefer", cl.prefer())
	if cl.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// prefer is the header of a request. Times in UTC need no mapping of zone names;
// immutable ids do not change when an event is moved between folders
// (learn.microsoft.com/graph/outlook-immutable-id).
func (c call) prefer() string {
	return `outlook.timezone="` + cmp.Or(c.zone, "UTC") + `", IdType="ImmutableId"`
}

// local returns a path below /v1.0, of a path or of an absolute next link.
func (c *Client) local(path string) (string, error) {
	if !strings.Contains(path, "://") {
		return path, nil
	}
	rest, ok := strings.CutPrefix(path, c.base.String()+"/")
	if !ok {
		return "", fmt.Errorf("the next link is not on %s", c.base.Host)
	}
	return "/" + rest, nil
}

// error is the error for an answer, with the given cause if Graph returned none.
func (a answer) error(op string, cause error) *Error {
	return &Error{Op: op, Status: a.status, RequestID: a.header.Get("request-id"), Err: cause}
}

// fault is the error of an answer; nil: it is good. Only an answer in the form of
// Graph's errors (learn.microsoft.com/graph/errors) has a code and a Retry-After: what
// a proxy writes says nothing about the service.
func (a answer) fault(op string, now time.Time) *Error {
	if a.status == http.StatusOK {
		return nil
	}
	var doc struct {
		Error struct{ Code, Message string }
	}
	err := json.Unmarshal(a.body, &doc)
	if err != nil || doc.Error.Code == "" {
		e := a.error(op, nil)
		if len(a.body) > 0 || !e.temporary() {
			e.Err = a.notJSON(err)
		}
		return e
	}
	e := a.error(op, nil)
	e.RetryAfter = oauth.RetryAfter(a.header, now)
	// learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation
	e.claims = strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_claims")
	e.Code, e.Message = cut(oauth.Hide(doc.Error.Code), 80), cut(oauth.Hide(doc.Error.Message), 300)
	return e
}

// User is the user who is signed in.
type User struct {
	Name    string
	Address string // of the mailbox; the user principal name where there is none
}

// Me returns the user who is signed in. To an application Graph answers BadRequest.
func (c *Client) Me(ctx context.Context) (User, error) {
	var u userRow
	err := c.do(ctx, whoSignedIn, &cost{}, &u)
	return u.user(), err
}

// whoSignedIn asks for the user who is signed in
// (learn.microsoft.com/graph/api/user-get).
var whoSignedIn = call{op: "reading who is signed in", mailbox: signedInMailbox,
	path: pathOf("/me", url.Values{"$select": {"displayName,mail,userPrincipalName"}})}

// userRow is the answer to whoSignedIn.
type userRow struct{ DisplayName, Mail, UserPrincipalName string }

func (u userRow) user() User {
	return User{Name: u.DisplayName, Address: cmp.Or(u.Mail, u.UserPrincipalName)}
}

// notJSONError is an answer that is not Graph's JSON, and so not Graph's.
type notJSONError struct{ words string }

func (e *notJSONError) Error() string { return e.words }

// intercepted is the usual reason of an answer that is not Graph's.
const intercepted = "a proxy or a sign-in page of the network may intercept the connection"

// notJSON is the cause for an answer that is not Graph's; err is why its JSON could not
// be read, nil where it could.
func (a answer) notJSON(err error) error {
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	to, unknown := url.Parse(a.header.Get("Location"))
	switch {
	case a.status/100 == 3 && unknown == nil && to.Host != "":
		return &notJSONError{fmt.Sprintf("sent on to %s, which is not followed: %s", cut(oauth.Sentence(to.Scheme+"://"+to.Host), 100), intercepted)}
	case err == nil:
		return &notJSONError{"the JSON of the answer is not Microsoft's: " + intercepted}
	case strings.Contains(kind, "json") && bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("{")) && !json.Valid(a.body):
		return &notJSONError{fmt.Sprintf("the JSON of the answer is damaged (%d bytes): %v", len(a.body), err)}
	case strings.Contains(kind, "json") && json.Valid(a.body):
		return &notJSONError{"the JSON of the answer is not Microsoft's: " + intercepted}
	}
	return &notJSONError{fmt.Sprintf("answered with %q, not with JSON: %s", kind, intercepted)}
}

// withoutURL removes the URL from an error of net/http: it is long, and Op says
// what was being done.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// newID returns a random GUID (RFC 9562 §5.4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
