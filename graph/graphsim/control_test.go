package graphsim

import (
	"strings"
	"testing"
	"time"
)

func (b *bench) control(address string) reply { return b.do("POST", "/sim/"+address, "") }

func TestControlBookAndCancel(t *testing.T) {
	b := newBench(t).signedIn()
	r := b.control("book?json=1&room=boardroom&in=5m&for=30m&subject=Test")
	r.want(t, 200, "")
	if r.str("start") != "2026-11-03T08:05:00Z" || r.str("end") != "2026-11-03T08:35:00Z" {
		t.Errorf("answer %v", r.json)
	}
	for _, owner := range []string{"/me", "/users/" + boardroom} {
		if n := len(b.get(owner + "/calendarView" + tuesday).rows()); n != 1 {
			t.Errorf("%s shows %d bookings", owner, n)
		}
	}
	b.control("cancel?json=1&room=boardroom").want(t, 200, "")
	if n := len(b.get("/me/calendarView" + tuesday).rows()); n != 0 {
		t.Errorf("after cancelling: %d bookings", n)
	}
	if r := b.control("cancel?json=1&room=boardroom"); r.status != 400 {
		t.Errorf("nothing to cancel: %d", r.status)
	}
	if r := b.control("book?json=1&room=boardroom&for=ages"); r.status != 400 || !strings.Contains(r.text, "for=") {
		t.Errorf("bad duration: %d %s", r.status, r.text)
	}
}

func TestControlCancelsOneOccurrence(t *testing.T) {
	b := newBench(t).signedIn()
	b.book(Event{Start: at("2026-10-06T09:00"), End: at("2026-10-06T09:30"), Recurrence: &Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}})
	b.control("cancel?json=1&room="+boardroom).want(t, 200, "")
	next := b.sim.View(ServiceAccount, b.now, b.now.Add(10*24*time.Hour))
	if len(next) != 1 || !next[0].Start.Equal(at("2026-11-10T09:00")) {
		t.Errorf("left: %+v", next)
	}
	if n := len(b.sim.View(boardroom, b.now, b.now.Add(10*24*time.Hour))); n != 1 {
		t.Errorf("the room shows %d occurrences", n)
	}
}

func TestControlCommands(t *testing.T) {
	b := newBench(t).signedIn()
	b.control("throttle?json=1&for=60s").want(t, 200, "")
	if r := b.get("/me/events"); r.status != 429 {
		t.Errorf("throttle: %d", r.status)
	}
	b.now = b.now.Add(time.Minute)
	b.control("outage?json=1&on=1&for=30s").want(t, 200, "")
	b.get("/me/events").want(t, 503, "ServiceUnavailable")
	b.control("outage?json=1&on=0").want(t, 200, "")
	b.get("/me/events").want(t, 200, "")
	b.control("fail-token?json=1&aadsts=53003&times=1").want(t, 200, "")
	if r := b.tokenPost("refresh_token"); r.aadsts() != 53003 {
		t.Errorf("fail-token: AADSTS%d", r.aadsts())
	}
	b.control("polite?json=1&on=0").want(t, 200, "")
	if b.sim.Behaviour().Polite {
		t.Error("still polite")
	}
	b.control("polite?json=1&on=1").want(t, 200, "")
	if n := b.do("GET", "/sim/state", "").json["sign_ins"]; n != 1.0 {
		t.Errorf("sign-ins %v, want 1", n)
	}
	b.control("revoke?json=1").want(t, 200, "")
	if n := b.do("GET", "/sim/state", "").json["sign_ins"]; n != 0.0 {
		t.Errorf("sign-ins %v, want 0", n)
	}
	b.control("expire?json=1").want(t, 200, "")
	b.get("/me/events").want(t, 401, "InvalidAuthenticationToken")
	if r := b.control("nosuch?json=1"); r.status != 404 {
		t.Errorf("unknown command: %d", r.status)
	}
}

func TestControlPageWorksWithoutScripts(t *testing.T) {
	b := newBench(t)
	b.book(Event{Subject: "x", Start: at("2026-11-03T07:30"), End: at("2026-11-03T08:30")})
	r := b.do("GET", "/", "")
	for _, want := range []string{"This is a simulator, not Microsoft", "Boardroom", "07:30", "Priya Rao", `action="/sim/book"`, `action="/sim/revoke"`} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(r.text, "<script") {
		t.Error("the page has a script")
	}
	if r := b.control("expire"); r.status != 303 || r.header.Get("Location") != "/" {
		t.Errorf("a browser's post: %d %q", r.status, r.header.Get("Location"))
	}
}

func TestControlUploadRequiresACertificate(t *testing.T) {
	b := newBench(t)
	for _, body := range []string{"", "certificate=rooms.crt", "certificate=-----BEGIN+CERTIFICATE-----%0AAAAA%0A-----END+CERTIFICATE-----%0A"} {
		if r := b.do("POST", "/sim/upload?json=1&"+body, ""); r.status != 400 || !strings.Contains(r.text, "certificate=") {
			t.Errorf("%q: %d %s", body, r.status, r.text)
		}
	}
}
