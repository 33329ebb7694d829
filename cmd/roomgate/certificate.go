package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/graph/token"
)

// certificateFlags say what kind of certificate is made.
type certificateFlags struct {
	years  int
	folder string
}

func certificateCommand(g *globals) *cobra.Command {
	f := &certificateFlags{}
	c := &cobra.Command{
		Use:   "certificate [account]",
		Short: "Make the key pair with which an account proves who it is",
		Long: "Certificate makes a private key and a certificate for an app registration, to be\n" +
			"used instead of a client secret. The key never leaves this machine; the\n" +
			"certificate, which is no secret, is uploaded in the portal. Files that exist are\n" +
			"left as they are.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			account, err := g.accountToCertify(args)
			if err != nil {
				return err
			}
			if f.folder == "" {
				f.folder = filepath.Dir(g.config)
			}
			return f.create(cmd, account, time.Now())
		},
	}
	c.Flags().IntVar(&f.years, "years", 2, "how many years the certificate is good for, 1 to 10")
	c.Flags().StringVar(&f.folder, "folder", "", "`FOLDER` to write to; empty: that of the configuration")
	return c
}

// accountToCertify returns the name of the account. The configuration may still
// be wrong, for want of just this certificate; the name must be given then.
func (g *globals) accountToCertify(args []string) (string, error) {
	cfg, err := config.Load(g.config)
	switch {
	case err == nil:
		account, err := pickAccount(cfg, args)
		return account.Name, err
	case len(args) == 0:
		return "", hinted{badConfig{err}, "roomgate certificate ACCOUNT, which needs no configuration"}
	case !accountName.MatchString(args[0]):
		return "", usageError{fmt.Errorf("account %q: use 1 to 40 of a-z, 0-9 and -", args[0])}
	}
	return args[0], nil
}

var accountName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// create writes the two files and prints what to do with them.
func (f *certificateFlags) create(cmd *cobra.Command, account string, now time.Time) error {
	if f.years < 1 || f.years > 10 {
		return usageError{fmt.Errorf("--years %d: use 1 to 10", f.years)}
	}
	folder, err := filepath.Abs(f.folder)
	if err != nil {
		return fmt.Errorf("finding the folder %s: %w", f.folder, err)
	}
	certFile, keyFile := filepath.Join(folder, account+".crt"), filepath.Join(folder, account+".key")
	expires := now.UTC().AddDate(f.years, 0, 0)
	cert, key, err := token.NewCertificate("roomgate "+account, now.UTC(), expires)
	if err != nil {
		return fmt.Errorf("making the certificate of account %s: %w", account, err)
	}
	pair, err := token.ParseCertificate(cert, key)
	if err != nil {
		return fmt.Errorf("reading back the certificate of account %s: %w", account, err)
	}
	if err := writePair(certFile, cert, keyFile, key); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), `Made a key pair for account %[1]s, good until %[2]s.

  %[3]s   the certificate: upload this one
  %[4]s   the private key: it stays here, and is read by the gateway alone

1. Upload the certificate: entra.microsoft.com, App registrations, the app,
   Certificates & secrets, Certificates, Upload certificate. The portal then shows
   the thumbprint %[5]s
   ('roomgate handover' prints a PowerShell block that does it.)
2. Put these two lines into [[account]] %[1]s, and remove its client_secret lines:

   client_certificate_file = %[3]q
   client_key_file = %[4]q

3. If the gateway runs as a user of its own, hand it the files:
   chown roomgate: %[3]s %[4]s
4. Restart the gateway. 'roomgate check' tells whether Microsoft takes it.
`, account, expires.Format(time.DateOnly), certFile, keyFile, pair.SHA1Hex())
	return nil
}

// writePair writes both files, or neither. What exists is never overwritten: it
// may be the key that the portal knows.
func writePair(certFile string, cert []byte, keyFile string, key []byte) error {
	if err := writeNew("the key pair", keyFile, key, "--folder with another folder, or move the old files away"); err != nil {
		return err
	}
	if err := writeNew("the key pair", certFile, cert, "--folder with another folder, or move the old files away"); err != nil {
		return errors.Join(err, os.Remove(keyFile))
	}
	return nil
}
