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

func reportCommand(g *globals) *cobra.Command {
	var from, to, format string
	var only []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "report",
		Short: "Summarize how the rooms were used, day by day",
		Long: "Report summarizes the past days, of which 400 are kept: what was booked\n" +
			"and used, and how long comfort was on, compared with the hours of the weekly\n" +
			"schedule. Text has a line for each room; csv and json have every day. It names\n" +
			"no people.",
		Example: "  roomgate report\n  roomgate report --from 2026-01-01 --to 2026-03-31 --format csv > quarter.csv",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				format = "json"
			}
			write := reportFormats[format]
			if write == nil {
				return usageError{fmt.Errorf("--format %q: use text, csv or json", format)}
			}
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				now := driver.WallClock{}.Now().In(cfg.Site.Timezone)
				p, err := periodOf(from, to, now)
				if err != nil {
					return err
				}
				r, err := d.Report(cmd.Context(), cfg, p)
				if err != nil {
					return err
				}
				if err := g.keepRooms(&r, only); err != nil {
					return err
				}
				for _, date := range r.Damaged {
					fmt.Fprintf(cmd.ErrOrStderr(), "roomgate: warning: %s is left out: the stored day is damaged\n", date)
				}
				if words := r.WithoutDays(now); words != "" {
					fmt.Fprintln(cmd.ErrOrStderr(), "roomgate:", words)
				}
				return write(cmd.OutOrStdout(), r)
			})
		},
	}
	c.Flags().StringVar(&from, "from", "", "first `DATE`, in the site's zone; left out: 29 days before the last")
	c.Flags().StringVar(&to, "to", "", "last `DATE`, itself included; left out: yesterday")
	c.Flags().StringVar(&format, "format", "text", "text, csv or json")
	c.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	c.MarkFlagsMutuallyExclusive("format", "json")
	c.Flags().StringArrayVar(&only, "room", nil, "only the room with this `ID`; may be repeated")
	return c
}

// periodOf reads the dates of the command line; empty ones are left to the
// domain. today is in the site's zone.
func periodOf(from, to string, today time.Time) (driver.Period, error) {
	first, err := dateOf("--from", from)
	if err != nil {
		return driver.Period{}, err
	}
	last, err := dateOf("--to", to)
	if err != nil {
		return driver.Period{}, err
	}
	p, err := driver.NewPeriod(first, last, today)
	if err != nil {
		return p, usageError{fmt.Errorf("--from and --to: %w", err)}
	}
	return p, nil
}

// dateOf reads a date; the zero time where there is none.
func dateOf(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, usageError{fmt.Errorf("%s %q is not a date: write it as 2026-01-31", flag, s)}
	}
	return t, nil
}

// keepRooms leaves out the rooms that are not wanted; none given: all are wanted.
func (g *globals) keepRooms(r *driver.Report, only []string) error {
	if len(only) == 0 {
		return nil
	}
	if unknown := r.Keep(only); len(unknown) > 0 {
		return hinted{usageError{fmt.Errorf("--room %s: there is no such room, and none existed in these days", unknown[0])}, g.command("rooms")}
	}
	return nil
}

// reportFormats are the forms in which a report is written.
var reportFormats = map[string]func(io.Writer, driver.Report) error{
	"text": func(w io.Writer, r driver.Report) error { return r.WriteText(w) },
	"csv":  func(w io.Writer, r driver.Report) error { return r.WriteCSV(w) },
	"json": func(w io.Writer, r driver.Report) error { return printJSON(w, r) },
}
