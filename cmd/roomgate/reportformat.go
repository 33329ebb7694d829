package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// reportFormats are the forms in which a report is written.
var reportFormats = map[string]func(io.Writer, report) error{
	"text": textReport,
	"csv":  csvReport,
	"json": func(w io.Writer, r report) error { return printJSON(w, r) },
}

// textReport writes a line for each room, and one for all.
func textReport(w io.Writer, r report) error {
	fmt.Fprintf(w, "%s, %s to %s. Days that are not known are left out.\n", r.Site, r.From, r.To)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tDAYS KNOWN\tBOOKED\tUTILISATION\tUSED\tNO-SHOWS\tWALK-INS\tEARLY LEAVES\tOVERRUNS\tCOMFORT\tBASELINE\tAVOIDED")
	all := roomReport{Room: "all"}
	for _, room := range r.Rooms {
		fmt.Fprintln(t, room.line(r.Days))
		all.DaysKnown += room.DaysKnown
		all.add(room.usage)
	}
	fmt.Fprintln(t, all.line(r.Days*len(r.Rooms)))
	return t.Flush()
}

// line returns the columns of a room, of which so many days were asked for.
func (r roomReport) line(asked int) string {
	none := "-"
	cells := []string{r.Room, fmt.Sprintf("%d of %d", r.DaysKnown, asked), none, none, none, none, none, none, none, none, none, none}
	if r.DaysKnown > 0 {
		cells[2], cells[3], cells[9] = hours(r.Booked), percent(r.Booked, r.minutes), hours(r.Comfort)
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
// header (RFC 4180). Numbers are whole, because a decimal point is a comma in
// half of the world's spreadsheets; a field is empty where there is nothing to say.
func csvReport(w io.Writer, r report) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	records := [][]string{{"room", "date", "booked_minutes", "comfort_minutes", "sensor_minutes", "used_minutes", "no_shows", "walk_ins",
		"early_leaves", "overruns", "baseline_minutes", "avoided_conditioned_minutes"}}
	for _, room := range r.Rooms {
		for _, d := range room.Days {
			records = append(records, append([]string{room.Room, d.Date}, d.record()...))
		}
	}
	return c.WriteAll(records)
}

// record returns the fields of a day.
func (u usage) record() []string {
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
