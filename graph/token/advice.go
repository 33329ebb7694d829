package token

// advice is what a number of Microsoft's means to the people on site.
type advice struct {
	words string // what is wrong
	next  string // what to do about it, in the imperative
	login bool   // a new sign-in is (the last) part of what to do
	class Class  // overrides the class by "error" value; 0: it does not
}

const (
	certificates = "in entra.microsoft.com, App registrations, the app, Certificates & secrets"
	policies     = "ask the customer's IT which Conditional Access policy it was (Sign-in logs, by trace id) and to exempt the account"
)

// advices is the one table of Microsoft's error numbers
// (learn.microsoft.com/entra/identity-platform/reference-error-codes).
var advices = map[int]advice{
	7000215: {words: "the client secret is wrong", next: certificates + ", make a new secret, put its Value (not its Secret ID) into client_secret and restart roomgate"},
	7000222: {words: "the client secret has expired", next: certificates + ", make a new secret, put its Value into client_secret and restart roomgate"},
	7000218: {words: "the app needs a client secret and none was sent", next: "set client_secret and restart roomgate"},
	700025:  {words: "the app is a public client and must not send a secret", next: "remove client_secret, or register the redirect URI under the platform Web, and restart roomgate"},
	700016:  {words: "the app is not known in this tenant", next: "check client_id and tenant, and have the customer's administrator consent to the app", login: true},
	7000112: {words: "the app has been disabled in the tenant", next: "in entra.microsoft.com, Enterprise apps, the app, Properties, enable it for sign-in"},
	700024:  {words: "the gateway's clock is wrong", next: "set up NTP on the gateway (timedatectl shows the clock)", class: Retry},

	90002:   {words: "the tenant does not exist", next: "copy the Tenant ID from the tenant's Overview page into tenant, check cloud, and restart roomgate"},
	900023:  {words: "the tenant is neither an id nor a domain", next: "copy the Tenant ID from the tenant's Overview page into tenant and restart roomgate"},
	90038:   {words: "the tenant belongs to another national cloud", next: "set cloud to the customer's cloud and restart roomgate"},
	50194:   {words: "the app serves one tenant only and tenant is set to a shared one", next: "put the tenant's id into tenant, restart roomgate", login: true},
	50020:   {words: "the account belongs to another organisation", login: true, next: "choose an account of the customer's tenant, or have this one invited as a guest"},
	50034:   {words: "the account does not exist in this tenant", login: true, next: "check with the customer's IT whether the account was deleted"},
	50057:   {words: "the account has been disabled", login: true, next: "have the customer's IT enable the account"},
	50105:   {words: "the account is not assigned to the app", login: true, next: "in entra.microsoft.com, Enterprise apps, the app, Users and groups, add the account"},
	50053:   {words: "the account is locked after many wrong attempts", next: "wait; if it lasts, have the customer's IT unlock the account", login: true, class: Wait},
	50055:   {words: "the account's password has expired", login: true, next: "change the password"},
	50126:   {words: "user name or password is wrong", login: true},
	50011:   {words: "the redirect URI is not registered for the app", login: true, next: "in entra.microsoft.com, App registrations, the app, Authentication, add redirect_uri exactly as configured"},
	65001:   {words: "the permissions have not been consented to", login: true, next: "have an administrator press Grant admin consent under API permissions, or accept them yourself"},
	65004:   {words: "the sign-in was cancelled on the consent page", login: true},
	90094:   {words: "an administrator must consent to the permissions", login: true, next: "have an administrator press Grant admin consent under API permissions"},
	70011:   {words: "a scope is not known to Microsoft", login: true, next: "correct scopes, restart roomgate"},
	50076:   {words: "Microsoft wants a second factor", login: true},
	50079:   {words: "the account must enrol for a second factor", login: true, next: "enrol it at aka.ms/mfasetup"},
	50074:   {words: "Microsoft wants a stronger sign-in", login: true},
	50078:   {words: "the second factor has expired", login: true},
	53003:   {words: "a Conditional Access policy blocks the sign-in", login: true, next: policies},
	53000:   {words: "a Conditional Access policy wants a managed device", login: true, next: policies},
	50173:   {words: "the sign-in was revoked (password changed or sessions ended)", login: true},
	50132:   {words: "the sign-in was revoked (password changed or sessions ended)", login: true},
	50133:   {words: "the sign-in was revoked (password changed or sessions ended)", login: true},
	700082:  {words: "the sign-in has lapsed: it was not used for 90 days", login: true},
	70008:   {words: "the sign-in or its code has expired or was revoked", login: true},
	700084:  {words: "the sign-in has ended: a single-page app's lasts 24 hours", login: true, next: "register the redirect URI under the platform Web, not Single-page application"},
	70043:   {words: "a sign-in frequency policy has ended the sign-in", login: true, next: "have the account exempted from the sign-in frequency policy"},
	70000:   {words: "Microsoft does not accept the code or the stored sign-in", login: true},
	54005:   {words: "the code was used before", login: true},
	9002313: {words: "the code was damaged on the way", login: true, next: "copy the whole address"},
	501481:  {words: "the code belongs to another sign-in than the one begun here", login: true},

	50196: {words: "Microsoft sees the same request too often", class: Wait},
	90055: {words: "the tenant has too many requests", class: Retry},
	90033: {words: "Microsoft's sign-in service has a passing fault", class: Retry},
	50000: {words: "Microsoft's sign-in service has a fault", class: Retry},
	50033: {words: "Microsoft's sign-in service has a passing fault", class: Retry},
	90006: {words: "Microsoft's sign-in service has a fault", class: Retry},
	90012: {words: "Microsoft's sign-in service took too long", class: Retry},
	90024: {words: "Microsoft's sign-in service has a passing fault", class: Retry},
	70012: {words: "Microsoft's sign-in service has a fault", class: Retry},
}
