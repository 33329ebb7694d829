package oauth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	certMade = time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC)
	certEnds = time.Date(2001, 3, 1, 0, 0, 0, 0, time.UTC)
)

type pair struct{ cert, key []byte }

// testPairs are two pairs that are made once, because making keys is slow.
var testPairs = sync.OnceValue(func() [2]pair {
	var out [2]pair
	for i := range out {
		var err error
		if out[i].cert, out[i].key, err = NewCertificate("roomgate hq", certMade, certEnds); err != nil {
			panic(err)
		}
	}
	return out
})

func testCertificate(t *testing.T) *Certificate {
	t.Helper()
	p := testPairs()[0]
	c, err := ParseCertificate(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewCertificate(t *testing.T) {
	c := testCertificate(t)
	if !c.expires().Equal(certEnds) || c.Leaf.Subject.CommonName != "roomgate hq" || !c.Leaf.NotBefore.Equal(certMade) || c.Leaf.SerialNumber.Sign() <= 0 {
		t.Errorf("certificate of %s from %v to %v", c.Leaf.Subject, c.Leaf.NotBefore, c.Leaf.NotAfter)
	}
	if err := c.Leaf.CheckSignature(c.Leaf.SignatureAlgorithm, c.Leaf.RawTBSCertificate, c.Leaf.Signature); err != nil {
		t.Errorf("the certificate is not signed by itself: %v", err)
	}
	sum := sha256.Sum256(c.Leaf.Raw)
	if got, err := base64.RawURLEncoding.DecodeString(c.thumbprint()); err != nil || !bytes.Equal(got, sum[:]) {
		t.Errorf("thumbprint %q, %v", c.thumbprint(), err)
	}
	if _, _, err := NewCertificate("x", certEnds, certEnds); err == nil {
		t.Error("a certificate that ends at once was made")
	}
}

func TestAssertion(t *testing.T) {
	c := testCertificate(t)
	now := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	jwt, err := c.clientAssertion(clientID, "https://login.example/t/oauth2/v2.0/token", now)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(jwt, ".")
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(parts) != 3 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	// RFC 7518 §3.5: the salt is as long as the hash.
	opts := &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	if err := rsa.VerifyPSS(c.Leaf.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature, opts); err != nil {
		t.Error(err)
	}
	var head, claims map[string]any
	for i, into := range []*map[string]any{&head, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
	if head["alg"] != "PS256" || head["typ"] != "JWT" || head["x5t#S256"] != c.thumbprint() || len(head) != 3 {
		t.Errorf("head %v", head)
	}
	if claims["aud"] != "https://login.example/t/oauth2/v2.0/token" || claims["iss"] != clientID || claims["sub"] != clientID ||
		claims["nbf"] != 1793692800.0 || claims["iat"] != 1793692800.0 || claims["exp"] != 1793693400.0 {
		t.Errorf("claims %v", claims)
	}
	again, err := c.clientAssertion(clientID, "https://login.example/t/oauth2/v2.0/token", now)
	if err != nil || strings.Split(again, ".")[1] == parts[1] {
		t.Error("two assertions carry the same jti")
	}
}

func TestParseCertificate(t *testing.T) {
	a, b := testPairs()[0], testPairs()[1]
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	c := testCertificate(t)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curvePEM, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		cert, key []byte
		words     string // of the error; empty: there is none
	}{
		{"a pair", a.cert, a.key, ""},
		{"one file", append(bytes.Clone(a.key), a.cert...), append(bytes.Clone(a.key), a.cert...), ""},
		{"with a chain, another first", append(bytes.Clone(b.cert), a.cert...), a.key, ""},
		{"a key of the older form", a.cert, encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(c.key)), ""},
		{"words around it", append([]byte("Bag Attributes\n"), a.cert...), a.key, ""},
		{"not a pair", a.cert, b.key, "does not belong"},
		{"mixed up", a.key, a.cert, "mixed up"},
		{"no key", a.cert, nil, "no private key"},
		{"no certificate", a.key, a.key, "contains none"},
		{"DER", c.Leaf.Raw, a.key, "contains none"},
		{"a password", a.cert, encode("ENCRYPTED PRIVATE KEY", []byte("x")), "openssl pkey"},
		{"a damaged key", a.cert, encode("PRIVATE KEY", []byte("secret rubbish")), "damaged"},
		{"a damaged certificate", encode("CERTIFICATE", []byte("x")), a.key, "read the certificate"},
		{"another kind of key", a.cert, encode("PRIVATE KEY", curvePEM), "make an RSA key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseCertificate(test.cert, test.key)
			switch {
			case test.words == "" && (err != nil || !got.Leaf.Equal(c.Leaf)):
				t.Errorf("refused: %v", err)
			case test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)):
				t.Errorf("got %v, want words with %q", err, test.words)
			}
		})
	}
}
