package sdktest

import (
	"slices"
	"testing"
	"time"

	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"roomgate/graph/graphsim"
)

// view reads the boardroom's calendar of 3 November.
func (b *bench) view() []models.Eventable {
	b.t.Helper()
	list, err := b.client.Users().ByUserId(boardroom).CalendarView().Get(b.t.Context(), &users.ItemCalendarViewRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemCalendarViewRequestBuilderGetQueryParameters{
			StartDateTime: ptr("2026-11-03T00:00:00Z"), EndDateTime: ptr("2026-11-04T00:00:00Z"), Orderby: []string{"start/dateTime"}, Top: ptr[int32](50),
		}})
	b.must(err)
	return list.GetValue()
}

func TestViewOfOneMeeting(t *testing.T) {
	b := newBench(t)
	_, err := b.sim.Book(graphsim.ServiceAccount, []string{boardroom}, graphsim.Event{
		Subject: "Design \"session\"", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:15"), Sensitivity: "private", ShowAs: "tentative",
		Organizer: graphsim.Person{Name: "Priya Rao", Address: "priya@contoso.example"},
		Attendees: []graphsim.Attendee{{Person: graphsim.Person{Name: "Tom Becker", Address: "tom@contoso.example"}, Type: "optional", Response: "declined"}},
	})
	b.must(err)
	list := b.view()
	if len(list) != 1 {
		t.Fatalf("%d events", len(list))
	}
	const want = `subject: Design "session"
type: singleInstance
from: 2026-11-03T09:00:00.0000000 UTC
to: 2026-11-03T10:15:00.0000000 UTC
all day: false
cancelled: false
shows as: tentative
sensitivity: private
organizer: Priya Rao <priya@contoso.example>
answer: accepted
place: Boardroom default
room: Boardroom conferenceRoom boardroom@contoso.example
attendee: Tom Becker <tom@contoso.example> optional declined
attendee: Boardroom <boardroom@contoso.example> resource accepted
`
	e := list[0]
	if got := row(e); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	mine := b.sim.Events(boardroom)[0]
	if val(e.GetId()) != mine.ID || val(e.GetICalUId()) != mine.ICalUID || val(e.GetChangeKey()) != mine.ChangeKey {
		t.Errorf("id %s, iCalUId %s, changeKey %s; want %+v", val(e.GetId()), val(e.GetICalUId()), val(e.GetChangeKey()), mine)
	}
	if made := e.GetCreatedDateTime(); made == nil || !made.Equal(at("2026-11-03T08:00")) {
		t.Errorf("created %v", made)
	}
	if e.GetSeriesMasterId() != nil || e.GetRecurrence() != nil || e.GetOriginalStart() != nil {
		t.Errorf("a single event has a series %v, a recurrence %v, an original start %v", e.GetSeriesMasterId(), e.GetRecurrence(), e.GetOriginalStart())
	}
}

func TestViewOfAllDayAndCancelled(t *testing.T) {
	b := newBench(t)
	b.add(boardroom, graphsim.Event{Subject: "Open day", AllDay: true, Start: at("2026-11-03T00:00"), End: at("2026-11-04T00:00"), ShowAs: "oof", Location: "Lobby"})
	b.add(boardroom, graphsim.Event{Subject: "Gone", Cancelled: true, Start: at("2026-11-03T12:00"), End: at("2026-11-03T12:00")})
	list := b.view()
	if len(list) != 2 {
		t.Fatalf("%d events", len(list))
	}
	day, gone := list[0], list[1]
	if val(day.GetIsAllDay()) != "true" || when(day.GetStart()) != "2026-11-03T00:00:00.0000000 UTC" || when(day.GetEnd()) != "2026-11-04T00:00:00.0000000 UTC" || val(day.GetShowAs()) != "oof" {
		t.Errorf("all day:\n%s", row(day))
	}
	if places := day.GetLocations(); len(places) != 1 || val(places[0].GetDisplayName()) != "Lobby" || places[0].GetLocationEmailAddress() != nil {
		t.Errorf("a place typed by hand:\n%s", row(day))
	}
	if val(gone.GetIsCancelled()) != "true" || when(gone.GetStart()) != when(gone.GetEnd()) {
		t.Errorf("cancelled:\n%s", row(gone))
	}
}

func TestSeries(t *testing.T) {
	b := newBench(t)
	id := b.weekly(boardroom)
	b.must(b.sim.MoveOccurrence(boardroom, id, at("2026-11-10T08:00"), at("2026-11-11T08:00"), at("2026-11-11T09:00")))

	list, err := b.client.Users().ByUserId(boardroom).Events().Get(t.Context(), nil)
	b.must(err)
	if len(list.GetValue()) != 1 {
		t.Fatalf("/events has %d rows, want the master alone", len(list.GetValue()))
	}
	master := list.GetValue()[0]
	pattern, span := master.GetRecurrence().GetPattern(), master.GetRecurrence().GetRangeEscaped()
	if val(master.GetTypeEscaped()) != "seriesMaster" || val(pattern.GetTypeEscaped()) != "weekly" || val(pattern.GetInterval()) != "1" ||
		!slices.Equal(pattern.GetDaysOfWeek(), []models.DayOfWeek{models.TUESDAY_DAYOFWEEK}) {
		t.Errorf("master %s %s every %s on %v", val(master.GetTypeEscaped()), val(pattern.GetTypeEscaped()), val(pattern.GetInterval()), pattern.GetDaysOfWeek())
	}
	if val(span.GetTypeEscaped()) != "noEnd" || span.GetStartDate().String() != "2023-01-03" || val(span.GetRecurrenceTimeZone()) != "W. Europe Standard Time" {
		t.Errorf("range %s from %s in %s", val(span.GetTypeEscaped()), span.GetStartDate(), val(span.GetRecurrenceTimeZone()))
	}

	occurrence := b.view()[0]
	if val(occurrence.GetTypeEscaped()) != "occurrence" || val(occurrence.GetSeriesMasterId()) != id || when(occurrence.GetStart()) != "2026-11-03T08:00:00.0000000 UTC" ||
		occurrence.GetOriginalStart() == nil || !occurrence.GetOriginalStart().Equal(at("2026-11-03T08:00")) {
		t.Errorf("occurrence of %s, first at %v:\n%s", val(occurrence.GetSeriesMasterId()), occurrence.GetOriginalStart(), row(occurrence))
	}
	one, err := b.client.Users().ByUserId(boardroom).Events().ByEventId(*occurrence.GetId()).Get(t.Context(), nil)
	b.must(err)
	if row(one) != row(occurrence) {
		t.Errorf("by its id\n%sin the view\n%s", row(one), row(occurrence))
	}
}

// TestInstances crosses the end of summer time: 09:00 in Berlin is 07:00 UTC before 25 October and 08:00 after.
func TestInstances(t *testing.T) {
	b := newBench(t)
	id := b.weekly(boardroom)
	b.must(b.sim.MoveOccurrence(boardroom, id, at("2026-11-03T08:00"), at("2026-11-04T13:00"), at("2026-11-04T13:45")))
	gone, err := b.sim.OccurrenceID(boardroom, id, at("2026-10-27T08:00"))
	b.must(err)
	b.must(b.sim.DeleteEvent(boardroom, gone))
	list, err := b.client.Users().ByUserId(boardroom).Events().ByEventId(id).Instances().Get(t.Context(), &users.ItemEventsItemInstancesRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemEventsItemInstancesRequestBuilderGetQueryParameters{StartDateTime: ptr("2026-10-20T00:00:00Z"), EndDateTime: ptr("2026-11-11T00:00:00Z")}})
	b.must(err)
	var got []string
	for _, e := range list.GetValue() {
		got = append(got, val(e.GetTypeEscaped())+" "+when(e.GetStart()))
	}
	slices.Sort(got)
	want := []string{"exception 2026-11-04T13:00:00.0000000 UTC", "occurrence 2026-10-20T07:00:00.0000000 UTC", "occurrence 2026-11-10T08:00:00.0000000 UTC"}
	if !slices.Equal(got, want) {
		t.Errorf("instances %q, want %q", got, want)
	}
}

// TestPages follows the links with the library's iterator while the simulator returns short and empty pages.
func TestPages(t *testing.T) {
	b := newBench(t)
	var want []string
	for i := range 25 {
		want = append(want, b.add(boardroom, graphsim.Event{Start: at("2026-11-03T09:00").Add(time.Duration(i) * time.Minute), End: at("2026-11-03T10:00")}))
	}
	b.sim.Set(func(w *graphsim.Behaviour) {
		w.Polite, w.Faults = false, graphsim.FaultRates{EmptyPage: 0.3, ShortPage: 0.5, Shuffle: true}
	})
	first, err := b.client.Users().ByUserId(boardroom).Events().Get(t.Context(), nil)
	b.must(err)
	pages, err := core.NewPageIterator[models.Eventable](first, b.adapter, models.CreateEventCollectionResponseFromDiscriminatorValue)
	b.must(err)
	var got []string
	for done := false; !done; {
		b.must(pages.Iterate(t.Context(), func(e models.Eventable) bool { got = append(got, *e.GetId()); return true }))
		done = pages.GetOdataNextLink() == nil
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d ids, want the %d put in", len(got), len(want))
	}
}

func TestSelectAndZone(t *testing.T) {
	b := newBench(t)
	b.add(graphsim.ServiceAccount, graphsim.Event{Subject: "Own", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	config := &users.ItemCalendarViewRequestBuilderGetRequestConfiguration{QueryParameters: &users.ItemCalendarViewRequestBuilderGetQueryParameters{
		StartDateTime: ptr("2026-11-03T00:00:00Z"), EndDateTime: ptr("2026-11-04T00:00:00Z"), Select: []string{"start", "isAllDay"}}}
	config.Headers = headers("Prefer", `outlook.timezone="Tokyo Standard Time"`)
	list, err := b.client.Me().CalendarView().Get(t.Context(), config)
	b.must(err)
	e := list.GetValue()[0]
	if when(e.GetStart()) != "2026-11-03T18:00:00.0000000 Tokyo Standard Time" || e.GetId() == nil || e.GetSubject() != nil || e.GetEnd() != nil {
		t.Errorf("from %s, id %s, subject %s, to %s", when(e.GetStart()), val(e.GetId()), val(e.GetSubject()), when(e.GetEnd()))
	}
}
