package driver

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Identity returns what identifies a failure: the class or code of an error that has a
// method Identity() string, anywhere in its chain; otherwise its text without the
// details that vary, such as addresses, ports, ids and times. Failures with the same
// identity are the same trouble: it is logged once, and shown with the text that it had
// first.
func Identity(err error) string {
	var known interface{ Identity() string }
	if errors.As(err, &known) {
		return known.Identity()
	}
	return withoutDetails(err.Error())
}

// withoutDetails replaces every word of a text that looks like an address, a port, an id
// or a time. Short numbers stay, because they may be the status of an answer.
func withoutDetails(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		n := strings.IndexFunc(text, func(r rune) bool { return !inDetail(r) })
		if n < 0 {
			n = len(text)
		}
		if word := text[:n]; isDetail(word) {
			out.WriteString("#")
		} else {
			out.WriteString(word)
		}
		text = text[n:]
		if n = strings.IndexFunc(text, inDetail); n < 0 {
			n = len(text)
		}
		out.WriteString(text[:n])
		text = text[n:]
	}
	return out.String()
}

func inDetail(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".:_-[]%", r)
}

func isDetail(word string) bool {
	word = strings.Trim(word, ".:")
	return strings.ContainsFunc(word, unicode.IsDigit) && (len(word) > 3 || strings.ContainsAny(word, ".:"))
}

// Trouble is the failure to show of something that is tried again and again. Failures
// that take turns do not change it: another failure replaces it when it has come twice in
// a row, or at once if it requires user action; and when that has happened four times in
// an hour, only one that comes five times in a row.
//
// A failure that requires user action is not hidden by one that does not: it replaces
// such a failure at once in any case, and is replaced by one only after it has not come
// for an hour and in five attempts, because until then nobody may have acted. What has
// not come for as long is replaced by any failure. The zero Trouble is none. It is a
// value.
type Trouble struct {
	shown, other error
	seen         time.Time // when shown last came
	others       int       // attempts since then
	repeats      int       // how often other has come in a row
	replaced     int       // how often shown was replaced, in the hour that began at hour
	hour         time.Time // zero: never
}

const (
	repeatsToShow  = 2
	repeatsToStay  = 5 // after which a failure is shown in any case
	replacedAnHour = 4
	forgotten      = time.Hour // after which a failure that has not come again is over,
	othersToForget = 5         // if there were as many attempts
)

// Shown returns the failure to show; nil: none.
func (t Trouble) Shown() error { return t.shown }

// With returns the trouble after a further failure at now.
func (t Trouble) With(err error, now time.Time) Trouble {
	if t.shown == nil {
		return Trouble{shown: err, seen: now}
	}
	identity := Identity(err)
	if identity == Identity(t.shown) {
		t.other, t.repeats, t.seen, t.others = nil, 0, now, 0
		return t
	}
	if t.other == nil || identity != Identity(t.other) {
		t.other, t.repeats = err, 0
	}
	t.repeats++
	t.others++
	if now.Sub(t.hour).Abs() >= time.Hour {
		t.replaced, t.hour = 0, now
	}
	if t.isReplacedBy(err, now) {
		t.shown, t.seen, t.others, t.other, t.repeats = err, now, 0, nil, 0
		t.replaced++
	}
	return t
}

// isReplacedBy reports whether a failure at now, which is already counted, is to be
// shown instead.
func (t Trouble) isReplacedBy(err error, now time.Time) bool {
	is, was := needsPerson(err), needsPerson(t.shown)
	switch {
	case is && !was, t.others >= othersToForget && now.Sub(t.seen).Abs() >= forgotten:
		return true
	case was && !is:
		return false
	}
	return t.repeats >= repeatsToStay || (is || t.repeats >= repeatsToShow) && t.replaced < replacedAnHour
}

func needsPerson(err error) bool {
	_, person := Explain(err)
	return person
}

// Told decides which failures are logged of something that is tried again and again:
// every trouble once until it has ended, and again at the earliest after a quarter of an
// hour; four an hour at most. With as many recoveries that is less than ten lines. A
// trouble that was left out is logged as soon as there is room for it. The zero Told has
// logged nothing.
type Told struct{ lines []toldLine }

// toldLine is a failure that was logged.
type toldLine struct {
	identity string
	at       time.Time
	ended    bool
}

const (
	toldAnHour = 4
	toldAgain  = 15 * time.Minute
	toldKept   = 16
)

// Failure reports whether a failure with the identity is to be logged now.
func (t *Told) Failure(identity string, now time.Time) bool {
	recent := 0
	for _, l := range t.lines {
		age := now.Sub(l.at).Abs()
		if l.identity == identity && (!l.ended || age < toldAgain) {
			return false
		}
		if age < time.Hour {
			recent++
		}
	}
	if recent >= toldAnHour {
		return false
	}
	t.lines = append(t.lines, toldLine{identity, now, false})
	t.lines = slices.Delete(t.lines, 0, max(0, len(t.lines)-toldKept))
	return true
}

// Recovered records that nothing fails, and reports whether that is to be logged: a
// failure was.
func (t *Told) Recovered() bool {
	open := false
	for i := range t.lines {
		open = open || !t.lines[i].ended
		t.lines[i].ended = true
	}
	return open
}
