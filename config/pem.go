package config

import (
	"encoding/pem"
	"strings"
)

// keyIn returns a PEM text that contains a private key, checked as far as that is
// possible without its certificate.
func keyIn(text []byte) (Secret, Complaint) {
	block := pemBlock(text, "PRIVATE KEY")
	switch {
	case block == nil:
		return Secret{}, Complaint{"names a file that contains no private key in PEM", "name the one that begins with -----BEGIN PRIVATE KEY-----"}
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "": // RFC 5958 §3, RFC 1421 §4.6.1.3
		return Secret{}, Complaint{"names a key with a pass phrase, which a service cannot enter when it starts", "remove the pass phrase with openssl pkey -in FILE -out NEWFILE"}
	}
	return NewSecret(string(text)), Complaint{}
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
