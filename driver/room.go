package driver

import (
	"strings"
	"time"
	"unicode"
)

// Room is one bookable space and the settings from which its points are derived.
type Room struct {
	ID       string         // topic segment, [a-z0-9-]{1,40}
	Name     string         // for display
	Account  string         // name of the account that reads it
	Service  string         // the servers that the account reads; bookings read from others are not the room's
	Mailbox  string         // address of the room's own calendar; empty: found among the account's calendars
	Calendar string         // name or id of one of the account's calendars, where there is no Mailbox; empty: the account's own
	Match    []string       // names and addresses by which events of a shared calendar are for this room; empty: all are
	Building string         // label
	Floor    string         // label
	Capacity int            // persons; 0: not known
	Zone     *time.Location // the site's zone: what "today" and "all day" mean

	Lead    time.Duration // comfort starts this long before a booking
	Lag     time.Duration // comfort is kept this long after its end
	Gap     time.Duration // comfort stays on during pauses up to this long
	Release Release       // whether comfort ends with the booking or at its start

	MinOn  time.Duration // minimum time that comfort stays on
	MinOff time.Duration // minimum time that comfort stays off

	Count      Counting      // which bookings count
	Rules      []Rule        // whether a booking needs comfort; the first that applies decides
	Privacy    Privacy       // what of an event may be shown
	StaleAfter time.Duration // age of the last successful read at which the quality becomes stale

	FailSafe  FailSafe      // mode and comfort when the calendar has not been read for FailAfter
	FailAfter time.Duration // age of the last successful read at which FailSafe becomes active
	Weekly    Weekly        // the hours of use, for FailBySchedule

	Test bool // the bookings are test data: quality is test instead of good, and meta has test

	SensorID        string        // identifies the presence sensor: a report of another does not count; empty: there is none
	Grace           time.Duration // absence shorter than this is ignored
	PresenceHold    time.Duration // presence without a booking counts this long after it ended
	PresenceTimeout time.Duration // silence after which the sensor is not trusted; 0: it reports changes only
}

// FailSafe is what mode and comfort are when the calendar has not been read for so
// long that the known bookings may be outdated.
type FailSafe uint8

const (
	FailHold       FailSafe = iota // follow the known bookings, and after they have ended keep the last value
	FailUnoccupied                 // off
	FailOccupied                   // on
	FailBySchedule                 // on in the room's weekly hours of use
)

var failSafeWords = enum[FailSafe]{"hold", "unoccupied", "occupied", "schedule"}

// String returns the word used in configuration.
func (f FailSafe) String() string { return failSafeWords.word(f) }

// ParseFailSafe reads the word used in configuration.
func ParseFailSafe(word string) (FailSafe, error) { return failSafeWords.parse(word) }

// hasSensor reports whether the room has a presence sensor.
func (r *Room) hasSensor() bool { return r.SensorID != "" }

// Rule says whether events whose subject contains certain words need comfort.
type Rule struct {
	Words   string // consecutive whole words, without regard to case
	Comfort bool
}

// Comfort reports whether an event with the subject needs comfort. The first rule
// whose words the subject contains decides; without one it does.
func (r Room) Comfort(subject string) bool {
	if len(r.Rules) == 0 {
		return true
	}
	subject = plainWords(subject)
	for _, rule := range r.Rules {
		if strings.Contains(subject, plainWords(rule.Words)) {
			return rule.Comfort
		}
	}
	return true
}

// plainWords are the words of a text in lower case, each between two spaces.
func plainWords(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) })
	return " " + strings.Join(words, " ") + " "
}

// Release is when a booking stops requesting comfort.
type Release uint8

const (
	ReleaseAtEnd   Release = iota // comfort lasts as long as the booking
	ReleaseAtStart                // comfort ends when the booking starts, for slow plant
)

var releaseWords = enum[Release]{"end", "start"}

// String returns the word used in configuration.
func (r Release) String() string { return releaseWords.word(r) }

// ParseRelease reads the word used in configuration.
func ParseRelease(word string) (Release, error) { return releaseWords.parse(word) }

// Privacy is what of an event may be shown outside its calendar. Everything else
// never becomes part of a [Booking].
type Privacy uint8

const (
	PrivacyBusy      Privacy = iota // neither subject nor organizer
	PrivacyOrganizer                // the organizer's name
	PrivacySubject                  // the subject
	PrivacyFull                     // both
)

var privacyWords = enum[Privacy]{"busy", "organizer", "subject", "full"}

// String returns the word used in configuration.
func (p Privacy) String() string { return privacyWords.word(p) }

// ParsePrivacy reads the word used in configuration.
func ParsePrivacy(word string) (Privacy, error) { return privacyWords.parse(word) }

// Subject reports whether subjects may be shown.
func (p Privacy) Subject() bool { return p == PrivacySubject || p == PrivacyFull }

// Organizer reports whether organizers may be shown.
func (p Privacy) Organizer() bool { return p == PrivacyOrganizer || p == PrivacyFull }

// Redact returns the booking with only what p allows. A private booking keeps neither
// subject nor organizer, whatever p allows.
func (p Privacy) Redact(b Booking) Booking {
	if b.Private || !p.Subject() {
		b.Subject = ""
	}
	if b.Private || !p.Organizer() {
		b.Organizer = ""
	}
	return b
}
