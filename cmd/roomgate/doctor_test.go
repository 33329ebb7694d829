package main

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/graphsim"
	"roomgate/graph/token"
)

// stillClock stands still.
type stillClock time.Time

func (c stillClock) Now() time.Time                       { return time.Time(c) }
func (c stillClock) Stopwatch() func() time.Duration      { return func() time.Duration { return 0 } }
func (c stillClock) After(time.Duration) <-chan time.Time { return nil }

var noonToday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// newDoctor looks around without a gateway, from the servers of one account.
func newDoctor(t *testing.T, loginURL, graphURL string) doctor {
	cfg := &config.Config{Site: config.Site{ID: "hq", Timezone: time.UTC}, Store: config.Store{Path: filepath.Join(t.TempDir(), "roomgate.db")},
		Accounts: []config.Account{{Name: "rooms", Settings: &config.Microsoft{Tenant: graphsim.TenantID, LoginURL: loginURL, GraphURL: graphURL}}}}
	return doctor{cfg: cfg, w: world{clock: stillClock(noonToday), log: slog.New(slog.DiscardHandler)}}
}

func TestDoctorComparesClocks(t *testing.T) {
	for _, c := range []struct {
		off   *offset
		now   time.Time
		level string
		words string
	}{
		{&offset{"login.example", 0}, noonToday, good, "0s off the clock of login.example"},
		{&offset{"login.example", -2 * time.Minute}, noonToday, good, "2m0s off"},
		{&offset{"login.example", 2*time.Minute + time.Second}, noonToday, warning, "2m1s off"},
		{&offset{"login.example", -5 * time.Minute}, noonToday, warning, "5m0s off"},
		{&offset{"login.example", 5*time.Minute + time.Second}, noonToday, bad, "5m1s off"},
		{nil, noonToday, good, "no server could be asked for the time"},
		{nil, time.Unix(0, 0), bad, "1970-01-01T00:00:00Z, which has long passed"},
	} {
		f := doctor{w: world{clock: stillClock(c.now)}}.clock(c.off)
		if f.Level != c.level || !strings.Contains(f.Words, c.words) {
			t.Errorf("%+v at %v: %s %q, want %s %q", c.off, c.now, f.Level, f.Words, c.level, c.words)
		}
		if wantsAction := c.level != good; (f.Action != "") != wantsAction {
			t.Errorf("%+v: to do %q", c.off, f.Action)
		}
	}
}

// The clock is compared with the servers' own, whatever they answer.
func TestDoctorReadsTheServersClock(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", noonToday.Add(-time.Hour).Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	d := newDoctor(t, server.URL, server.URL)
	_, off := d.servers(t.Context())
	if off == nil || off.by.Round(time.Minute) != time.Hour || off.host != "127.0.0.1" {
		t.Errorf("offset %+v, want an hour ahead", off)
	}
}

// only returns the findings that are not good.
func only(findings []finding) []finding {
	return slices.DeleteFunc(findings, func(f finding) bool { return f.Level == good })
}

func TestDoctorOnTheWay(t *testing.T) {
	inspecting := httptest.NewUnstartedServer(http.NotFoundHandler())
	inspecting.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	inspecting.StartTLS() // its authority, "Acme Co", is known to nobody
	defer inspecting.Close()
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
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
		{"TLS inspection", inspecting.URL, `issued by "" Acme Co, which this machine does not trust: the connection is opened on the way`, "exempt this host from TLS inspection"},
		{"a guest network", portal.URL, `answered with status 200 and "text/html", not with JSON`, "let the gateway through"},
		{"a closed port", nobody, "no answer: ", "let the gateway connect to 127.0.0.1 port "},
		{"a wrong name", "https://login.invalid", "the name servers do not know it", "name servers"},
	} {
		wrong, _ := newDoctor(t, c.server, c.server).servers(t.Context())
		wrong = only(wrong)
		if len(wrong) == 0 || wrong[0].Level != bad || !strings.Contains(wrong[0].Words, c.words) || !strings.Contains(wrong[0].Action, c.action) {
			t.Errorf("%s: found %+v, want %q and %q", c.name, wrong, c.words, c.action)
		}
	}
}

// A proxy that opens TLS is named even where this machine trusts it.
func TestDoctorNamesWhoInspects(t *testing.T) {
	issued := func(common, organization string) *tls.ConnectionState {
		return &tls.ConnectionState{Version: tls.VersionTLS13, PeerCertificates: []*x509.Certificate{{Issuer: pkix.Name{CommonName: common, Organization: []string{organization}}}}}
	}
	for _, c := range []struct {
		host, common, organization, level, words string
	}{
		{"login.microsoftonline.com", "DigiCert SHA2 Secure Server CA", "DigiCert Inc", good, `TLS 1.3, certificate issued by "DigiCert SHA2 Secure Server CA" DigiCert Inc`},
		{"graph.microsoft.com", "Microsoft Azure RSA TLS Issuing CA 04", "Microsoft Corporation", good, "TLS 1.3"},
		{"login.microsoftonline.com", "Zscaler Intermediate Root CA", "Zscaler Inc.", warning, `issued by "Zscaler Intermediate Root CA" Zscaler Inc., not by one of Microsoft's authorities`},
		{"graph.test.example", "Our Own CA", "Contoso", good, "TLS 1.3"},
	} {
		f := tlsFinding(c.host, issued(c.common, c.organization))
		if f.Level != c.level || !strings.Contains(f.Words, c.words) {
			t.Errorf("%s by %s: %s %q, want %s %q", c.host, c.common, f.Level, f.Words, c.level, c.words)
		}
	}
}

func TestDoctorOnAnUnknownTenant(t *testing.T) {
	s := newStand(t, secretLine())
	d := newDoctor(t, s.server.URL, s.server.URL)
	microsoft(d.cfg.Accounts[0]).Tenant = "nobody.example"
	wrong, _ := d.servers(t.Context())
	wrong = only(wrong)
	if len(wrong) != 1 || wrong[0].Subject != "tenant nobody.example" || !wrong[0].Person || !strings.Contains(wrong[0].Words, "AADSTS90002") || !strings.Contains(wrong[0].Action, "Tenant ID") {
		t.Errorf("found %+v", wrong)
	}
}

func TestDoctorFindsOpenFiles(t *testing.T) {
	d := newDoctor(t, "http://127.0.0.1", "http://127.0.0.1")
	folder := filepath.Dir(d.cfg.Store.Path)
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
	if f := d.permissions(); f.Level != bad || f.Action != "chmod go= "+open {
		t.Errorf("found %+v", f)
	}
	if err := os.Chmod(open, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := d.permissions(); f.Level != good {
		t.Errorf("found %+v", f)
	}
}

// What Exchange Online does by default: the organizer's name is the subject.
func TestStripped(t *testing.T) {
	for _, c := range []struct {
		name     string
		bookings []driver.Booking
		want     bool
	}{
		{"no bookings", nil, false},
		{"the organizer's name each time", []driver.Booking{{Subject: "Priya Rao ", Organizer: "Priya Rao"}, {Subject: "Tom Hill", Organizer: "Tom Hill"}}, true},
		{"empty subjects", []driver.Booking{{Organizer: "Priya Rao"}}, true},
		{"one true subject", []driver.Booking{{Subject: "Priya Rao", Organizer: "Priya Rao"}, {Subject: "Budget", Organizer: "Tom Hill"}}, false},
		{"nobody known to have booked", []driver.Booking{{Subject: ""}}, false},
	} {
		if got := stripped(c.bookings); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// With everything in place only the room's default processing is remarked on,
// and that only for the room whose subjects may be shown.
func TestDoctorOnASiteThatWorks(t *testing.T) {
	s := newStand(t, "sign_in = \"app\"\n"+secretLine())
	all, wrong := s.findings()
	if len(wrong) != 1 || wrong[0].Subject != "room boardroom subjects" || wrong[0].Level != warning || !strings.Contains(wrong[0].Action, "Set-CalendarProcessing -Identity 'boardroom@contoso.example' -DeleteSubject $false") {
		t.Errorf("not good: %+v", wrong)
	}
	var subjects []string
	for _, f := range all {
		subjects = append(subjects, f.Subject)
	}
	want := []string{"database", "clock", "time zone", "server 127.0.0.1", "tenant " + graphsim.TenantID, "disk", "file permissions",
		"account rooms", "room boardroom", "room boardroom subjects", "room library", "broker"}
	if !slices.Equal(subjects, want) {
		t.Errorf("looked at %q, want %q", subjects, want)
	}
	if err := verdict(all); err != nil {
		t.Errorf("the verdict is %v", err)
	}
}

// Each thing that the customer's IT can have forgotten is found, with what to do.
func TestDoctorFindsWhatIsMissing(t *testing.T) {
	id, _, _ := graphsim.DefaultClient()
	for _, c := range []struct {
		name, account   string
		spoil           func(*stand)
		subject, action string
		exit            int
	}{
		{"nobody signed in", secretLine(), func(*stand) {}, "account rooms", "roomgate login rooms", exitPerson},
		{"the secret has expired", "sign_in = \"app\"\n" + secretLine(), func(s *stand) { s.sim.FailToken(7000222, -1) }, "account rooms", "Certificates & secrets", exitPerson},
		{"no permission for the app", "sign_in = \"app\"\n" + secretLine(), func(s *stand) { s.sim.ChangeApp(id, func(a *graphsim.App) { a.AppRoles = nil }) }, "room library", "Test-ServicePrincipalAuthorization", exitPerson},
		{"the secret ends soon", "sign_in = \"app\"\nclient_secret_expires = " + time.Now().AddDate(0, 0, 10).Format(time.DateOnly) + "\n" + secretLine(), func(*stand) {}, "account rooms", "Certificates & secrets", exitOK},
		{"Microsoft is down", "sign_in = \"app\"\n" + secretLine(), func(s *stand) { s.sim.FailToken(90033, -1) }, "account rooms", "", exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t, c.account)
			c.spoil(s)
			all, wrong := s.findings()
			if !slices.ContainsFunc(wrong, func(f finding) bool { return f.Subject == c.subject && strings.Contains(f.Action, c.action) }) {
				t.Errorf("not good: %+v, want %q with %q", wrong, c.subject, c.action)
			}
			if err := verdict(all); err != nil && exitCode(err) != c.exit || err == nil && c.exit != exitOK {
				t.Errorf("the verdict is %v, want exit code %d", err, c.exit)
			}
		})
	}
}

func TestDoctorOnPermissions(t *testing.T) {
	d := newDoctor(t, "http://127.0.0.1", "http://127.0.0.1")
	d.cfg.Rooms = []config.Room{{ID: "boardroom", Mailbox: "boardroom@contoso.example", RoomSettings: config.RoomSettings{Account: "rooms"}}}
	own := d
	ownConfig := *d.cfg
	own.cfg = &ownConfig
	own.cfg.Rooms = []config.Room{{ID: "boardroom", RoomSettings: config.RoomSettings{Account: "rooms"}}}
	for _, c := range []struct {
		name    string
		d       doctor
		granted []string
		missing []string // by the sign-in itself
		want    string   // empty: all is granted
	}{
		{"shared rooms, all granted", d, []string{"User.Read", "Calendars.Read.Shared"}, nil, ""},
		{"shared rooms, own calendar only", d, []string{"User.Read", "Calendars.Read"}, nil, "not granted: Calendars.Read.Shared"},
		{"own calendar", own, []string{"User.Read", "Calendars.ReadBasic"}, nil, ""},
		{"own calendar, shared only", own, []string{"User.Read", "Calendars.Read.Shared"}, nil, "not granted: Calendars.Read"},
		{"scopes that grew", own, []string{"User.Read", "Calendars.Read"}, []string{"Place.Read.All"}, "not granted: Place.Read.All"},
		{"Microsoft did not tell", own, nil, nil, ""},
	} {
		f := c.d.granted(c.d.cfg.Accounts[0], token.Status{Scopes: c.granted, MissingScopes: c.missing})
		if c.want == "" && f.Level != good || c.want != "" && (f.Level != bad || f.Words != c.want || !strings.Contains(f.Action, "Grant admin consent")) {
			t.Errorf("%s: %+v, want %q", c.name, f, c.want)
		}
	}
}
