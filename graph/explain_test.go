package graph

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

// TestDictionary holds every code that learn.microsoft.com/graph/errors and
// installers' reports name for reading calendars.
func TestDictionary(t *testing.T) {
	for _, test := range []struct {
		code   string
		person bool
		next   string
	}{
		{"InvalidAuthenticationToken", true, "roomgate login <account>"}, {"insufficient_claims", true, "roomgate login <account>"},
		{"ErrorAccessDenied", true, "Add-MailboxFolderPermission"}, {"[RAOP]", true, "Test-ApplicationAccessPolicy"},
		{"Authorization_RequestDenied", true, "Grant admin consent"}, {"ErrorItemNotFound", true, "Add-MailboxFolderPermission"},
		{"ErrorInvalidUser", true, "no mailbox of that name in the tenant"}, {"MailboxNotEnabledForRESTAPI", true, "licence"},
		{"ResourceNotFound", true, "no mailbox of that name in the tenant"}, {"Request_ResourceNotFound", true, "no mailbox of that name in the tenant"},
		{"ErrorInvalidParameter", true, "report"}, {"ErrorInvalidRequest", true, "report"}, {"ErrorTimeIntervalTooBig", true, "report"},
		{"ErrorPropertyValidationFailure", true, "report"}, {"TimeZoneNotSupportedException", true, "report"}, {"ErrorOccurrenceCrossingBoundary", true, "report"},
		{"ErrorInvalidIdMalformed", true, "report"}, {"BadRequest", true, "mailbox"}, {"RequestBroker--ParseUri", true, "report"},
		{"ErrorIrresolvableConflict", false, ""}, {"SyncStateNotFound", false, ""}, {"resyncRequired", false, ""}, {"FailedDependency", false, ""},
		{"ApplicationThrottled", false, ""}, {"TooManyRequests", false, ""}, {"UnknownError", false, ""},
		{"ErrorInternalServerError", false, ""}, {"ErrorInternalServerTransientError", false, ""}, {"InternalServerError", false, ""}, {"generalException", false, ""},
		{"ServiceUnavailable", false, ""}, {"serviceNotAvailable", false, ""}, {"ErrorServerBusy", false, ""}, {"GatewayTimeout", false, ""},
	} {
		for _, written := range []string{test.code, strings.ToLower(test.code), " " + strings.ToUpper(test.code)} {
			a := Explain(written, "roomgate")
			if !a.Known || a.Code != test.code || a.What == "" || a.Who == "" || a.NeedsPerson != test.person ||
				!strings.Contains(a.Next, test.next) || (a.Next == "") == test.person {
				t.Errorf("%q: %+v; want a person %v, words with %q", written, a, test.person, test.next)
			}
		}
	}
	if a := Explain("ErrorOfTomorrow", "roomgate"); a.Known || !a.NeedsPerson || a.What == "" || !strings.Contains(a.Next, "learn.microsoft.com/graph/errors") {
		t.Errorf("%+v", a)
	}
}

func TestErrorsThatShareACode(t *testing.T) {
	for _, test := range []struct {
		body   string
		header []string
		status int
		words  string
	}{
		{`{"error":{"code":"ErrorAccessDenied","message":"Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."}}`, nil, 403, "Test-ApplicationAccessPolicy"},
		{`{"error":{"code":"ErrorAccessDenied","message":"Access is denied. Check credentials and try again."}}`, nil, 403, "Add-MailboxFolderPermission"},
		{`{"error":{"code":"InvalidAuthenticationToken","message":"x"}}`, []string{"WWW-Authenticate", `Bearer realm="", error="insufficient_claims", claims="e30="`}, 401, "run: roomgate --config /srv/hq.toml login rooms"},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := fetchErr(t, &service{answer: func(int, *http.Request) (*http.Response, error) { return reply(test.status, test.body, test.header...) }})
			wantWords(t, e.Action(), test.words)
		})
	}
}

func TestMe(t *testing.T) {
	for body, want := range map[string]User{
		`{"displayName":"Room Service","mail":"rooms@contoso.example","userPrincipalName":"svc@contoso.example"}`: {"Room Service", "rooms@contoso.example"},
		`{"displayName":"Room Service","mail":null,"userPrincipalName":"svc@contoso.example"}`:                    {"Room Service", "svc@contoso.example"},
	} {
		s := &service{answer: func(_ int, r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/v1.0/me" || r.URL.Query().Get("$select") != "displayName,mail,userPrincipalName" {
				return reply(404, `{"error":{"code":"BadRequest"}}`)
			}
			return reply(200, body)
		}}
		got, err := clientOn(t, s, oneToken(), io.Discard).Me(t.Context())
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	s := &service{answer: func(int, *http.Request) (*http.Response, error) {
		return reply(400, `{"error":{"code":"BadRequest","message":"/me request is only valid with delegated authentication flow."}}`)
	}}
	if _, err := clientOn(t, s, oneToken(), io.Discard).Me(t.Context()); err == nil || !strings.Contains(err.Error(), "reading who is signed in: HTTP 400 BadRequest") {
		t.Errorf("got %v", err)
	}
}
