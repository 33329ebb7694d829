package graphsim

import (
	"testing"
)

func TestFilter(t *testing.T) {
	e := &Event{Subject: "Tom's call", Type: "singleInstance", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00"), Organizer: priya}
	box := &mailbox{address: boardroom}
	for text, want := range map[string]bool{
		"":                                     true,
		"start/dateTime ge '2026-11-03T09:00'": true,
		"start/dateTime gt '2026-11-03T09:00'": false,
		"start/dateTime le '2026-11-03T09:00:00Z'":                               true,
		"end/dateTime lt '2026-11-03T10:00:00.0000000'":                          false,
		"start/dateTime lt '2026-11-04T00:00' and end/dateTime gt '2026-11-03'":  true,
		"start/dateTime ge '2026-11-03T10:00:00+01:00'":                          true,
		"type eq 'seriesMaster'":                                                 false,
		"type eq 'singleInstance' and isCancelled eq false":                      true,
		"isCancelled eq true":                                                    false,
		"isOrganizer eq false":                                                   true,
		"subject eq 'Tom''s call'":                                               true,
		"subject eq 'a and b' and start/dateTime ge '2026-11-03T09:00'":          false,
		"  type   eq 'singleInstance'  and   end/dateTime ge '2026-11-03T10:00'": true,
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := f.match(e, box); got != want {
			t.Errorf("%q matches: %v, want %v", text, got, want)
		}
	}
}

func TestFilterRefusals(t *testing.T) {
	for _, text := range []string{
		"start/dateTime ge 2026-11-03T09:00", "start/dateTime eq '2026-11-03T09:00'", "start/dateTime ge 'soon'",
		"type eq 'a' or type eq 'b'", "type ne 'a'", "contains(subject,'x')", "isCancelled eq 'false'", "isCancelled eq maybe",
		"subject eq 'open", "type eq", "type eq 'a' and", "showAs eq 'busy'", "(type eq 'a')",
	} {
		if f, err := parseFilter(text); err == nil {
			t.Errorf("%q was taken as %v", text, f)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add("start/dateTime ge '2026-11-03T09:00' and isCancelled eq false")
	f.Add("subject eq 'Tom''s'")
	f.Add("'")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			if parsed != nil {
				t.Errorf("%q: both a filter and an error", text)
			}
			return
		}
		parsed.match(&Event{}, &mailbox{})
	})
}
