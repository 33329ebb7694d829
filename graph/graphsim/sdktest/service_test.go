package sdktest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"roomgate/graph/graphsim"
)

func headers(name, value string) *abstractions.RequestHeaders {
	h := abstractions.NewRequestHeaders()
	h.Add(name, value)
	return h
}

func utc(text string) models.DateTimeTimeZoneable {
	t := models.NewDateTimeTimeZone()
	t.SetDateTime(&text)
	t.SetTimeZone(ptr("UTC"))
	return t
}

// scheduleBody asks for 08:00 to 11:00 in half hours.
func scheduleBody(addresses ...string) users.ItemCalendarGetSchedulePostRequestBodyable {
	body := users.NewItemCalendarGetSchedulePostRequestBody()
	body.SetSchedules(addresses)
	body.SetStartTime(utc("2026-11-03T08:00:00"))
	body.SetEndTime(utc("2026-11-03T11:00:00"))
	body.SetAvailabilityViewInterval(ptr[int32](30))
	return body
}

func TestGetSchedule(t *testing.T) {
	b := newBench(t)
	b.sim.AddRoom(graphsim.Room{Address: "closed@contoso.example", Name: "Closed", NoFreeBusy: true})
	for _, room := range []string{boardroom, secret} {
		b.add(room, graphsim.Event{Subject: "Board", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00"), Location: "Boardroom", Sensitivity: "private"})
		b.add(room, graphsim.Event{Subject: "Maybe", Start: at("2026-11-03T10:00"), End: at("2026-11-03T10:30"), ShowAs: "tentative"})
	}
	answer, err := b.client.Me().Calendar().GetSchedule().PostAsGetSchedulePostResponse(t.Context(), scheduleBody(boardroom, secret, "nosuch@contoso.example", "closed@contoso.example"), nil)
	b.must(err)
	rows := answer.GetValue()
	if len(rows) != 4 {
		t.Fatalf("%d schedules", len(rows))
	}
	var got []string
	for _, r := range rows[:2] {
		got = append(got, val(r.GetScheduleId())+" "+val(r.GetAvailabilityView()))
		for _, i := range r.GetScheduleItems() {
			got = append(got, fmt.Sprintf("%s %s to %s: %s at %s, private %s", val(i.GetStatus()), when(i.GetStart()), when(i.GetEnd()), val(i.GetSubject()), val(i.GetLocation()), val(i.GetIsPrivate())))
		}
	}
	want := []string{
		"boardroom@contoso.example 002210",
		"busy 2026-11-03T09:00:00.0000000 UTC to 2026-11-03T10:00:00.0000000 UTC: Board at Boardroom, private true",
		"tentative 2026-11-03T10:00:00.0000000 UTC to 2026-11-03T10:30:00.0000000 UTC: Maybe at , private false",
		"secret@contoso.example 002210",
		"busy 2026-11-03T09:00:00.0000000 UTC to 2026-11-03T10:00:00.0000000 UTC: none at none, private none",
		"tentative 2026-11-03T10:00:00.0000000 UTC to 2026-11-03T10:30:00.0000000 UTC: none at none, private none",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if hours := rows[0].GetWorkingHours(); hours == nil || len(hours.GetDaysOfWeek()) != 5 || hours.GetStartTime().String() != "08:00:00" {
		t.Errorf("working hours %+v", hours)
	}
	for i, code := range map[int]string{2: "5009", 3: "ErrorNoFreeBusyAccess"} {
		if e := rows[i].GetError(); e == nil || val(e.GetResponseCode()) != code || val(e.GetMessage()) == "" || len(rows[i].GetScheduleItems()) != 0 {
			t.Errorf("schedule %s: error %+v, want %s", val(rows[i].GetScheduleId()), e, code)
		}
	}
}

func TestBatch(t *testing.T) {
	b := newBench(t)
	id := b.add(boardroom, graphsim.Event{Subject: "Board", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	b.sim.Set(func(w *graphsim.Behaviour) { w.Polite, w.Faults = false, graphsim.FaultRates{Shuffle: true} })
	batch := core.NewBatchRequest(b.adapter)
	step := func(r *abstractions.RequestInformation, err error) string {
		b.must(err)
		item, err := batch.AddBatchRequestStep(*r)
		b.must(err)
		return *item.GetId()
	}
	events := step(b.client.Users().ByUserId(boardroom).Events().ToGetRequestInformation(t.Context(), nil))
	refused := step(b.client.Users().ByUserId(secret).Events().ToGetRequestInformation(t.Context(), nil))
	schedule := step(b.client.Me().Calendar().GetSchedule().ToPostRequestInformation(t.Context(), scheduleBody(boardroom), nil))
	answer, err := batch.Send(t.Context(), b.adapter)
	b.must(err)
	if codes := answer.GetStatusCodes(); len(codes) != 3 || codes[events] != 200 || codes[refused] != 403 || codes[schedule] != 200 {
		t.Fatalf("statuses %v", codes)
	}
	list, err := core.GetBatchResponseById[models.EventCollectionResponseable](answer, events, models.CreateEventCollectionResponseFromDiscriminatorValue)
	b.must(err)
	if rows := list.GetValue(); len(rows) != 1 || val(rows[0].GetId()) != id || val(rows[0].GetSubject()) != "Board" {
		t.Errorf("events of the first part: %d", len(rows))
	}
	free, err := core.GetBatchResponseById[users.ItemCalendarGetSchedulePostResponseable](answer, schedule, users.CreateItemCalendarGetSchedulePostResponseFromDiscriminatorValue)
	b.must(err)
	if rows := free.GetValue(); len(rows) != 1 || val(rows[0].GetAvailabilityView()) != "002200" {
		t.Errorf("schedules of the third part: %d", len(rows))
	}
	inner, _ := answer.GetResponseById(refused).GetBody()["error"].(map[string]any)
	if code, _ := inner["code"].(*string); val(code) != "ErrorAccessDenied" {
		t.Errorf("the refused part has the body %v", answer.GetResponseById(refused).GetBody())
	}
}

func TestPlaces(t *testing.T) {
	b := newBench(t)
	rooms, err := b.client.Places().GraphRoom().Get(t.Context(), nil)
	b.must(err)
	var got []string
	for _, r := range rooms.GetValue() {
		got = append(got, fmt.Sprintf("%s %s: %s, floor %s %s, for %s, %s", val(r.GetDisplayName()), val(r.GetEmailAddress()), val(r.GetBuilding()), val(r.GetFloorNumber()), val(r.GetFloorLabel()), val(r.GetCapacity()), val(r.GetBookingType())))
	}
	want := []string{"Boardroom boardroom@contoso.example: HQ, floor 3 Third, for 12, standard", "Secret secret@contoso.example: none, floor none none, for none, standard"}
	if !slices.Equal(got, want) {
		t.Errorf("rooms %q, want %q", got, want)
	}
	lists, err := b.client.Places().GraphRoomList().Get(t.Context(), nil)
	b.must(err)
	if all := lists.GetValue(); len(all) != 1 || val(all[0].GetDisplayName()) != "HQ rooms" {
		t.Fatalf("room lists %v", all)
	}
	in, err := b.client.Places().ByPlaceId(*lists.GetValue()[0].GetEmailAddress()).GraphRoomList().Rooms().Get(t.Context(), nil)
	b.must(err)
	if all := in.GetValue(); len(all) != 1 || val(all[0].GetEmailAddress()) != boardroom {
		t.Errorf("rooms of the list: %d", len(all))
	}
}

func TestCalendars(t *testing.T) {
	b := newBench(t)
	b.weekly(secret)
	id, err := b.sim.ShareCalendar(graphsim.ServiceAccount, secret, "Secret room")
	b.must(err)
	list, err := b.client.Me().Calendars().Get(t.Context(), nil)
	b.must(err)
	var got []string
	for _, c := range list.GetValue() {
		got = append(got, fmt.Sprintf("%s of %s, default %s, edit %s", val(c.GetName()), address(c.GetOwner()), val(c.GetIsDefaultCalendar()), val(c.GetCanEdit())))
	}
	want := []string{"Calendar of Room Service <rooms@contoso.example>, default true, edit true", "Secret room of Secret <secret@contoso.example>, default false, edit false"}
	if !slices.Equal(got, want) || val(list.GetValue()[1].GetId()) != id {
		t.Fatalf("calendars %q, want %q", got, want)
	}
	view, err := b.client.Me().Calendars().ByCalendarId(id).CalendarView().Get(t.Context(), &users.ItemCalendarsItemCalendarViewRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemCalendarsItemCalendarViewRequestBuilderGetQueryParameters{StartDateTime: ptr("2026-11-03T00:00:00Z"), EndDateTime: ptr("2026-11-04T00:00:00Z")}})
	b.must(err)
	if rows := view.GetValue(); len(rows) != 1 || val(rows[0].GetSubject()) != "Weekly" {
		t.Errorf("the shared calendar shows %d events", len(rows))
	}
}

func TestErrors(t *testing.T) {
	b := newBench(t)
	read := func(user string) error {
		_, err := b.client.Users().ByUserId(user).Events().Get(t.Context(), nil)
		return err
	}
	badZone := func() error {
		_, err := b.client.Me().Events().Get(t.Context(), &users.ItemEventsRequestBuilderGetRequestConfiguration{Headers: headers("Prefer", `outlook.timezone="Mars/Base"`)})
		return err
	}
	throttled := func() error {
		b.sim.Fail(nil, graphsim.Fault{Status: 429, Code: "ApplicationThrottled", Message: "Application is over its MailboxConcurrency limit.", RetryAfter: "7"}, 1)
		return read(boardroom)
	}
	for _, tc := range []struct {
		name          string
		err           error
		status        int
		code, message string
	}{
		{"unshared", read(secret), 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."},
		{"unknown", read("nobody@contoso.example"), 404, "ErrorInvalidUser", "The requested user 'nobody@contoso.example' is invalid."},
		{"zone", badZone(), 400, "TimeZoneNotSupportedException", "A valid TimeZone value must be specified. The following TimeZone value is not supported: 'Mars/Base'."},
		{"throttled", throttled(), 429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var e *odataerrors.ODataError
			if !errors.As(tc.err, &e) || e.GetErrorEscaped() == nil {
				t.Fatalf("error %T: %v", tc.err, tc.err)
			}
			if e.GetStatusCode() != tc.status || val(e.GetErrorEscaped().GetCode()) != tc.code || val(e.GetErrorEscaped().GetMessage()) != tc.message {
				t.Errorf("read as %s, want %d %s: %s", describe(tc.err), tc.status, tc.code, tc.message)
			}
			if inner := e.GetErrorEscaped().GetInnerError(); inner == nil || val(inner.GetRequestId()) == "none" {
				t.Errorf("inner error %v", inner)
			}
			if wait := e.GetResponseHeaders().Get("Retry-After"); tc.status == 429 && !slices.Equal(wait, []string{"7"}) {
				t.Errorf("Retry-After %v", wait)
			}
		})
	}
}

// describe formats the fields of an error of the library, whose own text has no details.
func describe(err error) string {
	var e *odataerrors.ODataError
	if errors.As(err, &e) && e.GetErrorEscaped() != nil {
		return fmt.Sprintf("%d %s: %s", e.GetStatusCode(), val(e.GetErrorEscaped().GetCode()), val(e.GetErrorEscaped().GetMessage()))
	}
	return err.Error()
}
