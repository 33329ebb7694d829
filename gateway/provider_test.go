package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// timetable is a provider that can do nothing but what every provider must: it
// reads calendars. Every room has one meeting a day, from nine to ten UTC.
type timetable struct{ subject string }

// Service implements driver.Provider.
func (timetable) Service() string { return "Contoso Timetable" }

// Fetch implements driver.Calendar.
func (p timetable) Fetch(_ context.Context, rooms []driver.Room, from, to time.Time, r driver.Receiver) driver.Tally {
	for _, room := range rooms {
		reading := driver.Reading{Room: room.ID}
		for day := from.UTC().Truncate(24 * time.Hour); day.Before(to); day = day.Add(24 * time.Hour) {
			reading.Events = append(reading.Events, driver.Event{ID: day.String(), ShowAs: driver.Busy, Subject: p.subject,
				Start: day.Add(9 * time.Hour), End: day.Add(10 * time.Hour)})
		}
		r.Deliver(reading)
	}
	return driver.Tally{Requests: 1}
}

// timetableSettings are its table in the configuration, and what follows from it.
type timetableSettings struct {
	Subject string `toml:"subject"`
}

// Check implements config.Table.
func (s *timetableSettings) Check(*config.AccountCheck) config.Settings { return *s }

// Abilities implements config.Settings.
func (timetableSettings) Abilities() config.Abilities {
	return config.Abilities{LeastPoll: time.Minute}
}

var (
	timetableTable = config.Provider{Name: "timetable", Table: func(map[string]any) config.Table { return &timetableSettings{Subject: "Lesson"} }}
	timetableKind  = Kind{Name: "timetable", Build: func(b Building) (driver.Provider, error) {
		return timetable{b.Account.Settings.(timetableSettings).Subject}, nil
	}}
)

// school is a gateway whose only account is of another provider. It lives in a
// bubble, where it is 08:00 UTC on a Monday in winter at first.
type school struct {
	t     *testing.T
	table config.Provider
	text  string // of the configuration
	deps  Dependencies
	g     *Gateway
}

const schoolConfig = `
[site]
id = "hq"
timezone = "Europe/London"
[mqtt]
broker = "mqtt://127.0.0.1"
[web]
listen = "127.0.0.1:8080"
[[account]]
name = "lessons"
provider = "timetable"
[defaults.room]
privacy = "subject"
[[room]]
id = "laboratory"
mailbox = "laboratory@contoso.example"
[[room]]
id = "library"
`

func newSchool(t *testing.T, table config.Provider, kind Kind) *school {
	t.Helper()
	ahead := time.Until(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC))
	clock := &ownClock{right: func() time.Time { return time.Now().Round(0).Add(ahead).UTC() }}
	path := filepath.Join(t.TempDir(), "state", "roomgate.db")
	s := &school{t: t, table: table, text: schoolConfig + "[store]\npath = \"" + path + "\"\n", deps: Dependencies{Clock: clock,
		Providers: []Kind{kind}, Version: "test", Log: slog.New(slog.DiscardHandler), Listen: listenNowhere, Dial: noBroker}}
	st, err := store.Open(path, store.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if s.g, err = New(s.parse(), st, s.deps); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.g.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	s.pass(0)
	return s
}

func (s *school) parse() *config.Config {
	s.t.Helper()
	cfg, err := config.Parse("roomgate.toml", []byte(s.text), config.Env{}, s.table)
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg
}

func (s *school) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// point is a point of a subject; unknown where nothing is published.
func (s *school) point(of driver.Subject, name string) driver.Value {
	if entries := s.g.Board().Subject(of); entries != nil {
		return entries[of.Scope.Index(name)].Value
	}
	return driver.Value{}
}

func (s *school) room(id, name string) driver.Value {
	return s.point(driver.Subject{Scope: driver.OfRoom, ID: id}, name)
}

func (s *school) account(name string) driver.Value {
	return s.point(driver.Subject{Scope: driver.OfAccount, ID: "lessons"}, name)
}

// page is the text of a page that must be found.
func (s *school) page(path string) string {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8080"+path, nil))
	if w.Code == http.StatusSeeOther {
		return s.page(w.Header().Get("Location"))
	}
	if w.Code != http.StatusOK {
		s.t.Errorf("GET %s: status %d", path, w.Code)
	}
	return w.Body.String()
}

// findings are what the doctor itself says of subjects that begin with a word,
// without what a running gateway adds.
func (s *school) findings(subject string) []driver.Finding {
	s.t.Helper()
	all := collect(func(found func(driver.Finding)) {
		if err := NewClient(inProcess{s.g.control}, false).Check(s.t.Context(), s.parse(), found); err != nil {
			s.t.Fatal(err)
		}
	})
	var out []driver.Finding
	for _, f := range all {
		if strings.HasPrefix(f.Subject, subject) {
			out = append(out, f)
		}
	}
	return out
}

// TestProviderPoints has rooms whose points follow a calendar of another provider.
func TestProviderPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t, timetableTable, timetableKind)
		s.pass(2 * time.Minute)
		check := func(when string, booked bool) {
			t.Helper()
			for _, id := range []string{"laboratory", "library"} {
				if v := s.room(id, driver.Booked); !v.Known() || v.Bool() != booked {
					t.Errorf("%s: booked of %s is %+v, want %t", when, id, v, booked)
				}
				if q, fault := s.room(id, driver.QualityPoint).Text(), s.room(id, driver.Fault).Text(); q != "good" || fault != "" {
					t.Errorf("%s: quality of %s is %q (%s), want good", when, id, q, fault)
				}
				if got := s.room(id, driver.StatePoint).Text(); !strings.Contains(got, `"subject":"Lesson"`) {
					t.Errorf("%s: state of %s is %s", when, id, got)
				}
				if got := s.room(id, driver.Schedule48h).Text(); !strings.Contains(got, `"2026-12-01T10:00:00Z"`) {
					t.Errorf("%s: schedule of %s is %s", when, id, got)
				}
			}
			if got := s.account(driver.AccountState).Text(); got != "ok" {
				t.Errorf("%s: the account is %q, want ok", when, got)
			}
		}
		check("before the lesson", false)
		s.pass(58*time.Minute + time.Second)
		check("during the lesson", true)
		s.text = strings.Replace(s.text, "[[room]]", "[[room]]\nname = \"Renamed\"", 1)
		if err := s.g.Reload(s.parse()); err != nil {
			t.Fatal(err)
		}
		s.pass(time.Second)
		check("after a reload", true)
		s.pass(time.Hour)
		check("after the lesson", false)
	})
}

// TestProviderCommands asks everything that commands ask of an account whose
// provider can only read.
func TestProviderCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t, timetableTable, timetableKind)
		s.pass(time.Minute)
		c, ctx := s.g.Client(), t.Context()
		all, err := c.Accounts(ctx)
		if err != nil || len(all) != 1 || all[0].Name != "lessons" || all[0].Provider != "timetable" || all[0].Service != "Contoso Timetable" ||
			all[0].SignIn != SignInNone || all[0].State != driver.SignedIn || all[0].Reason != "" {
			t.Errorf("accounts: %+v, %v", all, err)
		}
		if got := s.findings("account"); len(got) != 1 || got[0] != (driver.Finding{Subject: "account lessons", Level: driver.LevelGood, Words: "Contoso Timetable needs no sign-in"}) {
			t.Errorf("check: %+v", got)
		}
		for i, f := range s.findings("room ") {
			want := driver.Finding{Subject: "room " + []string{"laboratory", "library"}[i], Level: driver.LevelGood, Words: "4 bookings from 2026-11-30 to 2026-12-04"}
			if f != want {
				t.Errorf("check: %+v, want %+v", f, want)
			}
		}
		d, err := c.Discover(ctx, "lessons")
		if want := (driver.Finding{Subject: "account lessons", Level: driver.LevelWarning, Words: "Contoso Timetable does not list its rooms", Action: "write the [[room]] sections by hand"}); err != nil ||
			len(d.Rooms) != 0 || len(d.Notes) != 1 || d.Notes[0] != want {
			t.Errorf("rooms discover: %+v, %v", d, err)
		}
		_, begin := c.Begin(ctx, "lessons", driver.AuthorizationRequest{})
		_, device := c.StartDevice(ctx, "lessons")
		for name, err := range map[string]error{"login": begin, "login with a device code": device, "login --paste": c.Complete(ctx, "lessons", "code"),
			"login --code": c.CompleteCode(ctx, "lessons", "code"), "login --import": c.Import(ctx, "lessons", driver.ImportedTokens{}),
			"verify": c.Verify(ctx, "lessons"), "logout": c.SignOut(ctx, "lessons")} {
			refused(t, name, err, "account lessons: Contoso Timetable needs no sign-in", "roomgate check")
		}
		cfg := s.parse()
		_, err = HandOver(cfg, cfg.Accounts[0], "", false, s.deps)
		refused(t, "handover", err, "account lessons: there is nothing to hand over for Contoso Timetable", "roomgate check")
	})
}

// refused checks what a command is answered that an account cannot do.
func refused(t *testing.T, command string, err error, words, action string) {
	t.Helper()
	var a driver.Actionable
	if !errors.As(err, &a) || err.Error() != words || a.Action() != action || a.NeedsPerson() {
		t.Errorf("%s: %#v, want %q and to do %q", command, err, words, action)
	}
}

// TestProviderPages reads the pages of a gateway whose account needs no sign-in.
func TestProviderPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t, timetableTable, timetableKind)
		s.pass(time.Hour + time.Second)
		for path, wants := range map[string][]string{
			"/":                       {"Contoso Timetable needs no sign-in", "laboratory", "Lesson"},
			"/setup":                  {"Contoso Timetable needs no sign-in"},
			"/setup/accounts/lessons": {"Contoso Timetable needs no sign-in"},
			"/metrics":                {`roomgate_room_booked{room="laboratory"} 1`, `account="lessons"`},
			"/healthz":                {"ok"},
		} {
			got := s.page(path)
			for _, want := range wants {
				if !strings.Contains(got, want) {
					t.Errorf("%s does not hold %q:\n%s", path, want, got)
				}
			}
			if strings.Contains(path, "setup") && strings.Contains(got, "<form") {
				t.Errorf("%s has a form to sign in with:\n%s", path, got)
			}
		}
	})
}

// TestProviderCannotSweep configures a sweep for a provider without one: the
// configuration refuses it, or else the account's reason says it.
func TestProviderCannotSweep(t *testing.T) {
	text := strings.Replace(schoolConfig, "[defaults.room]", "sweep = \"@every 10s\"\n[defaults.room]", 1)
	_, err := config.Parse("roomgate.toml", []byte(text), config.Env{}, timetableTable)
	if want := `roomgate.toml:12: account.sweep: has no effect with provider "timetable", which cannot sweep, got "@every 10s" (remove it, and poll more often)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t, sweptTable, Kind{Name: "timetable", Build: func(Building) (driver.Provider, error) { return timetable{"Lesson"}, nil }})
		s.text = strings.Replace(s.text, "[defaults.room]", "sweep = \"@every 10s\"\n[defaults.room]", 1)
		if err := s.g.Reload(s.parse()); err != nil {
			t.Fatal(err)
		}
		s.pass(2 * time.Minute)
		const want = "sweep is configured, but Contoso Timetable cannot be swept; changes are seen at the next poll: remove sweep from this account"
		if state, reason := s.account(driver.AccountState).Text(), s.account(driver.AccountReason).Text(); state != "ok" || reason != want {
			t.Errorf("the account is %q: %q, want %q", state, reason, want)
		}
		if q := s.room("library", driver.QualityPoint).Text(); q != "good" {
			t.Errorf("quality is %q, want good", q)
		}
	})
}

// sweptTable is a table that allows sweeps, whatever its provider can do.
var sweptTable = config.Provider{Name: "timetable", Table: func(map[string]any) config.Table { return &sweptSettings{} }}

type sweptSettings struct{ timetableSettings }

// Check implements config.Table.
func (s *sweptSettings) Check(*config.AccountCheck) config.Settings { return *s }

// Abilities implements config.Settings.
func (sweptSettings) Abilities() config.Abilities {
	return config.Abilities{LeastPoll: time.Minute, LeastSweep: time.Second}
}
