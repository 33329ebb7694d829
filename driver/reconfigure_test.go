package driver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reconfigure hands the options as they are now to the driver, which must not
// let it wait.
func (w *world) reconfigure(t *testing.T, d *Driver) {
	t.Helper()
	before := time.Now()
	if err := d.Reconfigure(t.Context(), w.Site, slices.Clone(w.Rooms), slices.Clone(w.Accounts)); err != nil {
		t.Error(err)
	}
	if took := time.Since(before); took != 0 {
		t.Errorf("waited %s", took)
	}
	synctest.Wait()
}

// otherProvider gives the account another provider, with the same schedule.
func (w *world) otherProvider(t *testing.T) *world {
	other := newWorld(t, time.Hour)
	w.Accounts = []Account{{"rooms", other.calendar, w.Accounts[0].Poll, w.Accounts[0].Sweep}}
	return other
}

func (w *world) expectRemoved(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(w.published.removed, want) {
		t.Errorf("removed: %q, want %q", w.published.removed, want)
	}
}

// A configuration that says the same is invisible: nothing is published, polled,
// swept or stored because of it, and the jitter of what is planned stays.
func TestReconfigureWithTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, 2*minute, 40*second)
		w.Rooms[0].Match = []string{"Boardroom"}
		w.Rooms[0].Weekly.Exceptions = map[string][]HoursRange{"2000-01-01": {{540, 1020}}}
		w.Accounts[0].Poll, w.Accounts[0].Sweep = named{every(2 * minute), new("poll")}, named{every(40 * second), new("sweep")}
		jitter := 0
		w.Jitter = func(time.Duration) time.Duration { jitter++; return time.Duration(jitter) * time.Millisecond }
		d, _ := w.run(t)
		pass(30 * second)
		calls, puts := w.published.publications(), w.shelf.count()
		zone, err := time.LoadLocation(w.Rooms[0].Zone.String())
		if err != nil {
			t.Fatal(err)
		}
		w.Rooms[0].Match = []string{"Boardroom"}
		w.Rooms[0].Weekly.Exceptions = map[string][]HoursRange{"2000-01-01": {{540, 1020}}}
		w.Rooms[0].Zone = zone
		w.Accounts[0].Poll, w.Accounts[0].Sweep = named{every(2 * minute), new("poll (again)")}, named{every(40 * second), new("sweep (again)")}
		w.reconfigure(t, d)
		if published, stored := w.published.publications()-calls, w.shelf.count()-puts; published != 0 || stored != 0 {
			t.Errorf("published %d times, stored %d times", published, stored)
		}
		pass(2 * minute)
		w.expectReads(t, "boardroom", "0s 2m0.001s")
		s.expectSweeps(t, "0s 40.002s 1m20.005s 2m0.009s")
		w.expect(t, account, "polls", "0s 0, 0s 1, 2m0.001s 2")
		w.expectRemoved(t)
	})
}

// A room with other settings is derived at once from what is known of it, and the
// reading that follows does not have to succeed.
func TestReconfigureSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.Rooms[0].StaleAfter = 2 * time.Hour
		w.calendar.set("boardroom", since(20*minute, 30*minute))
		d, _ := w.run(t)
		pass(5 * minute)
		w.calendar.fail("", errTimeout)
		w.Rooms[0].Lead, w.Rooms[0].Name = 16*minute, "Board Room"
		w.reconfigure(t, d)
		pass(40 * minute)
		w.expect(t, boardroom, "comfort", "0s ?, 0s false, 5m0s true, 30m0s false")
		w.expect(t, boardroom, "booked", "0s ?, 0s false, 20m0s true, 30m0s false")
		w.expect(t, boardroom, "quality", "0s unknown, 0s good")
		w.expectPolls(t, "0s 5m0s")
		if meta := w.published.value(boardroom, "meta").Text(); !strings.Contains(meta, "Board Room") {
			t.Errorf("meta: %s", meta)
		}
	})
}

// At the second of a boundary the new settings are those that count.
func TestReconfigureAtABoundary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.calendar.set("boardroom", since(20*minute, 30*minute))
		d, _ := w.run(t)
		time.Sleep(20 * minute) // the loop and this test wake at the same instant
		w.Rooms[0].Lag = 5 * minute
		w.reconfigure(t, d)
		pass(30 * minute)
		w.expect(t, boardroom, "booked", "0s ?, 0s false, 20m0s true, 30m0s false")
		w.expect(t, boardroom, "comfort", "0s ?, 0s false, 20m0s true, 35m0s false")
	})
}

// With stricter privacy nothing more is shown, even before the next reading, and
// what was stored is rewritten at once.
func TestReconfigurePrivacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.Rooms[0].Privacy = PrivacyFull
		b := since(0, 30*minute)
		b.Subject, b.Organizer = "Merger", "Ann Other"
		w.calendar.set("boardroom", b)
		d, _ := w.run(t)
		pass(5 * minute)
		if !strings.Contains(w.shelf.text("boardroom"), "Merger") || !strings.Contains(w.published.value(boardroom, "schedule").Text(), "Merger") {
			t.Fatal("the subject was not known in the first place")
		}
		w.calendar.fail("", errTimeout)
		w.Rooms[0].Privacy = PrivacyOrganizer
		w.reconfigure(t, d)
		w.expect(t, boardroom, "current_subject", "0s ?, 0s Merger, 5m0s nothing")
		w.expect(t, boardroom, "current_organizer", "0s ?, 0s Ann Other")
		w.expect(t, boardroom, "booked", "0s ?, 0s true")
		for _, point := range []string{"schedule", "state"} {
			if text := w.published.value(boardroom, point).Text(); strings.Contains(text, "Merger") || !strings.Contains(text, "Ann Other") {
				t.Errorf("published: %s", text)
			}
		}
		if text := w.shelf.text("boardroom"); strings.Contains(text, "Merger") || !strings.Contains(text, "Ann Other") {
			t.Errorf("stored: %s", text)
		}
	})
}

// Bookings of another mailbox, calendar, account or match are not the room's.
func TestReconfigureSource(t *testing.T) {
	for name, change := range map[string]func(*world){
		"mailbox":  func(w *world) { w.Rooms[0].Mailbox = "other@contoso.example" },
		"calendar": func(w *world) { w.Rooms[0].Calendar = "Rooms" },
		"match":    func(w *world) { w.Rooms[0].Match = []string{"Huddle"} },
		"account": func(w *world) {
			w.Rooms[0].Account = "others"
			w.Accounts = append(w.Accounts, Account{"others", feed{w.calendar}, every(time.Hour), nil})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, time.Hour)
				w.Rooms[0].Mailbox = "boardroom@contoso.example"
				w.calendar.set("boardroom", since(0, 3*time.Hour))
				d, stop := w.run(t)
				pass(5 * minute)
				w.calendar.fail("", errTimeout)
				change(w)
				w.reconfigure(t, d)
				if w.shelf.text("boardroom") != "" {
					t.Error("the bookings of the other calendar are still stored")
				}
				pass(minute)
				w.calendar.fail("", nil)
				w.calendar.set("boardroom", since(2*time.Hour, 3*time.Hour))
				d.PollNow(t.Context(), "boardroom")
				pass(minute)
				w.expect(t, boardroom, "booked", "0s ?, 0s true, 5m0s ?, 6m0s false")
				w.expect(t, boardroom, "quality", "0s unknown, 0s good, 5m0s unknown, 6m0s good")
				stop()
				if text := w.shelf.text("boardroom"); !strings.Contains(text, "02:00:00Z") {
					t.Errorf("stored: %s", text)
				}
			})
		})
	}
}

// A room that was removed is neither shown nor read nor remembered; when it comes
// back it is read at once and starts from scratch.
func TestReconfigureWithoutARoomAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10*minute)
		w.Rooms[0].StaleAfter = time.Hour
		w.add("huddle")
		w.calendar.set("huddle", since(0, time.Hour))
		d, stop := w.run(t)
		pass(31 * minute) // the pasts are stored, too
		if w.shelf.text("huddle") == "" || w.shelf.text("past/huddle") == "" {
			t.Fatal("the huddle was never stored")
		}
		both := w.Rooms
		w.Rooms = both[:1]
		w.reconfigure(t, d)
		w.expectRemoved(t, "31m0s huddle")
		w.expect(t, gateway, "rooms_total", "0s 2, 31m0s 1")
		w.expect(t, gateway, "rooms_good", "0s 0, 0s 2, 31m0s 1")
		if left := w.shelf.text("huddle") + w.shelf.text("past/huddle"); left != "" || strings.Contains(w.shelf.text(readAtKey), "huddle") {
			t.Errorf("stored: %s, %s", left, w.shelf.text(readAtKey))
		}
		if err := d.PollNow(t.Context(), "huddle"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("a room that was removed: %v, want ErrNoRoom", err)
		}
		d.Presence("huddle", Presence{true, true})
		if _, _, err := d.Explain(t.Context(), "huddle"); !errors.Is(err, ErrNoRoom) {
			t.Error("a room that was removed is explained")
		}
		pass(20 * minute) // 51m
		if _, shown := w.published.latest[Subject{OfRoom, "huddle"}]; shown {
			t.Error("a room that was removed is published")
		}
		w.calendar.takes = second // so that the room is published before it is read
		w.Rooms = both
		w.reconfigure(t, d)
		pass(second)
		w.expectReads(t, "huddle", "0s 10m0s 20m0s 30m0s 51m0s")
		w.expect(t, Subject{OfRoom, "huddle"}, "booked", "51m0s ?, 51m1s true")
		w.expect(t, Subject{OfRoom, "huddle"}, "quality", "51m0s unknown, 51m1s good")
		w.expect(t, boardroom, "quality", "0s unknown, 0s good")
		stop()
		if !strings.Contains(w.shelf.text(readAtKey), "huddle") || w.shelf.text("huddle") == "" {
			t.Errorf("stored: %v", w.shelf.values)
		}
	})
}

// Counters of an account survive another provider, and what the new one says of
// its sign-in is shown.
func TestReconfigureProviderKeepsCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10*minute)
		w.Rooms[0].StaleAfter = time.Hour
		d, _ := w.run(t)
		pass(15 * minute)
		first := w.session
		other := w.otherProvider(t)
		other.calendar.fail("", errDenied)
		other.session.become(NeverSignedIn)
		w.reconfigure(t, d)
		pass(2 * minute)
		first.become(SignInNeeded)
		first.tell()
		pass(minute)
		other.calendar.fail("", nil)
		other.session.become(SignedIn)
		other.session.tell()
		pass(minute)
		w.expectPolls(t, "0s 10m0s")
		other.expectPolls(t, "15m0s 18m0s")
		w.expect(t, account, "polls", "0s 0, 0s 1, 10m0s 2, 15m0s 3, 18m0s 4")
		w.expect(t, account, "throttled", "0s 0, 0s 1, 10m0s 2, 15m0s 3, 18m0s 4")
		w.expect(t, account, "last_poll", "0s nothing, 0s 2000-01-01T00:00:00Z, 10m0s 2000-01-01T00:10:00Z, 15m0s 2000-01-01T00:15:00Z, 18m0s 2000-01-01T00:18:00Z")
		w.expect(t, account, "state", "0s ok, 15m0s never_signed_in, 18m0s ok")
		w.expect(t, gateway, "started", "0s 2000-01-01T00:00:00Z")
		w.expect(t, boardroom, "quality", "0s unknown, 0s good")
	})
}

func TestReconfigureSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, minute)
		d, _ := w.run(t)
		pass(90 * second)
		w.Accounts[0].Poll, w.Accounts[0].Sweep = every(10*minute), nil
		w.reconfigure(t, d)
		pass(15 * minute)
		w.expectPolls(t, "0s 1m30s 11m30s")
		s.expectSweeps(t, "0s 1m0s")
	})
}

// Only the account that has changed is polled.
func TestReconfigureOneAccountOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, other := newWorld(t, time.Hour), newWorld(t, time.Hour)
		w.add("huddle")
		w.Rooms[1].Account = "others"
		w.Accounts = append(w.Accounts, Account{"others", other.calendar, every(time.Hour), nil})
		d, _ := w.run(t)
		pass(5 * minute)
		w.Rooms = slices.Clone(w.Rooms)
		w.Rooms[1].Grace = time.Hour
		w.reconfigure(t, d)
		pass(time.Hour)
		w.expectPolls(t, "0s 1h0m0s")
		other.expectPolls(t, "0s 5m0s 1h5m0s")
		w.Accounts, w.Rooms = w.Accounts[:1], w.Rooms[:1]
		w.reconfigure(t, d)
		pass(2 * time.Hour)
		other.expectPolls(t, "0s 5m0s 1h5m0s")
		w.expectRemoved(t, "1h5m0s huddle", "1h5m0s others")
		if state := w.published.value(gateway, "state").Text(); strings.Contains(state, "others") {
			t.Errorf("gateway: %s", state)
		}
	})
}

// What the old poller is still reading is dropped. The new one waits for it where
// both use one provider, and for nothing else.
func TestReconfigureDuringAFetch(t *testing.T) {
	t.Run("the same provider", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, s := newSweptWorld(t, time.Hour, time.Hour)
			w.calendar.takes = 20 * second
			w.calendar.set("boardroom", since(0, time.Hour))
			d, _ := w.run(t)
			pass(5 * second)
			w.Rooms[0].Mailbox = "other@contoso.example"
			w.reconfigure(t, d)
			w.Rooms[0].Mailbox = "another@contoso.example"
			w.reconfigure(t, d)
			pass(10 * second) // 15s
			w.calendar.set("boardroom", since(30*minute, time.Hour))
			pass(minute)
			w.expectPolls(t, "0s 20s")
			w.expect(t, boardroom, "booked", "0s ?, 40s false")
			w.expect(t, account, "polls", "0s 0, 40s 1")
			w.expectLogged(t, "rooms cannot be read", 0)
			if s.both {
				t.Error("two calls ran at once")
			}
		})
	})
	t.Run("another provider", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, time.Hour)
			release := make(chan struct{})
			w.calendar.hangs = release
			w.calendar.set("boardroom", since(0, time.Hour))
			d, stop := w.run(t)
			pass(5 * second)
			other := w.otherProvider(t)
			w.reconfigure(t, d)
			pass(minute)
			other.expectPolls(t, "5s")
			close(release)
			pass(minute)
			w.expectPolls(t, "0s")
			w.expect(t, boardroom, "booked", "0s ?, 5s false")
			w.expect(t, account, "polls", "0s 0, 5s 1")
			stop()
		})
	})
}

func TestReconfigureDuringASweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, minute)
		d, _ := w.run(t)
		pass(55 * second)
		s.takes = 20 * second
		s.refuse(errDenied)
		pass(10 * second) // 1m5s, in a sweep that will be refused
		w.Rooms[0].Lead = minute
		w.reconfigure(t, d)
		s.refuse(nil)
		pass(30 * second)
		s.expectSweeps(t, "0s 1m0s 1m20s")
		w.expectReads(t, "boardroom", "0s 1m20s")
		w.expectLogged(t, "refused", 0)
		if s.both {
			t.Error("two calls ran at once")
		}
	})
}

// A write that runs does not bring back what was removed meanwhile.
func TestReconfigureDuringAWrite(t *testing.T) {
	for _, err := range []error{nil, errFull} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, time.Hour)
			w.add("huddle", "library")
			w.shelf.slow(25 * second)
			w.shelf.fail(err)
			d, stop := w.run(t)
			pass(5 * second)
			w.Rooms = slices.Clone(w.Rooms)
			w.Rooms[2].Mailbox = "other@contoso.example"
			w.calendar.fail("library", errTimeout)
			w.Rooms = slices.Delete(w.Rooms, 1, 2)
			w.reconfigure(t, d)
			w.shelf.fail(nil)
			pass(2 * minute)
			if w.shelf.text("boardroom") == "" {
				t.Error("the boardroom was not stored")
			}
			for _, key := range []string{"huddle", "past/huddle", "library"} {
				if text := w.shelf.text(key); text != "" {
					t.Errorf("%s: %s", key, text)
				}
			}
			if at := w.shelf.text(readAtKey); strings.Contains(at, "huddle") || strings.Contains(at, "library") {
				t.Errorf("read at: %s", at)
			}
			if w.shelf.both {
				t.Error("two writes ran at once")
			}
			stop()
		})
	}
}

// A sensor that is switched on says nothing until it is heard; one that is
// switched off no longer counts.
func TestReconfigureSensor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.Rooms[0].StaleAfter = 5 * time.Hour
		w.Rooms[0].SensorID, w.Rooms[0].Grace = "pir", 10*minute
		d, _ := w.run(t)
		d.Presence("boardroom", Presence{true, true})
		pass(30 * minute)
		w.Rooms[0].SensorID = ""
		w.reconfigure(t, d)
		d.Presence("boardroom", Presence{true, true})
		pass(30 * minute)
		w.Rooms[0].SensorID = "pir"
		w.reconfigure(t, d)
		pass(30 * minute)
		d.Presence("boardroom", Presence{true, true})
		pass(minute)
		w.expect(t, boardroom, "sensor", "0s silent, 0s good, 30m0s none, 1h0m0s silent, 1h30m0s good")
		w.expect(t, boardroom, "occupied", "0s ?, 0s false, 0s true, 30m0s false, 1h30m0s true")
	})
}

// With the site's zone the window moves, and the gateway says the site's name.
func TestReconfigureSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		d, _ := w.run(t)
		pass(5 * minute)
		w.Site.Name = "Annex"
		w.reconfigure(t, d)
		if state := w.published.value(gateway, "state").Text(); !strings.Contains(state, `"name":"Annex"`) {
			t.Errorf("gateway: %s", state)
		}
		w.expectPolls(t, "0s")
		east := time.FixedZone("east", 3*60*60)
		w.Site.Zone, w.Rooms[0].Zone = east, east
		w.reconfigure(t, d)
		w.expectPolls(t, "0s 5m0s")
		if want := time.Date(2000, 1, 1, 0, 0, 0, 0, east); !w.calendar.from.Equal(want) {
			t.Errorf("read from %v, want %v", w.calendar.from, want)
		}
	})
}

func TestReconfigureBeforeAndAfterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		first := newWorld(t, time.Hour)
		d := New(first.Options)
		w.add("huddle")
		first.Rooms, first.Accounts = w.Rooms, w.Accounts
		first.reconfigure(t, d)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		pass(minute)
		first.expectPolls(t, "")
		w.expectReads(t, "huddle", "0s")
		first.expect(t, gateway, "rooms_total", "0s 2")
		first.expectRemoved(t)
		stop()
		<-done
		if err := d.Reconfigure(t.Context(), first.Site, nil, nil); err == nil || !strings.Contains(err.Error(), "the driver has stopped") {
			t.Errorf("after the end: %v", err)
		}
	})
}

// An error means that nothing was replaced.
func TestReconfigureThatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		d, _ := w.run(t)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var err error
		for range 20 {
			if err = d.Reconfigure(ended, w.Site, nil, nil); err == nil {
				break // the loop was faster
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		pass(minute)
		if replaced := len(w.published.removed) > 0; replaced != (err == nil) {
			t.Errorf("replaced: %t, and the error is %v", replaced, err)
		}
	})
}

// A provider that cannot be compared counts as another one.
func TestReconfigureWithAProviderThatCannotBeCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		w.Accounts[0].Provider = listed{feed{w.calendar}}
		d, _ := w.run(t)
		pass(minute)
		w.reconfigure(t, d)
		w.expectPolls(t, "0s 1m0s")
	})
}

// listed is a Provider that cannot be compared.
type listed []feed

func (l listed) Service() string { return l[0].Service() }

func (l listed) Fetch(ctx context.Context, rooms []Room, from, to time.Time, r Receiver) Tally {
	return l[0].Fetch(ctx, rooms, from, to, r)
}

// Everything may be called at any time. Run with -race.
func TestReconfigureAmongOtherCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newSweptWorld(t, 5*second, 2*second)
		w.add("huddle", "library")
		w.Rooms[0].SensorID = "pir"
		w.shelf.slow(3 * second)
		w.calendar.takes = second
		d, stop := w.run(t)
		var calls sync.WaitGroup
		for i := range 4 {
			calls.Go(func() {
				for n := range 50 {
					room := w.Options.Rooms[n%3].ID
					switch i {
					case 0:
						rooms := slices.Clone(w.Rooms[:1+n%3])
						rooms[0].Lead = time.Duration(n) * second
						if err := d.Reconfigure(t.Context(), w.Site, rooms, w.Accounts); err != nil {
							t.Error(err)
						}
					case 1:
						d.PollNow(t.Context(), room)
					case 2:
						d.Presence(room, Presence{true, n%2 == 0})
					case 3:
						d.Explain(t.Context(), room)
					}
					time.Sleep(700 * time.Millisecond)
				}
			})
		}
		calls.Wait()
		stop()
	})
}
