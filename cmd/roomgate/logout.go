package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/gateway"
)

func logoutCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "logout [account]",
		Short: "Delete an account's sign-in",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				account, err := pickAccount(cfg, args)
				if err != nil {
					return err
				}
				if err := d.SignOut(cmd.Context(), account.Name); err != nil {
					return sent(err, g.command("accounts"))
				}
				fmt.Fprintf(cmd.OutOrStdout(), "The sign-in of account %s is deleted here. The service keeps the consent; the customer's IT can revoke it.\n", account.Name)
				return nil
			})
		},
	}
}
