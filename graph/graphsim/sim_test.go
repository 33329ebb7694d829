package graphsim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// bench is a simulator with a fixed clock, and a client that does not follow redirects.
type bench struct {
	t      *testing.T
	sim    *Sim
	now    time.Time
	client *http.Client
	token  string // for Graph
}

const simHost = "https://sim.example"

// newBench has one room shared with the service account, boardroom@, and one that is not, secret@.
func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)}
	b.sim = New(Options{Polite: true, Now: func() time.Time { return b.now }})
	b.sim.AddRoom(Room{Address: "boardroom@contoso.example", Name: "Boardroom", Capacity: 12, Building: "HQ", Floor: 3, SharedWith: []string{ServiceAccount}})
	b.sim.AddRoom(Room{Address: "secret@contoso.example", Name: "Secret"})
	b.client = &http.Client{Transport: b.sim.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return b
}

// signedIn gives the bench a delegated token with the usual scopes, or those given.
func (b *bench) signedIn(scopes ...string) *bench {
	b.t.Helper()
	if len(scopes) == 0 {
		scopes = []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared", "Place.Read.All"}
	}
	id, _, _ := DefaultClient()
	tokens, err := b.sim.SignIn(id, ServiceAccount, scopes...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.token = tokens.Access
	return b
}

type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (b *bench) do(method, address, body string, headers ...string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, simHost+address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if strings.HasPrefix(address, "/v1.0") && b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	out, err := b.send(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// send returns the error of a whole request with its body.
func (b *bench) send(r *http.Request) (reply, error) {
	resp, err := b.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	out := reply{status: resp.StatusCode, header: resp.Header, text: string(raw)}
	_ = json.Unmarshal(raw, &out.json) // pages are not JSON
	return out, err
}

func (b *bench) get(address string, headers ...string) reply {
	b.t.Helper()
	return b.do("GET", "/v1.0"+address, "", headers...)
}

func (b *bench) post(address string, form url.Values, headers ...string) reply {
	b.t.Helper()
	return b.do("POST", address, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// tokenPost posts to the token endpoint as the default confidential client; more adds or replaces fields.
func (b *bench) tokenPost(grant string, more ...string) reply {
	b.t.Helper()
	id, secret, _ := DefaultClient()
	f := url.Values{"client_id": {id}, "client_secret": {secret}, "grant_type": {grant}}
	for i := 0; i < len(more); i += 2 {
		if f.Set(more[i], more[i+1]); more[i+1] == "" {
			f.Del(more[i])
		}
	}
	return b.post("/"+TenantID+"/oauth2/v2.0/token", f)
}

func (b *bench) add(mailbox string, e Event) string {
	b.t.Helper()
	id, err := b.sim.AddEvent(mailbox, e)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// want checks a status and, for an error, its code.
func (r reply) want(t *testing.T, status int, code string) {
	t.Helper()
	if r.status != status || r.code() != code {
		t.Fatalf("status %d, code %q, want %d %q; body %.300s", r.status, r.code(), status, code, r.text)
	}
}

// code is the error code of Graph or the error value of the identity platform.
func (r reply) code() string {
	switch e := r.json["error"].(type) {
	case string:
		return e
	case map[string]any:
		s, _ := e["code"].(string)
		return s
	}
	return ""
}

// aadsts is the first error code of an identity error, 0 for none.
func (r reply) aadsts() int {
	codes, _ := r.json["error_codes"].([]any)
	if len(codes) == 0 {
		return 0
	}
	n, _ := codes[0].(float64)
	return int(n)
}

func (r reply) rows() []map[string]any {
	list, _ := r.json["value"].([]any)
	var rows []map[string]any
	for _, x := range list {
		rows = append(rows, x.(map[string]any))
	}
	return rows
}

// column returns one field of every row; a dateTimeTimeZone is its dateTime.
func (r reply) column(name string) []string {
	list := []string{}
	for _, row := range r.rows() {
		switch v := row[name].(type) {
		case string:
			list = append(list, v)
		case map[string]any:
			list = append(list, v["dateTime"].(string))
		}
	}
	return list
}

func (r reply) str(name string) string { s, _ := r.json[name].(string); return s }

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}
