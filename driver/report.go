package driver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Period is a range of dates, both included, each at midnight UTC.
type Period struct{ First, Last time.Time }

// NewPeriod returns the period between two dates. Zero values stand for the last
// date before today, which is an instant in the site's zone, and for the date 29
// days before the last.
func NewPeriod(first, last, today time.Time) (Period, error) {
	if last.IsZero() {
		y, m, d := today.Date()
		last = time.Date(y, m, d-1, 0, 0, 0, 0, time.UTC)
	}
	if first.IsZero() {
		first = last.AddDate(0, 0, -29)
	}
	p := Period{first, last}
	if last.Before(first) {
		return p, fmt.Errorf("%s is after the last day, %s", first.Format(time.DateOnly), last.Format(time.DateOnly))
	}
	if n := p.Days(); n > HistoryDays {
		return p, fmt.Errorf("%s to %s are %d days, and at most %d are kept", first.Format(time.DateOnly), last.Format(time.DateOnly), n, HistoryDays)
	}
	return p, nil
}

// Days is the number of dates in the period.
func (p Period) Days() int { return int(p.Last.Sub(p.First)/(24*time.Hour)) + 1 }

// Report is how rooms were used in a period.
type Report struct {
	Site    string       `json:"site"` // id
	From    string       `json:"from"` // date
	To      string       `json:"to"`   // date, included
	Days    int          `json:"days_asked"`
	Damaged []string     `json:"damaged"` // dates that are left out because they cannot be read
	Rooms   []RoomReport `json:"rooms"`
}

// RoomReport is the totals of a room, and its days.
type RoomReport struct {
	Room      string `json:"room"`
	DaysKnown int    `json:"days_known"`
	Usage
	Days []DayReport `json:"days"`
}

// DayReport is how a room was used on a date.
type DayReport struct {
	Date string `json:"date"`
	Usage
}

// Usage is how a room was used, on one day or many.
type Usage struct {
	Minutes  int            `json:"-"` // of the days, which have 23 or 25 hours where the clocks change
	Booked   int            `json:"booked_minutes"`
	Comfort  int            `json:"comfort_minutes"`
	Presence *PresenceUsage `json:"presence"` // nil: no sensor was trusted
	Baseline *Baseline      `json:"baseline"` // nil: there is no weekly schedule
}

// PresenceUsage is how a room was used according to its presence sensor.
type PresenceUsage struct {
	Sensor      int `json:"sensor_minutes"` // the sensor was trusted
	Used        int `json:"used_minutes"`
	NoShows     int `json:"no_shows"`
	WalkIns     int `json:"walk_ins"`
	EarlyLeaves int `json:"early_leaves"`
	Overruns    int `json:"overruns"`
}

// Baseline is the comfort time according to the weekly schedule.
type Baseline struct {
	Minutes int `json:"minutes"`
	Avoided int `json:"avoided_conditioned_minutes"` // of these, the minutes beyond the actual comfort
}

// NewReport summarizes the days of a period. read returns the days of all rooms on a
// date, and is called for one date after another, so that they are not all held
// at once; its error matches [ErrDamagedDay] for a date that is left out. The given
// rooms come first, in their order, with their weekly schedules; then other
// rooms that have days, by id.
func NewReport(site Site, rooms []Room, p Period, read func(date string) ([]Day, error)) (Report, error) {
	r := Report{Site: site.ID, From: p.First.Format(time.DateOnly), To: p.Last.Format(time.DateOnly), Days: p.Days(), Damaged: []string{}}
	weeks := map[string]Weekly{}
	index := map[string]int{}
	add := func(id string) {
		index[id] = len(r.Rooms)
		r.Rooms = append(r.Rooms, RoomReport{Room: id, Days: []DayReport{}})
	}
	for _, room := range rooms {
		weeks[room.ID] = room.Weekly
		add(room.ID)
	}
	for at := p.First; !at.After(p.Last); at = at.AddDate(0, 0, 1) {
		date := at.Format(time.DateOnly)
		days, err := read(date)
		if errors.Is(err, ErrDamagedDay) {
			r.Damaged = append(r.Damaged, date)
			continue
		}
		if err != nil {
			return r, err
		}
		for _, day := range days {
			if _, ok := index[day.Room]; !ok {
				add(day.Room)
			}
			r.Rooms[index[day.Room]].add(date, usageOf(day, at, weeks[day.Room], site.Zone))
		}
	}
	slices.SortFunc(r.Rooms[len(rooms):], func(a, b RoomReport) int { return strings.Compare(a.Room, b.Room) })
	return r, nil
}

// WithoutDays says that no day of the period is known, and when there will be one; empty
// if some are. now is in the site's zone.
func (r Report) WithoutDays(now time.Time) string {
	if slices.ContainsFunc(r.Rooms, func(room RoomReport) bool { return room.DaysKnown > 0 }) {
		return ""
	}
	return fmt.Sprintf("no day from %s to %s is known; a day is stored when it ends while the gateway runs, the next one, %s, at midnight", r.From, r.To, now.Format(time.DateOnly))
}

// Keep removes all rooms but the given ones, and returns the ids among these that
// the report does not have.
func (r *Report) Keep(ids []string) (unknown []string) {
	for _, id := range ids {
		if !slices.ContainsFunc(r.Rooms, func(room RoomReport) bool { return room.Room == id }) {
			unknown = append(unknown, id)
		}
	}
	r.Rooms = slices.DeleteFunc(r.Rooms, func(room RoomReport) bool { return !slices.Contains(ids, room.Room) })
	return unknown
}

// add adds a day.
func (r *RoomReport) add(date string, u Usage) {
	r.DaysKnown++
	r.Add(u)
	r.Days = append(r.Days, DayReport{date, u})
}

// usageOf is how a room was used on a day. On a day with more comfort than the
// weekly schedule has hours, nothing was avoided.
func usageOf(d Day, date time.Time, week Weekly, zone *time.Location) Usage {
	start, end := AllDay(date, date.AddDate(0, 0, 1), zone)
	u := Usage{Minutes: int(end.Sub(start) / time.Minute), Booked: d.BookedMinutes, Comfort: d.ComfortMinutes}
	if d.SensorMinutes > 0 {
		u.Presence = &PresenceUsage{d.SensorMinutes, d.UsedMinutes, d.NoShows, d.WalkIns, d.EarlyLeaves, d.Overruns}
	}
	if week.hasHours() {
		use := int(week.hoursBetween(start, end, zone) / time.Minute)
		u.Baseline = &Baseline{use, max(0, use-d.ComfortMinutes)}
	}
	return u
}

// Add adds the usage of other days.
func (u *Usage) Add(v Usage) {
	u.Minutes += v.Minutes
	u.Booked += v.Booked
	u.Comfort += v.Comfort
	if p := v.Presence; p != nil {
		if u.Presence == nil {
			u.Presence = &PresenceUsage{}
		}
		s := u.Presence
		*s = PresenceUsage{s.Sensor + p.Sensor, s.Used + p.Used, s.NoShows + p.NoShows, s.WalkIns + p.WalkIns,
			s.EarlyLeaves + p.EarlyLeaves, s.Overruns + p.Overruns}
	}
	if b := v.Baseline; b != nil {
		if u.Baseline == nil {
			u.Baseline = &Baseline{}
		}
		u.Baseline.Minutes += b.Minutes
		u.Baseline.Avoided += b.Avoided
	}
}

// hasHours reports whether a week has any hours of use.
func (w Weekly) hasHours() bool {
	for _, stretches := range w.Exceptions {
		if len(stretches) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(w.Days[:], func(d []HoursRange) bool { return len(d) > 0 })
}

// hoursBetween is how long the hours of use last between two instants.
func (w Weekly) hoursBetween(start, end time.Time, zone *time.Location) (sum time.Duration) {
	for at := start; at.Before(end); {
		used, next := w.Hours(at, zone)
		if next.IsZero() || next.After(end) {
			next = end
		}
		if used {
			sum += next.Sub(at)
		}
		at = next
	}
	return sum
}
