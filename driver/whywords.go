package driver

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// teller puts in words why the points of a room are what they are where its
// follower stands. It goes by the facts and by what they were derived from.
type teller struct {
	f     *follower
	facts Facts
	zone  *time.Location
	now   time.Time // whose day needs no weekday
}

// because says why a point is what the facts say.
func (w *teller) because(point int) string {
	switch point {
	case Booked:
		return w.booked()
	case Comfort:
		return w.comfort()
	case Occupied:
		return w.occupied()
	case ModePoint:
		return w.mode()
	case NextMode:
		return w.nextMode()
	case QualityPoint:
		return w.quality()
	case NoShow:
		return w.noShow()
	case WalkIn:
		return w.walkIn()
	case SensorPoint:
		return w.sensor()
	}
	return w.today(point)
}

func (w *teller) booked() string {
	f := w.facts
	switch {
	case !f.Known:
		return w.unknown()
	case f.Booked:
		more := -1
		for range w.f.running() {
			more++
		}
		if more > 0 {
			return fmt.Sprintf("%s runs, and %d more", w.booking(f.Current), more)
		}
		return w.booking(f.Current) + " runs"
	case f.Next != nil:
		return "no booking that counts runs; the next is " + w.booking(f.Next)
	}
	return "no booking that counts runs, and none is known until " + w.clock(f.FreeUntil)
}

// unknown says why the calendar is not known.
func (w *teller) unknown() string {
	snap := w.f.t.snap
	switch {
	case snap.ReadAt.IsZero():
		return "the calendar was never read"
	case w.f.p.At.Before(snap.From):
		return "the bookings known begin only at " + w.clock(snap.From)
	}
	return "the bookings known ended at " + w.clock(snap.To)
}

func (w *teller) comfort() string {
	on, asked := w.f.wanted()
	switch {
	case !w.facts.Commanded:
		return w.undecided()
	case !asked:
		return w.held()
	case on == w.facts.Comfort:
		return w.demand(on)
	}
	minimum, length := "min_off", w.f.t.plan.room.MinOff
	if w.facts.Comfort {
		minimum, length = "min_on", w.f.t.plan.room.MinOn
	}
	return fmt.Sprintf("%s %s holds it from %s to %s, although %s", minimum, short(length), w.clock(w.f.p.ComfortSince), w.clock(w.f.mayChange()), w.demand(on))
}

// demand says why comfort is asked for, or is not.
func (w *teller) demand(on bool) string {
	room := &w.f.t.plan.room
	if w.f.overridden() {
		return w.failSafe()
	}
	if on {
		return w.asking()
	}
	if w.facts.Current == nil {
		return "no booking asks for it"
	}
	for b := range w.f.running() {
		if !b.NoComfort {
			return fmt.Sprintf("%s asked for it only until %s, as release is at its start", w.booking(b), w.clock(room.demand(*b).end))
		}
	}
	return "a rule says that " + w.booking(w.facts.Current) + " asks for none"
}

// asking says which booking asks for comfort.
func (w *teller) asking() string {
	plan, at := w.f.t.plan, w.f.p.At
	var before, after time.Time // the pause in what is asked for, where none asks
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
				late = fmt.Sprintf("%s asks for it from %s, lead %s before", w.booking(b), w.clock(s.start), short(plan.room.Lead))
			}
		case at.Before(b.End) && plan.room.Release == ReleaseAtEnd:
			return w.booking(b) + " asks for it"
		case late == "":
			edge := "end"
			if plan.room.Release == ReleaseAtStart {
				edge = "start"
			}
			late = fmt.Sprintf("%s asks for it, lag %s after its %s", w.booking(b), short(plan.room.Lag), edge)
		}
	}
	if late != "" {
		return late
	}
	return fmt.Sprintf("the pause from %s to %s is no longer than gap %s", w.clock(before), w.clock(after), short(plan.room.Gap))
}

// failSafe says what the fail-safe, other than FailHold, does.
func (w *teller) failSafe() string {
	room := &w.f.t.plan.room
	words := "the fail-safe acts since " + w.clock(w.f.p.FailSafe)
	switch {
	case room.FailSafe != FailBySchedule:
		return words + ": " + room.FailSafe.String()
	case w.f.safe():
		return words + ", and the weekly schedule has the room in use"
	}
	return words + ", and the weekly schedule has the room out of use"
}

// undecided says why there is neither mode nor comfort command.
func (w *teller) undecided() string {
	if w.f.failing {
		return w.unknown() + ", and there is nothing that the fail-safe could hold"
	}
	return w.unknown() + "; the fail-safe acts from " + w.clock(w.f.failFrom())
}

// held says that what was last known is kept.
func (w *teller) held() string {
	return w.unknown() + ", and the fail-safe holds what was last"
}

func (w *teller) occupied() string {
	switch {
	case w.f.p.Present:
		return "the presence sensor sees somebody"
	case w.f.p.Trusted:
		return "the presence sensor " + w.unseen()
	case !w.facts.Occupancy:
		return w.unknown() + w.unaided()
	case w.facts.Occupied:
		return w.booking(w.f.current()) + " runs" + w.unaided()
	}
	return "no booking that counts runs" + w.unaided()
}

// unaided adds that no sensor says more.
func (w *teller) unaided() string {
	if w.facts.Sensor == SensorSilent {
		return ", and the presence sensor is not trusted"
	}
	return ", and there is no presence sensor"
}

// unseen says since when a trusted sensor has seen nobody.
func (w *teller) unseen() string {
	if p := &w.f.p; p.Left.After(p.Doubt) {
		return "has seen nobody since " + w.clock(p.Left)
	}
	return "has seen nobody since it is trusted, " + w.clock(w.f.p.Doubt)
}

func (w *teller) mode() string {
	if w.f.overridden() {
		return w.safeMode()
	}
	b := w.f.current()
	switch {
	case w.facts.Mode == ModeUnknown:
		return w.undecided()
	case b != nil:
		return w.bookedMode(b)
	case w.f.i < 0 && w.facts.Mode != ModeBypass && w.facts.Mode == w.f.p.Mode:
		return w.held()
	case w.f.i < 0:
		return w.unknown() + ", and " + w.freeMode()
	}
	return "no booking that counts runs, and " + w.freeMode()
}

// safeMode says what makes the mode where the fail-safe speaks for the bookings.
func (w *teller) safeMode() string {
	if w.facts.Mode == ModeOccupied {
		return w.failSafe()
	}
	return w.failSafe() + "; " + w.freeMode()
}

// bookedMode says what makes the mode while b is the current booking.
func (w *teller) bookedMode(b *Booking) string {
	runs, grace := w.booking(b)+" runs", short(w.f.t.plan.room.Grace)
	warm := w.f.t.plan.pieces[w.f.i].warm
	switch {
	case w.f.p.Present:
		return runs + ", and the presence sensor sees somebody"
	case !warm && w.f.p.Trusted:
		return runs + ", a rule says that it asks for no comfort, and the presence sensor " + w.unseen()
	case !warm:
		return runs + ", and a rule says that it asks for no comfort"
	case w.facts.Sensor == SensorNone:
		return runs
	case !w.f.p.Trusted:
		return runs + ", and the presence sensor is not trusted"
	case w.facts.Mode == ModeOccupied:
		return fmt.Sprintf("%s, and nobody was seen since %s, which is shorter than grace %s", runs, w.clock(w.f.absentSince(b)), grace)
	}
	return fmt.Sprintf("%s, but nobody was seen since %s, for grace %s or longer", runs, w.clock(w.f.absentSince(b)), grace)
}

// freeMode says what makes the mode where no booking does.
func (w *teller) freeMode() string {
	switch {
	case w.facts.Mode == ModeBypass && w.f.p.Present:
		return "the presence sensor sees somebody"
	case w.facts.Mode == ModeBypass:
		return fmt.Sprintf("somebody was there until %s, less than hold %s ago", w.clock(w.f.p.Left), short(w.f.t.plan.room.PresenceHold))
	case w.facts.Mode == ModeStandby:
		return "comfort is on"
	}
	return "comfort is off"
}

func (w *teller) nextMode() string {
	switch {
	case w.facts.Mode == ModeUnknown:
		return "the mode is not known"
	case w.facts.NextModeAt.IsZero():
		return "no change of the mode is in sight"
	}
	return fmt.Sprintf("the mode is %s until %s, if presence stays as it is", w.facts.Mode, w.clock(w.facts.NextModeAt))
}

// quality says what the fault says, in the room's zone.
func (w *teller) quality() string {
	t, snap, room := w.f.t, &w.f.t.snap, &w.f.t.plan.room
	reason := cmp.Or(t.reason, "no poll since")
	words, read := reason, "last read at "+w.clock(snap.ReadAt)
	switch v, _ := t.judge(w.f.p.At); v {
	case good:
		return read + ", less than stale_after " + short(room.StaleAfter) + " ago"
	case neverRead:
		if words = "no read has succeeded yet"; t.reason != "" {
			words += ": " + reason
		}
	case lapsed:
		words = w.unknown() + ", " + read + ": " + reason
	case tooEarly:
		words = w.unknown() + ": the gateway's clock was set back"
	case fromLater:
		words = read + ", which is in the future: the gateway's clock was set back"
	case old:
		words = read + ", stale_after " + short(room.StaleAfter) + " ago or longer: " + reason
	}
	if w.f.failing {
		return words + "; fail-safe since " + w.clock(w.f.p.FailSafe) + ": " + room.FailSafe.String()
	}
	return words + "; the fail-safe (" + room.FailSafe.String() + ") acts from " + w.clock(w.f.failFrom())
}

func (w *teller) noShow() string {
	p, b, grace := &w.f.p, w.f.current(), w.f.t.plan.room.Grace
	switch {
	case !w.facts.Known:
		return w.unknown()
	case w.facts.Sensor == SensorNone:
		return "there is no presence sensor"
	case b == nil:
		return "no booking that counts runs"
	case w.facts.NoShow:
		return fmt.Sprintf("nobody was seen since the start of %s, and grace %s is over", w.booking(b), short(grace))
	case !p.Trusted:
		return "the presence sensor is not trusted"
	case p.Present:
		return "the presence sensor sees somebody"
	case p.Left.After(b.Start):
		return "somebody was there at " + w.clock(p.Left)
	case p.Doubt.After(b.Start):
		return "the presence sensor is trusted only since " + w.clock(p.Doubt) + ", after the start of " + w.booking(b)
	}
	return fmt.Sprintf("nobody was seen yet, and grace %s is over only at %s", short(grace), w.clock(b.Start.Add(grace)))
}

func (w *teller) walkIn() string {
	p := &w.f.p
	switch {
	case !w.facts.Known:
		return w.unknown()
	case w.facts.Sensor == SensorNone:
		return "there is no presence sensor"
	case w.facts.WalkIn && p.Present:
		return "no booking that counts runs, and the presence sensor sees somebody"
	case w.facts.WalkIn:
		return fmt.Sprintf("no booking that counts runs, and somebody was there until %s, less than hold %s ago", w.clock(p.Left), short(w.f.t.plan.room.PresenceHold))
	case w.facts.Booked:
		return w.booking(w.facts.Current) + " runs"
	case !p.Trusted:
		return "the presence sensor is not trusted"
	case !w.f.visited():
		return "the presence sensor " + w.unseen()
	case p.Began.Before(p.Booked):
		return "who is there came to a booking, which ended at " + w.clock(p.Booked)
	}
	return fmt.Sprintf("who is there came less than grace %s before %s", short(w.f.t.plan.room.Grace), w.booking(w.facts.Next))
}

func (w *teller) sensor() string {
	p, timeout := &w.f.p, w.f.t.plan.room.PresenceTimeout
	switch {
	case w.facts.Sensor == SensorNone:
		return "no presence_topic is configured"
	case p.Heard.IsZero():
		return "it was not heard yet"
	case !p.Said.Known:
		return "what it said at " + w.clock(p.Heard) + " tells neither presence nor absence"
	case w.facts.Sensor == SensorSilent:
		return fmt.Sprintf("it was last heard at %s, presence_timeout %s ago or longer", w.clock(p.Heard), short(timeout))
	case timeout == 0:
		return "it was heard at " + w.clock(p.Heard)
	}
	return fmt.Sprintf("it was heard at %s, less than presence_timeout %s ago", w.clock(p.Heard), short(timeout))
}

// today says what the figures of the day count.
func (w *teller) today(point int) string {
	day := &w.f.p.Day
	switch {
	case !w.facts.Known:
		return w.unknown()
	case point == BookingsToday:
		return w.bookingsToday()
	case point == BookedMinutesToday:
		return "the minutes of today that bookings cover, past and to come"
	case point == UtilisationToday:
		return fmt.Sprintf("%d of the %d minutes of today", w.facts.BookedMinutesToday, int(day.To.Sub(day.From)/time.Minute))
	case w.facts.Sensor == SensorNone:
		return "there is no presence sensor"
	case point != NoShowsToday || len(day.NoShows) == 0:
		return "counted since " + w.clock(day.From)
	}
	starts := make([]string, len(day.NoShows))
	for i, start := range day.NoShows {
		starts[i] = w.clock(start)
	}
	return "nobody came to what began at " + strings.Join(starts, ", ")
}

// bookingsToday lists the bookings that touch today.
func (w *teller) bookingsToday() string {
	const most = 12
	day := span{w.f.p.Day.From, w.f.p.Day.To}
	var all []string
	for i := range w.f.t.plan.bookings {
		if b := &w.f.t.plan.bookings[i]; b.Start.Before(day.end) && b.End.After(day.start) {
			all = append(all, w.clock(b.Start)+" to "+w.clock(b.End))
		}
	}
	if n := len(all); n > most {
		all = append(all[:most], fmt.Sprint(n-most, " more"))
	}
	if len(all) == 0 {
		return "none is known"
	}
	return strings.Join(all, ", ")
}

// booking names a booking by its times, and by its subject where that may be known.
func (w *teller) booking(b *Booking) string {
	words := "the booking from " + w.clock(b.Start) + " to " + w.clock(b.End)
	if b.Subject != "" {
		words += " (" + b.Subject + ")"
	}
	return words
}

// clock writes an instant in the room's zone: "09:00" today, "Thu 09:00" this
// week, and "Thu 22 Jan 09:00" beyond. Seconds stand only where there are any.
func (w *teller) clock(t time.Time) string {
	local, today := t.In(w.zone), w.now.In(w.zone)
	layout := "15:04"
	if local.Second() != 0 {
		layout = "15:04:05"
	}
	switch {
	case local.Format(time.DateOnly) == today.Format(time.DateOnly):
	case t.After(midnight(w.now, w.zone, 0)) && t.Before(midnight(w.now, w.zone, 7)):
		layout = "Mon " + layout
	default:
		layout = "Mon 2 Jan " + layout
	}
	return local.Format(layout)
}

// short writes a duration as configuration does: "20m", "1h30m".
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
