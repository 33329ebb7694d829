package graphsim

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const monday = "2026-11-02T00:00"

// newLargeOffice returns a simulator with 8 bookings a day in each room and a token for reading them.
func newLargeOffice(tb testing.TB, rooms int) (*Sim, string) {
	tb.Helper()
	s := New(Options{Polite: true, Now: func() time.Time { return at("2026-11-02T08:00") }, BaseURL: simHost})
	LargeOffice(s, time.UTC, at(monday), rooms, 8)
	id, _, _ := DefaultClient()
	tokens, err := s.SignIn(id, ServiceAccount, "Calendars.Read", "Calendars.Read.Shared", "Place.Read.All")
	if err != nil {
		tb.Fatal(err)
	}
	return s, tokens.Access
}

func TestLargeOffice(t *testing.T) {
	s, _ := newLargeOffice(t, 120)
	rooms := s.Rooms()
	last := rooms[len(rooms)-1]
	if len(rooms) != 120 || rooms[0].Address != "room-0001@contoso.example" || last.Address != "room-0120@contoso.example" {
		t.Fatalf("%d rooms, %s to %s", len(rooms), rooms[0].Address, last.Address)
	}
	if last.Building != "Building 2" || last.Floor != 1 || last.Capacity == 0 || !slices.Equal(last.SharedWith, []string{ServiceAccount}) {
		t.Errorf("the last room %+v", last)
	}
	if n := len(s.Events(ServiceAccount)); n != 0 {
		t.Errorf("the service account's calendar has %d events", n)
	}
	seen := map[string]int{}
	for _, r := range rooms {
		for d := range 7 {
			countDay(t, s, r.Address, at(monday).AddDate(0, 0, d), seen)
		}
	}
	for _, what := range []string{"cancelled", "tentative", "private", "back to back", "occurrence", "exception"} {
		if n := seen[what]; n == 0 || n > 120*7*8/3 {
			t.Errorf("%d bookings are %s: %v", n, what, seen)
		}
	}
}

// countDay checks one room's day and counts its bookings by kind.
func countDay(t *testing.T, s *Sim, room string, day time.Time, seen map[string]int) {
	t.Helper()
	rows := slices.DeleteFunc(s.View(room, day, day.AddDate(0, 0, 1)), func(e Event) bool { return !e.End.After(day) })
	if len(rows) != 8 {
		t.Fatalf("%s has %d bookings on %s, want 8", room, len(rows), day.Format(dayLayout))
	}
	for i, e := range rows {
		if len(e.Attendees) != 4 || e.Organizer.Name == "" || e.Subject == "" || !e.End.After(e.Start) {
			t.Fatalf("%s: %+v", room, e)
		}
		if i > 0 && rows[i-1].End.After(e.Start) {
			t.Fatalf("%s: %s overlaps the one before", room, e.Start)
		}
		seen[e.Type]++
		seen[e.ShowAs]++
		seen[e.Sensitivity]++
		if e.Cancelled {
			seen["cancelled"]++
		}
		if i > 0 && rows[i-1].End.Equal(e.Start) {
			seen["back to back"]++
		}
	}
}

func TestLargeOfficeIsReproducible(t *testing.T) {
	a, _ := newLargeOffice(t, 3)
	b, _ := newLargeOffice(t, 3)
	for _, r := range a.Rooms() {
		x, y := a.Events(r.Address), b.Events(r.Address)
		if !slices.EqualFunc(x, y, func(e, f Event) bool {
			return e.ID == f.ID && e.Start.Equal(f.Start) && e.End.Equal(f.End) && e.Subject == f.Subject && e.ShowAs == f.ShowAs
		}) {
			t.Errorf("%s differs", r.Address)
		}
	}
	if x, y := a.Events("room-0001@contoso.example"), a.Events("room-0002@contoso.example"); x[5].End.Equal(y[5].End) && x[6].End.Equal(y[6].End) && x[7].End.Equal(y[7].End) {
		t.Error("two rooms have the same day")
	}
}

func TestLargeOfficeSeriesBeganYearsAgo(t *testing.T) {
	s, _ := newLargeOffice(t, 1)
	master := s.Events("room-0001@contoso.example")[0]
	if master.Type != "seriesMaster" || !master.Start.Equal(at("2023-11-02T07:00")) || master.Recurrence.Count != 0 || master.Recurrence.Until != "" {
		t.Errorf("series %+v", master)
	}
}

func TestLargeOfficeInAnotherZone(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Kathmandu") // UTC+05:45
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Polite: true})
	LargeOffice(s, zone, at("2026-11-02T20:00"), 1, 1) // the 3rd there
	rows := s.View("room-0001@contoso.example", at("2026-11-03T00:00"), at("2026-11-04T00:00"))
	if len(rows) != 1 || !rows[0].Start.Equal(at("2026-11-03T01:30")) { // 07:15 there: the first occurrence of this room is moved
		t.Errorf("the first day has %+v", rows)
	}
}

func BenchmarkLargeOffice(b *testing.B) {
	for b.Loop() {
		LargeOffice(New(Options{Polite: true}), time.UTC, at(monday), 1000, 8)
	}
}

// BenchmarkCalendarView writes five days of a room in one page, as a gateway requests them.
func BenchmarkCalendarView(b *testing.B) {
	s, token := newLargeOffice(b, 10)
	benchmark(b, s, token, "GET", "/v1.0/users/room-0001@contoso.example/calendarView?startDateTime=2026-11-02T00:00:00Z"+
		"&endDateTime=2026-11-07T00:00:00Z&$top=1000&$select=id,changeKey,type,start,end,isAllDay,isCancelled,showAs,sensitivity,"+
		"attendees,location,locations,responseStatus,subject,organizer", "")
}

// BenchmarkGetSchedule writes five days of free/busy of twenty rooms.
func BenchmarkGetSchedule(b *testing.B) {
	s, token := newLargeOffice(b, 20)
	var addresses []string
	for _, r := range s.Rooms() {
		addresses = append(addresses, `"`+r.Address+`"`)
	}
	body := `{"schedules":[` + strings.Join(addresses, ",") + `],"startTime":{"dateTime":"2026-11-02T00:00:00","timeZone":"UTC"},` +
		`"endTime":{"dateTime":"2026-11-07T00:00:00","timeZone":"UTC"}}`
	benchmark(b, s, token, "POST", "/v1.0/me/calendar/getSchedule", body)
}

func benchmark(b *testing.B, s *Sim, token, method, address, body string) {
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(method, address, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != 200 {
			b.Fatalf("status %d: %.300s", w.Code, w.Body)
		}
		b.SetBytes(int64(w.Body.Len()))
	}
}
