package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	gw "roomgate/gateway"
)

// roomView is a room as the page's JSON gives it.
type roomView struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Quality string `json:"quality"`
	Fault   string `json:"fault"`
	Points  struct {
		Booked    *bool      `json:"booked"`
		Comfort   *bool      `json:"comfort"`
		Subject   *string    `json:"current_subject"`
		End       *time.Time `json:"current_end"`
		NextStart *time.Time `json:"next_start"`
		NextEnd   *time.Time `json:"next_end"`
		FreeUntil *time.Time `json:"free_until"`
		Age       *int       `json:"age"`
	} `json:"points"`
}

func roomsCommand(g *globals) *cobra.Command {
	var asJSON, watch bool
	c := &cobra.Command{
		Use:   "rooms",
		Short: "Show what each room shows now",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				if watch {
					return watchRooms(cmd, d, cfg.Site.Timezone, asJSON)
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
		Short: "Have the running gateway read these rooms now, or all of them",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, ids []string) error {
			return g.withGateway(cmd, func(_ *config.Config, d *gatewayClient) error {
				if err := d.mustRun(); err != nil {
					return err
				}
				if len(ids) == 0 {
					ids = []string{""} // all
				}
				for _, id := range ids {
					if err := d.call(cmd.Context(), http.MethodPost, "/control/poll", signInRequest{Room: id}, nil); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// mustRun refuses what only another process can do.
func (d *gatewayClient) mustRun() error {
	if d.running {
		return nil
	}
	return hinted{errors.New("the gateway is not running, and this needs it"), "roomgate run"}
}

func showRooms(cmd *cobra.Command, d *gatewayClient, zone *time.Location, asJSON bool) error {
	all, err := d.rooms(cmd.Context())
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), all)
	}
	if !d.running {
		fmt.Fprintln(cmd.OutOrStdout(), "The gateway is not running; this follows from the bookings it last read.")
	}
	return printRooms(cmd.OutOrStdout(), all, zone)
}

// rooms asks the gateway what the rooms show, as the page's JSON has it.
func (d *gatewayClient) rooms(ctx context.Context) (json.RawMessage, error) {
	var all json.RawMessage
	err := d.call(ctx, http.MethodGet, "/api/v1/rooms", nil, &all)
	return all, err
}

// printRooms prints the rooms of the page's JSON as a table.
func printRooms(w io.Writer, doc json.RawMessage, zone *time.Location) error {
	var all struct{ Rooms []roomView }
	if err := json.Unmarshal(doc, &all); err != nil {
		return fmt.Errorf("reading the rooms: %w", err)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNOW\tCOMFORT\tNEXT\tQUALITY")
	for _, r := range all.Rooms {
		fmt.Fprintln(t, strings.Join([]string{r.ID, r.now(zone), onOff(r.Points.Comfort), r.next(zone), r.Quality}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range all.Rooms {
		if r.Fault != "" {
			fmt.Fprintf(w, "\n%s: %s\n", r.ID, gw.OneLine(r.Fault))
		}
	}
	return nil
}

// now says in words what the room is at the moment.
func (r roomView) now(zone *time.Location) string {
	p := r.Points
	switch {
	case p.Booked == nil:
		return "not known"
	case *p.Booked && p.Subject != nil:
		return "booked until " + clockTime(p.End, zone) + " (" + gw.OneLine(*p.Subject) + ")"
	case *p.Booked:
		return "booked until " + clockTime(p.End, zone)
	}
	return "free until " + clockTime(p.FreeUntil, zone)
}

func (r roomView) next(zone *time.Location) string {
	if r.Points.NextStart == nil {
		return "-"
	}
	return clockTime(r.Points.NextStart, zone) + " to " + clockTime(r.Points.NextEnd, zone)
}

func clockTime(t *time.Time, zone *time.Location) string {
	if t == nil {
		return "-"
	}
	return t.In(zone).Format("Mon 15:04")
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
