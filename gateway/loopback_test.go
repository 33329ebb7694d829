package gateway

import (
	"net"
	"net/http"
	"net/url"
	"testing"
)

func getStatus(t *testing.T, address string) int {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A browser of this machine brings the authorization response, whatever port is
// free; anything else that it asks for is not one.
func TestReceiveAtLoopback(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	r := ReceiveAtLoopback(t.Context(), "http://localhost:"+port+"/callback")
	u, err := url.Parse(r.RedirectURI)
	if err != nil || u.Hostname() != "localhost" || u.Port() == port || u.Path != "/callback" {
		t.Fatalf("redirect URI %q, want another free port", r.RedirectURI)
	}
	u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	if status := getStatus(t, u.String()); status != http.StatusNotFound {
		t.Errorf("a request without a response is answered with %d", status)
	}
	if status := getStatus(t, u.String()+"?code=one&state=s"); status != http.StatusOK {
		t.Errorf("the response is answered with %d", status)
	}
	getStatus(t, u.String()+"?error=access_denied&state=s")
	if got := <-r.Responses; got != "/callback?code=one&state=s" {
		t.Errorf("received %q", got)
	}
	select {
	case got := <-r.Responses:
		t.Errorf("received a second response, %q", got)
	default:
	}
}

func TestNothingListensForARedirectElsewhere(t *testing.T) {
	for _, redirectURI := range []string{"https://localhost/callback", "http://rooms.example/callback", "urn:ietf:wg:oauth:2.0:oob", "http://localhost:%zz", ""} {
		if r := ReceiveAtLoopback(t.Context(), redirectURI); r.Responses != nil || r.RedirectURI != "" {
			t.Errorf("%q: listens at %q", redirectURI, r.RedirectURI)
		}
	}
}
