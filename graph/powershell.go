package graph

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// permission is a permission of Microsoft Graph
// (learn.microsoft.com/graph/permissions-reference).
type permission struct {
	id    string // of the delegated permission
	admin bool   // only an administrator may consent to it
	why   string // what the gateway does with it
}

// permissions are those that the gateway may use, by name.
var permissions = map[string]permission{
	"offline_access":             {"7427e0e9-2fba-42fe-b0c0-848c9e6a8182", false, "keeps the sign-in valid, so that nobody has to sign in every hour"},
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

// powershell is the shell of the blocks of code.
const powershell = "powershell"

// psQuote writes a text as a PowerShell string. PowerShell treats
// typographic quotes as quotes (about_Quoting_Rules).
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
func (s sheet) registration() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	rights, modules := "'Application.ReadWrite.All'", "Microsoft.Graph.Applications"
	if !s.o.app() {
		rights += ", 'DelegatedPermissionGrant.ReadWrite.All', 'User.Read.All'"
		modules += ", Microsoft.Graph.Identity.SignIns, Microsoft.Graph.Users"
		line("$account = %s   # the account that will sign in", psQuote(s.User))
	}
	line("Install-Module %s -Scope CurrentUser", modules)
	line("Connect-MgGraph -Scopes %s%s -NoWelcome", rights, psEnvironment[s.o.Cloud].graph)
	if !s.o.app() {
		line("$graph = Get-MgServicePrincipal -Filter \"appId eq '%s'\"   # Microsoft Graph", graphAppID)
	}
	line("$registration = @{")
	line("  DisplayName    = %s", psQuote(s.appName()))
	line("  SignInAudience = 'AzureADMyOrg'")
	s.platform(line)
	s.resources(line)
	if der := certificateDER(s.o.Certificate); der != nil {
		line("  KeyCredentials = @(@{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; DisplayName = 'roomgate'")
		line("    Key = [Convert]::FromBase64String('%s') })", base64.StdEncoding.EncodeToString(der))
	}
	line("}")
	line("$app = New-MgApplication @registration")
	line("$sp  = New-MgServicePrincipal -AppId $app.AppId")
	if !s.o.app() {
		line("$null = New-MgOauth2PermissionGrant -ClientId $sp.Id -ResourceId $graph.Id -ConsentType 'Principal' -PrincipalId (Get-MgUser -UserId $account).Id -Scope %s", psQuote(strings.Join(shortScopes(s.o.Scopes), " ")))
	}
	if s.o.Secret {
		line("$secret = Add-MgApplicationPassword -ApplicationId $app.Id -PasswordCredential @{ DisplayName = 'roomgate'; EndDateTime = (Get-Date).AddMonths(24) }")
	}
	s.results(line)
	return strings.TrimSuffix(b.String(), "\n")
}

// platform writes the redirect URIs and the kind of client.
func (s sheet) platform(line func(string, ...any)) {
	uris := "@()"
	if s.o.RedirectURI != "" {
		uris = "@(" + psQuote(s.o.RedirectURI) + ")"
	}
	switch {
	case s.o.app():
	case s.o.confidential():
		line("  Web            = @{ RedirectUris = %s }", uris)
	default:
		line("  PublicClient   = @{ RedirectUris = %s }", uris)
	}
	if s.o.SignIn == "device" {
		line("  IsFallbackPublicClient = $true   # device codes")
	}
}

// resources writes the permissions asked for, by id.
func (s sheet) resources(line func(string, ...any)) {
	if s.o.app() {
		return // Exchange grants the rooms; a grant here would be one of all mailboxes
	}
	line("  RequiredResourceAccess = @(@{")
	line("    ResourceAppId  = $graph.AppId")
	line("    ResourceAccess = @(")
	for _, name := range shortScopes(s.o.Scopes) {
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
func (s sheet) results(line func(string, ...any)) {
	line("@\"")
	line("Give these to the integrator, for [[account]] %s:", s.o.Account)
	line("tenant    = \"$((Get-MgContext).TenantId)\"")
	line("client_id = \"$($app.AppId)\"")
	if s.o.Secret {
		line("client_secret_expires = $($secret.EndDateTime.ToString('yyyy-MM-dd'))")
		line("and, over a secure channel, for client_secret_file: $($secret.SecretText)")
	}
	line("\"@")
}

// findApp writes how the registration is found by a window that has not made it.
func (s sheet) findApp(rights string) []string {
	filter := "displayName eq " + psQuote(s.appName())
	if s.o.ClientID != placeholderID {
		filter = "appId eq " + psQuote(s.o.ClientID)
	}
	return []string{
		"Connect-MgGraph -Scopes " + rights + psEnvironment[s.o.Cloud].graph + " -NoWelcome",
		"$sp = Get-MgServicePrincipal -Filter \"" + filter + "\"",
		"$graph = Get-MgServicePrincipal -Filter \"appId eq '" + graphAppID + "'\"   # Microsoft Graph",
	}
}

// grantListing lets an application list the rooms
// (learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments).
func (s sheet) grantListing() string {
	return strings.Join(append(s.findApp("'AppRoleAssignment.ReadWrite.All', 'Application.Read.All'"),
		"$role = ($graph.AppRoles | Where-Object Value -eq "+psQuote(listRooms)+").Id",
		"$null = New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -PrincipalId $sp.Id -ResourceId $graph.Id -AppRoleId $role"), "\n")
}

// withdrawListing takes the permission to list the rooms back, and no other.
func (s sheet) withdrawListing() string {
	if s.o.app() {
		return strings.Join(append(s.findApp("'AppRoleAssignment.ReadWrite.All', 'Application.Read.All'"),
			"$role = ($graph.AppRoles | Where-Object Value -eq "+psQuote(listRooms)+").Id",
			"Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id | Where-Object AppRoleId -eq $role | ForEach-Object {",
			"  Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -AppRoleAssignmentId $_.Id",
			"}"), "\n")
	}
	return strings.Join(append(s.findApp("'DelegatedPermissionGrant.ReadWrite.All', 'Application.Read.All'"),
		"Get-MgOauth2PermissionGrant -Filter \"clientId eq '$($sp.Id)' and resourceId eq '$($graph.Id)'\" | ForEach-Object {",
		"  Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId $_.Id -Scope "+psQuote(strings.Join(shortScopes(s.lasting()), " ")),
		"}"), "\n")
}

// restriction writes the block that limits the app to the rooms.
func (s sheet) restriction() string {
	if s.o.app() {
		return s.roleAssignment()
	}
	return s.sharing()
}

// roleAssignment limits an application to room mailboxes
// (learn.microsoft.com/exchange/permissions-exo/application-rbac).
func (s sheet) roleAssignment() string {
	name := psQuote(s.appName())
	filter := "displayName eq " + psQuote(s.appName())
	if s.o.ClientID != placeholderID {
		filter = "appId eq " + psQuote(s.o.ClientID)
	}
	return strings.Join([]string{
		"if (-not $sp) { Connect-MgGraph -Scopes 'Application.Read.All'" + psEnvironment[s.o.Cloud].graph + " -NoWelcome; $sp = Get-MgServicePrincipal -Filter \"" + filter + "\" }",
		"Install-Module ExchangeOnlineManagement -Scope CurrentUser",
		"Connect-ExchangeOnline -ShowBanner:$false" + psEnvironment[s.o.Cloud].exchange,
		"New-ServicePrincipal -AppId $sp.AppId -ObjectId $sp.Id -DisplayName " + name,
		"New-ManagementScope -Name " + name + " -RecipientRestrictionFilter \"RecipientTypeDetails -eq 'RoomMailbox'\"",
		"New-ManagementRoleAssignment -App $sp.Id -Role 'Application Calendars.Read' -CustomResourceScope " + name,
		"# InScope must be True for every room:",
		"$rooms = " + s.roomList(),
		"foreach ($room in $rooms) { Test-ServicePrincipalAuthorization -Identity $sp.Id -Resource $room | Format-Table }",
	}, "\n")
}

// sharing shares the rooms' calendars with the account that signs in. The name
// of the folder depends on the language of the mailbox.
func (s sheet) sharing() string {
	if len(s.mailboxes()) == 0 && !s.roomsToCome() {
		return ""
	}
	return strings.Join([]string{
		"$account = " + psQuote(s.User),
		"Install-Module ExchangeOnlineManagement -Scope CurrentUser",
		"Connect-ExchangeOnline -ShowBanner:$false" + psEnvironment[s.o.Cloud].exchange,
		"$rooms = " + s.roomList(),
		"foreach ($room in $rooms) {",
		"  $folder = (Get-EXOMailboxFolderStatistics -Identity $room -FolderScope Calendar | Where-Object FolderType -eq 'Calendar').Name",
		"  Add-MailboxFolderPermission -Identity \"${room}:\\$folder\" -User $account -AccessRights Reviewer",
		"}",
	}, "\n")
}

// roomsToCome reports whether the rooms are discovered after this sheet was written: their
// calendars are shared before that, so that IT does everything in one visit.
func (s sheet) roomsToCome() bool {
	return s.Discover && s.o.Read != ByFreeBusy && len(s.mailboxes()) == 0
}

// roomList writes the addresses of the rooms: where these are not known yet, those of all
// rooms there are, for IT to limit.
func (s sheet) roomList() string {
	if s.roomsToCome() {
		return "(Get-EXOMailbox -RecipientTypeDetails RoomMailbox -ResultSize Unlimited).PrimarySmtpAddress   # or, for some only: @('one@...', 'two@...')"
	}
	return psList(s.mailboxes())
}

func psList(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = psQuote(v)
	}
	return "@(" + strings.Join(quoted, ", ") + ")"
}

// mailboxes are the rooms of the account whose calendars it needs access to: none if a
// user's account reads only busy times.
func (s sheet) mailboxes() []string {
	var out []string
	if !s.o.app() && s.o.Read == ByFreeBusy {
		return nil
	}
	for _, r := range s.Rooms {
		if r.Mailbox != "" && !slices.Contains(out, r.Mailbox) {
			out = append(out, r.Mailbox)
		}
	}
	return out
}
