package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"roomgate/driver"
)

// signInPatience bounds the checks of one sign-in.
const signInPatience = time.Minute

// Account checks a sign-in and what can be read with it.
func (d Doctor) Account(ctx context.Context, a DoctorAccount, found func(driver.Finding)) {
	asking, cancel := context.WithTimeout(ctx, signInPatience)
	defer cancel()
	findings, works := d.session(asking, a)
	each(findings, found)
	if !works {
		return
	}
	if e, ok := a.Provider.(driver.Examiner); ok {
		each(e.Examine(asking, a.Rooms), found)
	}
	each(d.rooms(ctx, a), found)
}

func each(findings []driver.Finding, found func(driver.Finding)) {
	for _, f := range findings {
		found(f)
	}
}

// session checks an account's sign-in. works tells whether calendars can be
// read with it.
func (d Doctor) session(ctx context.Context, a DoctorAccount) (findings []driver.Finding, works bool) {
	s := driver.SessionOf(a.Provider)
	if s == nil {
		return []driver.Finding{{Subject: "account " + a.Name, Level: driver.LevelGood, Words: a.Provider.Service() + " needs no sign-in"}}, true
	}
	err := s.Verify(ctx) // a failure is in the status
	status := s.Status()
	return append([]driver.Finding{sessionFinding(a.Name, status, d.Zone)}, d.ends(a, status)...), err == nil
}

// sessionFinding is the state of an account's sign-in. Where it needs a user, the last
// attempt of one that failed is named, with the time in the site's zone.
func sessionFinding(account string, s driver.SessionStatus, zone *time.Location) driver.Finding {
	f := driver.Finding{Subject: "account " + account, Level: driver.LevelGood, Words: s.State.String(), Action: s.Action}
	if s.User != "" {
		f.Words += ", signed in as " + s.User
	}
	if s.Reason != "" {
		f.Words += ": " + s.Reason
	}
	switch {
	case s.State.NeedsPerson():
		f.Level, f.Person = driver.LevelBad, true
		if last := s.LastFailed; last != nil {
			f.Words += fmt.Sprintf("; the last sign-in failed, on %s: %s", last.At.In(zone).Format("2006-01-02 at 15:04"), last.Reason)
			f.Action = cmp.Or(last.Action, f.Action)
		}
	case !s.State.Works():
		f.Level = driver.LevelWarning
	}
	return f
}

// soon is when the end of a secret or a sign-in is worth a warning: the
// customer's IT needs time to make a new secret.
const soon = 30 * 24 * time.Hour

// ends warns of what expires soon.
func (d Doctor) ends(a DoctorAccount, s driver.SessionStatus) []driver.Finding {
	renew := "have a new one created at " + a.Provider.Service() + " before then, and configure it"
	if g, ok := a.Provider.(driver.CredentialGuide); ok {
		renew = g.RenewCredential()
	}
	var findings []driver.Finding
	now := d.Clock.Now()
	for _, end := range []struct {
		what, action string
		at           time.Time
	}{
		{"client secret or certificate", renew, s.SecretExpires},
		{"sign-in, unless it is refreshed,", d.Program + " login " + a.Name, s.RefreshLapses},
	} {
		left := end.at.Sub(now)
		if end.at.IsZero() || left > soon {
			continue
		}
		f := driver.Finding{Subject: "account " + a.Name, Level: driver.LevelWarning, Action: end.action,
			Words: fmt.Sprintf("the %s ends on %s, in %d days", end.what, end.at.Format(time.DateOnly), driver.DaysLeft(end.at, now))}
		if left <= 0 {
			f.Level, f.Person, f.Words = driver.LevelBad, true, fmt.Sprintf("the %s ended on %s", end.what, end.at.Format(time.DateOnly))
		}
		findings = append(findings, f)
	}
	return findings
}

// rooms reads each room of an account once. Where subjects may be shown, the
// organizer is read as well, for the provider to check.
func (d Doctor) rooms(ctx context.Context, a DoctorAccount) []driver.Finding {
	examiner, examines := a.Provider.(driver.Examiner)
	configured, rooms := map[string]driver.Room{}, slices.Clone(a.Rooms)
	for i, r := range rooms {
		configured[r.ID] = r
		if examines && r.Privacy.Subject() {
			rooms[i].Privacy = driver.PrivacyFull
		}
	}
	from, to := driver.Window(d.Clock.Now(), d.Zone, 0)
	window := from.In(d.Zone).Format(time.DateOnly) + " to " + to.In(d.Zone).Format(time.DateOnly)
	var findings []driver.Finding
	for _, r := range driver.ReadOnce(ctx, a.Provider, rooms, from, to) {
		room := configured[r.Room]
		bookings, refused := room.Admit(r.Events, rooms, from, to)
		findings = append(findings, roomFinding(r, len(bookings), refused, window))
		findings = append(findings, unmatchedFinding(room, r.Events, rooms)...)
		if examines && r.Err == nil {
			others := func(e driver.Event) bool { return !room.Matches(e, rooms) }
			findings = append(findings, examiner.ExamineRoom(room, slices.DeleteFunc(slices.Clone(r.Events), others))...)
		}
	}
	slices.SortStableFunc(findings, func(a, b driver.Finding) int { return cmp.Compare(a.Subject, b.Subject) })
	return findings
}

// unmatchedFinding is that no event of a room's calendar is for the room, with the names
// that the events have instead: its match is probably wrong, and the room looks free.
func unmatchedFinding(room driver.Room, events []driver.Event, rooms []driver.Room) []driver.Finding {
	names, never := room.Unmatched(events, rooms)
	if !never {
		return nil
	}
	f := driver.Finding{Subject: "room " + room.ID + " match", Level: driver.LevelWarning,
		Words:  fmt.Sprintf("none of the %d events of its calendar is for this room; they name no place", len(events)),
		Action: "if the room has bookings, correct its match: a name or an address, as the calendar has it"}
	if len(names) > 0 {
		for i, name := range names {
			names[i] = strconv.Quote(OneLine(name))
		}
		f.Words = fmt.Sprintf("none of the %d events of its calendar is for this room; they are for %s", len(events), strings.Join(names, ", "))
	}
	return []driver.Finding{f}
}

// roomFinding is how many bookings of a room were read, or why none were.
func roomFinding(r driver.Reading, bookings int, refused []driver.Refusal, window string) driver.Finding {
	f := driver.Finding{Subject: "room " + r.Room, Level: driver.LevelGood, Words: fmt.Sprintf("%d bookings from %s", bookings, window)}
	switch {
	case r.Err != nil:
		return driver.Failure(f.Subject, r.Err)
	case len(refused) > 0:
		f.Level, f.Words = driver.LevelWarning, fmt.Sprintf("%s; %d events could not be understood; the first: %s", f.Words, len(refused), refused[0].Reason)
		f.Action = "correct their times in the calendar"
	}
	return f
}
