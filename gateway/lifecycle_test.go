package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// A signal that comes while the gateway starts is not lost.
func TestSignalAtTheStart(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := newWhole(t, signInSettings)
			w.stop()
			w.open(noBroker)
			hup := make(chan os.Signal, 1)
			hup <- syscall.SIGHUP
			renamed := w.parse(strings.Replace(w.text, "[[room]]\n", "[[room]]\nname = \"Renamed\"\n", 1))
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { w.g.RunReloading(ctx, hup, func() (*config.Config, error) { return renamed, nil }) })
			w.pass(time.Second)
			if got := w.g.parts().cfg.Rooms[0].Name; got != "Renamed" {
				t.Errorf("the room is called %q", got)
			}
			if h, bad := w.g.board.Health()[configurationPart]; bad {
				t.Errorf("reported: %+v", h)
			}
			cancel()
			running.Wait()
			if err := w.st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The gateway can be reloaded only while it runs, and two reloads and the end of
// Run at the same instant leave nothing behind.
func TestReloadAroundTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWhole(t, signInSettings)
		w.signIn()
		g := w.g
		refreshed := w.parse(strings.Replace(w.text, `"*/30 * * * *"`, `"*/20 * * * *"`, 1))
		var all sync.WaitGroup
		for _, cfg := range []*config.Config{refreshed, w.cfg} {
			all.Go(func() { _ = g.Reload(cfg) }) // either may come after the end
		}
		all.Go(w.stop)
		all.Wait()
		if err := g.Reload(refreshed); err == nil || err.Error() != "the gateway is not running" {
			t.Errorf("a reload after the end: %v", err)
		}
	})
}

// What was counted, and when the gateway started, survives a reload of whatever
// is changed. One that changes nothing sends no request and publishes nothing.
func TestCountersSurviveReload(t *testing.T) {
	for _, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWhole(t, signInSettings)
				w.signIn()
				w.pass(32 * time.Minute) // polls are 15 minutes apart
				started, polls := w.point(driver.Subject{Scope: driver.OfGateway}, "started"), w.account("polls").Int()
				if polls < 3 {
					t.Fatalf("%d polls were counted", polls)
				}
				w.sim.ResetRequests()
				_, seq := w.g.board.Since(0)
				health := w.g.board.Health()
				w.reloadWith(change.old, change.replacement)
				w.pass(time.Second)
				if got := w.point(driver.Subject{Scope: driver.OfGateway}, "started"); got != started {
					t.Errorf("started is %v, was %v", got, started)
				}
				if got := w.account("polls").Int(); got < polls || got > polls+1 {
					t.Errorf("polls is %d, was %d", got, polls)
				}
				if change.old != "" {
					return
				}
				if sent := w.sim.Requests(); len(sent) > 0 {
					t.Errorf("the reload sent %d requests", len(sent))
				}
				if entries, _ := w.g.board.Since(seq); len(entries) > 0 {
					t.Errorf("the reload published %+v", entries)
				}
				if now := w.g.board.Health(); !slices.Equal(slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(health))) {
					t.Errorf("parts were %v and are %v", health, now)
				}
			})
		})
	}
}

// A configuration that is read again in another season says the same: the driver
// goes on with the schedules it has.
func TestReloadInAnotherSeason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWhole(t, signInSettings+"\nsweep = \"*/10 * * * *\"")
		first := w.g.parts()
		w.stop()
		w.pass(200 * 24 * time.Hour)
		again := w.parse(w.text)
		if reflect.DeepEqual(first.cfg.Accounts[0].Poll, again.Accounts[0].Poll) {
			t.Skip("zones that were loaded in different seasons do not differ in this release of Go")
		}
		next, err := w.g.build(again, first)
		if err != nil {
			t.Fatal(err)
		}
		type equaler interface{ Equal(any) bool } // what the driver asks
		a, b := first.driverAccounts()[0], next.driverAccounts()[0]
		if a.Provider != b.Provider || !a.Poll.(equaler).Equal(b.Poll) || !a.Sweep.(equaler).Equal(b.Sweep) {
			t.Error("the accounts differ for the driver")
		}
	})
}

// Sessions that are replaced end at the same time, and no request of a sign-in
// that is replaced counts as a failure of the rooms.
func TestSessionsEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWhole(t, signInSettings)
		second := strings.Replace(w.text[strings.Index(w.text, "[[account]]"):strings.Index(w.text, "[[room]]")], `"rooms"`, `"second"`, 1)
		second, _, _ = strings.Cut(second, "[defaults.room]")
		w.reloadWith("[[room]]\n", "[[room]]\naccount = \"rooms\"\n")
		w.text = strings.Replace(w.text, "match = [", "account = \"rooms\"\nmatch = [", 1)
		w.reloadWith("[[account]]", second+"[[account]]")
		w.signIn()
		w.pass(time.Minute)
		w.sim.Set(func(s *graphsim.Behaviour) { s.Latency = 20 * time.Second })
		begun := time.Now()
		for i, account := range []string{"rooms", "second"} {
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Second)
				_ = w.g.Client().CompleteCode(t.Context(), account, "no-code-of-this-service")
			}()
		}
		w.pass(time.Second)
		w.text = strings.ReplaceAll(w.text, `"*/30 * * * *"`, `"*/20 * * * *"`)
		w.reloadWith("", "")
		if took := time.Since(begun); took > 25*time.Second {
			t.Errorf("the reload ended %s after a request that took 20s", took)
		}
		w.pass(10 * time.Minute)
	})
}

// goroutines counts those of the bubble, and returns the stacks of all.
func goroutines() (n int, stacks []byte) {
	synctest.Wait()
	stacks = make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte(", synctest bubble ")), stacks
}

// A hundred reloads of everything leave no goroutine behind.
func TestReloadsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWhole(t, signInSettings)
		w.signIn()
		variants := []string{w.text}
		for _, c := range append(changes[1:], []struct{ name, old, replacement string }{
			{"the prefix", "[mqtt]\n", "[mqtt]\nprefix = \"other\"\n"},
			{"the site", "id = \"hq\"\n", "id = \"hq\"\nname = \"Other\"\n"},
			{"a sensor", "[[room]]\n", "[[room]]\npresence_topic = \"bms/1\"\n"},
			{"the page", "[[account]]", "[web]\nlisten = \"127.0.0.1:9\"\n[[account]]"},
			{"the account", "name = \"rooms\"", "name = \"other\""},
		}...) {
			text := strings.Replace(w.text, c.old, c.replacement, 1)
			if text == w.text {
				t.Fatalf("%s: nothing to change", c.name)
			}
			variants = append(variants, text)
		}
		reloadAll := func() {
			for _, text := range variants {
				if err := w.g.Reload(w.parse(text)); err != nil {
					t.Error(err)
				}
				w.pass(time.Second)
			}
			if err := w.g.Reload(w.parse(w.text)); err != nil {
				t.Error(err)
			}
			w.pass(2 * time.Minute)
		}
		reloadAll()
		before, _ := goroutines()
		for range 12 {
			reloadAll()
		}
		if after, stacks := goroutines(); after > before {
			t.Errorf("%d goroutines, were %d:\n%s", after, before, stacks)
		}
		w.pass(20 * time.Minute)
		w.sameAsCalendar("at the end")
	})
}

// An account whose tenant is changed does not use the sign-in it has, which works
// again when the tenant is changed back. A sign-in that was begun before is not
// completed with another client.
func TestReloadOfTheTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWhole(t, signInSettings)
		w.signIn()
		w.pass(time.Minute)
		address, err := w.g.Client().Begin(t.Context(), "rooms", driver.AuthorizationRequest{})
		if err != nil {
			t.Fatal(err)
		}
		landed := w.accept(address)
		tenant := fmt.Sprintf("tenant = %q", graphsim.TenantID)
		w.sim.ResetRequests()
		w.reloadWith(tenant, `tenant = "common"`)
		if s := w.g.accountStatuses()[0]; s.State != driver.SignInNeeded {
			t.Errorf("with another tenant the sign-in is %s: %s", s.State, s.Reason)
		}
		w.sim.ResetRequests()
		if err := w.g.Client().Complete(t.Context(), "rooms", landed); err == nil || !strings.Contains(err.Error(), "begun for tenant "+graphsim.TenantID) {
			t.Errorf("a sign-in that was begun for another tenant: %v", err)
		}
		if sent := w.sim.Requests(); len(sent) > 0 {
			t.Errorf("the code was sent for another tenant")
		}
		w.reloadWith(`tenant = "common"`, tenant)
		w.pass(time.Minute)
		w.sameAsCalendar("back at the tenant")
		if err := w.g.Client().Complete(t.Context(), "rooms", landed); err != nil {
			t.Errorf("a sign-in that was begun with the same settings: %v", err)
		}
		w.mustWork(0)
	})
}

// A sign-in that completes while its account is removed or renamed is kept for an
// account of the same name, and is not that of another.
func TestAccountIsRenamedDuringASignIn(t *testing.T) {
	for offset := -latency; offset <= 2*latency; offset += latency / 5 {
		synctest.Test(t, func(t *testing.T) {
			w := newWhole(t, signInSettings)
			address, err := w.g.Client().Begin(t.Context(), "rooms", driver.AuthorizationRequest{})
			if err != nil {
				t.Fatal(err)
			}
			landed := w.accept(address)
			var completed error
			w.race(offset, func() { w.reloadWith(`name = "rooms"`, `name = "other"`) }, func() {
				completed = w.g.Client().Complete(t.Context(), "rooms", landed)
			})
			w.pass(time.Minute)
			if s := w.g.accountStatuses()[0]; s.Name != "other" || s.State != driver.NeverSignedIn {
				t.Errorf("reload at %s: the account is %s: %s", offset, s.State, s.Reason)
			}
			for _, r := range w.cfg.Rooms {
				if q := w.room(r.ID, driver.QualityPoint).Text(); q == "good" {
					t.Errorf("reload at %s: %s is good although its account has never read it", offset, r.ID)
				}
			}
			w.reloadWith(`name = "other"`, `name = "rooms"`)
			w.pass(time.Minute)
			switch s := w.g.accountStatuses()[0]; {
			case completed == nil && s.State != driver.SignedIn:
				t.Errorf("reload at %s: completed, and the account is %s: %s", offset, s.State, s.Reason)
			case completed != nil && !strings.Contains(completed.Error(), `there is no account "rooms"`):
				t.Errorf("reload at %s: %v", offset, completed)
			case completed != nil: // the code was not sent, and can be
				if err := w.g.Client().Complete(t.Context(), "rooms", landed); err != nil {
					t.Errorf("reload at %s, once more: %v", offset, err)
				}
			}
			w.mustWork(offset)
		})
	}
}

// What is read with a session that has ended fails in a way that the driver tells
// from a failure of the rooms.
func TestReadingWithASessionThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWhole(t, signInSettings)
		w.signIn()
		w.stop()
		w.own.set(2 * time.Hour) // the access token has expired
		a := w.g.parts().accounts[0]
		readings := driver.ReadOnce(t.Context(), a.provider, w.g.parts().rooms, w.own.Now(), w.own.Now().Add(time.Hour))
		if len(readings) != len(w.cfg.Rooms) {
			t.Fatalf("%d readings of %d rooms", len(readings), len(w.cfg.Rooms))
		}
		for _, r := range readings {
			if !errors.Is(r.Err, driver.ErrSessionEnded) {
				t.Errorf("%s: %v", r.Room, r.Err)
			}
		}
	})
}
