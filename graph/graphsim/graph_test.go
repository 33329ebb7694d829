package graphsim

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	boardroom = "boardroom@contoso.example"
	tuesday   = "?startDateTime=2026-11-03T00:00:00Z&endDateTime=2026-11-04T00:00:00Z"
)

// weekly adds a series of Tuesdays 09:00 to 09:30 UTC that began in 2023.
func (b *bench) weekly(mailbox string) string {
	return b.add(mailbox, Event{Subject: "Weekly", Start: at("2023-01-03T09:00"), End: at("2023-01-03T09:30"),
		Recurrence: &Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}})
}

func TestEventsContainNoOccurrences(t *testing.T) {
	b := newBench(t).signedIn()
	id := b.weekly(boardroom)
	r := b.get("/users/" + boardroom + "/events")
	if got := r.column("type"); !slices.Equal(got, []string{"seriesMaster"}) {
		t.Errorf("/events types %v", got)
	}
	if got := r.column("start"); !slices.Equal(got, []string{"2023-01-03T09:00:00.0000000"}) {
		t.Errorf("/events starts %v: a master shows its first occurrence", got)
	}
	r = b.get("/users/" + boardroom + "/calendarView" + tuesday)
	if !slices.Equal(r.column("type"), []string{"occurrence"}) || !slices.Equal(r.column("seriesMasterId"), []string{id}) ||
		!slices.Equal(r.column("start"), []string{"2026-11-03T09:00:00.0000000"}) {
		t.Errorf("calendarView %v", r.rows())
	}
	one := b.get("/users/" + boardroom + "/events/" + url.PathEscape(r.column("id")[0]))
	if one.status != 200 || one.str("type") != "occurrence" || one.str("originalStart") != "2026-11-03T09:00:00Z" {
		t.Errorf("the occurrence by its id: %s", one.text)
	}
	r = b.get("/users/" + boardroom + "/events/" + id + "/instances" + tuesday)
	if !slices.Equal(r.column("start"), []string{"2026-11-03T09:00:00.0000000"}) {
		t.Errorf("instances %v", r.column("start"))
	}
}

func TestViewOverlapRule(t *testing.T) {
	b := newBench(t).signedIn()
	for _, span := range []string{"02T23:00 03T00:00", "02T22:00 02T23:59", "03T12:00 03T12:00", "03T23:59 04T02:00", "04T00:00 04T01:00", "01T00:00 09T00:00"} {
		from, to, _ := strings.Cut(span, " ")
		b.add(boardroom, Event{Subject: span, Start: at("2026-11-" + from), End: at("2026-11-" + to)})
	}
	got := b.get("/users/" + boardroom + "/calendarView" + tuesday).column("subject")
	want := []string{"02T23:00 03T00:00", "03T12:00 03T12:00", "03T23:59 04T02:00", "01T00:00 09T00:00"}
	if !slices.Equal(got, want) {
		t.Errorf("in the view %q, want %q", got, want)
	}
}

func TestPaging(t *testing.T) {
	b := newBench(t).signedIn()
	for i := range 25 {
		b.add(boardroom, Event{Subject: fmt.Sprint(i), Start: at("2026-11-03T08:00").Add(time.Duration(i) * time.Minute), End: at("2026-11-03T09:00")})
	}
	var sizes []int
	seen := map[string]bool{}
	address := "/v1.0/users/" + boardroom + "/calendarView" + tuesday + "&$orderby=start/dateTime"
	for address != "" {
		r := b.do("GET", address, "")
		r.want(t, 200, "")
		sizes = append(sizes, len(r.rows()))
		for _, s := range r.column("subject") {
			seen[s] = true
		}
		link := r.str("@odata.nextLink")
		if link != "" && !strings.HasPrefix(link, simHost+"/v1.0/users/") {
			t.Fatalf("nextLink %q is not absolute", link)
		}
		address = strings.TrimPrefix(link, simHost)
	}
	if !slices.Equal(sizes, []int{10, 10, 5}) || len(seen) != 25 {
		t.Errorf("pages %v with %d different rows, want 10, 10, 5 with 25", sizes, len(seen))
	}
	if n := len(b.get("/users/" + boardroom + "/events?$top=1000").rows()); n != 25 {
		t.Errorf("$top=1000: %d rows", n)
	}
	b.get("/users/"+boardroom+"/events?$top=1001").want(t, 400, "ErrorInvalidParameter")
	first := b.get("/users/" + boardroom + "/events?$top=5")
	token := first.str("@odata.nextLink")[strings.Index(first.str("@odata.nextLink"), "$skiptoken="):]
	b.get("/users/"+boardroom+"/events?$top=6&"+token).want(t, 400, "ErrorInvalidParameter")
}

func TestPagingWithFaultsLosesNoRows(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.Set(func(w *Behaviour) {
		w.Polite, w.Faults = false, FaultRates{EmptyPage: 0.5, ShortPage: 0.5, Shuffle: true}
	})
	for i := range 40 {
		b.add(boardroom, Event{Subject: fmt.Sprint(i), Start: at("2026-11-03T08:00").Add(time.Duration(i) * time.Minute), End: at("2026-11-03T09:00")})
	}
	var order []string
	empty := 0
	for address := "/v1.0/users/" + boardroom + "/events"; address != ""; {
		r := b.do("GET", address, "")
		if len(r.rows()) == 0 {
			empty++
		}
		order = append(order, r.column("subject")...)
		address = strings.TrimPrefix(r.str("@odata.nextLink"), simHost)
	}
	sorted := slices.Clone(order)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != 40 || len(order) != 40 || empty == 0 {
		t.Errorf("%d rows, %d different, %d empty pages", len(order), len(sorted), empty)
	}
	if slices.IsSortedFunc(order, func(x, y string) int { return len(x) - len(y) }) {
		t.Errorf("order %v was not shuffled", order)
	}
	r := b.get("/users/" + boardroom + "/events?$orderby=start/dateTime&$top=5")
	if got := r.column("start"); !slices.IsSorted(got) {
		t.Errorf("$orderby: %v", got)
	}
}

func TestQueryOptions(t *testing.T) {
	b := newBench(t).signedIn()
	b.add(boardroom, Event{Subject: "B", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	b.add(boardroom, Event{Subject: "A", Start: at("2026-11-03T08:00"), End: at("2026-11-03T09:00")})
	r := b.get("/users/" + boardroom + "/events?$select=subject&$orderby=start/dateTime%20desc&$count=true")
	if !slices.Equal(r.column("subject"), []string{"B", "A"}) || r.json["@odata.count"] != 2.0 {
		t.Errorf("answer %s", r.text)
	}
	if row := r.rows()[0]; len(row) != 3 || row["@odata.etag"] == nil || row["id"] == nil {
		t.Errorf("$select=subject gives %v, want etag, id, subject", row)
	}
	if want := simHost + "/v1.0/$metadata#users('boardroom%40contoso.example')/events(subject)"; r.str("@odata.context") != want {
		t.Errorf("context %q, want %q", r.str("@odata.context"), want)
	}
	r = b.get("/users/" + boardroom + "/events?$orderby=start")
	r.want(t, 400, "BadRequest")
	if !strings.Contains(r.text, "The $orderby expression must evaluate to a single value of primitive type.") {
		t.Errorf("body %s", r.text)
	}
	b.get("/users/"+boardroom+"/events?$select=colour").want(t, 400, "BadRequest")
	b.get("/users/"+boardroom+"/calendarView"+tuesday+"&$filter="+url.QueryEscape("start/dateTime ge '2026-11-03'")).want(t, 400, "ErrorInvalidRequest")
}

func TestTimesAndZones(t *testing.T) {
	b := newBench(t).signedIn()
	b.add(boardroom, Event{Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00"), Zone: "Europe/Berlin"})
	start := func(headers ...string) (string, string, http.Header) {
		r := b.get("/users/"+boardroom+"/calendarView"+tuesday, headers...)
		m := r.rows()[0]["start"].(map[string]any)
		return m["dateTime"].(string), m["timeZone"].(string), r.header
	}
	for _, tc := range []struct{ prefer, want, zone string }{
		{"", "2026-11-03T09:00:00.0000000", "UTC"},
		{`outlook.timezone="Pacific Standard Time"`, "2026-11-03T01:00:00.0000000", "Pacific Standard Time"},
		{`outlook.timezone="Europe/Berlin", IdType="ImmutableId"`, "2026-11-03T10:00:00.0000000", "Europe/Berlin"},
	} {
		got, zone, header := start("Prefer", tc.prefer)
		if got != tc.want || zone != tc.zone || header.Get("Preference-Applied") != tc.prefer {
			t.Errorf("%s: %s %s applied %q", tc.prefer, got, zone, header.Get("Preference-Applied"))
		}
	}
	b.get("/users/"+boardroom+"/calendarView"+tuesday, "Prefer", `outlook.timezone="Mars/Base"`).want(t, 400, "TimeZoneNotSupportedException")
	b.sim.Set(func(w *Behaviour) { w.IgnoreTimezonePref = true })
	if got, zone, _ := start("Prefer", `outlook.timezone="UTC"`); got != "2026-11-03T10:00:00.0000000" || zone != "Europe/Berlin" && zone != "W. Europe Standard Time" {
		t.Errorf("ignoring: %s %s", got, zone)
	}
}

func TestWindowRefusals(t *testing.T) {
	b := newBench(t).signedIn()
	for query, code := range map[string]string{
		"":                                    "ErrorInvalidParameter",
		"?startDateTime=2026-11-03T00:00:00Z": "ErrorInvalidParameter",
		"?startDateTime=2026-11-03T00:00:00+05:30&endDateTime=2026-11-04T00:00:00Z":                 "ErrorInvalidParameter",
		"?startDateTime=2026-11-04T00:00:00Z&endDateTime=2026-11-03T00:00:00Z":                      "ErrorInvalidParameter",
		"?startDateTime=2020-01-01T00:00:00Z&endDateTime=2025-01-01T00:00:00Z":                      "ErrorInvalidRequest",
		"?startDateTime=2020-01-01T00:00:00Z&endDateTime=2024-12-30T00:00:00Z":                      "",
		"?startDateTime=2026-11-03T00:00:00%2B05:30&endDateTime=2026-11-04T00:00:00.0000000":        "",
		"?startDateTime=2026-11-03T00:00:00-08:00&endDateTime=2026-11-04T00:00:00Z&$top=1&$skip=10": "",
	} {
		status := 400
		if code == "" {
			status = 200
		}
		t.Run(query, func(t *testing.T) { b.get("/users/"+boardroom+"/calendarView"+query).want(t, status, code) })
	}
}

func TestImmutableIDs(t *testing.T) {
	b := newBench(t).signedIn()
	id := b.weekly(boardroom)
	r := b.get("/users/"+boardroom+"/calendarView"+tuesday, "Prefer", `IdType="ImmutableId"`)
	fixed := r.column("id")[0]
	if !strings.HasPrefix(fixed, "AAkALg") || !strings.HasPrefix(r.column("seriesMasterId")[0], "AAkALg") {
		t.Errorf("ids %v %v", r.column("id"), r.column("seriesMasterId"))
	}
	b.get("/users/"+boardroom+"/events/"+fixed).want(t, 200, "")
	b.get("/users/"+boardroom+"/events/"+id[:60]).want(t, 400, "ErrorInvalidIdMalformed")
	b.must(b.sim.DeleteEvent(boardroom, id))
	b.get("/users/"+boardroom+"/events/"+id).want(t, 404, "ErrorItemNotFound")
}

func TestTokenRefusals(t *testing.T) {
	b := newBench(t)
	b.get("/me/events").want(t, 401, "InvalidAuthenticationToken")
	b.signedIn()
	b.get("/me/events").want(t, 200, "")
	b.sim.ExpireAccess()
	r := b.get("/me/events")
	r.want(t, 401, "InvalidAuthenticationToken")
	if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), `Bearer realm="", authorization_uri="`) {
		t.Errorf("WWW-Authenticate %q", r.header.Get("WWW-Authenticate"))
	}
}

func TestPermissions(t *testing.T) {
	b := newBench(t)
	b.sim.AddRoom(Room{Address: "old@contoso.example", Unlicensed: true, SharedWith: []string{ServiceAccount}})
	b.signedIn()
	b.get("/users/secret@contoso.example/events").want(t, 403, "ErrorAccessDenied")
	b.sim.Set(func(w *Behaviour) { w.UnsharedIs404 = true })
	b.get("/users/secret@contoso.example/events").want(t, 404, "ErrorItemNotFound")
	b.get("/users/nobody@contoso.example/events").want(t, 404, "ErrorInvalidUser")
	b.get("/users/old@contoso.example/events").want(t, 404, "MailboxNotEnabledForRESTAPI")
	b.get("/me").want(t, 200, "")
	b.get("/nonsense").want(t, 400, "BadRequest")

	b.signedIn("Calendars.Read")
	b.get("/me/events").want(t, 200, "")
	b.get("/users/"+boardroom+"/events").want(t, 403, "ErrorAccessDenied")
	b.get("/me").want(t, 403, "Authorization_RequestDenied")
	b.get("/places/microsoft.graph.room").want(t, 403, "Authorization_RequestDenied")

	b.signedIn("Calendars.ReadBasic")
	b.add(ServiceAccount, Event{Body: "agenda", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	if row := b.get("/me/events").rows()[0]; row["body"] != nil || row["subject"] == nil {
		t.Errorf("ReadBasic gives %v", row)
	}
}

func TestApplicationPermissions(t *testing.T) {
	b := newBench(t)
	app, err := b.sim.AppToken(clientID())
	b.must(err)
	b.token = app.Access
	b.get("/me/events").want(t, 400, "BadRequest")
	b.get("/users/secret@contoso.example/events").want(t, 200, "")
	b.sim.ChangeApp(clientID(), func(a *App) { a.PolicyAllows = []string{boardroom} })
	r := b.get("/users/secret@contoso.example/events")
	r.want(t, 403, "ErrorAccessDenied")
	if !strings.Contains(r.text, "[RAOP]") {
		t.Errorf("body %s", r.text)
	}
	b.get("/users/"+boardroom+"/events").want(t, 200, "")
	b.sim.ChangeApp(clientID(), func(a *App) { a.AppRoles, a.PolicyAllows, a.ScopedTo = nil, nil, []string{boardroom} })
	b.get("/users/"+boardroom+"/events").want(t, 200, "")
	b.get("/users/secret@contoso.example/events").want(t, 403, "ErrorAccessDenied")
}

func TestInjectedFaults(t *testing.T) {
	b := newBench(t).signedIn()
	view := "/users/" + boardroom + "/calendarView" + tuesday
	b.sim.Fail(nil, Fault{Status: 503, Code: "ServiceUnavailable", RetryAfter: "3"}, 1)
	r := b.get(view)
	r.want(t, 503, "ServiceUnavailable")
	if r.header.Get("Retry-After") != "3" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	b.get(view).want(t, 200, "")
	b.sim.Fail(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "calendarView") }, Fault{Kind: FaultHTML}, -1)
	b.get("/me/events").want(t, 200, "")
	if r := b.get(view); r.status != 200 || !strings.HasPrefix(r.text, "<html>") {
		t.Errorf("html: %d %.50s", r.status, r.text)
	}
	b.sim.ClearFaults()
	b.sim.Fail(nil, Fault{Kind: FaultEmpty200}, 1)
	if r := b.get(view); r.status != 200 || r.text != "" {
		t.Errorf("empty: %d %q", r.status, r.text)
	}
	for kind, want := range map[FaultKind]error{FaultReset: syscall.ECONNRESET, FaultTruncate: io.ErrUnexpectedEOF} {
		b.sim.Fail(nil, Fault{Kind: kind}, 1)
		if err := b.try(view); !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", kind, err, want)
		}
	}
	b.get(view).want(t, 200, "")
}

// try returns the error of a whole request with its body.
func (b *bench) try(address string) error {
	r, _ := http.NewRequestWithContext(b.t.Context(), "GET", simHost+"/v1.0"+address, nil)
	r.Header.Set("Authorization", "Bearer "+b.token)
	_, err := b.send(r)
	return err
}

func TestThrottlingVariants(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.Set(func(w *Behaviour) { w.Polite, w.Faults = false, FaultRates{Throttle: 1} })
	codes, waits := map[string]bool{}, map[bool]bool{}
	for range 60 {
		r := b.get("/me/events")
		if r.status != 429 {
			t.Fatalf("status %d", r.status)
		}
		codes[r.code()] = true
		waits[r.header.Get("Retry-After") == ""] = true
	}
	if !codes["ApplicationThrottled"] || !codes["TooManyRequests"] || !codes["UnknownError"] || len(codes) != 3 || len(waits) != 2 {
		t.Errorf("codes %v, without Retry-After %v", codes, waits)
	}
}

func TestRandomFaultsAreSeeded(t *testing.T) {
	statuses := func(seed uint64) string {
		now := at("2026-11-03T08:00")
		s := New(Options{Seed: seed, Now: func() time.Time { return now }})
		s.Set(func(w *Behaviour) { w.Faults = FaultRates{Throttle: 0.3, Unavailable: 0.3} })
		b := &bench{t: t, sim: s, client: &http.Client{Transport: s.Transport()}}
		b.signedIn()
		var out []string
		for range 40 {
			out = append(out, fmt.Sprint(b.get("/me/events").status))
		}
		return strings.Join(out, " ")
	}
	first, again, other := statuses(7), statuses(7), statuses(8)
	if first != again {
		t.Errorf("the same seed misbehaves differently: %s, then %s", first, again)
	}
	if first == other {
		t.Error("another seed misbehaves the same")
	}
}

func TestThrottleAndOutageEnd(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.Set(func(w *Behaviour) { w.ThrottleUntil = b.now.Add(30 * time.Second) })
	if r := b.get("/me/events"); r.status != 429 || r.header.Get("Retry-After") != "31" {
		t.Errorf("throttled: %d Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	b.now = b.now.Add(30 * time.Second)
	b.get("/me/events").want(t, 200, "")
	b.sim.Set(func(w *Behaviour) { w.OutageUntil = b.now.Add(time.Minute) })
	b.get("/me/events").want(t, 503, "ServiceUnavailable")
	if r := b.ask("common"); r.status != 503 {
		t.Errorf("identity in an outage: %d", r.status)
	}
	b.now = b.now.Add(time.Minute)
	b.get("/me/events").want(t, 200, "")
}

func TestHeadersOnEveryResponse(t *testing.T) {
	b := newBench(t).signedIn()
	for _, address := range []string{"/v1.0/me/events", "/v1.0/users/nobody/events", "/common/oauth2/v2.0/token", "/", "/nowhere/at/all"} {
		h := b.do("GET", address, "", "client-request-id", "mine-1").header
		if h.Get("Date") != "Tue, 03 Nov 2026 08:00:00 GMT" || h.Get("X-Simulator") != "roomgate" || h.Get("client-request-id") != "mine-1" {
			t.Errorf("%s: %v", address, h)
		}
		if h.Get("request-id")+h.Get("x-ms-request-id") == "" {
			t.Errorf("%s: no request id", address)
		}
	}
}

func TestRequestLog(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.ResetRequests()
	b.get("/me/events")
	b.get("/users/" + boardroom + "/calendarView" + tuesday)
	b.tokenPost("refresh_token")
	counts := b.sim.Counts()
	if counts["events"] != 1 || counts["calendarView"] != 1 || counts["token"] != 1 {
		t.Errorf("counts %v", counts)
	}
	list := b.sim.Requests()
	if len(list) != 3 || list[1].Path != "/v1.0/users/"+boardroom+"/calendarView" || list[1].Mailbox != boardroom || list[1].Status != 200 || !list[1].Time.Equal(b.now) || list[1].Bytes == 0 {
		t.Errorf("list %+v", list)
	}
	if b.sim.MaxConcurrent(boardroom) != 1 {
		t.Errorf("most at once %d", b.sim.MaxConcurrent(boardroom))
	}
}
