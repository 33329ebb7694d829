package graphsim

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestSharedCalendar(t *testing.T) {
	b := newBench(t).signedIn()
	series := b.weekly("secret@contoso.example")
	b.add(ServiceAccount, Event{Subject: "Own", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	id, err := b.sim.ShareCalendar(ServiceAccount, "secret@contoso.example", "Secret room")
	b.must(err)

	r := b.get("/me/calendars")
	if got := r.column("name"); !slices.Equal(got, []string{"Calendar", "Secret room"}) {
		t.Fatalf("calendars %v", got)
	}
	own, shared := r.rows()[0], r.rows()[1]
	if own["isDefaultCalendar"] != true || own["owner"].(map[string]any)["address"] != ServiceAccount {
		t.Errorf("the account's own calendar %v", own)
	}
	if owner := shared["owner"].(map[string]any); shared["id"] != id || shared["isDefaultCalendar"] != false || owner["name"] != "Secret" || owner["address"] != "secret@contoso.example" {
		t.Errorf("the shared calendar %v", shared)
	}
	if one := b.get("/me/calendars/" + id); one.str("name") != "Secret room" || one.str("id") != id {
		t.Errorf("the shared calendar by its id: %s", one.text)
	}

	for _, user := range []string{"/me", "/users/" + ServiceAccount} {
		in := user + "/calendars/" + id
		if got := b.get(in + "/events").column("id"); !slices.Equal(got, []string{series}) {
			t.Errorf("%s: events %v", user, got)
		}
		view := b.get(in + "/calendarView" + tuesday)
		if got := view.column("start"); !slices.Equal(got, []string{"2026-11-03T09:00:00.0000000"}) {
			t.Errorf("%s: calendarView %v", user, got)
		}
		if one := b.get(in + "/events/" + url.PathEscape(view.column("id")[0])); one.str("subject") != "Weekly" {
			t.Errorf("%s: the occurrence by its id: %s", user, one.text)
		}
		if got := b.get(in + "/events/" + series + "/instances" + tuesday).column("seriesMasterId"); !slices.Equal(got, []string{series}) {
			t.Errorf("%s: instances of %v", user, got)
		}
	}
	if got := b.get("/me/events").column("subject"); !slices.Equal(got, []string{"Own"}) {
		t.Errorf("the account's own events %v", got)
	}
	b.get("/users/secret@contoso.example/events").want(t, 200, "")
}

func TestSharedCalendarRefusals(t *testing.T) {
	b := newBench(t).signedIn()
	b.get("/me/calendars/AAMkAGI1unknown=/events").want(t, 404, "ErrorItemNotFound")
	id, err := b.sim.ShareCalendar(ServiceAccount, "secret@contoso.example", "Secret room")
	b.must(err)
	b.sim.AddUser(User{UPN: "tom@contoso.example", Name: "Tom"})
	b.get("/users/tom@contoso.example/calendars/"+id+"/events").want(t, 403, "ErrorAccessDenied")
	b.signedIn("Calendars.Read")
	b.get("/me/calendars/"+id+"/events").want(t, 403, "ErrorAccessDenied")
	if got := b.get("/me/calendars").column("name"); len(got) != 2 {
		t.Errorf("without the right to read it, the list is %v", got)
	}
	for _, pair := range [][2]string{{"nobody@contoso.example", boardroom}, {ServiceAccount, "nobody@contoso.example"}} {
		if _, err := b.sim.ShareCalendar(pair[0], pair[1], "x"); err == nil || !strings.Contains(err.Error(), "nobody@contoso.example") {
			t.Errorf("sharing %v: %v", pair, err)
		}
	}
}

func TestCalendarsPage(t *testing.T) {
	b := newBench(t).signedIn()
	for _, name := range []string{"A", "B", "C"} {
		_, err := b.sim.ShareCalendar(ServiceAccount, boardroom, name)
		b.must(err)
	}
	var pages [][]string
	for address := "/v1.0/me/calendars?$top=3&$select=name"; address != ""; {
		r := b.do("GET", address, "")
		r.want(t, 200, "")
		pages = append(pages, r.column("name"))
		if row := r.rows()[0]; len(row) != 2 || row["id"] == nil {
			t.Errorf("$select=name gives %v, want id and name", row)
		}
		address = strings.TrimPrefix(r.str("@odata.nextLink"), simHost)
	}
	if len(pages) != 2 || !slices.Equal(pages[0], []string{"Calendar", "A", "B"}) || !slices.Equal(pages[1], []string{"C"}) {
		t.Errorf("pages %v", pages)
	}
	b.get("/me/calendars?$top=1001").want(t, 400, "ErrorInvalidParameter")
	b.get("/me/calendars?$select=subject").want(t, 400, "BadRequest")
}

func TestSharedCalendarShowsDetailsInSchedules(t *testing.T) {
	b := newBench(t).signedIn()
	b.add("secret@contoso.example", Event{Subject: "Board", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	ask := func() map[string]any {
		r := b.schedule(strings.Replace(scheduleOf("secret@contoso.example"), ":30}", ":60}", 1))
		return r.rows()[0]["scheduleItems"].([]any)[0].(map[string]any)
	}
	if item := ask(); item["subject"] != nil {
		t.Errorf("before: %v", item)
	}
	_, err := b.sim.ShareCalendar(ServiceAccount, "secret@contoso.example", "Secret room")
	b.must(err)
	if item := ask(); item["subject"] != "Board" {
		t.Errorf("after: %v", item)
	}
}

func TestApplicationReadsSharedCalendarWithItsOwnPermission(t *testing.T) {
	b := newBench(t)
	id, err := b.sim.ShareCalendar(ServiceAccount, "secret@contoso.example", "Secret room")
	b.must(err)
	app, err := b.sim.AppToken(clientID())
	b.must(err)
	b.token = app.Access
	b.get("/users/"+ServiceAccount+"/calendars/"+id+"/calendarView"+tuesday).want(t, 200, "")
	b.sim.ChangeApp(clientID(), func(a *App) { a.PolicyAllows = []string{ServiceAccount} })
	b.get("/users/"+ServiceAccount+"/calendars/"+id+"/calendarView"+tuesday).want(t, 403, "ErrorAccessDenied")
}
