package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"roomgate/driver"
	"roomgate/zones"
)

// property is one content line of iCalendar (RFC 5545 §3.1), unfolded.
type property struct {
	line   int // in the file, from 1
	name   string
	params map[string]string
	value  string
}

// vevent is a VEVENT as it stands in the file (RFC 5545 §3.6.1).
type vevent struct {
	line  int
	props map[string][]property
}

// icalReader turns a calendar into events. Times without a zone are the site's.
type icalReader struct {
	name string // of the file, for messages
	zone *time.Location
}

// readICal reads the events of a calendar. The error names the line.
func readICal(name, text string, zone *time.Location) ([]replayEvent, error) {
	r := icalReader{name, zone}
	components, err := r.components(text)
	if err != nil {
		return nil, err
	}
	var events []replayEvent
	moved := map[string][]recurrenceID{} // by UID
	for _, v := range components {
		e, id, err := r.event(v)
		if err != nil {
			return nil, err
		}
		if id != nil {
			uid := v.text("UID")
			moved[uid] = append(moved[uid], *id)
		}
		if e != nil {
			events = append(events, *e)
		}
	}
	return events, r.move(events, moved)
}

// recurrenceID is the instance of a series that an event stands for (RFC 5545
// §3.8.4.4).
type recurrenceID struct {
	line   int
	at     time.Time // UTC; where it would start
	allDay bool
}

// move takes the instances out of each series that have events of their own.
func (r icalReader) move(events []replayEvent, moved map[string][]recurrenceID) error {
	for _, e := range events {
		if e.series == nil {
			continue
		}
		for _, id := range moved[e.uid] {
			if id.allDay != (e.series.days > 0) {
				return r.errorf(id.line, "RECURRENCE-ID is a date where the series has times, or a time where it has dates")
			}
			e.series.except[id.at] = true
		}
	}
	return nil
}

func (r icalReader) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, line, fmt.Errorf(format, args...))
}

// components returns the events of a calendar. What is nested in them, such as
// an alarm, is passed over, as is everything else.
func (r icalReader) components(text string) ([]vevent, error) {
	lines, err := r.unfold(text)
	if err != nil {
		return nil, err
	}
	var open []string
	var events []vevent
	for _, p := range lines {
		switch inside := len(open); {
		case inside == 0 && (p.name != "BEGIN" || !strings.EqualFold(p.value, "VCALENDAR")):
			return nil, r.errorf(p.line, "is no iCalendar: BEGIN:VCALENDAR is expected here")
		case p.name == "BEGIN":
			open = append(open, strings.ToUpper(p.value))
			if inside == 1 && open[1] == "VEVENT" {
				events = append(events, vevent{p.line, map[string][]property{}})
			}
		case p.name == "END":
			if !strings.EqualFold(p.value, open[inside-1]) {
				return nil, r.errorf(p.line, "END:%s is expected here, not END:%s", open[inside-1], cut(p.value))
			}
			open = open[:inside-1]
		case inside == 2 && open[1] == "VEVENT":
			v := events[len(events)-1]
			v.props[p.name] = append(v.props[p.name], p)
		}
	}
	if len(open) > 0 {
		return nil, r.errorf(strings.Count(text, "\n")+1, "END:%s is missing: the file is cut off", open[len(open)-1])
	}
	return events, nil
}

// unfold splits a text into content lines. One that begins with a blank goes on
// with the line before (RFC 5545 §3.1).
func (r icalReader) unfold(text string) ([]property, error) {
	var out []property
	var whole string
	begun := 0
	take := func() error {
		if strings.TrimSpace(whole) == "" {
			return nil
		}
		p, ok := parseProperty(whole)
		if !ok {
			return r.errorf(begun, "is no line of iCalendar: NAME:VALUE is expected")
		}
		p.line = begun
		out = append(out, p)
		return nil
	}
	n := 0
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		n++
		line = strings.TrimSuffix(line, "\r")
		if begun > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			whole += line[1:]
			continue
		}
		if err := take(); err != nil {
			return nil, err
		}
		whole, begun = line, n
	}
	return out, take()
}

// parseProperty reads NAME;PARAMETER=VALUE;...:VALUE. Quoted values of parameters
// may hold colons, semicolons and commas.
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

// text is the value of a property of which there is one; empty: there is none.
func (v vevent) text(name string) string {
	if all := v.props[name]; len(all) > 0 {
		return plainText(all[0].value)
	}
	return ""
}

// plainText undoes the escapes of a text value (RFC 5545 §3.3.11).
func plainText(s string) string {
	return strings.TrimSpace(strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n", `\N`, "\n").Replace(s))
}

// event turns a component into an event; nil: it takes no room. id tells which
// instance of a series it stands for; nil: it is none's.
func (r icalReader) event(v vevent) (e *replayEvent, id *recurrenceID, err error) {
	if of := v.props["RECURRENCE-ID"]; len(of) > 0 {
		at, allDay, err := r.time(of[0], of[0].value)
		if err != nil {
			return nil, nil, err
		}
		if of[0].params["RANGE"] != "" {
			return nil, nil, r.errorf(of[0].line, "RECURRENCE-ID with RANGE is not read: end the series there and add a new one")
		}
		if allDay {
			at, _ = driver.AllDay(at, at, r.zone)
		}
		id = &recurrenceID{of[0].line, at.UTC(), allDay}
	}
	e = &replayEvent{uid: v.text("UID"), rooms: v.rooms(), called: v.called()}
	if err := r.times(v, e); err != nil {
		return nil, nil, err
	}
	if e.booking.ShowAs = v.showAs(); e.booking.ShowAs == driver.Free || v.isCancelled() {
		return nil, id, nil
	}
	e.booking.ID = cmp.Or(e.uid, "line "+strconv.Itoa(v.line))
	e.booking.Subject = v.text("SUMMARY")
	e.booking.Private = slices.Contains([]string{"PRIVATE", "CONFIDENTIAL"}, strings.ToUpper(v.text("CLASS")))
	if by := v.props["ORGANIZER"]; len(by) > 0 {
		e.booking.Organizer = cmp.Or(by[0].params["CN"], mailAddress(by[0].value))
	}
	for _, a := range v.props["ATTENDEE"] {
		if !a.isRoom() {
			e.booking.Attendees++
		}
	}
	return e, id, nil
}

func (v vevent) isCancelled() bool { return strings.EqualFold(v.text("STATUS"), "CANCELLED") }

// showAs is what Outlook says of an event, or else what its status and
// transparency say (RFC 5545 §3.8.1.11 and §3.8.2.7).
func (v vevent) showAs() driver.ShowAs {
	if said, err := driver.ParseShowAs(v.text("X-MICROSOFT-CDO-BUSYSTATUS")); err == nil && said != driver.Unknown {
		return said
	}
	switch {
	case strings.EqualFold(v.text("TRANSP"), "TRANSPARENT"):
		return driver.Free
	case strings.EqualFold(v.text("STATUS"), "TENTATIVE"):
		return driver.Tentative
	}
	return driver.Busy
}

// roomProperty names an event's room where neither its place nor its attendees do.
const roomProperty = "X-ROOMGATE-ROOM"

// called are the rooms of an event by its place: Outlook joins several.
func (v vevent) called() []string {
	return splitPlaces(cmp.Or(v.text(roomProperty), v.text("LOCATION")))
}

// rooms are all names and addresses by which an event may call its rooms. A room
// that declined is none.
func (v vevent) rooms() []string {
	out := v.called()
	for _, a := range v.props["ATTENDEE"] {
		address := mailAddress(a.value)
		if strings.EqualFold(a.params["PARTSTAT"], "DECLINED") {
			out = slices.DeleteFunc(out, func(name string) bool {
				return strings.EqualFold(name, address) || strings.EqualFold(name, a.params["CN"])
			})
			continue
		}
		out = append(out, address, a.params["CN"])
	}
	return slices.DeleteFunc(out, func(name string) bool { return name == "" })
}

// isRoom tells whether an attendee is no person (RFC 5545 §3.2.3).
func (p property) isRoom() bool {
	kind := p.params["CUTYPE"]
	return strings.EqualFold(kind, "ROOM") || strings.EqualFold(kind, "RESOURCE")
}

// mailAddress is the address of a calendar user, without its scheme.
func mailAddress(value string) string {
	if scheme, address, ok := strings.Cut(value, ":"); ok && strings.EqualFold(scheme, "mailto") {
		return address
	}
	return value
}

// times reads when an event takes place, and how it recurs.
func (r icalReader) times(v vevent, e *replayEvent) error {
	for _, name := range []string{"DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID"} {
		if all := v.props[name]; len(all) > 1 {
			return r.errorf(all[1].line, "a second %s in one event", name)
		}
	}
	if len(v.props["DTSTART"]) == 0 {
		return r.errorf(v.line, "this event has no DTSTART")
	}
	p := v.props["DTSTART"][0]
	start, allDay, err := r.time(p, p.value)
	if err != nil {
		return err
	}
	if y := start.Year(); y < 1970 || y > 2200 {
		return r.errorf(p.line, "DTSTART lies in the year %d: from 1970 to 2200 is read", y)
	}
	end, err := r.end(v, start, allDay)
	if err != nil {
		return err
	}
	e.booking.Start, e.booking.End = start.UTC(), end.UTC()
	if allDay {
		e.booking.Start, e.booking.End = driver.AllDay(start, end, r.zone)
	}
	if len(v.props["RRULE"])+len(v.props["RDATE"]) == 0 {
		return nil
	}
	e.series = &series{zone: start.Location(), length: end.Sub(start), except: map[time.Time]bool{}}
	if allDay {
		e.series.zone = r.zone
		e.series.days = int(wallClock(end).Sub(wallClock(start)) / (24 * time.Hour))
	}
	return r.recurs(v, e.series, wallClock(start))
}

// end is where an event that has begun at start ends. Without a word about it, an
// all-day event lasts a day, and another no time (RFC 5545 §3.6.1).
func (r icalReader) end(v vevent, start time.Time, allDay bool) (time.Time, error) {
	end, line := start, v.line
	if allDay {
		end = start.AddDate(0, 0, 1)
	}
	if given := v.props["DTEND"]; len(given) > 0 {
		line = given[0].line
		at, date, err := r.time(given[0], given[0].value)
		if err != nil {
			return end, err
		}
		if date != allDay {
			return end, r.errorf(line, "DTEND is a date where DTSTART is a time, or the other way round")
		}
		end = at
	} else if given := v.props["DURATION"]; len(given) > 0 {
		line = given[0].line
		var ok bool
		if end, ok = addDuration(start, given[0].value); !ok {
			return end, r.errorf(line, "DURATION %q is not understood: PT1H30M or P1D is", cut(given[0].value))
		}
	}
	if end.Before(start) || end.Sub(start) > 366*24*time.Hour {
		return end, r.errorf(line, "the event ends before it begins, or lasts longer than a year")
	}
	return end, nil
}

var durationForm = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$`)

// addDuration adds a duration (RFC 5545 §3.3.6): its weeks and days are those of
// the calendar, the rest is exact.
func addDuration(t time.Time, text string) (time.Time, bool) {
	parts := durationForm.FindStringSubmatch(text)
	if parts == nil || strings.Join(parts[1:], "") == "" {
		return t, false
	}
	n := make([]int, len(parts))
	for i, digits := range parts {
		n[i], _ = strconv.Atoi(digits) // none: 0
	}
	return t.AddDate(0, 0, 7*n[1]+n[2]).Add(time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second), true
}

// time reads a date or a date-time of a property (RFC 5545 §3.3.4 and §3.3.5). A
// date is its midnight in UTC: not every zone has a midnight every day.
func (r icalReader) time(p property, value string) (t time.Time, date bool, err error) {
	zone := r.zone
	if name := p.params["TZID"]; name != "" {
		if zone, err = zones.Load(name); err != nil {
			return t, false, r.errorf(p.line, "%w: name it as in Europe/London", err)
		}
	}
	switch {
	case len(value) == len(rrule.DateFormat):
		date = true
		t, err = time.Parse(rrule.DateFormat, value)
	case strings.HasSuffix(value, "Z"):
		t, err = time.Parse(rrule.DateTimeFormat, value)
	default:
		t, err = time.ParseInLocation(rrule.LocalDateTimeFormat, value, zone)
	}
	if err != nil {
		return t, date, r.errorf(p.line, "%s %q is no time: 20260115T090000, 20260115T090000Z or 20260115 is", p.name, cut(value))
	}
	return t, date, nil
}

// recurs reads how a series goes on: by its rule, at further times, and not at
// others.
func (r icalReader) recurs(v vevent, s *series, first time.Time) (err error) {
	for _, p := range v.props["RRULE"] {
		if s.rule, err = r.rule(p, s.zone, first); err != nil {
			return err
		}
	}
	if s.rule == nil {
		s.more = append(s.more, s.instant(first))
	}
	if s.more, err = r.dates(v.props["RDATE"], s, s.more); err != nil {
		return err
	}
	gone, err := r.dates(v.props["EXDATE"], s, nil)
	for _, at := range gone {
		s.except[at] = true
	}
	return err
}

// rule reads a recurrence rule (RFC 5545 §3.3.10). It is kept on the wall's clock,
// as if that were UTC, so that clocks that change cannot lead it astray.
func (r icalReader) rule(p property, zone *time.Location, first time.Time) (*rrule.ROption, error) {
	o, err := rrule.StrToROption(strings.ToUpper(p.value))
	if err == nil {
		_, err = rrule.NewRRule(*o)
	}
	switch {
	case err != nil:
	case o.Freq > rrule.DAILY:
		err = errors.New("rooms are booked by the day, not by the hour")
	case len(o.Byhour)+len(o.Byminute)+len(o.Bysecond) > 0:
		err = errors.New("BYHOUR, BYMINUTE and BYSECOND are not read: a series is booked at the time of its DTSTART")
	case o.Interval > 1000:
		err = errors.New("INTERVAL is above 1000")
	}
	if err != nil {
		return nil, r.errorf(p.line, "RRULE is not understood: %w", err)
	}
	switch until := untilOf(p.value); {
	case strings.HasSuffix(until, "Z"):
		o.Until = wallClock(o.Until.In(zone))
	case len(until) == len(rrule.DateFormat): // the whole day, as most calendars mean it
		o.Until = o.Until.Add(24*time.Hour - time.Second)
	}
	o.Dtstart = first
	return o, nil
}

// untilOf is the UNTIL of a rule, in capitals.
func untilOf(rule string) string {
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		if value, ok := strings.CutPrefix(part, "UNTIL="); ok {
			return value
		}
	}
	return ""
}

// dates adds the times of RDATE or EXDATE, as instants at which an occurrence
// starts.
func (r icalReader) dates(all []property, s *series, out []time.Time) ([]time.Time, error) {
	for _, p := range all {
		for value := range strings.SplitSeq(p.value, ",") {
			t, date, err := r.time(p, value)
			if err != nil {
				return nil, err
			}
			if date != (s.days > 0) {
				return nil, r.errorf(p.line, "%s is a date where DTSTART is a time, or the other way round", p.name)
			}
			if date {
				t, _ = driver.AllDay(t, t, s.zone)
			}
			out = append(out, t.UTC())
		}
	}
	return out, nil
}
