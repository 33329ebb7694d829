package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sweeper is a calendar that is swept: it names the rooms whose busy times were
// said to have changed since the Sweep before. What Fetch reads is another
// matter, as it is with the service.
type sweeper struct {
	*calendar
	mu      sync.Mutex
	changed []string
	asked   bool // there was a Sweep before
	err     error
	sweeps  []time.Time
	takes   time.Duration
	rooms   int // asked about by the last Sweep
	from    time.Time
	to      time.Time
	now     int  // calls under way
	both    bool // there was more than one
}

func (s *sweeper) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	s.both = s.both || s.now > 1
}

func (s *sweeper) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
}

func (s *sweeper) Fetch(ctx context.Context, rooms []Room, from, to time.Time, r Receiver) Tally {
	s.enter()
	defer s.leave()
	return s.calendar.Fetch(ctx, rooms, from, to, r)
}

func (s *sweeper) Sweep(_ context.Context, rooms []Room, from, to time.Time) ([]string, Tally, error) {
	s.enter()
	defer s.leave()
	s.mu.Lock()
	takes := s.takes
	s.sweeps = append(s.sweeps, time.Now().UTC())
	s.rooms, s.from, s.to = len(rooms), from, to
	s.mu.Unlock()
	time.Sleep(takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, Tally{Throttled: 1}, s.err
	}
	changed := s.changed
	if !s.asked {
		changed = nil
	}
	s.changed, s.asked = nil, true
	return changed, Tally{Throttled: 1}, nil
}

// change makes the busy times of a room other than the Sweep before found.
func (s *sweeper) change(room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, room)
}

// refuse makes every Sweep fail; a nil err ends that.
func (s *sweeper) refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *sweeper) expectSweeps(t *testing.T, want string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, at := range s.sweeps {
		got = append(got, at.Sub(dawn).String())
	}
	if got := strings.Join(got, " "); got != want {
		t.Errorf("swept at\n    %s\nwant %s", got, want)
	}
}

// newSweptWorld has its account polled and swept.
func newSweptWorld(t *testing.T, poll, sweep time.Duration) (*world, *sweeper) {
	w := newWorld(t, poll)
	s := &sweeper{calendar: w.calendar}
	w.Accounts[0].Provider, w.Accounts[0].Sweep = s, every(sweep)
	return w, s
}

func TestChangeIsSeenAtTheNextSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 10*second)
		w.run(t)
		pass(4 * second)
		w.calendar.set("boardroom", since(0, 2*minute))
		s.change("boardroom")
		pass(41 * second)
		s.expectSweeps(t, "0s 10s 20s 30s 40s")
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 10s true")
		w.expect(t, account, Polls, "0s 0, 0s 1")
		w.expect(t, account, LastPoll, "0s nothing, 0s 2000-01-01T00:00:00Z")
		// A poll, five sweeps and two readings of the room.
		if got := w.published.value(account, Throttled).Int(); got != 8 {
			t.Errorf("%d requests were put off, want 8", got)
		}
	})
}

// A fresh change is not at once readable: the room is read with the next sweep,
// too, and then left alone until it is named again.
func TestNamedRoomsAreReadTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 10*second)
		w.add("huddle", "library")
		w.run(t)
		pass(25 * second)
		s.change("boardroom")
		pass(10 * second) // 35s
		w.calendar.set("boardroom", since(0, 2*minute))
		s.change("huddle")
		pass(30 * second) // 1m5s
		s.change("boardroom")
		pass(10 * second) // 1m15s
		s.change("boardroom")
		s.change("boardroom")
		s.change("attic")
		pass(30 * second)
		w.expectReads(t, "boardroom", "0s 30s 40s 1m10s 1m20s 1m30s")
		w.expectReads(t, "huddle", "0s 40s 50s")
		w.expectReads(t, "library", "0s")
		w.expectReads(t, "attic", "")
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 40s true")
		w.expectPolls(t, "0s 30s 40s 50s 1m10s 1m20s 1m30s") // rooms of one sweep are read together
	})
}

// What was named before an outage is read once more when sweeps fail, too.
func TestNamedRoomIsReadAgainAfterAFailedSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 10*second)
		w.run(t)
		s.change("boardroom")
		pass(15 * second)
		s.refuse(errTimeout)
		pass(time.Minute)
		w.expectReads(t, "boardroom", "0s 10s 20s")
	})
}

// A sweep begins where a poll does, and ends two days on.
func TestSweepLooksAtTwoDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, minute)
		w.Rooms[0].Lag, w.Rooms[0].Gap = 20*minute, 10*minute
		w.add("huddle")
		elsewhere := w.Rooms[0]
		elsewhere.ID, elsewhere.Account = "elsewhere", "others"
		w.Rooms = append(w.Rooms, elsewhere)
		w.run(t)
		pass(second)
		if s.rooms != 2 || !s.from.Equal(dawn.Add(-30*minute)) || !s.to.Equal(dawn.AddDate(0, 0, 2)) {
			t.Errorf("swept %d rooms from %v to %v", s.rooms, s.from, s.to)
		}
	})
}

func TestSweepsAreJittered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 20*second)
		w.Jitter = func(most time.Duration) time.Duration { return most - second }
		w.run(t)
		pass(70 * second)
		s.expectSweeps(t, "0s 21s 42s 1m3s") // a tenth of 20s is 2s
	})
}

func TestNeverTwoCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, minute, 10*second)
		w.calendar.takes, s.takes = 7*second, 4*second
		d, stop := w.run(t)
		for i := range 100 {
			s.change("boardroom")
			d.PollNow(t.Context(), "boardroom")
			if i%20 == 0 {
				d.PollNow(t.Context(), "")
			}
			pass(3 * second)
		}
		stop()
		if len(s.sweeps) < 5 || s.both {
			t.Errorf("%d sweeps, two calls at once: %t", len(s.sweeps), s.both)
		}
	})
}

const sweepRefused = "changes are seen only at the next poll, because the sweep was refused: boardroom: access is denied; grant Calendars.Read"

func TestRefusedSweepIsOffAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, 24*time.Hour, minute)
		s.refuse(errDenied)
		w.run(t)
		pass(150 * minute)
		s.refuse(nil)
		pass(32*minute + 30*second)
		s.expectSweeps(t, "0s 1h0m0s 2h0m0s 3h0m0s 3h1m0s 3h2m0s")
		w.expect(t, account, AccountReason, "0s nothing, 0s "+sweepRefused+", 3h0m0s nothing")
		w.expect(t, account, AccountState, "0s ok")
		w.expect(t, boardroom, Fault, "0s no read has succeeded yet, 0s nothing, 10m0s last read 2000-01-01T00:00:00Z: no poll since")
		w.expectLogged(t, "level=WARN msg=\"changes are seen only at the next poll, because the sweep was refused\"", 1)
		w.expectLogged(t, "level=INFO msg=\"the account is swept again\"", 1)
	})
}

func TestRefusedForAnotherReasonIsNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, 24*time.Hour, minute)
		s.refuse(errDenied)
		w.run(t)
		pass(90 * minute)
		s.refuse(personError{"the mailbox is gone", ""})
		pass(time.Hour)
		w.expect(t, account, AccountReason, "0s nothing, 0s "+sweepRefused+
			", 2h0m0s changes are seen only at the next poll, because the sweep was refused: the mailbox is gone")
		w.expectLogged(t, "the sweep was refused", 2)
	})
}

// A refused sweep is tried again by whoever asks for everything, right after the
// poll, and not by who asks for a room.
func TestRefusedSweepIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(context.Context, *session, *Driver)
		want string
	}{
		"a poll of all": {func(ctx context.Context, _ *session, d *Driver) { d.PollNow(ctx, "") }, "0s 1m0s"},
		"a room":        {func(ctx context.Context, _ *session, d *Driver) { d.PollNow(ctx, "boardroom") }, "0s"},
		"the sign-in": {func(_ context.Context, s *session, _ *Driver) {
			s.become(SignInNeeded)
			s.tell()
			synctest.Wait()
			s.become(SignedIn)
			s.tell()
		}, "0s 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := newSweptWorld(t, time.Hour, 10*minute)
				s.refuse(errDenied)
				d, _ := w.run(t)
				pass(minute)
				c.ask(t.Context(), w.session, d)
				pass(minute)
				s.expectSweeps(t, c.want)
				w.expectPolls(t, "0s 1m0s")
				w.expectLogged(t, "the sweep was refused", 1)
			})
		})
	}
}

// A sweep that merely failed is tried again at the next one, and says nothing.
func TestSweepThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 10*second)
		s.refuse(errTimeout)
		w.run(t)
		pass(35 * second)
		s.expectSweeps(t, "0s 10s 20s 30s")
		w.expect(t, account, AccountReason, "0s nothing")
		w.expectLogged(t, "sweep was refused", 0)
		w.expectLogged(t, "swept again", 0)
	})
}

func TestSignInsReasonComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 10*second)
		w.session.status = SessionStatus{State: SignInNeeded, Reason: "revoked", Action: "run: roomgate login rooms"}
		s.refuse(errDenied)
		w.run(t)
		pass(minute)
		w.expect(t, account, AccountReason, "0s revoked; run: roomgate login rooms")
	})
}

func TestStopDuringASweepIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 10*second)
		s.refuse(errDenied)
		s.takes = 5 * second
		_, stop := w.run(t)
		pass(second)
		stop()
		w.expectLogged(t, "refused", 0)
	})
}

func TestPollNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, other := newWorld(t, time.Hour), newWorld(t, time.Hour)
		w.add("huddle", "library")
		w.Rooms[1].Account, w.Rooms[2].Account = "others", "others"
		w.Accounts = append(w.Accounts, Account{"others", other.calendar, every(time.Hour), nil})
		d, stop := w.run(t)
		pass(minute)
		if err := d.PollNow(t.Context(), "huddle"); err != nil {
			t.Errorf("a room that is there was not read: %v", err)
		}
		pass(minute)
		if err := d.PollNow(t.Context(), ""); err != nil {
			t.Errorf("not all rooms were read: %v", err)
		}
		pass(minute)
		if err := d.PollNow(t.Context(), "attic"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("a room that is not there: %v, want ErrNoRoom", err)
		}
		pass(minute)
		w.expectReads(t, "boardroom", "0s 2m0s")
		other.expectReads(t, "huddle", "0s 1m0s 2m0s")
		other.expectReads(t, "library", "0s 2m0s")
		if got, want := other.calendar.peopleWaited(), []bool{false, true, true}; !slices.Equal(got, want) {
			t.Errorf("a person waits for the readings: %v, want %v", got, want)
		}
		pass(time.Hour)
		if got := other.calendar.peopleWaited(); len(got) < 4 || got[len(got)-1] {
			t.Errorf("a person waits for the readings: %v, want nobody at the next planned poll", got)
		}
		w.expect(t, Subject{OfAccount, "others"}, Polls, "0s 0, 0s 1, 2m0s 2, 1h2m0s 3")
		w.expect(t, Subject{OfAccount, "others"}, LastPoll, "0s nothing, 0s 2000-01-01T00:00:00Z, 2m0s 2000-01-01T00:02:00Z, 1h2m0s 2000-01-01T01:02:00Z")
		stop()
		for _, room := range []string{"huddle", "attic", ""} {
			if err := d.PollNow(t.Context(), room); !errors.Is(err, ErrStopped) {
				t.Errorf("room %q of a stopped driver: %v, want ErrStopped", room, err)
			}
		}
	})
}

func TestAsksCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.add("huddle", "library")
		d, _ := w.run(t)
		pass(minute)
		for range 100 {
			d.PollNow(t.Context(), "boardroom")
			pass(10 * time.Millisecond)
		}
		d.PollNow(t.Context(), "huddle") // a room of its own
		pass(minute)
		w.expectReads(t, "boardroom", "0s 1m0s 1m5s")
		w.expectReads(t, "huddle", "0s 1m1s")
		w.expectReads(t, "library", "0s")
	})
}

func TestAskSoonerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		d, _ := w.run(t)
		pass(10 * second)
		for range 5 { // at 10, 12, 14, 16 and 18 seconds
			d.PollNow(t.Context(), "boardroom")
			pass(2 * second)
		}
		pass(minute)
		w.expectReads(t, "boardroom", "0s 10s 15s 20s")
	})
}

// Who asks for all waits until no room is read too often, and takes those along
// who ask for one meanwhile.
func TestAskForAllSoonerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.add("huddle", "library")
		d, _ := w.run(t)
		pass(10 * second)
		d.PollNow(t.Context(), "boardroom")
		pass(2 * second) // 12s
		d.PollNow(t.Context(), "")
		pass(second) // 13s
		d.PollNow(t.Context(), "huddle")
		pass(4 * second) // 17s
		d.PollNow(t.Context(), "library")
		pass(minute)
		w.expectReads(t, "boardroom", "0s 10s 15s")
		w.expectReads(t, "huddle", "0s 15s")
		w.expectReads(t, "library", "0s 15s 20s")
		w.expect(t, account, Polls, "0s 0, 0s 1, 15s 2")
	})
}

// What was asked for a moment ago is read nevertheless when the sign-in is back.
func TestSignInBecomingOKDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.session.become(SignInNeeded)
		d, _ := w.run(t)
		pass(minute)
		d.PollNow(t.Context(), "boardroom")
		pass(second)
		w.session.become(SignedIn)
		w.session.tell()
		pass(minute)
		w.expectPolls(t, "0s 1m0s 1m1s")
	})
}

// An ask during a poll may have come too late for it: the room is read after it.
func TestAskDuringAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.add("huddle", "library")
		w.calendar.takes = 20 * second
		d, _ := w.run(t)
		pass(second)
		d.PollNow(t.Context(), "huddle")
		pass(second)
		d.PollNow(t.Context(), "library")
		d.PollNow(t.Context(), "huddle")
		pass(minute)
		w.expectReads(t, "huddle", "0s 20s")
		w.expectReads(t, "library", "0s 20s")
		w.expectReads(t, "boardroom", "0s")
	})
}

func TestAskDuringASweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, minute)
		s.takes = 20 * second
		d, _ := w.run(t)
		pass(second)
		d.PollNow(t.Context(), "boardroom")
		pass(minute)
		w.expectReads(t, "boardroom", "0s 20s")
		s.expectSweeps(t, "0s 1m0s")
	})
}

// Asks that never cease keep neither sweeps nor polls from being done.
func TestAsksDoNotCrowdOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, minute, 10*second)
		w.add("huddle", "library")
		w.calendar.takes = 6 * second // longer than the pause between asks
		d, _ := w.run(t)
		for range 150 { // there is always a room to be read for somebody
			for _, room := range w.Rooms {
				d.PollNow(t.Context(), room.ID)
				pass(second)
			}
		}
		if n := len(s.sweeps); n < 20 { // ten seconds, rounded up to two readings, and now and then a poll
			t.Errorf("%d sweeps in 7m30s, want 20 or more", n)
		}
		if n := w.published.value(account, Polls).Int(); n < 6 {
			t.Errorf("%d polls in 7m30s, want 6 or more", n)
		}
	})
}

// A scheduled poll answers whoever was waiting for a room of it.
func TestPollAnswersWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 12*second)
		d, _ := w.run(t)
		pass(9 * second)
		d.PollNow(t.Context(), "boardroom")
		pass(second) // 10s
		d.PollNow(t.Context(), "boardroom")
		pass(10 * second)
		w.expectReads(t, "boardroom", "0s 9s 12s")
	})
}

// A poll that was asked for is the poll: the schedule goes on from it.
func TestScheduleGoesOnFromAnAskedPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10*minute)
		w.add("huddle")
		d, _ := w.run(t)
		pass(4 * minute)
		d.PollNow(t.Context(), "")
		pass(2 * minute) // 6m
		d.PollNow(t.Context(), "huddle")
		pass(10 * minute)
		w.expectReads(t, "boardroom", "0s 4m0s 14m0s")
		w.expectReads(t, "huddle", "0s 4m0s 6m0s 14m0s")
	})
}

func TestRefusedRoomAmongTenIsReadLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		for i := range 9 {
			w.add(fmt.Sprintf("room-%d", i))
		}
		w.calendar.fail("boardroom", errDenied)
		d, _ := w.run(t)
		pass(45*minute + second)
		w.expectReads(t, "boardroom", "0s 1m0s 3m0s 7m0s 15m0s 30m0s 45m0s")
		for _, room := range w.Rooms[1:] {
			if n := len(w.calendar.reads[room.ID]); n != 46 {
				t.Errorf("%s was read %d times in 45 minutes, want 46", room.ID, n)
			}
		}
		if n := w.published.value(account, Polls).Int(); n != 46 {
			t.Errorf("%d polls, want 46", n)
		}
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s fault")
		w.expectLogged(t, "rooms cannot be read", 1)
		w.expectLogged(t, "all rooms can be read again", 0)

		d.PollNow(t.Context(), "")
		pass(2 * second)
		w.calendar.fail("boardroom", nil)
		d.PollNow(t.Context(), "boardroom")
		pass(3*minute - second)
		// Asked for at 45m1s and, after the pause, at 45m6s; then as the others.
		w.expectReads(t, "boardroom", "0s 1m0s 3m0s 7m0s 15m0s 30m0s 45m0s 45m1s 45m6s 46m1s 47m1s 48m1s")
		w.expect(t, boardroom, QualityPoint, "0s unknown, 0s fault, 45m6s good")
		w.expectLogged(t, "rooms cannot be read", 1)
		w.expectLogged(t, "all rooms can be read again", 1)
	})
}

// A room that only the network keeps from being read is read at every poll.
func TestFailingForAWhileIsReadAtEveryPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.fail("", errTimeout)
		w.run(t)
		pass(5*minute + second)
		w.expectPolls(t, "0s 1m0s 2m0s 3m0s 4m0s 5m0s") // and no sooner than the schedule says
	})
}

// With the sign-in gone all rooms are read less often; a poll that would read
// none is none. When the sign-in is back everything is read at once.
func TestSignInComesBackToRestingRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.add("huddle")
		w.session.become(SignInNeeded)
		w.calendar.fail("", errDenied)
		w.run(t)
		pass(8*minute + 30*second)
		w.calendar.fail("", nil)
		w.session.become(SignedIn)
		w.session.tell()
		pass(2 * minute)
		w.expectReads(t, "boardroom", "0s 1m0s 3m0s 7m0s 8m30s 9m30s 10m30s")
		w.expectReads(t, "huddle", "0s 1m0s 3m0s 7m0s 8m30s 9m30s 10m30s")
		w.expect(t, account, Polls, "0s 0, 0s 1, 1m0s 2, 3m0s 3, 7m0s 4, 8m30s 5, 9m30s 6, 10m30s 7")
	})
}

// A sweep that names a resting room has it read: something has changed.
func TestSweepReadsARestingRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, 20*minute)
		w.calendar.fail("boardroom", errDenied)
		w.run(t)
		pass(3*time.Hour + minute)
		s.change("boardroom")
		pass(20 * minute)
		if reads := strings.Fields(w.calendar.readsOf("boardroom")); !slices.Contains(reads, "3h20m0s") {
			t.Errorf("read at %v, not at 3h20m0s", reads)
		}
	})
}

// Gateways that come back with the same power do not ask in the same second,
// as long as none needs to.
func TestFirstPollIsSpread(t *testing.T) {
	for name, c := range map[string]struct {
		rooms []string // besides the one that is kept
		off   time.Duration
		polls string
		swept string
	}{
		"known and good": {nil, 9 * minute, "9m8s 10m57s", "9m8s 10m2s 10m56s"},
		"stale":          {nil, 10 * minute, "10m0s 11m49s", "10m0s 10m54s 11m48s"},
		"one is new":     {[]string{"huddle"}, 9 * minute, "9m0s 10m49s", "9m0s 9m54s 10m48s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, s := newSweptWorld(t, 100*second, 50*second)
				w.Memory = kept(t)
				w.add(c.rooms...)
				w.Jitter = func(most time.Duration) time.Duration {
					if most == 10*second { // a tenth of the poll's interval
						return 8*second + second*time.Duration(min(1, len(w.calendar.fetches)))
					}
					return 4 * second
				}
				pass(c.off)
				w.run(t)
				pass(118 * second)
				w.expectPolls(t, c.polls)
				s.expectSweeps(t, c.swept)
			})
		})
	}
}

func TestAskBeforeTheFirstPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10*minute)
		w.Memory = kept(t)
		w.Jitter = func(most time.Duration) time.Duration { return most / 2 }
		d, _ := w.run(t)
		pass(second)
		d.PollNow(t.Context(), "boardroom")
		pass(minute)
		w.expectReads(t, "boardroom", "1s 30s")
	})
}

func TestHangingAccountCostsTheOtherNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, minute, 10*second)
		other := newWorld(t, minute)
		release := make(chan struct{})
		other.calendar.hangs = release
		w.add("huddle")
		w.Rooms[1].Account = "others"
		w.Accounts = append(w.Accounts, Account{"others", other.calendar, every(minute), nil})
		d, stop := w.run(t)
		pass(35 * second)
		d.PollNow(t.Context(), "")
		d.PollNow(t.Context(), "huddle")
		pass(30 * second)
		s.expectSweeps(t, "0s 10s 20s 30s 40s 50s 1m0s")
		w.expectReads(t, "boardroom", "0s 35s")
		other.expectPolls(t, "0s")
		close(release)
		synctest.Wait()
		other.expectPolls(t, "0s 1m5s")
		stop()
	})
}

func TestAccountWithoutRoomsAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, minute, 10*second)
		w.Rooms = nil
		d, _ := w.run(t)
		d.PollNow(t.Context(), "")
		pass(2 * minute)
		d.PollNow(t.Context(), "")
		pass(2 * minute)
		w.expectPolls(t, "")
		s.expectSweeps(t, "")
		w.expect(t, account, Polls, "0s 0")
	})
}

// A clock that is set back by years does not put sweeps off for years.
func TestClockSetBackWhileSweeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, 24*time.Hour, 40*second)
		w.clock.step(366 * 24 * time.Hour)
		w.run(t)
		pass(30 * second)
		w.clock.step(-366 * 24 * time.Hour)
		pass(90 * second)
		s.expectSweeps(t, "0s 40s 1m20s 2m0s")
	})
}
