package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A lineIndex maps the settings of a document to their lines. Its keys are paths
// such as "room[1].lead"; a name that needs quotes in TOML is quoted.
type lineIndex map[string]int

// of returns the line of the setting at path or, when it is not in the document,
// of the nearest table around it; 0 when there is none.
func (l lineIndex) of(path string) int {
	for path != "" {
		if line, ok := l[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

// indexLines finds the lines of all keys of a text that is known to be valid
// TOML (toml.io/en/v1.0.0): only then is this simple scanner correct.
func indexLines(text string) lineIndex {
	s := &scanner{text: text, line: 1, lines: lineIndex{}, arrays: map[string]int{}}
	table := ""
	for s.skip(); s.peek() != 0; s.skip() {
		if s.peek() == '[' {
			table = s.header()
		} else {
			s.assignment(table)
		}
	}
	return s.lines
}

type scanner struct {
	text    string
	pos     int
	line    int // of counted
	counted int // text up to here is counted into line
	lines   lineIndex
	arrays  map[string]int // elements so far of each array of tables
}

// peek returns the byte at hand, 0 at the end. Valid TOML contains no zero byte.
func (s *scanner) peek() byte {
	if s.pos >= len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// skip passes over white space, line ends, comments and the byte order mark.
func (s *scanner) skip() {
	for {
		rest := strings.TrimLeft(s.text[s.pos:], " \t\r\n\ufeff")
		s.pos = len(s.text) - len(rest)
		if s.peek() != '#' {
			return
		}
		s.until("\n")
	}
}

// until moves to the first of the bytes in stop, by one byte at least.
func (s *scanner) until(stop string) {
	n := strings.IndexAny(s.text[s.pos:], stop)
	if n < 0 {
		n = len(s.text) - s.pos
	}
	s.pos = min(s.pos+max(n, 1), len(s.text))
}

// mark records the line at hand for path, unless path was seen before.
func (s *scanner) mark(path string) {
	s.line += strings.Count(s.text[s.counted:s.pos], "\n")
	s.counted = s.pos
	if _, seen := s.lines[path]; !seen {
		s.lines[path] = s.line
	}
}

// header reads [table] or [[table]] and returns the table's place.
func (s *scanner) header() string {
	array := strings.HasPrefix(s.text[s.pos:], "[[")
	s.pos++
	if array {
		s.pos++
	}
	path, names := "", s.key()
	for i, name := range names {
		path = join(path, name)
		s.mark(path)
		if array && i == len(names)-1 {
			s.arrays[path]++
		}
		if n := s.arrays[path]; n > 0 {
			path = element(path, n-1)
			s.mark(path)
		}
	}
	for s.skip(); s.peek() == ']'; s.skip() {
		s.pos++
	}
	return path
}

// assignment reads key = value inside the given table.
func (s *scanner) assignment(table string) {
	path := table
	for _, name := range s.key() {
		path = join(path, name)
		s.mark(path)
	}
	s.skip()
	if s.peek() == '=' {
		s.pos++
	}
	s.skip()
	s.value(path)
}

// key reads a key, dotted or not, into its parts.
func (s *scanner) key() []string {
	var parts []string
	for {
		s.skip()
		start := s.pos
		if c := s.peek(); c == '"' || c == '\'' {
			s.quoted()
			parts = append(parts, unquote(s.text[start:s.pos]))
		} else {
			s.until(" \t\r\n.=]#")
			parts = append(parts, s.text[start:s.pos])
		}
		s.skip()
		if s.peek() != '.' {
			return parts
		}
		s.pos++
	}
}

// value passes over a value and marks what is inside it.
func (s *scanner) value(path string) {
	switch s.peek() {
	case '"', '\'':
		s.quoted()
	case '[':
		n := 0
		s.list(']', func() { s.mark(element(path, n)); s.value(element(path, n)); n++ })
	case '{':
		s.list('}', func() { s.assignment(path) })
	default:
		s.until(",]}#\r\n")
	}
}

// list reads a bracketed list, calling item at the start of each item.
func (s *scanner) list(end byte, item func()) {
	s.pos++
	for s.skip(); s.peek() != end && s.peek() != 0; s.skip() {
		item()
		s.skip()
		if s.peek() == ',' {
			s.pos++
		}
	}
	s.pos = min(s.pos+1, len(s.text))
}

// quoted passes over a string of any of TOML's four kinds.
func (s *scanner) quoted() {
	quote := s.text[s.pos : s.pos+1]
	mark := quote
	if strings.HasPrefix(s.text[s.pos:], strings.Repeat(quote, 3)) {
		mark = strings.Repeat(quote, 3)
	}
	s.pos += len(mark)
	for s.peek() != 0 && !strings.HasPrefix(s.text[s.pos:], mark) {
		if quote == `"` && s.peek() == '\\' {
			s.pos++
		}
		s.pos++
	}
	s.pos = min(s.pos+len(mark), len(s.text))
	for len(mark) == 3 && strings.HasPrefix(s.text[s.pos:], quote) {
		s.pos++ // a long string may end in one or two quotes of its own
	}
}

// unquote returns the name written in quotes, in the spelling of [segment].
func unquote(quoted string) string {
	if name, err := strconv.Unquote(quoted); err == nil && quoted[0] == '"' {
		return segment(name)
	}
	return segment(strings.Trim(quoted, `'"`))
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// segment returns a name as part of a path: as it is where TOML needs no quotes.
func segment(name string) string {
	if bareKey.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

func join(path, segment string) string {
	if path == "" {
		return segment
	}
	return path + "." + segment
}

func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
