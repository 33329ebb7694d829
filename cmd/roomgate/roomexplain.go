package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/gateway"
)

func explainRoomCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain ROOM",
		Short: "Explain the value of every point of a room, and when it changes next",
		Long: "Explain shows why the points of a room have their values, when each changes next,\n" +
			"and to what. It assumes that nothing else changes: a readable calendar keeps its\n" +
			"bookings, an unreadable one stays unreadable, and a trusted presence sensor keeps\n" +
			"reporting the same. For quality and sensor it shows when they change if no read\n" +
			"succeeds and the sensor does not report.",
		Example: "  roomgate rooms explain boardroom",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("which room? Give the id of one, as '%s' lists them; got %q", g.command("rooms"), args)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				reasons, err := d.ExplainRoom(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), reasons)
				}
				if !d.Running {
					fmt.Fprintln(cmd.OutOrStdout(), "The gateway is not running; this is computed from the bookings it last read.")
				}
				return printExplanation(cmd.OutOrStdout(), reasons, cfg.Site.Timezone)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printExplanation writes a line for each point, and below it what changes it.
func printExplanation(w io.Writer, r gateway.RoomExplanation, zone *time.Location) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "POINT\tVALUE\tBECAUSE (%s, %s)\n", gateway.OneLine(r.Room), r.At.In(zone).Format("Mon 2 Jan 15:04:05"))
	for _, p := range r.Points {
		fmt.Fprintln(t, strings.Join([]string{gateway.OneLine(p.Point), valueWord(p.Value), gateway.OneLine(p.Because)}, "\t"))
		if p.Then != nil {
			fmt.Fprintf(t, "\t\tfrom %s %s: %s\n", strings.TrimSuffix(p.Until.In(zone).Format("Mon 2 Jan 15:04:05"), ":00"), valueWord(p.Then.Value), gateway.OneLine(p.Then.Because))
		}
		if p.Unless != "" {
			fmt.Fprintf(t, "\t\t%s\n", gateway.OneLine(p.Unless))
		}
	}
	return t.Flush()
}

func valueWord(v any) string {
	if v == nil {
		return "-"
	}
	return gateway.OneLine(fmt.Sprint(v))
}
