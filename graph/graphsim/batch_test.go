package graphsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// batch posts parts and returns the responses by id.
func (b *bench) batch(parts ...string) map[string]map[string]any {
	b.t.Helper()
	r := b.do("POST", "/v1.0/$batch", `{"requests":[`+strings.Join(parts, ",")+`]}`, "Content-Type", "application/json")
	r.want(b.t, 200, "")
	out := map[string]map[string]any{}
	for _, x := range r.json["responses"].([]any) {
		row := x.(map[string]any)
		out[row["id"].(string)] = row
	}
	return out
}

func part(id, path string) string { return fmt.Sprintf(`{"id":%q,"method":"GET","url":%q}`, id, path) }

func TestBatch(t *testing.T) {
	b := newBench(t).signedIn()
	for i := range 12 {
		b.add(boardroom, Event{Subject: fmt.Sprint(i), Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00")})
	}
	got := b.batch(part("1", "/users/"+boardroom+"/calendarView"+tuesday), part("2", "/users/secret@contoso.example/events"), part("3", "/me/events"),
		`{"id":"4","method":"GET","url":"/me/events","dependsOn":["2"]}`,
		`{"id":"5","method":"POST","url":"/me/calendar/getSchedule","body":{}}`, `{"id":"6","method":"GET","url":"/me/events","body":null}`)
	for id, want := range map[string]float64{"1": 200, "2": 403, "3": 200, "4": 424, "5": 400, "6": 200} {
		if got[id]["status"] != want {
			t.Errorf("part %s: status %v, want %v", id, got[id]["status"], want)
		}
	}
	body := got["1"]["body"].(map[string]any)
	if link, _ := body["@odata.nextLink"].(string); !strings.HasPrefix(link, simHost+"/v1.0/users/"+boardroom+"/calendarView?") {
		t.Errorf("nextLink in a part %q", link)
	}
	if counts := b.sim.Counts(); counts["batch"] != 1 || counts["calendarView"] != 1 {
		t.Errorf("counts %v", counts)
	}
}

func TestBatchEnvelopeRefusals(t *testing.T) {
	b := newBench(t).signedIn()
	var many []string
	for i := range 21 {
		many = append(many, part(fmt.Sprint(i), "/me/events"))
	}
	for name, parts := range map[string][]string{
		"21 parts": many, "no parts": nil, "same id but for case": {part("a", "/me/events"), part("A", "/me/events")},
		"nested": {part("1", "/$batch")}, "dependency unknown": {`{"id":"1","method":"GET","url":"/me/events","dependsOn":["9"]}`},
	} {
		r := b.do("POST", "/v1.0/$batch", `{"requests":[`+strings.Join(parts, ",")+`]}`, "Content-Type", "application/json")
		if r.status != 400 {
			t.Errorf("%s: status %d, want 400", name, r.status)
		}
	}
	b.batch(many[:20]...)
}

func TestBatchThrottlesSingleParts(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.Fail(func(r *http.Request) bool { return strings.Contains(r.URL.Path, boardroom) }, Fault{Status: 429, RetryAfter: "7"}, 1)
	got := b.batch(part("1", "/users/"+boardroom+"/events"), part("2", "/me/events"))
	if got["1"]["status"] != 429.0 || got["2"]["status"] != 200.0 || got["1"]["headers"].(map[string]any)["Retry-After"] != "7" {
		t.Errorf("answers %v", got)
	}
	b.sim.Set(func(w *Behaviour) { w.MailboxLimit = 4 })
	var parts []string
	for i := range 6 {
		parts = append(parts, part(fmt.Sprint(i), "/me/events"))
	}
	var statuses []float64
	for _, row := range b.batch(parts...) {
		statuses = append(statuses, row["status"].(float64))
	}
	slices.Sort(statuses)
	if !slices.Equal(statuses, []float64{200, 200, 200, 200, 429, 429}) {
		t.Errorf("six parts to one mailbox: %v", statuses)
	}
}

// TestMailboxConcurrency keeps five requests in progress at once.
func TestMailboxConcurrency(t *testing.T) {
	b := newBench(t).signedIn()
	inside, release := make(chan struct{}), make(chan struct{})
	statuses := make(chan int, 5)
	b.sim.Set(func(w *Behaviour) { w.MailboxLimit = 4 })
	for range 5 {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", simHost+"/v1.0/me/events", nil)
		r.Header.Set("Authorization", "Bearer "+b.token)
		go b.sim.ServeHTTP(&heldWriter{inside: inside, release: release, status: statuses}, r)
		<-inside
	}
	close(release)
	var got []int
	for range 5 {
		got = append(got, <-statuses)
	}
	slices.Sort(got)
	if !slices.Equal(got, []int{200, 200, 200, 200, 429}) || b.sim.MaxConcurrent(ServiceAccount) != 5 {
		t.Errorf("statuses %v, most at once %d", got, b.sim.MaxConcurrent(ServiceAccount))
	}
}

// heldWriter blocks the handler when it writes the status.
type heldWriter struct {
	header          http.Header
	inside, release chan struct{}
	status          chan int
}

func (w *heldWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *heldWriter) WriteHeader(status int) {
	w.inside <- struct{}{}
	<-w.release
	w.status <- status
}

func (w *heldWriter) Write(p []byte) (int, error) { return len(p), nil }

func (b *bench) schedule(body string) reply {
	return b.do("POST", "/v1.0/me/calendar/getSchedule", body, "Content-Type", "application/json")
}

const scheduleBody = `{"schedules":[%s],"startTime":{"dateTime":"2026-11-03T08:00:00","timeZone":"UTC"},"endTime":{"dateTime":"%s","timeZone":"UTC"},"availabilityViewInterval":30}`

func TestGetSchedule(t *testing.T) {
	b := newBench(t).signedIn()
	for _, room := range []string{boardroom, "secret@contoso.example"} {
		b.add(room, Event{Subject: "Board", Start: at("2026-11-03T09:00"), End: at("2026-11-03T10:00"), Location: "Boardroom"})
		b.add(room, Event{Subject: "Maybe", Start: at("2026-11-03T09:45"), End: at("2026-11-03T10:15"), ShowAs: "tentative"})
		b.add(room, Event{Subject: "Gone", Start: at("2026-11-03T08:00"), End: at("2026-11-03T09:00"), Cancelled: true})
		b.add(room, Event{Subject: "Before", Start: at("2026-11-03T07:00"), End: at("2026-11-03T08:00")})
	}
	r := b.schedule(fmt.Sprintf(scheduleBody, `"boardroom@contoso.example","secret@contoso.example","nosuch@contoso.example"`, "2026-11-03T11:00:00"))
	r.want(t, 200, "")
	rows := r.rows()
	if rows[0]["availabilityView"] != "002210" || rows[1]["availabilityView"] != "002210" {
		t.Errorf("views %v %v, want 002210", rows[0]["availabilityView"], rows[1]["availabilityView"])
	}
	shared, unshared := rows[0]["scheduleItems"].([]any), rows[1]["scheduleItems"].([]any)
	if len(shared) != 2 || shared[0].(map[string]any)["subject"] != "Board" || shared[0].(map[string]any)["status"] != "busy" {
		t.Errorf("shared room %v", shared)
	}
	if item := unshared[0].(map[string]any); len(item) != 3 || item["status"] != "busy" {
		t.Errorf("unshared room shows %v, want status, start and end only", item)
	}
	if e := rows[2]["error"].(map[string]any); e["responseCode"] != "5009" || rows[2]["scheduleId"] != "nosuch@contoso.example" {
		t.Errorf("unknown address %v", rows[2])
	}
}

func TestGetScheduleLimits(t *testing.T) {
	b := newBench(t).signedIn()
	one := `"boardroom@contoso.example"`
	many := strings.TrimSuffix(strings.Repeat(one+",", 21), ",")
	b.schedule(fmt.Sprintf(scheduleBody, many, "2026-11-03T11:00:00")).want(t, 400, "ErrorInvalidParameter")
	r := b.schedule(fmt.Sprintf(scheduleBody, one, "2027-01-05T08:00:00"))
	r.want(t, 400, "ErrorTimeIntervalTooBig")
	if !strings.Contains(r.text, "The allowed limit = 62 days; the actual limit = 63 days.") {
		t.Errorf("body %s", r.text)
	}
	b.schedule(strings.Replace(fmt.Sprintf(scheduleBody, one, "2026-11-03T11:00:00"), ":30}", ":null}", 1)).want(t, 500, "InternalServerError")
	b.schedule(strings.Replace(fmt.Sprintf(scheduleBody, one, "2026-11-03T11:00:00"), ":30}", ":4}", 1)).want(t, 400, "ErrorInvalidParameter")
}

func TestPlaces(t *testing.T) {
	b := newBench(t).signedIn()
	r := b.get("/places/microsoft.graph.room?$top=1&$count=true")
	if !slices.Equal(r.column("emailAddress"), []string{boardroom}) || r.json["@odata.count"] != 2.0 {
		t.Errorf("first page %s", r.text)
	}
	next := b.do("GET", strings.TrimPrefix(r.str("@odata.nextLink"), simHost), "")
	if !slices.Equal(next.column("displayName"), []string{"Secret"}) || next.str("@odata.nextLink") != "" {
		t.Errorf("second page %s", next.text)
	}
	lists := b.get("/places/microsoft.graph.roomlist").column("emailAddress")
	if !slices.Equal(lists, []string{"rooms-hq@contoso.example"}) {
		t.Fatalf("room lists %v", lists)
	}
	for _, short := range []string{"/places/graph.room", "/places/rooms-hq@contoso.example/graph.roomList/rooms"} { // as Microsoft's own library asks
		if got := b.get(short).column("emailAddress"); !slices.Contains(got, boardroom) {
			t.Errorf("%s: %v", short, got)
		}
	}
	if got := b.get("/places/rooms-hq@contoso.example/microsoft.graph.roomlist/rooms").column("emailAddress"); !slices.Equal(got, []string{boardroom}) {
		t.Errorf("rooms of the list %v", got)
	}
	if row := b.get("/places/" + boardroom).json; row["capacity"] != 12.0 || row["floorNumber"] != 3.0 || row["building"] != "HQ" {
		t.Errorf("one room %v", row)
	}
}

func TestBatchFaults(t *testing.T) {
	ask := func(change func(*Behaviour)) (reply, error) {
		b := newBench(t).signedIn()
		b.sim.Set(func(w *Behaviour) { w.Polite, w.Faults = false, FaultRates{}; change(w) })
		var parts []string
		for i := range 20 {
			parts = append(parts, part(fmt.Sprint(i), "/users/"+boardroom+"/events"))
		}
		r, _ := http.NewRequestWithContext(t.Context(), "POST", simHost+"/v1.0/$batch", strings.NewReader(`{"requests":[`+strings.Join(parts, ",")+`]}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+b.token)
		return b.send(r)
	}
	for name, m := range map[string]FaultRates{"Reset": {Reset: 1}, "Truncate": {Truncate: 1}} {
		if r, err := ask(func(w *Behaviour) { w.Faults = m }); err == nil {
			t.Errorf("%s: status %d %.100s, want a broken response", name, r.status, r.text)
		}
	}
	for status, m := range map[int]FaultRates{429: {Throttle: 1}, 503: {Unavailable: 1}} {
		if r, err := ask(func(w *Behaviour) { w.Faults = m }); err != nil || r.json["responses"] != nil || r.status != status && r.status/100 != 5 {
			t.Errorf("%d: status %d %v, want the whole batch refused", status, r.status, err)
		}
	}
	if r, err := ask(func(w *Behaviour) { w.BatchBlocked = true }); err != nil || r.status != 404 || !strings.HasPrefix(r.text, "<html>") {
		t.Errorf("BatchRefused: %d %.100s %v", r.status, r.text, err)
	}
}

func TestBatchPartsHaveAnyOrderAndTheirOwnHeaders(t *testing.T) {
	b := newBench(t).signedIn()
	var parts []string
	for i := range 20 {
		parts = append(parts, part(fmt.Sprint(i), "/users/"+boardroom+"/events"))
	}
	body := `{"requests":[` + strings.Join(parts, ",") + `]}`
	b.sim.Set(func(w *Behaviour) { w.Polite, w.Faults = false, FaultRates{Throttle: 0.3, Shuffle: true} })
	var r reply
	for r.json["responses"] == nil { // the envelope is throttled too at times
		r = b.do("POST", "/v1.0/$batch", body, "Content-Type", "application/json")
	}
	var order []string
	ids := map[any]bool{}
	waits, throttled := 0, 0
	for _, x := range r.json["responses"].([]any) {
		row := x.(map[string]any)
		headers := row["headers"].(map[string]any)
		order = append(order, row["id"].(string))
		ids[headers["request-id"]] = true
		if row["status"] == 429.0 {
			throttled++
			if headers["Retry-After"] != nil {
				waits++
			}
		}
	}
	sorted := strings.Join(order, " ") == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"
	if sorted || len(ids) != 20 || throttled == 0 || throttled == 20 || waits == 0 {
		t.Errorf("order %v, %d request ids, %d throttled, %d of them with Retry-After", order, len(ids), throttled, waits)
	}
}

func TestMailboxLimitIsPerMailbox(t *testing.T) {
	b := newBench(t).signedIn()
	b.sim.Set(func(w *Behaviour) { w.MailboxLimit = 4 })
	var parts []string
	for i := range 20 { // four for each of five mailboxes, two of which exist
		parts = append(parts, part(fmt.Sprint(i), fmt.Sprintf("/users/%s/events", []string{boardroom, ServiceAccount, "a@x.example", "b@x.example", "c@x.example"}[i%5])))
	}
	for id, row := range b.batch(parts...) {
		if row["status"] == 429.0 {
			t.Errorf("part %s: %v", id, row)
		}
	}
}
