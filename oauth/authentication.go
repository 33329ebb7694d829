package oauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// assertionLife is how long an assertion is valid; each is used once, immediately.
const assertionLife = 10 * time.Minute

// assertionType is the value of client_assertion_type (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// ClientAuthentication is how a client authenticates with the token endpoint (RFC
// 6749 §2.3): by a secret in the form, by a JWT signed with the key of a
// certificate (RFC 7523 §2.2), or, as a public client, not at all. The zero
// value is a public client.
type ClientAuthentication struct {
	Secret        string
	SecretExpires time.Time // zero: not known
	Certificate   *Certificate
}

func (a ClientAuthentication) isPublic() bool { return a.Secret == "" && a.Certificate == nil }

func (a ClientAuthentication) check() error {
	if a.Secret != "" && a.Certificate != nil {
		return errors.New("there are both a client secret and a certificate; remove one")
	}
	return nil
}

// expires returns when the secret or the certificate ends, UTC; zero: not known.
func (a ClientAuthentication) expires() time.Time {
	if a.Certificate != nil {
		return a.Certificate.expires()
	}
	return a.SecretExpires
}

// add adds the authentication to a form for the token endpoint at audience.
func (a ClientAuthentication) add(form url.Values, clientID, audience string, now time.Time) error {
	switch {
	case a.Certificate != nil:
		assertion, err := a.Certificate.clientAssertion(clientID, audience, now)
		if err != nil {
			return err
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
	case a.Secret != "":
		form.Set("client_secret", a.Secret)
	}
	return nil
}

// clientAssertion returns a signed client assertion for one request to audience (RFC
// 7523 §3), which identifies the certificate by its x5t#S256 (RFC 7515 §4.1.8).
func (c *Certificate) clientAssertion(clientID, audience string, now time.Time) (string, error) {
	return signJWT(ps256, c.key, map[string]string{"x5t#S256": c.thumbprint()}, map[string]any{
		"aud": audience, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
}

// algorithm is how a JWT is signed (RFC 7518 §3.1).
type algorithm string

const (
	ps256 algorithm = "PS256" // RSASSA-PSS with SHA-256
	rs256 algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
)

// signJWT returns a JWT (RFC 7519) of the claims in the compact serialization
// (RFC 7515 §3.1). The header parameters alg and typ are added to those given.
func signJWT(alg algorithm, key *rsa.PrivateKey, header map[string]string, claims map[string]any) (string, error) {
	full := map[string]string{"alg": string(alg), "typ": "JWT"}
	for name, value := range header {
		full[name] = value
	}
	head, err := jwtPart(full)
	if err != nil {
		return "", fmt.Errorf("write the header of a JWT: %w", err)
	}
	body, err := jwtPart(claims)
	if err != nil {
		return "", fmt.Errorf("write the claims of a JWT: %w", err)
	}
	signed := head + "." + body
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	switch alg {
	case ps256: // RFC 7518 §3.5: the salt is as long as the hash
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case rs256:
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	default:
		return "", fmt.Errorf("sign a JWT: the algorithm %q is not known; use PS256 or RS256", alg)
	}
	if err != nil {
		return "", fmt.Errorf("sign a JWT: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func jwtPart(v any) (string, error) {
	data, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(data), err
}
