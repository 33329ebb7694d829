package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/graph"
)

func handoverCommand(g *globals) *cobra.Command {
	var format, user string
	c := &cobra.Command{
		Use:   "handover [account]",
		Short: "Write the sheet for the customer's IT",
		Long: "Handover writes, from the configuration, what the customer's IT wants to know\n" +
			"before it lets the gateway in, and the PowerShell that does its part: registering\n" +
			"the app with exactly these permissions, and limiting it to the rooms. It holds no\n" +
			"secret.",
		Example: "  roomgate handover --user rooms@contoso.example > handover.md\n  roomgate handover --format html > handover.html",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "markdown" && format != "html" {
				return usageError{fmt.Errorf("--format %q: use markdown or html", format)}
			}
			cfg, _, err := g.load(cmd)
			if err != nil {
				return err
			}
			account, err := pickAccount(cfg, args)
			if err != nil {
				return err
			}
			s := handover{cfg, account, user}.sheet()
			if format == "html" {
				return s.html(cmd.OutOrStdout())
			}
			return s.markdown(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&format, "format", "markdown", "markdown or html")
	c.Flags().StringVar(&user, "user", "rooms@YOUR-DOMAIN", "`ADDRESS` of the account that will sign in, to be filled in")
	return c
}

// handover is the sheet of one account.
type handover struct {
	cfg     *config.Config
	account config.Account
	user    string // the address of the account that will sign in
}

// app tells whether the gateway signs in as itself and not as a person.
func (h handover) app() bool { return microsoft(h.account).SignIn == "app" }

// portal is where the cloud's administrators click
// (learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
func (h handover) portal() string {
	switch microsoft(h.account).Cloud {
	case "us-gov", "us-dod":
		return "portal.azure.us, Microsoft Entra ID"
	case "china":
		return "portal.azure.cn, Microsoft Entra ID"
	}
	return "entra.microsoft.com"
}

// secret tells whether a client secret is wanted.
func (h handover) secret() bool { return microsoft(h.account).ClientSecret.Reveal() != "" }

// confidential tells whether the app proves who it is.
func (h handover) confidential() bool {
	return h.secret() || microsoft(h.account).ClientCertificate != nil
}

// appName is the name of the registration: unambiguous for who has many.
func (h handover) appName() string { return "roomgate " + h.cfg.Site.ID + " " + h.account.Name }

func (h handover) sheet() sheet {
	s := sheet{title: "Room bookings for the building: " + h.cfg.Site.Name}
	for _, part := range [][]block{h.summary(), h.rights(), h.kept(), h.network(), h.register(), h.restrict(), h.revoke()} {
		s.blocks = append(s.blocks, part...)
	}
	return s
}

// summary says what it is about and who does what.
func (h handover) summary() []block {
	who := "It signs in as one account of yours, which a person signs in once: " + asCode(h.user) + "."
	steps := []string{
		"IT: paste the block under \"Registering the app\". It prints the values to hand over.",
		"IT: paste the block under \"Limiting it to the rooms\".",
		"Integrator: put the values into `roomgate.toml` and restart the gateway.",
	}
	switch {
	case h.app():
		who = "It signs in as an application of its own, without a person; it can read the calendars you give it, and nothing else."
	case h.restriction() == "":
		steps = append(steps[:1], steps[2:]...)
	}
	if !h.app() {
		steps = append(steps, h.signInStep())
	}
	steps = append(steps, "Integrator: run `roomgate check`. Every line is good, or says what is missing and who can mend it.")
	return []block{
		{text: "A gateway in the building reads when the meeting rooms are booked, and tells the building management system, so that heating, ventilation and light follow the bookings. " +
			"It only reads. It never writes to a calendar, reads no mail, and sends nothing to its maker or to any other service."},
		{text: who},
		{heading: "Who does what"},
		{steps: steps},
	}
}

func (h handover) signInStep() string {
	command := asCode("roomgate login " + h.account.Name)
	if microsoft(h.account).SignIn == "device" {
		return "Together: run " + command + ", open the address it shows on any device, enter the code, and sign in as " + asCode(h.user) + "."
	}
	return "Together: run " + command + ", open the address it prints in any browser, sign in as " + asCode(h.user) + ", and paste the address the browser ends up at, if the gateway did not notice by itself."
}

// rights lists what is asked for, and why.
func (h handover) rights() []block {
	if h.app() {
		return []block{
			{heading: "What it may do, and why"},
			{table: [][]string{
				{"Permission", "Given in", "Why"},
				{"`Application Calendars.Read`", "Exchange Online, for room mailboxes only", "reads the bookings of the rooms"},
			}},
			{text: "No permission of Microsoft Graph is granted in Entra ID: a grant there would be one for every mailbox of the company, and Exchange adds the two up."},
		}
	}
	table := [][]string{{"Permission (delegated)", "Why", "Consent"}}
	for _, name := range h.scopes() {
		p, ok := permissions[name]
		if !ok {
			p.why = "asked for by the configuration"
		}
		consent := "the account itself"
		if p.admin {
			consent = "an administrator"
		}
		table = append(table, []string{asCode(name), p.why, consent})
	}
	return []block{
		{heading: "What it may do, and why"},
		{table: table},
		{text: "Delegated permissions never reach further than the account's own rights: what it cannot open in Outlook, the gateway cannot read."},
	}
}

// shown says what of a booking may leave the calendar.
var shown = map[string]string{
	"busy":      "when it is booked, nothing else",
	"organizer": "when it is booked, and the organizer's name",
	"subject":   "when it is booked, and the subject",
	"full":      "when it is booked, the subject, and the organizer's name",
}

// kept lists what is stored where, and what each room shows.
func (h handover) kept() []block {
	rooms := [][]string{{"Room", "Calendar", "What is read and shown"}}
	for _, r := range h.rooms() {
		calendar := asCode(r.Mailbox)
		switch {
		case r.Calendar != "":
			calendar = asCode(r.Calendar) + ", shared with the account"
		case r.Mailbox == "":
			calendar = "the account's own, by location or attendee"
		}
		rooms = append(rooms, []string{asCode(r.Name), calendar, shown[r.Privacy]})
	}
	sealed := "in clear text; only the gateway's user can read the files"
	if h.cfg.Store.Key != nil {
		sealed = "sealed with a key that lies elsewhere"
	}
	stored := [][]string{
		{"What", "Where", "How long"},
		{"Bookings of the rooms above", "the gateway's database, " + asCode(h.cfg.Store.Path), "today and the next three days; older ones are dropped"},
		{"What the building sees of them", "the broker " + asCode(h.cfg.MQTT.Broker), "until the next change"},
	}
	if !h.app() {
		stored = append(stored, []string{"The sign-in (refresh and access token), " + sealed, "the gateway's database and a copy beside it", "until signed out, revoked, or unused for 90 days"})
	}
	if h.confidential() {
		stored = append(stored, []string{"The app's secret or private key", "a file on the gateway, readable by the gateway alone", "until replaced"})
	}
	blocks := []block{{heading: "What is read, and where it is stored"}, {table: rooms}}
	if slices.ContainsFunc(h.rooms(), func(r config.Room) bool { return r.Privacy == "subject" || r.Privacy == "full" }) {
		blocks = append(blocks, block{text: "The subject of a private meeting is not shown, if Exchange marks it private in the room's calendar too; by default (`RemovePrivateProperty`) it does not."})
	}
	return append(blocks, block{table: stored})
}

// network lists the way out; there is no way in.
func (h handover) network() []block {
	table := [][]string{{"To", "Port", "TLS", "For"}}
	for _, to := range []struct{ address, why string }{
		{microsoft(h.account).LoginURL, "signing in (Microsoft Entra ID)"},
		{microsoft(h.account).GraphURL, "reading the calendars (Microsoft Graph)"},
		{h.cfg.MQTT.Broker, "the building's broker"},
	} {
		host, port, secured := hostPort(to.address)
		table = append(table, []string{asCode(host), port, map[bool]string{true: "yes", false: "no"}[secured], to.why})
	}
	return []block{
		{heading: "Network"},
		{text: "All connections go outwards; nothing has to be opened towards the gateway. It also needs your name servers and a time server. An HTTPS proxy is used if the gateway's environment names one (`HTTPS_PROXY`)."},
		{table: table},
		{text: "A firewall that opens TLS to look inside must leave the first two hosts alone, or its authority must be installed on the gateway."},
	}
}

// usualPorts are those of the schemes that may stand in the configuration.
var usualPorts = map[string]string{"https": "443", "http": "80", "wss": "443", "ws": "80", "mqtts": "8883", "mqtt": "1883"}

func hostPort(address string) (host, port string, secured bool) {
	u, err := url.Parse(address)
	if err != nil {
		return address, "", false
	}
	secured = u.Scheme == "https" || u.Scheme == "wss" || u.Scheme == "mqtts"
	return u.Hostname(), cmp.Or(u.Port(), usualPorts[u.Scheme]), secured
}

// register is how the app comes to be.
func (h handover) register() []block {
	kind := "A public client: it has no secret, and what protects the sign-in is that only this gateway holds it."
	switch {
	case microsoft(h.account).ClientCertificate != nil:
		kind = "It proves who it is with a certificate, which is in the block; the private key never left the gateway."
	case h.secret():
		kind = "It proves who it is with a client secret, which the block makes and prints once. Hand it over by a safe way, and note its end: the gateway counts down to it."
	}
	blocks := []block{
		{heading: "Registering the app"},
		{text: "In PowerShell, as a Cloud Application Administrator. " + kind},
		{code: h.registration()},
	}
	if microsoft(h.account).RedirectURI != "" {
		blocks = append(blocks, block{text: "Redirect URI, to the letter: " + asCode(microsoft(h.account).RedirectURI) + h.redirectNote()})
	}
	if !h.app() {
		blocks = append(blocks, block{list: h.accountNeeds()}, block{text: "The block consents for the one account only. By hand it is: " + h.portal() + ", App registrations, New registration; then API permissions, Grant admin consent." + h.consentNote()})
	}
	return blocks
}

// accountNeeds is what the account that signs in is to be like.
func (h handover) accountNeeds() []string {
	needs := []string{
		"The account should be one of its own, with no rights beyond these: what it may open in Outlook, the gateway could read.",
		"Conditional Access must let it sign in from the building. A sign-in frequency policy would end the sign-in again and again: exempt it.",
	}
	if microsoft(h.account).SignIn == "device" {
		needs = append(needs, "Device code flow must not be blocked for it (Conditional Access, Authentication flows).")
	}
	return needs
}

func (h handover) redirectNote() string {
	if u, err := url.Parse(microsoft(h.account).RedirectURI); err == nil && u.Hostname() == "localhost" {
		return " (the computer the browser runs on; Microsoft ignores the port)."
	}
	return "."
}

// consentNote is the short way where the app is registered elsewhere already.
func (h handover) consentNote() string {
	if microsoft(h.account).ClientID == placeholderID {
		return ""
	}
	tenant := microsoft(h.account).Tenant
	if tenant == "common" || tenant == "consumers" {
		tenant = "organizations"
	}
	q := url.Values{"client_id": {microsoft(h.account).ClientID}, "scope": {microsoft(h.account).GraphURL + "/.default"}}
	if microsoft(h.account).RedirectURI != "" {
		q.Set("redirect_uri", microsoft(h.account).RedirectURI)
	}
	return " If the app " + asCode(microsoft(h.account).ClientID) + " is registered already, in your tenant or the integrator's, an administrator consents by opening " +
		asCode(microsoft(h.account).LoginURL+"/"+url.PathEscape(tenant)+"/v2.0/adminconsent?"+q.Encode()) + "."
}

// restrict is how the app is limited to the rooms.
func (h handover) restrict() []block {
	blocks := []block{{heading: "Limiting it to the rooms"}}
	code := h.restriction()
	if shared := h.shared(); shared != "" {
		blocks = append(blocks, block{text: "These calendars are to be shared with the account, as Reviewer, and accepted by it in Outlook: " + shared + "."})
	}
	switch {
	case !h.app() && microsoft(h.account).Read == string(graph.ByFreeBusy):
		return append(blocks, block{text: "Nothing is to be done: only the busy times of the rooms are asked for, which everybody in the company may see. The account needs no right on any calendar."})
	case code == "" && len(blocks) > 1:
		return blocks
	case code == "":
		return append(blocks, block{text: "Nothing is to be done: the rooms are found in the account's own calendar, and the account needs no right on any other. Invite it to the meetings, or have them copied to it."})
	case !h.app():
		return append(blocks,
			block{text: "In PowerShell, as an Exchange Administrator. It lets the account read the calendars of these rooms, and changes nothing else:"},
			block{code: code})
	}
	return append(blocks,
		block{text: "In the same PowerShell window, as Exchange Administrator and member of Organization Management (RBAC for Applications):"},
		block{code: code},
		block{list: []string{
			"A permission granted in Entra ID adds to this one: if the app was ever granted `Calendars.Read` there, remove it, or it still reads every mailbox.",
			"A change takes effect within 30 minutes to 2 hours; `Test-ServicePrincipalAuthorization` shows it at once, and does not see grants in Entra ID.",
			"To allow some rooms only, put them into an administrative unit and use `-RecipientAdministrativeUnitScope` in place of `-CustomResourceScope`.",
			"If the scope is refused in a new tenant, run `Enable-OrganizationCustomization` once.",
		}})
}

// shared lists the calendars that the account reads by name.
func (h handover) shared() string {
	var names []string
	for _, r := range h.rooms() {
		if name := asCode(r.Calendar); r.Calendar != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// revoke is how it ends.
func (h handover) revoke() []block {
	list := []string{
		"At once and for good: " + h.portal() + ", Enterprise apps, " + asCode(h.appName()) + ", Properties, Delete; or set Enabled for users to sign in to No.",
	}
	if h.app() {
		list = append(list, "The rooms only: "+asCode("Get-ManagementRoleAssignment -RoleAssignee <Object ID> | Remove-ManagementRoleAssignment")+".")
	} else {
		list = append(list,
			"The sign-in only: "+asCode("Revoke-MgUserSignInSession -UserId "+psQuote(h.user))+". It ends within 90 minutes, when the last access token does.")
	}
	if !h.app() && len(h.mailboxes()) > 0 {
		list = append(list, "One room: "+asCode(`Remove-MailboxFolderPermission -Identity <room>:\Calendar -User `+psQuote(h.user))+".")
	}
	list = append(list, "On the gateway: "+asCode("roomgate logout "+h.account.Name)+" forgets what it holds.")
	return []block{
		{heading: "Ending it"},
		{list: list},
		{text: "Afterwards the gateway says so: its account goes to `sign_in_needed`, with the reason, on its page, in its log and as a point of the building management system."},
	}
}
