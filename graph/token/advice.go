package token

import (
	"fmt"
	"strconv"
	"strings"
)

// Advice is what an error code means to the people on site.
type Advice struct {
	Code        string // "AADSTS7000222", or an "error" value such as "invalid_grant"
	What        string // what happened
	Who         string // who can fix it
	Next        string // where to click or what to run, in the imperative
	NeedsPerson bool   // it does not pass by itself
}

// row is one line of the dictionary.
type row struct {
	what  string
	who   string
	next  string // what to do about it, in the imperative
	login bool   // a new sign-in is (the last) part of what to do
	class Class  // overrides the class by "error" value; 0: a person's, and it does not
}

// Who can fix it.
const (
	customer  = "the customer's IT"
	installer = "whoever installs the gateway"
	owner     = "whoever may sign the account in"
	nobody    = "nobody: it passes by itself"
	maker     = "the makers of roomgate"
)

// Where it is. The paths are those of entra.microsoft.com.
const (
	appReg    = "entra.microsoft.com > Entra ID > App registrations > the app > "
	entApp    = "entra.microsoft.com > Entra ID > Enterprise apps > the app > "
	users     = "entra.microsoft.com > Entra ID > Users > the account > "
	overview  = "entra.microsoft.com > Entra ID > Overview"
	logs      = "entra.microsoft.com > Entra ID > Monitoring & health > Sign-in logs"
	secrets   = appReg + "Certificates & secrets"
	consent   = appReg + "API permissions > Grant admin consent"
	redirects = appReg + "Authentication"
	policies  = "open " + logs + ", the entry with this correlation id, its tab Conditional Access: it names the policy; exclude the account from it"
	newSecret = "in " + secrets + " > New client secret, copy its Value (not its Secret ID), put it into client_secret and restart roomgate"
	tenantID  = "copy the Tenant ID from " + overview + " into tenant, check cloud, and restart roomgate"
	wholeAddr = "begin again and paste the whole address the browser shows"
)

// lines are the dictionary of Microsoft's error numbers
// (learn.microsoft.com/entra/identity-platform/reference-error-codes).
var lines = []struct {
	numbers []int
	row
}{
	{[]int{7000215}, row{"the client secret is wrong", installer, newSecret, false, 0}},
	{[]int{7000222}, row{"the client secret or certificate has expired", customer, "in " + secrets + ", make a new secret (copy its Value) or upload a new certificate; then put it into client_secret or client_certificate_file and restart roomgate", false, 0}},
	{[]int{7000218}, row{"the app sent no secret, or does not allow sign-ins by device code", installer, "with sign_in = \"device\" set Allow public client flows to Yes in " + redirects + " > Advanced settings; otherwise set client_secret and restart roomgate", false, 0}},
	{[]int{700025}, row{"the app is a public client and must not send a secret", installer, "remove client_secret, or move the redirect URI to the platform Web in " + redirects + ", and restart roomgate", false, 0}},
	{[]int{700027, 50012}, row{"Microsoft does not know the gateway's certificate, or it has expired", customer, "in " + secrets + " > Certificates > Upload certificate, upload the file of client_certificate_file", false, 0}},
	{[]int{700024}, row{"the gateway's clock is wrong", installer, "set up NTP on the gateway (timedatectl shows the clock)", false, Retry}},
	{[]int{700016, 700011}, row{"the app is not known in this tenant", customer, "check client_id and tenant, and consent to the app for the organisation: " + consent, true, 0}},
	{[]int{7000229}, row{"the app has not been added to the tenant", customer, "consent to it once for the organisation: " + consent, true, 0}},
	{[]int{7000112}, row{"the app has been disabled in the tenant", customer, "in " + entApp + "Properties, set Enabled for users to sign in to Yes", false, 0}},
	{[]int{90002}, row{"the tenant does not exist", installer, tenantID, false, 0}},
	{[]int{900023}, row{"the tenant is neither an id nor a domain", installer, tenantID, false, 0}},
	{[]int{90038}, row{"the tenant belongs to another national cloud", installer, "set cloud to the customer's cloud and restart roomgate", false, 0}},
	{[]int{50059, 50128}, row{"the request does not say which tenant is meant", installer, tenantID, true, 0}},
	{[]int{50194}, row{"the app serves one tenant only and tenant is set to a shared one", installer, tenantID, true, 0}},
	{[]int{9001023}, row{"this way to sign in does not work with a shared tenant", installer, tenantID, true, 0}},
	{[]int{9002332}, row{"the app takes work accounts only and tenant is set to consumers", installer, tenantID, true, 0}},
	{[]int{50020, 500208, 16000}, row{"the account belongs to another organisation, or is a personal one", owner, "choose an account of the customer's tenant (roomgate login --prompt select_account), or have this one invited as a guest", true, 0}},
	{[]int{50011}, row{"the redirect URI is not registered for the app", customer, "in " + redirects + ", add redirect_uri exactly as configured: scheme, host, path, capitals, last slash", true, 0}},
	{[]int{500113, 900971}, row{"the app has no redirect URI", customer, "in " + redirects + " > Add a platform > Web, add redirect_uri exactly as configured", true, 0}},
	{[]int{65001}, row{"the permissions have not been consented to, or the consent was withdrawn", customer, "press " + consent + ", or let whoever signs in accept them", true, 0}},
	{[]int{65004}, row{"the sign-in was cancelled on the consent page", owner, "sign in again and press Accept", true, 0}},
	{[]int{90094, 90095}, row{"an administrator must consent to the permissions", customer, "press " + consent, true, 0}},
	{[]int{650052, 650056, 650057}, row{"the app asks for a service or a permission the tenant does not give it", customer, "in " + appReg + "API permissions, add the permissions of Microsoft Graph that scopes names and grant admin consent; check that the tenant has Exchange Online", true, 0}},
	{[]int{70011, 28002, 28003}, row{"a scope is empty or not known to Microsoft", installer, "correct scopes and restart roomgate", true, 0}},
	{[]int{50076}, row{"Microsoft wants a second factor", owner, "have it at hand; where it is wanted again and again, the customer's IT excludes the account from the Conditional Access policy", true, 0}},
	{[]int{50079, 50072}, row{"the account must enrol for a second factor", owner, "enrol it at aka.ms/mfasetup", true, 0}},
	{[]int{50074, 50078}, row{"Microsoft wants a stronger sign-in, or the second factor has expired", owner, "have the second factor at hand", true, 0}},
	{[]int{53003}, row{"a Conditional Access policy blocks the sign-in", customer, policies, true, 0}},
	{[]int{53000, 53001, 530032}, row{"a Conditional Access policy wants a managed device", customer, policies + ", or sign in with a browser on a managed device", true, 0}},
	{[]int{530033}, row{"a Conditional Access policy refuses sign-ins by device code", customer, "exclude the account or the app from the policy, or set sign_in = \"code\" and restart roomgate", true, 0}},
	{[]int{530035}, row{"the tenant's security defaults block the sign-in", customer, "see " + overview + " > Properties > Security defaults, and use a sign-in with a second factor", true, 0}},
	{[]int{530084}, row{"a token protection policy blocks the sign-in", customer, policies, true, 0}},
	{[]int{50057}, row{"the account has been disabled", customer, "in " + users + "Properties, set Account enabled", true, 0}},
	{[]int{50053}, row{"the account is locked after many wrong attempts, or the gateway's address is blocked", customer, "if it lasts, see entra.microsoft.com > ID Protection > Risky users and unlock the account or reset its password", true, Wait}},
	{[]int{50055}, row{"the account's password has expired", owner, "change the password", true, 0}},
	{[]int{50126}, row{"user name or password is wrong", owner, "", true, 0}},
	{[]int{50034}, row{"the account does not exist in this tenant", customer, "look in " + overview + " > Users whether it was deleted, and check tenant", true, 0}},
	{[]int{50105}, row{"the account is not assigned to the app", customer, "in " + entApp + "Users and groups, add the account, or in Properties set Assignment required to No", true, 0}},
	{[]int{50173, 50132, 50133}, row{"the sign-in was revoked (password changed or sessions ended)", owner, "", true, 0}},
	{[]int{700082}, row{"the sign-in has lapsed: it was not used for 90 days", owner, "", true, 0}},
	{[]int{70008}, row{"the sign-in or its code has expired or was revoked", owner, "", true, 0}},
	{[]int{700084}, row{"the sign-in has ended: a single-page app's lasts 24 hours", customer, "in " + redirects + ", move the redirect URI from Single-page application to Web", true, 0}},
	{[]int{70043}, row{"a sign-in frequency policy has ended the sign-in", customer, "exclude the account from the Conditional Access policy that sets the sign-in frequency", true, 0}},
	{[]int{70000}, row{"Microsoft does not accept the code or the stored sign-in", owner, wholeAddr, true, 0}},
	{[]int{9002313}, row{"the code was damaged on the way", owner, wholeAddr, true, 0}},
	{[]int{54005}, row{"the code was used before", owner, "begin again: a code works once", true, 0}},
	{[]int{700005}, row{"the code was made for another tenant", installer, "check tenant and restart roomgate", true, 0}},
	{[]int{501481, 50147, 501491}, row{"the code belongs to another sign-in than the one begun here", owner, "begin again, in one window", true, 0}},
	{[]int{70003}, row{"Microsoft does not offer this kind of sign-in", maker, "report it; a proxy that changes requests can be the cause too", true, 0}},
	{[]int{900144, 900561}, row{"part of the request did not reach Microsoft", maker, "look for a proxy that changes requests; without one, report it", true, 0}},
	{[]int{70016}, row{"nobody has entered the device code yet", owner, "enter the code on the page", false, Retry}},
	{[]int{70018, 70019, 70020}, row{"the device code is wrong or was not used in time", owner, "", true, 0}},
	{[]int{90120}, row{"the device code was used before", owner, "", true, 0}},
	{[]int{50196}, row{"Microsoft sees the same request too often", nobody, "if it lasts, look for a second gateway with the same sign-in", false, Wait}},
	{[]int{50097, 50199}, row{"Microsoft wants the person or the device confirmed", owner, "", true, 0}},
	{[]int{90055}, row{"the tenant has too many requests", nobody, "", false, Retry}},
	{[]int{90033, 50000, 50033, 90006, 90024, 70012}, row{"Microsoft's sign-in service has a passing fault", nobody, "", false, Retry}},
	{[]int{90012}, row{"Microsoft's sign-in service took too long", nobody, "", false, Retry}},
}

// rows finds a line by its number.
var rows = func() map[int]row {
	m := map[int]row{}
	for _, l := range lines {
		for _, n := range l.numbers {
			m[n] = l.row
		}
	}
	return m
}()

// families are the "error" values of RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5
// and Microsoft's own, for numbers that have no line.
var families = map[string]row{
	"invalid_grant":             {"Microsoft no longer accepts the sign-in or its code", owner, "", true, 0},
	"interaction_required":      {"Microsoft wants somebody to sign in again", owner, "", true, 0},
	"login_required":            {"Microsoft wants somebody to sign in again", owner, "", true, 0},
	"consent_required":          {"the permissions have not been consented to", customer, "press " + consent, true, 0},
	"invalid_client":            {"Microsoft does not accept the app's secret or certificate", customer, "check them in " + secrets, false, 0},
	"unauthorized_client":       {"the app may not do this in the tenant", customer, "check client_id and tenant, and consent to the app: " + consent, true, 0},
	"access_denied":             {"the sign-in was refused on Microsoft's page", owner, "sign in again and press Accept", true, 0},
	"invalid_scope":             {"a scope is empty or not known to Microsoft", installer, "correct scopes and restart roomgate", true, 0},
	"invalid_tenant":            {"Microsoft does not know the tenant", installer, tenantID, false, 0},
	"invalid_resource":          {"the tenant has no Microsoft Graph under this address", installer, "check cloud, and restart roomgate", true, 0},
	"invalid_request":           {"Microsoft does not understand the request", maker, "look for a proxy that changes requests, check redirect_uri and tenant; otherwise report it", true, 0},
	"unsupported_grant_type":    {"Microsoft does not offer this kind of sign-in", maker, "report it", true, 0},
	"unsupported_response_type": {"Microsoft does not offer this kind of sign-in", maker, "report it", true, 0},
	"authorization_declined":    {"the sign-in was refused on Microsoft's page", owner, "sign in again and accept", true, 0},
	"bad_verification_code":     {"the device code is wrong", owner, "", true, 0},
	"expired_token":             {"the device code was not used in time", owner, "", true, 0},
	"authorization_pending":     {"nobody has entered the device code yet", owner, "enter the code on the page", false, Retry},
	"slow_down":                 {"Microsoft asks to slow down", nobody, "", false, Retry},
	"temporarily_unavailable":   {"Microsoft's sign-in service has a passing fault", nobody, "", false, Retry},
	"server_error":              {"Microsoft's sign-in service has a fault", nobody, "", false, Retry},
}

// rowOf returns the line of the first number that has one.
func rowOf(numbers []int) (row, bool) {
	for _, n := range numbers {
		if r, ok := rows[n]; ok {
			return r, true
		}
	}
	return row{}, false
}

// unknown is the line of a number that has none.
func unknown(code string, number int) row {
	r, ok := families[code]
	if !ok {
		r = row{what: "roomgate does not know this code of Microsoft's sign-in service", who: customer, login: true}
	}
	look := fmt.Sprintf("read what https://login.microsoftonline.com/error?code=%d says, and find the entry in %s by its correlation id", number, logs)
	r.next = strings.TrimPrefix(r.next+"; "+look, "; ")
	return r
}

// action returns what to do for an account, with whom it is up to where that
// is not whoever reads it.
func (r row) action(account string, kind Kind) string {
	next := r.next
	if r.who == customer && next != "" {
		next = "for the customer's IT: " + next
	}
	login := "run: roomgate login " + account
	switch {
	case r.login && kind == App && next == "":
		return "for the customer's IT: check " + secrets + " and API permissions"
	case !r.login || kind == App:
		return next
	case next == "":
		return login
	}
	return next + ", then " + login
}

// Explain says what an error code of Microsoft's sign-in service means:
// "AADSTS7000222", "7000222", an "error" value such as "invalid_grant", or a
// whole message that names a number. The second value is false for a code that
// is not in the dictionary; the advice then says where to look it up.
func Explain(code string) (Advice, bool) {
	code = strings.TrimSpace(code)
	if r, ok := families[strings.ToLower(code)]; ok {
		return r.advice(strings.ToLower(code)), true
	}
	numbers := numbersIn(strings.ToUpper(code))
	if n, err := strconv.Atoi(code); err == nil && n > 0 {
		numbers = []int{n}
	}
	for _, n := range numbers {
		if r, ok := rows[n]; ok {
			return r.advice("AADSTS" + strconv.Itoa(n)), true
		}
	}
	if len(numbers) > 0 {
		return unknown("", numbers[0]).advice("AADSTS" + strconv.Itoa(numbers[0])), false
	}
	r := row{what: "this is no code that roomgate knows", who: customer,
		next: "look for a number that begins with AADSTS in the message, or read learn.microsoft.com/entra/identity-platform/reference-error-codes"}
	return r.advice(clean(code)), false
}

// advice writes the line without an account.
func (r row) advice(code string) Advice {
	own := r
	own.who = "" // it has a place of its own
	return Advice{Code: code, What: r.what, Who: r.who, Next: own.action("<account>", Code), NeedsPerson: r.class == 0}
}
