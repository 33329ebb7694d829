//go:build !race

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The race detector multiplies the memory of a program; CI runs this test without.

// controlGroup is a group of processes with a memory limit (cgroups(7)).
type controlGroup struct {
	dir  string
	oom  string // file with the number of processes that were killed for lack of memory
	peak string // file with the most memory that was used, in bytes
}

// newControlGroup makes a group with the limit, of version 2 or 1 of control groups. The
// test is skipped where this user may not make one.
func newControlGroup(t *testing.T, limit int) controlGroup {
	t.Helper()
	name := fmt.Sprintf("roomgate-test-%d", os.Getpid())
	var failed []error
	for _, v := range []struct {
		mount, limit string
		group        controlGroup
	}{
		{"/sys/fs/cgroup", "memory.max", controlGroup{oom: "memory.events", peak: "memory.peak"}},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", controlGroup{oom: "memory.oom_control", peak: "memory.max_usage_in_bytes"}},
	} {
		g := v.group
		g.dir = filepath.Join(v.mount, name)
		if err := os.Mkdir(g.dir, 0o755); err != nil {
			failed = append(failed, err)
			continue
		}
		t.Cleanup(func() { _ = os.Remove(g.dir) }) // a plain folder, or a group whose processes have ended
		file, err := os.OpenFile(filepath.Join(g.dir, v.limit), os.O_WRONLY, 0)
		if err != nil { // not a group for memory
			failed = append(failed, err)
			continue
		}
		_, err = fmt.Fprint(file, limit)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		return g
	}
	t.Skipf("control groups with a memory limit cannot be made here: %v", errors.Join(failed...))
	return controlGroup{}
}

func (g controlGroup) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// killed is how many processes of the group were killed for lack of memory.
func (g controlGroup) killed(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(g.read(t, g.oom)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return n
		}
	}
	t.Fatalf("%s has no oom_kill", g.oom)
	return ""
}

// A gateway of a thousand rooms stays alive in 128 MB, through polls, requests to read
// everything, pages that are opened, and a message of 200 MB that the broker retains on
// the topic of a sensor. Without the limit that it takes from its control
// group this one, which collects no garbage of its own accord, would soon be killed.
func TestThousandRoomsIn128MB(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	group := newControlGroup(t, 128<<20)
	h := newHouse(t)
	h.rooms, h.poll = nil, "@every 10s"
	h.ways = map[string]string{"rooms": fmt.Sprintf("sign_in = \"app\"\nclient_secret_file = %q", filepath.Join(h.dir, "client-secret"))}
	h.more = map[string]string{"room-0001": `presence_topic = "bms/large"`}
	for i := range 1000 {
		h.rooms = append(h.rooms, siteRoom{id: fmt.Sprintf("room-%04d", i+1), name: fmt.Sprintf("Room %d", i+1), account: "rooms"})
	}
	h.open()
	address := strings.TrimPrefix(h.sim, "http://")
	sim := h.command("roomgate", "simulate", "--polite", "--rooms", "1000", "--listen", address)
	sim.Stdout = nil
	h.launch(sim)
	h.mosquitto(h.broker)
	h.retainLarge("bms/large", 200<<20)
	ear := h.listen(h.broker)
	enter := fmt.Sprintf("echo $$ > %s/cgroup.procs && exec roomgate run --config %s", group.dir, h.config())
	daemon := h.command("sh", "-c", enter)
	daemon.Env = append(os.Environ(), "GOGC=off")
	h.launch(daemon)
	h.await("a thousand good rooms", func() bool { return ear.last("gateway/rooms_good").payload == "1000" })
	polls := func() int {
		n, _ := strconv.Atoi(ear.last("accounts/rooms/polls").payload)
		return n
	}
	for last, n := polls(), 0; n < 4; n++ {
		h.await("another poll", func() bool { return polls() > last })
		last = polls()
		if status, _ := h.get("http://" + h.web + "/"); status != http.StatusOK {
			t.Errorf("the page answers with %d", status)
		}
	}
	if n := group.killed(t); n != "0" {
		t.Errorf("killed %s times", n)
	}
	if good := ear.last("gateway/rooms_good").payload; good != "1000" {
		t.Errorf("%s good rooms at the end", good)
	}
	if !strings.Contains(h.said(), "bms/large") {
		t.Error("the log does not name the topic of the large message")
	}
	t.Logf("peak of the group: %s bytes", group.read(t, group.peak))
}

// retainLarge publishes a retained message of so many bytes.
func (h *house) retainLarge(topic string, size int64) {
	h.t.Helper()
	file := filepath.Join(h.dir, "large")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, size)); err != nil {
		h.t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(h.broker)
	if err := h.command(needProgram(h.t, "mosquitto_pub"), "-h", host, "-p", port, "-q", "1", "-r", "-t", topic, "-f", file).Run(); err != nil {
		h.t.Fatal(err)
	}
}
