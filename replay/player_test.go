package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/ical"
)

// recorder is a driver.Publisher that notes the booleans, words and texts of rooms,
// each when it changes, and everything that was ever published.
type recorder struct {
	mu     sync.Mutex
	values map[string][]string // by room and point
	all    strings.Builder
}

// Publish implements driver.Publisher.
func (r *recorder) Publish(updates []driver.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range updates {
		fmt.Fprintf(&r.all, "%+v\n", u)
		for i, p := range driver.Catalogue(u.Subject.Scope) {
			if v := u.Values[i]; v.Known() && u.Subject.Scope == driver.OfRoom {
				key, text := u.Subject.ID+"/"+p.Name, v.Text()
				if v.Kind() == driver.Bool {
					text = fmt.Sprint(v.Bool())
				}
				if n := len(r.values[key]); n == 0 || r.values[key][n-1] != text {
					r.values[key] = append(r.values[key], text)
				}
			}
		}
	}
}

// Remove implements driver.Publisher. A replay removes nothing.
func (*recorder) Remove([]driver.Subject) {}

func room(id string) driver.Room {
	return driver.Room{ID: id, Name: "The " + id, Account: "rooms", Zone: time.UTC, Count: driver.CountingOf(driver.Busy), Privacy: driver.PrivacySubject}
}

// options play from 08:00 to 12:00 on 15 January 2026 at sixty times real time.
func options(rooms ...driver.Room) Options {
	day := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	return Options{Site: driver.Site{ID: "hq", Zone: time.UTC}, Rooms: rooms, Accounts: []string{"rooms"},
		Start: day.Add(8 * time.Hour), End: day.Add(12 * time.Hour), Speed: 60,
		Publisher: &recorder{values: map[string][]string{}}, Log: slog.New(slog.DiscardHandler)}
}

// connected is a broker that is there at once.
func connected(context.Context) error { return nil }

// A morning is played through the driver: its rules and privacy apply, a sensor
// reports at its time, and the points are marked as a test.
func TestPlayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boardroom, library := room("boardroom"), room("library")
		boardroom.Rules = []driver.Rule{{Words: "cleaning", Comfort: false}}
		boardroom.Mailbox = "boardroom@example.com"
		o := options(boardroom, library)
		p, err := New(mustParse(t, `[
			{"room":"boardroom@example.com","start":"2026-01-15T09:00:00Z","end":"2026-01-15T10:00:00Z","subject":"Budget","organizer":"Ann"},
			{"room":"The boardroom","start":"2026-01-15T11:00:00Z","end":"2026-01-15T11:30:00Z","subject":"Cleaning"},
			{"room":"library","start":"2026-01-15T10:00:00Z","end":"2026-01-15T11:00:00Z","subject":"Salaries","private":true},
			{"room":"library","start":"2026-01-15T11:00:00Z","end":"2026-01-15T11:30:00Z","show_as":"free"},
			{"room":"boardroom","at":"2026-01-15T07:00:00Z","on":false},
			{"room":"boardroom","at":"2026-01-15T09:30:00Z","on":true},
			{"room":"Annex","start":"2026-01-15T09:00:00Z","end":"2026-01-15T10:00:00Z"},
			{"room":"Annex","start":"2026-02-15T09:00:00Z","end":"2026-02-15T10:00:00Z"},
			{"room":"","at":"2026-01-15T09:00:00Z","on":true}]`), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.LeftOut(); got != "Annex (2), no room (1)" {
			t.Errorf("left out %q", got)
		}
		if n := p.Ahead(); n != 3 {
			t.Errorf("%d bookings ahead, want 3", n)
		}
		began := time.Now()
		if err := p.Run(t.Context(), connected); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 4*time.Minute {
			t.Errorf("four hours took %v, want 4m", took)
		}
		if n := p.Ahead(); n != 0 {
			t.Errorf("%d bookings ahead at the end, want none", n)
		}
		r := o.Publisher.(*recorder)
		for key, want := range map[string][]string{
			"boardroom/booked":          {"false", "true", "false", "true", "false"},
			"boardroom/comfort":         {"false", "true", "false"},
			"boardroom/occupied":        {"false", "true"},
			"boardroom/current_subject": {"", "Budget", "", "Cleaning", ""},
			"boardroom/quality":         {"unknown", "test"},
			"library/booked":            {"false", "true", "false"},
			"library/sensor":            {"none"},
		} {
			if got := r.values[key]; !slices.Equal(got, want) {
				t.Errorf("%s was %q, want %q", key, got, want)
			}
		}
		for _, secret := range []string{"Salaries", "Ann"} {
			if strings.Contains(r.all.String(), secret) {
				t.Errorf("%q was published", secret)
			}
		}
	})
}

// The clock stands until the points are published and the broker is connected.
// A replay that is stopped, or finds no broker, ends.
func TestPlayerThatEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const text = `[{"room":"boardroom","start":"2026-01-15T09:00:00Z","end":"2026-01-15T10:00:00Z"}]`
		newPlayer := func() (*Player, Options) {
			o := options(room("boardroom"))
			p, err := New(mustParse(t, text), o)
			if err != nil {
				t.Fatal(err)
			}
			return p, o
		}
		p, o := newPlayer()
		refused := errors.New("no broker")
		err := p.Run(t.Context(), func(context.Context) error {
			time.Sleep(time.Hour)
			if got := o.Publisher.(*recorder).values["boardroom/booked"]; !slices.Equal(got, []string{"false"}) {
				t.Errorf("booked was %q when the broker was to be connected", got)
			}
			return refused
		})
		if !errors.Is(err, refused) || !p.Clock().Now().Equal(o.Start) {
			t.Errorf("error %v, and the clock shows %v", err, p.Clock().Now())
		}

		p, o = newPlayer()
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		if err := p.Run(ctx, connected); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped after a minute: %v", err)
		}
		if got, want := p.Clock().Now(), o.Start.Add(time.Hour); !got.Equal(want) {
			t.Errorf("stopped at %v, want %v", got, want)
		}
	})
}

// Rooms are found by name, id, mailbox and match, and told apart by their
// addresses where they share a name. A room that declined is none.
func TestRoomsOfEvents(t *testing.T) {
	boardroom, library, attic1, attic2 := room("boardroom"), room("library"), room("attic-1"), room("attic-2")
	boardroom.Mailbox, library.Match = "boardroom@example.com", []string{"LIBRARY EAST"}
	attic1.Name, attic1.Mailbox, attic2.Name = "Attic", "attic@example.com", "Attic"
	f := mustParse(t, meeting("DTSTART:20260115T090000Z", "DURATION:PT1H", `LOCATION:Boardroom\; Library East`,
		"ATTENDEE;CUTYPE=ROOM;CN=Attic:mailto:attic@example.com", "ATTENDEE;CN=Bob:mailto:bob@example.com"))
	p, err := New(f, options(boardroom, library, attic1, attic2))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.roomsOf(f.events[0].First); !slices.Equal(got, []string{"boardroom", "library", "attic-1"}) {
		t.Errorf("rooms %q", got)
	}
	declined := mustParse(t, meeting("DTSTART:20260115T090000Z", "DURATION:PT1H", "LOCATION:Boardroom",
		"ATTENDEE;CUTYPE=ROOM;PARTSTAT=DECLINED:mailto:boardroom@example.com"))
	if _, err := New(declined, options(boardroom)); !errors.Is(err, ErrNoRoom) || err.Error() != "file cannot be played: it names no configured room, but Boardroom (1)" {
		t.Errorf("a room that declined: %v", err)
	}
	cancelled := mustParse(t, meeting("DTSTART:20260115T090000Z", "DURATION:PT1H", "LOCATION:Boardroom", "STATUS:CANCELLED"))
	if _, err := New(cancelled, options(boardroom)); err == nil || err.Error() != "file contains no booking that occupies a room" {
		t.Errorf("a cancelled event: %v", err)
	}
}

// Everything in the file is for the given room, and nothing for others.
func TestOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(room("boardroom"), room("library"))
		o.Only = "library"
		p, err := New(mustParse(t, `[{"room":"boardroom","start":"2026-01-15T09:00:00Z","end":"2026-01-15T10:00:00Z"},
			{"room":"Annex","at":"2026-01-15T09:00:00Z","on":true}]`), o)
		if err != nil {
			t.Fatal(err)
		}
		if n := p.Ahead(); n != 1 || p.LeftOut() != "" {
			t.Errorf("%d bookings ahead, left out %q", n, p.LeftOut())
		}
		if err := p.Run(t.Context(), connected); err != nil {
			t.Fatal(err)
		}
		values := o.Publisher.(*recorder).values
		for key, want := range map[string][]string{
			"boardroom/booked": {"false"}, "boardroom/sensor": {"none"},
			"library/booked": {"false", "true", "false"}, "library/occupied": {"false", "true"},
		} {
			if got := values[key]; !slices.Equal(got, want) {
				t.Errorf("%s was %q, want %q", key, got, want)
			}
		}
	})
}

// readings is a driver.Receiver that remembers digests.
type readings struct {
	last map[string]driver.Digest
	got  []driver.Reading
}

func (r *readings) Last(room string) driver.Digest { return r.last[room] }

func (r *readings) Deliver(rd driver.Reading) {
	r.got = append(r.got, rd)
	r.last[rd.Room] = rd.Digest
}

// A window that was read is unchanged, and another is not. A room gets the events
// that are for it.
func TestProvider(t *testing.T) {
	f := mustParse(t, `[{"room":"a","start":"2026-01-15T09:00:00Z","end":"2026-01-15T10:00:00Z"}]`)
	p := provider{f, map[string][]ical.Event{"a": f.events}}
	rooms := []driver.Room{room("a"), room("b")}
	r := &readings{last: map[string]driver.Digest{}}
	day := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		from, to  time.Time
		events    int // of room a
		unchanged bool
	}{
		{day, day.AddDate(0, 0, 1), 1, false},
		{day, day.AddDate(0, 0, 1), 0, true},
		{day.AddDate(0, 0, 1), day.AddDate(0, 0, 2), 0, false},
		{day, day.AddDate(0, 0, 2), 1, false},
	} {
		r.got = nil
		p.Fetch(t.Context(), rooms, tt.from, tt.to, r)
		if len(r.got) != 2 || r.got[0].Room != "a" || r.got[1].Room != "b" {
			t.Fatalf("readings %+v, want one a room", r.got)
		}
		if a, b := r.got[0], r.got[1]; len(a.Events) != tt.events || len(b.Events) != 0 || a.Unchanged != tt.unchanged || b.Unchanged != tt.unchanged || a.Err != nil {
			t.Errorf("%v to %v: %+v; want %d events, unchanged %t", tt.from, tt.to, r.got, tt.events, tt.unchanged)
		}
	}
}
