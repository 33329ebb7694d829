package config

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// signIn reports what does not go together with the way an account signs in.
func (c *checker) signIn(path string, a rawAccount, p proof) {
	if a.SignIn == "app" {
		c.app(path, a, p)
	} else {
		c.scopes(path, a.Scopes)
	}
	redirect := join(path, "redirect_uri")
	switch {
	case a.SignIn == "code" && a.RedirectURI == "":
		c.add(redirect, "is missing", "", `add redirect_uri = "http://localhost"`)
	case a.SignIn != "code" && a.RedirectURI != "":
		c.add(redirect, fmt.Sprintf("does nothing with sign_in = %q, where no browser comes back", a.SignIn), "", "remove it")
	}
}

// scopes checks what a person is asked to allow.
func (c *checker) scopes(path string, scopes []string) {
	at := join(path, "scopes")
	if !slices.Contains(scopes, "offline_access") {
		c.add(at, `lacks "offline_access", without which the sign-in ends within the hour`, "", `add "offline_access"`)
	}
	if !slices.ContainsFunc(scopes, func(s string) bool { return strings.Contains(s, "Calendars.") }) {
		c.add(at, "has no right to read a calendar", "", `add "Calendars.Read"`)
	}
}

// app checks an account that signs in without a person. Source:
// learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
func (c *checker) app(path string, a rawAccount, p proof) {
	if slices.Contains(sharedTenants, a.Tenant) && !c.reported(join(path, "tenant")) {
		c.add(join(path, "tenant"), `must name one company with sign_in = "app"`, fmt.Sprintf("%q", a.Tenant),
			"copy the Directory (tenant) ID from the app registration's overview")
	}
	if len(a.Scopes) > 0 {
		c.add(join(path, "scopes"), `does nothing with sign_in = "app", which may do what the portal grants it`, "", "remove it")
	}
	told := slices.ContainsFunc(proofKeys, func(key string) bool { return c.reported(join(path, key)) })
	if p.secret.Reveal() == "" && p.certificate == nil && !told {
		c.add(path, `needs a secret or a certificate with sign_in = "app"`, "",
			"add client_secret_file, or client_certificate_file and client_key_file; roomgate certificate makes a pair")
	}
}

// A proof is what an app shows to be itself: a secret, a certificate with its
// key, or nothing for a public client.
type proof struct {
	secret      Secret
	certificate []byte
	key         SecretBytes
}

// proofKeys are the settings that give a proof.
var proofKeys = []string{"client_secret", "client_secret_file", "client_secret_env", "client_certificate_file", "client_key_file"}

// proof reads the secret or the certificate of an account. A credential of the
// service manager is looked for only where there is no certificate.
func (c *checker) proof(path string, a rawAccount) proof {
	if a.ClientCertificateFile == "" && a.ClientKeyFile == "" {
		return proof{secret: c.secret(source{
			table: path, key: "client_secret", inline: a.ClientSecret,
			file: a.ClientSecretFile, variable: a.ClientSecretEnv, credential: a.Name,
		})}
	}
	c.noSecret(path, a)
	return c.certificate(path, a)
}

// noSecret reports the settings of a secret beside a certificate.
func (c *checker) noSecret(path string, a rawAccount) {
	for _, way := range []struct{ key, value string }{
		{"client_secret", a.ClientSecret.Reveal()}, {"client_secret_file", a.ClientSecretFile}, {"client_secret_env", a.ClientSecretEnv},
	} {
		if way.value != "" {
			c.add(join(path, way.key), "does nothing beside a certificate", "", "keep one of the two")
		}
	}
	if !a.ClientSecretExpires.IsZero() {
		c.add(join(path, "client_secret_expires"), "does nothing beside a certificate, which tells its own end", "", "remove it")
	}
}

// certificate reads the certificate of an account and its key, both in PEM. A
// private key in either is a secret by what it holds, so that a certificate
// named by mistake as the key is told as that.
func (c *checker) certificate(path string, a rawAccount) proof {
	c.together(path, "client_certificate_file", a.ClientCertificateFile, "client_key_file", a.ClientKeyFile, "give both; roomgate certificate makes a pair")
	certAt, keyAt := join(path, "client_certificate_file"), join(path, "client_key_file")
	var p proof
	var wrong complaint
	if text, ok := c.readable(certAt, a.ClientCertificateFile, false); ok {
		p.certificate, wrong = certificateIn([]byte(text))
		c.tell(certAt, wrong)
	}
	if text, ok := c.readable(keyAt, a.ClientKeyFile, false); ok {
		p.key, wrong = keyIn([]byte(text))
		c.tell(keyAt, wrong)
	}
	if p.certificate != nil && p.key != nil {
		if _, err := tls.X509KeyPair(p.certificate, p.key); err != nil {
			c.add(keyAt, "names a key that does not belong to the certificate", "", "name the key the certificate was made with")
		}
	}
	return p
}

// certificateIn returns the first certificate of a PEM text, alone: a key or an
// authority in the same file is not a part of it. Microsoft takes RSA keys only:
// learn.microsoft.com/entra/identity-platform/certificate-credentials.
func certificateIn(text []byte) ([]byte, complaint) {
	block := pemBlock(text, "CERTIFICATE")
	if block == nil {
		return nil, complaint{"names a file that holds no certificate in PEM", "name the one that begins with -----BEGIN CERTIFICATE-----"}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, complaint{"names a file that holds a damaged certificate", "copy it again, or make a new pair with roomgate certificate"}
	}
	if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
		return nil, complaint{"names a certificate without an RSA key, which Microsoft does not take", "make a new pair with roomgate certificate"}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}), complaint{}
}

// keyIn returns a text that holds a private key, checked as far as that goes
// without its certificate.
func keyIn(text []byte) (SecretBytes, complaint) {
	block := pemBlock(text, "PRIVATE KEY")
	switch {
	case block == nil:
		return nil, complaint{"names a file that holds no private key in PEM", "name the one that begins with -----BEGIN PRIVATE KEY-----"}
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "": // RFC 5958 §3, RFC 1421 §4.6.1.3
		return nil, complaint{"names a key behind a pass phrase, which nobody could type at a start", "take it off with openssl pkey -in FILE -out NEWFILE"}
	}
	return text, complaint{}
}

// pemBlock returns the first block of a PEM text (RFC 7468) whose label ends in
// the given words, nil when there is none.
func pemBlock(text []byte, label string) *pem.Block {
	for {
		block, rest := pem.Decode(text)
		if block == nil || strings.HasSuffix(block.Type, label) {
			return block
		}
		text = rest
	}
}
