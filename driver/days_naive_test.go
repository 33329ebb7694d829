package driver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// slow plays a golden day minute by minute, by marks on a long row of minutes,
// straight from the rules and without looking at how Derive goes about it. It
// serves days all of whose times are full minutes.
type slow struct {
	g     *goldenDay
	zero  time.Time // minute 0 is two days before the day
	first int       // the minute at which the room is seen first
	now   int

	// of every minute up to now
	booked, present, trusted []bool
	lefts, doubts, frees     []int // see enter

	// what was read last
	known    []Booking
	read     int // -1: never
	from, to int
	failure  error
	refusals int
	bookedAt []bool // by minute, as the known bookings say
	demand   []bool

	said        Presence
	heard       int
	comfort     bool
	since       int // when comfort changed last
	lastMode    string
	began       int // of the stretch of presence
	failSince   int
	noShows     map[int]bool // by start
	walkIns     int
	early       int
	overruns    int
	overrunDone int
}

const long = -1 << 30 // a minute long ago

func newSlow(g *goldenDay) *slow {
	s := &slow{g: g, zero: g.time("00:00").Add(-48 * time.Hour), read: -1, heard: long, since: long, began: long, failSince: -1, overrunDone: long}
	s.first = s.minute(g.time("00:00"))
	n := s.minute(g.end) + 8*24*60
	s.booked, s.present, s.trusted = make([]bool, n), make([]bool, n), make([]bool, n)
	s.lefts, s.doubts, s.frees = make([]int, n), make([]int, n), make([]int, n)
	s.noShows = map[int]bool{}
	return s
}

func (s *slow) minute(t time.Time) int     { return int(t.Sub(s.zero) / time.Minute) }
func (s *slow) instant(m int) time.Time    { return s.zero.Add(time.Duration(m) * time.Minute) }
func (s *slow) local(m int) time.Time      { return s.instant(m).In(s.g.zone) }
func whole(d time.Duration) int            { return int(d / time.Minute) }
func (s *slow) counts(b Booking) bool      { return s.g.room.Count.Has(b.ShowAs) && b.Start.Before(b.End) }
func (s *slow) edges(b Booking) (int, int) { return s.minute(b.Start), s.minute(b.End) }

// reading reads the calendar, or fails to.
func (s *slow) reading() {
	now := s.instant(s.now)
	for _, o := range s.g.outages {
		if !now.Before(o.start) && now.Before(o.end) {
			s.failure = o.err
			if o.err == errDenied {
				s.refusals++
			}
			return
		}
	}
	from, to := Window(now, s.g.zone, s.g.room.Lag+s.g.room.Gap)
	s.failure, s.refusals, s.read, s.from, s.to = nil, 0, s.now, s.minute(from), s.minute(to)
	s.known = nil
	for _, b := range s.g.calendar(now) {
		if a, z := s.edges(b); s.counts(b) && a < s.to && z > s.from {
			s.known = append(s.known, b)
		}
	}
	room := s.g.room
	s.bookedAt, s.demand = make([]bool, s.to+1440), make([]bool, s.to+1440)
	for _, b := range s.known {
		a, z := s.edges(b)
		mark(s.bookedAt, max(a, 0), min(z, len(s.bookedAt)))
		if b.NoComfort {
			continue
		}
		if room.Release == ReleaseAtStart {
			z = a
		}
		mark(s.demand, max(a-whole(room.Lead), 0), min(z+whole(room.Lag), len(s.demand)))
	}
	bridge(s.demand, whole(room.Gap))
}

// isKnown reports whether the calendar is known at minute m.
func (s *slow) isKnown(m int) bool { return s.read >= 0 && m >= s.from && m < s.to }

// running are the bookings that run at minute m.
func (s *slow) running(m int) (all []Booking) {
	if !s.isKnown(m) {
		return nil
	}
	for _, b := range s.known {
		if a, z := s.edges(b); a <= m && m < z {
			all = append(all, b)
		}
	}
	return all
}

// current is the start of the running booking that began last, and whether one
// of those that run asks for comfort.
func (s *slow) current(m int) (start int, warm bool) {
	start = long
	for _, b := range s.running(m) {
		a, _ := s.edges(b)
		start, warm = max(start, a), warm || !b.NoComfort
	}
	return start, warm
}

// enter notes, at the beginning of minute m, until when somebody was there, the
// sensor was not trusted, and the room was booked.
func (s *slow) enter(m int) {
	if m == s.first {
		s.lefts[m], s.doubts[m], s.frees[m] = long, m, long
		return
	}
	s.lefts[m], s.doubts[m], s.frees[m] = s.lefts[m-1], s.doubts[m-1], s.frees[m-1]
	if s.present[m-1] {
		s.lefts[m] = m
	}
	if !s.trusted[m-1] {
		s.doubts[m] = m
	}
	if s.booked[m-1] {
		s.frees[m] = m
	}
}

func (s *slow) left(m int) int  { return s.lefts[m] }
func (s *slow) doubt(m int) int { return s.doubts[m] }
func (s *slow) free(m int) int  { return s.frees[m] }

func (s *slow) failing(m int) bool {
	room, since := s.g.room, s.read
	if s.read < 0 {
		since = s.first
	}
	return s.quality(m) != "good" && m-since >= whole(room.FailAfter)
}

func (s *slow) quality(m int) string {
	denied := s.failure == errDenied
	switch {
	case s.read < 0 && denied, s.read >= 0 && denied && s.refusals >= 2, s.read >= 0 && m >= s.to:
		return "fault"
	case s.read < 0:
		return "unknown"
	case m-s.read >= whole(s.g.room.StaleAfter):
		return "stale"
	}
	return "good"
}

// inWeek tells by the clock on the wall whether minute m is one of the hours of use.
func (s *slow) inWeek(m int) bool {
	t := s.local(m)
	hours, special := s.g.room.Weekly.Exceptions[t.Format("2006-01-02")]
	if !special {
		hours = s.g.room.Weekly.Days[t.Weekday()]
	}
	wall := t.Hour()*60 + t.Minute()
	return slices.ContainsFunc(hours, func(h HoursRange) bool { return h.From <= wall && wall < h.To })
}

// command moves the comfort command to what minute m asks for.
func (s *slow) command(m int, failing bool) {
	want := s.comfort
	switch {
	case failing && s.g.room.FailSafe == FailOccupied:
		want = true
	case failing && s.g.room.FailSafe == FailUnoccupied:
		want = false
	case failing && s.g.room.FailSafe == FailBySchedule:
		want = s.inWeek(m)
	case s.isKnown(m):
		want = s.demand[m]
	}
	least := whole(s.g.room.MinOff)
	if s.comfort {
		least = whole(s.g.room.MinOn)
	}
	if want != s.comfort && m-s.since >= least {
		s.comfort, s.since = want, m
	}
}

// mode is that of minute m.
func (s *slow) mode(m int, failing bool) string {
	room := s.g.room
	away := m - max(s.left(m), s.doubt(m))
	beyond := s.left(m) > s.free(m)
	if failing && room.FailSafe != FailHold {
		beyond = true
	}
	visit := s.trusted[m] && (s.present[m] || beyond && s.left(m) >= s.first && m-s.left(m) < whole(room.PresenceHold))
	rest := "unoccupied"
	if s.comfort {
		rest = "standby"
	}
	if visit {
		rest = "bypass"
	}
	if failing {
		switch room.FailSafe {
		case FailOccupied:
			return "occupied"
		case FailUnoccupied:
			return rest
		case FailBySchedule:
			if s.inWeek(m) {
				return "occupied"
			}
			return rest
		}
	}
	if !s.isKnown(m) {
		switch {
		case !failing || s.lastMode == "" && !visit:
			return "?"
		case s.lastMode == "occupied" || s.lastMode != "bypass" && !visit:
			return s.lastMode
		}
		return rest
	}
	start, warm := s.current(m)
	if start == long {
		return rest
	}
	if s.present[m] || warm && (!s.trusted[m] || min(away, m-start) < whole(room.Grace)) {
		return "occupied"
	}
	return "standby"
}

// nobody reports whether a booking that has run from start up to m was trusted all
// the time and nobody came.
func (s *slow) nobody(start, m int) bool {
	if start < s.first || s.doubt(m) > start {
		return false
	}
	for k := start; k < m; k++ {
		if s.present[k] {
			return false
		}
	}
	return true
}

// settleDay counts what is settled at now, before a day that ends with it ends.
func (s *slow) settleDay() {
	m, grace := s.now, whole(s.g.room.Grace)
	if !s.g.room.hasSensor() {
		return
	}
	for _, b := range s.known {
		a, z := s.edges(b)
		if z != m || a < s.first || !s.isKnown(m-1) {
			continue
		}
		left := s.left(m)
		if s.nobody(a, m) && z-a < grace {
			s.noShows[a] = true
		}
		if s.doubt(m) <= a && left > a && left <= z-grace {
			s.early++
		}
	}
}

// settle counts what is so at now.
func (s *slow) settle() {
	m, room := s.now, s.g.room
	if !room.hasSensor() {
		return
	}
	grace, midnight := whole(room.Grace), s.minute(midnight(s.instant(m), s.g.zone, 0))
	for _, b := range s.running(m) {
		a, _ := s.edges(b)
		switch {
		case s.present[m] || !s.trusted[m] || !s.nobody(a, m):
			delete(s.noShows, a)
		case m-a >= grace && a+grace > midnight:
			s.noShows[a] = true
		}
	}
	if s.isKnown(m) && len(s.running(m)) == 0 && s.present[m] {
		if end := s.free(m); end >= s.first && s.began < end && m-end >= grace && s.overrunDone != end {
			s.overruns++
			s.overrunDone = end
		}
	}
}

// guest reports whether who is there, or was just now, came without a booking.
func (s *slow) guest() bool {
	m, grace := s.now, whole(s.g.room.Grace)
	if !s.isKnown(m) || len(s.running(m)) > 0 || s.began < s.free(m) {
		return false
	}
	held := s.left(m) > s.free(m) && s.left(m) >= s.first && m-s.left(m) < whole(s.g.room.PresenceHold)
	if failing := s.failing(m) && s.g.room.FailSafe != FailHold; failing {
		held = s.left(m) >= s.first && m-s.left(m) < whole(s.g.room.PresenceHold)
	}
	if !s.trusted[m] || !s.present[m] && !held {
		return false
	}
	next := 1 << 30
	for _, b := range s.known {
		if a, _ := s.edges(b); a > m {
			next = min(next, a)
		}
	}
	return s.began < next-grace
}

// sense marks the minute now by what the sensor says.
func (s *slow) sense() {
	m, room := s.now, s.g.room
	s.trusted[m] = room.hasSensor() && s.said.Known && (room.PresenceTimeout == 0 || m-s.heard < whole(room.PresenceTimeout))
	s.present[m] = s.trusted[m] && s.said.On
	if !s.present[m] || m > s.first && s.present[m-1] {
		return
	}
	left := s.left(m)
	if left >= s.first && m-left < whole(room.PresenceHold) && s.doubt(m) <= left {
		return // the stretch goes on
	}
	s.began = m
	if s.doubt(m) < m && s.guest() {
		s.walkIns++
	}
}

// tick plays the minute now. A minute at which the gateway does not run is one in
// which nothing is read or heard.
func (s *slow) tick() {
	m, now := s.now, s.instant(s.now)
	awake := !s.g.asleep(now)
	s.enter(m)
	s.trusted[m], s.present[m] = m > s.first && s.trusted[m-1], m > s.first && s.present[m-1]
	s.sense()
	s.settleDay()
	s.settle()
	if m > s.first && s.local(m).Day() != s.local(m-1).Day() {
		s.noShows, s.walkIns, s.early, s.overruns = map[int]bool{}, 0, 0, 0
	}
	if awake {
		s.reading()
		for _, msg := range s.g.messages {
			if msg.at.Equal(now) {
				s.said, s.heard = msg.said, m
				s.sense()
			}
		}
	}
	s.settle()
	failing := s.failing(m)
	if s.failSince < 0 && failing {
		s.failSince = m
	}
	if !failing {
		s.failSince = -1
	}
	s.command(m, failing)
	s.booked[m] = len(s.running(m)) > 0
	if s.isKnown(m) {
		s.lastMode = s.mode(m, failing)
	}
}

// ahead looks for the next mode, on a copy, minute by minute.
func (s *slow) ahead() (mode string, at int) {
	c, failing := *s, s.failing(s.now) // what it marks lies after now, and is marked again
	was, end := s.mode(s.now, failing), s.to
	if !s.isKnown(s.now) {
		end = s.now + 7*24*60
	}
	if was == "?" {
		return "?", 0
	}
	for m := s.now + 1; m < min(end, len(s.booked)); m++ {
		c.enter(m)
		c.present[m], c.trusted[m] = c.present[m-1], c.trusted[m-1]
		c.command(m, failing)
		if mode := c.mode(m, failing); mode != was {
			return mode, m
		}
		c.booked[m] = len(c.running(m)) > 0
	}
	return "-", 0
}

// points are those that are compared.
func (s *slow) points() string {
	m, failing := s.now, s.failing(s.now)
	known := s.isKnown(m)
	mode := s.mode(m, failing)
	out := []string{"quality=" + s.quality(m), "mode=" + mode, "sensor=none", "comfort=?", "occupied=?", "booked=?"}
	if s.g.room.hasSensor() {
		out[2] = "sensor=silent"
		if s.trusted[m] {
			out[2] = "sensor=good"
		}
	}
	if known || failing && (s.g.room.FailSafe != FailHold || s.lastMode != "") {
		out[3] = fmt.Sprintf("comfort=%t", s.comfort)
	}
	if s.trusted[m] {
		out[4] = fmt.Sprintf("occupied=%t", s.present[m])
	} else if known {
		out[4] = fmt.Sprintf("occupied=%t", s.booked[m])
	}
	if known {
		start, _ := s.current(m)
		noShow := s.booked[m] && s.trusted[m] && !s.present[m] && s.nobody(start, m) && m-start >= whole(s.g.room.Grace)
		out[5] = fmt.Sprintf("booked=%t", s.booked[m])
		out = append(out, fmt.Sprintf("no_show=%t walk_in=%t no_shows_today=%d walk_ins_today=%d early_leaves_today=%d overruns_today=%d",
			noShow, s.guest(), len(s.noShows), s.walkIns, s.early, s.overruns))
	}
	return strings.Join(out, " ")
}

func comparedPoints(got map[string]string) string {
	var out []string
	for _, name := range []string{"quality", "mode", "sensor", "comfort", "occupied", "booked", "no_show", "walk_in", "no_shows_today", "walk_ins_today", "early_leaves_today", "overruns_today"} {
		if name == "no_show" && got[name] == "?" {
			break
		}
		out = append(out, name+"="+got[name])
	}
	return strings.Join(out, " ")
}

// fullMinutes reports whether all times of the day are.
func (g *goldenDay) fullMinutes() bool {
	all := []time.Time{g.end}
	for _, b := range g.bookings {
		all = append(all, b.Start, b.End)
	}
	for _, m := range g.messages {
		all = append(all, m.at)
	}
	return g.room.Lead%time.Minute == 0 && !slices.ContainsFunc(all, func(t time.Time) bool { return !t.Equal(t.Truncate(time.Minute)) })
}

// Two ways of working out a day, one of them slow and obvious, agree at every
// minute and at a second on either side of what happens.
func TestGoldenDaysAgreeWithTheSlowWay(t *testing.T) {
	for _, g := range readDays(t) {
		if g.fullMinutes() {
			t.Run(g.name, func(t *testing.T) { agree(t, g) })
		}
	}
}

func agree(t *testing.T, g *goldenDay) {
	s := newSlow(g)
	s.now = s.first - 1
	g.play(t, func(now time.Time, f Facts) {
		for s.now < s.minute(now) {
			s.now++
			s.tick()
		}
		got := g.points(f)
		if a, b := comparedPoints(got), s.points(); a != b {
			t.Fatalf("at %s Derive gives\n%s\nand the slow way\n%s", g.clock(now), a, b)
		}
		if s.now%30 != 0 || !now.Equal(s.instant(s.now)) {
			return // looking ahead is slow
		}
		mode, at := s.ahead()
		clock := "-"
		if at > 0 {
			clock = g.clock(s.instant(at))
		}
		if got["next_mode"] != mode || got["next_mode_at"] != clock {
			t.Fatalf("at %s the next mode is %s at %s, the slow way %s at %s", g.clock(now), got["next_mode"], got["next_mode_at"], mode, clock)
		}
	})
}
