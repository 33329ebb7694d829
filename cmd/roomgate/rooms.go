package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
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
	var asJSON, poll bool
	c := &cobra.Command{
		Use:   "rooms",
		Short: "Show what each room shows now",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				return showRooms(cmd, d, cfg.Site.Timezone, asJSON, poll)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print every point as JSON")
	c.Flags().BoolVar(&poll, "poll", false, "have the running gateway poll the calendars at once")
	return c
}

func showRooms(cmd *cobra.Command, d *gatewayClient, zone *time.Location, asJSON, poll bool) error {
	if poll {
		if !d.running {
			return hinted{errors.New("the gateway is not running, so there is nobody to poll"), "roomgate run"}
		}
		if err := d.call(cmd.Context(), http.MethodPost, "/control/poll", signInRequest{}, nil); err != nil {
			return err
		}
	}
	if asJSON {
		var all any
		if err := d.call(cmd.Context(), http.MethodGet, "/api/v1/rooms", nil, &all); err != nil {
			return err
		}
		return printJSON(cmd.OutOrStdout(), all)
	}
	var all struct{ Rooms []roomView }
	if err := d.call(cmd.Context(), http.MethodGet, "/api/v1/rooms", nil, &all); err != nil {
		return err
	}
	if !d.running {
		fmt.Fprintln(cmd.OutOrStdout(), "The gateway is not running; this follows from the bookings it last read.")
	}
	return printRooms(cmd.OutOrStdout(), all.Rooms, zone)
}

func printRooms(w io.Writer, rooms []roomView, zone *time.Location) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tNOW\tCOMFORT\tNEXT\tQUALITY")
	for _, r := range rooms {
		fmt.Fprintln(t, strings.Join([]string{r.ID, r.now(zone), onOff(r.Points.Comfort), r.next(zone), r.Quality}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rooms {
		if r.Fault != "" {
			fmt.Fprintf(w, "\n%s: %s\n", r.ID, r.Fault)
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
		return "booked until " + clockTime(p.End, zone) + " (" + *p.Subject + ")"
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
