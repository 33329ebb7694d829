package gateway

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"roomgate/driver"
)

// Discover asks a provider for the rooms that its account can see. One that
// cannot list rooms is reported as such.
func Discover(ctx context.Context, account string, p driver.Provider) (driver.Discovery, error) {
	d, ok := p.(driver.Discoverer)
	if !ok {
		return driver.Discovery{Notes: []driver.Finding{{Subject: "account " + account, Level: driver.LevelWarning,
			Words: p.Service() + " does not list its rooms", Action: "write the [[room]] sections by hand"}}}, nil
	}
	return d.Discover(ctx)
}

// Discovered is what an account can see, compared with the configuration.
type Discovered struct {
	Account string           `json:"account"`
	Rooms   []DiscoveredRoom `json:"rooms"`
	Notes   []driver.Finding `json:"notes,omitempty"`
}

// DiscoveredRoom is a room that was found. Its texts are one line each, without
// anything that a terminal would act on.
type DiscoveredRoom struct {
	driver.FoundRoom
	Configured []string `json:"configured,omitempty"` // ids of the configured rooms that are this one
	New        string   `json:"new,omitempty"`        // id of the section offered; empty: none is
}

// Compare finds which of the rooms seen with an account are configured, and
// offers an id for each of the others that can be. It returns the configured
// rooms with those offered added, so that no room is offered twice.
func Compare(account string, seen driver.Discovery, configured []driver.Room) (Discovered, []driver.Room) {
	d := Discovered{Account: account, Rooms: []DiscoveredRoom{}, Notes: seen.Notes}
	for _, f := range seen.Rooms {
		r := DiscoveredRoom{FoundRoom: cleaned(f)}
		for _, c := range configured {
			if isConfigured(f, account, c) {
				r.Configured = append(r.Configured, c.ID)
			}
		}
		if len(r.Configured) == 0 && (r.Mailbox != "" || r.Calendar != "") {
			r.New = roomID(r.Name, r.Address, func(id string) bool {
				return slices.ContainsFunc(configured, func(c driver.Room) bool { return c.ID == id })
			})
			configured = append(configured, driver.Room{ID: r.New, Account: account, Mailbox: r.Mailbox, Calendar: r.Calendar})
		}
		d.Rooms = append(d.Rooms, r)
	}
	return d, configured
}

// cleaned is a room as it is shown and configured, without the fields for the
// comparison.
func cleaned(f driver.FoundRoom) driver.FoundRoom {
	f.Name, f.Building, f.Floor = OneLine(f.Name), OneLine(f.Building), OneLine(f.Floor)
	f.RoomList, f.Address, f.Source, f.Remark = OneLine(f.RoomList), OneLine(f.Address), OneLine(f.Source), OneLine(f.Remark)
	if OneLine(f.Mailbox) != f.Mailbox || !addressForm.MatchString(f.Mailbox) {
		f.Mailbox = ""
	}
	if OneLine(f.Calendar) != f.Calendar {
		f.Calendar = ""
	}
	f.Calendars, f.Main, f.Directory = nil, false, false
	return f
}

// addressForm is what the setting mailbox takes.
var addressForm = regexp.MustCompile(`^[^@\s/?#]+@[^@\s/?#]+$`)

// isConfigured reports whether a configured room is the one found with an account.
func isConfigured(f driver.FoundRoom, account string, c driver.Room) bool {
	switch {
	case c.Mailbox != "":
		return strings.EqualFold(c.Mailbox, OneLine(f.Address))
	case c.Account != account:
		return false
	case c.Calendar == "" && f.Main, c.Calendar != "" && slices.Contains(f.Calendars, c.Calendar):
		return true
	}
	return f.Directory && slices.ContainsFunc(c.Match, func(m string) bool {
		m = strings.TrimSpace(m)
		return m != "" && (strings.EqualFold(m, OneLine(f.Address)) || strings.EqualFold(m, OneLine(f.Name)))
	})
}

// WriteDiscovered writes, in TOML, a table of the rooms of each account as
// comments, and then a section for each room that is offered. The sections name
// their account where the configuration has several.
func WriteDiscovered(w io.Writer, all []Discovered, several bool) error {
	var out, sections strings.Builder
	for _, d := range all {
		fmt.Fprintf(&out, "# Found with account %s:\n#\n", d.Account)
		if err := d.table(&out); err != nil {
			return err
		}
		out.WriteString("\n")
		account := ""
		if several {
			account = d.Account
		}
		for _, r := range d.Rooms {
			if r.New != "" {
				sections.WriteString(r.section(account))
			}
		}
	}
	if sections.Len() == 0 {
		sections.WriteString("# There is no room to add.\n")
	}
	_, err := io.WriteString(w, out.String()+sections.String())
	return err
}

// table writes the rooms, one a line, as comments.
func (d Discovered) table(out *strings.Builder) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tBUILDING\tFLOOR\tCAPACITY\tADDRESS\tFOUND IN\tROOM")
	for _, r := range d.Rooms {
		fmt.Fprintln(t, strings.Join([]string{orDash(r.Name), orDash(r.Building), orDash(r.Floor), r.seats(), orDash(r.Address), r.Source, r.room()}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		out.WriteString("# " + strings.TrimRight(line, " \n") + "\n")
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// seats is the capacity in words.
func (r DiscoveredRoom) seats() string {
	if r.Capacity <= 0 {
		return "-"
	}
	return strconv.Itoa(r.Capacity)
}

// room says which configured room it is, or will be.
func (r DiscoveredRoom) room() string {
	switch n := len(r.Configured); {
	case n > 1:
		return fmt.Sprintf("configured: %s and %d more", r.Configured[0], n-1)
	case n == 1:
		return "configured: " + r.Configured[0]
	case r.New != "":
		return "new: " + r.New
	}
	return "cannot be read by its address"
}

// section writes the room as a section of the configuration.
func (r DiscoveredRoom) section(account string) string {
	var b strings.Builder
	if r.Remark != "" {
		fmt.Fprintln(&b, "# "+r.Remark)
	}
	fmt.Fprintf(&b, "[[room]]\nid = %s\n", TOMLString(r.New))
	for _, s := range []struct{ key, value string }{{"name", r.Name}, {"account", account}, {"mailbox", r.Mailbox}, {"calendar", r.Calendar},
		{"building", r.Building}, {"floor", r.Floor}} {
		if s.value != "" {
			fmt.Fprintf(&b, "%s = %s\n", s.key, TOMLString(s.value))
		}
	}
	if r.Capacity > 0 && r.Capacity <= 100_000 { // what the setting takes
		fmt.Fprintf(&b, "capacity = %d\n", r.Capacity)
	}
	b.WriteString("\n")
	return b.String()
}
