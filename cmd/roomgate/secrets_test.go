package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"roomgate/driver"
	"roomgate/driver/store"
)

// hunt looks for every secret the test knows of in all the evidence.
func (h *house) hunt() {
	evidence := h.said()
	for _, s := range append(h.keptSecrets(), h.secrets...) {
		if form := findSecret(evidence, s); form != "" {
			h.t.Errorf("a secret of %d characters was found as %s: it must never be printed, published or served", len(s), form)
		}
	}
}

// keep adds secrets to those that are hunted for.
func (h *house) keep(secrets []string) { h.secrets = append(h.secrets, secrets...) }

// keptSecrets returns the tokens that the database holds at the end of a test.
func (h *house) keptSecrets() []string {
	if _, err := os.Stat(h.database()); err != nil {
		return nil
	}
	st, err := store.Open(h.database(), store.Options{})
	if err != nil {
		h.t.Errorf("the database after the test: %v", err)
		return nil
	}
	defer st.Close()
	var secrets []string
	for _, r := range h.rooms {
		var record struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if text, err := st.Mirrored("tokens").Get(r.account); err == nil && json.Unmarshal(text, &record) == nil {
			secrets = append(secrets, record.Access, record.Refresh)
		}
	}
	return secrets
}

// findSecret names the form in which a secret, or the beginning or end of a
// long one, stands in a text; "" if it does not.
func findSecret(text, secret string) string {
	pieces := []string{secret}
	if len(secret) > 128 { // the first characters are the same in all tokens
		pieces = []string{secret[:64], secret[len(secret)-32:]}
	}
	for _, piece := range pieces {
		if piece == "" {
			continue
		}
		for form, disguised := range disguises(piece) {
			if strings.Contains(text, disguised) {
				return form
			}
		}
	}
	return ""
}

// disguises returns a secret as programs write it. Base64 has three forms, by
// where in its groups of three bytes the secret begins (RFC 4648 §4); the
// characters that neighbours have a part in are left out.
func disguises(secret string) map[string]string {
	forms := map[string]string{
		"plain text":       secret,
		"a query":          url.QueryEscape(secret),
		"a path":           url.PathEscape(secret),
		"hexadecimal":      hex.EncodeToString([]byte(secret)),
		"JSON with quotes": strings.Trim(mustQuote(secret), `"`),
	}
	for i, name := range []string{"base64", "base64 from the second byte", "base64 from the third byte"} {
		padded := strings.Repeat("\x00", i) + secret
		padded = padded[:len(padded)/3*3]
		skip := []int{0, 2, 3}[i]
		forms[name] = base64.StdEncoding.EncodeToString([]byte(padded))[skip:]
		forms[name+" for URLs"] = base64.URLEncoding.EncodeToString([]byte(padded))[skip:]
	}
	return forms
}

func mustQuote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(text)
}

// TestSecrets uses everything that prints, publishes or serves, in health and in
// trouble, with the log at debug and at services that quote what they were sent.
// The hunt at the end must find nothing.
func TestSecrets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sim := newSimulator(t)
	quoting := &spoiler{answer: quote, next: sim.witness}
	server := httptest.NewServer(quoting)
	t.Cleanup(server.Close)
	t.Cleanup(func() { h.keep(sim.seen()) })
	h.sim = server.URL
	h.everyWay()
	h.open()
	h.certify("robot", sim)
	h.mosquitto(h.broker)
	h.listen(h.broker)

	h.misuse()
	h.signIn("rooms")
	h.everyCommand()
	gateway := h.daemon()
	h.await("a good room", func() bool { return accepts(h.web) && h.room("boardroom").Quality == "good" })
	h.misuse()
	h.signInEveryWay(sim)
	h.misuseConnect()
	h.misusePage()
	h.everyCommand()
	h.everyPage()

	quoting.on.Store(true)
	h.must("rooms", "poll")
	h.await("the refused calendar in the log", func() bool { return strings.Contains(h.said(), "rooms cannot be read") })
	h.everyCommand()
	h.everyPage()
	quoting.on.Store(false)
	sim.Revoke("")
	sim.ExpireAccess()
	h.must("rooms", "poll")
	h.await("the lapsed sign-in", func() bool { return h.account("rooms").State == driver.SignInNeeded })
	h.everyCommand()
	h.everyPage()
	h.crash(gateway)
	for _, kind := range witnessed {
		if !sim.saw(kind) {
			t.Errorf("no %s passed: the hunt for it proves nothing", kind)
		}
	}
}

// quote answers as a service would that puts what it was sent into its errors.
func quote(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `{"error":{"code":"ErrorAccessDenied","message":%q}}`, "Not allowed with "+r.Header.Get("Authorization"))
}

// misuse signs in in ways that fail, with real codes and secrets in hand.
func (h *house) misuse() {
	h.t.Helper()
	address := strings.TrimSpace(h.must("login", "rooms", "--print-url"))
	landed, err := acceptSignIn(h.t.Context(), address)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(landed)
	if err != nil {
		h.t.Fatal(err)
	}
	code := u.Query().Get("code")
	h.keep([]string{code})
	for _, args := range [][]string{
		{"--code", code},                // lacks its PKCE verifier
		{"--paste", landed},             // spent by now
		{"--paste", landed + "&code=x"}, // two answers
		{"--paste", "http://localhost/?code=" + code + "&state=another"},
		{"--paste", "http://localhost/?error=access_denied&error_description=" + code},
	} {
		if _, ended := h.roomgate(append([]string{"login", "rooms"}, args...)...); ended == exitOK {
			h.t.Errorf("login %s succeeded", args[0])
		}
	}
}

// everyCommand runs every command that looks, in each of its forms. Each says
// what it has to say, whatever its exit code.
func (h *house) everyCommand() {
	h.t.Helper()
	for _, line := range []string{"accounts", "accounts --json", "rooms", "rooms --json", "rooms discover", "rooms discover --json", "check", "check --json", "config print", "config check --json", "db check",
		"handover rooms", "handover robot --format html", "explain AADSTS7000222", "login robot"} {
		h.roomgate(append(strings.Fields(line), "--log-level", "debug")...)
	}
	h.backUp()
}

// everyPage reads every page.
func (h *house) everyPage() {
	h.t.Helper()
	for _, path := range []string{"/", "/api/v1/rooms", "/api/v1/rooms/boardroom", "/api/v1/accounts", "/api/v1/gateway", "/metrics", "/healthz?verbose",
		"/setup", "/setup/accounts/rooms", "/setup/accounts/lobby", "/setup/accounts/robot"} {
		if status, body := h.get("http://" + h.web + path); status != http.StatusOK {
			h.t.Errorf("%s answered %d: %s", path, status, body)
		}
	}
}

// TestFindSecret proves the hunter: what it cannot find it would let pass.
func TestFindSecret(t *testing.T) {
	short, long := "a secret/with+signs", strings.Repeat("eyJ0", 30)+"the middle"+strings.Repeat("x9", 20)+"the end"
	for _, leak := range []string{
		"log: " + short + ".",
		"?client_secret=a+secret%2Fwith%2Bsigns&x=1",
		"/a%20secret%2Fwith+signs/",
		"YSBzZWNyZXQvd2l0aCtzaWducw==",           // base64 of it
		"Basic aWQ6YSBzZWNyZXQvd2l0aCtzaWducw==", // of id:secret
		"Basic bWU6OmEgc2VjcmV0L3dpdGgrc2lnbnM=", // of me::secret
		"Basic LW1lOjphIHNlY3JldC93aXRoK3NpZ25z", // of -me::secret
		"hex: 61207365637265742f776974682b7369676e73",
	} {
		if findSecret(leak, short) == "" {
			t.Errorf("the secret was not found in %q", leak)
		}
	}
	for _, leak := range []string{long, "Bearer " + long[:70], "…" + long[len(long)-40:]} {
		if findSecret(leak, long) == "" {
			t.Errorf("a piece of a long secret was not found in %q", leak)
		}
	}
	if form := findSecret("nothing of the kind", short); form != "" {
		t.Errorf("found as %s where it is not", form)
	}
}

// witness stands before a simulator and remembers every secret that passes.
type witness struct {
	next    http.Handler
	mu      sync.Mutex
	secrets map[string]string // their kind
}

func newWitness(next http.Handler) *witness {
	return &witness{next: next, secrets: map[string]string{}}
}

// Secrets of RFC 6749 §4.1.3, §5.1 and §6, RFC 7523 §2.2, RFC 7636 §4.5 and
// RFC 8628 §3.2, by the names they are asked and answered under.
var (
	askedSecrets    = strings.Fields("client_secret client_assertion code code_verifier refresh_token device_code")
	answeredSecrets = strings.Fields("access_token refresh_token id_token device_code")
	witnessed       = strings.Fields("client_secret client_assertion code code_verifier refresh_token device_code access_token") // by TestSecrets
)

// ServeHTTP implements http.Handler.
func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") && !strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/devicecode") {
		w.next.ServeHTTP(rw, r)
		return
	}
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(asked))
	answered := &tee{ResponseWriter: rw}
	w.next.ServeHTTP(answered, r)
	w.note(asked, answered.body.Bytes())
}

// note remembers the secrets of a request and its answer.
func (w *witness) note(asked, answered []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	form, err := url.ParseQuery(string(asked))
	if err == nil {
		for _, name := range askedSecrets {
			w.secrets[form.Get(name)] = name
		}
	}
	var doc map[string]any
	if json.Unmarshal(answered, &doc) == nil {
		for _, name := range answeredSecrets {
			s, _ := doc[name].(string)
			w.secrets[s] = name
		}
	}
	delete(w.secrets, "")
}

// seen returns the secrets that have passed.
func (w *witness) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for s := range w.secrets {
		all = append(all, s)
	}
	return all
}

// saw tells whether a secret of a kind has passed.
func (w *witness) saw(kind string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.secrets {
		if k == kind {
			return true
		}
	}
	return false
}

// tee keeps what a handler answers.
type tee struct {
	http.ResponseWriter
	body bytes.Buffer
}

// Write implements io.Writer.
func (t *tee) Write(p []byte) (int, error) {
	t.body.Write(p)
	return t.ResponseWriter.Write(p)
}
