package bridge

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

var (
	booked, comfort = driver.OfRoom.Index(driver.Booked), driver.OfRoom.Index(driver.Comfort)

	roomA   = driver.Subject{Scope: driver.OfRoom, ID: "a"}
	roomB   = driver.Subject{Scope: driver.OfRoom, ID: "b"}
	account = driver.Subject{Scope: driver.OfAccount, ID: "main"}

	nine = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
)

func good(s driver.Subject, at time.Time, values ...driver.Value) driver.Update {
	return driver.Update{Subject: s, At: at, Quality: driver.QualityGood, Values: values}
}

func ints(numbers ...int) []driver.Value {
	var values []driver.Value
	for _, n := range numbers {
		values = append(values, driver.IntValue(n))
	}
	return values
}

// since renders what Since returns, an entry a word: subject, point, value.
func since(b *Board, seq uint64) ([]string, uint64) {
	entries, next := b.Since(seq)
	var words []string
	for _, e := range entries {
		words = append(words, fmt.Sprintf("%s/%s=%d", e.Subject.ID, e.Point().Name, e.Value.Int()))
	}
	return words, next
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestSinceTellsWhatChanged(t *testing.T) {
	b := New()
	if got, seq := since(b, 0); got != nil || seq != 0 {
		t.Errorf("empty board: %v, %d", got, seq)
	}
	b.Publish([]driver.Update{good(roomB, nine, ints(1, 2)...), good(roomA, nine, ints(3)...)})
	first, seq := since(b, 0)
	if want := []string{"b/booked=1", "b/comfort=2", "a/booked=3"}; !slices.Equal(first, want) {
		t.Errorf("first = %v, want %v", first, want)
	}
	b.Publish([]driver.Update{good(roomB, nine, ints(1, 7)...)})
	b.Publish([]driver.Update{good(roomB, nine, ints(1, 8)...)})
	b.Publish([]driver.Update{good(roomA, nine, ints(9)...)})
	second, seq := since(b, seq)
	if want := []string{"b/comfort=8", "a/booked=9"}; !slices.Equal(second, want) {
		t.Errorf("second = %v, want the newest of what changed, %v", second, want)
	}
	if third, again := since(b, seq); third != nil || again != seq {
		t.Errorf("third = %v, %d; want nothing and %d", third, again, seq)
	}
}

func TestAtTellsSinceWhenAValueHasBeen(t *testing.T) {
	b := New()
	b.Publish([]driver.Update{good(roomA, nine, ints(1, 1)...)})
	b.Publish([]driver.Update{good(roomA, nine.Add(time.Minute), ints(1, 2)...)})
	entries := b.Subject(roomA)
	if at := entries[booked].At; !at.Equal(nine) {
		t.Errorf("a value that stayed is dated %v, want %v", at, nine)
	}
	if at := entries[comfort].At; !at.Equal(nine.Add(time.Minute)) {
		t.Errorf("a value that changed is dated %v, want a minute past nine", at)
	}
	stale := good(roomA, nine.Add(time.Hour), ints(1, 2)...)
	stale.Quality = driver.QualityStale
	b.Publish([]driver.Update{stale})
	e := b.Subject(roomA)[booked]
	if e.Quality != driver.QualityStale || !e.At.Equal(nine.Add(time.Hour)) || e.Value.Int() != 1 {
		t.Errorf("a change of quality left %+v", e)
	}
}

// The driver uses its slice of values again for the next update.
func TestPublishCopiesValues(t *testing.T) {
	b := New()
	values := ints(1)
	b.Publish([]driver.Update{good(roomA, nine, values...)})
	values[0] = driver.IntValue(2)
	if got := b.Subject(roomA)[booked].Value.Int(); got != 1 {
		t.Errorf("value became %d with the caller's slice", got)
	}
	b.Subject(roomA)[booked] = Entry{}
	if got := b.Subject(roomA)[booked].Value.Int(); got != 1 {
		t.Errorf("value became %d with a reader's slice", got)
	}
}

func TestChangedOnlyByAChange(t *testing.T) {
	b := New()
	changed := b.Changed()
	b.Publish([]driver.Update{good(roomA, nine, ints(1)...)})
	if !closed(changed) {
		t.Error("a new point woke nobody")
	}
	changed = b.Changed()
	b.Publish([]driver.Update{good(roomA, nine.Add(time.Hour), ints(1)...)})
	b.Publish(nil)
	if closed(changed) {
		t.Error("woken although nothing changed")
	}
}

func TestSubjects(t *testing.T) {
	b := New()
	b.Publish([]driver.Update{good(roomB, nine, ints(1)...), good(account, nine, ints(1)...), good(roomA, nine, ints(1)...)})
	if got, want := b.Subjects(driver.OfRoom), []driver.Subject{roomB, roomA}; !slices.Equal(got, want) {
		t.Errorf("Subjects = %v, want %v in the order they came", got, want)
	}
	if got := b.Subject(driver.Subject{Scope: driver.OfRoom, ID: "c"}); got != nil {
		t.Errorf("Subject of a room that was never published = %v, want nil", got)
	}
	if got := b.Value(roomB, booked); got != driver.IntValue(1) {
		t.Errorf("Value of a point = %+v, want 1", got)
	}
	if got := b.Value(driver.Subject{Scope: driver.OfRoom, ID: "c"}, booked); got.Known() {
		t.Errorf("Value of a room that was never published = %+v, want unknown", got)
	}
	if got, want := len(b.Subject(account)), len(driver.Catalogue(driver.OfAccount)); got != want {
		t.Errorf("Subject has %d points, want all %d of the catalogue", got, want)
	}
}

// Watchers that come and go as they please see the newest value in the end.
func TestWatchersMissNothing(t *testing.T) {
	const last = 2000
	b := New()
	var watchers sync.WaitGroup
	for range 4 {
		watchers.Go(func() {
			var seq uint64
			newest := -1
			for newest < last {
				changed := b.Changed()
				var entries []Entry
				entries, seq = b.Since(seq)
				for _, e := range entries {
					if got := e.Value.Int(); got < newest {
						t.Errorf("%d came after %d", got, newest)
					} else {
						newest = got
					}
				}
				if newest < last {
					<-changed
				}
			}
		})
	}
	for n := range last + 1 {
		b.Publish([]driver.Update{good(roomA, nine, ints(n)...)})
	}
	watchers.Wait()
}

func TestHealth(t *testing.T) {
	b := New()
	changed := b.Changed()
	b.Report("mqtt", false, "no broker", nine)
	if !closed(changed) {
		t.Error("a report woke nobody")
	}
	changed = b.Changed()
	b.Report("mqtt", false, "no broker", nine.Add(time.Hour))
	if h, want := b.Health()["mqtt"], (Health{OK: false, Words: "no broker", Since: nine}); h != want {
		t.Errorf("health = %+v, want %+v", h, want)
	}
	if closed(changed) {
		t.Error("woken by a report that tells nothing new")
	}
	b.Report("mqtt", true, "connected", nine.Add(2*time.Hour))
	if h, want := b.Health()["mqtt"], (Health{OK: true, Words: "connected", Since: nine.Add(2 * time.Hour)}); h != want {
		t.Errorf("health = %+v, want %+v", h, want)
	}
}

func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New()
		b.Report("web", true, "listening", nine) // has no loop
		b.Beat("driver", nine)
		b.Beat("mqtt", nine)
		time.Sleep(20 * time.Second)
		b.Beat("mqtt", nine.Add(20*time.Second))
		b.Report("mqtt", false, "no broker", nine.Add(20*time.Second))
		const limit = 30 * time.Second
		time.Sleep(10 * time.Second)
		if got := b.Stuck(limit); got != nil {
			t.Errorf("stuck after exactly the limit: %v", got)
		}
		time.Sleep(time.Second)
		if got := b.Stuck(limit); !slices.Equal(got, []string{"driver"}) {
			t.Errorf("stuck = %v, want the driver only", got)
		}
	})
}

// A loop with a heartbeat every minute is not stuck, whatever happens to the wall
// clock; one that stands still for three minutes is, whatever the wall clock says.
func TestStuckWhenTheClockIsSet(t *testing.T) {
	for name, step := range map[string]time.Duration{"forward": time.Hour, "back": -365 * 24 * time.Hour, "not": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 150 * time.Second
				b, wall := New(), nine
				for range 5 {
					b.Beat("driver", wall)
					if got := b.Health()["driver"].Beat; !got.Equal(wall) {
						t.Errorf("heartbeat shown at %v, want %v", got, wall)
					}
					time.Sleep(time.Minute)
					wall = wall.Add(time.Minute + step)
					if got := b.Stuck(limit); got != nil {
						t.Fatalf("stuck: %v", got)
					}
				}
				time.Sleep(2 * time.Minute)
				if got := b.Stuck(limit); !slices.Equal(got, []string{"driver"}) {
					t.Errorf("after three minutes without a heartbeat: stuck = %v, want the driver", got)
				}
			})
		})
	}
}

// BenchmarkBoardPublish publishes a thousand rooms of which every one changes
// its first point.
func BenchmarkBoardPublish(b *testing.B) {
	board := New()
	updates := make([]driver.Update, 1000)
	for i := range updates {
		values := make([]driver.Value, len(driver.Catalogue(driver.OfRoom)))
		updates[i] = good(driver.Subject{Scope: driver.OfRoom, ID: fmt.Sprint("room-", i)}, nine, values...)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for _, u := range updates {
			u.Values[booked] = driver.BoolValue(n%2 == 0)
		}
		board.Publish(updates)
	}
}

// A subject that is removed is no longer on the board, and watchers are woken.
func TestRemove(t *testing.T) {
	b := New()
	a, c := driver.Subject{Scope: driver.OfRoom, ID: "a"}, driver.Subject{Scope: driver.OfRoom, ID: "c"}
	for _, s := range []driver.Subject{a, c} {
		b.Publish([]driver.Update{{Subject: s, Quality: driver.QualityGood, Values: []driver.Value{driver.BoolValue(true)}}})
	}
	changed := b.Changed()
	b.Remove([]driver.Subject{a})
	select {
	case <-changed:
	default:
		t.Error("the watcher was not woken")
	}
	if got := b.Subject(a); got != nil {
		t.Errorf("the removed subject still has points: %v", got)
	}
	if got := b.Subjects(driver.OfRoom); len(got) != 1 || got[0] != c {
		t.Errorf("subjects %v, want c alone", got)
	}
}

// A part that is forgotten is no longer reported.
func TestForget(t *testing.T) {
	b := New()
	b.Report("web", false, "address in use", time.Time{})
	b.Forget("web")
	b.Forget("web")
	if got := b.Health(); len(got) != 0 {
		t.Errorf("health %v, want none", got)
	}
}
