package driver

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// narrator explains the values of the points of a room at the instant of its
// evaluator, from the facts and from what they were derived from.
type narrator struct {
	rows  roomCatalogue // the points to explain
	f     *evaluator
	facts Facts
	zone  *time.Location
	now   time.Time // times of its day are written without a weekday
}

func (n *narrator) booked() string {
	f := &n.facts
	switch {
	case f.Booked:
		more := -1
		for range n.f.running() {
			more++
		}
		if more > 0 {
			return fmt.Sprintf("%s is running, and %d more", n.booking(f.Current), more)
		}
		return n.booking(f.Current) + " is running"
	case f.Next != nil:
		return "no booking that counts is running; the next is " + n.booking(f.Next)
	}
	return "no booking that counts is running, and none is known until " + n.clock(f.FreeUntil)
}

// unknown says why the calendar is not known.
func (n *narrator) unknown() string {
	snap := n.f.t.snap
	switch {
	case snap.ReadAt.IsZero():
		return "the calendar has never been read"
	case n.f.p.At.Before(snap.From):
		return "the known bookings begin at " + n.clock(snap.From)
	}
	return "the known bookings ended at " + n.clock(snap.To)
}

func (n *narrator) comfort() string {
	on, known := n.f.requested()
	switch {
	case !n.facts.Commanded:
		return n.undecided()
	case !known:
		return n.held()
	case on == n.facts.Comfort:
		return n.demand(on)
	}
	minimum, length, state := "min_off", n.f.t.plan.room.MinOff, "off"
	if n.facts.Comfort {
		minimum, length, state = "min_on", n.f.t.plan.room.MinOn, "on"
	}
	return fmt.Sprintf("%s %s keeps it %s from %s to %s, although %s", minimum, short(length), state, n.clock(n.f.p.ComfortSince), n.clock(n.f.comfortMayChange()), n.demand(on))
}

// demand says why comfort is requested, or is not.
func (n *narrator) demand(on bool) string {
	room := &n.f.t.plan.room
	if n.f.failSafeDecides() {
		return n.failSafe()
	}
	if on {
		return n.requesting()
	}
	if n.facts.Current == nil {
		return "no booking requests it"
	}
	for b := range n.f.running() {
		if !b.NoComfort {
			return fmt.Sprintf("%s requested it only until %s, because release is at its start", n.booking(b), n.clock(room.demand(*b).end))
		}
	}
	return "a rule says that " + n.booking(n.facts.Current) + " needs none"
}

// requesting says which booking requests comfort.
func (n *narrator) requesting() string {
	plan, at := n.f.t.plan, n.f.p.At
	var before, after time.Time // the gap between two requests, while no booking requests it
	var late string
	for i := range plan.bookings {
		b := &plan.bookings[i]
		s := plan.room.demand(*b)
		switch {
		case b.NoComfort || !s.start.Before(s.end):
		case !s.has(at) && !at.Before(s.end):
			before = later(before, s.end)
		case !s.has(at):
			if after.IsZero() || s.start.Before(after) {
				after = s.start
			}
		case at.Before(b.Start):
			if late == "" {
				late = fmt.Sprintf("%s requests it from %s, lead %s before its start", n.booking(b), n.clock(s.start), short(plan.room.Lead))
			}
		case at.Before(b.End) && plan.room.Release == ReleaseAtEnd:
			return n.booking(b) + " requests it"
		case late == "":
			edge := "end"
			if plan.room.Release == ReleaseAtStart {
				edge = "start"
			}
			late = fmt.Sprintf("%s requests it, lag %s after its %s", n.booking(b), short(plan.room.Lag), edge)
		}
	}
	if late != "" {
		return late
	}
	return fmt.Sprintf("the pause from %s to %s is within gap %s", n.clock(before), n.clock(after), short(plan.room.Gap))
}

// failSafe says what an active fail-safe other than FailHold does.
func (n *narrator) failSafe() string {
	room := &n.f.t.plan.room
	words := "the fail-safe has been active since " + n.clock(n.f.p.FailSafe)
	switch {
	case room.FailSafe != FailBySchedule:
		return words + ": " + room.FailSafe.String()
	case n.f.failSafeOn():
		return words + ", and the weekly schedule says that the room is in use"
	}
	return words + ", and the weekly schedule says that the room is not in use"
}

// undecided says why there is neither mode nor comfort command.
func (n *narrator) undecided() string {
	if n.f.failSafeActive {
		return n.unknown() + ", and there is no last value that the fail-safe could hold"
	}
	return n.unknown() + "; the fail-safe becomes active at " + n.clock(n.f.failSafeFrom())
}

// held says that the last known value is kept.
func (n *narrator) held() string {
	return n.unknown() + ", and the fail-safe holds the last value"
}

func (n *narrator) occupied() string {
	switch {
	case n.f.p.Present:
		return "the presence sensor detects somebody"
	case n.f.p.Trusted:
		return "the presence sensor " + n.unseen()
	case !n.facts.Occupancy:
		return n.unknown() + n.withoutSensor()
	case n.facts.Occupied:
		return n.booking(n.f.current()) + " is running" + n.withoutSensor()
	}
	return "no booking that counts is running" + n.withoutSensor()
}

// withoutSensor says why no sensor decides.
func (n *narrator) withoutSensor() string {
	if n.facts.Sensor == SensorSilent {
		return ", and the presence sensor is not trusted"
	}
	return ", and there is no presence sensor"
}

// unseen says since when a trusted sensor has detected nobody.
func (n *narrator) unseen() string {
	if p := &n.f.p; p.LastPresent.After(p.LastUntrusted) {
		return "has detected nobody since " + n.clock(p.LastPresent)
	}
	return "has detected nobody since it became trusted at " + n.clock(n.f.p.LastUntrusted)
}

func (n *narrator) mode() string {
	if n.f.failSafeDecides() {
		return n.safeMode()
	}
	b := n.f.current()
	switch {
	case n.facts.Mode == ModeUnknown:
		return n.undecided()
	case b != nil:
		return n.bookedMode(b)
	case n.f.i < 0 && n.facts.Mode != ModeBypass && n.facts.Mode == n.f.p.Mode:
		return n.held()
	case n.f.i < 0:
		return n.unknown() + ", and " + n.freeMode()
	}
	return "no booking that counts is running, and " + n.freeMode()
}

// safeMode says what makes the mode while the fail-safe replaces the bookings.
func (n *narrator) safeMode() string {
	if n.facts.Mode == ModeOccupied {
		return n.failSafe()
	}
	return n.failSafe() + "; " + n.freeMode()
}

// bookedMode says what makes the mode while b is the current booking.
func (n *narrator) bookedMode(b *Booking) string {
	runs, grace := n.booking(b)+" is running", short(n.f.t.plan.room.Grace)
	warm := n.f.t.plan.segments[n.f.i].needsComfort
	switch {
	case n.f.p.Present:
		return runs + ", and the presence sensor detects somebody"
	case !warm && n.f.p.Trusted:
		return runs + ", a rule says that it needs no comfort, and the presence sensor " + n.unseen()
	case !warm:
		return runs + ", and a rule says that it needs no comfort"
	case n.facts.Sensor == SensorNone:
		return runs
	case !n.f.p.Trusted:
		return runs + ", and the presence sensor is not trusted"
	case n.facts.Mode == ModeOccupied:
		return fmt.Sprintf("%s, and nobody has been detected since %s, less than grace %s ago", runs, n.clock(n.f.absentSince(b)), grace)
	}
	return fmt.Sprintf("%s, but nobody has been detected since %s, grace %s ago or longer", runs, n.clock(n.f.absentSince(b)), grace)
}

// freeMode says what makes the mode while no booking does.
func (n *narrator) freeMode() string {
	switch {
	case n.facts.Mode == ModeBypass && n.f.p.Present:
		return "the presence sensor detects somebody"
	case n.facts.Mode == ModeBypass:
		return fmt.Sprintf("somebody was there until %s, less than hold %s ago", n.clock(n.f.p.LastPresent), short(n.f.t.plan.room.PresenceHold))
	case n.facts.Mode == ModeStandby:
		return "comfort is on"
	}
	return "comfort is off"
}

func (n *narrator) nextMode() string {
	switch {
	case n.facts.Mode == ModeUnknown:
		return "the mode is not known"
	case n.facts.NextModeAt.IsZero():
		return "no change of the mode is foreseen"
	}
	return fmt.Sprintf("the mode is %s until %s, if presence does not change", n.facts.Mode, n.clock(n.facts.NextModeAt))
}

// quality says what the point fault says, with times in the room's zone.
func (n *narrator) quality() string {
	t, snap, room := n.f.t, &n.f.t.snap, &n.f.t.plan.room
	reason := cmp.Or(t.reason, "no poll since")
	words, read := reason, "last read at "+n.clock(snap.ReadAt)
	switch v, _ := t.judge(n.f.p.At); v {
	case good:
		return read + ", less than stale_after " + short(room.StaleAfter) + " ago"
	case clockFault:
		words = t.clock
	case neverRead:
		if words = "no read has succeeded yet"; t.reason != "" {
			words += ": " + reason
		}
	case bookingsEnded:
		words = n.unknown() + ", " + read + ": " + reason
	case bookingsAhead:
		words = n.unknown() + ": the gateway's clock was set back"
	case readInFuture:
		words = read + ", which is in the future: the gateway's clock was set back"
	case old:
		words = read + ", stale_after " + short(room.StaleAfter) + " ago or longer: " + reason
	case incomplete:
		return read + ", but " + snap.Unread.words(n.clock(snap.Unread.Until))
	}
	if n.f.failSafeActive {
		return words + "; fail-safe since " + n.clock(n.f.p.FailSafe) + ": " + room.FailSafe.String()
	}
	return words + "; the fail-safe (" + room.FailSafe.String() + ") becomes active at " + n.clock(n.f.failSafeFrom())
}

func (n *narrator) noShow() string {
	p, b, grace := &n.f.p, n.f.current(), n.f.t.plan.room.Grace
	switch {
	case n.facts.Sensor == SensorNone:
		return "there is no presence sensor"
	case b == nil:
		return "no booking that counts is running"
	case n.facts.NoShow:
		return fmt.Sprintf("nobody has been detected since the start of %s, and grace %s has passed", n.booking(b), short(grace))
	case !p.Trusted:
		return "the presence sensor is not trusted"
	case p.Present:
		return "the presence sensor detects somebody"
	case p.LastPresent.After(b.Start):
		return "somebody was there at " + n.clock(p.LastPresent)
	case p.LastUntrusted.After(b.Start):
		return "the presence sensor has been trusted only since " + n.clock(p.LastUntrusted) + ", after the start of " + n.booking(b)
	}
	return fmt.Sprintf("nobody has been detected yet, and grace %s passes at %s", short(grace), n.clock(b.Start.Add(grace)))
}

func (n *narrator) walkIn() string {
	p := &n.f.p
	switch {
	case n.facts.Sensor == SensorNone:
		return "there is no presence sensor"
	case n.facts.WalkIn && p.Present:
		return "no booking that counts is running, and the presence sensor detects somebody"
	case n.facts.WalkIn:
		return fmt.Sprintf("no booking that counts is running, and somebody was there until %s, less than hold %s ago", n.clock(p.LastPresent), short(n.f.t.plan.room.PresenceHold))
	case n.facts.Booked:
		return n.booking(n.facts.Current) + " is running"
	case !p.Trusted:
		return "the presence sensor is not trusted"
	case !n.f.presentUnbooked():
		return "the presence sensor " + n.unseen()
	case p.PresentSince.Before(p.LastBooked):
		return "the people present came to a booking that ended at " + n.clock(p.LastBooked)
	}
	return fmt.Sprintf("the people present came less than grace %s before %s", short(n.f.t.plan.room.Grace), n.booking(n.facts.Next))
}

func (n *narrator) sensor() string {
	p, timeout := &n.f.p, n.f.t.plan.room.PresenceTimeout
	switch {
	case n.facts.Sensor == SensorNone:
		return "no presence_topic is configured"
	case p.ReportedAt.IsZero():
		return "it has not reported yet"
	case !p.Report.Known:
		return "its report of " + n.clock(p.ReportedAt) + " says neither presence nor absence"
	case n.facts.Sensor == SensorSilent:
		return fmt.Sprintf("it last reported at %s, presence_timeout %s ago or longer", n.clock(p.ReportedAt), short(timeout))
	case timeout == 0:
		return "it last reported at " + n.clock(p.ReportedAt)
	}
	return fmt.Sprintf("it last reported at %s, less than presence_timeout %s ago", n.clock(p.ReportedAt), short(timeout))
}

func (n *narrator) bookedMinutes() string {
	return "the minutes of today that bookings cover, past and to come"
}

func (n *narrator) utilisation() string {
	day := &n.f.p.Day
	return fmt.Sprintf("%d of the %d minutes of today", n.facts.BookedMinutesToday, int(day.To.Sub(day.From)/time.Minute))
}

func (n *narrator) noShows() string {
	missed := n.f.p.Day.NoShows
	if n.facts.Sensor == SensorNone || len(missed) == 0 {
		return n.counted()
	}
	starts := make([]string, len(missed))
	for i, start := range missed {
		starts[i] = n.clock(start)
	}
	return "nobody came to the bookings that began at " + strings.Join(starts, ", ")
}

// counted explains a figure of the day that the presence sensor gives.
func (n *narrator) counted() string {
	if n.facts.Sensor == SensorNone {
		return "there is no presence sensor"
	}
	return "counted since " + n.clock(n.f.p.Day.From)
}

// bookingsToday lists the bookings that touch today.
func (n *narrator) bookingsToday() string {
	const most = 12
	day := span{n.f.p.Day.From, n.f.p.Day.To}
	var all []string
	for i := range n.f.t.plan.bookings {
		if b := &n.f.t.plan.bookings[i]; b.Start.Before(day.end) && b.End.After(day.start) {
			all = append(all, n.clock(b.Start)+" to "+n.clock(b.End))
		}
	}
	if more := len(all) - most; more > 0 {
		all = append(all[:most], fmt.Sprint(more, " more"))
	}
	if len(all) == 0 {
		return "no booking is known"
	}
	return strings.Join(all, ", ")
}

// booking names a booking by its times, and by its subject where privacy allows it.
func (n *narrator) booking(b *Booking) string {
	words := "the booking from " + n.clock(b.Start) + " to " + n.clock(b.End)
	if b.Subject != "" {
		words += " (" + b.Subject + ")"
	}
	return words
}

// clock formats an instant in the room's zone: "09:00" today, "Thu 09:00" this week,
// and "Thu 22 Jan 09:00" otherwise. Seconds are written only if they are not zero.
func (n *narrator) clock(t time.Time) string {
	local, today := t.In(n.zone), n.now.In(n.zone)
	layout := "15:04"
	if local.Second() != 0 {
		layout = "15:04:05"
	}
	switch {
	case local.Format(time.DateOnly) == today.Format(time.DateOnly):
	case t.After(midnight(n.now, n.zone, 0)) && t.Before(midnight(n.now, n.zone, 7)):
		layout = "Mon " + layout
	default:
		layout = "Mon 2 Jan " + layout
	}
	return local.Format(layout)
}

// short formats a duration as in the configuration: "20m", "1h30m".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
