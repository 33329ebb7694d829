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
		if advice := Explain("AADSTS" + strconv.Itoa(code)); advice.Known {
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
		Action: "make sure that scopes of the account names them; in entra.microsoft.com, App registrations, the app, API permissions, Grant admin consent; then run: roomgate login " + o.Account}
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

// ExamineRoom implements driver.Examiner: it finds out whether subjects that may
// be shown are there.
func (p *Provider) ExamineRoom(room driver.Room, events []driver.Event) []driver.Finding {
	if !room.Privacy.Subject() || room.Mailbox == "" || !stripped(events) {
		return nil
	}
	return []driver.Finding{{Subject: "room " + room.ID + " subjects", Level: driver.LevelWarning,
		Words: "the room's mailbox deletes the subjects of its bookings or replaces them with the organizer's name, so no subject can be shown",
		Action: "if subjects are wanted, an Exchange administrator runs: Set-CalendarProcessing -Identity " + psQuote(room.Mailbox) +
			" -DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false (the last keeps private meetings private; it applies to new bookings)"}}
}

// stripped reports whether a room's mailbox has replaced every subject with the
// organizer's name or deleted it, as Exchange Online does by default
// (learn.microsoft.com/powershell/module/exchange/set-calendarprocessing).
func stripped(events []driver.Event) bool {
	named := false
	for _, e := range events {
		if e.Cancelled || e.Private || e.Organizer == "" {
			continue
		}
		named = true
		if e.Subject != "" && strings.TrimSpace(e.Subject) != strings.TrimSpace(e.Organizer) {
			return false
		}
	}
	return named
}

// RenewCredential implements driver.CredentialGuide.
func (p *Provider) RenewCredential() string {
	return p.o.portal() + ", App registrations, the app, Certificates & secrets: create a new one before then, and configure it"
}
