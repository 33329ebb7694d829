package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
)

func reportCommand(g *globals) *cobra.Command {
	var from, to, format string
	var only []string
	c := &cobra.Command{
		Use:   "report",
		Short: "Sum up how the rooms were used, day by day",
		Long: "Report sums up the days that are over, of which 400 are kept: what was booked\n" +
			"and used, and how long comfort was on, compared with the hours of the weekly\n" +
			"schedule. Text has a line for each room; csv and json have every day. It names\n" +
			"no people.",
		Example: "  roomgate report\n  roomgate report --from 2026-01-01 --to 2026-03-31 --format csv > quarter.csv",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write := reportFormats[format]
			if write == nil {
				return usageError{fmt.Errorf("--format %q: use text, csv or json", format)}
			}
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				p, err := periodOf(from, to, driver.WallClock{}.Now().In(cfg.Site.Timezone))
				if err != nil {
					return err
				}
				r, err := d.report(cmd.Context(), cfg, p)
				if err != nil {
					return err
				}
				if err := keepRooms(&r, only); err != nil {
					return err
				}
				for _, date := range r.Damaged {
					fmt.Fprintf(cmd.ErrOrStderr(), "roomgate: warning: %s is left out: the stored day is damaged\n", date)
				}
				return write(cmd.OutOrStdout(), r)
			})
		},
	}
	c.Flags().StringVar(&from, "from", "", "first `DATE`, in the site's zone; left out: 29 days before the last")
	c.Flags().StringVar(&to, "to", "", "last `DATE`, itself included; left out: yesterday")
	c.Flags().StringVar(&format, "format", "text", "text, csv or json")
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

// report asks the gateway for the days of a period and sums them up.
func (d *gatewayClient) report(ctx context.Context, cfg *config.Config, p driver.Period) (driver.Report, error) {
	site := driver.Site{ID: cfg.Site.ID, Zone: cfg.Site.Timezone}
	return driver.NewReport(site, roomsOf(cfg), p, func(date string) ([]driver.Day, error) {
		var kept historyAnswer
		if err := d.call(ctx, http.MethodGet, "/control/history/"+date, nil, &kept); err != nil {
			return nil, err
		}
		if kept.Damaged != "" {
			return nil, fmt.Errorf("%w: %s", driver.ErrDamagedDay, kept.Damaged)
		}
		return kept.Days, nil
	})
}

// keepRooms leaves out the rooms that are not wanted; none given: all are wanted.
func keepRooms(r *driver.Report, only []string) error {
	if len(only) == 0 {
		return nil
	}
	if unknown := r.Keep(only); len(unknown) > 0 {
		return hinted{usageError{fmt.Errorf("--room %s: there is no such room, and none was there in these days", unknown[0])}, "roomgate rooms"}
	}
	return nil
}

// reportFormats are the forms in which a report is written.
var reportFormats = map[string]func(io.Writer, driver.Report) error{
	"text": textReport,
	"csv":  csvReport,
	"json": func(w io.Writer, r driver.Report) error { return printJSON(w, r) },
}

// textReport writes a line for each room, and one for all.
func textReport(w io.Writer, r driver.Report) error {
	fmt.Fprintf(w, "%s, %s to %s. Days that are not known are left out.\n", r.Site, r.From, r.To)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tDAYS KNOWN\tBOOKED\tUTILISATION\tUSED\tNO-SHOWS\tWALK-INS\tEARLY LEAVES\tOVERRUNS\tCOMFORT\tBASELINE\tAVOIDED")
	all := driver.RoomReport{Room: "all"}
	for _, room := range r.Rooms {
		fmt.Fprintln(t, reportLine(room, r.Days))
		all.DaysKnown += room.DaysKnown
		all.Add(room.Usage)
	}
	fmt.Fprintln(t, reportLine(all, r.Days*len(r.Rooms)))
	return t.Flush()
}

// reportLine returns the columns of a room, of which so many days were asked for.
func reportLine(r driver.RoomReport, asked int) string {
	none := "-"
	cells := []string{r.Room, fmt.Sprintf("%d of %d", r.DaysKnown, asked), none, none, none, none, none, none, none, none, none, none}
	if r.DaysKnown > 0 {
		cells[2], cells[3], cells[9] = hours(r.Booked), percent(r.Booked, r.Minutes), hours(r.Comfort)
	}
	if p := r.Presence; p != nil {
		copy(cells[4:], []string{hours(p.Used), strconv.Itoa(p.NoShows), strconv.Itoa(p.WalkIns), strconv.Itoa(p.EarlyLeaves), strconv.Itoa(p.Overruns)})
	}
	if b := r.Baseline; b != nil {
		cells[10], cells[11] = hours(b.Minutes), hours(b.Avoided)
		if b.Minutes > 0 {
			cells[11] += ", " + percent(b.Avoided, b.Minutes)
		}
	}
	return strings.Join(cells, "\t")
}

func hours(minutes int) string { return fmt.Sprintf("%.1f h", float64(minutes)/60) }

func percent(part, whole int) string { return fmt.Sprintf("%d %%", (100*part+whole/2)/whole) }

// csvReport writes a record for each day of each room that is known, after a
// header (RFC 4180). Numbers are whole, because spreadsheets of
// many languages write a decimal comma; a field is empty where nothing is known.
func csvReport(w io.Writer, r driver.Report) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	records := [][]string{{"room", "date", "booked_minutes", "comfort_minutes", "sensor_minutes", "used_minutes", "no_shows", "walk_ins",
		"early_leaves", "overruns", "baseline_minutes", "avoided_conditioned_minutes"}}
	for _, room := range r.Rooms {
		for _, d := range room.Days {
			records = append(records, append([]string{room.Room, d.Date}, csvFields(d.Usage)...))
		}
	}
	return c.WriteAll(records)
}

// csvFields returns the fields of a day.
func csvFields(u driver.Usage) []string {
	fields := append(numbers(u.Booked, u.Comfort), "", "", "", "", "", "", "", "")
	if p := u.Presence; p != nil {
		copy(fields[2:], numbers(p.Sensor, p.Used, p.NoShows, p.WalkIns, p.EarlyLeaves, p.Overruns))
	}
	if b := u.Baseline; b != nil {
		copy(fields[8:], numbers(b.Minutes, b.Avoided))
	}
	return fields
}

func numbers(list ...int) []string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = strconv.Itoa(n)
	}
	return out
}
