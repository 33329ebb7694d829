package gateway

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

func TestDoctorOnTheSession(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct {
		status driver.SessionStatus
		err    error
		want   driver.Finding
	}{
		{driver.SessionStatus{State: driver.SignedIn, User: "rooms@contoso.example"}, nil,
			driver.Finding{Subject: "account rooms", Level: driver.LevelGood, Words: "ok, signed in as rooms@contoso.example"}},
		{driver.SessionStatus{State: driver.Refreshing}, nil, driver.Finding{Subject: "account rooms", Level: driver.LevelGood, Words: "refreshing"}},
		{driver.SessionStatus{State: driver.Retrying, Reason: "the service is down"}, refused,
			driver.Finding{Subject: "account rooms", Level: driver.LevelWarning, Words: "retrying: the service is down"}},
		{driver.SessionStatus{State: driver.SignInNeeded, Reason: "revoked", Action: "roomgate login rooms"}, refused,
			driver.Finding{Subject: "account rooms", Level: driver.LevelBad, Words: "sign_in_needed: revoked", Action: "roomgate login rooms", Person: true}},
		{driver.SessionStatus{State: driver.NeverSignedIn, Reason: "nobody has signed in yet", Action: "run: roomgate login rooms",
			LastFailed: &driver.FailedSignIn{At: time.Date(2026, 7, 1, 8, 30, 0, 0, time.UTC), Reason: "the redirect URI is not registered", Action: "add redirect_uri"}}, refused,
			driver.Finding{Subject: "account rooms", Level: driver.LevelBad, Action: "add redirect_uri", Person: true,
				Words: "never_signed_in: nobody has signed in yet; the last sign-in failed, on 2026-07-01 at 08:30: the redirect URI is not registered"}},
		{driver.SessionStatus{State: driver.NeverSignedIn}, refused,
			driver.Finding{Subject: "account rooms", Level: driver.LevelBad, Words: "never_signed_in", Person: true}},
	} {
		p := &examined{session: &stillSession{c.status, c.err}}
		d := newDoctor(t, p, driver.Room{ID: "boardroom"})
		found := collect(func(found func(driver.Finding)) { d.Account(t.Context(), d.Accounts[0], found) })
		if found[0] != c.want {
			t.Errorf("%s: found %+v, want %+v", c.status.State, found[0], c.want)
		}
		if goesOn := len(found) > 1; goesOn != (c.err == nil) {
			t.Errorf("%s: found %+v, want more only where the session works", c.status.State, found)
		}
	}
}

// renewing is a provider that says where credentials are made.
type renewing struct{ *examined }

func (renewing) RenewCredential() string { return "portal.contoso.example, Keys" }

// Thirty days ahead the end of a secret or a sign-in is a warning.
func TestDoctorWarnsOfWhatEnds(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		secret, lapse time.Duration // from now; 0: not known
		renews        bool
		level         driver.Level // empty: nothing is found
		words, action string
	}{
		{},
		{secret: 30*day + 1},
		{secret: 30 * day, level: driver.LevelWarning, words: "the client secret or certificate ends on 2026-12-23, in 30 days", action: "created at Contoso Calendar"},
		{secret: 10 * day, renews: true, level: driver.LevelWarning, words: "in 10 days", action: "portal.contoso.example, Keys"},
		{secret: -day, level: driver.LevelBad, words: "the client secret or certificate ended on 2026-11-22", action: "created at Contoso Calendar"},
		{lapse: 7 * day, level: driver.LevelWarning, words: "the sign-in, unless it is refreshed, ends on 2026-11-30, in 7 days", action: "roomgate --config /srv/hq.toml login rooms"},
	} {
		from := func(d time.Duration) time.Time {
			if d == 0 {
				return time.Time{}
			}
			return noon.Add(d)
		}
		a := DoctorAccount{Name: "rooms", Provider: plainProvider{}}
		if c.renews {
			a.Provider = renewing{&examined{}}
		}
		found := newDoctor(t, plainProvider{}).ends(a, driver.SessionStatus{SecretExpires: from(c.secret), RefreshLapses: from(c.lapse)})
		switch {
		case c.level == "" && len(found) == 0:
		case c.level == "" || len(found) != 1 || found[0].Level != c.level || !strings.Contains(found[0].Words, c.words) ||
			!strings.Contains(found[0].Action, c.action) || found[0].Person != (c.level == driver.LevelBad):
			t.Errorf("%v and %v ahead: found %+v, want %s %q %q", c.secret, c.lapse, found, c.level, c.words, c.action)
		}
	}
}

// Every room is read once. The provider sees organizers only of the rooms whose
// subjects may be shown.
func TestDoctorReadsTheRooms(t *testing.T) {
	p := &examined{events: []driver.Event{{Start: noon, End: noon.Add(time.Hour), ShowAs: driver.Busy, Subject: "Budget", Organizer: "Priya Rao"}}}
	d := newDoctor(t, p, driver.Room{ID: "library", Privacy: driver.PrivacyBusy, Zone: time.UTC}, driver.Room{ID: "boardroom", Privacy: driver.PrivacySubject, Zone: time.UTC})
	found := d.rooms(t.Context(), d.Accounts[0])
	want := []driver.Finding{
		{Subject: "room boardroom", Level: driver.LevelGood, Words: "1 bookings from 2026-11-23 to 2026-11-27"},
		{Subject: "room boardroom organizers", Level: driver.LevelGood, Words: "Priya Rao"},
		{Subject: "room library", Level: driver.LevelGood, Words: "1 bookings from 2026-11-23 to 2026-11-27"},
		{Subject: "room library organizers", Level: driver.LevelGood},
	}
	if !slices.Equal(found, want) {
		t.Errorf("found\n%+v\nwant\n%+v", found, want)
	}
	p.reading = errors.New("access is denied")
	found = d.rooms(t.Context(), d.Accounts[0])
	if got := subjects(found); !slices.Equal(got, []string{"room boardroom", "room library"}) || found[0].Words != "access is denied" || found[0].Level != driver.LevelBad {
		t.Errorf("of rooms that cannot be read: %+v", found)
	}
}

// A match that is none of the names in the calendar is found, with those names. They
// are of a calendar, and cannot write anything else to a terminal.
func TestDoctorOnAMatchThatNeverMatches(t *testing.T) {
	p := &examined{events: []driver.Event{{Start: noon, End: noon.Add(time.Hour), Places: []driver.Place{{Name: "Board\x1b[2J Room"}}}, {Start: noon, End: noon.Add(time.Hour), Places: []driver.Place{{Name: "Library"}}}}}
	d := newDoctor(t, p, driver.Room{ID: "boardroom", Match: []string{"Bordroom"}, Zone: time.UTC}, driver.Room{ID: "library", Match: []string{"library"}, Zone: time.UTC})
	want := driver.Finding{Subject: "room boardroom match", Level: driver.LevelWarning, Words: `none of the 2 events of its calendar is for this room; they are for "Board[2J Room", "Library"`,
		Action: "if the room has bookings, correct its match: a name or an address, as the calendar has it"}
	if found := wrong(d.rooms(t.Context(), d.Accounts[0])); len(found) != 1 || found[0] != want {
		t.Errorf("found %+v\nwant %+v", found, want)
	}
	p.events = []driver.Event{{Start: noon, End: noon.Add(time.Hour)}}
	if found := wrong(d.rooms(t.Context(), d.Accounts[0])); len(found) != 2 || !strings.HasSuffix(found[0].Words, "they name no place") {
		t.Errorf("found %+v", found)
	}
}

func TestDoctorOnEntriesItCannotUnderstand(t *testing.T) {
	f := roomFinding(driver.Reading{Room: "boardroom"}, 0, []driver.Refusal{{Reason: "an event without a start"}}, "today")
	if f.Level != driver.LevelWarning || !strings.Contains(f.Words, "an event without a start") {
		t.Errorf("found %+v", f)
	}
}
