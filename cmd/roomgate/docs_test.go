package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"roomgate/driver"
)

// manual returns the lines of a manual.
func manual(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// pointSections are the headings of the manual of the topics whose tables list points.
var pointSections = map[string]driver.Scope{"## Rooms": driver.OfRoom, "## Accounts": driver.OfAccount, "## Gateway": driver.OfGateway}

// pointRow is a row of such a table.
var pointRow = regexp.MustCompile("^\\| `([a-z0-9_]+)` \\| (bool|int|text|time|enum|json)[:| ]")

// The manual of the topics has one row for every point of the catalogue, with its type,
// its unit and its meaning, in the section of its scope, and no row without a point.
func TestManualListsEveryPoint(t *testing.T) {
	if wrong := wrongPoints(manual(t, "mqtt.md")); len(wrong) > 0 {
		t.Errorf("docs/mqtt.md:\n%s", strings.Join(wrong, "\n"))
	}
}

func wrongPoints(lines []string) (wrong []string) {
	rows := map[driver.Scope]map[string][]string{}
	scope, listed := driver.Scope(0), false
	for _, line := range lines {
		if strings.HasPrefix(line, "#") {
			scope, listed = pointSections[line]
		}
		m := pointRow.FindStringSubmatch(line)
		switch {
		case m == nil:
		case !listed:
			wrong = append(wrong, "outside the tables of points: "+line)
		default:
			if rows[scope] == nil {
				rows[scope] = map[string][]string{}
			}
			rows[scope][m[1]] = append(rows[scope][m[1]], line)
		}
	}
	for _, scope := range pointSections {
		for _, p := range driver.Catalogue(scope) {
			got := rows[scope][p.Name]
			delete(rows[scope], p.Name)
			kind := p.Kind.String()
			if len(p.Values) > 0 {
				kind += ": `" + strings.Join(p.Values, "` `") + "`"
			}
			if want := "| `" + p.Name + "` | " + kind + " | " + p.Unit + " | " + p.Description + " |"; !slices.Equal(got, []string{want}) {
				wrong = append(wrong, "got  "+strings.Join(got, "\n     ")+"\nwant "+want)
			}
		}
		for _, stale := range rows[scope] {
			wrong = append(wrong, "there is no such point: "+stale[0])
		}
	}
	return wrong
}

// A row that is missing, stale, or in the wrong table is found.
func TestManualOfPointsIsChecked(t *testing.T) {
	good := manual(t, "mqtt.md")
	row := slices.IndexFunc(good, func(line string) bool { return strings.HasPrefix(line, "| `booked` | bool |") })
	if row < 0 {
		t.Fatal("there is no row of booked")
	}
	for name, spoil := range map[string]func(lines []string) []string{
		"missing":         func(l []string) []string { return slices.Delete(l, row, row+1) },
		"another meaning": func(l []string) []string { l[row] = strings.Replace(l[row], "running", "going on", 1); return l },
		"another unit":    func(l []string) []string { l[row] = strings.Replace(l[row], "|  |", "| min |", 1); return l },
		"twice":           func(l []string) []string { return slices.Insert(l, row, l[row]) },
		"of no point": func(l []string) []string {
			return slices.Insert(l, row, strings.Replace(l[row], "booked", "reserved", 1))
		},
		"in another table": func(l []string) []string { return append(slices.Delete(l, row, row+1), "## Gateway", good[row]) },
	} {
		if len(wrongPoints(spoil(slices.Clone(good)))) == 0 {
			t.Errorf("a row that is %s is not found", name)
		}
	}
}

// The manual of operations has a row for every command that does something, by its whole
// path, and no row of a command that does not exist.
func TestManualListsEveryCommand(t *testing.T) {
	if wrong := wrongCommands(manual(t, "operations.md")); len(wrong) > 0 {
		t.Errorf("docs/operations.md: %s", strings.Join(wrong, ", "))
	}
	stale := append(manual(t, "operations.md"), "## Commands", "| `rooms forget ROOM` | forgets a room |")
	if wrong := wrongCommands(stale); !slices.Equal(wrong, []string{"there is no command `rooms forget`"}) {
		t.Errorf("a stale row: %q", wrong)
	}
	missing := slices.DeleteFunc(manual(t, "operations.md"), func(line string) bool { return strings.HasPrefix(line, "| `db restore") })
	if wrong := wrongCommands(missing); !slices.Equal(wrong, []string{"there is no row of `db restore`"}) {
		t.Errorf("a missing row: %q", wrong)
	}
}

// commandRow is a row of the table of commands: the words of the command, before its
// arguments.
var commandRow = regexp.MustCompile("^\\| `([a-z]+(?: [a-z]+)*)(?: [^`]*)?` \\|")

func wrongCommands(lines []string) (wrong []string) {
	var rows []string
	listed := false
	for _, line := range lines {
		if strings.HasPrefix(line, "#") {
			listed = line == "## Commands"
		}
		if m := commandRow.FindStringSubmatch(line); m != nil && listed {
			rows = append(rows, m[1])
		}
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := strings.TrimPrefix(c.CommandPath(), "roomgate ")
		i := slices.Index(rows, path)
		switch group := c.HasSubCommands() && c.Name() != "rooms"; {
		case i >= 0:
			rows = slices.Delete(rows, i, i+1)
		case !group:
			wrong = append(wrong, "there is no row of `"+path+"`")
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	for _, c := range newRoot().Commands() {
		walk(c)
	}
	for _, row := range rows {
		wrong = append(wrong, "there is no command `"+row+"`")
	}
	return wrong
}
