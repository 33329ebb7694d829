package graphsim

import (
	"fmt"
	"strings"
	"testing"
)

// scheduleOf asks for Tuesday 08:00 to 11:00 in half hours.
func scheduleOf(address string) string {
	return fmt.Sprintf(scheduleBody, `"`+address+`"`, "2026-11-03T11:00:00")
}

func TestScheduleOmitsCancelledAndDeclined(t *testing.T) {
	b := newBench(t).signedIn()
	b.add(boardroom, Event{Subject: "Declined", Start: at("2026-11-03T08:00"), End: at("2026-11-03T09:00"), Response: "declined"})
	b.add(boardroom, Event{Subject: "Cancelled", Start: at("2026-11-03T08:00"), End: at("2026-11-03T09:00"), Cancelled: true})
	b.add(boardroom, Event{Subject: "Free", Start: at("2026-11-03T09:00"), End: at("2026-11-03T09:30"), ShowAs: "free"})
	b.add(boardroom, Event{Subject: "Away", Start: at("2026-11-03T10:00"), End: at("2026-11-03T10:30"), ShowAs: "oof"})
	row := b.schedule(scheduleOf(boardroom)).rows()[0]
	var got []string
	for _, x := range row["scheduleItems"].([]any) {
		item := x.(map[string]any)
		got = append(got, fmt.Sprint(item["subject"], " ", item["status"]))
	}
	if want := "Free free, Away oof"; strings.Join(got, ", ") != want || row["availabilityView"] != "000030" {
		t.Errorf("items %v in %v, want %s in 000030", got, row["availabilityView"], want)
	}
}

func TestScheduleOfAllDayEvent(t *testing.T) {
	b := newBench(t).signedIn()
	b.add(boardroom, Event{AllDay: true, Zone: "Pacific/Auckland", Start: at("2026-11-02T11:00"), End: at("2026-11-03T11:00")}) // 3 November there
	for _, zone := range []string{"UTC", "Tokyo Standard Time"} {
		r := b.do("POST", "/v1.0/me/calendar/getSchedule", scheduleOf(boardroom), "Content-Type", "application/json", "Prefer", `outlook.timezone="`+zone+`"`)
		item := r.rows()[0]["scheduleItems"].([]any)[0].(map[string]any)
		start, end := item["start"].(map[string]any), item["end"].(map[string]any)
		if start["dateTime"] != "2026-11-03T00:00:00.0000000" || end["dateTime"] != "2026-11-04T00:00:00.0000000" || start["timeZone"] != zone {
			t.Errorf("%s: from %v to %v", zone, start, end)
		}
	}
}

func TestScheduleWithoutFreeBusy(t *testing.T) {
	b := newBench(t).signedIn()
	b.add(boardroom, Event{Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	b.sim.ChangeRoom(boardroom, func(r *Room) { r.NoFreeBusy = true })
	r := b.schedule(scheduleOf(boardroom))
	r.want(t, 200, "")
	row := r.rows()[0]
	if e := row["error"].(map[string]any); e["responseCode"] != "ErrorNoFreeBusyAccess" || e["message"] == "" || len(row["scheduleItems"].([]any)) != 0 {
		t.Errorf("answer %v", row)
	}
}

func TestScheduleDigits(t *testing.T) {
	b := newBench(t).signedIn()
	b.add(boardroom, Event{Start: at("2026-11-02T20:00"), End: at("2026-11-03T08:01")}) // touches the first half hour
	b.add(boardroom, Event{Start: at("2026-11-03T08:30"), End: at("2026-11-03T08:30")}) // nothing, on an edge
	b.add(boardroom, Event{Start: at("2026-11-03T09:10"), End: at("2026-11-03T09:10")}) // nothing, but inside a half hour
	b.add(boardroom, Event{Start: at("2026-11-03T09:30"), End: at("2026-11-03T10:00"), ShowAs: "workingElsewhere"})
	b.add(boardroom, Event{Start: at("2026-11-03T10:29"), End: at("2026-11-04T10:00"), ShowAs: "tentative"})
	if got := b.schedule(scheduleOf(boardroom)).rows()[0]["availabilityView"]; got != "202411" {
		t.Errorf("view %v, want 202411", got)
	}
}

// TestBodiesAreStable: a client may compare bodies byte by byte to detect changes.
func TestBodiesAreStable(t *testing.T) {
	b := newBench(t).signedIn()
	id := b.weekly(boardroom)
	for _, day := range []string{"2026-11-03", "2026-11-10", "2026-11-17"} { // three that begin at one time
		b.must(b.sim.MoveOccurrence(boardroom, id, at(day+"T09:00"), at("2026-11-03T09:00"), at("2026-11-03T10:00")))
	}
	ask := func() string {
		return b.get("/users/"+boardroom+"/calendarView"+tuesday).text + b.schedule(scheduleOf(boardroom)).text
	}
	first := ask()
	for range 20 {
		if again := ask(); again != first {
			t.Fatalf("first %s\nthen %s", first, again)
		}
	}
	b.must(b.sim.MoveOccurrence(boardroom, id, at("2026-11-17T09:00"), at("2026-11-03T09:00"), at("2026-11-03T10:01")))
	if ask() == first {
		t.Error("a change shows nowhere")
	}
}
