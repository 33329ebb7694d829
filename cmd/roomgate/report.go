package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
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
		Long: "Report tells of the days that are over, of which 400 are kept: what was booked\n" +
			"and used, and how long comfort was on against the hours of the weekly schedule.\n" +
			"Text has a line for each room; csv and json have every day. Nobody is named.",
		Example: "  roomgate report\n  roomgate report --from 2026-01-01 --to 2026-03-31 --format csv > quarter.csv",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write := reportFormats[format]
			if write == nil {
				return usageError{fmt.Errorf("--format %q: use text, csv or json", format)}
			}
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				p, err := newPeriod(from, to, driver.WallClock{}.Now().In(cfg.Site.Timezone))
				if err != nil {
					return err
				}
				r, err := d.report(cmd.Context(), cfg, p, only)
				if err != nil {
					return err
				}
				for _, date := range r.Damaged {
					fmt.Fprintf(cmd.ErrOrStderr(), "roomgate: warning: %s is left out: the database holds it damaged\n", date)
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

// period is a number of dates on end, each given as midnight UTC.
type period struct{ first, last time.Time }

// newPeriod reads the dates of the command line; empty ones are the last 30 days
// that are over today, an instant in the site's zone.
func newPeriod(from, to string, today time.Time) (p period, err error) {
	y, m, d := today.Date()
	p.last = time.Date(y, m, d-1, 0, 0, 0, 0, time.UTC)
	if to != "" {
		if p.last, err = dateOf("--to", to); err != nil {
			return p, err
		}
	}
	p.first = p.last.AddDate(0, 0, -29)
	if from != "" {
		if p.first, err = dateOf("--from", from); err != nil {
			return p, err
		}
	}
	switch {
	case p.last.Before(p.first):
		return p, usageError{fmt.Errorf("--from %s is after the last day, %s", p.first.Format(time.DateOnly), p.last.Format(time.DateOnly))}
	case p.days() > historyDays:
		return p, usageError{fmt.Errorf("%s to %s are %d days, and at most %d are kept", p.first.Format(time.DateOnly), p.last.Format(time.DateOnly), p.days(), historyDays)}
	}
	return p, nil
}

func dateOf(flag, s string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, usageError{fmt.Errorf("%s %q is not a date: write it as 2026-01-31", flag, s)}
	}
	return t, nil
}

func (p period) days() int { return int(p.last.Sub(p.first)/(24*time.Hour)) + 1 }

// report is how rooms were used in a period.
type report struct {
	Site    string       `json:"site"`
	From    string       `json:"from"`
	To      string       `json:"to"` // itself included
	Days    int          `json:"days_asked"`
	Damaged []string     `json:"damaged"`
	Rooms   []roomReport `json:"rooms"`
}

// roomReport is a room's sums, and the days they are made of.
type roomReport struct {
	Room      string `json:"room"`
	DaysKnown int    `json:"days_known"`
	usage
	Days []dayReport `json:"days"`
}

type dayReport struct {
	Date string `json:"date"`
	usage
}

// usage is how a room was used, on one day or many.
type usage struct {
	minutes  int       // of the days, which on a change of the clocks have 23 or 25 hours
	Booked   int       `json:"booked_minutes"`
	Comfort  int       `json:"comfort_minutes"`
	Presence *presence `json:"presence"` // nil: no sensor was trusted
	Baseline *baseline `json:"baseline"` // nil: there is no weekly schedule
}

// presence is what the sensor told.
type presence struct {
	Sensor      int `json:"sensor_minutes"` // it was trusted
	Used        int `json:"used_minutes"`
	NoShows     int `json:"no_shows"`
	WalkIns     int `json:"walk_ins"`
	EarlyLeaves int `json:"early_leaves"`
	Overruns    int `json:"overruns"`
}

// baseline is what a room would have cost by the weekly schedule.
type baseline struct {
	Minutes int `json:"minutes"`
	Avoided int `json:"avoided_conditioned_minutes"`
}

// usageOf returns a day's usage. Avoided conditioned minutes are those of the
// weekly schedule beyond those of comfort; a day with more comfort avoids none.
func usageOf(d driver.Day, date time.Time, week driver.Weekly, zone *time.Location) usage {
	start, end := driver.AllDay(date, date.AddDate(0, 0, 1), zone)
	u := usage{minutes: int(end.Sub(start) / time.Minute), Booked: d.BookedMinutes, Comfort: d.ComfortMinutes}
	if d.SensorMinutes > 0 {
		u.Presence = &presence{d.SensorMinutes, d.UsedMinutes, d.NoShows, d.WalkIns, d.EarlyLeaves, d.Overruns}
	}
	if hasHours(week) {
		use := int(hoursOfUse(week, start, end, zone) / time.Minute)
		u.Baseline = &baseline{use, max(0, use-d.ComfortMinutes)}
	}
	return u
}

// hasHours tells whether a week has any hours of use.
func hasHours(w driver.Weekly) bool {
	for _, stretches := range w.Exceptions {
		if len(stretches) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(w.Days[:], func(d []driver.Stretch) bool { return len(d) > 0 })
}

// hoursOfUse returns how long a week has a room in use between two instants.
func hoursOfUse(w driver.Weekly, start, end time.Time, zone *time.Location) (sum time.Duration) {
	for at := start; at.Before(end); {
		used, next := w.Hours(at, zone)
		if next.IsZero() || next.After(end) {
			next = end
		}
		if used {
			sum += next.Sub(at)
		}
		at = next
	}
	return sum
}

// add adds another usage.
func (u *usage) add(v usage) {
	u.minutes += v.minutes
	u.Booked += v.Booked
	u.Comfort += v.Comfort
	if p := v.Presence; p != nil {
		if u.Presence == nil {
			u.Presence = &presence{}
		}
		s := u.Presence
		*s = presence{s.Sensor + p.Sensor, s.Used + p.Used, s.NoShows + p.NoShows, s.WalkIns + p.WalkIns,
			s.EarlyLeaves + p.EarlyLeaves, s.Overruns + p.Overruns}
	}
	if b := v.Baseline; b != nil {
		if u.Baseline == nil {
			u.Baseline = &baseline{}
		}
		u.Baseline.Minutes += b.Minutes
		u.Baseline.Avoided += b.Avoided
	}
}

// report asks the gateway for the days of a period, one at a time, so that it
// never holds many. only names the rooms wanted; none: all, those first that are
// configured, then those that were.
func (d *gatewayClient) report(ctx context.Context, cfg *config.Config, p period, only []string) (report, error) {
	r := report{Site: cfg.Site.ID, From: p.first.Format(time.DateOnly), To: p.last.Format(time.DateOnly), Days: p.days(), Damaged: []string{}}
	weeks := map[string]driver.Weekly{}
	place := map[string]int{}
	for _, room := range roomsOf(cfg) {
		weeks[room.ID] = room.Weekly
		place[room.ID] = r.room(room.ID)
	}
	configured := len(r.Rooms)
	for date := p.first; !date.After(p.last); date = date.AddDate(0, 0, 1) {
		var kept historyAnswer
		key := date.Format(time.DateOnly)
		if err := d.call(ctx, http.MethodGet, "/control/history/"+key, nil, &kept); err != nil {
			return r, err
		}
		if kept.Damaged != "" {
			r.Damaged = append(r.Damaged, key)
		}
		for _, day := range kept.Days {
			i, ok := place[day.Room]
			if !ok {
				i = r.room(day.Room)
				place[day.Room] = i
			}
			r.Rooms[i].take(key, usageOf(day, date, weeks[day.Room], cfg.Site.Timezone))
		}
	}
	slices.SortFunc(r.Rooms[configured:], func(a, b roomReport) int { return cmp.Compare(a.Room, b.Room) })
	return r, r.keep(only)
}

// room adds a room without days and returns its place.
func (r *report) room(id string) int {
	r.Rooms = append(r.Rooms, roomReport{Room: id, Days: []dayReport{}})
	return len(r.Rooms) - 1
}

// take adds a day.
func (r *roomReport) take(date string, u usage) {
	r.DaysKnown++
	r.add(u)
	r.Days = append(r.Days, dayReport{date, u})
}

// keep leaves out the rooms that are not wanted; none: all are.
func (r *report) keep(only []string) error {
	for _, id := range only {
		if !slices.ContainsFunc(r.Rooms, func(room roomReport) bool { return room.Room == id }) {
			return hinted{usageError{fmt.Errorf("--room %s: there is no such room, and none was there in these days", id)}, "roomgate rooms"}
		}
	}
	if len(only) > 0 {
		r.Rooms = slices.DeleteFunc(r.Rooms, func(room roomReport) bool { return !slices.Contains(only, room.Room) })
	}
	return nil
}
