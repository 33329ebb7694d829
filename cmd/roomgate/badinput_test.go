package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// spoiler stands before a simulator and, while it is on, answers what asks for
// events in a way of its own.
type spoiler struct {
	on     atomic.Bool
	answer http.HandlerFunc
	next   http.Handler
}

// ServeHTTP implements http.Handler.
func (s *spoiler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.on.Load() && strings.HasPrefix(r.URL.Path, "/v1.0/") {
		s.answer(w, r)
		return
	}
	s.next.ServeHTTP(w, r)
}

// badAnswers are what a calendar service, or what stands before it, may send,
// and the words in which the gateway reports it. The last one is healthy.
var badAnswers = []struct {
	room, words string
	answer      http.HandlerFunc
}{
	{"truncated", `the response ended early after 15 bytes`, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "4096")
		io.WriteString(w, `{"value":[{"id"`)
	}},
	{"damaged", `HTTP 200: the JSON of the answer is damaged \(15 bytes\)`, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"value":[{"id"`)
	}},
	{"html", `HTTP 200: answered with "text/html", not with JSON: a proxy or a sign-in page of the network may intercept the connection`, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><h1>Welcome to our guest network</h1></html>")
	}},
	{"huge", `HTTP 200: the answer is larger than 16 MiB`, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"value":[`)
		for range 200 { // MB
			if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
				return
			}
		}
	}},
	{"failing", `HTTP 500`, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
	{"reset", `connection reset by peer|EOF`, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_ = conn.(*net.TCPConn).SetLinger(0) // then Close resets (socket(7), SO_LINGER)
		conn.Close()
	}},
	{"healthy", "", nil},
}

// TestBadInput gives the gateway six bad calendar services at once, each with a
// room of its own beside a healthy one, and a broker that accepts everything
// and acknowledges nothing. It must stay up, say clearly what is wrong, keep
// what it knows, stay small, and find back when all is well again.
func TestBadInput(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.poll, h.stale, h.rooms = "@every 10s", "30s", nil
	var spoilers []*spoiler
	for _, bad := range badAnswers {
		sim := graphsim.New(graphsim.Options{Polite: true})
		graphsim.Office(sim, time.UTC, time.Now())
		w := newWitness(sim)
		s := &spoiler{answer: bad.answer, next: w}
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		t.Cleanup(func() { h.keep(w.seen()) })
		spoilers = append(spoilers, s)
		h.rooms = append(h.rooms, siteRoom{bad.room, "Boardroom", bad.room, server.URL})
	}
	deaf := newDeafProxy(t, h)
	h.open()
	h.mosquitto(deaf.broker)
	for _, bad := range badAnswers {
		h.signIn(bad.room)
	}
	gateway := h.daemon()
	ear := h.listen(deaf.broker)
	h.await("good rooms", func() bool { return ear.last("gateway/rooms_good").payload == strconv.Itoa(len(badAnswers)) })
	h.await("what is known of room huge", func() bool { return ear.last("rooms/huge/bookings_today").payload != "" })
	known := ear.last("rooms/huge/bookings_today").payload

	for i, s := range spoilers {
		s.on.Store(badAnswers[i].answer != nil)
	}
	deaf.mute()
	h.reported(known)
	if peak := peakMemory(t, gateway.Process.Pid); peak > 100<<20 && !raceDetector() {
		t.Errorf("the gateway took %d MiB of memory, want at most 100", peak>>20)
	}
	for _, s := range spoilers {
		s.on.Store(false)
	}
	deaf.listen()
	h.must("rooms", "poll")
	healed := time.Now()
	h.awaitFor(2*time.Minute, "good rooms after the trouble", func() bool {
		_, online := ear.first("gateway/status", "online", healed)
		return online && ear.last("gateway/rooms_good").payload == strconv.Itoa(len(badAnswers))
	})
	for _, bad := range badAnswers {
		if state := h.account(bad.room).State; state != driver.SignedIn {
			t.Errorf("account %s is %q after the trouble, want ok", bad.room, state)
		}
	}
	h.must("check")
}

// reported waits for every trouble to be told, and wants the gateway to be well
// itself, and to show what it last knew.
func (h *house) reported(known string) {
	h.t.Helper()
	for _, bad := range badAnswers[:len(badAnswers)-1] {
		words := regexp.MustCompile(bad.words)
		h.awaitFor(2*time.Minute, "the trouble of room "+bad.room, func() bool {
			r := h.room(bad.room)
			return r.Quality == "stale" && words.MatchString(r.Fault)
		})
	}
	if r := h.room("healthy"); r.Quality != "good" {
		h.t.Errorf("the healthy room is %q (%s): one bad service must not cost another", r.Quality, r.Fault)
	}
	if status, body := h.get("http://" + h.web + "/healthz"); status != http.StatusOK {
		h.t.Errorf("/healthz answered %d %s: trouble outside is no reason to restart", status, body)
	}
	silent := regexp.MustCompile(`(?m)^bad +part mqtt: the broker at \S+ has acknowledged nothing for 30s`)
	h.awaitFor(2*time.Minute, "the trouble of the broker", func() bool {
		out, code := h.roomgate("check")
		return code == exitFailed && silent.MatchString(out)
	})
	_, body := h.get("http://" + h.web + "/api/v1/rooms/huge")
	if want := fmt.Sprintf(`"bookings_today":%s,`, known); !strings.Contains(body, want) {
		h.t.Errorf("room huge lost what was known: no %s in %s", want, body)
	}
}

// raceDetector reports whether the programs under test carry the race detector,
// which takes five to ten times the memory (go.dev/doc/articles/race_detector).
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// peakMemory returns the most memory a process has had resident, in bytes: VmHWM
// of proc_pid_status(5).
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
