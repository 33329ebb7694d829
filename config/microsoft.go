package config

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Microsoft contains the checked settings of an account at Microsoft 365.
type Microsoft struct {
	Cloud               string // "global", "us-gov", "us-dod" or "china"
	Tenant              string // "common", "organizations", "consumers", a GUID or a domain
	ClientID            string // a GUID
	ClientSecret        Secret // empty for a public client, and where there is a certificate
	ClientSecretExpires time.Time
	ClientCertificate   []byte   // PEM, an RSA certificate; nil: none
	ClientKey           Secret   // PEM, the key of ClientCertificate
	SignIn              string   // "code", "device" or "app"
	RedirectURI         string   // "code" only
	Scopes              []string // none for "app", whose permissions are granted in the portal
	Refresh             Schedule // when tokens are refreshed
	Read                string   // "events", "view", "free-busy", or "" for the default of each room
	LoginURL            string   // scheme and host, no slash at the end
	GraphURL            string   // scheme and host, no slash at the end
}

// SameSignIn returns whether both settings lead to the same sign-in: they differ
// at most in how calendars are read.
func (m *Microsoft) SameSignIn(other *Microsoft) bool {
	a, b := *m, *other
	a.Read, b.Read = "", ""
	return Same(a, b)
}

// Shortest intervals. Access tokens live about an hour, so refreshing them more
// often than each minute only costs requests. Polls below ten seconds exceed the
// limits of learn.microsoft.com/graph/throttling-limits with few rooms: 10,000
// requests in ten minutes to a mailbox. Sweeps all count against the mailbox of
// the account, one request for twenty rooms: every five seconds that is 6,000
// for a thousand rooms, which leaves the rest for polls.
const (
	microsoftLeastRefresh = time.Minute
	microsoftLeastPoll    = 10 * time.Second
	microsoftLeastSweep   = 5 * time.Second
)

const (
	freeBusy   = "free-busy" // the way of reading that returns busy times only
	consumers  = "consumers" // the tenant of personal accounts
	noFreeBusy = `does not work with tenant = "consumers", because personal accounts do not support free/busy requests`
)

// Abilities implements [Settings]. Personal accounts do not support getSchedule:
// learn.microsoft.com/graph/api/calendar-getschedule.
func (m *Microsoft) Abilities() Abilities {
	can := Abilities{Service: m.GraphURL, LeastPoll: microsoftLeastPoll, LeastSweep: microsoftLeastSweep}
	if m.Tenant == consumers {
		can.NoSweep = Complaint{noFreeBusy, "remove it"}
	}
	if m.Read == freeBusy {
		can.NoSweep = Complaint{`has no effect with read = "free-busy": each poll is a free/busy request itself`, "remove it, and poll more often"}
		can.NoNames = Complaint{"reads free/busy times, which have no subject and no organizer", `set read = "view" in the account`}
		can.NoCalendar = "reads free/busy times, which are requested by address"
	}
	if m.SignIn == "app" {
		can.NoCalendar = "signs in as an app, which has no calendar of its own"
	}
	return can
}

// microsoftTable contains the settings as they are written. Secrets are pasted by
// mistake where their file, their variable or the client id belongs: those values
// are hidden as well.
type microsoftTable struct {
	Cloud                 string    `toml:"cloud" oneof:"global|us-gov|us-dod|china"`
	Tenant                string    `toml:"tenant" form:"tenant" required:"common"`
	ClientID              string    `toml:"client_id" form:"client" required:"11111111-2222-3333-4444-555555555555" hide:"yes"`
	ClientSecret          Secret    `toml:"client_secret" form:"secret" hide:"yes"`
	ClientSecretFile      string    `toml:"client_secret_file" form:"path" hide:"yes"`
	ClientSecretEnv       string    `toml:"client_secret_env" form:"variable" hide:"yes"`
	ClientSecretExpires   time.Time `toml:"client_secret_expires"`
	ClientCertificateFile string    `toml:"client_certificate_file" form:"path" hide:"yes"`
	ClientKeyFile         string    `toml:"client_key_file" form:"path" hide:"yes"`
	SignIn                string    `toml:"sign_in" oneof:"code|device|app"`
	RedirectURI           string    `toml:"redirect_uri" form:"redirect"`
	Scopes                []string  `toml:"scopes" form:"scope"`
	Refresh               string    `toml:"refresh" required:"*/30 * * * *"`
	Read                  string    `toml:"read" oneof:"|events|view|free-busy"`
	LoginURL              string    `toml:"login_url" form:"server"`
	GraphURL              string    `toml:"graph_url" form:"server"`
}

var microsoftProvider = Provider{
	Name:  "microsoft",
	Table: func(given map[string]any) Table { return microsoftDefaults(given["sign_in"]) },
	Forms: map[string]Form{
		"tenant":   tenant,
		"client":   matches(guid, "must be a GUID", "copy the Application (client) ID from the app registration's overview"),
		"secret":   clientSecret,
		"redirect": redirect,
		"scope":    scopeLike(`["offline_access", "Calendars.Read"]`),
		"server":   serverLike("https://login.microsoftonline.com"),
	},
}

// microsoftDefaults returns the default settings for a way to sign in.
func microsoftDefaults(signIn any) *microsoftTable {
	t := &microsoftTable{
		Cloud:       "global",
		Tenant:      "common",
		SignIn:      "code",
		RedirectURI: "http://localhost",
		Scopes:      []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared"},
		Refresh:     "*/30 * * * *",
	}
	switch signIn {
	case "device":
		t.RedirectURI = ""
	case "app":
		t.RedirectURI, t.Scopes = "", nil
	}
	return t
}

// microsoftClouds are the sign-in and Graph servers of each cloud. Registrations,
// tokens and tenants are valid in one cloud only. Sources:
// learn.microsoft.com/entra/identity-platform/authentication-national-cloud,
// learn.microsoft.com/graph/deployments.
var microsoftClouds = map[string]struct{ login, graph string }{
	"global": {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
	"us-gov": {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
	"us-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	"china":  {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

// Check implements [Table].
func (t *microsoftTable) Check(a *AccountCheck) Settings {
	auth := t.clientAuthentication(a)
	t.checkSignIn(a, auth)
	t.fillServers(a)
	t.warnOfPlaceholders(a)
	if t.Read == freeBusy && t.Tenant == consumers {
		a.Report("read", t.Read, Complaint{noFreeBusy, `write "view", or "" for the default of each room`})
	}
	return &Microsoft{
		Cloud: t.Cloud, Tenant: t.Tenant, ClientID: t.ClientID,
		ClientSecret: auth.secret, ClientCertificate: auth.certificate, ClientKey: auth.key,
		ClientSecretExpires: startOfDay(t.ClientSecretExpires, a.zone),
		SignIn:              t.SignIn, RedirectURI: t.RedirectURI, Scopes: t.Scopes,
		Refresh: a.Schedule("refresh", t.Refresh, microsoftLeastRefresh),
		Read:    t.Read, LoginURL: t.LoginURL, GraphURL: t.GraphURL,
	}
}

// exampleClientID is the client id of the reference configuration.
const exampleClientID = "11111111-2222-3333-4444-555555555555"

// warnOfPlaceholders warns of settings that are those of the documentation. In a
// simulator the tenant is.
func (t *microsoftTable) warnOfPlaceholders(a *AccountCheck) {
	if t.ClientID == exampleClientID {
		a.placeholder(join(a.path, "client_id"), t.ClientID, "copy the Application (client) ID from the app registration's overview")
	}
	if graph, err := url.Parse(t.GraphURL); placeholder(t.Tenant) && (err != nil || !loopback(graph.Hostname())) {
		a.placeholder(join(a.path, "tenant"), t.Tenant, "copy the Directory (tenant) ID from the app registration's overview")
	}
}

// fillServers sets the servers that are not given to those of the cloud.
func (t *microsoftTable) fillServers(a *AccountCheck) {
	a.together(a.path, "login_url", t.LoginURL, "graph_url", t.GraphURL, "give both, or neither and choose a cloud")
	cloud := microsoftClouds[t.Cloud]
	t.LoginURL = strings.TrimSuffix(cmp.Or(t.LoginURL, cloud.login), "/")
	t.GraphURL = strings.TrimSuffix(cmp.Or(t.GraphURL, cloud.graph), "/")
}

var guid = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// sharedTenants are the tenants that accept accounts of more than one company.
var sharedTenants = []string{"common", "organizations", consumers}

func tenant(s string) Complaint {
	if slices.Contains(sharedTenants, s) || guid.MatchString(s) || domain.MatchString(s) {
		return Complaint{}
	}
	return Complaint{`must be "common", "organizations", "consumers", a GUID or a domain`, "copy the Directory (tenant) ID from the app registration's overview"}
}

// clientSecret also catches the usual mistake of copying the secret's ID: the
// values of Microsoft's secrets are not GUIDs.
func clientSecret(s string) Complaint {
	if guid.MatchString(s) {
		return Complaint{"is the secret's ID, not its value", "copy the Value column; it is shown only once, when the secret is made"}
	}
	return notMasked(s)
}

// redirect follows learn.microsoft.com/entra/identity-platform/reply-url.
func redirect(s string) Complaint {
	u, ok := address(s)
	switch {
	case !ok || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost"):
		return Complaint{"must be an https address, or begin with http://localhost", "write the address exactly as registered for the app"}
	case len(s) > 256:
		return Complaint{"must be at most 256 characters", "register a shorter address"}
	}
	return Complaint{}
}
