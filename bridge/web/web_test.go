package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		method, target string
		header         []string
		status         int
		kind, body     string // of which the answer's body has this
	}{
		{"GET", "/", nil, 200, "text/html; charset=utf-8", "<h1>Head Office</h1>"},
		{"GET", "/style.css", nil, 200, "text/css; charset=utf-8", "prefers-color-scheme: dark"},
		{"GET", "/page.js", nil, 200, "text/javascript; charset=utf-8", "EventSource"},
		{"GET", "/api/v1/rooms", nil, 200, "application/json", `{"rooms":[{"id":"boardroom","name":"Boardroom","building":"Annexe","floor":"3","capacity":12,`},
		{"GET", "/api/v1/rooms/attic", nil, 200, "application/json", `{"id":"attic","name":"Attic","building":"","floor":"","capacity":null,"quality":"unknown",`},
		{"GET", "/api/v1/rooms/cellar", nil, 404, "application/json", `{"error":"there is no room \"cellar\"","next":"GET /api/v1/rooms lists the rooms"}`},
		{"GET", "/api/v1/accounts", nil, 200, "application/json", `{"accounts":[]}`},
		{"GET", "/api/v1/gateway", nil, 200, "application/json", `{"site":{"id":"hq","name":"Head Office","timezone":"Europe/London"},"version":"1.2.3",`},
		{"GET", "/api/v2", nil, 404, "application/json", `{"error":"there is nothing at this address","next":"start at /"}`},
		{"POST", "/api/v1/rooms", nil, 405, "application/json", `{"error":"this address can only be read","next":"use GET"}`},
		{"GET", "/metrics", nil, 200, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "# TYPE roomgate_build_info gauge\n"},
		{"GET", "/healthz", nil, 200, "text/plain; charset=utf-8", "ok\n"},
		{"GET", "/nowhere", nil, 404, "text/html; charset=utf-8", "<h1>Not Found</h1>"},
		{"POST", "/", nil, 405, "text/html; charset=utf-8", "<h1>Method Not Allowed</h1>"},
		{"DELETE", "/events", nil, 405, "text/html; charset=utf-8", "can only be read"},
		{"POST", "/", []string{"Sec-Fetch-Site", "cross-site"}, 403, "text/plain; charset=utf-8", "cross-origin"},
		{"POST", "/", []string{"Origin", "http://evil.example"}, 403, "text/plain; charset=utf-8", "cross-origin"},
		{"GET", "/", []string{"Host", "evil.example"}, 421, "text/plain; charset=utf-8", "does not answer under the name"},
		{"GET", "/metrics", []string{"Host", "evil.example"}, 421, "text/plain; charset=utf-8", "does not answer under the name"},
		{"HEAD", "/events", nil, 200, "text/event-stream", ""},
	} {
		t.Run(c.method+" "+c.target+" "+strings.Join(c.header, " "), func(t *testing.T) {
			w := ask(Handler(options(t)), c.method, c.target, c.header...)
			if w.Code != c.status || w.Header().Get("Content-Type") != c.kind || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("status %d, type %q, body:\n%s\nwant %d, %q and in the body %q", w.Code, w.Header().Get("Content-Type"), w.Body, c.status, c.kind, c.body)
			}
			wantAllow := ""
			if c.status == http.StatusMethodNotAllowed {
				wantAllow = "GET, HEAD"
			}
			if got := w.Header().Get("Allow"); got != wantAllow {
				t.Errorf("Allow %q, want %q", got, wantAllow)
			}
			checkSafety(t, w.Header())
		})
	}
}

func checkSafety(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := h.Get("Cache-Control"); got != "no-store" && (got != "no-cache" || h.Get("ETag") == "") {
		t.Errorf("Cache-Control is %q", got)
	}
}

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST:1": true, "localhost.:80": true, "127.0.0.1": true, "127.0.0.1:8080": true,
		"[::1]": true, "[::1]:8080": true, "gateway.example": true, "Gateway.Example:443": true,
		"": false, ":8080": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example:8080": false,
		"gateway.example.evil": false, "192.168.1.7:8080": false, "[::2]:80": false,
	} {
		if got := allowed(host, []string{"gateway.example"}); got != want {
			t.Errorf("Host %q: allowed %v, want %v", host, got, want)
		}
	}
}

func TestUnchangedAssetIsNotSentAgain(t *testing.T) {
	h := Handler(options(t))
	etag := ask(h, "GET", "/style.css").Header().Get("ETag")
	if w := ask(h, "GET", "/style.css", "If-None-Match", etag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("asked again: status %d with %d bytes, want 304 with none", w.Code, w.Body.Len())
	}
	if w := ask(h, "GET", "/style.css", "If-None-Match", `"another"`); w.Code != http.StatusOK {
		t.Errorf("asked with another tag: status %d, want 200", w.Code)
	}
}

func TestPageIsWholeWithoutScript(t *testing.T) {
	o := options(t)
	o.Banner = "Demonstration: simulated data"
	publish(o, driver.OfRoom, "boardroom", booked("Budget"))
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("sign_in_needed")})
	o.Board.Report("mqtt", false, "the broker refused the password", noon.Add(-time.Hour))
	page := get(t, Handler(o), "/")
	_, body, _ := strings.Cut(page, "<body>")
	const want = "Demonstration: simulated data Head Office " +
		"2 rooms: 0 free, 1 booked, 1 not known. As of 12:00, Europe/London. Show only " +
		"Needs attention " +
		"Account rooms: sign-in needed. Run roomgate login rooms on the gateway. " +
		"mqtt: not working since 11:00. The broker refused the password. " +
		"Annexe, floor 3 Boardroom 12 seats Booked until 12:45 Budget Nothing else booked in the days ahead Quality good " +
		"Rooms Attic Not known The room has not been published yet. Quality unknown " +
		"Gateway Account rooms: sign-in needed. Run roomgate login rooms on the gateway. " +
		"mqtt: not working since 11:00. The broker refused the password. roomgate 1.2.3"
	if got := words(body); got != want {
		t.Errorf("the page reads\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(page, `<noscript><meta http-equiv="refresh" content="30"></noscript>`) {
		t.Error("without scripts the page does not renew itself")
	}
}

func TestWellGatewayAsksForNoAttention(t *testing.T) {
	o := options(t)
	publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("ok")})
	o.Board.Report("mqtt", true, "", noon)
	if page := get(t, Handler(o), "/"); strings.Contains(page, "Needs attention") || !strings.Contains(page, `<section id="problems"></section>`) {
		t.Errorf("attention is asked for:\n%s", page)
	}
}

// hostile are subjects as strangers may write them.
var hostile = map[string]string{
	"script":     `<script>alert(1)</script>`,
	"attribute":  `" onmouseover="alert(1)" x='`,
	"template":   `{{.}} </bdi></p></article><img src=x onerror=alert(1)>`,
	"event":      "x\n\nevent: fragment\ndata: {\"id\":\"overview\"}\n\n",
	"separators": "a\u2028b\u2029c\r\x00d",
	"direction":  "\u202e\u2067gnitteem\u2069\u2069",
	"broken":     "\xff\xfe\xc3(",
	"long":       strings.Repeat("<b>ä", 2500),
}

func TestHostileSubjectOnThePage(t *testing.T) {
	for name, subject := range hostile {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			publish(o, driver.OfRoom, "boardroom", booked(subject))
			page := get(t, Handler(o), "/")
			o2 := options(t)
			publish(o2, driver.OfRoom, "boardroom", booked("Budget"))
			harmless := get(t, Handler(o2), "/")
			if got, want := tags.FindAllString(page, -1), tags.FindAllString(harmless, -1); !reflect.DeepEqual(got, want) {
				t.Errorf("the subject changed the markup:\n%s", page)
			}
			if strings.ContainsAny(page, "\u202e\u2067\u2069\x00\u2028") {
				t.Error("marks or control characters reached the page")
			}
			if len(page) > len(harmless)+2000 {
				t.Errorf("a page of %d bytes, %d with a harmless subject", len(page), len(harmless))
			}
		})
	}
}

// cleaned are the hostile subjects that are not one line of bounded length, as they are
// published.
var cleaned = map[string]string{
	"event":      `x  event: fragment data: {"id":"overview"}`,
	"separators": "a b c d",
	"direction":  "gnitteem",
	"broken":     "(",
	"long":       strings.Repeat("<b>ä", 249) + "<b>…",
}

func TestHostileSubjectInJSON(t *testing.T) {
	for name, subject := range hostile {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			publish(o, driver.OfRoom, "boardroom", booked(subject))
			body := get(t, Handler(o), "/api/v1/rooms/boardroom")
			if strings.ContainsAny(strings.TrimSuffix(body, "\n"), "<>\n\u2028") {
				t.Errorf("markup or line ends in the JSON: %.300s", body)
			}
			var doc struct{ Points map[string]any }
			if err := json.Unmarshal([]byte(body), &doc); err != nil {
				t.Fatal(err)
			}
			if want := cmp.Or(cleaned[name], subject); doc.Points["current_subject"] != want {
				t.Errorf("the subject came back as %.300q", doc.Points["current_subject"])
			}
		})
	}
}

func TestRoomInJSON(t *testing.T) {
	o := options(t)
	p := booked("Budget")
	p[driver.Comfort] = driver.BoolValue(true)
	p[driver.CurrentOrganizer] = driver.TextValue("") // privacy does not allow it
	p[driver.MinutesRemaining] = driver.IntValue(45)
	p[driver.MinutesUntilNext] = driver.NoInt(driver.NotForeseen)
	p[driver.StatePoint] = driver.JSONValue(`{"booked":true}`)
	publish(o, driver.OfRoom, "boardroom", p)
	var got map[string]any
	if err := json.Unmarshal([]byte(get(t, Handler(o), "/api/v1/rooms/boardroom")), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"id": "boardroom", "name": "Boardroom", "building": "Annexe", "floor": "3", "capacity": 12.0, "quality": "good", "fault": "",
		"points": map[string]any{
			"booked": true, "comfort": true, "quality": "good", "availability": "online",
			"current_subject": "Budget", "current_organizer": nil, "current_start": "2026-11-23T11:00:00Z", "current_end": "2026-11-23T12:45:00Z",
			"current_attendees": nil, "minutes_remaining": 45.0,
			"next_subject": nil, "next_organizer": nil, "next_start": nil, "next_end": nil, "minutes_until_next": nil,
			"free_until": nil, "bookings_today": nil, "booked_minutes_today": nil, "utilisation_today": nil,
			"occupied": nil, "mode": nil, "next_mode": nil, "minutes_to_next_mode": nil, "no_show": nil, "walk_in": nil, "sensor": nil,
			"no_shows_today": nil, "walk_ins_today": nil, "early_leaves_today": nil, "overruns_today": nil,
			"fault": nil, "age": nil, "state": map[string]any{"booked": true}, "schedule": nil, "meta": nil,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestAccountsAndGatewayInJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(t)
		publish(o, driver.OfAccount, "rooms", points{driver.AccountState: driver.EnumValue("ok"), driver.Polls: driver.IntValue(7)})
		publish(o, driver.OfGateway, "", points{driver.Started: driver.TimeValue(noon)})
		o.Board.Report("mqtt", false, "the broker is away", noon)
		o.Board.Beat("driver", noon.Add(-3*time.Minute))
		time.Sleep(3 * time.Minute)
		h := Handler(o)
		for target, want := range map[string]string{
			"/api/v1/accounts": `{"accounts":[{"name":"rooms","points":{"access_expires":null,"last_poll":null,"last_refresh":null,"polls":7,` +
				`"reason":null,"refresh_days_left":null,"secret_days_left":null,"state":"ok","throttled":null}}]}`,
			"/api/v1/gateway": `{"site":{"id":"hq","name":"Head Office","timezone":"Europe/London"},"version":"1.2.3",` +
				`"points":{"clock_offset":null,"heartbeat":null,"rooms_good":null,"rooms_total":null,"started":"2026-11-23T12:00:00Z","state":null,"version":null},` +
				`"parts":{"driver":{"ok":false,"stuck":true,"words":"","since":"2026-11-23T11:57:00Z","last_beat":"2026-11-23T11:57:00Z"},` +
				`"mqtt":{"ok":false,"stuck":false,"words":"the broker is away","since":"2026-11-23T12:00:00Z","last_beat":null}}}`,
		} {
			if got := strings.TrimSpace(get(t, h, target)); got != want {
				t.Errorf("%s answers\n%s\nwant\n%s", target, got, want)
			}
		}
	})
}

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		name   string
		beat   time.Duration // ago
		mqtt   bool
		target string
		accept string
		status int
		want   string
	}{
		{"well", 2 * time.Minute, true, "/healthz", "", 200, "ok\n"},
		{"the broker is away", time.Minute, false, "/healthz", "", 200, "ok\n"},
		{"a loop is stuck", 121 * time.Second, true, "/healthz", "", 503, "stuck: driver\n"},
		{"stuck, at length", 121 * time.Second, true, "/healthz?verbose", "", 503, `"status":"stuck: driver"`},
		{"as JSON", time.Minute, false, "/healthz", "application/json", 200, `"mqtt":{"ok":false,"stuck":false,"words":"the broker is away"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options(t)
				o.Board.Beat("driver", noon.Add(-c.beat))
				time.Sleep(c.beat)
				o.Board.Report("mqtt", c.mqtt, "the broker is away", noon)
				w := ask(Handler(o), "GET", c.target, "Accept", c.accept)
				if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
					t.Errorf("status %d, body %s; want %d with %s", w.Code, w.Body, c.status, c.want)
				}
			})
		})
	}
}
