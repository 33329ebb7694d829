package graph

import (
	"regexp"
	"strconv"
	"strings"

	"roomgate/oauth"
)

// Places in the portal entra.microsoft.com.
const (
	appReg      = "entra.microsoft.com > Entra ID > App registrations > the app > "
	entApp      = "entra.microsoft.com > Entra ID > Enterprise apps > the app > "
	users       = "entra.microsoft.com > Entra ID > Users > the account > "
	overview    = "entra.microsoft.com > Entra ID > Overview"
	logs        = "entra.microsoft.com > Entra ID > Monitoring & health > Sign-in logs"
	secretsPage = appReg + "Certificates & secrets"
	consent     = appReg + "API permissions > Grant admin consent"
	redirects   = appReg + "Authentication"
	policies    = "open " + logs + ", the entry with the correlation id that the log of the gateway has, its tab Conditional Access: it names the policy; exclude the account from it"
	newSecret   = "in " + secretsPage + " > New client secret, copy its Value (not its Secret ID), put it into client_secret and restart roomgate"
	tenantID    = "copy the Tenant ID from " + overview + " into tenant, check cloud, and restart roomgate"
)

// signInLines are the dictionary of Microsoft's error numbers
// (learn.microsoft.com/entra/identity-platform/reference-error-codes).
var signInLines = []struct {
	numbers []int
	explanation
}{
	{[]int{7000215}, explanation{"the client secret is wrong", installer, newSecret, false, user}},
	{[]int{7000222}, explanation{"the client secret or certificate has expired", customer, "in " + secretsPage + ", make a new secret (copy its Value) or upload a new certificate; then put it into client_secret or client_certificate_file and restart roomgate", false, user}},
	{[]int{7000218}, explanation{"the app sent no secret, or does not allow sign-ins by device code", installer, "with sign_in = \"device\" set Allow public client flows to Yes in " + redirects + " > Advanced settings; otherwise set client_secret and restart roomgate", false, user}},
	{[]int{700025}, explanation{"the app is a public client and must not send a secret", installer, "remove client_secret, or move the redirect URI to the platform Web in " + redirects + ", and restart roomgate", false, user}},
	{[]int{700027, 50012}, explanation{"Microsoft does not know the gateway's certificate, or it has expired", customer, "in " + secretsPage + " > Certificates > Upload certificate, upload the file of client_certificate_file", false, user}},
	{[]int{700024}, explanation{"the gateway's clock is wrong", installer, "set up NTP on the gateway (timedatectl shows the clock)", false, passing}},
	{[]int{700016, 700011}, explanation{"the app is not known in this tenant", customer, "check client_id and tenant, and consent to the app for the organisation: " + consent, true, user}},
	{[]int{7000229}, explanation{"the app has not been added to the tenant", customer, "consent to it once for the organisation: " + consent, true, user}},
	{[]int{7000112}, explanation{"the app has been disabled in the tenant", customer, "in " + entApp + "Properties, set Enabled for users to sign in to Yes", false, user}},
	{[]int{90002}, explanation{"the tenant does not exist", installer, tenantID, false, user}},
	{[]int{900023}, explanation{"the tenant is neither an id nor a domain", installer, tenantID, false, user}},
	{[]int{90038}, explanation{"the tenant belongs to another national cloud", installer, "set cloud to the customer's cloud and restart roomgate", false, user}},
	{[]int{50059, 50128}, explanation{"the request does not say which tenant is meant", installer, tenantID, true, user}},
	{[]int{50194}, explanation{"the app serves one tenant only and tenant is set to a shared one", installer, tenantID, true, user}},
	{[]int{9001023}, explanation{"this way to sign in does not work with a shared tenant", installer, tenantID, true, user}},
	{[]int{9002332}, explanation{"the app accepts work accounts only and tenant is set to consumers", installer, tenantID, true, user}},
	{[]int{50020, 500208, 16000}, explanation{"the account belongs to another organisation, or is a personal one", owner, "choose an account of the customer's tenant (--prompt select_account makes Microsoft ask for it), or have this one invited as a guest", true, user}},
	{[]int{50011}, explanation{"the redirect URI is not registered for the app", customer, "in " + redirects + ", add redirect_uri exactly as configured: scheme, host, path, capitals, last slash", true, user}},
	{[]int{500113, 900971}, explanation{"the app has no redirect URI", customer, "in " + redirects + " > Add a platform > Web, add redirect_uri exactly as configured", true, user}},
	{[]int{65001}, explanation{"the permissions have not been consented to, or the consent was withdrawn", customer, "press " + consent + ", or let the user accept them at the sign-in", true, user}},
	{[]int{65004}, explanation{"the sign-in was cancelled on the consent page", owner, "sign in again and press Accept", true, user}},
	{[]int{90094, 90095}, explanation{"an administrator must consent to the permissions", customer, "press " + consent, true, user}},
	{[]int{650052, 650056, 650057}, explanation{"the app asks for a service or a permission the tenant does not give it", customer, "in " + appReg + "API permissions, add the permissions of Microsoft Graph that scopes names and grant admin consent; check that the tenant has Exchange Online", true, user}},
	{[]int{70011, 28002, 28003}, explanation{"a scope is empty or not known to Microsoft", installer, "correct scopes and restart roomgate", true, user}},
	{[]int{50076}, explanation{"Microsoft requires a second factor", owner, "have it at hand; if it is required repeatedly, the customer's IT excludes the account from the Conditional Access policy", true, user}},
	{[]int{50079, 50072}, explanation{"the account must enrol for a second factor", owner, "enrol it at aka.ms/mfasetup", true, user}},
	{[]int{50074, 50078}, explanation{"Microsoft requires a stronger sign-in, or the second factor has expired", owner, "have the second factor at hand", true, user}},
	{[]int{53003}, explanation{"a Conditional Access policy blocks the sign-in", customer, policies, true, user}},
	{[]int{53000, 53001, 530032}, explanation{"a Conditional Access policy requires a managed device", customer, policies + ", or sign in with a browser on a managed device", true, user}},
	{[]int{530033}, explanation{"a Conditional Access policy refuses sign-ins by device code", customer, "exclude the account or the app from the policy, or set sign_in = \"code\" and restart roomgate", true, user}},
	{[]int{530035}, explanation{"the tenant's security defaults block the sign-in", customer, "see " + overview + " > Properties > Security defaults, and use a sign-in with a second factor", true, user}},
	{[]int{530084}, explanation{"a token protection policy blocks the sign-in", customer, policies, true, user}},
	{[]int{50057}, explanation{"the account has been disabled", customer, "in " + users + "Properties, set Account enabled", true, user}},
	{[]int{50053}, explanation{"the account is locked after many wrong attempts, or the gateway's address is blocked", customer, "if it lasts, see entra.microsoft.com > ID Protection > Risky users and unlock the account or reset its password", true, oauth.Wait}},
	{[]int{50055}, explanation{"the account's password has expired", owner, "change the password", true, user}},
	{[]int{50126}, explanation{"user name or password is wrong", owner, "", true, user}},
	{[]int{50034}, explanation{"the account does not exist in this tenant", customer, "look in " + overview + " > Users whether it was deleted, and check tenant", true, user}},
	{[]int{50105}, explanation{"the account is not assigned to the app", customer, "in " + entApp + "Users and groups, add the account, or in Properties set Assignment required to No", true, user}},
	{[]int{50173, 50132, 50133}, explanation{"the sign-in was revoked (password changed or sessions ended)", owner, "", true, user}},
	{[]int{700082}, explanation{"the sign-in has expired: it was not used for 90 days", owner, "", true, user}},
	{[]int{70008}, explanation{"the sign-in or its code has expired or was revoked", owner, "", true, user}},
	{[]int{700084}, explanation{"the sign-in has ended: a single-page app's lasts 24 hours", customer, "in " + redirects + ", move the redirect URI from Single-page application to Web", true, user}},
	{[]int{70043}, explanation{"a sign-in frequency policy has ended the sign-in", customer, "exclude the account from the Conditional Access policy that sets the sign-in frequency", true, user}},
	{[]int{70000}, explanation{"Microsoft does not accept the code or the stored sign-in; paste the whole address that the browser shows", owner, "", true, user}},
	{[]int{9002313}, explanation{"Microsoft cannot read the code or the stored sign-in; a code may have been damaged in transit; paste the whole address that the browser shows", owner, "", true, user}},
	{[]int{54005}, explanation{"the code was used before; a code works once", owner, "", true, user}},
	{[]int{700005}, explanation{"the code was made for another tenant", installer, "check tenant and restart roomgate", true, user}},
	{[]int{501481, 50147, 501491}, explanation{"the code belongs to a different sign-in than the one started here; sign in within one window", owner, "", true, user}},
	{[]int{70003}, explanation{"Microsoft does not offer this kind of sign-in", maker, "report it; a proxy that changes requests can be the cause too", true, user}},
	{[]int{900144, 900561}, explanation{"part of the request did not reach Microsoft", maker, "look for a proxy that changes requests; without one, report it", true, user}},
	{[]int{70016}, explanation{"nobody has entered the device code yet", owner, "enter the code on the page", false, passing}},
	{[]int{70018, 70019, 70020}, explanation{"the device code is wrong or was not used in time", owner, "", true, user}},
	{[]int{90120}, explanation{"the device code was used before", owner, "", true, user}},
	{[]int{50196}, explanation{"Microsoft sees the same request too often", nobody, "if it lasts, look for a second gateway with the same sign-in", false, oauth.Wait}},
	{[]int{50097, 50199}, explanation{"Microsoft requires confirmation of the user or the device", owner, "", true, user}},
	{[]int{90055}, explanation{"the tenant has too many requests", nobody, "", false, passing}},
	{[]int{90033, 50000, 50033, 90006, 90024, 70012}, explanation{"Microsoft's sign-in service has a temporary fault", nobody, "", false, passing}},
	{[]int{90012}, explanation{"Microsoft's sign-in service took too long", nobody, "", false, passing}},
}

// signInNumbers is the dictionary by number.
var signInNumbers = func() map[int]explanation {
	m := map[int]explanation{}
	for _, l := range signInLines {
		for _, n := range l.numbers {
			m[n] = l.explanation
		}
	}
	return m
}()

// credentialExpired is the number of a client secret or certificate that has ended.
const credentialExpired = 7000222

// signInErrors are the "error" values of RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5
// and Microsoft's own, for numbers that have no line.
var signInErrors = map[string]explanation{
	"invalid_grant":             {"Microsoft no longer accepts the sign-in or its code", owner, "", true, user},
	"interaction_required":      {"Microsoft requires a new sign-in", owner, "", true, user},
	"login_required":            {"Microsoft requires a new sign-in", owner, "", true, user},
	"consent_required":          {"the permissions have not been consented to", customer, "press " + consent, true, user},
	"invalid_client":            {"Microsoft does not accept the app's secret or certificate", customer, "check them in " + secretsPage, false, user},
	"unauthorized_client":       {"the app may not do this in the tenant", customer, "check client_id and tenant, and consent to the app: " + consent, true, user},
	"access_denied":             {"the sign-in was refused on Microsoft's page", owner, "sign in again and press Accept", true, user},
	"invalid_scope":             {"a scope is empty or not known to Microsoft", installer, "correct scopes and restart roomgate", true, user},
	"invalid_tenant":            {"Microsoft does not know the tenant", installer, tenantID, false, user},
	"invalid_resource":          {"the tenant has no Microsoft Graph under this address", installer, "check cloud, and restart roomgate", true, user},
	"invalid_request":           {"Microsoft does not understand the request", maker, "look for a proxy that changes requests, check redirect_uri and tenant; otherwise report it", true, user},
	"unsupported_grant_type":    {"Microsoft does not offer this kind of sign-in", maker, "report it", true, user},
	"unsupported_response_type": {"Microsoft does not offer this kind of sign-in", maker, "report it", true, user},
	"authorization_declined":    {"the sign-in was refused on Microsoft's page", owner, "sign in again and accept", true, user},
	"bad_verification_code":     {"the device code is wrong", owner, "", true, user},
	"expired_token":             {"the device code was not used in time", owner, "", true, user},
	"authorization_pending":     {"nobody has entered the device code yet", owner, "enter the code on the page", false, passing},
	"slow_down":                 {"Microsoft asks to slow down", nobody, "", false, passing},
	"temporarily_unavailable":   {"Microsoft's sign-in service has a temporary fault", nobody, "", false, passing},
	"server_error":              {"Microsoft's sign-in service has a fault", nobody, "", false, passing},
}

// diagnose says what an error response of the identity platform means; false: its
// "error" is not known and there is no number, so a proxy may have written it. It
// classifies by the "error" value, as Microsoft asks
// (learn.microsoft.com/entra/identity-platform/reference-error-codes); only the
// few numbers whose "error" misleads override it. An app is never asked to sign in.
func diagnose(r oauth.ErrorResponse, app bool) (oauth.Diagnosis, bool) {
	numbers := numbersOf(r)
	if _, known := signInErrors[r.Code]; !known && (r.Code == "" || len(numbers) == 0) {
		return oauth.Diagnosis{}, false
	}
	d := oauth.Diagnosis{Class: oauth.StandardClass(r), Reason: firstSentence(r.Description)}
	for _, n := range numbers {
		d.Codes = append(d.Codes, "AADSTS"+strconv.Itoa(n))
	}
	d.Codes = append(d.Codes, r.Code, textOf(r, "suberror"))
	d.References = referencesOf(r)
	e, known := numbered(numbers)
	switch {
	case known:
		d.Reason = e.what
		if e.class != user {
			d.Class = e.class
		}
	case d.Class != oauth.Person:
		e = explanation{}
	case len(numbers) > 0:
		e = unknownNumber(r.Code, numbers[0])
	default:
		if e = signInErrors[r.Code]; e.what == "" {
			e.login = true
		}
	}
	if d.Reason == "" {
		d.Reason = signInErrors[r.Code].what
	}
	d.Action, d.SignIn = e.action(), e.login && !app
	if app && e.login && e.next == "" {
		d.Action = "for the customer's IT: check " + secretsPage + " and API permissions"
	}
	return d, true
}

// textOf returns a text of an error response.
func textOf(r oauth.ErrorResponse, field string) string {
	text, _ := r.Fields[field].(string)
	return text
}

// referencesOf returns the ids of an attempt: those of a response of the token
// endpoint, else those in the description that a browser brings back.
func referencesOf(r oauth.ErrorResponse) []string {
	var references []string
	for _, id := range []struct{ field, name string }{{"trace_id", "trace id"}, {"correlation_id", "correlation id"}} {
		v := textOf(r, id.field)
		if v == "" {
			for _, m := range traceIDs.FindAllStringSubmatch(r.Description, -1) {
				if strings.EqualFold(m[1], id.name) {
					v = m[2]
				}
			}
		}
		if v != "" {
			references = append(references, id.name+" "+v)
		}
	}
	return references
}

// numbersOf returns the error numbers of a response.
func numbersOf(r oauth.ErrorResponse) []int {
	var numbers []int
	list, _ := r.Fields["error_codes"].([]any)
	for _, v := range list {
		if n, ok := v.(float64); ok {
			numbers = append(numbers, int(n))
		}
	}
	if len(numbers) == 0 {
		numbers = numbersIn(r.Description)
	}
	return numbers
}

// numbered returns the line of the first number that has one.
func numbered(numbers []int) (explanation, bool) {
	for _, n := range numbers {
		if e, ok := signInNumbers[n]; ok {
			return e, true
		}
	}
	return explanation{}, false
}

// unknownNumber is the line of a number that has none.
func unknownNumber(code string, number int) explanation {
	e, ok := signInErrors[code]
	if !ok {
		e = explanation{what: "roomgate does not know this code of Microsoft's sign-in service", who: customer, login: true}
	}
	look := "read what " + errorPage + strconv.Itoa(number) + " says, and find the entry in " + logs + " by the correlation id that the log of the gateway has"
	e.next = strings.TrimPrefix(e.next+"; "+look, "; ")
	return e
}

// errorPage is Microsoft's page about an error number.
const errorPage = "https://login.microsoftonline.com/error?code="

var (
	aadsts        = regexp.MustCompile(`AADSTS(\d{1,9})`)
	leadingNumber = regexp.MustCompile(`^AADSTS\d+:\s*`)
	traceIDs      = regexp.MustCompile(`(?i)(trace id|correlation id):\s*([0-9a-f-]{8,36})`)
	traceLines    = regexp.MustCompile(`(?is)\s*(trace id|correlation id|timestamp):.*`)
)

// numbersIn returns the AADSTS numbers a text names.
func numbersIn(text string) []int {
	var numbers []int
	for _, m := range aadsts.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// firstSentence returns the first sentence of a description, without the number
// in front and the ids behind it.
func firstSentence(description string) string {
	return oauth.Sentence(traceLines.ReplaceAllString(leadingNumber.ReplaceAllString(description, ""), ""))
}
