package web

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"roomgate/bridge"
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
	Current  *booking
	Until    *moment // end of the free stretch; nil where its end is not a booking
	Next     *booking
	People   string // whether somebody is there, as a sensor says; empty: there is none
	Mode     string
	Comfort  bool
	Quality  string
	Fault    string
	Readable bool // people may have it read at once
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
// is not available is not known, whatever its points last were.
func viewRoom(room driver.Room, points pointValues, now time.Time, zone *time.Location) roomView {
	v := roomView{ID: room.ID, Name: room.Name, Capacity: room.Capacity, State: "unknown"}
	v.Quality, v.Fault = trust(points)
	if points.of(driver.Availability).Text() != "online" || !points.of(driver.Booked).Known() {
		return v
	}
	v.State = "free"
	v.People, v.Mode, v.Comfort = people(points), points.of(driver.ModePoint).Text(), points.of(driver.Comfort).Bool()
	v.Next = viewBooking(points.of(driver.NextSubject), points.of(driver.NextOrganizer), points.of(driver.NextStart), points.of(driver.NextEnd), now, zone)
	if v.Next != nil {
		v.Until = momentOf(points.of(driver.FreeUntil).Time(), now, zone)
	}
	if points.of(driver.Booked).Bool() {
		v.State = "booked"
		v.Current = viewBooking(points.of(driver.CurrentSubject), points.of(driver.CurrentOrganizer), points.of(driver.CurrentStart), points.of(driver.CurrentEnd), now, zone)
	}
	return v
}

// people tells what the presence sensor says.
func people(points pointValues) string {
	switch sensor := points.of(driver.SensorPoint).Text(); {
	case sensor == driver.SensorSilent.String():
		return "The presence sensor is silent, or cannot tell"
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
		return driver.QualityUnknown.String(), "nothing was heard of this room yet"
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

// legible makes one short line of a stranger's text. Marks that turn the
// direction of writing are left out: they could swallow what stands beside
// them (unicode.org/reports/tr9, explicit directional formatting).
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

// item is an account or a part of the gateway as shown.
type item struct {
	Name    string
	OK      bool
	Words   string // how it stands
	Reason  string // why, and what to do; empty when well
	Command string // to run; empty: none
	Path    string // of the set-up page, where a person signs in; empty: not wanted, or no such page
	Device  *deviceCode
	Lapses  []string // what ends before long unless somebody acts
	Since   *moment
}

// deviceCode is a device code that waits to be entered.
type deviceCode struct {
	UserCode, Address string
	Until             *moment
}

// signInWords are the states of a sign-in in words.
var signInWords = map[driver.SessionState]string{
	driver.NeverSignedIn: "never signed in",
	driver.SignedIn:      "signed in",
	driver.Refreshing:    "signed in, being renewed",
	driver.Retrying:      "renewal failed, being tried again",
	driver.SignInNeeded:  "sign-in needed",
}

// viewAccount derives what is shown of an account from its points, and from the
// account itself where there is a set-up page. An open device code says all that
// the reason does.
func viewAccount(name string, points pointValues, account *Account, now time.Time, zone *time.Location) item {
	v := item{Name: "Account " + name, Words: "not known yet", Reason: points.of(driver.AccountReason).Text()}
	state, err := driver.ParseSessionState(points.of(driver.AccountState).Text())
	if err != nil {
		return v // not published yet
	}
	v.OK, v.Words = state.Works(), signInWords[state]
	if login := "roomgate login " + name; state.NeedsPerson() && !strings.Contains(v.Reason, login) {
		v.Command = login
	}
	if account != nil {
		v.addAccount(*account, state, now, zone)
	}
	if days := points.of(driver.RefreshDaysLeft); !days.Nothing() && days.Int() < lapseNotice {
		v.Lapses = append(v.Lapses, fmt.Sprintf("unless it is renewed, the sign-in lapses %s", inDays(days.Int())))
	}
	if days := points.of(driver.SecretDaysLeft); !days.Nothing() && days.Int() < lapseNotice {
		v.Lapses = append(v.Lapses, fmt.Sprintf("the client secret or certificate expires %s; have the customer's IT make a new one", inDays(days.Int())))
		v.OK = v.OK && days.Int() > secretWarning
	}
	return v
}

// addAccount adds what only the account itself tells: where to sign in, and a
// device code, which takes the place of the reason and the command.
func (i *item) addAccount(a Account, state driver.SessionState, now time.Time, zone *time.Location) {
	i.Words = a.stateWords(state)
	if state.NeedsPerson() {
		i.Path = accountPath(a.Name)
	}
	if d := a.status().Device; d != nil {
		i.Device, i.Reason, i.Command = &deviceCode{d.UserCode, d.VerificationURI, momentOf(d.Expires, now, zone)}, "", ""
	}
}

const (
	lapseNotice   = 60 // days in advance that the page tells of an end
	secretWarning = 30 // days in advance that a new client secret or certificate is asked for
)

// inDays puts a number of whole days to come in words; none are left from a day
// before the end on.
func inDays(n int) string {
	switch n {
	case 0:
		return "within a day, if it has not yet"
	case 1:
		return "in 1 day"
	}
	return fmt.Sprintf("in %d days", n)
}

// viewPart derives what is shown of a part of the gateway.
func viewPart(name string, h bridge.Health, stuck bool, now time.Time, zone *time.Location) item {
	switch {
	case stuck:
		return item{Name: name, Words: "stuck", Reason: "its loop gave no sign of life; restart the gateway if it stays so", Since: momentOf(h.Beat, now, zone)}
	case !h.OK:
		return item{Name: name, Words: "not working", Reason: h.Words, Since: momentOf(h.Since, now, zone)}
	}
	return item{Name: name, OK: true, Words: "working", Reason: h.Words, Since: momentOf(h.Since, now, zone)}
}
