package config

import (
	"crypto/tls"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// microsoftOf returns the settings of the first account.
func microsoftOf(c *Config) *Microsoft { return c.Accounts[0].Settings.(*Microsoft) }

// TestSignIn reads the settings of each way to sign in.
func TestSignIn(t *testing.T) {
	scopes := []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared"}
	const company = "tenant = \"contoso.example\"\n"
	for _, test := range []struct {
		name, lines           string
		kind, redirect        string
		scopes                []string
		secret, certificateOf string
	}{
		{"code", `redirect_uri = "https://gw.example/cb"`, "code", "https://gw.example/cb", scopes, "abc~credential", ""},
		{"device", `sign_in = "device"`, "device", "", scopes, "abc~credential", ""},
		{"app with a credential", company + `sign_in = "app"`, "app", "", nil, "abc~credential", ""},
		{"app with a secret file", company + "sign_in = \"app\"\nclient_secret_file = \"/etc/roomgate/rooms.secret\"", "app", "", nil, "abc~file", ""},
		{"app with a certificate", company + "sign_in = \"app\"\n" + pair, "app", "", nil, "", "rooms"},
		{"code with a certificate", pair, "code", "http://localhost", scopes, "", "rooms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(minimal, "[mqtt]", test.lines+"\n[mqtt]\nusername = \"gw\"", 1) + "mailbox = \"boardroom@contoso.example\"\n"
			c := mustParse(t, text, map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"})
			a := microsoftOf(c)
			if a.SignIn != test.kind || a.RedirectURI != test.redirect || !slices.Equal(a.Scopes, test.scopes) {
				t.Errorf("got %q, %q, %q", a.SignIn, a.RedirectURI, a.Scopes)
			}
			if a.ClientSecret.Reveal() != test.secret {
				t.Errorf("client secret %q, want %q", a.ClientSecret.Reveal(), test.secret)
			}
			cert, key := "", ""
			if test.certificateOf != "" {
				cert, key = madeFiles()["/etc/roomgate/rooms.crt"].text, madeFiles()["/etc/roomgate/rooms.key"].text
			}
			if string(a.ClientCertificate) != cert || a.ClientKey.Reveal() != key {
				t.Errorf("certificate of %d bytes, want %d; key of %d bytes, want %d", len(a.ClientCertificate), len(cert), len(a.ClientKey.Reveal()), len(key))
			}
			if again := mustParse(t, printed(t, c), map[string]string{"CREDENTIALS_DIRECTORY": "/run/credentials"}); !reflect.DeepEqual(again.Accounts, c.Accounts) {
				t.Errorf("parsing the print gives\n%+v\nwant\n%+v", again.Accounts, c.Accounts)
			}
		})
	}
}

// TestCertificateAlone reads both halves of a pair from one file, and keeps the
// key out of what is not secret.
func TestCertificateAlone(t *testing.T) {
	lines := strings.NewReplacer("rooms.crt", "together.pem", "rooms.key", "together.pem").Replace(pair)
	a := microsoftOf(mustParse(t, strings.Replace(minimal, "[mqtt]", lines+"\n[mqtt]", 1), nil))
	if got, want := string(a.ClientCertificate), madeFiles()["/etc/roomgate/rooms.crt"].text; got != want {
		t.Errorf("certificate of %d bytes, want %d", len(got), len(want))
	}
	if _, err := tls.X509KeyPair(a.ClientCertificate, []byte(a.ClientKey.Reveal())); err != nil {
		t.Error(err)
	}
}

func TestSecretExpires(t *testing.T) {
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "client_secret_expires = 2027-05-01\n[mqtt]", 1), nil)
	want := time.Date(2027, 4, 30, 23, 0, 0, 0, time.UTC) // midnight in London, one hour ahead in summer
	if got := microsoftOf(c).ClientSecretExpires; !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("expires %v, want %v", got, want)
	}
}

func TestClouds(t *testing.T) {
	for cloud, want := range map[string][2]string{
		"us-gov": {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
		"us-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		"china":  {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
	} {
		c := mustParse(t, strings.Replace(minimal, "[mqtt]", "cloud = \""+cloud+"\"\n[mqtt]", 1), nil)
		if got := [2]string{microsoftOf(c).LoginURL, microsoftOf(c).GraphURL}; got != want {
			t.Errorf("%s: %v, want %v", cloud, got, want)
		}
	}
	c := mustParse(t, strings.Replace(minimal, "[mqtt]", "login_url = \"http://127.0.0.1:9000/\"\ngraph_url = \"http://[::1]:9001\"\n[mqtt]", 1), nil)
	if got, want := [2]string{microsoftOf(c).LoginURL, microsoftOf(c).GraphURL}, [2]string{"http://127.0.0.1:9000", "http://[::1]:9001"}; got != want {
		t.Errorf("by hand: %v, want %v", got, want)
	}
}

const pair = "client_certificate_file = \"/etc/roomgate/rooms.crt\"\nclient_key_file = \"/etc/roomgate/rooms.key\""
