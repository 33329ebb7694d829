package graph

import (
	"strings"
)

// Actions for more than one code.
const (
	share  = `have the customer's IT share it (Add-MailboxFolderPermission <room>:\Calendar -User <account> -AccessRights Reviewer)`
	grant  = "a permission is missing: have the customer's IT grant the scopes of the configuration (entra.microsoft.com > Entra ID > App registrations > the app > API permissions > Grant admin consent)"
	report = "report it with the request id in the log; learn.microsoft.com/graph/errors explains the code"
	nobox  = "there is no mailbox of that name in the tenant: correct the room's mailbox setting"
)

// calendarLines are the dictionary of Graph's error codes: those of
// learn.microsoft.com/graph/errors, and Outlook's own. Two codes are not Graph's:
// [RAOP] distinguishes a policy of Exchange from a calendar that is not shared,
// insufficient_claims a revoked token from one that has expired.
var calendarLines = []struct {
	code string
	explanation
}{
	{"ErrorAccessDenied", explanation{"the signed-in account or the app may not read this calendar", customer,
		share + ", and check that Calendars.Read.Shared was granted; for an app check that the room is in the scope of its role (Test-ServicePrincipalAuthorization)", false, user}},
	{"[RAOP]", explanation{"an application access policy of Exchange blocks the app from this mailbox", customer,
		"add the room to the group of the policy and wait up to an hour (Test-ApplicationAccessPolicy -AppId <client_id> -Identity <room> shows it)", false, user}},
	{"Authorization_RequestDenied", explanation{"the directory does not allow this", customer, grant, true, user}},
	{"ErrorInsufficientPermissions", explanation{"the sign-in lacks a permission", customer, grant, true, user}},
	{"OrgRestrictedNotFound", explanation{"the tenant does not allow this", customer, "ask the customer's IT which policy it is", false, user}},
	{"InvalidAuthenticationToken", explanation{"Microsoft rejects the access token", installer,
		"check the gateway's clock", true, user}},
	{"insufficient_claims", explanation{"Microsoft has revoked the token, because of a new policy or a changed account", installer,
		"", true, user}},
	{"ErrorItemNotFound", explanation{"the calendar does not exist, or is not shared with the signed-in account", customer, "check the room's mailbox address: it may be wrong; if it is right, " + share, false, user}},
	{"ErrorInvalidUser", explanation{"the address is wrong, or is not a mailbox (for example a distribution list)", installer, nobox + "; it must be the address of a mailbox", false, user}},
	{"MailboxNotEnabledForRESTAPI", explanation{"the mailbox has no licence, or is on an on-premises server", customer,
		"admin.microsoft.com > Resources > Rooms & equipment shows whether the room is in Exchange Online: give it a licence, or move it there", false, user}},
	{"ResourceNotFound", explanation{"Microsoft 365 does not know the address", installer, nobox, false, user}},
	{"Request_ResourceNotFound", explanation{"the directory does not know the address", installer, nobox, false, user}},
	{"5009", explanation{"the directory does not know the address", installer, nobox, false, user}},
	{"ErrorMailRecipientNotFound", explanation{"the directory does not know the address", installer, nobox, false, user}},
	{"ErrorNonExistentMailbox", explanation{"there is no mailbox with the address", installer, nobox, false, user}},
	{"ErrorInvalidSmtpAddress", explanation{"the address is not an e-mail address", installer, "correct the room's mailbox setting: it must be an e-mail address", false, user}},
	{"ErrorNonPrimarySmtpAddress", explanation{"the address is an alias of the mailbox", installer, "correct the room's mailbox setting: it must be the primary address", false, user}},
	{"ErrorNoFreeBusyAccess", explanation{"the signed-in account or the app may not see when the mailbox is busy", customer,
		`have the customer's IT make the free/busy times of the mailbox visible inside the company (Set-MailboxFolderPermission <room>:\Calendar -User Default -AccessRights AvailabilityOnly)`, false, user}},
	{"ErrorProxyRequestProcessingFailed", explanation{"Exchange Online cannot ask the on-premises server that has the mailbox", customer,
		"have the customer's IT check hybrid free/busy (Test-OrganizationRelationship)", false, user}},

	{"ErrorInvalidParameter", explanation{"Graph does not accept the request", maker, report, false, user}},
	{"ErrorInvalidRequest", explanation{"Graph does not accept the request", maker, report, false, user}},
	{"ErrorTimeIntervalTooBig", explanation{"the request covers more days than Graph returns at once", maker, report, false, user}},
	{"ErrorPropertyValidationFailure", explanation{"Graph does not accept the request", maker, report, false, user}},
	{"TimeZoneNotSupportedException", explanation{"Graph does not know the time zone of the request", maker, report, false, user}},
	{"ErrorOccurrenceCrossingBoundary", explanation{"an occurrence would be moved past another one of its series", maker, report, false, user}},
	{"ErrorInvalidIdMalformed", explanation{"an id is damaged, or belongs to another mailbox", maker, report, false, user}},
	{"BadRequest", explanation{"Graph does not accept the request; an app without a signed-in user cannot use /me", installer,
		"with sign_in = \"app\" give every room its mailbox; otherwise " + report, false, user}},
	{"RequestBroker--ParseUri", explanation{"Graph does not understand the address of the request", maker, report, false, user}},

	{"ErrorIrresolvableConflict", explanation{"something was changed at the same time", nobody, "", false, passing}},
	{"SyncStateNotFound", explanation{"Graph has discarded the position of the last read; the next read starts again", nobody, "", false, passing}},
	{"resyncRequired", explanation{"Graph has discarded the position of the last read; the next read starts again", nobody, "", false, passing}},
	{"FailedDependency", explanation{"a part of a batch waited for one that failed", nobody, "", false, passing}},
	{"ApplicationThrottled", explanation{"the app asks a mailbox too often", nobody, "", false, passing}},
	{"TooManyRequests", explanation{"Microsoft asks to slow down", nobody, "", false, passing}},
	{"UnknownError", explanation{"Graph has a temporary fault, or asks to slow down", nobody, "", false, passing}},
	{"ErrorInternalServerError", explanation{"Graph has a temporary fault", nobody, "", false, passing}},
	{"ErrorInternalServerTransientError", explanation{"the mailbox temporarily cannot be opened", nobody, "", false, passing}},
	{"InternalServerError", explanation{"Graph has a temporary fault", nobody, "", false, passing}},
	{"generalException", explanation{"Graph has a temporary fault", nobody, "", false, passing}},
	{"ServiceUnavailable", explanation{"Graph is temporarily unavailable", nobody, "", false, passing}},
	{"serviceNotAvailable", explanation{"Graph is temporarily unavailable", nobody, "", false, passing}},
	{"ErrorServerBusy", explanation{"Exchange is busy", nobody, "", false, passing}},
	{"ErrorMailboxMoveInProgress", explanation{"the mailbox is being moved to another server", nobody, "", false, passing}},
	{"ErrorMailboxStoreUnavailable", explanation{"the server of the mailbox is temporarily unavailable", nobody, "", false, passing}},
	{"ErrorMailboxFailover", explanation{"the mailbox is changing to another server", nobody, "", false, passing}},
	{"ErrorTimeoutExpired", explanation{"Exchange did not finish in time", nobody, "", false, passing}},
	{"ErrorADUnavailable", explanation{"the directory is temporarily unavailable", nobody, "", false, passing}},
	{"ErrorConnectionFailed", explanation{"Exchange could not connect to the server of the mailbox", nobody, "", false, passing}},
	{"ErrorTooManyObjectsOpened", explanation{"Exchange is busy", nobody, "", false, passing}},
	{"ErrorExceededConnectionCount", explanation{"Exchange is busy", nobody, "", false, passing}},
	{"GatewayTimeout", explanation{"Exchange did not answer Graph in time", nobody, "", false, passing}},
}

// calendarEntry returns the line of one of Graph's error codes and the code as
// Graph writes it; letters are compared without case.
func calendarEntry(code string) (string, explanation, bool) {
	for _, l := range calendarLines {
		if strings.EqualFold(l.code, code) {
			return l.code, l.explanation, true
		}
	}
	return code, explanation{what: "roomgate does not know this code of Graph", who: customer,
		next: "look the code up at learn.microsoft.com/graph/errors and show it to the customer's IT"}, false
}
