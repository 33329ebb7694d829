package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// serviceNames matches the words of the calendar service that graph reads: its
// maker, its products, its error codes, its permissions and its addresses.
var serviceNames = regexp.MustCompile(`(?i:microsoft|outlook)|Entra\b|Azure|Graph\b|AADSTS|Exchange( Online|\b)|Office ?365` +
	`|(Calendars|Place|User)\.Read|offline_access`)

// fileNames matches the files of the provider's settings and builder, which other
// files and documents may mention.
var fileNames = regexp.MustCompile(`\bmicrosoft\w*\.go\b`)

// serviceName returns the first name of the service in a line, "" if there is
// none.
func serviceName(line string) string {
	return serviceNames.FindString(fileNames.ReplaceAllString(line, ""))
}

// nameAllowed is a place where the service may be named, with the reason.
type nameAllowed struct {
	path   string         // of the repository, as path.Match takes it; a folder ends with a slash
	line   *regexp.Regexp // which lines; nil: all
	reason string
}

var namesAllowed = []nameAllowed{
	{"graph/", nil, "the provider, its simulator and its documents"},
	{"packaging/roomgate.toml", nil, "the reference configuration shows how an account is set up"},
	{"config/microsoft*.go", nil, "the table of the provider's settings"},
	{"config/provider.go", regexp.MustCompile(`\bmicrosoftProvider\b`), "the entry of that table"},
	{"gateway/microsoft*.go", nil, "the builder of the provider"},
	{"gateway/providers.go", regexp.MustCompile(`^\s*microsoft,$`), "the entry of that builder"},
	{"README.md", nil, "tells users which services there are"},
	{"CHANGELOG.md", nil, "tells users what changed with which service"},
	{"cmd/roomgate/testdata/", nil, "scripts run against the simulator"},
	{"gateway/testdata/", nil, "sheets for the customer's IT"},
	{"config/testdata/", nil, "configurations of tests"},
	{".ci/run", nil, "runs the service's own libraries against the simulator"},
}

// TestServiceNames keeps the service's name out of everything but its provider:
// other packages get it from driver.Provider.
func TestServiceNames(t *testing.T) {
	const root = "../.."
	needed := map[int]bool{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		file, _ := filepath.Rel(root, name)
		file = filepath.ToSlash(file)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (file == ".git" || file == "dist"):
			return fs.SkipDir
		case d.IsDir() || !d.Type().IsRegular() || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err // a binary
		}
		for _, hit := range serviceNamesIn(file, string(text)) {
			t.Error(hit)
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			if serviceName(line) != "" {
				needed[allowing(file, line)] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range namesAllowed {
		if !needed[i] {
			t.Errorf("%s does not name the service: remove its exception", a.path)
		}
	}
}

// TestServiceNameIsFound proves that TestServiceNames can fail.
func TestServiceNameIsFound(t *testing.T) {
	for line, found := range map[string]bool{
		`"roomgate/graph"`:                 false,
		`import "roomgate/graph/graphsim"`: false,
		`g := graphsim.New(o)`:             false,
		`a paragraph, a central exchange`:  false,
		`// asks Graph again`:              true,
		`see login.microsoftonline.com`:    true,
		`"provider": "microsoft"`:          true,
		`settings are in microsoft.go`:     false,
		`func microsoft() {}`:              true,
		`AADSTS50173`:                      true,
		`the Entra portal`:                 true,
		`needs Calendars.Read.Shared`:      true,
		`Exchange Online`:                  true,
		`"openid offline_access"`:          true,
		`prefer: outlook.timezone`:         true,
	} {
		if got := len(serviceNamesIn("bridge/web/page.go", line)) > 0; got != found {
			t.Errorf("%q: found is %v, want %v", line, got, found)
		}
		if hits := serviceNamesIn("graph/client.go", line); len(hits) > 0 {
			t.Errorf("%q in the provider: %q", line, hits)
		}
	}
}

// serviceNamesIn returns the lines of a file that name the service where that is
// not allowed.
func serviceNamesIn(file, text string) []string {
	var hits []string
	for i, line := range strings.Split(text, "\n") {
		if word := serviceName(line); word != "" && allowing(file, line) < 0 {
			hits = append(hits, fmt.Sprintf("%s:%d: %q: take the name from the provider: %s", file, i+1, word, strings.TrimSpace(line)))
		}
	}
	return hits
}

// allowing returns the index of the exception that allows a line of a file to
// name the service, -1 if there is none.
func allowing(file, line string) int {
	for i, a := range namesAllowed {
		matched, _ := path.Match(a.path, file) // TestServiceNameIsFound would show a bad pattern
		inFolder := strings.HasSuffix(a.path, "/") && strings.HasPrefix(file, a.path)
		if (matched || inFolder) && (a.line == nil || a.line.MatchString(line)) {
			return i
		}
	}
	return -1
}
