package driver

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"Budget":                    "Budget",
		"  indented, kept apart":    "  indented, kept apart",
		"Müller & Søn – Straße":     "Müller & Søn – Straße",
		"two\nlines":                "two lines",
		"two\r\nlines":              "two lines",
		"a\ttab":                    "a tab",
		"a\u2028separator\u2029two": "a separator two",
		"next\u0085line":            "next line",
		"ends\r\n":                  "ends",
		"\x00N\x00U\x00L":           "NUL",
		"\x1b[31mred\x1b[0m":        "[31mred[0m",
		"C1\u009b31m, DEL\x7f":      "C131m, DEL",
		"\u202egnp.exe\u2066":       "gnp.exe",
		"mark\u200e\u200f\u061c":    "mark",
		"\xffnot UTF-8\xc3":         "not UTF-8",
		"half a surrogate\xed\xa0":  "half a surrogate",
		"\ufeffBOM, \ufffe, \uffff": "BOM, ,",
		"می\u200cخواهم":             "می\u200cخواهم", // the zero width non-joiner is part of the Persian word
		"👩\u200d👩\u200d👧":           "👩\u200d👩\u200d👧",
		"e\u0301te\u0301":           "e\u0301te\u0301",
		"\r\n\x00":                  "",
	} {
		got := Line(in)
		if got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
		if again := Line(got); again != got {
			t.Errorf("Line(%q) = %q: a line is changed again", got, again)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"äöü", 3, "äöü"},
		{"äöüß", 3, "äö…"},
		{"🙂🙂🙂🙂", 3, "🙂🙂…"},
		{"ae\u0301xyz", 3, "a…"},       // not a bare e
		{"e\u0301xyz", 3, "e\u0301…"},  // the accent stays with its e
		{"a👩\u200d👧xyz", 4, "a…"},      // not half a family
		{"\u0301\u0301\u0301", 2, "…"}, // accents without a letter
		{"\u0301\u0301", 2, "\u0301\u0301"},
	} {
		if got := Shorten(c.in, c.limit); got != c.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

// hostile is a text that would end a line, hide the words beside it and fill a
// message of any size.
var hostile = "Bud\x00get\r\n\u202e" + strings.Repeat("ä", 100_000) + "\xff"

// What an event says is cleaned and bounded when it becomes a booking, and a reason
// when it becomes a value.
func TestHostileTexts(t *testing.T) {
	room := plain(t)
	room.Privacy = PrivacyFull
	got, _ := room.Admit([]Event{{ID: "1", Start: at("09:00"), End: at("10:00"), ShowAs: Busy, Subject: hostile, Organizer: hostile}}, nil, at("08:00"), at("18:00"))
	want := "Budget " + strings.Repeat("ä", 255-8) + "…"
	if len(got) != 1 || got[0].Subject != want || got[0].Organizer != want {
		t.Errorf("admitted %.300s", fmt.Sprintf("%+v", got))
	}
	if got := TextValue(hostile).Text(); !strings.HasPrefix(got, "Budget ää") || utf8.RuneCountInString(got) != 1000 || !strings.HasSuffix(got, "ä…") {
		t.Errorf("the value of %d characters is %.50q", utf8.RuneCountInString(got), got)
	}
	if v := TextValue("\x00\r\n"); v != TextValue("") {
		t.Errorf("a text of nothing but control characters is %+v, want nothing to say", v)
	}

	// Bookings that an earlier version stored are not cleaned.
	stored := booked("09:00-10:00")
	stored.Subject = "Bud\x00get\u202e"
	f, _ := fresh(NewTimeline(room, readAt(at("09:00"), room.Zone, stored)), at("09:30"))
	for name, v := range map[string]Value{"state": f.State(at("09:30")), "schedule": f.Schedule(at("09:30"))} {
		if !strings.Contains(v.Text(), `"subject":"Budget"`) {
			t.Errorf("%s: %s", name, v.Text())
		}
	}
}

// A schedule that would be too long ends early, and is valid until there.
func TestLongSchedule(t *testing.T) {
	room := plain(t)
	var all []Booking
	for i := range 24 * 12 { // every five minutes, for a day
		b := Booking{ID: fmt.Sprint(i), ShowAs: Busy, Start: at("09:00").Add(time.Duration(i) * 5 * time.Minute), Subject: strings.Repeat("s", 255), Organizer: strings.Repeat("o", 255)}
		b.End = b.Start.Add(5 * time.Minute)
		all = append(all, b)
	}
	f, _ := fresh(NewTimeline(room, readAt(at("09:00"), room.Zone, all...)), at("09:02"))
	text := f.Schedule(at("09:02")).Text()
	if len(text) > 16384 {
		t.Errorf("the schedule has %d bytes", len(text))
	}
	// A booking has 599 bytes and a comma, the frame 69: 27 bookings have 16,269 bytes,
	// 28 would have 16,869.
	names := `,"subject":"` + all[0].Subject + `","organizer":"` + all[0].Organizer + `"}`
	if want := `{"valid_until":"2026-01-14T11:15:00Z","truncated":true,"bookings":[{"start":"2026-01-14T09:00:00Z","end":"2026-01-14T09:05:00Z"` + names + ","; !strings.HasPrefix(text, want) {
		t.Errorf("the schedule begins with %.200s", text)
	}
	if want := `{"start":"2026-01-14T11:10:00Z","end":"2026-01-14T11:15:00Z"` + names + "]}"; !strings.HasSuffix(text, want) {
		t.Errorf("the schedule ends with %s", text[len(text)-700:])
	}
}
