package graph

import (
	"fmt"
	"strings"
	"testing"

	"roomgate/oauth"
)

// TestSignInDictionary holds every code that learn.microsoft.com/entra/identity-platform/reference-error-codes
// and installers' reports name for a gateway: what resolves it, and a word of where that is.
func TestSignInDictionary(t *testing.T) {
	const p, r, w = oauth.Person, oauth.Retry, oauth.Wait
	for _, test := range []struct {
		code  string
		class oauth.Class
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
		{"70000", p, "roomgate login"}, {"54005", p, "roomgate login"}, {"700005", p, "check tenant"},
		{"501481", p, "roomgate login"}, {"50147", p, "roomgate login"}, {"501491", p, "roomgate login"}, {"70003", p, "report it"},
		{"900144", p, "proxy"}, {"900561", p, "proxy"}, {"9002313", p, "roomgate login"}, {"70016", r, "enter the code"},
		{"70018", p, "roomgate login"}, {"70019", p, "roomgate login"}, {"70020", p, "roomgate login"}, {"90120", p, "roomgate login"},
		{"50196", w, "second gateway"}, {"50097", p, "roomgate login"}, {"50199", p, "roomgate login"},
		{"90055", r, ""}, {"90033", r, ""}, {"50000", r, ""}, {"50033", r, ""}, {"90006", r, ""}, {"90012", r, ""}, {"90024", r, ""}, {"70012", r, ""},
	} {
		a := Explain("AADSTS"+test.code, "roomgate")
		if !a.Known || a.Code != "AADSTS"+test.code || a.What == "" || a.Who == "" || !strings.Contains(a.Next, test.next) {
			t.Errorf("AADSTS%s: %+v; want a next step with %q", test.code, a, test.next)
		}
		if a.Page != "https://login.microsoftonline.com/error?code="+test.code || !strings.Contains(a.Logs, "Sign-in logs") {
			t.Errorf("AADSTS%s: page %q, logs %q", test.code, a.Page, a.Logs)
		}
		d := diagnosisOf(t, 400, "invalid_grant", test.code)
		if d.Class != test.class || a.NeedsPerson != (test.class == p) {
			t.Errorf("AADSTS%s: class %s, needs a person %v; want %s", test.code, d.Class, a.NeedsPerson, test.class)
		}
	}
}

// What went wrong with a code that a person carried says what to do differently
// when signing in again.
func TestSignInDictionaryOfCodes(t *testing.T) {
	for code, words := range map[string]string{
		"70000": "whole address", "9002313": "whole address", "54005": "works once",
		"501481": "one window", "50147": "one window", "501491": "one window",
	} {
		if a := Explain("AADSTS"+code, "roomgate"); !strings.Contains(a.What, words) {
			t.Errorf("AADSTS%s: %q; want words with %q", code, a.What, words)
		}
	}
}

// diagnosisOf is what an error response with a number means to a person's account.
func diagnosisOf(t *testing.T, status int, code, number string) oauth.Diagnosis {
	t.Helper()
	d, ok := diagnose(responseOf(status, code, number), false)
	if !ok {
		t.Errorf("%d %s AADSTS%s: not taken for an error response", status, code, number)
	}
	return d
}

// responseOf is an error response as the identity platform sends it.
func responseOf(status int, code, number string) oauth.ErrorResponse {
	description := "AADSTS" + number + ": Something is wrong here. And more of it.\r\nTrace ID: 5b0c Correlation ID: 91d2 Timestamp: 2026-11-03 07:41:12Z"
	return oauth.ErrorResponse{Status: status, Code: code, Description: description, Fields: map[string]any{
		"error": code, "error_description": description, "suberror": "basic_action", "trace_id": "5b0c0f2e", "correlation_id": "91d2a7c4"}}
}

func TestExplainForms(t *testing.T) {
	for code, want := range map[string]string{
		"AADSTS50173": "AADSTS50173", " aadsts50173 ": "AADSTS50173", "50173": "AADSTS50173",
		"AADSTS50173: The provided grant has expired. Trace ID: 5b0c": "AADSTS50173",
		"AADSTS70002: Error. AADSTS54005: Already redeemed.":          "AADSTS54005",
		"invalid_grant": "invalid_grant", "Expired_Token": "expired_token", "temporarily_unavailable": "temporarily_unavailable",
		`{"error":"invalid_grant"}`: "invalid_grant", "HTTP 404 ErrorItemNotFound: not found": "ErrorItemNotFound",
		"account rooms: refresh the sign-in: revoked (AADSTS50173, invalid_grant)": "AADSTS50173",
		"denied: [RAOP] : Blocked by tenant policy":                                "[RAOP]",
	} {
		if a := Explain(code, "roomgate"); !a.Known || a.Code != want || a.What == "" {
			t.Errorf("%q: %+v; want %s", code, a, want)
		}
	}
	for code, words := range map[string]string{
		"AADSTS123456": "https://login.microsoftonline.com/error?code=123456", "123456": "Sign-in logs", "rubbish": "AADSTS", "": "AADSTS",
		"HTTP 404": "AADSTS", "404": "AADSTS",
	} {
		if a := Explain(code, "roomgate"); a.Known || !a.NeedsPerson || a.Code == "" || a.What == "" || a.Who == "" || !strings.Contains(a.Next, words) {
			t.Errorf("%q: %+v; want an unknown code and words with %q", code, a, words)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		status int
		code   string
		number string
		want   oauth.Class
	}{
		{400, "invalid_grant", "50173", oauth.Person},
		{400, "invalid_grant", "700082", oauth.Person},
		{400, "invalid_grant", "123456789", oauth.Person},
		{400, "interaction_required", "50076", oauth.Person},
		{400, "consent_required", "65001", oauth.Person},
		{401, "invalid_client", "7000222", oauth.Person},
		{401, "invalid_client", "700024", oauth.Retry},
		{400, "unauthorized_client", "700016", oauth.Person},
		{400, "invalid_scope", "70011", oauth.Person},
		{400, "invalid_tenant", "90002", oauth.Person},
		{400, "invalid_request", "90038", oauth.Person},
		{400, "invalid_grant", "50053", oauth.Wait},
		{400, "invalid_grant", "50196", oauth.Wait},
		{429, "invalid_request", "90055", oauth.Retry},
		{400, "invalid_request", "90055", oauth.Retry},
		{503, "temporarily_unavailable", "90033", oauth.Retry},
		{400, "temporarily_unavailable", "1", oauth.Retry},
		{400, "server_error", "50000", oauth.Retry},
		{500, "invalid_grant", "1", oauth.Retry},
	} {
		d := diagnosisOf(t, test.status, test.code, test.number)
		if d.Class != test.want {
			t.Errorf("%d %s AADSTS%s: class %s, want %s", test.status, test.code, test.number, d.Class, test.want)
		}
		if d.Class == oauth.Person && d.Action == "" && !d.SignIn {
			t.Errorf("%d %s AADSTS%s: user action is required and there is no next step", test.status, test.code, test.number)
		}
	}
}

func TestDiagnosis(t *testing.T) {
	d := diagnosisOf(t, 400, "invalid_grant", "50076")
	want := oauth.Diagnosis{Class: oauth.Person, Reason: "Microsoft requires a second factor",
		Codes: []string{"AADSTS50076", "invalid_grant", "basic_action"}, References: []string{"trace id 5b0c0f2e", "correlation id 91d2a7c4"},
		Action: "have it at hand; if it is required repeatedly, the customer's IT excludes the account from the Conditional Access policy", SignIn: true}
	if fmt.Sprint(d) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
	// What a browser brings back has the ids in the description.
	d, _ = diagnose(oauth.ErrorResponse{Status: 400, Code: "access_denied", Description: "AADSTS65004: User declined to consent.\r\nTrace ID: 5b0c0f2e-1\r\nCorrelation ID: 91d2a7c4-2\r\nTimestamp: 2026-11-03"}, false)
	if got := strings.Join(d.References, ", "); got != "trace id 5b0c0f2e-1, correlation id 91d2a7c4-2" {
		t.Errorf("references %q", got)
	}
	r := responseOf(400, "invalid_grant", "1")
	r.Fields["error_codes"] = []any{50173.0, "x"}
	if d, _ := diagnose(r, false); d.Codes[0] != "AADSTS50173" || !strings.Contains(d.Reason, "revoked") {
		t.Errorf("the field error_codes is not used: %+v", d)
	}
	for _, r := range []oauth.ErrorResponse{
		{Status: 403, Fields: map[string]any{"message": "x"}},
		{Status: 403, Code: "Forbidden"},
		{Status: 400, Code: "policy_denied", Description: "The category is blocked, see AADSTS."},
	} {
		if d, ok := diagnose(r, false); ok {
			t.Errorf("an answer of a proxy is taken for Microsoft's: %+v", d)
		}
	}
	if d, ok := diagnose(oauth.ErrorResponse{Status: 400, Code: "new_error", Description: "AADSTS999999: Something new."}, false); !ok || d.Class != oauth.Person {
		t.Errorf("an error with a number is not taken for Microsoft's: %+v", d)
	}
}

func TestEveryExplanationHelps(t *testing.T) {
	for number, e := range signInNumbers {
		d := diagnosisOf(t, 400, "invalid_grant", fmt.Sprint(number))
		if e.what == "" || (d.Class == oauth.Person && d.Action == "" && !d.SignIn) {
			t.Errorf("AADSTS%d says %q and advises %q", number, e.what, d.Action)
		}
		if e.login != d.SignIn {
			t.Errorf("AADSTS%d: signing in again is advised: %v, want %v", number, d.SignIn, e.login)
		}
	}
}

// TestWordsOfUnknownNumbers: Microsoft's own sentence, and what its kind of error asks for.
func TestWordsOfUnknownNumbers(t *testing.T) {
	for _, test := range []struct {
		code, action string
		signIn       bool
	}{
		{"invalid_client", "Certificates & secrets", false},
		{"consent_required", "Grant admin consent", true},
		{"never_heard_of", "read what", true},
	} {
		d := diagnosisOf(t, 400, test.code, "999")
		if d.Reason != "Something is wrong here" || fmt.Sprint(d.Codes) != "[AADSTS999 "+test.code+" basic_action]" ||
			!strings.Contains(d.Action, test.action) || !strings.Contains(d.Action, "error?code=999") || d.SignIn != test.signIn {
			t.Errorf("%s: %+v", test.code, d)
		}
	}
}

// TestAnAppIsNeverToldToSignIn: there is nobody to do it.
func TestAnAppIsNeverToldToSignIn(t *testing.T) {
	for number, e := range signInNumbers {
		d, _ := diagnose(responseOf(400, "invalid_grant", fmt.Sprint(number)), true)
		if d.SignIn || (e.class == user && d.Action == "") {
			t.Errorf("AADSTS%d: %+v", number, d)
		}
	}
	for code := range signInErrors {
		d, _ := diagnose(oauth.ErrorResponse{Status: 400, Code: code}, true)
		if d.SignIn || d.Reason == "" || (d.Class == oauth.Person && d.Action == "") {
			t.Errorf("%s: %+v", code, d)
		}
	}
}

func TestFirstSentence(t *testing.T) {
	for text, want := range map[string]string{
		"AADSTS7000215: Invalid client secret provided. Ensure the secret is right.\r\nTrace ID: 1\r\nTimestamp: 2": "Invalid client secret provided",
		"AADSTS50000: no full stop Trace ID: 5b0c Correlation ID: 9":                                                "no full stop",
	} {
		if got := firstSentence(text); got != want {
			t.Errorf("firstSentence(%q) = %q, want %q", text, got, want)
		}
	}
}
