package graph

import (
	"crypto/sha1"
	"encoding/pem"
	"fmt"
	"strings"
)

// CertificateSteps returns the steps to use a new certificate as the client
// authentication of an account. certificate is in PEM.
func CertificateSteps(account, certFile, keyFile string, certificate []byte) []string {
	return []string{
		"Upload the certificate: entra.microsoft.com, App registrations, the app,\n" +
			"Certificates & secrets, Certificates, Upload certificate. The portal then shows\n" +
			"the thumbprint " + thumbprint(certificate) + "\n" +
			"(The sheet for the customer's IT has a PowerShell block that does it.)",
		"Put these two lines into [[account]] " + account + ", and remove its client_secret lines:\n\n" +
			fmt.Sprintf("client_certificate_file = %q\nclient_key_file = %q\n", certFile, keyFile),
	}
}

// thumbprint is the thumbprint in the portal: the SHA-1 of its DER, in
// upper case hexadecimal.
func thumbprint(certificate []byte) string {
	return strings.ToUpper(fmt.Sprintf("%x", sha1.Sum(certificateDER(certificate))))
}

// certificateDER returns the certificate of a PEM text; nil: there is none.
func certificateDER(text []byte) []byte {
	for {
		var p *pem.Block
		if p, text = pem.Decode(text); p == nil {
			return nil
		}
		if p.Type == "CERTIFICATE" {
			return p.Bytes
		}
	}
}
