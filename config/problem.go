package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// A Problem is one mistake in a configuration.
type Problem struct {
	File    string // the file's name
	Line    int    // counted from 1; 0: no line to point at
	Key     string // the setting, as in "room.lead"; "": the file
	Seen    string // the value found, as it would be written; "" when none or when it may be secret
	Message string // what is wrong
	Fix     string // what to do
	Warning bool   // the configuration can be used; it is probably a mistake
}

// String returns the problem on one line, for display.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + p.Message)
	if p.Seen != "" {
		b.WriteString(", got " + p.Seen)
	}
	if p.Fix != "" {
		b.WriteString(" (" + p.Fix + ")")
	}
	return b.String()
}

// Problems are all mistakes in a configuration, in the order of their lines.
type Problems []Problem

// Error returns one line for each problem.
func (p *Problems) Error() string {
	lines := make([]string, len(*p))
	for i, problem := range *p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Action returns the next step for the user.
func (p *Problems) Action() string {
	return "correct the configuration, then run: " + Program((*p)[0].File) + " config check"
}

// NeedsPerson returns true.
func (p *Problems) NeedsPerson() bool { return true }

// A report collects problems. Settings are named by their path in the document,
// as in "room[1].lead".
type report struct {
	file     string
	program  string // see [Program]
	lines    lineIndex
	problems Problems
	warnings Problems // of a configuration without problems
}

var elementIndex = regexp.MustCompile(`\[\d+\]`)

// add records a problem with the setting at path, once.
func (r *report) add(path, message, seen, fix string) {
	p := r.problem(path, message, seen, fix)
	if !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

// problem is a problem with the setting at path.
func (r *report) problem(path, message, seen, fix string) Problem {
	return Problem{File: r.file, Line: r.lines.of(path), Key: elementIndex.ReplaceAllString(path, ""),
		Seen: seen, Message: message, Fix: fix}
}

// complain records a complaint about the setting at path, if there is one.
func (r *report) complain(path string, c Complaint) {
	if c.Message != "" {
		r.add(path, c.Message, "", c.Fix)
	}
}

// reported returns whether there is a problem with the setting at path.
func (r *report) reported(path string) bool {
	key, line := elementIndex.ReplaceAllString(path, ""), r.lines.of(path)
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Key == key && p.Line == line })
}

// sorted returns problems in the order of their lines.
func sorted(p Problems) Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p
}

// reason returns the cause of a file error without the path.
func reason(err error) string {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.As(err, &pathErr):
		return pathErr.Err.Error()
	}
	return err.Error()
}
