package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"roomgate/config"
	"roomgate/driver"
)

// words are the words of an enumeration of the domain, and what is wrong with a
// word that it does not know.
type words struct {
	all   []string
	parse func(word string) error
}

func wordsOf[T interface {
	~uint8
	String() string
}](parse func(string) (T, error)) words {
	w := words{parse: func(word string) error { _, err := parse(word); return err }}
	for v := T(0); v.String() != ""; v++ {
		w.all = append(w.all, v.String())
	}
	return w
}

// Every word that a room's configuration allows means something to the domain,
// and every word of the domain can be configured.
func TestWordsOfConfigurationAndDomain(t *testing.T) {
	domain := map[string]words{
		"count":     wordsOf(driver.ParseShowAs),
		"fail_safe": wordsOf(driver.ParseFailSafe),
		"privacy":   wordsOf(driver.ParsePrivacy),
		"release":   wordsOf(driver.ParseRelease),
	}
	allowed := config.RoomWords()
	if got, want := slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(domain)); !slices.Equal(got, want) {
		t.Fatalf("settings with certain words only: %q, want %q", got, want)
	}
	for key, want := range domain {
		for _, word := range allowed[key] {
			if err := want.parse(word); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		for _, word := range want.all {
			if free := key == "count" && word == "free"; !free && !slices.Contains(allowed[key], word) {
				t.Errorf("%s = %q cannot be configured", key, word)
			}
		}
	}
	if slices.Contains(allowed["count"], "free") {
		t.Error("a booking that is shown as free can be made to count")
	}
}

// advised is a command in a text for people that needs a configuration.
var advised = regexp.MustCompile(`\broomgate (accounts|certificate|check|config|db|handover|login|logout|replay|report|rooms|run)\b`)

// helped are what --help shows of a command: it names the commands and not how they
// are called.
var helped = []string{"Long", "Example"}

// A text that advises a command begins it with [config.Program], so that it repeats
// the --config in use. No text has the name of the program before that of a command.
func TestAdvisedCommandsRepeatTheConfiguration(t *testing.T) {
	var commands []string
	for _, c := range newRoot().Commands() {
		commands = append(commands, c.Name())
	}
	for _, name := range strings.Split(strings.Trim(strings.TrimPrefix(advised.String(), `\broomgate `), `()\b`), "|") {
		if !slices.Contains(commands, name) {
			t.Errorf("there is no command %q", name)
		}
	}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				key, ok := n.Key.(*ast.Ident)
				return !ok || !slices.Contains(helped, key.Name)
			case *ast.BasicLit:
				if command := advised.FindString(n.Value); command != "" {
					t.Errorf("%s: %q without the configuration in use", files.Position(n.Pos()), command)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
