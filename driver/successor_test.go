package driver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A Fetch that does not end, although its context has, holds up its own provider
// alone: the account is read with another one, also after further changes.
func TestReconfigureAgainDuringAFetchThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		release := make(chan struct{})
		w.calendar.hangs = release
		w.calendar.set("boardroom", since(0, time.Hour))
		d, stop := w.run(t)
		pass(5 * second)
		other := w.otherProvider(t)
		w.reconfigure(t, d)
		pass(5 * second)
		w.Rooms[0].Lead = 3 * minute
		w.reconfigure(t, d)
		pass(minute)
		other.expectPolls(t, "5s 10s")
		close(release)
		pass(minute)
		w.expectPolls(t, "0s")
		w.expect(t, boardroom, "booked", "0s ?, 5s false")
		stop()
	})
}

// A provider that comes back is not called before its earlier call has ended.
func TestReconfigureBackToAProviderThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, time.Hour)
		w.calendar.takes = 20 * second
		d, _ := w.run(t)
		first := w.Accounts
		pass(5 * second)
		w.otherProvider(t)
		w.reconfigure(t, d)
		w.Accounts = first
		w.reconfigure(t, d)
		pass(minute)
		w.expectPolls(t, "0s 20s")
		if s.both {
			t.Error("two calls ran at once")
		}
	})
}

// A session that ends at a reload is no failure of the rooms: what is known of
// them stands until its successor reads.
func TestSessionThatEndedIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(0, time.Hour))
		w.run(t)
		pass(10 * second)
		w.calendar.fail("", fmt.Errorf("reading: %w", ErrSessionEnded))
		pass(5 * minute)
		w.expect(t, boardroom, "quality", "0s unknown, 0s good")
		w.expect(t, boardroom, "fault", "0s no read has succeeded yet, 0s nothing")
		w.expectLogged(t, "rooms cannot be read", 0)
	})
}

// What another sensor reported last does not count, neither after a reload nor
// after a restart.
func TestAnotherSensor(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %t", restart), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, time.Hour)
				w.Rooms[0].StaleAfter = 5 * time.Hour
				w.Rooms[0].SensorID = "bms/1"
				d, stop := w.run(t)
				d.Presence("boardroom", Presence{true, true})
				pass(30 * minute)
				w.Rooms[0].SensorID = "bms/2"
				if restart {
					stop()
					d, _ = w.run(t)
				} else {
					w.reconfigure(t, d)
				}
				pass(30 * minute)
				d.Presence("boardroom", Presence{true, false})
				pass(minute)
				w.expect(t, boardroom, "sensor", "0s silent, 0s good, 30m0s silent, 1h0m0s good")
				w.expect(t, boardroom, "occupied", "0s ?, 0s false, 0s true, 30m0s false")
			})
		})
	}
}

// Bookings of another service are not the room's, whatever its mailbox is called:
// nothing is good before the new service was read.
func TestAnotherService(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %t", restart), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, time.Hour)
				w.Rooms[0].Service = "https://simulator.example"
				w.calendar.set("boardroom", since(0, time.Hour))
				d, stop := w.run(t)
				pass(5 * minute)
				w.Rooms[0].Service = "https://contoso.example"
				other := w.otherProvider(t)
				other.calendar.fail("", errTimeout)
				if restart {
					stop()
					_, _ = w.run(t)
				} else {
					w.reconfigure(t, d)
				}
				pass(minute)
				if got := w.published.value(boardroom, "quality").Text(); got == "good" || got == "stale" {
					t.Errorf("quality is %s although the service was never read", got)
				}
				if got := w.published.value(boardroom, "booked"); got.Known() {
					t.Errorf("booked is %+v although the service was never read", got)
				}
			})
		})
	}
}

// An account that is removed and comes back under another name does not call the
// provider a second time while it is busy.
func TestReconfigureAccountRenamedDuringAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSweptWorld(t, time.Hour, time.Hour)
		w.calendar.takes = 20 * second
		d, _ := w.run(t)
		pass(5 * second)
		w.Accounts[0].Name, w.Rooms[0].Account = "renamed", "renamed"
		w.reconfigure(t, d)
		pass(minute)
		w.expectPolls(t, "0s 20s")
		if s.both {
			t.Error("two calls ran at once")
		}
	})
}
