package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrow says what a package may import, and why no more.
type arrow struct {
	ours    []string // packages of this module
	stdOnly bool     // beside them the standard library alone, and markup
	why     string
}

// arrows are the packages of the module. One that is not here needs an idea of
// its own before it is added.
var arrows = map[string]arrow{
	"driver":                 {nil, true, "the domain decides what is true; it must not know how anything is fetched or shown"},
	"driver/calendartest":    {[]string{"driver"}, true, "the suite must suit every Calendar"},
	"driver/store":           {nil, false, "the store knows bytes, not meanings"},
	"zones":                  {nil, true, "the name of a zone means the same in every calendar"},
	"graph":                  {[]string{"driver", "oauth", "zones"}, false, "a provider speaks the domain's language and knows nothing of sinks"},
	"ical":                   {[]string{"driver", "zones"}, false, "a file format is read without knowing where the file is from"},
	"oauth":                  {[]string{"driver"}, false, "a sign-in is of use to any provider, and its status is the domain's"},
	"oauth/oauthtest":        {[]string{"driver"}, true, "tests of any provider's sign-in need it, and nothing else does"},
	"graph/graphsim":         {nil, true, "a simulator that shares a type with its client shares its mistakes"},
	"bridge":                 {[]string{"driver"}, false, "the board holds points, whoever shows them"},
	"bridge/mqtt":            {[]string{"bridge", "driver"}, false, "a sink reads the board and nothing else"},
	"bridge/mqtt/openbroker": {nil, false, "a broker serves any client"},
	"bridge/web":             {[]string{"bridge", "driver", "httpd"}, false, "a sink reads the board; of those who ask it knows what the server says"},
	"httpd":                  {nil, true, "what a client may take and hold does not depend on what is served"},
	"config":                 {[]string{"zones"}, false, "a configuration is text and values; only the gateway passes them on"},
	"replay":                 {[]string{"driver", "ical"}, false, "a file is played through the same rules as any calendar, whoever shows the points"},
	"demo":                   {[]string{"bridge", "bridge/mqtt/openbroker", "driver", "graph/graphsim", "replay"}, false, "it stages a gateway that is handed to it, so that the gateway does not know that it is shown"},
	"webdriver":              {nil, true, "a browser shows any page"},
	"packaging":              {nil, true, "files that are installed"},
	"systemd":                {nil, true, "files that are installed"},
	"gateway": {[]string{"bridge", "bridge/mqtt", "bridge/web", "config", "driver", "driver/store", "graph", "httpd", "oauth", "replay"},
		false, "it builds all parts of a configuration, and no part knows it"},
	"cmd/roomgate": {[]string{"config", "demo", "driver", "driver/store", "gateway", "graph/graphsim", "httpd", "oauth", "packaging", "replay"},
		false, "a command has flags and words; what it does is the gateway's"},
}

// markup writes the pages of whoever has some; it knows nothing of what they show.
const markup = "maragu.dev/gomponents"

func TestArrowsPointOneWay(t *testing.T) {
	const root = "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		a, ok := arrows[filepath.ToSlash(dir)]
		if !ok {
			t.Errorf("package %s is not in the layout: give it a line in arrows, with its reason", dir)
			return nil
		}
		checkImports(t, path, a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, path string, a arrow) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		first, rest, _ := strings.Cut(name, "/")
		switch {
		case first == "roomgate" && !slices.Contains(a.ours, rest):
			t.Errorf("%s imports %s: %s", path, name, a.why)
		case first != "roomgate" && strings.Contains(first, ".") && a.stdOnly && name != markup && name != markup+"/html":
			t.Errorf("%s imports %s: standard library only, because %s", path, name, a.why)
		}
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// packageRows are the rows of the table of packages in the architecture document:
// what each package may import, by its path.
func packageRows(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| package | idea | may import |\n|---|---|---|\n")
	if !found {
		t.Fatal("docs/architecture.md has no table of packages")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(row, "|\n"), "|")
		if len(cells) != 3 {
			t.Fatalf("the row %q has %d cells, want 3", row, len(cells))
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[0], -1) {
			rows[name[1]] = cells[2]
		}
	}
	return rows
}

// TestArchitectureListsEveryPackage compares the table of packages with arrows.
func TestArchitectureListsEveryPackage(t *testing.T) {
	rows := packageRows(t)
	for name := range rows {
		if _, ok := arrows[name]; !ok {
			t.Errorf("docs/architecture.md lists the package %s, which is not in arrows", name)
		}
	}
	for name, a := range arrows {
		cell, ok := rows[name]
		if !ok {
			t.Errorf("docs/architecture.md does not list the package %s", name)
			continue
		}
		var ours []string
		for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
			ours = append(ours, m[1])
		}
		if stdOnly := strings.Contains(cell, "standard library alone"); !slices.Equal(ours, a.ours) || stdOnly != a.stdOnly {
			t.Errorf("docs/architecture.md: %s may import%s, want %q, the standard library alone beside them: %t", name, cell, a.ours, a.stdOnly)
		}
	}
}

// TestArrowsAreUsed finds the arrows that no import needs.
func TestArrowsAreUsed(t *testing.T) {
	const format = `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", format, "roomgate/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		imports := strings.Fields(line)
		name := strings.TrimPrefix(imports[0], "roomgate/")
		for _, p := range arrows[name].ours {
			if !slices.Contains(imports[1:], "roomgate/"+p) {
				t.Errorf("%s may import %s and does not: remove the arrow", name, p)
			}
		}
	}
}

// TestNoTemplates keeps the binary small: text/template calls methods by a name
// that it learns when it runs, so that the linker cannot leave out any exported
// method of the whole program, which is more than a tenth of it. html/template
// works through it. cobra and gomponents import them for what needs no template.
func TestNoTemplates(t *testing.T) {
	const format = `{{if not .Standard}}{{range .Imports}}{{if or (eq . "text/template") (eq . "html/template")}}{{$.ImportPath}} {{end}}{{end}}{{end}}`
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", format, ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	if want := []string{"github.com/spf13/cobra", markup}; !slices.Equal(got, want) {
		t.Errorf("templates are imported by %q, want %q: write pages with gomponents and other text with fmt", got, want)
	}
}
