package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

func TestServers(t *testing.T) {
	o := Options{LoginURL: "https://login.microsoftonline.us", GraphURL: "https://graph.microsoft.us", Tenant: "contoso.example"}
	p := &Provider{o: o}
	servers := p.Servers()
	if len(servers) != 2 || servers[0].URL != "https://login.microsoftonline.us/contoso.example/v2.0/.well-known/openid-configuration" ||
		servers[1].URL != "https://graph.microsoft.us/v1.0/me" {
		t.Fatalf("servers %+v", servers)
	}
	for _, s := range servers {
		if !slices.Contains(s.Issuers, "DigiCert") || s.Purpose == "" || s.Judge == nil {
			t.Errorf("%+v lacks something", s)
		}
	}
	p.o.LoginURL, p.o.GraphURL = "http://127.0.0.1:9", "https://graph.microsoft.com.evil.example"
	for _, s := range p.Servers() {
		if s.Issuers != nil {
			t.Errorf("the certificate of %s is expected to be issued by %v, and it is not Microsoft's", s.URL, s.Issuers)
		}
	}
}

func TestTenantFindings(t *testing.T) {
	o := Options{Account: "rooms", Tenant: "contoso.example"}
	for name, c := range map[string]struct {
		status        int
		body          string
		level         driver.Level
		words, action string
		person        bool
	}{
		"known":        {200, `{"issuer":"https://login.test/contoso.example/v2.0"}`, driver.LevelGood, "known to login.test", "", false},
		"marked":       {200, byteOrderMark + `{"issuer":"https://login.test/contoso.example/v2.0"}`, driver.LevelGood, "known to login.test", "", false},
		"unknown":      {400, `{"error":"invalid_tenant","error_codes":[90002]}`, driver.LevelBad, "(AADSTS90002)", "Tenant ID", true},
		"refused":      {403, `{"error":"odd"}`, driver.LevelBad, "login.test answers status 403 odd", "check tenant and cloud of account rooms", true},
		"busy":         {429, `{}`, driver.LevelWarning, "status 429", "", false},
		"out of order": {503, `{}`, driver.LevelWarning, "status 503", "", false},
		"not JSON":     {200, `<h1>Welcome</h1>`, driver.LevelBad, "instead of JSON", "let the gateway through", false},
	} {
		found := o.tenantFindings(driver.ServerAnswer{Host: "login.test", Status: c.status, Body: []byte(c.body)})
		if len(found) != 1 || found[0].Subject != "tenant contoso.example" || found[0].Level != c.level || found[0].Person != c.person ||
			!strings.Contains(found[0].Words, c.words) || !strings.Contains(found[0].Action, c.action) {
			t.Errorf("%s: found %+v", name, found)
		}
	}
}

// Without a token Graph refuses, in JSON.
func TestGraphFindings(t *testing.T) {
	if found := graphFindings(driver.ServerAnswer{Host: "graph.test", Status: 401, Body: []byte(`{"error":{}}`)}); len(found) > 0 {
		t.Errorf("Graph's own refusal: %+v", found)
	}
	if found := graphFindings(driver.ServerAnswer{Host: "graph.test", Status: 401, Body: []byte(byteOrderMark + `{"error":{}}`)}); len(found) > 0 {
		t.Errorf("Graph's own refusal after a byte-order mark: %+v", found)
	}
	for _, body := range []string{"", "<h1>Welcome</h1>"} {
		if found := graphFindings(driver.ServerAnswer{Host: "graph.test", Status: 200, Body: []byte(body)}); len(found) != 1 || found[0].Level != driver.LevelBad || found[0].Subject != "server graph.test" {
			t.Errorf("%q: %+v", body, found)
		}
	}
}

func TestGrantedPermissions(t *testing.T) {
	shared := []driver.Room{{ID: "boardroom", Mailbox: "boardroom@contoso.example"}}
	own := []driver.Room{{ID: "boardroom"}}
	named := []driver.Room{{ID: "boardroom", Calendar: "Boardroom"}}
	for _, c := range []struct {
		name    string
		read    Way
		rooms   []driver.Room
		granted []string
		missing []string // according to the sign-in itself
		want    string   // empty: all is granted
	}{
		{"shared rooms, all granted", "", shared, []string{"User.Read", "Calendars.Read.Shared"}, nil, ""},
		{"shared rooms, own calendar only", "", shared, []string{"User.Read", "Calendars.Read"}, nil, "not granted: Calendars.Read.Shared"},
		{"own calendar", "", own, []string{"User.Read", "Calendars.ReadBasic"}, nil, ""},
		{"own calendar, shared only", "", own, []string{"User.Read", "Calendars.Read.Shared"}, nil, "not granted: Calendars.Read"},
		{"a named calendar needs both", "", named, []string{"User.Read"}, nil, "not granted: Calendars.Read Calendars.Read.Shared"},
		{"free/busy of shared rooms", ByFreeBusy, shared, []string{"User.Read", "Calendars.Read"}, nil, ""},
		{"scopes that grew", "", own, []string{"User.Read", "Calendars.Read"}, []string{"Place.Read.All"}, "not granted: Place.Read.All"},
		{"the service did not say", "", own, nil, nil, ""},
	} {
		f := Options{Account: "rooms", Read: c.read}.granted(driver.SessionStatus{Scopes: c.granted, MissingScopes: c.missing}, c.rooms)
		if c.want == "" && f.Level != driver.LevelGood || c.want != "" && (f.Level != driver.LevelBad || f.Words != c.want || !strings.Contains(f.Action, "Grant admin consent")) {
			t.Errorf("%s: %+v, want %q", c.name, f, c.want)
		}
	}
}

func TestExamine(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.SignIn(id, graphsim.ServiceAccount, "User.Read", "Calendars.Read")
	p := providerAt(t, sim, "code", tokens, err)
	p.o.Session = fixedSession{status: driver.SessionStatus{Scopes: []string{"User.Read", "Calendars.Read"}}}
	found := p.Examine(t.Context(), []driver.Room{{ID: "boardroom"}})
	if len(found) != 2 || found[0].Subject != "account rooms permissions" || found[0].Level != driver.LevelGood ||
		found[1].Subject != "account rooms at Graph" || !strings.Contains(found[1].Words, "<"+graphsim.ServiceAccount+">") {
		t.Errorf("found %+v", found)
	}
}

// An application is nobody, and what it was granted is not in its token.
func TestExamineAnApplication(t *testing.T) {
	sim := graphsim.New(graphsim.Options{Polite: true})
	id, _, _ := graphsim.DefaultClient()
	tokens, err := sim.AppToken(id)
	if found := providerAt(t, sim, "app", tokens, err).Examine(t.Context(), nil); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	if n := len(sim.Requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// What Exchange Online does by default: the organizer's name is the subject. It is
// said that names are published, which is not what privacy = "subject" promises.
func TestExamineRoomFindsWhatBecameOfSubjects(t *testing.T) {
	const deleted = "the room's mailbox deletes the subjects of its bookings, so no subject can be shown"
	names := func(n, all int) string {
		return fmt.Sprintf(`names of organizers are published as subjects, with privacy = "subject": the room's mailbox has replaced the subjects of %d of %d bookings with the organizer's name`, n, all)
	}
	for _, c := range []struct {
		name   string
		events []driver.Event
		want   string // empty: nothing
	}{
		{"no events", nil, ""},
		{"the organizer's name each time", []driver.Event{{Subject: "Priya Rao ", Organizer: "Priya Rao"}, {Subject: "TOM HILL", Organizer: "Tom Hill"}}, names(2, 2)},
		{"empty subjects", []driver.Event{{Organizer: "Priya Rao"}, {Subject: " ", Organizer: "Tom Hill"}}, deleted},
		{"from before the mailbox was changed", []driver.Event{{Subject: "Priya Rao", Organizer: "Priya Rao"}, {Subject: "Budget", Organizer: "Tom Hill"}}, names(1, 2)},
		{"true subjects", []driver.Event{{Subject: "Budget with Priya Rao", Organizer: "Priya Rao"}, {Organizer: "Tom Hill"}}, ""},
		{"a private event", []driver.Event{{Subject: "Priya Rao", Organizer: "Priya Rao"}, {Private: true, Subject: "Tom Hill", Organizer: "Tom Hill"}}, names(1, 1)},
		{"only private events", []driver.Event{{Private: true, Organizer: "Tom Hill"}}, ""},
		{"nobody known to have booked", []driver.Event{{Subject: ""}}, ""},
	} {
		room := driver.Room{ID: "boardroom", Mailbox: "o'brien@contoso.example", Privacy: driver.PrivacySubject}
		found := (&Provider{}).ExamineRoom(room, c.events)
		if c.want == "" {
			if len(found) > 0 {
				t.Errorf("%s: %+v", c.name, found)
			}
			continue
		}
		if len(found) != 1 || found[0].Words != c.want || found[0].Level != driver.LevelWarning ||
			!strings.Contains(found[0].Action, "Set-CalendarProcessing -Identity 'o''brien@contoso.example' -DeleteSubject $false") ||
			strings.Contains(found[0].Action, `privacy = "busy"`) != (c.want != deleted) {
			t.Errorf("%s: %+v, want %s", c.name, found, c.want)
		}
		room.Privacy = driver.PrivacyOrganizer
		if found := (&Provider{}).ExamineRoom(room, c.events); len(found) > 0 {
			t.Errorf("%s, where subjects are not shown: %+v", c.name, found)
		}
	}
}

func TestRenewCredential(t *testing.T) {
	for cloud, want := range map[string]string{"global": "entra.microsoft.com, App", "china": "portal.azure.cn, Microsoft Entra ID, App", "us-gov": "portal.azure.us"} {
		if got := (&Provider{o: Options{Cloud: cloud}}).RenewCredential(); !strings.HasPrefix(got, want) || !strings.Contains(got, "Certificates & secrets") {
			t.Errorf("%s: %q", cloud, got)
		}
	}
}
