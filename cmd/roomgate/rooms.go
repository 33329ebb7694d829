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

func roomsCommand(g *globals) *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "rooms",
		Short: "Show the current state of each room",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				if watch {
					return g.watchRooms(cmd, d, cfg.Site.Timezone, asJSON)
				}
				return showRooms(cmd, d, cfg.Site.Timezone, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print every point as JSON; with --watch, a line for every change")
	c.Flags().BoolVar(&watch, "watch", false, "show every change, until Ctrl-C")
	c.AddCommand(pollCommand(g), discoverCommand(g), explainRoomCommand(g))
	return c
}

func pollCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "poll [room...]",
		Short: "Read these rooms now, or all of them, in the running gateway",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error {
			return g.withGateway(cmd, func(_ *config.Config, d *gateway.Client) error {
				if err := g.mustRun(d); err != nil {
					return err
				}
				if len(ids) == 0 {
					ids = []string{""} // all
				}
				for _, id := range ids {
					if err := d.Poll(cmd.Context(), id); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func showRooms(cmd *cobra.Command, d *gateway.Client, zone *time.Location, asJSON bool) error {
	all, err := d.Rooms(cmd.Context())
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	if !d.Running {
		fmt.Fprintln(cmd.OutOrStdout(), "The gateway is not running; this is computed from the bookings it last read.")
	}
	return printRooms(cmd.OutOrStdout(), all, zone)
}

// printRooms prints the rooms of the page's JSON as a table.
func printRooms(w io.Writer, doc json.RawMessage, zone *time.Location) error {
	rooms, err := gateway.ReadRooms(doc)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNOW\tCOMFORT\tNEXT\tQUALITY")
	for _, r := range rooms {
		fmt.Fprintln(t, strings.Join([]string{gateway.OneLine(r.ID), r.Now(zone), onOff(r.Points.Comfort), r.Next(zone), gateway.OneLine(r.Quality)}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rooms {
		if r.Fault != "" {
			fmt.Fprintf(w, "\n%s: %s\n", gateway.OneLine(r.ID), gateway.OneLine(r.Fault))
		}
	}
	return nil
}

func onOff(b *bool) string {
	switch {
	case b == nil:
		return "-"
	case *b:
		return "on"
	}
	return "off"
}
