package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/gateway"
)

func accountsCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "accounts",
		Short: "Show the state of the sign-ins",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, c *gateway.Client) error {
				all, err := c.Accounts(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), all)
				}
				return printAccounts(cmd.OutOrStdout(), all, cfg.Site.Timezone, c.Running)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printAccounts(w io.Writer, all []gateway.AccountStatus, zone *time.Location, running bool) error {
	if !running {
		fmt.Fprintln(w, "The gateway is not running; this is the state in its database.")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACCOUNT\tSTATE\tSIGNED IN AS\tLAST REFRESH\tACCESS TOKEN EXPIRES\tEXPIRES UNLESS REFRESHED\tSECRET EXPIRES")
	for _, a := range all {
		fmt.Fprintln(t, strings.Join([]string{a.Name, stateWord(a), orDash(gateway.OneLine(a.User)), local(a.LastRefresh, zone), local(a.AccessExpires, zone), local(a.RefreshLapses, zone), local(a.SecretExpires, zone)}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, a := range all {
		if a.Reason != "" {
			fmt.Fprintf(w, "\n%s: %s\n", a.Name, gateway.OneLine(a.Reason))
		}
		if a.Action != "" {
			fmt.Fprintf(w, "%s: what to do: %s\n", a.Name, gateway.Continued(a.Action, "  "))
		}
	}
	return nil
}

// stateWord is the state of an account, for display.
func stateWord(a gateway.AccountStatus) string {
	if a.SignIn == gateway.SignInNone {
		return "no sign-in needed"
	}
	return a.State.String()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func listed(words []string) string { return strings.Join(words, ", ") }

// local formats an instant for people, in the site's zone; a dash for none.
func local(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
