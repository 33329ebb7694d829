package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/bridge/mqtt"
	"roomgate/driver"
)

// stillClock stands still.
type stillClock time.Time

func (c stillClock) Now() time.Time                       { return time.Time(c) }
func (c stillClock) Stopwatch() func() time.Duration      { return func() time.Duration { return 0 } }
func (c stillClock) After(time.Duration) <-chan time.Time { return nil }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// examined is a provider with everything that a doctor looks at.
type examined struct {
	plainProvider
	servers []driver.Server
	session *stillSession
	events  []driver.Event // of every room
	reading error          // of every room
}

func (e *examined) Servers() []driver.Server { return e.servers }

func (e *examined) Session() driver.Session {
	if e.session == nil {
		return nil
	}
	return e.session
}

func (e *examined) Examine(_ context.Context, rooms []driver.Room) []driver.Finding {
	return []driver.Finding{{Subject: "permissions", Level: driver.LevelGood, Words: "all granted"}}
}

func (e *examined) ExamineRoom(room driver.Room, events []driver.Event) []driver.Finding {
	var organizers []string
	for _, ev := range events {
		organizers = append(organizers, ev.Organizer)
	}
	return []driver.Finding{{Subject: "room " + room.ID + " organizers", Level: driver.LevelGood, Words: strings.Join(organizers, ", ")}}
}

// Fetch reads organizers only where the room may show them.
func (e *examined) Fetch(_ context.Context, rooms []driver.Room, _, _ time.Time, r driver.Receiver) driver.Tally {
	for _, room := range rooms {
		events := slices.Clone(e.events)
		for i := range events {
			if !room.Privacy.Organizer() {
				events[i].Organizer = ""
			}
		}
		r.Deliver(driver.Reading{Room: room.ID, Events: events, Err: e.reading})
	}
	return driver.Tally{}
}

// stillSession is a session whose status does not change.
type stillSession struct {
	status driver.SessionStatus
	err    error
}

func (s *stillSession) Status() driver.SessionStatus   { return s.status }
func (s *stillSession) Changed() <-chan struct{}       { return nil }
func (s *stillSession) Run(ctx context.Context) error  { <-ctx.Done(); return ctx.Err() }
func (s *stillSession) Verify(_ context.Context) error { return s.err }

// newDoctor is the doctor of one account of a provider.
func newDoctor(t *testing.T, p driver.Provider, rooms ...driver.Room) Doctor {
	return Doctor{Clock: stillClock(noon), UserAgent: "roomgate", Program: "roomgate --config /srv/hq.toml", Zone: time.UTC, Store: filepath.Join(t.TempDir(), "roomgate.db"),
		Accounts:  []DoctorAccount{{Name: "rooms", Provider: p, Rooms: rooms}},
		BrokerURL: "mqtt://127.0.0.1:1883", Probe: func(context.Context) error { return nil },
		Subscriber: func(context.Context) (int, error) { return 35, nil }}
}

// at is a provider of one server.
func at(server string, judge func(driver.ServerAnswer) []driver.Finding) *examined {
	return &examined{servers: []driver.Server{{URL: server, Purpose: "reading the calendars", Judge: judge}}}
}

// collect returns the findings of a check.
func collect(check func(found func(driver.Finding))) (all []driver.Finding) {
	check(func(f driver.Finding) { all = append(all, f) })
	return all
}

// wrong returns the findings that are not good.
func wrong(findings []driver.Finding) []driver.Finding {
	return slices.DeleteFunc(findings, func(f driver.Finding) bool { return f.Level == driver.LevelGood })
}

func subjects(findings []driver.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Subject)
	}
	return all
}

func TestDoctorComparesClocks(t *testing.T) {
	for _, c := range []struct {
		off   *offset
		now   time.Time
		level driver.Level
		words string
	}{
		{&offset{"login.example", 0}, noon, driver.LevelGood, "0s ahead of the clock of login.example"},
		{&offset{"login.example", -30 * time.Second}, noon, driver.LevelGood, "30s behind the clock of login.example"},
		{&offset{"login.example", 31 * time.Second}, noon, driver.LevelWarning, "31s ahead"},
		{&offset{"login.example", -5 * time.Minute}, noon, driver.LevelWarning, "5m0s behind"},
		{&offset{"login.example", 5*time.Minute + time.Second}, noon, driver.LevelBad, "5m1s ahead"},
		{nil, noon, driver.LevelWarning, "no server has told the time"},
		{nil, time.Unix(0, 0), driver.LevelBad, "1970-01-01T00:00:00Z, which is in the past"},
	} {
		f := Doctor{Clock: stillClock(c.now)}.clock(c.off, true)
		if f.Level != c.level || !strings.Contains(f.Words, c.words) {
			t.Errorf("%+v at %v: %s %q, want %s %q", c.off, c.now, f.Level, f.Words, c.level, c.words)
		}
		if wantsAction := c.level != driver.LevelGood; (f.Action != "") != wantsAction {
			t.Errorf("%+v: to do %q", c.off, f.Action)
		}
	}
}

// The clock is compared with the servers' own, whatever they answer.
func TestDoctorReadsTheServersClock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", noon.Add(-time.Hour).Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	off, _ := newDoctor(t, at(server.URL, nil)).servers(t.Context(), func(driver.Finding) {})
	if off == nil || off.by.Round(time.Minute) != time.Hour || off.host != "127.0.0.1" {
		t.Errorf("offset %+v, want an hour ahead", off)
	}
}

// foreign takes every answer for that of somebody else.
func foreign(got driver.ServerAnswer) []driver.Finding {
	return []driver.Finding{got.Foreign("server " + got.Host)}
}

func TestDoctorOnTheConnection(t *testing.T) {
	inspecting := httptest.NewUnstartedServer(http.NotFoundHandler())
	inspecting.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	inspecting.StartTLS() // its authority, "Acme Co", is known to nobody
	defer inspecting.Close()
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<h1>Welcome to the guest network</h1>")
	}))
	defer portal.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	for _, c := range []struct{ name, server, words, action string }{
		{"TLS inspection", inspecting.URL, `issued by "" Acme Co, which this machine does not trust: the connection is intercepted`, "exempt this host from TLS inspection"},
		{"a guest network", portal.URL, `answered with status 200 and "text/html" instead of JSON`, "let the gateway through"},
		{"a closed port", nobody, "no answer: ", "let the gateway connect to 127.0.0.1 port "},
		{"a wrong name", "https://login.invalid", "the name cannot be resolved", "name servers"},
	} {
		found := collect(func(found func(driver.Finding)) { newDoctor(t, at(c.server, foreign)).servers(t.Context(), found) })
		found = wrong(found)
		if len(found) == 0 || found[0].Level != driver.LevelBad || !strings.Contains(found[0].Words, c.words) || !strings.Contains(found[0].Action, c.action) {
			t.Errorf("%s: found %+v, want %q and %q", c.name, found, c.words, c.action)
		}
	}
}

// A server is asked once, whatever number of accounts use it, without following
// redirects and without signing in.
func TestDoctorAsksEachServerOnce(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.UserAgent() != "roomgate" {
			t.Errorf("asked with %v", r.Header)
		}
		asked = append(asked, r.URL.Path)
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	d := newDoctor(t, at(server.URL+"/a", nil))
	d.Accounts = append(d.Accounts, DoctorAccount{Name: "annex", Provider: at(server.URL+"/a", nil)}, DoctorAccount{Name: "third", Provider: at(server.URL+"/b", nil)})
	found := collect(func(found func(driver.Finding)) { d.servers(t.Context(), found) })
	if !slices.Equal(asked, []string{"/a", "/b"}) {
		t.Errorf("asked for %q", asked)
	}
	if got := subjects(found); !slices.Equal(got, []string{"server 127.0.0.1"}) {
		t.Errorf("looked at %q", got)
	}
}

// A proxy that intercepts TLS is named even where this machine trusts it.
func TestDoctorNamesWhoInspects(t *testing.T) {
	issued := func(common, organization string) *tls.ConnectionState {
		return &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{{Issuer: pkix.Name{CommonName: common, Organization: []string{organization}}}}}
	}
	issuers := []string{"DigiCert", "Contoso Trust"}
	for _, c := range []struct {
		issuers              []string
		common, organization string
		level                driver.Level
		words                string
	}{
		{issuers, "DigiCert SHA2 Secure Server CA", "DigiCert Inc", driver.LevelGood, `TLS 1.3, certificate issued by "DigiCert SHA2 Secure Server CA" DigiCert Inc`},
		{issuers, "Issuing CA 04", "Contoso Trust Services", driver.LevelGood, "TLS 1.3"},
		{issuers, "Zscaler Intermediate Root CA", "Zscaler Inc.", driver.LevelWarning, `issued by "Zscaler Intermediate Root CA" Zscaler Inc., not by one of the authorities of Contoso Calendar`},
		{nil, "Our Own CA", "Contoso", driver.LevelGood, "TLS 1.3"},
	} {
		v := visit{server: driver.Server{Issuers: c.issuers}, service: "Contoso Calendar", tls: issued(c.common, c.organization)}
		if f := v.tlsFinding(); f.Level != c.level || !strings.Contains(f.Words, c.words) {
			t.Errorf("%v by %s: %s %q, want %s %q", c.issuers, c.common, f.Level, f.Words, c.level, c.words)
		}
	}
}

func TestDoctorFindsOpenFiles(t *testing.T) {
	d := newDoctor(t, plainProvider{})
	folder := filepath.Dir(d.Store)
	open := filepath.Join(folder, "tokens", "rooms")
	if err := os.MkdirAll(filepath.Dir(open), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if f := d.permissions(); f.Level != driver.LevelBad || f.Action != "chmod go= "+open {
		t.Errorf("found %+v", f)
	}
	if err := os.Chmod(open, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := d.permissions(); f.Level != driver.LevelGood {
		t.Errorf("found %+v", f)
	}
}

// Before the first start there is no folder: that is said, and the disk is the one that
// it will be on.
func TestDoctorBeforeTheFirstStart(t *testing.T) {
	d := newDoctor(t, plainProvider{})
	there := filepath.Dir(d.Store)
	d.Store = filepath.Join(there, "var", "lib", "roomgate.db")
	if f := d.permissions(); f.Level != driver.LevelGood || f.Words != filepath.Dir(d.Store)+" does not exist yet; the gateway makes it at its first start" {
		t.Errorf("found %+v", f)
	}
	if f := d.disk(); f.Level != driver.LevelGood || !strings.HasSuffix(f.Words, " MB left in "+there) {
		t.Errorf("found %+v", f)
	}
}

func TestDoctorOnTheBroker(t *testing.T) {
	for _, c := range []struct {
		err   error
		level driver.Level
		words string
	}{
		{nil, driver.LevelGood, "mqtt://127.0.0.1:1883 accepts the login"},
		{errors.New("connection refused"), driver.LevelBad, "connection refused"},
		{mqtt.ErrUnproven, driver.LevelWarning, mqtt.ErrUnproven.Error()},
	} {
		d := newDoctor(t, plainProvider{})
		d.Probe = func(context.Context) error { return c.err }
		if f := d.Broker(t.Context()); f.Level != c.level || !strings.Contains(f.Words, c.words) || f.Person {
			t.Errorf("%v: found %+v", c.err, f)
		}
	}
}

func TestDoctorOnSubscribers(t *testing.T) {
	for _, c := range []struct {
		came  int
		err   error
		level driver.Level
		words string
	}{
		{35, nil, driver.LevelGood, "a client that subscribes to everything gets all 35 retained values"},
		{0, nil, driver.LevelGood, "the broker retains nothing of this site yet"},
		{0, errors.New("some are lost"), driver.LevelBad, "some are lost"},
		{0, mqtt.ErrUnproven, driver.LevelWarning, mqtt.ErrUnproven.Error()},
	} {
		d := newDoctor(t, plainProvider{})
		d.Subscriber = func(context.Context) (int, error) { return c.came, c.err }
		if f := d.subscriber(t.Context()); f.Level != c.level || f.Words != c.words || f.Person {
			t.Errorf("%d, %v: found %+v", c.came, c.err, f)
		}
	}
}

// A provider that can do no more than read calendars is examined as far as that
// goes.
func TestDoctorOnAPlainProvider(t *testing.T) {
	d := newDoctor(t, plainProvider{}, driver.Room{ID: "boardroom", Zone: time.UTC})
	if err := os.Chmod(filepath.Dir(d.Store), 0o700); err != nil {
		t.Fatal(err)
	}
	found := collect(func(found func(driver.Finding)) { d.Examine(t.Context(), found) })
	want := []string{"time zone", "clock", "disk", "file permissions", "account rooms", "room boardroom", "broker", "subscriber"}
	if got := subjects(found); !slices.Equal(got, want) {
		t.Errorf("looked at %q, want %q", got, want)
	}
	if !strings.Contains(found[1].Words, "there is no server to compare it with") {
		t.Errorf("the clock: %+v", found[1])
	}
	if found[4].Words != "Contoso Calendar needs no sign-in" || len(wrong(found)) > 0 {
		t.Errorf("found %+v", found)
	}
}
