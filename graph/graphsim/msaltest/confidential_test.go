package msaltest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"roomgate/graph/graphsim"
)

const graphDefault = "https://graph.microsoft.com/.default"

func (b *bench) secret(value string) confidential.Credential {
	b.Helper()
	cred, err := confidential.NewCredFromSecret(value)
	b.must(err)
	return cred
}

// certificate makes a key pair; if registered, its public half is uploaded to the application.
func (b *bench) certificate(registered bool) confidential.Credential {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	b.must(err)
	plain := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plain, plain, &key.PublicKey, key)
	b.must(err)
	cert, err := x509.ParseCertificate(der)
	b.must(err)
	if registered {
		b.sim.ChangeApp(defaultID, func(a *graphsim.App) { a.Certificates = []*x509.Certificate{cert} })
	}
	cred, err := confidential.NewCredFromCert([]*x509.Certificate{cert}, key)
	b.must(err)
	return cred
}

func (b *bench) confidentialClient(authority string, cred confidential.Credential, more ...confidential.Option) confidential.Client {
	b.Helper()
	c, err := confidential.New(authority, defaultID, cred, append([]confidential.Option{confidential.WithHTTPClient(b.client)}, more...)...)
	b.must(err)
	return c
}

// webCode gets a code as a web application does.
func (b *bench) webCode(c confidential.Client) string {
	b.Helper()
	address, err := c.AuthCodeURL(b.Context(), defaultID, webRedirect, append([]string{"openid", "profile", "offline_access"}, scopes...))
	b.must(err)
	return b.code(address)
}

func (b *bench) webSignIn(c confidential.Client) confidential.AuthResult {
	b.Helper()
	got, err := c.AcquireTokenByAuthCode(b.Context(), b.webCode(c), webRedirect, scopes)
	b.must(err)
	return got
}

func TestConfidentialCodeAndRefresh(t *testing.T) {
	for name, cred := range map[string]func(*bench) confidential.Credential{
		"secret":      func(b *bench) confidential.Credential { return b.secret(defaultSecret) },
		"certificate": func(b *bench) confidential.Credential { return b.certificate(true) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.sim.Set(func(w *graphsim.Behaviour) { w.AccessLifetime = time.Minute })
			c := b.confidentialClient(authority, cred(b))
			first := b.webSignIn(c)
			b.checkPerson(first)
			next, err := c.AcquireTokenSilent(t.Context(), scopes, confidential.WithSilentAccount(first.Account))
			b.must(err)
			b.checkPerson(next)
			if next.AccessToken == first.AccessToken {
				t.Error("the token was not refreshed")
			}
		})
	}
}

func TestApplicationPermission(t *testing.T) {
	for name, cred := range map[string]func(*bench) confidential.Credential{
		"secret":      func(b *bench) confidential.Credential { return b.secret(defaultSecret) },
		"certificate": func(b *bench) confidential.Credential { return b.certificate(true) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.sim.AddRoom(graphsim.Room{Address: "boardroom@contoso.example", Name: "Boardroom"})
			c := b.confidentialClient(authority, cred(b))
			got, err := c.AcquireTokenByCredential(t.Context(), []string{graphDefault})
			b.must(err)
			if status, body := b.graph("/users/boardroom@contoso.example/events", got.AccessToken); status != 200 {
				t.Errorf("the room's events answer %d %s, want 200", status, body)
			}
			again, err := c.AcquireTokenByCredential(t.Context(), []string{graphDefault})
			b.must(err)
			if again.AccessToken != got.AccessToken {
				t.Error("the library does not find its own token again")
			}
		})
	}
}

func TestNationalCloud(t *testing.T) {
	b := newBench(t)
	for _, cloud := range [][2]string{
		{"https://login.microsoftonline.us/", "https://graph.microsoft.us/.default"},
		{"https://login.partner.microsoftonline.cn/", "https://microsoftgraph.chinacloudapi.cn/.default"},
	} {
		c := b.confidentialClient(cloud[0]+graphsim.TenantID, b.secret(defaultSecret))
		if _, err := c.AcquireTokenByCredential(t.Context(), []string{cloud[1]}); err != nil {
			t.Errorf("%s: %v", cloud[0], err)
		}
	}
}

func TestClientRefusals(t *testing.T) {
	expire := func(b *bench) confidential.Credential {
		b.sim.ChangeApp(defaultID, func(a *graphsim.App) { a.Secrets[0].Expires = time.Now().Add(-time.Hour) })
		return b.secret(defaultSecret)
	}
	for _, tc := range []struct {
		name  string
		cred  func(*bench) confidential.Credential
		scope string
		value string
		want  int
	}{
		{"wrong secret", func(b *bench) confidential.Credential { return b.secret("not the value") }, graphDefault, "invalid_client", 7000215},
		{"expired secret", expire, graphDefault, "invalid_client", 7000222},
		{"certificate not uploaded", func(b *bench) confidential.Credential { return b.certificate(false) }, graphDefault, "invalid_client", 700027},
		{"delegated scope", func(b *bench) confidential.Credential { return b.secret(defaultSecret) }, "Calendars.Read", "invalid_scope", 1002012},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.confidentialClient(authority, tc.cred(b)).AcquireTokenByCredential(t.Context(), []string{tc.scope})
			status := 401
			if tc.value == "invalid_scope" {
				status = 400
			}
			want(t, err, status, tc.value, "", tc.want)
		})
	}
}

func TestWrongSecretWithGoodCode(t *testing.T) {
	b := newBench(t)
	code := b.webCode(b.confidentialClient(authority, b.secret(defaultSecret)))
	_, err := b.confidentialClient(authority, b.secret("not the value")).AcquireTokenByAuthCode(t.Context(), code, webRedirect, scopes)
	want(t, err, 401, "invalid_client", "", 7000215)
	got, err := b.confidentialClient(authority, b.secret(defaultSecret)).AcquireTokenByAuthCode(t.Context(), code, webRedirect, scopes)
	b.must(err) // a refused client does not use the code up
	b.checkPerson(got)
}

func TestUnknownTenantAndApplication(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct {
		tenant, value string
		want          int
	}{
		{"11111111-2222-3333-4444-555555555555", "invalid_tenant", 90002},
		{"fabrikam.example", "invalid_tenant", 90002},
		{"nonsense", "invalid_request", 900023},
	} {
		_, err := b.confidentialClient(microsoft+tc.tenant, b.secret(defaultSecret)).AcquireTokenByCredential(t.Context(), []string{graphDefault})
		want(t, err, 400, tc.value, "", tc.want)
	}
	stranger, err := confidential.New(authority, desktopApp[1:]+"0", b.secret(defaultSecret), confidential.WithHTTPClient(b.client))
	b.must(err)
	_, err = stranger.AcquireTokenByCredential(t.Context(), []string{graphDefault})
	want(t, err, 400, "unauthorized_client", "", 700016)
	_, err = b.confidentialClient(microsoft+"organizations", b.secret(defaultSecret)).AcquireTokenByCredential(t.Context(), []string{graphDefault})
	want(t, err, 400, "invalid_request", "", 50059)
}

// Instance discovery refuses a host that is not Microsoft's, unless the caller disables it.
func TestHostOutsideMicrosoft(t *testing.T) {
	b := newBench(t)
	own := "https://sim.example/" + graphsim.TenantID
	_, err := b.confidentialClient(own, b.secret(defaultSecret)).AcquireTokenByCredential(t.Context(), []string{graphDefault})
	want(t, err, 400, "invalid_instance", "", 50049)
	for name, cred := range map[string]confidential.Credential{"secret": b.secret(defaultSecret), "certificate": b.certificate(true)} {
		c := b.confidentialClient(own, cred, confidential.WithInstanceDiscovery(false))
		if _, err := c.AcquireTokenByCredential(t.Context(), []string{graphDefault}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
