package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"roomgate/graph/graphsim"
)

// largeHouse is a house of 1,000 rooms, read by an app from a simulator in this
// process.
func largeHouse(t *testing.T) *house {
	t.Helper()
	sim := graphsim.New(graphsim.Options{Polite: true})
	graphsim.LargeOffice(sim, time.UTC, time.Now(), 1000, 4)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	h := newHouse(t)
	h.sim, h.rooms = server.URL, nil
	h.ways = map[string]string{"rooms": fmt.Sprintf("sign_in = \"app\"\nclient_secret_file = %q", filepath.Join(h.dir, "client-secret"))}
	for i := range 1000 {
		id := fmt.Sprintf("room-%04d", i+1)
		h.rooms = append(h.rooms, siteRoom{id, id, "rooms", ""})
	}
	return h.open()
}

// memory returns a figure of a process' memory in MB, such as VmRSS (proc_pid_status(5)).
func memory(t *testing.T, process *exec.Cmd, figure string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), figure+":")
	line, _, _ := strings.Cut(rest, "\n")
	kB, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(line), " kB"))
	if err != nil {
		t.Fatalf("%s: %v", figure, err)
	}
	return kB >> 10
}

// openWithoutReading has clients ask for a path whose answers they do not read.
func openWithoutReading(t *testing.T, address, path string, clients int) {
	t.Helper()
	for range clients {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path) // a refused one may be closed already
	}
}

// goodRoom is the metric of a room whose quality is good.
var goodRoom = regexp.MustCompile(`roomgate_room_quality{quality="good",room="room-\d+"} 1\n`)

// TestClientsThatDoNotRead opens 400 connections that ask for the largest answers of
// a site of 1,000 rooms and do not read them. The gateway needs little more memory,
// refuses what is too much, logs it once, and answers commands all the while, also
// after somebody has deleted their socket.
func TestClientsThatDoNotRead(t *testing.T) {
	t.Parallel()
	h := largeHouse(t)
	var log bytes.Buffer
	daemon := h.command("roomgate", "run", "--config", h.config())
	daemon.Stderr = io.MultiWriter(h, &log)
	h.launch(daemon)
	body := func(path string) string {
		resp, err := http.Get("http://" + h.web + path)
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body) // part of it does not count as all rooms
		return string(text)
	}
	h.await("all rooms", func() bool { return len(goodRoom.FindAllString(body("/metrics"), -1)) == 1000 })
	for _, path := range []string{"/", "/metrics", "/api/v1/rooms"} { // what one client costs is held from now on
		if size := len(body(path)); size < 300_000 {
			t.Errorf("%s has %d bytes: too little to show anything", path, size)
		}
	}
	before := memory(t, daemon, "VmRSS")
	for _, path := range []string{"/", "/metrics", "/api/v1/rooms", "/events"} {
		openWithoutReading(t, h.web, path, 100)
	}
	if out, code := h.roomgate("rooms"); code != exitOK || strings.Count(out, "room-") < 1000 {
		t.Errorf("roomgate rooms ended with %d:\n%s", code, tail(out))
	}
	h.await("a line on refused connections", func() bool { return strings.Contains(h.said(), "connections are refused") })
	// Before there were bounds, clients like these made 70 MB into more than a gigabyte.
	if peak := memory(t, daemon, "VmHWM"); peak > 2*before+64 {
		t.Errorf("%d MB at most, %d MB before the clients came", peak, before)
	}

	if err := os.Remove(filepath.Join(h.dir, "state", "control.sock")); err != nil {
		t.Fatal(err)
	}
	h.await("a command after the socket was deleted", func() bool {
		out, code := h.roomgate("accounts")
		return code == exitOK && !strings.Contains(out, "not running")
	})
	end(daemon)
	if n := strings.Count(log.String(), "connections are refused"); n != 1 {
		t.Errorf("the log has %d lines on refused connections, want 1", n)
	}
	if n := strings.Count(log.String(), "the socket for commands was deleted"); n != 1 {
		t.Errorf("the log has %d lines on the deleted socket, want 1", n)
	}
}
