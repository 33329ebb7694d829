package oauth

import (
	"net/url"
	"strings"
	"testing"
)

const pastedCode = "0.AXkAb-c_d.e~f"

func TestParseAuthorizationResponse(t *testing.T) {
	good := authorizationResponse{Code: pastedCode, State: "XYZ"}
	tests := []struct {
		name, pasted string
		want         authorizationResponse
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
		{"a quoted mail", "> http://localhost/?code=0.AXkA\n> b-c_d.e~f&st\n>> ate=XYZ", good},
		{"escaped as a whole", "http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "%26state%3DXYZ", good},
		{"escaped as a whole, twice", url.QueryEscape(url.QueryEscape("http://localhost/?code=" + pastedCode + "&state=XYZ")), good},
		{"escaped parameters", "code%3D" + pastedCode + "%26state%3DXYZ", good},
		{"inside the address of a mail filter", "https://eur01.safelinks.protection.outlook.com/?url=http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "%26state%3DXYZ&data=05%7C02%7C&reserved=0", good},
		{"inside two", "https://filter.example/?u=" + url.QueryEscape("https://other.example/?url="+url.QueryEscape("http://localhost/?code="+pastedCode+"&state=XYZ")), good},
		{"inside another address as it is", "https://www.google.com/url?q=http://localhost/?code=" + pastedCode + "&state=XYZ&sa=D", good},
		{"inside another with a fragment", "https://filter.example/?u=http%3A%2F%2Flocalhost%2F%23code%3D" + pastedCode + "%26state%3DXYZ", good},
		{"as the code of another", "http://localhost/?code=http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "%26state%3Dothers&state=XYZ", authorizationResponse{Code: pastedCode, State: "others"}},
		{"inside another that has a state", "https://l.example/l.php?u=http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "%26state%3DXYZ&state=other", good},
		{"inside another that has the state alone", "https://l.example/l.php?u=http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "&state=XYZ", good},
		{"a + that is not escaped", "http://localhost/?code=0.AX+Yz/a+b&state=X+Z", authorizationResponse{Code: "0.AX+Yz/a+b", State: "X+Z"}},
		{"an escaped +", "http://localhost/?code=a%2Bb&state=XYZ", authorizationResponse{Code: "a+b", State: "XYZ"}},
		{"a + inside another address", "https://filter.example/?u=http%3A%2F%2Flocalhost%2F%3Fcode%3D0.AX+Yz%2Ba%252Bb%26state%3DXYZ", authorizationResponse{Code: "0.AX+Yz+a+b", State: "XYZ"}},
		{"an escaped code", "0.AXkAb-c_d.e%7Ef", authorizationResponse{Code: pastedCode}},
		{"a code escaped twice", "http://localhost/?code=0.AXkAb-c_d.e%257Ef&state=XYZ", good},
		{"error inside another address", "https://filter.example/?u=http%3A%2F%2Flocalhost%2F%3Ferror%3Daccess_denied%26state%3DXYZ",
			authorizationResponse{State: "XYZ", Error: "access_denied"}},
		{"bare code", pastedCode, authorizationResponse{Code: pastedCode}},
		{"bare code with a last #", " " + pastedCode + "# ", authorizationResponse{Code: pastedCode}},
		{"code of a personal account", "M.C105_BAY.2.U.4d1f!x*$", authorizationResponse{Code: "M.C105_BAY.2.U.4d1f!x*$"}},
		{"error", "http://localhost/?error=access_denied&error_description=AADSTS65004%3a+User+declined+to+consent.&state=XYZ#",
			authorizationResponse{State: "XYZ", Error: "access_denied", ErrorDescription: "AADSTS65004: User declined to consent."}},
		{"error cut off", "http://localhost/?error=access_denied&state=XYZ&error_description=AADSTS65004%3",
			authorizationResponse{State: "XYZ", Error: "access_denied"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseAuthorizationResponse(test.pasted)
			got.Address = ""
			if err != nil || got != test.want {
				t.Errorf("got %#v, %v\nwant %#v", got, err, test.want)
			}
		})
	}
}

// An address is found in what people write around it: it is that of the redirect URI.
func TestAddressAmongWords(t *testing.T) {
	const address = "http://localhost/?code=" + pastedCode + "&state=XYZ"
	for _, pasted := range []string{
		address,
		address + ".",
		address + ",",
		"(" + address + ").",
		"Anna: " + address,
		"Anna:" + address,
		"Here it is:\n" + address,
		"Hello, here you go\r\n\r\n" + address,
		"Is this it? " + address,
		"Ticket #5: " + address,
		"Ticket #5, is this it? " + address,
		"<" + address + ">",
		"Anna wrote: <" + address + ">, which is what you want",
		"[link](" + address + ")",
		"[link](" + address + ").",
		"see [the address](" + address + ") that I got",
		"[" + address + "](" + address + ")",
		"“" + address + "” is what it shows",
		"> Anna: http://localhost/?code=0.AXkA\n> b-c_d.e~f&st\n>> ate=XYZ",
		"Anna: http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "%26state%3DXYZ",
		"Anna: https://filter.example/?u=http%3A%2F%2Flocalhost%2F%3Fcode%3D" + pastedCode + "%26state%3DXYZ",
		"https://filter.example/?q=Anna:+http://localhost/?code=" + pastedCode + "&state=XYZ",
		"请看http://localhost/#code=" + pastedCode + "&state=XYZ",
		"localhost/?code=" + pastedCode + "&state=XYZ&iss=https://login.example",
	} {
		got, err := parseAuthorizationResponse(pasted)
		if err != nil || got.Code != pastedCode || got.State != "XYZ" || got.strayed("http://localhost") != nil {
			t.Errorf("%q: %#v, %v, %v", pasted, got, err, got.strayed("http://localhost"))
		}
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
		{"an escaped address without a code", "http%3A%2F%2Flocalhost%2F", "contains no code"},
		{"another address inside", "https://filter.example/?u=http%3A%2F%2Flocalhost%2F", "contains no code"},
		{"an address as the code", "http://localhost/?code=http%3A%2F%2Flocalhost%2F&state=XYZ", "neither an address nor a code"},
		{"markup", "{\"code\": \"0.AXk\"}", "neither an address nor a code"},
		{"far too long", strings.Repeat("x", 70000), "far longer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseAuthorizationResponse(test.pasted)
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
	if s := (authorizationResponse{Code: pastedCode}).String(); strings.Contains(s, pastedCode) {
		t.Errorf("String() = %q", s)
	}
}

func FuzzParseAuthorizationResponse(f *testing.F) {
	f.Add("http://localhost/?code=" + pastedCode + "&state=XYZ")
	f.Add("<code=%zz&error=…#>")
	f.Add("a&b#code=\x00")
	f.Fuzz(func(t *testing.T, pasted string) {
		r, err := parseAuthorizationResponse(pasted)
		if err != nil {
			return
		}
		if r.Error != "" {
			return
		}
		if r.Code == "" || strings.ContainsFunc(r.Code, notInCode) {
			t.Errorf("%q: the code %q cannot be one", pasted, r.Code)
		}
		again, err := parseAuthorizationResponse("http://localhost/?code=" + url.QueryEscape(r.Code) + "&state=" + url.QueryEscape(r.State))
		if err != nil || again.Code != r.Code || again.State != r.State {
			t.Errorf("%q: %q and %q come back as %q and %q, %v", pasted, r.Code, r.State, again.Code, again.State, err)
		}
	})
}
