package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
)

func discoverCommand(g *globals) *cobra.Command {
	var account string
	var asJSON bool
	c := &cobra.Command{
		Use:   "discover",
		Short: "List the rooms that the calendar service has, with settings to copy",
		Long: "Discover lists the rooms of the customer's directory, with their buildings and\n" +
			"floors, and the calendars of each account, including those shared with it. It\n" +
			"writes a [[room]] section for each room that is not configured yet. All of its\n" +
			"output is TOML and may be appended to the configuration:\n\n" +
			"  roomgate rooms discover >> roomgate.toml\n\n" +
			"Where a permission is missing, discover says how to grant it and lists what can\n" +
			"be seen without it. Run 'roomgate check' after configuring a room: it reads the\n" +
			"room's calendar.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				accounts := cfg.Accounts
				if account != "" {
					one, err := pickAccount(cfg, []string{account})
					if err != nil {
						return err
					}
					accounts = []config.Account{one}
				}
				return discover(cmd, d, cfg, accounts, asJSON)
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "`NAME` of the account to look with; empty: all of them")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// discover asks with every account, and prints what was found.
func discover(cmd *cobra.Command, c *gateway.Client, cfg *config.Config, accounts []config.Account, asJSON bool) error {
	var all []gateway.Discovered
	var notes []driver.Finding
	rooms, found := gateway.Rooms(cfg), 0
	for _, a := range accounts {
		var seen driver.Discovery
		err := patiently(cmd.ErrOrStderr(), driver.WallClock{}, "Still looking for the rooms of account "+a.Name, func() (err error) {
			seen, err = c.Discover(cmd.Context(), a.Name)
			return err
		})
		if cmd.Context().Err() != nil {
			return cmd.Context().Err()
		}
		if err != nil {
			seen.Notes = append(seen.Notes, failure("account "+a.Name, err))
		}
		var one gateway.Discovered
		one, rooms = gateway.Compare(a.Name, seen, rooms)
		found += len(one.Rooms)
		notes = append(notes, one.Notes...)
		all = append(all, one)
	}
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), all)
	} else {
		printFindings(cmd.ErrOrStderr(), notes)
		err = gateway.WriteDiscovered(cmd.OutOrStdout(), all, len(cfg.Accounts) > 1)
	}
	if found > 0 || err != nil {
		return err
	}
	return verdict(notes)
}

// patiently runs a function, and prints regularly that it is still running.
func patiently(w io.Writer, clock driver.Clock, words string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	for began := clock.Now(); ; {
		select {
		case err := <-done:
			return err
		case <-clock.After(5 * time.Second):
			fmt.Fprintf(w, "%s (%s) ...\n", words, clock.Now().Sub(began).Round(time.Second))
		}
	}
}
