package driver

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A golden day is a file in testdata/days that tells a room's day and which
// points are right from which instant on. Its lines:
//
//	zone Europe/London
//	date 2026-01-14
//	until 24:00                        the day is played from 00:00 to here
//	room lead=20m sensor grace=5m      see roomOf; the default is no lead, lag or gap, and no sensor
//	week wed 07:00-18:30               hours of use; "except 2026-12-25" has those of a date
//	booking 09:00-10:00 busy           more words: a showAs, no-comfort, from=08:30 and until=09:20,
//	                                   between which the calendar has it
//	presence 09:05 on                  or off, or ? when the sensor cannot tell
//	outage 10:00-12:00                 polls fail; "denied": until a person acts
//	off 12:00-12:30                    the gateway does not run; "restart 12:00" is short
//	expect 08:40 comfort=true mode=standby
//
// Times are those of the zone; "+1" after one is the next day's, "-1" that of the
// day before, and "z" marks UTC. The calendar is read every full minute. expect
// gives the points that change; all points that a file names are compared at
// every minute, at a second on either side of what happens, and wherever
// Derive says that something changes. "-" is nothing to say, "?" not known.
type goldenDay struct {
	name     string
	zone     *time.Location
	date     time.Time // noon, in the zone
	end      time.Time
	room     Room
	bookings []goldenBooking
	messages []goldenMessage
	outages  []goldenOutage
	offs     []span
	expected []goldenPoints
}

type goldenBooking struct {
	Booking
	known span // when the calendar has it
}

type goldenMessage struct {
	at   time.Time
	said Presence
}

type goldenOutage struct {
	span
	err error
}

type goldenPoints struct {
	at     time.Time
	points map[string]string
}

// readDays reads all golden days.
func readDays(t *testing.T) []*goldenDay {
	t.Helper()
	files, err := filepath.Glob("testdata/days/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden days: %v", err)
	}
	var all []*goldenDay
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, readDay(t, strings.TrimSuffix(filepath.Base(file), ".txt"), string(text)))
	}
	return all
}

func readDay(t *testing.T, name, text string) *goldenDay {
	t.Helper()
	g := &goldenDay{name: name, room: plain(t), zone: zone(t, "Europe/London")}
	g.room.FailAfter, g.room.Grace, g.room.PresenceHold = 4*time.Hour, 10*time.Minute, 15*time.Minute
	g.date = time.Date(2026, 1, 14, 12, 0, 0, 0, g.zone)
	end := "24:00"
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if words[0] == "until" {
			end = words[1]
		} else if err := g.line(words[0], words[1:]); err != nil {
			t.Fatalf("%s:%d: %v", name, n+1, err)
		}
	}
	g.end = g.time(end)
	g.room.Zone = g.zone
	return g
}

func (g *goldenDay) line(key string, words []string) error {
	switch key {
	case "zone":
		z, err := time.LoadLocation(words[0])
		g.zone = z
		return err
	case "date":
		d, err := time.ParseInLocation(time.DateOnly, words[0], g.zone)
		g.date = time.Date(d.Year(), d.Month(), d.Day(), 12, 0, 0, 0, g.zone)
		return err
	case "room":
		return roomOf(&g.room, words)
	case "week":
		day := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, words[0])
		g.room.Weekly.Days[day] = stretchesOf(words[1:])
	case "except":
		if g.room.Weekly.Exceptions == nil {
			g.room.Weekly.Exceptions = map[string][]HoursRange{}
		}
		g.room.Weekly.Exceptions[words[0]] = stretchesOf(words[1:])
	case "booking":
		return g.booking(words)
	case "presence":
		g.messages = append(g.messages, goldenMessage{g.time(words[0]), Presence{words[1] != "?", words[1] == "on"}})
	case "outage":
		o := goldenOutage{g.span(words[0]), errTimeout}
		if len(words) > 1 && words[1] == "denied" {
			o.err = errDenied
		}
		g.outages = append(g.outages, o)
	case "off":
		g.offs = append(g.offs, g.span(words[0]))
	case "restart":
		g.offs = append(g.offs, span{g.time(words[0]), g.time(words[0])})
	case "expect":
		p := goldenPoints{g.time(words[0]), map[string]string{}}
		for _, w := range words[1:] {
			name, value, _ := strings.Cut(w, "=")
			p.points[name] = value
		}
		g.expected = append(g.expected, p)
	default:
		return fmt.Errorf("%q is not understood", key)
	}
	return nil
}

func roomOf(r *Room, words []string) error {
	durations := map[string]*time.Duration{"lead": &r.Lead, "lag": &r.Lag, "gap": &r.Gap, "min_on": &r.MinOn, "min_off": &r.MinOff,
		"stale_after": &r.StaleAfter, "fail_after": &r.FailAfter, "grace": &r.Grace, "hold": &r.PresenceHold, "timeout": &r.PresenceTimeout}
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "sensor":
			r.SensorID = "pir"
		case "release":
			release, err := ParseRelease(value)
			if err != nil {
				return err
			}
			r.Release = release
		case "fail_safe":
			failSafe, err := ParseFailSafe(value)
			if err != nil {
				return err
			}
			r.FailSafe = failSafe
		default:
			d, err := time.ParseDuration(value)
			if err != nil || durations[key] == nil {
				return fmt.Errorf("%q is not understood", w)
			}
			*durations[key] = d
		}
	}
	return nil
}

func stretchesOf(words []string) []HoursRange {
	out := []HoursRange{}
	for _, w := range words {
		var a, b, c, d int
		fmt.Sscanf(w, "%d:%d-%d:%d", &a, &b, &c, &d)
		out = append(out, HoursRange{60*a + b, 60*c + d})
	}
	return out
}

func (g *goldenDay) booking(words []string) error {
	s := g.span(words[0])
	b := goldenBooking{Booking{ID: words[0], Start: s.start, End: s.end, ShowAs: Busy}, span{time.Time{}, never}}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch {
		case key == "no-comfort":
			b.NoComfort = true
		case key == "from":
			b.known.start = g.time(value)
		case key == "until":
			b.known.end = g.time(value)
		default:
			shown, err := ParseShowAs(w)
			if err != nil {
				return err
			}
			b.ShowAs = shown
		}
	}
	g.bookings = append(g.bookings, b)
	return nil
}

// time reads a time of the day, of the next or of the one before.
func (g *goldenDay) time(s string) time.Time {
	zone, days := g.zone, 0
	if t, ok := strings.CutSuffix(s, "z"); ok {
		s, zone = t, time.UTC
	}
	if t, n, ok := strings.Cut(s, "+"); ok {
		s = t
		fmt.Sscan(n, &days)
	}
	if t, ok := strings.CutSuffix(s, "-1"); ok {
		s, days = t, -1
	}
	var h, m, sec int
	fmt.Sscanf(strings.ReplaceAll(s, ":", " "), "%d %d %d", &h, &m, &sec)
	if h == 24 {
		h, days = 0, days+1
	}
	y, mo, d := g.date.Date()
	if h+m+sec == 0 {
		return startOfDay(y, mo, d+days, zone).UTC()
	}
	return time.Date(y, mo, d+days, h, m, sec, 0, zone).UTC()
}

// span reads "from-to"; one with signs or days is written "from/to".
func (g *goldenDay) span(s string) span {
	sep := "-"
	if strings.Contains(s, "/") {
		sep = "/"
	}
	from, to, _ := strings.Cut(s, sep)
	return span{g.time(from), g.time(to)}
}

// calendar is what the calendar has at an instant.
func (g *goldenDay) calendar(now time.Time) (all []Booking) {
	for _, b := range g.bookings {
		if b.known.has(now) {
			all = append(all, b.Booking)
		}
	}
	return all
}

// asleep reports whether the gateway does not run.
func (g *goldenDay) asleep(now time.Time) bool {
	return slices.ContainsFunc(g.offs, func(s span) bool { return s.has(now) })
}

// player plays a golden day through Derive.
type player struct {
	g        *goldenDay
	timeline *Timeline
	past     Past
	heard    int // messages
}

func (p *player) derive(now time.Time) (Facts, time.Time) {
	facts, past, next := p.timeline.Derive(p.past, now)
	p.past = past
	return facts, next
}

// step brings the room to now, with what happens then.
func (p *player) step(t *testing.T, now time.Time) (Facts, time.Time) {
	p.derive(now)
	if slices.ContainsFunc(p.g.offs, func(s span) bool { return s.end.Equal(now) }) {
		p.restart(t)
	}
	if now.Truncate(time.Minute).Equal(now) {
		p.poll(now)
	}
	for ; p.heard < len(p.g.messages) && !p.g.messages[p.heard].at.After(now); p.heard++ {
		if m := p.g.messages[p.heard]; m.at.Equal(now) { // others came while the gateway was off
			p.derive(now)
			p.past = p.past.WithReport(m.said, now)
		}
	}
	facts, next := p.derive(now)
	if again, _ := p.derive(now); again != facts {
		t.Fatalf("at %s deriving again gives\n%+v\nnot\n%+v", now, again, facts)
	}
	return facts, next
}

func (p *player) poll(now time.Time) {
	snap := p.timeline.Snapshot()
	for _, o := range p.g.outages {
		if o.has(now) {
			snap.Failure = o.err
			if o.err == errDenied {
				snap.Refusals++
			}
			p.timeline = p.timeline.With(snap)
			return
		}
	}
	from, to := Window(now, p.g.zone, p.g.room.Lag+p.g.room.Gap)
	fresh := Snapshot{Bookings: Overlapping(p.g.calendar(now), from, to), From: from, To: to, ReadAt: now}
	if sameBookings(snap, fresh) {
		p.timeline = p.timeline.With(fresh)
		return
	}
	p.timeline = NewTimeline(p.g.room, fresh)
}

// restart writes down what is kept, and reads it again.
func (p *player) restart(t *testing.T) {
	text, err := json.Marshal(p.past)
	if err != nil {
		t.Fatal(err)
	}
	p.past = Past{}
	if err := json.Unmarshal(text, &p.past); err != nil {
		t.Fatal(err)
	}
}

// points names the room's points as they are written in golden days.
func (g *goldenDay) points(f Facts) map[string]string {
	values := make([]Value, len(roomPoints))
	f.Fill(values)
	out := map[string]string{"next_mode_at": "-"}
	for i, p := range roomPoints {
		out[p.Name] = strings.ReplaceAll(say(values[i]), " ", "_")
		if values[i].Known() && values[i].Nothing() {
			out[p.Name] = "-"
		}
		if p.Kind == Time && !values[i].Nothing() {
			out[p.Name] = g.clock(values[i].Time())
		}
	}
	if !f.NextModeAt.IsZero() {
		out["next_mode_at"] = g.clock(f.NextModeAt)
	}
	return out
}

// clock writes an instant as golden days do.
func (g *goldenDay) clock(t time.Time) string {
	local := t.In(g.zone)
	day := func(t time.Time) int {
		y, m, d := t.Date()
		return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	text := strings.TrimSuffix(local.Format("15:04:05"), ":00")
	if n := day(local) - day(g.date); n != 0 {
		text += fmt.Sprintf("%+d", n)
	}
	return text
}

// instants are those that are looked at: full minutes, what the file names, and
// a second on either side of that.
func (g *goldenDay) instants() []time.Time {
	var all []time.Time
	start := g.time("00:00")
	for t := start; t.Before(g.end); t = t.Add(time.Minute) {
		all = append(all, t)
	}
	edges := []time.Time{}
	for _, b := range g.bookings {
		edges = append(edges, b.Start, b.End)
	}
	for _, m := range g.messages {
		edges = append(edges, m.at)
	}
	for _, e := range g.expected {
		edges = append(edges, e.at)
	}
	for _, e := range edges {
		all = append(all, e.Add(-time.Second), e, e.Add(time.Second))
	}
	for _, o := range g.offs {
		all = append(all, o.end)
	}
	slices.SortFunc(all, time.Time.Compare)
	all = slices.CompactFunc(all, time.Time.Equal)
	return slices.DeleteFunc(all, func(t time.Time) bool { return t.Before(start) || !t.Before(g.end) || g.asleep(t) })
}

// play plays the day, and shows what is derived at each instant that is looked
// at, and at those that Derive names between them.
func (g *goldenDay) play(t *testing.T, see func(now time.Time, f Facts)) {
	p := &player{g: g, timeline: NewTimeline(g.room, Snapshot{})}
	instants := g.instants()
	for i, now := range instants {
		facts, next := p.step(t, now)
		see(now, facts)
		for i+1 < len(instants) && !next.IsZero() && next.Before(instants[i+1]) && !g.asleep(next) {
			now = next
			if facts, next = p.derive(now); !next.IsZero() && !next.After(now) {
				t.Fatalf("at %v next is %v", now, next)
			}
			see(now, facts)
		}
	}
}

func TestGoldenDays(t *testing.T) {
	days := readDays(t)
	if len(days) < 40 {
		t.Errorf("%d golden days, want 40", len(days))
	}
	for _, g := range days {
		t.Run(g.name, func(t *testing.T) {
			want, due := map[string]string{}, 0
			g.play(t, func(now time.Time, f Facts) {
				for ; due < len(g.expected) && !g.expected[due].at.After(now); due++ {
					for name, value := range g.expected[due].points {
						want[name] = value
					}
				}
				got := g.points(f)
				for name, value := range want {
					if got[name] != value {
						t.Fatalf("at %s %s is %s, want %s", g.clock(now), name, got[name], value)
					}
				}
			})
			if due != len(g.expected) || due == 0 {
				t.Errorf("%d of %d expectations were looked at", due, len(g.expected))
			}
		})
	}
}
