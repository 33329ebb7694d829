package web

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"roomgate/driver"
)

// moment is an instant for people and for machines.
type moment struct {
	ISO   string // RFC 3339, UTC
	Words string // in the site's zone
}

// momentOf puts t in words as seen from now: the time of day alone where that
// is enough. It is nil for the zero time.
func momentOf(t, now time.Time, zone *time.Location) *moment {
	if t.IsZero() {
		return nil
	}
	m := &moment{ISO: t.UTC().Format(time.RFC3339)}
	local := t.In(zone)
	clock := local.Format("15:04")
	switch {
	case sameDay(local, now.In(zone)):
		m.Words = clock
	case clock == "00:00" && sameDay(local.Add(-time.Nanosecond), now.In(zone)):
		m.Words = "midnight"
	default:
		m.Words = local.Format("Mon 2 Jan 15:04")
	}
	return m
}

func sameDay(a, b time.Time) bool { return a.Format(time.DateOnly) == b.Format(time.DateOnly) }

// booking is one booking as shown. Subject and organizer are empty where there
// is none or privacy does not allow them.
type booking struct {
	Start, End         *moment
	Subject, Organizer string
}

// roomView is a room as shown. State is free, booked or unknown.
type roomView struct {
	ID, Name string
	Capacity int
	State    string
	Held     string // what the points of a room that is unknown still say: "booked" or "no booking"; empty: nothing, or State is known
	Current  *booking
	Until    *moment // end of the free stretch; nil where its end is not a booking
	Next     *booking
	People   string // whether somebody is there, as a sensor says; empty: there is none
	Mode     string
	Comfort  bool
	Quality  string
	Fault    string
	Readable bool // it can be read on request
}

// Word is the state in plain words.
func (r roomView) Word() string {
	switch r.State {
	case "free":
		return "Free"
	case "booked":
		return "Booked"
	}
	return "Not known"
}

// pointValues are the values of a subject's points.
type pointValues struct {
	scope  driver.Scope
	values []driver.Value // in the order of the scope's catalogue
}

// of returns the value of the named point.
func (p pointValues) of(name string) driver.Value { return p.values[p.scope.Index(name)] }

// viewRoom derives what is shown of a room from its points at now. A room that
// is not available is not known; what its points still say is marked as such, and
// does not say "free", which the filter of the page would find.
func viewRoom(room driver.Room, points pointValues, now time.Time, zone *time.Location) roomView {
	v := roomView{ID: room.ID, Name: room.Name, Capacity: room.Capacity, State: "unknown"}
	v.Quality, v.Fault = trust(points)
	if !points.of(driver.Booked).Known() {
		return v
	}
	if points.of(driver.Availability).Text() == "online" {
		v.State = "free"
	} else {
		v.Held = "no booking"
	}
	v.People, v.Mode, v.Comfort = people(points), points.of(driver.ModePoint).Text(), points.of(driver.Comfort).Bool()
	v.Next = viewBooking(points.of(driver.NextSubject), points.of(driver.NextOrganizer), points.of(driver.NextStart), points.of(driver.NextEnd), now, zone)
	if v.Next != nil {
		v.Until = momentOf(points.of(driver.FreeUntil).Time(), now, zone)
	}
	if points.of(driver.Booked).Bool() {
		if v.Held == "" {
			v.State = "booked"
		} else {
			v.Held = "booked"
		}
		v.Current = viewBooking(points.of(driver.CurrentSubject), points.of(driver.CurrentOrganizer), points.of(driver.CurrentStart), points.of(driver.CurrentEnd), now, zone)
	}
	return v
}

// people is the state of the presence sensor in words.
func people(points pointValues) string {
	switch sensor := points.of(driver.SensorPoint).Text(); {
	case sensor == driver.SensorSilent.String():
		return "The presence sensor is silent, or reports neither presence nor absence"
	case sensor != driver.SensorGood.String():
		return ""
	case points.of(driver.NoShow).Bool():
		return "Nobody has come"
	case !points.of(driver.Occupied).Bool():
		return "Nobody is there"
	case points.of(driver.WalkIn).Bool():
		return "Somebody is there without a booking"
	}
	return "Somebody is there"
}

// trust is the quality of a room's points and the words that explain it; a room
// of which nothing was published yet has neither.
func trust(points pointValues) (quality, fault string) {
	if !points.of(driver.QualityPoint).Known() {
		return driver.QualityUnknown.String(), "the room has not been published yet"
	}
	return points.of(driver.QualityPoint).Text(), points.of(driver.Fault).Text()
}

// viewBooking derives what is shown of a booking; nil: there is none.
func viewBooking(subject, organizer, start, end driver.Value, now time.Time, zone *time.Location) *booking {
	if start.Nothing() {
		return nil
	}
	b := &booking{Subject: legible(subject.Text()), Organizer: legible(organizer.Text())}
	b.Start = momentOf(start.Time(), now, zone)
	b.End = momentOf(end.Time(), now, zone)
	if first, last := start.Time().In(zone), end.Time().In(zone); sameDay(first, last) {
		b.End.Words = last.Format("15:04")
	}
	return b
}

// longest is how many characters of a subject or a name the page shows.
const longest = 120

// sentence writes the words of a reason as a sentence. A name that they begin with,
// as of a setting, keeps its small letter.
func sentence(words string) string {
	first, _, _ := strings.Cut(words, " ")
	if strings.ContainsFunc(first, func(r rune) bool { return !unicode.IsLetter(r) && r != ',' && r != '\'' }) {
		first = ""
	}
	r, size := utf8.DecodeRuneInString(first)
	if size > 0 {
		words = string(unicode.ToUpper(r)) + words[size:]
	}
	if last, _ := utf8.DecodeLastRuneInString(words); words != "" && !strings.ContainsRune(".?!…", last) {
		words += "."
	}
	return words
}

// legible makes one short line of untrusted text. Characters that change the
// direction of writing are removed: they could reorder the text around them
// (unicode.org/reports/tr9, explicit directional formatting).
func legible(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
	line := []rune(strings.Join(strings.Fields(s), " "))
	if len(line) > longest {
		return string(line[:longest-1]) + "…"
	}
	return string(line)
}
