package graphsim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// checkAssertion verifies a private_key_jwt client assertion: RFC 7523 §3 with the thumbprint headers of
// learn.microsoft.com/entra/identity-platform/certificate-credentials.
func (s *Sim) checkAssertion(c *call, app *App, assertion string) refusal {
	var head struct {
		Alg  string `json:"alg"`
		SHA1 string `json:"x5t"`
		SHA2 string `json:"x5t#S256"`
	}
	var claims struct {
		Aud, Iss, Sub string
		Nbf, Exp      int64
	}
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || !decodeJWT(parts[0], &head) || !decodeJWT(parts[1], &claims) {
		return refusal{700027, "The client assertion is not a JSON web token."}
	}
	cert := findCertificate(app, head.SHA1, head.SHA2)
	now := c.now.Unix()
	switch {
	case cert == nil:
		return refusal{700027, fmt.Sprintf("The certificate with identifier '%s' used to sign the client assertion is not registered on application.", head.SHA2+head.SHA1)}
	case !signatureValid(cert, head.Alg, parts):
		return refusal{700027, "Client assertion failed signature validation."}
	case claims.Iss != app.ClientID || claims.Sub != app.ClientID || !strings.HasPrefix(claims.Aud, c.base+"/"+c.path[0]+"/"):
		return refusal{700027, "Client assertion contains an invalid audience, issuer or subject."}
	case now < claims.Nbf-300 || now >= claims.Exp+300:
		return refusal{700024, fmt.Sprintf("Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time of assertion %s.",
			formatTime(now), formatTime(claims.Nbf), formatTime(claims.Exp))}
	}
	return refusal{}
}

func formatTime(unix int64) string {
	return time.Unix(unix, 0).UTC().Format("2006-01-02T15:04:05.0000000Z")
}

func decodeJWT(part string, v any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, v) == nil
}

func findCertificate(app *App, thumb1, thumb2 string) *x509.Certificate {
	for _, cert := range app.Certificates {
		one, two := sha1.Sum(cert.Raw), sha256.Sum256(cert.Raw)
		if sameThumbprint(thumb1, one[:]) || sameThumbprint(thumb2, two[:]) {
			return cert
		}
	}
	return nil
}

// sameThumbprint accepts both alphabets of base64, padded or not: RFC 7515 §4.1.8 says base64url, Microsoft's
// library for Go sends the standard one.
func sameThumbprint(sent string, sum []byte) bool {
	sent = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(sent)
	return sent == base64.RawURLEncoding.EncodeToString(sum)
}

func signatureValid(cert *x509.Certificate, alg string, parts []string) bool {
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if !ok || err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch alg {
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, sum[:], sig, nil) == nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig) == nil
	}
	return false
}
