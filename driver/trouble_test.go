package driver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// codedError is an error with an identity of its own.
type codedError struct{ code, text string }

func (e *codedError) Error() string    { return e.text }
func (e *codedError) Identity() string { return e.code }

func TestIdentity(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"read tcp 10.0.0.2:53124->20.190.1.1:443: read: connection reset by peer", "read tcp 10.0.0.2:60001->40.126.2.9:443: read: connection reset by peer", true},
		{"dial tcp [2603:1026::1]:443: connect: connection refused", "dial tcp [2603:1026:2::9]:443: connect: connection refused", true},
		{"lookup graph.example on 127.0.0.53:53: server misbehaving", "lookup graph.example on 10.1.2.3:53: server misbehaving", true},
		{"request 7f1c9a3e-1b2c-4d5e-8f90-a1b2c3d4e5f6 failed", "request 0a0b0c0d-ffff-4eee-8ddd-cccccccccccc failed", true},
		{"the response ended early after 81234 bytes: unexpected EOF", "the response ended early after 77001 bytes: unexpected EOF", true},
		{"valid from 2026-11-02T08:00:00Z", "valid from 2026-11-03T09:30:01Z", true},
		{"HTTP 503 Service Unavailable", "HTTP 403 Forbidden", false},
		{"HTTP 503", "HTTP 500", false},
		{"lookup graph.example: no such host", "lookup login.example: no such host", false},
		{"read tcp 10.0.0.2:53124->20.190.1.1:443: i/o timeout", "read tcp 10.0.0.2:53124->20.190.1.1:443: connection reset by peer", false},
	} {
		if got := Identity(errors.New(tt.a)) == Identity(errors.New(tt.b)); got != tt.same {
			t.Errorf("the same trouble %t, want %t:\n%s\n%s", got, tt.same, Identity(errors.New(tt.a)), Identity(errors.New(tt.b)))
		}
	}
	a, b := fmt.Errorf("reading room a: %w", &codedError{"busy", "try 1"}), fmt.Errorf("reading room b: %w", &codedError{"busy", "try 2"})
	if Identity(a) != "busy" || Identity(b) != "busy" {
		t.Errorf("identities %q and %q", Identity(a), Identity(b))
	}
}

// deniedError requires user action.
type deniedError struct{ codedError }

func (deniedError) Action() string    { return "grant it" }
func (deniedError) NeedsPerson() bool { return true }

// failures are errors by a letter each; upper case requires user action.
func failures(letters string) []error {
	var all []error
	for i, l := range strings.Split(letters, "") {
		e := codedError{l, fmt.Sprintf("%s %d", l, i)}
		if l == strings.ToUpper(l) {
			all = append(all, &deniedError{e})
			continue
		}
		all = append(all, &e)
	}
	return all
}

// What is shown after each failure of a sequence, a minute apart: the letter of the
// failure, whose text is that of its first occurrence.
func TestTrouble(t *testing.T) {
	for sequence, want := range map[string]string{
		"a":                  "a",
		"aaaa":               "aaaa",
		"abababab":           "aaaaaaaa",
		"abcabcabc":          "aaaaaaaaa",
		"abba":               "aabb",
		"aB":                 "aB",
		"aBaBaB":             "aBBBBB",
		"Baab":               "BBBB",
		"AB":                 "AB",
		"aabbaabbaabbaabbaa": "aaabbaabbaaaaaaaaa",
		"aBCDEFFFFFF":        "aBCDEEEEEFF",
		"aaBaaBaaBaaBaaBaaB": "aaBBBBBBBBBBBBBBBB",
		"aabbaabbaabbBaabbc": "aaabbaabbaaaBBBBBB",
		"AbcbcbcbcDbcA":      "AAAAAAAAADDDA",

		"A" + strings.Repeat("b", 61):  strings.Repeat("A", 60) + "bb",
		"A" + strings.Repeat("bc", 31): strings.Repeat("A", 60) + "ccc",
		"a" + strings.Repeat("bc", 31): strings.Repeat("a", 60) + "ccc",
	} {
		var trouble Trouble
		var got strings.Builder
		for i, err := range failures(sequence) {
			trouble = trouble.With(err, at("09:00").Add(time.Duration(i)*time.Minute))
			letter, _, _ := strings.Cut(trouble.Shown().Error(), " ")
			got.WriteString(letter)
		}
		if got.String() != want {
			t.Errorf("%s: shown %s, want %s", sequence, got.String(), want)
		}
	}
	var rare Trouble // attempts four hours apart
	var got strings.Builder
	for i, err := range failures("Aaaaaaa") {
		rare = rare.With(err, at("09:00").Add(time.Duration(i)*4*time.Hour))
		letter, _, _ := strings.Cut(rare.Shown().Error(), " ")
		got.WriteString(letter)
	}
	if got.String() != "AAAAAaa" {
		t.Errorf("with rare attempts, shown %s", got.String())
	}
	same := Trouble{}.With(errors.New("port 50001"), at("09:00")).With(errors.New("port 50002"), at("09:01"))
	if same.Shown().Error() != "port 50001" {
		t.Errorf("shown %v", same.Shown())
	}
	if got := (Trouble{}.With(failures("a")[0], at("09:00"))); got.Shown() == nil || (Trouble{}).Shown() != nil {
		t.Error("a trouble is not what it was told")
	}
}

// An hour of polls a minute apart, in which the service fails in ways that change,
// costs few lines, and the point fault stands still.
func TestAnHourOfChangingFailures(t *testing.T) {
	ways := map[string]func(minute int) error{
		"another port each time": func(m int) error {
			return fmt.Errorf("read tcp 10.0.0.2:%d->20.190.1.%d:443: connection reset by peer", 50000+m, m)
		},
		"two in turn":        func(m int) error { return failures("abab")[m%4] },
		"six in turn":        func(m int) error { return failures("abcdef")[m%6] },
		"two twice in turn":  func(m int) error { return failures("aabb")[m%4] },
		"refused in between": func(m int) error { return failures("aaB")[m%3] },
		"refused in turn":    func(m int) error { return failures("ABCDEF")[m%6] },
		"every other minute": func(m int) error { return append(failures("a"), nil)[m%2] },
		"now and then, in different ways": func(m int) error {
			if m%3 == 2 {
				return nil
			}
			return failures("abcd")[m/3%4]
		},
		"of every room in its own words": func(int) error { return nil },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, minute)
				for i := range 100 {
					w.add(fmt.Sprintf("room%d", i))
				}
				w.run(t)
				pass(30 * second)
				for m := range 60 {
					w.calendar.fail("", way(m))
					if name == "of every room in its own words" {
						for i := range 100 {
							room := fmt.Sprintf("room%d", i)
							w.calendar.fail(room, fmt.Errorf("reading the events of %s: %w", room, &codedError{"busy", fmt.Sprintf("busy, request %d", 1000*m+i)}))
						}
					}
					pass(minute)
				}
				if n := w.log.count("level=WARN") + w.log.count("level=ERROR") + w.log.count("can be read again"); n > 10 {
					t.Errorf("%d lines", n)
				}
				if n := w.log.count("cannot be read"); n == 0 {
					t.Error("not logged")
				}
				if n := strings.Count(w.published.history(boardroom, "fault"), ", "); n > 10 {
					t.Errorf("fault changed %d times: %s", n, w.published.history(boardroom, "fault"))
				}
			})
		})
	}
}

// A failure that requires user action stays on the point while others come in between,
// and two of them make the room faulty.
func TestRefusedInBetween(t *testing.T) {
	for refusedAt, want := range map[string]struct{ quality, fault string }{
		"3 6 9 12 15 18": {"0s unknown, 0s good, 6m0s fault", "0s no read has succeeded yet, 0s nothing, 6m0s " + denied},
		"3":              {"0s unknown, 0s good, 10m0s stale", "0s no read has succeeded yet, 0s nothing, 10m0s last read " + rfc3339(dawn) + ": " + denied},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, minute)
			w.run(t)
			pass(30 * second)
			for m := 1; m < 30; m++ {
				w.calendar.fail("boardroom", errTimeout)
				if slices.Contains(strings.Fields(refusedAt), fmt.Sprint(m)) {
					w.calendar.fail("boardroom", errDenied)
				}
				pass(minute)
			}
			w.expect(t, boardroom, QualityPoint, want.quality)
			w.expect(t, boardroom, Fault, want.fault)
		})
	}
}

const denied = "boardroom: access is denied; grant Calendars.Read"

// A trouble that was left out because of others is logged when there is room for it, and
// an end is logged once.
func TestTold(t *testing.T) {
	var told Told
	start := at("09:00")
	var got []string
	say := func(minute int, identity string) {
		now := start.Add(time.Duration(minute) * time.Minute)
		if identity == "" && told.Recovered() || identity != "" && told.Failure(identity, now) {
			got = append(got, fmt.Sprintf("%d%s", minute, identity))
		}
	}
	for minute, identity := range strings.Split("a a b   a   c d e e e", " ") { // empty: it works
		say(minute, identity)
	}
	for minute := 12; minute < 70; minute++ {
		say(minute, "e")
	}
	say(70, "")
	say(71, "")
	if want := "0a 2b 3 8c 9d 60e 70"; strings.Join(got, " ") != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}
