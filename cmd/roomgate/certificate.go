package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/gateway"
	"roomgate/oauth"
)

// certificateFlags say what kind of certificate is made.
type certificateFlags struct {
	*globals
	years  int
	folder string
}

func certificateCommand(g *globals) *cobra.Command {
	f := &certificateFlags{globals: g}
	c := &cobra.Command{
		Use:   "certificate [account]",
		Short: "Make the key pair that an account authenticates with",
		Long: "Certificate makes a private key and a certificate for an app registration, to be\n" +
			"used instead of a client secret. The key never leaves this machine; the\n" +
			"certificate, which is not secret, is uploaded at the service. Existing files are\n" +
			"left as they are.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			account, provider, err := g.accountToCertify(args)
			if err != nil {
				return err
			}
			if f.folder == "" {
				f.folder = filepath.Dir(g.config)
			}
			return f.create(cmd, account, provider, time.Now())
		},
	}
	c.Flags().IntVar(&f.years, "years", 2, "how many years the certificate is good for, 1 to 10")
	c.Flags().StringVar(&f.folder, "folder", "", "`FOLDER` to write to; empty: that of the configuration")
	return c
}

// accountToCertify returns the name of the account and its provider. The
// configuration may still be incomplete because it lacks just this certificate;
// the name must be given then, and the provider is the default one.
func (g *globals) accountToCertify(args []string) (account, provider string, err error) {
	cfg, err := config.Load(g.config)
	switch {
	case err == nil:
		a, err := pickAccount(cfg, args)
		return a.Name, a.Provider, err
	case len(args) == 0:
		return "", "", hinted{badConfig{err}, g.command("certificate ACCOUNT, which needs no configuration")}
	case !accountName.MatchString(args[0]):
		return "", "", usageError{fmt.Errorf("account %q: use 1 to 40 of a-z, 0-9 and -", args[0])}
	}
	return args[0], config.Providers()[0].Name, nil
}

var accountName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// create writes the two files and prints what to do with them.
func (f *certificateFlags) create(cmd *cobra.Command, account, provider string, now time.Time) error {
	if f.years < 1 || f.years > 10 {
		return usageError{fmt.Errorf("--years %d: use 1 to 10", f.years)}
	}
	folder, err := filepath.Abs(f.folder)
	if err != nil {
		return fmt.Errorf("finding the folder %s: %w", f.folder, err)
	}
	certFile, keyFile := filepath.Join(folder, account+".crt"), filepath.Join(folder, account+".key")
	expires := now.UTC().AddDate(f.years, 0, 0)
	upload, err := gateway.CertificateSteps(provider)
	if err != nil {
		return usageError{err}
	}
	cert, key, err := oauth.NewCertificate("roomgate "+account, now.UTC(), expires)
	if err != nil {
		return fmt.Errorf("making the certificate of account %s: %w", account, err)
	}
	if err := writePair(certFile, cert, keyFile, key); err != nil {
		return err
	}
	steps := append(upload(account, certFile, keyFile, cert),
		"If the gateway runs as a dedicated user, give it the files:\nchown roomgate: "+certFile+" "+keyFile,
		"Restart the gateway. '"+f.command("check")+"' shows whether the service accepts it.")
	return printCertificate(cmd.OutOrStdout(), account, expires, certFile, keyFile, steps)
}

// printCertificate says what was made and what to do with it.
func printCertificate(w io.Writer, account string, expires time.Time, certFile, keyFile string, steps []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Made a key pair for account %s, valid until %s.\n\n", account, expires.Format(time.DateOnly))
	fmt.Fprintf(&b, "  %s   the certificate: upload this one\n", certFile)
	fmt.Fprintf(&b, "  %s   the private key: it stays here, and only the gateway reads it\n\n", keyFile)
	for i, step := range steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, strings.ReplaceAll(strings.ReplaceAll(step, "\n", "\n   "), "\n   \n", "\n\n"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writePair writes both files, or neither. What exists is never overwritten: it
// may be the key that the service knows.
func writePair(certFile string, cert []byte, keyFile string, key []byte) error {
	if err := writeNew("the key pair", keyFile, key, "--folder with another folder, or move the old files away"); err != nil {
		return err
	}
	if err := writeNew("the key pair", certFile, cert, "--folder with another folder, or move the old files away"); err != nil {
		return errors.Join(err, os.Remove(keyFile))
	}
	return nil
}
