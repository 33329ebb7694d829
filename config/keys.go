package config

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode"
)

// newKey is the fix for both kinds of key file.
const newKey = "make one with openssl rand -hex 32"

// sealKey reads the key that encrypts the stored tokens; nil when there is none.
func (c *checker) sealKey(at, file string) *[32]byte {
	text, ok := c.readable(at, file, true)
	if !ok {
		return nil
	}
	key := key32(text)
	if key == nil {
		c.add(at, "names a file that contains no key: 32 bytes, as they are, in hexadecimal or in base64", "", newKey)
	}
	return key
}

// key32 returns the 32 bytes that a text contains as raw bytes, in hexadecimal or
// in base64 (RFC 4648); nil when it does not. Raw bytes that are all printable are
// taken for a pass phrase: a random key practically never is.
func key32(text string) *[32]byte {
	if len(text) == 32 && strings.ContainsFunc(text, notText) {
		return (*[32]byte)([]byte(text))
	}
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
		if key, err := decode(strings.TrimSpace(text)); err == nil && len(key) == 32 {
			return (*[32]byte)(key)
		}
	}
	return nil
}

func notText(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) && !unicode.IsSpace(r) }

// Limits of the key of the connect API, in characters: hard to guess, and short
// enough for the header limits of clients and proxies.
const leastAPIKey, mostAPIKey = 32, 256

// apiKey reads the key of the connect API; empty when there is none.
func (c *checker) apiKey(at, file string) Secret {
	if file == "" {
		return Secret{}
	}
	key := c.secretFile(at, file)
	switch text := key.Reveal(); {
	case c.reported(at):
	case len(text) < leastAPIKey || len(text) > mostAPIKey:
		c.add(at, "names a file whose key is not 32 to 256 characters long", "", newKey)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		c.add(at, "names a file whose key contains characters that a header cannot carry", "", newKey)
	}
	return key
}
