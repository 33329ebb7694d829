package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// manager is the service manager's end of the notify socket (sd_notify(3)).
type manager struct {
	mu   sync.Mutex
	told []string
}

// listen opens the socket and returns its path.
func (m *manager) listen(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "notify.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.told = append(m.told, strings.Split(string(bytes.TrimSpace(b[:n])), "\n")...)
			m.mu.Unlock()
		}
	}()
	return path
}

// heard tells whether a line has come, at or after the given place.
func (m *manager) heard(line string, from int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return from <= len(m.told) && slices.ContainsFunc(m.told[from:], func(s string) bool { return strings.HasPrefix(s, line) })
}

// repeated returns a status that came twice in a row; empty: there was none.
func (m *manager) repeated() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := ""
	for _, line := range m.told {
		if !strings.HasPrefix(line, "STATUS=") {
			continue
		}
		if line == last {
			return line
		}
		last = line
	}
	return ""
}

func (m *manager) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.told)
}

// The service is ready, feeds the watchdog, reloads and stops as its unit file
// promises, with neither Microsoft nor a broker in reach: what happens upstream
// must not have it restarted.
func TestServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t).open()
	var m manager
	c := h.command("roomgate", "run", "--config", h.config())
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.listen(t, h.dir), "WATCHDOG_USEC=300000")
	h.launch(c)
	h.await("READY=1", func() bool { return m.heard("READY=1", 0) })
	h.await("a status in words", func() bool { return m.heard("STATUS=2 rooms; account rooms: never_signed_in", 0) })
	fed := m.count()
	h.await("the watchdog being fed", func() bool { return m.heard("WATCHDOG=1", fed) })
	before := m.count()
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	h.await("RELOADING=1 and READY=1 again", func() bool { return m.heard("RELOADING=1", before) && m.heard("READY=1", before) })
	before = m.count()
	h.await("the watchdog being fed by the new parts", func() bool { return m.heard("WATCHDOG=1", before) })
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	h.await("STOPPING=1", func() bool { return m.heard("STOPPING=1", before) })
	if line := m.repeated(); line != "" {
		t.Errorf("sent again although it had not changed: %s", line)
	}
}
