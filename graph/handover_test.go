package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"roomgate/driver"
)

// personOptions are those of an account of a person with a client secret.
var personOptions = Options{
	Account: "rooms", Program: "roomgate", Cloud: "global", LoginURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com",
	Tenant: "contoso.example", ClientID: "2c1d7a90-3b4e-4f5a-9c6d-7e8f90a1b2c3", SignIn: "code", RedirectURI: "http://localhost",
	Scopes: []string{"offline_access", "User.Read", "Calendars.Read"}, Secret: true,
}

// sheetFor is the sheet of an account for these rooms.
func sheetFor(o Options, rooms ...driver.Room) sheet {
	return sheet{o, driver.HandOver{Site: driver.Site{ID: "hq"}, Account: o.Account, User: "rooms@contoso.example", Rooms: rooms,
		Broker: "mqtts://broker.example:8883", Store: "/var/lib/roomgate/roomgate.db"}}
}

// text is everything that a sheet says.
func text(blocks []driver.Block) string {
	var b strings.Builder
	for _, k := range blocks {
		fmt.Fprintln(&b, k.Heading+k.Text+k.Code)
		for _, line := range slices.Concat(k.List, k.Steps) {
			fmt.Fprintln(&b, line)
		}
		for _, row := range k.Table {
			fmt.Fprintln(&b, strings.Join(row, " | "))
		}
	}
	return b.String()
}

// What IT has to do about the rooms follows from how they are read.
func TestLimitingByReading(t *testing.T) {
	freeBusy := personOptions
	freeBusy.Read = ByFreeBusy
	app := personOptions
	app.SignIn, app.RedirectURI, app.Scopes = "app", "", nil
	room := driver.Room{ID: "a", Mailbox: "a@contoso.example"}
	for name, c := range map[string]struct {
		o         Options
		room      driver.Room
		want, not string
	}{
		"free-busy":       {freeBusy, room, "asks only for the busy times of the rooms", "MailboxFolderPermission"},
		"shared calendar": {personOptions, driver.Room{ID: "a", Calendar: "Boardroom"}, "Share these calendars with the account, as Reviewer, and accept them there in Outlook: `Boardroom`", "Nothing to do"},
		"own calendar":    {personOptions, driver.Room{ID: "a"}, "Nothing to do: the rooms are found in the account's own calendar", "Connect-ExchangeOnline"},
		"mailbox":         {personOptions, room, "Add-MailboxFolderPermission", "Nothing to do"},
		"application":     {app, room, "New-ManagementRoleAssignment -App $sp.Id -Role 'Application Calendars.Read' -CustomResourceScope 'roomgate hq rooms'", "MailboxFolderPermission"},
	} {
		p := &Provider{o: c.o}
		got := text(p.HandOver(sheetFor(c.o, c.room).HandOver))
		if !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
			t.Errorf("%s: the sheet lacks %q or has %q:\n%s", name, c.want, c.not, got)
		}
	}
}

// A sheet that asks for the permission to list the rooms says what it is for, for how
// long, and how exactly that permission is taken back. Without --discover there is
// nothing of it.
func TestListingTheRooms(t *testing.T) {
	app := personOptions
	app.SignIn, app.RedirectURI, app.Scopes = "app", "", nil
	asked := personOptions
	asked.Scopes = append([]string{"https://graph.microsoft.com/Place.Read.All"}, asked.Scopes...)
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"user": {personOptions, []string{"`Place.Read.All` | reads the list of rooms | an administrator", "cb8f45a0-5c2e-4ea1-b803-84b870a7d7ec",
			"-Scope 'offline_access User.Read Calendars.Read Place.Read.All'", "for the time of commissioning",
			"Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId $_.Id -Scope 'offline_access User.Read Calendars.Read'",
			"Integrator: run `roomgate rooms discover --account rooms`"}},
		"user who asks for it already": {asked, []string{"-Scope 'offline_access User.Read Calendars.Read Place.Read.All'", "$_.Id -Scope 'offline_access User.Read Calendars.Read'"}},
		"application": {app, []string{"`Place.Read.All` | Entra ID, for the time of commissioning", "Where-Object Value -eq 'Place.Read.All'",
			"New-MgServicePrincipalAppRoleAssignment", "Remove-MgServicePrincipalAppRoleAssignment"}},
	} {
		p := &Provider{o: c.o}
		h := sheetFor(c.o).HandOver
		h.Discover = true
		got := text(p.HandOver(h))
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: lacks %q:\n%s", name, want, got)
			}
		}
		if !strings.Contains(got, "Get-EXOMailbox -RecipientTypeDetails RoomMailbox") {
			t.Errorf("%s: without a room in the configuration none can be read after this visit", name)
		}
		h.Discover = false
		if got := text((&Provider{o: personOptions}).HandOver(h)); strings.Contains(got, "Place.Read.All") {
			t.Errorf("%s: asks for it without being told to:\n%s", name, got)
		}
	}
}

// The account to be made is the first thing on the sheet.
func TestSheetBeginsWithTheAccount(t *testing.T) {
	app := personOptions
	app.SignIn = "app"
	for _, o := range []Options{personOptions, app} {
		blocks := (&Provider{o: o}).HandOver(sheetFor(o).HandOver)
		i := slices.IndexFunc(blocks, func(b driver.Block) bool { return b.Heading != "" })
		if i != 1 || blocks[i].Heading != "The account to be made" {
			t.Errorf("%s: begins with %q", o.SignIn, blocks[i].Heading)
		}
	}
}

// What is shown of a booking follows from the room's privacy.
func TestSheetSaysWhatIsShown(t *testing.T) {
	for p, want := range map[driver.Privacy]string{
		driver.PrivacyBusy:      "nothing else",
		driver.PrivacyOrganizer: "and the organizer's name",
		driver.PrivacySubject:   "and the subject",
		driver.PrivacyFull:      "the subject, and the organizer's name",
	} {
		got := text(sheetFor(personOptions, driver.Room{Name: "Board", Mailbox: "a@contoso.example", Privacy: p}).data())
		if want := "`Board` | `a@contoso.example` | when it is booked, " + want + "\n"; !strings.Contains(got, want) {
			t.Errorf("%d: lacks %q:\n%s", p, want, got)
		}
		if mentions := strings.Contains(got, "RemovePrivateProperty"); mentions != p.Subject() {
			t.Errorf("%d: says that private meetings need a setting: %v", p, mentions)
		}
	}
}

// The ids are those of learn.microsoft.com/graph/permissions-reference: a wrong
// one requests something else.
func TestRegistrationRequestsExactlyTheScopes(t *testing.T) {
	ids := map[string]string{
		"offline_access":        "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
		"User.Read":             "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
		"Calendars.Read":        "465a38f9-76ea-45b9-9f34-9e8b0d4b0b42",
		"Calendars.Read.Shared": "2b9c4092-424d-4249-948d-b43879977640",
		"Place.Read.All":        "cb8f45a0-5c2e-4ea1-b803-84b870a7d7ec",
		"MailboxSettings.Read":  "87f447af-9fa4-4c32-9dfa-4a57a73d18ce",
		"Calendars.ReadBasic":   "662d75ba-a364-42ad-adee-f5f880ea4878",
	}
	o := personOptions
	o.Scopes = []string{"Chat.Read"}
	want := []string{"@{ Id = ($graph.Oauth2PermissionScopes | Where-Object Value -eq 'Chat.Read').Id; Type = 'Scope' }   # Chat.Read"}
	for name, id := range ids {
		o.Scopes = append(o.Scopes, "https://graph.microsoft.com/"+name)
		want = append(want, fmt.Sprintf("@{ Id = '%s'; Type = 'Scope' }   # %s", id, name))
	}
	block := sheetFor(o).registration()
	for _, line := range want {
		if strings.Count(block, line) != 1 {
			t.Errorf("the block lacks %s:\n%s", line, block)
		}
	}
	if got := strings.Count(block, "Type = 'Scope'"); got != len(want) {
		t.Errorf("%d permissions are requested, want %d", got, len(want))
	}
	if strings.Contains(block, "Type = 'Role'") {
		t.Error("an application permission is requested")
	}
}

// What the configuration holds must not become a command.
func TestPowerShellQuotes(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "'plain'",
		"o'brien":                "'o''brien'",
		"a’; Remove-Item / #":    "'a’’; Remove-Item / #'", // PowerShell ends a string at a typographic quote as well
		"two\nlines":             "'twolines'",
		`$(Get-Date) "x" ` + "`": "'$(Get-Date) \"x\" `'", // nothing is expanded between single quotes
	} {
		if got := psQuote(in); got != want {
			t.Errorf("%q is written %s, want %s", in, got, want)
		}
	}
}

// From the sheet to the points it takes people ten steps at most.
func TestHandOverIsShort(t *testing.T) {
	device, app := personOptions, personOptions
	device.SignIn, device.RedirectURI = "device", ""
	app.SignIn = "app"
	for _, o := range []Options{personOptions, device, app} {
		for _, b := range sheetFor(o, driver.Room{Mailbox: "a@contoso.example"}).summary() {
			if len(b.Steps) > 10 || len(b.Steps) == 1 {
				t.Errorf("%s: %d steps", o.SignIn, len(b.Steps))
			}
		}
	}
}

// An administrator can consent to an app that is registered already, but not to
// the one of the reference configuration, which does not exist.
func TestConsentAddress(t *testing.T) {
	const address = "/v2.0/adminconsent?client_id=2c1d7a90-3b4e-4f5a-9c6d-7e8f90a1b2c3&redirect_uri=http%3A%2F%2Flocalhost&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
	for tenant, want := range map[string]string{"contoso.example": "contoso.example", "common": "organizations"} {
		o := personOptions
		o.Tenant = tenant
		if got, want := sheetFor(o).consentNote(), "https://login.microsoftonline.com/"+want+address; !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", tenant, got, want)
		}
	}
	o := personOptions
	o.ClientID = placeholderID
	if got := sheetFor(o).consentNote(); got != "" {
		t.Errorf("of the placeholder: %q", got)
	}
}

// Every server is listed with its port, and whether TLS is used.
func TestSheetNetwork(t *testing.T) {
	got := text(sheetFor(personOptions).network())
	for _, row := range []string{"`login.microsoftonline.com` | 443 | yes | signing in", "`graph.microsoft.com` | 443 | yes | reading", "`broker.example` | 8883 | yes | the building's broker"} {
		if !strings.Contains(got, row) {
			t.Errorf("lacks %q:\n%s", row, got)
		}
	}
	for address, want := range map[string]string{"mqtt://b.example": "1883 false", "wss://b.example/mqtt": "443 true", "ws://b.example:81": "81 false", "http://b.example": "80 false"} {
		if host, port, secured := hostPort(address); fmt.Sprint(port, " ", secured) != want || host != "b.example" {
			t.Errorf("%s: %s %s %v, want %s", address, host, port, secured, want)
		}
	}
}

func TestPreparation(t *testing.T) {
	public, device, app := personOptions, personOptions, personOptions
	public.Secret = false
	device.SignIn, device.RedirectURI = "device", ""
	app.SignIn, app.RedirectURI = "app", ""
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"code with a secret": {personOptions, []string{"application `2c1d7a90-3b4e-4f5a-9c6d-7e8f90a1b2c3`", "under Web, add this redirect URI", "\nhttp://localhost\n"}},
		"public client":      {public, []string{"under Mobile and desktop applications, add this redirect URI"}},
		"device":             {device, []string{"allow public client flows"}},
		"application":        {app, []string{"of tenant `contoso.example`", "RBAC for Applications", "create a client secret"}},
	} {
		got := text((&Provider{o: c.o}).Preparation())
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: lacks %q:\n%s", name, want, got)
			}
		}
	}
}

func TestSignInNotes(t *testing.T) {
	got := text((&Provider{o: personOptions}).SignInNotes())
	for _, want := range []string{"`offline_access`, `User.Read`, `Calendars.Read`", "`roomgate explain AADSTS…`"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if notes := (&Provider{o: Options{SignIn: "app"}}).SignInNotes(); notes != nil {
		t.Errorf("nobody signs in to an application: %+v", notes)
	}
}

// The portal shows the SHA-1 of the certificate, not of its text.
func TestCertificateSteps(t *testing.T) {
	pem := "-----BEGIN CERTIFICATE-----\nbm90IHJlYWxseSBhIGNlcnRpZmljYXRl\n-----END CERTIFICATE-----\n"
	got := strings.Join(CertificateSteps("rooms", "/etc/roomgate/rooms.crt", "/etc/roomgate/rooms.key", []byte(pem)), "\n")
	for _, want := range []string{"thumbprint 8390F3B459640F6268384484A2B968091708AFDE", "[[account]] rooms",
		"\nclient_certificate_file = \"/etc/roomgate/rooms.crt\"\nclient_key_file = \"/etc/roomgate/rooms.key\"\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if der := certificateDER([]byte("nothing")); der != nil {
		t.Errorf("of a text without a certificate: %q", der)
	}
}
