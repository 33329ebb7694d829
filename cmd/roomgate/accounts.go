package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
)

func accountsCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "accounts",
		Short: "Show how the sign-ins stand",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				var views []accountView
				if err := d.call(cmd.Context(), http.MethodGet, "/control/accounts", nil, &views); err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), views)
				}
				return printAccounts(cmd.OutOrStdout(), views, cfg.Site.Timezone, d.running)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printAccounts(w io.Writer, views []accountView, zone *time.Location, running bool) error {
	if !running {
		fmt.Fprintln(w, "The gateway is not running; this is what it keeps in its database.")
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACCOUNT\tSTATE\tSIGNED IN AS\tLAST REFRESH\tACCESS TOKEN UNTIL\tLAPSES IF UNUSED BY\tSECRET ENDS")
	for _, v := range views {
		fmt.Fprintln(t, strings.Join([]string{v.Name, v.State, orDash(v.User), local(v.LastRefresh, zone), local(v.AccessExpires, zone), local(v.RefreshLapses, zone), local(v.SecretExpires, zone)}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, v := range views {
		if v.Reason != "" {
			fmt.Fprintf(w, "\n%s: %s\n", v.Name, v.Reason)
		}
		if v.Action != "" {
			fmt.Fprintf(w, "%s: what to do: %s\n", v.Name, v.Action)
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// local writes an instant for people, in the site's zone.
func local(t *time.Time, zone *time.Location) string {
	if t == nil {
		return "-"
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
