package driver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// day is the Wednesday on which most tests play; London is at UTC then.
const day = "2026-01-14"

// at reads "15:04", "15:04:05" (both of day) or an RFC 3339 instant.
func at(s string) time.Time {
	switch len(s) {
	case len("15:04"):
		s = day + "T" + s + ":00Z"
	case len("15:04:05"):
		s = day + "T" + s + "Z"
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// booked is a busy booking "from-to" of the forms of at, separated by "/" where
// they are long. Its id is the text.
func booked(text string) Booking {
	sep := "-"
	if strings.Contains(text, "/") {
		sep = "/"
	}
	from, to, _ := strings.Cut(text, sep)
	return Booking{ID: text, Start: at(from), End: at(to), ShowAs: Busy}
}

func bookings(texts ...string) (all []Booking) {
	for _, text := range texts {
		all = append(all, booked(text))
	}
	return all
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// plain is a room without lead, lag or gap.
func plain(t testing.TB) Room {
	return Room{ID: "boardroom", Name: "Boardroom", Account: "rooms", Zone: zone(t, "Europe/London"),
		Count: CountingOf(Busy, Tentative, OutOfOffice), StaleAfter: 10 * time.Minute, FailAfter: 1000 * time.Hour}
}

// fresh derives a room of which nothing is remembered.
func fresh(t *Timeline, now time.Time) (Facts, time.Time) {
	f, _, next := t.Derive(Past{}, now)
	return f, next
}

// readAt is a snapshot that was just read at now.
func readAt(now time.Time, z *time.Location, all ...Booking) Snapshot {
	from, to := Window(now, z, 0)
	return Snapshot{Bookings: all, From: from, To: to, ReadAt: now}
}

// clockOf writes an instant of day as a time, another in full.
func clockOf(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return strings.TrimSuffix(strings.TrimPrefix(t.UTC().Format("2006-01-02T15:04:05.999999999"), day+"T"), ":00")
}

// told writes what is booked in one line: free or booked, comfort, the current
// booking with its minutes remaining, the next with its minutes until then, the
// end of the free stretch, and the day as bookings/minutes/percent.
func told(f Facts) string {
	if !f.Known {
		return "not known"
	}
	words := []string{"free"}
	if f.Booked {
		words[0] = "booked"
	}
	if f.Comfort {
		words = append(words, "comfort")
	}
	if f.Current != nil {
		words = append(words, fmt.Sprintf("in %s for %d", f.Current.ID, f.MinutesRemaining))
	}
	if f.Next != nil {
		words = append(words, fmt.Sprintf("next %s in %d", f.Next.ID, f.MinutesUntilNext))
	}
	if !f.FreeUntil.IsZero() {
		words = append(words, "until "+clockOf(f.FreeUntil))
	}
	return strings.Join(words, ", ") + fmt.Sprintf(", day %d/%d/%d", f.BookingsToday, f.BookedMinutesToday, f.UtilisationToday)
}

// London, no lead, lag or gap. The window ends at 2026-01-18T00:00Z. Percent is
// of 1440 minutes, rounded.
func TestDeriveBookings(t *testing.T) {
	const end = "2026-01-18T00:00"
	for _, c := range []struct {
		name     string
		bookings []Booking
		now      string
		want     string
	}{
		{"no bookings", nil, "12:00", "free, until " + end + ", day 0/0/0"},
		{"before", bookings("09:00-10:00"), "08:30", "free, next 09:00-10:00 in 30, until 09:00, day 1/60/4"},
		{"a begun minute counts", bookings("09:00-10:00"), "08:29:59", "free, next 09:00-10:00 in 31, until 09:00, day 1/60/4"},
		{"a second before", bookings("09:00-10:00"), "08:59:59", "free, next 09:00-10:00 in 1, until 09:00, day 1/60/4"},
		{"start is in", bookings("09:00-10:00"), "09:00", "booked, comfort, in 09:00-10:00 for 60, day 1/60/4"},
		{"last second", bookings("09:00-10:00"), "09:59:59", "booked, comfort, in 09:00-10:00 for 1, day 1/60/4"},
		{"end is out", bookings("09:00-10:00"), "10:00", "free, until " + end + ", day 1/60/4"},

		{"overlapping, first alone", bookings("09:00-10:00", "09:30-11:00"), "09:15", "booked, comfort, in 09:00-10:00 for 45, next 09:30-11:00 in 15, day 2/120/8"},
		{"overlapping, both: the later one", bookings("09:00-10:00", "09:30-11:00"), "09:30", "booked, comfort, in 09:30-11:00 for 90, day 2/120/8"},
		{"same start: the longer one", bookings("09:00-10:00", "09:00-11:00"), "09:30", "booked, comfort, in 09:00-11:00 for 90, day 2/120/8"},
		{"touching, before", bookings("09:00-10:00", "10:00-11:00"), "09:59", "booked, comfort, in 09:00-10:00 for 1, next 10:00-11:00 in 1, day 2/120/8"},
		{"touching, at", bookings("09:00-10:00", "10:00-11:00"), "10:00", "booked, comfort, in 10:00-11:00 for 60, day 2/120/8"},

		{"no length does not count", bookings("09:00-09:00"), "09:00", "free, until " + end + ", day 0/0/0"},
		{"ends before it starts", bookings("09:00-08:00"), "08:30", "free, until " + end + ", day 0/0/0"},

		{"all day, meeting to come", bookings("00:00/2026-01-15T00:00:00Z", "09:00-10:00"), "08:00", "booked, comfort, in 00:00/2026-01-15T00:00:00Z for 960, next 09:00-10:00 in 60, day 2/1440/100"},
		{"all day, meeting inside", bookings("00:00/2026-01-15T00:00:00Z", "09:00-10:00"), "09:30", "booked, comfort, in 09:00-10:00 for 30, day 2/1440/100"},
		{"all day, meeting over", bookings("00:00/2026-01-15T00:00:00Z", "09:00-10:00"), "10:00", "booked, comfort, in 00:00/2026-01-15T00:00:00Z for 840, day 2/1440/100"},

		{"from yesterday", bookings("2026-01-13T23:00:00Z/2026-01-14T01:00:00Z"), "00:30", "booked, comfort, in 2026-01-13T23:00:00Z/2026-01-14T01:00:00Z for 30, day 1/60/4"},
		{"ended at midnight", bookings("2026-01-13T23:00:00Z/2026-01-14T00:00:00Z"), "00:00", "free, until " + end + ", day 0/0/0"},
		{"into tomorrow", bookings("23:00/2026-01-15T02:00:00Z"), "23:30", "booked, comfort, in 23:00/2026-01-15T02:00:00Z for 150, day 1/60/4"},
		{"several days", bookings("2026-01-12T12:00:00Z/2026-01-16T12:00:00Z"), "12:00", "booked, comfort, in 2026-01-12T12:00:00Z/2026-01-16T12:00:00Z for 2880, day 1/1440/100"},
		{"only tomorrow", bookings("2026-01-15T09:00:00Z/2026-01-15T10:00:00Z"), "23:00", "free, next 2026-01-15T09:00:00Z/2026-01-15T10:00:00Z in 600, until 2026-01-15T09:00, day 0/0/0"},
		{"past the window", bookings("2026-01-18T00:00:00Z/2026-01-18T10:00:00Z"), "23:00", "free, until " + end + ", day 0/0/0"},

		{"a part of a minute is not a minute", bookings("09:00:00-09:00:59"), "09:00:30", "booked, comfort, in 09:00:00-09:00:59 for 1, day 1/0/0"},
		{"half a percent is one", bookings("09:00:00-09:07:12"), "08:59", "free, next 09:00:00-09:07:12 in 1, until 09:00, day 1/7/1"},
		{"less than half is none", bookings("09:00:00-09:07:11"), "08:59", "free, next 09:00:00-09:07:11 in 1, until 09:00, day 1/7/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			room := plain(t)
			f, _ := fresh(NewTimeline(room, readAt(at("00:00"), room.Zone, c.bookings...)), at(c.now))
			if got := told(f); got != c.want {
				t.Errorf("at %s:\n got %s\nwant %s", c.now, got, c.want)
			}
		})
	}
}

// Each case gives the stretches of comfort of the day, by hand.
func TestDeriveComfort(t *testing.T) {
	const m = time.Minute
	for _, c := range []struct {
		name           string
		lead, lag, gap time.Duration
		release        Release
		bookings       []Booking
		want           string
	}{
		{"booked only", 0, 0, 0, ReleaseAtEnd, bookings("09:00-10:00"), "09:00-10:00"},
		{"lead", 20 * m, 0, 0, ReleaseAtEnd, bookings("09:00-10:00"), "08:40-10:00"},
		{"lag", 0, 10 * m, 0, ReleaseAtEnd, bookings("09:00-10:00"), "09:00-10:10"},
		{"lead and lag meet", 20 * m, 10 * m, 0, ReleaseAtEnd, bookings("09:00-10:00", "10:30-11:00"), "08:40-11:10"},
		{"lead and lag a minute apart", 20 * m, 9 * m, 0, ReleaseAtEnd, bookings("09:00-10:00", "10:30-11:00"), "08:40-10:09 10:10-11:09"},
		{"gap bridged exactly", 0, 0, 15 * m, ReleaseAtEnd, bookings("09:00-10:00", "10:15-11:00"), "09:00-11:00"},
		{"gap a minute too long", 0, 0, 15 * m, ReleaseAtEnd, bookings("09:00-10:00", "10:16-11:00"), "09:00-10:00 10:16-11:00"},
		{"gap after lead", 20 * m, 0, 15 * m, ReleaseAtEnd, bookings("09:00-10:00", "10:35-11:00"), "08:40-11:00"},
		{"gaps in a row", 0, 0, 15 * m, ReleaseAtEnd, bookings("09:00-09:10", "09:25-09:30", "09:45-10:00"), "09:00-10:00"},
		{"a gap leads to no booking", 0, 0, 15 * m, ReleaseAtEnd, bookings("09:00-10:00"), "09:00-10:00"},
		{"nested", 0, 5 * m, 0, ReleaseAtEnd, bookings("09:00-12:00", "10:00-10:30"), "09:00-12:05"},
		{"release at start", 30 * m, 0, 0, ReleaseAtStart, bookings("09:00-10:00"), "08:30-09:00"},
		{"release at start, lag", 30 * m, 10 * m, 0, ReleaseAtStart, bookings("09:00-10:00"), "08:30-09:10"},
		{"release at start, neither", 0, 0, 0, ReleaseAtStart, bookings("09:00-10:00"), ""},
		{"release at start, gap", 10 * m, 0, 50 * m, ReleaseAtStart, bookings("09:00-10:00", "10:00-11:00"), "08:50-10:00"},
		{"release at start, gap too long", 10 * m, 0, 49 * m, ReleaseAtStart, bookings("09:00-10:00", "10:00-11:00"), "08:50-09:00 09:50-10:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			room := plain(t)
			room.Lead, room.Lag, room.Gap, room.Release = c.lead, c.lag, c.gap, c.release
			timeline := NewTimeline(room, readAt(at("00:00"), room.Zone, c.bookings...))
			if got := comfortOf(timeline, at("00:00"), at("23:59")); got != c.want {
				t.Errorf("comfort %q, want %q", got, c.want)
			}
		})
	}
}

// comfortOf lists the stretches of comfort, found by following Derive's instants.
func comfortOf(timeline *Timeline, now, end time.Time) string {
	var out []string
	var since time.Time
	for now.Before(end) {
		f, next := fresh(timeline, now)
		if f.Comfort && since.IsZero() {
			since = now
		}
		if !f.Comfort && !since.IsZero() {
			out = append(out, clockOf(since)+"-"+clockOf(now))
			since = time.Time{}
		}
		now = next
	}
	return strings.Join(out, " ")
}

func TestDeriveCounts(t *testing.T) {
	for _, s := range []ShowAs{Unknown, Free, Tentative, Busy, OutOfOffice, WorkingElsewhere} {
		b := booked("09:00-10:00")
		b.ShowAs = s
		for _, count := range []Counting{CountingOf(), CountingOf(s), CountingOf(Busy, Tentative, OutOfOffice)} {
			want := count == CountingOf(s) || count == CountingOf(Busy, Tentative, OutOfOffice) && (s == Busy || s == Tentative || s == OutOfOffice)
			room := plain(t)
			room.Count = count
			f, _ := fresh(NewTimeline(room, readAt(at("08:00"), room.Zone, b)), at("09:30"))
			if f.Booked != want || f.Comfort != want || (f.BookingsToday == 1) != want {
				t.Errorf("%v counted with %b: booked %t, comfort %t, %d today, want %t", s, count, f.Booked, f.Comfort, f.BookingsToday, want)
			}
		}
	}
}

// The day's figures on days whose clocks change. All day is 23 or 25 hours.
func TestDeriveDayLength(t *testing.T) {
	for _, c := range []struct {
		zone       string
		date       string // all-day booking of this date
		start, end string
		minutes    int
	}{
		{"Europe/London", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z", 23 * 60},
		{"Europe/London", "2026-10-25", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z", 25 * 60},
		{"Europe/London", "2026-07-01", "2026-06-30T23:00:00Z", "2026-07-01T23:00:00Z", 24 * 60},
		// Egypt: clocks go forward at 00:00 of the last Friday of April, back at the
		// end of the last Thursday of October.
		{"Africa/Cairo", "2026-04-23", "2026-04-22T22:00:00Z", "2026-04-23T22:00:00Z", 24 * 60},
		{"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z", 23 * 60},
		{"Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z", 25 * 60},
		{"Africa/Cairo", "2026-10-30", "2026-10-29T22:00:00Z", "2026-10-30T22:00:00Z", 24 * 60},
		// Chile: forward at 24:00 of Saturday 2026-09-05, back at 24:00 of Saturday 2026-04-04.
		{"America/Santiago", "2026-09-05", "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", 24 * 60},
		{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z", 23 * 60},
		{"America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z", 25 * 60},
		// Cuba: back from 01:00 to 00:00, so that midnight comes twice; the day starts with the first.
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 25 * 60},
	} {
		t.Run(c.zone+" "+c.date, func(t *testing.T) {
			room := plain(t)
			room.Zone = zone(t, c.zone)
			date := at(c.date + "T00:00:00Z")
			start, end := AllDay(date, date.AddDate(0, 0, 1), room.Zone)
			if start != at(c.start) || end != at(c.end) {
				t.Fatalf("all day is %v to %v, want %s to %s", start, end, c.start, c.end)
			}
			whole := Booking{ID: "all day", Start: start, End: end, ShowAs: Busy}
			half := Booking{ID: "half", Start: start, End: start.Add(time.Duration(c.minutes/2) * time.Minute), ShowAs: Busy}
			for _, now := range []time.Time{start, start.Add(time.Hour), end.Add(-time.Nanosecond)} {
				f, next := fresh(NewTimeline(room, readAt(now, room.Zone, whole)), now)
				if f.BookingsToday != 1 || f.BookedMinutesToday != c.minutes || f.UtilisationToday != 100 {
					t.Errorf("at %v: %d bookings, %d minutes, %d %%; want 1, %d, 100", now, f.BookingsToday, f.BookedMinutesToday, f.UtilisationToday, c.minutes)
				}
				if next.After(end) {
					t.Errorf("at %v: next is %v, after the day's end", now, next)
				}
			}
			f, _ := fresh(NewTimeline(room, readAt(start, room.Zone, half)), start)
			if f.BookedMinutesToday != c.minutes/2 || f.UtilisationToday != 50 {
				t.Errorf("half the day: %d minutes, %d %%", f.BookedMinutesToday, f.UtilisationToday)
			}
			f, _ = fresh(NewTimeline(room, readAt(start, room.Zone, whole)), end)
			if f.BookingsToday != 0 || f.BookedMinutesToday != 0 || f.Booked {
				t.Errorf("at the day's end: %s", told(f))
			}
		})
	}
}

func TestWindow(t *testing.T) {
	london := zone(t, "Europe/London")
	for _, c := range []struct {
		now      string
		back     time.Duration
		from, to string
	}{
		{"2026-01-14T00:00:00Z", 0, "2026-01-14T00:00:00Z", "2026-01-18T00:00:00Z"},
		{"2026-01-14T23:59:59Z", 0, "2026-01-14T00:00:00Z", "2026-01-18T00:00:00Z"},
		{"2026-01-14T12:00:00Z", 45 * time.Minute, "2026-01-13T23:15:00Z", "2026-01-18T00:00:00Z"},
		{"2026-06-30T23:30:00Z", 0, "2026-06-30T23:00:00Z", "2026-07-04T23:00:00Z"}, // already the 1st in London
		{"2026-03-27T12:00:00Z", 0, "2026-03-27T00:00:00Z", "2026-03-30T23:00:00Z"}, // an hour short
	} {
		if from, to := Window(at(c.now), london, c.back); from != at(c.from) || to != at(c.to) {
			t.Errorf("window at %s less %s is %v to %v, want %s to %s", c.now, c.back, from, to, c.from, c.to)
		}
	}
}

// personError is mended by a person only.
type personError struct{ what, action string }

func (e personError) Error() string     { return e.what }
func (e personError) Action() string    { return e.action }
func (e personError) NeedsPerson() bool { return true }

var (
	errTimeout = errors.New("graph: reading the calendar: timeout")
	errDenied  = fmt.Errorf("boardroom: %w", personError{"access is denied", "grant Calendars.Read"})
)

// The room was read at 12:00, its reads go stale after ten minutes, and its
// window lasts from 2026-01-14T00:00Z to 2026-01-18T00:00Z.
func TestDeriveQuality(t *testing.T) {
	read := Snapshot{From: at("00:00"), To: at("2026-01-18T00:00:00Z"), ReadAt: at("12:00")}
	failed := func(s Snapshot, err error, times int) Snapshot {
		s.Failure, s.Refusals = err, times
		return s
	}
	for _, c := range []struct {
		name  string
		snap  Snapshot
		now   string
		want  Quality
		fault string
		known bool
	}{
		{"never read", Snapshot{}, "12:00", QualityUnknown, "no read has succeeded yet", false},
		{"never read, failing", failed(Snapshot{}, errTimeout, 3), "12:00", QualityUnknown, "graph: reading the calendar: timeout", false},
		{"never read, person", failed(Snapshot{}, errDenied, 1), "12:00", QualityFault, "boardroom: access is denied; grant Calendars.Read", false},
		{"fresh", read, "12:00", QualityGood, "", true},
		{"just not stale", read, "12:09:59", QualityGood, "", true},
		{"stale exactly", read, "12:10", QualityStale, "last read 2026-01-14T12:00:00Z: no poll since", true},
		{"stale, failing", failed(read, errTimeout, 10), "12:10", QualityStale, "last read 2026-01-14T12:00:00Z: graph: reading the calendar: timeout", true},
		{"failing, not stale", failed(read, errTimeout, 9), "12:09:59", QualityGood, "", true},
		{"person, once", failed(read, errDenied, 1), "12:01", QualityGood, "", true},
		{"person, once, stale", failed(read, errDenied, 1), "12:10", QualityStale, "last read 2026-01-14T12:00:00Z: boardroom: access is denied; grant Calendars.Read", true},
		{"person, twice", failed(read, errDenied, 2), "12:01", QualityFault, "boardroom: access is denied; grant Calendars.Read", true},
		{"window not lapsed", read, "2026-01-17T23:59:59Z", QualityStale, "last read 2026-01-14T12:00:00Z: no poll since", true},
		{"window lapsed", read, "2026-01-18T00:00:00Z", QualityFault, "the known bookings ended at 2026-01-18T00:00:00Z, last read 2026-01-14T12:00:00Z: no poll since", false},
		{"window lapsed, failing", failed(read, errTimeout, 5000), "2026-01-18T00:00:00Z", QualityFault, "the known bookings ended at 2026-01-18T00:00:00Z, last read 2026-01-14T12:00:00Z: graph: reading the calendar: timeout", false},
		{"clock a little back", read, "11:58", QualityGood, "", true},
		{"clock set back", read, "11:57:59", QualityStale, "last read at 2026-01-14T12:00:00Z, which is in the future: the gateway's clock was set back", true},
		{"clock set back before the window", read, "2026-01-13T23:59:59Z", QualityFault, "the known bookings begin at 2026-01-14T00:00:00Z, which is in the future: the gateway's clock was set back", false},
		{"clock lost", read, "1970-01-01T00:00:00Z", QualityFault, "the known bookings begin at 2026-01-14T00:00:00Z, which is in the future: the gateway's clock was set back", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, next := fresh(NewTimeline(plain(t), c.snap), at(c.now))
			if f.Quality != c.want || f.Fault != c.fault || f.Known != c.known {
				t.Errorf("%v, known %t, %q; want %v, known %t, %q", f.Quality, f.Known, f.Fault, c.want, c.known, c.fault)
			}
			if !next.IsZero() && !next.After(at(c.now)) {
				t.Errorf("next is %v", next)
			}
		})
	}
}

func TestDeriveAge(t *testing.T) {
	room := plain(t)
	never := NewTimeline(room, Snapshot{})
	if f, next := fresh(never, at("12:00")); f.Age != -1 || next != at("2026-01-15T00:00:00Z") {
		t.Errorf("never read: age %d, next %v", f.Age, next)
	}
	read := NewTimeline(room, readAt(at("12:00:30"), room.Zone))
	for _, c := range []struct {
		now  string
		age  int
		next string
	}{
		{"12:00:30", 0, "12:01"}, // 12:00 lies before the read
		{"12:00:59", 0, "12:01"},
		{"12:01:00", 30, "12:02"},
		{"12:01:59", 30, "12:02"},
		{"12:02:00", 90, "12:03"},
		{"11:00:00", 0, "11:01"}, // clock set back
	} {
		if f, next := fresh(read, at(c.now)); f.Age != c.age || next != at(c.next) {
			t.Errorf("at %s: age %d, next %s; want %d, %s", c.now, f.Age, clockOf(next), c.age, c.next)
		}
	}
}

// Every instant at which something changes by itself, in order: full minutes
// for the age, and what the room brings.
func TestDeriveNext(t *testing.T) {
	room := plain(t)
	room.Lead, room.StaleAfter = 90*time.Second, 5*time.Minute+10*time.Second
	timeline := NewTimeline(room, readAt(at("12:00"), room.Zone, bookings("12:02:20-12:03:25")...))
	var got []string
	for now := at("12:00"); now.Before(at("12:05:30")); {
		_, next := fresh(timeline, now)
		got = append(got, clockOf(next))
		now = next
	}
	want := []string{
		"12:00:20", // two minutes to the booking
		"12:00:50", // comfort
		"12:01",
		"12:01:20", // one minute
		"12:02",
		"12:02:20", // booked, two minutes remaining
		"12:02:25", // one minute remaining
		"12:03",
		"12:03:25", // free
		"12:04", "12:05",
		"12:05:10", // stale
		"12:06",
	}
	if !slices.Equal(got, want) {
		t.Errorf("instants\n got %q\nwant %q", got, want)
	}
}

func TestValidUntil(t *testing.T) {
	room := plain(t)
	timeline := NewTimeline(room, readAt(at("00:00"), room.Zone))
	for now, want := range map[string]string{
		"12:00":                "2026-01-16T12:00:00Z",
		"12:59:59":             "2026-01-16T12:00:00Z",
		"2026-01-15T23:59:59Z": "2026-01-17T23:00:00Z",
		"2026-01-16T00:30:00Z": "2026-01-18T00:00:00Z",
		"2026-01-17T15:00:00Z": "2026-01-18T00:00:00Z", // no further than what was read
	} {
		if f, _ := fresh(timeline, at(now)); f.ValidUntil != at(want) {
			t.Errorf("at %s valid until %v, want %s", now, f.ValidUntil, want)
		}
	}
}

func TestOverlapping(t *testing.T) {
	all := bookings("08:00-09:00", "09:00-09:00", "08:59-09:01", "10:00-11:00", "09:30-09:40", "09:30-09:40", "11:00-12:00", "08:00-12:00")
	got := Overlapping(all, at("09:00"), at("11:00"))
	want := bookings("08:00-12:00", "08:59-09:01", "09:30-09:40", "10:00-11:00")
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Bookings that differ in anything have one order, however they arrived.
func TestCompareTellsEveryDifference(t *testing.T) {
	base := Booking{ID: "b", Start: at("09:00"), End: at("10:00"), ShowAs: Tentative, Subject: "m", Organizer: "m", Attendees: 1}
	for name, change := range map[string]func(*Booking){
		"start":     func(b *Booking) { b.Start = at("09:01") },
		"end":       func(b *Booking) { b.End = at("10:01") },
		"id":        func(b *Booking) { b.ID = "c" },
		"show as":   func(b *Booking) { b.ShowAs = Busy },
		"subject":   func(b *Booking) { b.Subject = "n" },
		"organizer": func(b *Booking) { b.Organizer = "n" },
		"attendees": func(b *Booking) { b.Attendees = 2 },
		"comfort":   func(b *Booking) { b.NoComfort = true },
		"private":   func(b *Booking) { b.Private = true },
	} {
		other := base
		change(&other)
		if base.Compare(other) >= 0 || other.Compare(base) <= 0 {
			t.Errorf("%s: %d and %d", name, base.Compare(other), other.Compare(base))
		}
	}
	if base.Compare(base) != 0 {
		t.Error("a booking differs from itself")
	}
}

func TestShowAsNames(t *testing.T) {
	for name, want := range map[string]ShowAs{"free": Free, "tentative": Tentative, "busy": Busy, "oof": OutOfOffice,
		"workingElsewhere": WorkingElsewhere, "workingelsewhere": WorkingElsewhere, "unknown": Unknown, "": Unknown, "asleep": Unknown} {
		if got, _ := ParseShowAs(name); got != want {
			t.Errorf("%q is %v, want %v", name, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	full := Booking{ID: "x", Subject: "Merger", Organizer: "Ann"}
	for p, want := range map[Privacy][2]string{
		PrivacyBusy: {"", ""}, PrivacyOrganizer: {"", "Ann"}, PrivacySubject: {"Merger", ""}, PrivacyFull: {"Merger", "Ann"},
	} {
		if b := p.Redact(full); b.Subject != want[0] || b.Organizer != want[1] || b.ID != "x" {
			t.Errorf("privacy %d leaves %q, %q", p, b.Subject, b.Organizer)
		}
		private := full
		private.Private = true
		if b := p.Redact(private); b.Subject != "" || b.Organizer != "" {
			t.Errorf("privacy %d leaves %q, %q of a private booking", p, b.Subject, b.Organizer)
		}
	}
}

// A room whose bookings are made up says so where it would be trusted, and only there.
func TestTestRoom(t *testing.T) {
	room := plain(t)
	room.Test = true
	snap := Snapshot{Bookings: bookings("09:00-10:00"), From: at("00:00"), To: at("2026-01-18T00:00:00Z"), ReadAt: at("09:00")}
	for now, want := range map[string]Quality{"09:05": QualityTest, "09:10": QualityStale} {
		facts, _ := fresh(NewTimeline(room, snap), at(now))
		if facts.Quality != want || !facts.Quality.Available() || !facts.Booked {
			t.Errorf("at %s: quality %v, booked %t; want %v, true", now, facts.Quality, facts.Booked, want)
		}
	}
	if meta := room.Meta().Text(); !strings.Contains(meta, `"test":true`) {
		t.Errorf("meta says %s, want that it is a test", meta)
	}
	if meta := plain(t).Meta().Text(); strings.Contains(meta, `"test":`) {
		t.Errorf("meta of a real room says %s", meta)
	}
}
