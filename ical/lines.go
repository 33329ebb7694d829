package ical

import "strings"

// property is one content line (RFC 5545 §3.1), unfolded.
type property struct {
	line   int // in the file, from 1
	name   string
	params map[string]string
	value  string
}

// component is a VEVENT as the file has it (RFC 5545 §3.6.1).
type component struct {
	line  int
	props map[string][]property
}

// components returns the events of a calendar. Components nested in them, such as
// alarms, and all other components are ignored.
func (r reader) components(text string) ([]component, error) {
	lines, err := r.unfold(text)
	if err != nil {
		return nil, err
	}
	var open []string
	var events []component
	for _, p := range lines {
		switch depth := len(open); {
		case depth == 0 && (p.name != "BEGIN" || !strings.EqualFold(p.value, "VCALENDAR")):
			return nil, r.errorf(p.line, "not iCalendar: expected BEGIN:VCALENDAR")
		case p.name == "BEGIN":
			open = append(open, strings.ToUpper(p.value))
			if depth == 1 && open[1] == "VEVENT" {
				events = append(events, component{p.line, map[string][]property{}})
			}
		case p.name == "END":
			if !strings.EqualFold(p.value, open[depth-1]) {
				return nil, r.errorf(p.line, "expected END:%s, found END:%s", open[depth-1], shorten(p.value))
			}
			open = open[:depth-1]
		case depth == 2 && open[1] == "VEVENT":
			e := events[len(events)-1]
			e.props[p.name] = append(e.props[p.name], p)
		}
	}
	if len(open) > 0 {
		return nil, r.errorf(strings.Count(text, "\n")+1, "END:%s is missing: the file is truncated", shorten(open[len(open)-1]))
	}
	return events, nil
}

// unfold splits a text into content lines. A line that begins with a blank
// continues the line before it (RFC 5545 §3.1).
func (r reader) unfold(text string) ([]property, error) {
	var out []property
	var content strings.Builder
	first, number := 0, 0 // line numbers of the content line and of the text
	flush := func() error {
		defer content.Reset()
		if strings.TrimSpace(content.String()) == "" {
			return nil
		}
		p, ok := parseProperty(content.String())
		if !ok {
			return r.errorf(first, "not an iCalendar line: expected NAME:VALUE")
		}
		p.line = first
		out = append(out, p)
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		if first > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			content.WriteString(line[1:])
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		content.WriteString(line)
		first = number
	}
	return out, flush()
}

// parseProperty reads NAME;PARAMETER=VALUE;...:VALUE. Quoted values of parameters
// may contain colons, semicolons and commas.
func parseProperty(line string) (property, bool) {
	quoted := false
	head := strings.IndexFunc(line, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ':' && !quoted
	})
	if head <= 0 {
		return property{}, false
	}
	p := property{value: line[head+1:], params: map[string]string{}}
	parts := strings.FieldsFunc(line[:head], func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ';' && !quoted
	})
	if len(parts) == 0 {
		return property{}, false
	}
	p.name = strings.ToUpper(parts[0])
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		p.params[strings.ToUpper(name)] = strings.ReplaceAll(value, `"`, "")
	}
	return p, true
}

// text is the value of a property; empty where the event does not have it. Of
// several the first counts.
func (c component) text(name string) string {
	if all := c.props[name]; len(all) > 0 {
		return unescape(all[0].value)
	}
	return ""
}

// escapes are those of a text value (RFC 5545 §3.3.11).
var escapes = strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n", `\N`, "\n")

func unescape(s string) string { return strings.TrimSpace(escapes.Replace(s)) }
