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
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tokens has access tokens.
type Tokens interface {
	// Token returns an access token that should be valid.
	Token(ctx context.Context) (string, error)
	// Rejected says that Graph refused the token as no longer valid.
	Rejected(token string)
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// Options are the parts of a Client. All are needed.
type Options struct {
	BaseURL   string // scheme and host of Graph, such as https://graph.microsoft.com
	Tokens    Tokens
	HTTP      *http.Client // with a timeout
	UserAgent string
	Clock     Clock
	Jitter    func(max time.Duration) time.Duration // a random duration in [0, max)
	Log       *slog.Logger
}

// Client calls Microsoft Graph. It is safe for concurrent use.
type Client struct {
	o     Options
	base  *url.URL
	slots chan struct{}

	mu    sync.Mutex
	holds map[string]time.Time // by mailbox: not to be asked before
}

// The limits of the Outlook service are 4 requests at once per app and mailbox;
// one text of Microsoft's puts the 4 per app whatever the mailbox, so that is
// what is kept (learn.microsoft.com/graph/throttling-limits).
const concurrent = 4

const (
	maxAnswer   = 16 << 20         // bytes; the largest page of events is far below
	attempts    = 4                // of one call, when the service is busy
	longestWait = 30 * time.Second // within a call; who must wait longer is told so
)

// NewClient returns a Client; its error tells that BaseURL is not usable.
func NewClient(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("graph: %q is no address of a service", o.BaseURL)
	}
	return &Client{o: o, base: base.JoinPath("v1.0"), slots: make(chan struct{}, concurrent), holds: map[string]time.Time{}}, nil
}

// call is one request to Graph.
type call struct {
	op      string // what is being done, for errors
	mailbox string // "me" or the address: what the service's limits go by
	path    string // below /v1.0, escaped; or an absolute next link
	query   url.Values
	cost    *cost
}

// cost counts what a poll takes.
type cost struct {
	requests, throttled atomic.Int64
	bytes               atomic.Int64
}

// do makes a call and decodes its JSON answer into out. A busy service is asked
// again a few times, with its Retry-After or growing pauses; a token that is
// refused is renewed once.
func (c *Client) do(ctx context.Context, cl call, out any) error {
	renewed := false
	for attempt := 1; ; attempt++ {
		if err := c.held(cl); err != nil {
			return err
		}
		token, err := c.o.Tokens.Token(ctx)
		if err != nil {
			return err // it says all by itself
		}
		e := c.once(ctx, cl, token, out)
		if e == nil {
			return nil
		}
		if e.Status == http.StatusUnauthorized && !renewed {
			renewed = true
			c.o.Tokens.Rejected(token)
			continue
		}
		wait := c.pause(e, attempt)
		if !e.temporary() || attempt >= attempts || wait > longestWait {
			c.hold(cl, e)
			return e
		}
		select {
		case <-ctx.Done():
			return e
		case <-c.o.Clock.After(wait):
		}
	}
}

// pause is how long to wait before asking again after e.
func (c *Client) pause(e *Error, attempt int) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter + c.o.Jitter(e.RetryAfter/10)
	}
	base := time.Second << (attempt - 1)
	return base + c.o.Jitter(base)
}

// held refuses a call to a mailbox that asked to be left alone: requests during
// the wait count against its limit too.
func (c *Client) held(cl call) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.holds[cl.mailbox].Sub(c.o.Clock.Now())
	if left <= 0 || left > 24*time.Hour { // a day: the clock was set back
		delete(c.holds, cl.mailbox)
		return nil
	}
	return &Error{Op: cl.op, Status: http.StatusTooManyRequests, Code: "TooManyRequests", RetryAfter: left,
		Message: "Microsoft asked to wait until " + c.holds[cl.mailbox].UTC().Format(time.RFC3339)}
}

func (c *Client) hold(cl call, e *Error) {
	if e.RetryAfter == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds[cl.mailbox] = c.o.Clock.Now().Add(e.RetryAfter)
}

// once sends the request once.
func (c *Client) once(ctx context.Context, cl call, token string, out any) *Error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return &Error{Op: cl.op, Err: ctx.Err()}
	}
	if err := c.held(cl); err != nil { // asked for while this call waited for its turn
		return err
	}
	req, err := c.request(ctx, cl, token)
	if err != nil {
		return &Error{Op: cl.op, Status: http.StatusOK, Err: err} // of the page that held the link
	}
	cl.cost.requests.Add(1)
	resp, err := c.o.HTTP.Do(req)
	if err != nil {
		return &Error{Op: cl.op, Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	cl.cost.bytes.Add(int64(len(body)))
	c.o.Log.Debug("graph", "op", cl.op, "status", resp.StatusCode, "bytes", len(body),
		"request_id", resp.Header.Get("request-id"), "client_request_id", req.Header.Get("client-request-id"))
	if err != nil {
		return &Error{Op: cl.op, Err: fmt.Errorf("the answer broke off after %d bytes: %w", len(body), err)}
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		cl.cost.throttled.Add(1)
	}
	return understand(cl.op, resp, body, out, c.o.Clock.Now())
}

// request builds the request; a next link is followed only to Graph itself,
// because the token goes with it.
func (c *Client) request(ctx context.Context, cl call, token string) (*http.Request, error) {
	target := c.base.String() + cl.path + "?" + strings.ReplaceAll(cl.query.Encode(), "+", "%20")
	if strings.Contains(cl.path, "://") {
		link, err := url.Parse(cl.path)
		if err != nil || link.Host != c.base.Host || link.Scheme != c.base.Scheme {
			return nil, fmt.Errorf("the next link leads away from %s", c.base.Host)
		}
		target = cl.path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("client-request-id", newID())
	req.Header.Set("return-client-request-id", "true")
	// In UTC no table of zone names is needed; immutable ids stay when an
	// event is moved between folders (learn.microsoft.com/graph/outlook-immutable-id).
	req.Header.Set("Prefer", `outlook.timezone="UTC", IdType="ImmutableId"`)
	return req, nil
}

// understand decodes an answer, or the error it stands for.
func understand(op string, resp *http.Response, body []byte, out any, now time.Time) *Error {
	e := &Error{Op: op, Status: resp.StatusCode, RequestID: resp.Header.Get("request-id"), RetryAfter: retryAfter(resp.Header, now)}
	if len(body) > maxAnswer {
		e.Err = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
		return e
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, out); err != nil {
			e.Err = notJSON(resp, body, err)
			return e
		}
		return nil
	}
	var doc struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &doc); err != nil && !e.temporary() {
		e.Err = notJSON(resp, body, err)
		return e
	}
	// learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation
	e.claims = strings.Contains(resp.Header.Get("WWW-Authenticate"), "insufficient_claims")
	e.Code, e.Message = cut(opaque.ReplaceAllString(doc.Error.Code, "(hidden)"), 80), cut(opaque.ReplaceAllString(doc.Error.Message, "(hidden)"), 300)
	return e
}

// User is who the sign-in belongs to.
type User struct {
	Name    string
	Address string // the mailbox, or the name to sign in with where there is none
}

// Me returns who the sign-in belongs to (learn.microsoft.com/graph/api/user-get).
// An app that signs in by itself is nobody: Graph refuses with BadRequest.
func (c *Client) Me(ctx context.Context) (User, error) {
	var u struct{ DisplayName, Mail, UserPrincipalName string }
	err := c.do(ctx, call{op: "reading who is signed in", mailbox: "me", path: "/me", cost: &cost{},
		query: url.Values{"$select": {"displayName,mail,userPrincipalName"}}}, &u)
	return User{Name: u.DisplayName, Address: cmp.Or(u.Mail, u.UserPrincipalName)}, err
}

// opaque is a run of characters long enough to be a token: a service, or what
// stands before it, may quote what it was sent.
var opaque = regexp.MustCompile(`[A-Za-z0-9+/_~.=-]{40,}`)

// notJSONError is an answer of another kind than Graph's: somebody else's.
type notJSONError struct{ words string }

func (e *notJSONError) Error() string { return e.words }

func notJSON(resp *http.Response, body []byte, err error) error {
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if strings.Contains(kind, "json") && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return &notJSONError{fmt.Sprintf("the JSON of the answer is damaged (%d bytes): %v", len(body), err)}
	}
	return &notJSONError{fmt.Sprintf("answered with %q, not with JSON: is a proxy or a sign-in page of the network in between?", kind)}
}

// retryAfter reads the header in both its forms (RFC 9110 §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return min(at.Sub(now), 24*time.Hour)
	}
	return 0
}

// withoutURL drops the address from net/http's errors: it is long, and Op says
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
