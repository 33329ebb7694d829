package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
)

func handoverCommand(g *globals) *cobra.Command {
	var format, user string
	c := &cobra.Command{
		Use:   "handover [account]",
		Short: "Write the sheet for the customer's IT",
		Long: "Handover writes, from the configuration, what the customer's IT needs to know\n" +
			"before it grants access, and the commands that do its part: registering the app\n" +
			"with exactly these permissions, and limiting it to the rooms. The sheet holds no\n" +
			"secret.",
		Example: "  roomgate handover --user rooms@contoso.example > handover.md\n  roomgate handover --format html > handover.html",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "markdown" && format != "html" {
				return usageError{fmt.Errorf("--format %q: use markdown or html", format)}
			}
			cfg, w, err := g.load(cmd)
			if err != nil {
				return err
			}
			account, err := pickAccount(cfg, args)
			if err != nil {
				return err
			}
			s, err := handOverSheet(cfg, account, user, w)
			if err != nil {
				return err
			}
			if format == "html" {
				return s.html(cmd.OutOrStdout())
			}
			return s.markdown(cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&format, "format", "markdown", "markdown or html")
	c.Flags().StringVar(&user, "user", "rooms@YOUR-DOMAIN", "`ADDRESS` of the account that will sign in, to be filled in")
	return c
}

// handOverSheet is the sheet of one account; user is the address of the account
// that will sign in.
func handOverSheet(cfg *config.Config, account config.Account, user string, w world) (sheet, error) {
	p, err := newProvider(account, nil, w)
	if err != nil {
		return sheet{}, err
	}
	guide, ok := driver.Provider(p).(driver.Guide)
	if !ok {
		return sheet{}, fmt.Errorf("there is no sheet for %s", p.Service())
	}
	return sheet{title: "Room bookings for the building: " + cfg.Site.Name, blocks: guide.HandOver(driver.HandOver{
		Site:    driver.Site{ID: cfg.Site.ID, Name: cfg.Site.Name, Zone: cfg.Site.Timezone},
		Account: account.Name, User: user, Rooms: roomsOfAccount(cfg, account.Name),
		Broker: cfg.MQTT.Broker, Store: cfg.Store.Path, Sealed: cfg.Store.Key != nil,
	})}, nil
}

// roomsOfAccount are the configured rooms that an account reads.
func roomsOfAccount(cfg *config.Config, account string) []driver.Room {
	return slices.DeleteFunc(roomsOf(cfg), func(r driver.Room) bool { return r.Account != account })
}
