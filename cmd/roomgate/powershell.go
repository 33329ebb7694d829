package main

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"roomgate/config"
	"roomgate/graph"
)

// permission is a permission of Microsoft Graph
// (learn.microsoft.com/graph/permissions-reference).
type permission struct {
	id    string // of the delegated permission
	admin bool   // only an administrator may consent to it
	why   string // what the gateway does with it
}

// permissions are those that the gateway can have a use for, by name.
var permissions = map[string]permission{
	"offline_access":             {"7427e0e9-2fba-42fe-b0c0-848c9e6a8182", false, "keeps the sign-in alive, so that nobody has to sign in every hour"},
	"User.Read":                  {"e1fe6dd8-ba31-4d61-89e7-88639da4683d", false, "reads the account's own name and address, to show who is signed in"},
	"Calendars.Read":             {"465a38f9-76ea-45b9-9f34-9e8b0d4b0b42", false, "reads the bookings in the account's own calendar"},
	"Calendars.Read.Shared":      {"2b9c4092-424d-4249-948d-b43879977640", false, "reads the calendars of the rooms that were shared with the account, and no others"},
	"Calendars.ReadBasic":        {"662d75ba-a364-42ad-adee-f5f880ea4878", true, "reads bookings without their texts and attachments"},
	"Calendars.ReadWrite":        {"1ec239c2-d7c9-4623-a91a-a9775856bb36", false, "more than is needed: the gateway never writes to a calendar"},
	"Calendars.ReadWrite.Shared": {"12466101-c9b8-439a-8589-dd09ee67e8e9", false, "more than is needed: the gateway never writes to a calendar"},
	"Place.Read.All":             {"cb8f45a0-5c2e-4ea1-b803-84b870a7d7ec", true, "reads the list of rooms"},
	"MailboxSettings.Read":       {"87f447af-9fa4-4c32-9dfa-4a57a73d18ce", false, "reads time zone and working hours of the account"},
	"User.ReadBasic.All":         {"b340eb25-3456-403f-be2f-af7a0d370277", false, "reads the names of people in the directory"},
}

const graphAppID = "00000003-0000-0000-c000-000000000000" // Microsoft Graph itself, in every tenant

// placeholderID is the client id of the reference configuration.
const placeholderID = "11111111-2222-3333-4444-555555555555"

// psQuote writes a text as a PowerShell string. PowerShell takes the
// typographic quotes for plain ones (about_Quoting_Rules).
func psQuote(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("'‘’‚‛", r) {
			b.WriteRune(r)
		}
		if r >= ' ' {
			b.WriteRune(r)
		}
	}
	return "'" + b.String() + "'"
}

// psEnvironment are the names of a cloud in Microsoft's two modules; the global
// cloud needs none.
var psEnvironment = map[string]struct{ graph, exchange string }{
	"us-gov": {" -Environment USGov", " -ExchangeEnvironmentName O365USGovGCCHigh"},
	"us-dod": {" -Environment USGovDoD", " -ExchangeEnvironmentName O365USGovDoD"},
	"china":  {" -Environment China", " -ExchangeEnvironmentName O365China"},
}

// registration writes the PowerShell block that registers the app with exactly
// the permissions of the account (learn.microsoft.com/powershell/microsoftgraph).
func (h handover) registration() string {
	a := h.account
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	rights, modules := "'Application.ReadWrite.All'", "Microsoft.Graph.Applications"
	if !h.app() {
		rights += ", 'DelegatedPermissionGrant.ReadWrite.All', 'User.Read.All'"
		modules += ", Microsoft.Graph.Identity.SignIns, Microsoft.Graph.Users"
		line("$account = %s   # the account that will sign in", psQuote(h.user))
	}
	line("Install-Module %s -Scope CurrentUser", modules)
	line("Connect-MgGraph -Scopes %s%s -NoWelcome", rights, psEnvironment[microsoft(a).Cloud].graph)
	if !h.app() {
		line("$graph = Get-MgServicePrincipal -Filter \"appId eq '%s'\"   # Microsoft Graph", graphAppID)
	}
	line("$registration = @{")
	line("  DisplayName    = %s", psQuote(h.appName()))
	line("  SignInAudience = 'AzureADMyOrg'")
	h.platform(line)
	h.resources(line)
	if der := certificateDER(microsoft(a).ClientCertificate); der != nil {
		line("  KeyCredentials = @(@{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; DisplayName = 'roomgate'")
		line("    Key = [Convert]::FromBase64String('%s') })", base64.StdEncoding.EncodeToString(der))
	}
	line("}")
	line("$app = New-MgApplication @registration")
	line("$sp  = New-MgServicePrincipal -AppId $app.AppId")
	if !h.app() {
		line("$null = New-MgOauth2PermissionGrant -ClientId $sp.Id -ResourceId $graph.Id -ConsentType 'Principal' -PrincipalId (Get-MgUser -UserId $account).Id -Scope %s", psQuote(strings.Join(h.scopes(), " ")))
	}
	if h.secret() {
		line("$secret = Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{ DisplayName = 'roomgate'; EndDateTime = (Get-Date).AddMonths(24) }")
	}
	h.results(line)
	return strings.TrimSuffix(b.String(), "\n")
}

// platform writes where the app may send the browser, and what kind it is.
func (h handover) platform(line func(string, ...any)) {
	uris := "@()"
	if microsoft(h.account).RedirectURI != "" {
		uris = "@(" + psQuote(microsoft(h.account).RedirectURI) + ")"
	}
	switch {
	case h.app():
	case h.confidential():
		line("  Web            = @{ RedirectUris = %s }", uris)
	default:
		line("  PublicClient   = @{ RedirectUris = %s }", uris)
	}
	if microsoft(h.account).SignIn == "device" {
		line("  IsFallbackPublicClient = $true   # device codes")
	}
}

// resources writes the permissions asked for, by id.
func (h handover) resources(line func(string, ...any)) {
	if h.app() {
		return // Exchange grants the rooms; a grant here would be one of all mailboxes
	}
	line("  RequiredResourceAccess = @(@{")
	line("    ResourceAppId  = $graph.AppId")
	line("    ResourceAccess = @(")
	for _, name := range h.scopes() {
		id := "($graph.Oauth2PermissionScopes | Where-Object Value -eq " + psQuote(name) + ").Id"
		if p, ok := permissions[name]; ok {
			id = "'" + p.id + "'"
		}
		line("      @{ Id = %s; Type = 'Scope' }   # %s", id, name)
	}
	line("    )")
	line("  })")
}

// results prints what the integrator puts into the configuration.
func (h handover) results(line func(string, ...any)) {
	line("@\"")
	line("Give these to the integrator, for [[account]] %s:", h.account.Name)
	line("tenant    = \"$((Get-MgContext).TenantId)\"")
	line("client_id = \"$($app.AppId)\"")
	if h.secret() {
		line("client_secret_expires = $($secret.EndDateTime.ToString('yyyy-MM-dd'))")
		line("and, by a safe way, for client_secret_file: $($secret.SecretText)")
	}
	line("\"@")
}

// restriction writes the block that lets the app see the rooms and nothing else.
func (h handover) restriction() string {
	if h.app() {
		return h.roleAssignment()
	}
	return h.sharing()
}

// roleAssignment limits an application to room mailboxes
// (learn.microsoft.com/exchange/permissions-exo/application-rbac).
func (h handover) roleAssignment() string {
	name := psQuote(h.appName())
	filter := "displayName eq " + psQuote(h.appName())
	if microsoft(h.account).ClientID != placeholderID {
		filter = "appId eq " + psQuote(microsoft(h.account).ClientID)
	}
	return strings.Join([]string{
		"if (-not $sp) { Connect-MgGraph -Scopes 'Application.Read.All'" + psEnvironment[microsoft(h.account).Cloud].graph + " -NoWelcome; $sp = Get-MgServicePrincipal -Filter \"" + filter + "\" }",
		"Install-Module ExchangeOnlineManagement -Scope CurrentUser",
		"Connect-ExchangeOnline -ShowBanner:$false" + psEnvironment[microsoft(h.account).Cloud].exchange,
		"New-ServicePrincipal -AppId $sp.AppId -ObjectId $sp.Id -DisplayName " + name,
		"New-ManagementScope -Name " + name + " -RecipientRestrictionFilter \"RecipientTypeDetails -eq 'RoomMailbox'\"",
		"New-ManagementRoleAssignment -App $sp.Id -Role 'Application Calendars.Read' -CustomResourceScope " + name,
		"# InScope must be True for every room:",
		"foreach ($room in " + psList(h.mailboxes()) + ") { Test-ServicePrincipalAuthorization -Identity $sp.Id -Resource $room | Format-Table }",
	}, "\n")
}

// sharing shares the rooms' calendars with the account that signs in. The name
// of the folder depends on the language of the mailbox.
func (h handover) sharing() string {
	if len(h.mailboxes()) == 0 {
		return ""
	}
	return strings.Join([]string{
		"$account = " + psQuote(h.user),
		"Install-Module ExchangeOnlineManagement -Scope CurrentUser",
		"Connect-ExchangeOnline -ShowBanner:$false" + psEnvironment[microsoft(h.account).Cloud].exchange,
		"foreach ($room in " + psList(h.mailboxes()) + ") {",
		"  $folder = (Get-EXOMailboxFolderStatistics -Identity $room -FolderScope Calendar | Where-Object FolderType -eq 'Calendar').Name",
		"  Add-MailboxFolderPermission -Identity \"${room}:\\$folder\" -User $account -AccessRights Reviewer",
		"}",
	}, "\n")
}

func psList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = psQuote(v)
	}
	return "@(" + strings.Join(quoted, ", ") + ")"
}

// certificateDER returns the certificate of a PEM text; nil: there is none.
func certificateDER(text []byte) []byte {
	for {
		var p *pem.Block
		if p, text = pem.Decode(text); p == nil || p.Type == "CERTIFICATE" {
			if p == nil {
				return nil
			}
			return p.Bytes
		}
	}
}

// scopes are the names of the permissions asked for, without the cloud's host.
func (h handover) scopes() []string {
	names := make([]string, len(microsoft(h.account).Scopes))
	for i, s := range microsoft(h.account).Scopes {
		names[i] = s[strings.LastIndex(s, "/")+1:]
	}
	return names
}

// mailboxes are the rooms of the account whose own calendars it must be let
// into: none where a person's account asks for busy times alone.
func (h handover) mailboxes() []string {
	var out []string
	if !h.app() && microsoft(h.account).Read == string(graph.ByFreeBusy) {
		return nil
	}
	for _, r := range h.rooms() {
		if r.Mailbox != "" && !slices.Contains(out, r.Mailbox) {
			out = append(out, r.Mailbox)
		}
	}
	return out
}

func (h handover) rooms() []config.Room {
	var out []config.Room
	for _, r := range h.cfg.Rooms {
		if r.Account == h.account.Name {
			out = append(out, r)
		}
	}
	return out
}
