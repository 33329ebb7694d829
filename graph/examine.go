package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"roomgate/driver"
	"roomgate/oauth"
)

// Servers implements driver.Examiner.
func (p *Provider) Servers() []driver.Server {
	login := p.o.LoginURL + "/" + url.PathEscape(p.o.Tenant) + "/v2.0/.well-known/openid-configuration"
	return []driver.Server{
		{URL: login, Purpose: "signing in", Issuers: issuersOf(p.o.LoginURL), Judge: p.o.tenantFindings},
		{URL: p.o.GraphURL + "/v1.0/me", Purpose: "reading the calendars", Issuers: issuersOf(p.o.GraphURL), Judge: graphFindings},
	}
}

// microsoftHosts are the endings of Microsoft's own hosts
// (learn.microsoft.com/graph/deployments).
var microsoftHosts = []string{".microsoftonline.com", ".microsoft.com", ".microsoftonline.us", ".microsoft.us", ".microsoftonline.cn", ".chinacloudapi.cn"}

// publicIssuers issue Microsoft's certificates
// (learn.microsoft.com/azure/security/fundamentals/azure-certificate-authority-details).
var publicIssuers = []string{"Microsoft", "DigiCert", "GlobalSign", "Entrust", "GeoTrust", "Sectigo"}

// issuersOf are the issuers of the certificates of a server; none: any issuer, because
// the server is not Microsoft's.
func issuersOf(server string) []string {
	u, err := url.Parse(server)
	if err != nil || !slices.ContainsFunc(microsoftHosts, func(ending string) bool { return strings.HasSuffix(u.Hostname(), ending) }) {
		return nil
	}
	return publicIssuers
}

// tenantFindings reports whether the sign-in server knows the tenant.
func (o Options) tenantFindings(got driver.ServerAnswer) []driver.Finding {
	f := driver.Finding{Subject: "tenant " + o.Tenant, Level: driver.LevelGood, Words: "known to " + got.Host}
	var doc struct {
		Issuer string
		Codes  []int  `json:"error_codes"`
		Error  string `json:"error"`
	}
	switch err := json.Unmarshal(oauth.TrimBOM(got.Body), &doc); {
	case err != nil:
		return []driver.Finding{got.Foreign(f.Subject)}
	case got.Status == http.StatusOK && doc.Issuer != "":
		return []driver.Finding{f}
	}
	f.Level, f.Words = driver.LevelBad, strings.TrimSpace(fmt.Sprintf("%s answers status %d %s", got.Host, got.Status, doc.Error))
	if got.Status >= http.StatusInternalServerError || got.Status == http.StatusTooManyRequests {
		f.Level = driver.LevelWarning
		return []driver.Finding{f}
	}
	f.Person, f.Action = true, "check tenant and cloud of account "+o.Account
	for _, code := range doc.Codes {
		if advice := Explain("AADSTS"+strconv.Itoa(code), o.Program); advice.Known {
			f.Words, f.Action = fmt.Sprintf("%s (AADSTS%d)", advice.What, code), advice.Next
		}
	}
	return []driver.Finding{f}
}

// graphFindings reports whether the response is from Graph, which refuses a request
// without a token in JSON.
func graphFindings(got driver.ServerAnswer) []driver.Finding {
	if json.Valid(oauth.TrimBOM(got.Body)) {
		return nil
	}
	return []driver.Finding{got.Foreign("server " + got.Host)}
}

// Examine implements driver.Examiner. The permissions of an application are known only
// from reading a room.
func (p *Provider) Examine(ctx context.Context, rooms []driver.Room) []driver.Finding {
	if p.o.app() {
		return nil
	}
	subject := "account " + p.o.Account + " at Graph"
	user, err := p.client.Me(ctx)
	if err != nil {
		return []driver.Finding{p.o.granted(p.o.Session.Status(), rooms), driver.Failure(subject, err)}
	}
	return []driver.Finding{p.o.granted(p.o.Session.Status(), rooms),
		{Subject: subject, Level: driver.LevelGood, Words: user.Name + " <" + user.Address + ">"}}
}

// granted compares the required with the granted permissions.
func (o Options) granted(s driver.SessionStatus, rooms []driver.Room) driver.Finding {
	subject := "account " + o.Account + " permissions"
	var missing []string
	for _, need := range o.needs(rooms) {
		if len(s.Scopes) > 0 && !slices.ContainsFunc(need, func(n string) bool { return slices.Contains(s.Scopes, n) }) {
			missing = append(missing, need[0])
		}
	}
	for _, m := range s.MissingScopes {
		if !slices.Contains(missing, m) {
			missing = append(missing, m)
		}
	}
	if len(missing) == 0 {
		return driver.Finding{Subject: subject, Level: driver.LevelGood, Words: strings.Join(s.Scopes, " ")}
	}
	return driver.Finding{Subject: subject, Level: driver.LevelBad, Person: true, Words: "not granted: " + strings.Join(missing, " "),
		Action: "make sure that scopes of the account names them; in entra.microsoft.com, App registrations, the app, API permissions, Grant admin consent; then run: " + o.login()}
}

// needs are the permissions needed, each with the larger ones that include it.
func (o Options) needs(rooms []driver.Room) [][]string {
	needs := [][]string{{"User.Read"}}
	own, shared := o.Read == ByFreeBusy, false
	if o.Read != ByFreeBusy {
		for _, r := range rooms {
			own = own || r.Mailbox == ""
			shared = shared || r.Mailbox != "" || r.Calendar != ""
		}
	}
	if own {
		needs = append(needs, []string{"Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"})
	}
	if shared {
		needs = append(needs, []string{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"})
	}
	return needs
}

// ExamineRoom implements driver.Examiner: it finds out what the room's mailbox has made
// of the subjects that may be shown. By default Exchange Online replaces each with the
// organizer's name (AddOrganizerToSubject), which is then published as the subject
// (learn.microsoft.com/powershell/module/exchange/set-calendarprocessing).
func (p *Provider) ExamineRoom(room driver.Room, events []driver.Event) []driver.Finding {
	if !room.Privacy.Subject() || room.Mailbox == "" {
		return nil
	}
	all, names, deleted := subjects(events)
	f := driver.Finding{Subject: "room " + room.ID + " subjects", Level: driver.LevelWarning,
		Action: "if subjects are wanted, an Exchange administrator runs: Set-CalendarProcessing -Identity " + psQuote(room.Mailbox) +
			" -DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false (the last keeps private meetings private; it applies to new bookings)"}
	switch {
	case names > 0:
		f.Words = fmt.Sprintf("names of organizers are published as subjects, with privacy = %q: the room's mailbox has replaced the subjects of %d of %d bookings with the organizer's name", room.Privacy, names, all)
		f.Action = "if names must not be shown, set privacy = \"busy\" for the room; " + f.Action
	case all > 0 && deleted == all:
		f.Words = "the room's mailbox deletes the subjects of its bookings, so no subject can be shown"
	default:
		return nil
	}
	return []driver.Finding{f}
}

// subjects counts the bookings whose organizer is known and whose subject may be shown,
// and among them those whose subject is the organizer's name, and those without a
// subject.
func subjects(events []driver.Event) (all, names, deleted int) {
	for _, e := range events {
		if e.Cancelled || e.Private || e.Organizer == "" {
			continue
		}
		all++
		switch subject := strings.TrimSpace(e.Subject); {
		case subject == "":
			deleted++
		case strings.EqualFold(subject, strings.TrimSpace(e.Organizer)):
			names++
		}
	}
	return all, names, deleted
}

// RenewCredential implements driver.CredentialGuide.
func (p *Provider) RenewCredential() string {
	return p.o.portal() + ", App registrations, the app, Certificates & secrets: create a new one before then, and configure it"
}
