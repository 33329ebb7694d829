package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"roomgate/gateway"
)

func handoverCommand(g *globals) *cobra.Command {
	var format, user string
	var discover bool
	c := &cobra.Command{
		Use:   "handover [account]",
		Short: "Write the sheet for the customer's IT",
		Long: "Handover writes, from the configuration, what the customer's IT needs to know\n" +
			"before it grants access, and the commands that do its part: registering the app\n" +
			"with exactly these permissions, and limiting it to the rooms. With --discover it\n" +
			"also asks for the permission to list the rooms, and says how to take that back, so\n" +
			"that one visit of IT is enough. The sheet holds no secret.",
		Example: "  roomgate handover --user rooms@contoso.example > handover.md\n  roomgate handover --format html > handover.html",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "markdown" && format != "html" {
				return usageError{fmt.Errorf("--format %q: use markdown or html", format)}
			}
			g.draft = true // its reader makes the secret
			cfg, deps, err := g.load(cmd)
			if err != nil {
				return err
			}
			account, err := pickAccount(cfg, args)
			if err != nil {
				return err
			}
			sheet, err := gateway.HandOver(cfg, account, user, discover, deps)
			if err != nil {
				return err
			}
			if format == "html" {
				return sheet.HTML(cmd.OutOrStdout())
			}
			return sheet.Markdown(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&format, "format", "markdown", "markdown or html")
	c.Flags().BoolVar(&discover, "discover", false, "also ask for what 'rooms discover' needs, for the time of commissioning")
	c.Flags().StringVar(&user, "user", "rooms@YOUR-DOMAIN", "`ADDRESS` of the account that will sign in, to be filled in")
	return c
}
