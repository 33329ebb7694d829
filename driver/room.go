package driver

import "time"

// Room is one bookable space and the rules by which its points are derived.
type Room struct {
	ID       string         // topic segment, [a-z0-9-]{1,40}
	Name     string         // for people
	Account  string         // name of the account that reads it
	Mailbox  string         // address of the room's own calendar; empty: found among the account's calendars
	Calendar string         // name or id of one of the account's calendars, where there is no Mailbox; empty: the account's own
	Match    []string       // names and addresses that mark an event of the account's calendar as this room's
	Building string         // label
	Floor    string         // label
	Capacity int            // persons; 0: not known
	Zone     *time.Location // the site's zone: what "today" and "all day" mean

	Lead    time.Duration // comfort starts this long before a booking
	Lag     time.Duration // comfort is kept this long after its end
	Gap     time.Duration // pauses in comfort up to this long are bridged
	Release Release       // whether comfort ends with the booking or at its start

	Count      Counting      // which bookings count
	Privacy    Privacy       // what of a booking may be known
	StaleAfter time.Duration // age at which a good read is no longer trusted
}

// Release says when a booking lets go of comfort.
type Release uint8

const (
	ReleaseAtEnd   Release = iota // comfort lasts as long as the booking
	ReleaseAtStart                // comfort ends when the booking starts, for slow plant
)

// Privacy says what of a booking may be known outside its calendar. What it
// does not allow never enters a [Booking].
type Privacy uint8

const (
	PrivacyBusy      Privacy = iota // neither subject nor organizer
	PrivacyOrganizer                // the organizer's name
	PrivacySubject                  // the subject
	PrivacyFull                     // both
)

// Subject tells whether subjects may be known.
func (p Privacy) Subject() bool { return p == PrivacySubject || p == PrivacyFull }

// Organizer tells whether organizers may be known.
func (p Privacy) Organizer() bool { return p == PrivacyOrganizer || p == PrivacyFull }

// Redact returns the booking without what p does not allow. A private booking
// keeps neither subject nor organizer, whatever p says.
func (p Privacy) Redact(b Booking) Booking {
	if b.Private || !p.Subject() {
		b.Subject = ""
	}
	if b.Private || !p.Organizer() {
		b.Organizer = ""
	}
	return b
}
