package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// calendar is a Provider that answers every Fetch with what it was told last.
type calendar struct {
	session  *session
	mu       sync.Mutex
	bookings map[string][]Booking
	failures map[string]error // by room; "" is every room
	strays   []Reading        // delivered besides
	hangs    <-chan struct{}  // when set, Fetch waits for it and not for its context
	waits    bool             // Fetch waits for its context
	takes    time.Duration    // Fetch waits so long
	fetches  []time.Time
	reads    map[string][]string // by room, times since the bubble's start
	from     time.Time           // of the last Fetch
	atOnce   []bool              // whether a person was waiting for each Fetch
}

func (c *calendar) Service() string { return "Contoso Calendar" }

func (c *calendar) Session() Session { return c.session }

func (c *calendar) Fetch(ctx context.Context, rooms []Room, from, to time.Time, r Receiver) Tally {
	c.mu.Lock()
	c.fetches, c.from, c.atOnce = append(c.fetches, time.Now().UTC()), from, append(c.atOnce, IsAtOnce(ctx))
	for _, room := range rooms {
		c.reads[room.ID] = append(c.reads[room.ID], time.Since(dawn).String())
	}
	hangs, waits, takes := c.hangs, c.waits, c.takes
	c.mu.Unlock()
	time.Sleep(takes)
	if hangs != nil {
		<-hangs
	}
	if waits {
		<-ctx.Done()
	}
	for _, rd := range c.readings(rooms) {
		r.Deliver(rd)
	}
	return Tally{Requests: 2, Throttled: 1}
}

// peopleWaited returns whether a person was waiting for each Fetch.
func (c *calendar) peopleWaited() []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.atOnce)
}

func (c *calendar) readings(rooms []Room) []Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.strays)
	for _, room := range rooms {
		err := c.failures[""]
		if own := c.failures[room.ID]; own != nil {
			err = own
		}
		if err != nil {
			out = append(out, Reading{Room: room.ID, Err: err})
			continue
		}
		out = append(out, Reading{Room: room.ID, Events: eventsOf(c.bookings[room.ID])})
	}
	return out
}

// eventsOf are events that become the bookings.
func eventsOf(bookings []Booking) []Event {
	var out []Event
	for _, b := range bookings {
		out = append(out, Event{ID: b.ID, Start: b.Start, End: b.End, ShowAs: b.ShowAs, Private: b.Private,
			Subject: b.Subject, Organizer: b.Organizer, Attendees: make([]Attendee, b.Attendees)})
	}
	return out
}

// fail makes the room (every room, for "") fail; a nil err ends that.
func (c *calendar) fail(room string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures[room] = err; err == nil {
		delete(c.failures, room)
	}
}

func (c *calendar) set(room string, all ...Booking) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bookings[room] = all
}

// polls lists the instants of the fetches as times since the bubble's start.
func (c *calendar) polls() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, t := range c.fetches {
		out = append(out, t.Sub(dawn).String())
	}
	return strings.Join(out, " ")
}

// readsOf lists when a room was read, as times since the bubble's start.
func (c *calendar) readsOf(room string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.reads[room], " ")
}

// session is a Session with the status it was told last.
type session struct {
	mu      sync.Mutex
	status  SessionStatus
	changed chan struct{}
}

func (s *session) Status() SessionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *session) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (s *session) Verify(context.Context) error { return nil }

func (s *session) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// become changes the status without telling anybody yet.
func (s *session) become(state SessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.State = state
}

func (s *session) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// published keeps every change of every point.
type published struct {
	mu      sync.Mutex
	latest  map[Subject][]Value
	calls   int
	removed []string               // "time since the bubble's start" and the id
	changes map[Subject][][]string // by point: "time since the bubble's start" and the value
}

func (p *published) Publish(updates []Update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	for _, u := range updates {
		last, ok := p.latest[u.Subject]
		if !ok {
			p.changes[u.Subject] = make([][]string, len(u.Values))
		}
		for i, v := range u.Values {
			if !ok || last[i] != v {
				p.changes[u.Subject][i] = append(p.changes[u.Subject][i], fmt.Sprintf("%s %s", u.At.Sub(dawn), say(v)))
			}
		}
		p.latest[u.Subject] = slices.Clone(u.Values)
	}
}

func (p *published) Remove(subjects []Subject) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range subjects {
		delete(p.latest, s)
		p.removed = append(p.removed, fmt.Sprintf("%s %s", time.Since(dawn), s.ID))
	}
}

// publications is how often something was published.
func (p *published) publications() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func (p *published) value(s Subject, point string) Value {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest[s][s.Scope.Index(point)]
}

// history tells the changes of a point of a subject, one after another.
func (p *published) history(s Subject, point string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.changes[s][s.Scope.Index(point)], ", ")
}

func say(v Value) string {
	switch {
	case !v.Known():
		return "?"
	case v.Nothing():
		return "nothing"
	case v.Kind() == Bool:
		return fmt.Sprint(v.Bool())
	case v.Kind() == Int:
		return fmt.Sprint(v.Int())
	case v.Kind() == Time:
		return v.Time().Format(time.RFC3339Nano)
	}
	return v.Text()
}

// skewed is the bubble's clock, set wrong by an offset.
type skewed struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *skewed) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return WallClock{}.Now().Add(c.offset)
}

func (c *skewed) Stopwatch() func() time.Duration { return WallClock{}.Stopwatch() }

func (c *skewed) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (c *skewed) step(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += by
}

// every is a Schedule that counts from the instant it is asked with.
type every time.Duration

func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// named is a Schedule of which two are the same although they are not deeply equal.
type named struct {
	every
	name *string
}

func (n named) Equal(other any) bool {
	o, ok := other.(named)
	return ok && n.every == o.every
}

// page is a log that can be read while it is written.
type page struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) count(words string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.text.String(), words)
}

// dawn is when time begins in a synctest bubble, a Saturday.
var dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// since is the booking of the bubble's first day that starts and ends so long
// after its midnight.
func since(start, end time.Duration) Booking {
	return Booking{ID: start.String(), Start: dawn.Add(start), End: dawn.Add(end), ShowAs: Busy}
}

var (
	boardroom = Subject{OfRoom, "boardroom"}
	gateway   = Subject{Scope: OfGateway}
	account   = Subject{OfAccount, "rooms"}
)

// world is a driver's surroundings: one account "rooms", one room "boardroom".
type world struct {
	Options
	calendar  *calendar
	session   *session
	published *published
	shelf     *shelf
	clock     *skewed
	log       *page
}

func newWorld(t *testing.T, poll time.Duration) *world {
	w := &world{calendar: &calendar{bookings: map[string][]Booking{}, failures: map[string]error{}, reads: map[string][]string{}},
		session:   &session{status: SessionStatus{State: SignedIn}, changed: make(chan struct{})},
		published: &published{latest: map[Subject][]Value{}, changes: map[Subject][][]string{}},
		shelf:     &shelf{values: map[string][]byte{}}, clock: &skewed{}, log: &page{}}
	w.calendar.session = w.session
	w.Options = Options{Site: Site{"hq", "Head Office", time.UTC}, Rooms: []Room{plain(t)},
		Accounts:  []Account{{"rooms", w.calendar, every(poll), nil}},
		Publisher: w.published, Memory: w.shelf, Clock: w.clock, Version: "1.2.3",
		Jitter: func(time.Duration) time.Duration { return 0 },
		Log:    slog.New(slog.NewTextHandler(w.log, nil))}
	return w
}

// run starts a driver in this world. stop ends it and waits for that.
func (w *world) run(t *testing.T) (d *Driver, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	d = New(w.Options)
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
	t.Cleanup(stop)
	synctest.Wait()
	return d, stop
}

// pass lets time pass in the bubble and everybody do what is then due.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// expect compares a point's history.
func (w *world) expect(t *testing.T, s Subject, point, want string) {
	t.Helper()
	if got := w.published.history(s, point); got != want {
		t.Errorf("%s:\n got %s\nwant %s", point, got, want)
	}
}

// expectReads compares when a room was read.
func (w *world) expectReads(t *testing.T, room, want string) {
	t.Helper()
	if got := w.calendar.readsOf(room); got != want {
		t.Errorf("%s was read at\n    %s\nwant %s", room, got, want)
	}
}

// expectLogged compares how often words were logged.
func (w *world) expectLogged(t *testing.T, words string, want int) {
	t.Helper()
	if n := w.log.count(words); n != want {
		t.Errorf("%q was logged %d times, want %d", words, n, want)
	}
}

// add adds rooms like the first to the account.
func (w *world) add(ids ...string) {
	for _, id := range ids {
		room := w.Rooms[0]
		room.ID = id
		w.Rooms = append(w.Rooms, room)
	}
}

func (w *world) expectPolls(t *testing.T, want string) {
	t.Helper()
	if got := w.calendar.polls(); got != want {
		t.Errorf("polled at\n    %s\nwant %s", got, want)
	}
}

const (
	minute = time.Minute
	second = time.Second
)

// A room that no event of its calendar is for is logged once, with what was seen.
func TestMatchThatNeverMatchesIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.Rooms[0].Match = []string{"Bordroom"}
		w.calendar.bookings["boardroom"] = []Booking{since(time.Hour, 2*time.Hour)}
		w.run(t)
		pass(10 * minute)
		w.expectLogged(t, "its match is wrong", 1)
		w.expectLogged(t, "room=boardroom events=1", 1)
	})
}

func TestRoomFlipsAtTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.Rooms[0].Lead, w.Rooms[0].StaleAfter = 20*minute, 2*time.Hour
		w.calendar.set("boardroom", since(30*minute+17*second, 45*minute+3*second))
		w.run(t)
		pass(59 * minute)
		w.expectPolls(t, "0s")
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 30m17s true, 45m3s false")
		w.expect(t, boardroom, Comfort, "0s ?, 0s false, 10m17s true, 45m3s false")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good")
		w.expect(t, gateway, RoomsGood, "0s 0, 0s 1")
	})
}

func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(20*minute, 30*minute))
		w.run(t)
		w.calendar.fail("", errTimeout)
		pass(40*minute + 30*second)
		w.calendar.fail("", nil)
		pass(minute)
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good, 10m0s stale, 41m0s good")
		w.expect(t, boardroom, Availability, "0s offline, 0s online")
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 20m0s true, 30m0s false")
		w.expect(t, boardroom, Fault, "0s no read has succeeded yet, 0s nothing, 10m0s last read 2000-01-01T00:00:00Z: graph: reading the calendar: timeout, 41m0s nothing")
		if n := w.log.count("rooms cannot be read"); n != 1 {
			t.Errorf("an outage is logged %d times, want once", n)
		}
		if n := w.log.count("all rooms can be read again"); n != 1 {
			t.Errorf("its end is logged %d times, want once", n)
		}
	})
}

func TestRefusedTwiceIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.run(t)
		w.calendar.fail("boardroom", errDenied)
		pass(minute + second)
		w.calendar.fail("boardroom", nil)
		pass(minute)
		w.calendar.fail("boardroom", errDenied)
		pass(2 * minute)
		w.calendar.fail("boardroom", nil)
		pass(2 * minute) // it is read less often now
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good, 4m0s fault, 6m0s good")
		w.expect(t, boardroom, Availability, "0s offline, 0s online, 4m0s offline, 6m0s online")
	})
}

func TestOneRoomsFailureIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		huddle := w.Rooms[0]
		huddle.ID = "huddle"
		w.Rooms = append(w.Rooms, huddle)
		w.calendar.fail("huddle", errDenied)
		w.calendar.strays = []Reading{{Room: "attic", Events: eventsOf([]Booking{since(0, time.Hour)})}}
		w.run(t)
		pass(30 * second)
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good")
		w.expect(t, Subject{OfRoom, "huddle"}, QualityPoint, "0s unknown, 0s fault")
		w.expect(t, gateway, RoomsGood, "0s 0, 0s 1")
		w.expect(t, gateway, RoomsTotal, "0s 2")
		if w.log.count("room=attic") != 1 || len(w.published.latest) != 4 {
			t.Errorf("a room that is not configured: logged %d times, subjects %v", w.log.count("room=attic"), w.published.latest)
		}
	})
}

func TestRefusedRowsAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.strays = []Reading{{Room: "boardroom", Events: []Event{{Err: errors.New("row 7: no end")}}}}
		w.Accounts[0].Provider = strays{w.calendar}
		w.run(t)
		pass(5*minute + second)
		if n := w.log.count("row 7: no end"); n != 1 {
			t.Errorf("logged %d times in six polls, want once", n)
		}
	})
}

// strays delivers nothing but the strays of a calendar.
type strays struct{ *calendar }

func (s strays) Fetch(ctx context.Context, _ []Room, from, to time.Time, r Receiver) Tally {
	return s.calendar.Fetch(ctx, nil, from, to, r)
}

func TestSignInBecomingOKPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.session.become(NeverSignedIn)
		w.calendar.fail("", errDenied)
		w.run(t)
		pass(5 * minute)
		w.session.become(SignInNeeded)
		w.session.tell()
		pass(5 * minute)
		w.calendar.fail("", nil)
		w.session.become(SignedIn)
		w.session.tell()
		pass(minute)
		w.expectPolls(t, "0s 10m0s")
		w.expect(t, account, AccountState, "0s never_signed_in, 5m0s sign_in_needed, 10m0s ok")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s fault, 10m0s good")
	})
}

// A sign-in can become ok while a fetch that began before fails; the account is
// then derived as ok before the change is heard of.
func TestSignInBecomingOKDuringAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		release := make(chan struct{})
		w.session.become(SignInNeeded)
		w.calendar.fail("", errDenied)
		w.calendar.hangs = release
		w.run(t)
		w.session.become(SignedIn)
		close(release)
		synctest.Wait()
		w.session.tell()
		pass(minute)
		w.expectPolls(t, "0s 0s")
	})
}

func TestClockSetForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const year = 366 * 24 * time.Hour
		w := newWorld(t, time.Hour)
		w.calendar.set("boardroom", since(year, year+time.Hour))
		w.run(t)
		pass(10*minute + 10*second)
		w.clock.step(year)
		pass(minute)
		if n := w.log.count("the clock was stepped"); n != 1 {
			t.Errorf("the step is logged %d times, want once", n)
		}
		if want := dawn.Add(year); !w.calendar.from.Equal(want) {
			t.Errorf("read from %v, want %v", w.calendar.from, want)
		}
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 8784h11m0s ?, 8784h11m0s true")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good, 10m0s stale, 8784h11m0s fault, 8784h11m0s good")
	})
}

func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3*time.Hour)
		w.Rooms[0].StaleAfter = 4 * time.Hour
		w.calendar.set("boardroom", since(90*minute, 105*minute))
		w.run(t)
		pass(2*time.Hour + 10*second)
		w.clock.step(-time.Hour)
		pass(2 * minute)
		if got := w.published.value(gateway, Heartbeat).Int(); got != int(dawn.Add(62*minute).Unix()) {
			t.Errorf("the heartbeat says %v", time.Unix(int64(got), 0).UTC())
		}
		pass(118 * minute)
		w.expectPolls(t, "0s 2h1m0s") // noticed within a minute
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 1h30m0s true, 1h45m0s false, 1h30m0s true, 1h45m0s false")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good")
	})
}

// A clock that moves by itself, without being stepped, is not reported.
func TestClockIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.run(t)
		pass(10 * time.Hour)
		if w.log.count("stepped") != 0 {
			t.Error("a clock that was not set counts as stepped")
		}
	})
}

// Differences between instants must follow the wall clock, not the time since
// the start, or a clock that was set would go unnoticed.
func TestWallClockHasNoMonotonicReading(t *testing.T) {
	if now := (WallClock{}).Now(); now != now.Round(0) || now.Location() != time.UTC {
		t.Errorf("%v", now)
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 7*second)
		var beats []time.Time
		w.Beat = func() { beats = append(beats, time.Now()) }
		w.calendar.set("boardroom", since(90*second, 95*second))
		_, stop := w.run(t)
		pass(4*minute + 30*second)
		stop()
		w.expect(t, gateway, Heartbeat, "0s 946684800, 1m0s 946684860, 2m0s 946684920, 3m0s 946684980, 4m0s 946685040")
		for i, b := range beats[1:] {
			if b.Sub(beats[i]) > minute {
				t.Errorf("no turn of the loop between %v and %v", beats[i], b)
			}
		}
	})
}

func TestHeartbeatWithNothingToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.Rooms, w.Accounts = nil, nil
		var beats int
		w.Beat = func() { beats++ }
		_, stop := w.run(t)
		pass(10*minute + second)
		stop()
		if beats != 11 {
			t.Errorf("%d beats in ten minutes, want 11", beats)
		}
		if got := w.published.value(gateway, Heartbeat).Int(); got != 946684800+600 {
			t.Errorf("heartbeat %d", got)
		}
	})
}

func TestPollsAreJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100*second)
		var asked []time.Duration
		w.Jitter = func(most time.Duration) time.Duration {
			asked = append(asked, most)
			return most - second*time.Duration(len(asked))
		}
		_, stop := w.run(t)
		pass(5 * minute)
		stop()
		w.expectPolls(t, "0s 1m49s 3m37s")
		if want := []time.Duration{10 * second, 10 * second, 10 * second}; !slices.Equal(asked, want) {
			t.Errorf("jitter within %v, want %v", asked, want)
		}
	})
}

func TestRunEndsPromptly(t *testing.T) {
	for _, waits := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, minute)
			w.calendar.waits = waits
			_, stop := w.run(t)
			pass(90 * second)
			before := time.Now()
			stop()
			if after := time.Now(); !after.Equal(before) {
				t.Errorf("waiting %t: took %s to end", waits, after.Sub(before))
			}
			if n := w.log.count("cannot be read"); n != 0 {
				t.Error("a stop counts as a failure of the room")
			}
		})
	}
}

// kept is a shelf on which an earlier run left the boardroom's bookings.
func kept(t *testing.T, all ...Booking) *shelf {
	w := newWorld(t, time.Hour)
	w.calendar.set("boardroom", all...)
	_, stop := w.run(t)
	stop()
	return w.shelf
}

func TestCalendarThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.shelf = kept(t, since(5*minute, 15*minute))
		w.Memory = w.shelf
		release := make(chan struct{})
		w.calendar.hangs = release
		_, stop := w.run(t)
		pass(20 * minute)
		w.expect(t, boardroom, Booked, "0s false, 5m0s true, 15m0s false")
		w.expect(t, boardroom, QualityPoint, "0s good, 10m0s stale")
		w.expectPolls(t, "0s")
		close(release)
		stop()
	})
}

func TestPollIsGivenUpAfterTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.waits = true
		w.run(t)
		pass(23 * minute)
		w.expectPolls(t, "0s 10m6s 20m12s") // a tenth of the interval after each
	})
}

func TestRestartWithoutInternet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := kept(t, since(2*time.Hour, 4*time.Hour))
		pass(3 * time.Hour)
		w := newWorld(t, minute)
		w.Memory = shelf
		w.calendar.fail("", errTimeout)
		w.run(t)
		pass(90 * minute)
		w.expect(t, boardroom, Booked, "3h0m0s true, 4h0m0s false")
		w.expect(t, boardroom, QualityPoint, "3h0m0s stale")
		if history := w.published.history(boardroom, Age); !strings.HasPrefix(history, "3h0m0s 10800, 3h1m0s 10860, ") {
			t.Errorf("age: %s", history)
		}
	})
}

// Plant keeps running after a late meeting although the window has moved on.
func TestComfortOutlastsMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.Rooms[0].Lag, w.Rooms[0].Gap = 20*minute, 15*minute
		w.calendar.set("boardroom", since(22*time.Hour, 23*time.Hour+35*minute), since(24*time.Hour+10*minute, 25*time.Hour))
		w.run(t)
		pass(26 * time.Hour)
		w.expect(t, boardroom, Comfort, "0s ?, 0s false, 22h0m0s true, 25h20m0s false")
		w.expect(t, boardroom, BookingsToday, "0s ?, 0s 1")
		w.expect(t, boardroom, BookedMinutesToday, "0s ?, 0s 95, 24h0m0s 50")
	})
}

func TestStateKeepsItsTimestamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(10*minute, 20*minute))
		w.run(t)
		pass(15 * minute)
		// The next booking stands in the state, one of tomorrow after it does not.
		w.calendar.set("boardroom", since(10*minute, 20*minute), since(time.Hour, 2*time.Hour))
		pass(2 * minute)
		w.calendar.set("boardroom", since(10*minute, 20*minute), since(time.Hour, 2*time.Hour), since(30*time.Hour, 31*time.Hour))
		pass(8 * minute)
		var stamps []string
		for _, c := range w.published.changes[boardroom][stateIndex] {
			at, text, _ := strings.Cut(c, " ")
			_, stamp, _ := strings.Cut(text, `"timestamp":"`)
			stamps = append(stamps, at+" "+stamp[len("2000-01-01T"):len("2000-01-01T00:00:00Z")])
		}
		want := []string{"0s 00:00:00Z", "0s 00:00:00Z", "10m0s 00:10:00Z", "16m0s 00:16:00Z", "20m0s 00:20:00Z"}
		if !slices.Equal(stamps, want) {
			t.Errorf("state changed at, with timestamp\n    %q\nwant %q", stamps, want)
		}
	})
}

func TestScheduleIsPublishedSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(10*minute, 20*minute))
		w.run(t)
		pass(61 * minute)
		w.expect(t, boardroom, Schedule48h, strings.Join([]string{"0s ?",
			`0s {"valid_until":"2000-01-03T00:00:00Z","bookings":[{"start":"2000-01-01T00:10:00Z","end":"2000-01-01T00:20:00Z"}]}`,
			`20m0s {"valid_until":"2000-01-03T00:00:00Z","bookings":[]}`,
			`1h0m0s {"valid_until":"2000-01-03T01:00:00Z","bookings":[]}`}, ", "))
	})
}

func TestAccountPointsFollowPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.run(t)
		pass(2*minute + second)
		w.expect(t, account, Polls, "0s 0, 0s 1, 1m0s 2, 2m0s 3")
		w.expect(t, account, Throttled, "0s 0, 0s 1, 1m0s 2, 2m0s 3")
		w.expect(t, account, LastPoll, "0s nothing, 0s 2000-01-01T00:00:00Z, 1m0s 2000-01-01T00:01:00Z, 2m0s 2000-01-01T00:02:00Z")
		w.expect(t, gateway, Started, "0s 2000-01-01T00:00:00Z")
		w.expect(t, gateway, GatewayVersion, "0s 1.2.3")
	})
}

func TestUpdatesNameEverySubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.run(t)
		for subject, values := range maps.All(w.published.latest) {
			if len(values) != len(Catalogue(subject.Scope)) {
				t.Errorf("%v has %d values, its catalogue %d", subject, len(values), len(Catalogue(subject.Scope)))
			}
			for i, v := range values {
				if p := Catalogue(subject.Scope)[i]; v.Known() && v.Kind() != p.Kind {
					t.Errorf("%v %s is a %v, its catalogue says %v", subject, p.Name, v.Kind(), p.Kind)
				}
			}
		}
	})
}
