package config

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkSignIn reports settings that contradict the way an account signs in.
func (t *microsoftTable) checkSignIn(a *AccountCheck, auth clientAuthentication) {
	if t.SignIn == "app" {
		t.checkApp(a, auth)
	} else {
		t.checkScopes(a)
	}
	switch {
	case t.SignIn == "code" && t.RedirectURI == "":
		a.Report("redirect_uri", nil, Complaint{"is missing", `add redirect_uri = "http://localhost"`})
	case t.SignIn != "code" && t.RedirectURI != "":
		a.Report("redirect_uri", nil, Complaint{fmt.Sprintf("has no effect with sign_in = %q, which uses no browser redirect", t.SignIn), "remove it"})
	case t.strayNativeClient():
		a.Report("redirect_uri", t.RedirectURI, Complaint{"ends in /nativeclient, which is a page of Microsoft's sign-in server, on another server, which would wait for the browser in vain",
			`write "https://login.microsoftonline.com/common/oauth2/nativeclient" to paste the address after the sign-in, or "http://localhost"`})
	}
}

// strayNativeClient reports whether the redirect URI is the page on which public clients
// end (learn.microsoft.com/entra/identity-platform/reply-url), but at a server that has
// no such page: this machine, which listens for the browser, or another.
func (t *microsoftTable) strayNativeClient() bool {
	u, err := url.Parse(t.RedirectURI)
	if err != nil || !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/nativeclient") {
		return false
	}
	servers := []string{t.LoginURL}
	for _, cloud := range microsoftClouds {
		servers = append(servers, cloud.login)
	}
	return !slices.ContainsFunc(servers, func(server string) bool {
		return strings.EqualFold(strings.TrimSuffix(server, "/"), u.Scheme+"://"+u.Host)
	})
}

// checkScopes checks the permissions that the user is asked to consent to.
func (t *microsoftTable) checkScopes(a *AccountCheck) {
	if !slices.Contains(t.Scopes, "offline_access") {
		a.Report("scopes", nil, Complaint{`lacks "offline_access", without which the sign-in ends within the hour`, `add "offline_access"`})
	}
	if !slices.ContainsFunc(t.Scopes, func(s string) bool { return strings.Contains(s, "Calendars.") }) {
		a.Report("scopes", nil, Complaint{"has no permission to read a calendar", `add "Calendars.Read"`})
	}
}

// checkApp checks an account that signs in without a user. Source:
// learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
func (t *microsoftTable) checkApp(a *AccountCheck, auth clientAuthentication) {
	if slices.Contains(sharedTenants, t.Tenant) && !a.Reported("tenant") {
		a.Report("tenant", t.Tenant, Complaint{`must name one company with sign_in = "app"`, "copy the Directory (tenant) ID from the app registration's overview"})
	}
	if len(t.Scopes) > 0 {
		a.Report("scopes", nil, Complaint{`has no effect with sign_in = "app", whose permissions are granted in the portal`, "remove it"})
	}
	keys := []string{"client_secret", "client_secret_file", "client_secret_env", "client_certificate_file", "client_key_file"}
	if auth.secret.Reveal() == "" && auth.certificate == nil && !slices.ContainsFunc(keys, a.Reported) {
		a.Report("", nil, Complaint{`needs a secret or a certificate with sign_in = "app"`,
			"add client_secret_file, or client_certificate_file and client_key_file; to make a pair, run: " + a.program + " certificate " + a.account})
	}
}

// clientAuthentication is how the client authenticates at the token endpoint: by
// a secret, by a certificate with its key, or not at all as a public client.
type clientAuthentication struct {
	secret      Secret
	certificate []byte
	key         Secret
}

// clientAuthentication reads the secret or the certificate of an account. A
// systemd credential is looked for only where there is no certificate.
func (t *microsoftTable) clientAuthentication(a *AccountCheck) clientAuthentication {
	if t.ClientCertificateFile == "" && t.ClientKeyFile == "" {
		return clientAuthentication{secret: a.Secret("client_secret", t.ClientSecret, t.ClientSecretFile, t.ClientSecretEnv)}
	}
	t.refuseSecret(a)
	return t.readCertificate(a)
}

// refuseSecret reports the settings of a secret beside a certificate.
func (t *microsoftTable) refuseSecret(a *AccountCheck) {
	for _, way := range []struct{ key, value string }{
		{"client_secret", t.ClientSecret.Reveal()}, {"client_secret_file", t.ClientSecretFile}, {"client_secret_env", t.ClientSecretEnv},
	} {
		if way.value != "" {
			a.Report(way.key, nil, Complaint{"has no effect beside a certificate", "keep one of the two"})
		}
	}
	if !t.ClientSecretExpires.IsZero() {
		a.Report("client_secret_expires", nil, Complaint{"has no effect beside a certificate, which contains its own expiry date", "remove it"})
	}
}

// readCertificate reads the certificate of an account and its key, both in PEM.
// Whether a file is secret depends on its content, so that a private key named
// as the certificate by mistake is treated as a secret.
func (t *microsoftTable) readCertificate(a *AccountCheck) clientAuthentication {
	a.together(a.path, "client_certificate_file", t.ClientCertificateFile, "client_key_file", t.ClientKeyFile, "give both; to make a pair, run: "+a.program+" certificate "+a.account)
	certAt, keyAt := join(a.path, "client_certificate_file"), join(a.path, "client_key_file")
	var auth clientAuthentication
	var c Complaint
	if text, ok := a.readable(certAt, t.ClientCertificateFile, false); ok {
		auth.certificate, c = certificateIn([]byte(text))
		a.complain(certAt, c)
	}
	if text, ok := a.readable(keyAt, t.ClientKeyFile, false); ok {
		auth.key, c = keyIn([]byte(text))
		a.complain(keyAt, c)
	}
	if auth.certificate != nil && auth.key.Reveal() != "" {
		if _, err := tls.X509KeyPair(auth.certificate, []byte(auth.key.Reveal())); err != nil {
			a.add(keyAt, "names a key that does not belong to the certificate", "", "name the key the certificate was made with")
		}
	}
	return auth
}

// certificateIn returns the first certificate of a PEM text, without the keys and
// authorities beside it. Microsoft accepts RSA keys only:
// learn.microsoft.com/entra/identity-platform/certificate-credentials.
func certificateIn(text []byte) ([]byte, Complaint) {
	block := pemBlock(text, "CERTIFICATE")
	if block == nil {
		return nil, Complaint{"names a file that contains no certificate in PEM", "name the one that begins with -----BEGIN CERTIFICATE-----"}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, Complaint{"names a file that contains a damaged certificate", "copy it again, or make a new pair"}
	}
	if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
		return nil, Complaint{"names a certificate without an RSA key, which Microsoft does not accept", "make a new pair of files"}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}), Complaint{}
}
