package graph

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"roomgate/driver"
)

// HandOver implements driver.Guide.
func (p *Provider) HandOver(h driver.HandOver) []driver.Block {
	s := sheet{p.o, h}
	if lasting := s.lasting(); h.Discover && !s.o.app() {
		s.o.Scopes = append(lasting, listRooms)
	}
	return slices.Concat(s.purpose(), s.account(), s.summary(), s.permissions(), s.data(), s.network(), s.registering(), s.limiting(), s.listing(), s.revoking())
}

// sheet is the hand-over sheet of one account.
type sheet struct {
	o Options
	driver.HandOver
}

// portal is the administration portal of the cloud
// (learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
func (o Options) portal() string {
	switch o.Cloud {
	case "us-gov", "us-dod":
		return "portal.azure.us, Microsoft Entra ID"
	case "china":
		return "portal.azure.cn, Microsoft Entra ID"
	}
	return "entra.microsoft.com"
}

// confidential reports whether the client authenticates (RFC 6749 §2.1).
func (o Options) confidential() bool { return o.Secret || o.Certificate != nil }

// appName is the name of the registration: unique where there are many.
func (s sheet) appName() string { return "roomgate " + s.Site.ID + " " + s.o.Account }

// purpose is what the gateway is for.
func (s sheet) purpose() []driver.Block {
	return []driver.Block{{Text: "A gateway in the building reads when the meeting rooms are booked and reports it to the building management system, so that heating, ventilation and lighting follow the bookings. " +
		"It only reads. It never writes to a calendar, does not read mail, and sends nothing to its maker or to any other service."}}
}

// account is the account to be made, before everything that names it.
func (s sheet) account() []driver.Block {
	heading := driver.Block{Heading: "The account to be made"}
	if s.o.app() {
		return []driver.Block{heading, {Text: "None. The gateway signs in as an application, without a user: " + driver.AsCode(s.appName()) + ", which the block under \"Registering the app\" makes. It can read the calendars you give it, and nothing else."}}
	}
	return []driver.Block{
		heading,
		{Text: "The gateway signs in as one of your users, once. Make a new one, at " + s.o.portal() + ", Users, New user; every other step names it."},
		{Table: [][]string{
			{"Setting", "Value"},
			{"User name", driver.AsCode(s.User)},
			{"Display name", driver.AsCode(s.appName())},
			{"Licence", "one with Exchange Online: the account needs a mailbox, even if it gets no mail"},
			{"Roles and groups", "none"},
			{"Password", "known to whoever signs in; if it is changed later, " + s.afterPasswordChange()},
		}},
		{List: s.accountNeeds()},
	}
}

// afterPasswordChange is what becomes of the sign-in then.
func (s sheet) afterPasswordChange() string {
	if s.o.confidential() {
		return "the gateway stays signed in"
	}
	return "somebody has to sign in again"
}

// summary is who does what.
func (s sheet) summary() []driver.Block {
	steps := []string{
		"IT: paste the block under \"Registering the app\". It prints the values to hand over.",
		"IT: paste the block under \"Limiting it to the rooms\".",
		"Integrator: put the values into `roomgate.toml` and restart the gateway.",
	}
	if s.restriction() == "" {
		steps = append(steps[:1], steps[2:]...)
	}
	if !s.o.app() {
		steps = append([]string{"IT: make the account " + driver.AsCode(s.User) + "."}, steps...)
		steps = append(steps, s.signInStep())
	}
	if s.Discover && s.o.app() {
		steps = slices.Insert(steps, 1, "IT: paste the first block under \"Listing the rooms, and taking that back\".")
	}
	if s.Discover {
		steps = append(steps, "Integrator: run "+driver.AsCode(s.o.discover())+", and put the rooms that are wanted into `roomgate.toml`.",
			"IT: take "+driver.AsCode(listRooms)+" back, with the last block under \"Listing the rooms, and taking that back\".")
	}
	steps = append(steps, "Integrator: run "+driver.AsCode(s.o.Program+" check")+". Every line is good, or says what is missing and who can fix it.")
	return []driver.Block{
		{Heading: "Who does what"},
		{Steps: steps},
	}
}

func (s sheet) signInStep() string {
	command := driver.AsCode(s.o.login())
	if s.o.SignIn == "device" {
		return "Together: run " + command + ", open the address it shows on any device, enter the code, and sign in as " + driver.AsCode(s.User) + "."
	}
	return "Together: run " + command + ", open the address it prints in any browser, and sign in as " + driver.AsCode(s.User) + ". If the gateway does not notice, paste the address the browser ends up at."
}

// permissions lists the requested permissions with their reasons.
func (s sheet) permissions() []driver.Block {
	if s.o.app() {
		return []driver.Block{
			{Heading: "What it may do, and why"},
			{Table: s.appPermissions()},
			{Text: "Do not grant a permission for calendars in Entra ID: it would cover every mailbox of the company, and Exchange adds the two grants up."},
		}
	}
	table := [][]string{{"Permission (delegated)", "Why", "Consent"}}
	for _, name := range shortScopes(s.o.Scopes) {
		p, ok := permissions[name]
		if !ok {
			p.why = "requested by the configuration"
		}
		consent := "the account itself"
		if p.admin {
			consent = "an administrator"
		}
		table = append(table, []string{driver.AsCode(name), p.why, consent})
	}
	return []driver.Block{
		{Heading: "What it may do, and why"},
		{Table: table},
		{Text: "Delegated permissions never exceed the account's own rights: what the account cannot open in Outlook, the gateway cannot read."},
	}
}

// appPermissions are those of an application.
func (s sheet) appPermissions() [][]string {
	table := [][]string{
		{"Permission", "Granted in", "Why"},
		{"`Application Calendars.Read`", "Exchange Online, for room mailboxes only", "reads the bookings of the rooms"},
	}
	if s.Discover {
		table = append(table, []string{driver.AsCode(listRooms), "Entra ID, for the time of commissioning", permissions[listRooms].why})
	}
	return table
}

// shown is what is shown of a booking outside its calendar.
func shown(p driver.Privacy) string {
	switch p {
	case driver.PrivacyOrganizer:
		return "when it is booked, and the organizer's name"
	case driver.PrivacySubject:
		return "when it is booked, and the subject"
	case driver.PrivacyFull:
		return "when it is booked, the subject, and the organizer's name"
	}
	return "when it is booked, nothing else"
}

// data lists what is stored where, and what each room shows.
func (s sheet) data() []driver.Block {
	rooms := [][]string{{"Room", "Calendar", "What is read and shown"}}
	for _, r := range s.Rooms {
		calendar := driver.AsCode(r.Mailbox)
		switch {
		case r.Calendar != "":
			calendar = driver.AsCode(r.Calendar) + ", shared with the account"
		case r.Mailbox == "":
			calendar = "the account's own, by location or attendee"
		}
		rooms = append(rooms, []string{driver.AsCode(r.Name), calendar, shown(r.Privacy)})
	}
	sealed := "in clear text; only the gateway's user can read the files"
	if s.Sealed {
		sealed = "encrypted with a key that is stored elsewhere"
	}
	stored := [][]string{
		{"What", "Where", "How long"},
		{"Bookings of the rooms above", "the gateway's database, " + driver.AsCode(s.Store), "today and the next three days; older ones are deleted"},
		{"What the building sees of them", "the broker " + driver.AsCode(s.Broker), "until the next change"},
	}
	if !s.o.app() {
		stored = append(stored, []string{"The sign-in (refresh and access token), " + sealed, "the gateway's database and a copy beside it", "until signed out, revoked, or unused for 90 days"})
	}
	if s.o.confidential() {
		stored = append(stored, []string{"The app's secret or private key", "a file on the gateway, readable by the gateway alone", "until replaced"})
	}
	blocks := []driver.Block{{Heading: "What is read, and where it is stored"}, {Table: rooms}}
	if slices.ContainsFunc(s.Rooms, func(r driver.Room) bool { return r.Privacy.Subject() }) {
		blocks = append(blocks, driver.Block{Text: "The subject of a private meeting is not shown if it is marked private in the room's calendar as well. By default Exchange removes that mark (`RemovePrivateProperty`)."})
	}
	return append(blocks, driver.Block{Table: stored})
}

// network lists the outbound connections; there are no others.
func (s sheet) network() []driver.Block {
	table := [][]string{{"To", "Port", "TLS", "For"}}
	for _, to := range []struct{ address, why string }{
		{s.o.LoginURL, "signing in (Microsoft Entra ID)"},
		{s.o.GraphURL, "reading the calendars (Microsoft Graph)"},
		{s.Broker, "the building's broker"},
	} {
		host, port, secured := hostPort(to.address)
		table = append(table, []string{driver.AsCode(host), port, map[bool]string{true: "yes", false: "no"}[secured], to.why})
	}
	return []driver.Block{
		{Heading: "Network"},
		{Text: "All connections are outbound; no port has to be opened towards the gateway. It also needs your name servers and a time server. It uses an HTTPS proxy if its environment names one (`HTTPS_PROXY`)."},
		{Table: table},
		{Text: "A firewall with TLS inspection must exempt the first two hosts, or its authority must be installed on the gateway."},
	}
}

// defaultPorts are those of the schemes that the configuration takes.
var defaultPorts = map[string]string{"https": "443", "http": "80", "wss": "443", "ws": "80", "mqtts": "8883", "mqtt": "1883"}

func hostPort(address string) (host, port string, secured bool) {
	u, err := url.Parse(address)
	if err != nil {
		return address, "", false
	}
	secured = u.Scheme == "https" || u.Scheme == "wss" || u.Scheme == "mqtts"
	return u.Hostname(), cmp.Or(u.Port(), defaultPorts[u.Scheme]), secured
}

// registering is how the app is registered.
func (s sheet) registering() []driver.Block {
	kind := "The app is a public client without a secret: only this gateway can complete the sign-in it starts."
	switch {
	case s.o.Certificate != nil:
		kind = "The app authenticates with a certificate, which is in the block. The private key never left the gateway."
	case s.o.Secret:
		kind = "The app authenticates with a client secret, which the block creates and prints once. Hand the secret over on a secure channel, and note when it expires: the gateway counts down to it."
	}
	blocks := []driver.Block{
		{Heading: "Registering the app"},
		{Text: "In PowerShell, as a Cloud Application Administrator. " + kind},
		{Code: s.registration(), Shell: powershell},
	}
	if s.o.RedirectURI != "" {
		blocks = append(blocks, driver.Block{Text: "Redirect URI, exactly: " + driver.AsCode(s.o.RedirectURI) + s.redirectNote()})
	}
	if s.o.app() {
		return blocks
	}
	return append(blocks, driver.Block{Text: "The block consents for this one account only. To do it by hand: " + s.o.portal() +
		", App registrations, New registration; then API permissions, Grant admin consent." + s.consentNote()})
}

// accountNeeds are the requirements for the account that signs in.
func (s sheet) accountNeeds() []string {
	needs := []string{
		"Use a dedicated account without other rights: the gateway could read everything that the account may open in Outlook.",
		"Conditional Access must let it sign in from the building. Exempt it from sign-in frequency policies, which would end the sign-in repeatedly.",
	}
	if s.o.SignIn == "device" {
		needs = append(needs, "Conditional Access must not block the device code flow for it (Authentication flows).")
	}
	return needs
}

func (s sheet) redirectNote() string {
	if u, err := url.Parse(s.o.RedirectURI); err == nil && u.Hostname() == "localhost" {
		return " (the computer the browser runs on; Microsoft ignores the port)."
	}
	return "."
}

// placeholderID is the client id of the reference configuration.
const placeholderID = "11111111-2222-3333-4444-555555555555"

// consentNote is the shorter procedure if the app is registered already.
func (s sheet) consentNote() string {
	if s.o.ClientID == placeholderID {
		return ""
	}
	tenant := s.o.Tenant
	if tenant == "common" || tenant == "consumers" {
		tenant = "organizations"
	}
	q := url.Values{"client_id": {s.o.ClientID}, "scope": {s.o.GraphURL + "/.default"}}
	if s.o.RedirectURI != "" {
		q.Set("redirect_uri", s.o.RedirectURI)
	}
	return " If the app " + driver.AsCode(s.o.ClientID) + " is registered already, in your tenant or the integrator's, an administrator consents by opening " +
		driver.AsCode(s.o.LoginURL+"/"+url.PathEscape(tenant)+"/v2.0/adminconsent?"+q.Encode()) + "."
}

// listRooms is the permission to list the rooms of the directory. It shows names,
// addresses and places of rooms, and no booking
// (learn.microsoft.com/graph/permissions-reference#placereadall).
const listRooms = "Place.Read.All"

// lasting are the permissions that the gateway keeps.
func (s sheet) lasting() []string {
	return slices.DeleteFunc(slices.Clone(s.o.Scopes), func(scope string) bool { return shortScopes([]string{scope})[0] == listRooms })
}

// listing is what is needed to list the rooms, for the time of commissioning, and how it
// is taken back.
func (s sheet) listing() []driver.Block {
	if !s.Discover {
		return nil
	}
	blocks := []driver.Block{
		{Heading: "Listing the rooms, and taking that back"},
		{Text: "The gateway asks for " + driver.AsCode(listRooms) + " for the time of commissioning: it lists the rooms once, with their addresses, buildings and floors, so that nobody has to type them. The permission shows no booking, and is not needed to read the calendars."},
	}
	if s.o.app() {
		return append(blocks,
			driver.Block{Text: "To grant it, after \"Registering the app\", as a Privileged Role Administrator:"},
			driver.Block{Code: s.grantListing(), Shell: powershell},
			driver.Block{Text: "To take it back, as soon as the rooms are in the configuration:"},
			driver.Block{Code: s.withdrawListing(), Shell: powershell})
	}
	return append(blocks,
		driver.Block{Text: "It is granted with the others under \"Registering the app\". For that time the integrator adds " + driver.AsCode(listRooms) + " to `scopes` of the account, and removes it when it is taken back."},
		driver.Block{Text: "To take it back, as soon as the rooms are in the configuration; a token that was issued before is valid for up to 90 minutes:"},
		driver.Block{Code: s.withdrawListing(), Shell: powershell})
}

// limiting is how the app is limited to the rooms.
func (s sheet) limiting() []driver.Block {
	blocks := []driver.Block{{Heading: "Limiting it to the rooms"}}
	code := s.restriction()
	if shared := s.shared(); shared != "" {
		blocks = append(blocks, driver.Block{Text: "Share these calendars with the account, as Reviewer, and accept them there in Outlook: " + shared + "."})
	}
	if s.roomsToCome() {
		blocks = append(blocks, driver.Block{Text: "The rooms are not in the configuration yet, so the block is for all room mailboxes of the company: limit `$rooms` to those of the building."})
	}
	switch {
	case !s.o.app() && s.o.Read == ByFreeBusy:
		return append(blocks, driver.Block{Text: "Nothing to do: the gateway asks only for the busy times of the rooms, which everybody in the company may see. The account needs no right on any calendar."})
	case code == "" && len(blocks) > 1:
		return blocks
	case code == "":
		return append(blocks, driver.Block{Text: "Nothing to do: the rooms are found in the account's own calendar, and the account needs no right on any other. Invite it to the meetings, or copy them to it."})
	case !s.o.app():
		return append(blocks,
			driver.Block{Text: "In PowerShell, as an Exchange Administrator. The block lets the account read the calendars of these rooms, and changes nothing else:"},
			driver.Block{Code: code, Shell: powershell})
	}
	return append(blocks,
		driver.Block{Text: "In the same PowerShell window, as Exchange Administrator and member of Organization Management (RBAC for Applications):"},
		driver.Block{Code: code, Shell: powershell},
		driver.Block{List: []string{
			"A permission granted in Entra ID adds to this one: if the app was ever granted `Calendars.Read` there, remove it, or the app can still read every mailbox.",
			"A change takes effect within 30 minutes to 2 hours. `Test-ServicePrincipalAuthorization` shows it at once, and does not show grants in Entra ID.",
			"To allow some rooms only, put them into an administrative unit and use `-RecipientAdministrativeUnitScope` in place of `-CustomResourceScope`.",
			"If the scope is refused in a new tenant, run `Enable-OrganizationCustomization` once.",
		}})
}

// shared lists the calendars that the account reads by name.
func (s sheet) shared() string {
	var names []string
	for _, r := range s.Rooms {
		if name := driver.AsCode(r.Calendar); r.Calendar != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// revoking is how access is revoked.
func (s sheet) revoking() []driver.Block {
	list := []string{
		"Immediately and permanently: " + s.o.portal() + ", Enterprise apps, " + driver.AsCode(s.appName()) + ", Properties, Delete; or set Enabled for users to sign in to No.",
	}
	if s.o.app() {
		list = append(list, "Only the rooms: "+driver.AsCode("Get-ManagementRoleAssignment -RoleAssignee <Object ID> | Remove-ManagementRoleAssignment")+".")
	} else {
		list = append(list,
			"Only the sign-in: "+driver.AsCode("Revoke-MgUserSignInSession -UserId "+psQuote(s.User))+". It takes effect within 90 minutes, when the last access token expires.")
	}
	if !s.o.app() && len(s.mailboxes()) > 0 {
		list = append(list, "One room: "+driver.AsCode(`Remove-MailboxFolderPermission -Identity <room>:\Calendar -User `+psQuote(s.User))+".")
	}
	list = append(list, "On the gateway: "+driver.AsCode(s.o.Program+" logout "+s.o.Account)+" deletes the sign-in it stores.")
	return []driver.Block{
		{Heading: "Revoking access"},
		{List: list},
		{Text: "The gateway then reports the account as `sign_in_needed`, with the reason, on its page, in its log and as a point of the building management system."},
	}
}
