package driver

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf is a Memory that counts what is put on it.
type shelf struct {
	mu     sync.Mutex
	values map[string][]byte
	puts   []string // time since the bubble's start and the keys
	getErr error
	putErr error
	takes  time.Duration // a Put takes so long
	writes int           // that run
	both   bool          // two ran at once
}

// begin and end enclose a Put or a Delete.
func (s *shelf) begin() {
	s.mu.Lock()
	s.writes++
	s.both = s.both || s.writes > 1
	takes := s.takes
	s.mu.Unlock()
	time.Sleep(takes)
}

func (s *shelf) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes--
}

func (s *shelf) slow(takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = takes
}

// copy is what a power cut would leave.
func (s *shelf) copy() *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &shelf{values: maps.Clone(s.values)}
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.puts)
}

func (s *shelf) text(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.values[key])
}

func (s *shelf) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.getErr != nil {
		return nil, s.getErr
	}
	if v, ok := s.values[key]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("shelf: %q: %w", key, fs.ErrNotExist)
}

func (s *shelf) Put(values map[string][]byte) error {
	s.begin()
	defer s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := slices.Sorted(maps.Keys(values))
	s.puts = append(s.puts, fmt.Sprintf("%s %s", time.Since(dawn), strings.Join(keys, " ")))
	if s.putErr == nil {
		maps.Copy(s.values, values)
	}
	return s.putErr
}

func (s *shelf) Delete(keys ...string) error {
	s.begin()
	defer s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		delete(s.values, key)
	}
	return nil
}

func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putErr = err
}

func (s *shelf) expect(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.puts, want) {
		t.Errorf("put\n    %q\nwant %q", s.puts, want)
	}
}

func TestMemoryIsWrittenSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		huddle := w.Rooms[0]
		huddle.ID = "huddle"
		w.Rooms = append(w.Rooms, huddle)
		w.calendar.fail("huddle", errTimeout)
		_, stop := w.run(t)
		pass(40*minute + second)
		w.calendar.set("boardroom", since(2*time.Hour, 3*time.Hour))
		pass(25 * minute) // 1h05
		w.calendar.fail("huddle", nil)
		pass(9 * minute) // 1h14
		stop()
		w.shelf.expect(t,
			"0s boardroom past/boardroom read-at/rooms", // known for the first time
			"30m0s read-at/rooms",                       // read again
			"1h0m0s boardroom read-at/rooms",            // changed at 41 minutes
			"1h6m0s huddle past/huddle read-at/rooms",   // known for the first time
			"1h14m1s read-at/rooms",                     // the end
		)
	})
}

// What a room's calendar held must not outlive the room's place in the
// configuration.
func TestMemoryForgetsRoomsThatAreNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		attic := w.Rooms[0]
		attic.ID = "attic"
		w.Rooms = append(w.Rooms, attic)
		_, stop := w.run(t)
		pass(second)
		stop()
		if len(w.shelf.values["attic"]) == 0 {
			t.Fatal("the attic was never stored")
		}
		w.Rooms = w.Rooms[:1]
		_, stop = w.run(t)
		pass(second)
		stop()
		if _, left := w.shelf.values["attic"]; left || strings.Contains(string(w.shelf.values["read-at/rooms"]), "attic") {
			t.Errorf("left: %q", w.shelf.values)
		}
		if len(w.shelf.values["boardroom"]) == 0 {
			t.Error("the boardroom is gone, too")
		}
	})
}

func TestMemoryOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(25*time.Hour, 26*time.Hour))
		w.run(t)
		pass(25 * time.Hour)
		var rooms, pasts int
		for _, put := range w.shelf.puts {
			rooms += strings.Count(put, " boardroom")
			pasts += strings.Count(put, "past/boardroom")
		}
		if len(w.shelf.puts) != 51 || rooms != 2 || pasts != 3 {
			t.Errorf("%d writes, %d with bookings, %d with a past, in 25 hours; want 51; 2: the first, and the window's move at midnight; 3: the first, the new day, and the comfort of the end",
				len(w.shelf.puts), rooms, pasts)
		}
	})
}

func TestMemoryAfterARestartHoldsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Booking{ID: "b", Start: dawn.Add(time.Hour), End: dawn.Add(2*time.Hour + 1), ShowAs: OutOfOffice, Private: true, Attendees: 7}
		shelf := kept(t, b)
		shelf.puts = nil
		w := newWorld(t, time.Hour)
		w.Memory = shelf
		w.calendar.set("boardroom", b)
		_, stop := w.run(t)
		pass(minute)
		stop()
		for _, put := range shelf.puts {
			if strings.Contains(put, "boardroom") {
				t.Errorf("bookings that have not changed were written: %q", shelf.puts)
			}
		}
		w.expect(t, boardroom, QualityPoint, "0s good")
	})
}

func TestMemoryDamaged(t *testing.T) {
	const room, times = "boardroom", readAtKey
	for name, damage := range map[string]func(*shelf){
		"bookings cut off":   func(s *shelf) { s.values[room] = s.values[room][:20] },
		"bookings not JSON":  func(s *shelf) { s.values[room] = []byte{0, 1, 2} },
		"bookings empty":     func(s *shelf) { s.values[room] = nil },
		"bookings a list":    func(s *shelf) { s.values[room] = []byte("[]") },
		"bookings null":      func(s *shelf) { s.values[room] = []byte("null") },
		"another version":    func(s *shelf) { s.values[room] = bytes.Replace(s.values[room], []byte(`"v":1`), []byte(`"v":2`), 1) },
		"times not JSON":     func(s *shelf) { s.values[times] = []byte("{") },
		"times null":         func(s *shelf) { s.values[times] = []byte("null") },
		"times of no room":   func(s *shelf) { s.values[times] = []byte("{}") },
		"times are gone":     func(s *shelf) { delete(s.values, times) },
		"bookings are gone":  func(s *shelf) { delete(s.values, room) },
		"nothing can be got": func(s *shelf) { s.getErr = errors.New("input/output error") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, time.Hour)
				w.shelf = kept(t, since(0, time.Hour))
				w.Memory = w.shelf
				damage(w.shelf)
				w.calendar.set("boardroom", since(0, 2*time.Hour))
				w.run(t)
				w.expect(t, boardroom, QualityPoint, "0s unknown, 0s good")
				w.expect(t, boardroom, Booked, "0s ?, 0s true")
				w.shelf.getErr = nil
				if snaps, _ := newMemory(w.shelf, nil, w.Log).load(w.Rooms); len(snaps[0].Bookings) != 1 || !snaps[0].Bookings[0].End.Equal(dawn.Add(2*time.Hour)) {
					t.Errorf("what is kept was not mended: %+v", snaps)
				}
			})
		})
	}
}

func TestMemoryThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.shelf.fail(errors.New("no space left on device"))
		w.calendar.set("boardroom", since(minute, time.Hour))
		w.run(t)
		pass(2*minute + second)
		w.expect(t, boardroom, Booked, "0s ?, 0s false, 1m0s true")
		pass(4 * time.Hour)
		w.expectLogged(t, "no space left on device", 1)
		w.expectLogged(t, "are stored again", 0)
		w.shelf.fail(nil)
		pass(minute)
		if w.shelf.values["boardroom"] == nil || w.shelf.values[readAtKey] == nil {
			t.Error("not tried again")
		}
		w.expectLogged(t, "are stored again", 1)
		writes := w.shelf.count()
		pass(20 * minute)
		if got := w.shelf.count(); got != writes {
			t.Errorf("%d more writes within 20 minutes: the usual pauses are not kept again", got-writes)
		}
	})
}

// What was stored and is lost is stored again, although nothing has changed.
func TestMemoryThatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.calendar.set("boardroom", since(0, time.Hour))
		d, _ := w.run(t)
		pass(5 * minute)
		w.shelf.mu.Lock()
		before := w.shelf.values
		w.shelf.values = map[string][]byte{}
		w.shelf.mu.Unlock()
		d.StoreAgain()
		pass(second)
		if got := w.shelf.text("boardroom"); got == "" || got != string(before["boardroom"]) {
			t.Errorf("the bookings that are stored again are %q, want %q", got, before["boardroom"])
		}
		if got := w.shelf.dayOfPast(t, "boardroom"); got != "2000-01-01" {
			t.Errorf("the past that is stored again is in %s", got)
		}
	})
}

// A disk that cannot be read costs two lines of the log, not two a room.
func TestMemoryThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.add("atrium", "library")
		w.shelf.getErr = errors.New("input/output error")
		w.run(t)
		pass(second)
		w.expectLogged(t, "rooms=3", 2)
		w.expectLogged(t, "input/output error", 3) // with the times of the last reads
	})
}

// What is kept of a room that is found in another mailbox since is another room's.
func TestMemoryOfAnotherMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := kept(t, since(0, time.Hour))
		w := newWorld(t, time.Hour)
		w.Memory = shelf
		w.Rooms[0].Mailbox = "other@contoso.example"
		w.calendar.fail("", errTimeout)
		_, stop := w.run(t)
		pass(minute)
		w.expect(t, boardroom, "booked", "0s ?")
		w.expect(t, boardroom, "quality", "0s unknown")
		if text := shelf.text("boardroom"); text != "" {
			t.Errorf("kept: %s", text)
		}
		w.calendar.fail("", nil)
		w.calendar.set("boardroom", since(0, 2*time.Hour))
		pass(time.Hour)
		w.expect(t, boardroom, "booked", "0s ?, 1h0m0s true")
		stop()
		w.calendar.fail("", errTimeout)
		w.published.changes[boardroom], w.published.latest = nil, map[Subject][]Value{}
		_, stop = w.run(t)
		stop()
		w.expect(t, boardroom, "booked", "1h1m0s true")
	})
}

// A room whose privacy was tightened shows nothing more, even offline, and what
// is kept of it is rewritten.
func TestMemoryOfAMorePrivateRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := since(0, time.Hour)
		b.Subject, b.Organizer = "Merger", "Ann Other"
		before := newWorld(t, time.Hour)
		before.Rooms[0].Privacy = PrivacyFull
		before.calendar.set("boardroom", b)
		_, stop := before.run(t)
		stop()
		shelf := before.shelf
		if !bytes.Contains(shelf.values["boardroom"], []byte("Merger")) {
			t.Fatal("the subject was not kept in the first place")
		}
		w := newWorld(t, time.Hour)
		w.Memory = shelf
		w.Rooms[0].Privacy = PrivacyOrganizer
		w.calendar.fail("", errTimeout)
		_, stop = w.run(t)
		stop()
		w.expect(t, boardroom, Booked, "0s true")
		w.expect(t, boardroom, CurrentSubject, "0s nothing")
		w.expect(t, boardroom, CurrentOrganizer, "0s Ann Other")
		if text := shelf.values["boardroom"]; bytes.Contains(text, []byte("Merger")) || !bytes.Contains(text, []byte("Ann Other")) {
			t.Errorf("kept: %s", text)
		}
	})
}
