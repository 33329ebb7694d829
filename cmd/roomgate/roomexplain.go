package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	gw "roomgate/gateway"
)

// roomReasons say why the points of a room are what they are.
type roomReasons struct {
	Room   string        `json:"room"`
	At     time.Time     `json:"at"`
	Points []pointReason `json:"points"`
}

// pointReason says why a point is what it is, and what it becomes by itself.
type pointReason struct {
	Point   string     `json:"point"`
	Value   any        `json:"value"` // null: not known, or nothing to say
	Because string     `json:"because"`
	Until   *time.Time `json:"until,omitempty"` // left out: no change is in sight
	Then    *thenValue `json:"then,omitempty"`
	Unless  string     `json:"unless,omitempty"`
}

// thenValue is what a point becomes.
type thenValue struct {
	Value   any    `json:"value"`
	Because string `json:"because"`
}

func explainRoomCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain ROOM",
		Short: "Say why every point of a room is what it is, and when it changes next",
		Long: "Explain says why the points of a room are what they are now, when each changes\n" +
			"next by itself, and to what. That is told for things going on as they do: the\n" +
			"calendar is read and keeps its bookings, or fails on; a presence sensor that is\n" +
			"trusted goes on saying the same. For quality and sensor it is told when they\n" +
			"change if nothing more is read and heard.",
		Example: "  roomgate rooms explain boardroom",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("which room? Give the id of one, as 'roomgate rooms' lists them; got %q", args)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				reasons, err := d.explainRoom(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return printJSON(cmd.OutOrStdout(), reasons)
				}
				if !d.running {
					fmt.Fprintln(cmd.OutOrStdout(), "The gateway is not running; this follows from the bookings it last read.")
				}
				return reasons.print(cmd.OutOrStdout(), cfg.Site.Timezone)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// explainRoom asks the gateway why the points of a room are what they are.
func (d *gatewayClient) explainRoom(ctx context.Context, room string) (roomReasons, error) {
	if !d.running {
		return reasonsOf(room)(d.gateway.driver.ExplainShown(room))
	}
	var reasons roomReasons
	err := d.call(ctx, http.MethodGet, "/control/rooms/"+url.PathEscape(room)+"/explain", nil, &reasons)
	return reasons, err
}

// answerExplain answers why the points of the room in the path are what they are.
func (g *gateway) answerExplain(w http.ResponseWriter, r *http.Request) {
	room := r.PathValue("id")
	reasons, err := reasonsOf(room)(g.driver.Explain(r.Context(), room))
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, reasons)
}

// reasonsOf takes over what the driver says of a room.
func reasonsOf(room string) func(whys []driver.Why, at time.Time, ok bool) (roomReasons, error) {
	return func(whys []driver.Why, at time.Time, ok bool) (roomReasons, error) {
		if !ok {
			return roomReasons{}, fmt.Errorf("there is no room %q; 'roomgate rooms' lists them", room)
		}
		reasons := roomReasons{Room: room, At: at.UTC().Truncate(time.Second)}
		for _, why := range whys {
			p := pointReason{Point: why.Point, Value: plainValue(why.Value), Because: why.Because, Until: orNil(why.Until), Unless: why.Unless}
			if p.Until != nil {
				p.Then = &thenValue{plainValue(why.Then), why.Reason}
			}
			reasons.Points = append(reasons.Points, p)
		}
		return reasons, nil
	}
}

// plainValue is a value of a point that is explained, as JSON has it; nil for nothing.
func plainValue(v driver.Value) any {
	switch {
	case v.Nothing():
		return nil
	case v.Kind() == driver.Bool:
		return v.Bool()
	case v.Kind() == driver.Int:
		return v.Int()
	}
	return v.Text()
}

// print writes a line for each point, and below it what changes it.
func (r roomReasons) print(w io.Writer, zone *time.Location) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "POINT\tVALUE\tBECAUSE (%s, %s)\n", r.Room, r.At.In(zone).Format("Mon 2 Jan 15:04:05"))
	for _, p := range r.Points {
		fmt.Fprintln(t, strings.Join([]string{p.Point, valueWord(p.Value), gw.OneLine(p.Because)}, "\t"))
		if p.Then != nil {
			fmt.Fprintf(t, "\t\tfrom %s %s: %s\n", strings.TrimSuffix(p.Until.In(zone).Format("Mon 2 Jan 15:04:05"), ":00"), valueWord(p.Then.Value), gw.OneLine(p.Then.Because))
		}
		if p.Unless != "" {
			fmt.Fprintf(t, "\t\t%s\n", gw.OneLine(p.Unless))
		}
	}
	return t.Flush()
}

func valueWord(v any) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(v)
}
