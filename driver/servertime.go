package driver

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// ServerTime is what the Date header of one answer of a server says about the time
// (RFC 9110 §6.6.1).
type ServerTime struct {
	Server   string        // that answered
	Date     time.Time     // by the server's clock, cut to the second
	Sent     time.Duration // instant of the request, by [Driver.Elapsed]
	Received time.Duration // instant of the answer, by [Driver.Elapsed]
}

// ClockOff is the deviation of the gateway's clock from that of the servers from
// which it is reported.
const ClockOff = 30 * time.Second

const (
	clockWrong     = 10 * time.Minute // deviation from which the points of rooms are not good
	readingsKept   = 3                // of one server
	readingsAtMost = 60               // of all servers
	readingExpires = 48 * time.Hour   // by then a clock that runs free may have deviated by seconds; a token endpoint is asked daily
)

// clockLevel is how far the gateway's clock is off.
type clockLevel uint8

const (
	clockIsRight clockLevel = iota // or not known
	clockIsOff                     // by more than ClockOff: bookings begin and end late or early
	clockIsWrong                   // by more than clockWrong: the points are misleading
)

func clockLevelOf(off time.Duration) clockLevel {
	switch off = off.Abs(); {
	case off > clockWrong:
		return clockIsWrong
	case off > ClockOff:
		return clockIsOff
	}
	return clockIsRight
}

// clockState is what is known about the gateway's clock.
type clockState struct {
	known  bool
	offset time.Duration // how far it is ahead of the server's; accurate to about a second and the time of a request
	server string        // whose answer says so; empty: the clock is closer to the others' than any of them
	level  clockLevel
}

// offsets are the bounds of how far the gateway's clock is ahead of a server's.
type offsets struct {
	server       string
	lower, upper time.Duration
}

func (o offsets) middle() time.Duration { return o.lower + (o.upper-o.lower)/2 }

// least is the distance of the bounds from zero; 0: they include it.
func (o offsets) least() time.Duration { return max(0, o.lower, -o.upper) }

// most is the largest deviation that the bounds allow.
func (o offsets) most() time.Duration { return max(o.upper, -o.lower) }

// apart is the distance of two bounds; 0: they overlap.
func (o offsets) apart(p offsets) time.Duration { return max(0, o.lower-p.upper, p.lower-o.upper) }

// offsets returns the bounds that follow from an answer, for a gateway whose clock shows
// now and whose stopwatch shows elapsed. The server read its clock at some instant
// between request and answer, up to a second after the Date. The stopwatch is not
// affected by setting the clock, so old answers bound the offset of the new time.
func (t ServerTime) offsets(now time.Time, elapsed time.Duration) offsets {
	earliest, latest := t.Date.Add(elapsed-t.Received), t.Date.Add(elapsed-t.Sent+time.Second)
	return offsets{t.Server, now.Sub(latest), now.Sub(earliest)}
}

// addServerTime adds an answer to those that are kept. One with the Date of an earlier
// answer says nothing new, and may come from a cache; it is dropped.
func addServerTime(all []ServerTime, t ServerTime) []ServerTime {
	var same []int
	for i := range all {
		if all[i].Server != t.Server {
			continue
		}
		if all[i].Date.Equal(t.Date) {
			return all
		}
		same = append(same, i)
	}
	switch {
	case len(same) == readingsKept:
		all = slices.Delete(all, same[0], same[0]+1)
	case len(all) == readingsAtMost:
		all = slices.Delete(all, 0, 1)
	}
	return append(all, t)
}

// next returns what the answers say about a clock that shows now. It is a vote:
//
//   - Every server has one vote, the median of its answers; the gateway's own clock has
//     one. If only one server has answered, each of its answers is a vote.
//   - The median of the votes decides. Of an even number it is the middle one that is
//     closer to the gateway's clock, so that only more than half of the votes contradict
//     that clock: two servers, or two answers of the only one.
//   - The vote that decides must be confirmed by another one, of whichever clock: that of
//     the gateway to within 30 seconds, that of a server to within ten minutes. Otherwise
//     nothing is known: servers that contradict each other and the gateway do not say
//     which of them is right.
//
// So one wrong answer, or one wrong server of several, does not make the clock wrong. A
// server that is the only one does, with two answers, because nothing contradicts it.
//
// An offset and a level change only if the answers exclude the old ones, so that the
// resolution of a Date does not make them change back and forth.
func (s clockState) next(all []ServerTime, now time.Time, elapsed time.Duration) clockState {
	votes := append(votesOfServers(all, now, elapsed), offsets{})
	decides := median(votes)
	v, limit := votes[decides], clockWrong
	if v.server == "" {
		limit = ClockOff
	}
	confirms := func(o offsets) bool { return v.apart(o) <= limit }
	if !slices.ContainsFunc(slices.Delete(votes, decides, decides+1), confirms) {
		return clockState{}
	}
	if s.offset < v.lower-time.Second || s.offset > v.upper+time.Second {
		s.offset = v.middle().Round(time.Second)
	}
	s.known, s.server = true, v.server
	s.level = min(max(s.level, clockLevelOf(v.least())), clockLevelOf(v.most()))
	return s
}

// votesOfServers returns the vote of each server that has answered, or those of the only
// one.
func votesOfServers(all []ServerTime, now time.Time, elapsed time.Duration) []offsets {
	byServer := map[string][]offsets{}
	for _, t := range all {
		if elapsed-t.Received <= readingExpires {
			byServer[t.Server] = append(byServer[t.Server], t.offsets(now, elapsed))
		}
	}
	var votes []offsets
	for _, answers := range byServer {
		if len(byServer) == 1 {
			return answers
		}
		votes = append(votes, answers[median(answers)])
	}
	return votes
}

// median sorts offsets and returns the index of the middle one; of two, of that which is
// closer to zero.
func median(all []offsets) int {
	slices.SortFunc(all, func(a, b offsets) int {
		return cmp.Or(cmp.Compare(a.middle(), b.middle()), cmp.Compare(a.server, b.server))
	})
	low, high := (len(all)-1)/2, len(all)/2
	if all[low].middle().Abs() < all[high].middle().Abs() {
		return low
	}
	return high
}

// words say what is wrong with the clock; empty: nothing, or it is not known.
func (s clockState) words() string {
	if s.level == clockIsRight {
		return ""
	}
	direction := "ahead of"
	if s.offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("the gateway's clock is %s %s the clocks of the calendar's servers; %s", roughly(s.offset.Abs()), direction, setClock)
}

const setClock = "set the time and switch on time synchronisation: timedatectl set-ntp true"

// roughly formats a duration with the largest unit of which it is several.
func roughly(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 3*u.unit {
			return fmt.Sprintf("%d %s", (d+u.unit/2)/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

// clockWatch is the loop's state of the gateway's clock.
type clockWatch struct {
	answers []ServerTime
	state   clockState
	logged  clockLevel
	words   string // as last reported
	fault   string // of all rooms; empty: the clock is not wrong
}

// stepped drops what was known of a clock that was set, unless it says that the clock
// is right now: a machine that was suspended looks as if its clock had been set wrong.
// Those that came after last, when the clock was not yet set, stay, and the newest one
// before them, so that one more decides.
func (c *clockWatch) stepped(now time.Time, elapsed, last time.Duration) {
	if s := (clockState{}).next(c.answers, now, elapsed); !s.known || s.level != clockIsRight {
		after := slices.IndexFunc(c.answers, func(t ServerTime) bool { return t.Received > last })
		if after < 0 {
			after = len(c.answers)
		}
		c.answers = c.answers[max(0, after-1):]
		c.state = clockState{}
	}
}

// Elapsed returns the time since New, however the clock is set.
func (d *Driver) Elapsed() time.Duration { return d.elapsed() }

// ReportServerTime tells the driver the time of a server. It does not block. Answers of
// caches, and those that something between here and the server wrote, should be
// left out.
func (d *Driver) ReportServerTime(t ServerTime) {
	select {
	case d.serverTimes <- t:
	default: // others have come at the same time
	}
}

// judgeClock updates what is known about the gateway's clock, and reports changes.
func (d *Driver) judgeClock(now time.Time, elapsed time.Duration) {
	c := &d.clock
	was := c.state
	c.state = was.next(c.answers, now, elapsed)
	if c.state.value() != was.value() {
		d.gateway.nextBeat = 0 // to publish it
	}
	words, fault := c.state.words(), ""
	if c.state.level == clockIsWrong {
		fault = words
	}
	if c.state.known && c.state.level != c.logged {
		d.logClock(c.state)
		c.logged = c.state.level
	}
	if words != c.words {
		c.words = words
		if d.o.ClockFault != nil {
			d.o.ClockFault(words)
		}
	}
	if fault != c.fault {
		c.fault = fault
		for _, r := range d.rooms {
			r.timeline, r.next = r.timeline.withClockFault(fault), time.Time{}
		}
	}
}

func (d *Driver) logClock(s clockState) {
	ahead := s.offset.String()
	switch s.level {
	case clockIsRight:
		d.o.Log.Info("the gateway's clock is right again", "ahead", ahead)
	case clockIsOff:
		d.o.Log.Warn("the gateway's clock is off: bookings begin and end too early or too late", "ahead", ahead, "server", s.server, "action", setClock)
	case clockIsWrong:
		d.o.Log.Error("the gateway's clock is wrong: the points of all rooms are marked as faulty", "ahead", ahead, "server", s.server, "action", setClock)
	}
}

// value is the point clock_offset.
func (s clockState) value() Value {
	if !s.known {
		return Value{}
	}
	return IntValue(int(s.offset / time.Second))
}
