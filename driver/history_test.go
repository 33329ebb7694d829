package driver

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"roomgate/driver/store"
)

// newHistory is an empty history, its log, and the file it is in.
func newHistory(t testing.TB) (h *StoredHistory, log *bytes.Buffer, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "state", "roomgate.db")
	st, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	log = &bytes.Buffer{}
	return NewHistory(st.Bucket("history"), slog.New(slog.NewTextHandler(log, nil))), log, path
}

func appendDays(t testing.TB, h *StoredHistory, days ...Day) {
	t.Helper()
	if err := h.Append(days); err != nil {
		t.Fatal(err)
	}
}

func wantDays(t *testing.T, h *StoredHistory, date string, want ...Day) {
	t.Helper()
	if got, err := h.Day(date); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v; want %+v", date, got, err, want)
	}
}

// A day that is appended again replaces the first, and leaves other rooms of its
// date and other dates alone.
func TestHistoryKeepsTheLaterOfTwo(t *testing.T) {
	h, log, _ := newHistory(t)
	attic := Day{Room: "attic", Date: "2026-01-14", BookedMinutes: 1, UsedMinutes: 2, NoShows: 3, WalkIns: 4,
		EarlyLeaves: 5, Overruns: 6, ComfortMinutes: 7, SensorMinutes: 8}
	cellar := Day{Room: "cellar", Date: "2026-01-14", BookedMinutes: 60}
	next := Day{Room: "attic", Date: "2026-01-15", BookedMinutes: 30}
	appendDays(t, h, cellar, next, attic)
	wantDays(t, h, "2026-01-14", attic, cellar)
	first, second := cellar, cellar
	first.BookedMinutes, second.BookedMinutes = 70, 80
	appendDays(t, h, first, second)
	wantDays(t, h, "2026-01-14", attic, second)
	wantDays(t, h, "2026-01-15", next)
	wantDays(t, h, "2026-01-16")
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

// The newest 400 dates are kept, however far they lie apart; one that a wrong
// clock brought removes no other but the oldest.
func TestHistoryIsBounded(t *testing.T) {
	h, _, _ := newHistory(t)
	day := func(date time.Time) Day {
		return Day{Room: "attic", Date: date.Format(time.DateOnly)}
	}
	first := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 399 {
		appendDays(t, h, day(first.AddDate(0, 0, i)))
	}
	appendDays(t, h, day(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)))
	wantDays(t, h, "2025-01-01", day(first))
	appendDays(t, h, day(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)))
	wantDays(t, h, "2025-01-01")
	wantDays(t, h, "2025-01-02", day(first.AddDate(0, 0, 1)))
	appendDays(t, h, day(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)))
	wantDays(t, h, "1970-01-01")
	if keys, err := h.store.Keys(); err != nil || len(keys) != 400 {
		t.Errorf("%d days are kept, %v; want 400", len(keys), err)
	}
}

// A value that cannot be read damages its own date only. The next days of that
// date replace it, and the log has a warning.
func TestHistoryLeavesDamageOut(t *testing.T) {
	h, log, _ := newHistory(t)
	attic := Day{Room: "attic", Date: "2026-01-14"}
	later := Day{Room: "attic", Date: "2026-01-15"}
	const whole, newer = `{"v":1,"days":[{"room":"attic","date":"2026-01-14"}]}`, `{"v":2,"days":[{"room":"attic","date":"2026-01-14"}]}`
	for name, value := range map[string]string{"empty": "", "rubbish": "rubbish", "cut short": whole[:len(whole)/2], "newer": newer} {
		appendDays(t, h, later)
		if err := h.store.Change(map[string][]byte{"2026-01-14": []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if days, err := h.Day("2026-01-14"); !errors.Is(err, ErrDamagedDay) || days != nil {
			t.Errorf("%s: %v, %v; want %v", name, days, err, ErrDamagedDay)
		}
		log.Reset()
		appendDays(t, h, attic)
		if !strings.Contains(log.String(), "date=2026-01-14") {
			t.Errorf("%s: the log says %q", name, log)
		}
		wantDays(t, h, "2026-01-14", attic)
		wantDays(t, h, "2026-01-15", later)
	}
}

// dayOf makes a day of rooms that differ as rooms do.
func dayOf(r *rand.Rand, date time.Time, rooms int) []Day {
	days := make([]Day, rooms)
	for i := range days {
		booked := 15 * r.IntN(40)
		days[i] = Day{Room: fmt.Sprintf("building-%d-floor-%d-meeting-room-%03d", i/200, i/20%10, i), Date: date.Format(time.DateOnly),
			BookedMinutes: booked, UsedMinutes: r.IntN(booked + 60), NoShows: r.IntN(4), WalkIns: r.IntN(5), EarlyLeaves: r.IntN(4),
			Overruns: r.IntN(3), ComfortMinutes: booked + r.IntN(200), SensorMinutes: 1200 + r.IntN(241)}
	}
	return days
}

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A year of 1,000 rooms fits in 32 MiB.
func TestHistoryOfAYearIsSmall(t *testing.T) {
	for _, rooms := range []int{100, 1000} {
		h, _, path := newHistory(t)
		r := rand.New(rand.NewPCG(1, 2))
		for day := range 365 {
			appendDays(t, h, dayOf(r, newYear.AddDate(0, 0, day), rooms)...)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 32<<20 {
			t.Errorf("%d rooms: the file has %d bytes", rooms, info.Size())
		}
		packed, err := h.store.Get("2026-12-31")
		t.Logf("%d rooms: the file has %d KiB, a day %d bytes (%v)", rooms, info.Size()>>10, len(packed), err)
		if days, err := h.Day("2026-12-31"); err != nil || len(days) != rooms {
			t.Errorf("the last day has %d rooms, %v; want %d", len(days), err, rooms)
		}
	}
}

// BenchmarkHistoryDay writes a day of all rooms into a full history, and counts
// what is written (proc_pid_io(5)).
func BenchmarkHistoryDay(b *testing.B) {
	for _, rooms := range []int{100, 1000} {
		b.Run(fmt.Sprint(rooms), func(b *testing.B) {
			h, _, _ := newHistory(b)
			r := rand.New(rand.NewPCG(1, 2))
			date := newYear
			for range HistoryDays {
				appendDays(b, h, dayOf(r, date, rooms)...)
				date = date.AddDate(0, 0, 1)
			}
			before := written(b)
			for b.Loop() {
				appendDays(b, h, dayOf(r, date, rooms)...)
				date = date.AddDate(0, 0, 1)
			}
			b.ReportMetric(float64(written(b)-before)/float64(b.N), "B-written/day")
		})
	}
}

// written returns how many bytes this process has written so far.
func written(t testing.TB) (n int64) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "wchar: %d", &n) // other lines do not match
	}
	return n
}
