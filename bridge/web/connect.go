package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// connect is the API with which integrators sign in many gateways: the caller
// sends the owner of an account to the address it gets here, and brings the
// authorization code. Its paths have the kind of provider in them.
type connect struct {
	*server
	key [sha256.Size]byte // hash of the API key
}

// addConnect adds the connect API. The pattern is less specific than any other of
// the API, so it answers for unknown paths of two segments, too.
func (s *server) addConnect(mux *http.ServeMux) {
	c := &connect{s, sha256.Sum256([]byte(s.APIKey))}
	mux.HandleFunc("/api/v1/{kind}/{call}", func(w http.ResponseWriter, r *http.Request) {
		switch call := r.PathValue("call"); {
		case call != "oauth" && call != "connect":
			s.unknown(w, r)
		case !c.serves(r.PathValue("kind")):
			s.absent(w, r)
		case call == "oauth":
			c.keyed(c.only(c.oauth, "GET", "HEAD"))(w, r)
		default:
			c.keyed(c.only(c.connect, "POST"))(w, r)
		}
	})
}

// serves reports whether the API is on and an account has this kind of provider.
func (c *connect) serves(kind string) bool {
	return c.Connector != nil && c.APIKey != "" &&
		slices.ContainsFunc(c.accounts(), func(a Account) bool { return a.Kind == kind })
}

// only serves the methods alone.
func (c *connect) only(next http.HandlerFunc, methods ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			c.wrongMethod(strings.Join(methods, ", "))(w, r)
			return
		}
		next(w, r)
	}
}

// keyed serves callers that have the key. The comparison takes the same time for
// every wrong key, and wrong keys count against the limit of their caller like the
// right one, so that keys cannot be guessed by trying.
func (c *connect) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if wait := c.calls.of(r, now).take(now); wait > 0 {
			c.refused.WithLabelValues(refusedRate).Inc()
			retryAfter(w, wait)
			c.reply(w, http.StatusTooManyRequests, map[string]string{"error": "Too many requests. Try again after the time in Retry-After."})
			return
		}
		given := sha256.Sum256([]byte(r.Header.Get("X-Api-Key")))
		if subtle.ConstantTimeCompare(given[:], c.key[:]) != 1 {
			c.refused.WithLabelValues(refusedKey).Inc()
			c.reply(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized. Invalid API key."})
			return
		}
		next(w, r)
	}
}

// fieldError is what is wrong with one field of a request.
type fieldError struct {
	Value    *string `json:"value,omitempty"` // as given; absent when it was not given
	Msg      string  `json:"msg"`
	Param    string  `json:"param"`
	Location string  `json:"location"` // "query" or "body"
}

func (c *connect) fields(w http.ResponseWriter, wrong ...fieldError) {
	c.refused.WithLabelValues(refusedMalformed).Inc()
	c.reply(w, http.StatusBadRequest, map[string][]fieldError{"errors": wrong})
}

// oauth answers with the address at which the owner of an account consents.
func (c *connect) oauth(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	email := q.Get("email")
	if !validEmail(email) {
		wrong := fieldError{Msg: "a valid email is required.", Param: "email", Location: "query"}
		if q.Has("email") {
			wrong.Value = &email
		}
		c.fields(w, wrong)
		return
	}
	address, err := c.Connector.ConnectURL(r.Context(), r.PathValue("kind"), email, q.Get("state"))
	if err != nil {
		c.fail(w, fmt.Errorf("making an address to connect an account: %w", err))
		return
	}
	c.reply(w, http.StatusOK, struct {
		Success bool   `json:"success"`
		URL     string `json:"url"`
	}{true, address})
}

// connect signs in with the authorization code.
func (c *connect) connect(w http.ResponseWriter, r *http.Request) {
	var in struct{ Code, Name, State *string }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	if err != nil {
		status, reason := unreadable(err)
		c.refused.WithLabelValues(reason).Inc()
		c.reply(w, status, failure{Error: "invalid_request", Code: status})
		return
	}
	var wrong []fieldError
	if in.Code == nil || strings.TrimSpace(*in.Code) == "" {
		wrong = append(wrong, fieldError{Value: in.Code, Msg: "a code is required.", Param: "code", Location: "body"})
	}
	if in.Name == nil || strings.TrimSpace(*in.Name) == "" {
		wrong = append(wrong, fieldError{Value: in.Name, Msg: "a name is required.", Param: "name", Location: "body"})
	}
	if wrong != nil {
		c.fields(w, wrong...)
		return
	}
	request := ConnectRequest{Kind: r.PathValue("kind"), Code: *in.Code, Name: *in.Name}
	if in.State != nil {
		request.State = *in.State
	}
	ctx, cancel := detached(r)
	defer cancel()
	account, err := c.Connector.Connect(ctx, request)
	if err != nil {
		c.fail(w, fmt.Errorf("connecting an account: %w", err))
		return
	}
	c.reply(w, http.StatusOK, connected(account))
}

// connected is the answer for an account that is signed in.
func connected(a Connected) any {
	type account struct {
		AccountID string   `json:"accountId"`
		Email     string   `json:"email"`
		Name      string   `json:"name"`
		Provider  string   `json:"provider"`
		Status    string   `json:"status"`
		Scopes    []string `json:"scopes"`
	}
	type data struct {
		Account account `json:"account"`
	}
	return struct {
		Success bool `json:"success"`
		Data    data `json:"data"`
	}{true, data{account{a.AccountID, a.Email, a.Name, a.Kind, a.Status, append([]string{}, a.Scopes...)}}}
}

// failure is the answer if no account could be signed in. Error is a word of
// RFC 6749 §4.1.2.1 or §5.2; Code is the HTTP status.
type failure struct {
	Success bool   `json:"success"`
	Error   string `json:"error"`
	Code    int    `json:"code"`
}

// fail answers with the word for an error. The error itself goes to the log.
func (c *connect) fail(w http.ResponseWriter, err error) {
	f := failure{Error: "server_error", Code: http.StatusInternalServerError}
	var person interface{ NeedsPerson() bool }
	var coded interface{ OAuthCode() string }
	switch {
	case !errors.As(err, &person):
	case !person.NeedsPerson():
		f = failure{Error: "temporarily_unavailable", Code: http.StatusServiceUnavailable}
	case errors.As(err, &coded) && coded.OAuthCode() != "":
		f = failure{Error: coded.OAuthCode(), Code: http.StatusBadRequest}
	default:
		f = failure{Error: "invalid_grant", Code: http.StatusBadRequest}
	}
	c.Log.Warn("a call of the connect API failed", "answer", f.Error, "err", err)
	c.reply(w, f.Code, f)
}

// reply answers with a document as other services of this kind write it: on one
// line, with & < > unescaped.
func (c *connect) reply(w http.ResponseWriter, status int, doc any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		c.Log.Error("an answer could not be encoded", "err", err)
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(bytes.TrimSuffix(body.Bytes(), []byte("\n"))) // the client may have disconnected
}

// validEmail accepts a bare address whose domain has a dot, of the length mail
// allows (RFC 5321 §4.5.3.1, RFC 5322 §3.4.1).
func validEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return strings.Contains(strings.Trim(domain, "."), ".")
}
