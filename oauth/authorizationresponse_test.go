package oauth

import (
	"net/url"
	"strings"
	"testing"
)

const pastedCode = "0.AXkAb-c_d.e~f"

func TestParseAuthorizationResponse(t *testing.T) {
	good := AuthorizationResponse{Code: pastedCode, State: "XYZ"}
	tests := []struct {
		name, pasted string
		want         AuthorizationResponse
	}{
		{"whole address", "http://localhost/?code=" + pastedCode + "&state=XYZ&session_state=7d6c-1", good},
		{"port and path", "http://localhost:41235/cb?state=XYZ&code=" + pastedCode, good},
		{"native client page", "https://login.microsoftonline.com/common/oauth2/nativeclient?code=" + pastedCode + "&state=XYZ#", good},
		{"fragment", "http://localhost/#code=" + pastedCode + "&state=XYZ", good},
		{"fragment after a query", "http://localhost/?x=1#state=XYZ&code=" + pastedCode, good},
		{"query alone", "?code=" + pastedCode + "&state=XYZ", good},
		{"parameters alone", "code=" + pastedCode + "&state=XYZ", good},
		{"what follows code=", pastedCode + "&state=XYZ&session_state=1", good},
		{"quotes", `"http://localhost/?code=` + pastedCode + `&state=XYZ"`, good},
		{"typographic quotes", "“http://localhost/?code=" + pastedCode + "&state=XYZ”", good},
		{"angle brackets", " <http://localhost/?code=" + pastedCode + "&state=XYZ>\n", good},
		{"line breaks", "http://localhost/?code=0.AXkA\r\n   b-c_d.\n\te~f&sta\nte=XYZ\n", good},
		{"blanks in the code", "http://localhost/?code=0.AXkA b-c_d.e~f&state=XYZ", good},
		{"escaped", "http://localhost/?code=0.AXkAb-c_d.e%7Ef&state=XYZ", good},
		{"copied out of a page", "http://localhost/?code=" + pastedCode + "&amp;state=XYZ", good},
		{"bare code", pastedCode, AuthorizationResponse{Code: pastedCode}},
		{"bare code with a last #", " " + pastedCode + "# ", AuthorizationResponse{Code: pastedCode}},
		{"code of a personal account", "M.C105_BAY.2.U.4d1f!x*$", AuthorizationResponse{Code: "M.C105_BAY.2.U.4d1f!x*$"}},
		{"error", "http://localhost/?error=access_denied&error_description=AADSTS65004%3a+User+declined+to+consent.&state=XYZ#",
			AuthorizationResponse{State: "XYZ", Error: "access_denied", ErrorDescription: "AADSTS65004: User declined to consent."}},
		{"error cut off", "http://localhost/?error=access_denied&state=XYZ&error_description=AADSTS65004%3",
			AuthorizationResponse{State: "XYZ", Error: "access_denied"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseAuthorizationResponse(test.pasted)
			if err != nil || got != test.want {
				t.Errorf("got %#v, %v\nwant %#v", got, err, test.want)
			}
		})
	}
}

func TestParseAuthorizationResponseExplains(t *testing.T) {
	tests := []struct{ name, pasted, words string }{
		{"nothing", "  \n", "nothing was pasted"},
		{"cut short", "http://localhost/?code=0.AXkA…&state=XYZ", "truncated"},
		{"cut short with dots", "0.AXkAb...", "truncated"},
		{"no code", "http://localhost/", "contains no code"},
		{"no code but a state", "http://localhost/?state=XYZ", "contains no code"},
		{"empty code", "http://localhost/?code=&state=XYZ", "contains no code"},
		{"sign-in page", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=1&response_type=code", "the sign-in page itself"},
		{"twice", "http://localhost/?code=a&code=b", "more than one response"},
		{"markup", "{\"code\": \"0.AXk\"}", "neither an address nor a code"},
		{"far too long", strings.Repeat("x", 70000), "far longer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseAuthorizationResponse(test.pasted)
			if err == nil || !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %v, want words with %q", err, test.words)
			}
			if err != nil && strings.Contains(err.Error(), "0.AXk") {
				t.Errorf("the error repeats the code: %v", err)
			}
		})
	}
}

func TestAuthorizationResponseHidesItsCode(t *testing.T) {
	if s := (AuthorizationResponse{Code: pastedCode}).String(); strings.Contains(s, pastedCode) {
		t.Errorf("String() = %q", s)
	}
}

func FuzzParseAuthorizationResponse(f *testing.F) {
	f.Add("http://localhost/?code=" + pastedCode + "&state=XYZ")
	f.Add("<code=%zz&error=…#>")
	f.Add("a&b#code=\x00")
	f.Fuzz(func(t *testing.T, pasted string) {
		r, err := ParseAuthorizationResponse(pasted)
		if err != nil {
			return
		}
		if r.Error != "" {
			return
		}
		if r.Code == "" || strings.ContainsFunc(r.Code, notInCode) {
			t.Errorf("%q: the code %q cannot be one", pasted, r.Code)
		}
		again, err := ParseAuthorizationResponse("http://localhost/?code=" + url.QueryEscape(r.Code) + "&state=" + url.QueryEscape(r.State))
		if err != nil || again.Code != r.Code || again.State != r.State {
			t.Errorf("%q: %q and %q come back as %q and %q, %v", pasted, r.Code, r.State, again.Code, again.State, err)
		}
	})
}
