package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// longestFunction is the most lines of a function, from func to its closing
// brace: what fits on a screen.
const longestFunction = 60

func TestFunctionLength(t *testing.T) {
	for _, f := range sourceFiles(t) {
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, f, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(parsed) {
			continue
		}
		for _, name := range longFunctions(files, parsed) {
			t.Errorf("%s: %s", f, name)
		}
	}
}

// TestLongFunctionIsFound proves that TestFunctionLength can fail.
func TestLongFunctionIsFound(t *testing.T) {
	for body, want := range map[int]int{longestFunction - 2: 0, longestFunction - 1: 1} {
		text := "package p\n\nfunc (t T) long() {\n" + strings.Repeat("\tprintln()\n", body) + "}\n"
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, "p.go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := longFunctions(files, parsed); len(got) != want {
			t.Errorf("%d lines within the braces: %q, want %d functions", body, got, want)
		}
	}
}

// longestCommands is the most lines of this package without its tests. A command
// has flags, what it prints and its exit codes; what it does is the gateway's.
const longestCommands = 2500

func TestLengthOfCommands(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(text, []byte("\n"))
	}
	if lines == 0 || lines >= longestCommands {
		t.Errorf("the commands have %d lines, fewer than %d are allowed: move what is not flags, printing or exit codes to package gateway", lines, longestCommands)
	}
}

// longFunctions returns position, name and length of the functions that are
// too long, function literals included.
func longFunctions(files *token.FileSet, f *ast.File) []string {
	var long []string
	ast.Inspect(f, func(n ast.Node) bool {
		name, start := "a function literal", token.NoPos
		switch n := n.(type) {
		case *ast.FuncDecl:
			name, start = n.Name.Name, n.Type.Func
		case *ast.FuncLit:
			start = n.Pos()
		default:
			return true
		}
		first, last := files.Position(start).Line, files.Position(n.End()).Line
		if lines := last - first + 1; lines > longestFunction {
			long = append(long, fmt.Sprintf("line %d: %s has %d lines, %d are allowed: split it", first, name, lines, longestFunction))
		}
		return true
	})
	return long
}

// sourceFiles returns the Go files of the repository that are not tests.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
