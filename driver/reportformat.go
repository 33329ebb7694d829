package driver

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteText writes a line for each room and one for all rooms.
func (r Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s to %s. Days that are not known are left out.\n", r.Site, r.From, r.To)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOM\tDAYS KNOWN\tBOOKED\tUTILISATION\tUSED\tNO-SHOWS\tWALK-INS\tEARLY LEAVES\tOVERRUNS\tCOMFORT\tBASELINE\tAVOIDED")
	all := RoomReport{Room: "all"}
	for _, room := range r.Rooms {
		fmt.Fprintln(t, reportLine(room, r.Days))
		all.DaysKnown += room.DaysKnown
		all.Add(room.Usage)
	}
	fmt.Fprintln(t, reportLine(all, r.Days*len(r.Rooms)))
	return t.Flush()
}

// reportLine returns the columns of a room; asked is the number of days of the period.
func reportLine(r RoomReport, asked int) string {
	none := "-"
	cells := []string{r.Room, fmt.Sprintf("%d of %d", r.DaysKnown, asked), none, none, none, none, none, none, none, none, none, none}
	if r.DaysKnown > 0 {
		cells[2], cells[3], cells[9] = inHours(r.Booked), inPercent(r.Booked, r.Minutes), inHours(r.Comfort)
	}
	if p := r.Presence; p != nil {
		copy(cells[4:], []string{inHours(p.Used), strconv.Itoa(p.NoShows), strconv.Itoa(p.WalkIns), strconv.Itoa(p.EarlyLeaves), strconv.Itoa(p.Overruns)})
	}
	if b := r.Baseline; b != nil {
		cells[10], cells[11] = inHours(b.Minutes), inHours(b.Avoided)
		if b.Minutes > 0 {
			cells[11] += ", " + inPercent(b.Avoided, b.Minutes)
		}
	}
	return strings.Join(cells, "\t")
}

func inHours(minutes int) string { return fmt.Sprintf("%.1f h", float64(minutes)/60) }

func inPercent(part, whole int) string { return fmt.Sprintf("%d %%", (100*part+whole/2)/whole) }

// WriteCSV writes a record for each day of each room that is known, after a
// header (RFC 4180). Numbers are whole, because spreadsheets of many languages
// expect a decimal comma; a field is empty where nothing is known.
func (r Report) WriteCSV(w io.Writer) error {
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
func csvFields(u Usage) []string {
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
