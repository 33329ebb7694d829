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
	"strings"
	"time"
)

const connectPath = "/api/v1/microsoft/"

// connect is the API with which integrators sign in many gateways: the caller
// sends the owner of an account to the address it gets here, and brings the code
// that comes of it.
type connect struct {
	*server
	key   [sha256.Size]byte // hash of the API key
	calls limiter           // right and wrong keys alike: an open door for wrong ones could be tried without end
}

func (s *server) addConnect(mux *http.ServeMux) {
	c := &connect{server: s, key: sha256.Sum256([]byte(s.APIKey)), calls: limiter{most: 30, span: time.Minute}}
	mux.HandleFunc("GET "+connectPath+"oauth", c.keyed(c.oauth))
	mux.HandleFunc(connectPath+"oauth", c.keyed(c.wrongMethod("GET, HEAD")))
	mux.HandleFunc("POST "+connectPath+"connect", c.keyed(c.connect))
	mux.HandleFunc(connectPath+"connect", c.keyed(c.wrongMethod("POST")))
}

// keyed lets through who knows the key. The comparison takes as long for any
// wrong key.
func (c *connect) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if wait := c.calls.take(time.Now()); wait > 0 {
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

// oauth gives the address at which an account is consented to.
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
	address, err := c.SignIns.ConnectURL(email, q.Get("state"))
	if err != nil {
		c.fail(w, fmt.Errorf("making an address to connect an account: %w", err))
		return
	}
	c.reply(w, http.StatusOK, struct {
		Success bool   `json:"success"`
		URL     string `json:"url"`
	}{true, address})
}

// connect signs in with the code that came of such an address.
func (c *connect) connect(w http.ResponseWriter, r *http.Request) {
	var in struct{ Code, Name *string }
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
	ctx, cancel := toTheEnd(r)
	defer cancel()
	account, err := c.SignIns.Connect(ctx, *in.Code, *in.Name)
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
	}{true, data{account{a.AccountID, a.Email, a.Name, "microsoft", a.Status, append([]string{}, a.Scopes...)}}}
}

// failure is the answer where Microsoft, or the way to it, said no. Error is a
// word of RFC 6749 §4.1.2.1 or §5.2; Code is the HTTP status.
type failure struct {
	Success bool   `json:"success"`
	Error   string `json:"error"`
	Code    int    `json:"code"`
}

// fail answers with what became of the sign-in. The words of an error that is
// not the caller's stay in the log.
func (c *connect) fail(w http.ResponseWriter, err error) {
	f := failure{Error: "server_error", Code: http.StatusInternalServerError}
	var person interface{ NeedsPerson() bool }
	var coded interface{ OAuthCode() string }
	switch {
	case !errors.As(err, &person):
		c.Log.Error("a call of the connect API could not be answered", "err", err)
	case !person.NeedsPerson():
		f = failure{Error: "temporarily_unavailable", Code: http.StatusServiceUnavailable}
	case errors.As(err, &coded) && coded.OAuthCode() != "":
		f = failure{Error: coded.OAuthCode(), Code: http.StatusBadRequest}
	default:
		f = failure{Error: "invalid_grant", Code: http.StatusBadRequest}
	}
	c.reply(w, f.Code, f)
}

// reply answers with a document as other services of this kind write it: on one
// line, with & < > as they are.
func (c *connect) reply(w http.ResponseWriter, status int, doc any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		c.Log.Error("an answer could not be made", "err", err)
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(bytes.TrimSuffix(body.Bytes(), []byte("\n"))) // a reader that has gone needs no answer
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
