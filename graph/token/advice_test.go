package token

import (
	"strings"
	"testing"
)

// TestDictionary holds every code that learn.microsoft.com/entra/identity-platform/reference-error-codes
// and installers' reports name for a gateway: what heals it, and a word of where that is.
func TestDictionary(t *testing.T) {
	const p, r, w = Person, Retry, Wait
	for _, test := range []struct {
		code  string
		class Class
		next  string
	}{
		{"7000215", p, "copy its Value (not its Secret ID)"}, {"7000222", p, "Certificates & secrets"}, {"7000218", p, "Allow public client flows"},
		{"700025", p, "remove client_secret"}, {"700027", p, "Upload certificate"}, {"50012", p, "Upload certificate"}, {"700024", r, "NTP"},
		{"700016", p, "client_id and tenant"}, {"700011", p, "client_id and tenant"}, {"7000229", p, "Grant admin consent"}, {"7000112", p, "Enabled for users to sign in"},
		{"90002", p, "Tenant ID"}, {"900023", p, "Tenant ID"}, {"90038", p, "set cloud"}, {"50059", p, "Tenant ID"}, {"50128", p, "Tenant ID"},
		{"50194", p, "Tenant ID"}, {"9001023", p, "Tenant ID"}, {"9002332", p, "Tenant ID"},
		{"50020", p, "invited as a guest"}, {"500208", p, "invited as a guest"}, {"16000", p, "select_account"},
		{"50011", p, "add redirect_uri exactly"}, {"500113", p, "Add a platform"}, {"900971", p, "Add a platform"},
		{"65001", p, "Grant admin consent"}, {"65004", p, "Accept"}, {"90094", p, "Grant admin consent"}, {"90095", p, "Grant admin consent"},
		{"650052", p, "API permissions"}, {"650056", p, "API permissions"}, {"650057", p, "API permissions"},
		{"70011", p, "scopes"}, {"28002", p, "scopes"}, {"28003", p, "scopes"},
		{"50076", p, "Conditional Access"}, {"50079", p, "aka.ms/mfasetup"}, {"50072", p, "aka.ms/mfasetup"}, {"50074", p, "second factor"}, {"50078", p, "second factor"},
		{"53003", p, "tab Conditional Access"}, {"53000", p, "managed device"}, {"53001", p, "managed device"}, {"530032", p, "managed device"},
		{"530033", p, `sign_in = "code"`}, {"530035", p, "Security defaults"}, {"530084", p, "Conditional Access"},
		{"50057", p, "Account enabled"}, {"50053", w, "Risky users"}, {"50055", p, "change the password"}, {"50126", p, "roomgate login"},
		{"50034", p, "deleted"}, {"50105", p, "Users and groups"}, {"50173", p, "roomgate login"}, {"50132", p, "roomgate login"}, {"50133", p, "roomgate login"},
		{"700082", p, "roomgate login"}, {"70008", p, "roomgate login"}, {"700084", p, "to Web"}, {"70043", p, "sign-in frequency"},
		{"70000", p, "whole address"}, {"54005", p, "works once"}, {"700005", p, "check tenant"},
		{"501481", p, "one window"}, {"50147", p, "one window"}, {"501491", p, "one window"}, {"70003", p, "report it"},
		{"900144", p, "proxy"}, {"900561", p, "proxy"}, {"9002313", p, "whole address"}, {"70016", r, "enter the code"},
		{"70018", p, "roomgate login"}, {"70019", p, "roomgate login"}, {"70020", p, "roomgate login"}, {"90120", p, "roomgate login"},
		{"50196", w, "second gateway"}, {"50097", p, "roomgate login"}, {"50199", p, "roomgate login"},
		{"90055", r, ""}, {"90033", r, ""}, {"50000", r, ""}, {"50033", r, ""}, {"90006", r, ""}, {"90012", r, ""}, {"90024", r, ""}, {"70012", r, ""},
	} {
		a, known := Explain("AADSTS" + test.code)
		if !known || a.Code != "AADSTS"+test.code || a.What == "" || a.Who == "" || !strings.Contains(a.Next, test.next) {
			t.Errorf("AADSTS%s: %+v, %v; want words with %q", test.code, a, known, test.next)
		}
		class := rows[numbersIn(a.Code)[0]].class
		if class == 0 {
			class = Person
		}
		if class != test.class || a.NeedsPerson != (test.class == p) {
			t.Errorf("AADSTS%s: class %s, needs a person %v; want %s", test.code, class, a.NeedsPerson, test.class)
		}
	}
}

func TestExplainForms(t *testing.T) {
	for code, want := range map[string]string{
		"AADSTS50173": "AADSTS50173", " aadsts50173 ": "AADSTS50173", "50173": "AADSTS50173",
		"AADSTS50173: The provided grant has expired. Trace ID: 5b0c": "AADSTS50173",
		"AADSTS70002: Error. AADSTS54005: Already redeemed.":          "AADSTS54005",
		"invalid_grant": "invalid_grant", "Expired_Token": "expired_token", "temporarily_unavailable": "temporarily_unavailable",
	} {
		if a, known := Explain(code); !known || a.Code != want || a.What == "" {
			t.Errorf("%q: %+v, %v; want %s", code, a, known, want)
		}
	}
	for code, words := range map[string]string{
		"AADSTS123456": "https://login.microsoftonline.com/error?code=123456", "123456": "Sign-in logs", "rubbish": "AADSTS", "": "AADSTS",
	} {
		if a, known := Explain(code); known || !a.NeedsPerson || a.What == "" || a.Who == "" || !strings.Contains(a.Next, words) {
			t.Errorf("%q: %+v, %v; want an unknown code and words with %q", code, a, known, words)
		}
	}
}

// TestWordsOfUnknownNumbers: Microsoft's own sentence, and what its kind of error asks for.
func TestWordsOfUnknownNumbers(t *testing.T) {
	for _, test := range []struct{ code, reason, action string }{
		{"invalid_client", "words of Microsoft's (AADSTS999, invalid_client, correlation id 91d2)", "Certificates & secrets"},
		{"consent_required", "words of Microsoft's (AADSTS999, consent_required, correlation id 91d2)", "Grant admin consent"},
		{"never_heard_of", "words of Microsoft's (AADSTS999, never_heard_of, correlation id 91d2)", "then run: roomgate login rooms"},
	} {
		e := &Error{Account: "rooms", Class: Person, Details: Details{Code: test.code, AADSTS: []int{999}, Description: "words of Microsoft's", CorrelationID: "91d2"}}
		if e.Reason() != test.reason || !strings.Contains(e.Action(), test.action) || !strings.Contains(e.Action(), "error?code=999") {
			t.Errorf("%s\n%s", e.Reason(), e.Action())
		}
	}
}

// TestAnAppIsNeverToldToSignIn: there is nobody to do it.
func TestAnAppIsNeverToldToSignIn(t *testing.T) {
	for number, r := range rows {
		e := &Error{Account: "rooms", kind: App, Class: Person, Details: Details{AADSTS: []int{number}}}
		if a := e.Action(); strings.Contains(a, "roomgate login rooms") || (r.class == 0 && a == "") {
			t.Errorf("AADSTS%d: %q", number, a)
		}
	}
	for code := range families {
		e := &Error{Account: "rooms", kind: App, Class: Person, Details: Details{Code: code}}
		if a := e.Action(); a == "" && e.Reason() == "" || strings.Contains(a, "roomgate login rooms") {
			t.Errorf("%s: %q", code, a)
		}
	}
}
