package oauth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const keyBits = 2048 // of a key that is made here, and the least that is accepted (RFC 7518 §3.3)

// Certificate is a certificate with its private RSA key: a client authenticates
// with it in place of a client secret (RFC 7523 §2.2).
type Certificate struct {
	Leaf *x509.Certificate
	key  *rsa.PrivateKey
}

// expires returns when the certificate ends, UTC.
func (c *Certificate) expires() time.Time { return c.Leaf.NotAfter.UTC() }

// thumbprint returns the SHA-256 thumbprint as base64url, as a client assertion names it.
func (c *Certificate) thumbprint() string {
	sum := sha256.Sum256(c.Leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ParseCertificate reads a certificate and its RSA key from PEM; a chain may
// follow the certificate, and both may be the same file. The error says what
// is wrong without repeating any of the key.
func ParseCertificate(certPEM, keyPEM []byte) (*Certificate, error) {
	key, err := parseKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("read the key of the certificate: %w", err)
	}
	certs := blocks(certPEM, "CERTIFICATE")
	if len(certs) == 0 {
		return nil, errors.New("read the certificate: the file contains none in PEM form (-----BEGIN CERTIFICATE-----); were certificate and key mixed up?")
	}
	for _, der := range certs {
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("read the certificate: %w", err)
		}
		if key.PublicKey.Equal(leaf.PublicKey) {
			return &Certificate{Leaf: leaf, key: key}, nil
		}
	}
	return nil, errors.New("the key does not belong to the certificate: take the two files that were made together, or make a new pair")
}

// parseKey reads an RSA key from PEM in one of the two usual forms (RFC 5208, RFC
// 8017). The error repeats none of the key.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	if len(blocks(text, "ENCRYPTED PRIVATE KEY")) > 0 {
		return nil, errors.New("it is protected by a password; write it without one: openssl pkey -in FILE -out NEW")
	}
	var key any
	var err error
	if der := blocks(text, "PRIVATE KEY"); len(der) > 0 {
		key, err = x509.ParsePKCS8PrivateKey(der[0])
	} else if der := blocks(text, "RSA PRIVATE KEY"); len(der) > 0 {
		key, err = x509.ParsePKCS1PrivateKey(der[0])
	} else {
		return nil, errors.New("the file contains no private key in PEM form (-----BEGIN PRIVATE KEY-----); were certificate and key mixed up?")
	}
	if err != nil {
		return nil, errors.New("it is damaged: copy the file again, or make a new pair")
	}
	k, ok := key.(*rsa.PrivateKey)
	switch {
	case !ok:
		return nil, fmt.Errorf("it is of the kind %T; make an RSA key", key)
	case k.N.BitLen() < keyBits:
		return nil, fmt.Errorf("it has %d bits; make one of at least %d bits", k.N.BitLen(), keyBits)
	}
	return k, nil
}

// blocks returns the contents of all PEM blocks of one type (RFC 7468).
func blocks(text []byte, kind string) [][]byte {
	var out [][]byte
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return out
		}
		if b.Type == kind {
			out = append(out, b.Bytes)
		}
	}
}

// NewCertificate makes a key pair and a self-signed certificate, as PEM. The
// certificate is registered with the service, the key stays on the gateway.
func NewCertificate(commonName string, now, expires time.Time) (certPEM, keyPEM []byte, err error) {
	if !expires.After(now) {
		return nil, nil, fmt.Errorf("make a certificate: its end, %s, is not after now", expires.UTC().Format(time.DateOnly))
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	serial := new(big.Int).SetBytes([]byte(rand.Text())[:16]) // RFC 5280 §4.1.2.2: positive, 20 bytes at most
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName},
		NotBefore: now.UTC(), NotAfter: expires.UTC(),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate for %q: %w", commonName, err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("write the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}
