package graphsim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

var priya = Person{"Priya Rao", "priya@contoso.example"}

func (b *bench) book(e Event) string {
	b.t.Helper()
	e.Organizer = priya
	id, err := b.sim.Book(ServiceAccount, []string{boardroom}, e)
	b.must(err)
	return id
}

func TestRoomProcessing(t *testing.T) {
	b := newBench(t).signedIn()
	b.book(Event{Subject: "Merger", Body: "secret plan", Sensitivity: "private", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	own, room := b.get("/me/events").rows()[0], b.get("/users/" + boardroom + "/events").rows()[0]
	if own["subject"] != "Merger" || own["sensitivity"] != "private" {
		t.Errorf("owner's copy %v %v", own["subject"], own["sensitivity"])
	}
	if room["subject"] != "Priya Rao" || room["sensitivity"] != "normal" || room["bodyPreview"] != "" || room["isOrganizer"] != false {
		t.Errorf("room's copy %v %v %q", room["subject"], room["sensitivity"], room["bodyPreview"])
	}
	if own["iCalUId"] != room["iCalUId"] || own["id"] == room["id"] {
		t.Error("copies share the iCalUId and nothing else")
	}
	if response := room["responseStatus"].(map[string]any)["response"]; response != "accepted" {
		t.Errorf("the room's answer %v", response)
	}
	if place := own["location"].(map[string]any)["displayName"]; place != "Boardroom" {
		t.Errorf("location %v", place)
	}
	a := own["attendees"].([]any)[0].(map[string]any)
	if a["type"] != "resource" || a["emailAddress"].(map[string]any)["address"] != boardroom {
		t.Errorf("attendee %v", a)
	}
}

func TestRoomProcessingOptions(t *testing.T) {
	e := Event{Subject: "Merger", Body: "plan", Sensitivity: "private", Organizer: priya}
	for _, tc := range []struct {
		name                             string
		room                             Room
		subject, body, sensitivity, show string
	}{
		{"defaults", Room{}, "Priya Rao", "", "normal", ""},
		{"keep subject", Room{KeepSubject: true}, "Priya Rao Merger", "", "normal", ""},
		{"only subject", Room{KeepSubject: true, NoOrganizerSubject: true}, "Merger", "", "normal", ""},
		{"nothing", Room{NoOrganizerSubject: true}, "", "", "normal", ""},
		{"keep the rest", Room{KeepComments: true, KeepPrivate: true}, "Priya Rao", "plan", "private", ""},
		{"delegate", Room{NeedsApproval: true}, "Priya Rao", "", "normal", "tentative"},
	} {
		got := roomCopy(e, &tc.room)
		if got.Subject != tc.subject || got.Body != tc.body || got.Sensitivity != tc.sensitivity || got.ShowAs != tc.show {
			t.Errorf("%s: %q %q %q %q", tc.name, got.Subject, got.Body, got.Sensitivity, got.ShowAs)
		}
	}
}

func TestCancelledBookingStaysInTheRoomCalendar(t *testing.T) {
	b := newBench(t).signedIn()
	id := b.book(Event{Subject: "Call", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	b.must(b.sim.CancelEvent(ServiceAccount, id))
	if n := len(b.get("/me/events").rows()); n != 0 {
		t.Errorf("the owner still has %d events", n)
	}
	rows := b.get("/users/" + boardroom + "/events").rows()
	if len(rows) != 1 || rows[0]["isCancelled"] != true {
		t.Errorf("room %v", rows)
	}
	b.sim.ChangeRoom(boardroom, func(r *Room) { r.RemoveCancelled = true })
	id = b.book(Event{Start: at("2026-11-03T11:00"), End: at("2026-11-03T12:00")})
	b.must(b.sim.CancelEvent(ServiceAccount, id))
	if n := len(b.get("/users/" + boardroom + "/events").rows()); n != 1 {
		t.Errorf("room has %d rows, want the old one only", n)
	}
}

func TestUpdateReachesTheRoom(t *testing.T) {
	b := newBench(t)
	id := b.book(Event{Subject: "Call", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	before := b.sim.Events(boardroom)[0]
	b.must(b.sim.UpdateEvent(ServiceAccount, id, func(e *Event) { e.End = at("2026-11-03T11:00"); e.Subject = "Long call" }))
	after := b.sim.Events(boardroom)[0]
	if !after.End.Equal(at("2026-11-03T11:00")) || after.Subject != "Priya Rao" || after.ID != before.ID || after.ChangeKey == before.ChangeKey {
		t.Errorf("room's copy %+v", after)
	}
	if err := b.sim.UpdateEvent(ServiceAccount, "nosuch", func(*Event) {}); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("unknown id: %v", err)
	}
}

func TestChangeKeyOfMasterFollowsItsOccurrences(t *testing.T) {
	b := newBench(t)
	id := b.weekly(boardroom)
	key := func() string { return b.sim.Events(boardroom)[0].ChangeKey }
	keys := []string{key()}
	b.must(b.sim.MoveOccurrence(boardroom, id, at("2026-11-03T09:00"), at("2026-11-04T15:00"), at("2026-11-04T16:00")))
	keys = append(keys, key())
	occurrence, err := b.sim.OccurrenceID(boardroom, id, at("2026-11-10T09:00"))
	b.must(err)
	b.must(b.sim.DeleteEvent(boardroom, occurrence))
	keys = append(keys, key())
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 3 {
		t.Errorf("keys %v, want three different ones", keys)
	}
}

func TestExceptionsOfASeries(t *testing.T) {
	b := newBench(t).signedIn()
	id := b.book(Event{Start: at("2026-10-20T09:00"), End: at("2026-10-20T09:30"), Recurrence: &Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}})
	b.must(b.sim.MoveOccurrence(ServiceAccount, id, at("2026-10-27T09:00"), at("2026-11-05T14:00"), at("2026-11-05T15:00")))
	gone, err := b.sim.OccurrenceID(ServiceAccount, id, at("2026-11-10T09:00"))
	b.must(err)
	b.must(b.sim.CancelEvent(ServiceAccount, gone))
	window := "?startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-11-20T00:00:00Z"
	want := []string{"2026-11-03T09:00:00.0000000", "2026-11-05T14:00:00.0000000", "2026-11-17T09:00:00.0000000"}
	for _, owner := range []string{"/me", "/users/" + boardroom} {
		r := b.get(owner + "/calendarView" + window + "&$orderby=start/dateTime")
		if !slices.Equal(r.column("start"), want) || !slices.Equal(r.column("type"), []string{"occurrence", "exception", "occurrence"}) {
			t.Errorf("%s: %v %v", owner, r.column("start"), r.column("type"))
		}
		master := b.get(owner + "/events").column("id")[0]
		r = b.get(owner + "/events/" + master + "/instances" + window)
		if got := r.column("type"); !slices.Equal(got, []string{"exception", "occurrence", "occurrence"}) {
			t.Errorf("%s: instances %v, exceptions come first", owner, got)
		}
		if got := r.column("originalStart"); got[0] != "2026-10-27T09:00:00Z" {
			t.Errorf("%s: original start %v", owner, got)
		}
	}
}

func TestOccurrencesHaveTheirOwnGlobalID(t *testing.T) {
	b := newBench(t).signedIn()
	b.weekly(boardroom)
	master := b.get("/users/" + boardroom + "/events").column("iCalUId")[0]
	one := b.get("/users/" + boardroom + "/calendarView" + tuesday).column("iCalUId")[0]
	if want := master[:32] + "07EA0B03" + master[40:]; one != want {
		t.Errorf("iCalUId %s, want %s", one, want)
	}
}

func TestOfficeIsDeterministicAndFull(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	day := at("2026-11-02T00:00") // a Monday
	make := func() *Sim {
		s := New(Options{Polite: true, Now: func() time.Time { return day }})
		Office(s, zone, day)
		return s
	}
	s, again := make(), make()
	if len(s.Rooms()) != 12 {
		t.Fatalf("%d rooms", len(s.Rooms()))
	}
	all, kinds := 0, map[string]int{}
	for _, r := range s.Rooms() {
		view := s.View(r.Address, day, day.AddDate(0, 0, 14))
		other := again.View(r.Address, day, day.AddDate(0, 0, 14))
		if len(view) != len(other) || !view[0].Start.Equal(other[0].Start) || view[0].Subject != other[0].Subject {
			t.Errorf("%s differs between two runs", r.Name)
		}
		for d := range 14 {
			from := day.AddDate(0, 0, d)
			n := len(s.View(r.Address, from.Add(time.Second), from.AddDate(0, 0, 1)))
			if weekend := d%7 >= 5; !weekend && (n < 6 || n > 12) {
				t.Errorf("%s on day %d: %d bookings", r.Name, d, n)
			}
		}
		for _, e := range view {
			all++
			kinds[e.Type]++
			kinds[e.ShowAs]++
			if e.AllDay {
				kinds["all-day"]++
			}
			if e.Cancelled {
				kinds["cancelled"]++
			}
		}
	}
	for _, k := range []string{"occurrence", "singleInstance", "tentative", "all-day", "cancelled"} {
		if kinds[k] == 0 {
			t.Errorf("no %s among %d bookings: %v", k, all, kinds)
		}
	}
	own := len(s.View(ServiceAccount, day, day.AddDate(0, 0, 14)))
	if own != all-kinds["cancelled"] {
		t.Errorf("the service account sees %d bookings, the rooms %d of which %d cancelled", own, all, kinds["cancelled"])
	}
}
