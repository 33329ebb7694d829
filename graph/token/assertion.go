package token

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// assertionLife is how long an assertion holds: each is used once, at once.
const assertionLife = 10 * time.Minute

// assertionType is the value of client_assertion_type (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion returns a signed statement of the app about itself for one request
// to audience (RFC 7523 §3): a JWT signed with PS256 (RFC 7518 §3.5) that names
// the certificate by its x5t#S256 (RFC 7515 §4.1.8).
func (c *Certificate) assertion(clientID, audience string, now time.Time) (string, error) {
	head, err := part(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": c.Thumbprint()})
	if err != nil {
		return "", err
	}
	claims, err := part(map[string]any{
		"aud": audience, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := head + "." + claims
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPSS(rand.Reader, c.key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", fmt.Errorf("sign with the key of the certificate: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// part is one of the first two parts of a JWT (RFC 7515 §3.1).
func part(v any) (string, error) {
	data, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(data), err
}
