package driver

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// played is the player of a golden day, brought to an instant.
func played(t *testing.T, text, until string) (*player, time.Time) {
	t.Helper()
	g := readDay(t, "why", text)
	p, now := &player{g: g, timeline: NewTimeline(g.room, Snapshot{})}, g.time(until)
	for _, at := range g.instants() {
		if at.Before(now) {
			p.step(t, at)
		}
	}
	p.step(t, now)
	return p, now
}

// told writes an entry in one line: the value and why, what it becomes, and what
// the sensor would change.
func (w Why) told(zone *time.Location) string {
	words := []string{w.Value.word() + ": " + w.Because}
	if !w.Until.IsZero() {
		words = append(words, w.Until.In(zone).Format("2 15:04 ")+w.Then.word()+": "+w.Reason)
	}
	if w.Unless != "" {
		words = append(words, w.Unless)
	}
	return strings.Join(words, " | ")
}

// The days are golden days; 14 January 2026 is a Wednesday. The calendar is read
// every full minute, stale_after is 10m, fail_after 4h, grace 10m and hold 15m.
func TestWhy(t *testing.T) {
	const m = "the booking from 09:00 to 10:00"
	const sees = " as soon as the presence sensor detects somebody"
	for _, c := range []struct {
		name, day, at string
		want          map[string]string
	}{
		{"lead", "room lead=20m lag=10m\nbooking 09:00-10:00", "08:45", map[string]string{
			"booked":               "false: no booking that counts is running; the next is " + m + " | 14 09:00 true: " + m + " is running",
			"comfort":              "true: " + m + " requests it from 08:40, lead 20m before its start | 14 10:10 false: no booking requests it",
			"occupied":             "false: no booking that counts is running, and there is no presence sensor | 14 09:00 true: " + m + " is running, and there is no presence sensor",
			"mode":                 "standby: no booking that counts is running, and comfort is on | 14 09:00 occupied: " + m + " is running",
			"next_mode":            "occupied: the mode is standby until 09:00, if presence does not change | 14 09:00 standby: the mode is occupied until 10:00, if presence does not change",
			"quality":              "good: last read at 08:45, less than stale_after 10m ago | 14 08:55 stale: last read at 08:45, stale_after 10m ago or longer: no poll since; the fail-safe (hold) becomes active at 12:45",
			"no_show":              "false: there is no presence sensor",
			"walk_in":              "false: there is no presence sensor",
			"sensor":               "none: no presence_topic is configured",
			"bookings_today":       "1: 09:00 to 10:00 | 15 00:00 0: no booking is known",
			"booked_minutes_today": "60: the minutes of today that bookings cover, past and to come | 15 00:00 0: the minutes of today that bookings cover, past and to come",
			"utilisation_today":    "4: 60 of the 1440 minutes of today | 15 00:00 0: 0 of the 1440 minutes of today",
			"no_shows_today":       "0: there is no presence sensor",
		}},
		{"lag", "room lead=20m lag=10m\nbooking 09:00-10:00", "10:05", map[string]string{
			"booked":  "false: no booking that counts is running, and none is known until Sun 00:00",
			"comfort": "true: " + m + " requests it, lag 10m after its end | 14 10:10 false: no booking requests it",
			"mode":    "standby: no booking that counts is running, and comfort is on | 14 10:10 unoccupied: no booking that counts is running, and comfort is off",
		}},
		{"gap", "room lead=20m lag=10m gap=15m\nbooking 09:00-10:00\nbooking 10:45-11:30", "10:15", map[string]string{
			"comfort": "true: the pause from 10:10 to 10:25 is within gap 15m | 14 11:40 false: no booking requests it",
		}},
		{"release", "room lead=30m release=start\nbooking 09:00-10:00", "09:30", map[string]string{
			"comfort": "false: " + m + " requested it only until 09:00, because release is at its start",
			"mode":    "occupied: " + m + " is running | 14 10:00 unoccupied: no booking that counts is running, and comfort is off",
		}},
		{"release with a lag", "room lag=10m release=start\nbooking 09:00-10:00", "09:05", map[string]string{
			"comfort": "true: " + m + " requests it, lag 10m after its start | 14 09:10 false: " + m + " requested it only until 09:10, because release is at its start",
		}},
		{"two at a time", "booking 08:00-12:00\nbooking 09:00-10:00", "09:30", map[string]string{
			"booked":         "true: " + m + " is running, and 1 more | 14 12:00 false: no booking that counts is running, and none is known until Sun 00:00",
			"bookings_today": "2: 08:00 to 12:00, 09:00 to 10:00 | 15 00:00 0: no booking is known",
		}},
		{"min_on", "room min_on=30m\nbooking 09:00-09:10", "09:15", map[string]string{
			"comfort": "true: min_on 30m keeps it on from 09:00 to 09:30, although no booking requests it | 14 09:30 false: no booking requests it",
			"mode":    "standby: no booking that counts is running, and comfort is on | 14 09:30 unoccupied: no booking that counts is running, and comfort is off",
		}},
		{"min_off", "room min_off=30m\nbooking 08:00-08:50\nbooking 09:00-10:00", "09:05", map[string]string{
			"comfort": "false: min_off 30m keeps it off from 08:50 to 09:20, although " + m + " requests it | 14 09:20 true: " + m + " requests it",
		}},
		{"rule", "booking 09:00-10:00 no-comfort", "09:30", map[string]string{
			"booked":  "true: " + m + " is running | 14 10:00 false: no booking that counts is running, and none is known until Sun 00:00",
			"comfort": "false: a rule says that " + m + " needs none",
			"mode":    "standby: " + m + " is running, and a rule says that it needs no comfort | 14 10:00 unoccupied: no booking that counts is running, and comfort is off",
		}},
		{"left early", "room sensor\nbooking 09:00-10:00\npresence 08:58 on\npresence 09:02 off", "09:15", map[string]string{
			"occupied":           "false: the presence sensor has detected nobody since 09:02 | true" + sees,
			"mode":               "standby: " + m + " is running, but nobody has been detected since 09:02, grace 10m ago or longer | 14 10:00 unoccupied: no booking that counts is running, and comfort is off | occupied" + sees,
			"comfort":            "true: " + m + " requests it | 14 10:00 false: no booking requests it",
			"no_show":            "false: somebody was there at 09:02",
			"sensor":             "good: it last reported at 09:02",
			"early_leaves_today": "0: counted since 00:00 | 14 10:00 1: counted since 00:00",
		}},
		{"within the grace", "room sensor\nbooking 09:00-10:00\npresence 07:00 off", "09:05", map[string]string{
			"mode":    "occupied: " + m + " is running, and nobody has been detected since 09:00, less than grace 10m ago | 14 09:10 standby: " + m + " is running, but nobody has been detected since 09:00, grace 10m ago or longer",
			"no_show": "false: nobody has been detected yet, and grace 10m passes at 09:10 | 14 09:10 true: nobody has been detected since the start of " + m + ", and grace 10m has passed",
		}},
		{"no-show", "room sensor\nbooking 09:00-10:00\npresence 07:00 off", "09:12", map[string]string{
			"occupied":       "false: the presence sensor has detected nobody since it became trusted at 07:00 | true" + sees,
			"no_show":        "true: nobody has been detected since the start of " + m + ", and grace 10m has passed | 14 10:00 false: no booking that counts is running | false" + sees,
			"no_shows_today": "1: nobody came to the bookings that began at 09:00 | 15 00:00 0: counted since Thu 00:00 | 0" + sees,
		}},
		{"walk-in", "room sensor\npresence 07:00 off\npresence 14:00 on", "14:05", map[string]string{
			"occupied":       "true: the presence sensor detects somebody | false as soon as the presence sensor detects nobody",
			"mode":           "bypass: no booking that counts is running, and the presence sensor detects somebody",
			"next_mode":      "nothing: no change of the mode is foreseen",
			"walk_in":        "true: no booking that counts is running, and the presence sensor detects somebody",
			"walk_ins_today": "1: counted since 00:00 | 15 00:00 0: counted since Thu 00:00",
		}},
		{"hold", "room sensor\npresence 07:00 off\npresence 14:00 on\npresence 14:20 off", "14:25", map[string]string{
			"mode":    "bypass: no booking that counts is running, and somebody was there until 14:20, less than hold 15m ago | 14 14:35 unoccupied: no booking that counts is running, and comfort is off",
			"walk_in": "true: no booking that counts is running, and somebody was there until 14:20, less than hold 15m ago | 14 14:35 false: the presence sensor has detected nobody since 14:20",
		}},
		{"overrun", "room sensor\nbooking 09:00-10:00\npresence 07:00 off\npresence 09:01 on", "10:05", map[string]string{
			"walk_in":        "false: the people present came to a booking that ended at 10:00",
			"overruns_today": "0: counted since 00:00 | 14 10:10 1: counted since 00:00",
		}},
		{"early", "room sensor\nbooking 09:00-10:00\npresence 07:00 off\npresence 08:55 on", "08:57", map[string]string{
			"walk_in": "false: the people present came less than grace 10m before " + m,
		}},
		{"silent sensor", "room sensor timeout=1h\nbooking 09:00-10:00\npresence 08:00 off", "09:30", map[string]string{
			"sensor":   "silent: it last reported at 08:00, presence_timeout 1h ago or longer",
			"occupied": "true: " + m + " is running, and the presence sensor is not trusted | 14 10:00 false: no booking that counts is running, and the presence sensor is not trusted",
			"mode":     "occupied: " + m + " is running, and the presence sensor is not trusted | 14 10:00 unoccupied: no booking that counts is running, and comfort is off",
			"no_show":  "false: the presence sensor is not trusted",
		}},
		{"a sensor that is heard now and then", "room sensor timeout=1h\nbooking 09:00-12:00\npresence 08:30 on", "09:00", map[string]string{
			"sensor": "good: it last reported at 08:30, less than presence_timeout 1h ago | 14 09:30 silent: it last reported at 08:30, presence_timeout 1h ago or longer",
			"mode":   "occupied: the booking from 09:00 to 12:00 is running, and the presence sensor detects somebody | 14 12:00 bypass: no booking that counts is running, and the presence sensor detects somebody",
		}},
		{"a sensor that cannot tell", "room sensor\npresence 08:30 ?", "09:00", map[string]string{
			"sensor": "silent: its report of 08:30 says neither presence nor absence",
		}},
		{"outage", "room fail_safe=unoccupied\nbooking 09:00-17:00\noutage 10:00-24:00", "11:00", map[string]string{
			"quality": "stale: last read at 09:59, stale_after 10m ago or longer: graph: reading the calendar: timeout; the fail-safe (unoccupied) becomes active at 13:59 | " +
				"18 00:00 fault: the known bookings ended at Sun 00:00, last read at 09:59: graph: reading the calendar: timeout; fail-safe since 13:59: unoccupied",
			"mode":    "occupied: the booking from 09:00 to 17:00 is running | 14 13:59 unoccupied: the fail-safe has been active since 13:59: unoccupied; comfort is off",
			"comfort": "true: the booking from 09:00 to 17:00 requests it | 14 13:59 false: the fail-safe has been active since 13:59: unoccupied",
			"booked":  "true: the booking from 09:00 to 17:00 is running | 14 17:00 false: no booking that counts is running, and none is known until Sun 00:00",
		}},
		{"schedule", "room fail_safe=schedule\nweek wed 07:00-18:30\noutage 00:00-24:00", "10:00", map[string]string{
			"booked":   "not known: the calendar has never been read",
			"occupied": "not known: the calendar has never been read, and there is no presence sensor",
			"mode":     "occupied: the fail-safe has been active since 04:00, and the weekly schedule says that the room is in use | 14 18:30 unoccupied: the fail-safe has been active since 04:00, and the weekly schedule says that the room is not in use; comfort is off",
			"comfort":  "true: the fail-safe has been active since 04:00, and the weekly schedule says that the room is in use | 14 18:30 false: the fail-safe has been active since 04:00, and the weekly schedule says that the room is not in use",
		}},
		{"held", "date 2026-01-14\nuntil 24:00+4\noutage 00:10-24:00+4\nroom fail_safe=hold\nbooking 22:00+3/23:59:59+3", "12:00+4", map[string]string{
			"mode":    "unoccupied: the known bookings ended at 00:00, and the fail-safe holds the last value",
			"comfort": "false: the known bookings ended at 00:00, and the fail-safe holds the last value",
		}},
		{"nothing to hold", "outage 00:00-24:00", "05:00", map[string]string{
			"mode":    "not known: the calendar has never been read, and there is no last value that the fail-safe could hold",
			"comfort": "not known: the calendar has never been read, and there is no last value that the fail-safe could hold",
		}},
		{"nothing known yet", "room fail_safe=occupied\noutage 00:00-24:00 denied", "02:00", map[string]string{
			"mode":    "not known: the calendar has never been read; the fail-safe becomes active at 04:00 | 14 04:00 occupied: the fail-safe has been active since 04:00: occupied",
			"comfort": "not known: the calendar has never been read; the fail-safe becomes active at 04:00 | 14 04:00 true: the fail-safe has been active since 04:00: occupied",
		}},
		{"the clocks change", "date 2026-03-28\nroom lead=30m\nbooking 09:00+1/10:00+1", "12:00", map[string]string{
			"comfort":        "false: no booking requests it | 29 08:30 true: the booking from Sun 09:00 to Sun 10:00 requests it from Sun 08:30, lead 30m before its start",
			"bookings_today": "0: no booking is known | 29 00:00 1: Sun 09:00 to Sun 10:00",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, now := played(t, c.day, c.at)
			seen := 0
			for _, w := range p.timeline.Why(p.past, now) {
				want, ok := c.want[w.Point]
				if !ok {
					continue
				}
				seen++
				if got := w.told(p.g.zone); got != want {
					t.Errorf("%s:\n got %s\nwant %s", w.Point, got, want)
				}
			}
			if seen != len(c.want) {
				t.Errorf("%d points were explained, want %d", seen, len(c.want))
			}
		})
	}
}

// A booking is named by its subject as far as the Booking holds it.
func TestWhyPrivacy(t *testing.T) {
	room, b := plain(t), booked("09:00-10:00")
	b.Subject = "Budget"
	for privacy, want := range map[Privacy]string{PrivacySubject: "the booking from 09:00 to 10:00 (Budget) is running", PrivacyBusy: "the booking from 09:00 to 10:00 is running"} {
		timeline := NewTimeline(room, readAt(at("09:30"), room.Zone, privacy.Redact(b)))
		if got := timeline.Why(Past{}, at("09:30"))[0].Because; got != want {
			t.Errorf("privacy %d: %s, want %s", privacy, got, want)
		}
	}
}

// drawnUse is a room whose times are all full minutes, with every rule that has
// a time in it.
func drawnUse(r *rand.Rand, z *time.Location) Room {
	upTo := func(most int) time.Duration { return time.Duration(r.IntN(most/5+1)*5) * time.Minute }
	room := Room{ID: "room", Zone: z, Count: CountingOf(Busy, Tentative), Release: Release(r.UintN(2)),
		Lead: upTo(60), Lag: upTo(30), Gap: upTo(60), MinOn: upTo(60), MinOff: upTo(60), StaleAfter: 5*time.Minute + upTo(30),
		FailSafe: FailSafe(r.UintN(4)), SensorID: drawnSensor(r, 3), Grace: 5*time.Minute + upTo(20), PresenceHold: upTo(30), PresenceTimeout: upTo(240)}
	room.FailAfter = room.StaleAfter + upTo(300)
	for day := range room.Weekly.Days {
		room.Weekly.Days[day] = []HoursRange{{7 * 60, 12 * 60}, {13 * 60, 18*60 + 30}}
	}
	return room
}

// drawnPast lives through the hours before now: reads, and a sensor that speaks.
func drawnPast(r *rand.Rand, t *Timeline, now time.Time) Past {
	_, past, _ := t.Derive(Past{}, now.Add(-time.Duration(r.IntN(12*60))*time.Minute))
	for past.At.Before(now) {
		_, past, _ = t.Derive(past, earlier(now, past.At.Add(time.Duration(1+r.IntN(90))*time.Minute)))
		if t.plan.room.hasSensor() {
			past = past.WithReport(Presence{Known: r.IntN(8) > 0, On: r.IntN(2) > 0}, past.At)
		}
	}
	_, past, _ = t.Derive(past, now)
	return past
}

// minuteByMinute finds the first full minute after now at which each point is
// another, by deriving at every one as the room would be derived then.
func minuteByMinute(timeline *Timeline, past Past, now, end time.Time, onward bool) (until []time.Time) {
	facts, past, _ := timeline.Derive(past, now)
	first, values := make([]Value, len(roomPoints)), make([]Value, len(roomPoints))
	until = make([]time.Time, len(roomPoints))
	facts.Fill(first)
	reading, heard := onward && facts.Quality == QualityGood, onward && past.Trusted
	for m := now.Add(time.Minute); m.Before(end); m = m.Add(time.Minute) {
		if snap := timeline.Snapshot(); reading {
			snap.ReadAt = m
			timeline = timeline.With(snap)
		}
		if heard {
			past.ReportedAt = m
		}
		facts, past, _ = timeline.Derive(past, m)
		facts.Fill(values)
		for point := range values {
			if until[point].IsZero() && values[point] != first[point] {
				until[point] = m
			}
		}
	}
	return until
}

// Until is the instant at which the point really changes, whatever the day.
func TestWhyUntil(t *testing.T) {
	r := seeded(t)
	for range 40 {
		z := zone(t, drawnZones[r.IntN(len(drawnZones))])
		room := drawnUse(r, z)
		now := at("2026-01-01T00:00:00Z").Add(time.Duration(r.IntN(365*24*60)) * time.Minute)
		snap := readAt(now, z)
		snap.Bookings = drawnMinutes(r, snap.From)
		for i := range snap.Bookings {
			snap.Bookings[i].NoComfort = r.IntN(4) == 0
		}
		if r.IntN(3) == 0 {
			snap.Failure, snap.ReadAt = errTimeout, now.Add(-time.Duration(r.IntN(300))*time.Minute)
		}
		if r.IntN(10) == 0 {
			snap = Snapshot{Failure: errTimeout}
		}
		timeline := NewTimeline(room, snap)
		checkWhy(t, timeline, drawnPast(r, timeline, now), now)
	}
}

func checkWhy(t *testing.T, timeline *Timeline, past Past, now time.Time) {
	t.Helper()
	const days = 3 * 24 * time.Hour
	end := now.Add(days)
	facts, _, _ := timeline.Derive(past, now)
	if facts.Quality == QualityGood {
		end = earlier(end, timeline.snap.To)
	}
	alone, onward := minuteByMinute(timeline, past, now, end, false), minuteByMinute(timeline, past, now, end, true)
	n := narrator{zone: timeline.plan.room.Zone, now: now}
	never := n.clock(time.Time{}) // what no sentence is to speak of
	for _, w := range timeline.Why(past, now) {
		index := OfRoom.Index(w.Point)
		want := onward[index]
		if w.Point == QualityPoint || w.Point == SensorPoint {
			want = alone[index]
		}
		if got := w.Until; !got.Equal(want) && (!want.IsZero() || got.Before(end)) {
			t.Errorf("at %v %s changes at %v, not at %v\nroom %+v\n%+v", now, w.Point, want, w.Until, timeline.plan.room, w)
		}
		if w.Point == ModePoint && facts.Quality == QualityGood && !w.Until.Equal(facts.NextModeAt) {
			t.Errorf("at %v the mode changes at %v, and next_mode at %v", now, w.Until, facts.NextModeAt)
		}
		if w.Because == "" || strings.Contains(w.Because+w.Reason, never) || w.Until.IsZero() != (w.Reason == "") {
			t.Errorf("at %v: %+v", now, w)
		}
	}
}

// The running driver explains what it publishes; one that does not run, what it
// was shown.
func TestExplainRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Minute)
		w.calendar.set("boardroom", since(2*time.Hour, 3*time.Hour))
		d, stop := w.run(t)
		pass(150 * time.Minute)
		const want = "true: the booking from 02:00 to 03:00 is running | 1 03:00 false: no booking that counts is running, and none is known until Wed 00:00"
		whys, now, err := d.Explain(t.Context(), "boardroom")
		if err != nil || !now.Equal(dawn.Add(150*time.Minute)) {
			t.Fatalf("explained at %v, %v", now, err)
		}
		if got := whys[0].told(time.UTC); got != want {
			t.Errorf("running:\n got %s\nwant %s", got, want)
		}
		if _, _, err := d.Explain(t.Context(), "cellar"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("a room that is not configured: %v, want ErrNoRoom", err)
		}
		stop()
		if _, _, err := d.Explain(t.Context(), "boardroom"); !errors.Is(err, ErrStopped) {
			t.Errorf("a driver that has stopped: %v, want ErrStopped", err)
		}
		resting := New(w.Options)
		resting.Show()
		whys, _, _ = resting.ExplainShown("boardroom")
		if got := whys[0].told(time.UTC); got != want {
			t.Errorf("shown:\n got %s\nwant %s", got, want)
		}
	})
}
