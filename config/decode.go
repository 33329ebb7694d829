package config

import (
	"errors"
	"strings"

	"github.com/BurntSushi/toml"
)

// decode parses the text. The parser stops at the first syntax error, so there is
// at most one problem.
func decode(name, text string) (map[string]any, *Problem) {
	doc := map[string]any{}
	_, err := toml.Decode(text, &doc)
	if err == nil {
		return doc, nil
	}
	p := &Problem{File: name, Message: "is not TOML", Fix: "see toml.io"}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		p.Line = parse.Position.Line
		p.Message, p.Fix = plain(parse.Message)
	}
	return nil, p
}

// syntax translates the messages of the parser. They are never passed on, because
// they may quote a part of the line, which may be a secret.
var syntax = []struct{ contains, message, fix string }{
	{"already been defined", "this setting is given twice", "keep one of the two"},
	{"already created", "this table is given twice", "keep one; tables that may repeat are [[account]], [[room]] and [[room.rule]]"},
	{"is not a table", "this setting has a value and cannot be a table as well", "keep one of the two"},
	{"NULL bytes", "the file is not UTF-8 text", "save it as UTF-8"},
	{"UTF-8", "the file is not UTF-8 text", "save it as UTF-8"},
	{"control characters", "the text contains a control character", "remove it"},
	{"newlines", "a text may not continue on the next line", "close it with a quote"},
	{`expected '"`, "a text is not closed", "close it with a quote"},
	{`expected "'`, "a text is not closed", "close it with a quote"},
	{"escape", "a backslash begins an escape sequence that TOML does not have", `write \\ for a backslash, or use 'single quotes'`},
	{"hexadecimal digits", "a backslash begins an escape sequence that TOML does not have", `write \\ for a backslash, or use 'single quotes'`},
	{"array terminator", "a list is not closed, or a comma is missing", `write ["a", "b"]`},
	{"inline table", "a table in braces is not closed, or a comma is missing", `write {key = "value", other = "value"}`},
	{"comma", "there is a comma too many", "remove it"},
	{"table name", "a table's name is not valid", "write [name] or [[name]]"},
	{"table separator", "a table's name is not valid", "write [name] or [[name]]"},
	{"table array", "a table's name is not valid", "write [name] or [[name]]"},
	{"expected value", "a value is missing or has no quotes", `write key = "value"`},
	{"top-level item", "there is more on the line than one setting", "write each setting on its own line, and texts in quotes"},
	{"key separator", "an equals sign is missing", `write key = "value"`},
	{"'='", "an equals sign is missing or out of place", `write key = "value"`},
	{"'.'", "a dot is out of place", `write key = "value"`},
	{"date", "a date is not valid", "write it as 2027-05-01"},
	{"digit", "a number is not valid", "put texts in quotes"},
	{"nteger", "a number is not valid", "put texts in quotes"},
	{"float", "a number is not valid", "put texts in quotes"},
	{"range", "a number is too large", "write a smaller one"},
	{"EOF", "the file ends too early", "finish the last line"},
}

// plain returns the translation of a parser's message, and the fix.
func plain(parser string) (message, fix string) {
	for _, s := range syntax {
		if strings.Contains(parser, s.contains) {
			return s.message, s.fix
		}
	}
	return "this is not TOML", "see toml.io"
}
