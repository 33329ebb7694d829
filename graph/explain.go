package graph

import (
	"strings"
)

// Advice is what an error code of Graph means to the people on site.
type Advice struct {
	Code        string // as Graph writes it
	What        string // what happened
	Who         string // who can fix it
	Next        string // where to click or what to run, in the imperative; empty where only time helps
	NeedsPerson bool   // it does not pass by itself
}

// Who can fix it.
const (
	customer  = "the customer's IT"
	installer = "whoever installs the gateway"
	nobody    = "nobody: it passes by itself"
	maker     = "the makers of roomgate"
)

// What is to be done about more than one code.
const (
	share   = `have the customer's IT share it (Add-MailboxFolderPermission <room>:\Calendar -User <account> -AccessRights Reviewer)`
	grant   = "a permission is missing: have the customer's IT grant the scopes of the configuration (entra.microsoft.com > Entra ID > App registrations > the app > API permissions > Grant admin consent) and sign in again: roomgate login <account>"
	report  = "report it with the request id in the log; learn.microsoft.com/graph/errors explains the code"
	mailbox = "check the room's mailbox address: "
)

// advices is the dictionary: the codes of learn.microsoft.com/graph/errors, and
// Outlook's own. Two of its codes are not Graph's: [RAOP] is how a policy of
// Exchange is told from a calendar that is not shared, insufficient_claims how
// a revoked token is told from one that has expired.
var advices = []Advice{
	{"ErrorAccessDenied", "the signed-in account or the app may not read this calendar", customer,
		share + ", and check that Calendars.Read.Shared was granted; for an app check that the room is in the scope of its role (Test-ServicePrincipalAuthorization)", true},
	{"[RAOP]", "an application access policy of Exchange keeps the app away from this mailbox", customer,
		"add the room to the group of the policy and wait up to an hour (Test-ApplicationAccessPolicy -AppId <client_id> -Identity <room> shows it)", true},
	{"Authorization_RequestDenied", "the directory does not allow this", customer, grant, true},
	{"ErrorInsufficientPermissions", "the sign-in lacks a permission", customer, grant, true},
	{"OrgRestrictedNotFound", "the tenant does not allow this", customer, "ask the customer's IT which policy it is", true},
	{"InvalidAuthenticationToken", "Microsoft refuses the sign-in's token", installer,
		"sign in again with 'roomgate login <account>'; if that does not help, check the gateway's clock", true},
	{"insufficient_claims", "Microsoft has revoked the token, because of a new policy or a changed account", installer,
		"sign in again with 'roomgate login <account>'", true},
	{"ErrorItemNotFound", "the calendar is not there, or not shared with the signed-in account", customer, mailbox + "it may be wrong; if it is right, " + share, true},
	{"ErrorInvalidUser", "the address is wrong, or it is no mailbox (a distribution list, say)", installer, mailbox + "it must be a mailbox's own", true},
	{"MailboxNotEnabledForRESTAPI", "the mailbox has no licence, or lives on a server of the customer's own", customer,
		"admin.microsoft.com > Resources > Rooms & equipment shows whether the room is in Exchange Online: give it a licence, or move it there", true},
	{"ResourceNotFound", "Microsoft 365 does not know the address", installer, mailbox + "Microsoft 365 does not know it", true},
	{"Request_ResourceNotFound", "the directory does not know the address", installer, mailbox + "the directory does not know it", true},

	{"ErrorInvalidParameter", "Graph does not take the request", maker, report, true},
	{"ErrorInvalidRequest", "Graph does not take the request", maker, report, true},
	{"ErrorTimeIntervalTooBig", "more days were asked for than Graph gives at once", maker, report, true},
	{"ErrorPropertyValidationFailure", "Graph does not take the request", maker, report, true},
	{"TimeZoneNotSupportedException", "Graph does not know the time zone of the request", maker, report, true},
	{"ErrorOccurrenceCrossingBoundary", "an occurrence would pass another one of its series", maker, report, true},
	{"ErrorInvalidIdMalformed", "an id was damaged, or belongs to another mailbox", maker, report, true},
	{"BadRequest", "Graph does not take the request; an app without a person cannot use /me", installer,
		"with sign_in = \"app\" give every room its mailbox; otherwise " + report, true},
	{"RequestBroker--ParseUri", "Graph does not understand the address of the request", maker, report, true},

	{"ErrorIrresolvableConflict", "something was changed at the same time", nobody, "", false},
	{"SyncStateNotFound", "Graph has forgotten where reading stopped; it begins anew", nobody, "", false},
	{"resyncRequired", "Graph has forgotten where reading stopped; it begins anew", nobody, "", false},
	{"FailedDependency", "a part of a batch waited for one that failed", nobody, "", false},
	{"ApplicationThrottled", "the app asks a mailbox too often", nobody, "", false},
	{"TooManyRequests", "Microsoft asks to slow down", nobody, "", false},
	{"UnknownError", "Graph has a passing fault, or asks to slow down", nobody, "", false},
	{"ErrorInternalServerError", "Graph has a passing fault", nobody, "", false},
	{"ErrorInternalServerTransientError", "the mailbox cannot be opened for the moment", nobody, "", false},
	{"InternalServerError", "Graph has a passing fault", nobody, "", false},
	{"generalException", "Graph has a passing fault", nobody, "", false},
	{"ServiceUnavailable", "Graph is not available for the moment", nobody, "", false},
	{"serviceNotAvailable", "Graph is not available for the moment", nobody, "", false},
	{"ErrorServerBusy", "Exchange is busy", nobody, "", false},
	{"GatewayTimeout", "Exchange did not answer Graph in time", nobody, "", false},
}

// Explain says what an error code of Graph means; letters are compared without
// case. The second value is false for a code that is not in the dictionary; the
// advice then says where to look it up.
func Explain(code string) (Advice, bool) {
	code = strings.TrimSpace(code)
	for _, a := range advices {
		if strings.EqualFold(a.Code, code) {
			return a, true
		}
	}
	return Advice{Code: cut(code, 60), What: "roomgate does not know this code of Graph", Who: customer,
		Next: "look the code up at learn.microsoft.com/graph/errors and show it to the customer's IT", NeedsPerson: true}, false
}
